"""Orders, subscriptions and what customers say of reminders in; one wait for each thing that will run out or renew; at its end,
at most one reminder."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aftercare import reorders, tally, telemetry, waits
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.keys import message_id
from aftercare.outside import Outside
from aftercare.proposal import Nothing, Proposal
from aftercare.store import find, versioned, with_archive
from reorder_reminder import knowledge, trial
from reorder_reminder.purchases import product_of, purchases
from reorder_reminder.reminding import (
    Because,
    Plan,
    Store,
    Wait,
    against,
    answered,
    compared,
    families_of,
    keys_of,
    offers_of,
    placed,
    woken,
)

if TYPE_CHECKING:
    from aftercare.customer import Customer
    from reorder_reminder.renewing import Rules

ENOUGH = 6
"""Purchases of a family from which on older ones, which lie in the archive, say little more."""


def on_order(event: Told, outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    order = customer.order(event.data.order) if customer else None
    because = against(order)
    if because is Because.RENEWS_ITSELF and customer is not None:
        return _renews(outside, customer, None, event.correlation_id)
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


def on_subscription(event: Told, outside: Outside) -> str:
    """What a store says of a subscription is kept, and moves the wait for its renewal."""
    from reorder_reminder.renewing import told

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    before = reorders.read(outside.tables, customer.id)
    kept = told(before, event.data, event.occurred_at)
    if isinstance(kept, Nothing):
        return f"nothing: {kept.because}"
    return _planned(outside, customer, before, kept, event.data.subscription, event.correlation_id)


def on_renewed(event: Told, outside: Outside) -> str:
    customer = find(outside.tables, event.data.customer_id, event.data.order)
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    return _renews(outside, customer, event.data.subscription, event.correlation_id)


def _renews(outside: Outside, customer: "Customer", key: str | None, correlation_id: str) -> str:
    """After a renewal: of the subscription that it names, else of all."""
    kept = reorders.read(outside.tables, customer.id)
    keys = [key] if key else list(kept.subscriptions)
    did = []
    for one in keys:
        did.append(_planned(outside, customer, kept, kept, one, correlation_id))
        kept = reorders.read(outside.tables, customer.id) if len(keys) > 1 else kept
    return ", ".join(did) or f"nothing: {Because.RENEWS_ITSELF}"


def _planned(
    outside: Outside, customer: "Customer", before: reorders.Reorders, kept: reorders.Reorders, key: str, correlation_id: str
) -> str:
    from reorder_reminder.renewing import planned

    if key in kept.subscriptions and customer.lacks_orders_after(None):
        customer = with_archive(outside.tables, customer.id)
    plan = planned(customer, kept, key, _rules(), outside.clock.now())
    return _done(outside, customer.id, before, plan, correlation_id)


def _rules() -> "Rules":
    from aftercare.brand import brand
    from aftercare.reorder_policy import reorder_policy
    from aftercare.segment_policy import segment_policy
    from reorder_reminder.renewing import Rules

    return Rules(brand().timezone, reorder_policy().renewal_lead_days, segment_policy().subscription.renewal_days)


def _renewal(payload: Mapping[str, Any], outside: Outside) -> str:
    from reorder_reminder.renewing import woken as renewed

    wait = Wait(payload["key"], "", "", outside.clock.now(), payload["subscription"])
    customer = find(outside.tables, payload["customer_id"])
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    if customer.lacks_orders_after(None):
        customer = with_archive(outside.tables, customer.id)
    kept = reorders.read(outside.tables, customer.id)
    plan = renewed(customer, kept, wait, _rules(), wait.at, payload["correlation_id"])
    return _done(outside, customer.id, kept, plan, payload["correlation_id"])


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    if "subscription" in payload:
        return _renewal(payload, outside)
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
    if isinstance(plan.decision, Proposal):
        plan = _compared(customer, plan, plan.decision, wait)
    return _done(outside, customer.id, seen.kept, plan, payload["correlation_id"])


def _compared(customer: "Customer", plan: Plan, proposal: Proposal, wait: Wait) -> Plan:
    """While some are held out, both sides are of those alone whom a reminder might reach."""
    from aftercare.report_policy import report_policy

    held_out = report_policy().reminders_held_out
    if not held_out:
        return plan
    from aftercare.ground import consent_policy, possible

    reachable = possible(customer, proposal.purpose, consent_policy(), wait.at)
    return compared(plan, proposal, wait.family, held_out) if reachable else plan


def on_answer(event: Told, outside: Outside) -> str:
    customer = find(outside.tables, event.data.customer_id, event.data.order)
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    seen, store = _seen(outside, customer.id)
    plan = answered(customer, event.data.family, seen.kept, store, outside.clock.now(), event.data.offer)
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
        about = {"subscription": wait.subscription} if wait.subscription else {"order": wait.order, "family": wait.family}
        payload = {**about, "correlation_id": correlation_id}
        waits.start(outside, machine, wait.key, customer_id, wait.at, payload)
    if plan.lessons and knowledge.add(outside.tables, plan.lessons):
        telemetry.count("LessonsLost")
    for one in plan.counted:
        _counted(outside, one)
    if isinstance(plan.decision, Proposal):
        propose(outside, plan.decision)
        return "proposed"
    return f"waiting: {len(plan.waits)}" if plan.waits else f"nothing: {plan.decision.because}"


def _counted(outside: Outside, one: trial.Counted) -> None:
    from aftercare.report_policy import report_policy

    if one.after <= timedelta(days=report_policy().bought_again_days):
        week = tally.week_at(one.at, tally.store_zone())
        tally.add(outside.tables, one.shop, week, trial.PART, one.counts, outside.clock.now())


EVENTS: Mapping[str, Callable[[Told, Outside], str]] = {
    "OrderPlaced": on_order,
    "OfferAnswered": on_answer,
    "SubscriptionUpdated": on_subscription,
    "SubscriptionRenewed": on_renewed,
    "ItemOutOfStock": on_stockout,
    "ProductRestocked": on_restock,
}

handle = queue_handler(EVENTS, on_wake)
