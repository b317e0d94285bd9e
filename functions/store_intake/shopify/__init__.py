"""Shopify's webhooks, by HTTPS and by its partner event bus, read as facts.

Sources: shopify.dev/docs/api/webhooks and captured payloads. What a payload leaves out says nothing; an empty text is no
value. Amounts are those the shopper was shown (presentment money), with the shop's own books beside them.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from aftercare.facts import Fact, OrderFactType, OtherFact, ShipmentFactType
from store_intake.received import Received, Unreadable, canonical, hash_of, key_part, misfit, parsed, word
from store_intake.shopify.orders import edit_facts, order_facts, pickup_facts, refund_facts
from store_intake.shopify.payload import Hook, Payload, instant_of, ref_of
from store_intake.shopify.people import (
    customer_facts,
    email_consent_facts,
    privacy_facts,
    sms_consent_facts,
    summary_facts,
    tag_facts,
)
from store_intake.shopify.returns import return_facts
from store_intake.shopify.shipments import fulfilment_facts, scan_facts, strange_status
from store_intake.shopify.subscriptions import billing_facts, contract_facts
from store_intake.verification import SHOPIFY, Request, Secret, of_shop, signed_by

_SHOP = re.compile(r"^[a-z0-9][a-z0-9-]{0,60}(\.[a-z0-9-]{1,40}){1,3}$")


def signed(request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
    """The secret of this shop (or of all) that signed the body."""
    shop = request.headers.get("x-shopify-shop-domain", "").strip().lower()
    return signed_by(SHOPIFY, of_shop(secrets, shop), request.headers, request.body, now)


def deliveries(request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    """One webhook is one delivery; its headers name the shop."""
    del shop
    return (from_https(request.headers, request.body, received_at),)


def from_https(headers: Mapping[str, str], body: bytes, received_at: datetime) -> Received:
    """A verified webhook. `headers` have lower-case names."""
    try:
        content = parsed(body)
    except Unreadable as error:
        return _received(headers, body, hash_of(body), received_at, reason=str(error))
    return read(headers, content, body, received_at)


def from_partner_bus(envelope: Payload, body: bytes, received_at: datetime) -> Received:
    """An event of Shopify's partner source. Only the classic envelope is read; the preview of "Shopify Events" is parked."""
    detail = envelope.get("detail")
    detail = detail if isinstance(detail, dict) else {}
    metadata = detail.get("metadata")
    headers = {str(k).lower(): str(v) for k, v in metadata.items()} if isinstance(metadata, dict) else {}
    payload = detail.get("payload")
    content_hash = hash_of(canonical(payload))
    if "x-shopify-topic" not in headers and "shopify-topic" in headers:
        headers |= {f"x-{name}": value for name, value in headers.items() if name.startswith("shopify-")}
        reason = 'detail.metadata: expected X-Shopify-Topic; this is the preview format "Shopify Events" (shopify-topic)'
        return _received(headers, body, content_hash, received_at, reason=reason)
    if not isinstance(payload, dict):
        return _received(headers, body, content_hash, received_at, reason="detail.payload: expected a JSON object")
    return read(headers, payload, body, received_at)


def read(headers: Mapping[str, str], payload: Payload, body: bytes, received_at: datetime) -> Received:
    """A payload with its headers: the facts it tells, or the reason why it tells none."""
    received = _received(headers, body, hash_of(canonical(payload)), received_at)
    if received.reason:
        return received
    hook = _hook(headers, received, received_at)
    reader = _TOPICS.get(hook.topic)
    if reader is None:
        return _received(headers, body, received.content_hash, received_at, reason=f"topic {word(hook.topic)}: nothing reads it")
    try:
        facts = tuple(reader(payload, hook))
    except Unreadable as error:
        return _received(headers, body, received.content_hash, received_at, reason=str(error))
    except ValidationError as error:
        # A value that a fact cannot have: it will not have it the next time either, so nobody is asked to send it again.
        return _received(headers, body, received.content_hash, received_at, reason=misfit(error))
    return _received(headers, body, received.content_hash, received_at, facts=facts, note=strange_status(hook.topic, payload))


def _received(
    headers: Mapping[str, str],
    body: bytes,
    content_hash: str,
    received_at: datetime,
    facts: tuple[Fact, ...] = (),
    reason: str | None = None,
    note: str | None = None,
) -> Received:
    topic = headers.get("x-shopify-topic", "").strip().lower()
    shop = headers.get("x-shopify-shop-domain", "").strip().lower()
    if reason is None and not topic:
        reason = "X-Shopify-Topic: expected a topic"
    if reason is None and not _SHOP.fullmatch(shop):
        reason = "X-Shopify-Shop-Domain: expected a shop's domain"
    delivery = headers.get("x-shopify-webhook-id") or content_hash
    return Received(
        key=f"shopify#{key_part(shop)}#{key_part(topic)}#{key_part(delivery)}",
        sender="shopify",
        platform="shopify",
        shop=shop if _SHOP.fullmatch(shop) else "",
        topic=word(topic),
        body=body,
        content_hash=content_hash,
        received_at=received_at,
        facts=facts,
        reason=reason,
        sender_version=word(headers.get("x-shopify-api-version", "")) or None,
        note=note,
    )


def _hook(headers: Mapping[str, str], received: Received, received_at: datetime) -> Hook:
    return Hook(
        topic=headers["x-shopify-topic"].strip().lower(),
        shop=received.shop,
        webhook_id=headers.get("x-shopify-webhook-id", ""),
        api_version=received.sender_version,
        triggered_at=instant_of(headers.get("x-shopify-triggered-at")) or received_at,
        received_at=received_at,
        order_ref=ref_of(headers.get("x-shopify-order-id")),
        is_test=headers.get("x-shopify-test", "").lower() == "true",
    )


def _other(
    kind: Literal["CheckoutStarted", "CheckoutUpdated", "ShopErasureRequested"], ref: str
) -> Callable[[Payload, Hook], Iterable[Fact]]:
    """A fact that is only journaled, with its own reference."""

    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        times = (payload.get(n) for n in ("updated_at", "created_at"))
        occurred = next((at for value in times if (at := instant_of(value))), hook.triggered_at)
        yield OtherFact(type=kind, occurred_at=occurred, ref=ref_of(payload.get(ref)))

    return reader


_TOPICS: Mapping[str, Callable[[Payload, Hook], Iterable[Fact]]] = {
    "orders/create": order_facts(OrderFactType.PLACED),
    "orders/updated": order_facts(OrderFactType.UPDATED),
    "orders/paid": order_facts(OrderFactType.PAID),
    "orders/partially_fulfilled": order_facts(OrderFactType.PARTIALLY_FULFILLED),
    "orders/fulfilled": order_facts(OrderFactType.COMPLETED),
    "orders/cancelled": order_facts(OrderFactType.CANCELLED),
    "orders/delete": order_facts(OrderFactType.DELETED),
    "orders/edited": edit_facts,
    "refunds/create": refund_facts,
    "fulfillment_orders/line_items_prepared_for_pickup": pickup_facts,
    "customers/create": customer_facts("CustomerCreated"),
    "customers/update": customer_facts("CustomerUpdated"),
    "customers/enable": customer_facts("CustomerUpdated"),
    "customers/disable": customer_facts("CustomerUpdated"),
    "customers/purchasing_summary": summary_facts,
    "customer.tags_added": tag_facts(added=True),
    "customer.tags_removed": tag_facts(added=False),
    "customers/data_request": privacy_facts("CustomerExportRequested", "orders_requested"),
    "customers/redact": privacy_facts("CustomerErasureRequested", "orders_to_redact"),
    "customers_email_marketing_consent/update": email_consent_facts,
    "customers_marketing_consent/update": sms_consent_facts,
    "shop/redact": _other("ShopErasureRequested", ref="shop_id"),
    "fulfillments/create": fulfilment_facts(ShipmentFactType.CREATED),
    "fulfillments/update": fulfilment_facts(ShipmentFactType.UPDATED),
    "fulfillment_events/create": scan_facts,
    "returns/request": return_facts,
    "returns/approve": return_facts,
    "returns/decline": return_facts,
    "returns/close": return_facts,
    "checkouts/create": _other("CheckoutStarted", ref="token"),
    "checkouts/update": _other("CheckoutUpdated", ref="token"),
    "subscription_contracts/create": contract_facts,
    "subscription_contracts/update": contract_facts,
    "subscription_billing_attempts/success": billing_facts("SubscriptionRenewed"),
    "subscription_billing_attempts/failure": billing_facts("PaymentFailed"),
}
"""Every topic that is read. Any other is parked with its reason; a word that Shopify adds later loses nothing."""
