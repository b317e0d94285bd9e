"""When a subscription renews, what its customer is told before, and what they had from it. Pure.

One wait is open for each subscription; its key names the day of the renewal. Whatever changes that day (a renewal, another word
of the store) sets another, and a wait that wakes all the same decides again from the record and ends.
"""

from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.places import zone_of
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.reorders import Reorders, Subscription
from reorder_reminder.reminding import Plan, Wait

if TYPE_CHECKING:
    from aftercare.rare_events import SubscriptionStateData
    from aftercare.reorder_policy import Lead

TEMPLATE = "renewal-reminder"
AT = time(9)
"""The hour of the customer's day at which it is told."""

TOO_NEAR = timedelta(days=1)
"""So near a renewal nothing can be changed any more before it."""

SAID_OF = timedelta(days=365)
"""What they had from it is told of as far back as this."""

EPOCH = date(1970, 1, 1)
MOST = 100_000
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.44, "Y": 365.25}


class Because(StrEnum):
    """Why a renewal is not spoken of."""

    UNKNOWN = "no-subscription"
    OLDER_NEWS = "older-news"
    NOT_ACTIVE = "not-active"
    NO_DAY = "no-day-known"
    NOT_WANTED = "no-lead"
    TOO_LATE = "too-late"
    MOVED = "moved"
    ORDER_UNKNOWN = "order-unknown"


class Expected(NamedTuple):
    """When it renews, and whether the store named the day or it follows from the period."""

    at: datetime
    told: bool


class Rules(NamedTuple):
    """What decisions go by: the store's time zone, its lead, and how long a period lasts of which nobody knows more."""

    timezone: str
    lead: "Lead"
    usual_days: int


def orders_of(customer: Customer, key: str, kept: Reorders) -> tuple[Order, ...]:
    """The orders of a subscription, oldest first, with the one that it came from. A renewal that names no subscription is that of
    a customer's only one in the shop."""
    known = kept.subscriptions[key]
    shop = key.rpartition(":")[0]
    alone = sum(name.rpartition(":")[0] == shop for name in kept.subscriptions) == 1
    found = [
        order
        for order in customer.orders
        if order.placed_at
        and not order.is_test
        and (
            order.subscription == key
            or order.key == known.order
            or (alone and order.is_renewal and order.subscription is None and order.shop == shop)
        )
    ]
    return tuple(sorted(found, key=lambda order: (order.placed_at or order.as_of, order.key)))


def zone_for(orders: Iterable[Order], customer: Customer, rules: Rules) -> ZoneInfo:
    last = next((order for order in reversed(tuple(orders)) if order.country), None)
    if last is None:
        return zone_of(customer.profile.country, rules.timezone)
    return zone_of(last.country, rules.timezone, last.region, last.postcode)


def nth(anchor: datetime, every: str, n: int) -> datetime:
    """So many periods after an instant by the calendar of its zone, at the same time of day: a month that lacks the day has its
    last one, and the next that has it has it again."""
    unit, count = every[-1], int(every[1:-1]) * n
    if unit in "DW":
        return anchor + timedelta(days=count * (7 if unit == "W" else 1))
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + count * (12 if unit == "Y" else 1), 12)
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1]))


def period(known: Subscription, bought: list[datetime], rules: Rules) -> str:
    """Its period: as the store says, else as its last two orders lie apart, else what is usual."""
    if known.every:
        return known.every
    apart = (bought[-1] - bought[-2]) / timedelta(days=1) if len(bought) > 1 else float(rules.usual_days)
    return f"P{min(max(round(apart), 1), 999)}D"


def days_in(every: str) -> float:
    return int(every[1:-1]) * _DAYS[every[-1]]


def expected(known: Subscription, orders: tuple[Order, ...], zone: ZoneInfo, rules: Rules, now: datetime) -> Expected | None:
    """The next renewal after now: the day that the store named, unless it has renewed since; else so many periods after the first
    order, more than half a period after the last."""
    bought = [order.placed_at for order in orders if order.placed_at]
    every = period(known, bought, rules)
    half = timedelta(days=days_in(every) / 2)
    last = bought[-1] if bought else None
    early = min(half, timedelta(days=3))
    renewed = known.next_at is not None and last is not None and last > max(known.next_at - early, known.as_of)
    if known.next_at and known.next_at > now and not renewed:
        return Expected(known.next_at, told=True)
    anchor = known.next_at or (bought[0] if bought and known.every else last)
    if anchor is None:
        return None
    floor, start = max(now, (last or anchor) + half), anchor.astimezone(zone)
    n = max(int((floor - anchor) / timedelta(days=1) / days_in(every)) - 1, 1)
    while nth(start, every, n).astimezone(UTC) <= floor:
        n += 1
    return Expected(nth(start, every, n).astimezone(UTC), told=False)


def key_of(key: str, at: datetime, zone: ZoneInfo) -> str:
    return f"{TEMPLATE}#{key}:{at.astimezone(zone):%Y-%m-%d}"


# ---------------------------------------------------------------- what the store says


def told(kept: Reorders, said: "SubscriptionStateData", at: datetime) -> Reorders | Nothing:
    """The record after the store's word; what it leaves out stays as it was told before. Older news says nothing."""
    before = kept.subscriptions.get(said.subscription)
    if before is not None and at < before.as_of:
        return Nothing(Because.OLDER_NEWS)
    after = Subscription(
        as_of=at,
        status=said.status,
        order=said.order or (before.order if before else None),
        every=said.every or (before.every if before else None),
        next_at=said.next_at or (before.next_at if before else None),
        single_price=said.single_price or (before.single_price if before else None),
        wait=before.wait if before else None,
    )
    return kept.with_subscription(said.subscription, after)


def planned(customer: Customer, kept: Reorders, key: str, rules: Rules, now: datetime) -> Plan:
    """The wait for the next renewal, in place of the one before where its day is another. The same wait is named again: it may
    not have been started."""
    known = kept.subscriptions.get(key)
    if known is None:
        return Plan(kept, decision=Nothing(Because.UNKNOWN))
    orders = orders_of(customer, key, kept)
    zone, every = zone_for(orders, customer, rules), period(known, [o.placed_at for o in orders if o.placed_at], rules)
    lead = rules.lead.of(days_in(every))
    found = expected(known, orders, zone, rules, now) if known.status == "active" and lead else None
    if found is None:
        because = Because.NOT_ACTIVE if known.status != "active" else Because.NO_DAY if lead else Because.NOT_WANTED
        return _without(kept, key, known, because)
    if found.at - now < TOO_NEAR:
        return _without(kept, key, known, Because.TOO_LATE)
    day = found.at.astimezone(zone).date() - timedelta(days=lead)
    due = max(now, datetime.combine(day, AT, zone).astimezone(UTC))
    named = key_of(key, found.at, zone)
    if known.wait and known.wait.startswith(f"{named}:"):
        return Plan(kept, waits=(_wait(known.wait, key, due),))
    # A name of its own: an execution that was stopped takes its name with it.
    wait = _wait(f"{named}:{known.as_of:%Y%m%d%H%M%S}", key, due)
    after = kept.with_subscription(key, known.model_copy(update={"wait": wait.key}))
    return Plan(after, waits=(wait,), stops=(known.wait,) if known.wait else ())


def _wait(named: str, key: str, at: datetime) -> Wait:
    return Wait(named, "", "", at, key)


def _without(kept: Reorders, key: str, known: Subscription, because: Because) -> Plan:
    after = kept.with_subscription(key, known.model_copy(update={"wait": None})) if known.wait else kept
    return Plan(after, stops=(known.wait,) if known.wait else (), decision=Nothing(because))


# ---------------------------------------------------------------- the end of a wait


def woken(customer: Customer, kept: Reorders, wait: Wait, rules: Rules, now: datetime, correlation_id: str) -> Plan:
    """At most one notice, of the day that is expected now; of another day than the wait was for, another wait."""
    key = wait.subscription
    known = kept.subscriptions.get(key)
    if known is None or known.status != "active":
        return Plan(kept, decision=Nothing(Because.NOT_ACTIVE if known else Because.UNKNOWN))
    orders = orders_of(customer, key, kept)
    zone = zone_for(orders, customer, rules)
    found = expected(known, orders, zone, rules, now)
    if found is None or not wait.key.startswith(f"{key_of(key, found.at, zone)}:"):
        return planned(customer, kept, key, rules, now)._replace(decision=Nothing(Because.MOVED))
    standing = [order for order in orders if order.closed is None]
    if not standing:
        return Plan(kept, decision=Nothing(Because.ORDER_UNKNOWN))
    if found.at - now < TOO_NEAR / 2:
        return Plan(kept, decision=Nothing(Because.TOO_LATE))
    return Plan(kept, decision=_notice(customer, key, known, standing, found, zone, now, correlation_id))


def _notice(
    customer: Customer,
    key: str,
    known: Subscription,
    standing: list[Order],
    found: Expected,
    zone: ZoneInfo,
    now: datetime,
    correlation_id: str,
) -> Proposal:
    had, kind = what_was_got(customer, known, standing, now, zone)
    blocks = [Block(kind="renewal", variant="told" if found.told else "expected")]
    if had:
        # What speaks for staying needs the ground of reminders; the notice itself does not.
        blocks.append(Block(kind="got", variant=kind, purpose=Purpose.REORDER))
    return Proposal(
        key=key_of(key, found.at, zone),
        customer_id=customer.id,
        purpose=Purpose.SERVICE,
        template=TEMPLATE,
        references={"order": standing[-1].key},
        blocks=tuple(blocks),
        numbers={"renews": _number(found.at, zone), **had},
        unless=(Unless.ORDER_UNKNOWN,),
        not_after=found.at,
        proposed_at=now,
        caused_by="wake",
        correlation_id=correlation_id,
    )


def _number(at: datetime, zone: ZoneInfo) -> int:
    """A day by the customer's calendar, counted from 1970."""
    return (at.astimezone(zone).date() - EPOCH).days


def what_was_got(
    customer: Customer, known: Subscription, standing: list[Order], now: datetime, zone: ZoneInfo
) -> tuple[dict[str, int], str]:
    """What is on record of the last year: deliveries that arrived, what was saved, and milestones. Nothing stands for what nobody
    knows."""
    lately = [order for order in standing if order.placed_at and order.placed_at > now - SAID_OF]
    if not lately:
        return {}, "plain"
    since = lately[0].placed_at or lately[0].as_of
    had: dict[str, int] = {}
    arrived = sum(customer.delivered_at(order.key) is not None for order in lately)
    if arrived:
        had["deliveries"] = arrived
    saved, kind = _saved(known, lately)
    if 0 < saved < MOST:
        had |= {"saved": int(saved), "saved-hundredths": int(saved * 100) % 100}
    names, skus = {order.key for order in lately}, {line.sku for order in lately for line in order.lines if line.sku}
    heard = customer.feedback.heard if customer.feedback else ()
    reached = {
        one.ref
        for one in heard
        if one.kind == "milestone" and one.at >= since and (one.order in names or (one.order is None and one.sku in skus))
    }
    if reached:
        had["milestones"] = len(reached)
    return ({"since": _number(since, zone), **had} if had else {}), kind if "saved" in had else "plain"


def _saved(known: Subscription, lately: list[Order]) -> tuple[Decimal, str]:
    """What the orders cost less than single ones, where the store says what these cost; else what was taken off renewals. In the
    currency of the newest; the first order's discount may have been a welcome."""
    paid = [price for order in lately if (price := _goods(order)) is not None]
    currency = next((order.total.currency for order in reversed(lately) if order.total), None)
    single = known.single_price
    if single is not None:
        if len(paid) < len(lately) or single.currency != currency or any(found != currency for _, found in paid):
            return Decimal(0), "plain"
        return sum((max(single.amount - amount, Decimal(0)) for amount, _ in paid), Decimal(0)), "single"
    off = [
        c.amount for order in lately if order.is_renewal or order.subscription for c in order.discounts if c.kind == "discount"
    ]
    if any(amount.currency != currency for amount in off):
        return Decimal(0), "plain"
    return sum((amount.amount for amount in off), Decimal(0)), "off"


def _goods(order: Order) -> tuple[Decimal, str] | None:
    """What the goods of an order cost; None where a price is unknown or currencies are mixed."""
    prices = [(line.unit_price, line.quantity) for line in order.lines if line.quantity]
    known = [(price.amount * count, price.currency) for price, count in prices if price]
    if not known or len(known) < len(prices) or len({currency for _, currency in known}) > 1:
        return None
    return sum((amount for amount, _ in known), Decimal(0)), known[0][1]
