"""The words of `aftercare evaluate reorder`, and what it prints and writes."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.arguments import BadInput, column_of, day
from aftercare.evaluation.pictures import plain
from aftercare.evaluation.rows import open_rows
from reorder_reminder.evaluation import evaluate
from reorder_reminder.evaluation.files import LAYOUTS, Columns, fitting
from reorder_reminder.evaluation.pages import picture, write

FIELDS = tuple(field.name for field in fields(Columns))
NEEDED = ("customer", "product", "day")


def _window(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 1.0 <= found <= 360.0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected days from 1 to 360")
    return found


def parser() -> argparse.ArgumentParser:
    reorder = argparse.ArgumentParser(
        prog="aftercare evaluate reorder",
        description="Replay purchases and print how good the reorder reminders would have been on them.",
        epilog="What a file may be, its columns and what each number means: docs/evaluate-reorder.md",
    )
    reorder.add_argument("files", type=Path, nargs="+", metavar="FILE.csv", help="one row per purchase, gzipped or not")
    reorder.add_argument("--from", dest="since", type=day, metavar="DAY", help="score purchases from this day on")
    reorder.add_argument("--to", dest="until", type=day, metavar="DAY", help="score purchases before this day")
    reorder.add_argument("--layout", choices=sorted(LAYOUTS), help="a known set of columns (default: the one that fits)")
    column = column_of(FIELDS)
    reorder.add_argument("--column", type=column, action="append", default=[], metavar="FIELD=NAME", help="your own column")
    reorder.add_argument("--leave-out", action="append", metavar="FAMILY", help="a family or product that is not looked at")
    reorder.add_argument("--window", type=_window, default=28.0, metavar="DAYS", help="the catalogue's window (28)")
    reorder.add_argument("--no-lightgbm", action="store_true", help="leave that baseline out although it is installed")
    reorder.add_argument("--to-folder", type=Path, default=Path("build"), metavar="FOLDER", help="of the picture (build)")
    reorder.add_argument("--json", action="store_true", help="the result as JSON on stdout, and nothing else there")
    return reorder


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


def _opened(path: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """A file's header and its rows. BadInput where it cannot be read or has none."""
    try:
        rows = open_rows(path)
        first = next(rows, None)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: expected CSV in UTF-8") from error
    if first is None:
        raise BadInput(f"{path}: has no rows")
    return [name for name in first if name], chain([first], rows)


def run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    opened = [_opened(path) for path in chosen.files]
    layout = LAYOUTS[chosen.layout or fitting(opened[0][0])]
    changes: dict[str, Any] = dict(chosen.column)
    columns = replace(layout.columns, **changes)
    for path, (header, _) in zip(chosen.files, opened, strict=True):
        lacking = [field for field in NEEDED if getattr(columns, field) not in header]
        if lacking:
            raise BadInput(f"{path}: has no column {getattr(columns, lacking[0])!r}: --column {lacking[0]}=NAME names your own")
    left_out = layout.left_out if chosen.leave_out is None else frozenset(chosen.leave_out)
    try:
        report = evaluate(
            chain.from_iterable(rows for _, rows in opened),
            columns,
            since=chosen.since or layout.since,
            until=chosen.until or layout.until,
            left_out=left_out,
            window=chosen.window,
            with_lightgbm=not chosen.no_lightgbm,
            passing=_Progress(err),
        )
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput("expected CSV in UTF-8") from error
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror or error}") from error
    if chosen.json:
        out.write(json.dumps(plain(report), indent=1) + "\n")
    else:
        write(report, out)
    if not report["methods"]:
        return 1
    page = chosen.to_folder / "evaluate-reorder.html"
    try:
        chosen.to_folder.mkdir(parents=True, exist_ok=True)
        err.write(f"reliability: {page}\nreliability: {picture(report, page)}\n")
    except OSError as error:
        raise BadInput(f"{error.filename or page}: cannot be written: {error.strerror or error}") from error
    except ModuleNotFoundError as error:
        err.write(f"reliability: {page}; without a PNG, because {error.name} is not installed\n")
    return 0


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; its exit code: 0 with a result, 1 when there was nothing to score, 2 for bad input."""
    chosen = parser().parse_args(arguments)
    try:
        return run(chosen, out or sys.stdout, err or sys.stderr)
    except BadInput as problem:
        (err or sys.stderr).write(f"aftercare: {' '.join(str(problem).split())}\n")
        return 2
