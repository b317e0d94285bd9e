"""Weekly sums: how often something was said or done in a shop in a week, as named numbers that only grow. Nobody's data.

How to count:
1. `add` belongs after the conditional write that makes your own thing once, and only where that write went through: what is
   brought again meets the write and is not counted again. A crash between the two loses the count (decision 0145).
2. Without such a write `once` does both, under a name of its own; it is two calls to AWS, so it is for what is rare.
3. A name is two to six words joined by "/", from closed lists or the catalogue (`signal/at-risk`), never an id, a name or text.
   Keep them few, some hundreds to a part: DynamoDB charges each count by the size of its part.
4. `part` is what is read and written together; what would give it too many names has a part for each (`product#CAM-1`).
5. A number is an int, or a Decimal of money with its currency in the name. `of_week` reads all that was counted in one.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from aftercare import keys, telemetry
from aftercare.retention import TALLY
from aftercare.table import Change, ConditionFailed, Conflict, Item, Number, Tables, Throttled, Unclear

ATTEMPTS: Final = 4

MOST: Final = 120
"""Names in one call: an expression of DynamoDB has 4 KB."""

_NAME: Final = re.compile(r"[\w.:+-]{1,64}(/[\w .:'+-]{1,64}){1,5}")
_PART: Final = re.compile(r"[a-z][a-z-]{0,30}(#.{1,120})?")

Counts = Mapping[str, Number]


class Week(NamedTuple):
    """A week by ISO 8601, Monday to Sunday, as it is on the store's own calendar."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-W{self.number:02d}"

    @property
    def monday(self) -> date:
        return date.fromisocalendar(self.year, self.number, 1)

    def before(self, weeks: int = 1) -> "Week":
        return week_of_day(self.monday - timedelta(weeks=weeks))

    def begins(self, zone: str) -> datetime:
        """Its first instant, in the zone's own time."""
        return datetime.combine(self.monday, datetime.min.time(), ZoneInfo(zone))


def week_of_day(day: date) -> Week:
    year, number, _ = day.isocalendar()
    return Week(year, number)


@lru_cache(maxsize=256)
def read_week(text: str) -> Week:
    """What `str` wrote. ValueError for any other text."""
    found = re.fullmatch(r"(\d{4})-W(\d{2})", text)
    try:
        return week_of_day(date.fromisocalendar(int(found[1]), int(found[2]), 1)) if found else _no_week()
    except ValueError:
        return _no_week()


def _no_week() -> Week:
    raise ValueError("expected a week such as 2026-W48")


def store_zone() -> str:
    """The zone whose days the store counts in (brand.yaml)."""
    from aftercare.brand import brand

    return brand().timezone


def week_at(instant: datetime, zone: str) -> Week:
    return week_of_day(instant.astimezone(ZoneInfo(zone)).date())


def ends(week: Week) -> int:
    """`expires_at` of what was counted in a week; the same for every count of it, from where a week begins first on earth."""
    return TALLY.ends(week.begins("Etc/GMT-14"))


def change(shop: str, week: Week, part: str, counts: Counts) -> Change:
    """The one ADD of a count. ValueError for a name that could be text of somebody's."""
    for name in counts:
        if not _NAME.fullmatch(name):
            raise ValueError("tally: expected names of words joined by /")
    if not _PART.fullmatch(part) or len(counts) > MOST:
        raise ValueError(f"tally: expected a part such as feedback, and at most {MOST} names")
    return Change(keys.tally(str(week), shop, part), put={"expires_at": ends(week)}, add=counts)


def add(tables: Tables, shop: str, week: Week, part: str, counts: Counts, now: datetime) -> bool:
    """Count, in one call for each MOST names. False where not all was counted: the table refused it after all attempts (metric
    `TallyLost`), or the week is too long ago. An answer that was lost is not repeated: a sum counted twice would be worse than
    one that is missing."""
    told = [(name, number) for name, number in counts.items() if number]
    # A sender's clock may be ahead: nothing is counted, or kept, for a week that has begun nowhere on earth.
    week = min(week, week_at(now, "Etc/GMT-14"))
    if not told or ends(week) <= now.timestamp():
        return False
    writes = [change(shop, week, part, dict(told[start : start + MOST])) for start in range(0, len(told), MOST)]
    done = [_added(tables, write) for write in writes]
    return all(done)


def _added(tables: Tables, write: Change) -> bool:
    for _ in range(ATTEMPTS):
        try:
            tables.write([write])
        except (Throttled, Conflict):
            continue
        except Unclear:
            pass  # it may be counted
        return True
    telemetry.count("TallyLost")
    return False


def once(tables: Tables, name: str, shop: str, week: Week, part: str, counts: Counts, now: datetime) -> bool:
    """Count what has no conditional write of its own, once for `name` in the time that deliveries are kept. False where it was
    counted before. Throttled, Conflict and Unclear of the marker's write come before the count: the queue brings it again, and
    after an unclear one it is missing."""
    from aftercare.store import Delivery

    key = f"tally#{keys.message_id(name)}"
    # Of the part only what sort it is: its name may be a shop's own words, which have no place in the row of a delivery.
    marker = Delivery(key, "tally", part.partition("#")[0], now, keys.message_id(key), keys.message_id(key))
    try:
        tables.write([marker.put()])
    except ConditionFailed:
        return False
    return add(tables, shop, week, part, counts, now)


def of_week(tables: Tables, week: Week) -> dict[str, dict[str, dict[str, Number]]]:
    """All that was counted in a week: shop, part, name to number. One Query (a page of 1 MB each). Throttled."""
    found: dict[str, dict[str, dict[str, Number]]] = {}
    for item in tables.partition("knowledge", keys.tally(str(week), "", "").pk, keys.COUNTED):
        shop, _, part = str(item["sk"]).removeprefix(keys.COUNTED).partition("#")
        found.setdefault(shop, {})[part] = numbers_of(item)
    return found


def numbers_of(item: Item) -> dict[str, Number]:
    """What was counted in one part, by its name."""
    return {name: value for name, value in item.items() if "/" in name and isinstance(value, int | Decimal)}
