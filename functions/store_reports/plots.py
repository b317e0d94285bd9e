"""Small drawings without words in them, so that they can be as small as a phone wants them. Colours are the page's."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

WIDE, HIGH = 120, 28


def bar(value: float, most: float, kind: str) -> Markup:
    width = round(100 * value / most, 1) if most > 0 else 0
    return Markup('<svg class="bar {}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">').format(kind) + Markup(
        '<rect class="track" width="100" height="8" rx="2"/><rect width="{}" height="8" rx="2"/></svg>'
    ).format(width)


def curves(series: Sequence[Mapping[str, Any]]) -> Markup:
    """Praise and criticism over some weeks; where a number is not told, there is no line."""
    most = max([1, *(row[kind] or 0 for row in series for kind in ("positive", "negative"))])
    drawn = Markup()
    for kind in ("positive", "negative"):
        run: list[str] = []
        for at, row in enumerate([*series, {kind: None}]):
            if row[kind] is None:
                drawn += _line(run, kind)
                run = []
                continue
            x = 4 + at * (WIDE - 8) / max(1, len(series) - 1)
            run.append(f"{x:.1f},{HIGH - 4 - (HIGH - 8) * row[kind] / most:.1f}")
    return Markup('<svg class="curve" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(WIDE, HIGH, drawn)


def shares(series: Sequence[Mapping[str, Any]]) -> Markup:
    """Shares over some weeks from nothing to the most of them; where one is not told, the line goes on with the next."""
    most = max([row["share"] for row in series if row["share"] is not None], default=0.0) or 1.0
    step = (WIDE - 8) / max(1, len(series) - 1)
    points = [
        f"{4 + at * step:.1f},{HIGH - 4 - (HIGH - 8) * row['share'] / most:.1f}"
        for at, row in enumerate(series)
        if row["share"] is not None
    ]
    return Markup('<svg class="curve" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(WIDE, HIGH, _line(points, "mean"))


def _line(points: Sequence[str], kind: str) -> Markup:
    if not points:
        return Markup()
    if len(points) == 1:
        x, y = points[0].split(",")
        return Markup('<circle class="{}" cx="{}" cy="{}" r="2.5"/>').format(kind, x, y)
    return Markup('<polyline class="{}" points="{}"/>').format(kind, " ".join(points))


def interval(low: float, middle: float, high: float, reach: float) -> Markup:
    """A difference with its interval around 0."""

    def x(value: float) -> float:
        return round(60 + 56 * max(-1.0, min(1.0, value / reach)), 1) if reach else 60.0

    kind = "positive" if low > 0 else "negative" if high < 0 else "unsure"
    return Markup(
        '<svg class="interval {}" viewBox="0 0 120 16" aria-hidden="true"><line class="zero" x1="60" x2="60" y1="0" y2="16"/>'
        '<line x1="{}" x2="{}" y1="8" y2="8"/><circle cx="{}" cy="8" r="4"/></svg>'
    ).format(kind, x(low), x(high), x(middle))


def steps(rows: Sequence[Mapping[str, Any]], target: float) -> Markup:
    """Means from 1 to 5 stars with their intervals, and the target as a dashed line."""

    def y(stars: float) -> float:
        return round(46 - 42 * (stars - 1) / 4, 1)

    drawn = Markup('<line class="target" x1="0" x2="120" y1="{0}" y2="{0}"/>').format(y(target))
    at = [round(8 + n * 104 / max(1, len(rows) - 1), 1) for n in range(len(rows))]
    for x, row in zip(at, rows, strict=True):
        drawn += Markup('<line class="spread" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(x, y(row["low"]), y(row["high"]))
    drawn += _line([f"{x},{y(row['mean'])}" for x, row in zip(at, rows, strict=True)], "mean")
    return Markup('<svg class="steps" viewBox="0 0 120 50" aria-hidden="true">{}</svg>').format(drawn)
