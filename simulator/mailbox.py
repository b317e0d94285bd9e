"""The mail provider: it takes mails, counts what went over the wire, and tells the default bus what became of them.

The events have the form in which SES puts them on EventBridge; the addresses of SES's mailbox simulator behave as SES
documents ("Using the mailbox simulator manually"). Nothing is ever sent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from aftercare.outside import Mail
from simulator.memory.refusal import Refused

SIMULATOR: Final = "simulator.amazonses.com"
MESSAGE_TAG: Final = "aftercare-message"
"""Under which of our tags a mail carries the short name of its message."""

MAXIMUM_TAGS: Final = 50
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_LINE: Final = re.compile(r"[\r\n\x00]")

SEND_AFTER: Final = timedelta(seconds=1)
DELIVERY_AFTER: Final = timedelta(seconds=3)
BOUNCE_AFTER: Final = timedelta(seconds=4)
COMPLAINT_AFTER: Final = timedelta(seconds=30)
"""How long after the call the provider tells each kind of event."""


@dataclass(frozen=True, slots=True)
class MailTaken:
    """One mail that the provider accepted. `mail` is what the gate handed over (memory), `raw` the MIME it sent (moto)."""

    at: datetime
    provider_id: str
    sender: str
    recipient: str
    tags: Mapping[str, str]
    configuration_set: str | None
    mail: Mail | None = None
    raw: bytes | None = None

    @property
    def message_id(self) -> str:
        """The short name of the message, from our tag; "" where the mail has none."""
        return message_tag(self.tags)

    def mime(self) -> bytes:
        """The raw message; built now if it was taken as a Mail."""
        if self.raw is not None:
            return self.raw
        return self.mail.mime() if self.mail is not None else b""


def message_tag(tags: Mapping[str, str]) -> str:
    return tags.get(MESSAGE_TAG, "")


Tell = Callable[[timedelta, str, Mapping[str, Any]], None]
"""Put an event of source aws.ses on the default bus after a delay: (delay, detail-type, detail)."""


@dataclass(slots=True)
class Mailbox:
    """What the provider has. `attempts` and `accepted` count by the message's short name, over the wire.

    `tells_events` switches its events off; `loses` drops those it says True for (eventType, mail). `refuses` gives the
    error code with which an address is refused, or None (the SES sandbox, a paused account, a daily quota).
    """

    now: Callable[[], datetime]
    tell: Tell
    region: str = "us-east-1"
    tells_events: bool = True
    loses: Callable[[str, MailTaken], bool] | None = None
    refuses: Callable[[str], str | None] | None = None
    taken: list[MailTaken] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    on_taken: Callable[[MailTaken], None] | None = None
    per_second: float = 14.0
    per_day: float = 50_000.0

    def quota(self) -> tuple[float, float, float]:
        """The account's greatest rate a second, how many a day, and how many in the last 24 hours, as GetAccount tells them."""
        since, sent = self.now() - timedelta(days=1), 0
        for taken in reversed(self.taken):
            if taken.at <= since:
                break
            sent += 1
        return self.per_second, self.per_day, float(sent)

    def attempt(self, tags: Mapping[str, str]) -> None:
        """One attempt on the wire, whatever comes of it."""
        self.attempts[message_tag(tags)] += 1

    def take(
        self,
        sender: str,
        recipient: str,
        tags: Mapping[str, str],
        configuration_set: str | None,
        *,
        mail: Mail | None = None,
        raw: bytes | None = None,
    ) -> MailTaken:
        """Accept one mail. Refused for what SES answers with BadRequestException."""
        check_addresses(sender, recipient)
        check_tags(tags)
        provider_id = f"{0x0100019000000000 + len(self.taken):016x}-{len(self.taken):08x}-000000"
        taken = MailTaken(self.now(), provider_id, sender, recipient, dict(tags), configuration_set, mail, raw)
        self.taken.append(taken)
        self.accepted[taken.message_id] += 1
        if self.on_taken is not None:
            self.on_taken(taken)
        if self.tells_events:
            self._outcome(taken)
        return taken

    def to(self, recipient: str) -> list[MailTaken]:
        """What an address has got, oldest first."""
        return [taken for taken in self.taken if taken.recipient == recipient]

    def tell_again(self, event_type: str, taken: MailTaken, **content: Any) -> None:
        """Tell one more event of a mail now: an open, a click, a late complaint, a Send that had been lost."""
        self._tell(timedelta(0), event_type, taken, content)

    def _outcome(self, taken: MailTaken) -> None:
        local, _, domain = taken.recipient.lower().partition("@")
        behaviour = local.partition("+")[0] if domain == SIMULATOR else "success"
        recipient = {"emailAddress": taken.recipient}
        self._tell(SEND_AFTER, "Send", taken, {"send": {}})
        if behaviour == "bounce":
            self._tell(BOUNCE_AFTER, "Bounce", taken, {"bounce": self._bounce(taken, "General", recipient)})
        elif behaviour == "suppressionlist":
            self._tell(BOUNCE_AFTER, "Bounce", taken, {"bounce": self._bounce(taken, "Suppressed", recipient)})
        else:
            delivered = {
                "timestamp": _millis(taken.at + DELIVERY_AFTER),
                "processingTimeMillis": int(DELIVERY_AFTER.total_seconds() * 1000),
                "recipients": [taken.recipient],
                "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": "a8-70.smtp-out.amazonses.com",
            }
            self._tell(DELIVERY_AFTER, "Delivery", taken, {"delivery": delivered})
            if behaviour == "complaint":
                complaint = {
                    "feedbackId": f"{taken.provider_id}-c",
                    "complaintSubType": None,
                    "complainedRecipients": [recipient],
                    "timestamp": _millis(taken.at + COMPLAINT_AFTER),
                    "complaintFeedbackType": "abuse",
                }
                self._tell(COMPLAINT_AFTER, "Complaint", taken, {"complaint": complaint})

    def _bounce(self, taken: MailTaken, sub_type: str, recipient: Mapping[str, str]) -> dict[str, Any]:
        return {
            "feedbackId": f"{taken.provider_id}-b",
            "bounceType": "Permanent",
            "bounceSubType": sub_type,
            "bouncedRecipients": [{**recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1"}],
            "timestamp": _millis(taken.at + BOUNCE_AFTER),
            "reportingMTA": "dsn; a8-70.smtp-out.amazonses.com",
        }

    def _tell(self, delay: timedelta, event_type: str, taken: MailTaken, content: Mapping[str, Any]) -> None:
        if self.loses is not None and self.loses(event_type, taken):
            return
        tags = {name: [value] for name, value in sorted(taken.tags.items())}
        if taken.configuration_set:
            tags["ses:configuration-set"] = [taken.configuration_set]
        tags["ses:from-domain"] = [taken.sender.rpartition("@")[2].rstrip(">")]
        detail = {
            "eventType": event_type,
            "mail": {
                "timestamp": _millis(taken.at),
                "source": taken.sender,
                "messageId": taken.provider_id,
                "destination": [taken.recipient],
                "headersTruncated": False,
                "tags": tags,
            },
            **content,
        }
        self.tell(delay, DETAIL_TYPES[event_type], detail)


DETAIL_TYPES: Final[Mapping[str, str]] = {
    "Send": "Email Sent",
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "Reject": "Email Rejected",
    "Open": "Email Opened",
    "Click": "Email Clicked",
    "Rendering Failure": "Email Rendering Failed",
    "DeliveryDelay": "Email Delivery Delayed",
    "Subscription": "Email Subscribed",
}
"""eventType to detail-type (integrations of SES with EventBridge)."""


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse the message tags that SES refuses."""
    if len(tags) > MAXIMUM_TAGS:
        raise Refused(f"SES takes at most {MAXIMUM_TAGS} tags, not {len(tags)}")
    for name, value in tags.items():
        if not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise Refused(f"SES tag {name!r}: name and value are 1 to 256 characters of A-Z, a-z, 0-9, _ and -")


def check_addresses(sender: str, recipient: str) -> None:
    for role, address in (("sender", sender), ("recipient", recipient)):
        if "@" not in address or _LINE.search(address):
            raise Refused(f"SES: the {role} is no address")
    if len(recipient) > 320:
        raise Refused("SES: the recipient has more than 320 characters")


def _millis(instant: datetime) -> str:
    return instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
