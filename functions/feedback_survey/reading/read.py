"""One text in, one Reading out: language, sentiment with its confidence, themes."""

from dataclasses import dataclass
from typing import Literal

from feedback_survey.reading import model as learned
from feedback_survey.reading.language import identify
from feedback_survey.reading.lexicon import Language, lexicon
from feedback_survey.reading.mood import mood
from feedback_survey.reading.text import LONGEST, loud, tokens
from feedback_survey.reading.themes import Theme, found

Sentiment = Literal["negative", "neutral", "positive"]
SENTIMENTS: tuple[Sentiment, ...] = ("negative", "neutral", "positive")

UNTAUGHT = learned.Model()
"""What a store starts with; nothing teaches it."""

MIXED = 0.6
"""A text whose good and bad words both weigh more than this is mixed, whatever its sum."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says. `sentiment` is None where it says nothing that can be felt (empty, a number, "ok?"); `confidence` is
    its probability. `mixed` says that praise and blame stand side by side: `themes` then tell which is which."""

    language: Language
    sentiment: Sentiment | None
    confidence: float
    mixed: bool
    themes: tuple[Theme, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text as it is read from: what was written (title before it), its tokens and its language. Which store's model is to
    read it depends on the language, so this comes first."""

    text: str
    words: tuple[str, ...]
    loud: frozenset[str]
    language: Language
    language_confidence: float


def parse(text: str, asked_in: str | None = None, title: str = "", language: Language | None = None) -> Parsed:
    """The text's tokens and language; at most text.LONGEST characters. `asked_in` is the language in which the customer was
    asked, `language` the one that the text was found to be in before. Pure; never raises, whatever the text is."""
    whole = (f"{title}. {text}" if title else text)[:LONGEST]
    words = tokens(whole)
    language, confidence = (language, 1.0) if language else identify(whole, words, asked_in)
    return Parsed(whole, tuple(words), loud(whole), language, confidence)


def read(parsed: Parsed, model: learned.Model = UNTAUGHT) -> Reading:
    """Read a customer's words. `model` is the store's for the language; without one the lexicon decides alone. Pure."""
    known = lexicon(parsed.language)
    feeling = mood(parsed.words, known, parsed.loud)
    places = learned.features(parsed.words, known.negators)
    themes = found(parsed.text, parsed.language)
    if feeling.says_nothing and not model.knows(places):
        return Reading(parsed.language, None, 0.0, False, themes)
    leaning = model.leaning(places, feeling)
    sentiment = learned.decided(leaning)
    mixed = feeling.positive > MIXED and feeling.negative > MIXED
    return Reading(parsed.language, sentiment, leaning[SENTIMENTS.index(sentiment)], mixed, themes)


def teach(parsed: Parsed, score: int, model: learned.Model) -> None:
    """A customer's score (1 to 5) is the label of the words beside it. Changes the model."""
    known = lexicon(parsed.language)
    model.learn(learned.features(parsed.words, known.negators), mood(parsed.words, known, parsed.loud), score)
