"""What somebody likes, and in which third of a shop's prices they buy."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from aftercare import keys
from aftercare.behaviour import Behaviour, day_of
from aftercare.catalogue import catalogue
from aftercare.customer import OrderLine
from aftercare.customer_view import customer_view, learned_at
from aftercare.lifetime import USUAL
from aftercare.money import Money
from aftercare.recommend import fitting, goes_with
from aftercare.taste import interests, prices_from, tier_of, tiers
from tests.builders import NOON, a_customer, an_order

GOODS = catalogue()
KNOWN = {"camera/EUR": (Decimal(100), Decimal(400)), "coffee/EUR": (Decimal(10), Decimal(20))}


def line(kind="Coffee", price=None, currency="EUR", **more):
    told = Money(amount=price, currency=currency) if price else None
    return OrderLine(line_ref="1", title="Thing", quantity=1, product_type=kind, unit_price=told, **more)


def bag(number, days, *lines, **more):
    placed = NOON - timedelta(days=days)
    return an_order(str(number), lines=lines or (line(),), placed_at=placed, as_of=placed, **more)


def test_a_family_is_of_interest_by_the_days_it_was_bought_and_looked_at_and_both_fade():
    orders = (bag(1, 0), bag(2, 0), bag(3, 180), bag(4, 360, line("Camera")), bag(5, 1, line("Camera"), cancelled_at=NOON))
    found = {one.family: one for one in interests(orders, None, GOODS, NOON)}
    assert found["coffee"].bought == pytest.approx(1.5), "two orders of a day are one, and 180 days halve"
    assert found["camera"].bought == pytest.approx(0.25) and found["camera"].looked == 0.0
    looked = Behaviour(version=1, day=day_of(NOON), themes={"camera": "7", "gone-family": "1"})
    first = interests(orders, looked, GOODS, NOON)[0]
    assert first.family == "camera" and first.looked == pytest.approx(1 + 2 ** (-1 / 14) + 2 ** (-2 / 14))
    assert {one.family for one in interests(orders, looked, GOODS, NOON)} == {"coffee", "camera"}
    assert interests((), None, GOODS, NOON) == ()


def test_an_add_on_that_was_looked_at_counts_for_its_family():
    name, add_on = next((n, a) for n, a in GOODS.add_ons.items() if a.family)
    looked = Behaviour(version=1, day=day_of(NOON), themes={f"+{name}": "1"})
    (one,) = interests((), looked, GOODS, NOON)
    assert (one.family, one.looked) == (add_on.family, 1.0)


@pytest.mark.parametrize(("prices", "tier"), [(("100",), "low"), (("101",), "mid"), (("400",), "mid"), (("401",), "high")])
def test_the_third_is_where_their_middle_price_lies(prices, tier):
    assert tiers([bag(1, 1, *(line("Camera", p) for p in prices))], KNOWN, GOODS) == {"camera": tier}


def test_one_dear_thing_among_many_is_no_dear_taste():
    orders = [bag(n, n, line("Camera", price)) for n, price in enumerate(("50", "60", "900"))]
    assert tiers(orders, KNOWN, GOODS) == {"camera": "low"}


def test_what_has_no_known_prices_has_no_third():
    assert tiers([bag(1, 1, line("Camera", "50", "USD"))], KNOWN, GOODS) == {}
    assert tiers([bag(1, 1, line("Camera", "50"))], {}, GOODS) == {}
    assert tiers([bag(1, 1, line("Camera")), bag(2, 2, line("Camera", "0.00"))], KNOWN, GOODS) == {}
    assert tiers([bag(1, 1, line("Camera", "50", gift_card=True))], KNOWN, GOODS) == {}
    assert tier_of({}) is None
    assert tier_of({"a": "low", "b": "high"}) == "mid" and tier_of({"a": "high"}) == "high"
    assert prices_from(None) == prices_from({"at": "x"}) == {}


def offered(*orders):
    customer = a_customer(*orders)
    _, add_on = goes_with(customer, fitting(customer, orders, GOODS, NOON), GOODS, NOON, {})
    return add_on


def test_what_goes_with_the_family_they_buy_most_comes_first():
    once, often = bag(1, 0, line("Camera")), [bag(n, 7 * n, line("Leather")) for n in range(2, 6)]
    leather = [n for n in GOODS.family("leather").cross_sells if GOODS.add_ons[n].skus]
    camera = [n for n in GOODS.family("camera").cross_sells if GOODS.add_ons[n].skus]
    assert leather and camera and leather[0] != camera[0]
    assert offered(once, *often) == leather[0]
    assert offered(once) == camera[0]


def test_the_view_is_by_what_the_shop_of_the_last_order_has_learned():
    customer = a_customer(bag(1, 30, line("Camera", "900")), bag(2, 2, line("Camera", "900")))
    assert learned_at(customer) == (keys.buyers("example"), keys.prices("example"))
    assert learned_at(a_customer()) == ()
    model = USUAL._replace(orders=USUAL.orders._replace(r=0.9), customers=900)
    item = {"prices": json.dumps({"camera/EUR": ["100", "400"]})}
    seen = customer_view(
        customer, {keys.buyers("example"): {"model": model.to_json()}, keys.prices("example"): item}, GOODS, NOON, 90, 60
    )
    assert (seen.id, seen.shop, seen.price_tier, seen.price_tiers) == (customer.id, "example", "high", {"camera": "high"})
    assert (seen.prospects.fitted_to, seen.prospects.days, seen.prospects.churn_days) == (900, 90, 60)
    assert [one.family for one in seen.interests] == ["camera"]
    nobody = customer_view(a_customer(), {}, GOODS, NOON)
    assert (nobody.shop, nobody.prospects, nobody.noted, nobody.price_tier) == (None, None, None, None)
