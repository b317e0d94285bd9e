"""Times as a scenario writes them: `day 3 14:00`, `2026-03-05 14:00`, `+2 hours`; and the precision they were written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Precision = Literal["day", "minute", "second"]

EXPECTED = "expected `day 3 14:00`, `2026-03-05 14:00` or `+2 hours`"

_DAY = re.compile(r"^day (?P<day>\d{1,4})(?:[ ,]+(?P<clock>\d{1,2}:\d{2}(?::\d{2})?))?$")
_DATE = re.compile(
    r"^(?P<date>\d{4}-\d{2}-\d{2})(?:[T ](?P<clock>\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?)? ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?$"
)
_LATER = re.compile(r"^\+ ?(?P<count>\d{1,5}) ?(?P<unit>s|sec|second|min|minute|h|hour|d|day|week)s?$")
_SPAN = re.compile(r"^(?P<count>\d{1,5}) ?(?P<unit>s|sec|second|min|minute|h|hour|d|day|week)s?$")
_UNITS = {
    "s": timedelta(seconds=1),
    "sec": timedelta(seconds=1),
    "second": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "minute": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "hour": timedelta(hours=1),
    "d": timedelta(days=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class When:
    """An instant as it was written; `same` compares with no more precision than that."""

    instant: datetime
    precision: Precision

    def same(self, other: datetime) -> bool:
        parts = {"day": 10, "minute": 16, "second": 19}[self.precision]
        return other.astimezone(UTC).isoformat()[:parts] == self.instant.isoformat()[:parts]

    def __str__(self) -> str:
        return self.instant.strftime(
            {"day": "%Y-%m-%d", "minute": "%Y-%m-%d %H:%M", "second": "%Y-%m-%d %H:%M:%S"}[self.precision]
        )


def read_start(text: str) -> datetime:
    """An absolute time, UTC where it names no offset. ValueError with what was expected."""
    found = _DATE.match(text.strip())
    if not found:
        raise ValueError("expected a date and a time, such as `2026-03-02 09:00` (UTC) or `2026-03-02 09:00 +01:00`")
    return _absolute(found).instant


def read_when(text: str, start: datetime, previous: datetime) -> When:
    """A time of a scenario that began at `start`; `+2 hours` counts from `previous`. Day 0 is the day of the start."""
    plain = text.strip()
    later = read_later(plain, previous)
    if later:
        return When(later, "second")
    day = _DAY.match(plain)
    if day:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=int(day["day"]))
        return _with_clock(midnight, day["clock"])
    date = _DATE.match(plain)
    if date:
        return _absolute(date)
    raise ValueError(EXPECTED)


def read_later(text: str, previous: datetime) -> datetime | None:
    """`+2 hours` from an instant on, or None for what is not written so."""
    later = _LATER.match(text.strip())
    return previous + int(later["count"]) * _UNITS[later["unit"]] if later else None


def read_span(text: str) -> timedelta:
    """A length of time, `3 days` or `90 min`."""
    found = _SPAN.match(text.strip())
    if not found:
        raise ValueError("expected a length of time, such as `90 min`, `3 days` or `2 weeks`")
    return int(found["count"]) * _UNITS[found["unit"]]


def _absolute(found: re.Match[str]) -> When:
    zone = found["zone"] or "Z"
    midnight = datetime.fromisoformat(f"{found['date']}T00:00:00{'+00:00' if zone in ('Z', 'UTC') else zone}")
    when = _with_clock(midnight, found["clock"])
    return When(when.instant.astimezone(UTC), when.precision)


def _with_clock(midnight: datetime, clock: str | None) -> When:
    if clock is None:
        return When(midnight, "day")
    hour, minute, *second = (int(part) for part in clock.split(":"))
    if hour > 23 or minute > 59 or (second and second[0] > 59):
        raise ValueError(f"{clock} is no time of day")
    instant = midnight + timedelta(hours=hour, minutes=minute, seconds=second[0] if second else 0)
    return When(instant, "second" if second else "minute")
