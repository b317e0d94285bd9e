"""Which of several ways to ask is taken: what was answered most is taken most, and each keeps its chance. Pure.

Thompson sampling over Beta-Bernoulli: each arm's rate is drawn from what is known of it, the highest drawn wins. An arm starts
from the rate of all, worth `prior` requests. The draw's randomness is the hash of a name: the same request is put the same way.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Literal, NamedTuple

from aftercare import keys
from aftercare.learned import weight
from aftercare.review_policy import Learning
from aftercare.table import Change, Item

ASKED, ANSWERED = "asked_", "answered_"


class Arm(NamedTuple):
    name: str
    because: Literal["only", "explored", "drawn"]


def choose(arms: Sequence[str], known: Item | None, learning: Learning, now: datetime, name: str) -> Arm:
    """One of the arms; `known` are the sums as lesson() adds to them, `name` is what the choice is for."""
    if len(arms) == 1:
        return Arm(arms[0], "only")
    if keys.share(f"explores#{name}") < learning.explore:
        return Arm(arms[int(keys.share(f"arm#{name}") * len(arms))], "explored")
    sums = {arm: _answers(known or {}, arm, now) for arm in arms}
    asked, answered = (sum(pair[n] for pair in sums.values()) for n in (0, 1))
    rate = (answered + 1) / (asked + 2)
    draw = Random(f"review-arms#{name}")  # noqa: S311 - a choice of words
    drawn = {
        arm: draw.betavariate(learning.prior * rate + yes, learning.prior * (1 - rate) + max(all_ - yes, 0.0))
        for arm, (all_, yes) in sums.items()
    }
    return Arm(max(arms, key=lambda arm: drawn[arm]), "drawn")


def _answers(known: Mapping[str, object], arm: str, now: datetime) -> tuple[float, float]:
    """How many were asked so and how many of them answered, in requests of today's weight."""
    today = float(weight(now))
    asked, answered = (float(str(known.get(kind + arm, 0))) / today for kind in (ASKED, ANSWERED))
    return asked, min(answered, asked)


def lesson(choice: str, arm: str, answered: bool, at: datetime) -> Change:
    """One request that was put so, and whether it was answered within the time that each is given."""
    more = {f"{ANSWERED}{arm}": weight(at)} if answered else {}
    return Change(keys.review_arms(choice), add={f"{ASKED}{arm}": weight(at), **more})
