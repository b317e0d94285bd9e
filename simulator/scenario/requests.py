"""What the senders of a scenario put on the wire: Shopify's webhooks, signed and by the partner bus, and a store's events."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from aftercare.clock import iso
from aftercare.consent import Channel, Purpose
from simulator.scenario.shape import By, ConsentSaid, Line, OrderPlaced, Person, Scenario, StoreTold
from simulator.scenario.times import read_later

API_VERSION: Final = "2024-10"
"""The newest version whose order payloads still carry the customer's marketing consent."""

PARTNER_SOURCE: Final = "aws.partner/shopify.com/145610366977/aftercare"
_IDS: Final = UUID("3c1f5f0e-52f5-5d06-9c9e-0a6f3d6f2a11")
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Request:
    """One arrival: an HTTP request (`path`, `headers`, `body`), or an entry for a bus."""

    about: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    path: str | None = None
    entry: Mapping[str, Any] | None = None


def sign(secret: str, body: bytes) -> str:
    """X-Shopify-Hmac-Sha256 of the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _sum(amounts: list[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0)).quantize(_CENT, rounding=ROUND_HALF_UP)


def _set(amount: Decimal, currency: str) -> dict[str, Any]:
    money = {"amount": str(amount), "currency_code": currency}
    return {"shop_money": money, "presentment_money": dict(money)}


def _local(instant: datetime) -> str:
    """Shopify writes times with the shop's offset, in whole seconds."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _dated(value: Any, now: datetime) -> Any:
    """The same with every `+2 days` in it as the time it is from now on."""
    if isinstance(value, Mapping):
        return {name: _dated(inner, now) for name, inner in value.items()}
    if isinstance(value, list):
        return [_dated(inner, now) for inner in value]
    later = read_later(value, now) if isinstance(value, str) else None
    return iso(later) if later else value


def _stable_number(text: str, digits: int = 13) -> int:
    return int(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 10**digits)


class Senders:
    """The senders of one scenario. Ids come from what they name, so the same scenario tells the same."""

    def __init__(self, scenario: Scenario, secret: str, partner_bus: str, store_bus: str) -> None:
        self._scenario = scenario
        self._secret = secret
        self._partner_bus = partner_bus
        self._store_bus = store_bus
        self._orders: dict[str, tuple[OrderPlaced, datetime]] = {}
        self._sent: dict[str, tuple[Request, str, dict[str, Any], datetime]] = {}

    # ------------------------------------------------------------------ what happens

    def placed(self, order: OrderPlaced, now: datetime) -> Request:
        self._orders[order.ref] = (order, now)
        about = f"order #{order.ref} by {self._who(order.customer)}"
        if order.by == "store":
            return self._told("OrderPlaced", self._canonical(order, now), f"{order.ref}-placed", about, order.ref, now)
        return self._shopify("orders/create", self._order(order, now), order.by, about, order.ref, now, order.signature)

    def paid(self, ref: str, by: By | None, now: datetime) -> Request:
        order, at = self._orders[ref]
        about = f"order #{ref} is paid"
        if (by or order.by) == "store":
            detail = {"ref": ref, "occurred_at": iso(now)}
            return self._told("OrderPaid", detail, f"{ref}-paid", about, ref, now)
        payload = {**self._order(order, at), "financial_status": "paid", "updated_at": _local(now)}
        return self._shopify("orders/paid", payload, by or order.by, about, ref, now)

    def cancelled(self, ref: str, by: By | None, reason: str, now: datetime) -> Request:
        order, at = self._orders[ref]
        about = f"order #{ref} is cancelled ({reason})"
        if (by or order.by) == "store":
            detail = {"ref": ref, "occurred_at": iso(now)}
            return self._told("OrderCancelled", detail, f"{ref}-cancelled", about, ref, now)
        payload = {
            **self._order(order, at),
            "cancelled_at": _local(now),
            "cancel_reason": reason,
            "updated_at": _local(now),
            "financial_status": "voided",
        }
        return self._shopify("orders/cancelled", payload, by or order.by, about, ref, now)

    def refunded(self, ref: str, amount: Decimal | None, by: By | None, now: datetime) -> Request:
        order, at = self._orders[ref]
        described = self._order(order, at)
        given = str(amount if amount is not None else described["total_price"])
        about = f"refund of {given} {described['currency']} for order #{ref}"
        refund_id = _stable_number(f"refund {ref} {iso(now)}")
        if (by or order.by) == "store":
            money = {"amount": given, "currency": described["currency"]}
            refund = {"ref": str(refund_id), "at": iso(now), "amount": money, "whole": amount is None}
            detail = {"ref": ref, "occurred_at": iso(now), "refund": refund}
            return self._told("OrderRefunded", detail, f"{ref}-refund-{refund_id}", about, ref, now)
        payload = {
            "id": refund_id,
            "admin_graphql_api_id": f"gid://shopify/Refund/{refund_id}",
            "order_id": int(ref),
            "created_at": _local(now),
            "processed_at": _local(now),
            "note": None,
            "restock": True,
            "refund_line_items": [],
            "transactions": [
                {
                    "id": refund_id + 1,
                    "order_id": int(ref),
                    "kind": "refund",
                    "status": "success",
                    "gateway": "shopify_payments",
                    "amount": given,
                    "currency": described["currency"],
                }
            ],
            "order_adjustments": [],
        }
        return self._shopify("refunds/create", payload, by or order.by, about, ref, now)

    def again(self, ref: str, by: By | None, now: datetime) -> Request:
        """The last request about the order: byte for byte, or by another way as a delivery of its own."""
        request, topic, payload, _ = self._sent[ref]
        if by is None:
            return Request(f"{request.about}, delivered again", request.headers, request.body, request.path, request.entry)
        if topic == "":
            raise ValueError(f"order {ref} came from a custom store: it has no other way")
        return self._shopify(topic, payload, by, f"{request.about}, by {_WAYS[by]} too", ref, now)

    def consent(self, said: ConsentSaid, now: datetime) -> Request:
        person = self._scenario.customers[said.customer]
        on = "" if said.channel is Channel.EMAIL else f" on {said.channel}"
        about = f"{'marketing ' if not on else ''}consent{on} {said.says} by {self._who(said.customer)}"
        if said.by == "store":
            statements = [
                {
                    "channel": str(said.channel),
                    "purpose": str(purpose),
                    "says": said.says,
                    "said_at": iso(now),
                    "wording": "checkout-2026-01",
                    **({"confirmed": True} if said.says == "given" and said.opt_in == "confirmed" else {}),
                }
                for purpose in said.purposes
            ]
            contact = {"email": person.email, **({"phone": person.phone} if person.phone else {})}
            detail: dict[str, Any] = {"occurred_at": iso(now), "contact": contact, "said": statements}
            if person.account:
                detail["customer_ref"] = person.account
            return self._told("ConsentChanged", detail, f"consent-{said.customer}-{iso(now)}", about, None, now)
        state = {
            "state": "subscribed" if said.says == "given" else "unsubscribed",
            "opt_in_level": f"{said.opt_in}_opt_in",
            "consent_updated_at": _local(now),
        }
        payload = {
            "customer_id": int(person.account) if person.account else _stable_number(said.customer),
            "email_address": person.email,
            "email_marketing_consent": {**state, "consent_collected_from": "SHOPIFY"},
        }
        return self._shopify("customers_email_marketing_consent/update", payload, said.by, about, None, now)

    def event(self, told: StoreTold, now: datetime) -> Request:
        """Times in the detail may be written as in steps (`+2 days`): they count from the step."""
        detail = {"occurred_at": iso(now), **_dated(told.detail, now)}
        event_id = str(detail.pop("event_id", f"{told.type}-{detail.get('ref', '')}-{iso(now)}"))
        return self._told(told.type, detail, event_id, f"{told.type} by the store", None, now)

    # ------------------------------------------------------------------ how it travels

    def _shopify(
        self, topic: str, payload: dict[str, Any], by: By, about: str, ref: str | None, now: datetime, signature: str = "right"
    ) -> Request:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        hook = str(uuid5(_IDS, f"{self._scenario.shop.domain} {topic} {by} {iso(now)} {ref or about}"))
        headers = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": self._scenario.shop.domain,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": hook,
            "X-Shopify-Event-Id": str(uuid5(_IDS, f"event {topic} {ref or about} {iso(now)}")),
            "X-Shopify-Triggered-At": now.strftime("%Y-%m-%dT%H:%M:%S.000000001Z"),
        }
        if ref:
            headers["X-Shopify-Order-Id"] = ref
        if payload.get("test") is True:
            headers["X-Shopify-Test"] = "true"
        if by == "shopify-bus":
            metadata = {"Content-Type": "application/json", "X-Shopify-Hmac-SHA256": sign(self._secret, body), **headers}
            entry = {
                "Source": PARTNER_SOURCE,
                "DetailType": "shopifyWebhook",
                "Detail": json.dumps({"payload": payload, "metadata": metadata}, ensure_ascii=False),
                "EventBusName": self._partner_bus,
                "Time": now,
            }
            request = Request(about, entry=entry)
        else:
            signed = {"Content-Type": "application/json", "User-Agent": "Shopify-Captain-Hook", **headers}
            if signature != "missing":
                signed["X-Shopify-Hmac-Sha256"] = sign(self._secret if signature == "right" else "not the secret", body)
            request = Request(
                about if signature == "right" else f"{about}, {signature} signature", signed, body, "/webhooks/shopify"
            )
        if ref:
            self._sent[ref] = (request, topic, payload, now)
        return request

    def _told(
        self, detail_type: str, detail: dict[str, Any], event_id: str, about: str, ref: str | None, now: datetime
    ) -> Request:
        entry = {
            "Source": f"store.{self._scenario.shop.store}",
            "DetailType": detail_type,
            "Detail": json.dumps({"event_id": event_id, **detail}, ensure_ascii=False),
            "EventBusName": self._store_bus,
            "Time": now,
        }
        request = Request(about, entry=entry)
        if ref:
            self._sent[ref] = (request, "", {}, now)
        return request

    # ------------------------------------------------------------------ what an order looks like

    def _who(self, customer: str) -> str:
        return self._scenario.customers[customer].name or customer

    def _priced(self, line: Line) -> Decimal:
        return self._scenario.products[line.product].price.amount.quantize(_CENT)

    def _sums(self, order: OrderPlaced) -> dict[str, Decimal]:
        lines = _sum([self._priced(line) * line.quantity for line in order.lines])
        shipped = any(self._scenario.products[line.product].shipped for line in order.lines)
        shipping = self._scenario.shop.shipping.amount if shipped and self._scenario.shop.shipping else Decimal(0)
        discount = order.discount.amount.amount if order.discount else Decimal(0)
        total = _sum([lines, shipping, -discount])
        rate = self._scenario.shop.tax.rate if self._scenario.shop.tax else Decimal(0)
        return {
            "lines": lines,
            "shipping": shipping.quantize(_CENT),
            "discount": discount.quantize(_CENT),
            "total": total,
            "tax": (total - total / (1 + rate)).quantize(_CENT, rounding=ROUND_HALF_UP),
        }

    def _currency(self, order: OrderPlaced) -> str:
        return self._scenario.products[order.lines[0].product].price.currency

    def _order(self, order: OrderPlaced, placed: datetime) -> dict[str, Any]:
        """The order as Shopify's API 2024-10 describes it."""
        person, shop, currency, sums = (
            self._scenario.customers[order.customer],
            self._scenario.shop,
            self._currency(order),
            self._sums(order),
        )
        number = int(order.ref)
        address = self._address(person)
        tax = (
            [
                {
                    "price": str(sums["tax"]),
                    "rate": float(shop.tax.rate),
                    "title": shop.tax.title,
                    "price_set": _set(sums["tax"], currency),
                }
            ]
            if shop.tax
            else []
        )
        shipping = (
            [
                {
                    "id": number * 1000 + 900,
                    "title": "Standard",
                    "code": "Standard",
                    "source": "shopify",
                    "price": str(sums["shipping"]),
                    "discounted_price": str(sums["shipping"]),
                    "price_set": _set(sums["shipping"], currency),
                    "discounted_price_set": _set(sums["shipping"], currency),
                    "is_removed": False,
                    "tax_lines": [],
                }
            ]
            if any(self._scenario.products[line.product].shipped for line in order.lines)
            else []
        )
        return {
            "id": number,
            "admin_graphql_api_id": f"gid://shopify/Order/{number}",
            "app_id": 580111,
            "buyer_accepts_marketing": person.marketing == "subscribed",
            "cancel_reason": None,
            "cancelled_at": None,
            "confirmed": True,
            "contact_email": person.email,
            "created_at": _local(placed),
            "currency": currency,
            "current_total_price": str(sums["total"]),
            "current_total_price_set": _set(sums["total"], currency),
            "customer_locale": person.locale,
            "discount_applications": [],
            "discount_codes": [{"code": order.discount.code, "amount": str(sums["discount"]), "type": "fixed_amount"}]
            if order.discount
            else [],
            "email": person.email,
            "financial_status": "paid",
            "fulfillment_status": None,
            "name": f"#{order.ref}",
            "number": number,
            "order_number": number,
            "order_status_url": f"https://{shop.domain}/{number}/orders/{_stable_number(order.ref):013d}/authenticate?key=redacted",
            "payment_gateway_names": ["shopify_payments"],
            "phone": person.phone,
            "presentment_currency": currency,
            "processed_at": _local(placed),
            "source_name": "web",
            "subtotal_price": str(sums["lines"] - sums["discount"]),
            "subtotal_price_set": _set(sums["lines"] - sums["discount"], currency),
            "tags": ", ".join(order.tags),
            "tax_lines": tax,
            "taxes_included": True,
            "test": order.test,
            "total_discounts": str(sums["discount"]),
            "total_discounts_set": _set(sums["discount"], currency),
            "total_line_items_price": str(sums["lines"]),
            "total_line_items_price_set": _set(sums["lines"], currency),
            "total_price": str(sums["total"]),
            "total_price_set": _set(sums["total"], currency),
            "total_shipping_price_set": _set(sums["shipping"], currency),
            "total_tax": str(sums["tax"]) if shop.tax else "0.00",
            "total_tip_received": "0.00",
            "updated_at": _local(placed + timedelta(seconds=1)),
            "billing_address": address,
            "shipping_address": address,
            "customer": self._account(order.customer, person, placed),
            "line_items": [self._line_item(number, n, line, currency) for n, line in enumerate(order.lines)],
            "fulfillments": [],
            "refunds": [],
            "shipping_lines": shipping,
        }

    def _line_item(self, number: int, n: int, line: Line, currency: str) -> dict[str, Any]:
        product, price = self._scenario.products[line.product], self._priced(line)
        product_id = _stable_number(line.product)
        item: dict[str, Any] = {
            "id": number * 1000 + n,
            "admin_graphql_api_id": f"gid://shopify/LineItem/{number * 1000 + n}",
            "current_quantity": line.quantity,
            "fulfillable_quantity": line.quantity,
            "fulfillment_service": "manual",
            "fulfillment_status": None,
            "gift_card": False,
            "grams": 0,
            "name": " - ".join(part for part in (product.title, product.variant) if part),
            "price": str(price),
            "price_set": _set(price, currency),
            "product_exists": True,
            "product_id": product_id,
            "product_type": product.type,
            "properties": [{"name": "_tags", "value": ", ".join(product.tags)}] if product.tags else [],
            "quantity": line.quantity,
            "requires_shipping": product.shipped,
            "sku": product.sku or line.product.upper(),
            "taxable": True,
            "title": product.title,
            "total_discount": "0.00",
            "variant_id": product_id + 1,
            "variant_title": product.variant,
            "vendor": "Larkfield",
            "tax_lines": [],
            "duties": [],
            "discount_allocations": [],
        }
        if product.plan:
            item["selling_plan_allocation"] = {"selling_plan": {"id": product_id + 2, "name": product.plan}}
        return item

    def _account(self, customer: str, person: Person, placed: datetime) -> dict[str, Any] | None:
        if person.account is None:
            return None
        first, _, last = (person.name or "").partition(" ")
        consent = (
            {
                "state": "not_subscribed" if person.marketing == "reminders" else person.marketing,
                "opt_in_level": f"{person.opt_in}_opt_in" if person.marketing == "subscribed" else None,
                "consent_updated_at": _local(placed) if person.marketing == "subscribed" else None,
            }
            if person.marketing
            else None
        )
        return {
            "id": int(person.account) if person.account.isdigit() else _stable_number(customer),
            "email": person.email,
            "first_name": first or None,
            "last_name": last or None,
            "phone": person.phone,
            "state": "enabled",
            "verified_email": True,
            "tags": "",
            "currency": "EUR",
            "email_marketing_consent": consent,
            "sms_marketing_consent": None,
        }

    def _address(self, person: Person) -> dict[str, Any]:
        first, _, last = (person.name or "").partition(" ")
        place = _PLACES.get(person.country, _PLACES["US"])
        return {
            "first_name": first or None,
            "last_name": last or None,
            "name": person.name,
            "address1": "1 Example Street",
            "address2": None,
            "city": place[0],
            "zip": place[1],
            "province": None,
            "province_code": place[2],
            "country": place[3],
            "country_code": person.country,
            "phone": person.phone,
            "company": None,
        }

    def _canonical(self, order: OrderPlaced, placed: datetime) -> dict[str, Any]:
        """The same order in the engine's own form, as a custom store puts it."""
        person, currency, sums = self._scenario.customers[order.customer], self._currency(order), self._sums(order)

        def money(amount: Decimal) -> dict[str, str]:
            return {"amount": str(amount), "currency": currency}

        contact = {
            name: value for name, value in (("name", person.name), ("email", person.email), ("phone", person.phone)) if value
        }
        described: dict[str, Any] = {
            "name": f"#{order.ref}",
            "placed_at": iso(placed),
            "contact": contact,
            "locale": person.locale,
            "country": person.country,
            "total": money(sums["total"]),
            "lines": [self._canonical_line(n, line, money(self._priced(line))) for n, line in enumerate(order.lines, 1)],
            "is_test": order.test,
        }
        if person.account:
            described["customer_ref"] = person.account
        if sums["shipping"]:
            described["fees"] = [{"kind": "shipping", "label": "Shipping", "amount": money(sums["shipping"])}]
        if order.discount:
            described["discounts"] = [{"kind": "discount", "label": order.discount.code, "amount": money(sums["discount"])}]
        if order.arrives:
            first, last = (self._scenario.when(text, placed).instant for text in order.arrives)
            described |= {"estimated_from": iso(first), "estimated_until": iso(last)}
        detail: dict[str, Any] = {"ref": order.ref, "occurred_at": iso(placed), "order": described}
        if person.marketing in ("subscribed", "reminders"):
            agreed = (Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY)
            detail["consent"] = [
                {
                    "channel": "email",
                    "purpose": str(purpose),
                    "says": "given",
                    "said_at": iso(placed),
                    "wording": "checkout-2026-01",
                    **({"confirmed": True} if person.opt_in == "confirmed" else {}),
                }
                for purpose in (agreed if person.marketing == "subscribed" else (Purpose.REORDER,))
            ]
        return detail

    def _canonical_line(self, n: int, line: Line, price: dict[str, str]) -> dict[str, Any]:
        product = self._scenario.products[line.product]
        described = {
            "line_ref": str(n),
            "product_ref": line.product,
            "title": product.title,
            "variant": product.variant,
            "sku": product.sku,
            "product_type": product.type,
            "tags": list(product.tags) or None,
            "quantity": line.quantity,
            "unit_price": price,
            "requires_shipping": product.shipped,
            "plan": product.plan,
        }
        return {name: value for name, value in described.items() if value is not None}


_WAYS: Final[Mapping[By, str]] = {"shopify": "HTTPS", "shopify-bus": "the partner bus", "store": "the store bus"}

_PLACES: Final = {
    "US": ("Portland", "97201", "OR", "United States"),
    "DE": ("Hamburg", "20095", None, "Germany"),
    "GB": ("Leeds", "LS1 1UR", "ENG", "United Kingdom"),
    "AT": ("Graz", "8010", None, "Austria"),
    "FR": ("Lyon", "69001", None, "France"),
    "IE": ("Cork", "T12 W8KP", "CO", "Ireland"),
}
"""A plausible town by country; nothing is sent there."""
