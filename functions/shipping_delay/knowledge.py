"""The delay model's sums as they lie in KnowledgeTable: one item for each key, one number for each place.

Numbers are ADDed, so nothing is read before it is written and concurrent writers lose nothing. A key is not sharded: a
consumer writes it once for its whole batch, far below the thousand writes a second that one item takes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from aftercare.keys import ONLY, Key
from aftercare.table import Change, Number, Tables, Throttled, Unclear
from shipping_delay.pace import PACE_SPAN
from shipping_delay.parcel import Increments
from shipping_delay.prediction import SHAPE_KEY
from shipping_delay.teaching import SHAPE_SIZE, expires

PREFIX = "DELAY#"
PLACES = 6
"""Decimals that are kept: weights start at 1 and grow, so this is seven digits and more, and a sum never outgrows 38."""

ATTEMPTS = 4
_ONE = Decimal(1).scaleb(-PLACES)


def place(key: str) -> Key:
    return Key("knowledge", f"{PREFIX}{key}", ONLY)


def read(tables: Tables, keys: Iterable[str]) -> Increments:
    """The sums of those keys that have any: one BatchGetItem. Throttled."""
    wanted = {place(key): key for key in keys}
    found = tables.read(list(wanted))
    return {wanted[at]: _numbers(wanted[at], item) for at, item in found.items()}


def _numbers(key: str, item: Mapping[str, object]) -> tuple[float, ...]:
    """The numbers in their places; one that was never added to is 0."""
    there = {int(name[1:]): float(value) for name, value in item.items() if name[0] == "n" and isinstance(value, int | Decimal)}
    return tuple(there.get(number, 0.0) for number in range(_length(key, max(there, default=0) + 1)))


def _length(key: str, least: int) -> int:
    """How many numbers a key has: what reads them counts on all of them."""
    if key == SHAPE_KEY:
        return SHAPE_SIZE
    if key.startswith("pace:"):
        return 2 * PACE_SPAN
    if key.startswith(("stage:", "h:")):
        return 3
    return 4 if least == 3 else max(least, 2)


def change(key: str, values: Sequence[float], now: datetime) -> Change | None:
    """The one ADD of a key's summed increments; None where nothing is left of them after rounding."""
    added: dict[str, Number] = {}
    for number, value in enumerate(values):
        rounded = Decimal(value).quantize(_ONE) if value else Decimal(0)
        if rounded:
            added[f"n{number}"] = rounded
    if not added:
        return None
    gone = expires(key)
    if gone is not None and gone <= now:
        return None
    return Change(place(key), put={"expires_at": int(gone.timestamp())} if gone else {}, add=added)


def add(tables: Tables, sums: Mapping[str, Sequence[float]], now: datetime) -> Increments:
    """ADD each key's sum, one call a key; what the table refused after all attempts comes back, to be added later.

    An answer that was lost is not repeated: a sum counted twice would be worse than one that may be missing.
    """
    left: Increments = {}
    for key, values in sums.items():
        write = change(key, values, now)
        if write is not None and not _added(tables, write):
            left[key] = tuple(values)
    return left


def _added(tables: Tables, write: Change) -> bool:
    for _ in range(ATTEMPTS):
        try:
            tables.write([write])
        except Throttled:
            continue
        except Unclear:
            return True
        return True
    return False
