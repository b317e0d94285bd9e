"""Feedback as it reads in; what it means on the record, one fitting offer or a rescue with its clock out. Nothing here sends."""

from collections.abc import Mapping
from typing import Any

from aftercare import events, keys, telemetry, waits
from aftercare.case_record import case_told, case_write, write
from aftercare.cases import Case
from aftercare.customer import Customer
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.feedback_events import FeedbackData, RescueData
from aftercare.gate_queue import propose
from aftercare.offer_taps import place, taps_from
from aftercare.outside import Outside
from aftercare.proposal import Nothing, Proposal
from aftercare.store import find, versioned
from aftercare.table import TableError, Write
from feedback_routing import counting, rescue
from feedback_routing.because import Because
from feedback_routing.offers import offer, pairs
from feedback_routing.routing import Routed, again, route

ATTEMPTS = 5
SENDER = "feedback_routing"
COUNTED = {"positive": "FeedbackPositive", "neutral": "FeedbackNeutral", "negative": "FeedbackNegative"}


class KeepsChanging(TableError):
    """The record changed under every attempt; nothing was written, the queue brings the event again."""


def on_read(event: Told, outside: Outside) -> str:
    """Record what it comes to, then do what the record says. Brought again it does so again, and each of it is once."""
    from aftercare.feedback_policy import feedback_policy

    policy, said = feedback_policy(), event.data
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = find(outside.tables, said.customer_id, said.order)
        routed = route(customer, said, policy, now)
        if isinstance(routed, Nothing):
            return f"nothing: {routed.because}"
        if routed.known or _record(outside, routed, event):
            return _act(outside, routed, event)
        if outside.tables.read([keys.delivery(_key(said))]):
            # It was recorded before, and other feedback since: what follows from it is still to be done, each of it once.
            return _act(outside, again(routed, said), event)
    raise KeepsChanging("the record changed under every attempt")


def _key(said: FeedbackData) -> str:
    """Once for each version of what was said."""
    return f"feedback#{said.origin}#{said.ref}#{said.version}"


def _record(outside: Outside, routed: Routed, event: Told) -> bool:
    now, said = routed.now, event.data
    key = _key(said)
    told = [events.make("FeedbackClassified", keys.message_id(key), now, event.correlation_id, routed.told)]
    signals = routed.signals
    place = keys.customer(routed.customer.id, keys.SIGNALS)
    writes: list[Write] = [versioned(place, signals.to_json(), signals.version - 1)]
    if routed.case:
        writes.append(case_write(routed.customer, routed.case, now))
        if routed.case.version == 0:
            opened_id = keys.message_id(f"{key}#case")
            told.append(case_told("SupportCaseOpened", routed.customer, routed.case, opened_id, now, event.correlation_id))
    done = write(outside.tables, key, SENDER, event.type, routed.customer, writes, told, now)
    if done:
        telemetry.count(COUNTED[signals.mood])
        if routed.case:
            telemetry.count("RescueOpened")
        counting.recorded(outside, routed)
    return done


def _act(outside: Outside, routed: Routed, event: Told) -> str:
    from aftercare.catalogue import catalogue
    from aftercare.feedback_policy import feedback_policy

    did: list[str] = [routed.signals.mood]
    cause = (routed.now, event.id, event.correlation_id)
    if routed.case:
        _set_clock(outside, routed.customer, routed.case, event.correlation_id)
        did.append(_proposed(outside, rescue.way_out(routed.customer, routed.case, *cause)))
    order = routed.customer.order(event.data.order or "")
    about = (routed.customer, routed.signals, order, feedback_policy(), catalogue())
    fits = pairs(*about, routed.now)
    taps = taps_from(outside.tables.read([place(pair) for pair in fits]), fits) if fits else {}
    did.append(_proposed(outside, offer(*about, *cause, taps)))
    return ", ".join(did)


def _set_clock(outside: Outside, customer: Customer, case: Case, correlation_id: str) -> None:
    machine = outside.settings.need("rescue_state_machine")
    for wait in rescue.waits(case):
        payload = {"case": case.ref, "missed": wait.missed, "correlation_id": correlation_id}
        waits.start(outside, machine, wait.key, customer.id, wait.at, payload)


def _proposed(outside: Outside, decision: Proposal | Nothing) -> str:
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return f"proposed {decision.template}"


def on_answered(event: Told, outside: Outside) -> str:
    """How long the desk took, as a metric."""
    customer = find(outside.tables, event.data.customer_id, cases=[event.data.case])
    case = _case(customer, event.data.case)
    if case is None or case.rescue is None or case.answered_at is None or case.opened_at is None:
        return f"nothing: {Because.CASE_GONE}"
    telemetry.gauge("RescueAnsweredSeconds", (case.answered_at - case.opened_at).total_seconds())
    telemetry.count("RescueAnsweredInTime" if case.answered_at <= case.rescue.answer_by else "RescueAnsweredLate")
    counting.answered(outside, case)
    return "counted"


def on_closed(event: Told, outside: Outside) -> str:
    from aftercare.feedback_policy import feedback_policy

    customer = find(outside.tables, event.data.customer_id, event.data.order, cases=[event.data.case])
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    case, now = _case(customer, event.data.case), outside.clock.now()
    policy = feedback_policy().rescue
    if case is not None and case.rescue is not None and not case.open:
        counting.closed(outside, case)
    return _proposed(outside, rescue.asked_again(customer, case, policy, now, event.id, event.correlation_id))


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    """An instant of a rescue's clock has come: what was not done by then is told, once."""
    what = payload["missed"]
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = find(outside.tables, payload["customer_id"], cases=[payload["case"]])
        if customer is None:
            return f"nothing: {Because.CUSTOMER_GONE}"
        after = rescue.missed(_case(customer, payload["case"]), what, now)
        if isinstance(after, Because):
            return f"nothing: {after}"
        key = f"rescue-missed#{after.ref}#{what}"
        data = RescueData(
            customer_id=customer.id,
            case=after.ref,
            topic=after.topic,
            order=after.order_key,
            missed=what,
            priority=after.rescue.priority if after.rescue else "normal",
        )
        told = events.make("RescueOverdue", keys.message_id(key), now, payload["correlation_id"], data)
        if write(outside.tables, key, SENDER, "RescueOverdue", customer, [case_write(customer, after, now)], [told], now):
            telemetry.count("RescueOverdue")
            counting.missed(outside, after, what)
            return f"missed: {what}"
    raise KeepsChanging("the case changed under every attempt")


def _case(customer: Customer | None, ref: str) -> Case | None:
    return next((case for case in customer.cases if case.ref == ref), None) if customer else None


handle = queue_handler({"FeedbackRead": on_read, "SupportCaseAnswered": on_answered, "SupportCaseClosed": on_closed}, on_wake)
