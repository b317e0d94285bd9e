"""How well the themes of a text are found, against what a person found in it."""

import random
from collections.abc import Sequence
from typing import Any

from aftercare.evaluation.metrics import hit_rates
from feedback_survey.evaluation.files import Labelled
from feedback_survey.evaluation.sentiment import LOOKED_AT, usual_language
from feedback_survey.reading.lexicon import Language
from feedback_survey.reading.parsed import Parsed, parse
from feedback_survey.reading.themes import finder

FOLDS = 5
WRONG = 2
"""A phrase that was wrong so often on the other folds, and more often than right, is left out on this one."""

Hits = dict[str, set[str]]
"""Theme to the phrases of it that a text has."""


def _score(pairs: Sequence[tuple[set[str], frozenset[str]]]) -> dict[str, Any]:
    hits = sum(len(said & truth) for said, truth in pairs)
    return hit_rates(hits, sum(len(said) for said, _ in pairs), sum(len(truth) for _, truth in pairs))


def _hits(parsed: Parsed) -> Hits:
    found: Hits = {}
    for phrased, _, _ in finder(parsed.language).phrases(parsed.parts):
        found.setdefault(phrased.theme, set()).add(phrased.phrase)
    return found


def _misleading(found: Sequence[tuple[Hits, frozenset[str]]]) -> set[tuple[str, str]]:
    """Phrases that were wrong more often than right, as (theme, phrase)."""
    right: dict[tuple[str, str], int] = {}
    wrong: dict[tuple[str, str], int] = {}
    for hits, truth in found:
        for theme, phrases in hits.items():
            counted = right if theme in truth else wrong
            for phrase in phrases:
                counted[theme, phrase] = counted.get((theme, phrase), 0) + 1
    return {which for which, times in wrong.items() if times >= WRONG and times > right.get(which, 0)}


def _said(hits: Hits, without: set[tuple[str, str]]) -> set[str]:
    return {theme for theme, phrases in hits.items() if any((theme, phrase) not in without for phrase in phrases)}


def themes_found(labelled: Sequence[Labelled], seed: int = 1) -> dict[str, Any]:
    """Micro-F1 of the phrases as they are, and with those left out that proved wrong on the other folds (cross-validation).

    Only themes that the labels use at all are scored: a file that knows no "ease of use" cannot say where it is.
    """
    if not labelled:
        return {}
    language: Language
    language, _ = usual_language(f"{one.title}. {one.text}" for one in labelled[:LOOKED_AT])
    scored = frozenset(theme for one in labelled for theme in one.themes)
    found = []
    for one in labelled:
        hits = _hits(parse(one.text, title=one.title, language=language))
        found.append(({theme: phrases for theme, phrases in hits.items() if theme in scored}, one.themes))
    order = list(range(len(found)))
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret hangs on it
    chosen: list[tuple[set[str], frozenset[str]]] = []
    folds = []
    for fold in range(min(FOLDS, len(order))):
        held = set(order[fold::FOLDS])
        without = _misleading([found[at] for at in range(len(found)) if at not in held])
        pairs = [(_said(hits, without), truth) for hits, truth in (found[at] for at in sorted(held))]
        folds.append(_score(pairs)["f1"])
        chosen += pairs
    as_they_are = [(_said(hits, set()), truth) for hits, truth in found]
    return {
        "n": len(labelled),
        "language": language,
        "as they are": _score(as_they_are),
        "cross-validated": {**_score(chosen), "folds": folds},
        "themes": {theme: _score([(said & {theme}, truth & {theme}) for said, truth in as_they_are]) for theme in sorted(scored)},
        "misleading": sorted(f"{theme}: {phrase}" for theme, phrase in _misleading(found)),
    }
