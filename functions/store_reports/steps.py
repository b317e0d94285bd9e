"""The weeks that a report looks over, and steps of four that are over and do not overlap, so that none is the difference of two.

They begin at the same weeks for ever, whichever week's report looks at them. Pure.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from aftercare.table import Number
from aftercare.tally import Week

Parts = Mapping[str, Mapping[str, Number]]
"""Of one shop and week: part, name, number."""

BLOCK: Final = 4
"""Weeks of a step."""

HISTORY: Final = 56
"""Weeks that are read: all that are kept."""

_FIRST: Final = Week(2024, 1)


def counted(parts: Parts, part: str, start: str) -> dict[str, int]:
    """What begins so, by what follows: whole numbers."""
    found = parts.get(part, {})
    return {name[len(start) :]: int(number) for name, number in found.items() if name.startswith(start)}


def after(week: Week, weeks: int) -> Week:
    """So many weeks later."""
    return week.before(-weeks)


def steps(week: Week) -> list[list[Week]]:
    """Blocks of four weeks that are over with this one, oldest first; they begin at the same weeks for ever."""
    last = over(week)
    return [step_of(block) for block in range(last - HISTORY // BLOCK, last)]


def over(week: Week) -> int:
    """How many steps are over with a week."""
    return ((week.monday - _FIRST.monday).days // 7 + 1) // BLOCK


def step_of(block: int) -> list[Week]:
    """The weeks of a step by its number, the oldest first."""
    return [after(_FIRST, block * BLOCK + n) for n in range(BLOCK)]


def told_by(week: Week, zone: str, lasts: timedelta, now: datetime) -> int:
    """How many steps are over with a week of which all days that something lasts are over as well."""
    last = over(week)
    while last > 0 and step_of(last)[0].begins(zone) + lasts > now:
        last -= 1
    return last
