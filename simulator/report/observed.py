"""What a quarter showed of the windows that a store has set, on three kinds of trade, and the settings as they would be. Pure.

Consumables: days from one purchase of a family to the next, for each unit bought. Durables: days from the thing to the first
that keeps it its worth. Subscriptions: days from one renewal to the next. And how long those take who come back at all.
"""

from __future__ import annotations

import difflib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import yaml

from aftercare.catalogue import Catalogue, Kind
from aftercare.customer import Customer, Order
from aftercare.segment_policy import SegmentPolicy

QUARTER: Final = timedelta(days=91)
LONGEST: Final = 180.0
"""Days: who comes back later than that has not waited for a reminder."""

FILE: Final = "layers/shared/aftercare/content/thresholds.yaml"
Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One set value beside what was observed. `proposed` is None where too little was seen, or what is set is near enough."""

    scenario: str
    place: Place
    set: int
    observed: float | None
    seen: int
    proposed: int | None

    def told(self) -> dict[str, Any]:
        return {**asdict(self), "place": ".".join(self.place)}


@dataclass(slots=True)
class Days:
    """The days that were seen, by the place of the setting that they are about."""

    found: dict[tuple[str, Place], list[float]] = field(default_factory=dict)

    def add(self, scenario: str, place: Place, days: float) -> None:
        if 0 < days <= LONGEST:
            self.found.setdefault((scenario, place), []).append(days)


def window_of(family: str) -> Place:
    return ("catalogue", "families", family, "reorder", "after_days")


RENEWAL: Final = ("segments", "subscription", "renewal_days")
GUIDE: Final = ("segments", "contents", "guide", "after_days")


def look(days: Days, customer: Customer, goods: Catalogue, until: datetime) -> None:
    """Add what a customer's orders show of the quarter that ends then."""
    since = until - QUARTER
    orders = sorted((o for o in customer.orders if o.placed_at and not o.closed and not o.is_test), key=_placed)
    by_family = [(order, goods.by_family(order.lines)) for order in orders]
    for n, (order, families) in enumerate(by_family):
        later = [(other, names) for other, names in by_family[n + 1 :] if _placed(other) > _placed(order)]
        for name, lines in families.items():
            family, units = goods.family(name), max(sum(line.quantity for line in lines), 1)
            if family.reorder is None:
                continue
            place = window_of(name)
            if family.reorder.offers == "again" and Kind.CONSUMABLE in family.kinds:
                _between(days, "consumable", place, order, (o for o, names in later if name in names), since, until, units)
            elif family.reorder.offers == "care":
                care = goods.add_ons[family.cross_sells[0]]
                bought = (o for o, names in later if care.family in names or _has(o, care.skus))
                _between(days, "durable", place, order, bought, since, until, 1)
    renewals = [order for order in orders if order.is_renewal or order.subscription]
    for first, second in pairwise(renewals):
        if first.subscription == second.subscription and since < _placed(second) <= until:
            days.add("subscription", RENEWAL, _apart(first, second))
    if len(orders) > 1 and since < _placed(orders[1]) <= until:
        days.add("coming back", GUIDE, _apart(orders[0], orders[1]))


def _between(
    days: Days, scenario: str, place: Place, order: Order, later: Iterable[Order], since: datetime, until: datetime, units: int
) -> None:
    found = next(iter(later), None)
    if found is not None and since < _placed(found) <= until:
        days.add(scenario, place, _apart(order, found) / units)


def _has(order: Order, skus: Sequence[str]) -> bool:
    return any(line.sku in skus for line in order.lines if line.sku)


def _placed(order: Order) -> datetime:
    return order.placed_at or order.as_of


def _apart(first: Order, second: Order) -> float:
    return (_placed(second) - _placed(first)).total_seconds() / 86_400


def rows(days: Days, goods: Catalogue, policy: SegmentPolicy) -> list[Row]:
    """Every setting that is reviewed, whether anything was seen of it or not."""
    wanted: list[tuple[str, Place, int]] = []
    for name, family in goods.families.items():
        if family.reorder is not None:
            scenario = "durable" if family.reorder.offers == "care" else "consumable"
            wanted.append((scenario, window_of(name), family.reorder.after_days))
    wanted.append(("subscription", RENEWAL, policy.subscription.renewal_days))
    wanted.append(("coming back", GUIDE, policy.contents["guide"].after_days))
    found = []
    for scenario, place, now in wanted:
        seen = days.found.get((scenario, place), [])
        middle = _middle(scenario, seen)
        near = middle is None or len(seen) < policy.review.least or abs(middle - now) < policy.review.change * now
        proposed = None if near or middle is None else max(1, round(middle))
        found.append(Row(scenario, place, now, round(middle, 1) if middle is not None else None, len(seen), proposed))
    return found


def _middle(scenario: str, seen: Sequence[float]) -> float | None:
    """The median; of who comes back at all the day by which three in four have, because only then a nudge is needed."""
    if len(seen) < 2:
        return None
    return statistics.quantiles(seen, n=4)[2] if scenario == "coming back" else statistics.median(seen)


# ---------------------------------------------------------------- the file as it would be


class NotThere(LookupError):
    """The file has no such number."""


def with_values(text: str, values: Mapping[Place, int]) -> str:
    """A YAML text with other numbers at some places, and nothing else changed: its comments and its form stay. NotThere."""
    whole = yaml.compose(text)
    spans = sorted(((_node(whole, place), number) for place, number in values.items()), key=lambda one: -one[0].start_mark.index)
    for node, number in spans:
        text = f"{text[: node.start_mark.index]}{number}{text[node.end_mark.index :]}"
    return text


def _node(node: Any, place: Place) -> yaml.ScalarNode:
    for name in place:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((value for key, value in pairs if key.value == name), None)
    if not isinstance(node, yaml.ScalarNode):
        raise NotThere(f"{'.'.join(place)}: expected a number of its own in the file")
    return node


def diff(before: str, after: str) -> str:
    """One unified diff of the file, from the root of the repository, as `git apply` takes it; no text where nothing changes."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{FILE}", f"b/{FILE}")
    return "".join(lines)
