"""What one customer has been sent lately, as far as the frequency caps count it (rules C35 and I14).

The record lies in the customer's own partition and changes only inside the transaction that claims a message or gives the
claim back, so that two messages cannot both have the last place.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from aftercare.consent import Channel, Purpose
from aftercare.model import Model


class Counted(Model):
    """One message that counts: when it was claimed, what for, on which channel, and its short name.

    A digest counts once for each limit that counts any of its parts: `also` are their further purposes.
    """

    at: AwareDatetime
    purpose: Purpose
    channel: Channel
    message: str
    also: tuple[Purpose, ...] = ()


class Caps(Model):
    """All that may still count, oldest first; `version` moves with every change and the claim checks it."""

    version: int = 0
    counted: tuple[Counted, ...] = ()


class Limit(Model):
    """At most so many messages of these purposes in any so many hours: on these channels, or (none named) on all together."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
    purposes: tuple[Purpose, ...]
    channels: tuple[Channel, ...] = ()
    at_most: Annotated[int, Field(ge=1, le=1000)]
    hours: Annotated[int, Field(ge=1, le=2400)]

    @model_validator(mode="after")
    def _never_of_orders(self) -> "Limit":
        if not self.purposes or Purpose.TRANSACTIONAL in self.purposes:
            raise ValueError("purposes: expected at least one, and never transactional: news of an order is not capped")
        return self

    def on(self, channel: Channel) -> bool:
        return not self.channels or channel in self.channels

    def applies(self, purpose: Purpose, channel: Channel) -> bool:
        return purpose in self.purposes and self.on(channel)

    def counts(self, sent: Counted) -> bool:
        return any(self.applies(purpose, sent.channel) for purpose in (sent.purpose, *sent.also))

    def window(self, stretch: float) -> timedelta:
        return timedelta(hours=self.hours) * stretch

    def opens(self, caps: Caps, now: datetime, stretch: float = 1.0) -> datetime:
        """From when one more message has room: now, or the instant at which enough of the counted have left the window.

        The window is half open: what was sent exactly a window ago does not count any more.
        """
        window = self.window(stretch)
        inside = sorted(c.at for c in caps.counted if self.counts(c) and c.at + window > now)
        return inside[len(inside) - self.at_most] + window if len(inside) >= self.at_most else now

    def room(self, caps: Caps, now: datetime, stretch: float = 1.0) -> int:
        """How many more messages have room at this instant."""
        window = self.window(stretch)
        return self.at_most - sum(self.counts(c) and c.at + window > now for c in caps.counted)


def counting(caps: Caps, one: Counted, kept: timedelta) -> Caps:
    """The record with one message more, without what is older than `kept`."""
    after = [c for c in caps.counted if c.at + kept > one.at and c.message != one.message]
    return Caps(version=caps.version + 1, counted=tuple(sorted([*after, one], key=lambda c: (c.at, c.message))))


def without(caps: Caps, message_id: str) -> Caps:
    """The record without a message that was not sent after all."""
    return Caps(version=caps.version + 1, counted=tuple(c for c in caps.counted if c.message != message_id))


def longest(limits: Iterable[Limit], stretch: float = 1.0) -> timedelta:
    """How long a counted message may matter."""
    return max((limit.window(stretch) for limit in limits), default=timedelta(0))
