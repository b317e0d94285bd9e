"""A customer of years: what the gate reads stays small, and whatever happens to an old order still finds it."""

import random
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.store import load, with_archive
from simulator.cloud import LocalCloud
from tests.journeys.conftest import Shop

HOT = 16 * 1024
ORDERS = 200
CONSENT = ("promotional", "reorder", "survey")


@pytest.fixture
def shop():
    """In memory: moto copies its whole table for every transaction."""
    with LocalCloud("memory", seed=5, switch="on") as running:
        yield Shop(running)


def hot(shop):
    (pk,) = {str(item["pk"]) for item in shop.cloud.items("CustomerTable") if str(item["sk"]) == keys.PROFILE}
    items = shop.cloud.outside().tables.partition("customers", pk, keys.HOT)
    return sum(len(name) + len(str(value).encode()) for item in items for name, value in item.items())


def customer_id(shop):
    (item,) = [item for item in shop.cloud.items("CustomerTable") if str(item["sk"]) == keys.PROFILE]
    return keys.customer_id_of(str(item["pk"]))


def everything(shop):
    return with_archive(shop.cloud.outside().tables, customer_id(shop))


def told(shop, kind, **more):
    shop.put(kind, **{"occurred_at": iso(shop.cloud.now), **more})


def shipped(shop, ref, number):
    told(shop, "ShipmentCreated", ref=f"S-{ref}", order_ref=ref, parcels=[{"number": number, "carrier": "DHL"}])


def scanned(shop, number, status="delivered"):
    at = iso(shop.cloud.now)
    told(shop, "ShipmentMoved", parcels=[{"number": number, "carrier": "DHL", "scans": [{"status": status, "at": at}]}])


def refund(shop, ref, amount="5.00"):
    money = {"amount": amount, "currency": "EUR"}
    told(shop, "OrderRefunded", ref=ref, refund={"ref": f"r-{ref}", "at": iso(shop.cloud.now), "amount": money})


def years(shop, orders=ORDERS):
    """Orders of which some are cancelled, refunded, sent and delivered; the largest hot partition on the way."""
    dice, largest = random.Random(3), 0
    for n in range(orders):
        ref = str(n)
        shop.order(ref, consent=CONSENT if n == 0 else ())
        shop.cloud.advance(hours=dice.uniform(1, 40))
        kind = dice.choice(["cancel", "refund", "deliver", "deliver", "way", "nothing"])
        if kind == "cancel":
            told(shop, "OrderCancelled", ref=ref)
        elif kind == "refund":
            refund(shop, ref, "12.00")
        elif kind in ("deliver", "way"):
            shipped(shop, ref, f"003404341610{n:08}")
            scanned(shop, f"003404341610{n:08}", "in_transit")
            shop.cloud.advance(hours=30)
            if kind == "deliver":
                scanned(shop, f"003404341610{n:08}")
        shop.cloud.advance(hours=1)
        largest = max(largest, hot(shop))
    return largest


def test_hundreds_of_orders_leave_the_hot_partition_small_and_none_is_lost(shop):
    assert years(shop) <= HOT
    whole = everything(shop)
    assert len(whole.orders) == ORDERS
    assert len({order.key for order in whole.orders}) == ORDERS
    assert whole.profile.archived_until is not None
    assert not shop.cloud.dead_letters()
    assert not shop.cloud.errors


def test_what_happens_to_an_archived_order_is_recorded_where_it_lies_and_told(shop):
    years(shop, 60)
    whole = everything(shop)
    assert "store.coffee:0" not in whole.archived
    old = sorted(o.key for o in whole.orders if o.key in whole.archived and not o.closed and not whole.shipments_of(o.key))
    ref = old[0].partition(":")[2]
    before = len(shop.cloud.messages())
    refund(shop, ref)
    shop.cloud.advance(hours=3)
    after = everything(shop)
    assert [r.ref for r in after.order(old[0]).refunds] == [f"r-{ref}"]
    assert old[0] in after.archived
    assert [m["settlement"] for m in shop.cloud.messages()[before:] if m["template"] == "order-refunded"] == ["SENT"]
    told(shop, "OrderCancelled", ref=ref)
    shop.cloud.advance(hours=3)
    assert everything(shop).order(old[0]).closed == "cancelled"
    assert [m["settlement"] for m in shop.cloud.messages()[before:] if m["template"] == "order-cancelled"] == ["SENT"]
    refund(shop, ref)
    shop.cloud.advance(hours=3)
    assert len(everything(shop).order(old[0]).refunds) == 1
    assert len(everything(shop).orders) == 60


def test_a_scan_finds_the_parcel_of_an_archived_order(shop):
    years(shop, 80)
    whole = everything(shop)
    away = [s for s in whole.shipments if s.key in whole.archived and s.delivered_at is None]
    gone = [s for s in whole.shipments if s.key in whole.archived and s.delivered_at is not None]
    assert gone, "there are archived parcels"
    shipment = (away or gone)[0]
    number = shipment.parcels[0].number
    scanned(shop, number, "return_to_sender")
    shop.cloud.advance(hours=1)
    after = next(s for s in everything(shop).shipments if s.key == shipment.key)
    assert after.status == "return_to_sender"
    assert len([i for i in shop.cloud.items("CustomerTable") if str(i["sk"]).endswith(f"SHIPMENT#{shipment.key}")]) == 1


def test_a_reminder_knows_of_a_later_order_that_was_archived(shop):
    shop.order("first", consent=CONSENT)
    shop.cloud.advance(days=1)
    shop.order("again")
    shop.cloud.advance(days=1)
    for n in range(60):
        shop.order(f"n{n}", product_type="Poster", title="A print of a harbour at dawn, in a frame of oak " * 3)
        if n % 2:
            told(shop, "OrderCancelled", ref=f"n{n}")
    whole = everything(shop)
    assert "coffee:first" in whole.archived and "coffee:again" in whole.archived
    shop.cloud.advance(days=80)
    reminders = {m["key"]: m["settlement"] for m in shop.cloud.messages() if m["template"] == "reorder-reminder"}
    assert "SENT" not in {settled for key, settled in reminders.items() if "coffee:first" in key}


def test_the_record_is_one_query_while_what_it_is_about_is_hot(shop):
    years(shop, 60)
    whole = everything(shop)
    newest = max((o for o in whole.orders if o.key not in whole.archived), key=lambda o: o.placed_at)
    tables = shop.cloud.outside().tables
    assert load(tables, whole.id, newest.key).archived == frozenset()
    assert load(tables, whole.id).archived == frozenset()
    assert load(tables, whole.id, next(iter(whole.archived))).archived == whole.archived
    assert timedelta(0) < newest.placed_at - whole.profile.archived_until
