"""Shipments through the door: what comes first waits, what belongs together is joined, and each thing is told once."""

import base64
import copy
import hashlib
import hmac
import itertools
import json
import random

import pytest

from aftercare import keys, store
from aftercare.facts import ShipmentFact
from aftercare.parcel_status import ShipmentStatus
from aftercare.table import Put
from store_intake.handler import handle
from store_intake.received import hash_of
from tests.small_outside import Context, Small, outside_module, sample

SHOP = "example-shop.myshopify.com"
ORDER = f"{SHOP}:5731629400178"
N, M = "00340434161094000001", "00340434161094000002"


def post(path, change=lambda body: None, **headers):
    """One webhook as its sender signs it; `headers` replace those of the sample, with _ for -."""
    event = copy.deepcopy(sample(path))
    body = json.loads(event["body"])
    change(body)
    raw = json.dumps(body).encode()
    event["body"] = raw.decode()
    event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    mac = hmac.new(b"s3cret", raw, hashlib.sha256)
    for name, value in {
        "x-shopify-hmac-sha256": base64.b64encode(mac.digest()).decode(),
        "aftership-hmac-sha256": base64.b64encode(mac.digest()).decode(),
        "x-hmac-signature": "hmac-sha256-hex=" + mac.hexdigest(),
    }.items():
        if name in event["headers"]:
            event["headers"][name] = value
    answer = handle(event, Context())
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def order():
    return post("shopify/orders_create")


def fulfilment(ref=4400110022, numbers=(N,), status="success", webhook="f1", **more):
    change = {"id": ref, "admin_graphql_api_id": None, "tracking_numbers": list(numbers), "status": status, **more}
    return post("shopify/fulfillments_create", lambda body: body.update(change), x_shopify_webhook_id=webhook)


def scan(status, at, number=N, name=None, carrier="DHL", **event):
    def change(body):
        body |= {"id": name or f"{number}{status}{at}", **event}
        body["result"] |= {
            "tracking_code": number,
            "carrier": carrier,
            "status": status,
            "updated_at": at,
            "est_delivery_date": None,
        }
        body["result"]["tracking_details"] = [{"status": status, "datetime": at}]

    return post("easypost/tracker_updated", change)


def put(detail_type, event_id=None, **changes):
    event = copy.deepcopy(sample(f"store/{detail_type}"))
    event["detail"] = {**event["detail"], **changes, "event_id": event_id or hash_of(json.dumps([detail_type, changes]).encode())}
    return handle(event, Context())


# ---------------------------------------------------------------- the way of one parcel


def test_a_parcel_from_the_order_to_the_door(small):
    order()
    fulfilment()
    scan("in_transit", "2026-03-03T19:05:00Z")
    post("shopify/fulfillment_events_create")
    scan("delivered", "2026-03-05T10:41:00Z")
    assert small.told()[1:] == [
        "ShipmentCreated",
        "OrderShipped",
        "ShipmentMoved",
        "ShipmentMoved",
        "ShipmentMoved",
        "OrderDelivered",
    ]
    assert [e.data["status"] for e in small.outbox() if e.type == "ShipmentMoved"] == [
        "in_transit",
        "out_for_delivery",
        "delivered",
    ]
    (shipment,) = small.customer().shipments
    (parcel,) = shipment.parcels
    assert (shipment.order_keys, parcel.carrier, parcel.number) == ((ORDER,), "dhl", N)
    assert shipment.status is ShipmentStatus.DELIVERED
    assert small.customer().delivered_at(ORDER) == shipment.delivered_at


def test_a_scan_takes_three_calls(small):
    order()
    fulfilment()
    for told in (
        lambda: scan("in_transit", "2026-03-03T19:05:00Z"),
        lambda: post("shopify/fulfillment_events_create"),
        lambda: post("aftership/tracking_update"),
        lambda: scan("delivered", "2026-03-05T10:41:00Z"),
    ):
        small.tables.calls.clear()
        told()
        assert small.tables.calls == ["read", "partition", "write"]


def test_a_scan_that_waits_takes_three_calls(small):
    scan("in_transit", "2026-03-03T19:05:00Z")
    assert small.tables.calls == ["read", "read", "write"]


def test_events_carry_neither_numbers_nor_links_nor_places(small, capsys):
    order()
    fulfilment(tracking_url="https://track.example.com/1")
    scan("in_transit", "2026-03-03T19:05:00Z")
    text = json.dumps([e.data for e in small.outbox()]) + capsys.readouterr().out
    for secret in (N, "track.example.com", "anna@", "DHL"):
        assert secret not in text


def test_every_sender_can_move_the_parcel(small):
    order()
    fulfilment()
    for path in (
        "shippo/track_updated",
        "aftership/tracking_update",
        "ship24/tracking_events",
        "karrio/tracker_updated",
        "easypost/tracker_updated",
    ):
        if path.startswith("shippo"):
            assert handle(sample(path), Context())["statusCode"] == 200
        else:
            post(path)
    moved = [e.data["status"] for e in small.outbox() if e.type == "ShipmentMoved"]
    assert moved == ["out_for_delivery"]
    assert len(small.customer().shipments) == 1


# ---------------------------------------------------------------- what comes first waits


def test_scans_before_their_shipment_wait_at_the_number_and_are_joined(small):
    scan("in_transit", "2026-03-03T19:05:00Z")
    scan("out_for_delivery", "2026-03-05T07:12:00Z")
    assert small.told() == []
    (waiting,) = small.items("PARCEL#")
    assert waiting["expires_at"] == int(small.clock.at.timestamp()) + 30 * 86400
    order()
    fulfilment()
    assert [e.data.get("status") for e in small.outbox()[1:]] == [None, None, "out_for_delivery"]
    (parcel,) = small.customer().shipments[0].parcels
    assert (parcel.status, len(parcel.log.spans)) == ("out_for_delivery", 2)
    assert all("doc" not in i for i in small.items("PARCEL#"))


def test_a_shipment_before_its_order_waits_with_the_order_and_its_scans_with_the_number(small):
    scan("in_transit", "2026-03-03T19:05:00Z")
    fulfilment()
    post("shopify/fulfillment_events_create")
    assert small.customers() == []
    order()
    (shipment,) = small.customer().shipments
    assert shipment.parcels[0].status is ShipmentStatus.OUT_FOR_DELIVERY
    assert sorted(small.told()) == ["OrderPlaced", "OrderShipped", "ShipmentCreated", "ShipmentMoved"]
    scan("delivered", "2026-03-05T10:41:00Z")
    assert small.told()[-1] == "OrderDelivered"


def test_scans_wait_thirty_days_and_no_longer(small):
    scan("in_transit", "2026-03-03T19:05:00Z")
    small.later(days=31)
    order()
    fulfilment()
    assert small.customer().shipments[0].parcels[0].log.spans == {}


def test_so_many_scans_wait_and_no_more(small):
    for n in range(51):
        scan("in_transit", f"2026-03-03T19:{n:02d}:00Z")
    parked = [i for i in small.items("DELIVERY#") if "parked" in i]
    assert [i["parked"] for i in parked] == ["more than 50 facts wait for what nobody has described"]


def test_a_scan_of_a_fulfilment_comes_before_the_fulfilment(small):
    order()
    post("shopify/fulfillment_events_create")
    assert small.told() == ["OrderPlaced"]
    fulfilment()
    assert small.told()[1:] == ["ShipmentCreated", "OrderShipped", "ShipmentMoved"]


def test_delivered_without_any_earlier_scan(small):
    order()
    fulfilment()
    scan("delivered", "2026-03-05T10:41:00Z")
    assert small.told()[-2:] == ["ShipmentMoved", "OrderDelivered"]


# ---------------------------------------------------------------- several parcels, several senders


def test_split_in_two_the_order_is_delivered_with_the_last_parcel(small):
    order()
    fulfilment(1, (N,), webhook="f1")
    fulfilment(2, (M,), webhook="f2")
    scan("delivered", "2026-03-05T10:41:00Z", N)
    assert "OrderDelivered" not in small.told()
    scan("delivered", "2026-03-06T10:41:00Z", M)
    delivered = [e for e in small.outbox() if e.type == "OrderDelivered"]
    assert [e.occurred_at.day for e in delivered] == [6]


def test_two_numbers_of_one_fulfilment_are_two_parcels(small):
    order()
    fulfilment(numbers=(N, M), tracking_urls=["https://example.com/1", "https://example.com/2"])
    scan("delivered", "2026-03-05T10:41:00Z", N)
    first, second = small.customer().shipments[0].parcels
    assert (first.url, second.url) == ("https://example.com/1", "https://example.com/2")
    assert (first.status, second.status) == ("delivered", "label_created")
    assert "OrderDelivered" not in small.told()
    scan("delivered", "2026-03-05T11:41:00Z", M)
    assert small.told()[-1] == "OrderDelivered"


def test_two_parcels_that_arrive_at_once_see_each_other(small):
    order()
    fulfilment(1, (N,), webhook="f1")
    fulfilment(2, (M,), webhook="f2")
    small.tables.before_write.append(lambda: scan("delivered", "2026-03-05T10:42:00Z", M))
    scan("delivered", "2026-03-05T10:41:00Z", N)
    assert small.told().count("OrderDelivered") == 1


def test_goods_that_are_not_sent_yet_keep_an_order_open(small):
    order()
    first, *_ = small.customer().orders[0].lines
    fulfilment(line_items=[{"id": int(first.line_ref), "quantity": first.quantity}])
    scan("delivered", "2026-03-05T10:41:00Z")
    assert ("OrderDelivered" in small.told()) is (len(small.customer().orders[0].lines) == 1)


def test_one_number_in_two_shipments_of_a_customer_moves_both(small):
    order()
    fulfilment(1, (N,), webhook="f1")
    fulfilment(2, (N,), webhook="f2")
    scan("delivered", "2026-03-05T10:41:00Z")
    assert [s.status for s in small.customer().shipments] == ["delivered", "delivered"]
    assert small.told().count("OrderDelivered") == 1


def test_goods_of_several_orders_in_one_shipment(small):
    put("OrderPlaced")
    put("OrderPlaced", ref="1071")
    put("ShipmentCreated", order_refs=["1071"], lines=[])
    put("ShipmentMoved", scans=[{"status": "delivered", "at": "2026-03-05T10:41:00Z"}], parcels=[])
    assert sorted(e.data["order"] for e in small.outbox() if e.type == "OrderDelivered") == ["example:1070", "example:1071"]


def test_a_number_that_another_customer_has_stays_with_them(small, capsys):
    put("OrderPlaced")
    put("ShipmentCreated")
    other = {**sample("store/OrderPlaced")["detail"]["order"], "customer_ref": "B", "contact": {"email": "b@example.com"}}
    put("OrderPlaced", ref="2", order=other)
    put("ShipmentCreated", ref="S-2", order_ref="2")
    assert "ParcelOfAnother" in capsys.readouterr().out
    scan("delivered", "2026-03-05T10:41:00Z")
    found = {s.ref: str(s.status) for c in small.customers() for s in store.load(small.tables.twin, c).shipments}
    assert found == {"S-1": "delivered", "S-2": "unknown"}


def test_a_short_number_of_another_carrier_is_another_parcel(small):
    put("OrderPlaced")
    put("ShipmentCreated", parcels=[{"number": "12345678", "carrier": "DHL"}])
    scan("delivered", "2026-03-05T10:41:00Z", "12345678", carrier="UPS")
    assert small.customer().shipments[0].status is ShipmentStatus.UNKNOWN
    scan("in_transit", "2026-03-05T10:41:00Z", "12345678", carrier="dhl-germany")
    assert small.customer().shipments[0].status is ShipmentStatus.IN_TRANSIT


def test_a_tracker_that_knows_a_second_number_of_the_parcel_joins_it(small):
    scan("in_transit", "2026-03-04T19:05:00Z", M)
    order()
    fulfilment()

    def both(body):
        body["trackings"] = body["trackings"][:1]
        body["trackings"][0]["shipment"]["trackingNumbers"] = [{"tn": N}, {"tn": M}]

    post("ship24/tracking_events", both)
    (parcel,) = small.customer().shipments[0].parcels
    assert parcel.other_numbers == (M,)
    assert ShipmentStatus.IN_TRANSIT in parcel.log.spans
    scan("delivered", "2026-03-05T10:41:00Z", M)
    assert small.told()[-1] == "OrderDelivered"


# ---------------------------------------------------------------- any order, twice


TELLINGS = (
    order,
    fulfilment,
    lambda: post("shopify/fulfillments_update", lambda body: body.update(tracking_numbers=[N, M], tracking_company="DHL Paket")),
    lambda: post("shopify/fulfillment_events_create"),
    lambda: scan("in_transit", "2026-03-03T19:05:00Z"),
    lambda: scan("failure", "2026-03-05T12:00:00Z"),
    lambda: scan("delivered", "2026-03-06T10:41:00Z"),
    lambda: post("aftership/edd_revise"),
    lambda: scan("in_transit", "2026-03-04T02:00:00Z", M),
)


def told_in(order_of_arrival) -> tuple[object, list[str]]:
    made = Small()
    outside_module.use(lambda _: made)
    for place in order_of_arrival:
        TELLINGS[place]()
    customer = made.customer()
    shipments = tuple(s.model_copy(update={"version": 0}) for s in customer.shipments)
    orders = tuple(o.model_copy(update={"version": 0}) for o in customer.orders)
    once = [t for t in made.told() if t in ("OrderPlaced", "OrderShipped", "ShipmentCreated")]
    return (orders, shipments), sorted(once)


def test_any_order_of_arrival_and_twice_gives_one_record(small):
    straight = told_in(range(len(TELLINGS)))
    chooser = random.Random(7)
    arrivals = [list(reversed(range(len(TELLINGS)))), *([*pair, *range(9)] for pair in itertools.permutations(range(4), 2))]
    for _ in range(60):
        shuffled = [*range(len(TELLINGS)), *chooser.choices(range(len(TELLINGS)), k=4)]
        chooser.shuffle(shuffled)
        arrivals.append(shuffled)
    for arrival in arrivals:
        assert told_in(arrival) == straight, arrival


def test_the_same_scan_by_another_delivery_tells_nothing_new(small):
    order()
    fulfilment()
    scan("in_transit", "2026-03-03T19:05:00Z", name="a")
    before = small.told()
    scan("in_transit", "2026-03-03T19:05:00Z", name="b")
    assert small.told() == before


# ---------------------------------------------------------------- what reaches nobody


def test_a_trackers_test_event_joins_nothing(small, capsys):
    order()
    fulfilment()
    before = small.customer()
    scan("delivered", "2026-03-05T10:41:00Z", mode="test")
    assert small.customer() == before
    assert "TestEvent" in capsys.readouterr().out


def test_a_fulfilment_of_a_test_order_is_marked(small):
    post("shopify/orders_create", lambda body: body.update(test=True))
    post("shopify/fulfillments_create", x_shopify_test="true")
    assert small.customer().shipments[0].is_test


def test_a_word_that_nobody_knows_is_counted_kept_and_moves_nothing(small, capsys):
    order()
    fulfilment()
    before = small.customer()
    answer = scan("teleported", "2026-03-05T10:41:00Z")
    assert (answer["status"], answer["facts"]) == ("recorded", ["ShipmentMoved"])
    assert answer["parked"] == "status: nothing reads teleported"
    assert len(small.items("PARKED#")) == 1
    assert "StatusUnknown" in capsys.readouterr().out
    assert [s.parcels[0].status for s in small.customer().shipments] == [s.parcels[0].status for s in before.shipments]


def test_what_shipping_delay_wrote_is_kept(small):
    order()
    fulfilment()
    customer = small.customer()
    (shipment,) = customer.shipments
    learned = shipment.model_copy(update={"learned_at": small.clock.at, "version": 2})
    small.tables.twin.write([Put(keys.shipment(customer.id, shipment.key), {"doc": learned.to_json(), "version": 2})])
    scan("in_transit", "2026-03-03T19:05:00Z")
    (after,) = small.customer().shipments
    assert (after.learned_at, after.version, str(after.status)) == (small.clock.at, 3, "in_transit")


# ---------------------------------------------------------------- fulfilments


@pytest.mark.parametrize(
    ("status", "shipped", "stands"),
    [
        ("success", True, True),
        ("pending", False, True),
        ("open", False, True),
        ("cancelled", False, False),
        ("error", False, False),
    ],
)
def test_a_fulfilment_is_shipped_when_it_succeeded_and_stands_until_it_failed(small, status, shipped, stands):
    order()
    fulfilment(status=status)
    (shipment,) = small.customer().shipments
    assert (shipment.shipped_at is not None, shipment.stands) == (shipped, stands)
    assert shipment.parcels[0].status is ShipmentStatus.LABEL_CREATED


def test_a_cancelled_fulfilment_leaves_the_rest_of_the_order(small):
    order()
    fulfilment(1, (N,), webhook="f1")
    fulfilment(2, (M,), webhook="f2")
    scan("delivered", "2026-03-05T10:41:00Z", N)
    fulfilment(2, (M,), status="cancelled", webhook="f3")
    assert small.told()[-2:] == ["ShipmentCancelled", "OrderDelivered"]


def test_a_link_that_is_no_https_is_left_out(small):
    order()
    fulfilment(tracking_urls=["javascript:alert(1)"])
    assert small.customer().shipments[0].parcels[0].url is None


# ---------------------------------------------------------------- beside shipments


def test_returns_stockouts_and_renewals_are_on_the_order_and_told_once(small):
    put("ReturnRequested")
    put("ItemOutOfStock")
    put("SubscriptionRenewed", order_ref="1070")
    put("OrderPlaced")
    put("ReturnApproved")
    put("ReturnRequested", event_id="again")
    put("ItemOutOfStock", event_id="later", occurred_at="2026-03-04T08:00:00Z", expected_at="2026-03-20T00:00:00Z")
    told = [t for t in small.told() if t not in ("OrderPlaced", "ConsentObserved")]
    assert told == ["ReturnRequested", "SubscriptionRenewed", "ItemOutOfStock", "ReturnApproved", "ItemOutOfStock"]
    (found,) = small.customer().orders
    assert (len(found.returns), found.returns[0].approved_at is not None, found.subscription) == (1, True, "example:SUB-1")
    assert [e.data for e in small.outbox() if e.type == "ItemOutOfStock"][-1]["expected_at"] == "2026-03-20T00:00:00Z"


def test_a_failed_payment_finds_its_customer_by_the_subscription(small):
    put("SubscriptionUpdated", customer_ref=None)
    put("PaymentFailed", event_id="nobody")
    put("OrderPlaced")
    put("PaymentFailed")
    failed = [e.data for e in small.outbox() if e.type == "PaymentFailed"]
    assert [(f["subscription"], f["attempt"], f["order"]) for f in failed] == [("example:SUB-1", "ATT-2", None)]


def test_a_support_case_is_told_with_its_topic_and_kept_by_itself(small):
    put("OrderPlaced")
    before = [i for i in small.untouched() if not str(i["pk"]).startswith("DELIVERY#")]
    put("SupportCaseOpened", contact={"email": "second@example.com"})
    (case,) = [e.data for e in small.outbox() if e.type == "SupportCaseOpened"]
    assert (case["topic"], case["order"], case["case"]) == ("where_is_my_order", "example:1070", "example:CASE-77")
    after = [i for i in small.untouched() if not str(i["pk"]).startswith("DELIVERY#")]
    kept = sorted(str(i["sk"]) for i in after if i not in before)
    assert kept == ["1#CASE#example:CASE-77", "9#WORDS#case#example:CASE-77#2026-03-06T18:20:00.000000Z"]
    assert len(after) == len(before) + 2
    assert case["words"] is True and "Where is" not in json.dumps(case)


def test_a_support_case_without_words_is_kept_by_itself(small):
    put("OrderPlaced")
    put("SupportCaseOpened", text="")
    (case,) = [e.data for e in small.outbox() if e.type == "SupportCaseOpened"]
    assert case["words"] is False
    assert not [i for i in small.untouched() if str(i["sk"]).startswith("9#WORDS#")]


def test_aftership_names_the_order_of_a_return_only_where_its_secret_is_bound_to_a_shop(small):
    order()
    answer = handle(sample("aftership/return_approved"), Context())
    assert json.loads(answer["body"])["parked"].startswith("it names no order")
    assert "ReturnApproved" not in small.told()
    small.secrets.texts["/aftercare/aftership-secrets"] = f"{SHOP}=s3cret"
    event = sample("aftership/return_submitted")
    assert json.loads(handle(event, Context())["body"])["facts"] == ["ReturnRequested"]
    assert small.told()[-1] == "ReturnRequested"


def test_a_carriers_fact_names_no_order_of_an_unbound_sender():
    fact = ShipmentFact(type="ShipmentMoved", occurred_at="2026-03-05T07:12:00Z", order_ref="1070")
    assert fact.orders == ("1070",)
    assert not fact.describes
