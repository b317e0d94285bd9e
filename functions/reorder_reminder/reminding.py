"""When something is about to run out, and whether a reminder is still worth sending then. Pure.

The windows are the catalogue's priors; a forecast from the customer's own intervals takes their place once it is learned.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.proposal import Block, Nothing, Proposal, Unless

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue, Family

STILL_OF_USE = timedelta(days=14)
"""Later than this after it was due, a reminder is past its time."""

UNLESS = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED, Unless.REORDERED)


class Because(StrEnum):
    """Why there is nothing to wait for or to remind of."""

    CUSTOMER_GONE = "customer-gone"
    ORDER_UNKNOWN = "order-unknown"
    NOT_PLACED = "not-placed"
    TEST_ORDER = "test-order"
    DELETED = "deleted"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    RENEWS_ITSELF = "renews-itself"
    NO_WINDOW = "no-window"
    REORDERED = "reordered"
    TOO_LATE = "too-late"


class Due(NamedTuple):
    """One wait: for a family of an order, until an instant."""

    key: str
    family: str
    at: datetime


def key_of(order_key: str, family: str) -> str:
    return f"reorder-reminder#{order_key}:{family}"


def due(order: Order | None, catalogue: "Catalogue", now: datetime) -> tuple[Due, ...] | Nothing:
    """The waits that an order starts: one for each of its families with a reorder window that is not long over."""
    against = _against(order)
    if against or order is None or order.placed_at is None:
        return Nothing(against or Because.ORDER_UNKNOWN)
    found = []
    for name in catalogue.by_family(order.lines):
        reorder = catalogue.family(name).reorder
        if reorder:
            at = order.placed_at + timedelta(days=reorder.after_days)
            if now < at + STILL_OF_USE:
                found.append(Due(key_of(order.key, name), name, at))
    return tuple(found) or Nothing(Because.NO_WINDOW)


def _against(order: Order | None) -> Because | None:
    if order is None:
        return Because.ORDER_UNKNOWN
    facts = (
        (order.placed_at is None, Because.NOT_PLACED),
        (order.is_test, Because.TEST_ORDER),
        (order.deleted_at is not None, Because.DELETED),
        (order.cancelled_at is not None, Because.CANCELLED),
        (order.refunded_in_whole, Because.REFUNDED),
        (order.is_renewal, Because.RENEWS_ITSELF),
    )
    return next((because for holds, because in facts if holds), None)


def remind(
    customer: Customer | None, order_key: str, family_name: str, catalogue: "Catalogue", now: datetime, correlation_id: str
) -> Proposal | Nothing:
    """One reminder, if at the end of the wait the order still stands and nobody ordered again.

    Whether it may be sent (consent, caps, hours) is the gate's matter. A window that was changed meanwhile counts as it is now.
    """
    if customer is None:
        return Nothing(Because.CUSTOMER_GONE)
    order = customer.order(order_key)
    against = _against(order)
    if against or order is None or order.placed_at is None:
        return Nothing(against or Because.ORDER_UNKNOWN)
    family = catalogue.families.get(family_name)
    lines = catalogue.by_family(order.lines).get(family_name, ())
    if family is None or family.reorder is None or not lines:
        return Nothing(Because.NO_WINDOW)
    not_after = order.placed_at + timedelta(days=family.reorder.after_days) + STILL_OF_USE
    if now >= not_after:
        return Nothing(Because.TOO_LATE)
    if _ordered_again(customer, order, family, catalogue):
        return Nothing(Because.REORDERED)
    worth = sum((line.unit_price.amount * line.quantity for line in lines if line.unit_price), start=0)
    return Proposal(
        key=key_of(order.key, family.name),
        customer_id=customer.id,
        purpose=Purpose.REORDER,
        template="reorder-reminder",
        references={"order": order.key, "family": _what_makes_it_pointless(family, catalogue)},
        blocks=(Block(kind="reorder", family=family.name, variant=family.reorder.offers),),
        unless=UNLESS,
        value=min(int(worth), 100_000),
        not_after=not_after,
        proposed_at=now,
        caused_by="wake",
        correlation_id=correlation_id,
    )


def _what_makes_it_pointless(family: "Family", catalogue: "Catalogue") -> str:
    """The family that a later order must hold to make the reminder pointless: of what is offered, not of what was bought."""
    if family.reorder and family.reorder.offers == "care":
        return catalogue.add_ons[family.cross_sells[0]].family or family.name
    return family.name


def _ordered_again(customer: Customer, order: Order, family: "Family", catalogue: "Catalogue") -> bool:
    """Whether a later standing order has what the reminder would offer."""
    placed = order.placed_at or order.as_of
    pointless = _what_makes_it_pointless(family, catalogue)
    care = family.reorder is not None and family.reorder.offers == "care"
    skus = set(catalogue.add_ons[family.cross_sells[0]].skus) if care else set()
    for later in customer.ordered_since(placed):
        if pointless in catalogue.by_family(later.lines) or any(line.sku in skus for line in later.lines):
            return True
    return False
