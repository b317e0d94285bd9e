"""How good the reorder reminders would have been on a store's own purchases, replayed day by day.

`aftercare evaluate reorder FILE...` prints it. The forecast, the gate and their lessons are those that serve; every forecast
sees only what was known on its day. Metrics are plain Python; LightGBM is used where it is installed.
"""

import math
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aftercare.evaluation.metrics import auc, brier, calibration_error, log_loss, reliability
from aftercare.reorder_levels import EPOCH
from reorder_reminder.evaluation.boosted import METHOD, add_lightgbm
from reorder_reminder.evaluation.files import Columns, read
from reorder_reminder.evaluation.replay import FIXED, Replay, Scored, replay

NEAR = 7  # days
ENOUGH = 3  # intervals
FOLLOWED = 60  # days that a file goes on after the last scored purchase, where nobody says how long


def evaluate(
    rows: Iterable[Mapping[str, str]],
    columns: Columns,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    left_out: Collection[str] = (),
    window: float = FIXED,
    with_lightgbm: bool = True,
    passing: Callable[[datetime], None] = lambda _: None,
) -> dict[str, Any]:
    """The report as plain data: each method on the purchases from `since` on and before `until`, the gate, and the rows.

    Learning starts with the file. Without `since` the first six tenths of its days are only learned from.
    """
    given = read(rows, columns, window, left_out, EPOCH)
    done = replay(given.bought, lambda day: passing(EPOCH + timedelta(days=day)))
    first, last = _bounds(done.all, since, until)
    scored = [one for one in done.all if first <= one.day < last]
    report: dict[str, Any] = {
        "rows": given.rows,
        "left_out": given.left_out,
        "bad": dict(given.bad),
        "customers": len(given.bought),
        "purchases": len(done.all),
        "scored": len(scored),
        "methods": {},
    }
    if not any(one.interval is not None for one in scored):
        return report
    boosted = add_lightgbm(done.all, scored, first) if with_lightgbm else None
    best = _best_first([one.chance for one in scored])
    names = [name for name in ("streaming", "fixed 28", "own mean", "product median", METHOD) if name in scored[0].said]
    report |= {
        "since": f"{EPOCH + timedelta(days=first):%Y-%m-%d}",
        "until": f"{EPOCH + timedelta(days=last):%Y-%m-%d}",
        "reordered": sum(one.interval is not None for one in scored),
        "first_purchases_reordered": _share([one.interval is not None for one in scored if not one.count]),
        "methods": {name: _summary(scored, name, best) for name in names},
        "gate": _gate(scored, [one.chance for one in scored]),
        "inside_quartiles": _share(
            [one.quarters[0] <= one.interval <= one.quarters[1] for one in scored if one.interval is not None]
        ),
        "state": _state(done),
    }
    if boosted:
        report["gate_lightgbm"] = _gate(scored, [boosted[place] for place in range(len(scored))])
    return report


def _bounds(all_: Sequence[Scored], since: datetime | None, until: datetime | None) -> tuple[int, int]:
    days = [one.day for one in all_] or [0]
    first = (since - EPOCH).days if since else days[0] + round(0.6 * (days[-1] - days[0]))
    return first, (until - EPOCH).days if until else days[-1] - FOLLOWED


def _best_first(chances: Sequence[float]) -> list[int]:
    return sorted(range(len(chances)), key=lambda place: -chances[place])


def _share(held: Sequence[bool]) -> float:
    return sum(held) / len(held) if held else math.nan


def _summary(scored: Sequence[Scored], method: str, best: Sequence[int]) -> dict[str, float]:
    """Errors over the purchases that were followed by another; hits over all. `best` orders them by the gate."""
    followed = [(one, one.interval) for one in scored if one.interval is not None]
    errors = [abs(interval - one.said[method].foretold) for one, interval in followed]
    near = [error <= NEAR for error, (one, _) in zip(errors, followed, strict=True) if one.count >= ENOUGH]
    hits = [one.hit(method) for one in scored]
    fifth, tenth = len(best) // 5, len(best) // 10
    return {
        "n": len(followed),
        "mae": sum(errors) / len(errors),
        "median_ae": statistics.median(errors),
        "within_20": _share([error <= 0.2 * interval for error, (_, interval) in zip(errors, followed, strict=True)]),
        "near_7": _share(near),
        "hits": _share(hits),
        "hits_top_fifth": _share([hits[place] for place in best[:fifth]]),
        "hits_top_tenth": _share([hits[place] for place in best[:tenth]]),
    }


def _gate(scored: Sequence[Scored], chances: Sequence[float]) -> dict[str, Any]:
    truth = [one.hit("streaming") for one in scored]
    table = reliability(truth, chances)
    best = _best_first(chances)
    return {
        "auc": auc(truth, chances),
        "logloss": log_loss(truth, chances),
        "brier": brier(truth, chances),
        "ece": calibration_error(table),
        "hits_top_fifth": _share([truth[place] for place in best[: len(best) // 5]]),
        "hits_top_tenth": _share([truth[place] for place in best[: len(best) // 10]]),
        "reliability": table,
    }


def _state(done: Replay) -> dict[str, int]:
    numbers = sum(len(values) for values in done.known.values())
    return {"keys": len(done.known), "numbers": numbers}
