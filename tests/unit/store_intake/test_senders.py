"""Carriers' and trackers' webhooks: who is believed, and what their words come to."""

import base64
import copy
import hashlib
import hmac
import json
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftercare.parcel_status import ShipmentStatus
from store_intake import aftership, easypost, karrio, ship24, shippo, shopify
from store_intake.handler import handle
from store_intake.received import Received
from store_intake.shopify import shipments as shopify_shipments
from store_intake.verification import Request, Secret
from store_intake.web import SENDERS, sender
from tests.examples import tries
from tests.small_outside import EVENTS, START, Context, sample

CARRIERS = [name for name in SENDERS if name != "shopify"]
SAMPLES = sorted(f"{path.parent.name}/{path.stem}" for name in CARRIERS for path in (EVENTS / name).glob("*.json"))
N = "00340434161094000001"


def mac(secret: bytes, signed: bytes) -> "hmac.HMAC":
    return hmac.new(secret, signed, hashlib.sha256)


def with_body(path: str, change, sign=None) -> dict:
    event = copy.deepcopy(sample(path))
    content = json.loads(event["body"])
    change(content)
    event["body"] = json.dumps(content)
    if sign:
        event["headers"] |= sign(event["body"].encode())
    return event


def read(path: str, change=lambda content: None) -> tuple[Received, ...]:
    event = with_body(path, change)
    return sender(path.split("/")[0]).deliveries(Request({}, {}, event["body"].encode()), "", START)


def one(path: str, change=lambda content: None):
    (received,) = read(path, change)
    assert received.reason is None
    (fact,) = received.facts
    return received, fact


def statuses(fact) -> list[str]:
    return [str(scan.status) for scan in fact.parcels[0].scans]


# ---------------------------------------------------------------- the door


@pytest.mark.parametrize("path", SAMPLES)
def test_every_sample_is_believed_and_recorded(small, path):
    answer = handle(sample(path), Context())
    assert answer["statusCode"] == 200
    told = json.loads(answer["body"])
    for one_ in told.get("deliveries", [told]):
        assert one_["status"] == "recorded"
    again = json.loads(handle(sample(path), Context())["body"])
    assert {o["status"] for o in again.get("deliveries", [again])} == {"duplicate"}


@pytest.mark.parametrize("path", SAMPLES)
@pytest.mark.parametrize("secret", ["other", "s3cret2", ""])
def test_with_another_secret_nothing_is_believed_read_or_written(small, path, secret):
    name = path.split("/")[0]
    small.secrets.texts[f"/aftercare/{name}-secrets"] = secret
    answer = handle(sample(path), Context())
    assert (answer["statusCode"], answer["body"]) == (401, "")
    assert small.tables.calls == []


@pytest.mark.parametrize("path", [p for p in SAMPLES if not p.startswith(("ship24", "karrio", "shippo/track_updated_with"))])
def test_a_signature_is_of_these_bytes_and_no_others(small, path):
    event = sample(path)
    assert handle({**event, "body": event["body"] + " "}, Context())["statusCode"] == 401


@pytest.mark.parametrize("path", SAMPLES)
def test_without_any_credentials_nothing_is_believed(small, path):
    bare = {**sample(path), "headers": {"content-type": "application/json"}, "queryStringParameters": None}
    assert handle(bare, Context())["statusCode"] == 401
    assert small.items() == []


@pytest.mark.parametrize("name", CARRIERS)
def test_secrets_that_cannot_be_read_are_our_own_outage(small, name):
    small.secrets.out = True
    path = next(p for p in SAMPLES if p.startswith(name))
    assert handle(sample(path), Context())["statusCode"] == 503


@pytest.mark.parametrize("name", CARRIERS)
def test_a_sender_that_nobody_has_set_up_is_not_found(small, name):
    del small.secrets.texts[f"/aftercare/{name}-secrets"]
    path = next(p for p in SAMPLES if p.startswith(name))
    assert handle(sample(path), Context())["statusCode"] == 404
    assert small.items() == []


def test_a_sender_that_nobody_knows_is_not_found(small):
    event = sample("karrio/tracker_updated")
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/webhooks/os"
    assert handle(event, Context())["statusCode"] == 404


def test_easypost_signs_with_the_decomposed_form_of_an_accent(small):
    small.secrets.texts["/aftercare/easypost-secrets"] = "old\nsécret"
    key = unicodedata.normalize("NFKD", "sécret").encode()
    event = sample("easypost/tracker_updated")
    event["headers"]["x-hmac-signature"] = "hmac-sha256-hex=" + mac(key, event["body"].encode()).hexdigest()
    assert handle(event, Context())["statusCode"] == 200


@pytest.mark.parametrize(("late", "status"), [(0, 200), (299, 200), (-299, 200), (301, 401), (-301, 401)])
def test_shippo_signs_its_time_too_and_it_must_be_near(small, late, status):
    event, stamp = sample("shippo/track_updated"), str(int(START.timestamp()) - late)
    signature = mac(b"s3cret", f"{stamp}.".encode() + event["body"].encode()).hexdigest()
    event["headers"]["shippo-auth-signature"] = f"t={stamp}, v1=00ff, v1={signature}"
    assert handle(event, Context())["statusCode"] == status


def test_a_wrong_signature_of_shippo_is_not_mended_by_a_token(small):
    event = sample("shippo/track_updated_with_token")
    event["headers"]["shippo-auth-signature"] = "t=1,v1=00"
    assert handle(event, Context())["statusCode"] == 401


@pytest.mark.parametrize("shown", ["s3cret", "Basic s3cret", "bearer", "Bearer  ", "Bearer s3cret x"])
def test_ship24_shows_a_bearer(small, shown):
    event = sample("ship24/tracking_events")
    event["headers"]["authorization"] = shown
    assert handle(event, Context())["statusCode"] == 401


def test_aftership_returns_are_signed_in_their_own_header():
    event = sample("aftership/return_approved")
    headers = {"as-signature-hmac-sha256": base64.b64encode(mac(b"s3cret", event["body"].encode()).digest()).decode()}
    assert aftership.signed(Request(headers, {}, event["body"].encode()), [Secret("s3cret")], START) == Secret("s3cret")
    both = {**headers, "aftership-hmac-sha256": "wrong"}
    assert aftership.signed(Request(both, {}, event["body"].encode()), [Secret("s3cret")], START) is None


# ---------------------------------------------------------------- words

TABLES = {
    "easypost": easypost.STATUSES,
    "aftership": aftership.TAGS,
    "shippo": shippo.STATUSES,
    "ship24": ship24.MILESTONES,
    "karrio": karrio.STATUSES,
    "shopify": shopify_shipments.STATUSES,
}


def test_every_sender_has_a_word_for_what_matters_most():
    for name, table in TABLES.items():
        assert {ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED, ShipmentStatus.EXCEPTION} <= set(table.values()), name


def test_the_same_word_is_not_the_same_thing():
    assert shopify_shipments.STATUSES["picked_up"] is ShipmentStatus.DELIVERED
    assert karrio.STATUSES["picked_up"] is ShipmentStatus.IN_TRANSIT


def test_a_failure_with_a_scan_after_it_is_an_attempt_and_as_the_last_word_an_exception():
    def failing(*words):
        def change(event):
            details = [{"status": w, "datetime": f"2026-03-0{day}T10:00:00Z"} for day, w in enumerate(words, 1)]
            event["result"] |= {"tracking_details": details, "status": words[-1], "updated_at": "2026-03-09T00:00:00Z"}

        return statuses(one("easypost/tracker_updated", change)[1])

    five = ["in_transit", "failure", "failure", "failure", "failure", "failure", "delivered"]
    assert failing(*five) == ["in_transit", *["delivery_attempted"] * 5, "delivered"]
    assert failing("in_transit", "failure") == ["in_transit", "exception"]
    assert failing("in_transit", "unknown", "in_transit") == ["in_transit", "in_transit"]


@pytest.mark.parametrize(
    ("status", "sub", "expected"),
    [
        ("TRANSIT", "out_for_delivery", "out_for_delivery"),
        ("TRANSIT", "pickup_available", "ready_for_pickup"),
        ("TRANSIT", "notice_left", "delivery_attempted"),
        ("TRANSIT", "delivery_rescheduled", "delayed"),
        ("TRANSIT", "package_damaged", "exception"),
        ("TRANSIT", None, "in_transit"),
        ("TRANSIT", "a_new_word", "in_transit"),
        ("FAILURE", "package_lost", "lost"),
        ("FAILURE", None, "exception"),
        ("RETURNED", "package_unclaimed", "return_to_sender"),
        ("DELIVERED", "information_received", "delivered"),
        ("PRE_TRANSIT", "information_received", "label_created"),
    ],
)
def test_shippos_status_and_substatus(status, sub, expected):
    def change(event):
        event["data"] |= {"tracking_history": []}
        event["data"]["tracking_status"] |= {"status": status, "substatus": {"code": sub} if sub else None}

    received, fact = one("shippo/track_updated", change)
    assert statuses(fact) == [expected]
    assert (received.note is not None) is (sub == "a_new_word")


@pytest.mark.parametrize(
    ("tag", "subtag", "expected"),
    [
        ("Exception", "Exception_004", "delayed"),
        ("Exception", "Exception_011", "return_to_sender"),
        ("Exception", "Exception_013", "lost"),
        ("Exception", "Exception_001", "exception"),
        ("Delivered", "Delivered_005", "delivered"),
        ("Expired", "Expired_001", "stalled"),
    ],
)
def test_afterships_tag_and_subtag(tag, subtag, expected):
    def change(event):
        event["msg"] |= {"tag": tag, "subtag": subtag, "checkpoints": []}

    assert statuses(one("aftership/tracking_update", change)[1]) == [expected]


@pytest.mark.parametrize(("path", "place"), [(p, w) for p, w in [
    ("easypost/tracker_updated", lambda e, w: e["result"].update(status=w, tracking_details=[])),
    ("aftership/tracking_update", lambda e, w: e["msg"].update(tag=w, checkpoints=[])),
    ("shippo/track_updated", lambda e, w: (e["data"]["tracking_status"].update(status=w), e["data"].update(tracking_history=[]))),
    ("karrio/tracker_updated", lambda e, w: e["data"].update(status=w)),
]])  # fmt: skip
def test_a_word_that_nobody_knows_is_kept_and_told_to_nobody(path, place):
    received, fact = one(path, lambda event: place(event, "teleported<b>"))
    assert statuses(fact) == []
    assert received.note == "status: nothing reads teleported?b?"
    assert received.parked == received.note


def test_shopifys_new_word_is_kept_too():
    body = {"id": 1, "fulfillment_id": 2, "order_id": 3, "status": "beamed", "happened_at": "2026-03-05T08:00:00+01:00"}
    headers = {"x-shopify-topic": "fulfillment_events/create", "x-shopify-shop-domain": "a.example.com"}
    received = shopify.read(headers, body, b"", START)
    assert [f.type for f in received.facts] == ["ShipmentMoved"]
    assert received.note == "status: nothing reads beamed"


# ---------------------------------------------------------------- times


def test_a_time_without_offset_is_read_as_utc_and_is_not_later_than_its_message():
    def change(event):
        event["msg"]["checkpoints"] = [{"checkpoint_time": "2026-03-05T03:00:00", "tag": "InTransit"}]

    fact = one("aftership/tracking_update", change)[1]
    assert fact.parcels[0].scans[0].at == datetime(2026, 3, 5, 3, tzinfo=UTC)

    def later(event):
        event["msg"]["checkpoints"] = [{"checkpoint_time": "2026-03-05T16:12:00", "tag": "OutForDelivery"}]

    fact = one("aftership/tracking_update", later)[1]
    assert fact.parcels[0].scans[0].at == datetime.fromtimestamp(1772694780, UTC)


def test_ship24_tells_several_parcels_each_with_its_own_name_and_local_time():
    first, second = read("ship24/tracking_events")
    assert (first.key, second.key) == ("ship24#tracking/events#m-1", "ship24#tracking/events#m-2")
    assert [f.parcels[0].scans[0].at for r in (first, second) for f in r.facts] == [datetime(2026, 3, 5, 7, 12, tzinfo=UTC)] * 2
    assert statuses(second.facts[0]) == ["out_for_delivery"]


def test_a_date_is_the_end_of_its_day():
    fact = one("aftership/edd_revise")[1]
    assert fact.parcels[0].eta.until == datetime(2026, 3, 6, 23, 59, 59, tzinfo=UTC)
    assert fact.type == "ShipmentEtaChanged"
    assert statuses(fact) == []


@pytest.mark.parametrize(
    ("clock", "hour"), [("07:12 AM", 7), ("07:12 PM", 19), ("12:05 AM", 0), ("19:05", 19), (None, 0), ("x", 0)]
)
def test_karrio_gives_date_and_clock_apart(clock, hour):
    def change(event):
        event["data"]["events"] = [{"date": "2026-03-05", "time": clock}]

    assert one("karrio/tracker_updated", change)[1].parcels[0].scans[0].at.hour == hour


# ---------------------------------------------------------------- names of deliveries


def test_easyposts_event_comes_again_with_other_attempts_listed_and_is_the_same():
    first, _ = one("easypost/tracker_updated")
    again, _ = one(
        "easypost/tracker_updated", lambda event: event.update(pending_urls=["https://example.com"], status="retrying")
    )
    assert (first.key, first.content_hash) == (again.key, again.content_hash)


def test_shippo_has_no_id_so_status_time_and_date_name_its_delivery():
    first, _ = one("shippo/track_updated")
    same, _ = one("shippo/track_updated", lambda event: event["data"].update(messages=["x"]))
    later, _ = one("shippo/track_updated", lambda event: event["data"].update(eta="2026-03-09T18:00:00Z"))
    assert (first.key, first.content_hash) == (same.key, same.content_hash)
    assert first.key != later.key


def test_karrios_delivery_is_number_status_and_last_event():
    first, _ = one("karrio/tracker_updated")
    same, _ = one("karrio/tracker_updated", lambda event: event["data"].update(info={"x": 1}))
    other, _ = one("karrio/tracker_updated", lambda event: event["data"].update(status="delivered"))
    assert first.key == same.key != other.key


# ---------------------------------------------------------------- what else they say


def test_test_mode_is_marked():
    assert one("easypost/tracker_updated", lambda e: e.update(mode="test"))[1].is_test
    assert one("shippo/track_updated", lambda e: e.update(test=True))[1].is_test
    assert one("karrio/tracker_updated", lambda e: e["data"].update(test_mode=True))[1].is_test
    assert not one("easypost/tracker_updated")[1].is_test


def test_what_a_forecast_needs_is_read_where_it_is_told():
    fact = one("easypost/tracker_updated")[1]
    assert (fact.origin.country, fact.origin.postcode, fact.service, fact.weight_grams) == ("DE", "10115", "PAKET", 1349)


def test_the_order_is_found_in_a_field_that_merchants_fill_as_they_like():
    assert one("shippo/track_updated")[1].order_ref == "1070"
    assert one("shippo/track_updated", lambda e: e["data"].update(metadata="for my aunt"))[1].order_ref is None


def test_a_return_label_is_no_parcel_to_the_customer():
    (received,) = read("easypost/tracker_updated", lambda event: event["result"].update(is_return=True))
    assert received.reason == "result.is_return: parcels on their way back are not followed"


@pytest.mark.parametrize("path", SAMPLES)
def test_events_of_other_kinds_and_without_a_number_are_set_aside(path):
    name = path.split("/")[0]
    for body in (b"{}", b"[]", b"\xff", b'{"event": "other", "description": "other", "trackings": [{}]}'):
        received = sender(name).deliveries(Request({}, {}, body), "", START)
        assert [r.reason is not None for r in received] == [True]


KEYS = sorted({k for p in SAMPLES for k in json.dumps(json.loads(sample(p)["body"])).split('"')[1::2] if k.isidentifier()})
WORDS = sorted({word for table in TABLES.values() for word in table})
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "2026-03-05T08:00:00", "9999-12-31", "2026-03-05", *WORDS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,
)


def _scatter(content, places):
    """Put junk into a body at random places."""
    for name, junk in places.items():
        for holder in list(_holders(content)):
            if name in holder:
                holder[name] = junk


def _holders(content):
    if isinstance(content, dict):
        yield content
        for value in list(content.values()):
            yield from _holders(value)
    elif isinstance(content, list):
        for value in content:
            yield from _holders(value)


@settings(max_examples=tries(400), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(SAMPLES), st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=6))
def test_no_payload_makes_an_adapter_fail(path, places):
    for received in read(path, lambda content: _scatter(content, places)):
        assert received.facts or received.reason


# ---------------------------------------------------------------- other shapes of the same


def test_a_delivery_is_heard_though_nothing_says_when_it_was():
    bare = {
        "easypost": {"description": "tracker.updated", "id": "e", "result": {"tracking_code": N, "status": "DELIVERED"}},
        "aftership": {"event": "tracking_update", "msg": {"tracking_number": N, "tag": "delivered", "checkpoints": None}},
        "shippo": {"event": "track_updated", "data": {"tracking_number": N, "tracking_status": {"status": "delivered"}}},
        "ship24": {"trackings": [{"tracker": {"trackingNumber": N}, "shipment": {"statusMilestone": "Delivered"}}]},
        "karrio": {"event": "tracker.updated", "data": {"tracking_number": N, "status": "Delivered", "events": None}},
    }
    assert sorted(bare) == sorted(set(CARRIERS) - {"zendesk", "hubspot"})
    for name, body in bare.items():
        (received,) = sender(name).deliveries(Request({}, {}, json.dumps(body).encode()), "", START)
        (scan,) = received.facts[0].parcels[0].scans
        assert (scan.status, scan.at) == (ShipmentStatus.DELIVERED, START), name


def test_test_mode_is_seen_in_any_spelling():
    assert one("easypost/tracker_updated", lambda e: e["result"].update(mode="Test"))[1].is_test
    assert one("shippo/track_updated", lambda e: e.update(test="true"))[1].is_test
    assert one("karrio/tracker_updated", lambda e: e.update(test_mode="True"))[1].is_test
    assert not one("shippo/track_updated", lambda e: e.update(test="false"))[1].is_test


def test_a_failure_in_capitals_is_an_attempt_too():
    def change(event):
        details = [{"status": w, "datetime": f"2026-03-0{d}T10:00:00Z"} for d, w in ((1, "FAILURE"), (2, "IN_TRANSIT"))]
        event["result"] |= {"tracking_details": details, "status": "in_transit", "updated_at": "2026-03-09T00:00:00Z"}

    assert statuses(one("easypost/tracker_updated", change)[1]) == ["delivery_attempted", "in_transit"]


def test_numbers_may_be_written_as_texts():
    assert one("easypost/tracker_updated", lambda e: e["result"].update(weight="10.5"))[1].weight_grams == 298
    assert one("easypost/tracker_updated", lambda e: e["result"].update(weight="1e999"))[1].weight_grams is None
    fact = one("aftership/tracking_update", lambda e: e.update(ts="1772694780"))[1]
    assert fact.as_of == datetime.fromtimestamp(1772694780, UTC)


def test_shippos_substatus_may_be_a_word():
    def change(event):
        event["data"] |= {"tracking_history": []}
        event["data"]["tracking_status"] |= {"status": "TRANSIT", "substatus": "address_issue"}

    assert statuses(one("shippo/track_updated", change)[1]) == ["exception"]


@pytest.mark.parametrize("msg", [
    {"aftership_estimated_delivery_date": {"estimated_delivery_date": None},
     "latest_estimated_delivery": {"datetime": None, "datetime_min": "2026-03-08", "datetime_max": "2026-03-09"}},
    {"aftership_estimated_delivery_date": {"estimated_delivery_date": "2026-03-08", "estimated_delivery_date_max": "2026-03-09"}},
    {"aftership_estimated_delivery_date": None, "latest_estimated_delivery": {}, "expected_delivery": "2026-03-09"},
])  # fmt: skip
def test_aftership_says_its_date_in_one_of_several_places(msg):
    def change(event):
        event["msg"] = {"tracking_number": N, **msg}

    assert one("aftership/edd_revise", change)[1].parcels[0].eta.until == datetime(2026, 3, 9, 23, 59, 59, tzinfo=UTC)


def test_a_local_time_ahead_of_us_is_not_later_than_its_message():
    def change(event):
        event["data"] |= {"events": [{"date": "2026-03-05", "time": "18:00"}], "updated_at": "2026-03-05T08:01:00Z"}

    assert one("karrio/tracker_updated", change)[1].parcels[0].scans[0].at == datetime(2026, 3, 5, 8, 1, tzinfo=UTC)


def test_shopifys_words_may_come_in_capitals_and_a_list_of_numbers_may_be_empty_inside():
    def read_of(topic, **body):
        headers = {"x-shopify-topic": topic, "x-shopify-shop-domain": "a.example.com"}
        return shopify.read(headers, {"id": 1, "fulfillment_id": 2, "order_id": 3, **body}, b"", START)

    scanned = read_of("fulfillment_events/create", status="OUT_FOR_DELIVERY", happened_at="2026-03-05T08:00:00+01:00")
    assert scanned.note is None
    assert [s.status for s in scanned.facts[0].scans] == ["out_for_delivery"]
    sent = read_of("fulfillments/create", status="SUCCESS", tracking_numbers=[None, " "], tracking_number="1Z")
    assert sent.facts[0].shipped_at and [p.number for p in sent.facts[0].parcels] == ["1Z"]
