"""Every stored payload of a carrier, and Shopify's of shipments, gives what is expected of it through its route."""

import importlib.util
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aftercare.carriers import carrier, parcel_number
from aftercare.shipment import standing
from store_intake.handler import handle
from store_intake.parcels import shipment_after
from store_intake.verification import Request
from store_intake.web import sender
from tests.small_outside import Context, Small, outside_module, sample

SHARED = Path(__file__).resolve().parents[4] / "shared" / "payloads"
HERE = (SHARED / "expected.json").exists()
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not HERE, reason="the stored payloads are not in this checkout"),
]
SENDERS = ("easypost", "aftership", "shippo", "ship24")
EXPECTED = {
    name: outcome
    for name, outcome in (json.loads((SHARED / "expected.json").read_text())["expected"] if HERE else {}).items()
    if name.startswith(SENDERS) or name.startswith(("shopify/fulfillment", "shopify/returns", "shopify/subscription_billing"))
}
NAMES = sorted(EXPECTED)
CARRIERS = [name for name in NAMES if name.startswith(SENDERS)]

OURS = {
    "shipment.created": "ShipmentCreated",
    "shipment.updated": "ShipmentUpdated",
    "shipment.status_changed": "ShipmentMoved",
    "shipment.eta_changed": "ShipmentEtaChanged",
    "shipment.stalled": "ShipmentStalled",
    "return.requested": "ReturnRequested",
    "return.approved": "ReturnApproved",
    "subscription.renewed": "SubscriptionRenewed",
    "order.ready_for_pickup": "OrderReadyForPickup",
}
SIGNED_AT = 1775152828


def _sign():
    spec = importlib.util.spec_from_file_location("sign", SHARED / "sign.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def request(name):
    sign, secret = _sign(), "sécret" if name.startswith("easypost") else "s3cret"
    return sign.request_for(sign.load(f"{name}.json"), secret, ts=SIGNED_AT)


def by_https(name, base64_body=True):
    return _sign().http_api_event(request(name), path=f"/webhooks/{name.split('/')[0]}", base64_body=base64_body)


def fact_of(name):
    asked = request(name)
    headers = {key.lower(): value for key, value in asked["headers"].items()}
    (received,) = sender(name.split("/")[0]).deliveries(Request(headers, {}, asked["body"]), "", datetime.now(UTC))  # noqa: TID251
    return received.facts[0]


@pytest.fixture
def door(small):
    small.clock.at = datetime.fromtimestamp(SIGNED_AT, UTC)
    small.secrets.texts["/aftercare/easypost-secrets"] = "sécret"
    return small


@pytest.mark.parametrize("base64_body", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_every_payload_gives_its_facts(door, name, base64_body):
    answer = handle(by_https(name, base64_body), Context())
    assert answer["statusCode"] == 200
    told = json.loads(answer["body"])
    assert told["status"] == "recorded"
    assert told["facts"] == [OURS[event] for event in EXPECTED[name]["events"]]
    assert door.told() == []


def test_the_vector_of_the_official_client_library_verifies(door):
    event = by_https("easypost/tracker.updated.in_transit_fedex")
    vector = json.loads((SHARED / "easypost" / "tracker.updated.in_transit_fedex.json").read_text())["headers"][
        "X-Hmac-Signature"
    ]
    assert event["headers"]["x-hmac-signature"] == vector
    door.secrets.texts["/aftercare/easypost-secrets"] = "secret"
    assert handle(event, Context())["statusCode"] == 401


@pytest.mark.parametrize("name", [n for n in NAMES if "canonical_status" in EXPECTED[n] and "prepared_for_pickup" not in n])
def test_every_word_comes_to_its_status(name):
    fact = fact_of(name)
    logs = [shipment_after(None, "shop", fact.model_copy(update={"ref": "S"}))]
    found = standing([logs[0].log, *(p.log for p in logs[0].parcels)])
    assert str(found.status) == EXPECTED[name]["canonical_status"]


@pytest.mark.parametrize("name", [n for n in NAMES if EXPECTED[n].get("tracking")])
def test_every_parcel_has_its_carrier_and_number(name):
    told = [(carrier(p.carrier), parcel_number(p.number)) for p in fact_of(name).parcels]
    assert told == [(carrier(by), parcel_number(number)) for by, number in EXPECTED[name]["tracking"]]


@pytest.mark.parametrize("name", [n for n in NAMES if "order_ref" in EXPECTED[n]])
def test_every_order_and_reference_is_found(name):
    fact, expected = fact_of(name), EXPECTED[name]
    assert expected["order_ref"].endswith(fact.order_ref)
    if "shipment_ref" in expected:
        assert fact.ref == expected["shipment_ref"]
    if "return_ref" in expected:
        assert fact.ref == expected["return_ref"]


def test_a_test_event_and_a_test_orders_parcels_are_marked():
    assert fact_of("shippo/track_updated.docs_delivered").is_test
    for name in ("fulfillments_create.docs", "fulfillments_update.docs", "fulfillment_events_create.docs"):
        assert fact_of(f"shopify/{name}").is_test


def test_ship24s_parcel_has_two_numbers_and_a_time_in_utc():
    (parcel,) = fact_of("ship24/tracking_events.delivered").parcels
    assert parcel.other_numbers == ("9400111202544843610364",)
    assert parcel.scans[0].at == datetime(2025, 3, 4, 17, 12, 57, tzinfo=UTC)
    assert carrier(parcel.carrier) == "usps"


NUMBERS = {
    "easypost/tracker.updated.in_transit_fedex": [{"number": "1", "carrier": "FedEx"}],
    "aftership/tracking_update.docs_2026-07_minimal": [{"number": "0000000000000000", "carrier": "USPS"}],
    "ship24/tracking_events.delivered": [{"number": "9400115901047177598206", "carrier": "USPS"}],
    "shippo/track_updated.docs_delivered": [{"number": "9205590164917312751089", "carrier": "usps"}],
}


def _all_in(arrival):
    """An order with all parcels of the stored payloads, and those in this order of arrival, each twice."""
    made = Small()
    made.clock.at = datetime.fromtimestamp(SIGNED_AT, UTC)
    made.secrets.texts["/aftercare/easypost-secrets"] = "sécret"
    outside_module.use(lambda _: made)
    steps = {
        "order": lambda: handle(sample("store/OrderPlaced"), Context()),
        "shipment": lambda: handle(_shipment(), Context()),
        **{name: (lambda name=name: handle(by_https(name), Context())) for name in CARRIERS},
    }
    for step in (*arrival, *arrival):
        steps[step]()
    (shipment,) = made.customer().shipments
    return made, shipment.model_copy(update={"version": 0})


def _shipment():
    event = sample("store/ShipmentCreated")
    event["detail"] |= {"parcels": [parcel for told in NUMBERS.values() for parcel in told], "lines": []}
    return event


def test_all_in_any_order_and_twice_give_one_record_and_the_test_event_moves_nothing(small):
    steps = ["order", "shipment", *CARRIERS]
    made, straight = _all_in(steps)
    status = {p.number: str(p.status) for p in straight.parcels}
    assert status == {
        "1": "in_transit",
        "0000000000000000": "stalled",
        "9400115901047177598206": "delivered",
        "9205590164917312751089": "unknown",
    }
    told = [(e.type, e.data.get("status")) for e in made.outbox() if e.type.startswith("Shipment")]
    assert told == [
        ("ShipmentCreated", None),
        ("ShipmentEtaChanged", "unknown"),
        ("ShipmentStalled", "stalled"),
        ("ShipmentScanned", "stalled"),
        ("ShipmentMoved", "in_transit"),
        ("ShipmentEtaChanged", "in_transit"),
        ("ShipmentMoved", "delivered"),
    ]
    for arrival in [list(reversed(steps)), *itertools.islice(itertools.permutations(steps), 0, 40320, 2017)]:
        assert _all_in(arrival)[1] == straight, arrival
