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
    why_returned,
)
from customer_pages.request import app

ROUTED: Final = (
    account,
    inbox,
    returns,
    why_returned,
    policy,
    web,
    survey,
    guide,
    preferences,
    fresh,
    why,
    leaving,
    consent_pages,
    desk,
)


def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A HEAD is answered as its GET would be, without the body (RFC 9110, 9.3.2): GET changes nothing, so neither does it."""
    request = event["requestContext"]
    if request["http"]["method"] != "HEAD":
        return app.resolve(event, context)
    shown = app.resolve({**event, "requestContext": {**request, "http": {**request["http"], "method": "GET"}}}, context)
    return {**shown, "body": "", "isBase64Encoded": False}
