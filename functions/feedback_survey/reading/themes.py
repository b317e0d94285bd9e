"""What a text speaks of, each theme with the words that show it and how they feel. The phrases are content/themes.yaml."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from aftercare.content import read_content
from aftercare.model import Model
from feedback_survey.reading.lexicon import LANGUAGES, Language, lexicon
from feedback_survey.reading.mood import mood
from feedback_survey.reading.text import LONGEST, tokens

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Phrase = Annotated[str, StringConstraints(min_length=2, max_length=80)]
Phrases = Annotated[tuple[Phrase, ...], Field(max_length=200)]

BETWEEN = 2
"""Words that may stand between two of a phrase."""

EXCERPT = 120
"""Characters of the clause that is shown for a theme."""

_PLAIN = {
    letter: plain
    for plain, letters in {
        "a": "áàâãäå", "c": "ç", "e": "éèêë", "i": "íìîï", "n": "ñ", "o": "óòôõö", "u": "úùûü", "y": "ýÿ", "'": "’",
    }.items()
    for letter in letters
}  # fmt: skip
_TABLE = str.maketrans(_PLAIN)
_END = r"[.,;:!?\n]+"


class Theme(NamedTuple):
    """`phrase` is the clause in the customer's words, `score` its mood from -1 to 1."""

    name: str
    phrase: str
    score: float


def plain_letters(text: str) -> str:
    """Lower case without accents, letter for letter, so that places in it are places in the text."""
    lower = text.lower()
    return (lower if len(lower) == len(text) else text).translate(_TABLE)


def pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """All phrases of a theme as one expression. Nothing of a phrase is taken as one: its words are escaped."""
    between = rf"(?:\W+\w+){{0,{BETWEEN}}}?\W+"
    parts = []
    for phrase in sorted(phrases, key=len, reverse=True):
        words = plain_letters(phrase).split()
        parts.append(between.join(re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "") for word in words))
    return re.compile(r"(?<!\w)(?:" + "|".join(parts) + r")(?!\w)")


class ThemeFile(Model):
    """All of themes.yaml: theme to language to phrases."""

    themes: Annotated[dict[Name, dict[Language, Phrases]], Field(max_length=60)]


@lru_cache(maxsize=1)
def themes() -> Mapping[str, Mapping[Language, tuple[str, ...]]]:
    """The themes of this deployment, read once. ContentError naming theme, language and what was expected."""
    return read_content(Path("themes.yaml"), ThemeFile).themes


@lru_cache(maxsize=len(LANGUAGES))
def _patterns(language: Language) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, pattern(by[language])) for name, by in themes().items() if by.get(language))


@lru_cache(maxsize=len(LANGUAGES))
def _ends(language: Language) -> re.Pattern[str]:
    """Where a clause ends: at a mark, or before a word that turns the sentence."""
    turns = "|".join(re.escape(word) for word in sorted(lexicon(language).but))
    return re.compile(rf"{_END}|(?<!\w)(?:{turns})(?!\w)")


def found(text: str, language: Language) -> tuple[Theme, ...]:
    """The themes of a text in the order of the file, each once, with the first clause that shows it."""
    ends = _ends(language)
    text = text[:LONGEST]
    letters = plain_letters(text)
    seen: dict[tuple[int, int], float] = {}
    said = []
    for name, pattern in _patterns(language):
        match = pattern.search(letters)
        if match is None:
            continue
        start, end = _clause(ends, letters, match.start(), match.end())
        if (start, end) not in seen:
            seen[start, end] = mood(tokens(text[start:end]), lexicon(language)).score
        said.append(Theme(name, _shown(text, start, end, match.start()), seen[start, end]))
    return tuple(said)


def _clause(ends: re.Pattern[str], letters: str, start: int, end: int) -> tuple[int, int]:
    """The clause around a match."""
    first = max((at.end() for at in ends.finditer(letters, 0, start)), default=0)
    last = ends.search(letters, end)
    return first, last.start() if last else len(letters)


def _shown(text: str, start: int, end: int, at: int) -> str:
    """At most EXCERPT characters of the clause, from the match on if it is longer."""
    if end - start > EXCERPT:
        start = max(start, min(at, end - EXCERPT))
        end = start + EXCERPT
    return text[start:end].strip()
