"""How well customers' words are read, on a store's own answers and on labelled files.

`aftercare evaluate feedback FILE...` prints it. Sentiment runs as it would: each answer is read before its score is known, and
then teaches. Metrics are plain Python; the speed is told in times VADER's, where that is installed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from feedback_survey.evaluation.cost import per_text
from feedback_survey.evaluation.files import (
    Answer,
    Bad,
    Columns,
    Kind,
    read_answers,
    read_labelled,
    read_sentences,
)
from feedback_survey.evaluation.sentiment import elsewhere, online
from feedback_survey.evaluation.spoken_of import themes_found
from feedback_survey.reading.model import Model
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import teach


class Given(NamedTuple):
    """One file: its name for the report, its kind, its rows."""

    name: str
    kind: Kind
    rows: Iterable[Mapping[str, str]]


def evaluate(
    files: Iterable[Given],
    columns: Columns | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    passing: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The report as plain data: per file what was measured on it, its bad rows, and the cost of reading one of its texts.

    since and until bound the answers that are scored; learning always starts with the file.
    """
    columns = columns or Columns()
    return {"files": {given.name: _one(given, columns, since, until, passing) for given in files}}


def _one(
    given: Given, columns: Columns, since: datetime | None, until: datetime | None, passing: Callable[[str], None]
) -> dict[str, Any]:
    passing(f"{given.name}: {given.kind}")
    texts: list[str]
    model = Model()
    if given.kind == "answers":
        answers, bad = read_answers(given.rows, columns)
        found = online(answers, since, until, lambda at: passing(f"{given.name}: {at:%Y-%m}"))
        texts = [answer.text for answer in answers]
        _taught(model, answers)
    elif given.kind == "sentences":
        sentences, bad = read_sentences(given.rows, columns)
        found = elsewhere(sentences)
        texts = [sentence.text for sentence in sentences]
    else:
        labelled, bad = read_labelled(given.rows, columns)
        found = themes_found(labelled)
        texts = [one.text for one in labelled]
    said = [text for text in texts if text]
    passing(f"{given.name}: speed")
    return {
        "kind": given.kind,
        "rows": len(texts),
        "bad": _bad_summary(bad),
        **found,
        "cost": per_text(said, model) if said else None,
    }


def _taught(model: Model, answers: Sequence[Answer]) -> None:
    """A model that knows words, as a store's does: looking them up is part of what reading costs."""
    for answer in answers[:2000]:
        teach(parse(answer.text, None, answer.title), answer.score, model)


def _bad_summary(bad: Sequence[Bad]) -> dict[str, Any]:
    reasons = Counter(one.reason for one in bad)
    return {"n": len(bad), "reasons": dict(reasons.most_common(10)), "lines": [one.line for one in bad[:20]]}
