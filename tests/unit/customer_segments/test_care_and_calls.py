"""Who stays away is helped, asked, called or left alone; calls go to those whom they may keep, the best first."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys, tally
from aftercare.decision import Message, State
from aftercare.lifetime import USUAL, Orders
from aftercare.money import Money
from aftercare.proposal import Proposal
from aftercare.prospects import next_order_of, prospects_of
from aftercare.rescues import open_rescues
from aftercare.retention import JOURNAL
from aftercare.segment_policy import segment_policy
from aftercare.store import load
from aftercare.table import Put
from aftercare.use import table_weights
from customer_segments.care import Outlook, does, next_look, outlook, overdue
from customer_segments.handler import handle
from customer_segments.use import Known
from tests.builders import NOON, a_customer, an_order
from tests.small_outside import Context

CARE = segment_policy().care
UNKNOWN = Known((), table_weights(CARE.use), USUAL, "example")


def bag(n, days, total="200", **more):
    placed = NOON - timedelta(days=days)
    return an_order(str(n), placed_at=placed, as_of=placed, total=Money(amount=total, currency="EUR"), **more)


def buyer(silence=60, every=30, orders=6, total="200", **more):
    return a_customer(*(bag(n, silence + every * n, total) for n in range(orders)), **more)


def churn(customer, model=USUAL):
    return outlook(customer, UNKNOWN._replace(model=model), CARE, NOON).churn


def test_the_longer_the_silence_beside_their_own_rhythm_the_surer_they_are_gone():
    # By hand: six orders every 30 days and 60 of silence are x = 5, tx = 150, T = 210. The odds of having left are
    # a / (b + 4) ((58 + 210) / (58 + 150))^5.62, and who has not stays away for 180 days with (268 / 448)^5.62.
    left = 1 / (1 + 1 / (0.35 / 6.6 * (268 / 208) ** 5.62))
    assert churn(buyer(60, 30)) == pytest.approx(left + (1 - left) * (268 / 448) ** 5.62)
    assert churn(buyer(30, 30)) < churn(buyer(60, 30)) < churn(buyer(120, 30)) < 1
    assert overdue(buyer(60, 30), CARE, NOON) and not overdue(buyer(60, 90), CARE, NOON), "who orders seldom is not missed yet"
    assert churn(a_customer(bag(1, 60))) == churn(a_customer(bag(1, 60), bag(2, 60))) == 0.0, "who never came back is no sign"


def test_a_store_whose_customers_leave_sooner_misses_them_sooner():
    fickle = USUAL._replace(orders=Orders(0.62, 58.0, 1.5, 2.6))
    assert churn(buyer(60, 30), fickle) > 2 * churn(buyer(60, 30))
    faithful = USUAL._replace(orders=Orders(0.89, 73.0, 0.05, 17.0))
    there = prospects_of(buyer(250, 30), faithful, NOON.date())
    assert there.active > 0.8 and there.churn > 0.25, "and who hardly ever leaves for good is missed all the same"


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


def test_it_is_looked_again_after_so_many_of_the_waits_that_were_expected_and_a_newer_order_moves_that():
    customer = buyer(silence=0, every=30)
    wait = (next_order_of(customer).p50 - NOON.date()).days
    assert 25 <= wait <= 40, "near their own thirty days"
    at = next_look(customer, CARE, NOON)
    assert (at.date() - NOON.date()).days == int(wait * CARE.after_intervals)
    assert not overdue(customer, CARE, at - timedelta(days=1)) and overdue(customer, CARE, at)
    newer = buyer(silence=-20, every=30)
    assert next_look(newer, CARE, NOON) > at
    assert next_look(buyer(silence=500), CARE, NOON) is None, "and ends"


def test_who_ordered_once_is_looked_at_once():
    new = a_customer(bag(1, 3))
    at = next_look(new, CARE, NOON)
    assert (at.date() - NOON.date()).days == CARE.after_days - 3
    assert not overdue(new, CARE, NOON) and overdue(new, CARE, at)
    assert next_look(new, CARE, at) is None
    assert next_look(a_customer(), CARE, NOON) is None and not overdue(a_customer(), CARE, NOON)


def test_what_a_call_saves_grows_with_spend_and_risk_and_is_whole_cents():
    poor, rich = (outlook(buyer(total=total), UNKNOWN, CARE, NOON).saves for total in ("20", "200"))
    # Gamma-Gamma draws both to the store's: 3.5 (60 + 6 * 200) / (3.5 * 6 + 3) of 200, 3.5 (60 + 6 * 20) / 24 of 20.
    assert isinstance(rich, int) and rich / poor == pytest.approx(183.75 / 26.25, rel=0.01)
    early, late = (outlook(buyer(silence=silence), UNKNOWN, CARE, NOON) for silence in (50, 150))
    assert early.churn < 1 - early.use < late.churn and early.saves < late.saves


def test_who_was_asked_in_this_quarter_is_not_asked_again(small):
    small.clock.at = NOON
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    customer = replace(buyer(silence=150, orders=2, total="5"), id="c01")
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
    """Twelve buyers of high value who have stayed away for long, each worth something else."""
    small.clock.at = NOON
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    for n in range(12):
        customer = replace(buyer(150, total=str(200 + 10 * n)), id=f"c{n:02d}")
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
