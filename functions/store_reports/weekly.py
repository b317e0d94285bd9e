"""The week that is over, for each shop: read what was counted, make of it what may be told, keep that as page and data."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

from aftercare import keys, tally, telemetry
from aftercare.brand import brand
from aftercare.outside import Outside
from aftercare.report_policy import report_policy
from aftercare.table import Put
from aftercare.tally import Week
from store_reports.coming_back import kept as kept_weeks
from store_reports.page import languages, render
from store_reports.report import build
from store_reports.steps import HISTORY, Parts


def run(outside: Outside, given: Mapping[str, Any]) -> dict[str, int]:
    """Keep the report of the week before this one by the store's calendar, or of the `week` that is given; made again, it takes
    the place of the first."""
    now, zone = outside.clock.now(), tally.store_zone()
    week = tally.read_week(str(given["week"])) if "week" in given else tally.week_at(now, zone).before()
    counted = {one: tally.of_week(outside.tables, one) for one in (week.before(n) for n in range(HISTORY))}
    shops = sorted(counted[week])
    for shop in shops:
        weeks: dict[Week, Parts] = {one: found[shop] for one, found in counted.items() if shop in found}
        back = kept_weeks(outside.tables.partition("knowledge", keys.came_back(shop).pk, "2"))
        report = build(shop, week, weeks, report_policy(), zone, now, back)
        outside.tables.write([kept(report, week)])
    telemetry.count("ReportKept", len(shops))
    return {"shops": len(shops)}


def kept(report: Mapping[str, Any], week: Week) -> Put:
    """The item: the data as JSON, and a packed page in each language of the store."""
    store = brand()
    locales = [locale for locale in store.locales if locale in languages()] or ["en"]
    pages = {f"page_{locale}": gzip.compress(render(report, locale).encode(), mtime=0) for locale in locales}
    told = json.dumps(report, sort_keys=True, ensure_ascii=False)
    return Put(keys.report(str(report["shop"]), str(week)), {"told": told, "expires_at": tally.ends(week), **pages})
