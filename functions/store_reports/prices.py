"""What the things of a family cost in a shop, in thirds, learned from what a sample of its customers paid: nobody's."""

import heapq
import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from aftercare import keys
from aftercare.catalogue import Catalogue
from aftercare.customer import Order
from aftercare.table import Tables
from aftercare.taste import paid

SAMPLE = 300
"""Customers whose orders are read, an even sample: a Query for each."""

LINES, BUYERS = 30, 10
"""Lines, and customers, from whom on a family's prices are told."""

PAGE = 100


def learned(tables: Tables, shop: str, goods: Catalogue) -> str | None:
    """The thirds as they lie in the table; None where too little was sold of anything. What lies in the archive says nothing of
    today's prices."""
    seen: defaultdict[str, list[list[Decimal]]] = defaultdict(list)
    for customer_id in heapq.nsmallest(SAMPLE, _customers(tables, shop), key=lambda one: keys.share(f"prices#{one}")):
        items = tables.partition("customers", keys.customer(customer_id, "").pk, keys.ORDER)
        orders = [Order.model_validate_json(str(item["doc"])) for item in items]
        for name, prices in paid((order for order in orders if order.shop == shop), goods).items():
            seen[name].append(prices)
    found = {name: cut for name, each in sorted(seen.items()) if (cut := _thirds(each))}
    return json.dumps({name: list(map(str, cut)) for name, cut in found.items()}) if found else None


def _thirds(each: list[list[Decimal]]) -> tuple[Decimal, Decimal] | None:
    """None of too few, and of what always costs the same."""
    prices = sorted(price for own in each for price in own)
    many = len(prices)
    if many < LINES or len(each) < BUYERS or prices[0] == prices[-1]:
        return None
    return prices[(many + 2) // 3 - 1], prices[(2 * many + 2) // 3 - 1]


def _customers(tables: Tables, shop: str) -> Iterator[str]:
    after = None
    while rows := tables.page("customers", keys.of_shop(shop).pk, "2", after, PAGE):
        after = str(rows[-1]["sk"])
        yield from (str(row["customer_id"]) for row in rows)
