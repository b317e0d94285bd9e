"""How fast each channel may send: what its provider allows, what the store wants, and places reserved one after the other.

A place is an instant. Whoever reserves moves the instant of the next place on by the time that one message takes at the
rate, in one conditional write; so any number of invocations together never send faster than that. The instant lies in
several shards, each with its share of the rate, because one item takes about a thousand writes a second.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, ConfigDict, Field

from aftercare import keys
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
    spread_minutes: Annotated[int, Field(ge=0, le=720)] = 0

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


def shard_order(seed: str, free: Sequence[datetime | None]) -> tuple[int, ...]:
    """In which order the shards are asked: of two that the seed names the one that is free sooner, then the others.

    With one choice, a wave at the full rate piles up in whichever shard chance prefers; with two it does not (Mitzenmacher,
    "The Power of Two Choices", 2001). Always asking the best of all would send every invocation to the same one.
    """
    count, drawn = len(free), keys.share(seed)
    one = int(drawn * count)
    other = (one + 1 + int(drawn * count * 1000) % (count - 1)) % count
    idle = datetime.min.replace(tzinfo=UTC)
    first, second = sorted((one, other), key=lambda shard: (free[shard] or idle, shard != one))
    return (first, second, *(shard for shard in range(count) if shard not in (first, second)))


def spread(opens: datetime, room: timedelta, seed: str) -> datetime:
    """An instant in the time after an opening at which many would leave at once, the same for the same seed. Whole seconds."""
    return opens + timedelta(seconds=int(max(room, timedelta(0)) / timedelta(seconds=1) * keys.share(seed)))


def wave_slot(start: datetime, per_second: float, position: int, seed: str) -> datetime:
    """When the message at a position (from 0) of a wave is looked at: each has a stretch of its own, as long as one message
    takes at the rate, and lies anywhere in there, the same for the same seed.

    So in any time no more are due than the rate allows, and two for its edges.
    """
    return start + timedelta(seconds=(position + keys.share(seed)) / per_second)


WITHOUT_LIMIT = 100.0
"""Messages a second of a wave where the store has set no rate for mail."""


def wave_rate(quota: Quota | None) -> float:
    """Messages a second of a wave: what mail may send of what can wait. ContentError."""
    return _sending_rate().allowed(Channel.EMAIL, quota) or WITHOUT_LIMIT


@lru_cache(maxsize=1)
def _sending_rate() -> SendingRate:
    """The `rate` of content/frequency.yaml, for who needs nothing else of it."""
    from aftercare.content import read_content

    class Rate(Model):
        model_config = ConfigDict(extra="ignore")
        rate: SendingRate

    return read_content(Path("frequency.yaml"), Rate).rate
