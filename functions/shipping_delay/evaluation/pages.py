"""The report for people: tables as text, and how reliable the forecast is as a picture (HTML and PNG)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.pictures import reliability_picture
from aftercare.evaluation.tables import reliability_lines, table

_METRICS: tuple[tuple[str, str], ...] = (
    ("n", "6d"), ("late", "6.3f"), ("auc", "6.3f"), ("pr_auc", "6.3f"), ("logloss", "7.4f"), ("brier", "6.4f"),
    ("ece", "6.3f"), ("cover80", "7.3f"), ("width80", "7.1f"), ("mae", "5.2f"), ("alerts_per_100", "14.1f"),
    ("precision", "9.3f"), ("recall", "6.3f"),
)  # fmt: skip


def _said(name: str, alerts: Mapping[str, float]) -> str:
    return (
        f"{name}: {alerts['per_100']:.1f} per 100 parcels ({alerts['needless_per_100']:.1f} needless),"
        f" precision {alerts['precision']:.3f}, recall {alerts['recall']:.3f},"
        f" median {alerts['lead_median']:.1f} days before the promise (P10 {alerts['lead_p10']:.1f})"
    )


def write(report: Mapping[str, Any], out: TextIO) -> None:
    """The report as text tables."""
    bad = report["bad"]
    lines = [f"{report['orders']} orders; {bad['n']} rows not used: {bad['reasons']}, first lines {bad['lines']}"]
    if not report["hand_over"]:
        out.write("\n".join([*lines, "nothing to score in this period", ""]))
        return
    ours = report["hand_over"]["streaming"]
    if unpromised := ours["n"] - ours["promised"]:
        lines.append(f"{unpromised} of {ours['n']} were promised for no day: they count in cover80, width80 and mae alone")
    lines += table("at hand-over", report["hand_over"], _METRICS)
    if report["at_order"]:
        lines += table("at order time", {"streaming": report["at_order"]}, _METRICS)
    for age, rows in report["under_way"].items():
        lines += table(f"under way, day {age}", rows, _METRICS)
    lines += table("streaming, by month", report["months"], _METRICS)
    if report["peaks"]:
        lines += table("streaming, by season", report["peaks"], _METRICS)
    notices = report["notices"]
    lines += [
        "",
        f"told from P(late) >= {report['threshold']:.2f}, at hand-over or while under way",
        _said("  every alert", report["alerts"]),
        _said(f"  at most {notices['budget_per_100']:g} needless per 100", notices),
        *reliability_lines("streaming", report["hand_over"]["streaming"]["reliability"]),
    ]
    state = report["state"]
    lines += [
        "",
        f"state: {state['keys']} keys, {state['bytes'] / 1e6:.2f} MB, largest item {state['largest']} bytes,"
        f" {state['mb_per_20000']:.2f} MB per 20,000 keys",
        "",
    ]
    out.write("\n".join(lines))


FORECAST, HAPPENED = "forecast P(late)", "share that was late"


def picture(report: Mapping[str, Any], page: Path) -> Path:
    """Write how reliable the forecasts are: a page, and a PNG beside it, whose path comes back."""
    curves = {name: found["reliability"] for name, found in report["hand_over"].items()}
    said = (
        'Of the parcels for which it says "late with 30 percent", 30 of 100 should be late: a good forecast lies on the line. '
        f"{report['orders']} orders, {report['hand_over']['streaming']['n']} scored."
    )
    title = "How reliable the delay forecast is"
    return reliability_picture(page, title, said, curves, FORECAST, HAPPENED, "parcels")
