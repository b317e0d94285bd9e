"""Who would be reminded is held out by chance where the store wants it; both sides are counted alike, and once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys, reorders, tally
from aftercare import report_policy as policy_module
from aftercare.consent import Purpose
from aftercare.customer import OrderLine
from aftercare.money import Money
from aftercare.reorders import Remark
from aftercare.report_policy import report_policy
from aftercare.store import versioned
from aftercare.table import Put
from reorder_reminder import trial
from reorder_reminder.handler import handle
from tests.builders import ANNA, NOON, an_order, consent_of, said
from tests.ledger_items import a_profile
from tests.small_outside import Context

DEAR = Money(amount="49.90", currency="EUR")


@pytest.fixture(params=["reminded", "held-out"])
def arm(request, monkeypatch):
    """A share by which Anna is on that side."""
    share = 1.0 if request.param == "held-out" else 0.5
    assert trial.arm_of(ANNA, "coffee", share) == request.param
    usual = report_policy()
    monkeypatch.setattr(policy_module, "read_content", lambda *_: usual.model_copy(update={"reminders_held_out": share}))
    report_policy.cache_clear()
    yield request.param
    report_policy.cache_clear()


@pytest.fixture
def anna(small):
    small.clock.at = NOON
    small.settings = replace(small.settings, reorder_state_machine="arn:aws:states:x")
    a_profile(small, ANNA, consent=consent_of(said(Purpose.REORDER)))
    return small


def buys(small, ref, day, total="59.45"):
    line = OrderLine(line_ref="1", title="Thing", quantity=1, product_type="Coffee", unit_price=DEAR)
    placed = NOON + timedelta(days=day)
    money = Money(amount=total, currency="EUR")
    order = an_order(ref, lines=(line,), placed_at=placed, as_of=placed, country="GB", total=money)
    small.tables.twin.write([Put(keys.order(ANNA, order.key), {"doc": order.to_json()})])
    small.clock.at = placed
    detail = {"metadata": {"id": "e1", "occurred_at": "2026-03-02T12:00:00Z", "correlation_id": "k1"}}
    detail["data"] = {"customer_id": ANNA, "order": order.key}
    return handle({"detail-type": "OrderPlaced", "source": "aftercare.orders", "detail": detail}, Context())["outcome"]


def wakes(small, key, ref="1070"):
    payload = {"key": key, "customer_id": ANNA, "order": f"example:{ref}", "family": "coffee", "correlation_id": "k1"}
    return handle(payload, Context())["outcome"]


def reminded_of(small, ref="1070"):
    small.clock.at += timedelta(days=28)
    return wakes(small, f"reorder-reminder#example:{ref}:coffee", ref)


def counted(small):
    found = {}
    for n in range(20):
        week = tally.week_at(NOON + timedelta(weeks=n), "Europe/Berlin")
        for name, number in tally.of_week(small.tables, week).get("example", {}).get("trials", {}).items():
            found[name] = found.get(name, 0) + number
    return found


def test_a_side_is_drawn_evenly_and_for_good():
    held = [n for n in range(2000) if trial.arm_of(str(n), "coffee", 0.1) == "held-out"]
    assert 150 < len(held) < 250
    assert held == [n for n in range(2000) if trial.arm_of(str(n), "coffee", 0.1) == "held-out"]
    assert held != [n for n in range(2000) if trial.arm_of(str(n), "pantry", 0.1) == "held-out"]
    assert not any(trial.arm_of(str(n), "coffee", 0.0) == "held-out" for n in range(500))


def test_who_is_held_out_gets_neither_reminder_and_is_counted_once(anna, arm):
    buys(anna, "1070", 0)
    first = reminded_of(anna)
    assert (first == "proposed") == (arm == "reminded")
    assert counted(anna) == {f"reminders/{arm}/n": 1}
    wakes(anna, "reorder-reminder#example:1070:coffee")
    anna.clock.at += timedelta(days=12)
    wakes(anna, "reorder-nudge#example:1070:coffee")
    assert counted(anna) == {f"reminders/{arm}/n": 1}
    assert len(anna.queues.sent) <= 3 if arm == "reminded" else anna.queues.sent == []


def test_the_next_purchase_counts_once_with_its_value_on_its_side(anna, arm):
    buys(anna, "1070", 0)
    reminded_of(anna)
    for _ in range(2):
        buys(anna, "1071", 33, total="12.30")
    start = f"reminders/{arm}"
    value = {f"{start}/value/EUR/n": 1, f"{start}/value/EUR/sum": 12.30, f"{start}/value/EUR/squares": 151.29}
    assert {name: float(number) for name, number in counted(anna).items()} == {f"{start}/n": 1, f"{start}/bought": 1, **value}
    assert reorders.read(anna.tables, ANNA).running["coffee"].arm is None, "the next purchase has a side of its own"


def test_who_buys_long_after_bought_for_another_reason(anna, arm):
    buys(anna, "1070", 0)
    reminded_of(anna)
    buys(anna, "1071", 28 + report_policy().bought_again_days + 1)
    assert counted(anna) == {f"reminders/{arm}/n": 1}


def test_who_buys_before_the_reminder_is_on_no_side(anna, arm):
    buys(anna, "1070", 0)
    buys(anna, "1071", 20)
    assert counted(anna) == {}


def test_whom_no_reminder_could_reach_is_on_no_side(small, arm):
    small.settings = replace(small.settings, reorder_state_machine="arn:aws:states:x")
    a_profile(small, ANNA)
    buys(small, "1070", 0)
    reminded_of(small)
    assert counted(small) == {}


def test_a_reminder_that_was_asked_for_is_withheld_from_nobody(anna, arm):
    buys(anna, "1070", 0)
    reminded_of(anna)
    kept, at = reorders.read(anna.tables, ANNA), anna.clock.at + timedelta(days=1)
    asked = reorders.taken_in(kept, "coffee", Remark(at=at, what="later", days=14))
    asked = asked.model_copy(update={"version": kept.version + 1})
    anna.tables.write([versioned(reorders.place(ANNA), asked.to_json(), kept.version)])
    anna.clock.at = at
    detail = {"metadata": {"id": "e2", "occurred_at": "2026-03-31T12:00:00Z", "correlation_id": "k1"}}
    detail["data"] = {"customer_id": ANNA, "order": "example:1070", "family": "coffee", "offer": reorders.AGAIN, "said": "later"}
    handle({"detail-type": "OfferAnswered", "source": "aftercare.reorders", "detail": detail}, Context())
    running = reorders.read(anna.tables, ANNA).running["coffee"]
    anna.clock.at = running.later_until
    assert wakes(anna, running.key) == "proposed"


def test_as_long_as_nobody_is_held_out_nothing_is_counted_or_written(anna):
    buys(anna, "1070", 0)
    before = reorders.read(anna.tables, ANNA)
    assert reminded_of(anna) == "proposed"
    assert counted(anna) == {} and reorders.read(anna.tables, ANNA) == before
