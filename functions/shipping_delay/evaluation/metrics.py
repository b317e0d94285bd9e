"""How good forecasts were: rank, probability, interval and alert metrics in plain Python, each by its definition."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shipping_delay.evaluation.orders import Order

FLOOR = 1e-4
"""Probabilities are scored between this and its complement."""


@dataclass(frozen=True)
class Scored:
    """One forecast of one method for an order whose outcome came to be known."""

    order: Order
    chance: float
    p10: float
    p50: float
    p90: float


def auc(truth: Sequence[bool], score: Sequence[float]) -> float:
    """Area under the ROC curve: the rank-sum statistic of Mann and Whitney, ties counted half."""
    order = sorted(range(len(score)), key=score.__getitem__)
    positives = sum(truth)
    if positives in (0, len(truth)):
        return math.nan
    ranks, start = 0.0, 0
    while start < len(order):
        end = start
        while end < len(order) and score[order[end]] == score[order[start]]:
            end += 1
        ranks += (start + end + 1) / 2 * sum(truth[index] for index in order[start:end])
        start = end
    return (ranks - positives * (positives + 1) / 2) / (positives * (len(truth) - positives))


def pr_auc(truth: Sequence[bool], score: Sequence[float]) -> float:
    """Average precision: sum of precision times the step in recall, tied scores taken together."""
    order = sorted(range(len(score)), key=lambda index: -score[index])
    positives = sum(truth)
    if not positives:
        return math.nan
    hits, area, start = 0, 0.0, 0
    while start < len(order):
        end = start
        while end < len(order) and score[order[end]] == score[order[start]]:
            end += 1
        found = sum(truth[index] for index in order[start:end])
        hits += found
        area += hits / end * found / positives
        start = end
    return area


def log_loss(truth: Sequence[bool], chance: Sequence[float]) -> float:
    """Mean negative log-likelihood, in nats; probabilities are held within FLOOR of 0 and 1."""
    total = 0.0
    for happened, value in zip(truth, chance, strict=True):
        held = min(1 - FLOOR, max(FLOOR, value))
        total -= math.log(held if happened else 1 - held)
    return total / len(truth)


def brier(truth: Sequence[bool], chance: Sequence[float]) -> float:
    """Mean squared error of the probability (Brier 1950)."""
    return sum((value - happened) ** 2 for happened, value in zip(truth, chance, strict=True)) / len(truth)


def reliability(truth: Sequence[bool], chance: Sequence[float], bins: int = 10) -> list[dict[str, float]]:
    """Per equal-width bin of the forecast: how many, mean forecast, share that happened."""
    groups: dict[int, list[tuple[bool, float]]] = defaultdict(list)
    for happened, value in zip(truth, chance, strict=True):
        groups[min(bins - 1, int(value * bins))].append((happened, value))
    return [
        {
            "from": number / bins,
            "n": len(found),
            "forecast": sum(value for _, value in found) / len(found),
            "happened": sum(happened for happened, _ in found) / len(found),
        }
        for number, found in sorted(groups.items())
    ]


def calibration_error(table: Sequence[Mapping[str, float]]) -> float:
    """Expected calibration error: mean distance of forecast and outcome, weighted by the bins' sizes."""
    total = sum(row["n"] for row in table)
    return sum(row["n"] * abs(row["forecast"] - row["happened"]) for row in table) / total


def alert_threshold(miss_cost: float) -> float:
    """Alert when it is cheaper than silence: p * miss_cost > (1 - p), the cost of a false alert being 1 (Elkan 2001)."""
    return 1 / (1 + miss_cost)


def summary(scored: Sequence[Scored], threshold: float) -> dict[str, Any]:
    """All metrics of one method on one set of parcels."""
    truth = [one.order.late for one in scored]
    chance = [one.chance for one in scored]
    days = [one.order.days for one in scored]
    n = len(scored)
    table = reliability(truth, chance)
    alerts = [happened for happened, value in zip(truth, chance, strict=True) if value >= threshold]
    return {
        "n": n,
        "late": sum(truth) / n,
        "auc": auc(truth, chance),
        "pr_auc": pr_auc(truth, chance),
        "logloss": log_loss(truth, chance),
        "brier": brier(truth, chance),
        "brier_base": sum(truth) / n * (1 - sum(truth) / n),
        "ece": calibration_error(table),
        "cover80": sum(one.p10 <= spent <= one.p90 for one, spent in zip(scored, days, strict=True)) / n,
        "width80": sum(one.p90 - one.p10 for one in scored) / n,
        "mae": sum(abs(one.p50 - spent) for one, spent in zip(scored, days, strict=True)) / n,
        "alerts_per_100": 100 * len(alerts) / n,
        "precision": sum(alerts) / len(alerts) if alerts else math.nan,
        "recall": sum(alerts) / sum(truth) if any(truth) else math.nan,
        "reliability": table,
    }
