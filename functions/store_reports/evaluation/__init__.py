"""Whether it is known who comes back and who spends, on a store's own history: what is known at a day against what came after it.

`aftercare evaluate customers FILE...` prints it. The parameters are fitted as the store's are, from the counts alone.
"""

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from aftercare.evaluation.metrics import auc, brier, calibration_error, log_loss, pr_auc, reliability
from aftercare.lifetime import QUARTERS, Buyer, Model, active, expected_orders, expected_spend, next_order, returns
from store_reports import coming_back
from store_reports.buyers import Counts, counted, cuts, fitted
from store_reports.evaluation import rivals
from store_reports.evaluation.purchases import Columns, History, Known, split

HORIZON = 90
KNOWN = 0.75
"""Without a day of its own a file is split after three quarters of its days."""

BACK = (2, 1)
"""The earlier splits that are shown, in horizons before the one that is asked for."""

TIMED = 2000
ROUNDS = 7


class Given(NamedTuple):
    """One file: its name for the report and its history."""

    name: str
    history: History


def evaluate(
    files: Sequence[Given],
    *,
    at: date | None = None,
    days: int = HORIZON,
    with_lightgbm: bool = True,
    passing: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The report as plain data, by file: what was measured at the split and at those before it, and what serving costs."""
    return {"files": {given.name: _one(given, at, days, with_lightgbm, passing) for given in files}}


def _one(given: Given, at: date | None, days: int, with_lightgbm: bool, passing: Callable[[str], None]) -> dict[str, Any]:
    history = given.history
    whole: dict[str, Any] = {"rows": history.rows, "bad": dict(history.bad), "customers": len(history.paid), "splits": []}
    if not history.paid:
        return whole
    first, last = history.first, history.last
    asked = at or first + timedelta(days=round(KNOWN * (last - first).days))
    whole |= {"from": first.isoformat(), "to": last.isoformat(), "days": days}
    for back in (*BACK, 0):
        day = asked - timedelta(days=days * back)
        if day - timedelta(days=days) <= first or day + timedelta(days=days) > last + timedelta(days=1):
            continue
        passing(f"{given.name}: {day}")
        whole["splits"].append(_measured(history, day, days, with_lightgbm))
    return whole


def _measured(history: History, at: date, days: int, with_lightgbm: bool) -> dict[str, Any]:
    known = split(history, at, days)
    began = time.perf_counter()
    back = coming_back.Counter(at)
    counts = counted(back.through((one.bought, "none") for one in known), at)
    model = fitted(counts, at)
    spent = time.perf_counter() - began
    methods = _methods(known, model, days)
    if with_lightgbm:
        boosted = rivals.lightgbm(split(history, at - timedelta(days=days), days), known)
        if boosted:
            methods["LightGBM"] = (boosted[0], boosted[1], boosted[0])
    truth, later = [one.returned for one in known], [one.later_spent for one in known]
    found: dict[str, Any] = {
        "at": at.isoformat(),
        "known": len(known),
        "returned": sum(truth),
        "methods": {name: _scored(truth, later, *scores) for name, scores in methods.items()},
        "model": {
            "orders": model.orders._asdict(),
            "amounts": model.amounts._asdict(),
            "fit_seconds": spent,
            "bytes": len(counts.to_json()),
            "cells": [len(one) for one in counts],
        },
        "expected_orders": sum(expected_orders(model.orders, one.buyer, days) for one in known),
        "orders": sum(one.later_orders for one in known),
        "next_order": _dates(history, known, model, at, days),
        "retention": back.found["first"]._asdict(),
        "cuts": _cuts(counts, at),
        "serving_us": _serving(known, model, days),
    }
    return found


Scores = tuple[Sequence[float], Sequence[float], Sequence[float] | None]
"""For who returns, for what is spent, and a probability where the method has one."""


def _methods(known: Sequence[Known], model: Model, days: int) -> dict[str, Scores]:
    orders = [expected_orders(model.orders, one.buyer, days) for one in known]
    worth = [many * expected_spend(model.amounts, len(one.days), one.mean) for many, one in zip(orders, known, strict=True)]
    chance = [returns(model.orders, one.buyer, days) for one in known]
    by_rfm, recent, so_far = rivals.rfm(known), rivals.recency(known), rivals.spent(known)
    return {
        "BG/NBD, Gamma-Gamma": (orders, worth, chance),
        "RFM": (by_rfm, by_rfm, None),
        "last order": (recent, recent, None),
        "spent so far": (so_far, so_far, None),
    }


def _scored(
    truth: Sequence[bool], later: Sequence[float], who: Sequence[float], worth: Sequence[float], chance: Sequence[float] | None
) -> dict[str, Any]:
    found: dict[str, Any] = {"auc": auc(truth, who), "pr_auc": pr_auc(truth, who), "top_tenth": top(worth, later, 0.1)}
    if chance is not None:
        table = reliability(truth, chance)
        found |= {"logloss": log_loss(truth, chance), "brier": brier(truth, chance), "ece": calibration_error(table)}
        found["reliability"] = table
    return found


def top(score: Sequence[float], spent: Sequence[float], share: float) -> float:
    """What part of all that was spent the best of the customers by this score spent; those of equal score share a place."""
    many = int(len(score) * share)
    whole = sum(spent)
    if not many or not whole:
        return math.nan
    order = sorted(range(len(score)), key=lambda one: -score[one])
    edge = score[order[many - 1]]
    above = [one for one in order if score[one] > edge]
    level = [one for one in order if score[one] == edge]
    taken = sum(spent[one] for one in above) + sum(spent[one] for one in level) * (many - len(above)) / len(level)
    return taken / whole


def _dates(history: History, known: Sequence[Known], model: Model, at: date, days: int) -> dict[str, Any]:
    """The next order's quarters, foretold with each purchase after the split, of those who came back before the file's end; the
    parameters are those of the split. Beside them the mean of the customer's own intervals and one interval for all."""
    last = history.last
    below = dict.fromkeys(QUARTERS, 0)
    misses: dict[str, list[float]] = {"P50": [], "own mean": [], "one for all": []}
    usual = sorted(gap for one in known for gap in _gaps(one.days))
    common = usual[len(usual) // 2] if usual else math.nan
    for _, paid in sorted(history.paid.items()):
        bought = sorted(paid)
        for number, day in enumerate(bought[:-1]):
            if not at <= day < at + timedelta(days=days) or day + timedelta(days=days) > last:
                continue
            wait = (bought[number + 1] - day).days
            if wait > days:
                continue
            so_far = bought[: number + 1]
            gaps = _gaps(so_far)
            span = float((day - so_far[0]).days)
            quarters = next_order(model.orders, Buyer(number, span, span), gaps)
            for share, told in zip(QUARTERS, quarters, strict=True):
                below[share] += wait <= told
            misses["P50"].append(abs(quarters[1] - wait))
            misses["own mean"].append(abs((sum(gaps) / len(gaps) if gaps else common) - wait))
            misses["one for all"].append(abs(common - wait))
    many = len(misses["P50"])
    if not many:
        return {"n": 0}
    return {
        "n": many,
        "below": {f"P{100 * share:.0f}": count / many for share, count in below.items()},
        "median_error": {name: sorted(each)[many // 2] for name, each in misses.items()},
        "mean_error": {name: sum(each) / many for name, each in misses.items()},
    }


def _gaps(days: Sequence[date]) -> list[float]:
    return [float((later - earlier).days) for earlier, later in pairwise(days)]


def _cuts(counts: Counts, at: date) -> Mapping[str, Any]:
    found = cuts(counts, at)
    return {**found._asdict(), "spent": {name: [str(cut) for cut in each] for name, each in found.spent.items()}}


def _serving(known: Sequence[Known], model: Model, days: int) -> dict[str, float]:
    """Microseconds for one customer, each task by the best of interleaved rounds."""
    buyers = [(one.buyer, _gaps(one.days)) for one in known[:TIMED]]
    orders, amounts = model.orders, model.amounts
    tasks: dict[str, Callable[[Buyer, Sequence[float]], object]] = {
        "P(active)": lambda one, _: active(orders, one),
        "P(returns)": lambda one, _: returns(orders, one, days),
        "expected orders": lambda one, _: expected_orders(orders, one, days),
        "expected spend": lambda one, _: expected_spend(amounts, one.x + 1, 50.0),
        "next order": lambda one, gaps: next_order(orders, one, gaps),
    }
    best = dict.fromkeys(tasks, math.inf)
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, task in tasks.items():
                began = time.perf_counter()
                for one, gaps in buyers:
                    task(one, gaps)
                best[name] = min(best[name], (time.perf_counter() - began) / len(buyers))
    finally:
        gc.enable()
    return {name: 1e6 * seconds for name, seconds in best.items()}


__all__ = ["HORIZON", "Columns", "Given", "evaluate"]
