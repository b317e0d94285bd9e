"""An order history as a CSV file: its columns, its rows as parcels with what became of them, and the rows that are no use."""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aftercare.evaluation.rows import open_rows
from shipping_delay.parcel import Parcel

DAYS = ("%d-%b-%y", "%m/%d/%y", "%d.%m.%Y")
INSTANTS = ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S")
"""What is read beside ISO 8601. Other forms are ambiguous (is 02/03/2025 in February?): the store says its own."""

YEARS = range(1990, 2100)
LONGEST = timedelta(days=730)
"""On its way for longer is a slip of the pen."""

_ZONE = re.compile(r"\s*(?:UTC|GMT|([+-]\d\d:?\d\d))$")


@dataclass(frozen=True)
class Columns:
    """The file's column for each field; an empty name means that the file has none."""

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
NEEDED = ("handed", "delivered")


class ColumnMissing(ValueError):
    """The file has no column of a name that it needs or that was given."""


def fitting(columns: Columns, header: Collection[str], given: Collection[str]) -> Columns:
    """The columns without those that the file has not: what is missing takes no part. ColumnMissing for one of a field that
    was `given` by name or that nothing can stand for."""
    missing = {field.name: name for field in fields(columns) if (name := getattr(columns, field.name)) and name not in header}
    for field, name in missing.items():
        if field in given or field in NEEDED:
            raise ColumnMissing(f"no column {name!r} for {field!r} (--column {field}=NAME); there are: {', '.join(header)}")
    return replace(columns, **dict.fromkeys(missing, ""))


@dataclass(frozen=True)
class Order:
    """One row, read: the parcel as at hand-over, and what became of it. Several rows may be parcels of one order."""

    line: int
    parcel: Parcel
    promised_by: datetime | None
    ordered_at: datetime | None
    delivered_at: datetime | None
    known_at: datetime | None

    @property
    def late(self) -> bool:
        return self.delivered_at is not None and self.promised_by is not None and self.delivered_at >= self.promised_by

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


def _instant(text: str, form: str | None = None) -> datetime | None:
    """A time in UTC where the text has no zone; a day without a time counts as its noon. ISO 8601, or the store's own form."""
    if not text:
        return None
    try:
        found, is_day = _read(text, form)
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        found, is_day = datetime.min, False  # noqa: DTZ901 - a year that none of the files has
    if found.year not in YEARS:
        raise ValueError("not a date" if form else f"not a date: {text[:30]}")
    return found + timedelta(hours=12) if is_day else found


def _read(text: str, form: str | None) -> tuple[datetime, bool]:
    """The time as it is written, and whether it is only a day."""
    if form:
        return datetime.strptime(text, form), not any(sign in form for sign in ("%H", "%I", "%c", "%X", "%T"))  # noqa: DTZ007
    try:
        return datetime.fromisoformat(_ZONE.sub(lambda zone: zone[1] or "+00:00", text)), ":" not in text
    except ValueError:
        for one in (*DAYS, *INSTANTS):
            try:
                return datetime.strptime(text, one), one in DAYS  # noqa: DTZ007 - UTC is given by the caller
            except ValueError:
                continue
        raise


def number(text: str) -> float | None:
    """A measure, with a decimal point or comma; None for what is none."""
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two (latitude, longitude) pairs in degrees (haversine)."""
    north, south = math.radians(one[0]), math.radians(other[0])
    half = math.sin((south - north) / 2) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(half))


def read_centroids(path: Path) -> dict[str, tuple[float, float]]:
    """Postcode-3 to (latitude, longitude), from columns zip3, lat, lng. ColumnMissing."""
    found = {}
    for row in open_rows(path):
        try:
            found[row["zip3"]] = (float(row["lat"]), float(row["lng"]))
        except (KeyError, ValueError) as problem:
            raise ColumnMissing(f"{path}: expected numbers in the columns zip3, lat and lng") from problem
    return found


def read_orders(
    rows: Iterable[Mapping[str, str]],
    columns: Columns,
    centroids: Mapping[str, tuple[float, float]] | None = None,
    lead_days: float = 30.0,
    dates: str | None = None,
) -> tuple[list[Order], list[Bad]]:
    """Orders in order of hand-over, and the rows that cannot be used.

    Without a hand-over column a parcel counts as handed over lead_days before its promised day.
    A promise is a day: late is delivered after the end of it. `dates` is a form of strptime.
    """
    orders: list[Order] = []
    bad: list[Bad] = []
    for line, row in enumerate(rows, start=2):
        try:
            orders.append(_order(line, row, columns, centroids or {}, lead_days, dates))
        except KeyError as problem:
            bad.append(Bad(line, f"no column {problem}" if row else "not a row of this table"))
        except (ValueError, OverflowError) as problem:
            bad.append(Bad(line, str(problem)))
    orders.sort(key=lambda order: (order.parcel.handed_at, order.line))
    return orders, bad


def _order(
    line: int,
    row: Mapping[str, str],
    columns: Columns,
    centroids: Mapping[str, tuple[float, float]],
    lead_days: float,
    dates: str | None,
) -> Order:
    def text(name: str) -> str | None:
        return (row[name].strip() or None) if name else None

    def instant(name: str) -> datetime | None:
        return _instant(text(name) or "", dates)

    promised = instant(columns.promised)
    promised_by = datetime(promised.year, promised.month, promised.day, tzinfo=UTC) + timedelta(days=1) if promised else None
    handed = instant(columns.handed) if columns.handed else promised_by and promised_by - timedelta(days=1 + lead_days)
    if handed is None:
        raise ValueError("never handed over")
    delivered, known = instant(columns.delivered), instant(columns.known)
    if delivered is not None and delivered <= handed:
        raise ValueError("delivered before hand-over")
    if delivered is not None and delivered - handed > LONGEST:
        raise ValueError(f"on its way for more than {LONGEST.days} days")
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
    return Order(line, parcel, promised_by, instant(columns.ordered), delivered, seen)
