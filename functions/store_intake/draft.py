"""What a delivery writes while it is put together, and its journal row, with which every such transaction begins."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aftercare import events, keys
from aftercare.event import Event
from aftercare.keys import Key
from aftercare.store import Delivery, park
from aftercare.table import Write
from store_intake.received import Received, canonical

PACK_FROM = 200_000
"""Bytes from which a kept body is compressed: an item holds 400 KB, the bus carries 1 MB."""

KEPT_BODY = 380_000
"""Bytes of a kept body, compressed; of what stays larger only the reason, the hash and the length are kept."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, and what to tell of it. `forgets` are names of which a keyed hash is to be left as well."""

    writes: tuple[Write, ...]
    customer_id: str | None = None
    metrics: tuple[str, ...] = ()
    forgets: Mapping[Key, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """The transaction while it is put together."""

    customer_id: str
    received: Received
    writes: list[Write] = field(default_factory=list)
    outbox: list[Event] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)

    def tell(self, detail_type: str, occurred_at: datetime, data: events.CustomerData) -> None:
        """Put an event into the outbox. Its id comes from the delivery, so it is the same however often it is told."""
        dumped = data.model_dump(mode="json")
        event_id = keys.message_id(f"{self.received.key}#{detail_type}#{canonical(dumped).decode()}")
        self.outbox.append(events.make(detail_type, event_id, occurred_at, self.received.correlation_id, data, dumped))


def delivery_of(received: Received, told: tuple[Event, ...], customer_id: str | None = None) -> Delivery:
    """The journal row of a delivery; `told` is its outbox, `customer_id` who it was about, if anybody."""
    return Delivery(
        key=received.key,
        sender=received.sender,
        topic=received.topic,
        received_at=received.received_at,
        correlation_id=received.correlation_id,
        body_hash=received.content_hash,
        facts=received.fact_types,
        events=told,
        customer_id=customer_id,
        parked=received.parked,
        sender_version=received.sender_version,
    )


def journaled(received: Received, told: tuple[Event, ...], secret: str, customer_id: str | None = None) -> tuple[Write, ...]:
    """The journal row with its outbox and, where the body is kept, the body."""
    delivery, body = delivery_of(received, told, customer_id), received.body
    if received.parked is None:
        return (delivery.put(),)
    if not received.keeps_body:
        return (delivery.put(), *park(delivery, b"", secret, not_kept_bytes=len(body)))
    if len(body) < PACK_FROM:
        return (delivery.put(), *park(delivery, body, secret))
    packed = zlib.compress(body, 9)
    if len(packed) > KEPT_BODY:
        return (delivery.put(), *park(delivery, b"", secret, not_kept_bytes=len(body)))
    return (delivery.put(), *park(delivery, body, secret, kept=packed, packed="zlib"))
