"""What signs of use are worth in a shop: planted weights are found, chances are calibrated, and few customers do no harm."""

import math
import random
from collections import Counter

import pytest

from aftercare.segment_policy import segment_policy
from aftercare.use import GROUPS, Weights, cell_of, chance, counted, signs_of, table_weights
from store_reports.use_fit import cells_of, fitted

TABLE = table_weights(segment_policy().care.use)
SHARES = ((0.5, 0.2, 0.1, 0.2), (0.6, 0.3, 0.1), (0.5, 0.3, 0.2), (0.5, 0.35, 0.15), (0.7, 0.1, 0.1, 0.05, 0.05))
"""How often each sign is there; the milestone of a guide mostly comes with its last step."""


def a_store(seed, spread=0.6):
    """The true weights of a store near the table."""
    made = random.Random(f"store {seed}")
    return Weights(TABLE.base + made.gauss(0, 0.8), {s: w + made.gauss(0, spread) for s, w in TABLE.signs.items()})


def people(truth, many, seed):
    """Signs and what became of each; two signs mostly come together."""
    made = random.Random(f"people {seed}")
    found = []
    for _ in range(many):
        cell = [made.choices(range(len(of)), of)[0] for of in SHARES]
        if cell[0] == 3 and made.random() < 0.8:
            cell[1] = max(cell[1], 1)
        digits = "".join(map(str, cell))
        found.append((digits, made.random() < chance(truth, signs_of(digits))))
    return found


def counts(given):
    stayed, left = Counter(), Counter()
    for cell, on in given:
        (stayed if on else left)[cell] += 1
    return {cell: (stayed[cell], left[cell]) for cell in {*stayed, *left}}


def loss(weights, truth, given):
    """Expected log-loss of chances where the true ones are known: no noise of outcomes."""
    total = 0.0
    for cell, _ in given:
        p, q = chance(truth, signs_of(cell)), chance(weights, signs_of(cell))
        total -= p * math.log(q) + (1 - p) * math.log(1 - q)
    return total / len(given)


def test_planted_weights_are_found():
    truth = a_store(1)
    learned = fitted(counts(people(truth, 40_000, 1)), TABLE)
    assert learned.base == pytest.approx(truth.base, abs=0.12)
    for sign, weight in truth.signs.items():
        assert learned.signs[sign] == pytest.approx(weight, abs=0.25), sign
    assert learned.seen == 40_000 and 0 < learned.stayed < 40_000


def test_its_chances_are_calibrated_though_signs_come_together():
    truth = a_store(2)
    learned = fitted(counts(people(truth, 8_000, 2)), TABLE)
    bins = [[0, 0.0, 0] for _ in range(10)]
    for cell, on in people(truth, 20_000, 3):
        p = chance(learned, signs_of(cell))
        one = bins[min(9, int(10 * p))]
        one[0], one[1], one[2] = one[0] + 1, one[1] + p, one[2] + on
    for many, said, came in bins:
        if many > 400:
            assert came / many == pytest.approx(said / many, abs=0.04)


@pytest.mark.parametrize("many", [5, 20, 60, 200])
def test_few_customers_do_no_harm_and_more_do_good(many):
    """Over forty stores, each near the table by chance: what is learned is no worse than the table, by all of them."""
    before = after = 0.0
    for store in range(40):
        truth, judged = a_store(store), people(a_store(store), 300, f"judged {store}")
        before += loss(TABLE, truth, judged)
        after += loss(fitted(counts(people(truth, many, f"{store} {many}")), TABLE), truth, judged)
    assert after <= before
    if many >= 60:
        assert (before - after) / 40 > 0.03


def test_where_the_table_is_right_already_little_is_lost():
    lost = 0.0
    for store in range(20):
        judged = people(TABLE, 300, f"judged {store}")
        lost += loss(fitted(counts(people(TABLE, 30, store)), TABLE), TABLE, judged) - loss(TABLE, TABLE, judged)
    assert lost / 20 < 0.02


def test_nobody_teaches_nothing_and_a_sign_that_nobody_had_keeps_the_table():
    assert fitted({}, TABLE) == TABLE
    learned = fitted({cell_of(("bad",)): (1, 30)}, TABLE)
    assert learned.signs["bad"] < TABLE.signs["bad"] and learned.base < TABLE.base
    assert {s: w for s, w in learned.signs.items() if s != "bad"} == {s: w for s, w in TABLE.signs.items() if s != "bad"}


def test_all_or_none_going_on_stays_a_number():
    for pair in ((100_000, 0), (0, 100_000)):
        learned = fitted({"00000": pair, cell_of(("good", "open-case")): pair}, TABLE)
        assert all(math.isfinite(weight) for weight in (learned.base, *learned.signs.values()))
        assert (chance(learned, ()) > 0.99) is (pair[0] > 0)


def test_the_order_of_what_is_counted_is_no_matter():
    cells = counts(people(a_store(3), 500, 4))
    one, other = fitted(cells, TABLE), fitted(dict(reversed(cells.items())), TABLE)
    assert one.to_json() == other.to_json()


def test_weeks_are_added_and_what_nobody_knows_any_more_counts_for_nothing():
    week = {**counted("00000", True), "cell/00099/left": 3, "other/00000": 5}
    weeks = [week, counted("00000", False), counted("01000", True)]
    assert cells_of(weeks) == {"00000": (1, 1), "00099": (0, 3), "01000": (1, 0)}
    assert cells_of([{"cell/0000/left": 3}]) == {}
    assert len("00000") == len(GROUPS)
