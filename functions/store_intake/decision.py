"""What becomes of a delivery: recorded, kept until what it is about is known, parked, a wish with a clock, or forgotten. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from aftercare import keys
from aftercare.consent import Says, Weight
from aftercare.facts import ConsentFact, CustomerFact, Fact, OfSomebody, OrderFact, ShipmentFact, SubscriptionFact
from aftercare.keys import Key
from aftercare.retention import EARLY
from aftercare.table import Item, Put
from store_intake.draft import Plan, delivery_of, journaled
from store_intake.evidence import tells_leave
from store_intake.known import Early, Known, as_read, early_facts
from store_intake.received import Received
from store_intake.transaction import about_order, recorded
from store_intake.whose import Names, Places, parcel_places

PENDING = 50
"""So many facts wait for their order's description, or for the shipment that a parcel's number belongs to."""

_PUBLISHED = ("ProductRestocked", "AnnouncementPublished")
"""Facts about products and nobody."""

_ASKED = {"CustomerErasureRequested": "erasure", "CustomerExportRequested": "export", "ShopErasureRequested": "shop-erasure"}


def decide(received: Received, names: Names, at: Places, known: Known, new_id: str, secret: str, owners: bool = True) -> Plan:
    """The writes of one delivery. Pure: what is known, the facts, a fresh customer id and the aliases' key come in; `owners`
    says whether an order's products are to lead to its customer."""
    if received.reason:
        return Plan(journaled(received, (), secret), metrics=("DeliveryParked",))
    if received.facts and received.facts[0].type in _PUBLISHED:
        from store_intake.products import published

        told, writes = published(received)
        return Plan((*journaled(received, told, secret), *writes), metrics=("PublicationRecorded",))
    if any(isinstance(f, ShipmentFact) and f.ref is None and f.is_test for f in received.facts):
        return Plan(journaled(received, (), secret), metrics=("TestEvent",))
    asked = next((f for f in received.facts if f.type in _ASKED), None)
    if asked is not None:
        return _asked_for(received, asked, names, at, known)
    erased_at = of_an_erased_person(received.facts, at, known.erased) if known.customer is None else None
    if erased_at is not None:
        return _forget(received, at, known, erased_at)
    about = tuple(f for f in received.facts if about_order(f))
    if about and names.order_key is None:
        return Plan(journaled(received, (), secret), metrics=("FactWithoutOrder",))
    if about and not _describable(about, names, known):
        return _wait(received, about, at.orders[:1], known, secret, "FactWaitsForOrder", "FactWithoutOrder")
    moved = tuple(f for f in received.facts if isinstance(f, ShipmentFact))
    if known.customer is None and not _worth_a_record(received.facts):
        if moved:
            return _wait_for_the_shipment(received, moved, names, at, known, secret)
        early = tuple(f for f in received.facts if isinstance(f, SubscriptionFact) and f.order_ref)
        if early and at.orders:
            return _wait(received, early, at.orders[:1], known, secret, "FactWaitsForOrder", "FactWithoutOrder")
        return Plan(journaled(received, (), secret), metrics=("FactWithoutCustomer",) if _personal(received.facts) else ())
    plan = recorded(received, names, at, known, known.whose.customer_id or new_id, secret, owners)
    return plan or _wait_for_the_shipment(received, moved, names, at, known, secret)


# ---------------------------------------------------------------- people who were erased, and wishes to be


def of_an_erased_person(facts: Iterable[Fact], at: Places, erased: Mapping[Key, datetime]) -> datetime | None:
    """When the person was erased of whom these facts speak, if they bring nothing that the person did since then; else None.

    A name of an order, a shipment, a subscription or (where a carrier speaks) a parcel that an erased person had is theirs for
    good. Who orders or consents anew after the erasure is a new customer.
    """
    things = (*at.orders, *at.shipments, *at.subscriptions) or at.parcels
    theirs = [erased[key] for key in things if key in erased]
    if theirs:
        return max(theirs)
    people = [erased[key] for key in at.accounts() if key in erased]
    if not people or any(_since(fact, max(people)) for fact in facts):
        return None
    return max(people)


def _since(fact: Fact, erased_at: datetime) -> bool:
    """Whether the fact is something that a person did for the first time after an instant: ordered, consented, or asked for a
    product."""
    if fact.type == "RestockRequested":
        return fact.occurred_at > erased_at
    if isinstance(fact, OrderFact):
        return fact.order is not None and fact.order.placed_at > erased_at
    if isinstance(fact, ConsentFact) and fact.weight is Weight.EXPLICIT:
        return any(one.says is Says.GIVEN and (one.said_at or fact.occurred_at) > erased_at for one in fact.said)
    return False


def _forget(received: Received, at: Places, known: Known, erased_at: datetime) -> Plan:
    """That it came, and nothing of what it said. Its order is from now on as little heard of as those that were known."""
    bare = replace(received, facts=(), note=None)
    forgets = dict.fromkeys((key for key in (*at.orders, *at.shipments) if key not in known.erased), erased_at)
    return Plan((delivery_of(bare, ()).put(),), metrics=("FactOfErased",), forgets=forgets)


def _asked_for(received: Received, fact: Fact, names: Names, at: Places, known: Known) -> Plan:
    """A wish with a legal clock, open until it is answered, and told to who answers it. It is about everyone whom its names
    lead to: the platform's id, the address and the orders may lead to different people."""
    from aftercare import requests  # few deliveries bring one

    there = (known.aliases.get(key, {}).get("customer_id") for key in at.people())
    opened = requests.opened(
        requests.Asked(_ASKED[str(fact.type)]),
        received.correlation_id,
        received.sender,
        received.platform,
        received.received_at,
        tuple(dict.fromkeys(str(customer_id) for customer_id in there if customer_id)),
        shop=received.shop or None,
        email=names.email,
        phone=names.phone,
    )
    delivery = delivery_of(received, (requests.told(opened),))
    return Plan((delivery.put(), requests.put(opened)), next(iter(opened.customer_ids), None), ("PrivacyRequest",))


# ---------------------------------------------------------------- what waits, and what makes a record


def _personal(facts: tuple[Fact, ...]) -> bool:
    return any(isinstance(f, OrderFact | CustomerFact | ConsentFact | OfSomebody | SubscriptionFact) for f in facts)


def _describable(facts: tuple[Fact, ...], names: Names, known: Known) -> bool:
    there = known.customer is not None and names.order_key is not None and known.customer.order(names.order_key) is not None
    return there or any(isinstance(fact, OrderFact) and fact.order is not None for fact in facts)


def _worth_a_record(facts: tuple[Fact, ...]) -> bool:
    """Whether a person that nobody knows yet gets a record: an order, or an account that can be known again and reached.

    Consent that says nothing makes none.
    """
    for fact in facts:
        if isinstance(fact, OrderFact):
            return True
        if isinstance(fact, ConsentFact) and not (fact.said or tells_leave(fact)):
            continue
        if isinstance(fact, (CustomerFact, ConsentFact)) and (fact.contact.email or (fact.customer_ref and fact.contact.phone)):
            return True
    return False


def _wait_for_the_shipment(
    received: Received, facts: tuple[ShipmentFact, ...], names: Names, at: Places, known: Known, secret: str
) -> Plan:
    """A shop's word waits with the orders that it names, else with the shipment; a carrier's with the parcel's numbers."""
    if at.shipments:
        return _wait(received, facts, at.orders or at.shipments, known, secret, "FactWaitsForOrder", "FactWithoutOrder")
    free = []
    for number, carrier in names.numbers:
        options = (keys.parcel(number), *parcel_places(number, carrier))
        free += [next((p for p in options if "customer_id" not in known.aliases.get(p, {})), options[0])]
    return _wait(received, facts, tuple(dict.fromkeys(free)), known, secret, "ScanWaitsForShipment", "ScanWithoutShipment")


def _wait(
    received: Received, facts: tuple[Fact, ...], at: tuple[Key, ...], known: Known, secret: str, waits: str, otherwise: str
) -> Plan:
    """Early facts lie with the alias of what they are about until that is described (or the time is over)."""
    puts = []
    for place in at:
        there = known.aliases.get(place)
        if there is not None and "customer_id" in there:
            continue
        pending: list[Fact] = list(known.pending(place))
        waiting = [*pending, *(fact for fact in facts if fact not in pending)]
        if len(waiting) > PENDING:
            reason = f"more than {PENDING} facts wait for what nobody has described"
            return Plan(journaled(replace(received, facts=(), reason=reason), (), secret), metrics=("DeliveryParked",))
        item: Item = {
            "doc": early_facts().dump_json([f for f in waiting if isinstance(f, Early)], exclude_none=True).decode(),
            "expires_at": EARLY.ends(received.received_at),
        }
        puts.append(Put(place, item, when=as_read(there)))
    return Plan((*journaled(received, (), secret), *puts), metrics=(waits if puts else otherwise,))
