"""The report for people: tables as text, and how reliable P(hit) is as a picture (HTML and PNG)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.pictures import draw_reliability, reliability_page

FORECAST, HAPPENED = "forecast P(hit)", "share that hit"

_METRICS: tuple[tuple[str, str], ...] = (
    ("n", "6d"), ("mae", "6.1f"), ("median_ae", "9.1f"), ("within_20", "9.3f"), ("near_7", "7.3f"), ("hits", "6.3f"),
    ("hits_top_fifth", "14.3f"), ("hits_top_tenth", "14.3f"),
)  # fmt: skip
_GATE: tuple[tuple[str, str], ...] = (
    ("auc", "6.3f"), ("logloss", "8.3f"), ("brier", "6.3f"), ("ece", "6.3f"), ("hits_top_fifth", "14.3f"),
    ("hits_top_tenth", "14.3f"),
)  # fmt: skip


def _table(title: str, found: Mapping[str, Mapping[str, Any]], metrics: tuple[tuple[str, str], ...]) -> list[str]:
    def width(form: str) -> int:
        return int(form.split(".")[0].rstrip("d"))

    lines = ["", f"{title:<24}" + " ".join(name.rjust(width(form)) for name, form in metrics)]
    return lines + [f"{name:<24}" + " ".join(format(row[key], form) for key, form in metrics) for name, row in found.items()]


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
    lines += _table("each purchase", report["methods"], _METRICS)
    lines += _table("P(hit)", gates(report), _GATE)
    lines += ["", "reliability (streaming)   n  forecast  happened"]
    for row in report["gate"]["reliability"]:
        lines.append(f"  from {row['from']:.1f} {row['n']:16d} {row['forecast']:9.3f} {row['happened']:9.3f}")
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
    page.write_text(reliability_page(title, said, curves, FORECAST, HAPPENED, "purchases"), encoding="utf-8")
    drawn = page.with_suffix(".png")
    draw_reliability(curves, drawn, FORECAST, HAPPENED)
    return drawn
