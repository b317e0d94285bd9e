"""A text as it is read from: its tokens, and the language that they are in."""

from typing import NamedTuple

from feedback_survey.reading.language import identify
from feedback_survey.reading.lexicon import Language
from feedback_survey.reading.text import Token, seen, tokens, written


class Parsed(NamedTuple):
    """A text as it is read from: what is read of it (title before it), its tokens as they stand there and as they are read, its
    language, and `beside` it one that it changes to. Which store's model is to read it depends on the language, so this comes
    first."""

    text: str
    written: list[str]
    tokens: list[Token]
    language: Language
    language_confidence: float
    beside: Language | None = None

    @property
    def parts(self) -> list[str]:
        """What phrases are found in."""
        return [part for token in self.tokens for part in token.parts]


def parse(text: str, asked_in: str | None = None, title: str = "", language: Language | None = None) -> Parsed:
    """The text's tokens and language; at most text.LONGEST characters. `asked_in` is the language in which the customer was
    asked, `language` the one that the text was found to be in before. Pure; never raises, whatever the text is."""
    whole = seen(f"{title}. {text}" if title else text)
    found = written(whole)
    read = tokens(found)
    said = identify(whole, [token.text for token in read], language or asked_in)
    if language:
        return Parsed(whole, found, read, language, 1.0, said.beside if said.language == language else None)
    return Parsed(whole, found, read, *said)
