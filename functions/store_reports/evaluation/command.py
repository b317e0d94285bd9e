"""The words of `aftercare evaluate customers`, and what it prints and writes."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.arguments import BadInput, day
from aftercare.evaluation.command import (
    Progress,
    add_columns,
    add_results,
    answer,
    draw,
    named_apart,
    opened,
    parser_of,
    reading,
    tell,
)
from aftercare.evaluation.pictures import reliability_picture
from aftercare.evaluation.tables import table
from store_reports.evaluation import HORIZON, Columns, Given, evaluate
from store_reports.evaluation.purchases import read_history

FIELDS = tuple(field.name for field in fields(Columns))
FORECAST, HAPPENED = "forecast P(buys again)", "share that bought again"


def parser() -> argparse.ArgumentParser:
    said = "Read purchases from files and print how well it is known who comes back and who spends."
    customers = parser_of("customers", said, "Columns, the split and what each number means")
    customers.add_argument("files", type=Path, nargs="+", metavar="FILE.csv", help="purchases, gzipped or not")
    customers.add_argument("--at", type=day, metavar="DAY", help="what is before it is known (three quarters of the file's days)")
    customers.add_argument("--days", type=int, default=HORIZON, metavar="N", help=f"what is foretold after it ({HORIZON})")
    add_columns(customers, FIELDS)
    add_results(customers)
    return customers


def _given(path: Path, columns: Columns) -> Given:
    """BadInput where it cannot be read, or has not the columns."""
    _, lazily = opened(path)
    with reading(path):
        rows = list(lazily)
    for field in FIELDS:
        if columns.of(field, rows[0]) is None:
            raise BadInput(f"{path}: expected a column {getattr(columns, field)}; name your own with --column {field}=NAME")
    return Given(path.name, read_history(rows, columns))


def run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    if not 1 <= chosen.days <= 3650:
        raise BadInput("--days: expected 1 to 3650")
    changes: dict[str, Any] = dict(chosen.column)
    columns, progress = replace(Columns(), **changes), Progress(err)
    named_apart(chosen.files)
    given = []
    for path in chosen.files:
        progress(f"{path.name}: reading")
        given.append(_given(path, columns))
    at = chosen.at.date() if chosen.at else None
    report = evaluate(given, at=at, days=chosen.days, with_lightgbm=not chosen.no_lightgbm, passing=progress)
    for name, found in report["files"].items():
        if found["splits"]:
            draw(chosen.to_folder, f"customers-{name.split('.')[0]}", partial(_picture, name, found), err)
    tell(report, chosen.json, _write, out)
    return 0 if any(found["splits"] for found in report["files"].values()) else 1


def _write(report: Mapping[str, Any], out: TextIO) -> None:
    out.write("\n".join(line for name, found in report["files"].items() for line in _lines(name, found)) + "\n")


def _picture(name: str, found: Mapping[str, Any], page: Path) -> Path:
    """How reliable P(buys again) is, at the last split: a page, and a PNG beside it, whose path comes back."""
    one = found["splits"][-1]
    curves = {method: row["reliability"] for method, row in one["methods"].items() if "reliability" in row}
    said = (
        f"Of those who buy again with 30 percent, 30 of 100 should. {name}: {one['known']} customers at {one['at']}, "
        f"{one['returned']} bought again within {found['days']} days."
    )
    title = "How reliable it is who buys again"
    return reliability_picture(page, title, said, curves, FORECAST, HAPPENED, "customers")


_METRICS = (("auc", "8.3f"), ("pr_auc", "8.3f"), ("top_tenth", "10.3f"), ("logloss", "9.3f"), ("brier", "7.3f"), ("ece", "7.3f"))


def _lines(name: str, found: Mapping[str, Any]) -> list[str]:
    bad = sum(found["bad"].values())
    lines = [f"{name}: {found['rows']} rows, {found['customers']} customers; {bad} rows not used: {found['bad']}"]
    if not found["splits"]:
        return [*lines, "nothing to score: the file ends too soon after the split", ""]
    for one in found["splits"]:
        lines += _split(one, found["days"])
    return [*lines, ""]


def _split(one: Mapping[str, Any], days: int) -> list[str]:
    head = f"at {one['at']}: {one['known']} customers, {one['returned']} bought again within {days} days"
    lines = ["", head, *table("", one["methods"], _METRICS, 24)[1:]]
    model, dates = one["model"], one["next_order"]
    parameters = ", ".join(f"{name} {value:.3g}" for part in ("orders", "amounts") for name, value in model[part].items())
    lines.append(
        f"parameters: {parameters}; fitted in {model['fit_seconds']:.1f} s from {model['bytes'] / 1024:.0f} KB of counts"
    )
    lines.append(f"orders expected {one['expected_orders']:.0f}, orders that came {one['orders']}")
    if dates["n"]:
        below = ", ".join(f"{name} {100 * share:.0f} %" for name, share in dates["below"].items())
        errors = ", ".join(f"{name} {value:.0f}" for name, value in dates["median_error"].items())
        lines.append(f"next order of {dates['n']} purchases: not later than {below}; median error in days: {errors}")
    lines.append("serving, us: " + ", ".join(f"{name} {value:.2f}" for name, value in one["serving_us"].items()))
    return lines


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; its exit code: 0 with a result, 1 when there was nothing to score, 2 for bad input."""
    return answer(parser(), run, arguments, out, err)
