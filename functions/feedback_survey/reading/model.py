"""What the store's own answers teach about words: two models over hashed features, learned one answer at a time.

`P(not negative)` and `P(positive)` are separate heads, so that neutral is what lies between (Frank and Hall 2001). Features
are words, negated words, pairs of neighbours and beginnings of longer words, hashed into 2^15 places (Weinberger et al. 2009).
Each head is a logistic regression in which the step of a weight is its remaining variance (online Bayesian regression in its
extended Kalman form, with the variance taken from how often the feature was seen). Beside the words it has five numbers: 1, the
lexicon's mood, the two sides of it, and the log odds of the features by how often each class of answers had them (Wang and
Manning 2012 join the two likewise). The mood has its weight to begin with: before any answer is learned the lexicon decides
alone, and where a store's customers mean something else by a word, that is learned.
"""

import math
import zlib
from array import array
from collections.abc import Callable, Sequence
from operator import add, itemgetter
from typing import Any, Final, Literal, NamedTuple

from feedback_survey.reading.mood import Mood
from feedback_survey.reading.vocabulary import BITS, MASK, PLACES, Role, Word

MARK, NUMBER, NEGATOR = Role.MARK, Role.NUMBER, Role.NEGATOR
UNIT: Final = 4096.0
"""A weight is kept as a whole number of 1/4096, from -8 to 8."""

_MOST: Final = 32767
KNOWN: Final = 0.01
"""What one sight of a feature adds to the precision of its weight, which is 1 before: p(1-p) of a usual answer over the number
of its features."""

DENSE_RATE: Final = 0.005
STEADY: Final = 500.0
"""After so many answers the step of the dense weights starts to shrink."""

EMPHASIS: Final = 1.5
"""One neutral answer teaches like so many of the others: they are few."""

DOUBT: Final = 2.0
"""Answers of each class that are counted for every feature before it was seen in any."""

MOST_SEEN: Final = 255
CLASSES: Final = 3
HEADS: Final = 2
DENSE: Final = 5

START: Final = (0.6, 2.8, 0.2, -0.4, 0.4, -0.3, 2.8, 0.2, -0.4, 0.4)
"""Weights of the dense features before anything is learned, head by head."""

FADES: Final = 4000.0
"""After so many answers the lexicon's mood counts half of what it did: the store's own words have taken its place."""

NEUTRAL: Final = 1.8
"""Neutral answers are few and are found by their odds against these (the share of neutral is about a tenth everywhere)."""

NEGATED: Final = 3
_VERSION: Final = 3
_LOG: Final = tuple(math.log(count + DOUBT) for count in range(HEADS * MOST_SEEN + 1))


class Leaning(NamedTuple):
    """Probabilities of the three classes; they sum to 1."""

    negative: float
    neutral: float
    positive: float


def features(words: Sequence[Word]) -> list[int]:
    """The places of a text's features, each once, in order of their first appearance."""
    found: dict[int, None] = {}
    left = 0
    before = None
    crc32 = zlib.crc32
    for word in words:
        role = word.role
        if role is MARK:
            left, before = 0, None
            if word.text == "!":
                found[word.place] = None
            continue
        if role is NUMBER:
            continue
        if role is NEGATOR:
            found[word.place] = None
            left = NEGATED
        elif left:
            found[word.negated] = None
            left -= 1
        else:
            found[word.place] = None
        if before is not None:
            found[crc32(word.joined, before) & MASK] = None
        before = word.hashed
        if word.prefix >= 0:
            found[word.prefix] = None
    return [*found]


def decided(leaning: Leaning) -> Literal["negative", "neutral", "positive"]:
    """The class by its odds, neutral against NEUTRAL."""
    raised = leaning.neutral * NEUTRAL
    if raised > leaning.negative and raised > leaning.positive:
        return "neutral"
    return "positive" if leaning.positive > leaning.negative else "negative"


def _each(places: Sequence[int]) -> Callable[[Any], Sequence[Any]]:
    """What takes all of these places out of a row at once."""
    return itemgetter(*places) if len(places) > 1 else lambda row: [row[place] for place in places]


def _squashed(value: float) -> float:
    return value / (value + 3.0)


def _chance(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z)) if z > -30.0 else 0.0


class Model:
    """The learned weights of one store and language. Not a value: `learn` changes it.

    `counts` say of each place how many negative, neutral and positive answers had it; where one is full all three are halved,
    so that what was long ago weighs less. `answers` counts the answers of each class.
    """

    __slots__ = ("answers", "counts", "dense", "weights")

    def __init__(self) -> None:
        self.weights = [array("h", bytes(2 * PLACES)) for _ in range(HEADS)]
        self.counts = [bytearray(PLACES) for _ in range(CLASSES)]
        self.dense = array("d", START)
        self.answers = [0] * CLASSES

    def knows(self, places: Sequence[int]) -> bool:
        """Whether an answer taught anything about one of them."""
        at = _each(places)
        return any(any(at(counts)) for counts in self.counts)

    def leaning(self, places: Sequence[int], mood: Mood) -> Leaning:
        """The three probabilities."""
        low, high = self._chances(places, self._numbers(places, mood))
        high = min(low, high)
        return Leaning(1.0 - low, low - high, high)

    def _numbers(self, places: Sequence[int], mood: Mood) -> tuple[tuple[float, ...], ...]:
        """The dense features, head by head."""
        at = _each(places)
        bad, middling, good = map(at, self.counts)
        better = [*map(add, middling, good)]
        known = len(places) - [*map(add, bad, better)].count(0)
        low = high = 0.0
        if known:
            worse = [*map(add, bad, middling)]
            low = sum(_each(better)(_LOG)) - sum(_each(bad)(_LOG))
            high = sum(_each(good)(_LOG)) - sum(_each(worse)(_LOG))
            blamed, shrugged, praised = self.answers
            low += known * math.log((blamed + 1) / (shrugged + praised + 1))
            high += known * math.log((blamed + shrugged + 1) / (praised + 1))
            scale = 1.0 / math.sqrt(len(places))
            low, high = low * scale, high * scale
        fades = FADES / (FADES + sum(self.answers))
        shared = (1.0, fades * mood.score, _squashed(mood.positive), _squashed(mood.negative))
        return (*shared, low), (*shared, high)

    def _chances(self, places: Sequence[int], numbers: Sequence[Sequence[float]]) -> tuple[float, ...]:
        at, dense, found = _each(places), self.dense, []
        scale = 1.0 / (UNIT * math.sqrt(len(places))) if places else 0.0
        for head, (one, two, three, four, five) in enumerate(numbers):
            of = DENSE * head
            z = dense[of] * one + dense[of + 1] * two + dense[of + 2] * three + dense[of + 3] * four + dense[of + 4] * five
            found.append(_chance(z + scale * sum(at(self.weights[head]))))
        return tuple(found)

    def learn(self, places: Sequence[int], mood: Mood, score: int) -> None:
        """One answer: its words and the 1 to 5 its customer gave. 3 is neutral, below is negative."""
        numbers = self._numbers(places, mood)
        chances = self._chances(places, numbers)
        scale = 1.0 / math.sqrt(len(places)) if places else 0.0
        negative, neutral, positive = self.counts
        free = [1.0 / (1.0 + KNOWN * (negative[place] + neutral[place] + positive[place])) for place in places]
        spread = sum(free) * scale * scale
        step = DENSE_RATE / math.sqrt(1.0 + sum(self.answers) / STEADY)
        for head, (chance, given) in enumerate(zip(chances, numbers, strict=True)):
            error = (chance - (score > 2 + head)) * (EMPHASIS if score == 3 else 1.0)
            weights = self.weights[head]
            pull = UNIT * error * scale / (1.0 + max(chance * (1.0 - chance), 1e-3) * spread)
            for place, variance in zip(places, free, strict=True):
                weights[place] = max(-_MOST, min(_MOST, weights[place] - round(variance * pull)))
            for number, value in enumerate(given):
                self.dense[DENSE * head + number] -= step * error * value
        label = (score > 2) + (score > 3)
        self.answers[label] += 1
        mine = self.counts[label]
        for place in places:
            if mine[place] == MOST_SEEN:
                for counts in self.counts:
                    counts[place] >>= 1
            mine[place] += 1

    def to_bytes(self) -> bytes:
        """At most 230 KB, whatever was learned; what is learned of few words compresses to a few KB."""
        head = bytes([_VERSION, BITS]) + b"".join(number.to_bytes(8, "big") for number in self.answers) + self.dense.tobytes()
        return zlib.compress(head + b"".join([*[each.tobytes() for each in self.weights], *self.counts]), 6)

    @classmethod
    def from_bytes(cls, kept: bytes) -> "Model":
        """ValueError where it is of another version, or broken: such a model is learned anew."""
        try:
            raw = zlib.decompress(kept)
        except zlib.error as error:
            raise ValueError("not a model") from error
        start, weights = 2 + 8 * CLASSES, 2 + 8 * CLASSES + 8 * DENSE * HEADS
        if raw[:2] != bytes([_VERSION, BITS]) or len(raw) != weights + (2 * HEADS + CLASSES) * PLACES:
            raise ValueError("a model of another version")
        model = cls()
        model.answers = [int.from_bytes(raw[at : at + 8], "big") for at in range(2, start, 8)]
        model.dense = array("d", raw[start:weights])
        counts = weights + 2 * HEADS * PLACES
        model.weights = [array("h", raw[at : at + 2 * PLACES]) for at in range(weights, counts, 2 * PLACES)]
        model.counts = [bytearray(raw[at : at + PLACES]) for at in range(counts, len(raw), PLACES)]
        return model
