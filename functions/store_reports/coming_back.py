"""The one metric of retention: of how many who first bought one to two quarters ago, how many have bought on another day. Pure.

It is kept for each week, as it was on the day of the week's refit; the first that is kept for a week stands.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from aftercare.segments import Bought
from aftercare.table import Item
from aftercare.tally import Week, read_week
from store_reports.telling import direction, share, within

RIPE: Final = (91, 182)
"""Days since the first purchase: from the first on, and less than the second. A quarter's time they all had."""

APART: Final = 13
"""Weeks by which two cohorts have nobody in common."""


class ComingBack(NamedTuple):
    """`ripe` customers, of whom `came_back`; `new` of the former have been ripe for less than a week."""

    ripe: int = 0
    came_back: int = 0
    new: int = 0

    @property
    def share(self) -> float | None:
        return self.came_back / self.ripe if self.ripe else None

    def to_item(self) -> Item:
        return {"ripe": self.ripe, "came_back": self.came_back, "new": self.new}


NONE: Final = ComingBack()


class Counter:
    """Counts while customers are read for something else, so that they are read once."""

    def __init__(self, today: date) -> None:
        self._today = today
        self.found = ComingBack()

    def through(self, customers: Iterable[Bought]) -> Iterator[Bought]:
        for one in customers:
            age = (self._today - one.first).days if one.first else -1
            if RIPE[0] <= age < RIPE[1]:
                ripe, back, new = self.found
                self.found = ComingBack(ripe + 1, back + (one.days > 1), new + (age < RIPE[0] + 7))
            yield one


def kept(items: Iterable[Item]) -> dict[Week, ComingBack]:
    """What lies in the table of a shop, by its weeks."""
    return {
        read_week(str(item["sk"])): ComingBack(*(int(str(item[name])) for name in ("ripe", "came_back", "new"))) for item in items
    }


def fell(week: Week, weeks: Mapping[Week, ComingBack]) -> bool:
    """Whether fewer come back than of those a quarter before, by more than chance would explain: nobody is in both."""
    now, then = weeks.get(week, NONE), weeks.get(week.before(APART), NONE)
    return direction(now.came_back, now.ripe, then.came_back, then.ripe) == "down"


def told(week: Week, weeks: Mapping[Week, ComingBack], fewest: int, series: int) -> dict[str, Any]:
    """What the report of a week says: the newest share that may be told, and the curve of the last `series` weeks."""
    shown = _shown([one for one in sorted(weeks) if one <= week], weeks, fewest)
    last = max(shown, default=None)
    before = last.before(APART) if last and last.before(APART) in shown else None
    now, then = weeks[last] if last else NONE, weeks[before] if before else NONE
    measured = share(now.came_back, now.ripe, fewest)
    return {
        "week": str(last) if last else None,
        "share": {name: round(value, 4) for name, value in measured._asdict().items()} if measured else None,
        "quarter_before": _rounded(then.share),
        "direction": direction(now.came_back, now.ripe, then.came_back, then.ripe) if before else None,
        "series": [
            {"week": str(one), "share": _rounded(weeks[one].share) if one in shown else None}
            for one in (week.before(n) for n in reversed(range(series)))
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _shown(ordered: Sequence[Week], weeks: Mapping[Week, ComingBack], fewest: int) -> set[Week]:
    """The weeks that may be told: enough of whom came back and of whom did not, and since the last that is told either enough who
    are new among them or nothing that changed, so that no two shares give a few away by their difference."""
    found: set[Week] = set()
    last, new = None, 0
    for week in ordered:
        one = weeks[week]
        new += one.new
        same = last is not None and weeks[last][:2] == one[:2]
        if within(one.came_back, one.ripe, fewest) and (last is None or same or new >= fewest):
            found.add(week)
            last, new = week, 0
    return found
