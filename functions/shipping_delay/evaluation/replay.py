"""The history replayed in time order: every forecast sees only what was known at its instant, the baselines too."""

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shipping_delay import budget, prediction, teaching
from shipping_delay.evaluation.metrics import Scored
from shipping_delay.evaluation.orders import Order, days_between
from shipping_delay.parcel import Forecast

CHECK_AGES = (6, 12, 18)
"""Days from hand-over at which parcels still under way are forecast again."""


@dataclass
class Replay:
    """What a replay gathers, per method and occasion."""

    hand_over: dict[str, list[Scored]]
    at_order: list[Scored]
    at_age: dict[int, list[Scored]]
    at_age_unconditioned: dict[int, list[Scored]]
    warned: dict[int, float]  # line to days between the first alert and the promise
    told: dict[int, float]  # the same, of those that the budget of needless notices lets through
    open: dict[int, float]  # line to the chance at which it was told, until its arrival is known
    knowledge: dict[str, tuple[float, ...]]


def _scored(order: Order, forecast: Forecast) -> Scored:
    chance = forecast.late_probability
    ends = (days_between(order.parcel.handed_at, at) for at in (forecast.p10_at, forecast.p50_at, forecast.p90_at))
    return Scored(order, 0.0 if chance is None else chance, *ends)


def replay(
    orders: Sequence[Order],
    since: datetime,
    until: datetime,
    threshold: float,
    needless_per_100: float = 100.0,
    passing: Callable[[datetime], None] = lambda _: None,
) -> Replay:
    """Run the streaming model and the baselines through the history; score hand-overs in [since, until).

    `passing` is told the replay's own time, for whoever waits.
    """
    found = Replay(defaultdict(list), [], defaultdict(list), defaultdict(list), {}, {}, {}, {})
    knowledge = found.knowledge
    bases: dict[int, Forecast] = {}
    baselines = Baselines()
    steps: list[tuple[datetime, int, int, int]] = []  # when, kind (0 known, 1 ordered, 2 handed, 3 age), order, age
    for index, order in enumerate(orders):
        scoring = order.delivered_at is not None and since <= order.parcel.handed_at < until
        if order.ordered_at is not None and order.ordered_at <= order.parcel.handed_at and scoring:
            steps.append((order.ordered_at, 1, index, 0))
        steps.append((order.parcel.handed_at, 2, index, 0))
        if order.known_at is not None:
            steps.append((order.known_at, 0, index, 0))
        if scoring and order.delivered_at is not None:
            for age in CHECK_AGES:
                at = order.parcel.handed_at + timedelta(days=age)
                if at < order.delivered_at:
                    steps.append((at, 3, index, age))
    heapq.heapify(steps)
    while steps:
        at, kind, index, age = heapq.heappop(steps)
        passing(at)
        order = orders[index]
        scoring = order.delivered_at is not None and since <= order.parcel.handed_at < until
        if kind == 0 and order.delivered_at is not None:
            told = bases.pop(index).basis
            teaching.merge(knowledge, teaching.learn(order.parcel, order.delivered_at, told))
            if (chance := found.open.pop(order.line, None)) is not None:
                teaching.merge(knowledge, budget.of_outcome(chance, order.late, at))
            baselines.learn(order)
        elif kind == 1:
            found.at_order.append(_scored(order, prediction.predict_order(order.parcel, knowledge, at)))
        elif kind == 2:
            forecast = prediction.predict(order.parcel, knowledge, at)
            bases[index] = forecast
            teaching.merge(knowledge, teaching.depart(order.parcel, forecast.basis))
            teaching.merge(knowledge, budget.of_departure(at))
            if order.ordered_at is not None and order.ordered_at <= at:
                teaching.merge(knowledge, teaching.learn_handling(order.parcel.seller, order.ordered_at, at))
            if scoring:
                _warn(found, order, at, forecast, (threshold, needless_per_100), found.hand_over["streaming"])
                for name, one in baselines.predict(order):
                    found.hand_over[name].append(one)
        elif kind == 3 and (order.promised_by is None or order.promised_by > at):
            forecast = prediction.predict(order.parcel, knowledge, at)
            _warn(found, order, at, forecast, (threshold, needless_per_100), found.at_age[age])
            found.at_age_unconditioned[age].append(_scored(order, bases[index]))
    return found


def _warn(
    found: Replay, order: Order, at: datetime, forecast: Forecast, limits: tuple[float, float], scored: list[Scored]
) -> None:
    """Keep the forecast for scoring, and the lead if it is the order's first alert."""
    threshold, needless_per_100 = limits
    one = _scored(order, forecast)
    scored.append(one)
    if order.promised_by is None or one.chance < threshold:
        return
    lead = days_between(at, order.promised_by)
    found.warned.setdefault(order.line, lead)
    if order.line not in found.told and budget.allows(found.knowledge, one.chance, needless_per_100, at):
        found.told[order.line] = lead
        found.open[order.line] = one.chance
        teaching.merge(found.knowledge, budget.of_notice(one.chance, at))


class Baselines:
    """The promised date, the distribution of all transit times so far, and that of the route (region to region)."""

    def __init__(self) -> None:
        self.all: list[float] = []
        self.routes: dict[tuple[str | None, str | None], list[float]] = defaultdict(list)
        self.late = 0
        self.seen = 0

    @staticmethod
    def _route(order: Order) -> tuple[str | None, str | None]:
        return order.parcel.origin_region, order.parcel.destination_region

    def learn(self, order: Order) -> None:
        insort(self.all, order.days)
        insort(self.routes[self._route(order)], order.days)
        self.seen += order.promised_by is not None
        self.late += order.late

    def predict(self, order: Order) -> Iterator[tuple[str, Scored]]:
        slack = days_between(order.parcel.handed_at, order.promised_by) if order.promised_by else None
        base = (self.late + 1) / (self.seen + 10)
        # Less slack, more risk; scaled so that the mean stays near the base rate.
        if slack is not None:
            yield "promised date", Scored(order, base * min(2.0, 20.0 / max(slack, 10.0)), 0.0, max(slack - 1, 0.0), slack)
        yield "global distribution", self._distribution(order, self.all, slack)
        route = self.routes[self._route(order)]
        yield "route quantiles", self._distribution(order, route if len(route) >= 30 else self.all, slack)

    @staticmethod
    def _distribution(order: Order, days: Sequence[float], slack: float | None) -> Scored:
        if not days:
            return Scored(order, 0.1, 1.0, 5.0, 15.0)
        above = 0 if slack is None else len(days) - bisect_left(days, slack)
        last = len(days) - 1
        low, middle, high = (days[round(share * last)] for share in (0.1, 0.5, 0.9))
        return Scored(order, (above + 0.5) / (len(days) + 1), low, middle, high)
