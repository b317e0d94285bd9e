"""What a customer hears of a delay, from what stands on the record: the notice, its retraction, stockouts, orders not sent."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.shipment import Shipment
from shipping_delay.milestones import OF_ORDER, About
from shipping_delay.policy import ShippingPolicy
from shipping_delay.reasons import Why

OF_USE = timedelta(hours=24)
"""A notice that could not go out for a day was overtaken by what happened since."""

STOCK_OF_USE = timedelta(days=3)

REPEATED_FOR = timedelta(hours=1)
"""What was decided so lately is proposed again with every event of the shipment: whoever wrote it may have failed to say it.
The gate knows it by its key."""


class Because(StrEnum):
    """Why nobody is told of an order that waits."""

    CUSTOMER_GONE = "customer-gone"
    ORDER_UNKNOWN = "order-unknown"
    ORDER_CLOSED = "order-closed"
    TEST = "test"
    SILENT = "silent"
    SHIPPED = "shipped"
    NOTHING_TO_SHIP = "nothing-to-ship"
    IN_STOCK = "in-stock"
    STOCKOUT_TOLD = "stockout-told"
    OFF = "off"
    TOO_EARLY = "too-early"
    NOBODY_TELLS = "nobody-tells"


def of_delay(found: About, now: datetime, caused_by: str, correlation_id: str) -> Iterator[Proposal]:
    """The notice or the retraction that was decided lately, once for each revised date."""
    shipment = found.shipment
    if not shipment.notices:
        return
    notice = shipment.notices[-1]
    about = f"{found.order.key}:{shipment.ref}:{notice.arrives_by:%Y%m%d}"
    references = {"order": found.order.key, "shipment": shipment.key, **_one_parcel(shipment)}

    def proposal(template: str, at: datetime, unless: tuple[Unless, ...], **more: object) -> Proposal:
        return Proposal.model_validate(
            {
                "key": f"{template}#{about}",
                "customer_id": found.customer.id,
                "purpose": Purpose.TRANSACTIONAL,
                "template": template,
                "references": references,
                "unless": unless,
                "not_after": at + OF_USE,
                "proposed_at": now,
                "caused_by": caused_by,
                "correlation_id": correlation_id,
                **more,
            }
        )

    if notice.recovered_at is not None:
        if now < notice.recovered_at + REPEATED_FOR:
            yield proposal("delivery-recovered", notice.recovered_at, (*OF_ORDER, Unless.PARCEL_ARRIVED))
    elif now < notice.at + REPEATED_FOR:
        yield proposal(
            "delivery-delayed",
            notice.at,
            (*OF_ORDER, Unless.PARCEL_ARRIVED, Unless.PARCEL_RECOVERED),
            blocks=(Block(kind="reason", variant=notice.because),),
            numbers={"days-from": notice.days_from, "days-to": notice.days_to},
        )


def _one_parcel(shipment: Shipment) -> dict[str, str]:
    """The parcel that is still on its way, where there is one."""
    open_ = [parcel for parcel in shipment.current if parcel.delivered_at is None]
    return {"parcel": open_[0].id} if len(open_) == 1 and len(shipment.current) > 1 else {}


def _waits(customer: Customer | None, order_key: str) -> Order | Because:
    """The order, if it stands and something of it is still to be sent."""
    if customer is None:
        return Because.CUSTOMER_GONE
    order = customer.order(order_key)
    if order is None:
        return Because.ORDER_UNKNOWN
    facts = (
        (order.closed is not None or order.deleted_at is not None, Because.ORDER_CLOSED),
        (order.is_test, Because.TEST),
        (order.suppress_notification, Because.SILENT),
        (order.completed_at is not None or order.ready_for_pickup_at is not None, Because.SHIPPED),
        (not any(line.requires_shipping and line.quantity for line in order.lines), Because.NOTHING_TO_SHIP),
    )
    return next((because for holds, because in facts if holds), order)


def of_stock(customer: Customer | None, order_key: str, now: datetime, caused_by: str, correlation_id: str) -> Proposal | Nothing:
    """Lines that cannot be sent at present, told once for each thing that the shop said about them."""
    order = _waits(customer, order_key)
    if isinstance(order, Because) or customer is None:
        return Nothing(order if isinstance(order, Because) else Because.CUSTOMER_GONE)
    newest = max(order.stockouts, key=lambda s: s.at, default=None)
    if newest is None:
        return Nothing(Because.IN_STOCK)
    return Proposal(
        key=f"item-out-of-stock#{order.key}:{newest.at:%Y%m%dT%H%M%S}",
        customer_id=customer.id,
        purpose=Purpose.TRANSACTIONAL,
        template="item-out-of-stock",
        references={"order": order.key},
        unless=(*OF_ORDER,),
        not_after=newest.at + STOCK_OF_USE,
        proposed_at=now,
        caused_by=caused_by,
        correlation_id=correlation_id,
    )


def of_waiting(
    customer: Customer | None, order_key: str, policy: ShippingPolicy, departures: float, now: datetime, correlation_id: str
) -> Proposal | Nothing:
    """An order that nobody has sent after the days that the store finds too many; once, and not beside a stockout.

    Nothing is known of why: no forecast was moved, so no season is blamed. A shop of which nobody tells what it sends
    (`departures` of late) sends all the same: its silence says nothing.
    """
    order, after = _waits(customer, order_key), policy.unshipped_after
    if isinstance(order, Because) or customer is None:
        return Nothing(order if isinstance(order, Because) else Because.CUSTOMER_GONE)
    if after is None:
        return Nothing(Because.OFF)
    placed = order.placed_at or order.as_of
    if now < placed + after:
        return Nothing(Because.TOO_EARLY)
    if any(s.shipped_at for s in customer.shipments_of(order.key)) or order.partially_fulfilled_at:
        return Nothing(Because.SHIPPED)
    if order.stockouts:
        return Nothing(Because.STOCKOUT_TOLD)
    if not departures:
        return Nothing(Because.NOBODY_TELLS)
    return Proposal(
        key=f"order-not-shipped-yet#{order.key}",
        customer_id=customer.id,
        purpose=Purpose.TRANSACTIONAL,
        template="order-not-shipped-yet",
        references={"order": order.key},
        blocks=(Block(kind="reason", variant=Why.UNKNOWN),),
        numbers={"days": (now - placed).days},
        unless=(*OF_ORDER, Unless.ORDER_SHIPPED),
        not_after=now + OF_USE,
        proposed_at=now,
        caused_by="wake",
        correlation_id=correlation_id,
    )
