"""What is waited for, and whether a reminder is still worth it at the end of the wait."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from aftercare import keys, reorders
from aftercare.catalogue import catalogue
from aftercare.consent import Purpose
from aftercare.customer import OrderLine, Refund, Return, Stockout
from aftercare.decision import Decision, Message, Reason, State
from aftercare.money import Money
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.reorder_policy import reorder_policy
from aftercare.reorders import NONE, Remark
from aftercare.table import Put
from aftercare.wishes import NEVER
from reorder_reminder import hit_gate, knowledge
from reorder_reminder.handler import handle
from reorder_reminder.purchases import ONE_PURCHASE, purchases, size_of
from reorder_reminder.reminding import (
    STILL_OF_USE,
    Because,
    Plan,
    Store,
    Wait,
    accompanying,
    answered,
    key_of,
    last_key,
    placed,
    woken,
)
from simulator import state_language
from tests.builders import ANNA, NOON, a_customer, an_order

CATALOGUE = catalogue()
STORE = Store(CATALOGUE, reorder_policy(), "UTC")
ASL = Path(__file__).parents[3] / "functions/reorder_reminder/remind.asl.yaml"
DEAR = Money(amount="49.90", currency="EUR")
CHEAP = Money(amount="9.00", currency="EUR")


def line(product_type="Coffee", **more):
    return OrderLine(
        **{"line_ref": product_type, "title": "Thing", "quantity": 1, "product_type": product_type, "unit_price": DEAR, **more}
    )


def bought(ref="1070", day=0, lines=None, **more):
    return an_order(ref, lines=lines or (line(),), placed_at=NOON + timedelta(days=day), country="GB", **more)


def set_going(customer, order_key, kept, store, now):
    return placed(customer, order_key, purchases(customer, store.catalogue), kept, store, now)


def after(order, *others, kept=NONE, store=STORE, now=None):
    """The plan when an order has been placed, with the others on record."""
    found = set_going(a_customer(order, *others), order.key, kept, store, now or order.placed_at)
    assert isinstance(found, Plan), found
    return found


def at_end(plan, *orders, store=STORE, wait=None, now=None, family="coffee"):
    one = wait or next(wait for wait in plan.waits if wait.family == family)
    return woken(a_customer(*orders), one, plan.kept, store, now or one.at, "k1")


def every(days, times, **more):
    return [bought(f"{n}", days * n, **more) for n in range(times)]


def thrice(**more):
    """A customer who buys the same every three weeks, and the plan after the third time."""
    orders = every(21, 3, **more)
    kept = NONE
    for place, order in enumerate(orders):
        plan = after(order, *orders[:place], kept=kept)
        kept = plan.kept
    return plan, orders


# ---------------------------------------------------------------- the wait


def test_each_family_with_a_window_has_one_wait_named_after_the_purchase_that_set_it():
    plan = after(bought(lines=(line(), line("Coffee", line_ref="2"), line("Granola"), line("Clothing"))))
    assert {(w.family, round((w.at - NOON) / timedelta(days=1))) for w in plan.waits if w.key == key_of(w.order, w.family)} == {
        ("coffee", 28),
        ("pantry", 14),
    }


@pytest.mark.parametrize(
    ("order", "because"),
    [
        (bought(is_test=True), Because.TEST_ORDER),
        (bought(cancelled_at=NOON), Because.CANCELLED),
        (bought(deleted_at=NOON), Because.DELETED),
        (bought().model_copy(update={"placed_at": None}), Because.NOT_PLACED),
        (bought(is_renewal=True), Because.RENEWS_ITSELF),
        (bought(refunds=(Refund(ref="r", at=NOON, whole=True),)), Because.REFUNDED),
        (bought(lines=(line("Clothing"),)), Because.NO_WINDOW),
    ],
)
def test_nothing_is_waited_for_where_nothing_can_be_said_later(order, because):
    assert set_going(a_customer(order), order.key, NONE, STORE, NOON) == Nothing(because)


def test_an_order_that_is_imported_long_after_waits_for_nothing():
    order = bought()
    assert set_going(a_customer(order), order.key, NONE, STORE, NOON + timedelta(days=400)) == Nothing(Because.NO_WINDOW)


def test_a_first_purchase_is_reminded_of_where_the_gate_says_so_and_else_only_looked_at_in_the_end():
    (dear,) = after(bought()).waits
    (cheap,) = after(bought(lines=(line(unit_price=CHEAP),))).waits
    assert dear.key == key_of(dear.order, "coffee")
    assert cheap.key == last_key(dear.key)
    assert cheap.at > dear.at


def test_a_product_bought_thrice_is_reminded_of_even_where_it_is_cheap_and_sooner_by_its_own_rhythm():
    plan, _ = thrice(lines=(line(unit_price=CHEAP),))
    (wait,) = plan.waits
    assert wait.key == key_of(wait.order, "coffee")
    assert 10 <= (wait.at - NOON).days - 42 <= 22


def test_a_newer_purchase_stops_the_wait_of_the_one_before_and_teaches():
    one, two = bought(), bought("1071", 25)
    first = after(one)
    plan = after(two, one, kept=first.kept)
    assert plan.stops == (first.waits[0].key,)
    assert [wait.order for wait in plan.waits] == [two.key]
    assert {"f:coffee", "store", "gate"} < plan.lessons.keys()
    assert at_end(first, one, two, wait=first.waits[0]).decision == Nothing(Because.REORDERED)


def test_an_order_told_twice_teaches_once_and_waits_once():
    one, two = bought(), bought("1071", 25)
    plan = after(two, one, kept=after(one).kept)
    again = after(two, one, kept=plan.kept)
    assert (again.waits, again.lessons, again.kept) == (plan.waits, {}, plan.kept)


def test_orders_within_hours_are_one_purchase():
    one = bought()
    two = bought("1071").model_copy(update={"placed_at": NOON + ONE_PURCHASE / 2})
    plan = after(two, one, kept=after(one).kept)
    assert plan.lessons == {}
    assert purchases(a_customer(one, two), CATALOGUE)["coffee"][-1].quantity == 2


def test_what_comes_by_subscription_is_not_reminded_of():
    renewed, extra = bought("1", subscription="demo:S1"), bought("2", 10)
    plan = after(extra, renewed, kept=after(bought("0", -20)).kept)
    assert plan.waits == ()
    assert plan.kept.running == {}


def test_what_was_bought_by_a_plan_comes_again_by_itself_from_the_first_order_on():
    begun = bought("1", 10, lines=(line(plan="Every four weeks"),))
    first = after(bought("0"))
    plan = after(begun, bought("0"), kept=first.kept)
    assert (plan.waits, plan.stops, plan.kept.running) == ((), (first.waits[0].key,), {})
    assert at_end(first, bought("0"), begun, wait=first.waits[0]).decision == Nothing(Because.REORDERED)
    other = bought("1", 10, lines=(line("Granola", plan="Every two weeks"),))
    assert isinstance(at_end(first, bought("0"), other, wait=first.waits[0]).decision, Proposal)


def test_the_quantity_is_read_across_sizes_and_packs():
    assert [size_of(line(variant=v)) for v in ("1 kg, whole bean", "2 x 250 g", "0,5 l", None)] == [1000.0, 500.0, 500.0, 1.0]


@pytest.mark.parametrize(
    ("placed_at", "days", "due"),
    [
        (datetime(2028, 2, 29, 9, tzinfo=UTC), 28, datetime(2028, 3, 28, 8, tzinfo=UTC)),
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), 1, datetime(2026, 3, 29, 21, 59, tzinfo=UTC)),
        (datetime(2026, 10, 24, 21, 59, tzinfo=UTC), 28, datetime(2026, 11, 21, 22, 59, tzinfo=UTC)),
    ],
)
def test_days_are_counted_by_the_calendar_of_who_ordered(placed_at, days, due):
    from reorder_reminder.reminding import on_day

    order = an_order(placed_at=placed_at, country="DE")
    assert on_day(order, days, "UTC") == due


# ---------------------------------------------------------------- the end of the wait


def test_at_the_end_of_the_wait_one_reminder_is_proposed_with_its_window_and_the_last_look_is_waited_for():
    order = bought(lines=(line(quantity=3),))
    plan = at_end(after(order), order)
    proposal = plan.decision
    assert isinstance(proposal, Proposal)
    assert (proposal.key, proposal.template) == ("reorder-reminder#example:1070:coffee", "reorder-reminder")
    assert proposal.purpose is Purpose.REORDER
    assert proposal.references == {"order": "example:1070", "family": "coffee"}
    assert proposal.not_after == NOON + timedelta(days=28) - timedelta(hours=1) + STILL_OF_USE
    undone = {Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED}
    assert set(proposal.unless) == {*undone, Unless.REORDERED}
    assert proposal.value > 0
    assert (proposal.blocks[0].kind, proposal.blocks[0].family, proposal.blocks[0].variant) == ("reorder", "coffee", "again")
    assert [wait.key for wait in plan.waits] == ["reorder-nudge#example:1070:coffee"]


def test_at_most_one_product_goes_with_a_reminder_on_its_own_ground():
    order = bought()
    beside = [b for b in at_end(after(order), order).decision.blocks if b.kind == "accompanying"]
    assert len(beside) <= 1
    assert all(block.purpose is Purpose.PROMOTIONAL for block in beside)


def test_no_product_goes_with_a_reminder_that_somebody_does_not_want():
    order, family = bought(), CATALOGUE.family("coffee")
    customer = a_customer(order)
    for name in family.cross_sells:
        found = accompanying(customer, family, STORE, "seed", NOON)
        assert found is None or found not in customer.wishes.unwanted(NOON)
        customer = replace(customer, wishes=customer.wishes.with_offer(name, NEVER, NOON))
    assert accompanying(customer, family, STORE, "seed", NOON) is None


def test_a_tap_on_an_offer_teaches_of_that_offer_and_moves_no_wait():
    order = bought()
    plan = after(order)
    kept = reorders.taken_in(plan.kept, "coffee", Remark(at=NOON, what="later", days=7))
    kept = reorders.taken_in(kept, "coffee", Remark(at=NOON, what="not-for-me", offer="filter-papers"))
    said = answered(a_customer(order), "coffee", kept, STORE, NOON, "filter-papers")
    assert (said.lessons, said.stops, said.waits) == ({"o:coffee:filter-papers": (1.0, 0.0)}, (), ())
    assert said.kept.running == plan.kept.running
    put_off = answered(a_customer(order), "coffee", said.kept, STORE, NOON)
    assert len(put_off.waits) == 1 and put_off.lessons == {}


def test_the_last_look_teaches_that_nobody_bought_and_nudges_where_that_is_worth_it():
    plan, orders = thrice()
    first = at_end(plan, *orders)
    last = woken(a_customer(*orders), first.waits[0], plan.kept, STORE, first.waits[0].at, "k1")
    assert "gate" in last.lessons
    assert last.kept.running["coffee"].taught
    assert isinstance(last.decision, Proposal)
    assert last.decision.template == "reorder-nudge"
    again = woken(a_customer(*orders), first.waits[0], last.kept, STORE, first.waits[0].at, "k1")
    assert again.lessons == {}


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"cancelled_at": NOON}, Because.CANCELLED),
        ({"refunds": (Refund(ref="r", at=NOON, whole=True),)}, Because.REFUNDED),
        ({"is_test": True}, Because.TEST_ORDER),
        ({"deleted_at": NOON}, Because.DELETED),
        ({"lines": ()}, Because.NO_WINDOW),
        ({"returns": (Return(ref="R1", requested_at=NOON, lines={"Coffee": 1}),)}, Because.RETURNED),
        ({"stockouts": (Stockout(line_ref="Coffee", at=NOON),)}, Because.OUT_OF_STOCK),
    ],
)
def test_what_happened_during_the_wait_is_seen_at_its_end(changed, because):
    plan = after(bought())
    assert at_end(plan, bought().model_copy(update=changed)).decision == Nothing(because)


def test_a_product_that_another_order_could_not_get_is_not_reminded_of():
    plan = after(bought())
    out = STORE._replace(out={plan.kept.running["coffee"].product: NOON})
    assert at_end(plan, bought(), store=out).decision == Nothing(Because.OUT_OF_STOCK)


@pytest.mark.parametrize("size", ["250 g", "2 x 1 kg"])
def test_who_ordered_another_size_or_pack_of_the_family_is_not_reminded(size):
    plan = after(bought())
    later = bought("2000", 5, lines=(line(product_ref="other", variant=size),))
    assert at_end(plan, bought(), later).decision == Nothing(Because.REORDERED)


@pytest.mark.parametrize(
    "other",
    [bought("2", 5, lines=(line("Clothing"),)), bought("2", 5, cancelled_at=NOON), bought("2", 5, is_test=True)],
)
def test_an_order_of_something_else_or_one_that_does_not_stand_is_no_reorder(other):
    assert isinstance(at_end(after(bought()), bought(), other).decision, Proposal)


def test_a_reminder_long_after_it_was_due_is_not_proposed():
    plan = after(bought())
    late = plan.waits[0].at + STILL_OF_USE
    assert at_end(plan, bought(), now=late).decision == Nothing(Because.TOO_LATE)
    assert isinstance(at_end(plan, bought(), now=late - timedelta(seconds=1)).decision, Proposal)


def test_a_family_that_the_catalogue_no_longer_has_is_not_reminded_of():
    wait = Wait("reorder-reminder#example:1070:nosuch", "example:1070", "nosuch", NOON)
    assert woken(a_customer(bought()), wait, NONE, STORE, NOON, "k1").decision == Nothing(Because.NO_WINDOW)


def test_a_customer_who_was_erased_during_the_wait_is_left_alone():
    (wait,) = after(bought()).waits
    assert woken(None, wait, NONE, STORE, wait.at, "k1").decision == Nothing(Because.CUSTOMER_GONE)


def test_something_expensive_is_offered_what_keeps_its_worth_and_not_another():
    machine = bought(lines=(line("Espressomaschine"),))
    plan = after(machine)
    assert at_end(plan, machine, family="espresso-machine").decision.blocks[0].variant == "care"
    descaler = bought("2", 3, lines=(line("Care", sku="CAR-DESCALER"),))
    assert at_end(plan, machine, descaler, family="espresso-machine").decision == Nothing(Because.REORDERED)


# ---------------------------------------------------------------- what the customer says


def saying(plan, order, on_day=10, **said):
    now = NOON + timedelta(days=on_day)
    kept = reorders.taken_in(plan.kept, "coffee", Remark(at=now, **said))
    return answered(a_customer(order), "coffee", kept, STORE, now)


def test_a_snooze_stops_the_wait_and_sets_another_that_reminds_whatever_the_gate_says():
    order = bought(lines=(line(unit_price=CHEAP),))
    before = after(order)
    kept = reorders.taken_in(before.kept, "coffee", Remark(at=NOON + timedelta(days=28), what="later", days=14))
    plan = answered(a_customer(order), "coffee", kept, STORE, NOON + timedelta(days=28))
    assert before.waits[0].key in plan.stops
    (wait,) = plan.waits
    assert wait.at == NOON + timedelta(days=42)
    assert plan.kept.told == {"coffee": (42.0,)}
    assert isinstance(at_end(plan, order, wait=wait).decision, Proposal)
    assert at_end(plan, order, wait=before.waits[0]).decision in (Nothing(Because.SNOOZED), Nothing(Because.NOT_WORTH_IT))
    next_time = bought("1071", 50)
    slower = after(next_time, order, kept=plan.kept).kept.running["coffee"].day
    assert slower > after(next_time, order, kept=before.kept).kept.running["coffee"].day


def test_what_is_left_says_how_long_it_lasts():
    order = bought(lines=(line(quantity=4),))
    plan = saying(after(order), order, 15, what="left", left=1)
    assert plan.waits[0].at == NOON + timedelta(days=20)


def test_not_for_this_product_stops_for_good_and_an_own_choice_brings_it_back():
    order = bought()
    plan = saying(after(order), order, what="not-for-me")
    assert plan.waits == ()
    assert plan.kept.never == ("coffee",)
    assert plan.lessons == {"o:coffee:again": (1.0, 0.0)}
    later = bought("1071", 30)
    assert set_going(a_customer(later, order), later.key, plan.kept, STORE, later.placed_at) == Nothing(Because.NOT_WANTED)
    back = reorders.taken_in(plan.kept, "coffee", Remark(at=NOON, what="later", days=7))
    assert back.never == ()


def test_a_tap_teaches_once():
    order = bought()
    plan = saying(after(order), order, what="useful")
    assert plan.lessons == {"o:coffee:again": (1.0, 1.0)}
    assert answered(a_customer(order), "coffee", plan.kept, STORE, NOON + timedelta(days=11)).lessons == {}


def test_taps_move_what_a_reminder_is_worth():
    order = bought()
    disliked = STORE._replace(known={"o:coffee:again": (40.0, 0.0)})
    assert after(order).waits[0].key == key_of(order.key, "coffee")
    assert after(order, store=disliked).waits[0].key == last_key(key_of(order.key, "coffee"))


# ---------------------------------------------------------------- the function


class Waits:
    """Executions by name: a name is used once (ExecutionAlreadyExists is success)."""

    def __init__(self):
        self.started = {}
        self.stopped = []

    def start(self, state_machine, name, due_at, payload):
        assert 1 <= len(name) <= 80
        if name in self.started:
            return False
        self.started[name] = (due_at, json.loads(json.dumps(payload)))
        return True

    def stop(self, state_machine, name):
        self.stopped.append(name)


@pytest.fixture
def house(small):
    small.clock.at = NOON
    small.waits = Waits()
    small.settings = replace(small.settings, reorder_state_machine="arn:aws:states:x")
    small.tables.twin.write([Put(keys.customer(ANNA, keys.PROFILE), {"doc": a_customer().profile.to_json()})])
    return small


def put(house, order):
    house.tables.twin.write([Put(keys.order(ANNA, order.key), {"doc": order.to_json()})])


def told(detail_type="OrderPlaced", source="aftercare.orders", **data):
    detail = {"metadata": {"id": "e1", "occurred_at": "2026-03-02T12:00:00Z", "correlation_id": "k1"}}
    detail["data"] = {"customer_id": ANNA, "order": "example:1070", **data}
    return {"detail-type": detail_type, "source": source, "detail": detail}


def test_an_order_told_twice_starts_one_wait_and_its_wake_proposes_once(house):
    put(house, bought())
    assert [handle(told(), None)["outcome"] for _ in range(2)] == ["waiting: 1"] * 2
    ((name, (due_at, payload)),) = house.waits.started.items()
    assert name == keys.message_id("reorder-reminder#example:1070:coffee")
    assert not {"email", "name"} & payload.keys()
    house.clock.at = due_at
    assert handle({"due_at": "2026-03-30T12:00:00.000000Z", **payload}, None) == {"outcome": "proposed"}
    ((_, body, group),) = house.queues.sent
    assert (group, json.loads(body)["proposal"]["correlation_id"]) == (ANNA, "k1")


def test_a_reorder_stops_the_wait_and_its_lessons_lie_in_the_knowledge_once(house):
    put(house, bought())
    handle(told(), None)
    put(house, bought("1071", 25))
    house.clock.at = NOON + timedelta(days=25)
    for _ in range(2):
        handle(told(order="example:1071"), None)
    assert house.waits.stopped == [keys.message_id("reorder-reminder#example:1070:coffee")]
    seen = knowledge.read(house.tables, ANNA, ["gate", "f:coffee", "store"])
    assert len(seen.known["gate"]) == hit_gate.SIZE
    purchases_taught, followed = seen.known["f:coffee"][2:]
    assert purchases_taught == followed > 0


def test_what_cannot_be_sent_is_noted_until_it_is_there_again(house):
    put(house, bought(lines=(line(product_ref="P1"),)))
    handle(told("ItemOutOfStock", lines=["Coffee"], expected_at=None), None)
    assert set(knowledge.read(house.tables, ANNA, (), ["example:P1"]).out) == {"example:P1"}
    knowledge.in_stock(house, "example:P1")
    assert knowledge.read(house.tables, ANNA, (), ["example:P1"]).out == {}


def test_an_answer_from_the_page_moves_the_wait(house):
    put(house, bought())
    handle(told(), None)
    kept = reorders.read(house.tables, ANNA)
    said = Remark(at=NOON + timedelta(days=20), what="later", days=30)
    after_page = reorders.taken_in(kept, "coffee", said).model_copy(update={"version": kept.version + 1})
    house.tables.twin.write([Put(reorders.place(ANNA), {"doc": after_page.to_json(), "version": after_page.version})])
    house.clock.at = said.at
    event = told("OfferAnswered", "aftercare.feedback", family="coffee", offer="again", said="later")
    assert [handle(event, None)["outcome"] for _ in range(2)] == ["waiting: 1"] * 2
    name = keys.message_id("reorder-reminder#example:1070:coffee:20260421")
    assert house.waits.started[name][0] == NOON + timedelta(days=50)


def test_the_workflow_waits_then_calls_and_runs_on_the_local_cloud():
    function = "arn:aws:lambda:eu-central-1:123456789012:function:reorder"
    definition = yaml.safe_load(ASL.read_text(encoding="utf-8").replace("${ReorderReminderFunctionArn}", function))
    assert state_language.load(definition, "reorder-reminder")
    assert list(definition["States"]) == ["WaitUntilDue", "DecideAgain"]
    assert definition["States"]["WaitUntilDue"]["TimestampPath"] == "$.due_at"


def test_while_one_reminder_of_a_family_waits_at_the_gate_no_other_is_proposed():
    """Who buys every day is told once, and keeps a record that fits."""
    plan, orders = thrice()
    proposed = at_end(plan, *orders).decision
    assert isinstance(proposed, Proposal)
    wait = next(wait for wait in plan.waits if wait.family == "coffee")
    waits = Message(proposal=proposed, state=State.HELD, decisions=(Decision(at=NOON, state=State.HELD, reason=Reason.CAP_FULL),))
    held = a_customer(*orders, held=(waits,))
    assert woken(held, wait, plan.kept, STORE, wait.at, "k1").decision == Nothing(Because.ONE_WAITS)
    other = waits.model_copy(update={"proposal": proposed.model_copy(update={"key": "reorder-reminder#example:1:granola"})})
    assert isinstance(woken(a_customer(*orders, held=(other,)), wait, plan.kept, STORE, wait.at, "k1").decision, Proposal)
