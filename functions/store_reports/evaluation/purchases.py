"""A store's purchases as CSV: who, when and for how much; split by time into what is known and what comes after."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from aftercare.lifetime import Buyer
from aftercare.segments import Bought

CURRENCY = "XXX"
"""The files name none."""


@dataclass(frozen=True)
class Columns:
    """The file's column for each field; the first that a file has counts."""

    customer: str = "customer,CustomerID,customer_id"
    day: str = "date,ts,placed_at"
    amount: str = "value,amount,total"

    def of(self, field: str, row: Mapping[str, str]) -> str | None:
        return next((name for name in str(getattr(self, field)).split(",") if name in row), None)


class History(NamedTuple):
    """What each customer paid on each day, and how many rows could not be used, by reason."""

    paid: Mapping[str, Mapping[date, Decimal]]
    bad: Counter[str]
    rows: int

    @property
    def first(self) -> date:
        return min(min(days) for days in self.paid.values())

    @property
    def last(self) -> date:
        return max(max(days) for days in self.paid.values())


def read_history(rows: Iterable[Mapping[str, str]], columns: Columns) -> History:
    """Orders of a day are one purchase; a row without customer, day or amount is counted and left out."""
    paid: dict[str, dict[date, Decimal]] = defaultdict(dict)
    bad: Counter[str] = Counter()
    many = 0
    for row in rows:
        many += 1
        customer, day, amount = (row.get(columns.of(field, row) or "", "") for field in ("customer", "day", "amount"))
        if not customer:
            bad["no customer"] += 1
            continue
        try:
            when, worth = date.fromisoformat(day[:10]), Decimal(amount)
        except (ValueError, InvalidOperation):
            bad["no day or no amount"] += 1
            continue
        if worth < 0:
            bad["a negative amount"] += 1
            continue
        paid[customer][when] = paid[customer].get(when, Decimal()) + worth
    return History(paid, bad, many)


class Known(NamedTuple):
    """One customer at the split: what they had bought, and what they bought in the days after it."""

    days: tuple[date, ...]
    bought: Bought
    buyer: Buyer
    mean: float
    later_orders: int
    later_spent: float

    @property
    def returned(self) -> bool:
        return self.later_orders > 0


def split(history: History, at: date, days: int) -> list[Known]:
    """All who had bought before `at`, in the order of their names."""
    until = at + timedelta(days=days)
    found = []
    for _, paid in sorted(history.paid.items()):
        before = sorted(day for day in paid if day < at)
        if not before:
            continue
        spent = sum((paid[day] for day in before), Decimal())
        after = [day for day in paid if at <= day < until]
        bought = Bought(len(before), len(before), before[0], before[-1], {CURRENCY: spent})
        span = float((before[-1] - before[0]).days)
        found.append(
            Known(
                tuple(before),
                bought,
                Buyer(len(before) - 1, span, float((at - before[0]).days)),
                float(spent) / len(before),
                len(after),
                float(sum((paid[day] for day in after), Decimal())),
            )
        )
    return found
