"""What a quarter showed of the windows and thresholds of a store, on three kinds of trade, and the file as it would be. Pure.

Consumables: days from one purchase of a family to the next, for each unit bought. Durables: days from the thing to the first
that keeps it its worth. Subscriptions: days from one renewal to the next. Beside them, how long those take who come back at
all, and what became of those who were looked at because they stayed away.
"""

from __future__ import annotations

import difflib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import yaml

from aftercare.catalogue import Catalogue, Kind
from aftercare.customer import Customer, Order
from aftercare.lifetime import Orders, waits
from aftercare.reorder_levels import Learned
from aftercare.segment_policy import SegmentPolicy
from aftercare.segments import bought, intervals

QUARTER: Final = timedelta(days=91)
LONGEST: Final = 180.0
"""Days: who comes back later than that has not waited for a reminder."""

FILE: Final = "layers/shared/aftercare/content/thresholds.yaml"
Place = tuple[str, ...]
Figure = int | float


def window_of(family: str) -> Place:
    return ("catalogue", "families", family, "reorder", "after_days")


RENEWAL: Final = ("segments", "subscription", "renewal_days")
GUIDE: Final = ("segments", "contents", "guide", "after_days")
FIRST_LOOK: Final = ("segments", "care", "after_days")
LOOK: Final = ("segments", "care", "after_intervals")
BASE: Final = ("segments", "care", "use", "base")

COMING_BACK: Final = "coming back"
AWAY: Final = "staying away"
MOST_TIMES: Final = 10.0
"""So many times the expected wait is the most that may be set."""


@dataclass(frozen=True, slots=True)
class Row:
    """One set value beside what was observed, and what the store has learned of it meanwhile, from `learned_from` cases.
    `proposed` is None where too little was seen, or what is set is near enough."""

    scenario: str
    place: Place
    set: Figure
    observed: float | None
    seen: int
    proposed: Figure | None
    learned: float | None = None
    learned_from: int = 0

    def told(self) -> dict[str, Any]:
        return {**asdict(self), "place": ".".join(self.place)}


@dataclass(slots=True)
class Seen:
    """The days, and the times of an expected wait, that were seen, by the place of the setting that they are about."""

    found: dict[tuple[str, Place], list[float]] = field(default_factory=dict)

    def add(self, scenario: str, place: Place, days: float, value: float | None = None) -> None:
        if 0 < days <= LONGEST:
            self.found.setdefault((scenario, place), []).append(days if value is None else value)


@dataclass(frozen=True, slots=True)
class Use:
    """P(continued use) of who has no sign, as a shop has learned it: from so many looks of which it is known what became."""

    chance: float
    looks: int


def look(seen: Seen, customer: Customer, goods: Catalogue, model: Orders, until: datetime) -> None:
    """Add what a customer's orders show of the quarter that ends then. `model` says how the shop's customers buy."""
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
                _between(seen, "consumable", place, order, (o for o, names in later if name in names), since, until, units)
            elif family.reorder.offers == "care":
                care = goods.add_ons[family.cross_sells[0]]
                bought_it = (o for o, names in later if care.family in names or _has(o, care.skus))
                _between(seen, "durable", place, order, bought_it, since, until, 1)
    renewals = [order for order in orders if order.is_renewal or order.subscription]
    for first, second in pairwise(renewals):
        if first.subscription == second.subscription and since < _placed(second) <= until:
            seen.add("subscription", RENEWAL, _apart(first, second))
    if len(orders) > 1 and since < _placed(orders[1]) <= until:
        for place in (GUIDE, FIRST_LOOK):
            seen.add(COMING_BACK, place, _apart(orders[0], orders[1]))
    for n, order in enumerate(orders[2:], 2):
        if since < _placed(order) <= until:
            _times_the_wait(seen, orders[:n], order, model)


def _times_the_wait(seen: Seen, before: Sequence[Order], order: Order, model: Orders) -> None:
    """How many times as long as it was expected to take somebody's next order took: expected as it is when a look is set."""
    known, took = bought(before), _apart(before[-1], order)
    wait = waits(model, known, intervals(before))[1] or known.interval
    if wait:
        seen.add(AWAY, LOOK, took, took / wait)


def _between(
    seen: Seen, scenario: str, place: Place, order: Order, later: Iterable[Order], since: datetime, until: datetime, units: int
) -> None:
    found = next(iter(later), None)
    if found is not None and since < _placed(found) <= until:
        seen.add(scenario, place, _apart(order, found) / units)


def _has(order: Order, skus: Sequence[str]) -> bool:
    return any(line.sku in skus for line in order.lines if line.sku)


def _placed(order: Order) -> datetime:
    return order.placed_at or order.as_of


def _apart(first: Order, second: Order) -> float:
    return (_placed(second) - _placed(first)).total_seconds() / 86_400


def rows(
    seen: Seen, goods: Catalogue, policy: SegmentPolicy, learned: Mapping[str, Learned | None], used: Sequence[Use]
) -> list[Row]:
    """Every setting that is reviewed, whether anything was seen of it or not. `learned` is how long each family lasts by what
    its reminders go by, `used` what each shop has learned of who stays away."""
    found = []
    for name, family in goods.families.items():
        if family.reorder is not None:
            scenario, known = "durable" if family.reorder.offers == "care" else "consumable", learned.get(name)
            row = _row(seen, scenario, window_of(name), family.reorder.after_days, policy)
            found.append(replace(row, learned=round(known.days, 1), learned_from=round(known.intervals)) if known else row)
    care = policy.care
    found += [
        _row(seen, "subscription", RENEWAL, policy.subscription.renewal_days, policy),
        _row(seen, COMING_BACK, GUIDE, policy.contents["guide"].after_days, policy),
        _row(seen, COMING_BACK, FIRST_LOOK, care.after_days, policy),
        _row(seen, AWAY, LOOK, care.after_intervals, policy),
    ]
    looks = sum(use.looks for use in used)
    chance = sum(use.chance * use.looks for use in used) / looks if looks else None
    return [*found, _judged(AWAY, BASE, care.use.base, chance, looks, policy)]


def _row(seen: Seen, scenario: str, place: Place, now: Figure, policy: SegmentPolicy) -> Row:
    values = seen.found.get((scenario, place), [])
    return _judged(scenario, place, now, _middle(scenario, values), len(values), policy)


def _judged(scenario: str, place: Place, now: Figure, observed: float | None, seen: int, policy: SegmentPolicy) -> Row:
    near = observed is None or seen < policy.review.least or abs(observed - now) < policy.review.change * now
    proposed = None if near or observed is None else _as_set(place, observed)
    shown = None if observed is None else round(observed, 2 if place in (LOOK, BASE) else 1)
    return Row(scenario, place, now, shown, seen, None if proposed == now else proposed)


def _as_set(place: Place, observed: float) -> Figure:
    """As the setting takes it: whole days, times within its bounds, a share that is neither none nor all."""
    if place == LOOK:
        return round(min(max(observed, 1.0), MOST_TIMES), 1)
    if place == BASE:
        return round(min(max(observed, 0.01), 0.99), 2)
    least = 7 if place == FIRST_LOOK else 1
    return max(least, round(observed))


def _middle(scenario: str, values: Sequence[float]) -> float | None:
    """The median; of who comes back at all that by which three in four have, because only then a nudge or a look is needed."""
    if len(values) < 2:
        return None
    return statistics.quantiles(values, n=4)[2] if scenario in (COMING_BACK, AWAY) else statistics.median(values)


# ---------------------------------------------------------------- the file as it would be


class NotThere(LookupError):
    """The file has no such number."""


def with_values(text: str, values: Mapping[Place, Figure]) -> str:
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
