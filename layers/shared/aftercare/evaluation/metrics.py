"""How good forecasts were: rank, probability and class metrics in plain Python, each by its definition."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

FLOOR = 1e-4
"""Probabilities are scored between this and its complement."""


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


def hit_rates(hits: int, told: int, there: int) -> dict[str, float]:
    """Of `there` that are so, `told` were said to be and `hits` of those are: precision, recall, and F1, their harmonic mean.

    `n` is `there`. NaN where nothing was said or there is nothing; F1 is 0 without a hit.
    """
    return {
        "n": there,
        "precision": hits / told if told else math.nan,
        "recall": hits / there if there else math.nan,
        "f1": 2 * hits / (told + there) if hits else 0.0,
    }
