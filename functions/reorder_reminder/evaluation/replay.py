"""The purchases replayed day by day through the code that serves: every forecast sees only what was known on its day."""

import heapq
import math
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from reorder_reminder import depletion, hit_gate
from reorder_reminder.depletion import HIT_DAYS, Basis, Bought, History, Sums, Thing
from reorder_reminder.hit_gate import Asked

FIXED = 28.0
BEFORE = 7
"""The baselines remind so many days before the day that they foretell: that hits most often."""


class Said(NamedTuple):
    """What one method says of one purchase, in days from it: when the next comes, and when it would remind."""

    foretold: float
    remind: int


@dataclass
class Scored:
    """One purchase that is scored: what each method said, what came of it (None: nothing up to the end of the file)."""

    day: int
    thing: Thing
    count: int
    features: tuple[float, ...]
    chance: float
    quarters: tuple[float, float]
    said: dict[str, Said]
    interval: float | None = None

    def hit(self, method: str) -> bool:
        return self.interval is not None and depletion.hit(self.said[method].remind, self.interval)


@dataclass
class _Open:
    """A purchase whose next one has not come yet."""

    scored: Scored
    basis: Basis
    asked: Asked
    taught: bool = False


@dataclass
class Replay:
    """All purchases in their order, and what was learned in the end."""

    all: list[Scored] = field(default_factory=list)
    known: Sums = field(default_factory=dict)


def replay(bought: Mapping[str, Mapping[Thing, tuple[Bought, ...]]], passing: Callable[[int], None]) -> Replay:
    """One pass: on each day first the lessons that have become known, then a forecast for each purchase of the day."""
    days: dict[int, list[tuple[str, Thing, int]]] = defaultdict(list)
    for customer, things in bought.items():
        for thing, times in things.items():
            for place, one in enumerate(times):
                days[int(one.day)].append((customer, thing, place))
    found, medians = Replay(), _Medians()
    under_way: dict[tuple[str, Thing], _Open] = {}
    missed: list[tuple[int, int, _Open]] = []
    begun: dict[str, dict[Thing, int]] = defaultdict(dict)
    for day in sorted(days):
        passing(day)
        while missed and missed[0][0] < day:
            _outcome(found.known, heapq.heappop(missed)[2], False, float(day))
        for customer, thing, _ in days[day]:
            before = under_way.pop((customer, thing), None)
            if before is not None:
                _next(found.known, before, day, medians)
        weights = hit_gate.weights(found.known, float(day))
        for customer, thing, place in days[day]:
            begun[customer][thing] = place + 1
        for customer, thing, place in days[day]:
            own = bought[customer][thing][: place + 1]
            others = [(t, bought[customer][t][:until]) for t, until in begun[customer].items() if t != thing]
            seen = hit_gate.foresee(thing, History(own, others), found.known, weights)
            scored = _scored(day, thing, own, seen, medians)
            found.all.append(scored)
            opened = _Open(scored, seen.forecast.basis, seen.asked)
            under_way[customer, thing] = opened
            heapq.heappush(missed, (day + seen.forecast.best + HIT_DAYS, len(found.all), opened))
    return found


def _scored(day: int, thing: Thing, own: tuple[Bought, ...], seen: hit_gate.Foresight, medians: "_Medians") -> Scored:
    spans = [after.day - before.day for before, after in pairwise(own)]
    usual = medians.of(thing)
    methods = {"fixed 28": FIXED, "own mean": sum(spans) / len(spans) if spans else usual, "product median": usual}
    said = {"streaming": Said(seen.forecast.p50, seen.forecast.best)}
    said |= {name: remind_before(value) for name, value in methods.items()}
    quarters = (seen.forecast.p25, seen.forecast.p75)
    return Scored(day, thing, len(spans), seen.asked.features, seen.asked.chance, quarters, said)


def remind_before(foretold: float) -> Said:
    return Said(foretold, max(1, round(foretold) - BEFORE))


def _outcome(known: Sums, opened: _Open, hit: bool, day: float) -> None:
    """A hit or a miss becomes known: once."""
    if not opened.taught:
        opened.taught = True
        depletion.merge(known, hit_gate.of_outcome(opened.asked, hit, day))
        depletion.merge(known, depletion.of_purchase(opened.scored.thing, day))


def _next(known: Sums, opened: _Open, day: int, medians: "_Medians") -> None:
    one = opened.scored
    one.interval = float(day - one.day)
    _outcome(known, opened, one.hit("streaming"), float(day))
    depletion.merge(known, depletion.of_interval(one.thing, opened.basis, one.interval, float(day)))
    medians.learn(one.thing, one.interval)


class _Medians:
    """The median interval of each product so far, of all where it has none, 28 days where nothing is known."""

    def __init__(self) -> None:
        self.by_product: dict[str, list[float]] = defaultdict(list)
        self.all: list[float] = []

    def learn(self, thing: Thing, interval: float) -> None:
        insort(self.by_product[thing.product], interval)
        insort(self.all, interval)

    def of(self, thing: Thing) -> float:
        known = self.by_product.get(thing.product) or self.all
        return known[math.floor(len(known) / 2)] if known else FIXED
