"""A customer asked where their order is: counted once, in the group that their parcel is in when they ask."""

from aftercare import keys
from aftercare.events import Told
from aftercare.outside import Outside
from aftercare.store import find
from shipping_delay import contacts, knowledge
from shipping_delay.record import ATTEMPTS, KeepsChanging, write_shipment


def record_case(outside: Outside, event: Told) -> str:
    """Remember the case with the parcel, then count it; a case that is brought again is known. KeepsChanging, TableError."""
    short = keys.message_id(event.data.case)[:12]
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = find(outside.tables, event.data.customer_id, event.data.order)
        before = contacts.asked_about(customer, event.data.order, event.data.topic, now)
        if customer is None or before is None:
            return "not counted"
        if short in before.cases:
            return "counted before"
        after = before.model_copy(update={"cases": (*before.cases, short)[-contacts.REMEMBERED :]})
        if write_shipment(outside, customer, before, after, (), now, event.correlation_id):
            knowledge.add(outside.tables, contacts.of_case(before, event.occurred_at), now)
            return f"counted: {contacts.group_of(before)}"
    raise KeepsChanging("the shipment changed under every attempt")
