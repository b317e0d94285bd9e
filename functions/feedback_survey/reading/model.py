"""What the store's own answers teach about words: two logistic models over hashed features, learned one answer at a time.

`P(not negative)` and `P(positive)` are separate heads, so that neutral is what lies between (Frank and Hall 2001). Features
are words, negated words, pairs of neighbours and beginnings of longer words, hashed into 2^15 places (Weinberger et al. 2009).
The lexicon's mood is a feature like the others, with a weight to begin with: before any answer is learned the lexicon
decides alone, and where a store's customers mean something else by a word, its weight moves. A weight's step shrinks with
how often its feature was seen.
"""

import math
import zlib
from array import array
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from feedback_survey.reading.mood import Mood
from feedback_survey.reading.text import END, Token

BITS: Final = 15
PLACES: Final = 1 << BITS
_MASK: Final = PLACES - 1
UNIT: Final = 4096.0
"""A weight is kept as a whole number of 1/4096, from -8 to 8."""

_MOST: Final = 32767
RATE: Final = 0.5
DENSE_RATE: Final = 0.05
SEEN: Final = 255
HEADS: Final = 2
DENSE: Final = 4
"""Features that are numbers: 1, the mood's score, and its two sides squashed."""

START: Final = (0.6, 2.2, 0.2, -0.4, -0.3, 2.2, 0.2, -0.4)
"""Weights of the dense features before anything is learned, head by head."""

NEUTRAL: Final = 1.8
"""Neutral answers are few and are found by their odds against these (the share of neutral is about a tenth everywhere)."""

PREFIX: Final = 4
NEGATED: Final = 4
_VERSION: Final = 1


class Leaning(NamedTuple):
    """Probabilities of the three classes; they sum to 1."""

    negative: float
    neutral: float
    positive: float


def features(words: Sequence[Token], negators: frozenset[str]) -> list[int]:
    """The places of a text's features, each once, in order of their first appearance."""
    found: dict[str, None] = {}
    left = 0
    before = ""
    for text, _ in words:
        if text == END or text == "!" or text == "?" or text == ",":
            left = 0
            before = ""
            if text == "!":
                found[text] = None
            continue
        if text in negators:
            found[text] = None
            left = NEGATED
        elif left:
            found["!" + text] = None
            left -= 1
        else:
            found[text] = None
        if before:
            found[before + " " + text] = None
        before = text
        if len(text) > PREFIX:
            found[text[:PREFIX] + "*"] = None
    crc32 = zlib.crc32
    return list(dict.fromkeys([crc32(name.encode()) & _MASK for name in found]))


def decided(leaning: Leaning) -> Literal["negative", "neutral", "positive"]:
    """The class by its odds, neutral against NEUTRAL."""
    raised = leaning.neutral * NEUTRAL
    if raised > leaning.negative and raised > leaning.positive:
        return "neutral"
    return "positive" if leaning.positive > leaning.negative else "negative"


def _squashed(value: float) -> float:
    return value / (value + 3.0)


def _chance(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z)) if z > -30.0 else 0.0


class Model:
    """The learned weights of one store and language. Not a value: `learn` changes it."""

    __slots__ = ("answers", "dense", "seen", "weights")

    def __init__(self) -> None:
        self.weights = [array("h", bytes(2 * PLACES)) for _ in range(HEADS)]
        self.seen = bytearray(PLACES)
        self.dense = array("d", START)
        self.answers = 0

    def leaning(self, places: Sequence[int], mood: Mood) -> Leaning:
        """The three probabilities."""
        low, high = self._heads(places, mood)
        high = min(low, high)
        return Leaning(1.0 - low, low - high, high)

    def _heads(self, places: Sequence[int], mood: Mood) -> tuple[float, float]:
        return self._head(0, places, mood), self._head(1, places, mood)

    def _head(self, head: int, places: Sequence[int], mood: Mood) -> float:
        dense = self.dense
        at = DENSE * head
        z = dense[at] + dense[at + 1] * mood.score
        z += dense[at + 2] * _squashed(mood.positive) + dense[at + 3] * _squashed(mood.negative)
        if places:
            weights = self.weights[head]
            z += sum([weights[place] for place in places]) / (UNIT * math.sqrt(len(places)))
        return _chance(z)

    def learn(self, places: Sequence[int], mood: Mood, score: int) -> None:
        """One answer: its words and the 1 to 5 its customer gave. 3 is neutral, below is negative."""
        scale = 1.0 / math.sqrt(len(places)) if places else 0.0
        errors = [head - (score > 2 + index) for index, head in enumerate(self._heads(places, mood))]
        if score == 3:
            errors = [1.5 * error for error in errors]
        inputs = (1.0, mood.score, _squashed(mood.positive), _squashed(mood.negative))
        step = DENSE_RATE / math.sqrt(1.0 + self.answers / 500.0)
        seen = self.seen
        for head, error in enumerate(errors):
            weights = self.weights[head]
            pull = RATE * error * scale * UNIT
            for place in places:
                value = weights[place] - round(pull / math.sqrt(0.05 + 0.02 * seen[place]))
                weights[place] = max(-_MOST, min(_MOST, value))
            for number, given in enumerate(inputs):
                self.dense[DENSE * head + number] -= step * error * given
        for place in places:
            if seen[place] < SEEN:
                seen[place] += 1
        self.answers += 1

    def to_bytes(self) -> bytes:
        """At most 164 KB before it is compressed; what is learned of few words compresses to a few KB."""
        head = bytes([_VERSION, BITS]) + self.answers.to_bytes(8, "big") + self.dense.tobytes()
        return zlib.compress(head + b"".join(w.tobytes() for w in self.weights) + bytes(self.seen), 6)

    @classmethod
    def from_bytes(cls, kept: bytes) -> "Model":
        """ValueError where it is of another version: such a model is learned anew."""
        raw = zlib.decompress(kept)
        if len(raw) < 10 or raw[:2] != bytes([_VERSION, BITS]):
            raise ValueError("a model of another version")
        model = cls()
        model.answers = int.from_bytes(raw[2:10], "big")
        at = 10 + 8 * DENSE * HEADS
        model.dense = array("d", raw[10:at])
        for head in range(HEADS):
            model.weights[head] = array("h", raw[at : at + 2 * PLACES])
            at += 2 * PLACES
        model.seen = bytearray(raw[at : at + PLACES])
        return model
