"""Whose record a fact belongs to: the platform's customer id, else the e-mail address. A phone joins nobody."""

from collections.abc import Mapping
from dataclasses import dataclass

from aftercare import identity, keys
from aftercare.facts import ConsentFact, CustomerFact, Fact, OrderFact
from aftercare.keys import Key
from aftercare.table import Item


@dataclass(frozen=True, slots=True)
class Names:
    """What a delivery's person and order are known by."""

    shop: str
    order_ref: str | None = None
    customer_ref: str | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def order_key(self) -> str | None:
        return f"{self.shop}:{self.order_ref}" if self.order_ref else None

    @property
    def shop_ref(self) -> str | None:
        return f"{self.shop}:{self.customer_ref}" if self.customer_ref else None


@dataclass(frozen=True, slots=True)
class Places:
    """Where the aliases of those names lie."""

    order: Key | None
    platform: Key | None
    email: Key | None

    def all(self) -> tuple[Key, ...]:
        return tuple(key for key in (self.order, self.platform, self.email) if key)


def names_of(shop: str, facts: tuple[Fact, ...]) -> Names:
    """The names that a delivery gives; an order's own contact before what its account says."""
    order_ref = customer_ref = email = phone = None
    for fact in facts:
        if isinstance(fact, OrderFact):
            order_ref = order_ref or fact.ref
            if fact.order:
                customer_ref = customer_ref or fact.order.customer_ref
                email, phone = email or fact.order.contact.email, phone or fact.order.contact.phone
        elif isinstance(fact, (CustomerFact, ConsentFact)):
            customer_ref = customer_ref or fact.customer_ref
            if order_ref is None:
                email, phone = email or fact.contact.email, phone or fact.contact.phone
    return Names(shop, order_ref, customer_ref, identity.email(email), phone)


def places(names: Names, identity_secret: str) -> Places:
    return Places(
        order=keys.order_alias(names.order_key) if names.order_key else None,
        platform=keys.platform_alias(names.shop, names.customer_ref) if names.customer_ref else None,
        email=keys.email_alias(identity.keyed_hash(identity_secret, names.email)) if names.email else None,
    )


@dataclass(frozen=True, slots=True)
class Whose:
    """The customer that the aliases name, if any, and whether they name more than one."""

    customer_id: str | None
    conflict: bool


def whose(known: Mapping[Key, Item], at: Places) -> Whose:
    """An order stays where it lies; else the platform's id counts before the address. Different answers join nobody."""
    named = [str(known[key]["customer_id"]) for key in at.all() if key in known and "customer_id" in known[key]]
    return Whose(named[0] if named else None, len(set(named)) > 1)
