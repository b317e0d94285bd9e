"""Facts into one transaction: the record after them, what is told of it, and what moves to the archive. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aftercare import events, keys
from aftercare.consent import ConsentRecord
from aftercare.customer import Customer, Order, Profile
from aftercare.facts import (
    AboutOrder,
    Fact,
    OfSomebody,
    OrderFact,
    ReturnFact,
    ShipmentFact,
    StockFact,
    SubscriptionFact,
)
from aftercare.returns import return_data
from aftercare.store import versioned
from aftercare.table import TRANSACTION_WRITES
from store_intake.archive import AT_ONCE, moves, moving, place_of
from store_intake.draft import Draft, Plan, journaled
from store_intake.evidence import refused, write_consent
from store_intake.known import Known
from store_intake.person import country_told, lead_to_customer, new_profile, with_purchases, write_numbers, write_profile
from store_intake.received import Received
from store_intake.record import News, description, news, order_after
from store_intake.shipments import joined_shipments, lead_to_shipments, write_shipments
from store_intake.whose import Names, Places

if TYPE_CHECKING:
    from aftercare.shipment import Shipment

BESIDE = 20
"""Writes of a transaction that are kept free of what moves to the archive: for the delivery, its requests and the profile."""


def about_order(fact: Fact) -> bool:
    """Whether it is kept on an order's record; what a subscription's other facts say is kept nowhere or with its alias."""
    return isinstance(fact, (OrderFact, ReturnFact, StockFact)) or (
        isinstance(fact, SubscriptionFact) and fact.type == "SubscriptionRenewed"
    )


def recorded(
    received: Received, names: Names, at: Places, known: Known, customer_id: str, secret: str, owners: bool
) -> Plan | None:
    """Everything in one transaction; None when a shipment's fact has nothing on this record that it belongs to."""
    draft = Draft(customer_id, received)
    customer = known.customer
    early = known.waiting(at)
    facts: list[Fact] = list(received.facts)
    about = [f for f in (*facts, *early) if isinstance(f, AboutOrder) and _is_about(f, names)]
    everything = [*facts, *(f for f in about if f not in facts)]
    orders = {order.key: order for order in (customer.orders if customer else ())}
    before = customer.order(names.order_key) if customer and names.order_key else None
    if about and names.order_key:
        after = _order(draft, before, about)
        if after is not None:
            orders[after.key] = after
            if owners:
                from aftercare.alerts import owning

                draft.writes += owning(customer_id, before, after, received.received_at)
    moves = [f for f in (*facts, *early) if isinstance(f, ShipmentFact)]
    shipments, joined = joined_shipments(received.shop, customer, frozenset(orders), moves)
    if any(isinstance(f, ShipmentFact) and f not in joined for f in facts):
        return None
    orders = _listing(customer, orders, shipments)
    _write_orders(draft, customer, orders)
    write_shipments(draft, customer, orders, shipments)
    profile = new_profile(draft, customer.profile if customer else None, everything, names)
    country = next((told for fact in everything if (told := country_told(fact))), customer.profile.country if customer else None)
    before_all = customer.consent if customer else ConsentRecord()
    write_consent(draft, before_all, everything, at, country, refused(at, known), secret)
    if any(isinstance(fact, OfSomebody) for fact in facts):
        from store_intake import heard

        heard.write_cases(draft, customer, facts, names)
        heard.write_said(draft, facts, names)
    _alerts(draft, customer, facts)
    _told_only(draft, [*(early if about else ()), *facts], names)
    if not all(isinstance(fact, OfSomebody) for fact in facts):
        lead_to_customer(draft, at, known, with_order=bool(about))
        write_numbers(draft, customer, profile, orders.values(), secret)
        lead_to_shipments(draft, received.shop, joined, shipments, known)
    if profile is not None and names.order_key in orders and orders[names.order_key] != before:
        profile = with_purchases(draft, profile, before, orders[names.order_key], orders, known.buyers)
    if customer is not None and profile is not None:
        profile = _archive(draft, customer, profile, orders, shipments)
    write_profile(draft, customer.profile if customer else None, profile)
    if known.whose.conflict:
        draft.metrics.append("IdentityConflict")
    head = journaled(received, tuple(draft.outbox), secret, customer_id)
    return Plan((*head, *draft.writes), customer_id, tuple(draft.metrics))


def _is_about(fact: AboutOrder, names: Names) -> bool:
    """Whether it is kept on the record of the order that this delivery is about."""
    ref = fact.ref if isinstance(fact, OrderFact) else fact.order_ref
    return about_order(fact) and names.order_ref == ref


def _order(draft: Draft, before: Order | None, facts: list[AboutOrder]) -> Order | None:
    """The order after the facts about it; what is new is told."""
    received = draft.received
    after = before
    for fact in sorted(facts, key=lambda f: not (isinstance(f, OrderFact) and f.order is not None)):
        after = order_after(after, received.shop, received.platform, fact)
    if after is None:
        return None
    for one in news(before, after, facts):
        draft.tell(one.type, one.occurred_at, _order_data(draft.customer_id, after, one))
    if before is None or description(before) != description(after):
        draft.metrics.append("OrderRecorded")
        if after.contact.email is None:
            draft.metrics.append("OrderWithoutContact")
    return after


def _listing(customer: Customer | None, orders: Mapping[str, Order], shipments: Mapping[str, Shipment]) -> dict[str, Order]:
    """The orders; those that lie, or lay, in the archive with the keys of all their shipments, wherever these lie."""
    listed = dict(orders)
    for key, order in orders.items():
        if order.shipment_keys or (customer and keys.ORDER + key in customer.archived):
            own = {shipment.key for shipment in shipments.values() if key in shipment.order_keys}
            if not own <= set(order.shipment_keys):
                listed[key] = order.model_copy(update={"shipment_keys": tuple(sorted({*own, *order.shipment_keys}))})
    return listed


def _write_orders(draft: Draft, customer: Customer | None, orders: Mapping[str, Order]) -> None:
    for key, after in orders.items():
        before = customer.order(key) if customer else None
        if after == before:
            continue
        version = before.version if before else 0
        doc = after.model_copy(update={"version": version + 1}).to_json()
        place = customer.order_place(key) if customer else keys.order(draft.customer_id, key)
        draft.writes.append(versioned(place, doc, version, **({"closed": after.closed} if after.closed else {})))


def _order_data(customer_id: str, order: Order, one: News) -> events.CustomerData:
    if one.refund is not None:
        return events.RefundData(customer_id=customer_id, order=order.key, refund=one.refund)
    if one.returned is not None:
        return return_data(customer_id, order, one.returned)
    if one.lines:
        return events.StockData(customer_id=customer_id, order=order.key, lines=one.lines, expected_at=one.expected_at)
    if one.type == "SubscriptionRenewed":
        return events.SubscriptionData(customer_id=customer_id, order=order.key, subscription=order.subscription or "")
    return events.OrderData(customer_id=customer_id, order=order.key)


def _archive(
    draft: Draft, customer: Customer, profile: Profile, orders: Mapping[str, Order], shipments: Mapping[str, Shipment]
) -> Profile:
    """Move what no longer fits beside what this transaction writes; that, and what it checks, stays where it is.

    The profile says how far the archive reaches.
    """
    there = {write.key.sk for write in draft.writes}
    hot = [order for key, order in orders.items() if keys.ORDER + key not in customer.archived]
    parcels = [shipment for key, shipment in shipments.items() if keys.SHIPMENT + key not in customer.archived]
    if there.isdisjoint([*map(place_of, hot), *map(place_of, parcels)]):
        return profile
    free = (TRANSACTION_WRITES - len(draft.writes) - BESIDE) // 2
    moved = moving(hot, parcels, there, draft.received.received_at, min(AT_ONCE, free))
    draft.writes += moves(customer, moved, shipments.values())
    draft.metrics += ["OrderArchived"] * (len(moved.orders) + len(moved.shipments))
    if moved.until is None or (profile.archived_until and profile.archived_until >= moved.until):
        return profile
    return profile.model_copy(update={"archived_until": moved.until})


def _alerts(draft: Draft, customer: Customer | None, facts: list[Fact]) -> None:
    """Wishes to hear when a product is there again."""
    for fact in facts:
        if fact.type == "RestockRequested":
            from store_intake.products import alerting

            received = draft.received
            draft.writes += alerting(draft.customer_id, customer, fact, received.shop, received.received_at)


def _told_only(draft: Draft, facts: list[Fact], names: Names) -> None:
    """What is told and kept nowhere but in the journal: who listens keeps what it needs."""
    for fact in facts:
        if isinstance(fact, SubscriptionFact) and fact.type == "PaymentFailed":
            failed = events.PaymentData(
                customer_id=draft.customer_id,
                subscription=f"{names.shop}:{fact.ref}",
                attempt=fact.attempt_ref or draft.received.correlation_id,
                order=names.key_of(fact.order_ref),
            )
            draft.tell("PaymentFailed", fact.occurred_at, failed)
        if isinstance(fact, SubscriptionFact) and fact.type == "SubscriptionUpdated" and fact.status:
            state = events.SubscriptionStateData(
                customer_id=draft.customer_id,
                subscription=f"{names.shop}:{fact.ref}",
                status=fact.status,
                order=names.key_of(fact.order_ref),
                every=fact.every,
                next_at=fact.next_at,
                single_price=fact.single_price,
            )
            draft.tell("SubscriptionUpdated", fact.occurred_at, state)
