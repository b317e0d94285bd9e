"""The calls of a week: whom one might keep lies on the week's list, and the best are given to the desk, within its budget.

A list is worked off once its week is over, those first whom a call is expected to save most, of equals by their random ids.
"""

from datetime import datetime, timedelta

from aftercare import keys, tally, telemetry
from aftercare.case_record import case_told, write
from aftercare.cases import Case, Rescue, attributes
from aftercare.customer import Customer
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing
from aftercare.retention import TALLY, WAIT
from aftercare.segment_policy import segment_policy
from aftercare.segments import segments_of
from aftercare.store import find, versioned
from aftercare.table import Absent, ConditionFailed, Conflict, Is, Item, Put, Remove
from customer_segments.care import does, outlook, overdue
from customer_segments.saying import care_message, standing
from customer_segments.use import known_of

ANSWER_WITHIN, END_WITHIN = timedelta(days=3), timedelta(days=7)
"""When the desk should have called, and when it is over."""


def listed(outside: Outside, customer: Customer, saves: int, now: datetime) -> str:
    """Put somebody on the list of this week's calls. Brought again it is the same line."""
    week = tally.week_at(now, tally.store_zone())
    item: Item = {"customer_id": customer.id, "expires_at": WAIT.ends(week.begins("UTC"))}
    outside.tables.write([Put(keys.call(str(week), saves, customer.id), item)])
    return "on the list of calls"


def give_out(outside: Outside) -> str:
    """Work off the list of the week that is over, decided again from each record; who finds no room is written to."""
    now = outside.clock.now()
    week = str(tally.week_at(now, tally.store_zone()).before())
    given = beyond = 0
    cause = (f"calls#{week}", keys.message_id(f"calls#{week}"))
    for item in outside.tables.partition("customers", keys.call(week).pk, "0"):
        customer_id, line = str(item["customer_id"]), keys.Key("customers", str(item["pk"]), str(item["sk"]))
        customer = find(outside.tables, customer_id)
        rule = segment_policy().care
        if customer and overdue(customer, rule, now) and _to_call(outside, customer, now):
            if _taken(outside, week, customer_id, rule.calls.a_week):
                given += _opened(outside, customer, week, now)
            else:
                beyond += 1
                made = care_message(customer, "check-in", segment_policy(), now, *cause)
                if not isinstance(made, Nothing):
                    propose(outside, made)
        outside.tables.write([Remove(line)])
    telemetry.count("CallsGiven", given)
    telemetry.count("CallsBeyondBudget", beyond)
    return f"{given} calls, {beyond} beyond the budget"


def _to_call(outside: Outside, customer: Customer, now: datetime) -> bool:
    rule = segment_policy().care
    return does(customer, outlook(customer, known_of(outside, customer, rule.use, now), rule, now), rule) == "call"


def _taken(outside: Outside, week: str, customer_id: str, budget: int) -> bool:
    """Take one of the week's calls, once for each customer, however often and by however many it is tried."""
    place, name = keys.call_budget(week), keys.message_id(f"call#{week}#{customer_id}")[:12]
    while True:
        item = outside.tables.read([place]).get(place)
        taken = str(item["taken"]).split(",") if item else []
        if name in taken:
            return True
        if len(taken) >= budget:
            return False
        as_read = Is("taken", item["taken"]) if item else Absent()
        ends = TALLY.ends(tally.read_week(week).begins("UTC"))
        try:
            outside.tables.write([Put(place, {"taken": ",".join([*taken, name]), "expires_at": ends}, when=as_read)])
        except (ConditionFailed, Conflict):
            continue
        return True


def _opened(outside: Outside, customer: Customer, week: str, now: datetime) -> int:
    """A case on the desk, with its clock. One that is open already has somebody who looks after it."""
    order = standing(customer)[0]
    ref = f"{order.shop}:call-{keys.message_id(f'{week}#{customer.id}')[:12]}"
    if any(case.open or case.ref == ref for case in customer.cases):
        return 0
    clock = Rescue(
        origin="care",
        about=order.key,
        order_key=order.key,
        segment=segments_of(customer).lifecycle,
        way="call",
        call=True,
        answer_by=now + ANSWER_WITHIN,
        act_by=now + END_WITHIN,
    )
    case = Case(ref=ref, order_key=order.key, opened_at=now, rescue=clock)
    place = customer.case_place(ref)
    after = case.model_copy(update={"version": 1})
    put = versioned(place, after.to_json(), 0, **attributes(after))
    key = f"call#{week}#{customer.id}"
    told = case_told("SupportCaseOpened", customer, after, keys.message_id(key), now, keys.message_id(key))
    return int(write(outside.tables, key, "customer_segments", "SupportCaseOpened", customer, [put], [told], now))
