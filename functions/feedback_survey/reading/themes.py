"""What a text speaks of, each theme with the words that show it and how they feel. The phrases are content/themes.yaml."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from aftercare.content import read_content
from aftercare.model import Model
from feedback_survey.reading.lexicon import LANGUAGES, Language
from feedback_survey.reading.mood import mood
from feedback_survey.reading.parsed import Parsed
from feedback_survey.reading.text import MARKS, Looked, tokens, written
from feedback_survey.reading.vocabulary import Role, Word

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Phrase = Annotated[str, StringConstraints(min_length=2, max_length=80, pattern=r"^[\w'’-]+\*?( +[\w'’-]+\*?)*$")]
Phrases = Annotated[tuple[Phrase, ...], Field(max_length=200)]

BETWEEN = 2
"""Words that may stand between two of a phrase."""

EXCERPT = 120
"""Characters of the clause that is shown for a theme."""

TURNS = frozenset([Role.MARK, Role.BUT])


class Theme(NamedTuple):
    """`phrase` is the clause in the customer's words, `score` its mood from -1 to 1."""

    name: str
    phrase: str
    score: float


class ThemeFile(Model):
    """All of themes.yaml: theme to language to phrases."""

    themes: Annotated[dict[Name, dict[Language, Phrases]], Field(max_length=60)]


@lru_cache(maxsize=1)
def themes() -> Mapping[str, Mapping[Language, tuple[str, ...]]]:
    """The themes of this deployment, read once. ContentError naming theme, language and what was expected."""
    return read_content(Path("themes.yaml"), ThemeFile).themes


class _Part(NamedTuple):
    """One word of a phrase. `between` is how many others may stand before it on the way to it, `stem` whether it may go on."""

    word: str
    stem: bool
    between: int


class Phrased(NamedTuple):
    """A phrase of a theme without the word by which it is looked up: what stands `before` that, nearest first, and `after`. Texts
    without the `needed` ones do not have it."""

    theme: str
    phrase: str
    before: tuple[_Part, ...]
    after: tuple[_Part, ...]
    needed: frozenset[str]


def _near(part: _Part, words: Sequence[str], at: int, step: int) -> Iterator[int]:
    """Where a part stands near a word, nearest first; a phrase ends at a mark."""
    to, left, wanted, stem = at, part.between, part.word, part.stem
    while left >= 0:
        to += step
        if not 0 <= to < len(words) or words[to] in MARKS:
            return
        if words[to] == wanted or (stem and words[to].startswith(wanted)):
            yield to
        left -= 1


def _reached(rest: Sequence[_Part], words: Sequence[str], at: int, step: int) -> int | None:
    """At which word the rest of a phrase ends, going by `step`. Linear in the words that it spans, whatever the text."""
    *others, last = rest
    reached = [at]
    for part in others:
        reached = [*dict.fromkeys(to for start in reached for to in _near(part, words, start, step))]
    return next((to for start in reached for to in _near(last, words, start, step)), None)


class Finder(Looked[tuple[Phrased, ...]]):
    """The phrases of one language, each by the word of it that the fewest have: each word of a text is looked up once, and a
    "not" costs nothing though many phrases begin with it."""

    def __init__(self, by_theme: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self._whole: dict[str, list[Phrased]] = {}
        self._stems: dict[str, list[Phrased]] = {}
        phrases = [(theme, phrase, [*_parts(phrase)]) for theme, phrases in by_theme.items() for phrase in phrases]
        often = Counter(part.word for _, _, parts in phrases for part in parts)
        for theme, phrase, parts in phrases:
            known = min(range(len(parts)), key=lambda at: (often[parts[at].word], -len(parts[at].word)))
            self._add(theme, phrase, parts, known)

    def _add(self, theme: str, phrase: str, parts: Sequence[_Part], at: int) -> None:
        before = [parts[place]._replace(between=parts[place + 1].between) for place in reversed(range(at))]
        after = parts[at + 1 :]
        needed = frozenset(part.word for part in [*before, *after] if not part.stem)
        known = self._stems if parts[at].stem else self._whole
        known.setdefault(parts[at].word, []).append(Phrased(theme, phrase, tuple(before), tuple(after), needed))

    def look(self, word: str) -> tuple[Phrased, ...]:
        stems = (self._stems.get(word[:length], ()) for length in range(1, len(word) + 1))
        return (*self._whole.get(word, ()), *(phrased for some in stems for phrased in some))

    def phrases(self, parts: Sequence[str], without: Container[str] = ()) -> Iterator[tuple[Phrased, int, int]]:
        """Every phrase that stands in the parts of a text's tokens, with the places of its first and last; none of the themes
        that are in `without`, which may grow meanwhile."""
        there = set(parts)
        for at, known in enumerate(map(self.__getitem__, parts)):
            for phrased in known:
                theme, _, before, after, needed = phrased
                if theme in without or not needed <= there:
                    continue
                first = _reached(before, parts, at, -1) if before else at
                last = _reached(after, parts, at, 1) if after and first is not None else at
                if first is not None and last is not None:
                    yield phrased, first, last


def _parts(phrase: str) -> Iterator[_Part]:
    """The words of a phrase; what an apostrophe or a hyphen joins stays together."""
    for said in phrase.split():
        parts = [part for token in tokens(written(said)) for part in token.parts]
        for number, word in enumerate(parts):
            yield _Part(word, said.endswith("*") and number == len(parts) - 1, 0 if number else BETWEEN)


@lru_cache(maxsize=len(LANGUAGES))
def finder(language: Language) -> Finder:
    """The phrases of themes.yaml in a language, read once."""
    return Finder({name: by[language] for name, by in themes().items() if by.get(language)})


def found(parsed: Parsed, words: Sequence[Word]) -> tuple[Theme, ...]:
    """The themes of a text in the order of the file, each once, with the first clause that shows it. `words` are what the text's
    tokens are in its language."""
    first: dict[str, tuple[int, int]] = {}
    parts = parsed.parts
    for language in (parsed.language, parsed.beside):
        if language:
            for phrased, start, end in finder(language).phrases(parts, first):
                first[phrased.theme] = start, end
    if not first:
        return ()
    of_part = [at for at, token in enumerate(parsed.tokens) for _ in token.parts]
    begins = _begins(parsed.text, parsed.written)
    clauses: dict[tuple[int, int], float] = {}
    said = []
    for name in [name for name in themes() if name in first]:
        start, end = first[name]
        match = of_part[start], of_part[end]
        clause = low, high = _clause(words, *match)
        if clause not in clauses:
            clauses[clause] = mood(words[low:high]).score
        said.append(Theme(name, _shown(parsed, begins, low, high, match), clauses[clause]))
    return tuple(said)


def _begins(text: str, written: Sequence[str]) -> list[int]:
    """Where each token stands in a text."""
    found, at, index = [], 0, text.index
    for token in written:
        at = index(token, at)
        found.append(at)
        at += len(token)
    return found


def _clause(words: Sequence[Word], first: int, last: int) -> tuple[int, int]:
    """The clause around a match, its first token and the one after its last: up to a mark, or a word that turns the sentence."""
    while first and words[first - 1].role not in TURNS:
        first -= 1
    last += 1
    while last < len(words) and words[last].role not in TURNS:
        last += 1
    return first, last


def _shown(parsed: Parsed, begins: Sequence[int], low: int, high: int, match: tuple[int, int]) -> str:
    """At most EXCERPT characters of the clause, in whole words, as many before the match as after it."""
    first, last = match
    while begins[high - 1] + len(parsed.written[high - 1]) - begins[low] > EXCERPT and high - low > 1:
        low, high = (low + 1, high) if first - low >= high - 1 - last else (low, high - 1)
    return parsed.text[begins[low] : begins[high - 1] + len(parsed.written[high - 1])][:EXCERPT]
