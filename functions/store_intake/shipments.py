"""A customer's shipments after a delivery: written, told, and found again by their parcels' numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from aftercare import events, keys
from aftercare.customer import Customer, Order, Profile
from aftercare.facts import ShipmentFact
from aftercare.keys import Key
from aftercare.store import versioned
from aftercare.table import Check, Is, Item, Lacks, Put
from store_intake.draft import Draft
from store_intake.known import Known, shipments_at
from store_intake.whose import numbers_of, parcel_places

if TYPE_CHECKING:
    from aftercare.shipment import Shipment

AT_ONE_NUMBER = 20
"""So many shipments that hold one parcel's number are remembered with it, the latest."""


def joined_shipments(
    shop: str, customer: Customer | None, orders: frozenset[str], facts: list[ShipmentFact]
) -> tuple[dict[str, Shipment], list[ShipmentFact]]:
    """The customer's shipments after the facts that belong to them, and those facts.

    What a shop tells comes first, because it says which parcels there are. A carrier's word goes to every shipment that holds
    the number: a parcel may carry goods of several.
    """
    shipments = {s.key: s for s in (customer.shipments if customer else ())}
    joined: list[ShipmentFact] = []
    if facts:  # a fact about an order needs no shape of a parcel
        from store_intake.parcels import shipment_after
    for fact in facts:
        key = f"{shop}:{fact.ref}"
        if fact.ref is not None and shop and (key in shipments or any(f"{shop}:{ref}" in orders for ref in fact.orders)):
            shipments[key] = shipment_after(shipments.get(key), shop, fact)
            joined.append(fact)
    for fact in facts:
        if fact.ref is None:
            holding = _holding(shipments.values(), fact)
            for key in holding:
                shipments[key] = shipment_after(shipments[key], shipments[key].shop, fact)
            joined += [fact] if holding else []
    return shipments, joined


def write_shipments(
    draft: Draft, customer: Customer | None, orders: Mapping[str, Order], shipments: Mapping[str, Shipment]
) -> None:
    """Write what changed, tell what is new, and tell of orders that are now delivered."""
    before = {s.key: s for s in (customer.shipments if customer else ())}
    changed = [s for key, s in sorted(shipments.items()) if s != before.get(key)]
    if changed:
        from store_intake.parcels import shipment_news
    for after in changed:
        was = before.get(after.key)
        order = next((key for key in after.order_keys if key in orders), after.order_keys[0] if after.order_keys else "")
        ids = {"customer_id": draft.customer_id, "order": order, "shipment": after.key}
        found = shipment_news(was, after)
        for one in found:
            if one.status is None:
                draft.tell(one.type, one.occurred_at, events.ShipmentData(**ids))
        if after.stands and after.shipped_at and not (was and was.stands and was.shipped_at):
            for key in (k for k in after.order_keys if k in orders):
                draft.tell("OrderShipped", after.shipped_at, events.ShipmentData(**{**ids, "order": key}))
        # After that it left: one delivery may tell both, and its customer should not hear of the van first.
        for one in found:
            if one.status is not None:
                draft.tell(one.type, one.occurred_at, events.ParcelData(**ids, parcel=one.parcel, status=one.status))
        version = was.version if was else 0
        doc = after.model_copy(update={"version": version + 1}).to_json()
        place = customer.shipment_place(after.key) if customer else keys.shipment(draft.customer_id, after.key)
        draft.writes.append(versioned(place, doc, version))
    _deliveries(draft, customer, orders, shipments, {s.key for s in changed})


def _deliveries(
    draft: Draft, customer: Customer | None, orders: Mapping[str, Order], shipments: Mapping[str, Shipment], written: set[str]
) -> None:
    """OrderDelivered when the last parcel of an order's shipments arrived.

    Two parcels of one order may arrive at the same instant, each seeing the other under way: the transaction therefore checks
    the records of the order and of its other shipments, and the one that comes second looks again.
    """
    if customer is None:
        customer = Customer(id=draft.customer_id, profile=Profile(first_seen=draft.received.received_at))
    after = Customer(id=customer.id, profile=customer.profile, orders=tuple(orders.values()), shipments=tuple(shipments.values()))
    checked: set[str] = set()
    for key, order in sorted(orders.items()):
        was = customer.order(key)
        edited = was is not None and was.lines != order.lines
        own = [s for s in shipments.values() if key in s.order_keys]
        if not own or not (edited or any(_weighs(customer, s) for s in own if s.key in written)):
            continue
        at = after.delivered_at(key)
        if at is not None and customer.delivered_at(key) is None:
            draft.tell("OrderDelivered", at, events.OrderData(customer_id=draft.customer_id, order=key))
        if was is not None and was == order:
            draft.writes.append(Check(customer.order_place(key), Is("version", order.version)))
        for shipment in own:
            if shipment.key not in written and shipment.key not in checked:
                checked.add(shipment.key)
                draft.writes.append(Check(customer.shipment_place(shipment.key), Is("version", shipment.version)))


def _weighs(customer: Customer, shipment: Shipment) -> bool:
    """Whether the change of this shipment may make an order delivered, or no longer."""
    was = next((s for s in customer.shipments if s.key == shipment.key), None)
    now = (shipment.stands, shipment.delivered_at is not None, shipment.lines)
    return now != ((was.stands, was.delivered_at is not None, was.lines) if was else (False, False, ()))


def lead_to_shipments(
    draft: Draft, shop: str, joined: list[ShipmentFact], shipments: Mapping[str, Shipment], known: Known
) -> None:
    """Shipments and parcel numbers lead to this customer from now on; a number that leads elsewhere stays where it is.

    With a number lie the shipments that hold it, by which a scan finds them in the archive. Where other facts still wait at a
    number (a short one, of another carrier) it goes on waiting for theirs.
    """
    at: dict[Key, dict[str, None]] = {}
    for fact in joined:
        own = [f"{shop}:{fact.ref}"] if fact.ref is not None else _holding(shipments.values(), fact)
        if fact.ref is not None:
            at.setdefault(keys.shipment_alias(own[0]), {})
        for number, carrier in numbers_of(fact):
            named = parcel_places(number, carrier) if fact.ref is not None else (keys.parcel(number),)
            for place in named:
                at.setdefault(place, {}).update(dict.fromkeys(own))
    for place, own_keys in at.items():
        there = known.aliases.get(place)
        listed = shipments_at(there)
        item: Item = {"customer_id": draft.customer_id}
        if own_keys:
            item["shipments"] = ",".join(dict.fromkeys([*listed, *own_keys][-AT_ONE_NUMBER:]))
        if there is not None and "customer_id" in there:
            if there["customer_id"] != draft.customer_id:
                draft.metrics.append("ParcelOfAnother")
            elif not own_keys.keys() <= set(listed):
                as_read = Is("shipments", there["shipments"]) if "shipments" in there else Lacks("shipments")
                draft.writes.append(Put(place, item, when=as_read))
        elif all(fact in joined for fact in known.pending(place)):
            draft.writes.append(Put(place, item, when=known.as_read(place)))


def _holding(shipments: Iterable[Shipment], fact: ShipmentFact) -> list[str]:
    """The shipments that a carrier's fact is about."""
    from store_intake.parcels import belongs

    return [shipment.key for shipment in shipments if any(belongs(shipment, told) for told in fact.parcels)]
