"""One invocation's share of the sending rate: places reserved together, handed out one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.consent import Purpose
from aftercare.decision import Message, Reason
from aftercare.keys import Key
from aftercare.proposal import Proposal
from aftercare.rate import SHARDS, Quota, SendingRate, reserve, shard_order
from aftercare.table import Absent, Change, ConditionFailed, Is, Item, Tables, Throttled

BURST = timedelta(seconds=5)
"""A place so near is taken now: an invocation takes about so long for its batch, and the account bears a burst."""

KEPT = timedelta(minutes=15)
"""So long after its place a message that waited for it may still go: its slot may ring late."""

ROUNDS = 2
"""So often all shards are asked before the queue has to bring the message again."""

QUOTA_USED_UP = timedelta(hours=1)


def waits_for_a_place(purpose: Purpose) -> bool:
    """News of an order and help with it go out at once, whatever else is being sent."""
    return purpose not in (Purpose.TRANSACTIONAL, Purpose.SERVICE)


def shards() -> tuple[Key, ...]:
    return tuple(keys.rate(shard) for shard in range(SHARDS))


def quota_from(item: Item | None) -> Quota | None:
    return Quota.model_validate_json(str(item["doc"])) if item else None


@dataclass
class Pace:
    """Reserves for all messages of an invocation that may need a place in one write, and hands the places out.

    `known` are the shards as they were read; `wanted` is how many messages may come; `seed` names the shards to ask first.
    """

    tables: Tables
    rate: SendingRate
    quota: Quota | None
    known: Mapping[Key, Item]
    wanted: int
    seed: str
    _places: list[datetime] = field(default_factory=list)
    _free: dict[Key, datetime] = field(init=False)
    _asked: int = 0

    def __post_init__(self) -> None:
        self._free = free_from(self.known)

    def place(self, proposal: Proposal, held: Message | None, now: datetime) -> datetime:
        """When this message may go: now, or later. TableError when the rate cannot be asked."""
        if not waits_for_a_place(proposal.purpose) or _has_its_place(held, now):
            return now
        if self.rate.used_up(self.quota, now):
            return now + QUOTA_USED_UP
        if not self._places:
            self._reserve(now)
        at = self._places.pop(0)
        return now if at <= now + BURST else at

    def _reserve(self, now: datetime) -> None:
        """The next places, in whichever shard can be had. What others took meanwhile is seen by the write that fails."""
        per_second, count = self.rate.allowed(self.quota), max(self.wanted, 1)
        self.wanted = 0
        self._asked += 1
        for _ in range(ROUNDS):
            for shard in shard_order(f"{self.seed}#{self._asked}", [self._free.get(place) for place in shards()]):
                place = keys.rate(shard)
                free = self._free.get(place)
                got = reserve(free, now, per_second, count)
                when = Is("free", iso(free)) if free else Absent()
                try:
                    self.tables.write([Change(place, put={"free": iso(got.then)}, when=when)])
                except ConditionFailed as failed:
                    there = failed.found.get(0)
                    self._free |= free_from({place: there} if there else {})
                    continue
                # An invocation may reserve more than once, a message at a time: it looks at what it has written itself.
                self._free[place] = parse_iso(iso(got.then))
                self._places = [got.first + got.step * number for number in range(count)]
                return
        raise Throttled("every shard of the sending rate was taken by others")


def free_from(items: Mapping[Key, Item]) -> dict[Key, datetime]:
    """From when each shard has its next place, as far as it lies in the table."""
    return {place: parse_iso(str(items[place]["free"])) for place in shards() if place in items}


def _has_its_place(held: Message | None, now: datetime) -> bool:
    """Whether it was held for just this: the place that it reserved has come."""
    last = held.last if held else None
    return bool(last and last.reason is Reason.RATE_USED_UP and last.until and last.until <= now <= last.until + KEPT)
