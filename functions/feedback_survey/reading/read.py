"""One text in, one Reading out: language, sentiment with its confidence, themes."""

from dataclasses import dataclass
from typing import Literal

from feedback_survey.reading import model as learned
from feedback_survey.reading.language import identify
from feedback_survey.reading.lexicon import lexicon
from feedback_survey.reading.mood import mood
from feedback_survey.reading.text import tokens
from feedback_survey.reading.themes import Language, Theme, found

Sentiment = Literal["negative", "neutral", "positive"]
SENTIMENTS: tuple[Sentiment, ...] = ("negative", "neutral", "positive")

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


def read(text: str, model: learned.Model, asked_in: str | None = None, title: str = "") -> Reading:
    """Read a customer's words. `asked_in` is the language in which they were asked, `model` that store's for the language.

    Pure in its arguments; at most reading.text.LONGEST characters are read.
    """
    whole = f"{title}. {text}" if title else text
    words = tokens(whole)
    language: Language = identify(whole, words, asked_in).language  # type: ignore[assignment] - one of the six
    known = lexicon(language)
    feeling = mood(words, known)
    places = learned.features(words, known.negators)
    themes = found(whole, language)
    if feeling.says_nothing and not any(place_known(model, place) for place in places):
        return Reading(language, None, 0.0, False, themes)
    leaning = model.leaning(places, feeling)
    sentiment = learned.decided(leaning)
    mixed = feeling.positive > MIXED and feeling.negative > MIXED
    return Reading(language, sentiment, leaning[SENTIMENTS.index(sentiment)], mixed, themes)


def place_known(model: learned.Model, place: int) -> bool:
    """Whether an answer taught this feature anything."""
    return model.seen[place] > 0


def teach(text: str, score: int, model: learned.Model, language: Language, title: str = "") -> None:
    """A customer's score (1 to 5) is the label of the words beside it. Changes the model."""
    words = tokens(f"{title}. {text}" if title else text)
    known = lexicon(language)
    model.learn(learned.features(words, known.negators), mood(words, known), score)
