"""How long a family lasts by what a store's orders have taught, as sums in KnowledgeTable (`REORDER#`). Pure.

Sums grow with time instead of shrinking, so nothing has to be read to add to them: what is learned on a day weighs grown() of it.
Days are counted from EPOCH.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from aftercare.table import Item

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HALF_LIFE = 365.0  # days: of levels, offsets, spreads and weekdays
STORE_PRIOR, FAMILY_PRIOR = 20.0, 20.0  # intervals of prior weight
STORE = "store"


def of_family(name: str) -> str:
    return f"f:{name}"


def days(at: datetime) -> float:
    return (at - EPOCH).total_seconds() / 86400.0


def grown(day: float, half_life: float = HALF_LIFE) -> float:
    """The weight of what is learned on a day."""
    return math.exp2(day / half_life)


def shrunk(sums: Sequence[float], prior: float, weight: float, mean: float = 0.0) -> float:
    return (sums[1] + prior * weight * mean) / (sums[0] + prior * weight)


class Learned(NamedTuple):
    """The days that a family lasts, and of how many intervals (as much as they still weigh) that was learned."""

    days: float
    intervals: float


def learned(window: float, store: Item | None, family: Item | None, at: datetime) -> Learned | None:
    """The catalogue's window as the store's orders have moved it; None for a family of which no interval is known."""
    weight, of = grown(days(at)), _sums(family)
    if of[0] <= 0:
        return None
    level = shrunk(_sums(store), STORE_PRIOR, weight) + shrunk(of, FAMILY_PRIOR, weight)
    return Learned(window * math.exp(level), of[0] / weight)


def _sums(item: Item | None) -> tuple[float, float]:
    """Weight and residuals in log-days."""
    return (float(str(item.get("n0", 0))), float(str(item.get("n1", 0)))) if item else (0.0, 0.0)
