"""What the delay model knows of a parcel, and what it answers: plain values without a rule in them.

Knowledge is a mapping from a text key to a tuple of numbers, all of them sums. Time is always an argument; datetimes are
aware. Numbers called log are natural logarithms.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import floor, log
from typing import NamedTuple

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday, so that day % 7 is the weekday. Decay is forward from here (Cormode et al. 2009)."""

Counters = Mapping[str, Sequence[float]]
Increments = dict[str, tuple[float, ...]]

_DAY = 86400.0
_DISTANCE_RATIO, _WEIGHT_RATIO, _FREIGHT_RATIO = log(1.5), log(1.7), log(1.4)


def days(at: datetime) -> float:
    """Days since EPOCH."""
    return (at - EPOCH).total_seconds() / _DAY


class Status(StrEnum):
    """Where the parcel is, as far as it changes what to expect."""

    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    EXCEPTION = "exception"


STAGE_PRIOR = {Status.OUT_FOR_DELIVERY: (-1.2, 0.8), Status.EXCEPTION: (1.1, 0.9)}
"""Log-days left after such a scan: mean and standard deviation, before anything is learned."""


class Parcel(NamedTuple):
    """What is known of a parcel at hand-over; a feature that is None takes no part.

    promised_by is exclusive: the end of the promised day where the parcel is going. Late is delivered at or after it.
    """

    handed_at: datetime
    promised_by: datetime | None = None
    origin_region: str | None = None
    destination_region: str | None = None
    origin_postcode: str | None = None
    destination_postcode: str | None = None
    distance_km: float | None = None
    seller: str | None = None
    weight_g: float | None = None
    category: str | None = None
    freight: float | None = None
    carrier: str | None = None
    service: str | None = None
    destination_country: str | None = None


class Basis(NamedTuple):
    """What the hand-over forecast stood on; kept with the shipment, it is all that `depart` and `learn` need.

    Learning from the values of prediction time, not of delivery time, is what spares the read.
    """

    location: float  # log working days, without the pace
    pace: float  # log-days, positive is slower
    region_pace: float  # log-days: the part of pace that is the region's
    signal: float  # log of expected over observed arrivals of the whole store
    lasting: float  # log-days: the pace's long-run mean, which no driver should be blamed for
    level: float  # log-days: the store's own level, part of location
    settled: float  # mean age of what was learned, in transits: how far lessons are ahead of the forecasts they came from
    effects: tuple[float, ...]  # log-days, in the order of terms(parcel)
    kept: tuple[float, ...]  # shares, in the order of the appointment terms
    appointment: float  # P(delivered on the promised day by appointment)
    week: tuple[float, ...]  # speed of the weekly clock, Monday first, mean 1


class Forecast(NamedTuple):
    """Days count from hand-over; late_probability is None without a promise; drivers are all (term, log-days)."""

    handed_at: datetime
    p10: float
    p50: float
    p90: float
    late_probability: float | None
    basis: Basis
    terms: Sequence[tuple[str, str]]

    @property
    def drivers(self) -> tuple[tuple[str, float], ...]:
        found = [(term, effect) for (term, _), effect in zip(self.terms, self.basis.effects, strict=True)]
        store = self.basis.pace - self.basis.region_pace
        return (*found, ("pace", store - self.basis.lasting), ("region pace", self.basis.region_pace))

    @property
    def p10_at(self) -> datetime:
        return self.handed_at + timedelta(self.p10)

    @property
    def p50_at(self) -> datetime:
        return self.handed_at + timedelta(self.p50)

    @property
    def p90_at(self) -> datetime:
        return self.handed_at + timedelta(self.p90)


def terms(parcel: Parcel) -> list[tuple[str, str]]:
    """(term, key) for every feature that is present; bands are generic logarithmic ones."""
    found: list[tuple[str, str]] = []
    origin, destination = parcel.origin_region, parcel.destination_region
    if destination is not None:
        found.append(("lane", f"l:{origin or ''}>{destination}"))
    if parcel.distance_km is not None:
        found.append(("distance", f"d:{floor(log(parcel.distance_km + 10.0) / _DISTANCE_RATIO)}"))
    postcode = parcel.destination_postcode
    if postcode:
        area = f"{parcel.destination_country or ''}{postcode[:3]}"
        if parcel.origin_postcode:
            found.append(("route", f"r:{parcel.origin_postcode[:3]}>{area}"))
        found.append(("area", f"a:{area}"))
        found.append(("postcode", f"p:{parcel.destination_country or ''}{postcode}"))
    if parcel.seller is not None:
        found.append(("seller", f"s:{parcel.seller}"))
    if parcel.weight_g:
        found.append(("weight", f"w:{floor(log(max(parcel.weight_g, 50.0)) / _WEIGHT_RATIO)}"))
    if parcel.category is not None:
        found.append(("category", f"c:{parcel.category}"))
    if parcel.freight:
        found.append(("freight", f"f:{floor(log(max(parcel.freight, 1.0)) / _FREIGHT_RATIO)}"))
    if parcel.carrier is not None:
        found.append(("carrier", f"k:{parcel.carrier}"))
        if parcel.service is not None:
            found.append(("service", f"v:{parcel.carrier}:{parcel.service}"))
    elif parcel.service is not None:
        found.append(("service", f"v::{parcel.service}"))
    return found


def pack(basis: Basis) -> list[float]:
    """A basis as a flat list of numbers for the shipment's record (five decimals)."""
    head = (basis.location, basis.pace, basis.region_pace, basis.signal, basis.lasting, basis.level, basis.settled)
    numbers = (*head, basis.appointment, *basis.week, float(len(basis.effects)), *basis.effects, *basis.kept)
    return [round(value, 5) for value in numbers]


def unpack(numbers: Sequence[float]) -> Basis:
    """The basis that `pack` made a list of."""
    location, pace, region_pace, signal, lasting, level, settled, appointment = numbers[:8]
    split = 16 + int(numbers[15])
    effects, kept, week = tuple(numbers[16:split]), tuple(numbers[split:]), tuple(numbers[8:15])
    return Basis(location, pace, region_pace, signal, lasting, level, settled, effects, kept, appointment, week)
