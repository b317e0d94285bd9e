"""What is known of a delivery before it is decided: whose its names are, their record, and the facts that came too early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from pydantic import TypeAdapter

from aftercare import forgotten
from aftercare.customer import Customer
from aftercare.facts import AboutOrder, CaseFact, ShipmentFact
from aftercare.keys import Key
from aftercare.outside import Outside
from aftercare.store import CustomerErased, CustomerUnknown, load
from aftercare.table import Absent, Condition, Is, Item
from store_intake.received import Received
from store_intake.whose import Names, Places, Whose, names_of, places, whose

ROUNDS = 3
"""Reads until all is known that early facts name: they waited at one alias and may name others."""

Early = AboutOrder | ShipmentFact
"""What may come before that which it is about."""


@lru_cache(maxsize=1)
def early_facts() -> TypeAdapter[list[Early]]:
    """How early facts are written and read; pydantic builds it once, with the first that is needed."""
    return TypeAdapter(list[Early])


@dataclass(frozen=True, slots=True)
class Known:
    """All that was read before deciding. `aliases` are as they lie, `customer` is None where nobody is known yet; `buyers` is
    what the shop has learned of those who buy there.

    `erased` are those of the names that an erased person had, with when that was; `stale` leads to nobody any more.
    """

    aliases: Mapping[Key, Item]
    whose: Whose
    customer: Customer | None
    erased: Mapping[Key, datetime] = field(default_factory=dict)
    stale: Mapping[Key, Item] = field(default_factory=dict)
    buyers: Item | None = None

    def pending(self, place: Key | None) -> tuple[Early, ...]:
        """The facts that lie with an alias because they came before what they are about."""
        return _pending(self.aliases.get(place)) if place else ()

    def waiting(self, at: Places) -> tuple[Early, ...]:
        """All such facts at any of the aliases, each once."""
        return _waiting(self.aliases, at.all())

    def as_read(self, place: Key) -> Condition:
        """That an alias is as it was when it was read."""
        return as_read(self.aliases.get(place) or self.stale.get(place))


def _pending(there: Item | None) -> tuple[Early, ...]:
    return tuple(early_facts().validate_json(str(there["doc"]))) if there and "doc" in there else ()


def _waiting(aliases: Mapping[Key, Item], at: tuple[Key, ...]) -> tuple[Early, ...]:
    found: list[Early] = []
    for place in at:
        found += [fact for fact in _pending(aliases.get(place)) if fact not in found]
    return tuple(found)


def gathered(outside: Outside, received: Received, names: Names, at: Places, aliases: Mapping[Key, Item]) -> Known:
    """What lies under the names: the customer's record; and where nobody is known by a name yet, whether somebody was."""
    owner, stale = whose(aliases, at), dict[Key, Item]()
    erased: dict[Key, datetime] = {}
    try:
        customer = _record_of(outside, received, names, at, aliases, owner)
    except CustomerErased as gone:
        # An alias that was written while they were being erased: the second look of the erasure takes it away.
        stale = {key: item for key, item in aliases.items() if item.get("customer_id") == owner.customer_id}
        aliases = {key: item for key, item in aliases.items() if key not in stale}
        erased = dict.fromkeys(stale, gone.erased_at)
        owner, customer = whose(aliases, at), None
    if received.facts and (owner.customer_id is None or (at.email and at.email not in aliases)):
        erased |= forgotten.erased(outside.tables, suppression_secret(outside), at.named())
    return Known(aliases, owner, customer, erased, stale)


def suppression_secret(outside: Outside) -> str:
    """The key of the hashes that erased names leave behind (aftercare.forgotten)."""
    return outside.secrets.text(outside.settings.need("suppression_secret"))


def _record_of(
    outside: Outside, received: Received, names: Names, at: Places, known: Mapping[Key, Item], owner: Whose
) -> Customer | None:
    """The customer's record with what the delivery is about: what no alias leads to is new, and lies nowhere yet.

    CustomerErased.
    """
    if owner.customer_id is None:
        return None
    led = {place: item for place, item in known.items() if item.get("customer_id") == owner.customer_id}
    orders = [key for key, place in zip(names.order_keys, at.orders, strict=True) if place in led]
    shipments = [key for key, place in zip(names.shipment_keys, at.shipments, strict=True) if place in led]
    for place in at.parcels:
        shipments += shipments_at(led.get(place))
    cases = [f"{names.shop}:{fact.ref}" for fact in received.facts if isinstance(fact, CaseFact)]
    try:
        return load(outside.tables, owner.customer_id, *orders, shipments=shipments, cases=cases)
    except CustomerErased:
        raise
    except CustomerUnknown:
        return None


def shipments_at(alias: Item | None) -> list[str]:
    """The shipments that hold the number of a parcel's alias."""
    return str(alias["shipments"]).split(",") if alias and alias.get("shipments") else []


def with_early(
    outside: Outside, received: Received, known: dict[Key, Item], names: Names, at: Places, secret: str
) -> tuple[Names, Places]:
    """What early facts name is looked up too (one more call, only when there are any that name something new)."""
    for _ in range(ROUNDS):
        early = _waiting(known, at.all())
        if not early:
            break
        names = names_of(received.shop, received.facts, early)
        more = places(names, secret)
        new = [place for place in more.all() if place not in at.all()]
        at = more
        if not new:
            break
        known |= outside.tables.read(new)
    return names, at


def as_read(item: Item | None) -> Absent | Is:
    """That an alias is as it was when it was read: with the same facts waiting, leading to the same customer, or not there."""
    for attribute in ("doc", "customer_id"):
        if item is not None and attribute in item:
            return Is(attribute, item[attribute])
    return Absent()
