"""Which change of an order is told, once and by whose reference. Pure; amounts and lines come from the record at the gate."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.events import Told
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.returns import TIMES

WINDOW = timedelta(days=3)
"""Later than this, a change has been noticed otherwise."""

PARCELS_FIRST = timedelta(minutes=20)
"""So long a message about what was sent waits for the shipment itself, whose own message says more and has a link."""

STANDS = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED)


class Because(StrEnum):
    """Why a change is told to nobody."""

    CUSTOMER_GONE = "customer-gone"
    ORDER_UNKNOWN = "order-unknown"
    TEST_ORDER = "test-order"
    DELETED = "deleted"
    SILENT = "silent"
    NOT_SO = "not-so"
    CLOSED = "closed"
    MOVED_ON = "moved-on"
    NEVER_STOOD = "never-stood"
    TOLD_BY_SHIPMENT = "told-by-shipment"
    TOLD_BY_CONFIRMATION = "told-by-confirmation"
    NOTHING_IS_SENT = "nothing-is-sent"
    TOO_LATE = "too-late"


@dataclass(frozen=True, slots=True)
class Change:
    """A change as the record has it: what its key ends in, when it was, and what makes its message pointless."""

    about: str
    at: datetime
    references: dict[str, str]
    unless: tuple[Unless, ...] = (Unless.ORDER_UNKNOWN,)
    not_before: datetime | None = None


Decided = Change | Because


def _cancelled(order: Order, customer: Customer, event: Told) -> Decided:
    """An order that was over when it was placed (the shop refused it) was never confirmed: there is nothing to take back."""
    del customer, event
    at = order.cancelled_at
    if at is None:
        return Because.NOT_SO
    return Because.NEVER_STOOD if order.placed_at and at <= order.placed_at else Change(order.key, at, {})


def _refunded(order: Order, customer: Customer, event: Told) -> Decided:
    """Each refund once, in part or whole. One that belongs to the cancellation is told again: it says that the money comes."""
    del customer
    refund = next((r for r in order.refunds if r.ref == event.data.refund), None)
    if refund is None:
        return Because.NOT_SO
    return Change(f"{order.key}:{refund.ref}", refund.at, {"refund": refund.ref})


def _edited(order: Order, customer: Customer, event: Told) -> Decided:
    """Each edit once, by its time; of two that come together the later is told."""
    del customer, event
    at = order.edited_at
    if at is None:
        return Because.NOT_SO
    return Because.CLOSED if order.closed else Change(f"{order.key}:{at:%Y%m%dT%H%M%S}", at, {}, STANDS)


def _sent(at: datetime | None, order: Order, customer: Customer) -> Decided:
    """What was sent (in part or wholly) without a shipment that anybody told of: no tracking link can be promised."""
    if at is None:
        return Because.NOT_SO
    if order.closed:
        return Because.CLOSED
    if customer.shipments_of(order.key):
        return Because.TOLD_BY_SHIPMENT
    if not any(line.requires_shipping and line.quantity and not line.gift_card for line in order.lines):
        return Because.NOTHING_IS_SENT
    return Change(order.key, at, {}, (*STANDS, Unless.SHIPMENT_KNOWN), not_before=at + PARCELS_FIRST)


def _partially_fulfilled(order: Order, customer: Customer, event: Told) -> Decided:
    del event
    return _sent(order.partially_fulfilled_at, order, customer)


def _completed(order: Order, customer: Customer, event: Told) -> Decided:
    """An order that waits for its customer at the shop is completed when it is fetched: nobody sends that."""
    del event
    return Because.NOTHING_IS_SENT if order.ready_for_pickup_at else _sent(order.completed_at, order, customer)


def _ready_for_pickup(order: Order, customer: Customer, event: Told) -> Decided:
    del customer, event
    if order.ready_for_pickup_at is None:
        return Because.NOT_SO
    return Because.CLOSED if order.closed else Change(order.key, order.ready_for_pickup_at, {}, STANDS)


def _returned(order: Order, customer: Customer, event: Told) -> Decided:
    """A return's state, once, while it is the furthest that is known: what comes late is no news any more."""
    del customer
    found, field = order.returned(event.data.return_ref), TIMES[event.type]
    at = getattr(found, field, None)
    if found is None or at is None:
        return Because.NOT_SO
    if field != f"{found.state}_at":
        return Because.MOVED_ON
    return Change(f"{order.key}:{found.ref}", at, {"return": found.ref})


def _renewed(order: Order, customer: Customer, event: Told) -> Decided:
    """A renewal whose order is known for one is confirmed as a renewal already."""
    del customer
    if order.closed:
        return Because.CLOSED
    if order.is_renewal:
        return Because.TOLD_BY_CONFIRMATION
    return Change(order.key, order.renewed_at or event.occurred_at, {}, STANDS)


def _payment_failed(order: Order, customer: Customer, event: Told) -> Decided:
    del order, customer
    return Change(f"{event.data.subscription}:{event.data.attempt}", event.occurred_at, {})


CHANGES: dict[str, tuple[str, Callable[[Order, Customer, Told], Decided]]] = {
    "OrderCancelled": ("order-cancelled", _cancelled),
    "OrderRefunded": ("order-refunded", _refunded),
    "OrderEdited": ("order-edited", _edited),
    "OrderPartiallyFulfilled": ("order-partially-fulfilled", _partially_fulfilled),
    "OrderCompleted": ("order-completed", _completed),
    "OrderReadyForPickup": ("order-ready-for-pickup", _ready_for_pickup),
    "ReturnRequested": ("return-requested", _returned),
    "ReturnApproved": ("return-approved", _returned),
    "ReturnExpired": ("return-expired", _returned),
    "ReturnDeclined": ("return-declined", _returned),
    "ReturnReceived": ("return-received", _returned),
    "ReturnSettled": ("return-settled", _returned),
    "SubscriptionRenewed": ("subscription-renewed", _renewed),
    "PaymentFailed": ("payment-failed", _payment_failed),
}
"""By event: the template, and what the record says of it."""


def changed(customer: Customer | None, event: Told, now: datetime, began: str | None = None) -> Proposal | Nothing:
    """At most one message about the change that an event tells of, as the record has it. `began` is the order that a subscription
    came from."""
    template, decide = CHANGES[event.type]
    order = _order(customer, event, began)
    against = _against(customer, order)
    if against or customer is None or order is None:
        return Nothing(against or Because.ORDER_UNKNOWN)
    change = decide(order, customer, event)
    if isinstance(change, Because):
        return Nothing(change)
    if change.at + WINDOW <= now:
        return Nothing(Because.TOO_LATE)
    return Proposal(
        key=f"{template}#{change.about}",
        customer_id=customer.id,
        purpose=Purpose.TRANSACTIONAL,
        template=template,
        references={"order": order.key, **change.references},
        unless=change.unless,
        not_before=change.not_before if change.not_before and change.not_before > now else None,
        not_after=change.at + WINDOW,
        proposed_at=now,
        caused_by=event.id,
        correlation_id=event.correlation_id,
    )


def _order(customer: Customer | None, event: Told, began: str | None) -> Order | None:
    """The order that is spoken of; of a payment that failed without one, the latest of its subscription, or where it began."""
    if customer is None:
        return None
    if event.data.order:
        return customer.order(event.data.order)
    of_it = [o for o in customer.orders if o.subscription == event.data.subscription and not o.is_test]
    first = customer.order(began) if began else None
    return max(of_it, key=lambda o: (o.placed_at or o.as_of, o.key), default=first)


def _against(customer: Customer | None, order: Order | None) -> Because | None:
    if customer is None:
        return Because.CUSTOMER_GONE
    if order is None:
        return Because.ORDER_UNKNOWN
    facts = (
        (order.is_test, Because.TEST_ORDER),
        (order.deleted_at is not None, Because.DELETED),
        (order.suppress_notification, Because.SILENT),
    )
    return next((because for holds, because in facts if holds), None)
