"""The refit as it runs: from each customer's profile to what the next order is sorted by."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from aftercare import keys, tally
from aftercare.customer import Contact, Profile
from aftercare.lifetime import USUAL, model_from
from aftercare.segments import YOUNG, Bought, cuts_from, noted
from aftercare.table import Put, Throttled
from aftercare.tally import week_at
from store_reports import handler
from store_reports.prices import SAMPLE
from tests.small_outside import START, Context, sample
from tests.unit.store_reports.test_buyers import customers

MANY = 430


def bought(small, shop, sums, first=0):
    for number, one in enumerate(sums, first):
        who = f"c{number:05d}"
        seen = START - timedelta(days=400) + timedelta(minutes=number)
        profile = Profile(version=1, contact=Contact(), first_seen=seen, shops=(shop,), bought=noted(one, ("repeat", "mid")))
        writes = [Put(keys.of_shop(shop, seen, who), {"customer_id": who})]
        small.tables.write([*writes, Put(keys.customer(who, keys.PROFILE), {"doc": profile.to_json()})])
    tally.add(small.tables, shop, week_at(START, tally.store_zone()), "feedback", {"n/all": 1}, START)


def learned(small, shop):
    return small.tables.read([keys.buyers(shop)]).get(keys.buyers(shop))


@pytest.fixture
def store(small):
    bought(small, "lark", customers(MANY))
    bought(small, "fox", [Bought(1, 1, START.date(), START.date(), {"EUR": Decimal(20)})] * 3, first=MANY)
    return small


def test_each_shop_learns_from_its_own_customers(store):
    assert handler.handle(sample("store_reports/refit"), Context()) == {"shops": 2, "customers": MANY + 3}
    lark, fox = learned(store, "lark"), learned(store, "fox")
    assert cuts_from(lark) != YOUNG and cuts_from(lark).spent["EUR"] != YOUNG.spent["EUR"]
    assert model_from(lark).orders != USUAL.orders and model_from(lark).customers == MANY
    assert cuts_from(fox) == YOUNG and model_from(fox).orders == USUAL.orders, "three customers teach nothing"
    week = str(week_at(START, tally.store_zone()))
    ripe = store.tables.read([keys.came_back("lark", week)])[keys.came_back("lark", week)]
    assert 0 < ripe["first_came_back"] < ripe["first_ripe"] < MANY
    assert 0 < ripe["mid_came_back"] < ripe["mid_ripe"] < MANY and ripe["high_ripe"] == 0


def test_what_is_learned_is_nobodys(store):
    handler.handle(sample("store_reports/refit"), Context())
    told = json.dumps(learned(store, "lark"), default=str)
    assert "c00" not in told and "@" not in told


def test_pages_and_profiles_are_read_by_the_hundred(store):
    store.tables.calls.clear()
    handler.handle({"task": "refit", "shop": "lark"}, Context())
    sums = ["page", "read"] * 5 + ["page", "read", "write", "write", "partition"]
    assert store.tables.calls == [*sums, *["page"] * 6, *["partition"] * SAMPLE], "and a sample's orders, for what things cost"


def test_who_is_gone_or_has_bought_nothing_does_not_count(small):
    bought(small, "lark", [Bought(1, 1, START.date(), START.date(), {}), Bought()])
    seen = START - timedelta(days=500)
    small.tables.write([Put(keys.of_shop("lark", seen, "cgone"), {"customer_id": "cgone"})])
    assert handler.handle(sample("store_reports/refit"), Context()) == {"shops": 1, "customers": 1}


def test_made_again_it_is_the_same_and_a_throttled_one_is_tried_by_the_service(store):
    def refuse():
        raise Throttled

    store.tables.before_write = [refuse]
    with pytest.raises(Throttled):
        handler.handle(sample("store_reports/refit"), Context())
    assert learned(store, "fox") is None
    for _ in range(2):
        handler.handle(sample("store_reports/refit"), Context())
    assert model_from(learned(store, "lark")).customers == MANY
