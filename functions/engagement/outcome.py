"""An event's effects: the ledger settled, the message's counters, the customer's address and consent."""

from __future__ import annotations

from contextlib import suppress as suppressed
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from aftercare import events, forgotten, keys, learned, ledger, telemetry
from aftercare.cadence import lesson
from aftercare.clock import iso
from aftercare.consent import Actor, Channel, ConsentRecord, Says, Suppression
from aftercare.consent_log import MARKETING, consent_after, news, writes
from aftercare.decision import Decision, Message, Reason, State
from aftercare.event import Event
from aftercare.identity import keyed_hash
from aftercare.outside import Outside
from aftercare.store import Delivery, find, park
from aftercare.table import ConditionFailed, Conflict, TableError, Write
from engagement.people import local_hour
from engagement.phones import ChatSeen
from engagement.provider import PROVES_SENT, Seen, What

if TYPE_CHECKING:
    from aftercare.consent_statement import Statement

ATTEMPTS = 6
KEPT = 300_000
"""Bytes that are kept of what cannot be read; SES's own events are smaller than 256 KB."""
OPEN = (State.CLAIMED, State.UNKNOWN, State.PARKED)

NOTED = {
    What.DELIVERED: "delivered",
    What.DELAYED: "delayed",
    What.BOUNCED: "bounced",
    What.COMPLAINED: "complained",
    What.REJECTED: "rejected",
    What.RENDER_FAILED: "render_failed",
    What.OPENED: "opened",
    What.CLICKED: "clicked",
    What.READ: "read",
    What.FAILED: "failed",
}
"""What is counted on the message. Opens are counted and nothing is ever decided by them: Apple's proxy opens everything."""

SENDERS = {Channel.EMAIL: "ses", Channel.SMS: "sms-voice", Channel.WHATSAPP: "social-messaging"}
"""Who tells of the messages of each channel."""

LESSONS: dict[What, Literal["delivered", "answered", "read"]] = {
    What.DELIVERED: "delivered",
    What.CLICKED: "answered",
    What.READ: "read",
}
"""Only what a person or the channel really says. A read receipt says that the person is there at this hour, but is no answer,
which only some channels would have."""

METRICS = {
    What.FAILED: "MessageFailed",
    What.BOUNCED: "MessageBounced",
    What.COMPLAINED: "MessageComplained",
    What.REJECTED: "MessageRejected",
    What.RENDER_FAILED: "MessageRenderFailed",
}


class KeepsChanging(TableError):
    """The customer's consent changed under every attempt; the queue brings the event again."""


def apply(outside: Outside, seen: Seen) -> str:
    """All that follows from one event; each step may be repeated. The outcome in a word."""
    now = outside.clock.now()
    if seen.suppresses:
        silence(outside, seen, now)
    if seen.what in METRICS:
        telemetry.count(METRICS[seen.what])
    settled = seen.what in PROVES_SENT and confirm(outside, seen, now)
    if seen.what in NOTED:
        noted = NOTED[seen.what]
        if not ledger.note_engagement(outside.tables, seen.customer_id, seen.message_id, noted, seen.at, seen.event_id or None):
            telemetry.count("EngagementWithoutMessage")
            return "no such message"
        learn(outside, seen)
    return "settled as sent" if settled else str(seen.what)


def learn(outside: Outside, seen: Seen) -> None:
    """What a message teaches of its channel and of digests, once for each message: for its customer in the write that marks it,
    for all of them after that. The second may be lost on its way, and never counts twice."""
    what = LESSONS.get(seen.what)
    if what is None or not (seen.asks or seen.teaches):
        return
    own = _own_lesson(outside, seen) if seen.asks else ()
    if not ledger.first_time(outside.tables, seen.customer_id, seen.message_id, f"{what}_learned", own) or what == "read":
        return
    shared = [learned.for_all(seen.channel, seen.at, seen.message_id, what)] if seen.asks else []
    outside.tables.write([*shared, *([lesson(seen.teaches, what, seen.at)] if seen.teaches else [])])


def _own_lesson(outside: Outside, seen: Seen) -> tuple[Write, ...]:
    """What it says of how this customer answers."""
    if seen.what is What.DELIVERED:
        return (learned.delivered(seen.customer_id, seen.channel, seen.at),)
    customer = find(outside.tables, seen.customer_id)
    if customer is None:
        return ()
    channel = seen.channel if seen.what is What.CLICKED else None
    return (learned.answered(customer.id, channel, seen.at, local_hour(customer, seen.at)),)


def of_chat(outside: Outside, chat: ChatSeen) -> Seen | None:
    """Whose WhatsApp message an event is about, by what the gate noted; None for one of nobody here."""
    place = keys.chat_alias(chat.provider_id)
    item = outside.tables.read([place]).get(place)
    if item is None:
        return None
    return Seen(
        event_id=chat.event_id,
        what=chat.what,
        message_id=str(item["message_id"]),
        customer_id=str(item["customer_id"]),
        provider_id=chat.provider_id,
        at=chat.at,
        sent_at=chat.at,
        channel=Channel.WHATSAPP,
        asks=bool(item.get("asks")),
    )


def set_aside(outside: Outside, text: str, reason: str) -> None:
    """Keep what is no event of SES's form, once (rule H10): five more tries would not make it one."""
    body = text.encode("utf-8", "surrogatepass")
    content_hash = sha256(body).hexdigest()
    key = f"ses#{content_hash}"
    delivery = Delivery(
        key=key,
        sender="ses",
        topic="unreadable",
        received_at=outside.clock.now(),
        correlation_id=keys.message_id(key),
        body_hash=content_hash,
        parked=reason,
    )
    identity, suppression = (
        outside.secrets.text(outside.settings.need(name)) for name in ("identity_secret", "suppression_secret")
    )
    parked = park(delivery, body[:KEPT], identity)
    if forgotten.in_body(outside.tables, identity, suppression, body):
        parked = park(delivery, b"", identity, not_kept_bytes=len(body))
    with suppressed(ConditionFailed):
        outside.tables.write([delivery.put(), *parked])


# ---------------------------------------------------------------- the ledger


def confirm(outside: Outside, seen: Seen, now: datetime) -> bool:
    """Settle as SENT what nobody knew, by the provider's own word. False when there is nothing to settle."""
    place = keys.ledger(seen.customer_id, seen.message_id)
    for _ in range(ATTEMPTS):
        item = outside.tables.read([place]).get(place)
        if item is None:
            return False
        # The state lies beside the document, which is read only where there is something to settle.
        if item["state"] not in OPEN:
            return False
        message = confirmed(ledger.message_from(item), seen, now)
        beside: tuple[Write, ...] = ()
        if outside.settings.sends_told == "on":
            from aftercare import sends  # the shapes of events, for stages that tell of sends

            beside = sends.told(message, now)
        if ledger.confirm_sent(outside.tables, seen.customer_id, message, item, now, beside):
            telemetry.count("MessageConfirmed")
            return True
    raise KeepsChanging("the message changed under every attempt")


def confirmed(message: Message, seen: Seen, now: datetime) -> Message:
    decision = Decision(
        at=now, state=State.SENT, reason=Reason.PROVIDER_CONFIRMED, channel=message.channel, caused_by=seen.event_id
    )
    return ledger.decided(message, decision, provider_id=seen.provider_id, sent_at=seen.sent_at)


# ---------------------------------------------------------------- the address


def silence(outside: Outside, seen: Seen, now: datetime) -> bool:
    """Suppress the address before the next claim, once for each event; a complaint also takes marketing consent back."""
    secret = outside.secrets.text(outside.settings.need("identity_secret"))
    hashes = tuple(keyed_hash(secret, address) for address in seen.dead)
    for _ in range(ATTEMPTS):
        customer = find(outside.tables, seen.customer_id)
        if customer is None:
            telemetry.count("EngagementWithoutCustomer")
            return False
        planned = silenced(seen, customer.consent, hashes, now)
        if not planned:
            return False
        try:
            outside.tables.write(planned)
        except ConditionFailed as failed:
            if 0 in failed.failed:
                return False
        except Conflict:
            continue
        else:
            return True
    raise KeepsChanging("the customer's consent changed under every attempt")


def silenced(seen: Seen, before: ConsentRecord, hashes: tuple[str, ...], now: datetime) -> tuple[Write, ...]:
    """The transaction: the event's own marker with its outbox, the consent record, and the evidence. Empty when it was so."""
    complaint = seen.what is What.COMPLAINED
    reason: Literal["complaint", "hard_bounce"] = "complaint" if complaint else "hard_bounce"
    dead = [Suppression(channel=seen.channel, address_hash=one, reason=reason, since=seen.at) for one in hashes]
    after = consent_after(before, _withdrawals(seen, before, now) if complaint else (), dead)
    if after.record is before:
        return ()
    sender = SENDERS[seen.channel]
    key, correlation_id = f"{sender}#{seen.event_id}", keys.message_id(f"{sender}#{seen.event_id}")
    told = [_event(seen, key, "AddressSuppressed", events.CustomerData(customer_id=seen.customer_id))] if hashes else []
    told += [_event(seen, key, kind, data) for kind, _, data in news(seen.customer_id, after)]
    delivery = Delivery(
        key=key,
        sender=sender,
        topic=str(seen.what),
        received_at=now,
        correlation_id=correlation_id,
        body_hash=keys.message_id(f"{key}#{seen.what}"),
        events=tuple(told),
        customer_id=seen.customer_id,
    )
    return (delivery.put(), *writes(seen.customer_id, before, after))


def _withdrawals(seen: Seen, before: ConsentRecord, now: datetime) -> tuple[Statement, ...]:
    """A complaint means no more marketing; it counts after whatever was said before it was heard (rule C05)."""
    from aftercare.consent_statement import Statement  # here: few messages bring a complaint

    sequence = f"{iso(now)}#{keys.message_id(seen.event_id)[:12]}"
    found = []
    for number, purpose in enumerate(MARKETING):
        head = before.head(Channel.EMAIL, purpose)
        found.append(
            Statement(
                channel=Channel.EMAIL,
                purpose=purpose,
                says=Says.WITHDRAWN,
                said_at=max(now, head.said_at) if head else now,
                heard_at=now,
                sequence=f"{sequence}#{number:02d}",
                source="ses:complaint",
                actor=Actor.PROVIDER,
                by="ses",
            )
        )
    return tuple(found)


def _event(seen: Seen, key: str, detail_type: str, data: events.CustomerData) -> Event:
    event_id = keys.message_id(f"{key}#{detail_type}#{data.model_dump_json()}")
    return events.make(detail_type, event_id, seen.at, keys.message_id(key), data)
