"""What a text speaks of, each theme with the words that show it and how they feel. The phrases are content/themes.yaml."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from aftercare.content import read_content
from aftercare.model import Model
from feedback_survey.reading.lexicon import LANGUAGES, REMEMBERED, Language, lexicon
from feedback_survey.reading.mood import mood
from feedback_survey.reading.text import LETTERS, LONGEST, loud, tokens

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Phrase = Annotated[str, StringConstraints(min_length=2, max_length=80, pattern=r"^[\w'’-]+\*?( +[\w'’-]+\*?)*$")]
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


class ThemeFile(Model):
    """All of themes.yaml: theme to language to phrases."""

    themes: Annotated[dict[Name, dict[Language, Phrases]], Field(max_length=60)]


@lru_cache(maxsize=1)
def themes() -> Mapping[str, Mapping[Language, tuple[str, ...]]]:
    """The themes of this deployment, read once. ContentError naming theme, language and what was expected."""
    return read_content(Path("themes.yaml"), ThemeFile).themes


class _Part(NamedTuple):
    """One word of a phrase. `between` is how many others may stand before it, `stem` whether it may go on."""

    word: str
    stem: bool
    between: int

    def fits(self, word: str) -> bool:
        return word.startswith(self.word) if self.stem else word == self.word


class Phrased(NamedTuple):
    """A phrase of a theme without its first word, by which it is looked up."""

    theme: str
    phrase: str
    rest: tuple[_Part, ...]

    def ends(self, words: Sequence[str], at: int) -> int | None:
        """At which word a phrase ends whose first is at `at`. Linear in the number of words that it spans, whatever the text."""
        reached = [at]
        for part in self.rest:
            near = {to for before in reached for to in range(before + 1, before + part.between + 2) if to < len(words)}
            reached = sorted(to for to in near if part.fits(words[to]))
            if not reached:
                return None
        return reached[0]


class Finder:
    """The phrases of one language by the word that they begin with, so that each word of a text is looked up once."""

    def __init__(self, by_theme: Mapping[str, Sequence[str]]) -> None:
        self._whole: dict[str, list[Phrased]] = {}
        self._stems: dict[str, list[Phrased]] = {}
        self._known: dict[str, tuple[Phrased, ...]] = {}
        for theme, phrases in by_theme.items():
            for phrase in phrases:
                first, *rest = _parts(phrase)
                begun = self._stems if first.stem else self._whole
                begun.setdefault(first.word, []).append(Phrased(theme, phrase, tuple(rest)))

    def begun_by(self, word: str) -> tuple[Phrased, ...]:
        known = self._known.get(word)
        if known is None:
            stems = (self._stems.get(word[:length], ()) for length in range(1, len(word) + 1))
            known = (*self._whole.get(word, ()), *(phrased for some in stems for phrased in some))
            if len(self._known) < REMEMBERED:
                self._known[word] = known
        return known

    def phrases(self, letters: str) -> Iterator[tuple[Phrased, int, int]]:
        """Every phrase that stands in plain letters, with its first and last place, by where it begins."""
        at = [(found[0], found.start(), found.end()) for found in _WORD.finditer(letters)]
        words = [word.replace("ß", "ss") for word, _, _ in at] if "ß" in letters else [word for word, _, _ in at]
        for place, word in enumerate(words):
            for phrased in self.begun_by(word):
                last = phrased.ends(words, place)
                if last is not None:
                    yield phrased, at[place][1], at[last][2]


_WORD = re.compile(r"[^\W_]+")


def _parts(phrase: str) -> Iterator[_Part]:
    """The words of a phrase; what an apostrophe or a hyphen joins stays together."""
    for written in plain_letters(phrase).split():
        words = _WORD.findall(written.replace("ß", "ss"))
        for number, word in enumerate(words):
            yield _Part(word, written.endswith("*") and number == len(words) - 1, 0 if number else BETWEEN)


@lru_cache(maxsize=len(LANGUAGES))
def finder(language: Language) -> Finder:
    """The phrases of themes.yaml in a language, read once."""
    return Finder({name: by[language] for name, by in themes().items() if by.get(language)})


@lru_cache(maxsize=len(LANGUAGES))
def _ends(language: Language) -> re.Pattern[str]:
    """Where a clause ends: at a mark, or before a word that turns the sentence."""
    turns = "|".join(re.escape(word) for word in sorted(lexicon(language).but))
    return re.compile(rf"{_END}|(?<!\w)(?:{turns})(?!\w)")


def found(text: str, language: Language) -> tuple[Theme, ...]:
    """The themes of a text in the order of the file, each once, with the first clause that shows it."""
    text = text[:LONGEST]
    letters = plain_letters(text)
    first: dict[str, tuple[int, int]] = {}
    for phrased, start, end in finder(language).phrases(letters):
        first.setdefault(phrased.theme, (start, end))
    if not first:
        return ()
    ends, seen = _ends(language), dict[tuple[int, int], float]()
    said = []
    for name in themes():
        if name in first:
            start, end = _clause(ends, letters, *first[name])
            if (start, end) not in seen:
                clause = text[start:end]
                seen[start, end] = mood(tokens(clause), lexicon(language), loud(clause)).score
            said.append(Theme(name, _shown(text, start, end, first[name][0]), seen[start, end]))
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
