"""Who stays away is helped, asked, called or left alone; calls go to those whom they may keep, the best first."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys, tally
from aftercare.behaviour import seen
from aftercare.decision import Message, State
from aftercare.feedback import Answer, Feedback, Heard
from aftercare.money import Money
from aftercare.proposal import Proposal
from aftercare.rescues import open_rescues
from aftercare.retention import JOURNAL
from aftercare.segment_policy import segment_policy
from aftercare.segments import bought_by
from aftercare.store import load
from aftercare.table import Put
from customer_segments.care import Outlook, churn_of, does, next_look, outlook, overdue, use_of
from customer_segments.handler import handle
from tests.builders import NOON, a_customer, an_order
from tests.small_outside import Context

CARE = segment_policy().care


def bag(n, days, total="200", **more):
    placed = NOON - timedelta(days=days)
    return an_order(str(n), placed_at=placed, as_of=placed, total=Money(amount=total, currency="EUR"), **more)


def buyer(silence=60, every=30, orders=6, total="200", **more):
    return a_customer(*(bag(n, silence + every * n, total) for n in range(orders)), **more)


def test_the_longer_the_silence_beside_their_own_rhythm_the_surer_they_are_gone():
    def churn(silence, every):
        return churn_of(bought_by(buyer(silence, every)), CARE, NOON)

    assert churn(0, 30) == pytest.approx(CARE.drop)
    assert churn(30, 30) < churn(60, 30) < churn(120, 30) < 1
    assert churn(60, 90) < churn(60, 30), "who orders seldom is not missed yet"
    assert churn_of(bought_by(a_customer(bag(1, 300))), CARE, NOON) == 0.0, "one order has no rhythm"


def test_signs_of_use_move_what_is_supposed_of_it():
    plain = use_of(buyer(), CARE, NOON)
    assert plain == pytest.approx(CARE.use.base)
    first = Feedback(heard=(Heard(kind="milestone", ref="first-use", at=NOON),))
    bad = Feedback(answers=(Answer(order="x", version=1, first_at=NOON, at=NOON, by="page", score=1),))
    assert use_of(buyer(feedback=first), CARE, NOON) > plain > use_of(buyer(feedback=bad), CARE, NOON)
    assert use_of(buyer(behaviour=seen(None, ("app",), (), NOON)), CARE, NOON) > plain
    assert use_of(buyer(behaviour=seen(None, ("app",), (), NOON - timedelta(days=40))), CARE, NOON) == plain


@pytest.mark.parametrize(
    ("use", "churn", "total", "what"),
    [
        (0.2, 0.8, "300", "call"),
        (0.9, 0.8, "300", "call"),
        (0.2, 0.1, "300", "check-in"),
        (0.9, 0.1, "300", "nothing"),
        (0.2, 0.8, "5", "check-in"),
        (0.9, 0.8, "5", "check-in"),
        (0.9, 0.1, "5", "nothing"),
    ],
)
def test_use_risk_and_value_lead_through_the_table(use, churn, total, what):
    customer = buyer(orders=6 if total == "300" else 2, total=total)
    assert does(customer, Outlook(use, churn, 0), CARE) == what


def test_who_bought_once_is_helped_where_the_use_is_low():
    assert does(a_customer(bag(1, 60, "5")), Outlook(0.1, 0.0, 0), CARE) == "help"


def test_it_is_looked_again_after_so_many_of_their_own_intervals_and_a_newer_order_moves_that():
    customer = buyer(silence=0, every=30)
    at = next_look(customer, CARE, NOON)
    assert (at.date() - NOON.date()).days == int(30 * CARE.after_intervals)
    assert not overdue(customer, CARE, NOON) and overdue(customer, CARE, at)
    newer = buyer(silence=-20, every=30)
    assert next_look(newer, CARE, NOON) > at
    assert next_look(buyer(silence=500), CARE, NOON) is None, "and ends"
    assert next_look(a_customer(bag(1, 3)), CARE, NOON) is None


def test_what_a_call_saves_grows_with_spend_and_risk_and_is_whole_cents():
    poor, rich = (outlook(buyer(total=total), CARE, NOON).saves for total in ("20", "200"))
    assert isinstance(rich, int) and rich > 9 * poor > 0
    assert outlook(buyer(silence=50), CARE, NOON).saves < outlook(buyer(silence=90), CARE, NOON).saves


def test_who_was_asked_in_this_quarter_is_not_asked_again(small):
    small.clock.at = NOON
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    customer = replace(buyer(orders=2, total="5"), id="c01")
    rows = [(keys.PROFILE, customer.profile), *((keys.ORDER + o.key, o) for o in customer.orders)]
    small.tables.twin.write([Put(keys.customer("c01", at), {"doc": one.to_json(), "version": 1}) for at, one in rows])
    assert look(small, 1).startswith("proposed check-in")
    ((_, body, _),) = small.queues.sent
    proposal = Proposal.model_validate(json.loads(body)["proposal"])
    sent = Message(proposal=proposal, state=State.SENT, decisions=())
    item = {"doc": sent.to_json(), "expires_at": JOURNAL.ends(NOON)}
    small.tables.twin.write([Put(keys.ledger("c01", proposal.message_id), item)])
    assert look(small, 1).startswith("nothing: said-in-this-time")
    assert len(small.queues.sent) == 1


# ---------------------------------------------------------------- the week's calls


@pytest.fixture
def store(small):
    """Twelve buyers of high value who stay away, each worth something else."""
    small.clock.at = NOON
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    for n in range(12):
        customer = replace(buyer(total=str(200 + 10 * n)), id=f"c{n:02d}")
        rows = [(keys.PROFILE, customer.profile), *((keys.ORDER + o.key, o) for o in customer.orders)]
        for place, record in rows:
            small.tables.twin.write([Put(keys.customer(customer.id, place), {"doc": record.to_json(), "version": 1})])
    return small


def look(small, n):
    return handle({"care": True, "key": "k", "customer_id": f"c{n:02d}", "correlation_id": "x"}, Context())["outcome"]


def give(small):
    return handle({"task": "calls", "key": "calls"}, Context())["outcome"]


def called(small):
    return [one.customer_id for one in open_rescues(small.tables)]


def test_the_best_are_called_first_and_who_finds_no_room_is_written_to(store):
    for n in (3, 11, 0, 7, 5, 1, 9, 2, 10, 4, 8, 6):
        assert "on the list of calls" in look(store, n)
    assert give(store) == "0 calls, 0 beyond the budget", "the week is not over"
    store.later(days=7)
    assert give(store) == f"{CARE.calls.a_week} calls, 2 beyond the budget"
    assert sorted(called(store)) == [f"c{n:02d}" for n in range(2, 12)], "those that are worth least wait"
    told = [json.loads(body)["proposal"] for _, body, _ in store.queues.sent]
    assert [(p["customer_id"], p["blocks"][0]["variant"]) for p in told] == [("c01", "how-is-it"), ("c00", "how-is-it")]
    assert store.items("CALLS#") == []


def test_a_week_that_is_worked_off_twice_gives_no_call_more(store):
    for n in range(12):
        look(store, n)
    lines = [(keys.Key("customers", str(i["pk"]), str(i["sk"])), i) for i in store.items("CALLS#")]
    store.later(days=7)
    give(store)
    before = called(store)
    for key, item in lines:
        store.tables.twin.write([Put(key, {name: value for name, value in item.items() if name not in ("pk", "sk")})])
    give(store)
    assert called(store) == before
    week = str(tally.week_at(store.clock.now(), tally.store_zone()).before())
    budget = store.tables.twin.read([keys.call_budget(week)])[keys.call_budget(week)]
    assert len(str(budget["taken"]).split(",")) == CARE.calls.a_week
    assert not any(f"c{n:02d}" in str(budget["taken"]).split(",") for n in range(12)), "it names nobody"


def test_the_same_look_twice_is_one_line_and_a_new_order_takes_them_off(store):
    look(store, 1)
    look(store, 1)
    assert len(store.items("CALLS#")) == 1
    order = bag(99, -1)
    store.tables.twin.write([Put(keys.order("c01", order.key), {"doc": order.to_json(), "version": 1})])
    store.later(days=7)
    assert give(store) == "0 calls, 0 beyond the budget"
    assert called(store) == []


def test_a_call_is_a_case_of_the_desk_with_a_clock(store):
    look(store, 4)
    store.later(days=7)
    give(store)
    (case,) = load(store.tables, "c04").cases
    assert case.open and case.rescue.call and case.rescue.way == "call" and case.due
    assert store.told() == ["SupportCaseOpened"]
