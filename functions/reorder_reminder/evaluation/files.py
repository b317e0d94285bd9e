"""Purchases as CSV: which column is what, and the rows that are no use."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from reorder_reminder.depletion import Bought, Thing

LONGEST = 200
"""Letters of a name: longer is no name."""


@dataclass(frozen=True)
class Columns:
    """The file's column for each field. A file without families or quantities has none, and one piece a row."""

    customer: str = "customer"
    product: str = "product"
    day: str = "day"
    family: str = "family"
    quantity: str = "quantity"


@dataclass(frozen=True)
class Layout:
    """A known kind of file: its columns, and what is scored of it where nobody says otherwise."""

    columns: Columns = Columns()
    left_out: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None


GROCERIES = frozenset(
    (
        "COFFEE",
        "COLD CEREAL",
        "EGGS",
        "FLUID MILK PRODUCTS",
        "HOT CEREAL",
        "PNT BTR/JELLY/JAMS",
        "PWDR/CRYSTL DRNK MX",
        "REFRGRATD JUICES/DRNKS",
        "SHORTENING/OIL",
        "SNACK NUTS",
        "SUGARS/SWEETNERS",
        "TEAS",
        "WATER - CARBONATED/FLVRD DRINK",
        "YOGURT",
    )
)
"""Food and drink of Complete Journey, which people buy on their way and not when it runs out."""

LAYOUTS: Mapping[str, Layout] = {
    "default": Layout(),
    "complete-journey": Layout(
        Columns("household_id", "product_type", "day", "product_category", "qty"),
        GROCERIES,
        datetime(2017, 8, 15, tzinfo=UTC),
        datetime(2017, 11, 1, tzinfo=UTC),
    ),
}


class Purchases(NamedTuple):
    """What was bought: for each customer and thing the purchases by day, several of a day as one; and rows left out."""

    bought: Mapping[str, Mapping[Thing, tuple[Bought, ...]]]
    rows: int
    left_out: int
    bad: Mapping[str, int]


def fitting(header: Collection[str]) -> str:
    """The layout whose columns a file has; the default where none fits."""
    for name, layout in LAYOUTS.items():
        columns = layout.columns
        if {columns.customer, columns.product, columns.day} <= set(header):
            return name
    return "default"


def read(
    rows: Iterable[Mapping[str, str]], columns: Columns, window: float, left_out: Collection[str], epoch: datetime
) -> Purchases:
    """The purchases of a file. Days are counted from `epoch`; what has no family is one of its own."""
    sums: dict[tuple[str, Thing], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    bad: dict[str, int] = defaultdict(int)
    count = out = 0
    first = epoch.toordinal()
    for row in rows:
        count += 1
        customer, product = (row.get(name, "").strip() for name in (columns.customer, columns.product))
        family = row.get(columns.family, "").strip() or product
        if not customer or not product or max(len(customer), len(product), len(family)) > LONGEST:
            bad["no customer or product"] += 1
            continue
        if family in left_out or product in left_out:
            out += 1
            continue
        try:
            day = date.fromisoformat(row.get(columns.day, "").strip()[:10]).toordinal() - first
            quantity = float(row.get(columns.quantity) or 1.0)
        except ValueError:
            bad["no such day or quantity"] += 1
            continue
        if not math.isfinite(quantity) or quantity <= 0.0:
            bad["nothing bought"] += 1
            continue
        sums[customer, Thing(f"{family}/{product}", family, window)][day] += quantity
    found: dict[str, dict[Thing, tuple[Bought, ...]]] = defaultdict(dict)
    for (customer, thing), by_day in sums.items():
        found[customer][thing] = tuple(Bought(float(day), by_day[day]) for day in sorted(by_day))
    return Purchases(found, count, out, bad)
