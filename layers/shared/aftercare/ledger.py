"""What becomes of a message, as conditional writes in the customer's own partition (rules H1-H3 of docs/guarantees.md).

A message lies in one place: HELD under `1#HELD#`, in every other state under `9#LEDGER#`. Who holds the claim's token may
settle or release it; nobody else can.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aftercare import keys
from aftercare.clock import iso
from aftercare.customer import Customer, Slot
from aftercare.decision import Decision, Message, State
from aftercare.keys import Key
from aftercare.retention import JOURNAL
from aftercare.store import unchanged_consent
from aftercare.table import (
    Absent,
    AllOf,
    Change,
    Check,
    Condition,
    ConditionFailed,
    Conflict,
    Exists,
    Is,
    Item,
    Lacks,
    Put,
    Remove,
    TableError,
    Tables,
    Throttled,
    Unclear,
    Write,
)

LEASE = timedelta(minutes=16)
UNKNOWN_FOR = timedelta(hours=2)
SLOT_GRACE = timedelta(minutes=10)

FIRST_KEPT, LAST_KEPT = 4, 12
"""Of a message that is looked at for weeks, these decisions are kept and the others counted: an item has 400 KB."""

_DUE = {State.CLAIMED: "claimed", State.UNKNOWN: "unknown", State.PARKED: "parked"}


@dataclass(frozen=True, slots=True)
class Claimed:
    """The message is ours to send once; the token settles it."""

    token: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The claim was not had and nothing is claimed by us: `settled` is the message as somebody else left it, if any."""

    settled: Message | None = None


def _attributes(message: Message, now: datetime, due_at: datetime | None = None, token: str | None = None) -> Item:
    item: Item = {"doc": message.to_json(), "state": str(message.state), "expires_at": JOURNAL.ends(now)}
    if token:
        item["token"] = token
    kind = _DUE.get(message.state)
    if kind:
        item["due_kind"] = kind
        item["due_at"] = iso(due_at or now)
    return item


def _to(place: Key, message: Message, now: datetime, due_at: datetime | None, when: Condition) -> Change:
    """The write that moves a ledger item on, keeping what providers have reported of it meanwhile."""
    attributes = _attributes(message, now, due_at)
    return Change(place, put=attributes, drop=tuple(a for a in ("token", "due_kind", "due_at") if a not in attributes), when=when)


def message_from(item: Item) -> Message:
    return Message.model_validate_json(str(item["doc"]))


def read_all(tables: Tables, messages: Sequence[tuple[str, str]], beside: Sequence[Key] = ()) -> dict[Key, Item]:
    """The ledger items of (customer id, message id) pairs and a few other keys, in one call."""
    wanted = dict.fromkeys([*beside, *(keys.ledger(c, m) for c, m in messages)])
    return tables.read(list(wanted))


def claim(
    tables: Tables,
    customer: Customer,
    message: Message,
    token: str,
    now: datetime,
    held: Message | None,
    beside: Sequence[Write] = (),
    undone_by: Callable[[], Sequence[Write]] = tuple,
) -> Claimed | Lost:
    """Claim a message for one send, if it was never settled, consent has not moved and what is written beside it may be.

    `beside` are checks and the count of the caps; `undone_by` gives what takes that count back when our claim has to be released.
    Lost when one of these fails. Any answer that is not a clear yes or no is followed by a release of whatever of our own
    claim may have been written, and raised: TableError, before any send.
    """
    proposal = message.proposal
    place = keys.ledger(customer.id, proposal.message_id)
    writes: list[Write] = [Put(place, _attributes(message, now, now + LEASE, token), when=Absent())]
    writes.append(unchanged_consent(customer.id, customer.consent))
    writes.extend(beside)
    if held:
        writes.append(Remove(keys.held(customer.id, proposal.message_id), when=Is("state", State.HELD)))
    try:
        tables.write(writes)
    except ConditionFailed as failed:
        there = failed.found.get(0)
        if there and there.get("token") == token:
            return Claimed(token)
        return Lost(message_from(there) if there else None)
    except Conflict:
        return Lost()
    except TableError:
        release(tables, customer.id, message, token, held=held, now=now, beside=undone_by())
        raise
    return Claimed(token)


def release(
    tables: Tables,
    customer_id: str,
    message: Message,
    token: str,
    held: Message | None,
    now: datetime,
    beside: Sequence[Write] = (),
    attempts: int = 4,
) -> bool:
    """Give back our own claim, putting a held message back where it lay. False when it was not (or no longer) ours.

    Only who has not called the provider may do this. TableError when even the last attempt had no clear answer: the
    claim, if it stands, then runs out with its lease.
    """
    place = keys.ledger(customer_id, message.proposal.message_id)
    writes: list[Write] = [Remove(place, when=Is("token", token)), *beside]
    if held:
        writes.append(_held_put(customer_id, held, now))
    return _insist(tables, writes, attempts)


def settle(
    tables: Tables,
    customer_id: str,
    message: Message,
    token: str,
    now: datetime,
    beside: Sequence[Write] = (),
    attempts: int = 4,
) -> bool:
    """Write what became of our claim: SENT, UNKNOWN or REFUSED. False when the claim is no longer ours.

    What is known of a send is worth more than one attempt: the token makes a repeated write the same write. TableError
    when even the last had no clear answer: the claim then runs out with its lease.
    """
    place = keys.ledger(customer_id, message.proposal.message_id)
    due_at = now + UNKNOWN_FOR if message.state is State.UNKNOWN else None
    return _insist(tables, [_to(place, message, now, due_at, Is("token", token)), *beside], attempts)


def _insist(tables: Tables, writes: Sequence[Write], attempts: int) -> bool:
    """Write again after an answer that was no answer. False when the condition fails; the last TableError is raised."""
    for left in reversed(range(attempts)):
        try:
            tables.write(writes)
        except ConditionFailed:
            return False
        except (Throttled, Unclear, Conflict):
            if not left:
                raise
        else:
            return True
    return False


def close(tables: Tables, customer_id: str, message: Message, now: datetime, held: bool) -> Message | None:
    """Settle at once without a send: REFUSED, EXPIRED or SUPERSEDED. The message as it stood if it was settled before."""
    place = keys.ledger(customer_id, message.proposal.message_id)
    writes: list[Write] = [Put(place, _attributes(message, now), when=Absent())]
    if held:
        writes.append(Remove(keys.held(customer_id, message.proposal.message_id)))
    try:
        tables.write(writes)
    except ConditionFailed as failed:
        there = failed.found.get(0)
        return message_from(there) if there else None
    return None


def _held_put(customer_id: str, message: Message, now: datetime, when: Condition | None = None) -> Put:
    held = message if message.state is State.HELD else message.model_copy(update={"state": State.HELD})
    return Put(keys.held(customer_id, message.proposal.message_id), _attributes(held, now), when=when)


def slot_change(customer_id: str, at: datetime, now: datetime) -> Put:
    """The customer's one timer; the sweep comes back to it when it did not ring."""
    return Put(
        keys.customer(customer_id, keys.SLOT),
        {
            "doc": Slot(at=at).to_json(),
            "due_kind": "slot",
            "due_at": iso(at + SLOT_GRACE),
            "expires_at": JOURNAL.ends(now),
        },
    )


def hold(
    tables: Tables,
    customer: Customer,
    message: Message,
    slot_at: datetime,
    now: datetime,
    token: str | None = None,
    beside: Sequence[Write] = (),
) -> bool:
    """Keep a message for later and set the customer's slot, in one transaction; with a token in place of our own claim.

    `beside` is written with it: the count of the caps without a message that was not sent. False when the message was
    settled meanwhile. TableError.
    """
    place = keys.ledger(customer.id, message.proposal.message_id)
    guard: Write = Remove(place, when=Is("token", token)) if token else Check(place, Absent())
    writes: list[Write] = [guard, _held_put(customer.id, message, now), slot_change(customer.id, slot_at, now), *beside]
    return _insist(tables, writes, attempts=4)


def supersede(customer_id: str, parts: Sequence[Message], now: datetime) -> list[Write]:
    """The writes that put held messages aside for the digest that is claimed with them; each names it in its last decision."""
    writes: list[Write] = []
    for part in parts:
        message_id = part.proposal.message_id
        writes.append(Put(keys.ledger(customer_id, message_id), _attributes(part, now), when=Absent()))
        writes.append(Remove(keys.held(customer_id, message_id), when=Is("state", State.HELD)))
    return writes


def reinstate(customer_id: str, parts: Sequence[Message], now: datetime) -> list[Write]:
    """The writes that take supersede() back: each part is held again, as it is given here."""
    writes: list[Write] = []
    for part in parts:
        message_id = part.proposal.message_id
        writes.append(Remove(keys.ledger(customer_id, message_id), when=Is("state", State.SUPERSEDED)))
        writes.append(_held_put(customer_id, part, now))
    return writes


def disband(
    tables: Tables,
    customer_id: str,
    digest: Message,
    parts: Sequence[Message],
    slot_at: datetime,
    now: datetime,
    token: str,
    beside: Sequence[Write] = (),
) -> bool:
    """In place of our own claim of a digest hold its parts again, with the customer's slot, in one transaction.

    False when the claim is no longer ours. TableError.
    """
    gone = Remove(keys.ledger(customer_id, digest.proposal.message_id), when=Is("token", token))
    again = reinstate(customer_id, parts, now)
    return _insist(tables, [gone, *again, slot_change(customer_id, slot_at, now), *beside], attempts=4)


def move_slot(tables: Tables, customer_id: str, at: datetime | None, now: datetime) -> None:
    """Set the customer's timer to the next held message, or take it away when nothing is held. TableError."""
    place = keys.customer(customer_id, keys.SLOT)
    tables.write([slot_change(customer_id, at, now) if at else Remove(place)])


def expire_claim(tables: Tables, item: Item, message: Message, now: datetime, beside: Sequence[Write] = ()) -> bool:
    """CLAIMED past its lease → UNKNOWN, or UNKNOWN past its time → PARKED: `message` is the new state. False if it moved.

    `beside` is written in the same transaction (the outbox item that tells of it).
    """
    key = Key("customers", str(item["pk"]), str(item["sk"]))
    due_at = now + UNKNOWN_FOR if message.state is State.UNKNOWN else now
    try:
        tables.write([_to(key, message, now, due_at, Is("due_at", item["due_at"])), *beside])
    except ConditionFailed:
        return False
    return True


def confirm_sent(
    tables: Tables, customer_id: str, message: Message, seen: Item, now: datetime, beside: Sequence[Write] = ()
) -> bool:
    """The provider's own event (or the operator) settles what was CLAIMED, UNKNOWN or PARKED as SENT. False if it moved."""
    place = keys.ledger(customer_id, message.proposal.message_id)
    try:
        tables.write([_to(place, message, now, None, Is("doc", seen["doc"])), *beside])
    except ConditionFailed:
        return False
    return True


def to_gate_again(
    tables: Tables, customer_id: str, message: Message, seen: Item, now: datetime, parts: Sequence[Message] = ()
) -> bool:
    """An operator gives what is PARKED back to the gate: HELD again, with the customer's slot at once. False if it moved.

    Its place in the ledger is free after this, so the gate decides, claims and sends once, as for any held message. Of a
    digest its `parts` are held again, and it stays on the ledger as `message` says: the next one has a key of its own.
    """
    place, unmoved = keys.ledger(customer_id, message.proposal.message_id), Is("doc", seen["doc"])
    again: list[Write] = [Remove(place, when=unmoved), _held_put(customer_id, message, now, when=Absent())]
    if parts:
        again = [_to(place, message, now, None, unmoved), *reinstate(customer_id, parts, now)]
    try:
        tables.write([*again, slot_change(customer_id, now, now)])
    except ConditionFailed:
        return False
    return True


def note_engagement(
    tables: Tables, customer_id: str, message_id: str, what: str, at: datetime, event_id: str | None = None
) -> bool:
    """Count what a provider saw (delivered, opened, clicked, delayed) on the message. False when there is no such message.

    With the provider's event id the same event is counted once, however often it is delivered.
    """
    seen = f"seen_{keys.message_id(event_id)[:12]}" if event_id else None
    try:
        tables.write(
            [
                Change(
                    keys.ledger(customer_id, message_id),
                    put={f"{what}_at": iso(at), **({seen: True} if seen else {})},
                    add={f"{what}_count": 1},
                    when=AllOf((Exists(), Lacks(seen))) if seen else Exists(),
                )
            ]
        )
    except ConditionFailed as failed:
        return failed.found.get(0) is not None
    return True


def mark_read(tables: Tables, customer_id: str, message_id: str, at: datetime) -> bool:
    """Note when a message was first read on the account page. False when it was before, or there is no such message."""
    unread = AllOf((Exists(), Lacks("read_at")))
    try:
        tables.write([Change(keys.ledger(customer_id, message_id), put={"read_at": iso(at)}, when=unread)])
    except ConditionFailed:
        return False
    return True


def first_time(tables: Tables, customer_id: str, message_id: str, what: str, beside: Sequence[Write] = ()) -> bool:
    """Mark something on a message that counts once, and write `beside` with it. False when it was marked before, or there is
    no such message."""
    unmarked = AllOf((Exists(), Lacks(what)))
    try:
        tables.write([Change(keys.ledger(customer_id, message_id), put={what: True}, when=unmarked), *beside])
    except ConditionFailed:
        return False
    return True


def decided(message: Message, decision: Decision, **changes: object) -> Message:
    """The message after one more decision. While it is held the newest keeps its trace; of earlier ones it is known when, why and
    until when: the gate reads all that is held before every message."""
    before = message.decisions
    if decision.state is State.HELD:
        before = tuple(d.model_copy(update={"trace": ()}) if d.trace and d.state is State.HELD else d for d in before)
    decisions = (*before, decision)
    if len(decisions) > FIRST_KEPT + LAST_KEPT:
        decisions = (*decisions[:FIRST_KEPT], *decisions[-LAST_KEPT:])
        changes["left_out"] = message.left_out + 1
    return message.model_copy(update={"state": decision.state, "decisions": decisions, **changes})
