"""A text as tokens: lower case without accents, signs that end a clause, faces. What all readers of a text start from."""

import re
import unicodedata

LONGEST = 2000
"""Characters of a text that are read; the rest adds nothing to what it is about."""

END = "."
"""The token at which a clause ends: negation and emphasis do not reach past it."""

_FACES = {
    2: "😀😁😃😄😆😊😍🥰😘😎🤩🥳😻👍👏🙌💯❤💖💕💜💙💚🧡💛🎉✨⭐🌟🔥👌🙏😋😇🤗♥☺🫶💪🏆",
    -2: "😞😠😡🤬😢😭😤😖😣😩😫😒🙁☹👎💔🤮🤢😱😨😓😥🤦🙄😾💩😕😟",
}
FACES = {face: value for value, faces in _FACES.items() for face in faces}
"""What an emoji says, as a lexicon's words do: from -4 to 4."""

_SMILE = re.compile(r"[:;=][-o^']?(?:[)\]d(\[|p](?!\w)|/(?![\w/]))|<3|:'\(")
_TOKEN = re.compile(rf"{_SMILE.pattern}|[^\W\d_]+(?:'[^\W\d_]+)*|[!?]+|[.,;:()\n]+|[{''.join(FACES)}]")
_LONG = re.compile(r"([^\W\d_])\1{2,}")
_LOUD = re.compile(r"(?<!\w)[A-ZÀ-ÖØ-Þ]{2}[^\W\d_]*")
_SAD = frozenset("([/|")

_ACCENTED = (
    ("a", "áàâãäå"), ("c", "ç"), ("e", "éèêë"), ("i", "íìîï"), ("n", "ñ"), ("o", "óòôõö"), ("u", "úùûü"), ("y", "ýÿ"), ("'", "’"),
)  # fmt: skip
LETTERS = str.maketrans({letter: plain for plain, letters in _ACCENTED for letter in letters})
"""The accented letters of the six languages, letter for letter. `ß` stays what it is."""


def folded(text: str) -> str:
    """Lower case, without accents, typographic apostrophes as plain ones, no letter more than twice in a row. `ß` is `ss`."""
    if not text.isascii():
        text = text.casefold().translate(LETTERS)
        if not text.isascii():
            text = "".join([c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)])
    else:
        text = text.lower()
    return _LONG.sub(r"\1\1", text)


def tokens(text: str) -> list[str]:
    """The tokens of a text of at most LONGEST characters, words folded. A run of marks is one token, digits are none; a face is
    named by its value, `:2` or `:-2`."""
    return [token if token[0].isalpha() else _sign(token) for token in _TOKEN.findall(folded(text[:LONGEST]))]


def _sign(token: str) -> str:
    if token[0] in "!?":
        return "!" if "!" in token else "?"
    if token in FACES:
        return f":{FACES[token]}"
    if _SMILE.fullmatch(token):
        return ":-2" if token[-1] in _SAD else ":2"
    return "," if token[0] == "," else END


def loud(text: str) -> frozenset[str]:
    """The words of a text that stand in capitals; none where all do."""
    text = text[:LONGEST]
    if not _LOUD.search(text) or text.isupper():
        return frozenset()
    return frozenset([folded(word) for word in _LOUD.findall(text) if word.isupper()])
