"""What of an order may be reviewed still. Pure; who asks for a review and the gate look at the same.

What somebody said of an order is no part of it: whoever has what was ordered may review it, praise and blame alike (16 CFR 465).
"""

from typing import Literal

from aftercare.customer import Customer, Order, OrderLine
from aftercare.feedback import WENT_WRONG, said
from aftercare.returns import one_each

Against = Literal["cancelled", "refunded", "returned", "lost", "reviewed"]
"""Why nothing of an order may be."""


def reviewable(customer: Customer, order: Order) -> tuple[OrderLine, ...] | Against:
    """The lines that the customer has and has not reviewed, or why there are none. A part of the price that was given back takes
    nothing away: the order stands."""
    if order.closed:
        return "refunded" if order.closed == "refunded" else "cancelled"
    if any(shipment.status in WENT_WRONG for shipment in customer.shipments_of(order.key)):
        return "lost"
    kept = _kept(order)
    if not kept:
        return "returned"
    return tuple(line for line in kept if not _reviewed(customer, order, line)) or "reviewed"


def _kept(order: Order) -> tuple[OrderLine, ...]:
    """The lines of which a piece stays with the customer; a return that does not say what it is of is of all."""
    back: dict[str, int] = {}
    for one in one_each(order.returns):
        if one.is_over:
            continue
        if not one.lines:
            return ()
        for ref, count in one.lines.items():
            back[ref] = back.get(ref, 0) + count
    return tuple(line for line in order.lines if not line.gift_card and line.quantity > back.get(line.line_ref, 0))


def _reviewed(customer: Customer, order: Order, line: OrderLine) -> bool:
    """A review of the product, of whichever order; or of this order, without a word of which of its products."""
    reviews = (one for one in said(customer).heard if one.kind == "review")
    return any(one.sku == line.sku if one.sku else one.order == order.key for one in reviews)
