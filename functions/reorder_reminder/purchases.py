"""What a customer bought of each family and when, from the orders on their record. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aftercare.customer import Customer, Order, OrderLine
from aftercare.reorder_levels import days
from reorder_reminder.depletion import Bought, History, Thing

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue

ONE_PURCHASE = timedelta(hours=12)
"""Orders that are nearer to each other are one purchase: a forgotten thing, or an order that was split."""

_SIZE = re.compile(r"(?:(\d{1,3}) ?[x×] ?)?(\d{1,5}(?:[.,]\d{1,3})?) ?(kg|g|mg|l|ml|cl|oz|lb|lbs|m|pcs|st|stk|tabs|caps)\b", re.I)
_IN_BASE = {"kg": 1000.0, "mg": 0.001, "l": 1000.0, "cl": 10.0, "lb": 453.6, "lbs": 453.6, "oz": 28.35}


class Purchase(NamedTuple):
    """One purchase of a family: by which order, when, of which product, and how much."""

    order: str
    at: datetime
    product: str
    quantity: float


def stands(order: Order) -> bool:
    """Whether an order counts as bought."""
    return order.placed_at is not None and not order.is_test and order.closed is None


def product_key(order: Order, line: OrderLine) -> str:
    """A product across its sizes and packs; of a store that names no products, what the line says it is."""
    return f"{order.shop}:{line.product_ref or line.sku or (line.product_type or line.title)[:60]}"


def size_of(line: OrderLine) -> float:
    """How much one piece holds by its variant or title (`1 kg`, `2 x 250 g`), in grams, millilitres or pieces; 1 where neither
    says."""
    found = _SIZE.search(line.variant or "") or _SIZE.search(line.title)
    if found is None:
        return 1.0
    packs, amount, unit = found.groups()
    return max(float(packs or 1) * float(amount.replace(",", ".")) * _IN_BASE.get(unit.lower(), 1.0), 1e-3)


def kept_lines(order: Order, lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """The lines of which anything is left with the customer: not those that go back as a whole."""
    back: dict[str, int] = {}
    for one in order.returns:
        if not one.is_over:
            for ref, count in one.lines.items():
                back[ref] = back.get(ref, 0) + count
    return tuple(line for line in lines if line.quantity > back.get(line.line_ref, 0))


def _most(lines: Sequence[OrderLine]) -> tuple[OrderLine, float]:
    """The line of which most was bought, and how much of all of them."""
    amounts = [line.quantity * size_of(line) for line in lines]
    return lines[amounts.index(max(amounts))], sum(amounts)


def purchases(customer: Customer, catalogue: "Catalogue") -> dict[str, tuple[Purchase, ...]]:
    """All that counts, by family, oldest first; orders close to each other as one, under the later one's key."""
    found: dict[str, list[Purchase]] = {}
    orders = sorted((o for o in customer.orders if stands(o)), key=lambda o: (o.placed_at or o.as_of, o.key))
    for order in orders:
        at = order.placed_at or order.as_of
        for family, lines in catalogue.by_family(order.lines).items():
            if catalogue.family(family).reorder is None or not (kept := kept_lines(order, lines)):
                continue
            most, quantity = _most(kept)
            one = Purchase(order.key, at, product_key(order, most), quantity)
            times = found.setdefault(family, [])
            if times and at - times[-1].at < ONE_PURCHASE:
                one = one._replace(quantity=one.quantity + times.pop().quantity)
            times.append(one)
    return {family: tuple(times) for family, times in found.items()}


def product_of(order: Order | None, family: str, catalogue: "Catalogue") -> tuple[str, ...]:
    """The product by which an order's purchase of a family goes; none where nothing of it is left with the customer."""
    lines = kept_lines(order, catalogue.by_family(order.lines).get(family, ())) if order else ()
    return (product_key(order, _most(lines)[0]),) if order and lines else ()


def thing_of(family: str, times: tuple[Purchase, ...], catalogue: "Catalogue") -> Thing:
    reorder = catalogue.family(family).reorder
    return Thing(times[-1].product, family, float(reorder.after_days if reorder else 28))


def bought(times: tuple[Purchase, ...]) -> tuple[Bought, ...]:
    return tuple(Bought(days(one.at), one.quantity) for one in times)


def history(
    family: str, all_: Mapping[str, tuple[Purchase, ...]], catalogue: "Catalogue", told: tuple[float, ...] = ()
) -> tuple[Thing, History]:
    """What the forecast of a family's last purchase goes by."""
    until = all_[family][-1].at
    others = []
    for name, times in all_.items():
        before = tuple(one for one in times if one.at <= until)
        if name != family and before and not is_care(catalogue, name):
            others.append((thing_of(name, before, catalogue), bought(before)))
    return thing_of(family, all_[family], catalogue), History(bought(all_[family]), others, told)


def is_care(catalogue: "Catalogue", family: str) -> bool:
    """Whether a family's reminder offers what keeps it its worth: nothing of it runs out."""
    reorder = catalogue.family(family).reorder
    return reorder is not None and reorder.offers == "care"


def lead_days(customer: Customer, order: Order) -> float:
    """How long goods take to this customer, in days: of this order by its forecast or its arrival, else of the latest that
    arrived; 0 where nobody knows."""
    at = order.placed_at or order.as_of
    arrived = customer.delivered_at(order.key)
    forecasts = [s.forecast.p50 for s in customer.shipments_of(order.key) if s.forecast]
    expected = arrived or max(forecasts, default=None) or (order.forecast.p50 if order.forecast else None)
    if expected is None:
        times = [(o.placed_at, there) for o in customer.orders if o.placed_at and (there := customer.delivered_at(o.key))]
        if not times:
            return 0.0
        at, expected = max(times)
    return min(14.0, max(0.0, (expected - at) / timedelta(days=1)))
