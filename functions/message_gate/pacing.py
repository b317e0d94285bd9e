"""One invocation's share of the sending rate of each channel: places reserved and handed out one by one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.consent import Channel, Purpose
from aftercare.decision import Message, Reason
from aftercare.keys import Key
from aftercare.proposal import Proposal
from aftercare.rate import SHARDS, Quota, SendingRate, reserve, shard_order
from aftercare.table import Absent, Change, ConditionFailed, Is, Item, Tables, Throttled

BURST = timedelta(seconds=5)
"""A place so near is taken now: an invocation takes about so long for its batch, and the account bears a burst."""

KEPT = timedelta(minutes=15)
"""So long after its place a message that waited for it may still go: its slot may ring late."""

QUOTA_USED_UP = timedelta(hours=1)
ROUNDS = 2
"""So often all shards are asked before the queue has to bring the message again."""


def waits_for_a_place(proposal: Proposal) -> bool:
    """News of an order and help with it go out at once, whatever else is being sent; a publication, which goes to many, never
    does, whatever it is for."""
    return proposal.purpose not in (Purpose.TRANSACTIONAL, Purpose.SERVICE) or "publication" in proposal.references


def shards(channels: Iterable[Channel] = (Channel.EMAIL,)) -> tuple[Key, ...]:
    return tuple(keys.rate(channel, shard) for channel in channels for shard in range(SHARDS))


def quota_from(item: Item | None) -> Quota | None:
    return Quota.model_validate_json(str(item["doc"])) if item else None


@dataclass
class Pace:
    """Reserves places and hands them out. Mail, which most messages are, for all of an invocation that may need one in one write;
    a place on another channel when it is needed, because what is reserved and not used makes a slow channel slower.

    `known` are the shards as they were read; `wanted` is how many messages may come; `seed` names the shards to ask first.
    """

    tables: Tables
    rate: SendingRate
    quota: Quota | None
    known: Mapping[Key, Item]
    wanted: int
    seed: str
    _asked: int = 0
    _places: dict[Channel, list[datetime]] = field(default_factory=dict)
    _seen: dict[Key, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen.update(self.known)

    def place(self, proposal: Proposal, channel: Channel, held: Message | None, now: datetime) -> datetime:
        """When this message may go on a channel: now, or later. TableError when the rate cannot be asked."""
        per_second = self.rate.allowed(channel, self.quota)
        if per_second is None or not waits_for_a_place(proposal) or _has_its_place(held, now):
            return now
        if channel is Channel.EMAIL and self.rate.used_up(self.quota, now):
            return now + QUOTA_USED_UP
        places = self._places.get(channel) or self._reserve(channel, per_second, now)
        at = places.pop(0)
        return now if at <= now + BURST else at

    def _reserve(self, channel: Channel, per_second: float, now: datetime) -> list[datetime]:
        count = max(self.wanted, 1) if channel is Channel.EMAIL else 1
        if channel is Channel.EMAIL:
            self.wanted = 0
        self._asked += 1
        for shard in shard_order(f"{self.seed}#{self._asked}", [self._free(place) for place in shards((channel,))]) * ROUNDS:
            place = keys.rate(channel, shard)
            free = self._seen.get(place)
            got = reserve(parse_iso(str(free["free"])) if free else None, now, per_second, count)
            when = Is("free", free["free"]) if free else Absent()
            try:
                self.tables.write([Change(place, put={"free": iso(got.then)}, when=when)])
            except ConditionFailed as failed:
                there = failed.found.get(0)
                if there:
                    self._seen[place] = there
                continue
            self._seen[place] = {"free": iso(got.then)}
            self._places[channel] = [got.first + got.step * number for number in range(count)]
            return self._places[channel]
        raise Throttled("every shard of the sending rate was taken by others")

    def _free(self, place: Key) -> datetime | None:
        """From when a shard has its next place, as far as this invocation has seen."""
        there = self._seen.get(place)
        return parse_iso(str(there["free"])) if there else None


def _has_its_place(held: Message | None, now: datetime) -> bool:
    """Whether it was held for just this: the place that it reserved has come."""
    last = held.last if held else None
    return bool(last and last.reason is Reason.RATE_USED_UP and last.until and last.until <= now <= last.until + KEPT)
