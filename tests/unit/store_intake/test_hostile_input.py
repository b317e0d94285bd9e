"""Whatever a correctly signed body says, the answer is 2xx and the delivery is recorded or parked, once, with its reason.

One value anywhere in a real payload is replaced by one that no sender should send. An exception would be a 5xx: the sender
would bring the same body again for days, and at last drop the subscription.
"""

import base64
import copy
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercare import outside as outside_module
from store_intake import web
from store_intake.handler import handle
from store_intake.intake import DONE_IN_STORE, take
from store_intake.verification import Request
from tests.examples import tries
from tests.hostile import many, odd
from tests.small_outside import EVENTS, Context, Small, sample, sqs

SHARED = Path(__file__).resolve().parents[4] / "shared" / "payloads" / "shopify"


WEBHOOKS = [
    *((path.stem, json.loads(json.loads(path.read_text())["body"])) for path in sorted(EVENTS.glob("shopify/*.json"))),
    *((path.name.split(".")[0], json.loads(path.read_text())) for path in sorted(SHARED.glob("*.json"))),
]
STORE_EVENTS = [(path.stem, json.loads(path.read_text())) for path in sorted(EVENTS.glob("store/*.json"))]
CARRIERS = [name for name in web.SENDERS if name != "shopify"]
FROM_CARRIERS = {
    name: [(path.stem, json.loads(json.loads(path.read_text())["body"])) for path in sorted(EVENTS.glob(f"{name}/*.json"))]
    for name in CARRIERS
}
PARTNER_EVENTS = [(path.stem, json.loads(path.read_text())) for path in sorted(EVENTS.glob("shopify-partner/*.json"))]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "under-hostile-input")
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    yield
    outside_module.use(None)


def fresh():
    made = Small()
    outside_module.use(lambda _: made)
    return made


def webhook(name, text, secret="s3cret"):
    event = copy.deepcopy(sample("shopify/orders_create"))
    raw = text.encode("utf-8", "surrogatepass")
    topic = name if name.startswith("customer.") else "/".join(name.rsplit("_", 1))
    topic = TOPICS.get(name, topic)
    signature = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
    event["headers"] |= {"x-shopify-topic": topic, "x-shopify-hmac-sha256": signature}
    return {**event, "body": base64.b64encode(raw).decode(), "isBase64Encoded": True}


TOPICS = {path.stem: json.loads(path.read_text())["headers"]["x-shopify-topic"] for path in sorted(EVENTS.glob("shopify/*.json"))}


def assert_recorded_once(small, outcome):
    (delivery,) = small.items("DELIVERY#")
    if outcome["status"] == "recorded":
        assert outcome["facts"]
        assert "parked" not in delivery or delivery["facts"]
    else:
        assert outcome["status"] == "parked"
        assert ": " in outcome["parked"], "a reason names the place and what was expected there"
        assert outcome["parked"].isprintable()
        assert delivery["parked"] == outcome["parked"]
        assert len(small.items("PARKED#")) == 1


@many
@given(odd(WEBHOOKS))
def test_a_signed_webhook_with_odd_values_is_recorded_or_parked_and_never_an_error(made):
    small = fresh()
    answer = handle(webhook(*made), Context())
    if len(made[1].encode("utf-8", "surrogatepass")) > 256 * 1024:
        assert answer["statusCode"] == 413
        assert small.items() == []
        return
    assert answer["statusCode"] == 200
    assert_recorded_once(small, json.loads(answer["body"]))
    before = small.untouched()
    again = handle(webhook(*made), Context())
    assert (again["statusCode"], json.loads(again["body"])["status"]) == (200, "duplicate")
    assert small.untouched() == before


@settings(many, max_examples=tries(40))
@given(odd(WEBHOOKS))
def test_an_odd_body_that_another_secret_signed_is_refused_and_nothing_is_written(made):
    small = fresh()
    assert handle(webhook(*made, secret="another"), Context())["statusCode"] in (401, 413)
    assert small.items() == []


@many
@given(odd(STORE_EVENTS))
def test_an_odd_event_on_the_store_bus_is_recorded_or_parked_and_never_goes_to_the_dead_letters(made):
    small = fresh()
    assert handle(sqs(made[1]), Context()) == {"batchItemFailures": []}
    if made[0] in DONE_IN_STORE and not small.items():
        return  # nobody has agreed to anything: such a fact, if it could be read, leaves nothing
    assert len(small.items("DELIVERY#")) == 1
    (delivery,) = small.items("DELIVERY#")
    if not delivery["facts"]:
        assert ": " in delivery["parked"]
        assert len(small.items("PARKED#")) == 1


@many
@given(odd(PARTNER_EVENTS))
def test_an_odd_event_of_the_partner_bus_is_recorded_or_parked_and_never_goes_to_the_dead_letters(made):
    small = fresh()
    assert handle(sqs(made[1]), Context()) == {"batchItemFailures": []}
    (delivery,) = small.items("DELIVERY#")
    assert delivery["facts"] or ": " in delivery["parked"]


@settings(many, max_examples=tries(100))
@given(st.sampled_from(CARRIERS).flatmap(lambda name: st.tuples(st.just(name), odd(FROM_CARRIERS[name]))))
def test_an_odd_webhook_of_a_carrier_is_recorded_or_parked_and_never_an_error(made):
    small = fresh()
    sender, (_, text) = made
    for _ in range(2):
        for received in web.told(sender, Request({}, {}, text.encode("utf-8", "surrogatepass")), "", small.clock.now()):
            outcome = take(small, received)
            assert outcome.facts or ": " in outcome.parked
    assert small.items("DELIVERY#")


# ---------------------------------------------------------------- what the search found, one by one


def order_webhook(small, **changes):
    body = {**json.loads(sample("shopify/orders_create")["body"]), **changes}
    answer = handle(webhook("orders_create", json.dumps(body)), Context())
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


def test_a_time_of_year_one_or_9999_says_nothing():
    small = fresh()
    out = order_webhook(small, updated_at="0001-01-01T00:00:00+14:00", processed_at="9999-12-31T23:59:59-14:00")
    assert out["status"] == "recorded"
    assert small.customer().orders[0].as_of == small.customer().orders[0].placed_at


def test_a_locale_with_a_line_end_is_no_locale():
    small = fresh()
    assert order_webhook(small, customer_locale="en\n")["status"] == "recorded"
    assert small.customer().orders[0].locale is None


def test_an_absurd_quantity_is_parked_with_the_place_and_what_was_expected():
    out = order_webhook(fresh(), line_items=[{"id": 1, "title": "Screw", "quantity": 10**30, "price": "1.00"}])
    assert out["parked"] == "OrderLine.quantity: input should be less than or equal to 1000000000"


def test_more_lines_than_a_record_holds_are_parked_and_the_reason_says_how_many_it_holds():
    out = order_webhook(fresh(), line_items=[{"quantity": 1}] * 2000)
    assert out["parked"].startswith("OrderDetails.lines: tuple should have at most 500 items")


def test_half_of_a_surrogate_pair_is_read_as_a_question_mark():
    small = fresh()
    event = sample("store/OrderPlaced")
    event["detail"]["order"]["contact"]["name"] = "Ann\ud800"
    assert handle(event, Context())["status"] == "recorded"
    assert small.customer().orders[0].contact.name == "Ann?"


def test_a_body_that_no_item_holds_is_journaled_without_it():
    small = fresh()
    event = sample("store/OrderPlaced")
    noise = hashlib.shake_256(b"noise").hexdigest(500_000)
    event["detail"]["order"]["noise"] = noise
    out = handle(event, Context())
    assert out["parked"] == "detail.order.noise: is no field of OrderPlaced"
    (kept,) = small.items("PARKED#")
    assert kept["not_kept_bytes"] > 1_000_000
    assert kept["body"] == b""


def test_a_record_that_no_item_holds_is_parked():
    small = fresh()
    event = sample("store/OrderPlaced")
    line = event["detail"]["order"]["lines"][0]
    letters = "x" * 1000
    event["detail"]["order"]["lines"] = [{**line, "line_ref": str(n), "title": letters} for n in range(420)]
    out = handle(event, Context())
    assert out["parked"] == "the record that it makes: expected an item of at most 400 KB"
    assert small.customers() == []


@pytest.mark.parametrize(("signed", "header", "is_test"), [(False, "true", False), (True, "false", True), (None, "true", True)])
def test_what_the_signed_body_says_of_a_test_counts_before_the_header_which_nobody_signed(signed, header, is_test):
    small = fresh()
    body = {**json.loads(sample("shopify/orders_create")["body"]), "test": signed}
    event = webhook("orders_create", json.dumps(body))
    event["headers"]["x-shopify-test"] = header
    assert handle(event, Context())["statusCode"] == 200
    assert small.customer().orders[0].is_test is is_test
