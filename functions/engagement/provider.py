"""SES's events on EventBridge, read as what became of one message (integrations: SES event publishing).

Our own tags come back as lists of text: `aftercare-message` and `aftercare-customer`. An event without them is not about
a message of ours.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from enum import StrEnum
from typing import Any

from aftercare import identity
from aftercare.cadence import Kind
from aftercare.consent import Channel
from aftercare.model import EARLIEST, LATEST

NAME = re.compile(r"[a-z0-9]{1,40}")
_ID = re.compile(r"[\x21-\x7e]{1,200}")
MESSAGE_TAG = "aftercare-message"
CUSTOMER_TAG = "aftercare-customer"
ASKS_TAG = "aftercare-asks"
CADENCE_TAG = "aftercare-cadence"


class What(StrEnum):
    """What the provider saw. `eventType` decides, because detail-types have been renamed; each name is ours."""

    SENT = "sent"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REJECTED = "rejected"
    RENDER_FAILED = "render_failed"
    OPENED = "opened"
    CLICKED = "clicked"
    READ = "read"
    FAILED = "failed"


EVENT_TYPES: Mapping[str, What] = {
    "Send": What.SENT,
    "Delivery": What.DELIVERED,
    "DeliveryDelay": What.DELAYED,
    "Bounce": What.BOUNCED,
    "Complaint": What.COMPLAINED,
    "Reject": What.REJECTED,
    "Rendering Failure": What.RENDER_FAILED,
    "Open": What.OPENED,
    "Click": What.CLICKED,
}

PROVES_SENT = frozenset(
    (
        What.SENT,
        What.DELIVERED,
        What.DELAYED,
        What.BOUNCED,
        What.COMPLAINED,
        What.OPENED,
        What.CLICKED,
        What.READ,
        What.FAILED,
    )
)
"""After these there is no doubt that the provider took the message (rule H2)."""

_OBJECTS = {
    What.DELIVERED: "delivery",
    What.DELAYED: "deliveryDelay",
    What.BOUNCED: "bounce",
    What.COMPLAINED: "complaint",
    What.OPENED: "open",
    What.CLICKED: "click",
}

_RECIPIENTS = {What.BOUNCED: "bouncedRecipients", What.COMPLAINED: "complainedRecipients"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One event about one message. `dead` are the addresses that it says to send nothing more to; `asks` says that the message
    is one that an answer is hoped for, `teaches` what an answer says of digests and single messages."""

    event_id: str
    what: What
    message_id: str
    customer_id: str
    provider_id: str | None
    at: datetime
    sent_at: datetime
    permanent: bool = False
    dead: tuple[str, ...] = ()
    channel: Channel = Channel.EMAIL
    asks: bool = False
    teaches: Kind | None = None

    @property
    def suppresses(self) -> bool:
        """A complaint, a number that is none, or a hard bounce: `Suppressed` and `OnAccountSuppressionList` are such, too."""
        return self.what is What.COMPLAINED or (self.what in (What.BOUNCED, What.FAILED) and self.permanent)


class NotOurs(ValueError):
    """An event about no message of ours, or of no kind that is known; the text says which, without a value."""


class Unreadable(ValueError):
    """No event of SES's form: it will not have it the next time either. The text names the field and what was expected."""


def parsed(text: str) -> Mapping[str, Any]:
    """The envelope in a queue's message. Unreadable."""
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("body: expected JSON") from error
    if not isinstance(envelope, dict):
        raise Unreadable("body: expected a JSON object")
    return envelope


def seen(envelope: Mapping[str, Any], received_at: datetime) -> Seen:
    """Read an EventBridge envelope of `aws.ses`. NotOurs, Unreadable."""
    detail, event_id = envelope.get("detail"), envelope.get("id")
    if not isinstance(event_id, str) or not _ID.fullmatch(event_id):
        raise Unreadable("id: expected the event's id")
    if not isinstance(detail, dict) or not isinstance(detail.get("mail"), dict):
        raise Unreadable("detail.mail: expected an object")
    what = EVENT_TYPES.get(str(detail.get("eventType")))
    if what is None:
        raise NotOurs("an event type that nothing here acts on")
    mail = detail["mail"]
    tags = mail.get("tags") if isinstance(mail.get("tags"), dict) else {}
    message_id, customer_id = _tag(tags, MESSAGE_TAG), _tag(tags, CUSTOMER_TAG)
    if message_id is None or customer_id is None:
        raise NotOurs("no tags of ours")
    said = detail.get(_OBJECTS.get(what, ""))
    said = said if isinstance(said, dict) else {}
    sent_at = _when(mail.get("timestamp")) or received_at
    provider_id = mail.get("messageId")
    return Seen(
        event_id=event_id,
        what=what,
        message_id=message_id,
        customer_id=customer_id,
        provider_id=provider_id if isinstance(provider_id, str) and _ID.fullmatch(provider_id) else None,
        at=_when(said.get("timestamp")) or _when(envelope.get("time")) or sent_at,
        sent_at=sent_at,
        permanent=said.get("bounceType") == "Permanent",
        dead=_addresses(said.get(_RECIPIENTS[what]), mail.get("destination")) if what in _RECIPIENTS else (),
        asks=_tag(tags, ASKS_TAG) == "yes",
        teaches=Kind.read(_text(tags, CADENCE_TAG)),
    )


def _text(tags: Mapping[str, Any], name: str) -> str:
    values = tags.get(name)
    value = values[0] if values.__class__ is list and values else None
    return value if value.__class__ is str else ""


def _tag(tags: Mapping[str, Any], name: str) -> str | None:
    value = _text(tags, name)
    return value if NAME.fullmatch(value) else None


def _when(value: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant and instant.tzinfo and EARLIEST <= instant < LATEST else None


def _addresses(recipients: object, destination: object) -> tuple[str, ...]:
    """The recipients that the event names; a complaint may name none, then those that the mail went to (we send to one)."""
    listed = recipients if isinstance(recipients, list) else []
    named = [r.get("emailAddress") for r in listed if isinstance(r, dict)]
    named = named or (destination if isinstance(destination, list) else [])
    plain = (identity.email(parseaddr(text)[1]) for text in named if isinstance(text, str))
    return tuple(dict.fromkeys(address for address in plain if address))
