"""A text as tokens: lower case without accents, signs that end a clause, faces. What all readers of a text start from."""

import re
import unicodedata
from typing import NamedTuple

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

_EMOTICON = r"[:;=8][-o^']?[)\]D(\[/|pP3]|<3|:'\("
_TOKEN = re.compile(rf"({_EMOTICON})|([^\W\d_]+(?:['’][^\W\d_]+)*)|([!?]+)|([.,;:()\n]+)|([{''.join(FACES)}])")
_LONG = re.compile(r"(.)\1{2,}")
_SAD = frozenset("([/|")


class Token(NamedTuple):
    """`text` is folded; `loud` says that a word stood in capitals. A face is named by its value, `:2` or `:-2`."""

    text: str
    loud: bool = False


def folded(text: str) -> str:
    """Lower case, without accents (NFKD), typographic apostrophes as plain ones. `ß` is `ss`, `ñ` is `n`."""
    text = text.casefold().replace("’", "'")
    if text.isascii():
        return text
    return "".join([c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)])


def tokens(text: str) -> list[Token]:
    """The tokens of a text of at most LONGEST characters; a run of marks is one token, digits are none."""
    text = unicodedata.normalize("NFC", text[:LONGEST])
    shouted = text.isupper()
    found: list[Token] = []
    for emoticon, word, marks, end, face in _TOKEN.findall(text):
        if word:
            plain = folded(word)
            if len(plain) > 3:
                plain = _LONG.sub(r"\1\1", plain)
            found.append(Token(plain, len(word) > 1 and word.isupper() and not shouted))
        elif marks:
            found.append(Token("!" if "!" in marks else "?"))
        elif end:
            found.append(Token(END if end[0] != "," else ","))
        elif face:
            found.append(Token(f":{FACES[face]}"))
        elif emoticon:
            found.append(Token(":-2" if emoticon[-1] in _SAD and emoticon != "<3" else ":2"))
    return found
