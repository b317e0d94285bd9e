import base64
import copy
import hashlib
import hmac
import json
import zlib
from datetime import timedelta

import pytest

from aftercare import keys, store
from aftercare.consent import Channel, Purpose, Says
from aftercare.consent_log import wording_of
from aftercare.identity import keyed_hash
from aftercare.lifetime import USUAL, Orders
from aftercare.requests import Request, open_requests
from aftercare.segments import bought_by, next_order_noted, segments_of
from aftercare.table import Conflict, Put, Throttled, Unclear
from store_intake import handler, web
from store_intake.handler import handle
from store_intake.intake import KeepsChanging
from tests.small_outside import SECRETS, Context, sample, sqs

SHOP = "example-shop.myshopify.com"


def webhook(topic="orders/create", secret="s3cret", webhook_id=None, base64_body=False, raw=None, headers=None, **changes):
    event = copy.deepcopy(sample(f"shopify/{topic.replace('/', '_')}"))
    body = raw if raw is not None else json.dumps({**json.loads(event["body"]), **changes}).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    event["headers"] |= {"x-shopify-hmac-sha256": signature, **(headers or {})}
    if webhook_id:
        event["headers"]["x-shopify-webhook-id"] = webhook_id
    event["body"] = base64.b64encode(body).decode() if base64_body else body.decode()
    event["isBase64Encoded"] = base64_body
    return event


def post(*args, **changes):
    answer = handle(webhook(*args, **changes), Context())
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


def put(detail_type="OrderPlaced", source="store.example", event_id=None, **changes):
    event = copy.deepcopy(sample(f"store/{detail_type}"))
    event["source"] = source
    event["detail"] = {**event["detail"], **changes, "event_id": event_id or f"{detail_type}-{len(json.dumps(changes))}"}
    return handle(event, Context())


# ---------------------------------------------------------------- the way of one order


def test_an_order_is_facts_record_aliases_evidence_and_outbox_in_one_transaction(small):
    assert put()["facts"] == ["OrderPlaced", "ConsentObserved"]
    customer = small.customer()
    assert customer.order("example:1070").contact.email == "anna@example.com"
    assert customer.profile.shop_refs == ("example:C-4711",)
    assert customer.consent.head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.PENDING
    kinds = sorted({str(i["pk"]).split("#")[0] + "#" + str(i["pk"]).split("#")[1] for i in small.items("ALIAS#")})
    assert kinds == ["ALIAS#email", "ALIAS#order", "ALIAS#platform"]
    assert len(small.items("EVIDENCE#")) == 1
    assert small.told() == ["OrderPlaced", "ConsentObserved"]
    (delivery,) = small.items("DELIVERY#")
    assert delivery["due_kind"] == "relay"
    assert [(i["pk"], i["customer_id"]) for i in small.items("SHOP#")] == [("SHOP#example", customer.id)]
    assert small.tables.calls == ["read", "read", "write"], "of a person whom nobody knows it is asked whether they were erased"


def test_a_fact_about_a_known_customer_takes_three_calls(small):
    post()
    small.tables.calls.clear()
    post("orders/paid")
    assert small.tables.calls == ["read", "partition", "write"]


def test_every_order_says_what_kind_of_buyer_it_makes_and_a_change_is_told_once(small):
    described = sample("store/OrderPlaced")["detail"]["order"]

    def order(ref, amount, **more):
        whole = {**described, "name": ref, "total": {"amount": amount, "currency": "EUR"}, **more}
        put(event_id=f"placed-{ref}", ref=ref, order=whole)
        return segments_of(small.customer())

    assert order("1", "60.00") == ("first-time", "one-time")
    assert "SegmentChanged" not in small.told(), "everyone begins so: the order was told"
    assert order("1", "60.00") == ("first-time", "one-time"), "the same order again"
    assert order("2", "60.00", is_test=True) == ("first-time", "one-time"), "a test order is none"
    assert order("3", "60.00") == ("repeat", "mid")
    assert order("4", "600.00") == ("high-clv", "high")
    told = [event for event in small.outbox() if event.type == "SegmentChanged"]
    assert [(e.data["lifecycle_before"], e.data["lifecycle"]) for e in told] == [("first-time", "repeat"), ("repeat", "high-clv")]
    put("OrderCancelled", event_id="cancelled-4", ref="4")
    assert segments_of(small.customer()) == ("repeat", "mid"), "what was cancelled makes nobody rich"
    sums = small.customer().profile.bought
    assert (sums["orders"], sums["EUR"]) == ("2", "120.00")
    assert [e for e in small.outbox() if e.type == "SegmentChanged"][-1].data["lifecycle_before"] == "high-clv"


def test_when_the_next_order_is_expected_is_noted_by_what_the_shop_has_learned_and_costs_no_call(small):
    described = sample("store/OrderPlaced")["detail"]["order"]

    def order(ref, amount="60.00"):
        whole = {**described, "name": ref, "total": {"amount": amount, "currency": "EUR"}}
        small.tables.calls.clear()
        put(event_id=f"placed-{ref}-{amount}", ref=ref, order=whole)
        assert small.tables.calls in (["read", "read", "write"], ["read", "partition", "write"])
        return next_order_noted(small.customer().profile)

    young = order("1")
    last = bought_by(small.customer()).last
    # (58 / (58 + d))^0.62 is a half after 58 (2^(1/0.62) - 1) = 119 days, by the values that every store begins with.
    assert (young.p50 - last).days == 119
    taught = USUAL._replace(orders=Orders(2.0, 30.0, 0.5, 3.0), customers=900)
    small.tables.write([Put(keys.buyers("example"), {"model": taught.to_json()})])
    assert order("1", "61.00") == young, "the same orders: the day stands"
    put("OrderCancelled", event_id="cancelled-1", ref="1")
    assert next_order_noted(small.customer().profile) is None
    own = order("2")
    assert (own.p50 - last).days == round(30 * (2**0.5 - 1)), "(30 / (30 + d))^2"


def test_events_and_answers_carry_no_personal_data(small, capsys):
    answer = post()
    post("customers/update")
    put()
    text = json.dumps(answer) + "".join(str(i.get("events", "")) for i in small.items("DELIVERY#")) + capsys.readouterr().out
    for secret in ("anna@", "Beispiel", "Anna", "+4930", "key=0f0f", "10115"):
        assert secret not in text


def test_the_same_delivery_again_changes_nothing(small):
    first = post()
    once = small.untouched()
    for _ in range(3):
        again = post(base64_body=True)
        assert (again["status"], again["facts"]) == ("duplicate", first["facts"])
        assert again["correlation_id"] == first["correlation_id"]
    assert small.untouched() == once


def test_the_same_order_by_both_routes_under_different_ids_is_told_once(small):
    post()
    bus = copy.deepcopy(sample("shopify-partner/orders_create"))
    bus["detail"]["metadata"]["X-Shopify-Webhook-Id"] = "another"
    assert handle(sqs(bus), Context()) == {"batchItemFailures": []}
    assert len(small.customers()) == 1
    assert small.told().count("OrderPlaced") == 1
    assert len(small.items("DELIVERY#")) == 2


def test_another_body_under_a_known_id_is_set_aside_and_nothing_of_it_used(small):
    post()
    before = small.customer()
    for expected in ("parked", "duplicate"):
        answer = post(contact_email="mallory@example.com")
        assert answer["status"] == expected
        assert answer["parked"].startswith("another body came under an id")
    assert small.customer() == before
    assert len(small.items("PARKED#")) == 1


def test_any_order_of_arrival_gives_one_record_and_tells_each_fact_once(small):
    post("refunds/create")
    post("orders/edited")
    post("orders/cancelled")
    post("orders/create")
    post("orders/paid")
    order = small.customer().order(f"{SHOP}:5731629400178")
    assert order.cancelled_at
    assert order.paid_at
    assert order.edited_at
    assert [r.ref for r in order.refunds] == ["930044001"]
    assert sorted(small.told()) == ["OrderCancelled", "OrderEdited", "OrderPaid", "OrderPlaced", "OrderRefunded"]
    ids = [e.id for e in small.outbox()]
    assert len(ids) == len(set(ids))


def test_facts_before_their_order_wait_thirty_days_and_no_longer(small):
    post("refunds/create")
    assert small.customers() == []
    small.later(days=31)
    post("orders/create")
    assert small.customer().orders[0].refunds == ()
    assert small.told() == ["OrderPlaced"]


def test_so_many_facts_wait_for_an_order_and_no_more(small):
    for n in range(51):
        put("OrderEdited", event_id=f"e{n}", occurred_at=f"2026-03-02T10:{n:02d}:00Z")
    answers = [i for i in small.items("DELIVERY#") if "parked" in i]
    assert len(answers) == 1


def test_the_record_says_beside_its_text_why_an_order_is_closed(small):
    post()
    assert all("closed" not in i for i in small.items("CUSTOMER#"))
    post("orders/cancelled")
    (order,) = [i for i in small.items("CUSTOMER#") if str(i["sk"]).startswith(keys.ORDER)]
    assert (order["closed"], order["version"]) == ("cancelled", 2)
    assert small.customer().orders[0].version == 2


# ---------------------------------------------------------------- people


def test_a_guest_and_an_account_with_one_address_are_one_customer(small):
    post(customer=None)
    post("orders/create", webhook_id="2", id=2, admin_graphql_api_id=None, name="#1071")
    assert len(small.customer().orders) == 2


def test_a_phone_joins_nobody(small):
    shared = {"contact_email": None, "email": None, "customer": None, "phone": "+4930901820"}
    post(**shared)
    post(webhook_id="2", id=2, admin_graphql_api_id=None, **shared)
    assert len(small.customers()) == 2


def test_when_account_and_address_name_two_people_the_account_counts_and_nobody_is_joined(small):
    put(event_id="a", ref="1", order={**sample("store/OrderPlaced")["detail"]["order"], "customer_ref": "A"})
    other = {"email": "b@example.com"}
    put(event_id="b", ref="2", order={**sample("store/OrderPlaced")["detail"]["order"], "customer_ref": "B", "contact": other})
    both = {**sample("store/OrderPlaced")["detail"]["order"], "customer_ref": "A", "contact": other}
    put(event_id="c", ref="3", order=both)
    first, second = (store.load(small.tables.twin, c) for c in small.customers())
    assert sorted([sorted(o.ref for o in first.orders), sorted(o.ref for o in second.orders)]) == [["1", "3"], ["2"]]


def test_an_order_stays_where_it_lies_when_an_account_comes_later(small):
    post(customer=None, contact_email="guest@example.com", email=None)
    post("customers/create")
    post("orders/updated")
    owners = [c for c in small.customers() if store.load(small.tables.twin, c).orders]
    assert len(owners) == 1


def test_an_order_without_contact_is_on_record_and_its_contact_may_come_later(small, capsys):
    nobody = {
        "contact_email": "",
        "email": "",
        "customer": None,
        "phone": None,
        "billing_address": None,
        "shipping_address": None,
    }
    assert post(**nobody)["status"] == "recorded"
    assert small.customer().orders[0].contact.email is None
    assert "OrderWithoutContact" in capsys.readouterr().out
    post("orders/updated")
    assert small.customer().orders[0].contact.email == "anna@example.com"
    assert small.told() == ["OrderPlaced", "OrderContactFound", "OrderUpdated"]


def test_facts_about_nobody_are_journaled_and_nothing_else(small):
    for topic in ("customer.tags_added", "customers/purchasing_summary"):
        assert post(topic)["status"] == "recorded"
    assert small.customers() == []
    assert small.told() == []
    assert len(small.items("DELIVERY#")) == 2


def asked(small):
    return [Request.model_validate_json(i["doc"]) for i in small.items("REQUEST#")]


def test_a_wish_to_be_erased_is_told_with_everyone_whom_its_names_lead_to_and_no_body_is_kept(small):
    post()
    post("customers/create", id=9001, email="second@example.com", phone=None)
    wish = {"id": 9001, "email": "anna@example.com", "phone": "+4930901820"}
    assert post("customers/redact", customer=wish)["parked"] is None
    (request,) = asked(small)
    assert sorted(request.customer_ids) == small.customers()
    assert (request.email, request.shop) == ("anna@example.com", SHOP)
    assert small.told()[-1] == "CustomerErasureRequested"
    assert small.outbox()[-1].data == {"request": request.ref}
    assert small.items("PARKED#") == []


def test_a_wish_about_nobody_known_is_a_request_all_the_same(small):
    for topic in ("customers/redact", "customers/data_request", "shop/redact"):
        assert post(topic)["status"] == "recorded"
    assert small.customers() == []
    assert sorted(small.told()) == ["CustomerErasureRequested", "CustomerExportRequested", "ShopErasureRequested"]
    assert {request.customer_ids for request in asked(small)} == {()}


def test_a_wish_about_data_adds_nothing_to_the_record(small):
    post()
    beside = ("DELIVERY#", "PARKED#", "REQUEST#")
    before = [i for i in small.untouched() if not str(i["pk"]).startswith(beside)]
    wish = {"id": 7311209300071, "email": "second@example.com", "phone": "+4930901821"}
    for topic in ("customers/redact", "customers/data_request"):
        post(topic, customer=wish)
    assert [i for i in small.untouched() if not str(i["pk"]).startswith(beside)] == before


def test_tags_come_and_go(small):
    post("customers/create")
    post("customer.tags_added")
    assert small.customer().profile.tags == ("coffee",)
    post("customer.tags_removed")
    assert small.customer().profile.tags == ()
    assert small.told() == ["CustomerCreated", "CustomerTagged", "CustomerTagged"]


# ---------------------------------------------------------------- consent


def test_consent_is_head_version_evidence_and_event_and_moves_only_when_it_changes(small):
    post("customers/create")
    post("customers_email_marketing_consent/update")
    consent = small.customer().consent
    assert {h.purpose for h in consent.heads} == {Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY}
    assert (consent.version, len(small.items("EVIDENCE#"))) == (1, 3)
    assert small.told()[1:] == ["ConsentChanged"] * 3
    same = {"state": "subscribed", "opt_in_level": None, "consent_updated_at": "2026-03-02T10:20:00+01:00"}
    post("customers_email_marketing_consent/update", webhook_id="2", email_marketing_consent=same)
    assert len(small.told()) == 4


def test_a_later_withdrawal_holds_whatever_arrives_after_it(small):
    topic = "customers_email_marketing_consent/update"
    out = {"state": "unsubscribed", "opt_in_level": None, "consent_updated_at": "2026-03-02T10:30:00+01:00"}
    post(topic, webhook_id="2", email_marketing_consent=out)
    post(topic)
    assert {h.says for h in small.customer().consent.heads} == {Says.WITHDRAWN}


def test_every_number_to_which_something_is_sent_is_known_when_it_writes_and_consent_is_for_its_own(small):
    agreed = {"state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": "2026-03-02T10:20:00+01:00"}
    account = {"id": 77, "email": "home@example.com", "phone": "+12125550123", "sms_marketing_consent": agreed}
    account["email_marketing_consent"] = agreed
    post("orders/create", phone="+12125550199", email="work@example.com", contact_email="work@example.com", customer=account)
    mine = {keyed_hash(SECRETS["identity"], number) for number in ("+12125550123", "+12125550199")}
    assert {str(item["pk"]).removeprefix("PHONE#") for item in small.items("PHONE#")} == mine
    consent = small.customer().consent
    assert consent.head(Channel.SMS, Purpose.PROMOTIONAL).address == keyed_hash(SECRETS["identity"], "+12125550123")
    assert consent.head(Channel.EMAIL, Purpose.PROMOTIONAL).address == keyed_hash(SECRETS["identity"], "home@example.com")


def test_payloads_without_consent_leave_it_as_it_is(small):
    post("customers_email_marketing_consent/update")
    before = small.customer().consent
    post("orders/create")
    post("customers/update")
    assert small.customer().consent == before


# ---------------------------------------------------------------- the door


@pytest.mark.parametrize(
    "event",
    [
        webhook(secret="wrong"),
        webhook(headers={"x-shopify-hmac-sha256": ""}),
        {**webhook(), "headers": {}},
        {**webhook(), "body": None},
        {**webhook(base64_body=True), "body": "!!!"},
    ],
)
def test_a_wrong_signature_is_401_without_body_and_nothing_is_written_or_read(small, event):
    answer = handle(event, Context())
    assert (answer["statusCode"], answer["body"]) == (401, "")
    assert small.tables.calls == []


def test_header_names_may_be_written_in_any_case(small):
    event = webhook()
    event["headers"] = {k.title(): v for k, v in event["headers"].items()}
    assert handle(event, Context())["statusCode"] == 200


def test_the_signature_is_over_the_bytes_and_not_over_what_they_mean(small):
    body = json.dumps({**json.loads(webhook()["body"]), "note": "ö ☕ 🙂"}, ensure_ascii=False, indent=1).encode()
    assert post(raw=body)["status"] == "recorded"
    assert post(raw=body, base64_body=True)["status"] == "duplicate"


def test_bytes_that_are_no_text_are_verified_and_set_aside(small):
    answer = handle(webhook(raw=b"{}", base64_body=True), Context())
    assert answer["statusCode"] == 200
    event = webhook(raw=b"{}", base64_body=True, webhook_id="2")
    raw = b"\xff\xfe{"
    event["body"] = base64.b64encode(raw).decode()
    event["headers"]["x-shopify-hmac-sha256"] = base64.b64encode(hmac.new(b"s3cret", raw, hashlib.sha256).digest()).decode()
    assert json.loads(handle(event, Context())["body"])["parked"] == "body: expected JSON"


@pytest.mark.parametrize("base64_body", [True, False])
def test_a_body_over_256_kb_is_413_and_one_just_below_is_taken(small, base64_body):
    def padded(size):
        body = json.dumps({**json.loads(webhook()["body"]), "note": ""}).encode()
        return body.replace(b'"note": ""', b'"note": "' + b"x" * (size - len(body)) + b'"')

    big = padded(web.LARGEST + 1)
    assert handle(webhook(raw=big, base64_body=base64_body), Context())["statusCode"] == 413
    assert small.items() == []
    assert post(raw=padded(web.LARGEST), base64_body=base64_body)["status"] == "recorded"


def test_secrets_that_cannot_be_read_are_our_own_outage(small, capsys):
    small.secrets.out = True
    assert handle(webhook(), Context())["statusCode"] == 503
    assert "webhook secrets cannot be read" in capsys.readouterr().out
    assert small.items() == []


def test_an_unknown_topic_is_2xx_with_its_reason_and_its_body_is_kept(small):
    answer = post(headers={"x-shopify-topic": "inventory_levels/update"})
    assert (answer["status"], answer["facts"]) == ("parked", [])
    assert answer["parked"] == "topic inventory_levels/update: nothing reads it"
    (kept,) = small.items("PARKED#shopify#2026-03-02")
    assert json.loads(kept["body"])["name"] == "#1070"


def test_a_large_body_is_kept_compressed(small):
    raw = json.dumps({"note": "x" * 250_000}).encode()
    post(raw=raw, headers={"x-shopify-topic": "unknown/topic"})
    (kept,) = small.items("PARKED#")
    assert kept["packed"] == "zlib"
    assert zlib.decompress(kept["body"]) == raw


def test_another_route_is_not_found(small):
    event = webhook()
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/webhooks/other"
    assert handle(event, Context())["statusCode"] == 404


# ---------------------------------------------------------------- the buses


def test_the_preview_format_is_parked_with_its_reason(small):
    answer = handle(sample("shopify-partner/preview_of_shopify_events"), Context())
    assert answer["status"] == "parked"
    assert "preview format" in answer["parked"]
    assert len(small.items("PARKED#shopify")) == 1


def test_metadata_names_may_be_written_in_any_case(small):
    event = copy.deepcopy(sample("shopify-partner/orders_create"))
    event["detail"]["metadata"] = {k.lower(): v for k, v in event["detail"]["metadata"].items()}
    assert handle(event, Context())["facts"] == ["OrderPlaced"]


@pytest.mark.parametrize("body", ["no json", "[]", json.dumps({"source": "aws.s3", "detail-type": "x", "detail": {}})])
def test_what_is_no_event_of_a_store_is_parked_and_not_retried(small, body):
    assert handle(sqs(body), Context()) == {"batchItemFailures": []}
    assert len(small.items("PARKED#unknown")) == 1


@pytest.mark.parametrize(
    "detail", [None, {}, {"metadata": None}, {"metadata": {"X-Shopify-Topic": "orders/create"}, "payload": 7}]
)
def test_a_broken_partner_envelope_is_parked(small, detail):
    event = {**sample("shopify-partner/orders_create"), "detail": detail}
    assert handle(event, Context())["status"] == "parked"


def test_a_stores_event_that_is_not_as_expected_is_parked_and_can_be_put_right(small):
    assert put(ref=None)["status"] == "parked"
    assert put(event_id="second")["status"] == "recorded"


def test_a_shop_cannot_speak_for_another(small):
    put(source="store.one", event_id="a")
    put(source="store.two", event_id="a")
    assert sorted(o.key for o in small.customer().orders) == ["one:1070", "two:1070"]


# ---------------------------------------------------------------- between read and write


def test_two_first_facts_at_once_make_one_customer(small):
    other = webhook("orders/paid")
    small.tables.before_write.append(lambda: handle(other, Context()))
    assert post()["status"] == "recorded"
    assert len(small.customers()) == 1
    assert sorted(small.told()) == ["OrderPaid", "OrderPlaced"]


def test_the_same_delivery_twice_at_once_is_recorded_once(small):
    small.tables.before_write.append(lambda: handle(webhook(), Context()))
    assert post()["status"] == "duplicate"
    assert small.told() == ["OrderPlaced"]


def raising(error):
    def fail():
        raise error

    return fail


def test_a_neighbours_transaction_is_tried_again(small):
    small.tables.before_write += [raising(Conflict()), raising(Conflict())]
    assert post()["status"] == "recorded"


@pytest.mark.parametrize("error", [Throttled(), Unclear()])
def test_a_failed_write_is_503_and_the_senders_retry_records_it_once(small, error):
    small.tables.before_write.append(raising(error))
    assert handle(webhook(), Context())["statusCode"] == 503
    assert post()["status"] == "recorded"
    assert small.told() == ["OrderPlaced"]


def test_a_lost_answer_is_a_duplicate_when_the_sender_tries_again(small):
    def lost(writes, real=small.tables.twin.write):
        real(writes)
        small.tables.twin.write = real
        raise Unclear

    small.tables.twin.write = lost
    assert handle(webhook(), Context())["statusCode"] == 503
    assert post()["status"] == "duplicate"
    assert small.told() == ["OrderPlaced"]


def test_a_record_that_never_stands_still_is_given_back_to_the_queue(small):
    post()

    def moves():
        customer = small.customers()[0]
        place = keys.order(customer, f"{SHOP}:5731629400178")
        item = dict(small.tables.twin.read([place])[place])
        item["version"] = int(item["version"]) + 1
        small.tables.twin.write([Put(place, {k: v for k, v in item.items() if k not in ("pk", "sk")})])

    small.tables.before_write += [moves] * 10
    with pytest.raises(KeepsChanging):
        handler.one(small, json.dumps({**sample("shopify-partner/orders_cancelled")}))
    small.tables.before_write[:] = [moves] * 10
    answer = handle(sqs(sample("shopify-partner/orders_cancelled")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_one_bad_message_does_not_keep_back_its_batch(small):
    small.tables.before_write.append(raising(Throttled()))
    answer = handle(sqs(sample("store/CustomerCreated"), sample("store/OrderPlaced")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert small.told() == ["OrderPlaced", "ConsentObserved"]


def test_a_delivery_is_remembered_longer_than_any_sender_retries(small):
    post()
    small.later(days=399)
    assert post()["status"] == "duplicate"
    (delivery,) = small.items("DELIVERY#")
    assert delivery["expires_at"] >= (small.clock.at + timedelta(hours=23)).timestamp()


# ---------------------------------------------------------------- consent that waits, texts, and clocks


def consent_changed(event_id="c1", **said):
    one = {"channel": "email", "purpose": "reorder", "says": "given", **said}
    return put("ConsentChanged", event_id=event_id, said=[one])


@pytest.mark.parametrize(("confirmed", "says"), [(False, Says.PENDING), (True, Says.GIVEN)])
def test_a_consent_of_a_german_customer_waits_unless_the_shop_has_had_it_confirmed(small, confirmed, says):
    put()
    consent_changed(confirmed=confirmed)
    head = small.customer().consent.head(Channel.EMAIL, Purpose.REORDER)
    assert (head.says, head.asks, head.confirmed) == (says, not confirmed, confirmed)


@pytest.mark.parametrize(("level", "says"), [("single_opt_in", Says.PENDING), ("confirmed_opt_in", Says.GIVEN)])
def test_the_opt_in_level_of_the_platform_decides_whether_it_was_confirmed(small, level, says):
    post()
    at = "2026-03-02T10:00:00Z"
    state = {"state": "subscribed", "opt_in_level": level, "consent_updated_at": at, "consent_collected_from": "SHOPIFY"}
    post("customers_email_marketing_consent/update", webhook_id="c2", email_marketing_consent=state)
    assert small.customer().consent.head(Channel.EMAIL, Purpose.PROMOTIONAL).says is says


def test_a_text_that_the_store_sends_with_a_consent_can_be_read_by_its_hash_for_ever(small):
    put()
    consent_changed(text="Yes, remind me before my coffee runs out.", wording="checkout-7")
    (row,) = [json.loads(i["doc"]) for i in small.items("EVIDENCE#") if "checkout-7" in str(i["doc"])]
    assert wording_of(small.tables, row["wording_hash"]).text.startswith("Yes, remind me")


def test_a_wrong_clock_is_kept_in_the_evidence_and_bounded_in_what_counts(small):
    put()
    consent_changed(says="withdrawn", said_at="2027-01-01T00:00:00Z")
    (row,) = [json.loads(i["doc"]) for i in small.items("EVIDENCE#") if "2027" in str(i["doc"])]
    assert row["claimed_at"].startswith("2027-01-01")
    assert row["said_at"].startswith("2026-03-02")


def test_a_privacy_request_has_its_clock_from_the_moment_it_is_acknowledged(small):
    post()
    for topic in ("customers/redact", "customers/data_request"):
        post(topic)
    opened = open_requests(small.tables, small.clock.now())
    assert sorted(str(r.asked) for r in opened) == ["erasure", "export"]
    assert {r.customer_ids for r in opened} == {tuple(small.customers())}
    assert all(r.due_by == small.clock.now() + timedelta(days=30) for r in opened)
