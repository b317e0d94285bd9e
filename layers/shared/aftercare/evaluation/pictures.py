"""What the evaluations draw: how reliable probabilities are, as SVG in a page and as PNG, and plain data for JSON."""

import importlib
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

COLOURS = ("#1b5e8c", "#8a8a8a", "#b0823c", "#6a8f4e", "#9c4a6e")
"""The first is ours."""

Table = Sequence[Mapping[str, float]]
"""The rows of `metrics.reliability`."""


def plain(value: Any) -> Any:
    """The report as JSON can say it: what could not be measured is null."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def reliability_page(title: str, said: str, curves: Mapping[str, Table], forecast: str, happened: str, counted: str) -> str:
    """A page of its own with the reliability diagram as SVG and the numbers of the first curve; nothing is loaded from
    anywhere. `forecast` and `happened` name the axes, `counted` what a row counts."""
    lines = "".join(_curve(table, COLOURS[n % len(COLOURS)], n == 0) for n, table in enumerate(curves.values()))
    legend = "".join(
        f'<text x="70" y="{30 + 18 * n}" fill="{COLOURS[n % len(COLOURS)]}">{escape(name)}</text>'
        for n, name in enumerate(curves)
    )
    rows = "".join(
        f"<tr><td>{row['from']:.1f}</td><td>{row['n']}</td><td>{row['forecast']:.3f}</td><td>{row['happened']:.3f}</td></tr>"
        for row in next(iter(curves.values()), ())
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:44em;margin:2em auto;padding:0 1em;color:#222}}
table{{border-collapse:collapse}}td,th{{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}}</style>
<h1>{escape(title)}</h1>
<p>{escape(said)}</p>
<svg viewBox="0 0 480 480" role="img" aria-label="Reliability diagram" style="max-width:30em">
<rect x="50" y="10" width="420" height="420" fill="none" stroke="#ccc"/>
<line x1="50" y1="430" x2="470" y2="10" stroke="#bbb" stroke-dasharray="4 4"/>
{lines}<g font-size="13">{legend}</g>
<text x="260" y="465" text-anchor="middle" font-size="13">{escape(forecast)}</text>
<text x="18" y="220" text-anchor="middle" font-size="13" transform="rotate(-90 18 220)">{escape(happened)}</text></svg>
<table><tr><th>from</th><th>{escape(counted)}</th><th>forecast</th><th>happened</th></tr>{rows}</table></html>
"""


def reliability_picture(
    page: Path, title: str, said: str, curves: Mapping[str, Table], forecast: str, happened: str, counted: str
) -> Path:
    """Write the page, and a PNG beside it, whose path comes back. OSError; ModuleNotFoundError after the page."""
    page.write_text(reliability_page(title, said, curves, forecast, happened, counted), encoding="utf-8")
    drawn = page.with_suffix(".png")
    draw_reliability(curves, drawn, forecast, happened)
    return drawn


def _curve(table: Table, colour: str, ours: bool) -> str:
    points = [(50 + 420 * row["forecast"], 430 - 420 * row["happened"]) for row in table]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    width = "2.5" if ours else "1.2"
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 if ours else 2}" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>{dots}'


def draw_reliability(curves: Mapping[str, Table], path: Path, forecast: str, happened: str) -> None:
    """The reliability diagram as PNG. Without a window system, whatever the environment says."""
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(5, 5))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, table in curves.items():
        axes.plot([row["forecast"] for row in table], [row["happened"] for row in table], marker="o", label=name)
    axes.set_xlabel(forecast)
    axes.set_ylabel(happened)
    axes.legend()
    figure.savefig(path)
