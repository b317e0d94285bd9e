"""What is learned as sums, as it lies in KnowledgeTable: an item for each key, a number for each place (`n0`, `n1`, ...).

Numbers are ADDed, so nothing is read before it is written and concurrent writers lose nothing.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from aftercare.table import Change, Number, Tables, Throttled, Unclear

PLACES = 6
"""Decimals that are kept: weights start at 1 and grow, so this is seven digits and more, and a sum never outgrows 38."""

ATTEMPTS = 4
_FORM = f"%.{PLACES}f"


def numbers(item: Mapping[str, object]) -> dict[int, float]:
    """An item's numbers by their places; one that was never added to is not there."""
    return {int(name[1:]): float(value) for name, value in item.items() if name[0] == "n" and isinstance(value, int | Decimal)}


def increments(values: Sequence[float]) -> dict[str, Number]:
    """What to ADD for these numbers: without those of which nothing is left after rounding."""
    found: dict[str, Number] = {}
    for place, value in enumerate(values):
        if value and (rounded := Decimal(_FORM % value)):
            found[f"n{place}"] = rounded
    return found


def added(tables: Tables, write: Change) -> bool:
    """Write what is ADDed; False where the table refused it each time. An answer that was lost is not asked for again: a sum that
    is counted twice is worse than one that may be missing."""
    for _ in range(ATTEMPTS):
        try:
            tables.write([write])
        except Throttled:
            continue
        except Unclear:
            return True
        return True
    return False
