"""What is waited for, and whether a reminder is still worth it at the end of the wait."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from aftercare import keys
from aftercare.catalogue import catalogue
from aftercare.consent import Purpose
from aftercare.customer import OrderLine, Refund
from aftercare.money import Money
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.table import Put
from reorder_reminder.handler import handle
from reorder_reminder.reminding import STILL_OF_USE, Because, due, remind
from simulator import state_language
from tests.builders import ANNA, NOON, a_customer, an_order

CATALOGUE = catalogue()
ASL = Path(__file__).parents[3] / "functions/reorder_reminder/remind.asl.yaml"
WAKES = NOON + timedelta(days=28)


def line(product_type, **more):
    return OrderLine(**{"line_ref": product_type, "title": "Thing", "quantity": 1, "product_type": product_type, **more})


def later(*lines, **more):
    return an_order("2000", lines=lines, placed_at=NOON + timedelta(days=5), **more)


def woken(order, *others, family="coffee", now=WAKES):
    return remind(a_customer(order, *others), order.key, family, CATALOGUE, now, "k1")


def test_each_family_with_a_window_has_one_wait():
    order = an_order(lines=(line("Coffee"), line("Coffee", line_ref="2"), line("Granola"), line("Clothing")))
    assert {w.family: (w.at - NOON).days for w in due(order, CATALOGUE, NOON)} == {"coffee": 28, "pantry": 14}


def test_a_wait_is_named_after_order_and_family():
    (wait,) = due(an_order(), CATALOGUE, NOON)
    assert wait.key == "reorder-reminder#example:1070:coffee"


@pytest.mark.parametrize(
    ("order", "because"),
    [
        (an_order(is_test=True), Because.TEST_ORDER),
        (an_order(cancelled_at=NOON), Because.CANCELLED),
        (an_order(deleted_at=NOON), Because.DELETED),
        (an_order(placed_at=None), Because.NOT_PLACED),
        (an_order(is_renewal=True), Because.RENEWS_ITSELF),
        (an_order(refunds=(Refund(ref="r", at=NOON, whole=True),)), Because.REFUNDED),
        (an_order(lines=(line("Clothing"),)), Because.NO_WINDOW),
        (an_order(placed_at=NOON - timedelta(days=400)), Because.NO_WINDOW),
        (None, Because.ORDER_UNKNOWN),
    ],
)
def test_nothing_is_waited_for_where_nothing_can_be_said_later(order, because):
    assert due(order, CATALOGUE, NOON) == Nothing(because)


def test_at_the_end_of_the_wait_one_reminder_is_proposed_with_its_window():
    order = an_order(lines=(line("Coffee", quantity=3, unit_price=Money(amount="14.90", currency="EUR")),))
    proposal = woken(order)
    assert isinstance(proposal, Proposal)
    assert (proposal.key, proposal.template) == ("reorder-reminder#example:1070:coffee", "reorder-reminder")
    assert proposal.purpose is Purpose.REORDER
    assert proposal.references == {"order": "example:1070", "family": "coffee"}
    assert proposal.not_after == WAKES + STILL_OF_USE
    undone = {Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED}
    assert set(proposal.unless) == {*undone, Unless.REORDERED}
    assert proposal.value == 44
    assert [(b.kind, b.family, b.variant) for b in proposal.blocks] == [("reorder", "coffee", "again")]


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"cancelled_at": NOON}, Because.CANCELLED),
        ({"refunds": (Refund(ref="r", at=NOON, whole=True),)}, Because.REFUNDED),
        ({"is_test": True}, Because.TEST_ORDER),
        ({"deleted_at": NOON}, Because.DELETED),
        ({"lines": ()}, Because.NO_WINDOW),
    ],
)
def test_what_happened_during_the_wait_is_seen_at_its_end(changed, because):
    assert woken(an_order().model_copy(update=changed)) == Nothing(because)


def test_who_ordered_again_during_the_wait_is_not_reminded():
    assert woken(an_order(), later(line("Coffee"))) == Nothing(Because.REORDERED)


@pytest.mark.parametrize(
    "other", [later(line("Clothing")), later(line("Coffee"), cancelled_at=NOON), later(line("Coffee"), is_test=True)]
)
def test_an_order_of_something_else_or_one_that_does_not_stand_is_no_reorder(other):
    assert isinstance(woken(an_order(), other), Proposal)


def test_a_reminder_long_after_it_was_due_is_not_proposed():
    assert woken(an_order(), now=WAKES + STILL_OF_USE) == Nothing(Because.TOO_LATE)
    assert isinstance(woken(an_order(), now=WAKES + STILL_OF_USE - timedelta(seconds=1)), Proposal)


def test_a_family_that_the_catalogue_no_longer_has_is_not_reminded_of():
    assert woken(an_order(), family="nosuch") == Nothing(Because.NO_WINDOW)


def test_a_customer_who_was_erased_during_the_wait_is_left_alone():
    assert remind(None, "example:1070", "coffee", CATALOGUE, WAKES, "k1") == Nothing(Because.CUSTOMER_GONE)


def test_something_expensive_is_offered_what_keeps_its_worth_and_not_another():
    machine = an_order(lines=(line("Espressomaschine"),))
    proposal = woken(machine, family="espresso-machine", now=NOON + timedelta(days=30))
    assert proposal.blocks[0].variant == "care"
    assert woken(machine, later(line("Care", sku="CAR-DESCALER")), family="espresso-machine") == Nothing(Because.REORDERED)


class Waits:
    """Executions by name: a name is used once (ExecutionAlreadyExists is success)."""

    def __init__(self):
        self.started = {}

    def start(self, state_machine, name, due_at, payload):
        assert 1 <= len(name) <= 80
        if name in self.started:
            return False
        self.started[name] = (due_at, json.loads(json.dumps(payload)))
        return True


@pytest.fixture
def house(small):
    small.clock.at = NOON
    small.waits = Waits()
    small.settings = replace(small.settings, reorder_state_machine="arn:aws:states:x")
    small.tables.twin.write([Put(keys.customer(ANNA, keys.PROFILE), {"doc": a_customer().profile.to_json()})])
    small.tables.twin.write([Put(keys.order(ANNA, "example:1070"), {"doc": an_order().to_json()})])
    return small


def envelope():
    detail = {"metadata": {"id": "e1", "occurred_at": "2026-03-02T12:00:00Z", "correlation_id": "k1"}}
    detail["data"] = {"customer_id": ANNA, "order": "example:1070"}
    return {"detail-type": "OrderPlaced", "source": "aftercare.orders", "detail": detail}


def test_an_order_told_twice_starts_one_wait_and_its_wake_proposes_once(house):
    assert [handle(envelope(), None)["outcome"] for _ in range(2)] == ["waiting: 1"] * 2
    ((name, (due_at, payload)),) = house.waits.started.items()
    assert name == keys.message_id("reorder-reminder#example:1070:coffee")
    assert due_at == WAKES
    assert not {"email", "name"} & payload.keys()
    house.clock.at = WAKES
    assert handle({"due_at": "2026-03-30T12:00:00.000000Z", **payload}, None) == {"outcome": "proposed"}
    ((_, body, group),) = house.queues.sent
    assert (group, json.loads(body)["proposal"]["correlation_id"]) == (ANNA, "k1")


def test_the_workflow_waits_then_calls_and_runs_on_the_local_cloud():
    function = "arn:aws:lambda:eu-central-1:123456789012:function:reorder"
    definition = yaml.safe_load(ASL.read_text(encoding="utf-8").replace("${ReorderReminderFunctionArn}", function))
    assert state_language.load(definition, "reorder-reminder")
    assert list(definition["States"]) == ["WaitUntilDue", "DecideAgain"]
    assert definition["States"]["WaitUntilDue"]["TimestampPath"] == "$.due_at"
