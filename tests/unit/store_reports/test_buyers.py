"""How a shop's customers buy: counts that are nobody's, and the parameters and fifths that are read from them."""

import math
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from aftercare.lifetime import USUAL, Buyer, Orders, likelihood
from aftercare.segments import YOUNG, Bought
from store_reports.buyers import Counts, alike, counted, counts_from, cuts, fitted
from store_reports.fitting import fit_amounts, fit_orders, minimum

TODAY = date(2026, 3, 2)
TRUE = Orders(0.8, 40.0, 0.6, 2.5)


def customers(many, seed=7, amounts=(4.0, 5.0, 200.0)):
    """Customers who buy as the model says."""
    random = Random(seed)
    found = []
    for _ in range(many):
        age = random.randrange(30, 500)
        first = TODAY - timedelta(days=age)
        rate, leaves = random.gammavariate(TRUE.r, 1 / TRUE.alpha), random.betavariate(TRUE.a, TRUE.b)
        at, days = 0.0, [first]
        while True:
            at += random.expovariate(rate)
            if at >= age:
                break
            days.append(first + timedelta(days=int(at)))
            if random.random() < leaves:
                break
        days = sorted(set(days))
        scale = random.gammavariate(amounts[1], 1 / amounts[2])
        spent = sum(random.gammavariate(amounts[0], 1 / scale) for _ in days)
        found.append(Bought(len(days), len(days), days[0], days[-1], {"EUR": Decimal(f"{spent:.2f}")}))
    return found


@pytest.fixture(scope="module")
def counts():
    return counted(customers(4000), TODAY)


def test_the_search_finds_where_a_function_is_least():
    found = minimum(lambda at: (at[0] - 3) ** 2 + 10 * (at[1] + 1) ** 2, [0.0, 0.0])
    assert found == pytest.approx([3.0, -1.0], abs=0.01)


def test_parameters_are_found_again(counts):
    model = fitted(counts, TODAY)
    assert model.customers == 4000 and model.currency == "EUR" and model.fitted == TODAY
    assert model.orders.r == pytest.approx(TRUE.r, rel=0.15)
    assert model.orders.alpha == pytest.approx(TRUE.alpha, rel=0.2)
    left = model.orders.a / (model.orders.a + model.orders.b)
    assert left == pytest.approx(TRUE.a / (TRUE.a + TRUE.b), rel=0.25)
    usual = model.amounts.p * model.amounts.gamma / (model.amounts.q - 1)
    assert usual == pytest.approx(4.0 * 200.0 / 4.0, rel=0.1)


def test_counts_lose_nearly_nothing_to_their_bins(counts):
    """The parameters from counts are as likely on the customers themselves as those that were fitted to these."""
    exact = {}
    for one in customers(4000):
        key = (one.days - 1, float((one.last - one.first).days), float((TODAY - one.first).days))
        exact[key] = exact.get(key, 0) + 1

    def told(model):
        return sum(many * likelihood(model, *one) for one, many in exact.items()) / 4000

    assert told(fitted(counts, TODAY).orders) > told(fit_orders(exact)) - 0.002


def test_counts_are_nobodys_and_bounded(counts):
    doc = counts.to_json()
    assert counts_from(doc) == counts
    assert len(doc) < 60_000
    old = [Bought(9, 9, date(1990, 1, 1), date(2020, 1, 1), {"EUR": Decimal(10**9)})] * 3
    long = counted(old, TODAY)
    ((key, many),) = long.bought.items()
    assert many == 3 and int(key.split(".")[0]) >= TODAY.toordinal() // 28 - 65, "who came long ago counts with the oldest"
    assert sum(one.many for one in alike(long, TODAY)) == 3
    assert counted([Bought()], TODAY) == Counts(counts.bought.__class__(), counts.means.__class__(), counts.spent.__class__())


def test_amounts_in_two_currencies_teach_no_mean():
    mixed = [Bought(2, 2, TODAY - timedelta(days=9), TODAY, {"EUR": Decimal(10), "USD": Decimal(10)})]
    found = counted(mixed, TODAY)
    assert not found.means and len(found.spent) == 2


def test_a_young_store_has_the_usual_parameters_and_cuts():
    few = counted(customers(40), TODAY)
    assert fitted(few, TODAY)._replace(customers=0, fitted=None) == USUAL
    assert cuts(few, TODAY) == YOUNG
    assert fitted(counted([], TODAY), TODAY).customers == 0


def test_the_fifths_are_the_stores_own(counts):
    own = cuts(counts, TODAY)
    known = customers(4000)
    spent = sorted(one.spent["EUR"] for one in known)
    for number, cut in enumerate(own.spent["EUR"], 1):
        assert float(cut) == pytest.approx(float(spent[4000 * number // 5]), rel=0.12)
    since = sorted((TODAY - one.last).days for one in known)
    for number, cut in enumerate(own.recency, 1):
        assert cut == pytest.approx(since[4000 * number // 5], abs=16)
    assert own.orders[0] >= 2 and list(own.orders) == sorted(own.orders)
    assert own.spent["USD"] == YOUNG.spent["USD"], "of a currency in which too few bought nothing is known"


def test_amounts_are_found_from_few_means():
    found = fit_amounts({(1.0, 20.0): 50, (2.0, 25.0): 30, (4.0, 40.0): 10})
    assert all(math.isfinite(value) and value > 0 for value in found)
    assert Buyer(0, 0.0, 1.0).x == 0
