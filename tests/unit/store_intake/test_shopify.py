import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftercare.consent import Channel, Purpose, Says
from aftercare.facts import ConsentFact, OrderFact
from store_intake import shopify
from store_intake.received import Received
from tests.examples import tries
from tests.small_outside import EVENTS, sample

AT = datetime(2026, 3, 2, 9, 15, 31, tzinfo=UTC)


def headers(topic: str, **more: str) -> dict[str, str]:
    return {
        "x-shopify-topic": topic,
        "x-shopify-shop-domain": "example-shop.myshopify.com",
        "x-shopify-webhook-id": "w1",
        "x-shopify-triggered-at": "2026-03-02T09:15:30.123456789Z",
        **more,
    }


def payload(topic: str, **changes: object) -> dict:
    body = json.loads(sample(f"shopify/{topic.replace('/', '_')}")["body"])
    return {**body, **changes}


def read(topic: str, content: object, **more: str) -> Received:
    return shopify.from_https(headers(topic, **more), json.dumps(content).encode(), AT)


def an_order(**changes: object) -> OrderFact:
    fact = read("orders/create", payload("orders/create", **changes)).facts[0]
    assert isinstance(fact, OrderFact)
    return fact


@pytest.mark.parametrize(
    ("given", "email"),
    [
        ({"contact_email": "A@Example.com"}, "a@example.com"),
        ({"contact_email": "", "email": "b@example.com"}, "b@example.com"),
        ({"contact_email": None, "email": "", "customer": {"email": "c@example.com"}}, "c@example.com"),
        ({"contact_email": "no address", "email": "b@example.com"}, "b@example.com"),
        ({"contact_email": "", "email": "", "customer": None}, None),
        ({"contact_email": "x@example.com\r\nBcc: y@example.com", "email": "", "customer": None}, None),
    ],
)
def test_the_contact_is_looked_up_in_a_stated_order(given, email):
    assert an_order(**given).order.contact.email == email


@pytest.mark.parametrize(
    ("given", "tags"),
    [
        ({"tags": "Beans, organic"}, ("Beans", "organic")),
        ({"properties": [{"name": "_tags", "value": "Beans, organic"}]}, ("Beans", "organic")),
        ({"tags": "Beans", "properties": [{"name": "_tags", "value": "organic"}]}, ("Beans",)),
        ({"properties": [{"name": "engraving", "value": "organic"}, "?"]}, ()),
    ],
)
def test_a_lines_tags_are_its_own_or_what_the_theme_sent_along(given, tags):
    line = {"id": 1, "title": "House espresso", "quantity": 1, **given}
    assert an_order(line_items=[line]).order.lines[0].tags == tags


@pytest.mark.parametrize(
    ("phones", "phone"),
    [
        (("+4930901820", None, None), "+4930901820"),
        (("", "555-625-1199", "+49 (30) 901820"), "+4930901820"),
        (("0000000000", "555-555-SHIP", None), None),
        (("+1111111111", None, "0049 30 901820"), "+4930901820"),
    ],
)
def test_only_a_number_that_is_one_is_kept(phones, phone):
    own, shipping, billing = phones
    order = an_order(phone=own, shipping_address={"phone": shipping}, billing_address={"phone": billing})
    assert order.order.contact.phone == phone


def test_entities_and_control_signs_do_not_reach_a_message():
    line = {"id": 1, "title": "Cup &ndash; &quot;L&quot;\x00\r\n", "quantity": 1, "price": "1.00"}
    (shown,) = an_order(line_items=[line]).order.lines
    assert shown.title == 'Cup – "L"'


def test_the_shopper_sees_the_presentment_currency_and_the_books_lie_beside_it():
    both = {
        "shop_money": {"amount": "60.33", "currency_code": "AUD"},
        "presentment_money": {"amount": "45.85", "currency_code": "USD"},
    }
    details = an_order(total_price="60.33", currency="AUD", total_price_set=both).order
    assert (str(details.total.amount), details.total.currency) == ("45.85", "USD")
    assert (str(details.shop_total.amount), details.shop_total.currency) == ("60.33", "AUD")


@pytest.mark.parametrize("amount", ["example string", None, "", "NaN", "Infinity", True, [], "1" * 40])
def test_an_amount_that_is_none_is_left_out(amount):
    assert an_order(total_price=amount, total_price_set=None).order.total is None


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"test": True}, {}),
        ({"name": "#9999"}, {}),
        ({"id": 820982911946154508, "admin_graphql_api_id": None}, {}),
        ({"test": None}, {"x-shopify-test": "true"}),
    ],
)
def test_a_test_order_is_known_by_any_of_its_marks(changes, more):
    assert read("orders/create", payload("orders/create", **changes), **more).facts[0].order.is_test


def test_a_real_order_is_no_test():
    details = an_order().order
    assert not details.is_test
    assert not details.is_renewal
    assert not details.suppress_notification


def test_renewals_and_silent_orders_are_marked():
    assert an_order(source_name="subscription_contract").order.is_renewal
    assert an_order(tags="x, Subscription Recurring Order").order.is_renewal
    assert an_order(tags="x, Aftercare-Silent").order.suppress_notification


@pytest.mark.parametrize("url", ["http://example.com/x", "javascript:alert(1)", "https://example.com/\r\nX: y", 7, None])
def test_a_status_link_with_another_scheme_is_left_out(url):
    assert an_order(order_status_url=url).order.status_url is None


def test_an_id_that_was_rounded_on_its_way_is_read_from_the_gid():
    fact = an_order(id=820982911946154500, admin_graphql_api_id="gid://shopify/Order/820982911946154508")
    assert fact.ref == "820982911946154508"


def test_an_order_may_come_cancelled():
    fact = an_order(cancelled_at="2026-03-02T10:15:28+01:00", cancel_reason="fraud")
    assert fact.type == "OrderPlaced"
    assert fact.order.cancelled_at == datetime(2026, 3, 2, 9, 15, 28, tzinfo=UTC)


def test_shipping_tax_tip_and_discount_are_lines_of_their_own():
    details = an_order(total_tip_received="2.00").order
    assert [(c.kind, str(c.amount.amount)) for c in details.fees] == [
        ("shipping", "4.90"),
        ("tax_included", "7.63"),
        ("tip", "2.00"),
    ]
    assert [(c.label, str(c.amount.amount)) for c in details.discounts] == [("WELCOME5", "5.00")]


def test_a_refund_is_the_sum_of_what_was_given_back():
    transactions = [
        {"kind": "refund", "status": "success", "amount": "10.00", "currency": "EUR"},
        {"kind": "refund", "status": "success", "amount": "4.50", "currency": None},
        {"kind": "refund", "status": "failure", "amount": "99.00", "currency": "EUR"},
        {"kind": "void", "status": "success", "amount": "99.00", "currency": "EUR"},
    ]
    (fact,) = read("refunds/create", payload("refunds/create", transactions=transactions)).facts
    assert str(fact.refund.amount.amount) == "14.50"


def consent(state: object, at: object = "2026-03-02T10:20:00+01:00") -> ConsentFact:
    topic = "customers_email_marketing_consent/update"
    content = {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": at}
    (fact,) = read(topic, payload(topic, email_marketing_consent=content)).facts
    return fact


def test_only_subscribed_gives_and_every_marketing_purpose_gets_its_own_word():
    said = consent("subscribed").said
    assert {(s.channel, s.purpose, s.says) for s in said} == {
        (Channel.EMAIL, p, Says.GIVEN) for p in (Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY)
    }


@pytest.mark.parametrize(
    ("state", "at", "says"),
    [
        ("pending", "2026-03-02T10:20:00+01:00", Says.PENDING),
        ("unsubscribed", "2026-03-02T10:20:00+01:00", Says.WITHDRAWN),
        ("unsubscribed", None, Says.WITHDRAWN),
        ("redacted", None, Says.WITHDRAWN),
        ("not_subscribed", "2026-03-02T10:20:00+01:00", Says.WITHDRAWN),
        ("not_subscribed", None, None),
        ("invalid", "2026-03-02T10:20:00+01:00", None),
        ("SUBSCRIBED", "2026-03-02T10:20:00+01:00", None),
        (None, None, None),
        (True, None, None),
        ({"state": "subscribed"}, None, None),
    ],
)
def test_every_other_state_gives_nothing(state, at, says):
    assert {s.says for s in consent(state, at).said} == ({says} if says else set())


def test_consent_that_is_merely_seen_never_withdraws_by_its_absence():
    seen = {"id": 7, "email": "anna@example.com", "email_marketing_consent": {"state": "not_subscribed"}}
    facts = read("orders/create", payload("orders/create", customer=seen)).facts
    assert [f.type for f in facts] == ["OrderPlaced", "ConsentObserved"]
    assert facts[1].said == ()
    assert len(read("orders/create", payload("orders/create", customer={"id": 7})).facts) == 1


def test_an_unknown_topic_is_set_aside_with_a_plain_reason():
    received = read("bulk_operations/finish\x00<b>", {"id": 1})
    assert received.facts == ()
    assert received.reason == "topic bulk_operations/finish??b?: nothing reads it"


@pytest.mark.parametrize("topic", sorted(p.stem for p in (EVENTS / "shopify").glob("*.json")))
def test_an_empty_payload_of_any_topic_is_read_or_set_aside_and_never_an_error(topic):
    name = sample(f"shopify/{topic}")["headers"]["x-shopify-topic"]
    received = read(name, {})
    assert received.facts or received.reason


KEYS = sorted({k for p in (EVENTS / "shopify").glob("*.json") for k in json.loads(json.loads(p.read_text())["body"])})
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("2026-03-02"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYS, "amount", "kind", "state"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=tries(300), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(sorted(shopify._TOPICS)), st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=12))
def test_no_payload_makes_the_adapter_fail(topic, content):
    base = payload(topic) if (EVENTS / "shopify" / f"{topic.replace('/', '_')}.json").exists() else {}
    received = shopify.read(headers(topic), {**base, **content}, b"", AT)
    assert received.facts or received.reason


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}"]
)
def test_a_body_that_is_no_json_object_is_set_aside(body):
    received = shopify.from_https(headers("orders/create"), body, AT)
    assert received.facts == ()
    assert received.reason


def test_the_delivery_key_is_shop_topic_and_webhook_id_whatever_the_spelling():
    one = shopify.from_https(headers("orders/create"), b"{}", AT)
    two = shopify.from_https({**headers("Orders/Create"), "x-shopify-shop-domain": "EXAMPLE-shop.myshopify.com"}, b"{}", AT)
    assert one.key == two.key == "shopify#example-shop.myshopify.com#orders/create#w1"
    without = shopify.from_https({k: v for k, v in headers("orders/create").items() if "webhook-id" not in k}, b"{}", AT)
    assert without.key.startswith("shopify#example-shop.myshopify.com#orders/create#44136fa3")


@pytest.mark.parametrize("shop", ["", "evil", "a#b.example.com", "x" * 300 + ".com", "../x.com", "exämple.com"])
def test_a_shop_that_is_no_domain_is_set_aside(shop):
    received = shopify.from_https({**headers("orders/create"), "x-shopify-shop-domain": shop}, b"{}", AT)
    assert received.reason == "X-Shopify-Shop-Domain: expected a shop's domain"
    assert len(received.key) < 400


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (42819365789870, "42819365789870"),
        ("gid://shopify/ProductVariant/42819365789870", "42819365789870"),
        (None, None),
        (True, None),
        (1.5, None),
        ("1?discount=ALL", None),
        ({"id": 1}, None),
    ],
)
def test_a_line_keeps_the_variant_that_a_cart_permalink_takes(told, kept):
    line = {"id": 1, "title": "x", "quantity": 1, "variant_id": told}
    assert an_order(line_items=[line]).order.lines[0].variant_ref == kept
