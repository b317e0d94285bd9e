"""The store's settings about delays, content/shipping.yaml: what silence costs, what an alarm costs, when parcels are slower."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from aftercare.content import read_content
from aftercare.model import Model
from aftercare.shipment_details import Origin

Share = Annotated[float, Field(ge=0, le=1)]
MonthDay = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class Costs(Model):
    """In the store's own currency; only their ratio decides."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    answering: Annotated[float, Field(gt=0)]
    asks_when_late: Annotated[float, Field(gt=0, le=1)]
    needless_notice: Annotated[float, Field(gt=0)]


class Peak(Model):
    """A time of the year, both days included; one that ends before it begins reaches into the next year."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
    begins: Annotated[MonthDay, Field(alias="from")]
    until: MonthDay

    def holds(self, day: date) -> bool:
        today = f"{day:%m-%d}"
        if self.begins <= self.until:
            return self.begins <= today <= self.until
        return today >= self.begins or today <= self.until


class ShippingPolicy(Model):
    """All of shipping.yaml."""

    costs: Costs
    needless_notices_per_100: Annotated[float, Field(ge=0, le=100)]
    arrivals_learned: Annotated[int, Field(ge=0, le=10_000)] = 50
    worse_by_days: Annotated[int, Field(ge=1, le=30)] = 1
    recovered_below: Share = 0.5
    held_out_share: Share = 0.0
    unshipped_after_days: Annotated[int, Field(ge=0, le=60)]
    peaks: tuple[Peak, ...] = ()
    origin: Origin = Origin.model_construct()

    @property
    def threshold(self) -> float:
        """P(late) from which silence is expected to cost more than a needless alarm (Elkan 2001)."""
        silence = self.costs.asks_when_late * self.costs.answering
        return self.costs.needless_notice / (self.costs.needless_notice + silence)

    @property
    def recovered(self) -> float:
        """P(late) below which a notice is taken back."""
        return self.threshold * self.recovered_below

    def in_peak(self, at: datetime) -> bool:
        return any(peak.holds(at.date()) for peak in self.peaks)

    def held_out(self, shipment_key: str) -> bool:
        """Whether this shipment's notice is withheld to measure what notices do: the same answer for it every time."""
        drawn = int.from_bytes(sha256(f"held-out#{shipment_key}".encode()).digest()[:4]) / 2**32
        return drawn < self.held_out_share

    @property
    def unshipped_after(self) -> timedelta | None:
        return timedelta(days=self.unshipped_after_days) if self.unshipped_after_days else None


@lru_cache(maxsize=1)
def shipping_policy() -> ShippingPolicy:
    """The settings of this deployment, read once. ContentError."""
    return read_content(Path("shipping.yaml"), ShippingPolicy)
