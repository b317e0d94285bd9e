"""What goes out beside mail: a text message, a notification, a WhatsApp message. Only who sends them needs their shapes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Text:
    """One text message. `recipient` is E.164; `context` comes back with the provider's events, at most five pairs.

    `lives_for` is how long a phone that is off may be waited for.
    """

    recipient: str
    body: str
    promotional: bool
    lives_for: timedelta
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Push:
    """One notification to one device. `endpoint` is the platform endpoint's ARN; `data` travels with it, unseen."""

    endpoint: str
    title: str
    body: str
    lives_for: timedelta
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Chat:
    """One WhatsApp message. `recipient` is E.164. Of a template: its approved name, language and the values of its body; or,
    within 24 hours of the person's own last message, free `text`. `context` comes back with Meta's own webhooks, at most 512
    characters."""

    recipient: str
    message_id: str
    context: str
    template: str | None = None
    language: str | None = None
    values: tuple[str, ...] = ()
    text: str | None = None
