"""The words of `aftercare evaluate reorder`, and what it prints and writes."""

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.arguments import BadInput
from aftercare.evaluation.command import (
    Progress,
    add_columns,
    add_period,
    add_results,
    answer,
    draw,
    opened,
    parser_of,
    reading,
    tell,
)
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
    said = "Replay purchases and print how good the reorder reminders would have been on them."
    reorder = parser_of("reorder", said, "What a file may be, its columns and what each number means")
    reorder.add_argument("files", type=Path, nargs="+", metavar="FILE.csv", help="one row per purchase, gzipped or not")
    add_period(reorder, "purchases")
    reorder.add_argument("--layout", choices=sorted(LAYOUTS), help="a known set of columns (default: the one that fits)")
    add_columns(reorder, FIELDS)
    reorder.add_argument("--leave-out", action="append", metavar="FAMILY", help="a family or product that is not looked at")
    reorder.add_argument("--window", type=_window, default=28.0, metavar="DAYS", help="the catalogue's window (28)")
    add_results(reorder)
    return reorder


def run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    files, progress = [opened(path) for path in chosen.files], Progress(err)
    layout = LAYOUTS[chosen.layout or fitting(files[0][0])]
    changes: dict[str, Any] = dict(chosen.column)
    columns = replace(layout.columns, **changes)
    for path, (header, _) in zip(chosen.files, files, strict=True):
        lacking = [field for field in NEEDED if getattr(columns, field) not in header]
        if lacking:
            raise BadInput(f"{path}: has no column {getattr(columns, lacking[0])!r}: --column {lacking[0]}=NAME names your own")
    left_out = layout.left_out if chosen.leave_out is None else frozenset(chosen.leave_out)
    with reading():
        report = evaluate(
            chain.from_iterable(rows for _, rows in files),
            columns,
            since=chosen.since or layout.since,
            until=chosen.until or layout.until,
            left_out=left_out,
            window=chosen.window,
            with_lightgbm=not chosen.no_lightgbm,
            passing=lambda at: progress(f"replaying {at:%Y-%m}"),
        )
    tell(report, chosen.json, write, out)
    if not report["methods"]:
        return 1
    draw(chosen.to_folder, "reorder", partial(picture, report), err)
    return 0


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; its exit code: 0 with a result, 1 when there was nothing to score, 2 for bad input."""
    return answer(parser(), run, arguments, out, err)
