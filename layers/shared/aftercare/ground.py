"""On what ground a message of a purpose may use a channel: consent, soft opt-in, implied consent, or none needed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aftercare.consent import Channel, Head, Purpose, Says
from aftercare.consent_policy import ConsentPolicy, consent_policy, months_before
from aftercare.customer import Customer, Order
from aftercare.identity import email, keyed_hash, phone

__all__ = ["ConsentPolicy", "Ground", "Lack", "consent_policy", "ground", "judged", "turned_off"]

MINOR = "aftercare:minor"
"""The shop's tag for somebody who cannot consent by themselves (GDPR 8: under 13 to 16). Nobody's age is asked or kept here."""

NEEDS_NO_OPT_IN = (Purpose.TRANSACTIONAL, Purpose.SERVICE)


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a channel may be used: `kind` is none-needed, asked, reply, consent, soft-opt-in or implied.

    `proof` names the evidence row."""

    kind: str
    proof: str | None = None


Why = Literal["never-asked", "turned-off", "pending", "other-address", "too-old", "not-written", "too-late", "minor"]


@dataclass(frozen=True, slots=True)
class Lack:
    """Why a channel may not be used."""

    why: Why


SUPPOSED = ("soft-opt-in", "implied")
"""Grounds that the law supposes of who said nothing."""


def reached_at(customer: Customer, identity_secret: str) -> dict[Channel, str]:
    """The keyed hash of the address on each channel that marketing would go to, and so consent is for: the account's, else the
    newest order's."""
    newest = sorted(customer.orders, key=lambda o: (o.placed_at or o.as_of, o.key), reverse=True)
    contacts = (customer.profile.contact, *(order.contact for order in newest))
    mail = next(filter(None, (email(contact.email) for contact in contacts)), None)
    number = next(filter(None, (phone(contact.phone) for contact in contacts)), None)
    where = {Channel.EMAIL: mail, Channel.SMS: number, Channel.WHATSAPP: number}
    return {channel: keyed_hash(identity_secret, address) for channel, address in where.items() if address}


def turned_off(customer: Customer, channel: Channel, purpose: Purpose) -> bool:
    """Whether the customer said no to this purpose on this channel."""
    head = customer.consent.head(channel, purpose)
    return head is not None and head.says is Says.WITHDRAWN


def ground(
    customer: Customer, channel: Channel, purpose: Purpose, policy: ConsentPolicy, now: datetime, address: str | None = None
) -> Ground | None:
    """The ground on which this purpose may use this channel's address (its keyed hash), or None."""
    found = judged(customer, channel, purpose, policy, now, address)
    return found if isinstance(found, Ground) else None


def judged(
    customer: Customer, channel: Channel, purpose: Purpose, policy: ConsentPolicy, now: datetime, address: str | None = None
) -> Ground | Lack:
    """The ground, or why there is none.

    By e-mail and in the inbox, transactional and service messages need no opt-in; every other purpose and channel needs its
    own. Consent that was given for an address is for that address only: a customer's other one has given none. What the
    person said comes before what the law supposes: soft opt-in and implied consent are for those who said nothing.
    """
    head = customer.consent.head(channel, purpose)
    if head is not None and head.says is Says.WITHDRAWN:
        return Lack("turned-off")
    if purpose not in NEEDS_NO_OPT_IN and MINOR in customer.profile.tags:
        return Lack("minor")
    if channel in (Channel.EMAIL, Channel.INBOX) and purpose in NEEDS_NO_OPT_IN:
        return Ground(kind="none-needed")
    if head is not None and head.says is Says.GIVEN:
        return _given(customer, head, policy, now, address)
    if channel is Channel.EMAIL and head is None:
        supposed = _soft_opt_in(customer, purpose, policy, now) or _implied(customer, purpose, policy, now)
        if supposed:
            return supposed
    return Lack("pending" if head else "never-asked")


def possible(customer: Customer, purpose: Purpose, policy: ConsentPolicy, now: datetime) -> bool:
    """Whether a message of this purpose may ever be sent: there is a ground by e-mail, or something was said of it on any channel
    that is no withdrawal, such as a consent that waits for its confirmation."""
    if MINOR in customer.profile.tags:
        return False
    if any(head.purpose is purpose and head.says is not Says.WITHDRAWN for head in customer.consent.heads):
        return True
    return isinstance(judged(customer, Channel.EMAIL, purpose, policy, now), Ground)


def _given(customer: Customer, head: Head, policy: ConsentPolicy, now: datetime, address: str | None) -> Ground | Lack:
    """Consent as it stands: for this address, not older than the last contact allows, and written where it must be."""
    if head.address not in (None, address):
        return Lack("other-address")
    if _last_contact(customer) < months_before(now, policy.age.months_without_contact):
        return Lack("too-old")
    telephone = policy.telephone
    if head.channel is Channel.SMS and head.purpose in telephone.written_for and not head.written:
        country = country_of(customer)
        if country is None or country in telephone.countries:
            return Lack("not-written")
    return Ground(kind="consent", proof=head.proof)


def _last_contact(customer: Customer) -> datetime:
    """When the customer last ordered or said anything about consent."""
    placed = [o.placed_at for o in customer.orders if o.placed_at]
    return max([*placed, *(h.said_at for h in customer.consent.heads)])


def _standing(customer: Customer) -> Order | None:
    """The newest order that still stands."""
    standing = [o for o in customer.orders if o.placed_at and not o.cancelled_at and not o.is_test]
    return max(standing, key=lambda o: o.placed_at or o.as_of, default=None)


def country_of(customer: Customer) -> str | None:
    """Whose law counts: where the newest standing order went, else where the customer lives."""
    latest = _standing(customer)
    return (latest.country if latest else None) or customer.profile.country


def _soft_opt_in(customer: Customer, purpose: Purpose, policy: ConsentPolicy, now: datetime) -> Ground | None:
    """Own customer of the same merchant, similar products, opt-out offered when the address was collected (rule C12)."""
    rule, latest, country = policy.soft_opt_in, _standing(customer), country_of(customer)
    if not (rule.offered_at_checkout and rule.similar_products) or purpose not in rule.purposes:
        return None
    if latest is None or country is None or country not in rule.countries:
        return None
    since = months_before(now, rule.months_by_country.get(country, rule.months))
    return Ground(kind="soft-opt-in") if (latest.placed_at or latest.as_of) > since else None


def _implied(customer: Customer, purpose: Purpose, policy: ConsentPolicy, now: datetime) -> Ground | None:
    """Canada: a purchase or an inquiry is consent for so long (CASL 10(10); rule C07)."""
    rule, latest, inquired_at = policy.implied, _standing(customer), customer.consent.inquired_at
    if purpose not in rule.purposes or country_of(customer) not in rule.countries:
        return None
    if latest and (latest.placed_at or latest.as_of) > months_before(now, rule.months_after_purchase):
        return Ground(kind="implied")
    if inquired_at and inquired_at > months_before(now, rule.months_after_inquiry):
        return Ground(kind="implied")
    return None
