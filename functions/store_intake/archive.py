"""What of a customer's orders moves to the archive, so that one Query over what is hot stays small. Pure.

The gate reads all that is hot before every message (at most 16 KB). Orders, shipments and cases leave it when they no longer
fit, those first of which the least is still to be said: closed orders, then the oldest of which nothing is on its way. What
a rule of the gate looks at without naming it stays longest: an order that felt good or bad, a parcel at risk, and the newest
orders, which say whose law and hours count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aftercare import keys
from aftercare.customer import Customer, Order
from aftercare.model import EARLIEST
from aftercare.store import HOT_CASES
from aftercare.table import Absent, Is, Item, Put, Remove, Write

if TYPE_CHECKING:
    from aftercare.cases import Case
    from aftercare.shipment import Shipment

ROOM = 5_000
"""Bytes that orders and shipments may have together; the rest is for consent, wishes, caps, cases and what is held."""

AT_ONCE = 40
"""Records that move in one transaction, two writes each; what is still too much moves with the next one."""

SPEAKS_FOR = timedelta(days=30)
"""So long an order's cue and a parcel at risk keep their records hot, if there is room: as long as the gate's spacing and
silence look at them (content/frequency.yaml)."""


class Moved(NamedTuple):
    """What moves."""

    orders: tuple[Order, ...] = ()
    shipments: tuple[Shipment, ...] = ()

    @property
    def until(self) -> datetime | None:
        """When the newest of the orders was placed."""
        return max((_placed(order) for order in self.orders), default=None)


class _Unit(NamedTuple):
    """What moves together, and how long it stays: what goes first sorts first."""

    worth: tuple[bool, bool, bool, datetime, str]
    order: Order | None
    shipments: tuple[Shipment, ...]


def moving(
    orders: Collection[Order], shipments: Collection[Shipment], stays: Collection[str], now: datetime, most: int = AT_ONCE
) -> Moved:
    """What of the hot orders and shipments moves, for the rest to fit.

    `stays` are the sort keys of what must stay where it is, `most` is how many records may move.
    """
    sizes = {place_of(order): len(order.to_json().encode()) for order in orders}
    sizes |= {place_of(shipment): len(shipment.to_json().encode()) for shipment in shipments}
    too_much = sum(sizes.values()) - ROOM
    if too_much <= 0:
        return Moved()
    stays = {*stays, *(keys.ORDER + order.key for order in _newest(orders))}
    going: dict[str, Order] = {}
    along: dict[str, Shipment] = {}
    hot = {order.key for order in orders}
    for unit in sorted(_units(orders, shipments, now), key=lambda one: one.worth):
        left = hot - going.keys() - ({unit.order.key} if unit.order else set())
        free = [s for s in unit.shipments if left.isdisjoint(s.order_keys)]
        records = [*([unit.order] if unit.order else ()), *free]
        if too_much <= 0 or len(going) + len(along) + len(records) > most:
            break
        if any(place_of(record) in stays for record in (*records, *unit.shipments)):
            continue
        going |= {unit.order.key: unit.order} if unit.order else {}
        along |= {shipment.key: shipment for shipment in free}
        too_much -= sum(sizes[place_of(record)] for record in records)
    return Moved(tuple(going.values()), tuple(along.values()))


def _units(orders: Collection[Order], shipments: Collection[Shipment], now: datetime) -> Iterable[_Unit]:
    """Each order with its shipments; a shipment of which no order is hot stands alone."""
    hot = {order.key for order in orders}
    for order in orders:
        own = tuple(s for s in shipments if order.key in s.order_keys)
        felt = order.cue_at is not None and order.cue_at + SPEAKS_FOR > now
        matters = felt or any(_at_risk(shipment, now) for shipment in own)
        yield _Unit((matters, order.closed is None, any(map(_under_way, own)), _placed(order), order.key), order, own)
    for shipment in shipments:
        if hot.isdisjoint(shipment.order_keys):
            since = shipment.shipped_at or shipment.as_of
            yield _Unit((_at_risk(shipment, now), True, _under_way(shipment), since, shipment.key), None, (shipment,))


def _newest(orders: Collection[Order]) -> Iterable[Order]:
    """The newest order, the newest that stands, and the newest of which it is known where it went."""
    by_age = sorted(orders, key=lambda order: (_placed(order), order.key))
    standing = [order for order in by_age if not order.cancelled_at and not order.is_test]
    for found in (by_age, standing, [order for order in by_age if order.country]):
        yield from found[-1:]


def _placed(order: Order) -> datetime:
    return order.placed_at or order.as_of


def _under_way(shipment: Shipment) -> bool:
    return bool(shipment.stands and shipment.shipped_at) and not (shipment.delivered_at or shipment.assumed_at)


def _at_risk(shipment: Shipment, now: datetime) -> bool:
    return shipment.at_risk_since is not None and shipment.at_risk_since + SPEAKS_FOR > now


def place_of(record: Order | Shipment) -> str:
    """The sort key of a hot record."""
    return (keys.ORDER if isinstance(record, Order) else keys.SHIPMENT) + record.key


def moves(customer: Customer, moved: Moved, shipments: Collection[Shipment]) -> list[Write]:
    """The writes that move them. An order keeps the keys of its `shipments`: whoever reads it there finds them by these."""
    writes: list[Write] = []
    for order in moved.orders:
        listed = tuple(sorted({*order.shipment_keys, *(s.key for s in shipments if order.key in s.order_keys)}))
        after = order.model_copy(update={"shipment_keys": listed, "version": order.version + 1})
        closed = {"closed": order.closed} if order.closed else {}
        there = keys.order(customer.id, order.key, archived=True)
        writes.append(Put(there, {"doc": after.to_json(), "version": after.version, **closed}, when=Absent()))
        writes.append(Remove(customer.order_place(order.key), when=Is("version", order.version)))
    for shipment in moved.shipments:
        item: Item = {"doc": shipment.to_json(), "version": shipment.version}
        writes.append(Put(keys.shipment(customer.id, shipment.key, archived=True), item, when=Absent()))
        writes.append(Remove(customer.shipment_place(shipment.key), when=Is("version", shipment.version)))
    return writes


def surplus(cases: Collection[Case], stays: Collection[str]) -> tuple[Case, ...]:
    """The hot cases that are too many, but for those that must stay: first what was closed first, then what was opened first."""

    def worth(case: Case) -> tuple[bool, datetime, str]:
        return case.open, (case.opened_at if case.open else case.closed_at) or EARLIEST, case.ref

    free = sorted((case for case in cases if case.ref not in stays), key=worth)
    return tuple(free[: max(0, len(cases) - HOT_CASES)])
