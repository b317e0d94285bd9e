"""The store's consent settings (content/consent.yaml) and the rules of law that they parametrise, as pure functions."""

from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from aftercare.consent import Channel, Purpose
from aftercare.content import read_content
from aftercare.model import Model

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Months = Annotated[int, Field(ge=1, le=60)]


class SoftOptIn(Model):
    """When e-mail to own customers needs no consent (ePrivacy 13(2), PECR 22(3); rule C12)."""

    offered_at_checkout: bool
    similar_products: bool
    purposes: tuple[Purpose, ...]
    countries: tuple[Country, ...]
    months: Months
    months_by_country: dict[Country, Months] = Field(default_factory=dict)


class DoubleOptIn(Model):
    """Where consent by e-mail counts only after it was confirmed from the mailbox itself (rule C15)."""

    countries: tuple[Country, ...]
    purposes: tuple[Purpose, ...]
    expires_after_days: Annotated[int, Field(ge=1, le=14)]
    remind_after_days: Annotated[int, Field(ge=1, le=13)] | None = None

    @model_validator(mode="after")
    def _reminder_before_the_end(self) -> "DoubleOptIn":
        if self.remind_after_days is not None and self.remind_after_days >= self.expires_after_days:
            raise ValueError("remind_after_days: expected fewer than expires_after_days")
        return self

    def asks(self, channel: Channel, purpose: Purpose, country: str | None) -> bool:
        """Whether consent to this purpose needs a confirmation. A country that nobody knows may be one of them."""
        known = country is None or country in self.countries
        return bool(self.countries) and known and channel is Channel.EMAIL and purpose in self.purposes


class Implied(Model):
    """Canada's implied consent: so long after the last purchase or inquiry (CASL 10(9)-(10); rule C07)."""

    countries: tuple[Country, ...]
    purposes: tuple[Purpose, ...]
    months_after_purchase: Annotated[int, Field(ge=1, le=24)]
    months_after_inquiry: Annotated[int, Field(ge=1, le=6)]


class Age(Model):
    """How long consent lasts without any contact."""

    months_without_contact: Months


class Telephone(Model):
    """United States, TCPA: what a marketing text needs, and how far a revocation reaches (rules C16, C19)."""

    countries: tuple[Country, ...]
    written_for: tuple[Purpose, ...]
    revoke_scope: Literal["all", "category"]
    revoke_all_from: date


class ConsentPolicy(Model):
    """content/consent.yaml."""

    soft_opt_in: SoftOptIn
    double_opt_in: DoubleOptIn
    implied: Implied
    age: Age
    telephone: Telephone


@lru_cache(maxsize=1)
def consent_policy() -> ConsentPolicy:
    return read_content(Path("consent.yaml"), ConsentPolicy)


def months_before(instant: datetime, months: int) -> datetime:
    """The same day and time so many calendar months earlier; the last day of a month that is shorter."""
    count = instant.year * 12 + instant.month - 1 - months
    year, month = divmod(count, 12)
    for day in range(instant.day, instant.day - 4, -1):
        try:
            return instant.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("no month has fewer than 28 days")


def revoked(policy: Telephone, channel: Channel, answered: Purpose | None, now: datetime) -> tuple[tuple[Channel, Purpose], ...]:
    """What a STOP takes back: everything on its channel, or only the kind of message that it answered.

    With `category` that holds until the FCC's revoke-all rule is in force (waiver DA 26-12: 31 January 2027). A STOP that
    answers no message that we know takes everything.
    """
    if policy.revoke_scope == "category" and answered is not None and now.astimezone(UTC).date() < policy.revoke_all_from:
        return ((channel, answered),)
    return tuple((channel, purpose) for purpose in Purpose)
