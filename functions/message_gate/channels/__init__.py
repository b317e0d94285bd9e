"""Which form a template has on each channel, and the writing of it: what is ready to be sent, and what the ledger keeps of it.

A text message and WhatsApp take the short wordings of a template's words; push and inbox take its subject and opening; mail takes
all of it. What cannot be written is raised before anything is claimed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from aftercare.consent import Channel
from aftercare.decision import CARRIES
from aftercare.outside import Outside, SendOutcome

if TYPE_CHECKING:
    from message_gate.candidate import Candidate
    from message_gate.tone import Chosen

SHORT = frozenset(
    (
        "delivery-delayed",
        "delivery-recovered",
        "item-out-of-stock",
        "order-cancelled",
        "order-completed",
        "order-edited",
        "order-not-shipped-yet",
        "order-packed",
        "order-partially-fulfilled",
        "order-ready-for-pickup",
        "order-refunded",
        "parcel-attempted",
        "parcel-delivered",
        "parcel-exception",
        "parcel-lost",
        "parcel-out-for-delivery",
        "parcel-ready-for-pickup",
        "parcel-returned",
        "parcel-shipped",
        "payment-failed",
        "renewal-reminder",
        "reorder-nudge",
        "reorder-reminder",
        "rescue-check",
        "rescue-offer",
        "restock-alert",
        "return-approved",
        "return-requested",
        "safety-notice",
        "segment-help",
        "segment-offer",
        "subscription-renewed",
        "survey",
        "survey-reminder",
    )
)
"""Templates with a phrase `sms` (a test holds this against the words): the only ones for texts and WhatsApp."""

REPLIES = frozenset(("reply-stopped", "reply-help", "reply-started", "reply-answered"))
"""Answers to what a person just wrote, on the channel and to the number it came from. They need no other ground."""

QUESTIONS = frozenset(("survey", "survey-reminder", "rescue-check"))
"""What is answered where it is read: by a link of a mail or by a text. A notification leads to the account."""

LINKS = frozenset(("fresh-link-orders", "fresh-link-export", "fresh-link-erase"))
"""What a person has just asked for on a page, sent to the mailbox on file: who asks is answered, whatever they turned off."""

MAILED = LINKS | {"review-request", "review-reward", "repost-request", "return-survey"}
"""What leads to another page by its links, or is answered by one: a mail has room for them."""

_LONG = (Channel.EMAIL, Channel.PUSH, Channel.INBOX)


def forms(template: str) -> tuple[Channel, ...]:
    """The channels that a template has a form for."""
    if template in REPLIES:
        return (Channel.SMS, Channel.WHATSAPP)
    if template in QUESTIONS:
        return (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP)
    if template in MAILED:
        return (Channel.EMAIL,)
    return (*_LONG, Channel.SMS, Channel.WHATSAPP) if template in SHORT else _LONG


class Shown(NamedTuple):
    """What the account page shows of a message again."""

    title: str | None = None
    text: str | None = None


UNSHOWN = Shown()


@dataclass(frozen=True, slots=True)
class Written:
    """A message that is ready: `send` makes the one attempt. `saw` is what else is worth a line in the decision record; a form
    that somebody else has approved has no tone."""

    send: Callable[[], SendOutcome]
    template_version: str
    content_hash: str
    tone: "Chosen | None"
    saw: Mapping[str, str | int] = field(default_factory=dict)
    shown: Shown = UNSHOWN


def write(outside: Outside, candidate: "Candidate", channel: Channel) -> Written:
    """The candidate's message for a channel. CannotRender, MissingWord, NoShortForm, BadHeader: the queue keeps the proposal."""
    # Brand, templates and their engine come with the first message that is written, not at init.
    match channel:
        case Channel.EMAIL:
            from message_gate.mailing import write_letter

            letter = write_letter(outside, candidate, candidate.addresses[channel][0])
            shown = Shown(letter.mail.subject, letter.opening)
            send = partial(outside.mail.send, letter.mail)
            saw = {CARRIES: " ".join(letter.carries)} if letter.carries else {}
            return Written(send, letter.template_version, letter.content_hash, letter.tone, saw, shown)
        case Channel.SMS:
            from message_gate.channels.text import write_text

            return write_text(outside, candidate)
        case Channel.WHATSAPP:
            from message_gate.channels.chat import write_chat

            return write_chat(outside, candidate)
        case Channel.PUSH:
            from message_gate.channels.push import write_push

            return write_push(outside, candidate)
        case Channel.INBOX:
            from message_gate.channels.inbox import write_inbox

            return write_inbox(outside, candidate)
