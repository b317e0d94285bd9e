"""How good the delay forecast would have been on a store's own order history, replayed in time order.

`aftercare evaluate delay orders.csv` prints it. Every forecast sees only outcomes known at its instant: a delivery teaches
when it was delivered (or recorded), never before. Metrics are plain Python; LightGBM is used where installed.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shipping_delay import teaching
from shipping_delay.evaluation.boosted import lightgbm_forecasts
from shipping_delay.evaluation.metrics import Scored, summary
from shipping_delay.evaluation.orders import Bad, Columns, read_orders
from shipping_delay.evaluation.replay import replay
from shipping_delay.policy import Peak


def evaluate(
    rows: Iterable[Mapping[str, str]],
    columns: Columns | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    centroids: Mapping[str, tuple[float, float]] | None = None,
    lead_days: float = 30.0,
    dates: str | None = None,
    threshold: float = 0.2,
    needless_per_100: float = 100.0,
    peaks: Sequence[Peak] = (),
    with_lightgbm: bool = True,
    passing: Callable[[datetime], None] = lambda _: None,
) -> dict[str, Any]:
    """The report as plain data: methods at hand-over, other occasions, alerts, months, peaks, bad rows, state.

    since and until bound the hand-overs that are scored; learning always starts with the file.
    """
    orders, bad = read_orders(rows, columns or Columns(), centroids, lead_days, dates)
    since = since or datetime.min.replace(tzinfo=UTC)
    until = until or datetime.max.replace(tzinfo=UTC)
    found = replay(orders, since, until, threshold, needless_per_100, passing)
    streaming = found.hand_over.get("streaming", [])
    if not streaming:
        return {"orders": len(orders), "bad": _bad_summary(bad), "hand_over": {}}
    if with_lightgbm:
        boosted = lightgbm_forecasts(orders, since, until)
        if boosted:
            found.hand_over["LightGBM monthly"] = boosted
    months: dict[str, list[Scored]] = defaultdict(list)
    seasons: dict[str, list[Scored]] = defaultdict(list)
    for one in streaming:
        handed = one.order.parcel.handed_at
        months[f"{handed:%Y-%m}"].append(one)
        seasons["inside peaks" if any(peak.holds(handed.date()) for peak in peaks) else "outside peaks"].append(one)
    return {
        "orders": len(orders),
        "not_delivered": sum(order.delivered_at is None for order in orders),
        "bad": _bad_summary(bad),
        "threshold": threshold,
        "hand_over": {name: summary(scored, threshold) for name, scored in found.hand_over.items()},
        "at_order": summary(found.at_order, threshold) if found.at_order else None,
        "under_way": {
            str(age): {
                "conditioned": summary(scored, threshold),
                "as at hand-over": summary(found.at_age_unconditioned[age], threshold),
            }
            for age, scored in sorted(found.at_age.items())
        },
        "alerts": _alerts(streaming, found.warned),
        "notices": {"budget_per_100": needless_per_100, **_alerts(streaming, found.told)},
        "months": {month: summary(scored, threshold) for month, scored in sorted(months.items())},
        "peaks": {season: summary(scored, threshold) for season, scored in sorted(seasons.items())} if peaks else {},
        "state": _state(found.knowledge, max(order.known_at or order.parcel.handed_at for order in orders)),
    }


def _bad_summary(bad: Sequence[Bad]) -> dict[str, Any]:
    reasons = Counter(one.reason for one in bad)
    return {"n": len(bad), "reasons": dict(reasons.most_common(10)), "lines": [one.line for one in bad[:20]]}


def _alerts(streaming: Sequence[Scored], warned: Mapping[int, float]) -> dict[str, float]:
    """Alerts at any of hand-over and CHECK_AGES, first one counted; lead is days before the promise."""
    promised = sum(one.order.promised_by is not None for one in streaming)
    late = {one.order.line for one in streaming if one.order.late}
    leads = sorted(warned[line] for line in late & warned.keys())
    return {
        "per_100": 100 * len(warned) / promised if promised else math.nan,
        "needless_per_100": 100 * (len(warned) - len(leads)) / promised if promised else math.nan,
        "precision": len(leads) / len(warned) if warned else math.nan,
        "recall": len(leads) / len(late) if late else math.nan,
        "lead_median": leads[len(leads) // 2] if leads else math.nan,
        "lead_p10": leads[len(leads) // 10] if leads else math.nan,
    }


def item_bytes(key: str, values: Sequence[float]) -> int:
    """Size of a knowledge item in the table: key, one-letter names, numbers of seven digits without trailing zeros."""
    return len(key) + 2 + sum(2 + (len(f"{value:.7g}".replace(".", "").replace("-", "")) + 1) // 2 for value in values)


def _state(knowledge: Mapping[str, Sequence[float]], at: datetime) -> dict[str, float]:
    held = [key for key in knowledge if (expiry := teaching.expires(key)) is None or expiry > at]
    sizes = [item_bytes(key, knowledge[key]) for key in held]
    mean = sum(sizes) / len(sizes) if sizes else 0.0
    return {"keys": len(sizes), "bytes": sum(sizes), "largest": max(sizes, default=0), "mb_per_20000": mean / 50}
