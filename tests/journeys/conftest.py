"""A local cloud on moto for every journey: real adapters, real expressions, real handlers, one virtual clock."""

import base64
import hashlib
import hmac
import json

import pytest

from aftercare.clock import iso
from simulator.cloud import LocalCloud
from tests.kept_items import watch

SECRET = "s3cret"


class Shop:
    """A store as it stands outside: it sends webhooks and puts events, and looks at what its customers got."""

    def __init__(self, cloud):
        self.cloud = cloud
        self._deliveries = 0

    def webhook(self, topic, body, webhook_id=None, secret=SECRET, shop="demo.myshopify.com", headers=None):
        """One Shopify delivery by HTTPS with a valid signature (or with another secret's)."""
        self._deliveries += 1
        raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        given = {
            "content-type": "application/json",
            "x-shopify-topic": topic,
            "x-shopify-shop-domain": shop,
            "x-shopify-webhook-id": webhook_id or f"w{self._deliveries}",
            "x-shopify-event-id": "the-same-for-all",
            "x-shopify-hmac-sha256": base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode(),
            **(headers or {}),
        }
        return self.cloud.http("POST", "/webhooks/shopify", {k: v for k, v in given.items() if v is not None}, raw)

    def partner_event(self, topic, body, webhook_id, shop="demo.myshopify.com"):
        """The same delivery by Shopify's EventBridge partner source, as it stands in the intake's queue."""
        metadata = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": shop,
            "X-Shopify-Webhook-Id": webhook_id,
            "X-Shopify-Event-Id": "the-same-for-all",
            "X-Shopify-API-Version": "2026-04",
            "X-Shopify-Triggered-At": "2026-03-02T09:00:00.123456789Z",
        }
        envelope = {
            "source": "aws.partner/shopify.com/1234/aftercare",
            "detail-type": "shopifyWebhook",
            "detail": {"payload": body, "metadata": metadata},
        }
        self.cloud.publish(envelope, bus=PARTNER_BUS)

    def put(self, detail_type, **detail):
        """One event of a custom store on the store bus."""
        entry = {
            "Source": "store.coffee",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "EventBusName": self.cloud.store_bus,
        }
        self.cloud.put_events([entry])
        self.cloud.run()

    def order(self, ref, product_type="Coffee", title="House espresso", consent=(), email="anna@example.com", **more):
        """An order placed now in the custom store."""
        now = iso(self.cloud.now)
        contact = {"email": email, "name": "Anna"} if email else {}
        price = {"amount": "23.90", "currency": "EUR"}
        line = {"line_ref": "1", "title": title, "quantity": 1, "product_type": product_type, "unit_price": price}
        details = {
            "name": f"#{ref}",
            "placed_at": now,
            "contact": contact,
            "country": "DE",
            "total": {"amount": "12.00", "currency": "EUR"},
            "lines": [line],
            **more,
        }
        said = [{"channel": "email", "purpose": purpose, "says": "given", "confirmed": True} for purpose in consent]
        self.put("OrderPlaced", ref=ref, occurred_at=now, order=details, consent=said)

    def messages(self, template):
        return [m for m in self.cloud.messages() if m["template"] == template]

    def only(self, template):
        found = self.messages(template)
        assert len(found) == 1, found
        return found[0]

    def letters(self, address="anna@example.com"):
        return self.cloud.mailbox.to(address)


PARTNER_BUS = "aws.partner/shopify.com/1234/aftercare"


@pytest.fixture(autouse=True)
def kept_as_listed(monkeypatch):
    """Whatever a journey writes is of a kind that is listed, and ends when its class of retention says."""
    found = watch(monkeypatch)
    yield
    assert list(found) == []


@pytest.fixture
def cloud():
    with LocalCloud(
        "moto",
        seed=11,
        switch="on",
        ssm={"/aftercare/shopify-secrets": SECRET},
        parameters={"ShopifyEventBusName": PARTNER_BUS},
    ) as running:
        yield running


@pytest.fixture
def shop(cloud):
    return Shop(cloud)
