"""Consent per channel and purpose: what was said, and the head that is the fold of all that was said.

Purposes and channels are those of docs/words.md. A head is decided by the speaker's own time, then by our sequence; a
withdrawal wins a tie (EDPB Guidelines 05/2020: withdrawal as easy as giving).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import AwareDatetime

from aftercare.model import Model, Term

if TYPE_CHECKING:
    from aftercare.consent_statement import Declaration as Declaration
    from aftercare.consent_statement import Statement as Statement
else:

    def __getattr__(name: str) -> Any:
        """The shapes of consent_statement.py, as if they lay here: they come with the first statement."""
        if name not in ("Declaration", "Statement"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from aftercare import consent_statement

        return getattr(consent_statement, name)


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


class Actor(Term):
    """Whose word or act a statement is."""

    CUSTOMER = "customer"
    STORE = "store"
    AGENT = "agent"
    PROVIDER = "provider"
    CONFIRMATION = "confirmation"


class Head(Model):
    """The present state of one channel and purpose, and which statement made it so (`proof`: its sequence).

    `written` says whether the text that was agreed to is on record (TCPA's "express written consent").
    """

    channel: Channel
    purpose: Purpose
    says: Says
    weight: Weight
    said_at: AwareDatetime
    proof: str
    source: str
    address: str | None = None
    written: bool = False
    confirmed: bool = False
    asks: bool = False
    took: bool = False


class Choice(Model):
    """Whether the person opted out of something that is about no channel, and the proof."""

    opted_out: bool
    said_at: AwareDatetime
    proof: str


class Suppression(Model):
    """An address that gets nothing more: where (keyed hash of the address), why and since when."""

    channel: Channel
    address_hash: str
    reason: Literal["hard_bounce", "complaint"]
    since: AwareDatetime


class ConsentRecord(Model):
    """All heads and suppressed addresses of a customer; `version` moves with every change and the claim checks it. `behaviour` is
    an opt-in: without one that stands, nothing is kept of what they look at."""

    version: int = 0
    heads: tuple[Head, ...] = ()
    suppressed: tuple[Suppression, ...] = ()
    sale: Choice | None = None
    behaviour: Choice | None = None
    inquired_at: AwareDatetime | None = None

    def head(self, channel: Channel, purpose: Purpose) -> Head | None:
        return next((h for h in self.heads if h.channel is channel and h.purpose is purpose), None)

    @property
    def by_place(self) -> "Heads":
        """The heads by channel and purpose."""
        return {(h.channel, h.purpose): h for h in self.heads}

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


Heads = dict[tuple[Channel, Purpose], Head]


def head_after(old: Head | None, said: "Statement") -> Head:
    """The head of the statement's channel and purpose after it; the same object when the statement does not count."""
    if old and _rank(old.says, old.weight, old.said_at, old.proof) >= _rank(said.says, said.weight, said.said_at, said.sequence):
        return old
    return Head(
        channel=said.channel,
        purpose=said.purpose,
        says=said.says,
        weight=said.weight,
        said_at=said.said_at,
        proof=said.sequence,
        source=said.source,
        address=said.address,
        written=said.written or said.wording_hash is not None,
        confirmed=said.confirmed,
        asks=said.asks,
        took=said.took,
    )


def fold(record: ConsentRecord, statements: "Iterable[Statement]") -> ConsentRecord:
    """The record after the statements, whatever their order of arrival; the same object when nothing changes."""
    heads = record.by_place
    for said in statements:
        place = (said.channel, said.purpose)
        heads[place] = head_after(heads.get(place), said)
    return with_heads(record, heads)


def with_heads(record: ConsentRecord, heads: Heads) -> ConsentRecord:
    """The record with other heads; the same object when they are its own."""
    after = tuple(heads[place] for place in sorted(heads))
    if after == record.heads:
        return record
    return record.model_copy(update={"heads": after, "version": record.version + 1})


def suppress(record: ConsentRecord, suppression: Suppression) -> ConsentRecord:
    """The record with the address suppressed; the same object when it already is."""
    if record.suppression(suppression.channel, suppression.address_hash):
        return record
    return record.model_copy(update={"suppressed": (*record.suppressed, suppression), "version": record.version + 1})


def declare(record: ConsentRecord, declared: "Iterable[Declaration]") -> ConsentRecord:
    """The record after declarations, whatever their order; an opt-out wins a tie. The same object when nothing changes."""
    before = {"sale": record.sale, "behaviour": record.behaviour, "inquired_at": record.inquired_at}
    after: dict[str, Any] = dict(before)
    for one in declared:
        if one.about is not None:
            continue  # it lies with what it is about
        if one.kind == "inquiry":
            after["inquired_at"] = max(after["inquired_at"] or one.said_at, one.said_at)
            continue
        about, _, way = one.kind.partition("_")
        said, old = Choice(opted_out=way == "opt_out", said_at=one.said_at, proof=one.sequence), after[about]
        if old is None or (said.said_at, said.opted_out, said.proof) > (old.said_at, old.opted_out, old.proof):
            after[about] = said
    if after == before:
        return record
    return record.model_copy(update={**after, "version": record.version + 1})


def asked_of(record: ConsentRecord, address: str | None) -> tuple[Head, ...]:
    """What waits for a confirmation of ours from this mailbox (its keyed hash)."""
    return tuple(
        head
        for head in record.heads
        if head.channel is Channel.EMAIL and head.says is Says.PENDING and head.asks and head.address in (None, address)
    )
