"""How fast each channel may send: what its provider allows, what the store wants, and places reserved one after the other.

A place is an instant. Whoever reserves moves the instant of the next place on by the time that one message takes at the
rate, in one conditional write; so any number of invocations together never send faster than that. The instant lies in
several shards, each with its share of the rate, because one item takes about a thousand writes a second.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field

from aftercare.consent import Channel
from aftercare.model import Model

SHARDS = 4


class Quota(Model):
    """What the provider of mail allows the account, as it said at `read_at`. `per_second` is its greatest rate."""

    per_second: Annotated[float, Field(gt=0)]
    per_day: Annotated[float, Field(ge=0)]
    sent_today: Annotated[float, Field(ge=0)]
    read_at: AwareDatetime


class SendingRate(Model):
    """The store's settings, `rate` of content/frequency.yaml, for what can wait; news of an order never waits here.

    A channel that is not among `per_second` has no limit.
    """

    per_second: Mapping[Channel, Annotated[float, Field(gt=0, le=10_000)]]
    kept_for_orders: Annotated[float, Field(ge=0, lt=1)]

    def allowed(self, channel: Channel, quota: Quota | None) -> float | None:
        """Messages a second that may be sent of what can wait, None for any number; mail has the account's quota too."""
        asked = [self.per_second[channel]] if channel in self.per_second else []
        given = [quota.per_second] if quota and channel is Channel.EMAIL else []
        greatest = min((*asked, *given), default=None)
        return None if greatest is None else greatest * (1 - self.kept_for_orders)

    def used_up(self, quota: Quota | None, now: datetime) -> bool:
        """Whether the mail that the day still allows is kept for news of orders. A quota that is a day old says nothing."""
        if quota is None or now - quota.read_at > timedelta(days=1) or quota.per_day <= 0:
            return False
        return quota.sent_today >= quota.per_day * (1 - self.kept_for_orders)


class Places(NamedTuple):
    """So many places from an instant on, a step apart; `then` is the instant from which others may reserve."""

    first: datetime
    step: timedelta
    then: datetime


def reserve(free: datetime | None, now: datetime, per_second: float, count: int, shards: int = SHARDS) -> Places:
    """The next places of one shard: from `free` on, or from now where it has been idle."""
    step = timedelta(seconds=shards / per_second)
    first = max(free, now) if free else now
    return Places(first, step, first + step * count)
