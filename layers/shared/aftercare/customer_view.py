"""One customer as the store may see them at once: who they are to it, what to expect of them, what they like. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from aftercare import keys
from aftercare.catalogue import Catalogue
from aftercare.customer import Customer
from aftercare.keys import Key
from aftercare.lifetime import model_from
from aftercare.prospects import HALF_A_YEAR, YEAR, Prospects, next_order_of, prospects_of, shop_of
from aftercare.segments import Bought, NextOrder, Segments, bought_by, segments_of
from aftercare.table import Item
from aftercare.taste import Interest, Tier, interests, prices_from, tier_of, tiers


class CustomerView(NamedTuple):
    """`id` is the one name of a customer in all shops and on all channels; `shop` is whose parameters speak of them, None where
    no order stands. `noted` is when the next order was expected with the last one, the day that waits hang on."""

    id: str
    shop: str | None
    segments: Segments
    bought: Bought
    prospects: Prospects | None
    noted: NextOrder | None
    interests: tuple[Interest, ...]
    price_tier: Tier | None
    price_tiers: Mapping[str, Tier]


def learned_at(customer: Customer) -> tuple[Key, ...]:
    """Where lies what the shop has learned of its customers: to be read for customer_view()."""
    shop = shop_of(customer)
    return (keys.buyers(shop), keys.prices(shop)) if shop else ()


def customer_view(
    customer: Customer,
    learned: Mapping[Key, Item],
    goods: Catalogue,
    now: datetime,
    days: int = YEAR,
    churn_days: int = HALF_A_YEAR,
) -> CustomerView:
    shop = shop_of(customer)
    model = model_from(learned.get(keys.buyers(shop)) if shop else None)
    own = tiers(customer.orders, prices_from(learned.get(keys.prices(shop)) if shop else None), goods)
    return CustomerView(
        id=customer.id,
        shop=shop,
        segments=segments_of(customer),
        bought=bought_by(customer),
        prospects=prospects_of(customer, model, now.date(), days, churn_days),
        noted=next_order_of(customer),
        interests=interests(customer.orders, customer.behaviour, goods, now),
        price_tier=tier_of(own),
        price_tiers=own,
    )
