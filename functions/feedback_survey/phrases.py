"""What customers say in their own words, told without what could be anybody's: short phrases of words that dictionaries have.

A word of a phrase is written as the lexicon or the store's themes have it, a beginning as `arriv-`; what is in neither ends
the phrase. So no name, address, number or code of a customer's can be in one, whatever they wrote (decision 0146).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from feedback_survey.reading.lexicon import LANGUAGES, Language, lexicon
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.text import END, folded
from feedback_survey.reading.themes import themes

LONGEST: Final = 4
"""Words of a phrase."""

LETTERS: Final = 60

MOST: Final = 6
"""Phrases of one text."""

BETWEEN: Final = {
    "en": "a an the to of in on at for with is was are were it this that i we my had has have be been as by from after",
    "de": "der die das den dem ein eine einen einem zu in im an am auf fur mit ist war sind waren es ich wir als von",
    "es": "el la los las un una de del a en con es fue son era muy que lo me por para al se ha he como",
    "fr": "le la les un une de du des a en au aux avec est etait sont que ce je il nous par pour dans a ete",
    "it": "il lo la i gli le un una di del della a al in con che mi per da si ha ho come era",
    "pt": "o a os as um uma de do da dos das em no na com foi sao era que me por para ao se como",
}  # fmt: skip
"""Small words that may stand inside of a phrase, never at its ends."""


@lru_cache(maxsize=len(LANGUAGES))
def _own(language: Language) -> tuple[dict[str, str], tuple[str, ...], frozenset[str]]:
    """Whole words, beginnings (the longest first) and small words of a language, as phrases show them."""
    known = lexicon(language)
    words = {word: word for word in (*known.values, *known.negators, *known.more, *known.less)}
    stems = set(known.stems)
    for phrases in themes().values():
        for word in (word for phrase in phrases.get(language, ()) for word in folded(phrase.replace("ß", "ss")).split()):
            if word.endswith("*"):
                stems.add(word[:-1])
            else:
                words[word] = word
    return words, tuple(sorted(stems, key=lambda stem: (-len(stem), stem))), frozenset(BETWEEN[language].split())


@lru_cache(maxsize=4096)
def _shown(word: str, language: Language) -> str | None:
    """The dictionary's word for a customer's; None for one that it does not have."""
    words, stems, small = _own(language)
    if word in words or word in small:
        return word
    found = next((stem for stem in stems if len(stem) > 2 and word.startswith(stem)), None)
    return f"{found}-" if found else None


def phrases(clauses: Sequence[str], language: Language) -> tuple[str, ...]:
    """The phrases of some clauses, each once, the longest of each place; at most MOST. Pure."""
    found: dict[str, None] = {}
    for clause in clauses:
        for run in _runs([token.text for token in parse(clause, language=language).tokens], language):
            for phrase in _of(run, language):
                if len(phrase) <= LETTERS:
                    found.setdefault(phrase)
    return tuple(found)[:MOST]


def _runs(words: Sequence[str], language: Language) -> Iterator[list[str]]:
    run: list[str] = []
    for word in (*words, END):
        known = _shown(word, language) if word[0].isalpha() else None
        if known:
            run.append(known)
        elif run:
            yield run
            run = []


def _of(run: Sequence[str], language: Language) -> Iterator[str]:
    """Phrases of two to LONGEST words that begin and end with a word that says something, none inside of another."""
    small = _own(language)[2]
    ends = [at for at, word in enumerate(run) if word not in small]
    last = -1
    for first in ends:
        reach = [at for at in ends if first < at < first + LONGEST]
        if reach and reach[-1] > last:
            last = reach[-1]
            yield " ".join(run[first : last + 1])
