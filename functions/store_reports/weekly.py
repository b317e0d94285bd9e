"""The week that is over, for each shop: what was counted, without what so few customers did that it could be told of whom."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aftercare import keys, tally, telemetry
from aftercare.outside import Outside
from aftercare.table import Number, Put
from aftercare.tally import Week

FEWEST = 5
"""So many have to have done something before it is told."""


def run(outside: Outside, given: Mapping[str, Any]) -> dict[str, int]:
    """Keep the report of the week before this one by the store's calendar, or of the `week` that is given; made again, it takes
    the place of the first."""
    now, zone = outside.clock.now(), tally.store_zone()
    week = tally.read_week(str(given["week"])) if "week" in given else tally.week_at(now, zone).before()
    shops = tally.of_week(outside.tables, week)
    for shop, parts in shops.items():
        outside.tables.write([kept(shop, week, parts, now)])
    telemetry.count("ReportKept", len(shops))
    return {"shops": len(shops)}


def kept(shop: str, week: Week, parts: Mapping[str, Mapping[str, Number]], now: datetime) -> Put:
    told = {part: {name: str(n) for name, n in counts.items() if n >= FEWEST} for part, counts in sorted(parts.items())}
    told_of = json.dumps({"shop": shop, "week": str(week), "made_at": now.isoformat(), "counted": told}, sort_keys=True)
    return Put(keys.report(shop, str(week)), {"told": told_of, "expires_at": tally.ends(week)})
