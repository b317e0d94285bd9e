"""What a customer hears of a parcel on its way: one message for each parcel and status from which they gain. Pure.

integrations.md's rule of thumb is kept: never a label, a repeated scan or an unknown word; what stalls is the operator's.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.events import Told
from aftercare.parcel_status import ShipmentStatus
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.shipment import Shipment

FRESH = timedelta(hours=36)
"""A milestone that is older when it is to be sent tells nobody anything: the gate lets it expire, with that reason."""

OF_ORDER = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED)


class Because(StrEnum):
    """Why an event of a shipment is told to nobody."""

    CUSTOMER_GONE = "customer-gone"
    ORDER_UNKNOWN = "order-unknown"
    SHIPMENT_UNKNOWN = "shipment-unknown"
    TEST = "test"
    SILENT = "silent"
    NO_MILESTONE = "no-milestone"
    OPERATORS = "operators"
    SHIPPED_ALREADY = "shipped-already"


class Kind(NamedTuple):
    """One milestone: its template, and what makes it pointless beside the order's own end."""

    template: str
    unless: tuple[Unless, ...]


MOVED_ON = (*OF_ORDER, Unless.PARCEL_ARRIVED, Unless.PARCEL_MOVED_ON)

MILESTONES = {
    ShipmentStatus.OUT_FOR_DELIVERY: Kind("parcel-out-for-delivery", MOVED_ON),
    ShipmentStatus.DELIVERED: Kind("parcel-delivered", OF_ORDER),
    ShipmentStatus.DELIVERY_ATTEMPTED: Kind("parcel-attempted", MOVED_ON),
    ShipmentStatus.READY_FOR_PICKUP: Kind("parcel-ready-for-pickup", MOVED_ON),
    ShipmentStatus.EXCEPTION: Kind("parcel-exception", MOVED_ON),
    ShipmentStatus.LOST: Kind("parcel-lost", MOVED_ON),
    # Goods of a cancelled or refunded order come back, too: the customer is told of that alone.
    ShipmentStatus.RETURN_TO_SENDER: Kind("parcel-returned", (Unless.ORDER_UNKNOWN,)),
}
"""By the status that a parcel came to. `delayed` is told by the forecast, if it makes the parcel late."""

PACKED = Kind("order-packed", (*OF_ORDER, Unless.ORDER_SHIPPED))
SHIPPED = Kind("parcel-shipped", (*OF_ORDER, Unless.PARCEL_ARRIVED))


class About(NamedTuple):
    """A shipment and all that a message about it may look at."""

    customer: Customer
    order: Order
    shipment: Shipment


def order_of(customer: Customer, order_key: str, shipment: Shipment | None) -> Order | None:
    """The order that an event names. Where the shipment serves several, one that was closed meanwhile gives way to one that
    stands."""
    order = customer.order(order_key)
    if order is None or not order.closed or shipment is None:
        return order
    others = (customer.order(key) for key in shipment.order_keys)
    return next((other for other in others if other and not other.closed), order)


def about(customer: Customer | None, order_key: str, shipment_key: str) -> About | Nothing:
    """The shipment that an event speaks of, if anybody may hear of it."""
    if customer is None:
        return Nothing(Because.CUSTOMER_GONE)
    shipment = next((s for s in customer.shipments if s.key == shipment_key), None)
    order = order_of(customer, order_key, shipment)
    if order is None:
        return Nothing(Because.ORDER_UNKNOWN)
    if shipment is None or not shipment.stands:
        return Nothing(Because.SHIPMENT_UNKNOWN)
    if order.is_test or shipment.is_test:
        return Nothing(Because.TEST)
    if order.suppress_notification or shipment.suppress_notification:
        return Nothing(Because.SILENT)
    return About(customer, order, shipment)


def packed(found: About, event: Told, now: datetime) -> Proposal | Nothing:
    """The shop has packed what no carrier has yet."""
    if found.shipment.shipped_at is not None:
        return Nothing(Because.SHIPPED_ALREADY)
    at = found.shipment.described_at or event.occurred_at
    return _proposal(PACKED, found, None, at, event, now)


def shipped(found: About, event: Told, now: datetime) -> Proposal | Nothing:
    """The carrier has it (or the shop says so)."""
    return _proposal(SHIPPED, found, None, found.shipment.shipped_at or event.occurred_at, event, now)


def moved(found: About, event: Told, now: datetime) -> Proposal | Nothing:
    """A parcel came to a status of which its customer should hear, at the time of its scan and not of its arrival here."""
    status, parcel = event.data.status, event.data.parcel
    if status is ShipmentStatus.STALLED:
        return Nothing(Because.OPERATORS)
    kind = MILESTONES.get(status)
    if kind is None:
        return Nothing(Because.NO_MILESTONE)
    at = _scanned_at(found.shipment, parcel, status) or event.occurred_at
    whole = status is ShipmentStatus.DELIVERED and found.customer.delivered_at(found.order.key) is not None
    return _proposal(kind, found, parcel, at, event, now, whole=whole, status=status)


def _scanned_at(shipment: Shipment, parcel_id: str | None, status: ShipmentStatus) -> datetime | None:
    """When the parcel first had that status, by whoever spoke of it."""
    parcel = shipment.parcel(parcel_id)
    logs = [log for log in (parcel.log if parcel else None, shipment.log) if log and status in log.spans]
    return min((log.spans[status].first for log in logs), default=None)


def _proposal(
    kind: Kind,
    found: About,
    parcel: str | None,
    at: datetime,
    event: Told,
    now: datetime,
    whole: bool = False,
    status: ShipmentStatus | None = None,
) -> Proposal:
    """`whole` speaks of the order and names no parcel: everything is there. `status` is for the gate, which refuses what the
    parcel has left behind."""
    order, shipment = found.order, found.shipment
    references = {"order": order.key}
    if not whole:
        references["shipment"] = shipment.key
        if parcel is not None:
            references["parcel"] = parcel
        if Unless.PARCEL_MOVED_ON in kind.unless and status is not None:
            references["status"] = status
    return Proposal(
        key=f"{kind.template}#{order.key}:{parcel or shipment.ref}",
        customer_id=found.customer.id,
        purpose=Purpose.TRANSACTIONAL,
        template=kind.template,
        references=references,
        unless=kind.unless,
        not_after=at + FRESH,
        proposed_at=now,
        caused_by=event.id,
        correlation_id=event.correlation_id,
    )
