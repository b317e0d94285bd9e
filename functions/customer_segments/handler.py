"""Who became another kind of buyer in, a wait for what that kind hears, then one message proposed. Interest is summed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aftercare import keys, waits
from aftercare.clock import iso, parse_iso
from aftercare.consent import Purpose
from aftercare.customer import Customer
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.ledger import message_from
from aftercare.outside import Outside
from aftercare.proposal import Nothing
from aftercare.segments import BEGINS, bought_by, segments_of
from aftercare.store import find


def on_changed(event: Told, outside: Outside) -> str:
    """Each row that they came into begins."""
    from aftercare.segment_policy import segment_policy
    from customer_segments import outcome
    from customer_segments.saying import entered

    data = event.data
    rows = entered((data.lifecycle_before, data.value_before), (data.lifecycle, data.value), segment_policy())
    customer = find(outside.tables, data.customer_id) if rows else None
    if customer is None:
        return "nothing: no row"
    now = outside.clock.now()
    begun = [_go_on(outside, customer, row, None, now, event.id, event.correlation_id) for row in rows]
    begun.append(outcome.begin(outside, customer, rows, now, event.correlation_id))
    return ", ".join([*begun, _looks_again(outside, customer, event.correlation_id)])


def on_seen(event: Told, outside: Outside) -> str:
    """The first sign of a day that somebody is interested in a family counts for their kinds of buyer; a rise is told once."""
    from aftercare.segment_policy import segment_policy

    data = event.data
    if not (data.fresh and data.family):
        return "nothing: no new interest"
    customer = find(outside.tables, data.customer_id)
    if customer is None:
        return "nothing: customer-gone"
    from customer_segments.sums import count

    return count(outside, event, segment_policy().rows_of(segments_of(customer)))


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    """A row goes on after what it said last. The wait that begins with a first order names none: of the two in which everybody
    begins, those begin that still hold, as SegmentChanged has begun any other."""
    if payload.get("task") == "calls":
        from customer_segments.calls import give_out

        return give_out(outside)
    customer = find(outside.tables, payload["customer_id"])
    if customer is None:
        return "nothing: customer-gone"
    if payload.get("use"):
        from customer_segments.use import settle

        return settle(outside, customer, payload, outside.clock.now())
    if payload.get("care"):
        cared = _cares(outside, customer, payload["key"], payload["correlation_id"])
        return f"{cared}, {_looks_again(outside, customer, payload['correlation_id'])}"
    if "outcome" in payload:
        from customer_segments import outcome

        return outcome.judge(outside, customer, payload)
    rows = [payload["row"]] if "row" in payload else [row for row in BEGINS if row in segments_of(customer)]
    since, last = parse_iso(payload["since"]), payload.get("said")
    cause = (payload["key"], payload["correlation_id"])
    gone_on = [_go_on(outside, customer, row, last, since, *cause) for row in rows]
    if "row" not in payload and rows:
        from customer_segments import outcome

        gone_on.append(outcome.begin(outside, customer, rows, since, payload["correlation_id"]))
    return ", ".join(gone_on) or "nothing: no row"


def _looks_again(outside: Outside, customer: Customer, correlation_id: str) -> str:
    """The wait until it is looked at whether somebody stays away; a newer order moves it, because it decides again."""
    from aftercare.segment_policy import segment_policy
    from customer_segments.care import next_look

    at = next_look(customer, segment_policy().care, outside.clock.now())
    if at is None:
        return "looks no more"
    payload = {"care": True, "correlation_id": correlation_id}
    machine = outside.settings.need("segment_state_machine")
    waits.start(outside, machine, f"care#{customer.id}#{at:%Y-%m-%d}", customer.id, at, payload)
    return "looks again"


def _first_look(outside: Outside, customer: Customer, caused_by: str, correlation_id: str) -> tuple[str, str]:
    """Who ordered once has no change of kind that would begin their looks: what their row says last begins it."""
    cared = _cares(outside, customer, caused_by, correlation_id)
    return cared, _looks_again(outside, customer, correlation_id)


def _cares(outside: Outside, customer: Customer, caused_by: str, correlation_id: str) -> str:
    """Help, a check-in, a place on the list of calls, or nothing, for who stays away."""
    from aftercare.segment_policy import segment_policy
    from customer_segments.care import does, outlook, overdue
    from customer_segments.saying import Because, care_message
    from customer_segments.use import begin, known_of

    policy, now = segment_policy(), outside.clock.now()
    if not overdue(customer, policy.care, now):
        return "nothing: ordered since"
    known = known_of(outside, customer, policy.care.use, now)
    begin(outside, customer, known, policy.care.use, now, correlation_id)
    seen = outlook(customer, known, policy.care, now)
    what = does(customer, seen, policy.care)
    if what == "call":
        from customer_segments.calls import listed

        return listed(outside, customer, seen.saves, now)
    if what == "nothing":
        return "nothing: all is well, or not worth a word"
    made = care_message(customer, what, policy, now, caused_by, correlation_id)
    if isinstance(made, Nothing):
        return f"nothing: {made.because}"
    if outside.tables.read([keys.ledger(customer.id, made.message_id)]):
        return f"nothing: {Because.SAID}"
    propose(outside, made)
    return f"proposed {what}"


def _go_on(
    outside: Outside, customer: Customer, row: str, last: str | None, since: datetime, caused_by: str, correlation_id: str
) -> str:
    """What a row says next: what is due is proposed, what is not is waited for. Decided from the record as it is now, so that a
    newer order moves the day on which the next is expected."""
    from aftercare.segment_policy import segment_policy
    from customer_segments.saying import Because, next_wait

    policy, now, did = segment_policy(), outside.clock.now(), list[str]()
    while row in segments_of(customer):
        wait = next_wait(customer, row, last, since, policy)
        if isinstance(wait, Nothing):
            over = [*did, f"nothing more of {row}: {wait.because}"]
            if row == segments_of(customer).value and bought_by(customer).interval is None:
                over += _first_look(outside, customer, caused_by, correlation_id)
            return ", ".join(over)
        if wait.at > now:
            payload = {"row": row, "since": iso(since), "correlation_id": correlation_id}
            more = {**payload, "said": last} if last else payload
            waits.start(outside, outside.settings.need("segment_state_machine"), wait.key, customer.id, wait.at, more)
            return ", ".join([*did, f"waits for {wait.content}"])
        did.append(_said(outside, customer, row, wait.content, caused_by, correlation_id))
        last = wait.content
    return ", ".join([*did, f"nothing: {Because.LEFT}"])


def _said(outside: Outside, customer: Customer, row: str, content: str, caused_by: str, correlation_id: str) -> str:
    from aftercare.catalogue import catalogue
    from aftercare.ground import consent_policy, possible
    from aftercare.offer_taps import place, taps_from
    from aftercare.segment_policy import segment_policy
    from customer_segments import outcome
    from customer_segments.saying import Because, looked_up, pairs, say

    policy, now = segment_policy(), outside.clock.now()
    purpose = policy.contents[content].purpose
    if not possible(customer, purpose, consent_policy(), now):
        return f"nothing: {Because.NO_GROUND}"
    if purpose is Purpose.PROMOTIONAL and outcome.is_held_out(customer.id):
        return f"nothing: {Because.HELD_OUT}"
    messages, fits = looked_up(customer.id, row, policy, now), pairs(customer, content, policy, catalogue(), now)
    found = outside.tables.read([*messages, *map(place, fits)])
    heard = [message_from(found[key]) for key in messages if key in found]
    taps = taps_from(found, fits)
    said = say(customer, row, content, heard, policy, catalogue(), now, caused_by, correlation_id, taps)
    if isinstance(said, Nothing):
        return f"nothing: {said.because}"
    propose(outside, said)
    return f"proposed {content}"


handle = queue_handler(
    {"SegmentChanged": on_changed, "ProductViewed": on_seen, "PageVisited": on_seen, "ContentShared": on_seen}, on_wake
)
