"""The delay model's sums as they lie in KnowledgeTable: one item for each key, one number for each place.

They are sums (aftercare.sums). A key is not sharded: a consumer writes it once for its whole batch, far below the thousand
writes a second that one item takes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from aftercare.keys import ONLY, Key
from aftercare.sums import added, increments, numbers
from aftercare.table import Change, Tables
from shipping_delay.pace import PACE_SPAN
from shipping_delay.parcel import Increments
from shipping_delay.prediction import SHAPE_KEY
from shipping_delay.teaching import SHAPE_SIZE, expires

PREFIX = "DELAY#"


def place(key: str) -> Key:
    return Key("knowledge", f"{PREFIX}{key}", ONLY)


def read(tables: Tables, keys: Iterable[str]) -> Increments:
    """The sums of those keys that have any: one BatchGetItem. Throttled."""
    wanted = {place(key): key for key in keys}
    found = tables.read(list(wanted))
    return {wanted[at]: _numbers(wanted[at], item) for at, item in found.items()}


def _numbers(key: str, item: Mapping[str, object]) -> tuple[float, ...]:
    """The numbers in their places; one that was never added to is 0."""
    there = numbers(item)
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
    more = increments(values)
    if not more:
        return None
    gone = expires(key)
    if gone is not None and gone <= now:
        return None
    return Change(place(key), put={"expires_at": int(gone.timestamp())} if gone else {}, add=more)


def add(tables: Tables, sums: Mapping[str, Sequence[float]], now: datetime) -> Increments:
    """ADD each key's sum, one call a key; what the table refused after all attempts comes back, to be added later."""
    left: Increments = {}
    for key, values in sums.items():
        write = change(key, values, now)
        if write is not None and not added(tables, write):
            left[key] = tuple(values)
    return left
