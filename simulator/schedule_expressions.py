"""EventBridge schedule expressions: at(...), rate(...) and cron(...) with a time zone.

Source: "Schedule types on EventBridge Scheduler" and "Setting a schedule pattern for scheduled rules". A wall-clock time
that daylight saving skips is skipped by cron; one that happens twice runs once, the first time. A rate counts elapsed
time: a day is 24 hours.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simulator.virtual_clock import in_utc


class Schedule(Protocol):
    """When something recurs, or happens once."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first occurrence strictly after an aware instant, in UTC; None when there is none."""
        ...


def parse(expression: str, zone: str = "UTC", anchor: datetime | None = None) -> Schedule:
    """Read one expression.

    `zone` is an IANA name, for at() and cron(). `anchor` is the aware instant a rate counts from (creation, or the
    schedule's StartDate) and required there. Raises ValueError naming the field that is wrong.
    """
    found = re.fullmatch(r"(at|rate|cron)\(([^()]*)\)", expression)
    if found is None:
        raise ValueError(f"schedule expression: must be at(...), rate(...) or cron(...), not {expression!r}")
    kind, inside = found.groups()
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone: {zone!r} is not an IANA time zone") from None
    if kind == "rate":
        return _rate(inside, anchor)
    return _at(inside, where) if kind == "at" else _cron(inside, where)


@dataclass(frozen=True, slots=True)
class At:
    """Once, at `when` (UTC)."""

    when: datetime

    def next_after(self, instant: datetime) -> datetime | None:
        """`when`, as long as it lies ahead."""
        return self.when if self.when > in_utc(instant) else None


@dataclass(frozen=True, slots=True)
class Rate:
    """At `anchor` and every `period` after it."""

    anchor: datetime
    period: timedelta

    def next_after(self, instant: datetime) -> datetime | None:
        """The anchor itself while it lies ahead, then anchor + n periods."""
        elapsed = in_utc(instant) - self.anchor
        if elapsed < timedelta(0):
            return self.anchor
        return self.anchor + self.period * (elapsed // self.period + 1)


@dataclass(frozen=True, slots=True)
class Cron:
    """Six fields on the wall clock of `zone`. Days are answered by a rule, because they depend on the month."""

    minutes: Sequence[int]
    hours: Sequence[int]
    days: DayRule
    months: Sequence[int]
    years: Sequence[int]
    zone: ZoneInfo

    def next_after(self, instant: datetime) -> datetime | None:
        """The next wall-clock match that exists in the zone; None after the last year of the expression."""
        after = in_utc(instant)
        # Wall clock minutes are tried in order; read with fold=0 they never go back in UTC, so the first later one is it.
        start = after.astimezone(self.zone).replace(tzinfo=None, fold=0, second=0, microsecond=0)
        for wall in self._wall_times(start):
            found = _exists_in(wall, self.zone)
            if found is not None and found > after:
                return found
        return None

    def _wall_times(self, start: datetime) -> Iterator[datetime]:
        for year in self.years[bisect_left(self.years, start.year) :]:
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                for day in self.days.of(year, month):
                    if (year, month, day) < (start.year, start.month, start.day):
                        continue
                    for hour in self.hours:
                        for minute in self.minutes:
                            wall = datetime(year, month, day, hour, minute)  # noqa: DTZ001 - a wall clock reading
                            if wall >= start:
                                yield wall


class DayRule(Protocol):
    """Which days of a month a cron expression means."""

    def of(self, year: int, month: int) -> Sequence[int]:
        """Days of the month, ascending."""
        ...


@dataclass(frozen=True, slots=True)
class DaysOfMonth:
    """Listed days; what the month does not have is left out."""

    days: Sequence[int]

    def of(self, year: int, month: int) -> Sequence[int]:
        """See DayRule."""
        last = monthrange(year, month)[1]
        return [day for day in self.days if day <= last]


@dataclass(frozen=True, slots=True)
class LastDayOfMonth:
    """L in the day-of-month field."""

    def of(self, year: int, month: int) -> Sequence[int]:
        """See DayRule."""
        return (monthrange(year, month)[1],)


@dataclass(frozen=True, slots=True)
class WeekdayNearest:
    """3W: the Monday to Friday closest to the third, without leaving the month."""

    day: int

    def of(self, year: int, month: int) -> Sequence[int]:
        """See DayRule."""
        first, last = monthrange(year, month)
        if self.day > last:
            return ()
        weekday = (first + self.day - 1) % 7
        if weekday == SATURDAY:
            return (self.day - 1 if self.day > 1 else self.day + 2,)
        if weekday == SUNDAY:
            return (self.day + 1 if self.day < last else self.day - 2,)
        return (self.day,)


@dataclass(frozen=True, slots=True)
class DaysOfWeek:
    """Listed weekdays, Monday 0 as in datetime."""

    weekdays: frozenset[int]

    def of(self, year: int, month: int) -> Sequence[int]:
        """See DayRule."""
        first, last = monthrange(year, month)
        return [day for day in range(1, last + 1) if (first + day - 1) % 7 in self.weekdays]


@dataclass(frozen=True, slots=True)
class LastWeekday:
    """6L: the last Friday of the month."""

    weekday: int

    def of(self, year: int, month: int) -> Sequence[int]:
        """See DayRule."""
        return DaysOfWeek(frozenset({self.weekday})).of(year, month)[-1:]


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """3#2: the second Tuesday of the month; a month without it has none."""

    weekday: int
    nth: int

    def of(self, year: int, month: int) -> Sequence[int]:
        """See DayRule."""
        return DaysOfWeek(frozenset({self.weekday})).of(year, month)[self.nth - 1 : self.nth]


SATURDAY: Final = 5
SUNDAY: Final = 6
MONTHS: Final = {
    "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6,
    "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
}  # fmt: skip
WEEKDAYS: Final = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
UNITS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def _at(inside: str, zone: ZoneInfo) -> At:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inside):
        raise ValueError(f"at: must be yyyy-mm-ddThh:mm:ss, not {inside!r}")
    try:
        wall = datetime.fromisoformat(inside)
    except ValueError as problem:
        raise ValueError(f"at: {inside!r} is no date: {problem}") from None
    instant = _exists_in(wall, zone)
    if instant is None:
        raise ValueError(f"at: {inside} does not exist in {zone.key}, the clocks go forward over it")
    return At(instant)


def _rate(inside: str, anchor: datetime | None) -> Rate:
    found = re.fullmatch(r"(\S+)\s+(\S+)", inside.strip())
    if found is None:
        raise ValueError(f"rate: must be a value and a unit, not {inside!r}")
    value, unit = found.groups()
    if not re.fullmatch(r"\d+", value) or int(value) == 0:
        raise ValueError(f"rate value: must be a positive whole number, not {value!r}")
    singular = unit.removesuffix("s")
    if singular not in UNITS or unit not in (singular, f"{singular}s"):
        raise ValueError(f"rate unit: must be minute(s), hour(s) or day(s), not {unit!r}")
    if (int(value) == 1) != (unit == singular):
        raise ValueError(f"rate unit: 1 takes the singular and more takes the plural, not {value} {unit}")
    if anchor is None:
        raise ValueError("rate: needs an anchor, the instant it counts from")
    return Rate(in_utc(anchor), UNITS[singular] * int(value))


def _cron(inside: str, zone: ZoneInfo) -> Cron:
    fields = inside.split()
    if len(fields) != 6:
        raise ValueError(f"cron: needs six fields (minutes hours day-of-month month day-of-week year), not {len(fields)}")
    minutes, hours, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ValueError("cron day-of-month and day-of-week: exactly one of them must be ?")
    return Cron(
        minutes=_numbers("minutes", minutes, 0, 59),
        hours=_numbers("hours", hours, 0, 23),
        days=_weekdays(day_of_week) if day_of_month == "?" else _days(day_of_month),
        months=_numbers("month", month, 1, 12, MONTHS),
        years=_numbers("year", year, 1970, 2199, wraps=False),
        zone=zone,
    )


def _days(text: str) -> DayRule:
    if text == "L":
        return LastDayOfMonth()
    if nearest := re.fullmatch(r"(\d+)W", text):
        return WeekdayNearest(_number("day-of-month", nearest[1], 1, 31))
    return DaysOfMonth(_numbers("day-of-month", text, 1, 31))


def _weekdays(text: str) -> DayRule:
    if text == "L":
        return DaysOfWeek(frozenset({SATURDAY}))
    if last := re.fullmatch(r"(\w+)L", text):
        return LastWeekday(_weekday(_number("day-of-week", last[1], 1, 7, WEEKDAYS)))
    if nth := re.fullmatch(r"(\w+)#(\w+)", text):
        weekday = _weekday(_number("day-of-week", nth[1], 1, 7, WEEKDAYS))
        return NthWeekday(weekday, _number("day-of-week", nth[2], 1, 5))
    return DaysOfWeek(frozenset(_weekday(day) for day in _numbers("day-of-week", text, 1, 7, WEEKDAYS)))


def _weekday(number: int) -> int:
    """AWS counts from Sunday = 1, datetime from Monday = 0."""
    return (number + 5) % 7


def _numbers(
    name: str, text: str, low: int, high: int, words: Mapping[str, int] | None = None, *, wraps: bool = True
) -> Sequence[int]:
    found: set[int] = set()
    for part in text.split(","):
        base, slash, step_text = part.partition("/")
        step = _number(name, step_text, 1, high) if slash else 1
        first_text, dash, last_text = base.partition("-")
        if base == "*":
            first, last = low, high
        else:
            first = _number(name, first_text, low, high, words)
            last = _number(name, last_text, low, high, words) if dash else (high if slash else first)
        if first > last and not wraps:
            raise ValueError(f"cron {name}: range {base} runs backwards")
        # The user guide has 20-2 for "8 p.m. to 2 a.m.": a range may run over the end of the field.
        span = last - first if first <= last else high - first + 1 + last - low
        found.update((first - low + offset) % (high - low + 1) + low for offset in range(0, span + 1, step))
    return sorted(found)


def _number(name: str, text: str, low: int, high: int, words: Mapping[str, int] | None = None) -> int:
    number = (words or {}).get(text.upper())
    if number is None and re.fullmatch(r"[0-9]+", text):
        number = int(text)
    if number is None or not low <= number <= high:
        raise ValueError(f"cron {name}: {text!r} is not between {low} and {high}")
    return number


def _exists_in(wall: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant of a wall clock reading, the first of two; None when the clocks go forward over it."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    back = instant.astimezone(zone).replace(tzinfo=None, fold=0)
    return instant if back == wall else None
