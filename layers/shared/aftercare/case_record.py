"""Writing a case on the customer's record together with what is told of it, in one transaction, if nobody wrote meanwhile."""

from collections.abc import Sequence
from datetime import datetime

from aftercare import events, keys
from aftercare.case_topic import CaseResult
from aftercare.cases import Case, attributes
from aftercare.customer import Customer
from aftercare.event import Event
from aftercare.retention import CASE
from aftercare.store import Delivery, versioned
from aftercare.table import Absent, Check, ConditionFailed, Conflict, Tables, Write


def case_write(customer: Customer, case: Case, now: datetime) -> Write:
    """The case at its next version. An open rescue stands on the list of what somebody must come back to; what is over is kept
    for a while."""
    after = case.model_copy(update={"version": case.version + 1})
    over = {} if after.open else {"expires_at": CASE.ends(now)}
    return versioned(customer.case_place(case.ref), after.to_json(), case.version, **over, **attributes(after))


def case_told(detail_type: str, customer: Customer, case: Case, event_id: str, now: datetime, correlation_id: str) -> Event:
    """SupportCaseOpened, SupportCaseAnswered or SupportCaseClosed."""
    data = events.CaseData(customer_id=customer.id, case=case.ref, topic=case.topic, order=case.order_key)
    return events.make(detail_type, event_id, now, correlation_id, data)


def write(
    tables: Tables,
    key: str,
    sender: str,
    topic: str,
    customer: Customer,
    writes: Sequence[Write],
    told: Sequence[Event],
    now: datetime,
) -> bool:
    """All of it and what is told, once for `key`. False if it was written before, or the record moved on or is erased."""
    delivery = Delivery(
        key=key,
        sender=sender,
        topic=topic,
        received_at=now,
        correlation_id=told[0].correlation_id,
        body_hash=keys.message_id(key),
        events=tuple(told),
        customer_id=customer.id,
    )
    try:
        tables.write([Check(keys.customer(customer.id, keys.ERASED), Absent()), *writes, delivery.put()])
    except (ConditionFailed, Conflict):
        return False
    return True


def desk_says(tables: Tables, customer: Customer, case: Case, what: str, now: datetime, result: CaseResult | None = None) -> bool:
    """The store's desk answered a case ("answer") or ended it ("close"), as a helpdesk would. False if it changed meanwhile."""
    if what == "answer":
        after, detail_type = case.model_copy(update={"answered_at": case.answered_at or now}), "SupportCaseAnswered"
    else:
        after, detail_type = case.model_copy(update={"closed_at": now, "result": result or case.result}), "SupportCaseClosed"
    key = f"desk-{what}#{case.ref}#{case.version}"
    told = case_told(detail_type, customer, after, keys.message_id(key), now, keys.message_id(case.ref))
    return write(tables, key, "desk", detail_type, customer, [case_write(customer, after, now)], [told], now)
