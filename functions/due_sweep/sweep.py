"""The due index, kind by kind: untold deliveries, stale claims, unknown outcomes, missed slots, begun erasures, requests
that run out.

The index projects keys only and follows its table with a delay, so what it names is read from the table, and every write
is conditional on what was read. A run takes the oldest of each kind; the next run goes on.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from aftercare import events, keys, ledger, telemetry
from aftercare.clock import iso, parse_iso
from aftercare.decision import Decision, Message, Reason, State
from aftercare.keys import Key
from aftercare.outside import NotKept, Outside
from aftercare.store import Delivery
from aftercare.table import Item, Put, TableError

LIMIT = 500
"""So many items of one kind in one run; a run has a minute."""

QUOTA_EVERY = timedelta(minutes=15)

READ = 100
"""BatchGetItem takes a hundred keys."""


def sweep(outside: Outside) -> dict[str, int]:
    """One run: how many of each kind were due and dealt with."""
    now = outside.clock.now()
    done = {
        "relay": relay_again(outside, now),
        "claimed": outcomes(outside, "claimed", now),
        "unknown": outcomes(outside, "unknown", now),
        "slot": ring_slots(outside, now),
        "erasure": erase_on(outside, now),
    }
    read_quota(outside, now)
    parked = _due(outside, "parked", now)
    telemetry.gauge("Parked", len(parked))
    _due(outside, "request", now)
    _due(outside, "inbound", now)
    return {**done, "parked": len(parked)}


def read_quota(outside: Outside, now: datetime) -> None:
    """What the account may send is asked now and then, so that the gate need not; what cannot be read stays as it was."""
    known = outside.tables.read([keys.quota()]).get(keys.quota())
    if known and parse_iso(str(known["read_at"])) > now - QUOTA_EVERY:
        return
    try:
        quota = outside.mail.quota(now)
    except NotKept as error:
        telemetry.trouble("quota not read", error=type(error).__name__)
        telemetry.count("QuotaNotRead")
        return
    outside.tables.write([Put(keys.quota(), {"doc": quota.to_json(), "read_at": iso(now)})])
    if quota.per_day > 0:
        telemetry.gauge("QuotaUsedPercent", 100 * quota.sent_today / quota.per_day)


def _due(outside: Outside, kind: str, now: datetime) -> list[Item]:
    """The oldest that are due of a kind, and their number and age as metrics."""
    found = outside.tables.due(kind, iso(now), LIMIT)
    oldest = (now - parse_iso(str(found[0]["due_at"]))).total_seconds() if found else 0
    telemetry.gauge(f"Due{kind.title()}", len(found))
    telemetry.gauge(f"Oldest{kind.title()}Seconds", max(oldest, 0))
    return found


def relay_again(outside: Outside, now: datetime) -> int:
    """What the stream did not relay within its grace goes to the relay's own queue."""
    found = _due(outside, "relay", now)
    for item in found:
        key = str(item["pk"]).removeprefix(keys.delivery("").pk)
        outside.queues.send(outside.settings.need("relay_retry_queue_url"), json.dumps({"delivery": key}))
    return len(found)


def ring_slots(outside: Outside, now: datetime) -> int:
    """A slot whose timer did not ring goes to the gate as the timer would have put it there."""
    found = _due(outside, "slot", now)
    for item in found:
        customer_id = keys.customer_id_of(str(item["pk"]))
        at = parse_iso(str(item["due_at"])) - ledger.SLOT_GRACE
        body = json.dumps({"slot": {"customer_id": customer_id, "at": iso(at)}})
        outside.queues.send(outside.settings.need("gate_queue_url"), body, group=customer_id)
    return len(found)


def erase_on(outside: Outside, now: datetime) -> int:
    """Erasures that were begun: their second look is due, or the first did not come to its end."""
    found = _due(outside, "erasure", now)
    for item in found:
        kind, _, name = str(item["pk"]).partition("#")
        whose = {"shop": name} if kind == "SHOP" else {"customer_id": name}
        outside.queues.send(outside.settings.need("privacy_queue_url"), json.dumps({"key": "erasure", **whose}))
    return len(found)


def outcomes(outside: Outside, kind: str, now: datetime) -> int:
    """Claims past their lease become UNKNOWN, outcomes that stayed unknown are PARKED: never sent again by themselves.

    One that cannot be moved does not keep back the others; it stays due, and its age raises the alarm.
    """
    moved = failed = 0
    for item in _read(outside, _due(outside, kind, now)):
        if item.get("due_kind") != kind or str(item["due_at"]) > iso(now):
            continue
        try:
            moved += _move(outside, item, now)
        except (TableError, ValueError) as error:
            failed += 1
            telemetry.trouble("one due item could not be moved on", kind=kind, error=type(error).__name__)
    if failed:
        telemetry.count("SweepItemFailed", failed)
    return moved


def _move(outside: Outside, item: Item, now: datetime) -> bool:
    message = after(ledger.message_from(item), now)
    customer_id = keys.customer_id_of(str(item["pk"]))
    beside = (unresolved(customer_id, message, now),) if message.state is State.PARKED else ()
    moved = ledger.expire_claim(outside.tables, item, message, now, beside)
    if moved:
        telemetry.trouble("outcome of a send is not known", state=str(message.state), message_id=message.proposal.message_id)
        telemetry.count("MessageParked" if message.state is State.PARKED else "MessageUnknown")
    return moved


def after(message: Message, now: datetime) -> Message:
    """What time makes of a message that nobody settled (rules H1 and H2)."""
    if message.state is State.CLAIMED:
        decision = Decision(at=now, state=State.UNKNOWN, reason=Reason.LEASE_EXPIRED, channel=message.channel)
    else:
        decision = Decision(at=now, state=State.PARKED, reason=Reason.OUTCOME_NEVER_LEARNED, channel=message.channel)
    return ledger.decided(message, decision)


def unresolved(customer_id: str, message: Message, now: datetime) -> Put:
    """The outbox item that tells of a parked message, in the same transaction. Its key is the message's, and how often it
    was decided on: parked once more after an operator's choice, it is told once more."""
    proposal = message.proposal
    key = f"sweep#parked#{proposal.message_id}#{message.left_out + len(message.decisions)}"
    data = events.MessageData(
        customer_id=customer_id, message=proposal.message_id, state=message.state, reason=message.last.reason
    )
    event = events.make("MessageUnresolved", keys.message_id(key), now, proposal.correlation_id, data)
    return Delivery(
        key=key,
        sender="due_sweep",
        topic="parked",
        received_at=now,
        correlation_id=proposal.correlation_id,
        body_hash=keys.message_id(key),
        events=(event,),
        customer_id=customer_id,
    ).put()


def _read(outside: Outside, found: Iterable[Item]) -> list[Item]:
    """The items that the index named, as they are in the table now."""
    wanted = [Key("customers", str(item["pk"]), str(item["sk"])) for item in found]
    items: list[Item] = []
    for start in range(0, len(wanted), READ):
        there = outside.tables.read(wanted[start : start + READ])
        items += [{**there[key], "pk": key.pk, "sk": key.sk} for key in wanted[start : start + READ] if key in there]
    return items
