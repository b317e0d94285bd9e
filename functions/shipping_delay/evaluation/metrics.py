"""How good a delay forecast was on a set of parcels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aftercare.evaluation.metrics import auc, brier, calibration_error, log_loss, pr_auc, reliability
from shipping_delay.evaluation.orders import Order


@dataclass(frozen=True)
class Scored:
    """One forecast of one method for an order whose outcome came to be known."""

    order: Order
    chance: float
    p10: float
    p50: float
    p90: float


def alert_threshold(miss_cost: float) -> float:
    """Alert when it is cheaper than silence: p * miss_cost > (1 - p), the cost of a false alert being 1 (Elkan 2001)."""
    return 1 / (1 + miss_cost)


def summary(scored: Sequence[Scored], threshold: float) -> dict[str, Any]:
    """All metrics of one method on one set of parcels; what asks for a promise counts those that have one."""
    promised = [one for one in scored if one.order.promised_by is not None]
    days = [one.order.days for one in scored]
    n = len(scored)
    return {
        "n": n,
        "promised": len(promised),
        **_lateness(promised, threshold),
        "cover80": sum(one.p10 <= spent <= one.p90 for one, spent in zip(scored, days, strict=True)) / n,
        "width80": sum(one.p90 - one.p10 for one in scored) / n,
        "mae": sum(abs(one.p50 - spent) for one, spent in zip(scored, days, strict=True)) / n,
    }


_OF_PROMISES = ("late", "auc", "pr_auc", "logloss", "brier", "brier_base", "ece", "alerts_per_100", "precision", "recall")


def _lateness(scored: Sequence[Scored], threshold: float) -> dict[str, Any]:
    n = len(scored)
    if not n:
        return {**dict.fromkeys(_OF_PROMISES, math.nan), "reliability": []}
    truth = [one.order.late for one in scored]
    chance = [one.chance for one in scored]
    table = reliability(truth, chance)
    alerts = [happened for happened, value in zip(truth, chance, strict=True) if value >= threshold]
    return {
        "late": sum(truth) / n,
        "auc": auc(truth, chance),
        "pr_auc": pr_auc(truth, chance),
        "logloss": log_loss(truth, chance),
        "brier": brier(truth, chance),
        "brier_base": sum(truth) / n * (1 - sum(truth) / n),
        "ece": calibration_error(table),
        "alerts_per_100": 100 * len(alerts) / n,
        "precision": sum(alerts) / len(alerts) if alerts else math.nan,
        "recall": sum(alerts) / sum(truth) if any(truth) else math.nan,
        "reliability": table,
    }
