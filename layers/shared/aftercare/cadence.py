"""Whether a customer would rather hear once a week: what they said, else what their group answers more readily.

A group is a country and whether it is a first order; nothing in it is about a person. An answer is a click, never an open:
Apple's proxy opens every mail. The sums only grow, so that ADD needs no read; what is newer is added with more weight (2 to
the power of its age in half-lives since a fixed day), so what is older weighs less. Only messages to people who have said
nothing count: who chose a digest would answer it anyway.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from aftercare import keys
from aftercare.customer import Customer
from aftercare.model import Model, Term
from aftercare.table import Change, Item
from aftercare.wishes import Frequency, Wishes

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HALF_LIFE = timedelta(days=180)

PERIOD = timedelta(days=56)
"""So long a customer who explores stays with one kind: long enough to know several digests, and then others take a turn."""

What = Literal["delivered", "answered"]


class Arm(Term):
    DIGEST = "digest"
    SINGLE = "single"


_SUMS = tuple(f"{arm}_" for arm in Arm)


class Learning(Model):
    """The store's settings; frequency.yaml says what each is."""

    prior: Annotated[float, Field(gt=0, le=10_000)]
    enough: Annotated[float, Field(ge=1, le=1_000_000)]
    times: Annotated[float, Field(ge=1, le=10)]
    sure: Annotated[float, Field(gt=0.5, lt=1)]
    explore: Annotated[float, Field(ge=0, le=0.5)]


class Answers(NamedTuple):
    """Of so many messages delivered so many were answered, in messages of one weight."""

    delivered: float = 0.0
    answered: float = 0.0


class Kind(NamedTuple):
    """What an answer to a message teaches: the arm that it was sent on, and whose group."""

    arm: Arm
    of: str

    def __str__(self) -> str:
        return f"{self.arm}_{self.of}"

    @classmethod
    def read(cls, text: str) -> "Kind | None":
        """What `str` wrote; None for any other text."""
        found = re.fullmatch(r"(digest|single)_([A-Z]{2}-(?:first|again))", text)
        return cls(Arm(found[1]), found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Cadences:
    """The sums of all groups, `<arm>_<group>_<delivered or answered>`."""

    sums: Mapping[str, float] = field(default_factory=dict)

    def of(self, arm: Arm, group: str, now: datetime) -> Answers:
        return self._sum(f"{arm}_{group}_", now)

    def of_all(self, arm: Arm, now: datetime) -> Answers:
        return self._sum(f"{arm}_", now)

    def _sum(self, start: str, now: datetime) -> Answers:
        today = float(weight(now))
        delivered, answered = (
            sum(value for name, value in self.sums.items() if name.startswith(start) and name.endswith(end)) / today
            for end in ("_delivered", "_answered")
        )
        return Answers(delivered, min(answered, delivered))


NOTHING = Cadences()


class Cadence(NamedTuple):
    """Digest or single, and why: the customer's word, what was learned, a turn at exploring, or too little known."""

    arm: Arm
    because: Literal["stated", "learned", "explored", "default"]


def stated(wishes: Wishes) -> Frequency | None:
    """What the customer chose on the preference page, if they were ever there."""
    return wishes.frequency if wishes.version else None


def prefers(customer: Customer, known: Cadences, rule: Learning, now: datetime) -> Cadence:
    """How this customer's messages that can wait are sent; the same answer for a customer within one period."""
    said = stated(customer.wishes)
    if said is not None:
        return Cadence(Arm.DIGEST if said is Frequency.WEEKLY else Arm.SINGLE, "stated")
    usual = learned(group(customer), known, rule, now)
    if _explores(customer.id, rule.explore, now):
        return Cadence(Arm.SINGLE if usual.arm is Arm.DIGEST else Arm.DIGEST, "explored")
    return usual


def learned(of: str, known: Cadences, rule: Learning, now: datetime) -> Cadence:
    """Digest where the group is sure enough to answer it so many times as often as a single message.

    Beta-Bernoulli: the rate of all groups, worth `prior` messages, is the prior of each; the comparison takes both posteriors
    as normal, which they are at such numbers.
    """
    posteriors = []
    for arm in (Arm.DIGEST, Arm.SINGLE):
        all_, own = known.of_all(arm, now), known.of(arm, of, now)
        if all_.delivered < rule.enough:
            return Cadence(Arm.SINGLE, "default")
        count = own.delivered + rule.prior
        mean = (own.answered + rule.prior * all_.answered / all_.delivered) / count
        posteriors.append((mean, mean * (1 - mean) / (count + 1)))
    (digest, of_digest), (single, of_single) = posteriors
    spread = math.sqrt(of_digest + rule.times**2 * of_single)
    ahead = (digest - rule.times * single) / spread if spread else 0.0
    likely = 0.5 * (1 + math.erf(ahead / math.sqrt(2)))
    return Cadence(Arm.DIGEST if likely >= rule.sure else Arm.SINGLE, "learned")


def group(customer: Customer) -> str:
    """`DE-first`: where the customer is, and whether they have bought once or more often; `ZZ` for an unknown country."""
    countries = [o.country for o in sorted(customer.orders, key=lambda o: o.as_of) if o.country]
    country = countries[-1] if countries else customer.profile.country or "ZZ"
    return f"{country}-{'again' if len(customer.orders) > 1 else 'first'}"


def _explores(customer_id: str, share: float, now: datetime) -> bool:
    period = (now - EPOCH) // PERIOD
    return keys.share(f"cadence#{customer_id}#{period}") < share


def lesson(kind: Kind, what: What, at: datetime) -> Change:
    """One message of a kind was delivered, or answered."""
    return Change(keys.cadence(), add={f"{kind}_{what}": weight(at)})


def weight(at: datetime) -> Decimal:
    """What one message of an instant adds; positive for every instant."""
    return Decimal(str(round(2.0 ** ((at - EPOCH) / HALF_LIFE), 6)))


def cadences_from(item: Item | None) -> Cadences:
    if item is None:
        return NOTHING
    return Cadences(sums={name: float(str(value)) for name, value in item.items() if name.startswith(_SUMS)})
