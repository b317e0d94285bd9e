"""What became of text and WhatsApp messages, and what people write there, read from the forms in which AWS tells them.

A text's event brings our own context back; a WhatsApp event has only the id that its provider gave, which the gate has noted.
What a person wrote comes through SNS, at least once and in no order; its text goes no further than here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aftercare.consent import Channel
from aftercare.identity import phone
from engagement.provider import NAME, NotOurs, Seen, Unreadable, What

TEXT = "aws.sms-voice"
CHAT = "aws.social-messaging"

NO_NUMBER = "TEXT_INVALID"

_TEXTS: Mapping[str, What] = {
    "TEXT_DELIVERED": What.DELIVERED,
    **dict.fromkeys(("TEXT_SUCCESSFUL", "TEXT_SENT", "TEXT_QUEUED", "TEXT_PENDING"), What.SENT),
    **dict.fromkeys(
        (
            "TEXT_BLOCKED",
            "TEXT_CARRIER_BLOCKED",
            "TEXT_CARRIER_UNREACHABLE",
            "TEXT_INVALID",
            "TEXT_INVALID_MESSAGE",
            "TEXT_PROTECT_BLOCKED",
            "TEXT_SPAM",
            "TEXT_TTL_EXPIRED",
            "TEXT_UNKNOWN",
            "TEXT_UNREACHABLE",
        ),
        What.FAILED,
    ),
}

_CHATS: Mapping[str, What] = {
    "accepted": What.SENT,
    "sent": What.SENT,
    "delivered": What.DELIVERED,
    "read": What.READ,
    "failed": What.FAILED,
    "undeliverable": What.FAILED,
}


def _detail(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    detail = envelope.get("detail")
    if not isinstance(detail, dict):
        raise Unreadable("detail: expected an object")
    return detail


def text_seen(envelope: Mapping[str, Any], received_at: datetime) -> Seen:
    """An event of a text message of ours. NotOurs, Unreadable."""
    detail = _detail(envelope)
    what = _TEXTS.get(str(detail.get("eventType")))
    given = detail.get("context")
    context = given if isinstance(given, dict) else {}
    message_id, customer_id = (context.get(f"aftercare-{name}") for name in ("message", "customer"))
    if what is None:
        raise NotOurs("an event type that nothing here acts on")
    if not all(isinstance(name, str) and NAME.fullmatch(name) for name in (message_id, customer_id)):
        raise NotOurs("no context of ours")
    at = _instant(envelope.get("time")) or received_at
    # "The destination phone number isn't valid": it will not be the next time. The guide's own example names no number.
    number = phone(_text(detail.get("destinationPhoneNumber"))) if detail.get("eventType") == NO_NUMBER else None
    return Seen(
        event_id=str(envelope.get("id", "")),
        what=what,
        message_id=str(message_id),
        customer_id=str(customer_id),
        provider_id=str(detail["messageId"]) if detail.get("messageId") else None,
        at=at,
        sent_at=at,
        permanent=number is not None,
        dead=(number,) if number else (),
        channel=Channel.SMS,
        asks=context.get("aftercare-asks") == "yes",
    )


@dataclass(frozen=True, slots=True)
class ChatSeen:
    """What became of a WhatsApp message, by its provider's id."""

    event_id: str
    what: What
    provider_id: str
    at: datetime


def chat_seen(envelope: Mapping[str, Any], received_at: datetime) -> ChatSeen:
    """An event of a WhatsApp message. NotOurs, Unreadable. `eventTimestamp` is Unix seconds as text."""
    detail = _detail(envelope)
    what, provider_id = _CHATS.get(str(detail.get("status")).lower()), detail.get("messageId")
    if what is None or not isinstance(provider_id, str) or not 0 < len(provider_id) <= 200:
        raise NotOurs("a status that nothing here acts on")
    at = _second(detail.get("eventTimestamp")) or _instant(envelope.get("time")) or received_at
    return ChatSeen(chat_event_id(provider_id, what), what, provider_id, at)


def chat_event_id(provider_id: str, what: What) -> str:
    """The same for the same news, on whichever of the two ways it comes."""
    return f"{provider_id}#{what}"


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a person wrote: from which number (E.164), on which channel, and when. `inbound_id` is the provider's."""

    channel: Channel
    number: str
    text: str
    inbound_id: str
    at: datetime


def inbound(notification: Mapping[str, Any], received_at: datetime) -> tuple[Inbound | Seen, ...]:
    """An SNS notification of the two-way topic: what people wrote, and what Meta tells of our own messages, which settles one
    whose provider's answer was lost. Unreadable; an empty tuple for one that brings neither."""
    try:
        message = json.loads(str(notification.get("Message")))
    except ValueError as error:
        raise Unreadable("Message: expected JSON") from error
    if not isinstance(message, dict):
        raise Unreadable("Message: expected an object")
    at = min(_instant(notification.get("Timestamp")) or received_at, received_at)
    if "whatsAppWebhookEntry" in message:
        return _chats(message["whatsAppWebhookEntry"], _text(message.get("messageId")) or None, at)
    number, inbound_id = phone(_text(message.get("originationNumber"))), _text(message.get("inboundMessageId"))
    if number is None or not inbound_id:
        raise Unreadable("originationNumber, inboundMessageId: expected a number in E.164 and an id")
    return (Inbound(Channel.SMS, number, _text(message.get("messageBody")), inbound_id, at),)


def _chats(entry: object, provider_id: str | None, at: datetime) -> tuple[Inbound | Seen, ...]:
    """Meta's webhook entry, JSON in text in JSON in text: the messages and statuses of its changes, numbers without their plus
    sign. A status brings back what was sent with its message; AWS adds its own id."""
    try:
        read: Any = json.loads(entry) if isinstance(entry, str) else entry
        values = [change["value"] for change in read.get("changes", ())]
        found: list[Inbound | Seen] = [
            seen for value in values for status in value.get("statuses", ()) if (seen := _status(status, provider_id, at))
        ]
        for message in (m for value in values for m in value.get("messages", ())):
            number = phone(f"+{message['from']}")
            body = message.get("text", {}).get("body") or message.get("button", {}).get("text") or ""
            if number is not None:
                found.append(Inbound(Channel.WHATSAPP, number, str(body), str(message["id"]), at))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable("whatsAppWebhookEntry: expected Meta's webhook entry") from error
    return tuple(found)


def _status(status: Mapping[str, Any], provider_id: str | None, at: datetime) -> Seen | None:
    """What became of a message of ours; None for any other, or a status that nothing here acts on."""
    what = _CHATS.get(str(status.get("status")).lower())
    message_id, _, rest = _text(status.get("biz_opaque_callback_data")).partition(".")
    customer_id, _, asks = rest.partition(".")
    named = provider_id or _text(status.get("id"))
    if what is None or not all(NAME.fullmatch(name) for name in (message_id, customer_id)) or not 0 < len(named) <= 200:
        return None
    return Seen(
        event_id=chat_event_id(named, what),
        what=what,
        message_id=message_id,
        customer_id=customer_id,
        provider_id=provider_id,
        at=_second(status.get("timestamp")) or at,
        sent_at=at,
        channel=Channel.WHATSAPP,
        asks=asks == "yes",
    )


def _second(value: object) -> datetime | None:
    """Unix seconds as text."""
    seconds = str(value or "")
    return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() and len(seconds) <= 10 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _instant(value: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
        return instant.astimezone(UTC) if instant and instant.tzinfo else None
    except (ValueError, OverflowError):
        return None
