"""When something is bought again, by one customer's history and by what the store has learned."""

import math
import random

import pytest

from reorder_reminder import depletion, hit_gate
from reorder_reminder.depletion import Bought, History, Thing, forecast

SOAP = Thing("demo:soap", "soap", 28.0)
TEA = Thing("demo:tea", "tea", 28.0)


def every(days, times=5, start=0.0, quantity=1.0):
    return tuple(Bought(start + days * n, quantity) for n in range(times))


def taught(thing, intervals, known=None):
    """What a store knows after these intervals, each of another customer's first repurchase."""
    known = {} if known is None else known
    for place, interval in enumerate(intervals):
        day = float(place)
        basis = forecast(thing, History((Bought(day),)), known).basis
        depletion.merge(known, depletion.of_interval(thing, basis, float(interval), day + interval))
    return known


def test_a_first_purchase_in_a_new_store_is_expected_in_the_catalogues_window():
    found = forecast(SOAP, History(every(28, 1)), {})
    assert found.p50 == pytest.approx(28.0)
    assert found.p25 < 28.0 < found.p75
    assert found.again == pytest.approx(0.2)


def test_the_customers_own_rhythm_takes_the_windows_place_and_is_shrunk_to_it():
    three, nine = (forecast(SOAP, History(every(14, times)), {}).p50 for times in (3, 9))
    assert 14 < nine < three < 28


def test_what_the_store_learned_of_a_product_is_expected_of_a_new_customer():
    known = taught(SOAP, [50] * 200)
    assert 44 < forecast(SOAP, History((Bought(260.0),)), known).p50 < 53


def test_a_product_nobody_knows_is_expected_as_its_family():
    other = SOAP._replace(product="demo:other-soap")
    assert 35 < forecast(other, History((Bought(260.0),)), taught(SOAP, [50] * 200)).p50 < 55


def test_who_bought_more_comes_back_later():
    usual = every(28, 4)
    more = (*usual[:-1], usual[-1]._replace(quantity=3.0))
    assert forecast(SOAP, History(more), {}).p50 > 1.2 * forecast(SOAP, History(usual), {}).p50


@pytest.mark.parametrize("lasted", [14, 20, 28, 40])
@pytest.mark.parametrize("times", [2, 3, 6])
def test_a_double_pack_is_reminded_of_no_sooner_than_one_pack_has_lasted(lasted, times):
    usual = every(lasted, times)
    double = forecast(SOAP, History((*usual[:-1], usual[-1]._replace(quantity=2.0))), {})
    single = forecast(SOAP, History(usual), {})
    assert double.best >= lasted
    assert double.p50 == pytest.approx(2 * single.p50)
    assert lasted / 2 <= single.best <= single.p50


def test_what_the_store_sees_takes_the_place_of_twice_as_much_lasts_twice_as_long():
    known = {}
    for place in range(400):
        own = (*every(28, 2, place), Bought(place + 28.0 * 2, 1.0 + place % 2))
        lesson = depletion.of_interval(SOAP, forecast(SOAP, History(own), known).basis, 28.0, own[-1].day + 28.0)
        depletion.merge(known, lesson)
    usual = every(28, 3, 400.0)
    double = (*usual[:-1], usual[-1]._replace(quantity=2.0))
    assert forecast(SOAP, History(double), known).p50 < 1.3 * forecast(SOAP, History(usual), known).p50


def test_a_size_that_is_told_in_another_measure_moves_no_reminder_by_years():
    grams = (Bought(0.0), Bought(28.0, 1000.0))
    assert forecast(SOAP, History(grams), {}).p50 == pytest.approx(4 * forecast(SOAP, History(every(28, 2)), {}).p50)


def test_a_household_that_uses_other_things_up_slowly_is_expected_later():
    alone = forecast(SOAP, History((Bought(300.0),)), {}).p50
    slow = forecast(SOAP, History((Bought(300.0),), [(TEA, every(60, 6))]), {}).p50
    fast = forecast(SOAP, History((Bought(300.0),), [(TEA, every(10, 6))]), {}).p50
    assert fast < alone < slow


def test_what_a_customer_says_is_left_counts_as_one_more_interval():
    assert forecast(SOAP, History(every(28, 3), told=(60.0,)), {}).p50 > forecast(SOAP, History(every(28, 3)), {}).p50


def test_a_regular_customer_has_a_narrower_spread():
    wild = tuple(Bought(day) for day in (0.0, 5.0, 50.0, 60.0, 130.0))
    assert forecast(SOAP, History(every(28)), {}).deviation < forecast(SOAP, History(wild), {}).deviation


def test_the_day_to_remind_on_is_the_one_whose_week_is_likeliest():
    found = forecast(SOAP, History(every(28, 12)), {})
    assert found.best <= found.p50 <= found.best + 8 + 1e-9
    assert found.window_chance > 0.25


def test_a_weekly_rhythm_of_the_store_is_followed():
    known = {depletion.STORE: (0.0, 0.0, 500.0, *(0.0,) * (depletion.STORE_SIZE - 3))}
    found = forecast(SOAP, History((Bought(0.0),)), known)
    assert found.best % 7 == 0


def test_a_long_interval_says_that_somebody_was_away_and_moves_no_level():
    basis = forecast(SOAP, History((Bought(0.0),)), {}).basis
    taught_by = depletion.of_interval(SOAP, basis, 200.0, 200.0)
    assert set(taught_by) == {"f:soap", "p:demo:soap"}
    assert all(values[:3] == (0.0, 0.0, 0.0) and values[3] > 0 for values in taught_by.values())


def test_lessons_commute():
    basis = forecast(SOAP, History((Bought(0.0),)), {}).basis
    lessons = [depletion.of_interval(SOAP, basis, float(days), float(days)) for days in (10, 20, 30)]
    one, other = {}, {}
    for lesson in lessons:
        depletion.merge(one, lesson)
    for lesson in reversed(lessons):
        depletion.merge(other, lesson)
    assert {key: pytest.approx(values) for key, values in one.items()} == other


def test_an_interval_hits_from_the_reminder_on_for_a_week():
    assert [days for days in range(15, 40) if depletion.hit(20, float(days))] == list(range(20, 28))
    assert depletion.hit(20, 27.9)
    assert not depletion.hit(20, 19.9)


def test_without_outcomes_the_chance_is_that_of_the_week_times_that_of_buying_again():
    seen = hit_gate.foresee(SOAP, History(every(28, 4)), {})
    assert seen.asked.chance == pytest.approx(seen.forecast.window_chance * seen.forecast.again, rel=0.01)
    assert len(seen.asked.features) == hit_gate.FEATURES


def test_a_first_purchase_has_a_small_chance_and_a_third_a_better_one():
    first, third = (hit_gate.foresee(SOAP, History(every(28, times)), {}).asked.chance for times in (1, 3))
    assert first < 0.07 < third


def test_the_gate_learns_what_hits_in_this_store():
    draw, known = random.Random(3), {}
    for place in range(600):
        own = every(28, 1 + place % 5, place / 4)
        day, seen = own[-1].day, hit_gate.foresee(SOAP, History(own), known)
        hit = draw.random() < (0.8 if place % 5 > 2 else 0.02)
        depletion.merge(known, hit_gate.of_outcome(seen.asked, hit, day))
    often, once = (hit_gate.foresee(SOAP, History(every(28, times, 260.0 - 28 * times)), known).asked.chance for times in (5, 1))
    assert often > 0.5
    assert once < 0.1


def test_the_equations_are_solved():
    solved = hit_gate._solved([[4.0, 1.0, 1.0], [1.0, 3.0, 2.0]])
    assert (4 * solved[0] + solved[1], solved[0] + 3 * solved[1]) == (pytest.approx(1.0), pytest.approx(2.0))


def test_years_of_lessons_stay_numbers_that_the_table_takes():
    """38 digits, 6 of them after the point: for thirteen years from 2026."""
    weight = hit_gate.grown(13 * 365.0, hit_gate.HALF_LIFE)
    assert math.log10(weight) + 6 < 38
