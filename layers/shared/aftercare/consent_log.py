"""The one place where consent is written: statements become evidence, head and outbox, in one transaction (rule H13).

`consent_after` and `writes` are pure, for a transaction that records more than consent; `record` is the whole of it for
everyone else. Evidence is append-only: every write of it is a put on an absent key.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from aftercare import events, keys
from aftercare.clock import iso
from aftercare.consent import (
    Channel,
    ConsentRecord,
    Head,
    Purpose,
    Says,
    Suppression,
    Weight,
    declare,
    head_after,
    suppress,
    with_heads,
)
from aftercare.customer import Customer
from aftercare.model import Model
from aftercare.outside import Outside
from aftercare.store import Delivery, load, versioned
from aftercare.table import Absent, ConditionFailed, Conflict, Item, Put, Remove, TableError, Tables, Write
from aftercare.wishes import Wishes

if TYPE_CHECKING:
    from aftercare.consent_policy import DoubleOptIn
    from aftercare.consent_statement import Declaration, Statement

ATTEMPTS = 8
TICK = timedelta(microseconds=1)
MARKETING = (Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)


class KeepsChanging(TableError):
    """The record changed under every attempt; nothing was written."""


# ---------------------------------------------------------------- pure


class Consented(NamedTuple):
    """The consent record after what was said, what of it is kept as evidence, and what changed what holds."""

    record: ConsentRecord
    evidence: tuple[Statement, ...]
    changes: tuple[Statement, ...]
    declared: tuple[Declaration, ...] = ()


def consent_after(
    before: ConsentRecord,
    said: Iterable[Statement] = (),
    suppressions: Iterable[Suppression] = (),
    declared: Iterable[Declaration] = (),
) -> Consented:
    """The fold of all that was said, one version on. Kept: what the person said, and what was merely seen and won."""
    record, evidence, changes = before, [], []
    for suppression in suppressions:
        record = suppress(record, suppression)
    kept = tuple(declared)
    record = declare(record, kept)
    heads = record.by_place
    for statement in said:
        place = (statement.channel, statement.purpose)
        old = heads.get(place)
        heads[place] = head_after(old, statement)
        won = heads[place].proof == statement.sequence
        if won or statement.weight is Weight.EXPLICIT:
            evidence.append(statement)
        if won and (old is None or old.says is not statement.says):
            changes.append(statement)
    record = with_heads(record, heads)
    if record is not before:
        record = record.model_copy(update={"version": before.version + 1})
    return Consented(record, tuple(evidence), tuple(changes), kept)


def writes(customer_id: str, before: ConsentRecord, after: Consented) -> list[Write]:
    """The evidence, and the record if it moved from what was read. What was noted of behaviour goes with the leave."""
    found: list[Write] = []
    if after.record != before:
        found.append(versioned(keys.customer(customer_id, keys.CONSENT), after.record.to_json(), before.version))
    rows: list[tuple[str, Item]] = [(row.sequence, {"doc": row.to_json()}) for row in after.evidence]
    rows += [(row.sequence, {"doc": row.to_json(), "kind": row.kind}) for row in after.declared]
    found += [Put(keys.evidence(customer_id, sequence), item, when=Absent()) for sequence, item in rows]
    if after.record.behaviour and after.record.behaviour.opted_out and after.record.behaviour != before.behaviour:
        found.append(Remove(keys.customer(customer_id, keys.BEHAVIOUR)))
    return found


def news(customer_id: str, after: Consented) -> tuple[tuple[str, datetime, events.ConsentData], ...]:
    """What the bus is told of it: event type, when it was said, and its data."""
    return tuple(
        (
            "ConsentChanged" if one.weight is Weight.EXPLICIT else "ConsentObserved",
            one.said_at,
            events.ConsentData(customer_id=customer_id, channel=one.channel, purpose=one.purpose, says=one.says),
        )
        for one in after.changes
    )


def until_confirmed(said: Statement, before: ConsentRecord, rule: DoubleOptIn, country: str | None) -> Statement:
    """The statement as it counts where double opt-in is needed: a consent without a confirmed level is pending and asks.

    A consent that stands for the same address is not asked for again, and a platform's own pending state stays with it.
    """
    if said.says is not Says.GIVEN or said.confirmed or not rule.asks(said.channel, said.purpose, country):
        return said
    head = before.head(said.channel, said.purpose)
    if head is not None and head.says is Says.GIVEN and head.address in (None, said.address):
        return said
    return said.model_copy(update={"says": Says.PENDING, "asks": True})


def after_all_before(head: Head | None, now: datetime) -> datetime:
    """The time of what is said here and now: later than all that was said before, whatever a sender's clock showed (C05)."""
    return max(now, head.said_at + TICK) if head else now


def evidence_of(tables: Tables, customer_id: str) -> list[Statement | Declaration]:
    """All that was ever said, by our sequence. Functions may only append: this is for the operator's commands. Throttled."""
    # A sequence starts with our time, and a condition on a sort key takes no empty text.
    return [evidence_from(item) for item in tables.partition("customers", keys.evidence(customer_id, "").pk, "2")]


def evidence_from(item: Item) -> Statement | Declaration:
    """A row of the evidence log."""
    from aftercare.consent_statement import Declaration, Statement

    doc = str(item["doc"])
    return Declaration.model_validate_json(doc) if "kind" in item else Statement.model_validate_json(doc)


# ---------------------------------------------------------------- how it came


def truncated(address: str | None) -> str | None:
    """The network of an address, /24 or /48: enough to show that a machine spoke, not which. None for no address."""
    try:
        there = ip_address((address or "").strip())
    except ValueError:
        return None
    mapped = getattr(there, "ipv4_mapped", None)
    if mapped is not None:
        there = mapped
    return str(ip_network((there, 24 if there.version == 4 else 48), strict=False))


_FAMILIES = (
    ("edg", "Edge"),
    ("opr/", "Opera"),
    ("samsungbrowser", "Samsung Internet"),
    ("firefox", "Firefox"),
    ("fxios", "Firefox"),
    ("crios", "Chrome"),
    ("chrome", "Chrome"),
    ("safari", "Safari"),
    ("googleimageproxy", "Gmail"),
    ("yahoo", "Yahoo"),
)


def device_family(user_agent: str | None) -> str | None:
    """The family of a user agent, never its text: `other` for one that is not known, None for none."""
    text = (user_agent or "").lower()
    if not text:
        return None
    return next((family for sign, family in _FAMILIES if sign in text), "other")


# ---------------------------------------------------------------- wordings


class Wording(Model):
    """A text that people agreed to: kept for ever under its hash, so that the evidence can show it."""

    version: str
    text: str
    locale: str | None = None

    @property
    def hash(self) -> str:
        return sha256(f"{self.locale or ''}\0{self.version}\0{self.text}".encode()).hexdigest()[:40]


_kept: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""What this process has kept in which tables: a text is written once, not with every statement about it."""


def keep_wording(tables: Tables, wording: Wording) -> str:
    """Keep a text before it is referred to; its hash. Its own write: a transaction must not hold an item that many share."""
    there = _kept.setdefault(tables, set())
    if wording.hash not in there:
        with contextlib.suppress(ConditionFailed):
            tables.write([Put(keys.wording(wording.hash), {"doc": wording.to_json()}, when=Absent())])
        there.add(wording.hash)
    return wording.hash


def wording_of(tables: Tables, text_hash: str) -> Wording | None:
    item = tables.read([keys.wording(text_hash)]).get(keys.wording(text_hash))
    return Wording.model_validate_json(str(item["doc"])) if item else None


# ---------------------------------------------------------------- the whole of it


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is to be recorded, made from the record as it stands at this attempt.

    `wishes` are the customer's other wishes where they changed, `beside` what is written in the same transaction.
    """

    statements: tuple[Statement, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    wishes: Wishes | None = None
    beside: tuple[Write, ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.statements or self.suppressions or self.declarations or self.wishes)


Speaker = Callable[[Customer, datetime, str], Spoken]
"""Customer as read, our time, and the sequence that its rows start with (`<sequence>#NN`) → what was said."""


def record(outside: Outside, customer_id: str, speaker: Speaker, sender: str, topic: str, key: str | None = None) -> Customer:
    """Write what was said: evidence, head with its version, and outbox, in one transaction; once it returns, it holds.

    `key` is the delivery key where the same thing may be told twice: the second time changes nothing. CustomerUnknown,
    TableError (then nothing is promised).
    """
    new_id = outside.ids.new()
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = load(outside.tables, customer_id)
        said = speaker(customer, now, f"{iso(now)}#{new_id}")
        if said.nothing:
            return customer
        after = consent_after(customer.consent, said.statements, said.suppressions, said.declarations)
        wished: list[Write] = []
        changed: dict[str, Any] = {}
        if said.wishes:
            # The next claim checks the version of consent: a pause holds for it as a withdrawal does.
            after = after._replace(record=after.record.model_copy(update={"version": customer.consent.version + 1}))
            changed["wishes"] = said.wishes.model_copy(update={"version": customer.wishes.version + 1})
            place = keys.customer(customer_id, keys.WISHES)
            wished.append(versioned(place, changed["wishes"].to_json(), customer.wishes.version))
        told = [
            events.make(kind, keys.message_id(f"{new_id}#{kind}#{data.channel}#{data.purpose}"), now, new_id, data)
            for kind, _, data in news(customer_id, after)
        ]
        if said.suppressions and after.record.suppressed != customer.consent.suppressed:
            gone = events.CustomerData(customer_id=customer_id)
            told.append(events.make("AddressSuppressed", keys.message_id(f"{new_id}#suppressed"), now, new_id, gone))
        delivery = Delivery(
            key=key or f"{sender}#{new_id}",
            sender=sender,
            topic=topic,
            received_at=now,
            correlation_id=new_id,
            body_hash=new_id,
            events=tuple(told),
            customer_id=customer_id,
        )
        try:
            outside.tables.write([delivery.put(), *writes(customer_id, customer.consent, after), *wished, *said.beside])
        except ConditionFailed as failed:
            if 0 in failed.failed and key is not None:
                return load(outside.tables, customer_id)
        except Conflict:
            continue
        else:
            return replace(customer, consent=after.record, **changed)
    raise KeepsChanging("the record changed under every attempt")


# ---------------------------------------------------------------- keywords


def stopped(
    before: ConsentRecord, places: Iterable[tuple[Channel, Purpose]], at: datetime, row: Statement
) -> tuple[Statement, ...]:
    """A STOP, said at an instant, as statements: each place withdrawn, and marked where it took back a consent. It counts after
    all that was said before. `row` has what all share."""
    found = []
    for number, (channel, purpose) in enumerate(places):
        head = before.head(channel, purpose)
        took = head is not None and (head.says is Says.GIVEN or head.took)
        found.append(
            row.model_copy(
                update={
                    "channel": channel,
                    "purpose": purpose,
                    "says": Says.WITHDRAWN,
                    "said_at": after_all_before(head, at),
                    "sequence": f"{row.sequence}#{number:02d}",
                    "took": took,
                    "written": took and head is not None and head.written,
                }
            )
        )
    return tuple(found)


def restarted(before: ConsentRecord, channel: Channel, at: datetime, row: Statement) -> tuple[Statement, ...]:
    """A START, said at an instant, as statements: it gives back what a STOP before it took on this channel, and nothing else
    (rule C20). One that is heard after a later STOP gives nothing. `row` has what all share, and whose number said it."""
    taken = [
        head
        for head in before.heads
        if head.channel is channel and head.says is Says.WITHDRAWN and head.took and head.said_at < at
    ]
    return tuple(
        row.model_copy(
            update={
                "channel": channel,
                "purpose": head.purpose,
                "says": Says.GIVEN,
                "said_at": at,
                "sequence": f"{row.sequence}#{number:02d}",
                "took": False,
                "written": head.written,
            }
        )
        for number, head in enumerate(taken)
    )
