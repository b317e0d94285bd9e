import copy
import json
from datetime import UTC, datetime

import pytest

from aftercare.facts import OrderFact
from store_intake import canonical
from store_intake.handler import handle
from tests.small_outside import Context, sample

AT = datetime(2026, 3, 2, 9, 15, 31, tzinfo=UTC)


def envelope(detail_type="OrderPlaced", source="store.example", **changes):
    event = copy.deepcopy(sample(f"store/{detail_type}"))
    event["source"] = source
    event["detail"] |= changes
    return {**event, "detail": {k: v for k, v in event["detail"].items() if v is not ...}}


def read(event):
    return canonical.from_store_bus(event, json.dumps(event).encode(), AT)


@pytest.mark.parametrize("detail_type", canonical.detail_types())
def test_every_sample_is_one_fact(detail_type):
    received = read(envelope(detail_type))
    assert received.reason is None
    # Who waits for a product also says who they are, and what they were asked.
    with_it = ["CustomerUpdated", "ConsentChanged"] if detail_type == "RestockRequested" else []
    assert [f.type for f in received.facts] == [*with_it, detail_type]
    assert received.shop == "example"


def test_the_full_order_is_read_as_written():
    (fact,) = read(envelope()).facts
    assert isinstance(fact, OrderFact)
    assert fact.order.contact.email == "anna@example.com"
    assert str(fact.order.total.amount) == "47.80"
    assert fact.consent[0].wording == "checkout-newsletter-3"


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"ref": ...}, "detail.ref", "is required"),
        ({"occurred_at": "2026-03-02T09:15:28"}, "detail.occurred_at", "input should have timezone info"),
        ({"order": ...}, "detail.order", "OrderPlaced needs the order as the shopper knows it"),
        ({"shop": "other"}, "detail.shop", "is no field of OrderPlaced"),
        ({"type": "OrderPaid"}, "detail.type", "expected the detail-type, or no such field"),
        ({"event_id": ""}, "detail.event_id", "expected 1 to 128 letters that name this event once"),
    ],
)
def test_what_is_wrong_is_said_by_field(changes, field, expected):
    received = read(envelope(**changes))
    assert received.facts == ()
    assert f"{field}: {expected}" in received.reason.split("; ")


WHOSE = "expected order_ref, customer_ref or contact.email to know the customer by"
OPENED = "expected with SupportCaseOpened only: it holds the customer's own words"


@pytest.mark.parametrize(
    ("detail_type", "changes", "field", "expected"),
    [
        ("ReviewPosted", {"score": 6}, "detail.score", "input should be less than or equal to 5"),
        ("ReviewPosted", {"score": ..., "text": "", "title": ""}, "detail.score", "ReviewPosted needs a score or a text"),
        ("ReviewPosted", {"order_ref": ...}, "detail.customer_ref", WHOSE),
        ("SocialMentioned", {"network": "A b"}, "detail.network", "string should match pattern '^[a-z][a-z0-9-]{0,39}$'"),
        ("MilestoneReached", {"milestone": ...}, "detail.milestone", "is required"),
        ("SupportCaseClosed", {"text": "thanks"}, "detail.text", OPENED),
    ],
)
def test_what_is_wrong_with_words_is_said_by_field(detail_type, changes, field, expected):
    received = read(envelope(detail_type, **changes))
    assert received.facts == ()
    assert f"{field}: {expected}" in received.reason.split("; ")


def test_a_float_is_no_money_and_an_address_must_be_one():
    event = envelope()
    event["detail"]["order"]["total"]["amount"] = 47.8
    event["detail"]["order"]["lines"][0]["quantity"] = -1
    problems = dict(canonical.validate("OrderPlaced", event["detail"]))
    assert set(problems) == {"detail.order.total.amount", "detail.order.lines.0.quantity"}
    event = envelope()
    event["detail"]["order"]["contact"]["email"] = "anna at example"
    assert canonical.validate("OrderPlaced", event["detail"]) == [
        ("detail.order.contact.email", "expected an e-mail address, or no such field")
    ]


def test_empty_texts_in_a_contact_are_no_addresses():
    event = envelope()
    event["detail"]["order"]["contact"] = {"email": "", "phone": "", "name": ""}
    (fact,) = read(event).facts
    assert fact.order.contact.email is None


@pytest.mark.parametrize("detail", [None, [], "text", 7])
def test_a_detail_that_is_no_object_is_set_aside(detail):
    assert read({**envelope(), "detail": detail}).reason == "detail: expected a JSON object"


def test_no_value_of_the_sender_is_repeated_in_the_reason():
    secret = "anna.secret@example.com"
    event = envelope(**{secret: secret, "ref": secret + " !", "consent": [{"channel": secret}]})
    reason = read(event).reason
    assert reason
    assert "anna" not in reason


@pytest.mark.parametrize("source", ["store.", "store", "shop.example", "store.Example", "store.a#b", "store.-x"])
def test_the_shop_is_the_source_and_must_be_a_name(source):
    assert read(envelope(source=source)).reason.startswith("source: expected store.<name of the shop>")


def test_the_delivery_key_is_the_senders_event_id_or_the_content():
    assert read(envelope(event_id="e-7")).key == "store.example#OrderPlaced#e-7"
    bare = envelope(event_id=...)
    shuffled = {**bare, "detail": dict(reversed(bare["detail"].items()))}
    assert read(bare).key == read(shuffled).key
    assert read(bare).key != read(envelope(event_id=..., ref="1071")).key


def test_a_store_may_ask_what_is_wrong_and_nothing_is_recorded(small):
    good = handle({"validate": envelope()}, Context())
    assert good == {"errors": []}
    bad = handle({"validate": {**envelope(), "detail-type": "OrderPlacd"}}, Context())
    assert [e["field"] for e in bad["errors"]] == ["detail-type"]
    assert handle({"validate": 7}, Context())["errors"][0]["expected"] == "expected a JSON object"
    assert small.items() == []
