"""The words of `aftercare evaluate feedback`, and what it prints and writes."""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.arguments import BadInput, column_of, day
from aftercare.evaluation.pictures import plain
from aftercare.evaluation.rows import open_rows
from feedback_survey.evaluation import Given, evaluate
from feedback_survey.evaluation.files import Columns, kind_of
from feedback_survey.evaluation.pages import measured, picture, write

FIELDS = tuple(field.name for field in fields(Columns))


def parser() -> argparse.ArgumentParser:
    feedback = argparse.ArgumentParser(
        prog="aftercare evaluate feedback",
        description="Read customers' words from files and print how well their mood and their themes are found.",
        epilog="What a file may be, its columns and what each number means: docs/evaluate-feedback.md",
    )
    feedback.add_argument("files", type=Path, nargs="+", metavar="FILE.csv", help="answers, sentences or themes, gzipped or not")
    feedback.add_argument("--from", dest="since", type=day, metavar="DAY", help="score answers from this day on")
    feedback.add_argument("--to", dest="until", type=day, metavar="DAY", help="score answers before this day")
    column = column_of(FIELDS)
    feedback.add_argument("--column", type=column, action="append", default=[], metavar="FIELD=NAME", help="your own column")
    feedback.add_argument("--to-folder", type=Path, default=Path("build"), metavar="FOLDER", help="of the pictures")
    feedback.add_argument("--json", action="store_true", help="the result as JSON on stdout, and nothing else there")
    return feedback


class _Progress:
    """What is being worked on, on stderr, each once."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._said = ""

    def __call__(self, what: str) -> None:
        if what != self._said:
            self._said = what
            self._err.write(f"{what}\n")


def _given(path: Path, columns: Columns) -> Given:
    """The file and what it is. BadInput where its columns say nothing."""
    try:
        rows = open_rows(path)
        first = next(rows, None)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: expected CSV in UTF-8") from error
    if first is None:
        raise BadInput(f"{path}: has no rows")
    kind = kind_of([name for name in first if name], columns)
    if kind is None:
        raise BadInput(
            f"{path}: expected a column {columns.text} and beside it {columns.score} and {columns.created} (answers), "
            f"{columns.label} (sentences) or {columns.themes} (themes); name your own with --column"
        )
    return Given(path.name, kind, chain([first], rows))


def run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    changes: dict[str, Any] = dict(chosen.column)
    columns = replace(Columns(), **changes)
    given = [_given(path, columns) for path in chosen.files]
    if len({one.name for one in given}) < len(given):
        raise BadInput("two files have the same name")
    try:
        report = evaluate(given, columns, since=chosen.since, until=chosen.until, passing=_Progress(err))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput("expected CSV in UTF-8") from error
    for name, found in report["files"].items():
        if found["kind"] == "answers" and found["methods"]:
            chosen.to_folder.mkdir(parents=True, exist_ok=True)
            page = chosen.to_folder / f"evaluate-feedback-{name.split('.')[0]}.html"
            err.write(f"reliability: {page}\nreliability: {picture(name, found, page)}\n")
    if chosen.json:
        out.write(json.dumps(plain(report), indent=1) + "\n")
    else:
        write(report, out)
    return 0 if any(measured(found) for found in report["files"].values()) else 1


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; its exit code: 0 with a result, 1 when there was nothing to score, 2 for bad input."""
    chosen = parser().parse_args(arguments)
    try:
        return run(chosen, out or sys.stdout, err or sys.stderr)
    except BadInput as problem:
        (err or sys.stderr).write(f"aftercare: {' '.join(str(problem).split())}\n")
        return 2
