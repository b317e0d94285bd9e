"""Whether a reminder would hit: a logistic on nine features of the history, learned as the store goes. Pure.

The weights are the solution of the decayed normal equations of all outcomes so far (iteratively reweighted least squares, each
outcome linearised once where it was forecast), with a prior that says: the chance is that of the week times that of buying
again at all. The equations are sums: outcomes are added in any order, and the weights are solved for when they are read.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from aftercare.reorder_levels import grown
from reorder_reminder.depletion import Forecast, History, Known, Sums, Thing, again_share, forecast

GATE = "gate"
HALF_LIFE = 45.0  # days: customers' habits and the store's mix move
PRIOR_OUTCOMES = 50.0
FEATURES = 10
SIZE = FEATURES + FEATURES * (FEATURES + 1) // 2
PRIOR = (-2.0, 1.0, *(0.0,) * (FEATURES - 2))
REGULARITY = 14.0  # days added to how long somebody has been known, so that two orders in a day are no habit


class Asked(NamedTuple):
    """The features of a forecast and the chance that was given: what the outcome needs to teach."""

    features: tuple[float, ...]
    chance: float


def _logit(share: float) -> float:
    held = min(0.97, max(0.005, share))
    return math.log(held / (1.0 - held))


def features(thing: Thing, history: History, found: Forecast, known: Known) -> tuple[float, ...]:
    """1 and the nine: the chance by the forecast alone, how often it was bought, how regularly, at which interval, how often
    the product and how often the customer buys again, how the last interval differed, how much more was bought, and how often
    the customer orders anything."""
    own, day = history.own, history.own[-1].day
    count = len(own) - 1
    bought = sum(len(times) for _, times in history.others)
    again = (bought - len(history.others) + 0.8) / (bought + 2.0)
    spans = [math.log(max(1.0, after.day - before.day)) for before, after in pairwise(own)]
    last = min(math.log(thing.lapsed), spans[-1]) - sum(spans) / count if count else 0.0
    visits = sorted({round(b.day, 2) for times in (own, *(times for _, times in history.others)) for b in times})
    often = len(visits) / (day - visits[0] + REGULARITY)
    return (
        1.0,
        _logit(found.window_chance * found.again) + 2.0,
        math.log1p(count) - 1.0,
        found.deviation - 0.7,
        found.basis.mu - 3.3,
        _logit(again_share(thing, known, grown(day))),
        _logit(again),
        last,
        found.basis.quantity,
        math.log(often) + 2.0,
    )


def weights(known: Known, day: float) -> tuple[float, ...]:
    """The gate's weights on a day."""
    prior = PRIOR_OUTCOMES * grown(day, HALF_LIFE)
    sums = known.get(GATE, ())
    if len(sums) < SIZE:
        return PRIOR
    rows = []
    for row in range(FEATURES):
        line = [sums[FEATURES + _place(row, column)] for column in range(FEATURES)]
        line[row] += prior
        rows.append([*line, sums[row] + prior * PRIOR[row]])
    return _solved(rows)


def _place(row: int, column: int) -> int:
    low, high = min(row, column), max(row, column)
    return high * (high + 1) // 2 + low


def _solved(rows: list[list[float]]) -> tuple[float, ...]:
    """Gauss on a symmetric positive definite system: the prior on its diagonal keeps every pivot above zero."""
    size = len(rows)
    for at in range(size):
        pivot = rows[at]
        for row in rows[at + 1 :]:
            share = row[at] / pivot[at]
            if share:
                row[at:] = [value - share * over for value, over in zip(row[at:], pivot[at:], strict=True)]
    found = [0.0] * size
    for at in range(size - 1, -1, -1):
        rest = sum(rows[at][column] * found[column] for column in range(at + 1, size))
        found[at] = (rows[at][size] - rest) / rows[at][at]
    return tuple(found)


def chance(features: Sequence[float], weights: Sequence[float]) -> float:
    """P(hit)."""
    score = sum(feature * weight for feature, weight in zip(features, weights, strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, score))))


def of_outcome(asked: Asked, hit: bool, day: float) -> Sums:
    """What a hit or a miss teaches, on the day on which it is known. Each outcome teaches once: the caller keeps the marker."""
    weight = grown(day, HALF_LIFE)
    held = min(0.98, max(0.02, asked.chance))
    curved = weight * held * (1.0 - held)
    score = math.log(held / (1.0 - held))
    pull = curved * score + weight * (hit - held)
    matrix = [curved * asked.features[row] * asked.features[column] for row in range(FEATURES) for column in range(row + 1)]
    return {GATE: (*(feature * pull for feature in asked.features), *matrix)}


class Foresight(NamedTuple):
    """A forecast with the chance that its reminder hits."""

    forecast: Forecast
    asked: Asked


def foresee(thing: Thing, history: History, known: Known, solved: Sequence[float] | None = None) -> Foresight:
    """What is known of the next purchase. `solved` are the weights of that day, where the caller has them already."""
    found = forecast(thing, history, known)
    given = features(thing, history, found, known)
    return Foresight(found, Asked(given, chance(given, weights(known, history.own[-1].day) if solved is None else solved)))
