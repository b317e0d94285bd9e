"""BG/NBD and Gamma-Gamma against published numbers, against sums done another way, and at the edges."""

import math
import time
from datetime import date
from itertools import pairwise

import pytest

from aftercare.lifetime import (
    USUAL,
    Amounts,
    Buyer,
    Model,
    Orders,
    active,
    buyer,
    expected_orders,
    expected_spend,
    hypergeometric,
    likelihood,
    model_from,
    next_order,
    returns,
    spend_likelihood,
)
from aftercare.segments import Bought

PUBLISHED = Orders(0.243, 4.414, 0.793, 2.426)
"""Of CDNOW, in weeks (Fader, Hardie and Lee 2005, table 2)."""

ODD = (
    Orders(0.25, 33.0, 0.73, 2.2),
    Orders(0.67, 65.0, 0.15, 3.2),
    Orders(2.0, 10.0, 1.0, 1.0),
    Orders(0.1, 400.0, 3.5, 0.4),
    Orders(0.9, 5.0, 0.05, 40.0),
)


def simpson(of, low, high, steps=4000):
    width = (high - low) / steps
    inner = sum((4 if n % 2 else 2) * of(low + n * width) for n in range(1, steps))
    return (of(low) + inner + of(high)) * width / 3


def test_the_worked_example_of_the_paper():
    one = Buyer(2, 30.43, 38.86)
    assert expected_orders(PUBLISHED, one, 39.0) == pytest.approx(1.226, abs=0.001)


def test_the_series_is_the_hypergeometric_function():
    for z in (0.0, 0.1, 0.5, 0.9, 0.99):
        assert hypergeometric(1.0, 1.0, 2.0, z) == pytest.approx(-math.log1p(-z) / z if z else 1.0, rel=1e-9)
        assert hypergeometric(0.5, 1.0, 1.5, z * z) == pytest.approx(math.atanh(z) / z if z else 1.0, rel=1e-9)


@pytest.mark.parametrize("model", ODD)
@pytest.mark.parametrize("x", [0, 1, 4, 30])
def test_the_likelihood_is_what_integrating_over_rates_and_departures_gives(model, x):
    """Equation 3, integrated over lambda and p as numbers."""
    r, alpha, a, b = model
    age, tx = 90.0, 60.0 if x else 0.0

    def over_rates(until):
        # the integral of lambda^x e^(-lambda until) over Gamma(r, alpha)
        return math.exp(math.lgamma(r + x) - math.lgamma(r) + r * math.log(alpha) - (r + x) * math.log(alpha + until))

    def beta(one, other):
        return math.exp(math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other))

    total = beta(a, b + x) / beta(a, b) * over_rates(age)
    if x:
        total += beta(a + 1, b + x - 1) / beta(a, b) * over_rates(tx)
    assert math.exp(likelihood(model, x, tx, age)) == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("model", ODD)
def test_expected_orders_are_the_sum_of_what_each_moment_brings(model):
    """d/dt of the expectation is the chance to be there still times the mean rate: integrated, it is equation 10."""
    for one in (Buyer(0, 0.0, 50.0), Buyer(1, 40.0, 50.0), Buyer(6, 80.0, 90.0), Buyer(25, 300.0, 310.0)):
        got = expected_orders(model, one, 60.0)

        def rate(t, one=one):
            # E[lambda e^(-lambda p t)] over lambda ~ Gamma(r + x, alpha + age), p ~ Beta(a, b + x)
            shape, scale = model.r + one.x, model.alpha + one.age
            return simpson(
                lambda u: shape * scale**shape / (scale + _p(u) * t) ** (shape + 1) * _density(u, model.a, model.b + one.x),
                -300.0,
                30.0,
                3000,
            )

        want = active(model, one) * simpson(rate, 0.0, 60.0, 20)
        assert got == pytest.approx(want, rel=2e-3)


def _p(u):
    return 1.0 / (1.0 + math.exp(-u))


def _density(u, a, b):
    """Beta(a, b) by the logarithm of the odds, where its ends are no poles."""
    norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(norm - a * math.log1p(math.exp(-u)) - b * math.log1p(math.exp(u)))


@pytest.mark.parametrize("model", ODD)
def test_chances_are_chances_and_time_works_as_it_does(model):
    for x, tx in ((0, 0.0), (1, 5.0), (12, 200.0), (400, 364.0)):
        waits = [Buyer(x, tx, tx + days) for days in (0.0, 10.0, 100.0, 1000.0, 5000.0)]
        there = [active(model, one) for one in waits]
        assert all(0.0 <= chance <= 1.0 for chance in there)
        assert all(later <= earlier + 1e-12 for earlier, later in pairwise(there)), "who stays away is less and less there"
        one = waits[1]
        within = [returns(model, one, days) for days in (1.0, 30.0, 365.0, 10_000.0)]
        assert all(earlier <= later <= active(model, one) for earlier, later in pairwise(within))
        orders = [expected_orders(model, one, days) for days in (0.0, 1.0, 30.0, 365.0, 3650.0)]
        assert orders[0] == 0.0 and all(math.isfinite(n) and n >= m - 1e-9 for m, n in pairwise(orders))
        assert all(n >= returns(model, one, days) - 1e-9 for n, days in zip(orders[1:4], (1.0, 30.0, 365.0), strict=True))


def test_an_amount_is_drawn_to_the_stores_and_the_more_is_known_the_less():
    model = Amounts(6.25, 3.74, 15.44)
    usual = model.p * model.gamma / (model.q - 1)
    assert expected_spend(model, 0, 0.0) == pytest.approx(usual)
    few, many = expected_spend(model, 1, 100.0), expected_spend(model, 50, 100.0)
    assert usual < few < many < 100.0
    whole = simpson(lambda mean: math.exp(spend_likelihood(model, 3, mean)), 0.01, 4000.0, 40_000)
    assert whole == pytest.approx(1.0, abs=1e-3), "the density of a mean is one"


def test_the_next_orders_quarters_follow_the_model_and_then_the_customers_own_days():
    model = USUAL.orders
    fresh = next_order(model, Buyer(0, 0.0, 0.0), ())
    assert fresh[0] < fresh[1] < fresh[2]
    there, shape = model.alpha, model.r
    assert (there / (there + fresh[1])) ** shape == pytest.approx(0.5, abs=0.01)
    monthly = next_order(model, Buyer(12, 360.0, 360.0), [30.0] * 12)
    assert 20 < monthly[1] < 40 and monthly[2] - monthly[0] < fresh[2] - fresh[0]
    waited = next_order(model, Buyer(12, 360.0, 385.0), [30.0] * 12)
    assert waited[1] < monthly[1], "25 days later their day is near"
    gone = next_order(model, Buyer(12, 360.0, 4000.0), [30.0] * 12)
    assert all(math.isfinite(days) and days >= 0 for days in gone)
    every_day = next_order(model, Buyer(300, 300.0, 300.0), [1.0] * 300)
    assert 0 <= every_day[0] <= every_day[1] <= every_day[2] < 5


def test_a_buyer_is_what_the_record_says_and_nobody_without_an_order():
    assert buyer(Bought(), date(2026, 3, 2)) is None
    known = Bought(4, 3, date(2026, 1, 1), date(2026, 2, 1), {})
    assert buyer(known, date(2026, 3, 2)) == Buyer(2, 31.0, 60.0)
    assert buyer(known, date(2026, 1, 15)) == Buyer(2, 31.0, 31.0), "an order from a clock that is ahead"


def test_the_seven_parameters_lie_in_the_table_as_they_were():
    model = Model(Orders(0.25, 33.3, 0.7, 2.1), Amounts(6.0, 3.0, 15.0), "USD", 2357, date(2026, 3, 2))
    assert model_from({"model": model.to_json()}) == model
    assert model_from(None) == model_from({"cuts": "[]"}) == USUAL


def test_serving_is_microseconds():
    """The bar is 20 us for one customer on a quiet machine; twice that is let pass here."""
    some = [Buyer(x, 10.0 * x, 10.0 * x + 30) for x in range(40)]
    best = math.inf
    for _ in range(20):
        began = time.perf_counter()
        for one in some:
            active(USUAL.orders, one)
        best = min(best, (time.perf_counter() - began) / len(some))
    assert best < 40e-6
