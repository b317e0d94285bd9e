"""What a support agent heard and enters: an opt-out, consent, complaint, objection or inquiry, as statements with evidence.

Used by the command and by the agent's form, so that both keep the same rows.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from aftercare.consent import Actor, Channel, Declaration, Purpose, Says, Statement, clamp
from aftercare.consent_log import MARKETING, Speaker, Spoken, after_all_before, until_confirmed
from aftercare.consent_policy import DoubleOptIn
from aftercare.customer import Customer
from aftercare.ground import reached_at
from aftercare.model import Model


class Heard(StrEnum):
    """What the customer told the agent."""

    OPT_OUT = "opt-out"
    CONSENT = "consent"
    COMPLAINT = "complaint"
    OBJECTION = "objection"
    INQUIRY = "inquiry"
    NO_SALE = "no-sale"


class Manner(StrEnum):
    """How the customer told it."""

    PHONE = "phone"
    EMAIL = "email"
    CHAT = "chat"
    LETTER = "letter"
    IN_PERSON = "in-person"


class BadEntry(ValueError):
    """The entry lacks what it needs; the text says what, without a value."""


class Entry(Model):
    """One entry. Without channels and purposes an opt-out takes all marketing on every channel.

    `at` is when the customer said it (None: now); `wording_hash` names the text that was read out, which a consent needs.
    """

    heard: Heard
    agent: str
    manner: Manner
    at: datetime | None = None
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    wording: str | None = None
    wording_hash: str | None = None
    locale: str | None = None
    url: str | None = None
    network: str | None = None
    device: str | None = None


_DECLARED = {Heard.INQUIRY: "inquiry", Heard.NO_SALE: "sale_opt_out"}


def check(entry: Entry, now: datetime) -> None:
    """BadEntry."""
    if not entry.agent.strip():
        raise BadEntry("agent: expected the name of who heard it")
    if entry.at is not None and entry.at > now:
        raise BadEntry("when: expected a time that has passed")
    if entry.heard is Heard.CONSENT:
        if not entry.channels or not entry.purposes:
            raise BadEntry("consent: expected its channel and purpose; consent to one is never consent to another")
        if entry.wording_hash is None:
            raise BadEntry("wording: expected the text that the customer agreed to")


def speaker(entry: Entry, rule: DoubleOptIn, identity_secret: str) -> Speaker:
    """The entry as statements. Said without a time it counts after all that was said before (rule C05). A consent is for the
    address on record, an opt-out for all."""

    def speak(customer: Customer, now: datetime, sequence: str) -> Spoken:
        shared = {
            "heard_at": now,
            "source": f"agent:{entry.heard}",
            "actor": Actor.AGENT,
            "by": entry.agent,
            "manner": str(entry.manner),
            "wording": entry.wording,
            "wording_hash": entry.wording_hash,
            "locale": entry.locale,
            "url": entry.url,
            "network": entry.network,
            "device": entry.device,
        }
        if entry.heard in _DECLARED:
            at = entry.at or now
            row = {"kind": _DECLARED[entry.heard], "said_at": at, "sequence": f"{sequence}#00", **shared}
            return Spoken(declarations=(Declaration.model_validate(row),))
        says = Says.GIVEN if entry.heard is Heard.CONSENT else Says.WITHDRAWN
        addresses = reached_at(customer, identity_secret) if says is Says.GIVEN else {}
        found = []
        for number, (channel, purpose) in enumerate(_places(entry)):
            head = customer.consent.head(channel, purpose)
            said_at = clamp(entry.at, now, says) if entry.at else after_all_before(head, now)
            claimed = {"claimed_at": entry.at} if entry.at and entry.at != said_at else {}
            place = {"channel": channel, "purpose": purpose, "says": says, "said_at": said_at, "address": addresses.get(channel)}
            row = {**shared, **place, **claimed, "sequence": f"{sequence}#{number:02d}"}
            found.append(until_confirmed(Statement.model_validate(row), customer.consent, rule, customer.profile.country))
        return Spoken(tuple(found))

    return speak


def _places(entry: Entry) -> Iterable[tuple[Channel, Purpose]]:
    """An objection or a complaint is about direct marketing on every channel (GDPR 21(2); rule C28)."""
    narrow = entry.heard in (Heard.OPT_OUT, Heard.CONSENT)
    channels = (entry.channels if narrow else ()) or tuple(Channel)
    purposes = (entry.purposes if narrow else ()) or MARKETING
    return [(channel, purpose) for channel in channels for purpose in purposes]
