"""One text in, one Reading out: language, sentiment with its confidence, themes."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from feedback_survey.reading import model as learned
from feedback_survey.reading.language import small
from feedback_survey.reading.lexicon import Language
from feedback_survey.reading.mood import Mood, mood
from feedback_survey.reading.parsed import Parsed
from feedback_survey.reading.text import loud
from feedback_survey.reading.themes import Theme, found
from feedback_survey.reading.vocabulary import Role, Word, vocabulary

Sentiment = Literal["negative", "neutral", "positive"]
SENTIMENTS: tuple[Sentiment, ...] = ("negative", "neutral", "positive")

UNTAUGHT = learned.Model()
"""What a store starts with; nothing teaches it."""

MIXED = 0.6
"""A text whose good and bad words both weigh more than this is mixed, whatever its sum."""


class Reading(NamedTuple):
    """What a text says. `sentiment` is None where it says nothing that can be felt (empty, a number, "ok?"); `confidence` is
    its probability. `mixed` says that praise and blame stand side by side: `themes` then tell which is which."""

    language: Language
    sentiment: Sentiment | None
    confidence: float
    mixed: bool
    themes: tuple[Theme, ...]


class Said(NamedTuple):
    """What a model reads of a text: the places of its features, and the lexicon's mood of it."""

    places: list[int]
    mood: Mood


def said(parsed: Parsed) -> Said:
    """What a model reads of a text, to be told its leaning or to learn."""
    return _said(parsed, words_of(parsed))


def words_of(parsed: Parsed) -> list[Word]:
    """What its tokens are in its language; where it changes to another, what that one knows is as it is there."""
    texts = [token.text for token in parsed.tokens]
    words = [*map(vocabulary(parsed.language).__getitem__, texts)]
    if parsed.beside is None:
        return words
    there = map(vocabulary(parsed.beside).__getitem__, texts)
    return [
        other if word.role is Role.PLAIN and other.role is not Role.PLAIN and not small(word.text, parsed.language) else word
        for word, other in zip(words, there, strict=True)
    ]


def _said(parsed: Parsed, words: Sequence[Word]) -> Said:
    return Said(learned.features(words), mood(words, loud(parsed.text, parsed.tokens)))


def read(parsed: Parsed, model: learned.Model = UNTAUGHT) -> Reading:
    """Read a customer's words. `model` is the store's for the language; without one the lexicon decides alone. Pure."""
    words = words_of(parsed)
    places, feeling = _said(parsed, words)
    themes = found(parsed, words)
    if feeling.says_nothing and not model.knows(places):
        return Reading(parsed.language, None, 0.0, False, themes)
    leaning = model.leaning(places, feeling)
    sentiment = learned.decided(leaning)
    mixed = feeling.positive > MIXED and feeling.negative > MIXED
    return Reading(parsed.language, sentiment, leaning[SENTIMENTS.index(sentiment)], mixed, themes)


def teach(parsed: Parsed, score: int, model: learned.Model) -> None:
    """A customer's score (1 to 5) is the label of the words beside it. Changes the model."""
    model.learn(*said(parsed), score)
