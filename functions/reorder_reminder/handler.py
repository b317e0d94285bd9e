"""Orders and what customers say of reminders in; one wait for each thing that will run out; at its end, at most one reminder."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aftercare import reorders, telemetry, waits
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.keys import message_id
from aftercare.outside import Outside
from aftercare.proposal import Nothing, Proposal
from aftercare.store import find, versioned, with_archive
from reorder_reminder import knowledge
from reorder_reminder.purchases import product_of, purchases
from reorder_reminder.reminding import (
    Because,
    Plan,
    Store,
    Wait,
    against,
    answered,
    families_of,
    keys_of,
    offers_of,
    placed,
    woken,
)

ENOUGH = 6
"""Purchases of a family from which on older ones, which lie in the archive, say little more."""


def on_order(event: Told, outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    order = customer.order(event.data.order) if customer else None
    because = against(order)
    names = families_of(order, catalogue())
    if because or customer is None or not names:
        return f"nothing: {because or Because.NO_WINDOW}"
    if customer.lacks_orders_after(None) and len(customer.orders) < ENOUGH * len(names):
        customer = with_archive(outside.tables, customer.id)
    all_ = purchases(customer, catalogue())
    seen, store = _seen(outside, customer.id, keys_of(all_, names, catalogue()))
    plan = placed(customer, event.data.order, all_, seen.kept, store, outside.clock.now())
    if isinstance(plan, Nothing):
        return f"nothing: {plan.because}"
    return _done(outside, customer.id, seen.kept, plan, event.correlation_id)


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    wait = Wait(payload["key"], payload["order"], payload["family"], outside.clock.now())
    customer = find(outside.tables, payload["customer_id"], wait.order)
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    # What was foreseen lies with the purchase: only what customers said of the offers since, and what can be had now, counts.
    about = product_of(customer.order(wait.order), wait.family, catalogue())
    seen, store = _seen(outside, customer.id, offers_of(wait.family, catalogue()), about)
    plan = woken(customer, wait, seen.kept, store, wait.at, payload["correlation_id"])
    reads_more = isinstance(plan.decision, Proposal) or plan.lessons
    if reads_more and customer.lacks_orders_since(wait.order):
        whole = with_archive(outside.tables, customer.id)
        plan = woken(whole, wait, seen.kept, store, wait.at, payload["correlation_id"])
    return _done(outside, customer.id, seen.kept, plan, payload["correlation_id"])


def on_answer(event: Told, outside: Outside) -> str:
    customer = find(outside.tables, event.data.customer_id, event.data.order)
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    seen, store = _seen(outside, customer.id)
    plan = answered(customer, event.data.family, seen.kept, store, outside.clock.now())
    return _done(outside, customer.id, seen.kept, plan, event.correlation_id)


def on_stockout(event: Told, outside: Outside) -> str:
    from reorder_reminder.purchases import product_key

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    order = customer.order(event.data.order) if customer else None
    lines = [line for line in order.lines if line.line_ref in event.data.lines] if order else []
    knowledge.out_of_stock(outside, dict.fromkeys(product_key(order, line) for line in lines if order), event.occurred_at)
    return f"out of stock: {len(lines)}"


def on_restock(event: Told, outside: Outside) -> str:
    from aftercare.published import read

    publication = read(outside.tables, event.data.publication)
    products = publication.products if publication and publication.kind == "restock" else ()
    for product in products:
        knowledge.in_stock(outside, product)
    return f"in stock: {len(products)}"


def _seen(
    outside: Outside, customer_id: str, keys: Iterable[str] = (), products: Iterable[str] = ()
) -> tuple[knowledge.Seen, Store]:
    """The customer's own record and what the store knows, in one read."""
    from aftercare.brand import brand
    from aftercare.catalogue import catalogue
    from aftercare.reorder_policy import reorder_policy

    seen = knowledge.read(outside.tables, customer_id, keys, products)
    return seen, Store(catalogue(), reorder_policy(), brand().timezone, seen.known, seen.out)


def _done(outside: Outside, customer_id: str, before: reorders.Reorders, plan: Plan, correlation_id: str) -> str:
    """The record first: its markers let no lesson count twice. What fails after it is done again when the event is brought
    again, save lessons, which may be lost."""
    if plan.kept != before:
        after = plan.kept.model_copy(update={"version": before.version + 1})
        outside.tables.write([versioned(reorders.place(customer_id), after.to_json(), before.version)])
    machine = outside.settings.need("reorder_state_machine")
    for key in plan.stops:
        outside.waits.stop(machine, message_id(key))
    for wait in plan.waits:
        payload = {"order": wait.order, "family": wait.family, "correlation_id": correlation_id}
        waits.start(outside, machine, wait.key, customer_id, wait.at, payload)
    if plan.lessons and knowledge.add(outside.tables, plan.lessons):
        telemetry.count("LessonsLost")
    if isinstance(plan.decision, Proposal):
        propose(outside, plan.decision)
        return "proposed"
    return f"waiting: {len(plan.waits)}" if plan.waits else f"nothing: {plan.decision.because}"


EVENTS: Mapping[str, Callable[[Told, Outside], str]] = {
    "OrderPlaced": on_order,
    "OfferAnswered": on_answer,
    "ItemOutOfStock": on_stockout,
    "ProductRestocked": on_restock,
}

handle = queue_handler(EVENTS, on_wake)
