"""What goes with what somebody bought, by the store's catalogue, what they looked at and what taps say of it. Pure."""

from collections.abc import Iterable
from datetime import datetime

from aftercare.behaviour import best_first, interest
from aftercare.catalogue import Catalogue
from aftercare.customer import Customer, Order
from aftercare.offer_taps import Pair, Taps, useful
from aftercare.taste import interests


def fitting(customer: Customer, orders: Iterable[Order], goods: Catalogue, now: datetime) -> tuple[Pair, ...]:
    """What goes with what was ordered and can be put into a basket, with its family, that which they buy and look at most first:
    never what they have or do not want."""
    bought = [line for order in orders for line in order.lines]
    own, unwanted = {line.sku for line in bought}, customer.wishes.unwanted(now)
    much = {one.family: one.much for one in interests(customer.orders, customer.behaviour, goods, now)}
    found: dict[str, Pair] = {}
    for family in sorted(goods.by_family(bought), key=lambda name: -much.get(name, 0.0)):
        for name in goods.family(family).cross_sells:
            if goods.add_ons[name].skus and name not in unwanted and not own & set(goods.add_ons[name].skus):
                found.setdefault(name, (family, name))
    return tuple(found.values())


def goes_with(customer: Customer, fits: Iterable[Pair], goods: Catalogue, now: datetime, taps: Taps) -> Pair | None:
    """Of what fits what they looked at before others, then what was of use to most; None where nothing fits."""
    by_name = {pair[1]: pair for pair in sorted(fits, key=lambda pair: -useful(taps.get(pair, (0.0, 0.0))))}
    best = next(iter(best_first(by_name, interest(customer.behaviour, now), goods)), None)
    return by_name[best] if best else None
