"""Subscriptions: their contracts, and each attempt to bill one."""

from collections.abc import Callable, Iterable
from typing import Literal

from aftercare.facts import Fact, SubscriptionFact
from aftercare.subscription_words import SUBSCRIPTION_STATUSES
from store_intake.received import Unreadable
from store_intake.shopify.payload import Hook, Payload, instant_of, object_of, ref_of

_UNITS = {"day": "D", "week": "W", "month": "M", "year": "Y"}


def contract_facts(payload: Payload, hook: Hook) -> Iterable[Fact]:
    ref = ref_of(payload.get("id"), payload.get("admin_graphql_api_id"))
    if ref is None:
        raise Unreadable("id: expected the contract's id")
    yield SubscriptionFact(
        type="SubscriptionUpdated",
        occurred_at=instant_of(payload.get("updated_at")) or hook.triggered_at,
        ref=ref,
        order_ref=ref_of(payload.get("origin_order_id"), payload.get("admin_graphql_api_origin_order_id")),
        customer_ref=ref_of(payload.get("customer_id"), payload.get("admin_graphql_api_customer_id")),
        status=next((word for word in SUBSCRIPTION_STATUSES if word == str(payload.get("status")).lower()), None),
        every=_every(object_of(payload.get("billing_policy"))),
    )


def _every(billing: Payload) -> str | None:
    """The period that is paid for; of a prepaid one several deliveries lie in it."""
    unit, count = _UNITS.get(str(billing.get("interval")).lower()), billing.get("interval_count")
    return f"P{count}{unit}" if unit and type(count) is int and 0 < count < 1000 else None


def billing_facts(kind: Literal["SubscriptionRenewed", "PaymentFailed"]) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        ref = ref_of(payload.get("subscription_contract_id"), payload.get("admin_graphql_api_subscription_contract_id"))
        if ref is None:
            raise Unreadable("subscription_contract_id: expected the contract's id")
        yield SubscriptionFact(
            type=kind,
            occurred_at=instant_of(payload.get("updated_at")) or hook.triggered_at,
            ref=ref,
            order_ref=ref_of(payload.get("order_id"), payload.get("admin_graphql_api_order_id")),
            attempt_ref=ref_of(payload.get("id"), payload.get("admin_graphql_api_id")),
        )

    return reader
