"""EasyPost's tracker events. Sources: docs.easypost.com/docs/trackers, its client libraries' fixtures.

`failure` is not final: with a scan after it, delivery was tried and goes on; as the last word it is an exception. An event
comes also when the status did not change; its name is the event's id.
"""

import unicodedata
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
    flag,
    instant,
    moved,
    number,
    obj,
    objects,
    scan,
    text,
)
from store_intake.verification import Request, Scheme, Secret, signed_by

SCHEME = Scheme(
    header="x-hmac-signature",
    encoding="hex",
    prefix="hmac-sha256-hex=",
    key=lambda secret: unicodedata.normalize("NFKD", secret).encode(),
)

STATUSES: Mapping[str, ShipmentStatus] = {
    "unknown": UNKNOWN,
    "pre_transit": ShipmentStatus.LABEL_CREATED,
    "in_transit": ShipmentStatus.IN_TRANSIT,
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "available_for_pickup": ShipmentStatus.READY_FOR_PICKUP,
    "delivered": ShipmentStatus.DELIVERED,
    "return_to_sender": ShipmentStatus.RETURN_TO_SENDER,
    "cancelled": ShipmentStatus.CANCELLED,
    "error": ShipmentStatus.EXCEPTION,
    "failure": ShipmentStatus.EXCEPTION,
}
TOPICS = ("tracker.created", "tracker.updated")
GRAMS_AN_OUNCE = 28.349523125


def signed(request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
    """The secret whose NFKD form signed the body in hex."""
    return signed_by(SCHEME, secrets, request.headers, request.body, now)


def deliveries(request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    letter = Letter("easypost", shop, request.body, received_at)
    try:
        event = parsed(request.body)
    except Unreadable as error:
        return (letter.received("unknown", None, request.body.hex(), reason=str(error)),)
    topic, name, result = text(event.get("description")) or "unknown", text(event.get("id")), obj(event.get("result"))
    if topic not in TOPICS:
        return (letter.received(topic, name, result, reason="description: expected tracker.created or tracker.updated"),)
    tracking_code = text(result.get("tracking_code"))
    if tracking_code is None:
        return (letter.received(topic, name, result, reason=f"result.tracking_code: {WITHOUT_NUMBER}"),)
    if flag(result.get("is_return")):
        return (letter.received(topic, name, result, reason="result.is_return: parcels on their way back are not followed"),)
    words = Words(STATUSES)
    said_at = instant(result.get("updated_at")) or instant(event.get("created_at"))
    scans = _scans(result, words, said_at, received_at)
    detail = obj(result.get("carrier_detail"))
    start = obj(detail.get("origin_tracking_location"))
    fact = moved(
        tracking_code,
        text(result.get("carrier")),
        scans,
        said_at or received_at,
        as_of=said_at,
        eta=eta(result.get("est_delivery_date"), said_at or received_at),
        origin=Origin(country=country(start.get("country")), region=code(start.get("state")), postcode=code(start.get("zip"))),
        service=code(detail.get("service")),
        weight_grams=_grams(result.get("weight")),
        is_test="test" in (str(source.get("mode")).strip().lower() for source in (event, result)),
    )
    return (letter.received(topic, name, result, (fact,), note=words.note),)


def _grams(ounces: object) -> int | None:
    weight = number(ounces)
    return round(weight * GRAMS_AN_OUNCE) if weight and 0 < weight < 1e7 else None


def _scans(result: Payload, words: Words, said_at: datetime | None, heard_at: datetime) -> list[Scan]:
    details = sorted(
        ((at, detail) for detail in objects(result.get("tracking_details")) if (at := instant(detail.get("datetime")))),
        key=lambda pair: pair[0],
    )
    last = details[-1][0] if details else None
    scans: list[Scan] = []
    for at, detail in details:
        status = words.status(detail.get("status"))
        if str(detail.get("status")).strip().lower() == "failure" and at != last:
            status = ShipmentStatus.DELIVERY_ATTEMPTED
        scans += scan(status, at, said_at, obj(detail.get("tracking_location")))
    main = words.status(result.get("status"))
    if not any(s.status is main for s in scans):
        scans += scan(main, last or said_at or heard_at, said_at)
    return scans
