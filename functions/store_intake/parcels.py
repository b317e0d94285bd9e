"""The shipment after a fact: pure joins, so that the order of arrival, repetitions and the number of senders do not matter.

A scan's own time counts and never its arrival; what follows from the scans (aftercare.shipment.standing) is worked out anew
with each change. `unknown` is no scan: it moves nothing and resets nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aftercare.carriers import carrier, may_be_one, parcel_number
from aftercare.facts import Scan, ShipmentFact, ShipmentFactType, ToldParcel
from aftercare.parcel_status import FINAL, MOVING, RANK, TROUBLES, ShipmentStatus
from aftercare.shipment import Log, Parcel, Place, Shipment, Span, Standing, standing
from aftercare.shipment_details import PARCELS, Eta

ATTEMPT_DAYS = 9
OTHER_NUMBERS = 5
NO_SCAN = (ShipmentStatus.STALLED, ShipmentStatus.CANCELLED)
"""Words about a parcel that nobody held in hand when they were said."""


# ---------------------------------------------------------------- joins


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _min(*times: datetime | None) -> datetime | None:
    return min((_utc(t) for t in times if t is not None), default=None)


def _max(*times: datetime | None) -> datetime | None:
    return max((_utc(t) for t in times if t is not None), default=None)


def log_after(log: Log, scans: Iterable[Scan], eta: Eta | None = None) -> Log:
    """The log with more scans, and the carrier's own date if it was told later than the one known."""
    spans, days, place = dict(log.spans), set(log.attempt_days), log.place
    for scan in scans:
        if scan.status is ShipmentStatus.UNKNOWN:
            continue
        at = _utc(scan.at)
        known = spans.get(scan.status)
        spans[scan.status] = Span(first=min(known.first, at), last=max(known.last, at)) if known else Span(first=at, last=at)
        if scan.status is ShipmentStatus.DELIVERY_ATTEMPTED:
            days.add(at.date())
        if scan.country:
            seen = Place(at=at, country=scan.country, region=scan.region)
            place = max((p for p in (place, seen) if p), key=lambda p: (p.at, p.country, p.region or ""))
    return Log(
        spans={status: spans[status] for status in ShipmentStatus if status in spans},
        attempt_days=tuple(sorted(days)[:ATTEMPT_DAYS]),
        place=place,
        eta=_eta(log.eta, eta),
    )


def _eta(known: Eta | None, told: Eta | None) -> Eta | None:
    if told is None:
        return known
    plain = Eta(until=_utc(told.until), since=_min(told.since), told_at=_utc(told.told_at))
    return max((e for e in (known, plain) if e), key=lambda e: (e.told_at, e.until, e.to_json()))


_PARTS = ("lines", "origin", "service", "weight_grams")


def _parts(before: Shipment, fact: ShipmentFact, as_of: datetime) -> dict[str, Any]:
    """Part by part what was told last; of two told at the same instant the greater text."""
    changes: dict[str, Any] = {}
    told = dict(before.told)
    for part in _PARTS:
        value = getattr(fact, part)
        if value in ((), None) or (part == "origin" and not value.to_json().strip("{}")):
            continue
        known_at = told.get(part)
        newer = known_at is None or (as_of, _text(value)) > (known_at, _text(getattr(before, part)))
        if newer:
            changes[part], told[part] = value, as_of
    if _lists(fact) and (told.get("parcels") is None or as_of > told["parcels"]):
        told["parcels"] = as_of
    return {**changes, "told": {part: told[part] for part in sorted(told)}}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(line.to_json() for line in value)
    return str(value)


def _lists(fact: ShipmentFact) -> bool:
    """Whether the fact's parcels are all there are."""
    return fact.type in (ShipmentFactType.CREATED, ShipmentFactType.UPDATED) and any(
        parcel_number(p.number) for p in fact.parcels
    )


def belongs(shipment: Shipment, told: ToldParcel) -> Parcel | None:
    """The parcel of a shipment that a carrier speaks of, by any of its numbers, or None."""
    numbers, by = [parcel_number(n) for n in (told.number, *told.other_numbers)], carrier(told.carrier)
    for number in numbers:
        for parcel in shipment.parcels:
            if number == parcel.number and may_be_one(parcel.number, by, parcel.carrier):
                return parcel
    for number in numbers:
        for parcel in shipment.parcels:
            if number in parcel.other_numbers:
                return parcel
    return None


def shipment_after(before: Shipment | None, shop: str, fact: ShipmentFact) -> Shipment:
    """The shipment after one fact of its shop (`ref`) or of a carrier about one of its parcels. `version` is left alone.

    ValueError for a carrier's fact about a shipment that is not known.
    """
    as_of = _utc(fact.as_of or fact.occurred_at)
    if before is None:
        if fact.ref is None:
            raise ValueError("a shipment needs the shop's reference")
        before = Shipment(key=f"{shop}:{fact.ref}", shop=shop, ref=fact.ref, as_of=as_of)
    own = fact.ref is not None
    described = fact.describes and own
    cancelled = fact.cancelled_at or (fact.occurred_at if fact.type is ShipmentFactType.CANCELLED else None)
    changes: dict[str, Any] = {
        "as_of": max(before.as_of, as_of),
        "described_at": _min(before.described_at, fact.occurred_at if described else None),
        "told_shipped_at": _min(before.told_shipped_at, fact.shipped_at),
        "cancelled_at": _min(before.cancelled_at, cancelled),
        **_parts(before, fact, as_of),
        "parcels": _parcels(before, fact, as_of),
        "log": log_after(before.log, (*fact.scans, *_silence(fact, whole=True)), fact.eta),
    }
    if own:
        changes["order_keys"] = tuple(sorted({*before.order_keys, *(f"{shop}:{ref}" for ref in fact.orders)}))
        changes["is_test"] = before.is_test or fact.is_test
        changes["suppress_notification"] = before.suppress_notification or fact.suppress_notification
    return settled(before.model_copy(update=changes))


def _silence(fact: ShipmentFact, whole: bool) -> tuple[Scan, ...]:
    """That nothing was heard is itself a word, of the time when it was said."""
    if fact.type is not ShipmentFactType.STALLED or whole is bool(fact.parcels):
        return ()
    return (Scan(status=ShipmentStatus.STALLED, at=fact.occurred_at),)


def _parcels(before: Shipment, fact: ShipmentFact, as_of: datetime) -> tuple[Parcel, ...]:
    parcels = {p.number: p for p in before.parcels}
    listed = as_of if _lists(fact) else None
    for told in fact.parcels:
        number = parcel_number(told.number)
        if number is None:
            continue
        if fact.ref is not None:
            known = parcels.get(number) or Parcel(number=number)
        else:
            spoken_of = belongs(before, told)
            if spoken_of is None:
                continue
            known = parcels[spoken_of.number]
        parcels[known.number] = _parcel(known, fact, told, as_of, listed)
    return tuple(parcels[number] for number in sorted(parcels))[:PARCELS]


def _parcel(known: Parcel, fact: ShipmentFact, told: ToldParcel, as_of: datetime, listed: datetime | None) -> Parcel:
    named = carrier(told.carrier)
    others = {parcel_number(n) for n in (told.number, *told.other_numbers)} - {known.number, None}
    url, url_at = known.url, known.url_at
    if told.url and (url_at is None or (as_of, told.url) > (url_at, url or "")):
        url, url_at = told.url, as_of
    return known.model_copy(
        update={
            "carriers": tuple(sorted({*known.carriers, named})) if named else known.carriers,
            "other_numbers": tuple(sorted({*known.other_numbers, *(n for n in others if n)}))[:OTHER_NUMBERS],
            "url": url,
            "url_at": url_at,
            "listed_at": _max(known.listed_at, listed),
            "log": log_after(known.log, (*told.scans, *_silence(fact, whole=False)), told.eta),
        }
    )


# ---------------------------------------------------------------- what follows


def settled(shipment: Shipment) -> Shipment:
    """The shipment with all that follows from its logs."""
    parcels = tuple(p.model_copy(update=_follows(shipment.logs_of(p))) for p in shipment.parcels)
    shipment = shipment.model_copy(update={"parcels": parcels})
    current = shipment.current
    if current:
        status, at = _least(current)
        shipped = [p.shipped_at for p in current]
        there = [p.delivered_at for p in current if p.delivered_at]
        delivered = max(there) if len(there) == len(current) else None
    else:
        whole = _follows((shipment.log,))
        status, at, shipped, delivered = whole["status"], whole["status_at"], [whole["shipped_at"]], whole["delivered_at"]
    return shipment.model_copy(
        update={
            "status": status,
            "status_at": at,
            "shipped_at": _min(shipment.told_shipped_at, *shipped),
            "delivered_at": delivered,
        }
    )


def _follows(logs: tuple[Log, ...]) -> dict[str, Any]:
    status, at = standing(logs)
    spans = [(s, span) for log in logs for s, span in log.spans.items()]
    return {
        "status": status,
        "status_at": at,
        "shipped_at": min((span.first for s, span in spans if s in MOVING), default=None),
        "delivered_at": at if status is ShipmentStatus.DELIVERED else None,
        "first_scan_at": min((span.first for s, span in spans if s not in NO_SCAN), default=None),
        "last_scan_at": max((span.last for s, span in spans if s not in NO_SCAN), default=None),
    }


def _least(parcels: tuple[Parcel, ...]) -> Standing:
    """The status of the parcel that is least far, a stopped one first; `delivered` only when all are."""
    open_ = [p for p in parcels if p.status is not ShipmentStatus.DELIVERED] or list(parcels)

    def far(parcel: Parcel) -> tuple[int, bool, str]:
        rank = RANK.get(parcel.status, 0 if parcel.status is ShipmentStatus.UNKNOWN else RANK[ShipmentStatus.IN_TRANSIT])
        return rank, parcel.status not in TROUBLES, parcel.number

    least = min(open_, key=far)
    return Standing(least.status, least.status_at)


# ---------------------------------------------------------------- what is new


class ShipmentNews(NamedTuple):
    """Something that was not known before. `parcel` is None where it is about the shipment as a whole."""

    type: str
    occurred_at: datetime
    parcel: str | None = None
    status: ShipmentStatus | None = None


class _Seen(NamedTuple):
    status: ShipmentStatus
    at: datetime | None
    last: datetime | None
    eta: Eta | None


_NOTHING = _Seen(ShipmentStatus.UNKNOWN, None, None, None)


def _seen(shipment: Shipment | None) -> Mapping[str | None, _Seen]:
    """What is known by parcel; None stands for all those that nobody speaks of by number."""
    if shipment is None or not shipment.stands:
        return {}
    current = shipment.current
    apart = [p for p in current if len(current) == 1 or p.log.spans or p.log.eta]
    seen: dict[str | None, _Seen] = {}
    for parcel in apart:
        eta = _eta(parcel.eta, shipment.log.eta) if len(current) == 1 else parcel.eta
        seen[parcel.id] = _Seen(parcel.status, parcel.status_at, parcel.last_scan_at, eta)
    if len(apart) < len(current) or not current:
        whole = _follows((shipment.log,))
        seen[None] = _Seen(whole["status"], whole["status_at"], whole["last_scan_at"], shipment.log.eta)
    return seen


def shipment_news(before: Shipment | None, after: Shipment) -> tuple[ShipmentNews, ...]:
    """What the new record knows that the old one did not. Of a shipment that is not described yet nothing is told.

    ShipmentMoved is told when a parcel's status changes; between an attempt and the next round it may be told again, so
    messages are made once by (parcel, status). ShipmentScanned is told of a later scan that changes no status.
    """
    found: list[ShipmentNews] = []
    stood = before is not None and before.described_at is not None
    if after.described_at is None:
        return ()
    if not stood:
        found.append(ShipmentNews("ShipmentCreated", after.described_at))
    elif before is not None and description(before) != description(after) and after.cancelled_at is None:
        found.append(ShipmentNews("ShipmentUpdated", after.as_of))
    if after.cancelled_at is not None:
        if before is None or before.cancelled_at is None:
            found.append(ShipmentNews("ShipmentCancelled", after.cancelled_at))
        return tuple(found)
    known = _seen(before)
    for parcel, seen in _seen(after).items():
        was = known.get(parcel) or known.get(None) or _NOTHING
        found += _moved(parcel, was, seen)
        promised = stood and seen.eta is not None and seen.status not in FINAL
        if promised and seen.eta is not None and (was.eta is None or seen.eta.until != was.eta.until):
            found.append(ShipmentNews("ShipmentEtaChanged", seen.eta.told_at, parcel, seen.status))
    return tuple(found)


def _moved(parcel: str | None, was: _Seen, seen: _Seen) -> tuple[ShipmentNews, ...]:
    scanned = seen.last is not None and (was.last is None or seen.last > was.last)
    silent = (ShipmentStatus.UNKNOWN, ShipmentStatus.LABEL_CREATED)
    reread = (was.status, seen.status) == (ShipmentStatus.EXCEPTION, ShipmentStatus.DELIVERY_ATTEMPTED) and was.at == seen.at
    if seen.status is not was.status and seen.status not in silent and not reread and seen.at is not None:
        kind = "ShipmentStalled" if seen.status is ShipmentStatus.STALLED else "ShipmentMoved"
        return (ShipmentNews(kind, seen.at, parcel, seen.status),)
    if scanned and seen.last is not None and seen.status not in (*FINAL, *silent):
        return (ShipmentNews("ShipmentScanned", seen.last, parcel, seen.status),)
    return ()


def description(shipment: Shipment) -> tuple[object, ...]:
    """What the customer would see of it, without where it is and when that became known."""
    parcels = tuple((p.number, p.carrier, p.url) for p in shipment.current)
    return (shipment.order_keys, parcels, shipment.lines, shipment.told_shipped_at)
