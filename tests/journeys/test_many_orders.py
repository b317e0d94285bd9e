"""A customer of years: what the gate reads stays small, and whatever happens to an old order still finds it."""

import random
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.store import HOT_CASES, load, with_archive
from customer_pages.choices import give_cue
from message_gate.frequency import frequency_policy, quiet
from simulator.cloud import LocalCloud
from simulator.commands import records
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


def archived(whole):
    """The orders and the shipments that lie in the archive, by their keys."""
    orders = {o.key: o for o in whole.orders if whole.order_place(o.key).sk.startswith(keys.ARCHIVE)}
    shipments = {s.key: s for s in whole.shipments if whole.shipment_place(s.key).sk.startswith(keys.ARCHIVE)}
    return orders, shipments


def lies_once(shop):
    """Nothing lies in two places."""
    places = [str(item["sk"]).removeprefix(keys.ARCHIVE) for item in shop.cloud.items("CustomerTable")]
    records = [sk for sk in places if sk.startswith((keys.ORDER, keys.SHIPMENT, keys.CASE))]
    return len(records) == len(set(records))


def told_of(shop, kind):
    """The orders of which the bus was told."""
    told = (e.fields for e in shop.cloud.journal.entries("event"))
    return [str(fields["order"]) for fields in told if fields.get("type") == kind]


def test_hundreds_of_orders_leave_the_hot_partition_small_and_none_is_lost(shop):
    assert years(shop) <= HOT
    whole = everything(shop)
    assert len(whole.orders) == ORDERS
    assert lies_once(shop)
    assert whole.profile.archived_until is not None
    assert not shop.cloud.dead_letters()
    assert not shop.cloud.errors


def test_what_happens_to_an_archived_order_is_recorded_where_it_lies_and_told(shop):
    years(shop, 60)
    whole = everything(shop)
    old = sorted(key for key, order in archived(whole)[0].items() if not order.closed and not whole.shipments_of(key))
    ref = old[0].partition(":")[2]
    before = len(shop.cloud.messages())
    refund(shop, ref)
    shop.cloud.advance(hours=3)
    after = everything(shop)
    assert [r.ref for r in after.order(old[0]).refunds] == [f"r-{ref}"]
    assert old[0] in archived(after)[0]
    assert [m["settlement"] for m in shop.cloud.messages()[before:] if m["template"] == "order-refunded"] == ["SENT"]
    told(shop, "OrderCancelled", ref=ref)
    shop.cloud.advance(hours=3)
    assert everything(shop).order(old[0]).closed == "cancelled"
    assert [m["settlement"] for m in shop.cloud.messages()[before:] if m["template"] == "order-cancelled"] == ["SENT"]
    refund(shop, ref)
    shop.cloud.advance(hours=3)
    assert len(everything(shop).order(old[0]).refunds) == 1
    assert len(everything(shop).orders) == 60
    assert lies_once(shop)


def test_a_scan_finds_the_parcel_of_an_archived_order(shop):
    years(shop, 80)
    gone = archived(everything(shop))[1]
    shipment = next(iter(gone.values()))
    scanned(shop, shipment.parcels[0].number, "return_to_sender")
    shop.cloud.advance(hours=1)
    assert archived(everything(shop))[1][shipment.key].status == "return_to_sender"
    assert lies_once(shop)


def test_orders_of_one_day_that_are_sent_weeks_later_are_all_delivered_once(shop):
    """Their shipments come when most of these orders lie in the archive already."""
    count, largest = 40, 0
    for n in range(count):
        shop.order(str(n))
        shop.cloud.advance(minutes=10)
    shop.cloud.advance(days=20)
    assert len(archived(everything(shop))[0]) > count // 2
    for n in range(count):
        shipped(shop, str(n), f"003404341610{n:08}")
        scanned(shop, f"003404341610{n:08}", "in_transit")
        shop.cloud.advance(minutes=10)
        largest = max(largest, hot(shop))
    shop.cloud.advance(days=1)
    for n in range(count):
        scanned(shop, f"003404341610{n:08}")
        scanned(shop, f"003404341610{n:08}", "in_transit")
        largest = max(largest, hot(shop))
    shop.cloud.advance(hours=5)
    assert largest <= HOT
    assert len(everything(shop).shipments) == count
    assert all(s.delivered_at for s in everything(shop).shipments)
    assert sorted(told_of(shop, "OrderDelivered")) == sorted(f"coffee:{n}" for n in range(count))
    sent = [m["key"] for m in shop.cloud.messages() if m["template"] == "parcel-delivered" and m["settlement"] == "SENT"]
    assert len(sent) == len(set(sent)) == count
    assert lies_once(shop)
    assert not shop.cloud.errors


def test_an_archived_order_in_two_shipments_is_delivered_with_the_second(shop):
    shop.order("split")
    for parcel in ("a", "b"):
        shop.cloud.advance(days=1)
        for n in range(25):
            shop.order(f"{parcel}{n}", title="A print of a harbour at dawn, in a frame of oak " * 3)
        told(
            shop,
            "ShipmentCreated",
            ref=parcel,
            order_ref="split",
            parcels=[{"number": f"PARCEL-{parcel}-1000", "carrier": "DHL"}],
            lines=[{"line_ref": "1", "quantity": 1}],
        )
    for n in range(25):
        shop.order(f"c{n}", title="A print of a harbour at dawn, in a frame of oak " * 3)
    scanned(shop, "PARCEL-a-1000")
    assert "coffee:split" not in told_of(shop, "OrderDelivered")
    scanned(shop, "PARCEL-b-1000")
    assert told_of(shop, "OrderDelivered") == ["coffee:split"]
    assert "coffee:split" in archived(everything(shop))[0]
    assert everything(shop).delivered_at("coffee:split")


def test_a_shipment_of_several_orders_is_found_by_each_of_them(shop):
    shop.order("one")
    for n in range(25):
        shop.order(f"a{n}", title="A print of a harbour at dawn, in a frame of oak " * 3)
    shop.order("two")
    told(shop, "ShipmentCreated", ref="both", order_refs=["one", "two"], parcels=[{"number": "PARCEL-1000", "carrier": "DHL"}])
    for n in range(25):
        shop.order(f"b{n}", title="A print of a harbour at dawn, in a frame of oak " * 3)
        shop.cloud.advance(days=1)
    scanned(shop, "PARCEL-1000")
    for n in range(25):
        shop.order(f"c{n}", title="A print of a harbour at dawn, in a frame of oak " * 3)
    assert {"coffee:one", "coffee:two"} <= archived(everything(shop))[0].keys()
    assert "coffee:both" in archived(everything(shop))[1]
    assert sorted(told_of(shop, "OrderDelivered")) == ["coffee:one", "coffee:two"]
    tables, whose = shop.cloud.outside().tables, customer_id(shop)
    for ref in ("one", "two"):
        assert load(tables, whose, f"coffee:{ref}").delivered_at(f"coffee:{ref}")
    assert load(tables, whose, shipments=("coffee:both",)).order("coffee:one")


def test_an_order_and_a_shipment_of_one_reference_are_two_records(shop):
    for n in range(60):
        shop.order(str(n))
        told(shop, "ShipmentCreated", ref=str(n), order_ref=str(n), parcels=[{"number": f"P-{n:08}", "carrier": "DHL"}])
    for n in range(60):
        scanned(shop, f"P-{n:08}")
    assert all(s.delivered_at for s in everything(shop).shipments)
    assert not shop.cloud.errors
    assert hot(shop) <= HOT


def test_a_reminder_knows_of_a_later_order_that_was_archived(shop):
    shop.order("first", consent=CONSENT)
    shop.cloud.advance(days=1)
    shop.order("again")
    shop.cloud.advance(days=1)
    for n in range(60):
        shop.order(f"n{n}", product_type="Poster", title="A print of a harbour at dawn, in a frame of oak " * 3)
        if n % 2:
            told(shop, "OrderCancelled", ref=f"n{n}")
    assert {"coffee:first", "coffee:again"} <= archived(everything(shop))[0].keys()
    shop.cloud.advance(days=80)
    reminders = {m["key"]: m["settlement"] for m in shop.cloud.messages() if m["template"] == "reorder-reminder"}
    assert "SENT" not in {settled for key, settled in reminders.items() if "coffee:first" in key}
    assert [settled for key, settled in reminders.items() if "coffee:again" in key] == ["SENT"]


def test_a_payment_that_failed_finds_the_subscription_whose_orders_are_archived(shop):
    told(shop, "SubscriptionStarted", ref="SUB-1", order_ref="sub", customer_ref="C-1")
    shop.order("sub", customer_ref="C-1")
    told(shop, "SubscriptionRenewed", ref="SUB-1", order_ref="sub", customer_ref="C-1")
    assert everything(shop).order("coffee:sub").subscription
    for n in range(40):
        shop.order(str(n), customer_ref="C-1")
        shop.cloud.advance(hours=5)
    assert "coffee:sub" in archived(everything(shop))[0]
    told(shop, "PaymentFailed", ref="SUB-1", attempt_ref="A-1", customer_ref="C-1")
    shop.cloud.advance(hours=1)
    assert [m["settlement"] for m in shop.messages("payment-failed")] == ["SENT"]


def test_an_archived_order_that_felt_bad_keeps_offers_quiet_as_any_other(shop):
    for n in range(40):
        shop.order(str(n))
        shop.cloud.advance(hours=5)
    whole = everything(shop)
    old = next(key for key, order in archived(whole)[0].items() if not order.closed)
    give_cue(shop.cloud.outside(), whole.id, old, "bad")
    after = load(shop.cloud.outside().tables, whole.id)
    assert after.order(old).cue == "bad" and after.order(old).version == whole.order(old).version + 1
    silence = frequency_policy().silence
    assert quiet(after, silence, shop.cloud.now).about == old
    for n in range(10):
        shop.order(f"later-{n}")
    assert quiet(load(shop.cloud.outside().tables, whole.id), silence, shop.cloud.now).about == old
    refund(shop, old.partition(":")[2], "12.00")
    for n in range(10):
        shop.order(f"later-still-{n}")
    assert quiet(load(shop.cloud.outside().tables, whole.id), silence, shop.cloud.now).about == old
    shop.cloud.advance(days=31)
    for n in range(10):
        shop.order(f"at-last-{n}")
    assert old in archived(everything(shop))[0]
    assert lies_once(shop)
    assert hot(shop) <= HOT


def test_support_cases_of_hundreds_leave_the_newest_and_the_open_ones_hot(shop):
    shop.order("1")
    for n in range(100):
        told(shop, "SupportCaseOpened", ref=f"K-{n}", topic="other", contact={"email": "anna@example.com"})
        shop.cloud.advance(minutes=7)
        if n != 50:
            told(shop, "SupportCaseClosed", ref=f"K-{n}", contact={"email": "anna@example.com"})
    customer = load(shop.cloud.outside().tables, customer_id(shop))
    assert len(customer.cases) == HOT_CASES
    assert {"coffee:K-50", "coffee:K-99"} <= {case.ref for case in customer.cases}
    told(shop, "SupportCaseOpened", ref="K-3", topic="other", contact={"email": "anna@example.com"})
    again = next(case for case in everything(shop).cases if case.ref == "coffee:K-3")
    assert again.open and again.closed_at
    assert lies_once(shop)
    assert hot(shop) <= HOT


def test_the_record_is_one_query_while_what_it_is_about_is_hot(shop):
    years(shop, 60)
    whole = everything(shop)
    newest = max((o for o in whole.orders if o.key not in archived(whole)[0]), key=lambda o: o.placed_at)
    tables = shop.cloud.outside().tables
    assert load(tables, whole.id, newest.key).archived == frozenset()
    assert load(tables, whole.id).archived == frozenset()
    one = next(iter(archived(whole)[0]))
    assert keys.ORDER + one in load(tables, whole.id, one).archived
    assert len(load(tables, whole.id, one).archived) <= 2
    assert timedelta(0) < newest.placed_at - whole.profile.archived_until
    assert not load(tables, whole.id, newest.key).lacks_orders_since(newest.key)


def test_why_speaks_of_archived_orders_too(shop):
    years(shop, 40)
    outside = shop.cloud.outside()
    one = next(iter(archived(everything(shop))[0]))

    class Run:
        name = "this run"
        tables, identity_secret = outside.tables, outside.secrets.text(outside.settings.need("identity_secret"))

    found = records.find(Run(), one)
    assert len(found.customer.orders) == 40
    assert f"order-confirmation#{one}" in {m.proposal.key for m in found.messages}
