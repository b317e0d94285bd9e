"""Writing what feedback came to: on the customer's record, with its outbox, in one transaction, if nobody wrote meanwhile."""

from collections.abc import Sequence
from datetime import datetime

from aftercare import events, keys
from aftercare.cases import Case, attributes
from aftercare.customer import Customer
from aftercare.event import Event
from aftercare.outside import Outside
from aftercare.signals import Signals
from aftercare.store import Delivery, versioned
from aftercare.table import Absent, Check, ConditionFailed, Conflict, TableError, Write

ATTEMPTS = 5


class KeepsChanging(TableError):
    """The record changed under every attempt; nothing was written, the queue brings the event again."""


def case_write(customer: Customer, case: Case) -> Write:
    """The case at its next version; an open rescue stands on the list of what somebody must come back to."""
    after = case.model_copy(update={"version": case.version + 1})
    return versioned(customer.case_place(case.ref), after.to_json(), case.version, **attributes(after))


def case_told(detail_type: str, customer: Customer, case: Case, event_id: str, now: datetime, correlation_id: str) -> Event:
    data = events.CaseData(customer_id=customer.id, case=case.ref, topic=case.topic, order=case.order_key)
    return events.make(detail_type, event_id, now, correlation_id, data)


def write(
    outside: Outside, key: str, topic: str, customer: Customer, writes: Sequence[Write], told: Sequence[Event], now: datetime
) -> bool:
    """All of it and what is told, once for `key`. False if it was written before, or the record moved on."""
    delivery = Delivery(
        key=key,
        sender="feedback_routing",
        topic=topic,
        received_at=now,
        correlation_id=told[0].correlation_id,
        body_hash=keys.message_id(key),
        events=tuple(told),
        customer_id=customer.id,
    )
    try:
        outside.tables.write([Check(keys.customer(customer.id, keys.ERASED), Absent()), *writes, delivery.put()])
    except (ConditionFailed, Conflict):
        return False
    return True


def signals_write(customer: Customer, signals: Signals) -> Write:
    return versioned(keys.customer(customer.id, keys.SIGNALS), signals.to_json(), signals.version - 1)
