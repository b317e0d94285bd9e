"""How a shop's customers buy, as counts of those who look alike: bounded, nobody's, and all that the fit reads. Pure.

A cell is a number of repeat purchases, the time from the first to the last of them, and the four weeks in which the first was;
another counts mean amounts, a third what was spent in all. Where a bin is wide, its middle stands for it.
"""

import json
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from aftercare.lifetime import USUAL, Model
from aftercare.segments import YOUNG, Bought, Cuts
from store_reports.fitting import fit_amounts, fit_orders

PERIOD = 28
"""Days of first purchases that are one cohort."""

OLDEST = 65
"""Cohorts (five years); who came before counts with the oldest."""

TIMES = (*range(11), *(round(10 * 1.2**n) for n in range(1, 24)))
"""Repeat purchases that are told apart, each with those up to the next."""

SPANS = (*range(0, 182, 7), *range(182, 365, 14), *range(365, OLDEST * PERIOD, PERIOD))
"""Days from the first purchase to the last, likewise."""

STEPS = 4
"""Bins of amounts to a doubling."""

ENOUGH = 100
"""Customers from whom on the quantiles are the store's own."""

ENOUGH_TO_FIT = (300, 60)
"""Customers, and those of them who came back, from whom on the parameters are the store's own."""

FIFTHS = (0.2, 0.4, 0.6, 0.8)

LEAST = (2, 2, 3, 4)
"""However few come back: one order is the lowest fifth, and the second alone not the highest."""


class Counts(NamedTuple):
    """The three counts. Text keys, as they lie in the table: `period.times.span`, `currency.times.amount`, `currency.amount`."""

    bought: Counter[str]
    means: Counter[str]
    spent: Counter[str]

    def to_json(self) -> str:
        return json.dumps([dict(sorted(one.items())) for one in self], separators=(",", ":"))


def counts_from(doc: str) -> Counts:
    return Counts(*(Counter(one) for one in json.loads(doc)))


def counted(customers: Iterable[Bought], today: date) -> Counts:
    """The counts of all customers who bought."""
    found = Counts(Counter(), Counter(), Counter())
    now = _period(today)
    for one in customers:
        if one.first is None or one.last is None:
            continue
        times = _bin(TIMES, one.days - 1)
        found.bought[f"{max(_period(one.first), now - OLDEST)}.{times}.{_bin(SPANS, (one.last - one.first).days)}"] += 1
        for currency, amount in one.spent.items():
            if amount > 0:
                found.spent[f"{currency}.{_amount(amount)}"] += 1
                if len(one.spent) == 1:  # of a mixed purse nobody knows which order was in what
                    found.means[f"{currency}.{times}.{_amount(amount / max(one.days, 1))}"] += 1
    return found


def _period(day: date) -> int:
    return day.toordinal() // PERIOD


def _bin(bounds: tuple[int, ...], value: int) -> int:
    return bisect_right(bounds, max(value, 0)) - 1


def _middle(bounds: tuple[int, ...], number: int) -> float:
    above = bounds[number + 1] if number + 1 < len(bounds) else bounds[number] + 1
    return (bounds[number] + above - 1) / 2


def _amount(amount: Decimal) -> int:
    return round(STEPS * math.log2(amount))


def _value(number: int) -> float:
    return math.exp2(number / STEPS)


class Alike(NamedTuple):
    """So many customers of whom the same is known: repeat purchases, days from first to last, days since the first."""

    times: float
    span: float
    age: float
    many: int


def alike(counts: Counts, today: date) -> Iterator[Alike]:
    for key, many in counts.bought.items():
        period, times, span = map(int, key.split("."))
        first = date.fromordinal(period * PERIOD) + timedelta(days=PERIOD // 2)
        days = _middle(SPANS, span) if times else 0.0
        yield Alike(_middle(TIMES, times), days, max(float((today - first).days), days), many)


def fitted(counts: Counts, today: date) -> Model:
    """The parameters; the usual ones where too few are known."""
    cells = list(alike(counts, today))
    customers, back = sum(one.many for one in cells), sum(one.many for one in cells if one.times)
    if customers < ENOUGH_TO_FIT[0] or back < ENOUGH_TO_FIT[1]:
        return USUAL._replace(customers=customers, fitted=today)
    orders: Counter[tuple[float, float, float]] = Counter()
    for one in cells:
        orders[one.times, one.span, one.age] += one.many
    purses: Counter[str] = Counter()
    for key, many in counts.means.items():
        purses[key.partition(".")[0]] += many
    model = Model(fit_orders(orders), USUAL.amounts, USUAL.currency, customers, today)
    if not purses:
        return model
    currency = purses.most_common(1)[0][0]
    means: Counter[tuple[float, float]] = Counter()
    for key, many in counts.means.items():
        of, times, amount = key.split(".")
        if of == currency:
            means[_middle(TIMES, int(times)) + 1, _value(int(amount))] += many
    return model._replace(amounts=fit_amounts(means), currency=currency)


def cuts(counts: Counts, today: date) -> Cuts:
    """Where the fifths of the store's customers begin; the young store's where too few are known."""
    cells = list(alike(counts, today))
    customers = sum(one.many for one in cells)
    if customers < ENOUGH:
        return YOUNG
    gone: Counter[float] = Counter()
    often: Counter[float] = Counter()
    gaps: Counter[float] = Counter()
    for one in cells:
        gone[one.age - one.span] += one.many
        often[one.times + 1] += one.many
        if one.times:
            gaps[one.span / one.times] += one.many
    recency = [max(1, round(_quantile(gone, share))) for share in FIFTHS]
    orders = [max(least, math.ceil(_quantile(often, share)) + 1) for share, least in zip(FIFTHS, LEAST, strict=True)]
    spent: dict[str, Counter[float]] = {}
    for key, many in counts.spent.items():
        currency, amount = key.split(".")
        spent.setdefault(currency, Counter())[_value(int(amount))] += many
    own = {c: tuple(_price(_quantile(of, share)) for share in FIFTHS) for c, of in spent.items() if of.total() >= ENOUGH}
    gap = max(1, round(_quantile(gaps, 0.8))) if gaps.total() >= ENOUGH else YOUNG.gap
    return Cuts(tuple(recency), tuple(orders), {**YOUNG.spent, **own}, gap)


def _quantile(of: Counter[float], share: float) -> float:
    """The least value that at least this share does not exceed."""
    left = share * of.total()
    for value in sorted(of):
        left -= of[value]
        if left <= 0:
            return value
    return max(of)


def _price(value: float) -> Decimal:
    return Decimal(str(float(f"{value:.3g}")))
