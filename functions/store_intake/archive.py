"""What of a customer's orders moves to the archive, so that one Query over what is hot stays small. Pure.

The gate reads all that is hot before every message (at most 16 KB). Orders and their shipments leave it when they no longer
fit, those first of which the least is still to be said: closed ones, then the oldest of which nothing is on its way.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from aftercare.customer import Order
from aftercare.shipment import Shipment

ROOM = 9_000
"""Bytes that orders and shipments may have together; the rest is for consent, wishes, caps, cases and what is held."""

AT_ONCE = 40
"""Records that move in one transaction, two writes each; what is still too much moves with the next order."""


class Moved(NamedTuple):
    """What moves, and when the newest of the orders was placed."""

    orders: tuple[Order, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    until: datetime | None = None


def moving(orders: Collection[Order], shipments: Collection[Shipment], stays: Collection[str]) -> Moved:
    """What of the hot orders and shipments moves, for the rest to fit. `stays` are the keys that this transaction writes."""
    sizes = {order.key: len(order.to_json()) for order in orders} | {s.key: len(s.to_json()) for s in shipments}
    too_much = sum(sizes.values()) - ROOM
    if too_much <= 0:
        return Moved()
    of = {order.key: [s for s in shipments if order.key in s.order_keys] for order in orders}
    going: dict[str, Order] = {}
    along: dict[str, Shipment] = {}
    for order in sorted(orders, key=lambda one: _worth(one, of[one.key])):
        if too_much <= 0 or len(going) + len(along) + len(of[order.key]) >= AT_ONCE:
            break
        if order.key in stays or any(s.key in stays for s in of[order.key]):
            continue
        going[order.key] = order
        free = {s.key: s for s in of[order.key] if all(key in going or key not in of for key in s.order_keys)}
        along |= free
        too_much -= sizes[order.key] + sum(sizes[key] for key in free)
    placed = [order.placed_at or order.as_of for order in going.values()]
    return Moved(tuple(going.values()), tuple(along.values()), max(placed, default=None))


def _worth(order: Order, shipments: Collection[Shipment]) -> tuple[bool, bool, datetime, str]:
    """How long an order stays: what goes first sorts first."""
    under_way = any(s.stands and s.shipped_at and not s.delivered_at for s in shipments)
    return order.closed is None, under_way, order.placed_at or order.as_of, order.key
