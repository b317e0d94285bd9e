"""What things cost in a shop, in thirds, learned from a sample of its customers."""

import json
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.catalogue import catalogue
from aftercare.customer import Contact, OrderLine, Profile
from aftercare.money import Money
from aftercare.segments import bought, noted
from aftercare.table import Put
from aftercare.taste import prices_from
from store_reports import handler, prices
from tests.builders import an_order
from tests.small_outside import START, Context

GOODS = catalogue()


def buys(small, n, *amounts, shop="lark", kind="Camera", currency="EUR", **more):
    who, seen = f"c{n:05d}", START - timedelta(days=90)
    lines = [
        OrderLine(line_ref=str(i), title="T", quantity=1, product_type=kind, unit_price=Money(amount=a, currency=currency))
        for i, a in enumerate(amounts)
    ]
    order = an_order(str(n), key=f"{shop}:{n}", shop=shop, lines=tuple(lines), placed_at=seen, as_of=seen, **more)
    profile = Profile(
        first_seen=seen, contact=Contact(), shops=(shop,), bought=noted(bought([order]), ("first-time", "one-time"))
    )
    small.tables.write(
        [
            Put(keys.of_shop(shop, seen, who), {"customer_id": who}),
            Put(keys.customer(who, keys.PROFILE), {"doc": profile.to_json(), "version": 1}),
            Put(keys.order(who, order.key), {"doc": order.to_json(), "version": 1}),
        ]
    )


def learned(small, shop="lark"):
    return prices_from({"prices": told}) if (told := prices.learned(small.tables, shop, GOODS)) else {}


def test_a_third_and_two_thirds_of_what_is_sold_cost_no_more(small):
    for n in range(12):
        buys(small, n, *(str(10 * (3 * n + i) + 10) for i in range(3)))
    # 36 prices, 10 to 360: twelve of them do not exceed 120, twenty-four not 240.
    assert {name: tuple(map(int, cut)) for name, cut in learned(small).items()} == {"camera/EUR": (120, 240)}
    assert learned(small, "fox") == {}


def test_of_too_few_and_of_what_costs_the_same_nothing_is_told(small):
    for n in range(prices.BUYERS - 1):
        buys(small, n, "10", "20", "30", "40")
    assert learned(small) == {}, "nine customers"
    buys(small, 90, "10", "20", cancelled_at=START)
    assert learned(small) == {}, "and one who cancelled"
    for n in range(100, 130):
        buys(small, n, "15.00", kind="Coffee")
        buys(small, n + 100, "15.00" if n % 2 else "18", kind="Leather", currency="USD")
    assert set(learned(small)) == {"leather/USD"}


def test_only_a_sample_of_a_large_shop_is_read_the_same_one_each_time(small, monkeypatch):
    monkeypatch.setattr(prices, "SAMPLE", 12)
    for n in range(40):
        buys(small, n, "10", "20", str(30 + n))
    small.tables.calls.clear()
    first = prices.learned(small.tables, "lark", GOODS)
    assert small.tables.calls.count("partition") == 12
    assert first == prices.learned(small.tables, "lark", GOODS)


@pytest.mark.parametrize(("day", "given", "made"), [(1, {}, True), (15, {}, False), (15, {"shop": "lark"}, True)])
def test_prices_are_learned_once_a_month_and_when_asked_for(small, day, given, made):
    from aftercare import tally

    small.clock.at = START.replace(day=day)
    tally.add(small.tables, "lark", tally.week_at(small.clock.at, tally.store_zone()), "feedback", {"n/all": 1}, small.clock.at)
    for n in range(12):
        buys(small, n, "10", "20", "30")
    handler.handle({"task": "refit", **given}, Context())
    item = small.tables.read([keys.prices("lark")]).get(keys.prices("lark"))
    assert bool(item) is made
    if item:
        assert json.loads(str(item["prices"])) == {"camera/EUR": ["10", "20"]} and item["at"]
