"""D2: what it costs to say what to expect of one customer, in microseconds of one core: the best of interleaved rounds, each part
by itself, on customers of every kind."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from aftercare.lifetime import USUAL, Buyer, active, comes_again, expected_orders, expected_spend, returns
from aftercare.prospects import prospects
from aftercare.segments import Bought
from simulator.bench.measure import Result, Say

BAR: Final = 20.0
ROUNDS: Final = 15
TODAY: Final = date(2026, 3, 2)


def measure(say: Say) -> list[Result]:
    say("D2: what to expect of a customer")
    some = [(x, 25.0 * x, float(silence)) for x in (0, 1, 2, 5, 12, 40) for silence in (0, 10, 60, 200)]
    buyers = [(Buyer(x, span, span + silence), [25.0] * x) for x, span, silence in some]
    orders, amounts = USUAL.orders, USUAL.amounts
    parts: dict[str, Callable[[Buyer, list[float]], object]] = {
        "P(active)": lambda one, _: active(orders, one),
        "churn risk": lambda one, _: 1.0 - returns(orders, one, 180.0),
        "expected orders": lambda one, _: expected_orders(orders, one, 365.0),
        "expected spend": lambda one, _: expected_spend(amounts, one.x + 1, 50.0),
        "next order, P25 P50 P75": lambda one, own: comes_again(orders, one, own),
    }
    found = [
        Result("D2", f"{name} of a customer", round(cost, 2), BAR, "at most", "us", "the best of rounds")
        for name, cost in _timed(parts, buyers).items()
    ]
    whole = [
        (Bought(int(b.x) + 1, int(b.x) + 1, TODAY - timedelta(days=b.age), TODAY - timedelta(days=b.age - b.tx), _SPENT), own)
        for b, own in buyers
    ]
    cost = _timed({"all": lambda known, own: prospects(known, own, USUAL, TODAY)}, whole)["all"]
    return [*found, Result("D2", "all of it, with dates and money", round(cost, 2), None, "at most", "us", "told only")]


_SPENT: Final = {"EUR": Decimal(120)}


def _timed(parts: dict[str, Callable[[Any, list[float]], object]], whom: list[tuple[Any, list[float]]]) -> dict[str, float]:
    best = dict.fromkeys(parts, math.inf)
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, part in parts.items():
                began = time.perf_counter()
                for one, own in whom:
                    part(one, own)
                best[name] = min(best[name], (time.perf_counter() - began) / len(whom) * 1e6)
    finally:
        gc.enable()
    return best
