"""Karrio's tracker webhooks (open source build). Source: karrio's server code.

`X-Event-Id` carries the shared secret itself. Nothing is tried again, and the hook is switched off after five failures. Only
the tracker's own status has a word of the list; its time is that of the last event. `picked_up` is the carrier's collection.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from aftercare.parcel_status import ShipmentStatus
from store_intake.received import Received, Unreadable, canonical, hash_of, parsed
from store_intake.tracking import (
    UNKNOWN,
    WITHOUT_NUMBER,
    Letter,
    Payload,
    Words,
    eta,
    flag,
    instant,
    moved,
    obj,
    objects,
    order_ref,
    scan,
    text,
)
from store_intake.verification import Request, Secret, shown_by

STATUSES: Mapping[str, ShipmentStatus] = {
    "unknown": UNKNOWN,
    "pending": ShipmentStatus.LABEL_CREATED,
    "picked_up": ShipmentStatus.IN_TRANSIT,
    "in_transit": ShipmentStatus.IN_TRANSIT,
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "ready_for_pickup": ShipmentStatus.READY_FOR_PICKUP,
    "delivery_failed": ShipmentStatus.DELIVERY_ATTEMPTED,
    "delivery_delayed": ShipmentStatus.DELAYED,
    "on_hold": ShipmentStatus.EXCEPTION,
    "return_to_sender": ShipmentStatus.RETURN_TO_SENDER,
    "delivered": ShipmentStatus.DELIVERED,
    "cancelled": ShipmentStatus.CANCELLED,
}


def signed(request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
    """The secret that stands in X-Event-Id."""
    del now
    return shown_by(secrets, request.headers.get("x-event-id", ""))


def deliveries(request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    letter = Letter("karrio", shop, request.body, received_at)
    try:
        event = parsed(request.body)
    except Unreadable as error:
        return (letter.received("unknown", None, request.body.hex(), reason=str(error)),)
    topic, data = text(event.get("event")) or "unknown", obj(event.get("data"))
    if not topic.startswith("tracker"):
        return (letter.received(topic, None, event, reason="event: expected tracker_created or tracker_updated"),)
    number = text(data.get("tracking_number"))
    if number is None:
        return (letter.received(topic, None, event, reason=f"data.tracking_number: {WITHOUT_NUMBER}"),)
    events = sorted(((at, one) for one in objects(data.get("events")) if (at := _at(one))), key=lambda pair: pair[0])
    last = events[-1] if events else None
    words = Words(STATUSES)
    at = last[0] if last else instant(data.get("updated_at")) or received_at
    told = [number, text(data.get("status")), dict(last[1]) if last else None]
    fact = moved(
        number,
        text(data.get("carrier_name")),
        scan(words.status(data.get("status")), at, instant(data.get("updated_at"))),
        at,
        as_of=at,
        eta=eta(data.get("estimated_delivery"), at),
        order_ref=order_ref(obj(data.get("metadata")).get("order_id")),
        is_test=flag(data.get("test_mode")) or flag(event.get("test_mode")),
    )
    return (letter.received(topic, hash_of(canonical(told)), told, (fact,), note=words.note),)


def _at(event: Payload) -> datetime | None:
    """Karrio gives date and clock time apart (`2026-03-05`, `07:12` or `07:12 AM`), without offset."""
    date, clock = text(event.get("date")), text(event.get("time"))
    if date is None:
        return None
    if clock is None:
        return instant(date)
    half = clock[-2:].upper()
    if half in ("AM", "PM"):
        parts = clock[:-2].strip().split(":")
        if not parts[0].isdigit():
            return instant(date)
        hour = int(parts[0]) % 12 + (12 if half == "PM" else 0)
        clock = ":".join([f"{hour:02d}", *parts[1:]])
    return instant(f"{date[:10]}T{clock}") or instant(date)
