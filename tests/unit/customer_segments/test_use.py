"""Signs of use on a record, what they are worth in a shop, and what became of whom."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys, tally
from aftercare.behaviour import seen
from aftercare.cases import Case, Rescue
from aftercare.catalogue import catalogue
from aftercare.consent import Choice, ConsentRecord
from aftercare.customer import OrderLine
from aftercare.feedback import Answer, Feedback, Heard
from aftercare.retention import JOURNAL
from aftercare.segment_policy import segment_policy
from aftercare.setup import Progress, SetUp, guided
from aftercare.table import Put
from aftercare.use import GROUPS, PART, Weights, cell_of, chance, counted, signs_of, table_weights, weights_from
from customer_segments.care import does, outlook
from customer_segments.handler import handle
from customer_segments.use import goes_on, known_of, signs
from tests.builders import NOON, a_customer, an_order
from tests.small_outside import Context

CARE = segment_policy().care
GOODS = catalogue()
CAMERA = OrderLine(line_ref="1", title="Camera", quantity=1, product_type="Camera", sku="CAM-1")


def bought(days=60, number="1", **more):
    placed = NOON - timedelta(days=days)
    return an_order(number, placed_at=placed, as_of=placed, **more)


NOT_BEGUN = SetUp()


def shown(customer, order=None, kept=NOT_BEGUN):
    return signs(customer, order, kept, GOODS, NOON)


def reached(*names):
    return Feedback(heard=tuple(Heard(kind="milestone", ref=name, at=NOON, sku=sku) for name, sku in names))


def case(opened, answered=None, closed=None, **more):
    def at(days):
        return None if days is None else NOON - timedelta(days=days)

    return Case(ref="example:7", opened_at=at(opened), answered_at=at(answered), closed_at=at(closed), **more)


# ---------------------------------------------------------------- the signs


@pytest.mark.parametrize(
    ("progress", "sign"),
    [
        (None, "steps-none"),
        (Progress(ticked=(0,)), "steps-some"),
        (Progress(ticked=(0, 1, 2)), "steps-all"),
        (Progress(used_at=NOON), "steps-all"),
    ],
)
def test_how_far_the_guide_is(progress, sign):
    order = bought(lines=(CAMERA,))
    kept = SetUp(families={"camera": progress}) if progress else SetUp()
    assert shown(a_customer(order), order, kept) == (sign,)
    assert shown(a_customer(bought())) == (), "nothing to set up says nothing"


def test_milestones_are_counted_by_their_name():
    assert shown(a_customer(bought(), feedback=reached(("first-use", "A")))) == ("milestone",)
    assert shown(a_customer(bought(), feedback=reached(("first-use", "A"), ("first-use", "B")))) == ("milestone",)
    assert shown(a_customer(bought(), feedback=reached(("first-use", "A"), ("first-project", None)))) == ("milestones",)


def test_logins_say_something_of_who_agreed_that_they_are_noted():
    agreed = ConsentRecord(behaviour=Choice(opted_out=False, said_at=NOON - timedelta(days=50), proof="EVIDENCE"))
    lately, long_ago = (seen(None, ("app",), (), NOON - timedelta(days=days)) for days in (3, 45))
    assert shown(a_customer(bought(), consent=agreed, behaviour=lately)) == ("logged-in",)
    assert shown(a_customer(bought(), consent=agreed, behaviour=long_ago)) == ("stayed-out",)
    assert shown(a_customer(bought())) == ()
    new = ConsentRecord(behaviour=Choice(opted_out=False, said_at=NOON - timedelta(days=5), proof="EVIDENCE"))
    assert shown(a_customer(bought(), consent=new)) == (), "five days of leave show no month without a login"


@pytest.mark.parametrize(
    ("cases", "found"),
    [
        ((case(9, 8.9),), ("answered-4h",)),
        ((case(9, 8.5),), ("answered-24h",)),
        ((case(9, 5, 4),), ("answered-later",)),
        ((case(9, None, 6),), ("answered-later",)),
        ((case(9),), ("open-case",)),
        ((case(9, 8.9),), ("answered-4h",)),
        ((case(200, 190, 180),), ()),
    ],
)
def test_support_is_as_good_as_its_slowest_answer(cases, found):
    closed = tuple(c if c.closed_at or found == ("open-case",) else c.model_copy(update={"closed_at": NOON}) for c in cases)
    assert shown(a_customer(bought(), cases=closed)) == found


def test_the_slowest_case_counts_and_a_call_of_our_own_does_not():
    slow, fast = case(9, 6, 5), case(3, 2.95, 2)
    assert shown(a_customer(bought(), cases=(slow, fast))) == ("answered-later",)
    clock = Rescue(origin="care", about="x", segment="repeat", way="call", answer_by=NOON, act_by=NOON)
    assert shown(a_customer(bought(), cases=(case(9, rescue=clock),))) == ()


def test_a_cell_holds_one_sign_of_each_group():
    answer = Answer(order="example:1", version=1, first_at=NOON, at=NOON, by="page", score=1)
    found = shown(a_customer(bought(), feedback=Feedback(answers=(answer,)), cases=(case(1),)))
    assert found == ("bad", "open-case") and signs_of(cell_of(found)) == found
    assert cell_of(()) == "0" * len(GROUPS)
    every = [sign for group in GROUPS for sign in group if sign]
    assert all(signs_of(cell_of((sign,))) == (sign,) for sign in every)
    assert set(CARE.use.signs) == set(every), "the table has each of them"
    for wrong in ("", "0000", "0000x", "٠0000"):
        with pytest.raises(ValueError, match="one digit"):
            signs_of(wrong)


def test_what_was_learned_takes_the_place_of_the_table():
    table = table_weights(CARE.use)
    assert chance(table, ()) == pytest.approx(CARE.use.base)
    assert chance(table, ("milestones", "steps-all")) > chance(table, ()) > chance(table, ("bad", "open-case"))
    assert weights_from(None, CARE.use) == weights_from({"cuts": "{}"}, CARE.use) == table
    own = Weights(-1.0, {"bad": -2.0}, 40, 9)
    assert weights_from({"use": own.to_json()}, CARE.use) == own


# ---------------------------------------------------------------- what became of it


@pytest.fixture
def store(small):
    """Somebody who ordered six times every 30 days, a camera last, and is silent since; one step of the guide is ticked."""
    small.clock.at = NOON
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    customer = a_customer(bought(120, "2", lines=(CAMERA,)), *(bought(150 + 30 * n, f"1{n}") for n in range(5)))
    rows = [(keys.PROFILE, customer.profile), *((keys.ORDER + o.key, o) for o in customer.orders)]
    for place, record in rows:
        small.tables.twin.write([Put(keys.customer(customer.id, place), {"doc": record.to_json(), "version": 1})])
    steps = SetUp(version=1, families={"camera": Progress(ticked=(0,))})
    item = {"doc": steps.to_json(), "version": 1, "expires_at": JOURNAL.ends(NOON)}
    small.tables.twin.write([Put(keys.setup(customer.id, "example:2"), item)])
    small.customer = customer
    return small


def wake(small, **payload):
    return handle({"key": "k", "customer_id": small.customer.id, "correlation_id": "x", **payload}, Context())["outcome"]


def settling(small):
    return [one for one in small.waits.running.values() if "use" in one]


def tallied(small):
    return tally.of_week(small.tables.twin, tally.week_at(NOON, tally.store_zone())).get("example", {}).get(PART, {})


def order_again(small, days):
    placed = NOON + timedelta(days=days)
    order = an_order("9", placed_at=placed, as_of=placed)
    place = keys.order(small.customer.id, order.key)
    small.tables.twin.write([Put(place, {"doc": order.to_json(), "version": 1})])


def test_a_look_reads_the_guide_and_what_the_shop_has_learned_at_once(store):
    own = Weights(0.5, {"steps-some": -3.0}, 40, 9)
    store.tables.twin.write([Put(keys.buyers("example"), {"use": own.to_json()})])
    store.tables.calls.clear()
    known = known_of(store, store.customer, CARE.use, NOON)
    assert store.tables.calls == ["read"]
    assert (known.signs, known.weights, known.shop) == (("steps-some",), own, "example")


@pytest.mark.parametrize(("again", "end"), [(None, "left"), (20, "stayed"), (91, "left")])
def test_what_was_seen_is_counted_with_what_became_of_it_once(store, again, end):
    assert "looks again" in wake(store, care=True)
    (waits,) = settling(store)
    assert waits["due_at"] == NOON + timedelta(days=CARE.use.within_days)
    assert (waits["use"], waits["shop"]) == (cell_of(("steps-some",)), "example")
    assert {"customer_id", "key", "use", "shop", "since", "correlation_id", "machine", "due_at"} == set(waits)
    if again and again <= CARE.use.within_days:
        order_again(store, again)
    store.later(days=CARE.use.within_days)
    payload = {name: value for name, value in waits.items() if name not in ("machine", "due_at")}
    assert handle(payload, Context())["outcome"].startswith("counted")
    assert handle(payload, Context())["outcome"] == "nothing: counted before"
    assert tallied(store) == counted(cell_of(("steps-some",)), end == "stayed"), "in the week of the look"


def test_one_look_in_so_many_days_teaches(store):
    wake(store, care=True)
    wake(store, care=True)
    assert len(settling(store)) == 1


def test_who_logged_in_goes_on_and_who_did_so_before_the_look_does_not():
    before = NOON - timedelta(days=90)
    customer = a_customer(bought(200))
    assert not goes_on(customer, before, NOON)
    for days, on in ((10, True), (89, True), (90, False)):
        there = a_customer(bought(200), behaviour=seen(None, ("web",), (), NOON - timedelta(days=days)))
        assert goes_on(there, before, NOON) is on, days
    assert goes_on(a_customer(bought(200), bought(30, "2", is_renewal=True)), before, NOON)
    cancelled = bought(30, "2", cancelled_at=NOON)
    assert not goes_on(a_customer(bought(200), cancelled), before, NOON)


def test_who_is_gone_meanwhile_is_counted_nowhere(store):
    assert handle({"use": "00000", "key": "k", "customer_id": "cgone"}, Context())["outcome"] == "nothing: customer-gone"
    assert tallied(store) == {}


def test_what_a_shop_learned_decides_who_is_written_to(store):
    customer = a_customer(bought(20, "2", lines=(CAMERA,)), bought(50, "1"))
    for base, what in ((3.0, "nothing"), (-3.0, "check-in")):
        store.tables.twin.write([Put(keys.buyers("example"), {"use": Weights(base, {}, 500, 250).to_json()})])
        seen_so = outlook(customer, known_of(store, customer, CARE.use, NOON), CARE, NOON)
        assert seen_so.churn < CARE.high_churn
        assert does(customer, seen_so, CARE) == what


# ---------------------------------------------------------------- who ordered once


@pytest.fixture
def once(small):
    small.clock.at = NOON
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    customer = a_customer(bought(CARE.after_days, "1", lines=(CAMERA,)))
    for place, record in [(keys.PROFILE, customer.profile), *((keys.ORDER + o.key, o) for o in customer.orders)]:
        small.tables.twin.write([Put(keys.customer(customer.id, place), {"doc": record.to_json(), "version": 1})])
    small.customer = customer
    return small


def test_who_ordered_once_and_did_not_set_it_up_is_helped_when_their_row_is_over(once):
    assert guided((CAMERA,), GOODS)
    since = (NOON - timedelta(days=CARE.after_days)).isoformat()
    bad = Feedback(version=1, answers=(Answer(order="example:1", version=1, first_at=NOON, at=NOON, by="page", score=2),))
    place = keys.customer(once.customer.id, keys.FEEDBACK)
    once.tables.twin.write([Put(place, {"doc": bad.to_json(), "version": 1})])
    outcome = wake(once, row="one-time", since=since, said="guide")
    assert "proposed help" in outcome and "looks no more" in outcome
    told = json.loads(once.queues.sent[-1][1])["proposal"]
    assert (told["template"], told["blocks"][0]["variant"]) == ("segment-help", "keep-going")
    assert settling(once)[0]["use"] == cell_of(("steps-none", "bad"))


def test_the_end_of_another_row_begins_no_look(once):
    since = (NOON - timedelta(days=CARE.after_days)).isoformat()
    assert "proposed" not in wake(once, row="first-time", since=since, said="community")
    assert settling(once) == []
