"""How a shop's customers buy, learned anew from all of them: the fifths that segments are cut by, and the seven parameters; what
signs of use are worth; what things cost; and of how many who are ripe for it, how many came back.

What is kept is counts of those who look alike and what follows from them, nobody's. Each customer's sums lie on their profile.
"""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from aftercare import keys, tally, telemetry
from aftercare.catalogue import catalogue
from aftercare.clock import iso
from aftercare.customer import Profile
from aftercare.outside import Outside
from aftercare.segment_policy import segment_policy
from aftercare.segment_words import Value
from aftercare.segments import Bought, noted_segments, noted_sums
from aftercare.table import Absent, ConditionFailed, Put, Tables
from aftercare.tally import Week
from aftercare.use import PART, Weights, table_weights
from store_reports import coming_back, prices, use_fit
from store_reports.buyers import counted, cuts, fitted

AT_ONCE = 100
"""Customers in a page and in the read of their profiles."""

KEPT = 56
"""Weeks of which it is known what became of whom."""

FIRST_DAYS = 7
"""In a month's first refit it is learned anew what things cost."""

LOOKED_BACK = 26
"""Weeks in which something was counted in a shop that is refitted."""


def run(outside: Outside, given: Mapping[str, Any]) -> dict[str, int]:
    """Refit each shop, or the `shop` that is given; made again, it takes the place of the first. Throttled: the service tries
    again."""
    now = outside.clock.now()
    shops = [str(given["shop"])] if "shop" in given else _shops(outside.tables, now)
    week, customers = tally.week_at(now, tally.store_zone()), 0
    for shop in shops:
        back = coming_back.Counter(now.date())
        counts = counted(back.through(buyers_of(outside.tables, shop)), now.date())
        model = fitted(counts, now.date())
        use = use_of(outside.tables, shop, week)
        item = {"cuts": cuts(counts, now.date()).to_json(), "model": model.to_json(), "use": use.to_json()}
        outside.tables.write([Put(keys.buyers(shop), {**item, "at": iso(now)})])
        _keep(outside.tables, shop, week, back.found)
        if now.day <= FIRST_DAYS or "shop" in given:
            _price(outside.tables, shop, now)
        customers += model.customers
    telemetry.count("BuyersRefitted", len(shops))
    return {"shops": len(shops), "customers": customers}


def use_of(tables: Tables, shop: str, week: Week) -> Weights:
    """What the signs of use are worth, from what became of whom in the weeks that are kept. One read."""
    weeks = [week.before(n) for n in range(KEPT)]
    found = tables.read([keys.tally(str(one), shop, PART) for one in weeks])
    return use_fit.fitted(use_fit.cells_of(map(tally.numbers_of, found.values())), table_weights(segment_policy().care.use))


def _price(tables: Tables, shop: str, now: datetime) -> None:
    """Keep what a family's things cost. A Query for each customer of the sample: once a month, for prices move slowly."""
    found = prices.learned(tables, shop, catalogue())
    if found:
        tables.write([Put(keys.prices(shop), {"prices": found, "at": iso(now)})])


def _keep(tables: Tables, shop: str, week: Week, found: coming_back.ComingBack) -> None:
    """Keep the week's retention. What is kept for a week already stands, so that it is the same however often it is made."""
    with contextlib.suppress(ConditionFailed):
        item = {**coming_back.to_item(found), "expires_at": tally.ends(week)}
        tables.write([Put(keys.came_back(shop, str(week)), item, when=Absent())])
        kept = coming_back.kept(tables.partition("knowledge", keys.came_back(shop).pk, "2"))
        share = found["first"].share
        if share is not None:
            telemetry.gauge("RetentionPercent", round(100 * share, 1), "Percent")
        if coming_back.fell(week, kept):
            telemetry.count("RetentionFell")


def _shops(tables: Tables, now: datetime) -> list[str]:
    week = tally.week_at(now, tally.store_zone())
    return sorted({shop for back in range(LOOKED_BACK) for shop in tally.of_week(tables, week.before(back))})


def buyers_of(tables: Tables, shop: str) -> Iterator[tuple[Bought, Value]]:
    """What each customer of a shop bought, and of what value they were with their last order; who was erased meanwhile is absent.
    A page and a read for each hundred."""
    after = None
    while rows := tables.page("customers", keys.of_shop(shop).pk, "2", after, AT_ONCE):
        after = str(rows[-1]["sk"])
        places = [keys.customer(str(row["customer_id"]), keys.PROFILE) for row in rows]
        for item in tables.read(places).values():
            profile = Profile.model_validate_json(str(item["doc"]))
            sums = noted_sums(profile)
            if sums is not None:
                yield sums, noted_segments(profile).value
