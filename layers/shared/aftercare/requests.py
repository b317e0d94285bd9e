"""A person's legal requests and their clocks: what must be acknowledged and answered by when (GDPR 12(3), CCPA, Shopify)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from aftercare import events, keys
from aftercare.clock import iso
from aftercare.event import Event
from aftercare.model import Model
from aftercare.retention import JOURNAL
from aftercare.table import Change, Condition, Exists, Item, Put, Tables

WARN = timedelta(days=7)
"""So long before its last day a request is called urgent."""


class Asked(StrEnum):
    """What was asked for."""

    ERASURE = "erasure"
    EXPORT = "export"
    OBJECTION = "objection"
    NO_SALE = "no-sale"
    SHOP_ERASURE = "shop-erasure"


class Request(Model):
    """One request. `ref` is the delivery that brought it.

    `customer_ids` are those whom its names lead to: none where nobody is known, more where they lead to different people.
    `email` and `phone` are as they were given, for what lies under no customer; they go when the request is answered.
    `waits_until` says that an erasure waits for a send that is under way.
    """

    asked: Asked
    ref: str
    source: Annotated[str, Field(max_length=200)]
    received_at: AwareDatetime
    ack_by: AwareDatetime
    due_by: AwareDatetime
    laws: tuple[str, ...]
    customer_ids: tuple[str, ...] = ()
    shop: str | None = None
    email: str | None = None
    phone: str | None = None
    acknowledged_at: AwareDatetime | None = None
    waits_until: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    outcome: str | None = None


def a_month_after(instant: datetime) -> datetime:
    """The same day of the next month, or its last day (GDPR 12(3): one month)."""
    year, month = divmod(instant.year * 12 + instant.month, 12)
    for day in range(instant.day, instant.day - 4, -1):
        try:
            return instant.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("no month has fewer than 28 days")


def business_days_after(instant: datetime, days: int) -> datetime:
    """So many Mondays to Fridays later. Holidays are not left out, so the day is never later than the law's."""
    there = instant
    while days:
        there += timedelta(days=1)
        days -= there.weekday() < 5
    return there


def clocks(asked: Asked, received_at: datetime, platform: str) -> tuple[datetime, datetime, tuple[str, ...]]:
    """Acknowledge by, answer by, and the laws that say so. Whose law holds is not known of most requests: the earliest of all.

    CCPA: acknowledged within 10 business days, answered within 45 days, an opt-out of sale within 15 business days (11 CCR
    7021, 7026). GDPR: answered within a month. Shopify's privacy topics: done within 30 days.
    """
    ack_by = business_days_after(received_at, 10)
    due = {"GDPR 12(3)": a_month_after(received_at), "CCPA": received_at + timedelta(days=45)}
    if asked is Asked.NO_SALE:
        due = {"CCPA": business_days_after(received_at, 15)}
    if platform == "shopify":
        due["Shopify"] = received_at + timedelta(days=30)
    return ack_by, min(due.values()), tuple(sorted(due, key=lambda law: (due[law], law)))


TOLD_AS = {
    Asked.ERASURE: "CustomerErasureRequested",
    Asked.EXPORT: "CustomerExportRequested",
    Asked.SHOP_ERASURE: "ShopErasureRequested",
}
"""The event that tells of a request; the others are answered where they are recorded."""


def opened(
    asked: Asked,
    ref: str,
    source: str,
    platform: str,
    received_at: datetime,
    customer_ids: tuple[str, ...] = (),
    **known: str | None,
) -> Request:
    """A request with its clocks; `known` are shop, email and phone."""
    ack_by, due_by, laws = clocks(asked, received_at, platform)
    return Request(
        asked=asked,
        ref=ref,
        source=source,
        received_at=received_at,
        ack_by=ack_by,
        due_by=due_by,
        laws=laws,
        customer_ids=customer_ids,
        **known,
    )


def place_of(request: Request) -> keys.Key:
    return keys.request(str(request.asked), request.ref)


def answered(request: Request, outcome: str, at: datetime) -> Request:
    """The request as it is kept once it is answered: what was asked and done and when, and nobody's address any more."""
    return request.model_copy(
        update={"closed_at": at, "outcome": outcome[:200], "waits_until": None, "email": None, "phone": None}
    )


def told(request: Request) -> Event:
    """The event that wakes who answers it."""
    kind = TOLD_AS[request.asked]
    return events.make(
        kind, keys.message_id(f"{request.ref}#{kind}"), request.received_at, request.ref, events.RequestData(request=request.ref)
    )


ATTRIBUTES = ("doc", "customer_id", "due_kind", "due_at", "expires_at")


def _attributes(request: Request) -> Item:
    item: Item = {"doc": request.to_json()}
    if request.customer_ids:
        item["customer_id"] = request.customer_ids[0]
    if request.closed_at:
        item["expires_at"] = JOURNAL.ends(request.closed_at)
    else:
        item["due_kind"] = "request"
        item["due_at"] = iso(request.due_by - WARN)
    return item


def put(request: Request) -> Put:
    """The write that opens a request. It stays on the due index, from which due_sweep counts it, until it is closed."""
    return Put(place_of(request), _attributes(request))


def open_requests(tables: Tables, now: datetime, limit: int = 1000) -> list[Request]:
    """Every open request, the one that runs out first first. Throttled."""
    due = tables.due("request", iso(now + timedelta(days=400)), limit)
    places = [keys.Key("customers", str(item["pk"]), str(item["sk"])) for item in due]
    found: dict[keys.Key, Item] = {}
    for start in range(0, len(places), 100):
        found |= tables.read(places[start : start + 100])
    return sorted(_open(found.values()), key=lambda request: (request.due_by, request.ref))


def _open(items: Iterable[Item]) -> Iterable[Request]:
    for item in items:
        request = Request.model_validate_json(str(item["doc"]))
        if request.closed_at is None:
            yield request


def find(tables: Tables, asked: Asked, ref: str) -> Request | None:
    """The request of that reference, open or answered. Throttled."""
    place = keys.request(str(asked), ref)
    item = tables.read([place]).get(place)
    return Request.model_validate_json(str(item["doc"])) if item else None


def keep(tables: Tables, request: Request) -> None:
    """Write a request that was acknowledged or closed. ConditionFailed when there is no such request; TableError."""
    tables.write([kept(request, Exists())])


def kept(request: Request, when: Condition) -> Change:
    """The write of a request that has moved on."""
    attributes = _attributes(request)
    return Change(place_of(request), put=attributes, drop=tuple(n for n in ATTRIBUTES if n not in attributes), when=when)
