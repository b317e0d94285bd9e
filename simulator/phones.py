"""The providers that reach a phone: text messages, push notifications and WhatsApp, and what they tell of each message.

They take what AWS takes and refuse what it refuses. Events have the form in which End User Messaging puts them on the
default bus ("Monitoring with EventBridge" of both guides); a text that comes in has the form of its SNS topic. Nothing is
ever sent.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from simulator.memory.refusal import Refused

Kind = Literal["text", "push", "chat"]

_NUMBER: Final = re.compile(r"\+?[1-9][0-9]{1,18}")
_PRICE: Final = re.compile(r"[0-9]{0,2}\.[0-9]{1,5}")
_ENDPOINT: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:endpoint/[A-Z_]+/[^/]+/[0-9a-f-]{36}")
LONGEST_TEXT: Final = 1600
LARGEST_PUSH: Final = 4096
"""Bytes of a notification, at Apple and at Google."""

ACCEPTED_AFTER: Final = timedelta(seconds=1)
DELIVERED_AFTER: Final = timedelta(seconds=4)
WINDOW: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that a provider accepted. `to` is a number or an endpoint, `body` what the person reads."""

    at: datetime
    kind: Kind
    provider_id: str
    to: str
    body: str
    message_id: str
    asked: Mapping[str, Any]


Tell = Callable[[timedelta, str, str, Mapping[str, Any]], None]
"""Put an event on the default bus after a delay: (delay, source, detail-type, detail)."""

Notify = Callable[[timedelta, str, Mapping[str, Any]], None]
"""Put a notification of the two-way topic on the queue behind it after a delay: (delay, number, notification)."""


@dataclass(slots=True)
class Phones:
    """What the providers have. `attempts` and `accepted` count by the message's short name, over the wire.

    `opted_out` are the numbers on the account's opt-out list, `dead` the endpoints without a device. `refuses` gives the code
    (or reason) with which a message is refused, or None. `unreachable` numbers are never delivered to.
    """

    now: Callable[[], datetime]
    tell: Tell
    notify: Notify
    tells_events: bool = True
    refuses: Callable[[Kind, str], str | None] | None = None
    opted_out: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)
    spoke_at: dict[str, datetime] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    on_taken: Callable[[Taken], None] | None = None

    def to(self, address: str) -> list[Taken]:
        """What a number or an endpoint has got, oldest first."""
        return [taken for taken in self.taken if taken.to == address]

    # ------------------------------------------------------------ the three calls, as the services take them

    def send_text_message(self, asked: Mapping[str, Any]) -> str:
        """SendTextMessage's parameters in, the message's id out. Refused; ProviderSays for its own codes."""
        number, body, context = str(asked["DestinationPhoneNumber"]), str(asked["MessageBody"]), dict(asked.get("Context") or {})
        message_id = str(context.get("aftercare-message", ""))
        self.attempts[message_id] += 1
        if not _NUMBER.fullmatch(number) or not body.strip() or len(body) > LONGEST_TEXT:
            raise ProviderSays("ValidationException", "INVALID_PARAMETER")
        if len(context) > 5 or any(not 1 <= len(k) <= 100 or not 1 <= len(str(v)) <= 800 for k, v in context.items()):
            raise ProviderSays("ValidationException", "INVALID_PARAMETER")
        if not 5 <= int(asked.get("TimeToLive", 259_200)) <= 259_200 or not _PRICE.fullmatch(str(asked.get("MaxPrice", "1.00"))):
            raise ProviderSays("ValidationException", "INVALID_PARAMETER")
        if asked.get("MessageType") not in ("TRANSACTIONAL", "PROMOTIONAL"):
            raise ProviderSays("ValidationException", "INVALID_PARAMETER")
        if number in self.opted_out:
            raise ProviderSays("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT")
        self._refuse("text", number)
        taken = self._take("text", number, body, message_id, asked)
        parts = len(body) // 153 + 1
        detail = {
            "destinationPhoneNumber": number,
            "messageId": taken.provider_id,
            "context": context,
            "totalMessageParts": parts,
        }
        self._tell_text(ACCEPTED_AFTER, "TEXT_SUCCESSFUL", False, detail)
        reached = "TEXT_CARRIER_UNREACHABLE" if number in self.unreachable else "TEXT_DELIVERED"
        self._tell_text(DELIVERED_AFTER, reached, True, detail)
        return taken.provider_id

    def publish(self, asked: Mapping[str, Any]) -> str:
        """Publish's parameters for a platform endpoint in, the message's id out. Refused, ProviderSays."""
        endpoint = str(asked["TargetArn"])
        try:
            message = json.loads(str(asked["Message"]))
            platform = endpoint.split(":")[5].split("/")[1]
            shown = json.loads(message.get(platform) or json.dumps({"aps": {"alert": {"body": message["default"]}}}))
        except (ValueError, KeyError, IndexError) as error:
            raise ProviderSays("InvalidParameter", "Message") from error
        google = shown.get("fcmV1Message", {}).get("message", {})
        alert = google.get("notification") or shown.get("aps", {}).get("alert") or {}
        data = google.get("data") or shown
        message_id = str(data.get("aftercare-message", ""))
        self.attempts[message_id] += 1
        if not _ENDPOINT.fullmatch(endpoint) or asked.get("MessageStructure") != "json" or "default" not in message:
            raise ProviderSays("InvalidParameter", "TargetArn")
        if any(len(str(text).encode()) > LARGEST_PUSH for text in message.values()):
            raise ProviderSays("InvalidParameter", "Message too long")
        if endpoint in self.dead:
            raise ProviderSays("EndpointDisabled", "")
        self._refuse("push", endpoint)
        return self._take("push", endpoint, f"{alert.get('title')}\n{alert.get('body')}", message_id, asked).provider_id

    def send_whatsapp_message(self, asked: Mapping[str, Any]) -> str:
        """SendWhatsAppMessage's parameters in, the message's id out. Free text is taken only within 24 hours of the person's."""
        try:
            body = json.loads(bytes(asked["message"]))
            number, kind = f"+{body['to']}", body["type"]
        except (ValueError, KeyError, TypeError) as error:
            raise ProviderSays("InvalidParametersException", "message") from error
        message_id = chat_message_id(asked)
        self.attempts[message_id] += 1
        if body.get("messaging_product") != "whatsapp" or not _NUMBER.fullmatch(number):
            raise ProviderSays("InvalidParametersException", "message")
        self._refuse("chat", number)
        if kind == "text":
            read = str(body["text"]["body"])
        else:
            parts = [str(p["text"]) for c in body["template"].get("components", ()) for p in c["parameters"]]
            read = " | ".join([f"{body['template']['name']} ({body['template']['language']['code']})", *parts])
        taken = self._take("chat", number, read, message_id, asked)
        spoke = self.spoke_at.get(number)
        late = kind == "text" and (spoke is None or self.now() - spoke > WINDOW)
        for delay, status in (
            ((ACCEPTED_AFTER, "failed"),) if late else ((ACCEPTED_AFTER, "sent"), (DELIVERED_AFTER, "delivered"))
        ):
            self.tell_chat(delay, status, taken)
        return taken.provider_id

    # ------------------------------------------------------------ what becomes of them

    def tell_chat(self, delay: timedelta, status: str, taken: Taken) -> None:
        """What WhatsApp tells of a message: sent, delivered, read, failed."""
        if self.tells_events:
            at = self.now() + delay
            detail = {
                "wabaId": "1163793972139053",
                "originationPhoneNumber": "15815555555",
                "originationPhoneNumberId": str(taken.asked.get("originationPhoneNumberId")),
                "messageId": taken.provider_id,
                "status": status,
                "eventTimestamp": str(int(at.timestamp())),
            }
            self.tell(delay, "aws.social-messaging", f"WhatsApp Message {status.title()}", detail)
            told = {"id": f"wamid.{taken.provider_id}", "status": status, "timestamp": detail["eventTimestamp"]}
            told["recipient_id"] = taken.to.removeprefix("+")
            told["biz_opaque_callback_data"] = str(json.loads(bytes(taken.asked["message"])).get("biz_opaque_callback_data", ""))
            self.notify(delay, taken.to, status_notification(told, taken.provider_id, at))

    def _tell_text(self, delay: timedelta, event_type: str, final: bool, detail: Mapping[str, Any]) -> None:
        if self.tells_events:
            status = event_type.removeprefix("TEXT_")
            whole = {"eventType": event_type, "isFinal": final, "messageStatus": status, "isoCountryCode": "ZZ", **detail}
            self.tell(delay, "aws.sms-voice", "Text Message Delivery Status Updated", whole)

    def _refuse(self, kind: Kind, to: str) -> None:
        code = self.refuses(kind, to) if self.refuses is not None else None
        if code is not None:
            raise ProviderSays(code, code)

    def _take(self, kind: Kind, to: str, body: str, message_id: str, asked: Mapping[str, Any]) -> Taken:
        number = len(self.taken)
        provider_id = f"{number:08x}-0000-4000-8000-{number:012x}"
        taken = Taken(self.now(), kind, provider_id, to, body, message_id, dict(asked))
        self.taken.append(taken)
        self.accepted[message_id] += 1
        if self.on_taken is not None:
            self.on_taken(taken)
        return taken


class ProviderSays(Refused):
    """A provider's own error: its code and, where it gives one, the reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


def chat_message_id(asked: Mapping[str, Any]) -> str:
    """The short name of the message that a SendWhatsAppMessage is about: what comes back with its events begins with it."""
    return str(json.loads(bytes(asked["message"])).get("biz_opaque_callback_data", "")).partition(".")[0]


def text_notification(number: str, body: str, inbound_id: str, to: str, at: datetime) -> dict[str, Any]:
    """A text message that a person sent, as its topic puts it on a queue (not raw)."""
    message = {
        "originationNumber": number,
        "destinationNumber": to,
        "messageKeyword": (body.split() or [""])[0].upper(),
        "messageBody": body,
        "inboundMessageId": inbound_id,
    }
    return _notification(message, inbound_id, at)


def status_notification(status: Mapping[str, Any], provider_id: str, at: datetime) -> dict[str, Any]:
    """What Meta tells of a message of the store's: AWS puts its own id of the message beside it."""
    entry = {"id": "1163793972139053", "changes": [{"field": "messages", "value": {"statuses": [dict(status)]}}]}
    message = {"context": {}, "whatsAppWebhookEntry": json.dumps(entry), "messageId": provider_id}
    return _notification(message, f"{provider_id}#{status['status']}", at)


def chat_notification(message: Mapping[str, Any], notification_id: str, at: datetime) -> dict[str, Any]:
    """A WhatsApp message that a person sent: Meta's webhook entry as text in AWS's message as text in the notification."""
    entry = {"id": "1163793972139053", "changes": [{"field": "messages", "value": {"messages": [dict(message)]}}]}
    return _notification({"context": {}, "whatsAppWebhookEntry": json.dumps(entry)}, notification_id, at)


def _notification(message: Mapping[str, Any], notification_id: str, at: datetime) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": notification_id,
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:inbound",
        "Message": json.dumps(message),
        "Timestamp": at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
        "SignatureVersion": "1",
    }
