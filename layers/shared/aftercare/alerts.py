"""Who asked for a product, and who has bought it: on the customer's record, and in an index of each product.

The index is a partition for each product (`PRODUCT#<shop>:<product>`) whose items name customers by their random id and
nothing else; each runs out by itself. With it a wave finds its readers page by page; without it only a scan would.
"""

import re
from datetime import datetime

from aftercare import keys
from aftercare.clock import iso
from aftercare.customer import Customer, Order, OrderLine
from aftercare.model import Instant, Model
from aftercare.retention import ALERT, OWNED
from aftercare.table import Item, Put, Remove, Write

MOST_ALERTS = 20
"""So many wishes of a customer stand: the gate reads them before every message."""

MOST_PRODUCTS = 30
"""Of an order with more products, so many lead to its customer: an edit may take all away and bring others, and a transaction
has a hundred writes."""

_REF = re.compile(r"[A-Za-z0-9._=+/-]{1,128}")


class Alert(Model):
    """A customer's wish to hear when a product is there again. `product` is `<shop>:<reference>`."""

    product: str
    asked_at: Instant
    version: int = 0

    def stands(self, customer: Customer) -> bool:
        """Whether it still is one: the product was not bought since."""
        later = [order for order in customer.ordered_since(self.asked_at) if self.product.startswith(f"{order.shop}:")]
        ref = self.product.partition(":")[2]
        return not any(line.product_ref == ref and line.quantity for order in later for line in order.lines)


def product_key(shop: str, ref: str | None) -> str | None:
    """`<shop>:<reference>`, or None for a reference that cannot be part of a key."""
    return f"{shop}:{ref}" if ref and _REF.fullmatch(ref) else None


def products_of(order: Order | None) -> tuple[str, ...]:
    """The products that an order makes its customer's, in its order: goods that are still on it."""
    if order is None or order.is_test or order.deleted_at or order.cancelled_at:
        return ()
    found = (product_key(order.shop, line.product_ref) for line in order.lines if _is_goods(line))
    return tuple(dict.fromkeys(key for key in found if key))[:MOST_PRODUCTS]


def _is_goods(line: OrderLine) -> bool:
    return line.quantity > 0 and not line.gift_card


def owning(customer_id: str, before: Order | None, after: Order, now: datetime) -> list[Write]:
    """The writes that let the products of an order lead to its customer, and those taken off it no longer."""
    had, has = products_of(before), products_of(after)
    item: Item = {"customer_id": customer_id, "order": after.key, "expires_at": OWNED.ends(now)}
    added = [Put(keys.product_owner(product, customer_id, after.key), item) for product in has if product not in had]
    gone = [Remove(keys.product_owner(product, customer_id, after.key)) for product in had if product not in has]
    return [*added, *gone]


def asking(customer_id: str, alert: Alert) -> Put:
    """The write that lets a product lead to who asked for it."""
    item: Item = {
        "customer_id": customer_id,
        "asked_at": iso(alert.asked_at),
        "expires_at": ALERT.ends(alert.asked_at),
    }
    return Put(keys.product_asker(alert.product, customer_id), item)
