"""Every route of the pages: a module's routes are known once it is loaded."""

from typing import Any, Final

from customer_pages import consent_pages, leaving, policy, preferences, web, why
from customer_pages.request import app

ROUTED: Final = (web, policy, preferences, why, leaving, consent_pages)


def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
