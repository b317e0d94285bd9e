"""A rise of interest is told once, and what is noise is not told."""

import random
from collections import Counter

import pytest

from aftercare import tally
from aftercare.segment_policy import segment_policy
from aftercare.table import Put
from customer_segments.handler import handle
from customer_segments.interest import rises, tail
from tests.ledger_items import a_profile
from tests.small_outside import Context, sample, sqs

RULE = segment_policy().interest
SEEN = sample("aftercare.behaviour/ProductViewed")


def looks(small, n, *, at=None, family="coffee", shop="example", fresh=True, customer="c0anna"):
    at = at or small.clock.now()
    data = {"customer_id": customer, "shop": shop, "family": family, "fresh": fresh}
    told = {**SEEN["detail"]["metadata"], "id": f"event-{n}", "occurred_at": at.isoformat()}
    return handle(sqs({**SEEN, "detail": {"metadata": told, "data": data}}), Context())


def poisson(chance, rate):
    """Knuth's, by multiplying uniform numbers."""
    import math

    limit, n, product = math.exp(-rate), 0, chance.random()
    while product > limit:
        n, product = n + 1, product * chance.random()
    return n


def test_the_tail_is_poissons():
    assert tail(0, 3.0) == 1.0
    assert tail(1, 3.0) == pytest.approx(0.950213, abs=1e-6)
    assert tail(10, 3.0) == pytest.approx(0.001102, abs=1e-6)
    assert tail(2000, 10.0) < 1e-300


@pytest.mark.parametrize(
    ("week", "before", "known", "rose"),
    [
        (30, (8, 9, 7, 8), 4, True),
        (30, (8, 9, 7, 8), 3, False),  # the store has not counted for so long
        (11, (0, 0, 0, 0), 4, False),  # too few to speak of
        (14, (0, 0, 0, 0), 4, True),
        (150, (100, 98, 103, 99), 4, False),  # surely more, and not so many times as much
        (200, (100, 98, 103, 99), 4, True),
        (14, (8, 7, 8, 7), 4, False),  # nearly twice as much, and may well be chance
    ],
)
def test_a_rise_is_enough_of_it_and_so_many_times_as_much_and_no_chance(week, before, known, rose):
    assert rises(week, before, known, RULE) is rose


def test_noise_is_not_told():
    """Weeks of the same rate, a few and many a week: of 20,000 comparisons less than two in a thousand are taken for a rise."""
    chance, told = random.Random(17), Counter()
    for rate in (1.0, 4.0, 12.0, 40.0):
        for _ in range(5_000):
            weeks = [poisson(chance, rate) for _ in range(RULE.weeks + 1)]
            told[rate] += rises(weeks[0], weeks[1:], RULE.weeks, RULE)
    assert sum(told.values()) <= 20, told
    found = sum(rises(poisson(chance, 36.0), [poisson(chance, 12.0) for _ in range(4)], 4, RULE) for _ in range(500))
    assert found >= 450, "three times as much is seen nine times in ten"


def before(small, counts):
    week = tally.week_at(small.clock.now(), tally.store_zone())
    for n, count in enumerate(counts, 1):
        change = tally.change("example", week.before(n), "interest", {"first-time/coffee": count, "one-time/coffee": 40})
        small.tables.twin.write([Put(change.key, {**change.put, **change.add})])


@pytest.fixture
def anna(small):
    from tests.builders import an_order

    a_profile(small, order=an_order())
    return small


def test_a_rise_is_told_once_with_numbers_and_nobody(anna):
    before(anna, (4, 4, 4, 4))
    for n in range(30):
        assert looks(anna, n) == {"batchItemFailures": []}
    (event,) = [event for event in anna.outbox() if event.type == "InterestRose"]
    assert event.data == {
        "shop": "example", "segment": "first-time", "family": "coffee", "week": "2026-W10", "days": 14, "before": 4.0,
    }  # fmt: skip
    assert "c0anna" not in str([item for item in anna.items("DELIVERY#") if "interest" in str(item["pk"])])


def test_the_same_event_twice_counts_once_and_what_is_not_new_not_at_all(anna):
    for _ in range(3):
        looks(anna, 1)
    looks(anna, 2, fresh=False)
    looks(anna, 3, family=None)
    week = tally.week_at(anna.clock.now(), tally.store_zone())
    assert tally.of_week(anna.tables, week)["example"]["interest"] == {"first-time/coffee": 1, "one-time/coffee": 1}


def test_a_rise_that_goes_on_is_not_told_again_and_one_after_a_pause_is(anna):
    before(anna, (4, 4, 4, 4))
    for n in range(30):
        looks(anna, n)
    anna.later(days=7)
    for n in range(100, 160):
        looks(anna, n)
    assert anna.told().count("InterestRose") == 1, "it goes on"
    anna.later(days=35)
    before(anna, (4, 4, 4, 4))
    for n in range(200, 230):
        looks(anna, n)
    assert anna.told().count("InterestRose") == 2


def test_who_is_gone_counts_for_nobody(small):
    assert looks(small, 1, customer="nobody") == {"batchItemFailures": []}
    assert small.items("TALLY#") == []
