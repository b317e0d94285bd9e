"""Shippo's `track_updated`. Source: docs.goshippo.com/docs/tracking/webhooks.

Signed only where the account asked for it; else the address carries `?token=`. A signed request is never let in by its token.
There is no event id: (carrier, number, status, substatus, time, expected date) is the delivery's name. Where status and
substatus contradict each other (the docs' own sample), the status counts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from aftercare.facts import Scan
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment_details import Origin
from store_intake.received import Received, Unreadable, canonical, hash_of, parsed, word
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
    obj,
    objects,
    order_ref,
    scan,
    text,
)
from store_intake.verification import Request, Scheme, Secret, shown_by, signed_by

HEADER = "shippo-auth-signature"
SCHEME = Scheme(
    header="v1",
    encoding="hex",
    template="{timestamp}.{body}",
    separator=",",
    timestamp="t",
    tolerance=timedelta(seconds=300),
)
"""The one header `t=<Unix seconds>,v1=<hex>` as two: several v1 stand side by side while a secret changes."""

STATUSES: Mapping[str, ShipmentStatus] = {
    "unknown": UNKNOWN,
    "pre_transit": ShipmentStatus.LABEL_CREATED,
    "transit": ShipmentStatus.IN_TRANSIT,
    "delivered": ShipmentStatus.DELIVERED,
    "returned": ShipmentStatus.RETURN_TO_SENDER,
    "failure": ShipmentStatus.EXCEPTION,
}
SUBSTATUSES: Mapping[str, Mapping[str, ShipmentStatus]] = {
    "transit": {
        **dict.fromkeys(
            (
                "information_received",
                "package_accepted",
                "package_arrived",
                "package_departed",
                "package_processing",
                "package_processed",
                "package_forwarded",
                "delivery_scheduled",
                "other",
            ),
            ShipmentStatus.IN_TRANSIT,
        ),
        "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
        "pickup_available": ShipmentStatus.READY_FOR_PICKUP,
        **dict.fromkeys(("delivery_attempted", "notice_left", "location_inaccessible"), ShipmentStatus.DELIVERY_ATTEMPTED),
        **dict.fromkeys(("delayed", "delivery_rescheduled", "reschedule_delivery"), ShipmentStatus.DELAYED),
        **dict.fromkeys(("address_issue", "contact_carrier", "package_damaged", "package_held"), ShipmentStatus.EXCEPTION),
    },
    "failure": {
        "package_undeliverable": ShipmentStatus.EXCEPTION,
        "package_lost": ShipmentStatus.LOST,
        "package_disposed": ShipmentStatus.LOST,
    },
}


def signed(request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
    """The secret that signed time and body within five minutes; without a signature the token of the address."""
    given = request.headers.get(HEADER)
    if given is None:
        return shown_by(secrets, request.query.get("token", ""))
    parts = [part.strip().partition("=") for part in given[:2000].split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    headers = {"t": stamps[0] if stamps else "", "v1": ",".join(value for name, _, value in parts if name == "v1")}
    return signed_by(SCHEME, secrets, headers, request.body, now)


def deliveries(request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    letter = Letter("shippo", shop, request.body, received_at)
    try:
        event = parsed(request.body)
    except Unreadable as error:
        return (letter.received("unknown", None, request.body.hex(), reason=str(error)),)
    topic, data = text(event.get("event")) or "unknown", obj(event.get("data"))
    if topic != "track_updated":
        return (letter.received(topic, None, event, reason="event: expected track_updated"),)
    number = text(data.get("tracking_number"))
    if number is None:
        return (letter.received(topic, None, event, reason=f"data.tracking_number: {WITHOUT_NUMBER}"),)
    now_at = obj(data.get("tracking_status"))
    told = [text(v) for v in (data.get("carrier"), number, now_at.get("status"), now_at.get("status_date"), data.get("eta"))]
    told.append(_substatus(now_at))
    words = Words(STATUSES)
    said_at = instant(now_at.get("object_updated")) or instant(now_at.get("status_date")) or received_at
    scans: list[Scan] = []
    for one in objects(data.get("tracking_history")):
        scans += scan(_status(words, one), instant(one.get("status_date")), None, obj(one.get("location")))
    at = instant(now_at.get("status_date")) or said_at
    scans += scan(_status(words, now_at), at, None, obj(now_at.get("location")))
    start = obj(data.get("address_from"))
    fact = moved(
        number,
        text(data.get("carrier")),
        scans,
        said_at,
        as_of=said_at,
        eta=eta(data.get("eta"), said_at),
        order_ref=order_ref(data.get("metadata")),
        origin=Origin(country=country(start.get("country")), region=code(start.get("state")), postcode=code(start.get("zip"))),
        service=code(obj(data.get("servicelevel")).get("token")),
        is_test=flag(event.get("test")) or flag(data.get("test")),
    )
    return (letter.received(topic, hash_of(canonical(told)), told, (fact,), note=words.note),)


def _substatus(told: Payload) -> str | None:
    """Its code: an object's, or (older trackers) the word itself."""
    given = told.get("substatus")
    return text(given) or text(obj(given).get("code"))


def _status(words: Words, told: Payload) -> ShipmentStatus:
    status = words.status(told.get("status"))
    main, sub = str(told.get("status", "")).strip().lower(), _substatus(told)
    if main not in SUBSTATUSES or not sub:
        return status
    found = SUBSTATUSES[main].get(sub.lower())
    if found is None:
        words.strange.append(word(sub)[:40])
    return found or status
