"""What the carriers' and trackers' adapters share: words to statuses, scan times, and one parcel's news as a fact.

A carrier's time without offset is read as UTC. It is then up to 14 hours off, but by the same amount in every scan of the same
sender, so their order holds; and no scan is later than the message that tells of it, where the sender gives that time.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from math import isfinite
from typing import Any

from aftercare.facts import Fact, Scan, ShipmentFact, ShipmentFactType, ToldParcel
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment_details import Eta
from store_intake.received import Received, canonical, hash_of, key_part, word

Payload = Mapping[str, Any]
UNKNOWN = ShipmentStatus.UNKNOWN
_ORDER = re.compile(r"^(?:order)?[\s#:]*([A-Za-z0-9._=+/-]{1,128})$", re.IGNORECASE)


def obj(value: object) -> Payload:
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Payload]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def text(value: object) -> str | None:
    """Text or a whole number as text; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value).strip()[:200] or None


def instant(value: object) -> datetime | None:
    """An ISO 8601 instant between 2000 and 2100 in UTC; without offset it is read as UTC."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if 2000 <= at.year < 2100 else None


def number(value: object) -> float | None:
    """A number, or a text that is one: senders write the same field both ways."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def flag(value: object) -> bool:
    """Whether a field says yes, as a truth value or as its word."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def unix(value: object) -> datetime | None:
    """An instant in Unix seconds."""
    seconds = number(value)
    return datetime.fromtimestamp(seconds, UTC) if seconds and 946684800 <= seconds < 4102444800 else None


def eta(until: object, told_at: datetime, since: object = None) -> Eta | None:
    """When the carrier says it delivers; a date without time is its end."""
    at = instant(until)
    if at is None:
        return None
    if isinstance(until, str) and len(until.strip()) == 10:
        at = datetime.combine(at.date(), time(23, 59, 59), UTC)
    return Eta(until=at, since=instant(since), told_at=told_at)


def code(value: object) -> str | None:
    """A short code of plain signs (a service, a region, a postcode)."""
    given = text(value)
    return given if given and re.fullmatch(r"[A-Za-z0-9._ -]{1,50}", given) else None


def country(value: object) -> str | None:
    return value.upper() if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2}", value) else None


def order_ref(value: object) -> str | None:
    """The order's reference in a field that merchants fill as they like ("Order 000123")."""
    found = _ORDER.fullmatch(text(value) or "")
    return found[1] if found else None


@dataclass(slots=True)
class Words:
    """A sender's words and their statuses; words that the table does not have are `unknown` and are remembered."""

    table: Mapping[str, ShipmentStatus]
    strange: list[str] = field(default_factory=list)

    def status(self, value: object) -> ShipmentStatus:
        given = str(value).strip().lower() if isinstance(value, str) else ""
        if given and given not in self.table:
            self.strange.append(word(given)[:40])
        return self.table.get(given, UNKNOWN)

    @property
    def note(self) -> str | None:
        """Why the body is kept: a word that must be given its place in the table."""
        strange = sorted(set(self.strange))[:5]
        return f"status: nothing reads {', '.join(strange)}" if strange else None


def scan(
    status: ShipmentStatus, at: datetime | None, said_at: datetime | None = None, place: Payload | None = None
) -> list[Scan]:
    """One scan, if it says something and has a time. No scan is later than when it was told (`said_at`)."""
    if status is UNKNOWN or at is None:
        return []
    seen = place or {}
    where = country(seen.get("country"))
    return [
        Scan(
            status=status,
            at=min(at, said_at) if said_at else at,
            country=where,
            region=code(seen.get("state")) if where else None,
        )
    ]


def compact(scans: Iterable[Scan]) -> tuple[Scan, ...]:
    """The first and the last scan of each status, the first attempt of each day and the last scan with a place, oldest first.
    One of which nobody knows what it says is none."""
    scans = tuple(one for one in scans if one.status is not UNKNOWN)
    kept: dict[tuple[str, str], Scan] = {}
    for one in sorted(scans, key=lambda s: (s.at, s.status)):
        kept.setdefault((one.status, "first"), one)
        kept[(one.status, "last")] = one
        if one.status is ShipmentStatus.DELIVERY_ATTEMPTED:
            kept.setdefault((one.status, one.at.date().isoformat()), one)
    placed = [one for one in scans if one.country]
    if placed:
        kept[("", "place")] = max(placed, key=lambda s: (s.at, s.country or "", s.region or ""))
    return tuple(sorted(dict.fromkeys(kept.values()), key=lambda s: (s.at, s.status)))[-50:]


def latest(scans: Iterable[Scan], otherwise: datetime) -> datetime:
    return max((s.at for s in scans), default=otherwise)


@dataclass(frozen=True, slots=True)
class Letter:
    """One sender's message: what every Received made of it has in common."""

    sender: str
    shop: str
    body: bytes
    received_at: datetime
    version: str | None = None

    def received(
        self,
        topic: str,
        name: str | None,
        content: object,
        facts: tuple[Fact, ...] = (),
        reason: str | None = None,
        note: str | None = None,
    ) -> Received:
        """`name` is the sender's name of this delivery, or None where its content is its name."""
        content_hash = hash_of(canonical(content))
        return Received(
            key=f"{self.sender}#{key_part(topic)}#{key_part(name or content_hash)}",
            sender=self.sender,
            platform=self.sender,
            shop=self.shop,
            topic=word(topic),
            body=self.body,
            content_hash=content_hash,
            received_at=self.received_at,
            facts=() if reason else facts,
            reason=reason,
            sender_version=self.version,
            note=note,
        )


def moved(
    number: str,
    carrier: str | None,
    scans: Iterable[Scan],
    otherwise: datetime,
    kind: ShipmentFactType = ShipmentFactType.MOVED,
    **more: Any,
) -> ShipmentFact:
    """A carrier's fact about one parcel. `more` are fields of ToldParcel (eta, other_numbers) and of the fact."""
    kept = compact(scans)
    told = {name: more.pop(name) for name in ("eta", "other_numbers") if more.get(name)}
    more.pop("eta", None)
    more.pop("other_numbers", None)
    return ShipmentFact(
        type=kind,
        occurred_at=latest(kept, otherwise),
        parcels=(ToldParcel(number=number[:80], carrier=(carrier or "")[:80] or None, scans=kept, **told),),
        **more,
    )


WITHOUT_NUMBER = "a parcel's number is expected"
