"""A change of an order in, at most one message about it proposed."""

from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing
from aftercare.store import find
from order_changes.changes import CHANGES, changed


def on_change(event: Told, outside: Outside) -> str:
    customer = find(outside.tables, event.data.customer_id, getattr(event.data, "order", None))
    decision = changed(customer, event, outside.clock.now())
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return "proposed"


handle = queue_handler(dict.fromkeys(CHANGES, on_change))
