"""How a text feels, from a lexicon: the sum of its words' values with negation, emphasis and turns, from -1 to 1.

The form of the sum is Hutto and Gilbert's (VADER, 2014): s / sqrt(s^2 + 15). Negated words count against, with 0.74 of
their value; what follows a "but" counts half again, what went before it half. An idiom has a value of its own.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from feedback_survey.reading.vocabulary import Role, Word

PLAIN, VALUED, MARK, FIXED = Role.PLAIN, Role.VALUED, Role.MARK, Role.FIXED
NEGATOR, BUT, MORE, LESS = Role.NEGATOR, Role.BUT, Role.MORE, Role.LESS

NEGATED = -0.74
REACH = 3
"""So many words after a negator are negated, if no mark comes before: what follows a comma is said anew."""

ALONE = -0.7
"""What a negation says in which nothing was negated that has a value: "never arrived", "no signal"."""

EMPHASIS, CAPITALS, EXCLAIMED = 0.293, 0.733, 0.292
SOFTENED = 15.0


class Mood(NamedTuple):
    """`score` from -1 to 1; `positive` and `negative` are the sums of each side, so that a mixed text shows as one."""

    score: float
    positive: float
    negative: float

    @property
    def says_nothing(self) -> bool:
        return not self.positive and not self.negative


def _idioms_joined(words: Sequence[Word]) -> Sequence[Word]:
    """The words with each idiom as one."""
    begun = [at for at, (word, after) in enumerate(pairwise(words)) if word.idioms and after.text in word.idioms]
    if not begun:
        return words
    texts = tuple([word.text for word in words])
    found: list[Word] = []
    done = 0
    for at in begun:
        for rest, idiom in (words[at].idioms or {})[texts[at + 1]]:
            end = at + 1 + len(rest)
            if at >= done and texts[at + 1 : end] == rest:
                found += [*words[done:at], idiom]
                done = end
                break
    return [*found, *words[done:]]


def mood(words: Sequence[Word], loud: frozenset[str] = frozenset()) -> Mood:
    """Of a text's words; `loud` are those in capitals. Linear in their number. Pure."""
    found: list[float] = []
    before_but = 0
    negated, alone = 0, False
    push = 0.0
    marks = 0
    for word in _idioms_joined(words):
        role = word.role
        if role is PLAIN:
            if negated:
                negated -= 1
                if not negated and alone:
                    found.append(ALONE)
        elif role is VALUED:
            value = word.value
            if push or loud:
                value += math.copysign(1.0, value) * (push + (CAPITALS if word.text in loud else 0.0))
                push = 0.0
            found.append(value * NEGATED if negated else value)
            negated, alone = max(negated - 1, 0) if value < 0.0 else 0, False
        elif role is MARK:
            marks += word.text == "!"
            if negated and alone:
                found.append(ALONE)
            negated = 0
            push = 0.0
        elif role is NEGATOR:
            negated, alone = REACH, True
        elif role is MORE:
            push += EMPHASIS
        elif role is LESS:
            push -= EMPHASIS
        elif role is FIXED:
            found.append(word.value)
            alone = False
        elif role is BUT:
            before_but = len(found)
            negated = 0
    if negated and alone:
        found.append(ALONE)
    if before_but:
        found = [0.5 * value for value in found[:before_but]] + [1.5 * value for value in found[before_but:]]
    positive = sum(value for value in found if value > 0.0)
    negative = -sum(value for value in found if value < 0.0)
    total = positive - negative
    if total:
        total += math.copysign(EXCLAIMED * min(marks, 4), total)
    return Mood(total / math.sqrt(total * total + SOFTENED), positive, negative)
