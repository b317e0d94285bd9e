"""The report for people: tables as text, and how reliable the forecast is as a picture (HTML and PNG)."""

import importlib
import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, TextIO

_METRICS: tuple[tuple[str, str], ...] = (
    ("n", "6d"), ("late", "6.3f"), ("auc", "6.3f"), ("pr_auc", "6.3f"), ("logloss", "7.4f"), ("brier", "6.4f"),
    ("ece", "6.3f"), ("cover80", "7.3f"), ("width80", "7.1f"), ("mae", "5.2f"), ("alerts_per_100", "14.1f"),
    ("precision", "9.3f"), ("recall", "6.3f"),
)  # fmt: skip
_WIDTHS = [max(len(name), int(form.split(".")[0].rstrip("d"))) for name, form in _METRICS]

COLOURS = ("#1b5e8c", "#8a8a8a", "#b0823c", "#6a8f4e", "#9c4a6e")
"""The first is ours."""


def _table(title: str, found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    names = (name.rjust(width) for (name, _), width in zip(_METRICS, _WIDTHS, strict=True))
    lines = ["", f"{title:<30}" + " ".join(names)]
    for name, row in found.items():
        cells = (format(row[metric], form).rjust(width) for (metric, form), width in zip(_METRICS, _WIDTHS, strict=True))
        lines.append(f"{name:<30}" + " ".join(cells))
    return lines


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
    lines += _table("at hand-over", report["hand_over"])
    if report["at_order"]:
        lines += _table("at order time", {"streaming": report["at_order"]})
    for age, rows in report["under_way"].items():
        lines += _table(f"under way, day {age}", rows)
    lines += _table("streaming, by month", report["months"])
    if report["peaks"]:
        lines += _table("streaming, by season", report["peaks"])
    notices = report["notices"]
    lines += [
        "",
        f"told from P(late) >= {report['threshold']:.2f}, at hand-over or while under way",
        _said("  every alert", report["alerts"]),
        _said(f"  at most {notices['budget_per_100']:g} needless per 100", notices),
        "",
        "reliability (streaming)   n  forecast  happened",
    ]
    for row in report["hand_over"]["streaming"]["reliability"]:
        lines.append(f"  from {row['from']:.1f} {row['n']:16d} {row['forecast']:9.3f} {row['happened']:9.3f}")
    state = report["state"]
    lines += [
        "",
        f"state: {state['keys']} keys, {state['bytes'] / 1e6:.2f} MB, largest item {state['largest']} bytes,"
        f" {state['mb_per_20000']:.2f} MB per 20,000 keys",
        "",
    ]
    out.write("\n".join(lines))


def plain(value: Any) -> Any:
    """The report as JSON can say it: what could not be measured is null."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def reliability_page(report: Mapping[str, Any]) -> str:
    """A page of its own with the reliability diagram as SVG and its numbers; nothing is loaded from anywhere."""
    methods = list(report["hand_over"].items())
    curves = "".join(_curve(found["reliability"], COLOURS[n % len(COLOURS)], n == 0) for n, (_, found) in enumerate(methods))
    legend = "".join(
        f'<text x="70" y="{30 + 18 * n}" fill="{COLOURS[n % len(COLOURS)]}">{escape(name)}</text>'
        for n, (name, _) in enumerate(methods)
    )
    rows = "".join(
        f"<tr><td>{row['from']:.1f}</td><td>{row['n']}</td><td>{row['forecast']:.3f}</td><td>{row['happened']:.3f}</td></tr>"
        for row in report["hand_over"]["streaming"]["reliability"]
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>How reliable the delay forecast is</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:44em;margin:2em auto;padding:0 1em;color:#222}}
table{{border-collapse:collapse}}td,th{{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}}</style>
<h1>How reliable the delay forecast is</h1>
<p>Of the parcels for which it says "late with 30 percent", 30 of 100 should be late: a good forecast lies on the line.
{report["orders"]} orders, {report["hand_over"]["streaming"]["n"]} scored.</p>
<svg viewBox="0 0 480 480" role="img" aria-label="Reliability diagram" style="max-width:30em">
<rect x="50" y="10" width="420" height="420" fill="none" stroke="#ccc"/>
<line x1="50" y1="430" x2="470" y2="10" stroke="#bbb" stroke-dasharray="4 4"/>
{curves}<g font-size="13">{legend}</g>
<text x="260" y="465" text-anchor="middle" font-size="13">forecast P(late)</text>
<text x="18" y="220" text-anchor="middle" font-size="13" transform="rotate(-90 18 220)">share that was late</text></svg>
<table><tr><th>from</th><th>parcels</th><th>forecast</th><th>happened</th></tr>{rows}</table></html>
"""


def _curve(table: list[dict[str, float]], colour: str, ours: bool) -> str:
    points = [(50 + 420 * row["forecast"], 430 - 420 * row["happened"], row["n"]) for row in table]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    width = "2.5" if ours else "1.2"
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 if ours else 2}" fill="{colour}"/>' for x, y, _ in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>{dots}'


def draw(report: Mapping[str, Any], path: Path) -> None:
    """The reliability diagram as PNG. Without a window system, whatever the environment says."""
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(5, 5))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, found in report["hand_over"].items():
        table = found["reliability"]
        axes.plot([row["forecast"] for row in table], [row["happened"] for row in table], marker="o", label=name)
    axes.set_xlabel("forecast P(late)")
    axes.set_ylabel("share that was late")
    axes.legend()
    figure.savefig(path)
