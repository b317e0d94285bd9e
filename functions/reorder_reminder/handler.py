"""OrderPlaced in, one wait for each thing that will run out; at its end, at most one reminder proposed."""

from collections.abc import Mapping
from typing import Any

from aftercare import waits
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing, Proposal
from aftercare.store import find, with_archive
from reorder_reminder.reminding import due, remind


def on_order(event: Told, outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    order = customer.order(event.data.order) if customer else None
    found = due(order, catalogue(), outside.clock.now())
    if isinstance(found, Nothing):
        return f"nothing: {found.because}"
    for wait in found:
        payload = {"order": event.data.order, "family": wait.family, "correlation_id": event.correlation_id}
        machine = outside.settings.need("reorder_state_machine")
        waits.start(outside, machine, wait.key, event.data.customer_id, wait.at, payload)
    return f"waiting: {len(found)}"


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, payload["customer_id"], payload["order"])
    about = (payload["order"], payload["family"], catalogue(), outside.clock.now(), payload["correlation_id"])
    decision = remind(customer, *about)
    if isinstance(decision, Proposal) and customer and customer.lacks_orders_since(payload["order"]):
        decision = remind(with_archive(outside.tables, customer.id), *about)
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return "proposed"


handle = queue_handler({"OrderPlaced": on_order}, on_wake)
