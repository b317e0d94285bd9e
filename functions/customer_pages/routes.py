"""Every route of the pages: a module's routes are known once it is loaded."""

from typing import Any, Final

from customer_pages import (
    account,
    consent_pages,
    desk,
    fresh,
    guide,
    inbox,
    leaving,
    policy,
    preferences,
    returns,
    survey,
    web,
    why,
)
from customer_pages.request import app

ROUTED: Final = (account, inbox, returns, policy, web, survey, guide, preferences, fresh, why, leaving, consent_pages, desk)


def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
