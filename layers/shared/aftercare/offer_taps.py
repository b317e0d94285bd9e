"""What taps say of offers, by product family and offer: sums in KnowledgeTable, nobody's data. reorder_reminder adds to them."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from aftercare.keys import ONLY, Key
from aftercare.table import Item

PREFIX = "REORDER#"
PRIOR = 4.0  # taps, half of them "useful"

Pair = tuple[str, str]
"""A family, and what was offered to who has it."""

Taps = Mapping[Pair, tuple[float, ...]]
"""How many said something of it, and how many of them that it was of use."""


def key_of(family: str, offer: str) -> str:
    return f"o:{family}:{offer}"


def place(pair: Pair) -> Key:
    return Key("knowledge", PREFIX + key_of(*pair), ONLY)


def useful(taps: Sequence[float] = (0.0, 0.0)) -> float:
    """How likely it is of use. Taps are few: all of them count alike, whenever they were."""
    return (taps[1] + PRIOR / 2) / (taps[0] + PRIOR)


def liked(taps: Sequence[float] = (0.0, 0.0)) -> float:
    """How much more (or less) than half of them said so: from 0 to 2, 1 where nobody has tapped."""
    return 2.0 * useful(taps)


def taps_from(found: Mapping[Key, Item], pairs: Iterable[Pair]) -> Taps:
    """The sums of those of these that somebody tapped, out of what was read."""
    there = {pair: found[place(pair)] for pair in pairs if place(pair) in found}
    return {pair: (_number(item, "n0"), _number(item, "n1")) for pair, item in there.items()}


def _number(item: Item, name: str) -> float:
    value = item.get(name, 0)
    return float(value) if isinstance(value, int | Decimal) else 0.0
