"""A look at a shipment: when silence is a word, when a notice is worth it, when it is taken back, when arrival is assumed."""

import math
import random
from datetime import date, timedelta

import pytest

from aftercare.customer import Refund
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment import DelayNotice, Log, Watch
from aftercare.shipment_details import Eta, Origin
from shipping_delay import budget, prediction, teaching
from shipping_delay.features import parcel_from
from shipping_delay.outlook import Because, look, question
from shipping_delay.parcel import Parcel
from shipping_delay.policy import Peak, shipping_policy
from tests.builders import NOON, an_order
from tests.shipments import SHIPPED, a_forecast, a_log, a_parcel, a_shipment

POLICY = shipping_policy()
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def known():
    """A store whose parcels take three days, give or take a fifth."""
    dice, sums = random.Random(5), {}
    for number in range(400):
        handed = NOON - (70 - number * 0.15) * DAY
        one = Parcel(handed_at=handed, promised_by=handed + 8 * DAY, destination_region="DE", carrier="dhl")
        basis = prediction.predict(one, sums, handed).basis
        teaching.merge(sums, teaching.depart(one, basis))
        teaching.merge(sums, teaching.learn(one, handed + 3 * math.exp(dice.gauss(0, 0.2)) * DAY, basis))
    return sums


def promised(days=8, **more):
    return an_order(estimated_until=SHIPPED + days * DAY, **more)


def looked(shipment, known, order=None, at=SHIPPED, policy=POLICY):
    order = order or promised()
    return look(order, shipment, question(order, shipment, policy), known, policy, at)


def silent(known, days, order=None, shipment=None, policy=POLICY):
    """The shipment after a look at hand-over and another one so many days later without a word."""
    first = looked(shipment or a_shipment(), known, order, policy=policy).shipment
    return looked(first, known, order, SHIPPED + days * DAY, policy)


# ---------------------------------------------------------------- what there is to ask


@pytest.mark.parametrize(
    ("order", "shipment", "because"),
    [
        (an_order(), None, Because.SHIPMENT_UNKNOWN),
        (an_order(), a_shipment(described_at=None), Because.SHIPMENT_UNKNOWN),
        (an_order(), a_shipment(cancelled_at=NOON), Because.SHIPMENT_UNKNOWN),
        (None, a_shipment(), Because.ORDER_UNKNOWN),
        (an_order(is_test=True), a_shipment(), Because.TEST),
        (an_order(), a_shipment(is_test=True), Because.TEST),
        (an_order(cancelled_at=NOON), a_shipment(), Because.ORDER_CLOSED),
        (an_order(refunds=(Refund(ref="r", at=NOON, whole=True),)), a_shipment(), Because.ORDER_CLOSED),
        (an_order(), a_shipment(status=ShipmentStatus.DELIVERED), Because.ENDED),
        (an_order(), a_shipment(status=ShipmentStatus.LOST), Because.ENDED),
        (an_order(), a_shipment(status=ShipmentStatus.RETURN_TO_SENDER), Because.ENDED),
        (an_order(), a_shipment(status=ShipmentStatus.READY_FOR_PICKUP), Because.ENDED),
        (an_order(), a_shipment(assumed_at=NOON), Because.ASSUMED),
        (an_order(), a_shipment(shipped_at=None), Because.NOT_SHIPPED),
    ],
)
def test_nothing_is_asked_of_what_is_over_unknown_or_a_test(order, shipment, because):
    assert question(order, shipment, POLICY) is because


def test_a_look_reads_at_most_nineteen_keys_in_one_call():
    order = an_order(region="Bayern", postcode="80331", estimated_until=SHIPPED + 8 * DAY)
    full = a_shipment(
        status=ShipmentStatus.OUT_FOR_DELIVERY,
        origin=Origin(location="W-1", country="DE", region="Berlin", postcode="10115"),
        service="paket",
        weight_grams=1350,
    )
    asked = question(order, full, POLICY)
    wanted = asked.keys(SHIPPED)
    assert len(wanted) == len(set(wanted)) <= 19


# ---------------------------------------------------------------- the forecast on the record


def test_the_forecast_is_ordered_and_keeps_what_it_stood_on_at_hand_over(known):
    first = looked(a_shipment(), known).shipment
    later = looked(first, known, at=SHIPPED + 2 * DAY).shipment
    assert first.forecast.p10 < first.forecast.p50 < first.forecast.p90
    assert later.forecast.forecast_at == SHIPPED + 2 * DAY
    assert later.forecast.p50 > first.forecast.p50, "two days without a word"
    assert (later.forecast.basis, later.forecast.features) == (first.forecast.basis, first.forecast.features)


def test_what_it_stood_on_leads_back_to_the_parcel_as_it_was_forecast(known):
    order = promised()
    asked = question(order, a_shipment(), POLICY)
    assert parcel_from(looked(a_shipment(), known, order).shipment.forecast) == asked.parcel


def test_without_a_promise_of_the_shop_the_first_window_is_the_promise_and_stays(known):
    order = an_order()
    first = looked(a_shipment(), known, order).shipment.forecast
    later = looked(a_shipment(forecast=first), known, order, SHIPPED + 3 * DAY).shipment.forecast
    assert first.promise == later.promise == "window"
    assert first.promised_by == later.promised_by >= first.p90
    assert first.late_probability < 0.15
    assert later.late_probability > first.late_probability
    assert parcel_from(first).promised_by is None, "what the shop did not promise teaches nothing of its promises"


# ---------------------------------------------------------------- saying it


def test_a_parcel_in_time_is_told_of_no_delay(known):
    found = looked(a_shipment(), known)
    assert (found.because, found.told, found.shipment.notices) == (Because.IN_TIME, None, ())


def test_silence_passes_the_threshold_at_the_instant_of_the_watch_and_not_before(known):
    first = looked(a_shipment(), known).shipment
    at = first.watch.at
    assert SHIPPED < at < first.forecast.promised_by
    assert looked(first, known, at=at - 3 * timedelta(hours=1)).told is None
    found = looked(first, known, at=at)
    assert found.told is not None
    assert found.shipment.late == found.told
    assert found.told.because == "on-the-way"
    assert found.told.arrives_by > found.shipment.forecast.promised_by


def test_a_second_notice_needs_a_day_more(known):
    told = silent(known, 7.6).shipment
    again = looked(told, known, at=SHIPPED + 7.7 * DAY)
    assert again.because is Because.TOLD_BEFORE
    later = looked(told, known, at=told.late.arrives_by + DAY)
    assert later.told is not None
    assert later.told.arrives_by >= told.late.arrives_by + DAY
    assert len(later.shipment.notices) == 2


def test_a_parcel_that_recovers_is_taken_back_once(known):
    told = silent(known, 6.8).shipment
    assert told.late
    at = SHIPPED + 6.9 * DAY
    out = told.model_copy(update={"status": ShipmentStatus.OUT_FOR_DELIVERY, "status_at": at})
    back = looked(out, known, at=at)
    assert back.shipment.late is None
    assert back.shipment.notices[0].recovered_at == at
    assert looked(back.shipment, known, at=at + timedelta(hours=1)).shipment.notices == back.shipment.notices


def test_a_carriers_word_needs_no_knowledge_and_a_guess_does():
    guess = looked(a_shipment(), {}, promised(1.2))
    assert guess.because is Because.TOO_NEW
    stuck = a_shipment(status=ShipmentStatus.DELAYED, status_at=SHIPPED)
    assert looked(stuck, {}, promised(2)).told.because == "on-the-way"
    assert silent({}, 8.1).told is not None, "the promise has passed: that is no guess"


def test_a_carriers_later_date_counts_as_its_word(known):
    eta = Eta(until=SHIPPED + 11 * DAY, told_at=SHIPPED)
    moved = a_shipment(a_parcel(log=Log(spans=a_log(in_transit=SHIPPED).spans, eta=eta)))
    assert question(promised(), moved, POLICY).status is not None
    before, after = looked(a_shipment(), known).shipment.forecast, looked(moved, known).shipment.forecast
    assert after.late_probability > before.late_probability


def test_a_carriers_later_date_is_where_the_forecast_goes_and_is_told(known):
    eta = Eta(until=SHIPPED + 11 * DAY, told_at=SHIPPED)
    moved = a_shipment(a_parcel(log=Log(spans=a_log(in_transit=SHIPPED).spans, eta=eta)))
    told = looked(moved, known)
    assert told.shipment.forecast.p10 < eta.until < told.shipment.forecast.p90
    assert told.told is not None and told.told.because == "on-the-way"
    first_told = a_shipment(*moved.parcels, forecast=looked(a_shipment(), known, order=an_order()).shipment.forecast)
    assert question(an_order(), first_told, POLICY).carrier_date == eta.until, "after the window that we promised ourselves"


def test_what_is_left_after_a_round_in_vain_is_days_and_nobody_is_told_beside_it(known):
    """It has been on its way for nine days; that is not how long the next round takes."""
    now = SHIPPED + 9 * DAY
    spans = a_log(in_transit=SHIPPED, delivery_attempted=now)
    one = a_shipment(a_parcel(log=spans, status="delivery_attempted", status_at=now), status="delivery_attempted", status_at=now)
    seen = looked(one, known, at=now)
    assert seen.shipment.forecast.p90 < now + 3 * DAY
    assert seen.because is Because.NEAR
    after_silence = looked(seen.shipment, known, at=now + 5 * DAY)
    assert after_silence.told is not None and after_silence.shipment.assumed_at is None


def test_the_threshold_is_a_price(known):
    dear = POLICY.model_copy(update={"costs": POLICY.costs.model_copy(update={"needless_notice": 60.0})})
    assert dear.threshold > 0.9 > POLICY.threshold == pytest.approx(1.2 / (1.2 + 3))
    assert silent(known, 6, policy=dear).told is None
    assert silent(known, 6.8).told is not None


def test_the_budget_of_needless_notices_holds_them_back_until_the_promise_has_passed(known):
    spent = dict(known)
    teaching.merge(spent, budget.of_departure(SHIPPED))
    for _ in range(12):
        teaching.merge(spent, budget.of_notice(0.3, SHIPPED))
    assert silent(known, 6.8).told is not None
    assert silent(spent, 6.8).because is Because.BUDGET_SPENT
    assert silent(spent, 8.1).told is not None, "a parcel that is late for certain needs no budget"


def test_a_held_out_parcel_is_told_nothing_and_remembered(known):
    everyone = POLICY.model_copy(update={"held_out_share": 1.0})
    found = silent(known, 6.8, policy=everyone)
    assert found.because is Because.HELD_OUT
    assert found.shipment.held_out_at == SHIPPED + 6.8 * DAY
    assert not found.shipment.notices
    assert looked(found.shipment, known, at=SHIPPED + 9 * DAY).because is Because.HELD_OUT, "and it stays so"


def test_who_is_held_out_is_drawn_once_and_by_the_share():
    some = POLICY.model_copy(update={"held_out_share": 0.2})
    drawn = [some.held_out(f"example:S-{n}") for n in range(2000)]
    assert drawn == [some.held_out(f"example:S-{n}") for n in range(2000)]
    assert 330 < sum(drawn) < 470
    assert not any(POLICY.held_out(f"example:S-{n}") for n in range(100))


def test_silent_shipments_are_forecast_and_told_to_nobody(known):
    assert silent(known, 6.8, shipment=a_shipment(suppress_notification=True)).because is Because.SILENT


# ---------------------------------------------------------------- silence


def untracked(**more):
    return a_shipment(a_parcel(status=ShipmentStatus.UNKNOWN), status=ShipmentStatus.UNKNOWN, status_at=None, **more)


def test_of_a_parcel_that_nobody_scans_silence_says_nothing(known):
    first = looked(untracked(), known).shipment
    later = looked(first, known, at=first.forecast.p90 - timedelta(hours=1)).shipment
    assert later.forecast.late_probability == pytest.approx(first.forecast.late_probability, abs=0.02)
    assert first.watch.at == pytest.approx(first.forecast.p90, abs=timedelta(minutes=2))


def test_a_parcel_that_nobody_scans_is_taken_for_delivered_after_its_p90(known):
    first = looked(untracked(), known).shipment
    found = looked(first, known, at=first.watch.at)
    assert found.because is Because.ASSUMED
    assert found.shipment.assumed_at == first.watch.at
    assert found.shipment.watch is None


def test_a_parcel_last_seen_out_for_delivery_is_taken_for_delivered_and_one_in_transit_never(known):
    out = a_shipment(status=ShipmentStatus.OUT_FOR_DELIVERY, status_at=SHIPPED)
    first = looked(out, known).shipment
    assert looked(first, known, at=first.forecast.p90 + timedelta(hours=1)).because is Because.ASSUMED
    assert silent(known, 30).shipment.assumed_at is None


def test_one_watch_is_pending_at_a_time(known):
    first = looked(a_shipment(), known).shipment
    second = looked(first, known, at=SHIPPED + DAY).shipment
    assert second.watch == first.watch
    ended = looked(first.model_copy(update={"watch": Watch(at=SHIPPED, set_at=NOON)}), known, at=SHIPPED + DAY).shipment
    assert ended.watch.at > SHIPPED + DAY


def test_after_two_months_nobody_watches_any_more(known):
    late = DelayNotice(at=SHIPPED, arrives_by=SHIPPED + 59 * DAY, days_from=1, days_to=2, because="unknown")
    shipment = a_shipment(notices=(late,), forecast=a_forecast(late=1.0))
    assert looked(shipment, known, at=SHIPPED + 60 * DAY).shipment.watch is None


def test_a_watch_is_at_least_an_hour_away(known):
    found = looked(a_shipment(), known, promised(0.05))
    assert found.shipment.watch is None or found.shipment.watch.at >= SHIPPED + timedelta(hours=1)


# ---------------------------------------------------------------- reasons and settings


@pytest.mark.parametrize(
    ("day", "holds"), [("2026-11-20", True), ("2026-12-04", True), ("2026-11-19", False), ("2026-12-05", False)]
)
def test_a_peak_holds_both_its_days(day, holds):
    from datetime import date

    assert Peak.model_validate({"name": "x", "from": "11-20", "until": "12-04"}).holds(date.fromisoformat(day)) is holds


def test_a_peak_may_reach_into_the_next_year():
    peak = Peak.model_validate({"name": "x", "from": "12-20", "until": "01-05"})
    assert [peak.holds(date(2026, month, day)) for month, day in ((12, 20), (1, 5), (1, 6), (6, 1))] == [True, True, False, False]
