"""Consent per channel and purpose: what was said, and the head that is the fold of all that was said.

Purposes and channels are those of docs/words.md. A head is decided by the speaker's own time, then by our sequence; a
withdrawal wins a tie (EDPB Guidelines 05/2020: withdrawal as easy as giving).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from aftercare.model import Model, Term


class Channel(Term):
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    WHATSAPP = "whatsapp"
    INBOX = "inbox"


class Purpose(Term):
    TRANSACTIONAL = "transactional"
    SERVICE = "service"
    SURVEY = "survey"
    REORDER = "reorder"
    PROMOTIONAL = "promotional"


class Says(Term):
    """What a statement says of one channel and purpose. PENDING is a double opt-in not yet confirmed: no ground."""

    GIVEN = "given"
    PENDING = "pending"
    WITHDRAWN = "withdrawn"


class Weight(Term):
    """How sure a source is: explicit (the person acted) beats observed (seen inside another payload)."""

    EXPLICIT = "explicit"
    OBSERVED = "observed"


class Statement(Model):
    """One thing said about consent, with its evidence. `said_at` is the speaker's time, `heard_at` ours.

    `address` is the keyed hash of the address that it was said for; None where it was said for whoever the customer is.
    """

    channel: Channel
    purpose: Purpose
    says: Says
    weight: Weight = Weight.EXPLICIT
    said_at: AwareDatetime
    heard_at: AwareDatetime
    sequence: Annotated[str, Field(min_length=1)]
    source: str
    wording: str | None = None
    locale: str | None = None
    address: str | None = None


class Head(Model):
    """The present state of one channel and purpose, and which statement made it so (`proof`: its sequence)."""

    channel: Channel
    purpose: Purpose
    says: Says
    weight: Weight
    said_at: AwareDatetime
    proof: str
    source: str
    address: str | None = None


class Suppression(Model):
    """An address that gets nothing more: where (keyed hash of the address), why and since when."""

    channel: Channel
    address_hash: str
    reason: Literal["hard_bounce", "complaint", "erased"]
    since: AwareDatetime


class ConsentRecord(Model):
    """All heads and suppressed addresses of a customer; `version` moves with every change and the claim checks it."""

    version: int = 0
    heads: tuple[Head, ...] = ()
    suppressed: tuple[Suppression, ...] = ()

    def head(self, channel: Channel, purpose: Purpose) -> Head | None:
        return next((h for h in self.heads if h.channel is channel and h.purpose is purpose), None)

    def suppression(self, channel: Channel, address_hash: str) -> Suppression | None:
        return next((s for s in self.suppressed if s.channel is channel and s.address_hash == address_hash), None)


BACK = timedelta(hours=24)
AHEAD = timedelta(minutes=5)


def clamp(said_at: datetime, heard_at: datetime, says: Says) -> datetime:
    """The speaker's time within bounds of ours, so that a wrong clock cannot win for ever: at most 5 min ahead, and for a
    withdrawal at most 24 h back. A consent that comes late keeps its own old time, or it would beat a newer withdrawal."""
    earliest = heard_at - BACK if says is Says.WITHDRAWN else said_at
    return min(max(said_at, earliest), heard_at + AHEAD)


def _rank(says: Says, weight: Weight, said_at: datetime, proof: str) -> tuple[bool, datetime, bool, bool, str]:
    """A consent that was merely seen never stands against what the person said; a withdrawal counts by whomever it is told."""
    counts = weight is Weight.EXPLICIT or says is Says.WITHDRAWN
    return (counts, said_at, says is Says.WITHDRAWN, weight is Weight.EXPLICIT, proof)


def fold(record: ConsentRecord, statements: Iterable[Statement]) -> ConsentRecord:
    """The record after the statements, whatever their order of arrival; the same object when nothing changes."""
    heads = {(h.channel, h.purpose): h for h in record.heads}
    for said in statements:
        place = (said.channel, said.purpose)
        old = heads.get(place)
        if old and _rank(old.says, old.weight, old.said_at, old.proof) >= _rank(
            said.says, said.weight, said.said_at, said.sequence
        ):
            continue
        heads[place] = Head(
            channel=said.channel,
            purpose=said.purpose,
            says=said.says,
            weight=said.weight,
            said_at=said.said_at,
            proof=said.sequence,
            source=said.source,
            address=said.address,
        )
    after = tuple(heads[place] for place in sorted(heads))
    if after == record.heads:
        return record
    return record.model_copy(update={"heads": after, "version": record.version + 1})


def suppress(record: ConsentRecord, suppression: Suppression) -> ConsentRecord:
    """The record with the address suppressed; the same object when it already is."""
    if record.suppression(suppression.channel, suppression.address_hash):
        return record
    return record.model_copy(update={"suppressed": (*record.suppressed, suppression), "version": record.version + 1})
