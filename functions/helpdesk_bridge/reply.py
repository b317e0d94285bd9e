"""What might be answered to somebody who wrote: how their latest order stands, in their language. A person decides on it.

It says no more than the account page does, and reads nothing out of what was written.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from aftercare.brand import brand
from aftercare.content import plain
from aftercare.customer import Customer, Order
from aftercare.language import language, pick
from aftercare.places import zone_of

HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def words() -> Mapping[str, Mapping[str, str]]:
    """The replies by language."""
    return {path.name.split(".")[1]: plain.data(path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("words.*.yaml"))}


def suggestion(customer: Customer | None) -> str:
    """The reply for a customer, or for nobody known."""
    kept = brand()
    order = latest(customer) if customer else None
    if customer is None or order is None:
        told = (customer.profile.locale, customer.profile.country) if customer else (None, None)
        return pick(words(), kept.locale_for(told[1], told[0]), kept.default_locale)["unknown"]
    country = order.country or customer.profile.country
    locale = kept.locale_for(country, order.locale, customer.profile.locale)
    key, link = how_it_stands(customer, order)
    arrived = customer.delivered_at(order.key)
    day = language(locale).day(arrived, zone_of(country, kept.timezone)) if arrived else ""
    return pick(words(), locale, kept.default_locale)[key].format(order=order.name, link=link or "", day=day)


def latest(customer: Customer) -> Order | None:
    """The newest order, cancelled ones too: that may be what somebody writes about."""
    real = [order for order in customer.orders if order.placed_at and not order.is_test and not order.deleted_at]
    return max(real, key=lambda order: (order.placed_at or order.as_of, order.key), default=None)


def how_it_stands(customer: Customer, order: Order) -> tuple[str, str | None]:
    """Which reply, and where the parcel can be followed."""
    if order.closed:
        return ("refunded" if order.closed == "refunded" else "cancelled"), None
    if customer.delivered_at(order.key):
        return "delivered", None
    shipments = [shipment for shipment in customer.shipments_of(order.key) if shipment.shipped_at]
    if not shipments:
        return "preparing", None
    links = [parcel.url for shipment in shipments for parcel in shipment.current if parcel.url]
    late = any(shipment.at_risk_since or shipment.late for shipment in shipments)
    key = "late" if late else "on_its_way"
    return (key, links[0]) if links else (f"{key}_unseen", None)
