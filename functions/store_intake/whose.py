"""Whose record a fact belongs to: the platform's customer id, else the e-mail address. A phone joins nobody.

What has been recorded leads back: an order, a shipment, a subscription and a parcel's number stay with the customer whose
they are. A carrier's word about a number is never a reason to know a new person.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aftercare import identity, keys
from aftercare.carriers import carrier, parcel_number
from aftercare.facts import (
    ConsentFact,
    CustomerFact,
    Fact,
    OfSomebody,
    OrderFact,
    ShipmentFact,
    SubscriptionFact,
)
from aftercare.keys import Key
from aftercare.table import Item


@dataclass(frozen=True, slots=True)
class Names:
    """What a delivery's person, order, shipment and parcels are known by. `numbers` are normalised, each with its carrier."""

    shop: str
    order_ref: str | None = None
    customer_ref: str | None = None
    email: str | None = None
    phone: str | None = None
    order_refs: tuple[str, ...] = ()
    shipment_refs: tuple[str, ...] = ()
    subscription_refs: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str | None], ...] = ()

    def key_of(self, ref: str | None) -> str | None:
        """`<shop>:<reference>`, where both are known: a carrier that is not bound to a shop names no order."""
        return f"{self.shop}:{ref}" if self.shop and ref else None

    @property
    def order_key(self) -> str | None:
        return self.key_of(self.order_ref)

    @property
    def order_keys(self) -> tuple[str, ...]:
        return tuple(key for ref in self.order_refs if (key := self.key_of(ref)))

    @property
    def shipment_keys(self) -> tuple[str, ...]:
        return tuple(key for ref in self.shipment_refs if (key := self.key_of(ref)))

    @property
    def shop_ref(self) -> str | None:
        return self.key_of(self.customer_ref)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the aliases of those names lie. `order` is the first of `orders`, `phone` the number's keyed hash: it names nobody,
    but who writes from it must be found."""

    order: Key | None = None
    platform: Key | None = None
    email: Key | None = None
    orders: tuple[Key, ...] = ()
    shipments: tuple[Key, ...] = ()
    subscriptions: tuple[Key, ...] = ()
    parcels: tuple[Key, ...] = ()
    phone: str | None = None

    def all(self) -> tuple[Key, ...]:
        return (*self.people(), *self.parcels)

    def named(self) -> tuple[Key, ...]:
        """All names, the number's included."""
        return (*self.all(), keys.phone_owner(self.phone, "")) if self.phone else self.all()

    def accounts(self) -> tuple[Key, ...]:
        """Those that name the person, and nothing that they bought."""
        return tuple(key for key in (self.platform, self.email) if key)

    def people(self) -> tuple[Key, ...]:
        """Those that name a person, in the order in which they are believed."""
        return (*self.orders, *self.shipments, *self.subscriptions, *self.accounts())


def names_of(shop: str, facts: tuple[Fact, ...], waiting: Iterable[Fact] = ()) -> Names:
    """The names that a delivery gives; an order's own contact before what its account says. `waiting` are facts that came
    before and are joined now: of them only shipments, parcels and subscriptions count."""
    customer_ref = email = phone = None
    orders: list[str] = []
    shipments: list[str] = []
    subscriptions: list[str] = []
    numbers: list[tuple[str, str | None]] = []
    for fact in facts:
        if isinstance(fact, OrderFact):
            orders.append(fact.ref)
            if fact.order:
                customer_ref = customer_ref or fact.order.customer_ref
                email, phone = email or fact.order.contact.email, phone or fact.order.contact.phone
        elif isinstance(fact, ShipmentFact):
            orders += fact.orders
        elif isinstance(fact, CustomerFact | ConsentFact | OfSomebody):
            customer_ref = customer_ref or fact.customer_ref
            if not orders:
                email, phone = email or fact.contact.email, phone or fact.contact.phone
            orders += [fact.order_ref] if isinstance(fact, OfSomebody) and fact.order_ref else []
        elif order_ref := getattr(fact, "order_ref", None):
            orders.append(order_ref)
        if isinstance(fact, SubscriptionFact):
            customer_ref = customer_ref or fact.customer_ref
        if isinstance(fact, CustomerFact):
            orders += fact.orders  # those that a wish about a person's data names
    for fact in (*facts, *waiting):
        if isinstance(fact, ShipmentFact):
            numbers += numbers_of(fact)
            shipments += [fact.ref] if fact.ref else []
        elif isinstance(fact, SubscriptionFact):
            subscriptions.append(fact.ref)
    return Names(
        shop,
        orders[0] if orders else None,
        customer_ref,
        identity.email(email),
        phone,
        tuple(dict.fromkeys(orders)),
        tuple(dict.fromkeys(shipments)),
        tuple(dict.fromkeys(subscriptions)),
        tuple(dict.fromkeys(numbers)),
    )


def numbers_of(fact: ShipmentFact) -> tuple[tuple[str, str | None], ...]:
    """All parcel numbers that a fact tells, normalised, each with its carrier's one name."""
    told = []
    for parcel in fact.parcels:
        for text in (parcel.number, *parcel.other_numbers):
            number = parcel_number(text)
            if number:
                told.append((number, carrier(parcel.carrier)))
    return tuple(dict.fromkeys(told))


def places(names: Names, identity_secret: str) -> Places:
    orders = tuple(map(keys.order_alias, names.order_keys))
    parcels = (key for number, carrier in names.numbers for key in parcel_places(number, carrier))
    return Places(
        order=orders[0] if orders else None,
        platform=keys.platform_alias(names.shop, names.customer_ref) if names.shop and names.customer_ref else None,
        email=keys.email_alias(identity.keyed_hash(identity_secret, names.email)) if names.email else None,
        orders=orders,
        shipments=tuple(map(keys.shipment_alias, names.shipment_keys)),
        subscriptions=tuple(keys.subscription_alias(key) for ref in names.subscription_refs if (key := names.key_of(ref))),
        parcels=tuple(dict.fromkeys(parcels)),
        phone=identity.keyed_hash(identity_secret, names.phone) if names.phone else None,
    )


def parcel_places(number: str, carrier: str | None) -> tuple[Key, ...]:
    """Where a parcel's alias may lie: with its carrier first, then by the bare number."""
    return (keys.parcel(number, carrier), keys.parcel(number)) if carrier else (keys.parcel(number),)


@dataclass(frozen=True, slots=True)
class Whose:
    """The customer that the aliases name, if any, and whether they name more than one."""

    customer_id: str | None
    conflict: bool


def whose(known: Mapping[Key, Item], at: Places) -> Whose:
    """An order stays where it lies; else the platform's id counts before the address. Different answers join nobody.

    A parcel's number leads to a person only where nothing else does.
    """
    named = [str(known[key]["customer_id"]) for key in at.people() if key in known and "customer_id" in known[key]]
    if not named:
        by_parcel = [str(known[key]["customer_id"]) for key in at.parcels if key in known and "customer_id" in known[key]]
        return Whose(by_parcel[0] if by_parcel else None, len(set(by_parcel)) > 1)
    return Whose(named[0], len(set(named)) > 1)
