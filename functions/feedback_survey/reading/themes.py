"""What a text speaks of, each theme with the words that show it and how they feel. The phrases are content/themes.yaml."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from aftercare.content import read_content
from aftercare.model import Model
from feedback_survey.reading.lexicon import LANGUAGES, REMEMBERED, Language, lexicon
from feedback_survey.reading.mood import mood
from feedback_survey.reading.text import LETTERS, LONGEST, folded, loud, tokens

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Phrase = Annotated[str, StringConstraints(min_length=2, max_length=80)]
Phrases = Annotated[tuple[Phrase, ...], Field(max_length=200)]

BETWEEN = 2
"""Words that may stand between two of a phrase."""

EXCERPT = 120
"""Characters of the clause that is shown for a theme."""

_END = r"[.,;:!?\n]+"


class Theme(NamedTuple):
    """`phrase` is the clause in the customer's words, `score` its mood from -1 to 1."""

    name: str
    phrase: str
    score: float


def plain_letters(text: str) -> str:
    """Lower case without accents, letter for letter, so that places in it are places in the text."""
    lower = text.lower()
    return (lower if len(lower) == len(text) else text).translate(LETTERS)


def pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """All phrases of a theme as one expression. Nothing of a phrase is taken as one: its words are escaped."""
    between = rf"(?:\W+\w+){{0,{BETWEEN}}}?\W+"
    longest = sorted(phrases, key=len, reverse=True)
    parts = [between.join(_word(word) for word in plain_letters(phrase).split()) for phrase in longest]
    return re.compile(r"(?<!\w)(?:" + "|".join(parts) + r")(?!\w)")


def _word(word: str) -> str:
    """One word of a phrase, as it may stand in plain letters."""
    found = re.escape(word.removesuffix("*")).replace("ss", "(?:ss|ß)")
    return found + (r"\w*" if word.endswith("*") else "")


class ThemeFile(Model):
    """All of themes.yaml: theme to language to phrases."""

    themes: Annotated[dict[Name, dict[Language, Phrases]], Field(max_length=60)]


@lru_cache(maxsize=1)
def themes() -> Mapping[str, Mapping[Language, tuple[str, ...]]]:
    """The themes of this deployment, read once. ContentError naming theme, language and what was expected."""
    return read_content(Path("themes.yaml"), ThemeFile).themes


class _Finder:
    """The themes of one language. A word that begins none of a theme's phrases is no reason to look for it, so that a text is
    searched for the one or two themes that it can have."""

    def __init__(self, language: Language) -> None:
        self.patterns: list[tuple[str, re.Pattern[str]]] = []
        self.always: set[int] = set()
        self._whole: dict[str, set[int]] = {}
        self._stems: dict[str, set[int]] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        for name, by in themes().items():
            phrases = by.get(language)
            if phrases:
                for phrase in phrases:
                    self._begins(phrase, len(self.patterns))
                self.patterns.append((name, pattern(phrases)))

    def _begins(self, phrase: str, theme: int) -> None:
        first = phrase.split()[0]
        word = folded(first.removesuffix("*"))
        if not word.replace("'", "").isalpha():
            self.always.add(theme)
        else:
            (self._stems if first.endswith("*") else self._whole).setdefault(word, set()).add(theme)

    def of(self, word: str) -> tuple[int, ...]:
        """The themes of which a phrase may begin with this word, or with a part of it after an apostrophe."""
        known = self._known.get(word)
        if known is not None:
            return known
        found: set[int] = set()
        for part in {word, *word.split("'"), *(word[at + 1 :] for at, letter in enumerate(word) if letter == "'")}:
            found |= self._whole.get(part, set())
            for length in range(1, len(part) + 1):
                found |= self._stems.get(part[:length], set())
        if len(self._known) < REMEMBERED:
            self._known[word] = tuple(found)
        return tuple(found)


@lru_cache(maxsize=len(LANGUAGES))
def _finder(language: Language) -> _Finder:
    return _Finder(language)


@lru_cache(maxsize=len(LANGUAGES))
def _ends(language: Language) -> re.Pattern[str]:
    """Where a clause ends: at a mark, or before a word that turns the sentence."""
    turns = "|".join(re.escape(word) for word in sorted(lexicon(language).but))
    return re.compile(rf"{_END}|(?<!\w)(?:{turns})(?!\w)")


def found(text: str, words: Iterable[str], language: Language) -> tuple[Theme, ...]:
    """The themes of a text in the order of the file, each once, with the first clause that shows it. `words` are its tokens."""
    finder = _finder(language)
    possible = set(finder.always)
    for word in words:
        possible.update(finder.of(word))
    if not possible:
        return ()
    ends = _ends(language)
    text = text[:LONGEST]
    letters = plain_letters(text)
    seen: dict[tuple[int, int], float] = {}
    said = []
    for name, pattern in [finder.patterns[theme] for theme in sorted(possible)]:
        match = pattern.search(letters)
        if match is None:
            continue
        start, end = _clause(ends, letters, match.start(), match.end())
        if (start, end) not in seen:
            seen[start, end] = mood(tokens(text[start:end]), lexicon(language), loud(text[start:end])).score
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
