"""What a word of one language is to those who read texts: what it says of a mood, and its places among the learned features."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from feedback_survey.reading.lexicon import LANGUAGES, Lexicon, lexicon
from feedback_survey.reading.text import MARKS, NUMBER, Looked

BITS: Final = 15
PLACES: Final = 1 << BITS
MASK: Final = PLACES - 1
PREFIX: Final = 4


class Role(IntEnum):
    """What a word does to a mood. FIXED is a value that nothing negates: a face's."""

    PLAIN = 0
    VALUED = 1
    MARK = 2
    NUMBER = 3
    FIXED = 4
    NEGATOR = 5
    BUT = 6
    MORE = 7
    LESS = 8


@dataclass(frozen=True, slots=True)
class Word:
    """One word as a text of a language has it. `value` is its mood from -4 to 4. `place`, `negated` and `prefix` are the places
    of its features (Weinberger et al. 2009), `prefix` -1 where the word is short; `hashed` and `joined` are what the place of a
    pair is made from. `idioms` are those that begin with it, by their second word: the words that follow, and what they all
    are together."""

    text: str
    role: Role
    value: float
    place: int
    negated: int
    prefix: int
    hashed: int
    joined: bytes
    idioms: Mapping[str, tuple[tuple[tuple[str, ...], "Word"], ...]] | None = None


def place(name: str) -> int:
    """The place of a feature."""
    return zlib.crc32(name.encode()) & MASK


class Vocabulary(Looked[Word]):
    """The words of a language by their folded text, each looked up once."""

    def __init__(self, known: Lexicon) -> None:
        super().__init__()
        self._lexicon = known

    def look(self, word: str) -> Word:
        role, value = self._said(word)
        raw = word.encode()
        prefix = place(word[:PREFIX] + "*") if len(word) > PREFIX else -1
        hashed = zlib.crc32(raw)
        idioms: dict[str, tuple[tuple[tuple[str, ...], Word], ...]] = {}
        for rest, of_all in self._lexicon.idioms.get(word, ()):
            idioms[rest[0]] = (*idioms.get(rest[0], ()), (rest, self._idiom(word, rest, of_all)))
        return Word(word, role, value, hashed & MASK, place("!" + word), prefix, hashed, b" " + raw, idioms or None)

    def _idiom(self, first: str, rest: tuple[str, ...], value: int) -> Word:
        """An idiom as one word, which is read for its mood only. One that negates by itself is not negated again: "no tengo
        ninguna queja" has no complaint."""
        fixed = not self._lexicon.negators.isdisjoint((first, *rest))
        role = Role.FIXED if fixed else Role.VALUED
        return Word(" ".join((first, *rest)), role, value / 10.0, 0, 0, -1, 0, b"")

    def _said(self, word: str) -> tuple[Role, float]:
        known = self._lexicon
        if word[:1] == ":":
            return Role.FIXED, float(word[1:])
        if word in MARKS or word == NUMBER:
            return (Role.NUMBER if word == NUMBER else Role.MARK), 0.0
        if word in known.negators:
            return Role.NEGATOR, 0.0
        if word in known.but:
            return Role.BUT, 0.0
        value = known.value(word)
        if value:
            return Role.VALUED, value / 10.0
        return (Role.MORE if word in known.more else Role.LESS if word in known.less else Role.PLAIN), 0.0


@lru_cache(maxsize=len(LANGUAGES))
def vocabulary(language: str) -> Vocabulary:
    """The words of one of LANGUAGES."""
    return Vocabulary(lexicon(language))
