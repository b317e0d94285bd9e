"""The distribution of what the forecast's terms leave unexplained: one decayed histogram over a prior, in log-days."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

BIN = 0.2  # log-days
BINS = 35
LOW = -3.0  # log-days: left edge of the histogram
HIGH = LOW + BINS * BIN
TAIL_RATE = 2.0  # beyond every parcel seen: a Pareto tail of this index in time
SHAPE_SHRINK = 20.0  # parcels of prior weight
PRIOR_SPREAD = 0.75  # log-days: 80 % between .38 and 2.6 times the median


def normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _prior_shape() -> tuple[float, ...]:
    """Cumulative prior of the residual at the right edges of the bins: normal, with 2 % in a Pareto tail."""
    edges = [LOW + BIN * (number + 1) for number in range(BINS)]
    tail = [1 - math.exp(-TAIL_RATE * max(0.0, edge)) for edge in edges]
    cumulative = [0.98 * normal_cdf(edge / PRIOR_SPREAD) + 0.02 * far for edge, far in zip(edges, tail, strict=True)]
    return tuple(value / cumulative[-1] for value in cumulative)


_PRIOR_SHAPE = _prior_shape()


class Residual:
    """The distribution at one instant: the decayed histogram blended with the prior, bin by bin on demand."""

    __slots__ = ("prior", "scale", "sums", "wanted")

    def __init__(self, bins: Sequence[float], grown: float) -> None:
        if bins:
            self.sums: Sequence[float] = list(accumulate(bins))
            weight = SHAPE_SHRINK * grown
            self.scale = 1.0 / (self.sums[-1] + weight)
            self.prior = weight * self.scale
        else:
            self.sums, self.scale, self.prior = _PRIOR_SHAPE, 1.0, 0.0
        self.wanted = (1.0 - self.prior) / self.scale

    def below(self, z: float) -> float:
        place = (z - LOW) / BIN
        if place <= 0.0:
            return 0.0
        if place >= BINS:
            return 1.0
        whole = int(place)
        right = self.sums[whole] * self.scale + self.prior * _PRIOR_SHAPE[whole]
        left = self.sums[whole - 1] * self.scale + self.prior * _PRIOR_SHAPE[whole - 1] if whole else 0.0
        return left + (place - whole) * (right - left)

    def quantile(self, share: float) -> float:
        sums, scale, prior = self.sums, self.scale, self.prior
        whole = bisect_left(sums, share * self.wanted)
        if whole >= BINS:
            whole = BINS - 1
        left = sums[whole - 1] * scale + prior * _PRIOR_SHAPE[whole - 1] if whole else 0.0
        while whole and left >= share:
            whole -= 1
            left = sums[whole - 1] * scale + prior * _PRIOR_SHAPE[whole - 1] if whole else 0.0
        right = sums[whole] * scale + prior * _PRIOR_SHAPE[whole]
        while right < share and whole < BINS - 1:
            whole += 1
            left, right = right, sums[whole] * scale + prior * _PRIOR_SHAPE[whole]
        width = right - left
        return LOW + BIN * (whole + (min(1.0, (share - left) / width) if width > 0.0 else 1.0))
