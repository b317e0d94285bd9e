"""Writing what a look at a shipment or an order came to: on its own record, with its outbox, if nobody wrote meanwhile."""

from collections.abc import Iterable
from datetime import datetime

from aftercare import events, keys
from aftercare.customer import Customer, Order
from aftercare.outside import Outside
from aftercare.shipment import Shipment
from aftercare.store import Delivery, versioned
from aftercare.table import ConditionFailed, Conflict, TableError, Write

ATTEMPTS = 5


class KeepsChanging(TableError):
    """The record changed under every attempt; nothing was written, the queue brings the event again."""


def write_shipment(
    outside: Outside,
    customer: Customer,
    before: Shipment,
    after: Shipment,
    assumed: Iterable[str],
    now: datetime,
    correlation_id: str,
) -> bool:
    """The shipment, and in the same transaction what is told of `assumed`, orders taken for delivered. False if it moved on."""
    version = before.version
    doc = after.model_copy(update={"version": version + 1}).to_json()
    writes: list[Write] = [versioned(customer.shipment_place(before.key), doc, version)]
    writes += [delivery_assumed(customer.id, order, now, correlation_id).put() for order in assumed]
    return _written(outside, writes)


def write_order(outside: Outside, customer: Customer, before: Order, after: Order) -> bool:
    """The order; the attribute that the gate's claim looks at stays as it is. False if it moved on."""
    version, closed = before.version, before.closed
    doc = after.model_copy(update={"version": version + 1}).to_json()
    attributes = {"closed": closed} if closed else {}
    return _written(outside, [versioned(customer.order_place(before.key), doc, version, **attributes)])


def tell_assumed(outside: Outside, customer_id: str, order_key: str, now: datetime, correlation_id: str) -> bool:
    """Tell DeliveryAssumed where the record itself needs no change. False if it was told before."""
    return _written(outside, [delivery_assumed(customer_id, order_key, now, correlation_id).put()])


def _written(outside: Outside, writes: list[Write]) -> bool:
    try:
        outside.tables.write(writes)
    except (ConditionFailed, Conflict):
        return False
    return True


def delivery_assumed(customer_id: str, order_key: str, now: datetime, correlation_id: str) -> Delivery:
    """The outbox item that tells DeliveryAssumed, once for an order."""
    about = f"delivery-assumed#{order_key}"
    data = events.OrderData(customer_id=customer_id, order=order_key)
    told = events.make("DeliveryAssumed", keys.message_id(about), now, correlation_id, data)
    return Delivery(
        key=about,
        sender="shipping_delay",
        topic="DeliveryAssumed",
        received_at=now,
        correlation_id=correlation_id,
        body_hash=keys.message_id(about),
        events=(told,),
        customer_id=customer_id,
    )
