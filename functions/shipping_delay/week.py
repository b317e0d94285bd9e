"""A clock that counts working days: it runs slow on the weekdays that see few deliveries, as the store's own have been."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

WEEK_PRIOR = (1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.2)  # Monday first; generic, not from any store
WEEK_SHRINK = 30.0  # parcels of prior weight

_PRIOR_SPEED = tuple(value / sum(WEEK_PRIOR) * 7.0 for value in WEEK_PRIOR)
_DAY_SHARE, _SATURDAY_SHARE, _SUNDAY_SHARE = (WEEK_PRIOR[day] / sum(WEEK_PRIOR) * WEEK_SHRINK for day in (0, 5, 6))


class Week:
    """A clock that runs at the share of deliveries each weekday gets; one working day is one day on average."""

    __slots__ = ("edges", "speed")

    def __init__(self, speed: tuple[float, ...]) -> None:
        self.speed = speed
        self.edges = (0.0, *accumulate(speed))

    def working(self, day: float) -> float:
        rest = day % 7.0
        whole = int(rest)
        return day - rest + self.edges[whole] + (rest - whole) * self.speed[whole]

    def calendar(self, working: float) -> float:
        rest = working % 7.0
        whole = bisect_left(self.edges, rest, 1, 7) - 1
        return working - rest + whole + (rest - self.edges[whole]) / self.speed[whole]


def speeds(counts: Sequence[float], grown: float) -> tuple[float, ...]:
    """The clock's speed on each weekday, from the decayed counts of deliveries shrunk to the generic week.

    Written out: seven additions in a loop cost three times as much, and every forecast needs them.
    """
    if not counts:
        return _PRIOR_SPEED
    mon, tue, wed, thu, fri, sat, sun = counts
    day, short, rest = _DAY_SHARE * grown, _SATURDAY_SHARE * grown, _SUNDAY_SHARE * grown
    scale = 6.79 / (mon + tue + wed + thu + fri + sat + sun + WEEK_SHRINK * grown)
    return (
        (mon + day) * scale + 0.03,
        (tue + day) * scale + 0.03,
        (wed + day) * scale + 0.03,
        (thu + day) * scale + 0.03,
        (fri + day) * scale + 0.03,
        (sat + short) * scale + 0.03,
        (sun + rest) * scale + 0.03,
    )
