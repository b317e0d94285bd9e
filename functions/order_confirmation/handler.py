"""OrderPlaced, OrderPaid or OrderContactFound in, at most one confirmation proposed."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from aftercare import identity
from aftercare.clock import iso
from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.store import find

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue

WINDOW = timedelta(hours=24)
"""A confirmation that could not be sent for a day confirms nothing any more: by then the shop has been asked."""

UNLESS = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED)


class Because(StrEnum):
    """Why an order gets no confirmation."""

    CUSTOMER_GONE = "customer-gone"
    ORDER_UNKNOWN = "order-unknown"
    NOT_PLACED = "not-placed"
    TEST_ORDER = "test-order"
    DELETED = "deleted"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    SILENT = "silent"
    NO_CONTACT = "no-contact"
    TOO_LATE = "too-late"


def confirm(
    order: Order | None, customer: Customer | None, catalogue: "Catalogue", now: datetime, event: Told
) -> Proposal | Nothing:
    """One confirmation for an order that stands, can be answered for, and became news within the last day.

    A refund in whole is treated as a cancellation: "it is on its way" would be untrue.
    """
    reason = _against(order, customer, now)
    if reason or order is None or customer is None or order.placed_at is None:
        return Nothing(reason or Because.ORDER_UNKNOWN)
    from order_confirmation.content import blocks

    return Proposal(
        key=f"order-confirmation#{order.key}",
        customer_id=customer.id,
        purpose=Purpose.TRANSACTIONAL,
        template="order-confirmation",
        references={"order": order.key},
        blocks=blocks(order, _before(order, customer), catalogue, _interests(customer, now), customer.wishes.unwanted(now)),
        unless=UNLESS,
        not_after=_news_since(order) + WINDOW,
        proposed_at=now,
        caused_by=event.id,
        correlation_id=event.correlation_id,
    )


def _interests(customer: Customer, now: datetime) -> dict[str, float]:
    if customer.behaviour is None:
        return {}
    from aftercare.behaviour import interest

    return interest(customer.behaviour, now)


def _against(order: Order | None, customer: Customer | None, now: datetime) -> Because | None:
    if customer is None:
        return Because.CUSTOMER_GONE
    if order is None:
        return Because.ORDER_UNKNOWN
    address = order.contact.email or customer.profile.contact.email
    facts = (
        (order.placed_at is None, Because.NOT_PLACED),
        (order.is_test, Because.TEST_ORDER),
        (order.deleted_at is not None, Because.DELETED),
        (order.cancelled_at is not None, Because.CANCELLED),
        (order.refunded_in_whole, Because.REFUNDED),
        (order.suppress_notification, Because.SILENT),
        (identity.email(address) is None, Because.NO_CONTACT),
        (_news_since(order) + WINDOW <= now, Because.TOO_LATE),
    )
    return next((because for holds, because in facts if holds), None)


def _news_since(order: Order) -> datetime:
    """When the order became news: when it was placed, or heard of from a sender that tells things as they happen.

    A webhook that was hours late still deserves its confirmation; an order that is only learned of from an update, or from
    an imported history, was confirmed by somebody else long ago.
    """
    placed = order.placed_at or order.as_of
    return max(placed, order.heard_at or placed)


def _before(order: Order, customer: Customer) -> tuple[Order, ...]:
    """The customer's other orders that stand and were placed earlier, oldest first."""
    placed = order.placed_at or order.as_of
    standing = [o for o in customer.orders if o.key != order.key and not (o.is_test or o.cancelled_at or o.deleted_at)]
    earlier = [o for o in standing if o.placed_at and o.placed_at < placed and not o.refunded_in_whole]
    return tuple(sorted(earlier, key=lambda o: (o.placed_at or o.as_of, o.key)))


def on_order(event: Told, outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    order = customer.order(event.data.order) if customer else None
    decision = confirm(order, customer, catalogue(), outside.clock.now(), event)
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return f"proposed{_begun(outside, customer, order, event)}" if customer and order else "proposed"


BEGINS_AFTER = timedelta(days=3)
"""So long after a first order what a new customer hears beside it begins (content/segments.yaml): nothing of it comes sooner."""


def _begun(outside: Outside, customer: Customer, order: Order, event: Told) -> str:
    """Of who orders first, the wait in which what new customers hear begins, if anything of the kind may ever be sent to them:
    SegmentChanged does not tell that somebody begins as everybody does; of whom it tells more, that has begun with it."""
    from aftercare.segments import BEGINS, segments_of

    if len(customer.orders) != 1 or segments_of(customer) != BEGINS:
        return ""
    from aftercare import waits
    from aftercare.ground import consent_policy, possible

    if not possible(customer, Purpose.PROMOTIONAL, consent_policy(), outside.clock.now()):
        return ""

    since = order.placed_at or order.as_of
    payload = {"since": iso(since), "correlation_id": event.correlation_id}
    machine = outside.settings.need("segment_state_machine")
    waits.start(outside, machine, f"segment#begins#{customer.id}", customer.id, since + BEGINS_AFTER, payload)
    return ", a new customer"


handle = queue_handler({"OrderPlaced": on_order, "OrderPaid": on_order, "OrderContactFound": on_order})
