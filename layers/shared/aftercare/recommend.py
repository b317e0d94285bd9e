"""What goes with what somebody bought, by the store's catalogue and what they looked at. Pure."""

from collections.abc import Iterable
from datetime import datetime

from aftercare.behaviour import best_first, interest
from aftercare.catalogue import Catalogue
from aftercare.customer import Customer, Order
from aftercare.taste import interests


def goes_with(customer: Customer, orders: Iterable[Order], goods: Catalogue, now: datetime) -> str | None:
    """The add-on that goes with what was ordered and can be put into a basket, one that they looked at before others, then of the
    family that they buy and look at most, and never what they have; None where there is none."""
    bought = [line for order in orders for line in order.lines]
    own = {line.sku for line in bought}
    much = {one.family: one.much for one in interests(customer.orders, customer.behaviour, goods, now)}
    offered = [
        name
        for family in sorted(goods.by_family(bought), key=lambda name: -much.get(name, 0.0))
        for name in goods.family(family).cross_sells
        if goods.add_ons[name].skus and not own & set(goods.add_ons[name].skus)
    ]
    return next(iter(best_first(offered, interest(customer.behaviour, now), goods)), None)
