"""When something is bought again, and what each purchase teaches about it. Pure.

The logarithm of the interval is a sum: the catalogue's window as prior, the store's, the family's and the product's shrunk
residuals, the household's pace, and the customer's own mean, which is shrunk to all that. All that is learned are sums that
grow with time instead of shrinking, so nothing has to be read to add to it. Days are counted from aftercare.reorder_levels.EPOCH.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from aftercare.reorder_levels import FAMILY_PRIOR, STORE, STORE_PRIOR, grown, of_family, shrunk

LAPSED = 75.0  # days: a longer interval says that somebody went away, and not how fast something is used up
LAPSED_WINDOWS = 2.7
OUTLIER = 0.7  # log-days: a residual beyond it (twice, or half) teaches a level no more than this
TURN_OUTLIER = 0.4
PRODUCT_PRIOR = 20.0  # intervals of prior weight
OWN_PRIOR = 2.5  # intervals that a customer's own mean is shrunk by
PACE_PRIOR, PACE_THING_PRIOR = 3.0, 3.0
TURNS = 9  # purchases before, counted up to eight: who has bought often buys sooner than the product's mean says
TURN_PRIOR = 20.0
SPREADS, SPREAD_PRIOR = 5, 30.0
VARIANCE, FIRST_VARIANCE = 0.3, 0.6  # log-days squared: half of all lie within .7 and 1.4 of the median, of the first .6 and 1.7
OWN_SPREAD_PRIOR = 4.0
QUANTITY_PRIOR, QUANTITY_EFFECT = 10.0, 1.0  # log-days per log-quantity: twice as much lasts twice as long, at first
MOST_MORE = math.log(4.0)  # a purchase of more than four times as much (or less) is likelier told in another measure
WEEKDAY_PRIOR = 30.0
WEEKLY_FROM = 4  # days: shorter intervals say nothing of somebody's weekly habit
AGAIN_PRIOR, AGAIN_SHARE, FAMILY_AGAIN_PRIOR = 10.0, 0.2, 3.0  # one first purchase in five is followed by another
OWN_AGAIN_PRIOR = 2.0
HIT_DAYS = 7  # a reminder hits if the purchase comes within so many days of it
QUARTILE = 0.674489750196082
FARTHEST = 360  # days

_WEEK, _QUANTITY, _TURN = 2, 9, 11
_SPREAD = _TURN + 2 * TURNS
STORE_SIZE = _SPREAD + 2 * SPREADS
SIZE = 4  # of a family or a product: weight, residuals, purchases, of which were followed by another

Known = Mapping[str, Sequence[float]]
Sums = dict[str, tuple[float, ...]]


class Thing(NamedTuple):
    """What is bought again: its product and family, and the catalogue's window in days."""

    product: str
    family: str
    window: float

    @property
    def keys(self) -> tuple[str, str]:
        return of_family(self.family), f"p:{self.product}"

    @property
    def lapsed(self) -> float:
        return max(LAPSED, LAPSED_WINDOWS * self.window)


class Bought(NamedTuple):
    """One purchase: on which day, and how much."""

    day: float
    quantity: float = 1.0


class History(NamedTuple):
    """A customer's purchases, oldest first: of the thing (the last is the one that is forecast from), and of other things."""

    own: Sequence[Bought]
    others: Sequence[tuple[Thing, Sequence[Bought]]] = ()
    told: Sequence[float] = ()
    """Intervals in days that the customer told: how long it lasts, by what was left."""


class Basis(NamedTuple):
    """What a forecast stood on: all that its outcome needs to teach."""

    store: float
    family: float
    pace: float
    quantity: float
    more: float
    plain: float
    mu: float
    before: float


class Forecast(NamedTuple):
    """Days from the purchase to the next one. `best` is the day whose following week most likely sees it, with that chance
    if the thing is bought again at all; `again` is the chance of that."""

    p25: float
    p50: float
    p75: float
    best: int
    window_chance: float
    again: float
    deviation: float
    basis: Basis


def _below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _clip(value: float, most: float) -> float:
    return max(-most, min(most, value))


_NOTHING = (0.0,) * STORE_SIZE


def _of(known: Known, key: str, size: int = SIZE) -> Sequence[float]:
    found = known.get(key, ())
    return found if len(found) == size else (*found, *_NOTHING)[:size]


def _levels(thing: Thing, known: Known, weight: float) -> tuple[float, float, float]:
    """The shrunk residuals of store, family and product, in log-days over the window."""
    family, product = thing.keys
    store = shrunk(_of(known, STORE, STORE_SIZE), STORE_PRIOR, weight)
    return (
        store,
        shrunk(_of(known, family), FAMILY_PRIOR, weight),
        shrunk(_of(known, product), PRODUCT_PRIOR, weight),
    )


def _intervals(bought: Sequence[Bought], most: float) -> list[float]:
    """Logarithms of the days between purchases."""
    return [math.log(min(most, max(1.0, after.day - before.day))) for before, after in pairwise(bought)]


def pace_of(others: Iterable[tuple[Thing, Sequence[Bought]]], known: Known, weight: float) -> float:
    """How much slower (or faster) a household uses things up than others do, in log-days: shrunk over its other things."""
    total, of = 0.0, 0.0
    for thing, bought in others:
        logs = _intervals(bought, thing.lapsed)
        if logs:
            usual = math.log(thing.window) + sum(_levels(thing, known, weight))
            residual = sum(_clip(value - usual, OUTLIER) for value in logs) / len(logs)
            share = len(logs) / (len(logs) + PACE_THING_PRIOR)
            total, of = total + share * residual, of + share
    return total / (of + PACE_PRIOR)


def again_share(thing: Thing, known: Known, weight: float) -> float:
    """The share of purchases of a product that is followed by another, shrunk to its family's and the prior."""
    family, product = (_of(known, key) for key in thing.keys)
    prior = (family[3] + FAMILY_AGAIN_PRIOR * weight * AGAIN_SHARE) / (family[2] + FAMILY_AGAIN_PRIOR * weight)
    return min(0.95, (product[3] + AGAIN_PRIOR * weight * prior) / (product[2] + AGAIN_PRIOR * weight))


def forecast(thing: Thing, history: History, known: Known) -> Forecast:
    """When the last of the customer's own purchases is followed by the next."""
    own, day = history.own, history.own[-1].day
    weight, store = grown(day), _of(known, STORE, STORE_SIZE)
    levels = _levels(thing, known, weight)
    pace = pace_of(history.others, known, weight)
    usual = math.log(thing.window) + sum(levels) + pace

    logs = _intervals(own, thing.lapsed)
    logs += [math.log(max(1.0, told)) for told in history.told]
    count = len(own) - 1
    mean = sum(logs) / len(logs) if logs else 0.0
    sizes = [math.log(max(bought.quantity, 1e-3)) for bought in own]
    more = _clip(sizes[-1] - sum(sizes[:-1]) / count, MOST_MORE) if count else 0.0
    effect = (store[_QUANTITY + 1] + QUANTITY_PRIOR * weight * QUANTITY_EFFECT) / (store[_QUANTITY] + QUANTITY_PRIOR * weight)
    plain = (len(logs) * mean + OWN_PRIOR * usual) / (len(logs) + OWN_PRIOR) + effect * more

    turn = _TURN + 2 * min(count, TURNS - 1)
    mu = plain + shrunk(store[turn : turn + 2], TURN_PRIOR, weight)
    place = _SPREAD + 2 * min(count, SPREADS - 1)
    variance = shrunk(store[place : place + 2], SPREAD_PRIOR, weight, VARIANCE if count else FIRST_VARIANCE)
    if len(logs) > 1:
        around = sum((value - mean) ** 2 for value in logs)
        variance = (around + OWN_SPREAD_PRIOR * variance) / (len(logs) - 1 + OWN_SPREAD_PRIOR)
    deviation = math.sqrt(variance)

    masses = _masses(mu, deviation, store[_WEEK : _WEEK + 7], weight)
    # Who has bought it once is not known by any rhythm yet: that one is expected when most are.
    best, chance = _best(masses) if logs else _on(masses, min(FARTHEST, round(math.exp(mu))))
    share = again_share(thing, known, weight)
    return Forecast(
        p25=math.exp(mu - QUARTILE * deviation),
        p50=math.exp(mu),
        p75=math.exp(mu + QUARTILE * deviation),
        best=best,
        window_chance=chance,
        again=(count + OWN_AGAIN_PRIOR * share) / (count + OWN_AGAIN_PRIOR),
        deviation=deviation,
        basis=Basis(levels[0], levels[1], pace, effect * more, more, plain, mu, float(count)),
    )


def _masses(mu: float, deviation: float, week: Sequence[float], weight: float) -> list[float]:
    """The chance of each day up to a little beyond the median, with the store's weekly rhythm."""
    last = min(FARTHEST, int(math.exp(mu) * 1.3) + 2) + HIT_DAYS
    scale = 7.0 / (sum(week) + 7.0 * WEEKDAY_PRIOR * weight)
    rhythm = [(count + WEEKDAY_PRIOR * weight) * scale for count in week]
    # As _below(), without a call for each of the days.
    log, erfc, root = math.log, math.erfc, math.sqrt(2.0)
    edges = [0.5 * erfc(-((log(day + 0.5) - mu) / deviation) / root) for day in range(last + 1)]
    return [0.0, *[(edges[day] - edges[day - 1]) * rhythm[day % 7] for day in range(1, last + 1)]]


def _best(masses: Sequence[float]) -> tuple[int, float]:
    """The day whose hit days together are likeliest."""
    current = sum(masses[1 : HIT_DAYS + 2])
    best, most = 1, current
    for day in range(2, len(masses) - HIT_DAYS):
        current += masses[day + HIT_DAYS] - masses[day - 1]
        if current > most:
            best, most = day, current
    return best, min(1.0, most)


def _on(masses: Sequence[float], day: int) -> tuple[int, float]:
    return max(1, day), min(1.0, sum(masses[max(1, day) : max(1, day) + HIT_DAYS + 1]))


def earlier(found: Forecast, day: int) -> Forecast:
    """The same, reminded of on an earlier day."""
    if day >= found.best:
        return found
    place = max(1, day)
    within = _within(found, place, place + HIT_DAYS)
    return found._replace(best=place, window_chance=within)


def _within(found: Forecast, first: float, last: float) -> float:
    """The chance that the next purchase comes between two days, both included, if it comes at all."""
    ends = (_below((math.log(day) - found.basis.mu) / found.deviation) for day in (max(first - 0.5, 0.5), last + 0.5))
    before, after = ends
    return after - before


def chance_after(found: Forecast, day: int) -> float:
    """The chance that who has not bought it again by a day does so in the week that begins then."""
    gone = _below((math.log(day) - found.basis.mu) / found.deviation)
    left = 1.0 - found.again * gone
    return found.again * _within(found, day, day + HIT_DAYS) / left if left > 0.0 else 0.0


def hit(day: int, interval: float) -> bool:
    """Whether a purchase after `interval` days was one that a reminder on `day` may claim."""
    return day <= math.floor(interval) <= day + HIT_DAYS


# ---------------------------------------------------------------- lessons


def of_purchase(thing: Thing, day: float) -> Sums:
    """What a purchase teaches once it is clear that its reminder hit or missed: that there was one."""
    weight = grown(day)
    return dict.fromkeys(thing.keys, (0.0, 0.0, weight, 0.0))


def of_interval(thing: Thing, basis: Basis, interval: float, day: float) -> Sums:
    """What the next purchase teaches, on its day, about the forecast of the one before. Each interval teaches once: the
    caller keeps the marker."""
    weight = grown(day)
    family, product = thing.keys
    if interval > thing.lapsed:
        return dict.fromkeys((family, product), (0.0, 0.0, 0.0, weight))
    spent = math.log(max(1.0, interval))
    over = spent - basis.quantity - basis.pace - math.log(thing.window)
    store = [0.0] * STORE_SIZE
    store[0], store[1] = weight, weight * over
    if interval >= WEEKLY_FROM:
        store[_WEEK + math.floor(interval) % 7] = weight
    store[_QUANTITY] = weight * basis.more * basis.more
    store[_QUANTITY + 1] = weight * basis.more * (spent - basis.mu + basis.quantity)
    turn = _TURN + 2 * min(int(basis.before), TURNS - 1)
    store[turn], store[turn + 1] = weight, weight * _clip(spent - basis.plain, TURN_OUTLIER)
    place = _SPREAD + 2 * min(int(basis.before), SPREADS - 1)
    store[place], store[place + 1] = weight, weight * min(4.0, (spent - basis.mu) ** 2)
    rest = over - basis.store
    return {
        STORE: tuple(store),
        family: (weight, weight * _clip(rest, OUTLIER), 0.0, weight),
        product: (weight, weight * _clip(rest - basis.family, OUTLIER), 0.0, weight),
    }


def merge(into: Sums, more: Known) -> None:
    """Add sums to sums, in place."""
    for key, values in more.items():
        held = into.get(key)
        into[key] = tuple(values) if held is None else tuple(a + b for a, b in zip(held, values, strict=True))
