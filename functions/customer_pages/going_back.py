"""What of an order may still come back, until when and for what; and the returns that there are. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from aftercare.brand import Brand, ReturnTerms
from aftercare.catalogue import Catalogue
from aftercare.customer import Customer, Order, OrderLine, Return, ReturnOutcome, ReturnReason, ReturnState
from aftercare.money import Money
from aftercare.one_line import plain
from aftercare.places import zone_of
from aftercare.returns import one_each

May = Literal["open", "not_yet", "late", "nothing", "never", "digital", "closed"]
"""Whether something may be sent back now: if not, why not."""

STATES = ("requested", "approved", "received", "settled")
"""The way of a return that comes to its good end."""

_PLAIN = re.compile(r"[A-Za-z0-9._=+/-]{1,128}")
"""A line's reference that an event may carry; a line of another name is returned through support."""


@dataclass(frozen=True, slots=True)
class Piece:
    """So many of a line."""

    title: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Item:
    """A line that goods may come back of: `left` of it, until `until` (None: it has not arrived yet), or too late."""

    line_ref: str
    title: str
    variant: str | None
    left: int
    days: int
    until: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A state of a return: whether it is reached or passed, and when, where that is known."""

    word: str
    done: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ReturnView:
    """A return with all its states; `code` where a shop reads its reference."""

    ref: str
    state: str
    steps: tuple[Step, ...]
    pieces: tuple[Piece, ...]
    wish: ReturnOutcome | None
    outcome: ReturnOutcome | None
    amount: Money | None
    code: bool


@dataclass(frozen=True, slots=True)
class Returns:
    """The terms that hold for the whole order, what may come back of it, and what was asked for."""

    may: May
    days: int
    fee: Money | None
    counted_from: Literal["delivery", "order"]
    until: datetime | None
    outcomes: tuple[ReturnOutcome, ...]
    in_store: bool
    page: str
    items: tuple[Item, ...]
    asked: tuple[ReturnView, ...]


def returns_of(customer: Customer, order: Order, brand: Brand, catalogue: Catalogue, now: datetime) -> Returns:
    country = order.country or customer.profile.country
    goods = [line for line in order.lines if line.quantity and not line.gift_card]
    digital = bool(goods) and not any(line.requires_shipping for line in goods)
    items = items_of(customer, order, brand, catalogue, now)
    terms = terms_for(goods, brand, catalogue, country)
    ends = [item.until for item in items if item.until and not item.late]
    last = order.placed_at if digital else arrived_at(customer, order)
    until = min(ends, default=_end(last, terms.days, _zone(customer, order, brand)) if last and terms.days else None)
    return Returns(
        may=may_return(customer, order, items, terms, digital),
        days=terms.days,
        fee=terms.fee,
        counted_from="order" if digital else "delivery",
        until=until,
        outcomes=brand.returns.outcomes,
        in_store=country in brand.returns.in_store,
        page=brand.returns.page,
        items=items,
        asked=tuple(_shown(one, order, country in brand.returns.in_store) for one in _newest_first(one_each(order.returns))),
    )


def terms_for(lines: Iterable[OrderLine], brand: Brand, catalogue: Catalogue, country: str | None) -> ReturnTerms:
    """Until when these lines may come back together, and what it costs."""
    return brand.returns.terms(country, catalogue.by_family(lines))


def terms_of(chosen: Iterable[str], order: Order, brand: Brand, catalogue: Catalogue, country: str | None) -> ReturnTerms:
    """The terms of the lines of these references."""
    refs = set(chosen)
    return terms_for([line for line in order.lines if line.line_ref in refs], brand, catalogue, country)


def arrived_at(customer: Customer, order: Order) -> datetime | None:
    """When the last of it arrived: as carriers say, else as silence was taken for it; None while it is on its way."""
    delivered = customer.delivered_at(order.key)
    if delivered:
        return delivered
    shipments = customer.shipments_of(order.key)
    there = [at for s in shipments if (at := s.delivered_at or s.assumed_at)]
    return max(there) if there and len(there) == len(shipments) else None


def _zone(customer: Customer, order: Order, brand: Brand) -> ZoneInfo:
    if order.country is None:
        return zone_of(customer.profile.country, brand.timezone)
    return zone_of(order.country, brand.timezone, order.region, order.postcode)


def _end(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The end of the last day, where the customer is: a window of days is not cut off at the hour of the delivery."""
    last = (start.astimezone(zone) + timedelta(days=days)).date()
    return datetime.combine(last, time(23, 59, 59), zone)


def items_of(customer: Customer, order: Order, brand: Brand, catalogue: Catalogue, now: datetime) -> tuple[Item, ...]:
    """Every line of goods of which something is left that no return has."""
    gone = taken(one_each(order.returns))
    arrived, zone = arrived_at(customer, order), _zone(customer, order, brand)
    found = []
    for line in order.lines:
        left = line.quantity - gone.get(line.line_ref, 0)
        if left < 1 or line.gift_card or not line.requires_shipping or not _PLAIN.fullmatch(line.line_ref):
            continue
        days = terms_for([line], brand, catalogue, order.country or customer.profile.country).days
        until = _end(arrived, days, zone) if arrived and days else None
        late = days == 0 or (until is not None and until < now)
        variant = plain(line.variant, 60) if line.variant else None
        found.append(Item(line.line_ref, plain(line.title), variant, left, days, until, late))
    return tuple(found)


def taken(returns: Iterable[Return]) -> dict[str, int]:
    """How many of each line go back already."""
    found: dict[str, int] = {}
    for one in returns:
        if one.is_over:
            continue
        for ref, quantity in one.lines.items():
            found[ref] = found.get(ref, 0) + quantity
    return found


def may_return(customer: Customer, order: Order, items: tuple[Item, ...], terms: ReturnTerms, digital: bool) -> May:
    if order.closed:
        return "closed"
    if digital:
        return "digital"
    if any(not item.late for item in items):
        on_its_way = (
            any(s.shipped_at for s in customer.shipments_of(order.key)) or order.completed_at or order.ready_for_pickup_at
        )
        return "open" if on_its_way or arrived_at(customer, order) else "not_yet"
    if any(item.days for item in items):
        return "late"
    return "never" if items or not terms.days else "nothing"


def _newest_first(returns: Iterable[Return]) -> list[Return]:
    return sorted(returns, key=lambda one: (one.began_at, one.ref), reverse=True)


def _steps(one: Return) -> tuple[Step, ...]:
    """The whole way while it goes on; of one that is over only how far it came."""
    states: tuple[str, ...] = get_args(ReturnState)
    way = [word for word in states if getattr(one, f"{word}_at")] if one.is_over else STATES
    return tuple(Step(word, states.index(word) <= states.index(one.state), getattr(one, f"{word}_at")) for word in way)


def _shown(one: Return, order: Order, in_store: bool) -> ReturnView:
    titles = {line.line_ref: plain(line.title) for line in order.lines}
    return ReturnView(
        ref=one.ref,
        state=one.state,
        steps=_steps(one),
        pieces=tuple(Piece(titles[ref], quantity) for ref, quantity in one.lines.items() if ref in titles),
        wish=one.wish,
        outcome=one.outcome,
        amount=one.amount,
        code=in_store and one.state in ("requested", "approved"),
    )


# ---------------------------------------------------------------- a request


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a customer chose on the page: how many of which lines, what for, and why, with their own words."""

    lines: Mapping[str, int]
    reason: ReturnReason
    wish: ReturnOutcome | None
    text: str = ""


def against(wanted: Wanted, returns: Returns) -> str | None:
    """Why it cannot be asked for, as a word; None when it can."""
    items = {item.line_ref: item for item in returns.items}
    if returns.may in ("closed", "not_yet", "digital"):
        return returns.may
    if not wanted.lines:
        return "nothing_chosen"
    if wanted.wish is None:
        return "no_wish"
    if any(ref not in items or quantity > items[ref].left for ref, quantity in wanted.lines.items()):
        return "gone_already"
    if any(items[ref].late for ref in wanted.lines):
        return "late"
    return None
