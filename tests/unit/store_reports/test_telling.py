"""What may be told of numbers of customers, and how sure it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_reports.telling import Scores, Share, apart, direction, gap, mean, share, told, within

CELLS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-2, 30))


def test_a_cell_of_few_is_not_told_and_takes_the_next_smallest_with_it():
    assert told({"a": 2, "b": 7, "c": 30}, 5) == {"a": None, "b": None, "c": 30}


def test_two_cells_that_are_together_enough_hide_each_other():
    assert told({"a": 2, "b": 4, "c": 30}, 5) == {"a": None, "b": None, "c": 30}


def test_what_is_hidden_is_enough_together():
    assert told({"a": 1, "b": 1, "c": 6, "d": 9}, 5) == {"a": None, "b": None, "c": None, "d": 9}


def test_nothing_hidden_hides_nothing_and_nothing_is_no_cell():
    assert told({"a": 5, "b": 9, "c": 0, "d": -1}, 5) == {"a": 5, "b": 9}


@given(CELLS, st.integers(3, 10))
def test_no_total_gives_a_small_number_away(cells, fewest):
    some = {name: n for name, n in cells.items() if n > 0}
    found = told(cells, fewest)
    assert found.keys() == some.keys()
    assert all(n is None or n == some[name] >= fewest for name, n in found.items())
    hidden = [some[name] for name, n in found.items() if n is None]
    left = sum(some.values()) - sum(n for n in found.values() if n)
    if hidden and len(hidden) < len(some):
        assert len(hidden) > 1 and left >= fewest


@given(CELLS, st.integers(3, 10))
def test_it_does_not_hide_all_where_less_is_enough(cells, fewest):
    found = told(cells, fewest)
    if found and min(n for n in cells.values() if n > 0) >= fewest:
        assert None not in found.values()


@pytest.mark.parametrize(("part", "of", "may"), [(5, 10, True), (4, 10, False), (6, 10, False), (10, 10, True), (0, 10, False)])
def test_a_part_and_its_rest_are_told_together_or_not(part, of, may):
    assert within(part, of, 5) is may
    assert (share(part, of, 5) is not None) is may


def test_the_interval_of_a_share_is_wilsons():
    """Newcombe 1998, table I: 81 of 263 is .308, from .2553 to .3662."""
    found = share(81, 263, 5)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_the_interval_of_a_difference_is_newcombes():
    """Newcombe 1998 (interval estimation for the difference), table II, 56/70 against 48/80: .2, from .0524 to .3339."""
    found = apart(share(56, 70, 5), share(48, 80, 5))
    assert (round(found.difference, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)


def test_means_have_the_interval_of_their_spread_and_stay_on_the_scale():
    scores = Scores(4, 14, 54)  # 2, 3, 4, 5: variance 5/3
    found = mean(scores, 3)
    half = 1.96 * math.sqrt(5 / 3 / 4)
    assert (found.mean, round(found.low, 6), round(found.high, 6)) == (3.5, round(3.5 - half, 6), round(3.5 + half, 6))
    assert mean(Scores(6, 30, 150), 5).high == 5.0
    assert mean(scores, 5) is None


def test_the_gap_of_two_means_is_welchs():
    found = gap(Scores(10, 20, 50), Scores(10, 40, 170))
    half = 1.96 * math.sqrt(2 * (10 / 9) / 10)
    assert (found.difference, round(found.low, 6)) == (-2.0, round(-2 - half, 6))


def test_scores_add_and_take_away():
    whole = Scores(3, 9, 29)
    assert whole.minus(Scores(1, 2, 4)).plus(Scores(1, 2, 4)) == whole


@pytest.mark.parametrize(
    ("numbers", "way"),
    [((30, 100, 10, 100), "up"), ((10, 100, 30, 100), "down"), ((12, 100, 10, 100), "same"), ((5, 0, 1, 9), "same")],
)
def test_a_share_goes_up_or_down_when_chance_would_not_make_it(numbers, way):
    assert direction(*numbers) == way


def test_a_share_is_a_share():
    assert isinstance(share(5, 10, 5), Share)
