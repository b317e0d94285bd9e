"""Words and what they say of a mood, one file a language: `words/<language>.txt`.

A line is a value and the words that have it; a word that ends in `*` is a stem, words joined by `_` are an idiom, which says
another thing than they do. Values are tenths from -40 to 40, so that -20 is plainly negative. Lines that start with a word in
capitals are lists: NOT (negators), MORE and LESS (emphasis), BUT (what follows weighs more than what went before).
"""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "words"
Language = Literal["en", "de", "es", "fr", "it", "pt"]
LANGUAGES: tuple[Language, ...] = ("en", "de", "es", "fr", "it", "pt")
SHORTEST_STEM = 3


@dataclass(slots=True)
class Lexicon:
    """One language. `values` are of whole words, `stems` of beginnings, `idioms` what follows a first word, the longest
    first; all are folded. Nothing is kept of what is looked up: who asks often keeps it."""

    values: dict[str, int] = field(default_factory=dict)
    stems: dict[str, int] = field(default_factory=dict)
    idioms: dict[str, list[tuple[tuple[str, ...], int]]] = field(default_factory=dict)
    negators: frozenset[str] = frozenset()
    more: frozenset[str] = frozenset()
    less: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()
    _longest: int = 0

    def value(self, word: str) -> int:
        """Tenths; 0 for a word that says nothing. The longest stem counts."""
        found = self.values.get(word)
        if found is None:
            lengths = range(min(len(word), self._longest), SHORTEST_STEM - 1, -1)
            found = next((self.stems[word[:n]] for n in lengths if word[:n] in self.stems), 0)
        return found

    def knows(self, word: str) -> bool:
        """Whether it says anything, or changes what others say."""
        return bool(self.value(word)) or any(word in words for words in (self.negators, self.more, self.less, self.but))


class LexiconError(ValueError):
    """A line of a lexicon that cannot be read, with file and line."""


def parse(lines: list[str], name: str) -> Lexicon:
    """A lexicon from its lines. LexiconError names the line."""
    found = Lexicon()
    lists: dict[str, set[str]] = {"NOT": set(), "MORE": set(), "LESS": set(), "BUT": set()}
    for number, line in enumerate(lines, 1):
        head, _, rest = line.partition(" ")
        if not head or head.startswith("#"):
            continue
        if head in lists:
            lists[head].update(rest.split())
            continue
        try:
            value = int(head)
        except ValueError:
            expected = f"expected a value in tenths or one of {', '.join(lists)}"
            raise LexiconError(f"{name}:{number}: {expected}, got {head!r}") from None
        if not -40 <= value <= 40 or not rest.split():
            raise LexiconError(f"{name}:{number}: expected a value from -40 to 40 and words")
        for word in rest.split():
            if "_" in word:
                first, *others = word.split("_")
                found.idioms.setdefault(first, []).append((tuple(others), value))
            elif word.endswith("*"):
                found.stems[word[:-1]] = value
            else:
                found.values[word] = value
    found.negators, found.more, found.less, found.but = (frozenset(lists[kind]) for kind in ("NOT", "MORE", "LESS", "BUT"))
    for idioms in found.idioms.values():
        idioms.sort(key=lambda idiom: -len(idiom[0]))
    found._longest = max(map(len, found.stems), default=0)
    return found


@lru_cache(maxsize=len(LANGUAGES))
def lexicon(language: str) -> Lexicon:
    """The lexicon of one of LANGUAGES, read once."""
    if language not in LANGUAGES:
        raise LexiconError(f"expected one of {', '.join(LANGUAGES)}, got {language!r}")
    path = FOLDER / f"{language}.txt"
    return parse(path.read_text(encoding="utf-8").splitlines(), path.name)
