"""What kind of buyer a customer is: what they bought, as sums on their record, against the quantiles of the store. Pure.

Recency, frequency and monetary value (RFM; Hughes, Strategic Database Marketing, 1994), each in fifths of the store's own
customers. A young store has the cuts that stand here until enough people have bought. Currencies are never added: the one that
puts somebody highest counts.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple, get_args

from aftercare.customer import Customer, Order, Profile
from aftercare.segment_words import Lifecycle, Value
from aftercare.table import Item


class Segments(NamedTuple):
    """`lifecycle` says how to speak with somebody, `value` what may be spent on them."""

    lifecycle: Lifecycle
    value: Value


NOBODY = Segments("other", "none")
BEGINS = Segments("first-time", "one-time")
"""What everyone is with a first order, unless it is a large one."""


class Bought(NamedTuple):
    """What a customer bought, over all shops: orders that stand and are no tests, and what they left with the shop.

    `days` is on how many different days, `first` and `last` are the outermost of them, in UTC.
    """

    orders: int = 0
    days: int = 0
    first: date | None = None
    last: date | None = None
    spent: Mapping[str, Decimal] = MappingProxyType({})

    @property
    def interval(self) -> float | None:
        """Mean days from one purchase to the next; None before the second."""
        if self.days < 2 or self.first is None or self.last is None:
            return None
        return (self.last - self.first).days / (self.days - 1)


class NextOrder(NamedTuple):
    """By which day a quarter, a half and three quarters of those like somebody have ordered again; None: so many may never."""

    p25: date | None
    p50: date | None
    p75: date | None


class Cuts(NamedTuple):
    """Where the fifths of a store's customers begin: the most days since the last order, the least orders and the least that was
    spent (by currency), four each, ascending. Who buys at longer intervals than `gap` days, or not since, is occasional."""

    recency: tuple[int, ...]
    orders: tuple[int, ...]
    spent: Mapping[str, tuple[Decimal, ...]]
    gap: int

    def to_json(self) -> str:
        return json.dumps({**self._asdict(), "spent": {c: [str(cut) for cut in cuts] for c, cuts in self.spent.items()}})


_EURO = tuple(map(Decimal, ("40", "80", "200", "600")))
_POUND = tuple(map(Decimal, ("35", "70", "170", "520")))
_DOLLAR = tuple(map(Decimal, ("45", "90", "220", "650")))
YOUNG = Cuts((30, 60, 120, 240), (2, 3, 4, 6), MappingProxyType({"EUR": _EURO, "CHF": _EURO, "GBP": _POUND, "USD": _DOLLAR}), 180)
"""Of a store that knows too few customers. What is spent in another currency says nothing there."""

BEST = 11
"""Of 15 points: who has them, and is in the top fifth by orders or by what they spent, is of high lifetime value."""

HIGH = 12
"""Of 15 points: who has them and came back is of high value."""


def cuts_from(item: Item | None) -> Cuts:
    """The cuts that a shop's knowledge holds; those of a young store where it holds none."""
    if item is None or "cuts" not in item:
        return YOUNG
    told = json.loads(str(item["cuts"]))
    spent = {currency: tuple(map(Decimal, cuts)) for currency, cuts in told["spent"].items()}
    return Cuts(tuple(told["recency"]), tuple(told["orders"]), spent, told["gap"])


def counts(order: Order | None) -> bool:
    """Whether an order says something of who buys: it was placed, stands, and is no test."""
    return order is not None and order.placed_at is not None and order.closed is None and not order.is_test


def _day(order: Order) -> date:
    return (order.placed_at or order.as_of).astimezone(UTC).date()


def _add(spent: dict[str, Decimal], order: Order, sign: int) -> None:
    """What an order left with the shop after what was given back."""
    if order.total is None:
        return
    currency = order.total.currency
    back = sum((r.amount.amount for r in order.refunds if r.amount and r.amount.currency == currency), Decimal())
    total = spent.get(currency, Decimal()) + sign * max(order.total.amount - back, Decimal())
    spent[currency] = max(total, Decimal())


def bought(orders: Iterable[Order]) -> Bought:
    """The sums of all orders of a customer."""
    standing = [order for order in orders if counts(order)]
    days = {_day(order) for order in standing}
    spent: dict[str, Decimal] = {}
    for order in standing:
        _add(spent, order, 1)
    return Bought(len(standing), len(days), min(days, default=None), max(days, default=None), spent)


def intervals(orders: Iterable[Order], since: datetime | None = None) -> list[float]:
    """Days from each purchase to the next, of those placed after `since`: what is older lies in the archive, with gaps."""
    standing = (o for o in orders if counts(o) and (since is None or (o.placed_at or o.as_of) > since))
    return [float((later - earlier).days) for earlier, later in pairwise(sorted({_day(order) for order in standing}))]


def moved(known: Bought, was: Order | None, now: Order, others: Iterable[Order]) -> Bought:
    """The sums after one order changed, where some of the others lie in the archive; `others` are those that do not.

    The newest order that stands is never archived, so `last` is exact. `first` stays where it was when the first order goes.
    """
    orders, days, spent = known.orders, known.days, dict(known.spent)
    beside = {_day(order) for order in others if counts(order)}
    for order, sign in ((was, -1), (now, 1)):
        if order is not None and counts(order):
            orders += sign
            days += sign * (_day(order) not in beside)
            _add(spent, order, sign)
    there = beside | ({_day(now)} if counts(now) else set())
    first = min((*there, *([known.first] if known.first else ())), default=None)
    gone = was is not None and counts(was) and _day(was) == known.last
    last = max((*there, *([known.last] if known.last and not gone else ())), default=known.last)
    return Bought(orders, days, first, last, spent) if orders > 0 else Bought()


def sort(known: Bought, cuts: Cuts, today: date) -> Segments:
    """What kind of buyer somebody with these sums is."""
    if not known.orders or known.last is None:
        return NOBODY
    since = (today - known.last).days
    recent = 5 - bisect_left(cuts.recency, since)
    often = 1 + bisect_right(cuts.orders, known.orders)
    much = max((1 + bisect_right(cuts.spent[c], amount) for c, amount in known.spent.items() if c in cuts.spent), default=1)
    points = recent + often + much
    again = known.orders > 1
    value: Value = "one-time" if not again else "high" if points >= HIGH else "mid"
    if points >= BEST and max(often, much) == 5:
        return Segments("high-clv", value)
    if not again:
        return Segments("first-time", value)
    return Segments("occasional" if max(known.interval or 0, since) > cuts.gap else "repeat", value)


# ---------------------------------------------------------------- on the record

NEXT = "next"
"""Under this name lie the days from the last order to the next, P25, P50 and P75."""


def noted(known: Bought, segments: Segments) -> dict[str, str]:
    """The sums and what they came to, as they lie on the profile: every read of the customer carries them."""
    if known.first is None or known.last is None:
        return {"is": "/".join(segments)} if segments != NOBODY else {}
    days = {"days": str(known.days)} if known.days != known.orders else {}
    ends = {"first": known.first.isoformat(), "last": known.last.isoformat()}
    return {"is": "/".join(segments), "orders": str(known.orders), **days, **ends} | {c: f"{a:f}" for c, a in known.spent.items()}


def noted_sums(profile: Profile) -> Bought | None:
    """The sums that lie on a profile; None where none were noted."""
    told = profile.bought
    if "orders" not in told:
        return None
    orders = int(told["orders"])
    spent = {name: Decimal(amount) for name, amount in told.items() if name.isupper()}
    days = int(told.get("days", orders))
    return Bought(orders, days, date.fromisoformat(told["first"]), date.fromisoformat(told["last"]), spent)


def noted_segments(profile: Profile) -> Segments:
    lifecycle, _, value = profile.bought.get("is", "").partition("/")
    if lifecycle in get_args(Lifecycle) and value in get_args(Value):
        return Segments(lifecycle, value)  # type: ignore[arg-type]
    return NOBODY


def bought_by(customer: Customer) -> Bought:
    """What a customer bought, as it was noted with the last change of an order; an older record is read order by order."""
    return noted_sums(customer.profile) or bought(customer.orders)


def segments_of(customer: Customer) -> Segments:
    """What kind of buyer a customer was with the last change of an order."""
    if customer.profile.bought:
        return noted_segments(customer.profile)
    known = bought(customer.orders)
    return sort(known, YOUNG, known.last) if known.last else NOBODY


def next_order_noted(profile: Profile) -> NextOrder | None:
    """When the next order was expected with the last one; None where that was not noted."""
    told = profile.bought
    if NEXT not in told or "last" not in told:
        return None
    last = date.fromisoformat(told["last"])
    p25, p50, p75 = (last + timedelta(days=int(days)) if days else None for days in told[NEXT].split("/"))
    return NextOrder(p25, p50, p75)


def after(
    profile: Profile, before: Order | None, now: Order, orders: Mapping[str, Order], buyers: Item | None, today: date
) -> dict[str, str]:
    """What is noted on a profile after an order of the customer's became `now`; `orders` are all that were read, with it.

    The days of the next order stand until another order comes or goes: they say what was expected with the last one, and do not
    move with what a shop learns later (`buyers`).
    """
    was = noted_sums(profile)
    if was is None or not profile.archived_until:
        known = bought(orders.values())
    else:
        known = moved(was, before, now, (order for key, order in orders.items() if key != now.key))
    note = noted(known, sort(known, cuts_from(buyers), today))
    if not known.orders:
        return note
    if was and was[:4] == known[:4] and NEXT in profile.bought:
        return note | {NEXT: profile.bought[NEXT]}
    from aftercare.lifetime import model_from, waits

    found = waits(model_from(buyers).orders, known, intervals(orders.values(), profile.archived_until))
    return note | {NEXT: "/".join(["" if days is None else str(round(days)) for days in found])}
