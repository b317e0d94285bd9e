"""When a reorder reminder is worth sending, `reorder` of content/thresholds.yaml. `ContentError` names what is wrong with it."""

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field, field_validator

from aftercare.content import THRESHOLDS, read_content
from aftercare.customer import OrderLine
from aftercare.model import Model

CENT = Decimal("0.01")
Days = Annotated[int, Field(ge=0, le=60)]


class Worth(NamedTuple):
    """What a reminder is expected to bring and what it costs, in cents of one currency; None where no price is known."""

    pays: bool
    gain: int | None


class Lead(Model):
    """How many days before a renewal it is told, by how long the period is; 0: not at all."""

    week: Days
    month: Days
    year: Days

    def of(self, period: float) -> int:
        """For a period of so many days: below four weeks, below ten months, and from there on."""
        return self.week if period < 28 else self.month if period < 300 else self.year


class ReorderPolicy(Model):
    """`reorder` of thresholds.yaml."""

    margin: Annotated[str, Field(pattern=r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$")]
    annoying: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,4})?$")]]
    least_chance: Annotated[float, Field(ge=0, le=1)]
    renewal_lead_days: Lead

    @field_validator("margin", mode="before")
    @classmethod
    def _text(cls, told: object) -> object:
        if isinstance(told, float):
            raise ValueError('expected a share as text, such as "0.30"')
        return told

    def worth(self, lines: Iterable[OrderLine], chance: float) -> Worth:
        """Whether a reminder of these lines pays: price x margin x P(hit) against what it costs to annoy."""
        prices = [(line.unit_price, line.quantity) for line in lines if line.unit_price]
        currencies = {price.currency for price, _ in prices}
        if len(currencies) != 1 or not currencies <= self.annoying.keys():
            return Worth(chance >= self.least_chance, None)
        (currency,) = currencies
        total = sum((price.amount * quantity for price, quantity in prices), start=Decimal(0))
        gain = total * Decimal(self.margin) * Decimal(str(round(chance, 6)))
        return Worth(gain > Decimal(self.annoying[currency]), int(gain / CENT))


@lru_cache(maxsize=1)
def reorder_policy() -> ReorderPolicy:
    """The settings of this deployment, read once. ContentError."""

    class Thresholds(Model):
        model_config = ConfigDict(extra="ignore")
        reorder: ReorderPolicy

    return read_content(Path(THRESHOLDS), Thresholds).reorder
