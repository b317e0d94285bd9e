"""On what ground a message of a purpose may use a channel: consent, the soft opt-in, or none needed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from aftercare.consent import Channel, Purpose, Says
from aftercare.content import read_content
from aftercare.customer import Customer
from aftercare.model import Model

MONTH = timedelta(days=30)
NEEDS_NO_OPT_IN = (Purpose.TRANSACTIONAL, Purpose.SERVICE)


class SoftOptIn(Model):
    """When e-mail to own customers needs no consent (ePrivacy 13(2), PECR 22(3))."""

    offered_at_checkout: bool
    purposes: tuple[Purpose, ...]
    countries: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...]
    months: Annotated[int, Field(ge=1, le=60)]
    months_by_country: dict[str, int] = Field(default_factory=dict)


class ConsentPolicy(Model):
    """The store's consent settings, content/consent.yaml."""

    soft_opt_in: SoftOptIn


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a channel may be used: `kind` is none-needed, consent or soft-opt-in; `proof` names the evidence row."""

    kind: str
    proof: str | None = None


@lru_cache(maxsize=1)
def consent_policy() -> ConsentPolicy:
    return read_content(Path("consent.yaml"), ConsentPolicy)


def turned_off(customer: Customer, channel: Channel, purpose: Purpose) -> bool:
    """Whether the customer said no to this purpose on this channel."""
    head = customer.consent.head(channel, purpose)
    return head is not None and head.says is Says.WITHDRAWN


def ground(
    customer: Customer, channel: Channel, purpose: Purpose, policy: ConsentPolicy, now: datetime, address: str | None = None
) -> Ground | None:
    """The ground on which this purpose may use this channel's address (its keyed hash), or None.

    By e-mail, transactional and service messages need no opt-in; every other purpose and channel needs its own. Consent
    that was given for an address is for that address only: a customer's other one has given none.
    """
    if turned_off(customer, channel, purpose):
        return None
    if channel is Channel.EMAIL and purpose in NEEDS_NO_OPT_IN:
        return Ground(kind="none-needed")
    head = customer.consent.head(channel, purpose)
    if head is not None:
        given = head.says is Says.GIVEN and head.address in (None, address)
        return Ground(kind="consent", proof=head.proof) if given else None
    if channel is Channel.EMAIL and _soft_opt_in(customer, purpose, policy.soft_opt_in, now):
        return Ground(kind="soft-opt-in")
    return None


def _soft_opt_in(customer: Customer, purpose: Purpose, rule: SoftOptIn, now: datetime) -> bool:
    if not rule.offered_at_checkout or purpose not in rule.purposes:
        return False
    standing = [o for o in customer.orders if o.placed_at and not o.cancelled_at and not o.is_test]
    if not standing:
        return False
    latest = max(standing, key=lambda o: o.placed_at or o.as_of)
    country = latest.country or customer.profile.country
    if country not in rule.countries:
        return False
    months = rule.months_by_country.get(country, rule.months)
    return (latest.placed_at or latest.as_of) > now - months * MONTH
