"""A text as tokens: words in lower case without accents, signs that end a clause, faces, numbers. All readers start from them.

Text from outside repeats its words, so what a written word is as a token is looked up once; only so many are kept.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from feedback_survey.reading.lexicon import LANGUAGES, lexicon

LONGEST = 2000
"""Characters of a text that are read; the rest adds nothing to what it is about."""

LONGEST_WORD = 40
"""Characters of a word that are read: the longest German ones."""

REMEMBERED = 20_000
"""Words of which is kept what they are; text from outside cannot fill the memory."""

END = "."
"""The token at which a clause ends: negation and emphasis do not reach past it."""

MARKS = frozenset([END, ",", "!", "?"])
NUMBER = "0"
"""Every number is this token: what it is tells nothing, that it stands there may."""

_FACES = {
    2: "😀😁😃😄😆😊😍🥰😘😎🤩🥳😻👍👏🙌💯❤💖💕💜💙💚🧡💛🖤🤍🤎💗💓💞💝🎉✨⭐🌟🔥👌🙏😋😇🤗♥☺🙂😌😸😺🫶💪🏆🥇✅",
    -2: "😞😠😡🤬😢😭😤😖😣😩😫😒🙁☹👎💔🤮🤢😱😨😓😥🤦🙄😾😿💩😕😟😔😰😧😦🖕❌🚫",
}
FACES = {face: value for value, faces in _FACES.items() for face in faces}
"""What an emoji says, as a lexicon's words do: from -4 to 4."""

_SMILE = re.compile(r"[:;=][-oO^']?(?:[)\]dD(\[|pP](?!\w)|/(?![\w/]))|<3|:'\(")
_REST = rf"\d+(?:[.,:]\d+)*|{_SMILE.pattern}|[!?]+|[.,;:()\n]+"
_TOKEN = re.compile(rf"[^\W\d_]+(?:['’][^\W\d_]+)*|{_REST}|[{''.join(FACES)}]")
_ASCII = re.compile(rf"[A-Za-z]+(?:'[A-Za-z]+)*|{_REST}")
"""The same for texts that have no other letters, in half the time."""

_UNSEEN = re.compile("[\u00ad\u0300-\u036f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+")
"""Marks that show nothing of themselves: joiners, directions, accents on accents. A word is not split by them."""

_LONG = re.compile(r"([^\W\d_])\1{2,}")
_SAD = frozenset("([/|")

_ACCENTED = (
    ("a", "áàâãäå"), ("c", "ç"), ("e", "éèêë"), ("i", "íìîï"), ("n", "ñ"), ("o", "óòôõö"), ("u", "úùûü"), ("y", "ýÿ"), ("'", "’"),
)  # fmt: skip
LETTERS = str.maketrans({letter: plain for plain, letters in _ACCENTED for letter in letters})
"""The accented letters of the six languages, letter for letter. `ß` stays what it is."""


Known = TypeVar("Known")


class Looked(dict[str, Known], Generic[Known]):
    """What was looked up of words, for the first REMEMBERED of them. A word is looked up by indexing, which never fails."""

    def look(self, word: str) -> Known:
        raise NotImplementedError

    def __missing__(self, word: str) -> Known:
        found = self.look(word)
        if len(self) < REMEMBERED and len(word) <= LONGEST_WORD:
            self[word] = found
        return found


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the word folded, a mark (END `,` `!` `?`), NUMBER, or a face by its value: `:2` or `:-2`. `parts` is what phrases
    are found in: the words that an apostrophe joins, a number as it was written, no comma. `loud` says it is in capitals.
    """

    text: str
    parts: tuple[str, ...]
    loud: bool = False


def folded(text: str) -> str:
    """Lower case, without accents, typographic apostrophes as plain ones, no letter more than twice in a row. `ß` is `ss`."""
    if not text.isascii():
        text = text.casefold().translate(LETTERS)
        if not text.isascii():
            text = "".join([c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)])
    else:
        text = text.lower()
    return _shortened(text) if _LONG.search(text) else text


def _shortened(text: str) -> str:
    """Letters that are drawn out, twice or once: as a lexicon has the word ("gooood", "muuuito"), else twice."""
    twice, once = _LONG.sub(r"\1\1", text), _LONG.sub(r"\1", text)
    known = [lexicon(language) for language in LANGUAGES]
    if any(twice in each.values for each in known):
        return twice
    return once if any(each.knows(once) for each in known) else twice


def seen(text: str) -> str:
    """What is read of a text: at most LONGEST characters, composed, without marks that show nothing."""
    text = text[:LONGEST]
    return text if text.isascii() else _UNSEEN.sub("", unicodedata.normalize("NFC", text))


class _Written(Looked[Token]):
    def look(self, word: str) -> Token:
        if word[0].isalpha():
            text = folded(word[:LONGEST_WORD])
            return Token(text, tuple(text.split("'")), len(word) > 1 and word.isupper())
        text = _sign(word)
        return Token(text, (word,) if text == NUMBER else () if text == "," else (text,))


def _sign(token: str) -> str:
    if token[0].isdigit():
        return NUMBER
    if token[0] in "!?":
        return "!" if "!" in token else "?"
    if token in FACES:
        return f":{FACES[token]}"
    if _SMILE.fullmatch(token):
        return ":-2" if token[-1] in _SAD else ":2"
    return "," if token[0] == "," else END


_written = _Written()


def written(text: str) -> list[str]:
    """The tokens of a text as they stand in it; `text` is as seen() gives it."""
    return _ASCII.findall(text) if text.isascii() else _TOKEN.findall(text)


def tokens(words: Sequence[str]) -> list[Token]:
    """What written() gave, as tokens."""
    return [*map(_written.__getitem__, words)]


def loud(text: str, found: Sequence[Token]) -> frozenset[str]:
    """The words of a text that stand in capitals; none where all do."""
    said = [token.text for token in found if token.loud]
    return frozenset(said) if said and not text.isupper() else frozenset()
