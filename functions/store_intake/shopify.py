"""Shopify's webhooks, by HTTPS and by its partner event bus, read as facts.

Sources: shopify.dev/docs/api/webhooks and captured payloads. What a payload leaves out says nothing; an empty text is no
value. Amounts are those the shopper was shown (presentment money), with the shop's own books beside them.
"""

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError

from aftercare import identity
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Charge, Contact, OrderLine, Refund
from aftercare.facts import (
    ConsentFact,
    CustomerFact,
    Fact,
    OrderDetails,
    OrderFact,
    OrderFactType,
    OtherFact,
    ReturnFact,
    Said,
    Scan,
    ShipmentFact,
    ShipmentFactType,
    SubscriptionFact,
    ToldParcel,
)
from aftercare.model import EARLIEST, LATEST
from aftercare.money import Money
from aftercare.parcel_status import ShipmentStatus
from aftercare.returns import is_request_ref
from aftercare.shipment_details import PARCELS, Eta, Origin, ShippedLine
from aftercare.subscription_words import SUBSCRIPTION_STATUSES
from aftercare.weblink import NotHttps, https
from store_intake.received import Received, Unreadable, canonical, hash_of, key_part, misfit, parsed, word
from store_intake.tracking import code
from store_intake.verification import SHOPIFY, Request, Secret, of_shop, signed_by

Payload = Mapping[str, Any]

MARKETING_GIVES = (Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY)
"""What a shopper agrees to with Shopify's one "marketing" consent: each purpose gets a head of its own, none stands for
another (docs/decisions/0010-marketing-consent.md). A store whose checkout speaks of offers only leaves PROMOTIONAL here."""

MARKETING_TAKES = (Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY)
"""What a shopper takes back with it: always everything that is marketing."""

SILENT_TAG = "aftercare-silent"
"""An order with this tag is recorded and nothing is sent about it."""

_UNITS = {"day": "D", "week": "W", "month": "M", "year": "Y"}
RENEWAL_SOURCES = ("subscription_contract",)
RENEWAL_TAGS = ("subscription recurring order", "subscription_recurring_order", "recurring_order")
"""How the order of a renewal is known: Shopify's own subscription source, and the tags of the large subscription apps."""

TEST_ORDER_IDS = ("820982911946154508",)
TEST_ORDER_NAMES = ("#9999",)
"""What "Send test notification" sends."""

_SHOP = re.compile(r"^[a-z0-9][a-z0-9-]{0,60}(\.[a-z0-9-]{1,40}){1,3}$")
_LOCALE = re.compile(r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_GID = re.compile(r"^gid://shopify/[A-Za-z]+/([0-9]{1,40})(\?.*)?$")


@dataclass(frozen=True, slots=True)
class Hook:
    """What the headers (or the partner bus's metadata) say of a delivery."""

    topic: str
    shop: str
    webhook_id: str
    api_version: str | None
    triggered_at: datetime
    received_at: datetime
    order_ref: str | None
    is_test: bool


# ---------------------------------------------------------------- one delivery


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
    return _received(headers, body, received.content_hash, received_at, facts=facts, note=_strange(hook.topic, payload))


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
        triggered_at=_when(headers.get("x-shopify-triggered-at")) or received_at,
        received_at=received_at,
        order_ref=_ref(headers.get("x-shopify-order-id")),
        is_test=headers.get("x-shopify-test", "").lower() == "true",
    )


# ---------------------------------------------------------------- values


def _text(value: object, limit: int = 1000) -> str | None:
    """Text without HTML entities, control signs and outer spaces; None where there is none."""
    if not isinstance(value, str):
        return None
    plain = _CONTROL.sub(" ", html.unescape(value)).encode("utf-8", "replace").decode()
    return plain.strip()[:limit].rstrip() or None


def _same_double(value: object, exact: str) -> bool:
    """Whether a number is the exact one, or what is left of it after JavaScript has read it."""
    text = str(value)
    return text == exact or (text.isdecimal() and exact.isdecimal() and float(text) == float(exact))


def _ref(value: object, gid: object = None) -> str | None:
    """An id as text. Where a page or proxy has rounded the number to a double, the gid still has the true one."""
    exact = _GID.fullmatch(gid) if isinstance(gid, str) else None
    if exact and (value is None or _same_double(value, exact[1])):
        return exact[1]
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value).strip()
    own = _GID.fullmatch(text)
    if own:
        return own[1]
    return text if re.fullmatch(r"[A-Za-z0-9._=+/-]{1,128}", text) else None


def _order_ref(payload: Payload, name: str = "id", gid: str = "admin_graphql_api_id") -> str:
    ref = _ref(payload.get(name), payload.get(gid) if gid else None)
    if ref is None:
        raise Unreadable(f"{name}: expected the order's id")
    return ref


def _when(value: object) -> datetime | None:
    """An instant with its offset, in UTC; a time without one, or out of all reason, says nothing."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo and EARLIEST <= instant < LATEST else None


def _amount(amount: object, currency: object) -> Money | None:
    if isinstance(amount, bool) or not isinstance(amount, (str, int)) or not isinstance(currency, str):
        return None
    try:
        return Money.model_validate({"amount": str(amount), "currency": currency})
    except ValueError:
        return None


def _set(money_set: object, side: Literal["presentment_money", "shop_money"]) -> Money | None:
    money = money_set.get(side) if isinstance(money_set, dict) else None
    return _amount(money.get("amount"), money.get("currency_code")) if isinstance(money, dict) else None


def _shown(payload: Payload, name: str, currency: object) -> Money | None:
    """What the shopper was shown: the presentment side of `<name>_set`, else the plain amount in the shop's currency."""
    return _set(payload.get(f"{name}_set"), "presentment_money") or _amount(payload.get(name), currency)


def _objects(value: object) -> list[Payload]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _object(value: object) -> Payload:
    return value if isinstance(value, dict) else {}


def _tags(value: object) -> tuple[str, ...]:
    """Tags, as one text with commas or as a list."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(dict.fromkeys(tag for part in parts if (tag := _text(part, 100))))[:50]


def _locale(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 35 and _LOCALE.fullmatch(value) else None


def _country(value: object) -> str | None:
    return value.upper() if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2}", value) else None


# ---------------------------------------------------------------- orders


def _contact(order: Payload) -> Contact:
    """`contact_email`, else `email`, else the customer's; the first number that is one. A national number is a guess."""
    customer, billing, shipping = (_object(order.get(n)) for n in ("customer", "billing_address", "shipping_address"))
    addresses = (order.get("contact_email"), order.get("email"), customer.get("email"))
    email = next((a for text in addresses if isinstance(text, str) and (a := identity.email(text))), None)
    numbers = (order.get("phone"), shipping.get("phone"), billing.get("phone"), customer.get("phone"))
    phone = next((p for text in numbers if isinstance(text, str) and (p := identity.phone(text))), None)
    own = customer if email is not None and identity.email(_text(customer.get("email"))) == email else {}
    return Contact(email=email, phone=phone, name=_name(own) or _name(billing) or _name(shipping) or _name(customer))


def _name(person: Payload) -> str | None:
    first, last = _text(person.get("first_name"), 200), _text(person.get("last_name"), 200)
    return " ".join(part for part in (first, last) if part) or _text(person.get("name"), 400)


def _lines(order: Payload, currency: object) -> tuple[OrderLine, ...]:
    lines = []
    for place, line in enumerate(_objects(order.get("line_items"))):
        quantity = line.get("current_quantity", line.get("quantity"))
        properties = {_text(p.get("name")): p.get("value") for p in _objects(line.get("properties"))}
        plan = _object(_object(line.get("selling_plan_allocation")).get("selling_plan"))
        lines.append(
            OrderLine(
                line_ref=_ref(line.get("id"), line.get("admin_graphql_api_id")) or str(place),
                product_ref=_ref(line.get("product_id")),
                variant_ref=_ref(line.get("variant_id")),
                title=_text(line.get("title")) or _text(line.get("name")) or _text(line.get("sku")) or "-",
                variant=_text(line.get("variant_title")),
                sku=_text(line.get("sku"), 200),
                product_type=_text(line.get("product_type")),
                tags=_tags(line.get("tags")) or _tags(properties.get("_tags")),
                quantity=quantity if isinstance(quantity, int) and not isinstance(quantity, bool) and quantity >= 0 else 0,
                unit_price=_shown(line, "price", currency),
                requires_shipping=line.get("requires_shipping") is not False,
                gift_card=line.get("gift_card") is True,
                plan=_text(plan.get("name"), 200),
            )
        )
    return tuple(lines)


def _charge(kind: str, label: str | None, amount: Money | None, free_too: bool = False) -> tuple[Charge, ...]:
    if amount is None or amount.amount < 0 or (amount.amount == 0 and not free_too):
        return ()
    return (Charge(kind=kind, label=label or kind.capitalize(), amount=amount),)


def _fees(order: Payload, currency: object) -> tuple[Charge, ...]:
    """Shipping as agreed, taxes by name, duties and tip: what a shopper finds on the receipt beside the lines."""
    fees: list[Charge] = []
    for line in _objects(order.get("shipping_lines")):
        if line.get("is_removed") is not True:
            paid = _shown(line, "discounted_price", currency) or _shown(line, "price", currency)
            fees += _charge("shipping", _text(line.get("title"), 200), paid, free_too=True)
    tax = "tax_included" if order.get("taxes_included") is True else "tax"
    for line in _objects(order.get("tax_lines")):
        fees += _charge(tax, _text(line.get("title"), 200), _shown(line, "price", currency))
    duties = order.get("original_total_duties_set") or order.get("current_total_duties_set")
    fees += _charge("duty", "Duties", _set(duties, "presentment_money"))
    shown = order.get("presentment_currency") or currency
    fees += _charge("tip", "Tip", _amount(order.get("total_tip_received"), shown))
    return tuple(fees)


def _discounts(order: Payload, currency: object) -> tuple[Charge, ...]:
    codes = [code for d in _objects(order.get("discount_codes")) if (code := _text(d.get("code"), 100))]
    titles = [title for d in _objects(order.get("discount_applications")) if (title := _text(d.get("title"), 100))]
    label = ", ".join(dict.fromkeys(codes or titles)) or "Discount"
    return _charge("discount", label[:200], _shown(order, "total_discounts", currency))


def _is_test(order: Payload, ref: str, hook: Hook) -> bool:
    """By the order's own word, which is signed; the header is not, and counts only where the body says nothing."""
    said = order.get("test")
    if ref in TEST_ORDER_IDS or order.get("name") in TEST_ORDER_NAMES:
        return True
    return said if isinstance(said, bool) else hook.is_test


def _is_renewal(order: Payload, tags: Iterable[str]) -> bool:
    return order.get("source_name") in RENEWAL_SOURCES or any(tag.lower() in RENEWAL_TAGS for tag in tags)


def _details(order: Payload, ref: str, hook: Hook) -> OrderDetails | None:
    """The order as its payload describes it, or None where the payload does not (a deletion)."""
    placed_at = _when(order.get("created_at")) or _when(order.get("processed_at"))
    if placed_at is None:
        return None
    customer, shipping, billing = (_object(order.get(n)) for n in ("customer", "shipping_address", "billing_address"))
    place = shipping if _country(shipping.get("country_code")) else billing
    currency, tags, url = order.get("currency"), _tags(order.get("tags")), order.get("order_status_url")
    return OrderDetails(
        name=_text(order.get("name"), 100) or f"#{order.get('order_number') or ref}"[:100],
        placed_at=placed_at,
        as_of=_when(order.get("updated_at")) or placed_at,
        contact=_contact(order),
        customer_ref=_ref(customer.get("id"), customer.get("admin_graphql_api_id")),
        locale=_locale(order.get("customer_locale")),
        country=_country(place.get("country_code")),
        region=_text(place.get("province_code"), 50),
        postcode=_text(place.get("zip"), 50),
        total=_shown(order, "total_price", currency),
        shop_total=_set(order.get("total_price_set"), "shop_money") or _amount(order.get("total_price"), currency),
        discounts=_discounts(order, currency),
        fees=_fees(order, currency),
        lines=_lines(order, currency),
        cancelled_at=_when(order.get("cancelled_at")),
        cancel_reason=_text(order.get("cancel_reason"), 100),
        is_test=_is_test(order, ref, hook),
        is_renewal=_is_renewal(order, tags),
        suppress_notification=SILENT_TAG in (tag.lower() for tag in tags),
        source=_text(order.get("source_name"), 100),
        status_url=url if isinstance(url, str) and re.fullmatch(r"https://[\x21-\x7e]{1,1900}", url) else None,
    )


def _order(kind: OrderFactType) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(order: Payload, hook: Hook) -> Iterable[Fact]:
        ref = _order_ref(order)
        details = _details(order, ref, hook)
        updated = _when(order.get("updated_at")) or hook.triggered_at
        occurred = {
            OrderFactType.PLACED: details.placed_at if details else None,
            OrderFactType.CANCELLED: details.cancelled_at if details else None,
        }.get(kind)
        if details is None and kind in (OrderFactType.PLACED, OrderFactType.UPDATED):
            raise Unreadable("created_at: expected the time of the order")
        heard = hook.received_at if kind is OrderFactType.PLACED else None
        yield OrderFact(type=kind, ref=ref, occurred_at=occurred or updated, order=details, heard_at=heard)
        yield from _observed(_object(order.get("customer")), updated)

    return reader


def _edited(payload: Payload, hook: Hook) -> Iterable[Fact]:
    edit = _object(payload.get("order_edit"))
    occurred = _when(edit.get("committed_at")) or _when(edit.get("created_at")) or hook.triggered_at
    yield OrderFact(type=OrderFactType.EDITED, ref=_order_ref(edit, "order_id", ""), occurred_at=occurred)


def _refunded(refund: Payload, hook: Hook) -> Iterable[Fact]:
    """What was given back is the sum of the successful transactions of kind refund; restocking alone gives nothing back."""
    occurred = _when(refund.get("processed_at")) or _when(refund.get("created_at")) or hook.triggered_at
    ref = _ref(refund.get("id"), refund.get("admin_graphql_api_id"))
    if ref is None:
        raise Unreadable("id: expected the refund's id")
    lines = _objects(refund.get("refund_line_items"))
    known = [_set(line.get("subtotal_set"), "presentment_money") for line in lines]
    known.append(_set(refund.get("total_duties_set"), "presentment_money"))
    otherwise = next((money.currency for money in known if money), None)
    total: Money | None = None
    for transaction in _objects(refund.get("transactions")):
        if transaction.get("kind") == "refund" and transaction.get("status", "success") == "success":
            given = _amount(transaction.get("amount"), transaction.get("currency") or otherwise)
            if given is not None and (total is None or total.currency == given.currency):
                total = total.plus(given) if total else given
    yield OrderFact(
        type=OrderFactType.REFUNDED,
        ref=_order_ref(refund, "order_id", ""),
        occurred_at=occurred,
        refund=Refund(ref=ref, at=occurred, amount=total),
    )


def _prepared_for_pickup(payload: Payload, hook: Hook) -> Iterable[Fact]:
    fulfilment_order = _object(payload.get("fulfillment_order"))
    ref = hook.order_ref or _ref(fulfilment_order.get("order_id"))
    if ref:
        yield OrderFact(type=OrderFactType.READY_FOR_PICKUP, ref=ref, occurred_at=hook.triggered_at)
    else:
        yield OtherFact(type="OrderReadyForPickup", occurred_at=hook.triggered_at, ref=_ref(fulfilment_order.get("id")))


# ---------------------------------------------------------------- customers and consent

_STATES = {
    "subscribed": Says.GIVEN,
    "pending": Says.PENDING,
    "unsubscribed": Says.WITHDRAWN,
    "redacted": Says.WITHDRAWN,
}


def _said(consent: object, channel: Channel, changed: bool) -> tuple[Said, ...]:
    """What a consent object says of its channel.

    Only `subscribed` gives. `not_subscribed`, `invalid` and null are the state of somebody who was never asked: they say
    nothing; but a `not_subscribed` that the consent topic itself tells with its time was changed to that, so it takes back.
    """
    if not isinstance(consent, dict):
        return ()
    state, level, at = consent.get("state"), consent.get("opt_in_level"), _when(consent.get("consent_updated_at"))
    says = _STATES.get(state) if isinstance(state, str) else None
    if says is None and changed and state == "not_subscribed" and at is not None:
        says = Says.WITHDRAWN
    if says is None:
        return ()
    purposes = MARKETING_GIVES if says is not Says.WITHDRAWN else MARKETING_TAKES
    wording = f"Shopify marketing consent, opt-in level {level if isinstance(level, str) else 'unknown'}"[:200]
    confirmed = says is Says.GIVEN and level == "confirmed_opt_in"
    return tuple(
        Said(channel=channel, purpose=purpose, says=says, said_at=at, wording=wording, confirmed=confirmed)
        for purpose in purposes
    )


def _observed(customer: Payload, occurred_at: datetime) -> Iterable[Fact]:
    """Consent that is seen inside another payload (API versions before 2025-01). Its absence says nothing."""
    if "email_marketing_consent" not in customer and "sms_marketing_consent" not in customer:
        return
    said = (
        *_said(customer.get("email_marketing_consent"), Channel.EMAIL, changed=False),
        *_said(customer.get("sms_marketing_consent"), Channel.SMS, changed=False),
    )
    yield ConsentFact(
        type="ConsentObserved",
        occurred_at=occurred_at,
        customer_ref=_ref(customer.get("id"), customer.get("admin_graphql_api_id")),
        contact=_person(customer),
        said=said,
    )


def _person(customer: Payload) -> Contact:
    return Contact(
        email=identity.email(_text(customer.get("email"), 320)),
        phone=identity.phone(_text(customer.get("phone"), 40)),
        name=_name(customer),
    )


def _customer(kind: Literal["CustomerCreated", "CustomerUpdated"]) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(customer: Payload, hook: Hook) -> Iterable[Fact]:
        occurred = _when(customer.get("updated_at")) or hook.triggered_at
        address = _object(customer.get("default_address"))
        yield CustomerFact(
            type=kind,
            occurred_at=occurred,
            customer_ref=_ref(customer.get("id"), customer.get("admin_graphql_api_id")),
            contact=_person(customer),
            locale=_locale(customer.get("locale")),
            country=_country(address.get("country_code")),
            tags=_tags(customer.get("tags")),
        )
        yield from _observed(customer, occurred)

    return reader


def _tagged(added: bool) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        tags = _tags(payload.get("tags"))
        yield CustomerFact(
            type="CustomerTagged",
            occurred_at=_when(payload.get("occurredAt")) or hook.triggered_at,
            customer_ref=_ref(payload.get("customerId")),
            tags=tags if added else (),
            tags_removed=() if added else tags,
        )

    return reader


def _summary(payload: Payload, hook: Hook) -> Iterable[Fact]:
    occurred = _when(payload.get("occurredAt")) or hook.triggered_at
    yield CustomerFact(type="CustomerUpdated", occurred_at=occurred, customer_ref=_ref(payload.get("customerId")))


def _asked(
    kind: Literal["CustomerErasureRequested", "CustomerExportRequested"], orders: str
) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        customer, listed = _object(payload.get("customer")), payload.get(orders)
        yield CustomerFact(
            type=kind,
            occurred_at=hook.triggered_at,
            customer_ref=_ref(customer.get("id")),
            contact=_person(customer),
            orders=tuple(ref for order in (listed if isinstance(listed, list) else []) if (ref := _ref(order))),
        )

    return reader


def _email_consent(payload: Payload, hook: Hook) -> Iterable[Fact]:
    yield ConsentFact(
        type="ConsentChanged",
        occurred_at=hook.triggered_at,
        customer_ref=_ref(payload.get("customer_id")),
        contact=Contact(email=identity.email(_text(payload.get("email_address"), 320))),
        said=_said(payload.get("email_marketing_consent"), Channel.EMAIL, changed=True),
    )


def _sms_consent(payload: Payload, hook: Hook) -> Iterable[Fact]:
    yield ConsentFact(
        type="ConsentChanged",
        occurred_at=hook.triggered_at,
        customer_ref=_ref(payload.get("id")) or _ref(payload.get("customer_id")),
        contact=Contact(phone=identity.phone(_text(payload.get("phone"), 40))),
        said=_said(payload.get("sms_marketing_consent"), Channel.SMS, changed=True),
    )


# ---------------------------------------------------------------- shipments, returns, subscriptions

STATUSES: Mapping[str, ShipmentStatus] = {
    **dict.fromkeys(("label_printed", "label_purchased", "confirmed"), ShipmentStatus.LABEL_CREATED),
    **dict.fromkeys(("in_transit", "carrier_picked_up"), ShipmentStatus.IN_TRANSIT),
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    **dict.fromkeys(("ready_for_pickup", "ready_for_recipient_pickup"), ShipmentStatus.READY_FOR_PICKUP),
    "attempted_delivery": ShipmentStatus.DELIVERY_ATTEMPTED,
    "delayed": ShipmentStatus.DELAYED,
    **dict.fromkeys(("failure", "buyer_action_required"), ShipmentStatus.EXCEPTION),
    "returning_to_sender": ShipmentStatus.RETURN_TO_SENDER,
    **dict.fromkeys(("delivered", "picked_up"), ShipmentStatus.DELIVERED),
}
"""`fulfillment_events.status`; `picked_up` is the shopper's own collection, the carrier's is `carrier_picked_up` (2025-10)."""

NOT_SENT = ("cancelled", "error", "failure")
"""A fulfilment in one of these states holds nothing any more; `pending` and `open` are not shipped yet."""


def _strange(topic: str, payload: Payload) -> str | None:
    """A status that the table does not have: an API version added it."""
    given = payload.get("status") if topic == "fulfillment_events/create" else None
    return f"status: nothing reads {word(given)[:40]}" if _status(given) is None and isinstance(given, str) and given else None


def _status(given: object) -> ShipmentStatus | None:
    return STATUSES.get(str(given).strip().lower())


def _fulfilment(kind: ShipmentFactType) -> Callable[[Payload, Hook], Iterable[Fact]]:
    """A fulfilment: what is in it, its parcels, and whether it left. Scans come by fulfillment_events; of the fulfilment's own
    `shipment_status`, which has no time, only `delivered` is taken: no later change of the fulfilment can be mistaken for it."""

    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        ref = _ref(payload.get("id"), payload.get("admin_graphql_api_id"))
        order = _ref(payload.get("order_id")) or hook.order_ref
        if ref is None or order is None:
            raise Unreadable("id, order_id: expected the fulfilment's id and its order's")
        updated = _when(payload.get("updated_at")) or hook.triggered_at
        created, status = _when(payload.get("created_at")) or updated, str(payload.get("status")).strip().lower()
        scans = [Scan(status=ShipmentStatus.LABEL_CREATED, at=created)]
        if _status(payload.get("shipment_status")) is ShipmentStatus.DELIVERED:
            scans.append(Scan(status=ShipmentStatus.DELIVERED, at=updated))
        start = _object(payload.get("origin_address"))
        yield ShipmentFact(
            type=kind,
            occurred_at=created if kind is ShipmentFactType.CREATED else updated,
            as_of=updated,
            ref=ref,
            order_ref=order,
            parcels=_parcels(payload),
            lines=tuple(_shipped(payload)),
            scans=tuple(scans),
            shipped_at=created if status == "success" else None,
            cancelled_at=updated if status in NOT_SENT else None,
            origin=Origin(
                location=_ref(payload.get("location_id")),
                country=_country(start.get("country_code")),
                region=code(start.get("province_code")),
                postcode=code(start.get("zip")),
            ),
            service=code(payload.get("service")),
            is_test=hook.is_test or order in TEST_ORDER_IDS or str(payload.get("name", "")).split(".")[0] in TEST_ORDER_NAMES,
        )

    return reader


def _parcels(payload: Payload) -> tuple[ToldParcel, ...]:
    """The fulfilment's numbers, each with its link where there are as many links, else with the only one."""
    listed, links = payload.get("tracking_numbers"), payload.get("tracking_urls")
    several: list[Any] = listed if isinstance(listed, list) and any(_text(number, 80) for number in listed) else []
    numbers = several or [payload.get("tracking_number")]
    urls: list[Any] = (links if isinstance(links, list) else []) or [payload.get("tracking_url")]
    company = _text(payload.get("tracking_company"), 80)
    parcels = {}
    for place, number in enumerate(numbers):
        named = _text(number, 80)
        if named:
            url = urls[place] if len(urls) == len(numbers) else urls[0] if len(urls) == 1 else None
            parcels[named] = ToldParcel(number=named, carrier=company, url=_https(url))
    return tuple(parcels.values())[:PARCELS]


def _https(value: object) -> str | None:
    try:
        return https(value) if isinstance(value, str) else None
    except NotHttps:
        return None


def _shipped(payload: Payload) -> Iterable[ShippedLine]:
    for line in _objects(payload.get("line_items"))[:200]:
        ref, quantity = _ref(line.get("id"), line.get("admin_graphql_api_id")), line.get("quantity")
        if ref and isinstance(quantity, int) and not isinstance(quantity, bool) and quantity > 0:
            yield ShippedLine(line_ref=ref, quantity=quantity)


def _scanned(payload: Payload, hook: Hook) -> Iterable[Fact]:
    """A scan of a fulfilment: it names no number, so it speaks of the fulfilment as a whole."""
    ref, order = _ref(payload.get("fulfillment_id")), _ref(payload.get("order_id")) or hook.order_ref
    if ref is None:
        raise Unreadable("fulfillment_id: expected the fulfilment's id")
    at = _when(payload.get("happened_at")) or _when(payload.get("created_at")) or hook.triggered_at
    status, until = _status(payload.get("status")) or ShipmentStatus.UNKNOWN, _when(payload.get("estimated_delivery_at"))
    where = _country(payload.get("country"))
    yield ShipmentFact(
        type=ShipmentFactType.MOVED,
        occurred_at=at,
        ref=ref,
        order_ref=order,
        scans=(Scan(status=status, at=at, country=where, region=code(payload.get("province")) if where else None),),
        eta=Eta(until=until, told_at=_when(payload.get("created_at")) or at) if until else None,
        is_test=hook.is_test or order in TEST_ORDER_IDS,
    )


RETURNS: Mapping[str, Literal["ReturnRequested", "ReturnApproved", "ReturnDeclined", "ReturnSettled"]] = {
    "returns/request": "ReturnRequested",
    "returns/approve": "ReturnApproved",
    "returns/decline": "ReturnDeclined",
    "returns/close": "ReturnSettled",
}
"""That goods are back Shopify tells by their disposition only, whose payload does not name the return."""


def _returned(payload: Payload, hook: Hook) -> Iterable[Fact]:
    """A return of this topic. Only the request was made when the return was; the rest happened when it is told."""
    ref, order = _ref(payload.get("id"), payload.get("admin_graphql_api_id")), _object(payload.get("order"))
    if ref is None:
        raise Unreadable("id: expected the return's id")
    kind = RETURNS[hook.topic]
    created = _when(payload.get("created_at")) if kind == "ReturnRequested" else None
    yield ReturnFact(
        type=kind,
        occurred_at=created or hook.triggered_at,
        ref=ref,
        order_ref=_ref(order.get("id"), order.get("admin_graphql_api_id")) or hook.order_ref,
        request_ref=_request(payload),
    )


def _request(payload: Payload) -> str | None:
    """The reference of our own page, which a shop that makes a return of its request writes into the lines' note."""
    notes = (line.get("customer_note") for line in _objects(payload.get("return_line_items"))[:200])
    return next((note for note in notes if isinstance(note, str) and is_request_ref(note)), None)


def _contract(payload: Payload, hook: Hook) -> Iterable[Fact]:
    ref = _ref(payload.get("id"), payload.get("admin_graphql_api_id"))
    if ref is None:
        raise Unreadable("id: expected the contract's id")
    yield SubscriptionFact(
        type="SubscriptionUpdated",
        occurred_at=_when(payload.get("updated_at")) or hook.triggered_at,
        ref=ref,
        order_ref=_ref(payload.get("origin_order_id"), payload.get("admin_graphql_api_origin_order_id")),
        customer_ref=_ref(payload.get("customer_id"), payload.get("admin_graphql_api_customer_id")),
        status=next((word for word in SUBSCRIPTION_STATUSES if word == str(payload.get("status")).lower()), None),
        every=_every(_object(payload.get("billing_policy"))),
    )


def _every(billing: Payload) -> str | None:
    """The period that is paid for; of a prepaid one several deliveries lie in it."""
    unit, count = _UNITS.get(str(billing.get("interval")).lower()), billing.get("interval_count")
    return f"P{count}{unit}" if unit and type(count) is int and 0 < count < 1000 else None


def _billed(kind: Literal["SubscriptionRenewed", "PaymentFailed"]) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        ref = _ref(payload.get("subscription_contract_id"), payload.get("admin_graphql_api_subscription_contract_id"))
        if ref is None:
            raise Unreadable("subscription_contract_id: expected the contract's id")
        yield SubscriptionFact(
            type=kind,
            occurred_at=_when(payload.get("updated_at")) or hook.triggered_at,
            ref=ref,
            order_ref=_ref(payload.get("order_id"), payload.get("admin_graphql_api_order_id")),
            attempt_ref=_ref(payload.get("id"), payload.get("admin_graphql_api_id")),
        )

    return reader


# ---------------------------------------------------------------- facts that later parts act on


def _other(
    kind: Literal["CheckoutStarted", "CheckoutUpdated", "ShopErasureRequested"], ref: str
) -> Callable[[Payload, Hook], Iterable[Fact]]:
    """A fact that is only journaled, with its own reference."""

    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        times = (payload.get(n) for n in ("updated_at", "created_at"))
        occurred = next((at for value in times if (at := _when(value))), hook.triggered_at)
        yield OtherFact(type=kind, occurred_at=occurred, ref=_ref(payload.get(ref)))

    return reader


_TOPICS: Mapping[str, Callable[[Payload, Hook], Iterable[Fact]]] = {
    "orders/create": _order(OrderFactType.PLACED),
    "orders/updated": _order(OrderFactType.UPDATED),
    "orders/paid": _order(OrderFactType.PAID),
    "orders/partially_fulfilled": _order(OrderFactType.PARTIALLY_FULFILLED),
    "orders/fulfilled": _order(OrderFactType.COMPLETED),
    "orders/cancelled": _order(OrderFactType.CANCELLED),
    "orders/delete": _order(OrderFactType.DELETED),
    "orders/edited": _edited,
    "refunds/create": _refunded,
    "fulfillment_orders/line_items_prepared_for_pickup": _prepared_for_pickup,
    "customers/create": _customer("CustomerCreated"),
    "customers/update": _customer("CustomerUpdated"),
    "customers/enable": _customer("CustomerUpdated"),
    "customers/disable": _customer("CustomerUpdated"),
    "customers/purchasing_summary": _summary,
    "customer.tags_added": _tagged(added=True),
    "customer.tags_removed": _tagged(added=False),
    "customers/data_request": _asked("CustomerExportRequested", "orders_requested"),
    "customers/redact": _asked("CustomerErasureRequested", "orders_to_redact"),
    "customers_email_marketing_consent/update": _email_consent,
    "customers_marketing_consent/update": _sms_consent,
    "shop/redact": _other("ShopErasureRequested", ref="shop_id"),
    "fulfillments/create": _fulfilment(ShipmentFactType.CREATED),
    "fulfillments/update": _fulfilment(ShipmentFactType.UPDATED),
    "fulfillment_events/create": _scanned,
    "returns/request": _returned,
    "returns/approve": _returned,
    "returns/decline": _returned,
    "returns/close": _returned,
    "checkouts/create": _other("CheckoutStarted", ref="token"),
    "checkouts/update": _other("CheckoutUpdated", ref="token"),
    "subscription_contracts/create": _contract,
    "subscription_contracts/update": _contract,
    "subscription_billing_attempts/success": _billed("SubscriptionRenewed"),
    "subscription_billing_attempts/failure": _billed("PaymentFailed"),
}
"""Every topic that is read. Any other is parked with its reason; a word that Shopify adds later loses nothing."""
