"""One event and its webhooks: who is told, what it says, and what becomes of what was not taken."""

import base64
import json
from datetime import timedelta

import pytest

from aftercare import inbound, keys
from aftercare.cases import Case, Rescue
from aftercare.clock import iso
from aftercare.consent import Choice, ConsentRecord, Head
from aftercare.customer import Contact, Profile, Return
from aftercare.endpoints import EVENTS, Unusable, endpoints_of
from aftercare.feedback import Answer, Feedback, Given
from aftercare.heard import Words
from aftercare.lifetime import USUAL, Orders
from aftercare.retention import JOURNAL, PAYLOAD
from aftercare.settings import Settings
from aftercare.store import versioned
from aftercare.table import Put
from helpdesk_bridge.handler import handle
from simulator.receivers import Receiver, Receivers, Wire
from tests.builders import ANNA, NOON, an_order
from tests.small_outside import Context, sqs

SECRET = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
OLD = f"whsec_{base64.b64encode(b'o' * 32).decode()}"
DESK, CRM = "desk.example.com", "crm.example.net"


def endpoint(host=DESK, **more):
    return {"url": f"https://{host}/hooks", "secrets": [SECRET], **more}


@pytest.fixture
def bridge(small):
    small.settings = Settings(
        customer_table="customers",
        knowledge_table="knowledge",
        webhook_endpoints_parameter="/aftercare/webhook-endpoints",
        helpdesk_queue_url="https://sqs/helpdesk",
        helpdesk_dead_letters_url="https://sqs/helpdesk-dead",
    )
    small.receivers = Receivers(small.clock.now)
    small.webhooks = Wire(small.receivers, None)
    small.desk = small.receivers.add(Receiver(DESK, [SECRET]))
    small.crm = small.receivers.add(Receiver(CRM, [SECRET]))
    store_it(small, desk=endpoint())
    order = an_order(returns=(Return(ref="R-1", requested_at=NOON, lines={"1": 1}, reason="damaged", wish="refund"),))
    profile = Profile(version=1, contact=Contact(email="anna@example.com", phone="+4915112345678", name="Anna"), first_seen=NOON)
    small.tables.write(
        [
            versioned(keys.customer(ANNA, keys.PROFILE), profile.to_json(), 0),
            versioned(keys.order(ANNA, order.key), order.to_json(), 0),
        ]
    )
    small.tables.calls.clear()
    return small


def store_it(small, **endpoints):
    small.secrets.texts["/aftercare/webhook-endpoints"] = json.dumps(endpoints)


def event(kind="ReturnRequested", customer=ANNA, event_id="e1", **data):
    given = data or {"order": "example:1070", "return_ref": "R-1"}
    metadata = {"id": event_id, "version": 1, "occurred_at": iso(NOON), "correlation_id": "c1"}
    return {"detail-type": kind, "detail": {"metadata": metadata, "data": {"customer_id": customer, **given}}}


def told(small, *events):
    return handle(sqs(*events), Context())


def test_an_event_is_told_once_signed_and_with_what_the_record_adds(bridge):
    assert told(bridge, event()) == {"batchItemFailures": []}
    (taken,) = bridge.desk.taken
    assert (taken.webhook_id, taken.type, taken.path) == ("e1", "ReturnRequested", "/hooks")
    assert taken.body["timestamp"] == iso(NOON)
    assert taken.data["reason"] == "damaged" and taken.data["wish"] == "refund" and taken.data["order_name"] == "#1070"
    assert bridge.queues.sent == []
    assert bridge.tables.calls == ["partition", "read"], "one customer and the endpoints' standing"


def test_without_being_named_addresses_stay_here(bridge):
    told(bridge, event())
    text = json.dumps(bridge.desk.taken[0].body)
    assert "anna@example.com" not in text and "+4915112345678" not in text and "Anna" not in text
    store_it(bridge, desk=endpoint(share=["contact"]))
    told(bridge, event(event_id="e2"))
    assert bridge.desk.taken[1].data["customer"]["email"] == "anna@example.com"


def test_only_what_an_endpoint_wants_is_sent_to_it(bridge):
    store_it(bridge, desk=endpoint(events=["SupportCaseOpened"]), crm=endpoint(CRM))
    told(bridge, event())
    assert bridge.desk.types() == [] and bridge.crm.types() == ["ReturnRequested"]
    store_it(bridge, desk=endpoint(events=[]))
    bridge.tables.calls.clear()
    told(bridge, event(event_id="e2"))
    assert bridge.tables.calls == [], "where nobody wants it, nothing is read"


BECAME = {"shop": "example", "lifecycle": "repeat", "value": "mid", "lifecycle_before": "first-time", "value_before": "one-time"}


def test_with_the_kind_of_buyer_goes_what_to_expect_of_them_by_what_their_shop_has_learned(bridge):
    again = an_order("2", placed_at=NOON - timedelta(days=30), as_of=NOON)
    bridge.tables.write([versioned(keys.order(ANNA, again.key), again.to_json(), 0)])
    bridge.tables.calls.clear()
    told(bridge, event("SegmentChanged", **BECAME))
    assert bridge.tables.calls == ["partition", "read"], "no call more"
    young = bridge.desk.taken[0].data["prospects"]
    assert young["at"] == "2026-03-02" and young["fitted_to"] == 0 and "fitted_on" not in young
    # One repeat purchase, just now: a / (b + a) = 0.35 / 2.95 have left with it.
    assert young["p_active"] == pytest.approx(2.6 / 2.95, abs=1e-4)
    assert young["at"] < young["next_order"]["p25"] < young["next_order"]["p50"] < young["next_order"]["p75"]
    taught = USUAL._replace(orders=Orders(0.62, 58.0, 3.0, 1.0), customers=900)
    bridge.tables.write([Put(keys.buyers("example"), {"model": taught.to_json()})])
    told(bridge, event("SegmentChanged", event_id="e2", **BECAME))
    taught_data = bridge.desk.taken[1].data["prospects"]
    assert taught_data["p_active"] == 0.25 and taught_data["fitted_to"] == 900
    assert "p75" not in taught_data["next_order"], "may not come again"


def test_no_third_party_is_told_what_somebody_will_do(bridge):
    store_it(bridge, crm=endpoint(CRM, recipient="third_party"))
    told(bridge, event("SegmentChanged", **BECAME))
    (taken,) = bridge.crm.taken
    assert taken.data["lifecycle"] == "repeat" and "prospects" not in taken.data


def test_who_was_erased_sends_nothing(bridge):
    told(bridge, event(customer="c0gone"))
    assert bridge.desk.attempts == {} and bridge.queues.sent == []


def test_a_return_that_is_not_on_record_is_not_told(bridge):
    told(bridge, event(order="example:1070", return_ref="R-2"))
    assert bridge.desk.attempts == {}


def test_who_opted_out_of_sale_is_told_to_processors_only(bridge):
    consent = ConsentRecord(version=1, sale=Choice(opted_out=True, said_at=NOON, proof="s1"))
    bridge.tables.write([versioned(keys.customer(ANNA, keys.CONSENT), consent.to_json(), 0)])
    store_it(bridge, desk=endpoint(), crm=endpoint(CRM, recipient="third_party"))
    told(bridge, event())
    assert bridge.crm.attempts == {}
    assert bridge.desk.taken[0].data["customer"]["sale_opted_out"] is True


def test_what_was_not_taken_waits_on_the_queue_without_personal_data_and_goes_again_under_its_id(bridge):
    store_it(bridge, desk=endpoint(share=["contact"]))
    bridge.desk.answers = [503]
    told(bridge, event())
    ((url, body, _),) = bridge.queues.sent
    assert url == "https://sqs/helpdesk"
    assert "@" not in body and "+49" not in body and "damaged" not in body
    (delay,) = bridge.queues.delays
    bridge.later(seconds=delay.total_seconds())
    told(bridge, body)
    assert bridge.desk.attempts == {"e1": 2} and len(bridge.desk.taken) == 1


def test_a_long_wait_goes_round_the_queue_and_does_not_count_as_an_attempt(bridge):
    waiting = {"endpoint": "desk", "attempt": 7, "not_before": iso(bridge.clock.at + timedelta(hours=2)), "event": event()}
    told(bridge, {"key": "e1#desk", "webhook": waiting})
    assert bridge.desk.attempts == {} and bridge.queues.delays == [timedelta(minutes=15)]
    assert json.loads(bridge.queues.sent[0][1])["webhook"]["attempt"] == 7


def test_each_endpoint_has_attempts_of_its_own(bridge):
    store_it(bridge, desk=endpoint(), crm=endpoint(CRM))
    bridge.desk.answers = [500]
    told(bridge, event())
    assert len(bridge.crm.taken) == 1
    bridge.later(minutes=1)
    told(bridge, bridge.queues.sent[0][1])
    assert bridge.crm.attempts == {"e1": 1} and bridge.desk.attempts == {"e1": 2}


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_what_is_called_wrong_lies_among_the_dead_letters_and_begins_anew_when_redriven(bridge, status):
    bridge.desk.answers = [status]
    told(bridge, event())
    ((url, body, _),) = bridge.queues.sent
    assert url == "https://sqs/helpdesk-dead"
    assert json.loads(body)["webhook"]["because"].startswith(str(status))
    told(bridge, body)
    assert len(bridge.desk.taken) == 1


def test_after_a_day_it_is_given_up(bridge):
    bridge.desk.answers = [500] * 20
    told(bridge, event())
    while len(bridge.queues.sent) < 200 and bridge.queues.sent[-1][0] == "https://sqs/helpdesk":
        bridge.later(seconds=bridge.queues.delays[-1].total_seconds())
        told(bridge, bridge.queues.sent[-1][1])
    assert bridge.queues.sent[-1][0] == "https://sqs/helpdesk-dead"
    assert bridge.desk.attempts == {"e1": 11}
    gone_by = bridge.desk.attempted_at[-1] - bridge.desk.attempted_at[0]
    assert timedelta(hours=20) < gone_by < timedelta(hours=28)


def test_410_closes_the_endpoint_for_every_other_event_until_it_is_opened(bridge):
    store_it(bridge, desk=endpoint(), crm=endpoint(CRM))
    bridge.desk.answers = [410]
    told(bridge, event())
    told(bridge, event(event_id="e2"))
    assert bridge.desk.attempts == {"e1": 1} and len(bridge.crm.taken) == 2
    closed = bridge.tables.read([keys.endpoint("desk")])[keys.endpoint("desk")]
    assert closed["because"] == "410 Gone" and bridge.queues.sent == []


def test_an_endpoint_that_was_taken_out_of_the_settings_gets_no_more_attempts(bridge):
    bridge.desk.answers = [503]
    told(bridge, event())
    store_it(bridge, crm=endpoint(CRM))
    told(bridge, bridge.queues.sent[0][1])
    assert bridge.desk.attempts == {"e1": 1} and bridge.crm.attempts == {}


def test_settings_that_cannot_be_used_keep_the_event_on_its_queue(bridge):
    bridge.secrets.texts["/aftercare/webhook-endpoints"] = "{"
    assert told(bridge, event()) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert bridge.desk.attempts == {}


def test_a_receiver_that_has_only_the_old_secret_still_believes_during_a_rotation(bridge):
    bridge.desk.secrets = [OLD]
    store_it(bridge, desk=endpoint(secrets=[SECRET, OLD]))
    told(bridge, event())
    assert len(bridge.desk.taken) == 1
    store_it(bridge, desk=endpoint())
    told(bridge, event(event_id="e2"))
    assert len(bridge.desk.taken) == 1, "401: it is not believed any more"


def test_a_retry_is_signed_with_its_own_time(bridge):
    bridge.desk.answers = [503]
    told(bridge, event())
    bridge.later(hours=3)
    told(bridge, bridge.queues.sent[0][1])
    assert len(bridge.desk.taken) == 1, "the receiver refuses what is older than five minutes"


def test_a_name_that_leads_inside_is_given_up_and_nothing_is_sent(bridge):
    bridge.desk.addresses = ["169.254.169.254"]
    told(bridge, event())
    assert bridge.desk.attempts == {}
    assert "public address" in bridge.queues.sent[0][1]


def wrote(small, customer=ANNA, text="The grinder is broken"):
    written = inbound.Written(channel="sms", number="+4915112345678", at=NOON, text=text)
    if customer:
        small.tables.write([inbound.keep(customer, "t1", written, small.clock.at, new=True)])
    else:
        small.tables.write(
            [Put(inbound.place("", "t1", NOON), {"body": written.to_json().encode(), "expires_at": PAYLOAD.ends(small.clock.at)})]
        )
    return event("InboundMessage", customer, channel="sms", wish="other", text_ref="t1")


def test_what_somebody_wrote_is_told_with_its_words_and_a_reply_only_where_words_are_shared(bridge):
    store_it(bridge, desk=endpoint(share=["words"]), crm=endpoint(CRM))
    told(bridge, wrote(bridge))
    assert bridge.desk.taken[0].data["text"] == "The grinder is broken"
    assert "#1070" in bridge.desk.taken[0].data["suggested_reply"]
    assert "number" not in bridge.desk.taken[0].data, "how somebody is reached is another share"
    assert "grinder" not in json.dumps(bridge.crm.taken[0].body) and "suggested_reply" not in bridge.crm.taken[0].data


def test_the_words_of_an_answer_and_of_a_mention_are_told_where_words_are_shared(bridge):
    store_it(bridge, desk=endpoint(share=["words"]), crm=endpoint(CRM))
    answer = Answer(order="example:1070", version=1, first_at=NOON, at=NOON, by="page", score=2, words=True)
    given = Given(score=2, text="It came late", number="+4915112345678")
    mention = Words(text="My new espresso!")
    until = {"expires_at": JOURNAL.ends(bridge.clock.at)}
    bridge.tables.write(
        [
            versioned(keys.customer(ANNA, keys.FEEDBACK), Feedback(answers=(answer,)).to_json(), 0),
            Put(keys.answer(ANNA, "example:1070", 1), {"doc": given.to_json(), **until}),
            Put(keys.words(ANNA, "mention", "example:P-1", NOON), {"doc": mention.to_json(), **until}),
        ]
    )
    told(bridge, event("SurveyAnswered", order="example:1070", version=1, score=2, words=True, by="page"))
    told(
        bridge,
        event("SocialMentioned", event_id="e2", mention="example:P-1", network="instagram", order=None, sku=None, words=True),
    )
    survey, social = (taken.data for taken in bridge.desk.taken)
    assert survey["text"] == "It came late" and "number" not in survey and "suggested_reply" not in survey
    assert social["text"] == "My new espresso!" and "#1070" in social["suggested_reply"], "a reply that the store's tool posts"
    assert all("text" not in taken.data for taken in bridge.crm.taken) and len(bridge.crm.taken) == 2


def test_a_case_that_an_answer_opened_reaches_the_helpdesk_with_the_answers_words(bridge):
    store_it(bridge, desk=endpoint(share=["words", "contact"]))
    answer = Answer(order="example:1070", version=1, first_at=NOON, at=NOON, by="page", score=1, words=True)
    rescue = Rescue(
        origin="survey", about="example:1070", segment="high-clv", way="call", answer_by=NOON, act_by=NOON + timedelta(days=1)
    )
    case = Case(ref="example:rescue-1", topic="complaint", opened_at=NOON, rescue=rescue, order_key="example:1070")
    until = {"expires_at": JOURNAL.ends(bridge.clock.at)}
    text = Given(score=1, text="The grinder is broken", call=True, number="+4915112345678")
    bridge.tables.write(
        [
            versioned(keys.customer(ANNA, keys.FEEDBACK), Feedback(answers=(answer,)).to_json(), 0),
            Put(keys.answer(ANNA, "example:1070", 1), {"doc": text.to_json(), **until}),
            versioned(keys.case(ANNA, case.ref), case.to_json(), 0),
        ]
    )
    told(bridge, event("SupportCaseOpened", case=case.ref, topic="complaint", order="example:1070"))
    (taken,) = bridge.desk.taken
    assert (taken.data["text"], taken.data["number"]) == ("The grinder is broken", "+4915112345678")
    assert taken.data["rescue"]["segment"] == "high-clv" and taken.data["rescue"]["way"] == "call"


def test_an_answer_that_is_not_on_record_any_more_is_not_told(bridge):
    told(bridge, event("SurveyAnswered", order="example:1070", version=1, score=2, words=False, by="page"))
    assert bridge.desk.attempts == {}


def test_what_nobody_known_wrote_is_told_without_a_customer_and_to_no_third_party(bridge):
    store_it(bridge, desk=endpoint(share=["words", "contact"]), crm=endpoint(CRM, recipient="third_party"))
    told(bridge, wrote(bridge, customer=""))
    data = bridge.desk.taken[0].data
    assert (data["text"], data["number"]) == ("The grinder is broken", "+4915112345678") and "customer" not in data
    assert bridge.crm.attempts == {}


@pytest.mark.parametrize("customer", [ANNA, ""])
def test_a_text_that_is_gone_is_not_told_any_more(bridge, customer):
    store_it(bridge, desk=endpoint(share=["words"]))
    told(bridge, event("InboundMessage", customer, channel="sms", wish="other", text_ref="t9"))
    assert bridge.desk.attempts == {}


def test_a_stop_is_told_by_its_word_alone(bridge):
    told(bridge, event("InboundMessage", channel="sms", wish="stop"))
    assert bridge.desk.taken[0].data["wish"] == "stop"


def test_what_came_from_a_tool_is_not_told_to_it_but_to_the_others(bridge):
    store_it(bridge, desk=endpoint(**{"is": "zendesk"}), crm=endpoint(CRM, **{"is": "hubspot"}))
    case = Case(ref="example:5158", sender="zendesk", opened_at=NOON)
    away = Head(
        channel="email", purpose="promotional", says="withdrawn", weight="explicit", said_at=NOON, proof="s1",
        source="hubspot:example:contact",
    )  # fmt: skip
    bridge.tables.write(
        [
            versioned(keys.case(ANNA, case.ref), case.to_json(), 0),
            versioned(keys.customer(ANNA, keys.CONSENT), ConsentRecord(version=1, heads=(away,)).to_json(), 0),
        ]
    )
    told(bridge, event("SupportCaseOpened", case=case.ref, topic="other", order=None))
    told(bridge, event("ConsentObserved", event_id="e2", channel="email", purpose="promotional", says="withdrawn"))
    assert bridge.desk.types() == ["ConsentObserved"]
    assert bridge.crm.types() == ["SupportCaseOpened"]
    told(bridge, event(event_id="e3"))
    assert bridge.desk.types()[1:] == bridge.crm.types()[1:] == ["ReturnRequested"], "what we know first both are told"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "expected an object of 1 to 5"),
        ("{}", "expected an object of 1 to 5"),
        ('{"Desk": {}}', "an endpoint's name"),
        (json.dumps({"desk": endpoint("10.0.0.1")}), "desk.url"),
        (json.dumps({"desk": {**endpoint(), "url": "http://desk.example.com"}}), "desk.url"),
        (json.dumps({"desk": endpoint(secrets=[])}), "desk.secrets: expected 1 to 3"),
        (json.dumps({"desk": endpoint(secrets=["whsec_c2VjcmV0"])}), "desk.secrets: expected whsec_"),
        (json.dumps({"desk": endpoint(secrets="whsec_x")}), "desk.secrets: expected a list"),
        (json.dumps({"desk": endpoint(events=["OrderPlaced"])}), "desk.events"),
        (json.dumps({"desk": endpoint(share=["everything"])}), "desk.share"),
        (json.dumps({"desk": endpoint(recipient="friend")}), "desk.recipient"),
        (json.dumps({"desk": endpoint(**{"is": "gorgias"})}), "desk.is"),
        (json.dumps({"desk": endpoint(topics=[])}), "desk: expected an object of"),
    ],
)
def test_endpoints_that_cannot_be_used_say_where_and_show_nothing(text, says):
    with pytest.raises(Unusable, match=says) as refused:
        endpoints_of(text)
    assert "example.com" not in str(refused.value) and "c2VjcmV0" not in str(refused.value)


def test_left_out_an_endpoint_wants_all_events_and_gets_ids_only():
    (one,) = endpoints_of(json.dumps({"desk": endpoint()}))
    assert one.events == frozenset(EVENTS) and one.share == frozenset() and not one.third_party
