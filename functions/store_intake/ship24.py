"""Ship24's tracking webhooks. Source: ship24's OpenAPI description (ship24/ship24-node).

The body is not signed: the bearer secret is all there is. One POST holds several parcels, each with its own message id, so each
is recorded for itself. Only new events are listed, and there may be none: then the milestone of the parcel counts. Times come
without offset and `datetime` puts a Z behind a local time: `utcOffset` is used where it is given, else they are read as UTC.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from aftercare.facts import Scan
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment_details import Origin
from store_intake.received import Received, Unreadable, parsed
from store_intake.tracking import (
    UNKNOWN,
    WITHOUT_NUMBER,
    Letter,
    Payload,
    Words,
    code,
    country,
    eta,
    instant,
    moved,
    obj,
    objects,
    order_ref,
    scan,
    text,
)
from store_intake.verification import Request, Secret, shown_by

MILESTONES: Mapping[str, ShipmentStatus] = {
    "pending": UNKNOWN,
    "info_received": ShipmentStatus.LABEL_CREATED,
    "in_transit": ShipmentStatus.IN_TRANSIT,
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "available_for_pickup": ShipmentStatus.READY_FOR_PICKUP,
    "failed_attempt": ShipmentStatus.DELIVERY_ATTEMPTED,
    "exception": ShipmentStatus.EXCEPTION,
    "delivered": ShipmentStatus.DELIVERED,
}
REACHED: Mapping[str, str] = {
    "info_received": "infoReceivedDatetime",
    "in_transit": "inTransitDatetime",
    "out_for_delivery": "outForDeliveryDatetime",
    "available_for_pickup": "availableForPickupDatetime",
    "failed_attempt": "failedAttemptDatetime",
    "exception": "exceptionDatetime",
    "delivered": "deliveredDatetime",
}
TRACKINGS = 100
"""Parcels of one POST that are read; more are parked with the reason."""

_OFFSET = re.compile(r"^[+-][0-9]{2}:?[0-9]{2}$")


def signed(request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
    """The secret that the Authorization header shows."""
    del now
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    return shown_by(secrets, shown.strip()) if scheme.lower() == "bearer" else None


def deliveries(request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    letter = Letter("ship24", shop, request.body, received_at)
    try:
        content = parsed(request.body)
    except Unreadable as error:
        return (letter.received("unknown", None, request.body.hex(), reason=str(error)),)
    trackings = objects(content.get("trackings"))
    if not 0 < len(trackings) <= TRACKINGS:
        return (letter.received("tracking", None, content, reason=f"trackings: expected a list of 1 to {TRACKINGS}"),)
    return tuple(_tracking(letter, tracking, received_at) for tracking in trackings)


def _tracking(letter: Letter, tracking: Payload, received_at: datetime) -> Received:
    metadata, tracker, shipment = (obj(tracking.get(name)) for name in ("metadata", "tracker", "shipment"))
    events = objects(tracking.get("events"))
    ids = ",".join(sorted(i for event in events if (i := text(event.get("eventId")))))
    topic, name = text(metadata.get("topic")) or "tracking", text(metadata.get("messageId")) or ids or None
    content = {key: value for key, value in tracking.items() if key != "metadata"}
    number = text(tracker.get("trackingNumber"))
    if number is None:
        return letter.received(topic, name, content, reason=f"tracker.trackingNumber: {WITHOUT_NUMBER}")
    words, said_at = Words(MILESTONES), instant(metadata.get("generatedAt"))
    scans = _scans(tracking, words, said_at, received_at)
    others = [text(one.get("tn")) for one in objects(shipment.get("trackingNumbers"))]
    others += [text(event.get("trackingNumber")) for event in events]
    delivery = obj(shipment.get("delivery"))
    promised = obj(delivery.get("courierEstimatedDeliveryDate"))
    fact = moved(
        number,
        next((by for event in events if (by := text(event.get("courierCode")))), None),
        scans,
        said_at or received_at,
        as_of=said_at,
        other_numbers=tuple(dict.fromkeys(n for n in others if n and n != number))[:5],
        eta=eta(promised.get("to") or delivery.get("estimatedDeliveryDate"), said_at or received_at, promised.get("from")),
        order_ref=order_ref(tracker.get("shipmentReference")),
        origin=Origin(country=country(shipment.get("originCountryCode"))),
        service=code(delivery.get("service")),
    )
    return letter.received(topic, name, content, (fact,), note=words.note)


def _scans(tracking: Payload, words: Words, said_at: datetime | None, heard_at: datetime) -> list[Scan]:
    shipment, events = obj(tracking.get("shipment")), objects(tracking.get("events"))
    scans: list[Scan] = []
    times: list[datetime] = []
    for event in events:
        at = _local(event)
        if at is not None:
            times.append(at)
            scans += scan(words.status(event.get("statusMilestone")), at, said_at)
    main = shipment.get("statusMilestone")
    status = words.status(main)
    if not any(s.status is status for s in scans):
        stamps = obj(obj(tracking.get("statistics")).get("timestamps"))
        reached = instant(stamps.get(REACHED.get(str(main).strip().lower(), "")))
        scans += scan(status, reached or max(times, default=said_at or heard_at), said_at)
    return scans


def _local(event: Payload) -> datetime | None:
    """An event's time: local with its offset where that is known, else the local time as if it were UTC."""
    local, offset = event.get("occurrenceDatetime"), event.get("utcOffset")
    if isinstance(local, str) and isinstance(offset, str) and _OFFSET.match(offset):
        return instant(local.strip() + offset) or instant(local)
    return instant(local) or instant(event.get("datetime"))
