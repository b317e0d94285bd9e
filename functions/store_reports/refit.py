"""How a shop's customers buy, learned anew from all of them: the fifths that segments are cut by, and the seven parameters.

What is kept is counts of those who look alike and what follows from them, nobody's. Each customer's sums lie on their profile.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from aftercare import keys, tally, telemetry
from aftercare.clock import iso
from aftercare.customer import Profile
from aftercare.outside import Outside
from aftercare.segments import Bought, noted_sums
from aftercare.table import Put, Tables
from store_reports.buyers import came_back, counted, cuts, fitted

AT_ONCE = 100
"""Customers in a page and in the read of their profiles."""

LOOKED_BACK = 8
"""Weeks in which something was counted in a shop that is refitted."""


def run(outside: Outside, given: Mapping[str, Any]) -> dict[str, int]:
    """Refit each shop, or the `shop` that is given; made again, it takes the place of the first. Throttled: the service tries
    again."""
    now = outside.clock.now()
    shops = [str(given["shop"])] if "shop" in given else _shops(outside.tables, now)
    customers = 0
    for shop in shops:
        counts = counted(sums_of(outside.tables, shop), now.date())
        model = fitted(counts, now.date())
        ripe, back = came_back(counts, now.date())
        told = {"ripe": ripe, "came_back": back}
        item = {"cuts": cuts(counts, now.date()).to_json(), "model": model.to_json(), "retention": json.dumps(told)}
        outside.tables.write([Put(keys.buyers(shop), {**item, "at": iso(now)})])
        customers += model.customers
    telemetry.count("BuyersRefitted", len(shops))
    return {"shops": len(shops), "customers": customers}


def _shops(tables: Tables, now: datetime) -> list[str]:
    week = tally.week_at(now, tally.store_zone())
    return sorted({shop for back in range(LOOKED_BACK) for shop in tally.of_week(tables, week.before(back))})


def sums_of(tables: Tables, shop: str) -> Iterator[Bought]:
    """What each customer of a shop bought; who was erased meanwhile is absent. A page and a read for each hundred."""
    after = None
    while rows := tables.page("customers", keys.of_shop(shop).pk, "2", after, AT_ONCE):
        after = str(rows[-1]["sk"])
        places = [keys.customer(str(row["customer_id"]), keys.PROFILE) for row in rows]
        for item in tables.read(places).values():
            sums = noted_sums(Profile.model_validate_json(str(item["doc"])))
            if sums is not None:
                yield sums
