"""What somebody likes to buy, and at which end of a shop's prices: families by interest, thirds of what a family costs. Pure."""

import json
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from aftercare.behaviour import Behaviour, interest
from aftercare.catalogue import Catalogue
from aftercare.customer import Order
from aftercare.segments import counts
from aftercare.table import Item

HALF_LIFE = 180.0
"""Days in which a purchase says half as much of what somebody is interested in: longer than most things last that run out, and
far longer than a look at it says anything (aftercare.behaviour.HALF_LIFE)."""


class Interest(NamedTuple):
    """How much a family is of interest: `bought` on how many days, each half as much after 180 days; `looked` at on how many,
    each half as much after 14, of who agreed to its being noted."""

    family: str
    bought: float
    looked: float

    @property
    def much(self) -> float:
        return self.bought + self.looked


def interests(orders: Iterable[Order], behaviour: Behaviour | None, goods: Catalogue, at: datetime) -> tuple[Interest, ...]:
    """The families that a customer bought of or looked at, the most first. An add-on that was looked at counts for its family."""
    days: defaultdict[str, set[int]] = defaultdict(set)
    for order in orders:
        if counts(order):
            placed = order.placed_at or order.as_of
            for name in goods.by_family(order.lines):
                days[name].add(max((at.astimezone(UTC).date() - placed.astimezone(UTC).date()).days, 0))
    looked: defaultdict[str, float] = defaultdict(float)
    for theme, much in interest(behaviour, at).items():
        add_on = goods.add_ons.get(theme.removeprefix("+")) if theme.startswith("+") else None
        family: str | None = add_on.family if add_on else theme
        if family and family in goods.families:
            looked[family] += much
    found = [
        Interest(name, math.fsum(2 ** (-age / HALF_LIFE) for age in days.get(name, ())), looked.get(name, 0.0))
        for name in {**days, **looked}
    ]
    return tuple(sorted(found, key=lambda one: (-one.much, one.family)))


# ---------------------------------------------------------------- prices

Tier = Literal["low", "mid", "high"]
"""The third of a family's prices that somebody buys in."""

TIERS: tuple[Tier, ...] = ("low", "mid", "high")

Prices = Mapping[str, tuple[Decimal, Decimal]]
"""By `family/currency`: the prices of a piece that a third and two thirds of what is sold do not exceed."""


def prices_from(item: Item | None) -> Prices:
    """What a shop's knowledge holds; nothing where it holds none."""
    if item is None or "prices" not in item:
        return {}
    return {name: (Decimal(low), Decimal(high)) for name, (low, high) in json.loads(str(item["prices"])).items()}


def paid(orders: Iterable[Order], goods: Catalogue) -> dict[str, list[Decimal]]:
    """What the pieces cost that a customer bought, by `family/currency`: one price for each line of an order that stands."""
    found: defaultdict[str, list[Decimal]] = defaultdict(list)
    for order in orders:
        if counts(order):
            for family, lines in goods.by_family(order.lines).items():
                for line in lines:
                    if line.unit_price and line.unit_price.amount > 0:
                        found[f"{family}/{line.unit_price.currency}"].append(line.unit_price.amount)
    return found


def tiers(orders: Iterable[Order], prices: Prices, goods: Catalogue) -> dict[str, Tier]:
    """The third in which a customer buys in each family of which the shop knows the prices: where the middle one of theirs lies;
    of several currencies that in which they bought most."""
    found: dict[str, tuple[int, Tier]] = {}
    for name, own in sorted(paid(orders, goods).items()):
        if name in prices:
            family = name.partition("/")[0]
            tier = TIERS[bisect_left(prices[name], sorted(own)[(len(own) - 1) // 2])]
            if len(own) > found.get(family, (0, tier))[0]:
                found[family] = (len(own), tier)
    return {family: tier for family, (_, tier) in found.items()}


def tier_of(families: Mapping[str, Tier]) -> Tier | None:
    """The third over all families, each counting once: their mean, to the nearest."""
    places = [TIERS.index(tier) for tier in families.values()]
    return TIERS[math.floor(sum(places) / len(places) + 0.5)] if places else None
