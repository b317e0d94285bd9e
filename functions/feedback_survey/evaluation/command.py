"""The words of `aftercare evaluate feedback`, and what it prints and writes."""

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
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
    named_apart,
    opened,
    parser_of,
    reading,
    tell,
)
from feedback_survey.evaluation import Given, evaluate
from feedback_survey.evaluation.files import Columns, kind_of
from feedback_survey.evaluation.pages import measured, picture, write

FIELDS = tuple(field.name for field in fields(Columns))


def parser() -> argparse.ArgumentParser:
    said = "Read customers' words from files and print how well their mood and their themes are found."
    feedback = parser_of("feedback", said, "What a file may be, its columns and what each number means")
    feedback.add_argument("files", type=Path, nargs="+", metavar="FILE.csv", help="answers, sentences or themes, gzipped or not")
    add_period(feedback, "answers")
    add_columns(feedback, FIELDS)
    add_results(feedback, lightgbm=False)
    return feedback


def _given(path: Path, columns: Columns) -> Given:
    """The file and what it is. BadInput where its columns say nothing."""
    header, rows = opened(path)
    kind = kind_of(header, columns)
    if kind is None:
        raise BadInput(
            f"{path}: expected a column {columns.text} and beside it {columns.score} and {columns.created} (answers), "
            f"{columns.label} (sentences) or {columns.themes} (themes); name your own with --column"
        )
    return Given(path.name, kind, rows)


def run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    changes: dict[str, Any] = dict(chosen.column)
    columns = replace(Columns(), **changes)
    named_apart(chosen.files)
    given = [_given(path, columns) for path in chosen.files]
    with reading():
        report = evaluate(given, columns, since=chosen.since, until=chosen.until, passing=Progress(err))
    for name, found in report["files"].items():
        if found["kind"] == "answers" and found["methods"]:
            draw(chosen.to_folder, f"feedback-{name.split('.')[0]}", partial(picture, name, found), err)
    tell(report, chosen.json, write, out)
    return 0 if any(measured(found) for found in report["files"].values()) else 1


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; its exit code: 0 with a result, 1 when there was nothing to score, 2 for bad input."""
    return answer(parser(), run, arguments, out, err)
