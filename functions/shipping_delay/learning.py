"""What parcels teach, from a queue of its own: a batch is summed in memory and each key is written once.

A parcel teaches twice, when it is handed over and when it arrives, each time once: the marker on its shipment is written
before the sums are added. A crash between the two loses the lessons of one batch and never counts one twice.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aftercare import keys, telemetry
from aftercare.events import Told, UnknownEvent, told
from aftercare.outside import Outside
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment import Shipment
from aftercare.store import versioned
from aftercare.table import ConditionFailed, Conflict, Item, Put, Throttled, Unclear
from shipping_delay import budget, contacts, knowledge
from shipping_delay.features import ordered_at, parcel_from
from shipping_delay.parcel import Increments, Parcel, Status, unpack
from shipping_delay.teaching import depart, learn, learn_handling, merge

ROUNDS = 3
"""How often a shipment that changed meanwhile is read again before the queue has to bring it again."""

READ = 100
PATIENCE = 4
"""Receives after which a shipment without a forecast is given up: its forecast failed, and has its own alarm."""

AHEAD = timedelta(days=1)
"""A time that is later than now by more than a zone's difference is a slip of the pen. Decay is forward: a lesson of 2040 would
weigh more than all that the store ever learned."""

DEPARTED, ARRIVED = "OrderShipped", "ShipmentMoved"


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a shipment teaches now, and the shipment marked as having taught it."""

    shipment: Shipment
    sums: Increments


class NotYet(LookupError):
    """The shipment's forecast is not written yet: it is forecast by another queue."""


def lesson(shipment: Shipment, now: datetime) -> Lesson | None:
    """All that a shipment has to teach and has not taught yet. NotYet when its forecast is still missing. Pure."""
    if not shipment.stands or shipment.is_test or shipment.shipped_at is None or shipment.learned_at is not None:
        return None
    parcel = parcel_from(shipment.forecast) if shipment.forecast else None
    if parcel is None or shipment.forecast is None:
        raise NotYet(shipment.ref)
    basis, sums, marks = unpack(shipment.forecast.basis), {}, {}
    if shipment.departed_at is None:
        marks["departed_at"] = now
    if shipment.departed_at is None and parcel.handed_at <= now + AHEAD:
        sums.update(depart(parcel, basis))
        placed = ordered_at(shipment.forecast)
        if placed is not None and placed < parcel.handed_at:
            merge(sums, learn_handling(parcel.seller, placed, parcel.handed_at))
        merge(sums, budget.of_departure(parcel.handed_at))
        merge(sums, contacts.of_departure(parcel.handed_at))
    if shipment.delivered_at is not None:
        marks["learned_at"] = now
        if parcel.handed_at < shipment.delivered_at <= now + AHEAD:
            merge(sums, learn(parcel, shipment.delivered_at, basis, scans=_scans(shipment, parcel)))
            merge(sums, _of_notices(shipment, shipment.delivered_at))
    return Lesson(shipment.model_copy(update=marks), sums) if marks else None


def _of_notices(shipment: Shipment, delivered_at: datetime) -> Increments:
    """Which of its notices the arrival proves needless."""
    promised_by = shipment.forecast.promised_by if shipment.forecast else None
    sums: Increments = {}
    for notice in shipment.notices:
        if promised_by is not None and notice.late_probability is not None:
            merge(sums, budget.of_outcome(notice.late_probability, delivered_at >= promised_by, delivered_at))
    return sums


_STAGES = {
    ShipmentStatus.OUT_FOR_DELIVERY: Status.OUT_FOR_DELIVERY,
    ShipmentStatus.EXCEPTION: Status.EXCEPTION,
    ShipmentStatus.DELAYED: Status.EXCEPTION,
}


def _scans(shipment: Shipment, parcel: Parcel) -> Iterable[tuple[Status, datetime]]:
    """The telling scans before the delivery, each status once, as early as it was."""
    first: dict[Status, datetime] = {}
    for log in (shipment.log, *(p.log for p in shipment.current)):
        for status, span in log.spans.items():
            stage = _STAGES.get(status)
            if stage and shipment.delivered_at and parcel.handed_at <= span.first < shipment.delivered_at:
                first[stage] = min(first.get(stage, span.first), span.first)
    return sorted(first.items())


@dataclass
class _Batch:
    """One batch while it is worked on: who waits for which shipment, and what was taught so far."""

    waiting: dict[keys.Key, list[str]] = field(default_factory=dict)
    sums: dict[str, tuple[float, ...]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    given_up: set[str] = field(default_factory=set)
    taught: int = 0


def handle_batch(event: Mapping[str, Any], outside: Outside) -> dict[str, Any]:
    """A batch of the learning queue, with partial failures. What the table would not take goes back to the queue as sums."""
    batch = _read(event)
    now = outside.clock.now()
    # Whatever happens to a read, what was marked so far is added.
    with suppress(Throttled):
        for _ in range(ROUNDS):
            if batch.waiting:
                _round(batch, outside, now)
    batch.failed += [message for messages in batch.waiting.values() for message in messages]
    left = knowledge.add(outside.tables, batch.sums, now)
    if left:
        telemetry.count("LessonsPostponed")
        outside.queues.send(outside.settings.need("learning_queue_url"), json.dumps({"sums": left}))
    telemetry.tell("learned", parcels=batch.taught, keys=len(batch.sums), failed=len(batch.failed))
    return {"batchItemFailures": [{"itemIdentifier": message} for message in batch.failed]}


def _read(event: Mapping[str, Any]) -> _Batch:
    """The batch's shipments. A message that cannot be read fails alone."""
    batch = _Batch()
    for record in event["Records"]:
        message = str(record["messageId"])
        try:
            body = json.loads(record["body"])
            if "sums" in body:
                merge(batch.sums, body["sums"])
                continue
            event_told = told(body)
        except (ValueError, KeyError, TypeError, UnknownEvent):
            telemetry.trouble("record failed", record=message)
            batch.failed.append(message)
            continue
        if _teaches(event_told):
            place = keys.shipment(event_told.data.customer_id, event_told.data.shipment)
            batch.waiting.setdefault(place, []).append(message)
            if int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)) >= PATIENCE:
                batch.given_up.add(message)
    return batch


def _teaches(event: Told) -> bool:
    return event.type == DEPARTED or (event.type == ARRIVED and event.data.status is ShipmentStatus.DELIVERED)


def _round(batch: _Batch, outside: Outside, now: datetime) -> None:
    """Read what waits and mark what teaches; what changed meanwhile waits for the next round."""
    places = list(batch.waiting)
    found: dict[keys.Key, Item] = {}
    for start in range(0, len(places), READ // 2):
        hot = places[start : start + READ // 2]
        found.update(outside.tables.read([*hot, *map(keys.in_archive, hot)]))
    for hot_place in places:
        place = hot_place if hot_place in found else keys.in_archive(hot_place)
        item = found.get(place)
        messages = batch.waiting.pop(hot_place)
        if item is None:
            continue  # the customer is gone; nothing of theirs is learned from any more
        shipment = Shipment.model_validate_json(str(item["doc"]))
        try:
            learned = lesson(shipment, now)
        except NotYet:
            batch.failed += [message for message in messages if message not in batch.given_up]
            if batch.given_up.intersection(messages):
                telemetry.count("LessonMissed")
            continue
        if learned is None:
            continue
        try:
            outside.tables.write([_marked(place, shipment, learned.shipment, item)])
        except (ConditionFailed, Conflict, Throttled):
            batch.waiting[hot_place] = messages
            continue
        except Unclear:
            # Marked or not, nobody knows. Brought again, the marker tells: then the lesson is lost, and never doubled.
            batch.failed += messages
            continue
        merge(batch.sums, learned.sums)
        batch.taught += 1


def _marked(place: keys.Key, before: Shipment, after: Shipment, item: Item) -> Put:
    """The record with its markers; the attributes beside it stay as they are."""
    version = before.version
    kept = {name: value for name, value in item.items() if name not in ("pk", "sk", "doc", "version")}
    return versioned(place, after.model_copy(update={"version": version + 1}).to_json(), version, **kept)
