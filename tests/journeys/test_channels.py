"""Which channel carries what: by consent and urgency, and past a channel that is closed."""

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from aftercare.clock import iso
from aftercare.consent import Purpose
from aftercare.keys import message_id
from simulator.cloud import LocalCloud
from tests.journeys.conftest import Shop

ACCOUNT = "123456789012"
PHONE = "+4915112345678"
ENDPOINT = f"arn:aws:sns:us-east-1:{ACCOUNT}:endpoint/GCM/shop/12345678-1234-4234-8234-123456789012"
PARAMETERS = {
    "SmsOriginationArn": f"arn:aws:sms-voice:us-east-1:{ACCOUNT}:phone-number/phone-1",
    "WhatsAppPhoneNumberArn": f"arn:aws:social-messaging:us-east-1:{ACCOUNT}:phone-number-id/574086085794038",
    "AndroidPushArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:app/GCM/shop",
}


class Store(Shop):
    """A store with every channel, and one customer with a phone."""

    def place(self, consents=(), ref="1", phone=PHONE):
        at = iso(self.cloud.now)
        said = [{"channel": c, "purpose": p, "says": "given", "said_at": at} for c, p in consents]
        order = {
            "name": f"#{ref}",
            "placed_at": at,
            "as_of": at,
            "contact": {"email": "anna@example.com", "phone": phone},
            "customer_ref": "anna",
            "country": "DE",
            "lines": [{"line_ref": "1", "title": "House espresso 1 kg", "quantity": 1, "product_type": "Coffee"}],
        }
        self.put("OrderPlaced", ref=ref, occurred_at=at, order=order, consent=said)

    def parcel(self, status):
        at = iso(self.cloud.now)
        if status == "shipped":
            parcels = [{"number": "00340434161094000001", "carrier": "DHL"}]
            self.put("ShipmentCreated", ref="S-1", order_ref="1", occurred_at=at, shipped_at=at, parcels=parcels)
        else:
            parcels = [{"number": "00340434161094000001", "carrier": "DHL", "scans": [{"status": status, "at": at}]}]
            self.put("ShipmentMoved", occurred_at=at, parcels=parcels)

    def sent(self):
        """template → channel of all that was sent."""
        return {m["template"]: m["channel"] for m in self.cloud.messages() if m["settlement"] == "SENT"}

    def why(self, template):
        """The last message of a template as it lies in the ledger."""
        found = [json.loads(str(i["doc"])) for i in self.cloud.items("CustomerTable") if str(i["sk"]).startswith("9#LEDGER#")]
        return next(m for m in found if m["proposal"]["template"] == template)


@pytest.fixture(params=["memory", "moto"])
def store(request):
    with LocalCloud(request.param, switch="on", parameters=PARAMETERS, ssm={"/aftercare/shopify-secrets": "s"}) as cloud:
        yield Store(cloud)
        assert cloud.errors == []
        assert cloud.dead_letters() == {}


def journey(store):
    store.cloud.advance(hours=2)
    store.parcel("shipped")
    store.cloud.advance(hours=20)
    store.parcel("out_for_delivery")
    store.cloud.advance(hours=5)


def test_with_consent_to_texts_shipped_and_out_for_delivery_go_as_texts_of_one_segment(store):
    store.place([("sms", "transactional")])
    journey(store)
    sent = store.sent()
    assert sent["order-confirmation"] == "email", "what keeps goes by mail"
    assert (sent["parcel-shipped"], sent["parcel-out-for-delivery"]) == ("sms", "sms")
    texts = store.cloud.phones.to(PHONE)
    assert len(texts) == 2 and all(t.body.startswith("Larkfield: ") for t in texts)
    assert set(store.cloud.phones.accepted.values()) == {1}
    told = store.why("parcel-out-for-delivery")
    steps = {step["rule"]: step.get("saw", {}) for d in told["decisions"] for step in d.get("trace", ())}
    assert steps["written"]["segments"] == 1 and steps["written"]["encoding"] == "GSM-7"
    assert (steps["channels"]["first"], steps["channels"]["because"]) == ("sms", "urgent")


def test_a_milestone_reaches_the_phone_within_a_minute_of_its_scan(store):
    store.place([("sms", "transactional")])
    store.cloud.advance(hours=2)
    for status, number in (("shipped", 1), ("out_for_delivery", 2)):
        told_at = store.cloud.now
        store.parcel(status)
        store.cloud.advance(hours=22)
        texts = store.cloud.phones.to(PHONE)
        assert len(texts) == number
        assert texts[-1].at - told_at <= timedelta(seconds=60)
        assert "larkfield.example/help" in texts[-1].body, "where help is"


CLOSED = {
    "shipped": ("07:20", "parcel-shipped"),
    "out_for_delivery": ("07:59", "parcel-out-for-delivery"),
    "delivery_attempted": ("20:50", "parcel-attempted"),
    "ready_for_pickup": ("23:30", "parcel-ready-for-pickup"),
    "delivered": ("03:10", "parcel-delivered"),
}
"""A parcel that only ever moves while texts keep quiet: by the recipient's clock, and what is said."""


def test_while_texts_keep_quiet_every_milestone_reaches_the_mailbox_within_a_minute(store):
    store.place([("sms", "transactional")])
    for status, (clock, template) in CLOSED.items():
        hour, minute = map(int, clock.split(":"))
        local = store.cloud.now.astimezone(ZoneInfo("Europe/Berlin"))
        then = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        store.cloud.advance(seconds=(then + timedelta(days=then <= local) - local).total_seconds())
        told_at = store.cloud.now
        store.parcel(status)
        store.cloud.advance(minutes=2)
        mail = store.cloud.mailbox.taken[-1]
        assert timedelta(0) <= mail.at - told_at <= timedelta(seconds=60), status
        assert store.sent()[template] == "email"
    assert store.cloud.phones.taken == []


def test_what_is_urgent_by_night_goes_by_mail_at_once(store):
    store.place([("sms", "transactional")])
    store.cloud.advance(hours=14)
    assert store.cloud.now.hour == 23
    store.parcel("shipped")
    store.cloud.advance(minutes=1)
    assert store.sent()["parcel-shipped"] == "email"
    steps = {s["rule"]: s.get("saw", {}) for d in store.why("parcel-shipped")["decisions"] for s in d.get("trace", ())}
    assert (steps["send_time"]["closed"], steps["send_time"]["instead"]) == ("sms", "email")
    assert store.cloud.phones.taken == []


def test_without_consent_nothing_leaves_by_phone(store):
    store.place()
    journey(store)
    assert set(store.sent().values()) == {"email"}
    assert store.cloud.phones.taken == []


def test_consent_to_one_purpose_on_the_phone_opens_no_other(store):
    store.place([("sms", "promotional"), ("whatsapp", "promotional")])
    journey(store)
    assert set(store.sent().values()) == {"email"}


def test_what_a_provider_refuses_goes_by_the_next_channel_and_once(store):
    store.place([("sms", "transactional")])
    store.cloud.phones.opted_out.add(PHONE)
    journey(store)
    sent = store.sent()
    assert sent["parcel-out-for-delivery"] == "email" and sent["parcel-shipped"] == "email"
    told = store.why("parcel-shipped")
    assert [d["reason"] for d in told["decisions"]] == ["claimed", "provider_refused", "claimed", "sent"]
    assert max(store.cloud.mailbox.accepted.values()) == 1
    (consent,) = [json.loads(str(i["doc"])) for i in store.cloud.items("CustomerTable") if i["sk"] == "1#CONSENT"]
    said = {h["purpose"]: (h["says"], h["source"]) for h in consent["heads"] if h["channel"] == "sms"}
    assert said == dict.fromkeys(Purpose, ("withdrawn", "sms-voice:opted-out"))
    assert store.cloud.phones.attempts[message_id(told["proposal"]["key"])] == 1, "the next message does not try again"
    assert store.cloud.phones.taken == []


def test_a_notification_goes_to_the_device_last_in_use_and_a_dead_one_is_forgotten(store):
    store.place([("push", "transactional")])
    store.put("CustomerUpdated", customer_ref="anna", occurred_at=iso(store.cloud.now), devices=[ENDPOINT])
    store.cloud.advance(hours=1)
    store.parcel("shipped")
    store.cloud.advance(hours=1)
    assert store.sent()["parcel-shipped"] == "push"
    (push,) = store.cloud.phones.to(ENDPOINT)
    assert push.body.splitlines()[0] == "Unterwegs: Ihre Bestellung #1"
    store.cloud.phones.dead.add(ENDPOINT)
    store.parcel("out_for_delivery")
    store.cloud.advance(hours=1)
    assert store.sent()["parcel-out-for-delivery"] == "email"
    (profile,) = [json.loads(str(i["doc"])) for i in store.cloud.items("CustomerTable") if i["sk"] == "1#PROFILE"]
    assert profile.get("devices", []) == []


def test_whatsapp_takes_only_approved_templates_while_the_person_has_not_written(store):
    store.place([("whatsapp", "transactional")])
    journey(store)
    assert set(store.sent().values()) == {"email"}


def test_a_stop_is_confirmed_once_and_holds_for_the_next_message(store):
    store.place([("sms", "transactional")])
    store.cloud.advance(hours=1)
    store.parcel("shipped")
    store.cloud.advance(hours=1)
    assert store.sent()["parcel-shipped"] == "sms"
    store.cloud.text_in(PHONE, "Please stop texting me")
    store.cloud.advance(minutes=2)
    store.cloud.text_in(PHONE, "stop texting me now")
    store.cloud.advance(minutes=10)
    store.parcel("out_for_delivery")
    store.cloud.advance(hours=1)
    said = [t.body for t in store.cloud.phones.to(PHONE)]
    assert len(said) == 2
    assert "keine SMS mehr" in said[1] or "no more texts" in said[1]
    assert store.sent()["parcel-out-for-delivery"] == "email"


def test_within_a_day_of_the_persons_own_message_whatsapp_takes_anything(store):
    store.place([("whatsapp", "transactional")])
    store.cloud.advance(hours=1)
    message = {"from": PHONE[1:], "id": "wamid.1", "type": "text", "text": {"body": "Is it on its way?"}}
    store.cloud.chat_in(message)
    store.cloud.advance(minutes=1)
    store.parcel("shipped")
    store.cloud.advance(hours=1)
    assert store.sent()["parcel-shipped"] == "whatsapp"
    (chat,) = store.cloud.phones.to(PHONE)
    ledger = store.why("parcel-shipped")
    assert ledger["provider_id"] == chat.provider_id
    store.cloud.advance(days=2)
    store.parcel("out_for_delivery")
    store.cloud.advance(hours=1)
    assert store.sent()["parcel-out-for-delivery"] == "email"


def test_who_writes_at_night_is_answered_at_once(store):
    store.place([("sms", "transactional")])
    store.cloud.advance(hours=14)
    assert store.cloud.now.astimezone(ZoneInfo("Europe/Berlin")).hour == 0
    store.cloud.text_in(PHONE, "info")
    store.cloud.advance(minutes=1)
    assert len(store.cloud.phones.to(PHONE)) == 1


def test_a_text_goes_to_the_number_that_was_agreed_to_and_to_no_other(store):
    store.place([("sms", "transactional")])
    store.cloud.advance(hours=1)
    store.place(ref="2", phone="+4915187654321")
    at = iso(store.cloud.now)
    parcels = [{"number": "00340434161094000002", "carrier": "DHL"}]
    store.put("ShipmentCreated", ref="S-2", order_ref="2", occurred_at=at, shipped_at=at, parcels=parcels)
    store.cloud.advance(hours=1)
    assert store.sent()["parcel-shipped"] == "email"
    (step,) = [s for d in store.why("parcel-shipped")["decisions"] for s in d.get("trace", ()) if s["rule"] == "channels"]
    assert "sms" not in step["saw"]
