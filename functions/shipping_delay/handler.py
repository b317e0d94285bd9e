"""Shipments and orders in; milestones, forecasts, delay notices and watches out. Nothing here sends."""

from collections.abc import Mapping
from typing import Any

from aftercare import telemetry
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside, current
from aftercare.parcel_status import ShipmentStatus
from aftercare.proposal import Nothing, Proposal
from aftercare.store import find
from shipping_delay import budget, contacts, knowledge, milestones, notices
from shipping_delay.asking import record_case
from shipping_delay.learning import handle_batch
from shipping_delay.looking import Cause, look_at
from shipping_delay.policy import shipping_policy
from shipping_delay.unsent import look_at_order


def _proposed(outside: Outside, decision: Proposal | Nothing) -> str:
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return f"proposed {decision.template}"


def on_created(event: Told, outside: Outside) -> str:
    data = event.data
    found = milestones.about(find(outside.tables, data.customer_id, data.order), data.order, data.shipment)
    return _proposed(outside, found if isinstance(found, Nothing) else milestones.packed(found, event, outside.clock.now()))


def on_shipped(event: Told, outside: Outside) -> str:
    data = event.data
    seen = look_at(outside, data.customer_id, data.order, data.shipment, shipping_policy(), Cause(event.id, event.correlation_id))
    found = milestones.about(seen.customer, data.order, data.shipment)
    told = found if isinstance(found, Nothing) else milestones.shipped(found, event, outside.clock.now())
    return f"{seen.outcome}, {_proposed(outside, told)}"


def on_moved(event: Told, outside: Outside) -> str:
    data = event.data
    seen = look_at(outside, data.customer_id, data.order, data.shipment, shipping_policy(), Cause(event.id, event.correlation_id))
    if data.status is ShipmentStatus.STALLED:
        telemetry.count("ShipmentStalled")
    found = milestones.about(seen.customer, data.order, data.shipment)
    told = found if isinstance(found, Nothing) else milestones.moved(found, event, outside.clock.now())
    return f"{seen.outcome}, {_proposed(outside, told)}"


def on_changed(event: Told, outside: Outside) -> str:
    data = event.data
    cause = Cause(event.id, event.correlation_id)
    return look_at(outside, data.customer_id, data.order, data.shipment, shipping_policy(), cause).outcome


def on_placed(event: Told, outside: Outside) -> str:
    cause = Cause(event.id, event.correlation_id)
    return look_at_order(outside, event.data.customer_id, event.data.order, shipping_policy(), cause)


def on_stockout(event: Told, outside: Outside) -> str:
    customer, now = find(outside.tables, event.data.customer_id, event.data.order), outside.clock.now()
    return _proposed(outside, notices.of_stock(customer, event.data.order, now, event.id, event.correlation_id))


def on_case(event: Told, outside: Outside) -> str:
    return record_case(outside, event)


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    policy, cause = shipping_policy(), Cause("wake", payload["correlation_id"])
    if "shipment" in payload:
        return look_at(outside, payload["customer_id"], payload["order"], payload["shipment"], policy, cause).outcome
    customer, now = find(outside.tables, payload["customer_id"], payload["order"]), outside.clock.now()
    sent = budget.departures(knowledge.read(outside.tables, budget.keys(now)), now)
    return _proposed(outside, notices.of_waiting(customer, payload["order"], policy, sent, now, cause.correlation_id))


EVENTS = {
    "OrderPlaced": on_placed,
    "OrderShipped": on_shipped,
    "ItemOutOfStock": on_stockout,
    "ShipmentCreated": on_created,
    "ShipmentMoved": on_moved,
    "ShipmentStalled": on_moved,
    "ShipmentEtaChanged": on_changed,
    "SupportCaseOpened": on_case,
}
on_queue = queue_handler(EVENTS, on_wake)


def _learns(event: Mapping[str, Any], outside: Outside) -> bool:
    """Whether a batch comes from the queue of lessons."""
    arn = next((record.get("eventSourceARN") for record in event.get("Records", ())), None)
    return arn is not None and arn == outside.settings.learning_queue_arn


def handle(event: dict[str, Any], context: Any) -> Any:
    """Batches of both queues, wakes, and one question by hand: `{"report": "contacts", "months": ["2026-03"]}`."""
    outside = current()
    if event.get("report") == "contacts":
        months = tuple(map(str, event["months"]))
        return contacts.report(knowledge.read(outside.tables, contacts.keys_of(months)), months)
    if _learns(event, outside):
        try:
            return handle_batch(event, outside)
        finally:
            telemetry.flush()
    return on_queue(event, context)
