"""A shipment and its parcels as they lie on the customer's record.

What is kept of a parcel's scans is the first and the last time of each status. That is all its status depends on, and both are
joins (earliest, latest), so that scans may come in any order, twice and from several senders.
"""

import base64
import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field

from aftercare.carriers import is_known
from aftercare.forecast import Forecast
from aftercare.model import Model
from aftercare.parcel_status import AT_RISK, FINAL, MOVING, RANK, TROUBLES, ShipmentStatus
from aftercare.shipment_details import Code, Country, Eta, Origin, ShippedLine
from aftercare.weblink import Https


class Span(Model):
    """The first and the last scan of one status."""

    first: AwareDatetime
    last: AwareDatetime


class Place(Model):
    """Where a parcel was seen, as codes only."""

    at: AwareDatetime
    country: Country
    region: Code | None = None


class Log(Model):
    """All that is kept of the scans told of one parcel (or of a shipment as a whole). `attempt_days` are UTC dates on which
    delivery was tried, at most nine; `place` is where the latest scan with a place was."""

    spans: dict[ShipmentStatus, Span] = Field(default_factory=dict)
    attempt_days: tuple[date, ...] = ()
    place: Place | None = None
    eta: Eta | None = None

    @property
    def attempts(self) -> int:
        return len(self.attempt_days)


class Standing(NamedTuple):
    """What a log comes to."""

    status: ShipmentStatus
    at: datetime | None


def standing(logs: Iterable[Log]) -> Standing:
    """The status that all scans together come to, and the time of the scan that gave it. Pure, in any order of the scans."""
    spans: dict[ShipmentStatus, tuple[datetime, datetime]] = {}
    for log in logs:
        for status, span in log.spans.items():
            first, last = spans.get(status, (span.first, span.last))
            spans[status] = (min(first, span.first), max(last, span.last))
    for final in reversed(FINAL):
        if final in spans:
            return Standing(final, spans[final][0])
    moved = [spans[status][1] for status in MOVING if status in spans]
    troubles = [(spans[status][1], TROUBLES.index(status), status) for status in TROUBLES if status in spans]
    if troubles and (not moved or max(troubles)[0] >= max(moved)):
        at, _, status = max(troubles)
        return Standing(status, at)
    reached = [(RANK[status], last, status) for status, (_, last) in spans.items() if status in RANK]
    if not reached:
        return Standing(ShipmentStatus.UNKNOWN, None)
    _, at, status = max(reached, key=lambda one: (one[0], one[1], list(RANK).index(one[2])))
    return Standing(status, at)


class Parcel(Model):
    """One parcel. `number` is normalised (aftercare.carriers), `carriers` are all that its senders named.

    `listed_at` is the time of the newest description that lists it: a parcel that a newer list leaves out was taken back.
    From `status` on the fields follow from the logs and are written with them: `shipped_at` is when the carrier first had it.
    """

    number: str
    other_numbers: tuple[str, ...] = ()
    carriers: tuple[str, ...] = ()
    url: Https | None = None
    url_at: AwareDatetime | None = None
    listed_at: AwareDatetime | None = None
    log: Log = Log.model_construct()
    status: ShipmentStatus = ShipmentStatus.UNKNOWN
    status_at: AwareDatetime | None = None
    shipped_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    first_scan_at: AwareDatetime | None = None
    last_scan_at: AwareDatetime | None = None

    @property
    def id(self) -> str:
        """The parcel's short name in events and message keys: a tracking number itself leads to an address."""
        return parcel_id(self.number)

    @property
    def carrier(self) -> str | None:
        """The carrier's one name; where senders differ, one that is in our list."""
        return min(self.carriers, key=lambda name: (not is_known(name), name), default=None)

    @property
    def eta(self) -> Eta | None:
        return self.log.eta

    @property
    def attempts(self) -> int:
        """Days on which delivery was tried."""
        return self.log.attempts


def parcel_id(number: str) -> str:
    """12 characters of a-z2-7 for a normalised parcel number."""
    return base64.b32encode(hashlib.sha256(number.encode()).digest()).decode().lower()[:12]


class DelayNotice(Model):
    """That the customer is told of a delay: the revised date, and when it turned out to be needless. Days are extra days
    against what was promised; `late_probability` is the chance that the notice stood on."""

    at: AwareDatetime
    arrives_by: AwareDatetime
    days_from: Annotated[int, Field(ge=1)]
    days_to: Annotated[int, Field(ge=1)]
    because: str
    late_probability: Annotated[float, Field(ge=0, le=1)] | None = None
    recovered_at: AwareDatetime | None = None


class Watch(Model):
    """The next instant at which silence becomes information, and when that was set."""

    at: AwareDatetime
    set_at: AwareDatetime


class Shipment(Model):
    """One parcel list of one or several orders: the join of its facts, so the order of their arrival does not matter.

    `key` is `<shop>:<sender's reference>`. `described_at` is when it was first described; until then only scans are known and
    nothing is told of it. `log` holds what senders tell of the shipment as a whole, and speaks for each parcel that nobody
    speaks of by number (and for the only one). `told` says when each part of the description was told last.
    From `status` on the fields follow from the others and are written with them: the status is that of the parcel that is
    least far, `delivered_at` is set when all parcels are delivered. What follows `forecast` is shipping_delay's; intake keeps
    it as it is: `departed_at` and `learned_at` say that its hand-over and its arrival were learned, `assumed_at` that silence
    was taken for arrival, `held_out_at` that a notice was withheld to measure what notices do, `cases` (short names) that its
    customer asked where it is.
    """

    key: str
    shop: str
    ref: str
    version: int = 0
    order_keys: tuple[str, ...] = ()
    as_of: AwareDatetime
    described_at: AwareDatetime | None = None
    told_shipped_at: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None
    lines: tuple[ShippedLine, ...] = ()
    origin: Origin = Origin.model_construct()
    service: Code | None = None
    weight_grams: Annotated[int, Field(ge=0)] | None = None
    told: dict[str, AwareDatetime] = Field(default_factory=dict)
    parcels: tuple[Parcel, ...] = ()
    log: Log = Log.model_construct()
    is_test: bool = False
    suppress_notification: bool = False
    status: ShipmentStatus = ShipmentStatus.UNKNOWN
    status_at: AwareDatetime | None = None
    shipped_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    forecast: Forecast | None = None
    notices: tuple[DelayNotice, ...] = ()
    held_out_at: AwareDatetime | None = None
    watch: Watch | None = None
    departed_at: AwareDatetime | None = None
    learned_at: AwareDatetime | None = None
    assumed_at: AwareDatetime | None = None
    cases: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether it is known what it is, and it was not taken back."""
        return self.described_at is not None and self.cancelled_at is None

    @property
    def current(self) -> tuple[Parcel, ...]:
        """Its parcels without those that a newer list left out."""
        listed = self.told.get("parcels")
        return tuple(p for p in self.parcels if p.listed_at is None or listed is None or p.listed_at >= listed)

    def logs_of(self, parcel: Parcel) -> tuple[Log, ...]:
        """What speaks of a parcel: its own scans, and those of the shipment where it is the only one or nobody else does."""
        current = self.current
        alone = len(current) == 1 and current[0].number == parcel.number
        return (parcel.log, self.log) if alone or not parcel.log.spans else (parcel.log,)

    @property
    def eta(self) -> Eta | None:
        """The latest of what the carriers say of its parcels."""
        etas = [log.eta for log in (self.log, *(p.log for p in self.current)) if log.eta]
        return max(etas, key=lambda eta: (eta.until, eta.told_at), default=None)

    @property
    def late(self) -> DelayNotice | None:
        """The notice of its delay that stands: told and not taken back."""
        return self.notices[-1] if self.notices and self.notices[-1].recovered_at is None else None

    @property
    def at_risk_since(self) -> datetime | None:
        """Since when it is late (as its customer was told), or in trouble at its carrier; None once it is there or taken back."""
        if not self.stands or self.delivered_at or self.assumed_at or self.is_test:
            return None
        return self.late.at if self.late else self.status_at if self.status in AT_RISK else None

    def parcel(self, parcel: str | None) -> Parcel | None:
        """The parcel of that short name (Parcel.id)."""
        return next((p for p in self.parcels if p.id == parcel), None)
