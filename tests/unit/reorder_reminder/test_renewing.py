"""When a subscription renews by the calendar, what is waited for, and what is said of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercare.consent import Purpose
from aftercare.customer import Charge, OrderLine
from aftercare.feedback import Feedback, Heard
from aftercare.money import Money
from aftercare.proposal import Nothing, Proposal
from aftercare.rare_events import SubscriptionStateData
from aftercare.reorder_policy import Lead, reorder_policy
from aftercare.reorders import NONE
from reorder_reminder.renewing import Because, Rules, days_in, expected, nth, orders_of, planned, told, woken
from tests.builders import ANNA, NOON, a_customer, an_order

BERLIN = ZoneInfo("Europe/Berlin")
KEY = "example:SUB-1"
RULES = Rules("Europe/Berlin", Lead(week=2, month=5, year=30), 30)


def euros(text):
    return Money(amount=text, currency="EUR")


def state(status="active", **more):
    return SubscriptionStateData(**{"customer_id": ANNA, "subscription": KEY, "status": status, "every": "P1M", **more})


def known(at=NOON, **more):
    return told(NONE, state(order="example:1", **more), at)


def comes(ref, at, **more):
    """An order of the subscription."""
    line = OrderLine(line_ref="1", title="House espresso", quantity=1, unit_price=euros("20.00"), sku="E-1")
    return an_order(
        ref, **{"placed_at": at, "as_of": at, "subscription": KEY, "is_renewal": ref != "1", "lines": (line,), **more}
    )


def on(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def local(found):
    return found.at.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M")


def next_one(orders, now=None, **more):
    kept = known(**more)
    return expected(kept.subscriptions[KEY], orders, BERLIN, RULES, (now or orders[-1].placed_at).astimezone(UTC))


# ---------------------------------------------------------------- the day


@pytest.mark.parametrize(
    ("first", "every", "days"),
    [
        ("2026-01-31 10:00", "P1M", ["2026-02-28 10:00", "2026-03-31 10:00", "2026-04-30 10:00"]),
        ("2028-01-31 10:00", "P1M", ["2028-02-29 10:00", "2028-03-31 10:00"]),
        ("2028-02-29 10:00", "P1Y", ["2029-02-28 10:00", "2030-02-28 10:00", "2031-02-28 10:00", "2032-02-29 10:00"]),
        ("2026-11-30 10:00", "P3M", ["2027-02-28 10:00", "2027-05-30 10:00"]),
        ("2026-03-27 02:30", "P1D", ["2026-03-28 02:30", "2026-03-29 03:30", "2026-03-30 02:30"]),
        ("2026-10-18 02:30", "P1W", ["2026-10-25 02:30", "2026-11-01 02:30"]),
        ("2026-03-01 09:00", "P4W", ["2026-03-29 09:00", "2026-04-26 09:00"]),
    ],
)
def test_renewals_follow_the_calendar_of_the_first_order_through_leap_days_month_ends_and_clock_changes(first, every, days):
    orders = [comes("1", on(first).astimezone(UTC))]
    for number, day in enumerate(days, 2):
        found = next_one(tuple(orders), every=every)
        assert (local(found), found.told) == (day, False)
        orders.append(comes(str(number), found.at + timedelta(minutes=9)))


@given(
    st.integers(0, 3285 * 24),
    st.integers(1, 60),
    st.sampled_from(["P1M", "P2M", "P1Y", "P1W", "P10D"]),
)
def test_the_nth_renewal_comes_after_the_one_before_and_on_the_anchors_day_or_the_months_last(hours, n, every):
    start = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)).astimezone(BERLIN)
    one, two = nth(start, every, n), nth(start, every, n + 1)
    assert one < two and abs((two - one).days - days_in(every)) <= 3
    if every[-1] in "MY":
        assert one.day == start.day or (one.day < start.day and (one + timedelta(days=1)).day == 1)


def test_the_stores_own_word_of_the_day_counts_until_it_has_renewed():
    first, named = comes("1", on("2026-03-01 10:00")), on("2026-03-20 08:00")
    found = next_one((first,), next_at=named)
    assert found == (named, True)
    renewed = comes("2", on("2026-03-20 08:05"))
    after = next_one((first, renewed), next_at=named)
    assert (local(after), after.told) == ("2026-04-20 08:00", False)


def test_a_renewal_a_little_before_or_after_its_day_is_no_further_one():
    first = comes("1", on("2026-03-05 10:00"))
    for shift in (-timedelta(days=2), timedelta(days=3)):
        renewed = comes("2", on("2026-04-05 10:00") + shift)
        assert local(next_one((first, renewed))) == "2026-05-05 10:00"


def test_a_period_that_was_skipped_is_not_waited_for():
    first = comes("1", on("2026-03-05 10:00"))
    assert local(next_one((first,), now=on("2026-04-20 10:00"))) == "2026-05-05 10:00"


def test_without_a_period_its_own_orders_say_how_long_it_lasts_and_else_what_is_usual():
    first, second = comes("1", on("2026-05-01 10:00")), comes("2", on("2026-05-22 10:00"))
    assert local(next_one((first, second), every=None)) == "2026-06-12 10:00"
    assert local(next_one((first,), every=None)) == "2026-05-31 10:00"


def test_nobody_knows_the_day_of_a_subscription_without_orders_or_a_word():
    assert expected(known().subscriptions[KEY], (), BERLIN, RULES, NOON) is None


def test_a_renewal_that_names_no_subscription_is_of_the_only_one():
    kept = known()
    first, unnamed = comes("1", NOON), comes("2", NOON + timedelta(days=31), subscription=None)
    customer = a_customer(first, unnamed, comes("3", NOON, subscription=None, is_renewal=False))
    assert [order.ref for order in orders_of(customer, KEY, kept)] == ["1", "2"]
    two = told(kept, state(subscription="example:SUB-2"), NOON)
    assert [order.ref for order in orders_of(customer, KEY, two)] == ["1"]


# ---------------------------------------------------------------- the wait


def plan_of(kept, *orders, now=None):
    return planned(a_customer(*orders), kept, KEY, RULES, now or orders[-1].placed_at)


@pytest.mark.parametrize(("every", "waits_until"), [("P1W", "2026-03-07"), ("P1M", "2026-03-28"), ("P1Y", "2027-01-31")])
def test_it_is_told_at_nine_so_many_days_before_as_the_settings_say_for_its_period(every, waits_until):
    plan = plan_of(known(every=every), comes("1", on("2026-03-02 17:00").astimezone(UTC)))
    (wait,) = plan.waits
    assert wait.at.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M") == f"{waits_until} 09:00"
    assert plan.kept.subscriptions[KEY].wait == wait.key and wait.subscription == KEY


@pytest.mark.parametrize("status", ["paused", "cancelled", "expired", "failed"])
def test_what_is_paused_or_ended_stops_its_wait_and_what_goes_on_gets_another_under_a_new_name(status):
    first = comes("1", NOON)
    running = plan_of(known(), first)
    ended = told(running.kept, state(status), NOON + timedelta(days=3))
    stopped = plan_of(ended, first)
    assert (stopped.stops, stopped.waits, stopped.decision) == ((running.waits[0].key,), (), Nothing(Because.NOT_ACTIVE))
    again = plan_of(told(stopped.kept, state(), NOON + timedelta(days=4)), first)
    assert again.waits[0].at == running.waits[0].at and again.waits[0].key != running.waits[0].key


def test_a_renewal_moves_the_wait_and_the_same_word_again_moves_nothing():
    first = comes("1", NOON)
    running = plan_of(known(), first)
    same = plan_of(told(running.kept, state(), NOON + timedelta(days=1)), first)
    assert (same.waits, same.stops) == (running.waits, ())
    moved = plan_of(running.kept, first, comes("2", NOON + timedelta(days=29)))
    assert moved.stops == (running.waits[0].key,) and moved.waits[0].at > running.waits[0].at + timedelta(days=25)


def test_older_news_changes_nothing_and_a_word_left_out_stays():
    kept = known(single_price=euros("25.00"))
    assert told(kept, state("cancelled"), NOON - timedelta(seconds=1)) == Nothing(Because.OLDER_NEWS)
    after = told(kept, state("paused", every=None), NOON).subscriptions[KEY]
    assert (after.every, after.status, after.single_price) == ("P1M", "paused", euros("25.00"))


def test_a_renewal_of_tomorrow_is_told_today_and_one_of_this_evening_no_more():
    first = comes("1", NOON)
    near = plan_of(known(next_at=NOON + timedelta(days=2)), first)
    assert near.waits[0].at == NOON
    assert plan_of(known(next_at=NOON + timedelta(hours=20)), first).decision == Nothing(Because.TOO_LATE)


def test_a_lead_of_none_is_no_notice():
    rules = RULES._replace(lead=Lead(week=0, month=5, year=30))
    plan = planned(a_customer(comes("1", NOON)), known(every="P1W"), KEY, rules, NOON)
    assert (plan.waits, plan.decision) == ((), Nothing(Because.NOT_WANTED))


def test_the_settings_have_a_lead_for_each_period():
    lead = reorder_policy().renewal_lead_days
    assert 15 <= lead.year <= 45 and 0 <= lead.week < 7 and 0 < lead.month < 28


# ---------------------------------------------------------------- what is said


def at_end(kept, *orders, **customer):
    plan = plan_of(kept, *orders)
    (wait,) = plan.waits
    return woken(a_customer(*orders, **customer), plan.kept, wait, RULES, wait.at, "k1").decision


def test_the_notice_is_service_and_what_speaks_for_it_needs_the_ground_of_reminders():
    first = comes("1", NOON)
    discount = (Charge(kind="discount", label="Subscribe", amount=euros("2.50")),)
    said = at_end(known(), first, comes("2", NOON + timedelta(days=31), discounts=discount))
    assert isinstance(said, Proposal)
    assert (said.purpose, said.template, said.references) == (Purpose.SERVICE, "renewal-reminder", {"order": "example:2"})
    assert [(block.kind, block.purpose) for block in said.blocks] == [("renewal", None), ("got", Purpose.REORDER)]
    assert (said.numbers["saved"], said.numbers["saved-hundredths"]) == (2, 50)
    assert said.not_after == nth(NOON.astimezone(BERLIN), "P1M", 2).astimezone(UTC)


def test_nothing_stands_for_what_is_not_on_record():
    said = at_end(known(), comes("1", NOON))
    assert [block.kind for block in said.blocks] == ["renewal"] and set(said.numbers) == {"renews"}


def test_what_single_orders_would_have_cost_is_counted_only_where_every_price_is_known():
    orders = [comes(str(n), nth(NOON, "P1M", n - 1)) for n in (1, 2, 3)]
    said = at_end(known(single_price=euros("23.45")), *orders)
    assert Decimal(said.numbers["saved"]) + Decimal(said.numbers["saved-hundredths"]) / 100 == Decimal("10.35")
    bare = OrderLine(line_ref="1", title="House espresso", quantity=1)
    assert (
        "saved"
        not in at_end(known(single_price=euros("23.45")), *orders[:2], comes("3", nth(NOON, "P1M", 2), lines=(bare,))).numbers
    )
    other = known(single_price=Money(amount="23.45", currency="USD"))
    assert "saved" not in at_end(other, *orders).numbers


def test_milestones_count_where_they_are_of_what_it_brings():
    heard = [
        Heard(kind="milestone", ref="first-use", at=NOON + timedelta(days=1), order="example:1"),
        Heard(kind="milestone", ref="hundredth-cup", at=NOON + timedelta(days=2), sku="E-1"),
        Heard(kind="milestone", ref="other", at=NOON + timedelta(days=2), sku="OTHER"),
        Heard(kind="milestone", ref="before", at=NOON - timedelta(days=2), sku="E-1"),
    ]
    said = at_end(known(), comes("1", NOON), feedback=Feedback(heard=tuple(heard)))
    assert said.numbers["milestones"] == 2 and "deliveries" not in said.numbers


def test_a_wait_that_wakes_after_the_renewal_ends_and_waits_for_the_next():
    first, kept = comes("1", NOON), known()
    (wait,) = plan_of(kept, first).waits
    renewed = comes("2", wait.at - timedelta(hours=2))
    plan = woken(a_customer(first, renewed), plan_of(kept, first).kept, wait, RULES, wait.at, "k1")
    assert plan.decision == Nothing(Because.MOVED) and plan.waits[0].at > wait.at + timedelta(days=25)


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_a_wait_that_wakes_after_the_end_says_nothing(status):
    first, kept = comes("1", NOON), known()
    plan = plan_of(kept, first)
    ended = told(plan.kept, state(status), NOON + timedelta(days=1))
    assert woken(a_customer(first), ended, plan.waits[0], RULES, plan.waits[0].at, "k1").decision == Nothing(Because.NOT_ACTIVE)
