"""How a customer answers: what was delivered and what was answered on each channel, and at which hours of their day.

An answer is an act of the person: a click, a reply, a form sent. An open is none, because Apple's proxy opens every mail.
Everything is a sum that only grows, so that `ADD` needs no read and the order of arrival does not matter; what is older
weighs less because what is newer is added with more weight (2 to the power of its age in half-lives since a fixed day).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, NamedTuple

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.consent import Channel, Purpose
from aftercare.table import Change, Item, Number

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HALF_LIFE = timedelta(days=120)
SHARDS = 4

What = Literal["delivered", "answered"]

ASKS = (Purpose.SERVICE, Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)
"""Messages that an answer is hoped for: nobody answers a confirmation, and that says nothing about the channel."""


class Answers(NamedTuple):
    """Of so many messages delivered so many were answered, in messages of today's weight."""

    delivered: float = 0.0
    answered: float = 0.0


class Learned(NamedTuple):
    """The sums as they lie in the table, and the acts they were last moved by. `unanswered` counts since the last answer."""

    delivered: Mapping[Channel, float] = MappingProxyType({})
    answered: Mapping[Channel, float] = MappingProxyType({})
    hours: Mapping[int, float] = MappingProxyType({})
    unanswered: int = 0
    delivered_at: datetime | None = None
    answered_at: datetime | None = None

    def of(self, channel: Channel, now: datetime) -> Answers:
        today = float(weight(now))
        return Answers(delivered=self.delivered.get(channel, 0.0) / today, answered=self.answered.get(channel, 0.0) / today)

    def active(self, now: datetime) -> dict[int, float]:
        """How often the person was active in each local hour, in acts of today's weight."""
        today = float(weight(now))
        return {hour: sum_ / today for hour, sum_ in self.hours.items()}


NOTHING = Learned()


def weight(at: datetime) -> Decimal:
    """What one message of an instant adds; positive for every instant."""
    return Decimal(str(round(2.0 ** ((at - EPOCH) / HALF_LIFE), 6)))


def learned_from(items: Iterable[Item]) -> Learned:
    """The sum of items (a customer's one, or the shards of all)."""
    delivered: dict[Channel, float] = {}
    answered: dict[Channel, float] = {}
    hours: dict[int, float] = {}
    unanswered, last = 0, dict[str, datetime]()
    for item in items:
        for name, value in item.items():
            kind, _, what = name.partition("_")
            if kind == "d":
                delivered[Channel(what)] = delivered.get(Channel(what), 0.0) + float(str(value))
            elif kind == "a":
                answered[Channel(what)] = answered.get(Channel(what), 0.0) + float(str(value))
            elif kind == "h":
                hours[int(what)] = hours.get(int(what), 0.0) + float(str(value))
        unanswered += int(str(item.get("unanswered", 0)))
        for name in ("delivered_at", "answered_at"):
            if name in item:
                last[name] = parse_iso(str(item[name]))
    return Learned(delivered=delivered, answered=answered, hours=hours, unanswered=unanswered, **last)


def delivered(customer_id: str, channel: Channel, at: datetime) -> Change:
    """One message that asks for an answer has arrived."""
    return Change(
        keys.customer(customer_id, keys.LEARNED),
        put={"delivered_at": iso(at)},
        add={f"d_{channel}": weight(at), "unanswered": 1},
    )


def answered(customer_id: str, channel: Channel | None, at: datetime, hour: int) -> Change:
    """The person acted, on a channel where that is known, at a local hour (0 to 23)."""
    add: dict[str, Number] = {f"h_{hour:02d}": weight(at)}
    if channel is not None:
        add[f"a_{channel}"] = weight(at)
    return Change(keys.customer(customer_id, keys.LEARNED), put={"answered_at": iso(at), "unanswered": 0}, add=add)


def for_all(channel: Channel, at: datetime, message_id: str, what: What) -> Change:
    """The same for the store as a whole, without the person: one of a few shards, because every message is counted there."""
    name = f"{what[0]}_{channel}"
    return Change(keys.response(sum(message_id.encode()) % SHARDS), add={name: weight(at)})
