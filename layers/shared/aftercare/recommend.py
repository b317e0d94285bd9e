"""What goes with what somebody bought, by the store's catalogue, what they look at and buy, and what taps say of it. Pure."""

from collections.abc import Iterable
from datetime import datetime

from aftercare.behaviour import best_first, interest
from aftercare.catalogue import Catalogue
from aftercare.customer import Customer, Order
from aftercare.offer_taps import Pair, Taps, useful
from aftercare.taste import interests


def fitting(customer: Customer, orders: Iterable[Order], goods: Catalogue, now: datetime) -> tuple[Pair, ...]:
    """What goes with what was ordered and can be put into a basket, with its family, those first that they buy and look at most:
    never what they have or do not want."""
    bought = [line for order in orders for line in order.lines]
    own, unwanted = {line.sku for line in bought}, customer.wishes.unwanted(now)
    much = {one.family: one.much for one in interests(customer.orders, customer.behaviour, goods, now)}
    found: dict[str, Pair] = {}
    for family in sorted(goods.by_family(bought), key=lambda name: -much.get(name, 0.0)):
        for name in goods.family(family).cross_sells:
            skus = set(goods.add_ons[name].skus)
            if skus and name not in unwanted and not own & skus:
                found.setdefault(name, (family, name))
    return tuple(found.values())


def goes_with(customer: Customer, fits: Iterable[Pair], goods: Catalogue, now: datetime, taps: Taps) -> Pair | None:
    """Of what fits what they looked at before others, then of the first family what was of use to most. None: nothing fits."""
    pairs = tuple(fits)
    families = tuple(dict.fromkeys(family for family, _ in pairs))
    pairs = tuple(sorted(pairs, key=lambda pair: (families.index(pair[0]), -useful(taps.get(pair, (0.0, 0.0))))))
    by_name = {pair[1]: pair for pair in pairs}
    first = next(iter(best_first(by_name, interest(customer.behaviour, now), goods)), None)
    return by_name[first] if first else None
