"""What goes with what somebody bought, by the store's catalogue and what they looked at. Pure."""

from collections.abc import Iterable
from datetime import datetime

from aftercare.behaviour import best_first, interest
from aftercare.catalogue import Catalogue
from aftercare.customer import Customer, Order


def goes_with(customer: Customer, orders: Iterable[Order], goods: Catalogue, now: datetime) -> str | None:
    """The add-on that goes with what was ordered and can be put into a basket, one that they looked at before others, and never
    what they have; None where there is none."""
    bought = [line for order in orders for line in order.lines]
    own = {line.sku for line in bought}
    offered = [
        name
        for family in goods.by_family(bought)
        for name in goods.family(family).cross_sells
        if goods.add_ons[name].skus and not own & set(goods.add_ons[name].skus)
    ]
    return next(iter(best_first(offered, interest(customer.behaviour, now), goods)), None)
