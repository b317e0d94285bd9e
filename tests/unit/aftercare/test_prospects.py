"""What a store may expect of one customer, against sums done another way: integrals over rates and departures, and a shop that is
played with dice."""

import math
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from aftercare import keys
from aftercare.lifetime import USUAL, Amounts, Buyer, Model, Orders, comes_again, returns
from aftercare.money import Money
from aftercare.prospects import YEAR, model_of, next_order_of, prospects, prospects_of, shop_of
from aftercare.segments import Bought, NextOrder, noted
from aftercare.table import Put
from tests.builders import NOON, a_customer, an_order

TODAY = NOON.date()
TAUGHT = Model(Orders(0.67, 65.0, 0.5, 3.2), Amounts(6.0, 4.0, 15.0), "EUR", 2357, date(2026, 3, 1))


def bought(x, span, silence, amount="300", currency="EUR"):
    last = TODAY - timedelta(days=silence)
    return Bought(x + 1, x + 1, last - timedelta(days=span), last, {currency: Decimal(amount)})


def grid(density, low, high, steps):
    width = (high - low) / steps
    points = [low + width * (n + 0.5) for n in range(steps)]
    return [(point, width * density(point)) for point in points]


@pytest.mark.parametrize(("x", "span", "silence"), [(1, 30, 20), (3, 90, 60), (8, 200, 150)])
def test_what_is_said_of_a_customer_is_what_integrating_over_all_rates_and_departures_says(x, span, silence):
    """The model's story itself: a rate lambda from a Gamma, a chance p to leave after each repeat purchase from a Beta, and what
    each pair makes of the history (equation 3); none of the closed forms is used."""
    r, alpha, a, b = TAUGHT.orders
    age, days = span + silence, 200
    norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    rates = grid(lambda u: math.exp(r * (u + math.log(alpha)) - alpha * math.exp(u) - math.lgamma(r)), -14.0, 1.0, 700)
    # by the logarithm of its odds, where a Beta below one has no pole
    leaving = grid(lambda u: math.exp(norm - a * math.log1p(math.exp(-u)) - b * math.log1p(math.exp(u))), -40.0, 12.0, 700)
    there = gone = back = orders = 0.0
    for u, weight in rates:
        rate = math.exp(u)
        stays, left = rate**x * math.exp(-rate * age) * weight, rate**x * math.exp(-rate * span) * weight
        for v, share in leaving:
            p = 1.0 / (1.0 + math.exp(-v))
            alive = (1 - p) ** x * stays * share
            there += alive
            gone += p * (1 - p) ** (x - 1) * left * share
            back += alive * -math.expm1(-rate * days)
            # each purchase is the last one with p: the expected number within `days` of one who is there
            orders += alive * (-math.expm1(-rate * p * days) / p if p > 1e-12 else rate * days)
    found = prospects(bought(x, span, silence), (), TAUGHT, TODAY, days, churn_days=days)
    assert found.active == pytest.approx(there / (there + gone), rel=2e-3)
    assert found.churn == pytest.approx(1 - back / (there + gone), rel=2e-3)
    assert found.orders == pytest.approx(orders / (there + gone), rel=2e-3)


def test_the_quarters_of_the_next_order_are_those_of_a_shop_that_is_played_with_dice():
    """Two hundred thousand customers who buy and leave as the model has it; of those with two repeat purchases by day 120, the
    last on days 55 to 65, it is counted when the next one came. Who left for good never comes."""
    model, chance, waits = Orders(0.9, 40.0, 0.5, 2.0), Random(11), []
    for _ in range(200_000):
        rate, leaves = chance.gammavariate(model.r, 1 / model.alpha), chance.betavariate(model.a, model.b)
        now, seen, last = 0.0, 0, 0.0
        while True:
            now += chance.expovariate(rate) if rate > 1e-300 else math.inf
            if now > 120.0:
                break
            seen, last = seen + 1, now
            if seen > 2 or chance.random() < leaves:
                now = math.inf
                break
        if seen == 2 and 55.0 <= last <= 65.0:
            waits.append(now - 120.0)
    waits.sort()
    assert len(waits) > 1500
    found = comes_again(model, Buyer(2, 60.0, 120.0), ())
    away = sum(math.isinf(wait) for wait in waits) / len(waits)
    assert away > 0.25 and found[2] is None, "three quarters never come"
    for share, days in zip((0.25, 0.5), found[:2], strict=True):
        assert sum(wait <= days for wait in waits) / len(waits) == pytest.approx(share, abs=0.035)


def test_who_surely_comes_has_a_day_for_each_quarter_and_who_may_not_has_none():
    loyal = prospects(bought(12, 360, 5), [30.0] * 12, TAUGHT, TODAY).next_order
    assert TODAY < loyal.p25 < loyal.p50 < loyal.p75 < TODAY + timedelta(days=60)
    away = prospects(bought(12, 360, 240), [30.0] * 12, TAUGHT, TODAY)
    assert away.active < 0.25 and away.next_order == NextOrder(None, None, None)
    between = prospects(bought(3, 90, 100), [30.0] * 3, TAUGHT, TODAY)
    assert 0.5 < between.active < 0.75 and between.next_order.p50 and between.next_order.p75 is None


@pytest.mark.parametrize(("x", "span", "silence"), [(0, 0, 40), (2, 60, 30), (9, 200, 90)])
def test_the_quarters_are_where_the_chance_to_come_again_is_a_quarter(x, span, silence):
    one = Buyer(x, float(span), float(span + silence))
    for share, days in zip((0.25, 0.5, 0.75), comes_again(TAUGHT.orders, one, ()), strict=True):
        if days is None:
            assert returns(TAUGHT.orders, one, 3650) < share
        else:
            assert returns(TAUGHT.orders, one, days) == pytest.approx(share, abs=0.004)


def test_who_ordered_once_may_stay_away_and_has_had_no_occasion_to_leave():
    once = prospects(bought(0, 0, 300), (), USUAL, TODAY, churn_days=180)
    assert once.active == 1.0 and once.churn == pytest.approx((358 / 538) ** 0.62), "r = 0.62, alpha = 58, and 300 days so far"


def test_spend_is_by_gamma_gamma_in_the_stores_currency_and_by_their_own_mean_in_another():
    euro = prospects(bought(4, 120, 10), (), TAUGHT, TODAY)
    # Five purchases of 60: p (gamma + 5 * 60) / (5 p + q - 1) = 6 * 315 / 33.
    assert float(euro.spend_if_active.amount) == pytest.approx(6 * 315 / 33 * euro.orders / euro.active, abs=0.02)
    assert float(euro.spend.amount) == pytest.approx(6 * 315 / 33 * euro.orders, abs=0.02)
    dollar = prospects(bought(4, 120, 10, currency="USD"), (), TAUGHT, TODAY)
    assert dollar.spend == Money(amount=f"{60 * dollar.orders:.2f}", currency="USD")
    mixed = bought(4, 120, 10)._replace(spent={"EUR": Decimal(200), "USD": Decimal(100)})
    assert prospects(mixed, (), TAUGHT, TODAY).spend == Money(amount=f"{40 * euro.orders:.2f}", currency="EUR")
    assert prospects(bought(4, 120, 10)._replace(spent={}), (), TAUGHT, TODAY).spend is None
    free = prospects(bought(4, 120, 10, "0"), (), TAUGHT, TODAY)
    assert free.spend == Money(amount="0.00", currency="EUR")


def test_a_store_that_taught_nothing_yet_says_so():
    young, taught = (prospects(bought(2, 60, 5), (), model, TODAY) for model in (USUAL._replace(customers=12), TAUGHT))
    assert (young.fitted_to, young.fitted_on) == (0, None)
    assert (taught.fitted_to, taught.fitted_on) == (2357, date(2026, 3, 1))
    assert prospects(Bought(), (), TAUGHT, TODAY) is None


def test_the_parameters_are_of_the_shop_of_the_last_order(small):
    old, new = an_order("1", shop="a", key="a:1", placed_at=NOON - timedelta(days=9)), an_order("2", shop="b", key="b:2")
    gone = an_order("3", shop="c", key="c:3", placed_at=NOON + timedelta(days=1), cancelled_at=NOON)
    assert shop_of(a_customer(new, old, gone)) == "b"
    assert shop_of(a_customer()) is None
    small.tables.write([Put(keys.buyers("b"), {"model": TAUGHT.to_json()})])
    assert model_of(small.tables, "b") == TAUGHT
    assert model_of(small.tables, "a") == model_of(small.tables, None) == USUAL


def test_a_record_on_which_no_day_is_noted_is_read_by_the_usual_parameters():
    order = an_order(placed_at=NOON, as_of=NOON)
    customer = a_customer(order)
    day = next_order_of(customer).p50
    assert day == TODAY + timedelta(days=119), "58 (2^(1/0.62) - 1)"
    sums = noted(Bought(1, 1, TODAY, TODAY, {}), ("first-time", "one-time"))
    told = replace(customer, profile=customer.profile.model_copy(update={"bought": sums}))
    assert next_order_of(told).p50 == day
    told = replace(customer, profile=customer.profile.model_copy(update={"bought": {**sums, "next": "3/9/"}}))
    assert next_order_of(told) == NextOrder(TODAY + timedelta(days=3), TODAY + timedelta(days=9), None)
    assert next_order_of(a_customer()) is None
    assert prospects_of(a_customer(), TAUGHT, TODAY) is None
    assert prospects_of(customer, TAUGHT, TODAY).days == YEAR
