"""The store's own origins: who may read by script what is meant for them, and show a page within theirs."""

from aftercare.outside import Outside
from customer_pages.render import NOBODY
from customer_pages.request import headers


def store_origins(outside: Outside) -> tuple[str, ...]:
    """The configured origins (parameter StoreOrigins); by default none."""
    return tuple(origin.strip() for origin in (outside.settings.store_origins or "").split(",") if origin.strip())


def framed_by(outside: Outside) -> str:
    """The sources of the policy's frame-ancestors."""
    return " ".join(store_origins(outside)) or NOBODY


def shared(outside: Outside) -> dict[str, str]:
    """The headers that let a configured origin, and no other, read the answer by script."""
    asking = headers().get("origin", "")
    vary = {"Vary": "Origin"}
    return {**vary, "Access-Control-Allow-Origin": asking} if asking in store_origins(outside) else vary
