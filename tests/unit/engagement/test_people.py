"""What people write to us, and what phones tell of our messages."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from aftercare import identity, keys, ledger, requests, store
from aftercare import inbound as inbound_texts
from aftercare.consent import Channel, Purpose, Says
from aftercare.consent_policy import consent_policy
from aftercare.decision import State
from aftercare.erasure import Eraser
from aftercare.identity import keyed_hash
from aftercare.learned import weight
from aftercare.requests import Asked
from aftercare.retention import CHAT
from aftercare.settings import Settings
from aftercare.table import Put
from engagement.handler import handle
from engagement.keywords import Wish, answered_by_aws, wish
from engagement.phones import chat_seen, inbound
from engagement.provider import Unreadable, What
from simulator.phones import text_notification
from tests.builders import consent_of, said
from tests.ledger_items import CUSTOMER, a_message, a_profile, claimed, unknown
from tests.small_outside import SECRETS, START, Context, sqs

NUMBER = "+4915112345678"
SMS = Channel.SMS


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop", " Stop. ", "QUIT", "end", "Revoke", "OPT OUT", "opt-out", "OptOut", "cancel!", "UNSUBSCRIBE"),
        *("ARRET", "arrêt", "remove", "TD", "Stopp", "ENDE", "abbestellen", "Abmelden!", "stop please", "Bitte STOP", "STOP ALL"),
        *("stop texting me", "Please stop sending me these messages", "don't text me anymore", "take me off your list"),
        *("Leave me alone", "no more texts", "I no longer want to receive messages", "opt me out"),
        *("STOP\nSent from my iPhone", "Stop. Thanks, Anna", "STOP STOP STOP", "s t o p", "pls stop", "Not interested, stop"),
        *("4 STOP", "stop 5", "1, stop please"),
        *("I don't want these texts", "I do not want to receive messages anymore", "I revoke my consent", "Remove my number"),
        *("no messages", "Wrong number", "STOP to end", "arrêtez", "aufhören", "Stoppen!", "Keine SMS!", "Abmeldung"),
        *("Ich widerrufe meine Einwilligung", "Löschen Sie meine Nummer", "Ich möchte keine Nachrichten"),
        *("Bitte keine SMS mehr", "Hören Sie auf damit", "schreiben Sie mir bitte nicht mehr", "Lasst mich in Ruhe"),
    ],
)
def test_a_stop_is_understood_in_any_case_and_in_clear_words(text):
    assert wish(text) is Wish.STOP


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("HELP", Wish.HELP),
        ("info?", Wish.HELP),
        ("Hilfe bitte", Wish.HELP),
        ("START", Wish.START),
        ("unstop", Wish.START),
        ("don't stop texting me, I love it", Wish.OTHER),
        ("The parcel did not come, where is it?", Wish.OTHER),
        ("Can you stop by the shop with it? The end of the week is fine", Wish.OTHER),
        ("thanks", Wish.OTHER),
        ("", Wish.OTHER),
        ("👍", Wish.OTHER),
        ("please stop sending " + "x" * 400, Wish.OTHER),
        ("don't send any parcels this week", Wish.OTHER),
        ("never send me the blue one again", Wish.OTHER),
        ("Please cancel my order, thanks", Wish.OTHER),
        ("I gave you the wrong number, mine ends with 12", Wish.OTHER),
        ("Schicken Sie mir bitte keine blaue, sondern die rote", Wish.OTHER),
        ("nicht mehr senden, ich hole es ab", Wish.OTHER),
        ("Ich möchte den Kauf widerrufen", Wish.OTHER),
        ("I never got a text message", Wish.OTHER),
    ],
)
def test_other_texts_mean_what_they_say(text, means):
    assert wish(text) is means


def test_aws_answers_its_own_keywords_and_no_sentence():
    assert answered_by_aws("Stop") and answered_by_aws("help")
    assert not answered_by_aws("revoke") and not answered_by_aws("stop texting me") and not answered_by_aws("INFO")


# ---------------------------------------------------------------- recorded


def texts(small, body, inbound_id="in-1", number=NUMBER, at=None):
    notification = text_notification(number, body, inbound_id, "+12125550101", at or small.clock.now())
    assert handle(sqs(notification), Context()) == {"batchItemFailures": []}


@pytest.fixture
def anna(small):
    """A customer with a number and consent to order news by text."""
    a_profile(small)
    texts_of = {"channel": SMS, "at": START, "address": keyed_hash(SECRETS["identity"], NUMBER)}
    order_news = said(Purpose.TRANSACTIONAL, **texts_of)
    surveys = said(Purpose.SURVEY, sequence="s2", wording_hash="of a text", **texts_of)
    given = consent_of(order_news, surveys, said(Purpose.REORDER))
    owner = keys.phone_owner(keyed_hash(SECRETS["identity"], NUMBER), CUSTOMER)
    small.tables.twin.write(
        [
            Put(keys.customer(CUSTOMER, keys.CONSENT), {"doc": given.to_json(), "version": given.version}),
            Put(owner, {"customer_id": CUSTOMER}),
        ]
    )
    return small


def heads(small):
    return {(h.channel, h.purpose): h.says for h in store.load(small.tables.twin, CUSTOMER).consent.heads}


def proposed(small):
    return [json.loads(body)["proposal"] for _, body, _ in small.queues.sent]


def test_a_stop_takes_everything_on_its_channel_back_before_the_next_claim_and_nothing_elsewhere(anna):
    texts(anna, "Stop texting me!")
    says = heads(anna)
    assert {says[SMS, purpose] for purpose in Purpose} == {Says.WITHDRAWN}
    assert says[Channel.EMAIL, Purpose.REORDER] is Says.GIVEN
    rows = [i for i in anna.items(f"EVIDENCE#{CUSTOMER}") if "sms:stop" in str(i["doc"])]
    assert len(rows) == len(Purpose)
    assert anna.told()[0] == "InboundMessage"
    assert all("Stop" not in str(item) for item in anna.items()), "the text itself is kept nowhere"


def test_one_confirmation_is_owed_within_five_minutes_and_only_for_what_changed(anna):
    texts(anna, "revoke")
    texts(anna, "revoke")
    texts(anna, "revoke", inbound_id="in-2")
    assert {p["key"] for p in proposed(anna)} == {"reply-stopped#in-1"}
    (reply, *_) = proposed(anna)
    assert (reply["purpose"], reply["references"]["channel"]) == ("transactional", "sms")
    assert reply["references"]["number"] == identity.keyed_hash(SECRETS["identity"], NUMBER)
    assert reply["not_after"] == reply["proposed_at"].replace("09:15", "09:20")


def test_aws_answers_its_own_keywords_so_we_are_silent_unless_opt_outs_are_ours(anna):
    texts(anna, "STOP")
    texts(anna, "HELP", inbound_id="in-2")
    assert proposed(anna) == []
    assert heads(anna)[SMS, Purpose.TRANSACTIONAL] is Says.WITHDRAWN
    anna.settings = Settings(**{**anna.settings.__dict__, "sms_opt_outs": "own"})
    texts(anna, "HELP", inbound_id="in-3")
    assert [p["template"] for p in proposed(anna)] == ["reply-help"]


def test_start_gives_back_what_stop_took_and_nothing_else(anna):
    texts(anna, "STOP")
    anna.later(minutes=5)
    texts(anna, "START", inbound_id="in-2")
    says = heads(anna)
    assert {p for p in Purpose if says[SMS, p] is Says.GIVEN} == {Purpose.TRANSACTIONAL, Purpose.SURVEY}
    assert says[SMS, Purpose.PROMOTIONAL] is Says.WITHDRAWN


def test_what_start_gives_back_is_the_consent_that_it_was_for_the_number_that_wrote(anna):
    before = store.load(anna.tables.twin, CUSTOMER).consent.head(SMS, Purpose.SURVEY)
    texts(anna, "STOP")
    anna.later(minutes=5)
    texts(anna, "START", inbound_id="in-2")
    after = store.load(anna.tables.twin, CUSTOMER).consent.head(SMS, Purpose.SURVEY)
    assert (after.written, after.address) == (before.written, before.address) == (True, keyed_hash(SECRETS["identity"], NUMBER))


def test_a_start_that_is_heard_after_a_later_stop_gives_nothing(anna):
    texts(anna, "STOP")
    anna.later(minutes=10)
    written_at = anna.clock.now() - timedelta(minutes=5)
    texts(anna, "STOP", inbound_id="in-3")
    texts(anna, "START", inbound_id="in-2", at=written_at)
    assert heads(anna)[SMS, Purpose.TRANSACTIONAL] is Says.WITHDRAWN


def test_a_start_counts_from_when_it_was_written_although_the_stop_before_it_was_heard_late(anna):
    anna.later(minutes=10)
    now = anna.clock.now()
    texts(anna, "STOP", at=now - timedelta(minutes=8))
    texts(anna, "START", inbound_id="in-2", at=now - timedelta(minutes=2))
    assert heads(anna)[SMS, Purpose.TRANSACTIONAL] is Says.GIVEN


@pytest.mark.parametrize(("text", "kept"), [("STOP", True), ("STOP ALL", False), ("Please stop texting me, all of it", False)])
def test_where_the_setting_says_so_a_stop_is_for_the_kind_of_text_that_it_answers(anna, monkeypatch, text, kept):
    by_kind = consent_policy().telephone.model_copy(update={"revoke_scope": "category"})
    policy = consent_policy().model_copy(update={"telephone": by_kind})
    monkeypatch.setattr("engagement.people.consent_policy", lambda: policy)
    message = a_message()
    survey = message.proposal.model_copy(update={"purpose": Purpose.SURVEY})
    sent = message.model_copy(update={"sent_at": START, "state": State.SENT, "channel": "sms", "proposal": survey})
    ledger.claim(anna.tables.twin, store.load(anna.tables.twin, CUSTOMER), sent, "t1", anna.clock.now(), held=None)
    ledger.settle(anna.tables.twin, CUSTOMER, sent, "t1", anna.clock.now())
    anna.later(minutes=5)
    texts(anna, text)
    says = heads(anna)
    assert says[SMS, Purpose.SURVEY] is Says.WITHDRAWN
    assert (says[SMS, Purpose.TRANSACTIONAL] is Says.GIVEN) is kept


def test_a_start_without_a_stop_before_gives_nothing(anna):
    texts(anna, "START")
    assert (SMS, Purpose.PROMOTIONAL) not in heads(anna)
    assert proposed(anna) == []


def test_a_text_that_comes_twice_is_one_fact(anna):
    texts(anna, "is my parcel coming?")
    texts(anna, "is my parcel coming?")
    assert anna.told() == ["InboundMessage"]
    assert store.load(anna.tables.twin, CUSTOMER).learned.answered.keys() == {SMS}


def texts_kept(small, start="CUSTOMER#"):
    found = [item for item in small.items(start) if "INBOUND#" in str(item["sk"]) or str(item["pk"]).startswith("PARKED#inbound")]
    return [(item["pk"], inbound_texts.read(item).text, "due_kind" in item) for item in found]


def test_a_text_that_asks_for_nothing_known_is_kept_for_somebody_to_read_and_not_told_on_the_bus(anna):
    texts(anna, "The grinder is broken, what now?")
    assert texts_kept(anna) == [(f"CUSTOMER#{CUSTOMER}", "The grinder is broken, what now?", True)]
    (event,) = anna.outbox()
    assert event.data["wish"] == "other" and "grinder" not in event.to_json()
    assert anna.tables.read([inbound_texts.place(CUSTOMER, event.data["text_ref"], event.occurred_at)])


@pytest.mark.parametrize("text", ["STOP", "HELP", "START", "please stop texting me"])
def test_a_keyword_is_understood_and_its_text_is_not_kept(anna, text):
    texts(anna, text)
    assert texts_kept(anna) == []
    assert anna.outbox()[0].data.get("text_ref") is None


def test_a_text_is_kept_for_90_days(anna):
    texts(anna, "Where is it?")
    anna.later(days=89)
    assert anna.tables.partition("customers", f"CUSTOMER#{CUSTOMER}", keys.INBOUND)
    anna.later(days=2)
    assert anna.tables.partition("customers", f"CUSTOMER#{CUSTOMER}", keys.INBOUND) == []


def test_a_text_of_a_number_that_two_have_is_with_both_and_read_once(anna):
    other = "c0ben"
    a_profile(anna, customer_id=other)
    anna.tables.twin.write([Put(keys.phone_owner(keyed_hash(SECRETS["identity"], NUMBER), other), {"customer_id": other})])
    texts(anna, "Where is it?")
    assert sorted(new for _, _, new in texts_kept(anna)) == [False, True]


def test_what_nobody_known_wrote_is_parked_and_found_by_its_number(small):
    texts(small, "Do you sell grinders?")
    ((pk, text, new),) = texts_kept(small, "PARKED#")
    assert (pk, text, new) == ("PARKED#inbound#2026-03-02", "Do you sell grinders?", True)
    eraser = Eraser(small, lambda: timedelta(minutes=5))
    eraser.answer(requests.opened(Asked.ERASURE, "r1", "store", "shop", START, (), phone=NUMBER))
    assert texts_kept(small, "PARKED#") == []


def test_a_number_of_two_customers_stops_for_both(anna):
    other = "c0ben"
    a_profile(anna, customer_id=other)
    anna.tables.twin.write([Put(keys.phone_owner(keyed_hash(SECRETS["identity"], NUMBER), other), {"customer_id": other})])
    texts(anna, "quit")
    for customer_id in (CUSTOMER, other):
        record = store.load(anna.tables.twin, customer_id).consent
        assert record.head(SMS, Purpose.TRANSACTIONAL).says is Says.WITHDRAWN


def test_a_text_from_nobody_known_is_a_fact_without_a_customer(small):
    texts(small, "STOP")
    (event,) = small.outbox()
    assert (event.type, event.data["customer_id"], event.data["wish"]) == ("InboundMessage", "", "stop")
    assert small.queues.sent == []


def test_a_whatsapp_message_opens_the_conversation_for_a_day(anna):
    entry = {
        "changes": [{"value": {"messages": [{"from": NUMBER[1:], "id": "wamid.1", "type": "text", "text": {"body": "Hello"}}]}}]
    }
    note = {
        "Type": "Notification",
        "Message": json.dumps({"whatsAppWebhookEntry": json.dumps(entry)}),
        "Timestamp": "2026-03-02T09:15:00Z",
    }
    handle(sqs(note), Context())
    assert store.load(anna.tables.twin, CUSTOMER).profile.wrote_at.isoformat() == "2026-03-02T09:15:00+00:00"
    assert anna.told() == ["InboundMessage"]


@pytest.mark.parametrize("message", ["no JSON", "[]", '{"originationNumber": "12"}', '{"whatsAppWebhookEntry": "{"}'])
def test_what_cannot_be_read_is_parked_at_once(small, message):
    with pytest.raises(Unreadable):
        inbound({"Message": message}, START)
    assert handle(sqs({"Type": "Notification", "Message": message}), Context()) == {"batchItemFailures": []}
    assert small.items("PARKED#")


# ---------------------------------------------------------------- what became of ours


def text_event(message, kind="TEXT_DELIVERED", event_id="e1", asks="no"):
    context = {"aftercare-message": message.proposal.message_id, "aftercare-customer": CUSTOMER, "aftercare-asks": asks}
    detail = {"eventType": kind, "isFinal": True, "messageId": "p-1", "context": context}
    return {"id": event_id, "source": "aws.sms-voice", "time": "2026-03-02T09:16:00Z", "detail": detail}


def chat_event(status, provider_id="p-1", event_id="e1"):
    detail = {"messageId": provider_id, "status": status, "eventTimestamp": "1772442960"}
    return {"id": event_id, "source": "aws.social-messaging", "detail": detail}


@pytest.mark.parametrize("kind", ["TEXT_SUCCESSFUL", "TEXT_DELIVERED", "TEXT_CARRIER_UNREACHABLE"])
def test_a_texts_own_event_settles_what_nobody_knew(small, kind):
    a_profile(small)
    message = unknown(small)
    handle(sqs(text_event(message, kind)), Context())
    item = small.tables.twin.read([keys.ledger(CUSTOMER, message.proposal.message_id)])
    (found,) = item.values()
    assert ledger.message_from(found).state is State.SENT


def test_a_whatsapp_event_finds_its_message_by_the_providers_id_and_a_read_one_shows_the_hour_but_is_no_answer(small):
    a_profile(small)
    message = claimed(small)
    whose = {"customer_id": CUSTOMER, "message_id": message.proposal.message_id, "asks": True, "expires_at": CHAT.ends(START)}
    small.tables.twin.write([Put(keys.chat_alias("p-1"), whose)])
    handle(sqs(chat_event("delivered"), chat_event("read", event_id="e2"), chat_event("read", event_id="e2")), Context())
    learned = store.load(small.tables.twin, CUSTOMER).learned
    assert (learned.unanswered, set(learned.delivered), set(learned.answered)) == (0, {Channel.WHATSAPP}, set())
    assert sum(learned.hours.values()) == pytest.approx(float(weight(datetime.fromtimestamp(1772442960, UTC))))
    handle(sqs(chat_event("read", provider_id="of-another-shop")), Context())


def test_only_messages_that_hope_for_an_answer_are_counted_and_each_once(small):
    a_profile(small)
    message = claimed(small)
    handle(sqs(text_event(message)), Context())
    assert store.load(small.tables.twin, CUSTOMER).learned.delivered == {}
    for _ in range(2):
        handle(sqs(text_event(message, event_id="e2", asks="yes")), Context())
    learned = store.load(small.tables.twin, CUSTOMER).learned
    assert learned.unanswered == 1
    (shard,) = [i for i in small.tables.twin.items("knowledge") if str(i["pk"]).startswith("RESPONSE#")]
    assert float(str(shard["d_sms"])) == pytest.approx(learned.delivered[SMS])
    assert timedelta(0) < learned.delivered_at - START


# ---------------------------------------------------------------- as AWS's own guides show them


def test_the_guides_inbound_text_is_one_fact_and_no_message(small):
    message = """{
  "originationNumber": "+14255550182",
  "destinationNumber": "+12125550101",
  "messageKeyword": "JOIN",
  "messageBody": "EXAMPLE",
  "inboundMessageId": "cae173d2-66b9-564c-8309-21f858e9fb84",
  "previousPublishedMessageId": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
}"""
    notification = {"Type": "Notification", "Message": message, "Timestamp": "2026-03-02T09:00:00.000Z"}
    (heard,) = inbound(notification, START)
    assert (heard.number, heard.channel, heard.text) == ("+14255550182", SMS, "EXAMPLE")
    event = {"Records": [{"EventSource": "aws:sns", "Sns": notification}]}
    assert handle(event, Context()) == {"outcome": "other from nobody known"}
    assert small.told() == ["InboundMessage"]
    assert small.queues.sent == []


def test_the_guides_whatsapp_event_is_a_delivery(small):
    detail = {
        "wabaId": "1163793972139053",
        "originationPhoneNumber": "15815555555",
        "originationPhoneNumberId": "574086085794038",
        "messageId": "4bee7d29-70f5-4a49-b84e-facf4424fe58",
        "status": "delivered",
        "eventTimestamp": "1759466063",
    }
    envelope = {"id": "75e5d629-31bb-5053-afb3-b7d1ce18bdf5", "source": "aws.social-messaging", "detail": detail}
    seen = chat_seen(envelope, START)
    assert (seen.what, seen.at.isoformat()) == (What.DELIVERED, "2025-10-03T04:34:23+00:00")
    assert handle(envelope, Context()) == {"outcome": "ignored"}, "a message that nobody here has sent"


def test_a_number_that_is_none_is_suppressed_and_its_channel_gives_way(small):
    a_profile(small)
    event = text_event(claimed(small), "TEXT_INVALID")
    event["detail"]["destinationPhoneNumber"] = NUMBER
    for _ in range(2):
        handle(sqs(event), Context())
    customer = store.load(small.tables.twin, CUSTOMER)
    assert customer.consent.suppression(Channel.SMS, keyed_hash(SECRETS["identity"], NUMBER)).reason == "hard_bounce"
    assert customer.consent.suppression(Channel.EMAIL, keyed_hash(SECRETS["identity"], NUMBER)) is None
    assert len(customer.consent.suppressed) == 1


def test_a_number_that_cannot_be_reached_today_may_be_tomorrow(small):
    a_profile(small)
    event = text_event(claimed(small), "TEXT_UNREACHABLE")
    event["detail"]["destinationPhoneNumber"] = NUMBER
    handle(sqs(event), Context())
    assert store.load(small.tables.twin, CUSTOMER).consent.suppressed == ()
