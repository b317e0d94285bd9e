"""A shop that has left: whoever was its customer alone is erased, and of the others what was of this shop."""

from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.erasure import Eraser
from aftercare.events import RequestData, make
from aftercare.requests import Asked, find, opened, put
from aftercare.store import CustomerErased, load
from privacy_requests.handler import handle
from tests.a_life import live, order, parcel, tell
from tests.small_outside import START, Context, sqs


def leave(small, shop="example"):
    request = opened(Asked.SHOP_ERASURE, "s1", "shopify", "shopify", small.clock.now(), shop=shop)
    small.tables.twin.write([put(request)])
    event = make("ShopErasureRequested", "e1", small.clock.now(), "s1", RequestData(request="s1"))
    return invoke(envelope(event, small))


def envelope(event, small):
    entry = event.entry("bus", small.clock.now())
    import json

    return {"detail-type": entry["DetailType"], "source": entry["Source"], "detail": json.loads(entry["Detail"])}


def invoke(body):
    answer = handle(sqs(body), Context())
    assert answer == {"batchItemFailures": []}


def sweep(small, minutes):
    """What the sweep brings in this time."""
    for _ in range(minutes // 5):
        small.later(minutes=5)
        for item in small.tables.twin.due("erasure", small.now_text(), 100):
            kind, _, name = str(item["pk"]).partition("#")
            invoke({"key": "erasure", **({"shop": name} if kind == "SHOP" else {"customer_id": name})})


def asked(small):
    return find(small.tables.twin, Asked.SHOP_ERASURE, "s1")


def test_customers_of_this_shop_alone_are_erased_and_the_request_is_answered_when_all_are(small):
    anna, berta, carl = live(small), live(small, "berta"), live(small, "carl", shop="other")
    leave(small)
    assert not asked(small).closed_at
    sweep(small, 60)
    assert asked(small).outcome == "erased"
    for gone in (anna, berta):
        with pytest.raises(CustomerErased):
            load(small.tables.twin, gone)
    assert load(small.tables.twin, carl).orders
    assert [i["customer_id"] for i in small.items("SHOP#")] == [carl]


def test_a_customer_of_two_shops_loses_what_was_of_this_one(small):
    anna = live(small)
    here = order("anna", "77", START, contact={"email": "anna@example.com", "name": "Anna"}, customer_ref="X-7")
    tell("OrderPlaced", "other", **here)
    assert {o.shop for o in load(small.tables.twin, anna).orders} == {"example", "other"}
    leave(small)
    sweep(small, 60)
    left = load(small.tables.twin, anna)
    assert ([o.key for o in left.orders], left.shipments, left.cases) == (["other:77"], (), ())
    assert (left.profile.shops, left.profile.shop_refs) == (("other",), ("other:X-7",))
    assert left.profile.contact.email == "anna@example.com"
    names = {key.pk for key in small.tables.twin.owned(anna)}
    assert keys.order_alias("other:77").pk in names and keys.order_alias("example:anna-1").pk not in names
    assert keys.parcel(parcel("anna")).pk not in names
    assert small.waits.stopped
    assert asked(small).closed_at


def test_more_customers_than_one_look_takes_are_left_to_the_next(small, monkeypatch):
    monkeypatch.setattr("privacy_requests.shops.AT_ONCE", 2)
    people = [live(small, f"person{n}") for n in range(5)]
    leave(small)
    assert len([i for i in small.items("SHOP#") if "customer_id" in i]) == 3
    sweep(small, 75)
    assert asked(small).closed_at
    assert not [p for p in people if small.tables.twin.owned(p)]


def test_a_shop_that_nobody_knows_is_erased_as_well(small):
    leave(small, "nowhere")
    sweep(small, 60)
    assert asked(small).outcome == "erased"
    assert small.items("SHOP#") == []


def test_a_wish_that_was_answered_is_answered(small):
    leave(small, "nowhere")
    sweep(small, 60)
    before = small.untouched()
    event = make("ShopErasureRequested", "e2", small.clock.now(), "s1", RequestData(request="s1"))
    invoke(envelope(event, small))
    assert small.untouched() == before


def test_time_that_is_up_leaves_the_rest(small):
    anna = live(small)
    from privacy_requests.shops import erase_shop

    assert erase_shop(Eraser(small, lambda: timedelta(0)), "example") == "customers are left"
    assert load(small.tables.twin, anna).orders
