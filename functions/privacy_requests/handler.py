"""Wishes to be erased in, and what the sweep brings again: each look does what time allows, until nothing is left.

And the wish for a link to one's own data, which goes to the gate as a mail.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from aftercare import fresh_links, requests
from aftercare.entry import queue_handler
from aftercare.erasure import Eraser
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing
from aftercare.requests import Asked
from aftercare.store import find
from privacy_requests.fresh_link import mail
from privacy_requests.shops import erase_shop

BUDGET = timedelta(seconds=45)
"""Of the minute that an invocation may take; the queue gives it one wish at a time."""


def _eraser(outside: Outside) -> Eraser:
    ends = outside.clock.now() + BUDGET
    return Eraser(outside, lambda: ends - outside.clock.now())


def on_request(asked: Asked, event: Told, outside: Outside) -> str:
    request = requests.find(outside.tables, asked, event.data.request)
    if request is None or request.closed_at:
        return "answered before"
    if asked is Asked.SHOP_ERASURE:
        return erase_shop(_eraser(outside), request.shop or "", request.ref)
    return str(_eraser(outside).answer(request))


def on_fresh_link(event: Told, outside: Outside) -> str:
    now, customer_id = outside.clock.now(), event.data.customer_id
    customer = find(outside.tables, customer_id)
    decision = mail(customer, fresh_links.read(outside.tables, customer_id), event, now)
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return "proposed"


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    """What was begun and is due: the second look at a person, or at a shop."""
    if "shop" in payload:
        return erase_shop(_eraser(outside), payload["shop"])
    return str(_eraser(outside).erase(payload["customer_id"]))


handle = queue_handler(
    {
        "CustomerErasureRequested": partial(on_request, Asked.ERASURE),
        "ShopErasureRequested": partial(on_request, Asked.SHOP_ERASURE),
        "FreshLinkAsked": on_fresh_link,
    },
    on_wake,
)
