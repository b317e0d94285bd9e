"""What the store has learned of purchases, as it lies in KnowledgeTable: sums (aftercare.sums); and what is out of stock."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from aftercare import keys, reorders
from aftercare.clock import iso, parse_iso
from aftercare.outside import Outside
from aftercare.reorder_levels import STORE
from aftercare.reorders import Reorders
from aftercare.retention import STOCK
from aftercare.sums import added, increments, numbers
from aftercare.table import Change, Item, Put, Remove, Tables
from reorder_reminder import depletion, hit_gate
from reorder_reminder.depletion import Sums

SIZES = {STORE: depletion.STORE_SIZE, hit_gate.GATE: hit_gate.SIZE}


class Seen(NamedTuple):
    """What one read brought: the customer's own record, what is known, and since when products are out of stock."""

    kept: Reorders
    known: Sums
    out: Mapping[str, datetime]


def read(tables: Tables, customer_id: str, wanted_keys: Iterable[str], products: Iterable[str] = ()) -> Seen:
    """One BatchGetItem (of at most 100 keys: what is beyond is not known). Throttled."""
    own = reorders.place(customer_id)
    stock = {keys.out_of_stock(product): product for product in products}
    wanted = {keys.reorder(key): key for key in list(dict.fromkeys(wanted_keys))[: 99 - len(stock)]}
    found = tables.read([own, *stock, *wanted])
    known = {key: _numbers(key, found[at]) for at, key in wanted.items() if at in found}
    out = {product: parse_iso(str(found[at]["since"])) for at, product in stock.items() if at in found}
    return Seen(reorders.reorders_from(found.get(own)), known, out)


def _numbers(key: str, item: Item) -> tuple[float, ...]:
    """The numbers in their places; one that was never added to is 0."""
    there = numbers(item)
    return tuple(there.get(number, 0.0) for number in range(SIZES.get(key, depletion.SIZE)))


def add(tables: Tables, sums: Mapping[str, tuple[float, ...]]) -> int:
    """ADD each key's sum, one call a key. How many were lost: a lesson may be, and is never counted twice."""
    changes = (Change(keys.reorder(key), add=increments(values)) for key, values in sums.items())
    return sum(not added(tables, change) for change in changes if change.add)


def out_of_stock(outside: Outside, products: Iterable[str], at: datetime) -> None:
    """Products that cannot be sent at present. A shop whose clock is ahead of ours has it kept no longer for that."""
    ends = STOCK.ends(min(at, outside.clock.now()))
    for product in products:
        item: Item = {"since": iso(at), "expires_at": ends}
        outside.tables.write([Put(keys.out_of_stock(product), item)])


def in_stock(outside: Outside, product: str) -> None:
    outside.tables.write([Remove(keys.out_of_stock(product))])
