"""The words of `aftercare evaluate delay`, and what it prints and writes."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from aftercare.evaluation.arguments import BadInput, column_of, day
from aftercare.evaluation.pictures import plain
from aftercare.evaluation.rows import open_rows
from shipping_delay.evaluation import evaluate
from shipping_delay.evaluation.metrics import alert_threshold
from shipping_delay.evaluation.orders import LAYOUTS, ColumnMissing, Columns, fitting, number, read_centroids
from shipping_delay.evaluation.pages import picture, write
from shipping_delay.policy import Peak, shipping_policy

FIELDS = tuple(field.name for field in fields(Columns))


def _peak(text: str) -> Peak:
    begins, _, until = text.partition(":")
    try:
        return Peak.model_validate({"name": "peak", "from": begins, "until": until})
    except ValidationError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected MM-DD:MM-DD") from None


def _amount(text: str) -> float:
    found = number(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 on")
    return found


def parser() -> argparse.ArgumentParser:
    delay = argparse.ArgumentParser(
        prog="aftercare evaluate delay",
        description="Replay an order history and print how good the delay forecast would have been on it.",
        epilog="The columns and what each number means: docs/evaluate-delay.md",
    )
    delay.add_argument("file", type=Path, metavar="ORDERS.csv", help="one row per order, gzipped or not")
    delay.add_argument("--from", dest="since", type=day, metavar="DAY", help="score hand-overs from this day on")
    delay.add_argument("--to", dest="until", type=day, metavar="DAY", help="score hand-overs before this day")
    delay.add_argument("--layout", choices=sorted(LAYOUTS), default="default", help="a known set of column names")
    delay.add_argument(
        "--column", type=column_of(FIELDS), action="append", default=[], metavar="FIELD=NAME", help="your own column name"
    )
    delay.add_argument("--dates", metavar="FORM", help="your own form of times, as strptime has it: %%d/%%m/%%Y %%H:%%M")
    delay.add_argument("--centroids", type=Path, metavar="FILE", help="CSV of zip3, lat, lng: distances")
    delay.add_argument("--lead-days", type=_amount, default=30.0, help="where the file has no hand-over column")
    delay.add_argument("--miss-cost", type=_amount, help="a missed delay, in needless notices (default: from shipping.yaml)")
    delay.add_argument("--needless-per-100", type=_amount, help="budget of needless notices (default: from shipping.yaml)")
    delay.add_argument("--peak", type=_peak, action="append", metavar="MM-DD:MM-DD", help="(default: from shipping.yaml)")
    delay.add_argument("--no-lightgbm", action="store_true", help="leave that baseline out although it is installed")
    delay.add_argument("--to-folder", type=Path, default=Path("build"), metavar="FOLDER", help="of the picture (default: build)")
    delay.add_argument("--json", action="store_true", help="the result as JSON on stdout, and nothing else there")
    return delay


class _Progress:
    """The replay's own month on stderr."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._month = ""

    def __call__(self, at: datetime) -> None:
        month = f"{at:%Y-%m}"
        if month != self._month:
            self._month = month
            self._err.write(f"replaying {month}\n")


def run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    policy = shipping_policy()
    given = policy.needless_notices_per_100 if chosen.needless_per_100 is None else chosen.needless_per_100
    changes: dict[str, Any] = dict(chosen.column)
    try:
        rows = open_rows(chosen.file)
        first = next(rows, {})
        report = evaluate(
            chain([first], rows) if first else (),
            _columns(chosen.layout, changes, first),
            since=chosen.since,
            until=chosen.until,
            centroids=read_centroids(chosen.centroids) if chosen.centroids else None,
            lead_days=chosen.lead_days,
            dates=chosen.dates,
            threshold=policy.threshold if chosen.miss_cost is None else alert_threshold(chosen.miss_cost),
            needless_per_100=given,
            peaks=policy.peaks if chosen.peak is None else chosen.peak,
            with_lightgbm=not chosen.no_lightgbm,
            passing=_Progress(err),
        )
    except OSError as error:
        raise BadInput(f"{error.filename or chosen.file}: cannot be read: {error.strerror or error}") from error
    except ColumnMissing as error:
        raise BadInput(str(error)) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{chosen.file}: expected text in UTF-8") from error
    if chosen.json:
        out.write(json.dumps(plain(report), indent=1) + "\n")
    else:
        write(report, out)
    if not report["hand_over"]:
        return 1
    page = chosen.to_folder / "evaluate-delay.html"
    try:
        chosen.to_folder.mkdir(parents=True, exist_ok=True)
        err.write(f"reliability: {page}\nreliability: {picture(report, page)}\n")
    except OSError as error:
        raise BadInput(f"{error.filename or page}: cannot be written: {error.strerror or error}") from error
    except ModuleNotFoundError as error:
        err.write(f"reliability: {page}; without a PNG, because {error.name} is not installed\n")
    return 0


def _columns(layout: str, changes: Mapping[str, Any], header: Mapping[str, str]) -> Columns:
    columns = replace(LAYOUTS[layout], **changes)
    return fitting(columns, [name for name in header if name], changes.keys()) if header else columns


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; its exit code: 0 with a result, 1 when there was nothing to score, 2 for bad input."""
    chosen = parser().parse_args(arguments)
    try:
        return run(chosen, out or sys.stdout, err or sys.stderr)
    except BadInput as problem:
        (err or sys.stderr).write(f"aftercare: {' '.join(str(problem).split())}\n")
        return 2
