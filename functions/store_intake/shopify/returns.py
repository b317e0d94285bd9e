"""Returns."""

from collections.abc import Iterable, Mapping
from typing import Literal

from aftercare.facts import Fact, ReturnFact
from aftercare.returns import is_request_ref
from store_intake.received import Unreadable
from store_intake.shopify.payload import Hook, Payload, instant_of, object_of, objects_of, ref_of

RETURNS: Mapping[str, Literal["ReturnRequested", "ReturnApproved", "ReturnDeclined", "ReturnSettled"]] = {
    "returns/request": "ReturnRequested",
    "returns/approve": "ReturnApproved",
    "returns/decline": "ReturnDeclined",
    "returns/close": "ReturnSettled",
}
"""That goods are back Shopify tells by their disposition only, whose payload does not name the return."""


def return_facts(payload: Payload, hook: Hook) -> Iterable[Fact]:
    """A return of this topic. Only the request was made when the return was; the rest happened when it is told."""
    ref, order = ref_of(payload.get("id"), payload.get("admin_graphql_api_id")), object_of(payload.get("order"))
    if ref is None:
        raise Unreadable("id: expected the return's id")
    kind = RETURNS[hook.topic]
    created = instant_of(payload.get("created_at")) if kind == "ReturnRequested" else None
    yield ReturnFact(
        type=kind,
        occurred_at=created or hook.triggered_at,
        ref=ref,
        order_ref=ref_of(order.get("id"), order.get("admin_graphql_api_id")) or hook.order_ref,
        request_ref=_request(payload),
    )


def _request(payload: Payload) -> str | None:
    """The reference of our own page, which a shop that makes a return of its request writes into the lines' note."""
    notes = (line.get("customer_note") for line in objects_of(payload.get("return_line_items"))[:200])
    return next((note for note in notes if isinstance(note, str) and is_request_ref(note)), None)
