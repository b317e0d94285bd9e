"""Whether somebody goes on using what they bought: the signs of it that a record has, and what they are worth in a store. Pure.

A sign is one of a group, the first of which says nothing. What they are worth are logarithms of odds: the table's of
content/segments.yaml until a store has seen what became of its own customers, then drawn towards what it saw.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from aftercare.table import Item

if TYPE_CHECKING:
    from aftercare.segment_policy import Use

Sign = Literal[
    "steps-none",
    "steps-some",
    "steps-all",
    "milestone",
    "milestones",
    "logged-in",
    "stayed-out",
    "good",
    "bad",
    "answered-4h",
    "answered-24h",
    "answered-later",
    "open-case",
]

GROUPS: tuple[tuple[Sign | None, ...], ...] = (
    (None, "steps-none", "steps-some", "steps-all"),
    (None, "milestone", "milestones"),
    (None, "logged-in", "stayed-out"),
    (None, "good", "bad"),
    (None, "answered-4h", "answered-24h", "answered-later", "open-case"),
)
"""How far the setup guide is; milestones that were reached; logins, of who agreed that these are noted; how the newest answer
felt; how long support took, at its slowest. At most one of each group."""

PART = "use"
"""The part of the weekly sums that holds what became of whom: `cell/<digits>/stayed`, `cell/<digits>/left`."""


class Weights(NamedTuple):
    """Logarithms of odds: of who has no sign, and what each sign adds. Learned from `seen` customers of whom `stayed`."""

    base: float
    signs: Mapping[str, float]
    seen: int = 0
    stayed: int = 0

    def to_json(self) -> str:
        return json.dumps([round(self.base, 4), {s: round(w, 4) for s, w in self.signs.items()}, self.seen, self.stayed])


def table_weights(use: "Use") -> Weights:
    """The store's table."""
    base = math.log(use.base / (1 - use.base))
    return Weights(base, {sign: math.log(factor) for sign, factor in use.signs.items()})


def weights_from(item: Item | None, use: "Use") -> Weights:
    """What a shop's knowledge holds; the store's table where it holds none."""
    if item is None or "use" not in item:
        return table_weights(use)
    base, signs, seen, stayed = json.loads(str(item["use"]))
    return Weights(base, signs, seen, stayed)


def chance(weights: Weights, signs: Iterable[str]) -> float:
    """P(continued use)."""
    odds = weights.base + math.fsum(weights.signs.get(sign, 0.0) for sign in signs)
    return 1 / (1 + math.exp(-odds))


def cell_of(signs: Iterable[str]) -> str:
    """The signs as one digit for each group, as they are counted."""
    there = set(signs)
    return "".join(str(next((n for n, sign in enumerate(group) if sign in there), 0)) for group in GROUPS)


def signs_of(cell: str) -> tuple[Sign, ...]:
    """The other way round. ValueError for what is no cell."""
    if len(cell) != len(GROUPS) or not cell.isascii() or not cell.isdigit():
        raise ValueError("expected one digit for each group of signs")
    found = (group[int(digit)] if int(digit) < len(group) else None for group, digit in zip(GROUPS, cell, strict=True))
    return tuple(sign for sign in found if sign)


def counted(cell: str, stayed: bool) -> dict[str, int]:
    """What is added to the week's sums when it is known what became of somebody."""
    return {f"cell/{cell}/{'stayed' if stayed else 'left'}": 1}
