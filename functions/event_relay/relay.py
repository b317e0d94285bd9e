"""Deliveries with events in, PutEvents out, ten at a time, each entry's answer looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aftercare import keys, telemetry
from aftercare.event import Event
from aftercare.outside import Outside
from aftercare.store import events_of, mark_relayed
from aftercare.table import Item, TableError

ENTRIES = 10
"""PutEvents takes ten entries."""


class NotRelayed(RuntimeError):
    """The bus did not keep an event of this delivery; it stays due and is told again."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """One delivery's events. `token` names where it came from: a stream's sequence number or the delivery's key."""

    token: str
    delivery_key: str
    events: tuple[Event, ...]


def delivery_key(pk: str) -> str:
    return pk.removeprefix(keys.delivery("").pk)


def from_stream(records: Sequence[Mapping[str, Any]]) -> list[Outbox]:
    """The deliveries with events among a stream's records; the event source's filter lets only those through."""
    found = []
    for record in records:
        image = record["dynamodb"].get("NewImage", {})
        if "events" in image:
            events = tuple(events_of(image["events"]["S"]))
            found.append(Outbox(record["dynamodb"]["SequenceNumber"], delivery_key(image["pk"]["S"]), events))
    return found


def from_item(key: str, item: Item | None) -> Outbox | None:
    """A delivery that is still due, or None: it was relayed meanwhile, or is gone."""
    if item is None or item.get("due_kind") != "relay":
        return None
    return Outbox(key, key, tuple(events_of(str(item["events"]))))


def chunks(outboxes: Sequence[Outbox]) -> Iterator[list[tuple[int, Event]]]:
    """All events in their order, at most ten together, each with the position of its delivery."""
    flat = [(place, event) for place, outbox in enumerate(outboxes) for event in outbox.events]
    for start in range(0, len(flat), ENTRIES):
        yield flat[start : start + ENTRIES]


def relay(outside: Outside, outboxes: Sequence[Outbox]) -> list[str]:
    """Tell the bus, and mark what it kept wholly. The tokens of what it did not keep, or was not asked to after a failure.

    PutEvents answers 200 even when it kept nothing, so every entry's answer counts. After the first failure nothing more
    is put: a stream brings everything from there on again, and what was not put is not told twice.
    """
    bus, told_at = outside.settings.need("bus"), outside.clock.now()
    failed: set[int] = set()
    untried = set(range(len(outboxes)))
    for chunk in chunks(outboxes):
        lost = outside.bus.put([event.entry(bus, told_at) for _, event in chunk])
        failed |= {chunk[position][0] for position in lost}
        telemetry.count("EventRelayed", len(chunk) - len(lost))
        last = chunk[-1][0]
        whole = {place for place in untried if place <= last and not _cut(outboxes, chunk, place)}
        untried -= whole
        for place in sorted(whole - failed):
            _mark(outside, outboxes[place].delivery_key)
        if lost:
            telemetry.count("EventNotKept", len(lost))
            break
    left = failed | {place for place in untried if outboxes[place].events}
    return [outboxes[place].token for place in sorted(left)]


def _cut(outboxes: Sequence[Outbox], chunk: Sequence[tuple[int, Event]], place: int) -> bool:
    """Whether the chunk ends inside this delivery's events."""
    last_place, last_event = chunk[-1]
    return place == last_place and last_event.id != outboxes[place].events[-1].id


def _mark(outside: Outside, key: str) -> None:
    """Take it off the due list. Where that fails the sweep brings it again: told twice, never lost."""
    try:
        mark_relayed(outside.tables, key, outside.clock.now())
    except TableError as error:
        telemetry.trouble("relayed, but not marked", delivery=keys.message_id(key), error=type(error).__name__)
        telemetry.count("RelayNotMarked")
