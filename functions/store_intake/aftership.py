"""AfterShip's tracking and returns webhooks. Sources: aftership.com/docs/tracking/webhook, aftership.com/docs/returns/webhook.

Tracking is signed in one header and names its delivery `event_id`, Returns in another with `id`. A checkpoint may lack its
offset; the docs set no window for `ts`. Exception subtags: those that two public code bases agree on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from aftercare.facts import ReturnFact, Scan, ShipmentFactType
from aftercare.parcel_status import ShipmentStatus
from store_intake.received import Received, Unreadable, parsed
from store_intake.tracking import (
    UNKNOWN,
    WITHOUT_NUMBER,
    Letter,
    Payload,
    Words,
    code,
    eta,
    instant,
    moved,
    obj,
    objects,
    order_ref,
    scan,
    text,
    unix,
)
from store_intake.verification import Request, Scheme, Secret, signed_by

TRACKING = Scheme(header="aftership-hmac-sha256", encoding="base64")
RETURNS = Scheme(header="as-signature-hmac-sha256", encoding="base64")

TAGS: Mapping[str, ShipmentStatus] = {
    "pending": UNKNOWN,
    "inforeceived": ShipmentStatus.LABEL_CREATED,
    "intransit": ShipmentStatus.IN_TRANSIT,
    "outfordelivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "availableforpickup": ShipmentStatus.READY_FOR_PICKUP,
    "attemptfail": ShipmentStatus.DELIVERY_ATTEMPTED,
    "exception": ShipmentStatus.EXCEPTION,
    "delivered": ShipmentStatus.DELIVERED,
    "expired": ShipmentStatus.STALLED,
}
SUBTAGS: Mapping[str, ShipmentStatus] = {
    "exception_004": ShipmentStatus.DELAYED,
    "exception_005": ShipmentStatus.DELAYED,
    "exception_016": ShipmentStatus.DELAYED,
    "exception_017": ShipmentStatus.DELAYED,
    "exception_010": ShipmentStatus.RETURN_TO_SENDER,
    "exception_011": ShipmentStatus.RETURN_TO_SENDER,
    "exception_013": ShipmentStatus.LOST,
}
KINDS: Mapping[str, ShipmentFactType] = {
    "tracking_update": ShipmentFactType.MOVED,
    "edd_revise": ShipmentFactType.ETA_CHANGED,
    "tracking_pending_time": ShipmentFactType.STALLED,
}
Returned = Literal["ReturnRequested", "ReturnApproved", "ReturnExpired", "ReturnDeclined", "ReturnReceived", "ReturnSettled"]
RETURNED: Mapping[str, Returned] = {
    "return.submitted": "ReturnRequested",
    "return.approved": "ReturnApproved",
    "return.expired": "ReturnExpired",
    "return.rejected": "ReturnDeclined",
    "return.receiving.created": "ReturnReceived",
    "return.resolved": "ReturnSettled",
}


def signed(request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
    """The secret that signed the body, by the header of either product."""
    scheme = TRACKING if TRACKING.header in request.headers else RETURNS
    return signed_by(scheme, secrets, request.headers, request.body, now)


def deliveries(request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    letter = Letter("aftership", shop, request.body, received_at, text(request.headers.get("as-webhook-version")))
    try:
        event = parsed(request.body)
    except Unreadable as error:
        return (letter.received("unknown", None, request.body.hex(), reason=str(error)),)
    topic = text(event.get("event")) or "unknown"
    if topic in KINDS:
        return (_tracking(letter, topic, event, received_at),)
    if topic in RETURNED:
        return (_return(letter, topic, event, received_at),)
    name = text(event.get("event_id")) or text(event.get("id"))
    return (letter.received(topic, name, event, reason="event: nothing reads it"),)


def _tracking(letter: Letter, topic: str, event: Payload, received_at: datetime) -> Received:
    name, msg = text(event.get("event_id")), obj(event.get("msg"))
    number = text(msg.get("tracking_number"))
    if number is None:
        return letter.received(topic, name, msg, reason=f"msg.tracking_number: {WITHOUT_NUMBER}")
    words, said_at = Words(TAGS), unix(event.get("ts")) or received_at
    kind = KINDS[topic]
    since, until = _promised(msg)
    fact = moved(
        number,
        text(msg.get("slug")),
        _scans(msg, words, said_at) if kind is ShipmentFactType.MOVED else (),
        said_at,
        kind,
        as_of=said_at,
        eta=eta(until, said_at, since),
        order_ref=order_ref(msg.get("order_id")) or order_ref(msg.get("order_number")),
        service=code(msg.get("shipment_type")),
    )
    return letter.received(topic, name, msg, (fact,), note=words.note)


def _promised(msg: Payload) -> tuple[object, object]:
    """From when and until when it is expected, by the first of AfterShip's own dates that says an end."""
    own, latest = obj(msg.get("aftership_estimated_delivery_date")), obj(msg.get("latest_estimated_delivery"))
    told = (
        (own.get("estimated_delivery_date_min"), own.get("estimated_delivery_date_max") or own.get("estimated_delivery_date")),
        (latest.get("datetime_min"), latest.get("datetime_max") or latest.get("datetime")),
    )
    return next((pair for pair in told if pair[1]), (None, msg.get("expected_delivery")))


def _status(words: Words, told: Payload) -> ShipmentStatus:
    tag, subtag = words.status(told.get("tag")), str(told.get("subtag", "")).lower()
    return SUBTAGS.get(subtag, tag) if tag is ShipmentStatus.EXCEPTION else tag


def _scans(msg: Payload, words: Words, said_at: datetime) -> list[Scan]:
    scans: list[Scan] = []
    times = []
    for checkpoint in objects(msg.get("checkpoints")):
        at = instant(checkpoint.get("checkpoint_time"))
        if at is not None:
            times.append(at)
            seen = {"country": checkpoint.get("country_region"), "state": checkpoint.get("state")}
            scans += scan(_status(words, checkpoint), at, said_at, seen)
    main = _status(words, msg)
    if not any(s.status is main for s in scans):
        scans += scan(main, max(times, default=said_at), said_at)
    return scans


def _return(letter: Letter, topic: str, event: Payload, received_at: datetime) -> Received:
    name, data = text(event.get("id")), obj(event.get("data"))
    ref = order_ref(data.get("rma_number")) or order_ref(data.get("id"))
    if ref is None:
        return letter.received(topic, name, data, reason="data.rma_number: expected the return's reference")
    order = obj(data.get("order"))
    fact = ReturnFact(
        type=RETURNED[topic],
        occurred_at=instant(event.get("created_at")) or received_at,
        ref=ref,
        order_ref=order_ref(order.get("external_id")) or order_ref(order.get("order_number")),
    )
    return letter.received(topic, name, data, (fact,))
