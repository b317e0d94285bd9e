"""Whose interest rises: a week's customer-days of a kind of buyer and a family, against those of the weeks before. Pure."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aftercare.segment_policy import Interest

PART = "interest"
TOLD = "told"


def counted(row: str, family: str) -> str:
    """The name of a sum (aftercare.tally): words of closed lists and of the catalogue."""
    return f"{row}/{family}"


def rises(week: int, before: Sequence[int], known: int, rule: "Interest") -> bool:
    """Whether a week's count is a rise: enough of it, so many times the mean of the weeks before, and so unlikely by chance.

    The chance is Poisson's, of at least this count where the mean of the weeks before was the rate; that is known from few
    weeks itself, so its upper bound counts: half a count and one standard error above (Jeffreys). `known` is for how many of
    the weeks before anything of the shop was counted: a store that has just begun has nothing that could have risen.
    """
    if known < rule.weeks or week < rule.least:
        return False
    total = sum(before)
    mean = total / rule.weeks
    rate = (total + 0.5 + math.sqrt(total + 0.5)) / rule.weeks
    return week >= rule.times * mean and tail(week, rate) <= rule.chance


def tail(count: int, rate: float) -> float:
    """P(at least so many) of a Poisson distribution, summed from its largest term on."""
    if count <= 0:
        return 1.0
    term = math.exp(-rate + count * math.log(rate) - math.lgamma(count + 1))
    total, n = 0.0, count
    while term > total * 1e-12:
        total += term
        n += 1
        term *= rate / n
        if n > count + 10_000:
            break
    return min(total, 1.0)
