"""What may be told of numbers of customers, and how sure it is. Pure.

A cell of fewer customers than `fewest` is not told, and no cell is that would let it be computed (primary and complementary
suppression; Hundepool et al., Handbook on Statistical Disclosure Control, 2010, chapter 4).
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

Z = 1.96
"""Of a 95 % interval."""


class Share(NamedTuple):
    """`part` of `of`, with its 95 % interval."""

    part: int
    of: int
    share: float
    low: float
    high: float


class Mean(NamedTuple):
    n: int
    mean: float
    low: float
    high: float


class Difference(NamedTuple):
    difference: float
    low: float
    high: float


def told(cells: Mapping[str, int], fewest: int) -> dict[str, int | None]:
    """Cells that together make a total which may be known: those that may be told, None for the others. Nothing is no cell.

    What is not told is two cells or more and `fewest` customers or more together, so that the total gives none of them away:
    as long as it is not, the smallest that could be told is not told either.
    """
    some = {name: number for name, number in cells.items() if number > 0}
    hidden = {name for name, number in some.items() if number < fewest}
    while hidden and (len(hidden) < 2 or sum(some[name] for name in hidden) < fewest):
        left = [name for name in some if name not in hidden]
        if not left:
            break
        hidden.add(min(left, key=lambda name: (some[name], name)))
    return {name: None if name in hidden else number for name, number in some.items()}


def within(part: int, of: int, fewest: int) -> bool:
    """Whether a part and its rest may both be told."""
    return part >= fewest and (of - part >= fewest or of == part)


def share(part: int, of: int, fewest: int) -> Share | None:
    """Wilson's score interval (1927)."""
    if of <= 0 or not within(part, of, fewest):
        return None
    low, high = _wilson(part, of)
    return Share(part, of, part / of, low, high)


def _wilson(part: int, of: int) -> tuple[float, float]:
    p, z2 = part / of, Z * Z
    middle, half = p + z2 / (2 * of), Z * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of))
    return max(0.0, (middle - half) / (1 + z2 / of)), min(1.0, (middle + half) / (1 + z2 / of))


def apart(one: Share, other: Share) -> Difference:
    """The difference of two independent shares (Newcombe 1998, method 10)."""
    low = math.hypot(one.share - one.low, other.high - other.share)
    high = math.hypot(one.high - one.share, other.share - other.low)
    difference = one.share - other.share
    return Difference(difference, difference - low, difference + high)


class Scores(NamedTuple):
    """Sums of scores; they add and take away."""

    n: int = 0
    total: int = 0
    squares: int = 0

    def plus(self, other: "Scores") -> "Scores":
        return Scores(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: "Scores") -> "Scores":
        return Scores(*(a - b for a, b in zip(self, other, strict=True)))

    @property
    def variance(self) -> float:
        """Of the mean; that of one score where all are the same is taken as a sixth of a star's, not as none."""
        if self.n < 2:
            return 0.0
        spread = max((self.squares - self.total**2 / self.n) / (self.n - 1), 1 / 6)
        return spread / self.n


def mean(scores: Scores, fewest: int) -> Mean | None:
    """Stars with their 95 % interval by the normal approximation."""
    if scores.n < fewest:
        return None
    middle, half = scores.total / scores.n, Z * math.sqrt(scores.variance)
    return Mean(scores.n, middle, max(1.0, middle - half), min(5.0, middle + half))


def gap(one: Scores, other: Scores) -> Difference:
    """The difference of two means (Welch's)."""
    difference = one.total / one.n - other.total / other.n
    half = Z * math.sqrt(one.variance + other.variance)
    return Difference(difference, difference - half, difference + half)


def direction(now: int, of: int, before: int, of_before: int) -> str:
    """Whether a share went up or down, by more than chance would (two proportions, 95 %); `same` where too little is known."""
    if min(of, of_before) <= 0 or now + before <= 0:
        return "same"
    p = (now + before) / (of + of_before)
    spread = math.sqrt(p * (1 - p) * (1 / of + 1 / of_before))
    if spread <= 0:
        return "same"
    z = (now / of - before / of_before) / spread
    return "up" if z > Z else "down" if z < -Z else "same"


def plain(found: Any) -> Any:
    """A named tuple as JSON has it, its figures to four decimals; None for none."""
    if not found:
        return None
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in found._asdict().items()}


def rise(one: Share, other: Share) -> Difference:
    """By how much more the one share is than the other, relative to it (ratio of two shares; Katz and others 1978)."""
    spread = math.sqrt(1 / one.part - 1 / one.of + 1 / other.part - 1 / other.of)
    return _relative(one.share / other.share, spread)


class Amounts(NamedTuple):
    """Sums of amounts of one currency, of `n` orders."""

    n: int
    total: Decimal
    squares: Decimal

    @property
    def mean(self) -> Decimal:
        return self.total / self.n

    @property
    def spread(self) -> float:
        """Standard error of the mean's logarithm (delta method)."""
        if self.n < 2:
            return math.inf
        variance = max(float(self.squares - self.total**2 / self.n) / (self.n - 1), 0.0)
        return math.sqrt(variance / self.n) / float(self.mean)


def rise_of_mean(one: Amounts, other: Amounts) -> Difference:
    """By how much more the one mean is than the other, relative to it."""
    return _relative(float(one.mean / other.mean), math.hypot(one.spread, other.spread))


def _relative(ratio: float, spread: float) -> Difference:
    return Difference(ratio - 1, ratio * math.exp(-Z * spread) - 1, ratio * math.exp(Z * spread) - 1)
