"""What evaluations print for people: a row for each method, and how reliable a probability is."""

from collections.abc import Mapping, Sequence
from typing import Any

Metrics = Sequence[tuple[str, str]]
"""Each metric's name with its format, such as ("auc", "6.3f")."""


def table(title: str, found: Mapping[str, Mapping[str, Any]], metrics: Metrics, first: int = 30) -> list[str]:
    """The metrics of each method as lines; what a method has not is a dash. `first` is the width of the names."""
    columns = [(name, form, max(len(name), int(form.split(".")[0].rstrip("d")))) for name, form in metrics]
    lines = ["", f"{title:<{first}}" + " ".join(name.rjust(width) for name, _, width in columns)]
    for method, row in found.items():
        cells = (format(row[name], form).rjust(width) if name in row else "-".rjust(width) for name, form, width in columns)
        lines.append(f"{method:<{first}}" + " ".join(cells))
    return lines


def reliability_lines(method: str, rows: Sequence[Mapping[str, float]]) -> list[str]:
    """The rows of `metrics.reliability` as lines."""
    lines = ["", f"{f'reliability ({method})':<26}n  forecast  happened"]
    return lines + [f"  from {row['from']:.1f} {row['n']:16d} {row['forecast']:9.3f} {row['happened']:9.3f}" for row in rows]
