"""What returns say of products, as sums by the week: how many came back and why, beside how many were sold. Nobody's data.

A part of the tally for each product (`product#<family>:<sku>`): `return/n` returns, `return/units` pieces, `return/<reason>`
returns by the reason that was said. `sold/units` is counted for a sample of the orders only (decision 0151).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from aftercare import keys, tally
from aftercare.customer import Customer, Order, OrderLine
from aftercare.one_line import plain
from aftercare.outside import Outside
from aftercare.return_reasons import UNSAID, lines_of

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue

SAMPLE: Final = 0.125
"""Share of the orders whose pieces are counted: each is a call to AWS for every product in it."""

MOST: Final = 20
"""Products of one order or return that are counted."""


def in_sample(order: Order) -> bool:
    """The same for the same order for good."""
    return not order.is_test and keys.share(f"sold#{order.key}") < SAMPLE


def pieces(lines: Iterable[OrderLine], catalogue: "Catalogue", units: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Part of the tally and pieces of it, for each product. What has no SKU counts for its family alone. Pure."""
    found: dict[str, int] = {}
    for family, own in catalogue.by_family(lines).items():
        for line in own:
            part = f"product#{family}:{plain(line.sku or '', 60)}"
            found[part] = found.get(part, 0) + units.get(line.line_ref, line.quantity)
    return iter(list(found.items())[:MOST])


def count_sold(outside: Outside, order: Order, catalogue: "Catalogue") -> None:
    """Once for an order: after the write that starts its wait, which is once."""
    now = outside.clock.now()
    week = tally.week_at(now, tally.store_zone())
    for part, units in pieces(order.lines, catalogue, {}):
        tally.add(outside.tables, order.shop, week, part, {"sold/units": units}, now)


def count_returned(outside: Outside, customer: Customer | None, order_key: str, ref: str) -> None:
    """The return once, and the reason once, when it is first known; both in the week in which the return was first heard of."""
    from aftercare.catalogue import catalogue

    order = customer.order(order_key) if customer else None
    back = order.returned(ref) if order else None
    if order is None or back is None or back.is_over or order.is_test:
        return
    now = outside.clock.now()
    week = tally.week_at(back.began_at, tally.store_zone())
    reason = back.reason if back.reason != UNSAID else None
    for part, units in pieces(lines_of(order, back), catalogue(), back.lines):
        about = f"{order.key}#{back.ref}#{part}"
        came = {"return/n": 1, "return/units": units}
        tally.once(outside.tables, f"returned#{about}", order.shop, week, part, came, now)
        if reason:
            tally.once(outside.tables, f"reason#{about}", order.shop, week, part, {f"return/{reason}": 1}, now)
