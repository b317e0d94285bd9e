"""The report for people: tables as text, and how reliable P(hit) is as a picture (HTML and PNG)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.pictures import reliability_picture
from aftercare.evaluation.tables import reliability_lines, table

FORECAST, HAPPENED = "forecast P(hit)", "share that hit"

NAMES = 24
_METRICS: tuple[tuple[str, str], ...] = (
    ("n", "6d"), ("mae", "6.1f"), ("median_ae", "9.1f"), ("within_20", "9.3f"), ("near_7", "7.3f"), ("hits", "6.3f"),
    ("hits_top_fifth", "14.3f"), ("hits_top_tenth", "14.3f"),
)  # fmt: skip
_GATE: tuple[tuple[str, str], ...] = (
    ("auc", "6.3f"), ("logloss", "8.3f"), ("brier", "6.3f"), ("ece", "6.3f"), ("hits_top_fifth", "14.3f"),
    ("hits_top_tenth", "14.3f"),
)  # fmt: skip


def gates(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The gate, and LightGBM's beside it where there is one."""
    found = {"streaming": report["gate"], "LightGBM": report.get("gate_lightgbm")}
    return {name: gate for name, gate in found.items() if gate}


def write(report: Mapping[str, Any], out: TextIO) -> None:
    """The report as text tables."""
    lines = [f"{report['rows']} rows, {report['left_out']} of families left out, not used: {report['bad']}"]
    lines += [f"{report['purchases']} purchases of {report['customers']} customers, {report['scored']} scored"]
    if not report["methods"]:
        out.write("\n".join([*lines, "nothing to score in this period", ""]))
        return
    lines += [
        f"from {report['since']} to before {report['until']}; {report['reordered']} were bought again,"
        f" of first purchases {100 * report['first_purchases_reordered']:.0f} %"
    ]
    lines += table("each purchase", report["methods"], _METRICS, NAMES)
    lines += table("P(hit)", gates(report), _GATE, NAMES)
    lines += reliability_lines("streaming", report["gate"]["reliability"])
    state = report["state"]
    lines += ["", f"inside P25 to P75: {report['inside_quartiles']:.3f}"]
    lines += [f"state: {state['keys']} keys, {state['numbers']} numbers", ""]
    out.write("\n".join(lines))


def picture(report: Mapping[str, Any], page: Path) -> Path:
    """Write how reliable P(hit) is: a page, and a PNG beside it, whose path comes back."""
    curves = {name: gate["reliability"] for name, gate in gates(report).items()}
    said = (
        "Of the purchases for which it says that a reminder hits with 30 percent, 30 of 100 should be followed by another within "
        f"the week after it: a good forecast lies on the line. {report['scored']} purchases scored."
    )
    title = "How reliable the gate of the reorder reminders is"
    return reliability_picture(page, title, said, curves, FORECAST, HAPPENED, "purchases")
