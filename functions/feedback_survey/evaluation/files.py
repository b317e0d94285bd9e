"""Files with customers' words as CSV: what each is, by its columns; its rows, read; and the rows that are no use.

Three kinds. Answers: a text with the 1 to 5 its customer gave and its day. Sentences: a text labelled good or bad, from several
shops. Themes: a text with what a person found that it speaks of.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from feedback_survey.reading.themes import themes

Kind = Literal["answers", "sentences", "themes"]

FORMS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")

LETTERS: Mapping[str, str] = {
    "D": "delivery",
    "P": "product-quality",
    "W": "wrong-item",
    "M": "missing",
    "S": "support",
    "R": "refund",
    "K": "packaging",
    "C": "price",
}
"""One letter for each theme, as a labelled file may have them side by side: `DP`."""


@dataclass(frozen=True)
class Columns:
    """The file's column for each field; a column that a file does not have is as if it were empty."""

    text: str = "text"
    title: str = "title"
    score: str = "score"
    created: str = "created"
    label: str = "label"
    source: str = "source"
    themes: str = "themes"


@dataclass(frozen=True)
class Answer:
    """One review or survey answer; `score` is from 1 to 5."""

    title: str
    text: str
    score: int
    at: datetime


@dataclass(frozen=True)
class Sentence:
    text: str
    good: bool
    source: str


@dataclass(frozen=True)
class Labelled:
    title: str
    text: str
    themes: frozenset[str]


@dataclass(frozen=True)
class Bad:
    """A row that could not be used: its line in the file and why."""

    line: int
    reason: str


def kind_of(header: Iterable[str], columns: Columns) -> Kind | None:
    """What a file is, by its columns; None where it is none of the three."""
    there = set(header)
    if columns.text not in there:
        return None
    if columns.themes in there:
        return "themes"
    if {columns.score, columns.created} <= there:
        return "answers"
    return "sentences" if columns.label in there else None


def read_answers(rows: Iterable[Mapping[str, str]], columns: Columns) -> tuple[list[Answer], list[Bad]]:
    """In the order of their days; rows of one day stay in the order of the file."""
    found, bad = [], list[Bad]()
    for line, row in enumerate(rows, 2):
        try:
            title, text = _said(row, columns)
            found.append(Answer(title, text, _score(_cell(row, columns.score)), _day(_cell(row, columns.created))))
        except ValueError as error:
            bad.append(Bad(line, str(error)))
    return sorted(found, key=lambda answer: answer.at), bad


def read_sentences(rows: Iterable[Mapping[str, str]], columns: Columns) -> tuple[list[Sentence], list[Bad]]:
    found, bad = [], list[Bad]()
    for line, row in enumerate(rows, 2):
        try:
            _, text = _said(row, columns)
            label = _cell(row, columns.label)
            if label not in ("0", "1"):
                raise ValueError("a label that is neither 0 nor 1")
            found.append(Sentence(text, label == "1", _cell(row, columns.source)))
        except ValueError as error:
            bad.append(Bad(line, str(error)))
    return found, bad


def read_labelled(rows: Iterable[Mapping[str, str]], columns: Columns) -> tuple[list[Labelled], list[Bad]]:
    found, bad = [], list[Bad]()
    for line, row in enumerate(rows, 2):
        try:
            title, text = _said(row, columns)
            found.append(Labelled(title, text, _themes(_cell(row, columns.themes))))
        except ValueError as error:
            bad.append(Bad(line, str(error)))
    return found, bad


def _cell(row: Mapping[str, str | None], column: str) -> str:
    """A short row has no value for its last columns."""
    return (row.get(column) or "").strip()


def _said(row: Mapping[str, str], columns: Columns) -> tuple[str, str]:
    title, text = _cell(row, columns.title), _cell(row, columns.text)
    if not title and not text:
        raise ValueError("no words")
    return title, text


def _score(text: str) -> int:
    if text not in ("1", "2", "3", "4", "5"):
        raise ValueError("a score that is not a whole number from 1 to 5")
    return int(text)


def _day(text: str) -> datetime:
    for form in FORMS:
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 - most files have no zone; UTC is given below
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    raise ValueError("a day that is not one")


def _themes(text: str) -> frozenset[str]:
    """Names of themes with something between them, or LETTERS side by side."""
    if text and set(text) <= LETTERS.keys():
        return frozenset(LETTERS[letter] for letter in text)
    names = frozenset(name for name in re.split(r"[\s,;|]+", text) if name)
    unknown = sorted(names - themes().keys())
    if unknown:
        raise ValueError(f"a theme that is not in themes.yaml: {unknown[0][:40]}")
    return names
