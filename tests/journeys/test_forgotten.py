"""Forgotten: no store of the local cloud holds a byte of a person afterwards, also after what comes late or twice."""

import json
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.consent import Channel, Purpose
from aftercare.store import load
from simulator.cloud import LocalCloud
from tests.journeys.conftest import Shop

EMAIL, OLD_EMAIL, PHONE, NAME = "canary.k1@example.com", "canary.k2@example.com", "+4915112345671", "Canaria K3"
REGION, POSTCODE, TITLE, TAG, NUMBER = "CanaryRegion K4", "K5CANARY", "Canary gift for K6", "canary-k7", "00340434161094999971"
CANARIES = (EMAIL, OLD_EMAIL, PHONE, NAME, REGION, POSTCODE, TITLE, TAG, NUMBER)
PEER = "peer@example.com"


@pytest.fixture(params=["memory", "moto"])
def shop(request):
    with LocalCloud(request.param, seed=7, switch="on") as running:
        yield Shop(running)


def readable(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def beside(cloud):
    """Every store but the tables, by name: queues with their dead letters, schedules, executions, the bus and all logs."""
    queues = {queue.name: cloud.queued(queue.logical_id) for queue in cloud.template.queues}
    schedules = [known.given for known in cloud.scheduler._schedules.values()]
    executions = [(one.name, one.input) for one in cloud.executions.list()]
    # The journal's lines of mail are the mailbox of the customer's own provider, outside the house.
    journal = [line for line in cloud.journal.as_lines() if " mail " not in line]
    return {"queues": queues, "schedules": schedules, "executions": executions, "journal": journal, "log": cloud.log}


def found(store, signs=CANARIES):
    text = json.dumps(store, default=readable, ensure_ascii=False).casefold()
    return {sign for sign in signs if sign.casefold() in text}


def tables(cloud):
    return [*cloud.items("CustomerTable"), *cloud.items("KnowledgeTable")]


def placed(shop, ref, email=EMAIL, **more):
    """An order with a canary in every personal field."""
    contact = {"email": email, "phone": PHONE, "name": NAME}
    # Dear enough that a reminder pays: else nothing would be proposed that consent could refuse.
    price = {"amount": "23.90", "currency": "EUR"}
    line = {"line_ref": "1", "product_ref": "P-1", "title": TITLE, "quantity": 1, "product_type": "Coffee", "unit_price": price}
    given = {"contact": contact, "customer_ref": "C-1", "region": REGION, "postcode": POSTCODE, "lines": [line], **more}
    shop.order(ref, email=None, consent=("promotional", "reorder"), **given)


def parcel(shop, ref, number=NUMBER):
    at = iso(shop.cloud.now)
    shop.put("ShipmentCreated", ref=f"S-{ref}", order_ref=ref, occurred_at=at, parcels=[{"number": number, "carrier": "DHL"}])


def scan(shop, status="in_transit", number=NUMBER):
    at = iso(shop.cloud.now)
    shop.put(
        "ShipmentMoved", occurred_at=at, parcels=[{"number": number, "carrier": "DHL", "scans": [{"status": status, "at": at}]}]
    )


def lived(shop):
    """A customer with two addresses, two orders, a parcel, a case, a held message, a broken delivery; and a neighbour."""
    shop.order("900", email=PEER)
    placed(shop, "1", email=OLD_EMAIL)
    shop.cloud.advance(days=2)
    placed(shop, "2")
    account = {"email": EMAIL, "phone": PHONE, "name": NAME}
    shop.put("CustomerUpdated", customer_ref="C-1", contact=account, tags=[TAG], occurred_at=iso(shop.cloud.now))
    parcel(shop, "2")
    shop.cloud.advance(hours=20)
    scan(shop)
    shop.put("SupportCaseOpened", ref="CASE-1", topic="where_is_my_order", order_ref="2", occurred_at=iso(shop.cloud.now))
    shop.put("OrderPlaced", ref="3", occurred_at="no time", order={"contact": {"email": EMAIL.upper(), "name": NAME}})
    at = iso(shop.cloud.now)
    shop.put("RestockRequested", product_ref="P-2", customer_ref="C-1", contact=account, occurred_at=at)
    told = {"title": {"en": "A lid"}, "text": {"en": "It may come loose."}, "url": "https://shop.example.com/lid"}
    shop.put("AnnouncementPublished", ref="a-1", kind="safety", product_refs=["P-1"], occurred_at=at, **told)
    shop.cloud.advance(hours=1)
    (profile,) = [i for i in shop.cloud.items("CustomerTable") if i["sk"] == keys.PROFILE and EMAIL in str(i["doc"])]
    return keys.customer_id_of(str(profile["pk"]))


def erase(shop):
    """The shop asks for it; done after the second look."""
    account = {"email": EMAIL, "phone": PHONE}
    shop.put("CustomerErasureRequested", customer_ref="C-1", contact=account, occurred_at=iso(shop.cloud.now))
    shop.cloud.advance(hours=1)


def test_nothing_of_an_erased_person_is_left_and_nothing_brings_it_back(shop):
    customer_id = lived(shop)
    cloud = shop.cloud
    assert found(tables(cloud)) == set(CANARIES)
    assert found(beside(cloud)) == set()
    peer = [item for item in cloud.items("CustomerTable") if "peer@example.com" in str(item.get("doc"))]
    erased_at = cloud.now

    erase(shop)

    assert found(tables(cloud)) == set()
    # Late and again: an update of an old order, an order placed before, a scan, the account, consent.
    before = iso(erased_at - timedelta(days=1))
    for ref, email in (("1", OLD_EMAIL), ("2", EMAIL), ("77", EMAIL)):
        placed(shop, ref, email=email, placed_at=before)
    parcel(shop, "2")
    scan(shop, "delivered")
    account = {"email": EMAIL, "phone": PHONE, "name": NAME}
    shop.put("CustomerUpdated", customer_ref="C-1", contact=account, tags=[TAG], occurred_at=iso(cloud.now))
    said = [{"channel": "email", "purpose": "promotional", "says": "given", "confirmed": True}]
    shop.put("ConsentChanged", customer_ref="C-1", contact=account, said=said, occurred_at=before)
    erase(shop)  # and the wish itself, once more
    cloud.advance(days=40)
    assert found(tables(cloud)) == set()
    assert found(beside(cloud)) == set()
    assert [item for item in cloud.items("CustomerTable") if "peer@example.com" in str(item.get("doc"))] == peer
    assert not [item for item in cloud.items("CustomerTable") if item["sk"] == keys.PROFILE and customer_id in str(item["pk"])]
    assert cloud.dead_letters() == {}


def test_who_orders_again_is_a_new_customer_without_marketing_until_they_consent_again(shop):
    customer_id = lived(shop)
    erase(shop)
    shop.cloud.advance(days=1)
    placed(shop, "4")
    (profile,) = [i for i in shop.cloud.items("CustomerTable") if i["sk"] == keys.PROFILE and EMAIL in str(i["doc"])]
    again = keys.customer_id_of(str(profile["pk"]))
    assert again != customer_id
    customer = load(shop.cloud.outside().tables, again)
    assert [order.ref for order in customer.orders] == ["4"]
    assert customer.consent.head(Channel.EMAIL, Purpose.REORDER) is not None
    shop.cloud.advance(days=40)
    for template in ("reorder-reminder", "reorder-nudge"):
        assert [m["settlement"] for m in shop.messages(template) if m["customer"] == again] == ["REFUSED"]
    # The confirmation of what they bought is no marketing.
    assert [m["settlement"] for m in shop.messages("order-confirmation") if m["customer"] == again] == ["SENT"]
