"""How well sentiment is read: online over a store's answers in time order, and on sentences of shops that taught nothing."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aftercare.evaluation.metrics import auc, brier, calibration_error, hit_rates, log_loss, reliability
from feedback_survey.evaluation.files import Answer, Sentence
from feedback_survey.reading.lexicon import LANGUAGES, Language
from feedback_survey.reading.model import Leaning, Model
from feedback_survey.reading.parsed import Parsed, parse
from feedback_survey.reading.read import SENTIMENTS, read, said, teach

LOOKED_AT = 500
"""Texts by which a file's usual language is found."""

LAST = 0.3
"""Share of the answers that is scored where no day is given: the last ones."""


@dataclass
class Scored:
    """What one method said: per text its class (None: nothing that can be felt), P(negative), and what the customer gave."""

    said: list[str | None] = field(default_factory=list)
    negative: list[float] = field(default_factory=list)
    truth: list[str] = field(default_factory=list)

    def add(self, truth: str, said: str | None, negative: float) -> None:
        self.truth.append(truth)
        self.said.append(said)
        self.negative.append(negative)


def class_of(score: int) -> str:
    """1 and 2 are negative, 3 is neutral, 4 and 5 are positive."""
    return SENTIMENTS[(score > 2) + (score > 3)]


def summary(scored: Scored) -> dict[str, Any]:
    """All metrics of one method. A text of which nothing was said counts as missed in its class."""
    per = {name: _class(scored, name) for name in SENTIMENTS}
    bad = [truth == "negative" for truth in scored.truth]
    table = reliability(bad, scored.negative)
    return {
        "n": len(bad),
        "macro_f1": sum(one["f1"] for one in per.values()) / len(per),
        "auc_negative": auc(bad, scored.negative),
        "accuracy": sum(a == b for a, b in zip(scored.truth, scored.said, strict=True)) / len(bad),
        "unsaid": sum(said is None for said in scored.said) / len(bad),
        "logloss": log_loss(bad, scored.negative),
        "brier": brier(bad, scored.negative),
        "ece": calibration_error(table),
        "classes": per,
        "reliability": table,
    }


def _class(scored: Scored, name: str) -> dict[str, float]:
    hits = sum(truth == said == name for truth, said in zip(scored.truth, scored.said, strict=True))
    return hit_rates(hits, scored.said.count(name), scored.truth.count(name))


def usual_language(texts: Iterable[str]) -> tuple[Language, float]:
    """The language that most texts are in, and the share of them that is found to be in it without any hint."""
    found = Counter(parse(text).language for text in texts)
    language = max(LANGUAGES, key=lambda each: found[each])
    return language, found[language] / max(found.total(), 1)


def leaning(parsed: Parsed, model: Model) -> Leaning:
    """The three probabilities, also where a text says nothing."""
    return model.leaning(*said(parsed))


def first_scored(answers: Sequence[Answer]) -> datetime:
    """The day from which the last LAST of the answers came."""
    return answers[int(len(answers) * (1 - LAST))].at


def online(
    answers: Sequence[Answer],
    since: datetime | None = None,
    until: datetime | None = None,
    passing: Callable[[datetime], None] = lambda _: None,
) -> dict[str, Any]:
    """A store's answers in time order, each read before its score is known and then learned from, as it would run."""
    if not answers:
        return {"methods": {}}
    since = since or first_scored(answers)
    language, known = usual_language(answer.text for answer in answers[:LOOKED_AT])
    models: dict[Language, Model] = defaultdict(Model)
    frozen: dict[Language, Model] | None = None
    untaught = Model()
    methods = {name: Scored() for name in ("online", f"learned before {since:%Y-%m-%d}", "lexicon only")}
    months: dict[str, Scored] = defaultdict(Scored)
    for answer in answers:
        passing(answer.at)
        parsed = parse(answer.text, language, answer.title)
        model = models[parsed.language]
        if answer.at >= since and (until is None or answer.at < until):
            if frozen is None:
                frozen = {name: Model.from_bytes(each.to_bytes()) for name, each in models.items()}
            truth = class_of(answer.score)
            for scored, by in zip(methods.values(), (model, frozen.get(parsed.language, untaught), untaught), strict=True):
                scored.add(truth, read(parsed, by).sentiment, leaning(parsed, by).negative)
            online = methods["online"]
            months[f"{answer.at:%Y-%m}"].add(truth, online.said[-1], online.negative[-1])
        teach(parsed, answer.score, model)
    if not methods["online"].truth:
        return {"methods": {}}
    return {
        "language": language,
        "language_found": known,
        "since": f"{since:%Y-%m-%d}",
        "learned": sum(map(sum, (model.answers for model in models.values()))),
        "methods": {name: summary(scored) for name, scored in methods.items()},
        "months": {month: summary(scored) for month, scored in sorted(months.items())},
        "state": {name: len(model.to_bytes()) for name, model in sorted(models.items())},
    }


def elsewhere(sentences: Sequence[Sentence]) -> dict[str, Any]:
    """Each source as a shop that was never seen: by the lexicon alone, and by a model that the other sources taught."""
    language, known = usual_language(sentence.text for sentence in sentences[:LOOKED_AT])
    parsed = {sentence: parse(sentence.text, language) for sentence in sentences}
    found = {}
    for source in sorted({sentence.source for sentence in sentences}):
        mine = [sentence for sentence in sentences if sentence.source == source]
        taught, untaught = Model(), Model()
        for sentence in sentences:
            if sentence.source != source:
                teach(parsed[sentence], 5 if sentence.good else 1, taught)
        bad = [not sentence.good for sentence in mine]
        found[source] = {
            "n": len(mine),
            "lexicon only": auc(bad, [leaning(parsed[sentence], untaught).negative for sentence in mine]),
            "taught by the others": auc(bad, [leaning(parsed[sentence], taught).negative for sentence in mine]),
        }
    return {"language": language, "language_found": known, "sources": found}
