"""The one metric of retention: of how many who first bought one to two quarters ago, how many have bought on another day. Pure.

Beside it, of buyers of high and of middle value, how many of those who bought in the last two quarters did so in the last. All is
kept for each week, as it was on the day of the week's refit; the first that is kept for a week stands.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from aftercare.segment_words import Value
from aftercare.segments import Bought
from aftercare.table import Item
from aftercare.tally import Week, read_week
from store_reports.telling import direction, share, within

QUARTER: Final = 91
HALF: Final = 2 * QUARTER

APART: Final = 13
"""Weeks by which two cohorts have nobody in common."""

GROUPS: Final = ("first", "high", "mid")
"""The metric's own, and the two kinds of value of who came back: who did not is in the first alone."""


class Part(NamedTuple):
    """`came_back` of `ripe` customers; `moved` is how many came into the count or changed their place in it within a week."""

    ripe: int = 0
    came_back: int = 0
    moved: int = 0

    @property
    def share(self) -> float | None:
        return self.came_back / self.ripe if self.ripe else None


NONE: Final = Part()
ComingBack = Mapping[str, Part]
"""By group."""


def to_item(found: ComingBack) -> Item:
    return {f"{group}_{name}": number for group, part in found.items() for name, number in part._asdict().items()}


def from_item(item: Item) -> ComingBack:
    return {group: Part(*(int(str(item.get(f"{group}_{name}", 0))) for name in Part._fields)) for group in GROUPS}


class Counter:
    """Counts while customers are read for something else, so that they are read once."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._sums = {group: [0, 0, 0] for group in GROUPS}

    def through(self, customers: Iterable[tuple[Bought, Value]]) -> Iterator[Bought]:
        for one, value in customers:
            if one.first and one.last:
                self._count((self._today - one.first).days, (self._today - one.last).days, one.days > 1, value)
            yield one

    def _count(self, first: int, last: int, again: bool, value: Value) -> None:
        """`first` and `last` are days ago."""
        if QUARTER <= first < HALF:
            self._add("first", again, first < QUARTER + 7)
        if value in GROUPS and first >= QUARTER and last < HALF:
            lately = last < 7 or QUARTER <= last < QUARTER + 7 or first < QUARTER + 7
            self._add(value, last < QUARTER, lately)

    def _add(self, group: str, back: bool, moved: bool) -> None:
        sums = self._sums[group]
        sums[0], sums[1], sums[2] = sums[0] + 1, sums[1] + back, sums[2] + moved

    @property
    def found(self) -> ComingBack:
        return {group: Part(*sums) for group, sums in self._sums.items()}


def kept(items: Iterable[Item]) -> dict[Week, ComingBack]:
    """What lies in the table of a shop, by its weeks."""
    return {read_week(str(item["sk"])): from_item(item) for item in items}


def fell(week: Week, weeks: Mapping[Week, ComingBack]) -> bool:
    """Whether fewer come back than of those a quarter before, by more than chance would explain: nobody is in both."""
    now, then = (weeks.get(one, {}).get("first", NONE) for one in (week, week.before(APART)))
    return direction(now.came_back, now.ripe, then.came_back, then.ripe) == "down"


def told(week: Week, weeks: Mapping[Week, ComingBack], fewest: int, series: int) -> dict[str, Any]:
    """What the report of a week says of each group: the newest share that may be told, and the curve of the last weeks."""
    curve = [week.before(n) for n in reversed(range(series))]
    return {group: _told({w: of.get(group, NONE) for w, of in weeks.items() if w <= week}, fewest, curve) for group in GROUPS}


def _told(weeks: Mapping[Week, Part], fewest: int, curve: Sequence[Week]) -> dict[str, Any]:
    shown = _shown(weeks, fewest)
    last = max(shown, default=None)
    before = last.before(APART) if last and last.before(APART) in shown else None
    now, then = weeks[last] if last else NONE, weeks[before] if before else NONE
    measured = share(now.came_back, now.ripe, fewest)
    return {
        "week": str(last) if last else None,
        "share": {name: round(value, 4) for name, value in measured._asdict().items()} if measured else None,
        "quarter_before": _rounded(then.share),
        "direction": direction(now.came_back, now.ripe, then.came_back, then.ripe) if before else None,
        "series": [{"week": str(one), "share": _rounded(weeks[one].share) if one in shown else None} for one in curve],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _shown(weeks: Mapping[Week, Part], fewest: int) -> set[Week]:
    """The weeks that may be told: enough of whom came back and of whom did not, and since the last that is told either enough who
    moved or nothing that changed, so that no two shares give a few away by their difference."""
    found: set[Week] = set()
    last, moved = None, 0
    for week in sorted(weeks):
        one = weeks[week]
        moved += one.moved
        same = last is not None and weeks[last][:2] == one[:2]
        if within(one.came_back, one.ripe, fewest) and (last is None or same or moved >= fewest):
            found.add(week)
            last, moved = week, 0
    return found
