"""The words of `aftercare evaluate customers`, and what it prints and writes."""

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.arguments import BadInput, column_of, day
from aftercare.evaluation.pictures import draw_reliability, plain, reliability_page
from aftercare.evaluation.rows import open_rows
from store_reports.evaluation import HORIZON, Columns, Given, evaluate
from store_reports.evaluation.purchases import read_history

FIELDS = tuple(field.name for field in fields(Columns))
FORECAST, HAPPENED = "forecast P(buys again)", "share that bought again"


def parser() -> argparse.ArgumentParser:
    customers = argparse.ArgumentParser(
        prog="aftercare evaluate customers",
        description="Read purchases from files and print how well it is known who comes back and who spends.",
        epilog="Columns, the split and what each number means: docs/evaluate-customers.md",
    )
    customers.add_argument("files", type=Path, nargs="+", metavar="FILE.csv", help="purchases, gzipped or not")
    customers.add_argument("--at", type=day, metavar="DAY", help="what is before it is known (three quarters of the file's days)")
    customers.add_argument("--days", type=int, default=HORIZON, metavar="N", help=f"what is foretold after it ({HORIZON})")
    column = column_of(FIELDS)
    customers.add_argument("--column", type=column, action="append", default=[], metavar="FIELD=NAME", help="your own column")
    customers.add_argument("--no-lightgbm", action="store_true", help="leave that baseline out although it is installed")
    customers.add_argument("--to-folder", type=Path, default=Path("build"), metavar="FOLDER", help="of the pictures")
    customers.add_argument("--json", action="store_true", help="the result as JSON on stdout, and nothing else there")
    return customers


def _given(path: Path, columns: Columns) -> Given:
    """BadInput where it cannot be read, or has not the columns."""
    try:
        rows = list(open_rows(path))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: expected CSV in UTF-8") from error
    if not rows:
        raise BadInput(f"{path}: has no rows")
    for field in FIELDS:
        if columns.of(field, rows[0]) is None:
            raise BadInput(f"{path}: expected a column {getattr(columns, field)}; name your own with --column {field}=NAME")
    return Given(path.name, read_history(rows, columns))


def run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    if not 1 <= chosen.days <= 3650:
        raise BadInput("--days: expected 1 to 3650")
    changes: dict[str, Any] = dict(chosen.column)
    columns = replace(Columns(), **changes)
    given = []
    for path in chosen.files:
        err.write(f"{path.name}: reading\n")
        given.append(_given(path, columns))
    if len({one.name for one in given}) < len(given):
        raise BadInput("two files have the same name")
    at = chosen.at.date() if chosen.at else None

    def passing(what: str) -> None:
        err.write(f"{what}\n")

    report = evaluate(given, at=at, days=chosen.days, with_lightgbm=not chosen.no_lightgbm, passing=passing)
    for name, found in report["files"].items():
        if found["splits"]:
            chosen.to_folder.mkdir(parents=True, exist_ok=True)
            page = chosen.to_folder / f"evaluate-customers-{name.split('.')[0]}.html"
            err.write(f"reliability: {page}\nreliability: {_picture(name, found, page)}\n")
    if chosen.json:
        out.write(json.dumps(plain(report), indent=1) + "\n")
    else:
        out.write("\n".join(line for name, found in report["files"].items() for line in _lines(name, found)) + "\n")
    return 0 if any(found["splits"] for found in report["files"].values()) else 1


def _picture(name: str, found: Mapping[str, Any], page: Path) -> Path:
    """How reliable P(buys again) is, at the last split: a page, and a PNG beside it, whose path comes back."""
    one = found["splits"][-1]
    curves = {method: row["reliability"] for method, row in one["methods"].items() if "reliability" in row}
    said = (
        f"Of those who buy again with 30 percent, 30 of 100 should. {name}: {one['known']} customers at {one['at']}, "
        f"{one['returned']} bought again within {found['days']} days."
    )
    title = "How reliable it is who buys again"
    page.write_text(reliability_page(title, said, curves, FORECAST, HAPPENED, "customers"), encoding="utf-8")
    drawn = page.with_suffix(".png")
    draw_reliability(curves, drawn, FORECAST, HAPPENED)
    return drawn


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
    lines = ["", head, f"{'':24}" + " ".join(name.rjust(int(form.split(".")[0])) for name, form in _METRICS)]
    for method, row in one["methods"].items():
        shown = (format(row[m], form) if m in row else "-".rjust(int(form.split(".")[0])) for m, form in _METRICS)
        lines.append(f"{method:24}" + " ".join(shown))
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
    chosen = parser().parse_args(arguments)
    try:
        return run(chosen, out or sys.stdout, err or sys.stderr)
    except BadInput as problem:
        (err or sys.stderr).write(f"aftercare: {' '.join(str(problem).split())}\n")
        return 2
