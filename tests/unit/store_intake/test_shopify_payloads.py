"""Every stored Shopify payload gives what is expected of it, by HTTPS and by the partner bus."""

import base64
import importlib.util
import json
from pathlib import Path

import pytest

from aftercare.brand import ReorderLink, brand
from store_intake.handler import handle
from tests.small_outside import Context, sqs

SHARED = Path(__file__).resolve().parents[4] / "shared" / "payloads"
HERE = (SHARED / "expected.json").exists()
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not HERE, reason="the stored payloads are not in this checkout"),
]
EXPECTED = {
    name.removeprefix("shopify/"): outcome
    for name, outcome in (json.loads((SHARED / "expected.json").read_text())["expected"] if HERE else {}).items()
    if name.startswith("shopify/")
}
NAMES = sorted(EXPECTED)

OURS = {
    "order.placed": "OrderPlaced",
    "order.paid": "OrderPaid",
    "order.edited": "OrderEdited",
    "order.partially_fulfilled": "OrderPartiallyFulfilled",
    "order.cancelled": "OrderCancelled",
    "order.refunded": "OrderRefunded",
    "order.ready_for_pickup": "OrderReadyForPickup",
    "consent.observed": "ConsentObserved",
    "consent.changed": "ConsentChanged",
    "customer.updated": "CustomerUpdated",
    "customer.tagged": "CustomerTagged",
    "customer.export_requested": "CustomerExportRequested",
    "customer.erasure_requested": "CustomerErasureRequested",
    "shop.erasure_requested": "ShopErasureRequested",
    "shipment.created": "ShipmentCreated",
    "shipment.updated": "ShipmentUpdated",
    "shipment.status_changed": "ShipmentMoved",
    "return.requested": "ReturnRequested",
    "checkout.started": "CheckoutStarted",
    "checkout.updated": "CheckoutUpdated",
    "subscription.updated": "SubscriptionUpdated",
    "subscription.renewed": "SubscriptionRenewed",
}


def _sign():
    spec = importlib.util.spec_from_file_location("sign", SHARED / "sign.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_https(name, base64_body=True):
    sign = _sign()
    return sign.http_api_event(sign.request_for(sign.load(f"shopify/{name}.json"), "s3cret"), base64_body=base64_body)


def by_partner_bus(name):
    doc = json.loads((SHARED / "shopify" / f"{name}.json").read_text())
    metadata = {k.replace("Hmac-Sha256", "Hmac-SHA256"): v for k, v in doc["headers"].items()}
    return {
        "version": "0",
        "id": "e1",
        "detail-type": "shopifyWebhook",
        "source": "aws.partner/shopify.com/1/source",
        "account": "1",
        "time": "2026-04-02T18:00:28Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {"payload": doc.get("body") or json.loads(doc["raw_body"]), "metadata": metadata},
    }


@pytest.mark.parametrize("base64_body", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_by_https_every_payload_gives_its_facts(small, name, base64_body):
    answer = handle(by_https(name, base64_body), Context())
    assert answer["statusCode"] == 200
    told = json.loads(answer["body"])
    assert told["status"] == "recorded"
    assert told["facts"] == [OURS[event] for event in EXPECTED[name]["events"]]
    assert len(small.items("DELIVERY#")) == 1


@pytest.mark.parametrize("name", NAMES)
def test_by_the_partner_bus_every_payload_gives_the_same_record(small, name):
    assert handle(sqs(by_partner_bus(name)), Context()) == {"batchItemFailures": []}
    by_bus = small.untouched()
    again = json.loads(handle(by_https(name), Context())["body"])
    assert again["status"] == "duplicate"
    assert again["facts"] == [OURS[event] for event in EXPECTED[name]["events"]]
    assert small.untouched() == by_bus


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("orders_") and "edited" not in n])
def test_an_order_is_on_record_as_the_shopper_knows_it(small, name):
    handle(by_https(name), Context())
    expected, customer = EXPECTED[name], small.customer()
    (order,) = customer.orders
    assert order.ref == expected["order_ref"]
    assert order.name == expected["order_name"]
    assert order.contact.email == expected["email"]
    assert order.is_test is expected["test"]
    if "amount" in expected:
        assert (str(order.total.amount), order.total.currency) == (expected["amount"], expected["currency"])
    if "shop_amount" in expected:
        assert (str(order.shop_total.amount), order.shop_total.currency) == (expected["shop_amount"], expected["shop_currency"])
    if "placed_at" in expected:
        assert order.placed_at.isoformat().replace("+00:00", "Z") == expected["placed_at"]
    assert customer.consent.heads == ()


@pytest.mark.parametrize("name", [n for n in NAMES if "consent" in n or n.startswith("customers_update")])
def test_no_stored_payload_gives_consent(small, name):
    handle(by_https(name), Context())
    assert not small.items("EVIDENCE#")


def test_all_payloads_in_any_order_and_twice_change_nothing_the_second_time(small):
    for name in reversed(NAMES):
        handle(by_https(name), Context())
    once = small.untouched()
    for name in NAMES:
        assert json.loads(handle(sqs_or_http(name), Context())["body"])["status"] == "duplicate"
    assert small.untouched() == once
    assert small.told().count("OrderPlaced") == 3


def sqs_or_http(name):
    return by_https(name)


def test_a_wrong_secret_writes_nothing(small):
    event = by_https("orders_create.aud_single_currency")
    raw = base64.b64decode(event["body"])
    event["body"] = base64.b64encode(raw + b" ").decode()
    assert handle(event, Context())["statusCode"] == 401
    assert small.items() == []


@pytest.mark.parametrize("name", ["orders_create.multi_currency_usd_on_aud_shop", "orders_create.api_2024-04_with_consent"])
def test_the_lines_of_a_stored_order_fill_shopifys_cart(small, name):
    handle(by_https(name), Context())
    told = by_partner_bus(name)["detail"]["payload"]["line_items"]
    cart = ReorderLink(url="https://b.example/cart/{items}", item="{variant}:{quantity}")
    shop = brand().shop.model_copy(update={"reorder": cart})
    wanted = ",".join(f"{line['variant_id']}:{line['quantity']}" for line in told)
    assert shop.reorder_url(small.customer().orders[0].lines) == f"https://b.example/cart/{wanted}"
