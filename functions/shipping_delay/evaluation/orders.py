"""An order history as a CSV file: its columns, its rows as parcels with what became of them, and the rows that are no use."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aftercare.evaluation.rows import open_rows
from shipping_delay.parcel import Parcel

INSTANTS, DAYS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"), ("%Y-%m-%d", "%d-%b-%y", "%m/%d/%y")


@dataclass(frozen=True)
class Columns:
    """The file's column for each field; an empty name means that the file has none."""

    reference: str = "order_id"
    ordered: str = "purchase_ts"
    handed: str = "carrier_ts"
    delivered: str = "delivered_ts"
    promised: str = "estimated_date"
    known: str = ""
    origin_region: str = "seller_state"
    destination_region: str = "cust_state"
    origin_postcode: str = "seller_zip"
    destination_postcode: str = "cust_zip"
    seller: str = "seller"
    weight_g: str = "weight_g"
    category: str = "category"
    freight: str = "freight"
    carrier: str = ""
    service: str = ""


SCMS = Columns(
    reference="ID",
    ordered="",
    handed="",
    delivered="Delivered to Client Date",
    promised="Scheduled Delivery Date",
    known="Delivery Recorded Date",
    origin_region="Manufacturing Site",
    destination_region="Country",
    origin_postcode="",
    destination_postcode="",
    seller="Vendor",
    weight_g="Weight (Kilograms)",
    category="Product Group",
    freight="",
    carrier="Fulfill Via",
    service="Shipment Mode",
)
LAYOUTS = {"default": Columns(), "scms": SCMS}


@dataclass(frozen=True)
class Order:
    """One row, read: the parcel as at hand-over, and what became of it."""

    reference: str
    parcel: Parcel
    promised_by: datetime
    ordered_at: datetime | None
    delivered_at: datetime | None
    known_at: datetime | None

    @property
    def late(self) -> bool:
        return self.delivered_at is not None and self.delivered_at >= self.promised_by

    @property
    def days(self) -> float:
        """Transit in days; only for delivered orders."""
        return days_between(self.parcel.handed_at, self.delivered_at) if self.delivered_at else math.nan


@dataclass(frozen=True)
class Bad:
    """A row that could not be used: its line in the file and why."""

    line: int
    reason: str


def days_between(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 86400.0


def _instant(text: str) -> datetime | None:
    """A time in UTC where the text has no zone; a day without a time counts as its noon."""
    if not text:
        return None
    for form in (*INSTANTS, *DAYS):
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 - most files have no zone; UTC is given below
        except ValueError:
            continue
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        return found + timedelta(hours=12) if form in DAYS else found
    raise ValueError(f"not a date: {text[:30]}")


def number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two (latitude, longitude) pairs in degrees (haversine)."""
    north, south = math.radians(one[0]), math.radians(other[0])
    half = math.sin((south - north) / 2) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(half))


def read_centroids(path: Path) -> dict[str, tuple[float, float]]:
    """Postcode-3 to (latitude, longitude), from columns zip3, lat, lng."""
    return {row["zip3"]: (float(row["lat"]), float(row["lng"])) for row in open_rows(path)}


def read_orders(
    rows: Iterable[Mapping[str, str]],
    columns: Columns,
    centroids: Mapping[str, tuple[float, float]] | None = None,
    lead_days: float = 30.0,
) -> tuple[list[Order], list[Bad]]:
    """Orders in order of hand-over, and the rows that cannot be used.

    Without a hand-over column a parcel counts as handed over lead_days before its promised day.
    A promise is a day: late is delivered after the end of it.
    """
    orders: list[Order] = []
    bad: list[Bad] = []
    for line, row in enumerate(rows, start=2):
        try:
            orders.append(_order(row, columns, centroids or {}, lead_days))
        except (ValueError, KeyError) as problem:
            bad.append(Bad(line, str(problem)))
    orders.sort(key=lambda order: (order.parcel.handed_at, order.reference))
    return orders, bad


def _order(row: Mapping[str, str], columns: Columns, centroids: Mapping[str, tuple[float, float]], lead_days: float) -> Order:
    def text(name: str) -> str | None:
        return (row[name].strip() or None) if name else None

    def instant(name: str) -> datetime | None:
        return _instant(text(name) or "")

    promised = instant(columns.promised)
    if promised is None:
        raise ValueError("no promised date")
    promised_by = datetime(promised.year, promised.month, promised.day, tzinfo=UTC) + timedelta(days=1)
    handed = instant(columns.handed) if columns.handed else promised_by - timedelta(days=1 + lead_days)
    if handed is None:
        raise ValueError("never handed over")
    delivered, known = instant(columns.delivered), instant(columns.known)
    if delivered is not None and delivered <= handed:
        raise ValueError("delivered before hand-over")
    origin, destination = text(columns.origin_postcode), text(columns.destination_postcode)
    ends = [centroids.get(code[:3]) for code in (origin, destination) if code]
    distance = distance_km(ends[0], ends[1]) if len(ends) == 2 and ends[0] and ends[1] else None
    parcel = Parcel(
        handed_at=handed,
        promised_by=promised_by,
        origin_region=text(columns.origin_region),
        destination_region=text(columns.destination_region),
        origin_postcode=origin,
        destination_postcode=destination,
        distance_km=distance,
        seller=text(columns.seller),
        weight_g=number(text(columns.weight_g) or ""),
        category=text(columns.category),
        freight=number(text(columns.freight) or ""),
        carrier=text(columns.carrier),
        service=text(columns.service),
    )
    seen = max(delivered, known) if delivered and known else delivered
    return Order(text(columns.reference) or "", parcel, promised_by, instant(columns.ordered), delivered, seen)
