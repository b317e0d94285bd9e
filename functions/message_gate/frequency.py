"""How much a customer may hear and when offers keep quiet: the store's settings, and what they say about one customer."""

from collections.abc import Collection, Iterable
from datetime import datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from aftercare.cadence import Learning
from aftercare.caps import Caps, Limit, longest
from aftercare.consent import Channel, Purpose
from aftercare.content import read_content
from aftercare.customer import Customer
from aftercare.decision import Reason
from aftercare.model import Model
from aftercare.proposal import Word
from aftercare.rate import SendingRate

Sign = Literal["bad_cue", "good_cue", "case_closed", "fading"]
Days = Annotated[int, Field(ge=1, le=400)]
Times = Annotated[float, Field(gt=0, le=20)]


class Bounds(Model):
    least: Times
    most: Times


class Stretch(Model):
    """A sign seen within so many days multiplies the caps' windows. `after`: so many messages that hoped for an answer without
    one are the sign `fading`."""

    sign: Sign
    days: Days
    times: Times
    after: Annotated[int, Field(ge=2, le=100)] | None = None

    @model_validator(mode="after")
    def _fades_after_some(self) -> "Stretch":
        if (self.sign == "fading") != (self.after is not None):
            raise ValueError("after: expected for `fading`, and for no other sign")
        return self


class Spacing(Model):
    """What makes the caps' windows longer or shorter, within bounds."""

    bounds: Bounds
    signs: tuple[Stretch, ...] = ()


class Silence(Model):
    """What offers keep quiet for, and how long each counts."""

    purposes: tuple[Purpose, ...]
    look_again_hours: Annotated[int, Field(ge=1, le=168)]
    open_case_days: Days
    parcel_at_risk_days: Days
    bad_cue_days: Days


class Digest(Model):
    """What can wait a week, when a customer's week ends, and how it is learned who would rather hear once.

    `opens` and `closes` are local times of one day: the instants of all customers are spread between them.
    """

    templates: tuple[Word, ...]
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    opens: time
    closes: time
    most: Annotated[int, Field(ge=2, le=15)]
    learning: Learning

    @model_validator(mode="after")
    def _opens_first(self) -> "Digest":
        if self.opens >= self.closes:
            raise ValueError("closes: expected a time after opens")
        return self


class FrequencyPolicy(Model):
    """The store's settings, content/frequency.yaml."""

    caps: tuple[Limit, ...]
    spacing: Spacing
    silence: Silence
    digest: Digest
    rate: SendingRate

    def limits(self, purposes: Collection[Purpose]) -> tuple[Limit, ...]:
        """The limits that one of these purposes counts for, on whatever channel."""
        return tuple(limit for limit in self.caps if any(purpose in limit.purposes for purpose in purposes))

    @property
    def kept(self) -> timedelta:
        """How long a message that was sent may matter."""
        return longest(self.caps, self.spacing.bounds.most)


@lru_cache(maxsize=1)
def frequency_policy() -> FrequencyPolicy:
    return read_content(Path("frequency.yaml"), FrequencyPolicy)


def _seen(customer: Customer, sign: Sign, after: int | None) -> datetime | None:
    """When a sign was last seen on a customer's record."""
    if sign == "fading":
        return customer.learned.delivered_at if after and customer.learned.unanswered >= after else None
    if sign == "case_closed":
        return max((c.closed_at for c in customer.cases if c.closed_at), default=None)
    felt = customer.felt("bad" if sign == "bad_cue" else "good")
    return felt[0] if felt else None


def stretch(customer: Customer, spacing: Spacing, now: datetime) -> tuple[float, tuple[str, ...]]:
    """By how much the caps' windows are multiplied for this customer, and the signs that say so."""
    factor, signs = 1.0, []
    for one in spacing.signs:
        seen = _seen(customer, one.sign, one.after)
        if seen and seen + timedelta(days=one.days) > now:
            factor *= one.times
            signs.append(f"{one.sign} {one.after}" if one.after else str(one.sign))
    return min(max(factor, spacing.bounds.least), spacing.bounds.most), tuple(signs)


class Full(NamedTuple):
    """The limit that has no room, and from when it has."""

    limit: Limit
    opens: datetime


def full(caps: Caps, limits: Iterable[Limit], channel: Channel, now: datetime, factor: float = 1.0) -> Full | None:
    """The limit that keeps a message that all these count from this channel longest, or None where all have room."""
    shut = [Full(one, one.opens(caps, now, factor)) for one in limits if one.on(channel)]
    return max((s for s in shut if s.opens > now), key=lambda s: (s.opens, s.limit.name), default=None)


class Quiet(NamedTuple):
    """Why offers keep quiet for a customer, and what it is."""

    because: Reason
    about: str


def quiet(customer: Customer, silence: Silence, now: datetime) -> Quiet | None:
    """Why offers keep quiet now, or None: an open case, a parcel at risk, or an order that felt bad."""
    for case in customer.cases:
        if case.open and case.opened_at and case.opened_at + timedelta(days=silence.open_case_days) > now:
            return Quiet(Reason.OPEN_CASE, case.ref)
    for shipment in customer.shipments:
        since = shipment.at_risk_since
        if since and since + timedelta(days=silence.parcel_at_risk_days) > now:
            return Quiet(Reason.PARCEL_AT_RISK, shipment.key)
    bad = customer.felt("bad")
    if bad and bad[0] + timedelta(days=silence.bad_cue_days) > now:
        return Quiet(Reason.BAD_EXPERIENCE, bad[1])
    return None
