"""A change of an order in, at most one message about it proposed."""

from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing
from aftercare.store import find, with_archive
from order_changes.changes import CHANGES, Because, changed

ENDS = ("ReturnRequested", "ReturnApproved", "ReturnReceived", "OrderCancelled")
"""What may be the end of an order that was guided (counting)."""


def on_change(event: Told, outside: Outside) -> str:
    order = getattr(event.data, "order", None)
    customer = find(outside.tables, event.data.customer_id, order)
    if customer and order and event.type in ENDS:
        from order_changes.counting import ended

        ended(outside, customer, order, event.type)
    decision = changed(customer, event, outside.clock.now())
    if order is None and decision == Nothing(Because.ORDER_UNKNOWN) and customer:
        # Of a payment that failed only the subscription is known: it may never have renewed, or its orders lie in the archive.
        from aftercare import reorders

        known = reorders.read(outside.tables, customer.id).subscriptions.get(event.data.subscription)
        whole = with_archive(outside.tables, customer.id) if customer.lacks_orders_since(None) else customer
        decision = changed(whole, event, outside.clock.now(), known.order if known else None)
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return "proposed"


handle = queue_handler(dict.fromkeys(CHANGES, on_change))
