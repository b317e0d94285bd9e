"""Orders: what they are, what was changed, refunded or made ready. Amounts are those the shopper was shown (presentment money),
with the shop's own books beside them."""

import re
from collections.abc import Callable, Iterable

from aftercare import identity
from aftercare.customer import Charge, Contact, OrderLine, Refund
from aftercare.facts import Fact, OrderDetails, OrderFact, OrderFactType, OtherFact
from aftercare.money import Money
from store_intake.received import Unreadable
from store_intake.shopify.payload import (
    Hook,
    Payload,
    amount_of,
    country_of,
    instant_of,
    locale_of,
    money_of_set,
    object_of,
    objects_of,
    order_ref_of,
    ref_of,
    shown_amount,
    tags_of,
    text_of,
)
from store_intake.shopify.people import name_of, observed_consent

SILENT_TAG = "aftercare-silent"
"""An order with this tag is recorded and nothing is sent about it."""

RENEWAL_SOURCES = ("subscription_contract",)

RENEWAL_TAGS = ("subscription recurring order", "subscription_recurring_order", "recurring_order")
"""How the order of a renewal is known: Shopify's own subscription source, and the tags of the large subscription apps."""

TEST_ORDER_IDS = ("820982911946154508",)

TEST_ORDER_NAMES = ("#9999",)
"""What "Send test notification" sends."""


def _contact(order: Payload) -> Contact:
    """`contact_email`, else `email`, else the customer's; the first number that is one. A national number is a guess."""
    customer, billing, shipping = (object_of(order.get(n)) for n in ("customer", "billing_address", "shipping_address"))
    addresses = (order.get("contact_email"), order.get("email"), customer.get("email"))
    email = next((a for text in addresses if isinstance(text, str) and (a := identity.email(text))), None)
    numbers = (order.get("phone"), shipping.get("phone"), billing.get("phone"), customer.get("phone"))
    phone = next((p for text in numbers if isinstance(text, str) and (p := identity.phone(text))), None)
    own = customer if email is not None and identity.email(text_of(customer.get("email"))) == email else {}
    return Contact(email=email, phone=phone, name=name_of(own) or name_of(billing) or name_of(shipping) or name_of(customer))


def _lines(order: Payload, currency: object) -> tuple[OrderLine, ...]:
    lines = []
    for place, line in enumerate(objects_of(order.get("line_items"))):
        quantity = line.get("current_quantity", line.get("quantity"))
        properties = {text_of(p.get("name")): p.get("value") for p in objects_of(line.get("properties"))}
        plan = object_of(object_of(line.get("selling_plan_allocation")).get("selling_plan"))
        lines.append(
            OrderLine(
                line_ref=ref_of(line.get("id"), line.get("admin_graphql_api_id")) or str(place),
                product_ref=ref_of(line.get("product_id")),
                variant_ref=ref_of(line.get("variant_id")),
                title=text_of(line.get("title")) or text_of(line.get("name")) or text_of(line.get("sku")) or "-",
                variant=text_of(line.get("variant_title")),
                sku=text_of(line.get("sku"), 200),
                product_type=text_of(line.get("product_type")),
                tags=tags_of(line.get("tags")) or tags_of(properties.get("_tags")),
                quantity=quantity if isinstance(quantity, int) and not isinstance(quantity, bool) and quantity >= 0 else 0,
                unit_price=shown_amount(line, "price", currency),
                requires_shipping=line.get("requires_shipping") is not False,
                gift_card=line.get("gift_card") is True,
                plan=text_of(plan.get("name"), 200),
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
    for line in objects_of(order.get("shipping_lines")):
        if line.get("is_removed") is not True:
            paid = shown_amount(line, "discounted_price", currency) or shown_amount(line, "price", currency)
            fees += _charge("shipping", text_of(line.get("title"), 200), paid, free_too=True)
    tax = "tax_included" if order.get("taxes_included") is True else "tax"
    for line in objects_of(order.get("tax_lines")):
        fees += _charge(tax, text_of(line.get("title"), 200), shown_amount(line, "price", currency))
    duties = order.get("original_total_duties_set") or order.get("current_total_duties_set")
    fees += _charge("duty", "Duties", money_of_set(duties, "presentment_money"))
    shown = order.get("presentment_currency") or currency
    fees += _charge("tip", "Tip", amount_of(order.get("total_tip_received"), shown))
    return tuple(fees)


def _discounts(order: Payload, currency: object) -> tuple[Charge, ...]:
    codes = [code for d in objects_of(order.get("discount_codes")) if (code := text_of(d.get("code"), 100))]
    titles = [title for d in objects_of(order.get("discount_applications")) if (title := text_of(d.get("title"), 100))]
    label = ", ".join(dict.fromkeys(codes or titles)) or "Discount"
    return _charge("discount", label[:200], shown_amount(order, "total_discounts", currency))


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
    placed_at = instant_of(order.get("created_at")) or instant_of(order.get("processed_at"))
    if placed_at is None:
        return None
    customer, shipping, billing = (object_of(order.get(n)) for n in ("customer", "shipping_address", "billing_address"))
    place = shipping if country_of(shipping.get("country_code")) else billing
    currency, tags, url = order.get("currency"), tags_of(order.get("tags")), order.get("order_status_url")
    return OrderDetails(
        name=text_of(order.get("name"), 100) or f"#{order.get('order_number') or ref}"[:100],
        placed_at=placed_at,
        as_of=instant_of(order.get("updated_at")) or placed_at,
        contact=_contact(order),
        customer_ref=ref_of(customer.get("id"), customer.get("admin_graphql_api_id")),
        locale=locale_of(order.get("customer_locale")),
        country=country_of(place.get("country_code")),
        region=text_of(place.get("province_code"), 50),
        postcode=text_of(place.get("zip"), 50),
        total=shown_amount(order, "total_price", currency),
        shop_total=money_of_set(order.get("total_price_set"), "shop_money") or amount_of(order.get("total_price"), currency),
        discounts=_discounts(order, currency),
        fees=_fees(order, currency),
        lines=_lines(order, currency),
        cancelled_at=instant_of(order.get("cancelled_at")),
        cancel_reason=text_of(order.get("cancel_reason"), 100),
        is_test=_is_test(order, ref, hook),
        is_renewal=_is_renewal(order, tags),
        suppress_notification=SILENT_TAG in (tag.lower() for tag in tags),
        source=text_of(order.get("source_name"), 100),
        status_url=url if isinstance(url, str) and re.fullmatch(r"https://[\x21-\x7e]{1,1900}", url) else None,
    )


def order_facts(kind: OrderFactType) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(order: Payload, hook: Hook) -> Iterable[Fact]:
        ref = order_ref_of(order)
        details = _details(order, ref, hook)
        updated = instant_of(order.get("updated_at")) or hook.triggered_at
        occurred = {
            OrderFactType.PLACED: details.placed_at if details else None,
            OrderFactType.CANCELLED: details.cancelled_at if details else None,
        }.get(kind)
        if details is None and kind in (OrderFactType.PLACED, OrderFactType.UPDATED):
            raise Unreadable("created_at: expected the time of the order")
        heard = hook.received_at if kind is OrderFactType.PLACED else None
        yield OrderFact(type=kind, ref=ref, occurred_at=occurred or updated, order=details, heard_at=heard)
        yield from observed_consent(object_of(order.get("customer")), updated)

    return reader


def edit_facts(payload: Payload, hook: Hook) -> Iterable[Fact]:
    edit = object_of(payload.get("order_edit"))
    occurred = instant_of(edit.get("committed_at")) or instant_of(edit.get("created_at")) or hook.triggered_at
    yield OrderFact(type=OrderFactType.EDITED, ref=order_ref_of(edit, "order_id", ""), occurred_at=occurred)


def refund_facts(refund: Payload, hook: Hook) -> Iterable[Fact]:
    """What was given back is the sum of the successful transactions of kind refund; restocking alone gives nothing back."""
    occurred = instant_of(refund.get("processed_at")) or instant_of(refund.get("created_at")) or hook.triggered_at
    ref = ref_of(refund.get("id"), refund.get("admin_graphql_api_id"))
    if ref is None:
        raise Unreadable("id: expected the refund's id")
    lines = objects_of(refund.get("refund_line_items"))
    known = [money_of_set(line.get("subtotal_set"), "presentment_money") for line in lines]
    known.append(money_of_set(refund.get("total_duties_set"), "presentment_money"))
    otherwise = next((money.currency for money in known if money), None)
    total: Money | None = None
    for transaction in objects_of(refund.get("transactions")):
        if transaction.get("kind") == "refund" and transaction.get("status", "success") == "success":
            given = amount_of(transaction.get("amount"), transaction.get("currency") or otherwise)
            if given is not None and (total is None or total.currency == given.currency):
                total = total.plus(given) if total else given
    yield OrderFact(
        type=OrderFactType.REFUNDED,
        ref=order_ref_of(refund, "order_id", ""),
        occurred_at=occurred,
        refund=Refund(ref=ref, at=occurred, amount=total),
    )


def pickup_facts(payload: Payload, hook: Hook) -> Iterable[Fact]:
    fulfilment_order = object_of(payload.get("fulfillment_order"))
    ref = hook.order_ref or ref_of(fulfilment_order.get("order_id"))
    if ref:
        yield OrderFact(type=OrderFactType.READY_FOR_PICKUP, ref=ref, occurred_at=hook.triggered_at)
    else:
        yield OtherFact(type="OrderReadyForPickup", occurred_at=hook.triggered_at, ref=ref_of(fulfilment_order.get("id")))
