"""Asked how it was: who is asked, when, how they answer, and who is not asked at all."""

import json
import re
from datetime import timedelta
from email import message_from_bytes, policy
from urllib.parse import urlencode

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.keys import message_id
from aftercare.store import load
from simulator.cloud import LocalCloud
from tests.journeys.conftest import SECRET, Shop
from tests.journeys.test_shipping import taught

FORM = {"content-type": "application/x-www-form-urlencoded"}
NUMBER = "00340434161094000001"
PHONE = "+4915112345678"
TEXTS = {"SmsOriginationArn": "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-1"}
YES = ("promotional", "survey", "reorder")
KEY = "survey#coffee:1"


class Asked(Shop):
    """A store whose customer Anna agreed to be asked, and what she does about it."""

    def bought(self, channel="email", ref="1", yes=YES, **more):
        at = iso(self.cloud.now)
        said = [{"channel": channel, "purpose": p, "says": "given", "confirmed": True, "said_at": at} for p in yes]
        contact = {"email": "anna@example.com", "phone": PHONE, "name": "Anna"}
        line = {"line_ref": "1", "title": "House espresso", "quantity": 1, "product_type": "Coffee"}
        order = {"name": f"#{ref}", "placed_at": at, "contact": contact, "country": "DE", "locale": "en", "lines": [line]}
        order["total"] = {"amount": "12.00", "currency": "EUR"}
        self.put("OrderPlaced", ref=ref, occurred_at=at, order={**order, **more}, consent=said)

    def arrived(self, ref="1"):
        self.cloud.advance(days=2)
        at = iso(self.cloud.now)
        self.put("ShipmentCreated", ref=f"S-{ref}", order_ref=ref, occurred_at=at, parcels=[{"number": NUMBER, "carrier": "DHL"}])
        self.cloud.advance(days=1)
        self.scanned("delivered")
        return self.cloud.now

    def scanned(self, status):
        at = iso(self.cloud.now)
        scans = [{"status": status, "at": at}]
        self.put("ShipmentMoved", occurred_at=at, parcels=[{"number": NUMBER, "carrier": "DHL", "scans": scans}])

    def settled(self, template):
        return [(m["settlement"], m["reason"]) for m in self.messages(template)]

    def link(self, template="survey"):
        """The page that the newest mail of a template leads to, without a score."""
        ids = {message_id(m["key"]) for m in self.messages(template)}
        letter = next(x for x in reversed(self.letters()) if x.tags["aftercare-message"] in ids)
        text = message_from_bytes(letter.mime(), policy=policy.default).get_body(("plain",)).get_content()
        return re.search(r"https://[^/\s]+(/s/[\w-]+)\s", text)[1]

    def answer(self, path=None, **form):
        return self.cloud.http("POST", path or self.link(), FORM, urlencode(form).encode())

    def record(self):
        (profile,) = [i for i in self.cloud.items("CustomerTable") if i["sk"] == keys.PROFILE]
        return load(self.cloud.outside().tables, keys.customer_id_of(str(profile["pk"])))

    def kept(self):
        """Every version of every answer, oldest first: what was given, and how it reads."""
        items = [i for i in self.cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.ANSWER)]
        items.sort(key=lambda item: str(item["sk"]))
        return [(json.loads(str(i["doc"])), json.loads(str(i.get("reading", "null")))) for i in items]

    def told(self, kind="SurveyAnswered"):
        return [e.fields for e in self.cloud.journal.entries("event") if e.fields.get("type") == kind]


@pytest.fixture(params=["moto", "memory"])
def shop(request):
    ssm = {"/aftercare/shopify-secrets": SECRET}
    with LocalCloud(request.param, seed=11, switch="on", ssm=ssm, parameters=TEXTS) as running:
        yield Asked(running)


@pytest.fixture
def cloud(shop):
    return shop.cloud


def test_a_promoter_is_asked_within_a_day_and_answers_from_the_mail(shop, cloud):
    shop.bought()
    delivered = shop.arrived()
    cloud.advance(hours=24)
    assert shop.settled("survey") == [("SENT", "sent")]
    asked = shop.letters()[-1]
    assert delivered < asked.at <= delivered + timedelta(hours=24)
    before = cloud.state_digest()
    page = cloud.http("GET", f"{shop.link()}?score=5")
    assert page.status == 200
    assert re.search(r'value="5" checked', page.text)
    assert cloud.state_digest() == before, "a scanner that opens all five links has answered nothing"
    saved = shop.answer(score="5", **{"good-product": "on", "wish": "tip", "text": "Great coffee, lovely smell!"})
    assert saved.status == 200
    assert "That helps us to do better" in saved.text
    cloud.advance(minutes=5)
    ((given, reading),) = shop.kept()
    assert given == {"score": 5, "stood_out": ["product"], "wish": "tip", "text": "Great coffee, lovely smell!"}
    assert reading["sentiment"] == "positive"
    assert len(shop.told()) == 1
    cloud.advance(days=14)
    assert shop.messages("survey-reminder") == shop.messages("check-in") == []
    assert not cloud.dead_letters()


def test_an_answer_may_change_for_a_week_and_every_version_is_kept(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(hours=24)
    path = shop.link()
    assert shop.answer(path, score="4", text="Fine so far").status == 200
    again = shop.answer(path, score="4", text="Fine so far")
    assert again.status == 200 and len(shop.kept()) == 1, "sent twice is saved once"
    cloud.advance(days=6)
    assert "Fine so far" in cloud.http("GET", path).text
    assert shop.answer(path, score="2", text="It broke").status == 200
    assert [given["score"] for given, _ in shop.kept()] == [4, 2]
    assert [one.score for one in shop.record().feedback.answers] == [2]
    cloud.advance(days=1, hours=1)
    before = cloud.state_digest()
    late = shop.answer(path, score="5")
    assert late.status == 409
    assert "can no longer be changed" in late.text
    assert cloud.state_digest() == before
    assert "<form" not in cloud.http("GET", f"{path}?score=5").text


def test_half_an_answer_is_kept_and_nothing_is_asked_for_again(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(hours=24)
    nothing = shop.answer(wish="", text="  ")
    assert nothing.status == 400 and shop.kept() == []
    half = shop.answer(text="The box was wet.\r\nAll else is fine", call="on", number="call me")
    assert half.status == 200
    assert "cannot read this phone number" in half.text and "call me" in half.text
    assert "add how it was over all" in half.text
    assert shop.kept()[0][0] == {"text": "The box was wet.\nAll else is fine", "call": True}
    whole = shop.answer(score="3", text="The box was wet.\nAll else is fine", call="on", number="0049 151 1234567")
    assert whole.status == 200 and "We will call you" in whole.text
    assert shop.kept()[1][0]["number"] == "+491511234567"
    cloud.advance(days=10)
    assert shop.messages("survey-reminder") == []


def test_a_detractor_hears_no_offers(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(hours=24)
    page = shop.answer(score="1", text="Broken on arrival, very disappointed").text
    assert "We are sorry" in page
    cloud.advance(minutes=5)
    assert shop.kept()[0][1]["sentiment"] == "negative"
    shop.bought(ref="2")
    cloud.advance(days=26)
    assert shop.record().felt("bad")[1] == "coffee:1"
    cloud.advance(days=14)
    assert all(m["settlement"] != "HELD" for m in cloud.messages())


def test_who_says_nothing_is_reminded_once_and_then_left_in_peace(shop, cloud):
    shop.bought(yes=[purpose for purpose in YES if purpose != "promotional"])
    shop.arrived()
    cloud.advance(days=6)
    assert (shop.settled("survey"), shop.settled("survey-reminder")) == ([("SENT", "sent")], [("SENT", "sent")])
    letters = len(shop.letters())
    cloud.advance(days=5)
    assert [*shop.settled("review-request"), *shop.settled("review-reward")] == [("SENT", "sent")]
    assert len(shop.letters()) == letters + 1, "nothing but the request for a review, which everybody gets"
    assert len([m for m in cloud.messages() if m["template"].startswith("survey")]) == 2
    assert shop.messages("check-in") == [], "never beside a question that is open"


def test_the_reminder_is_answered_as_the_question_is(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(days=6)
    assert shop.answer(shop.link("survey-reminder"), score="4").status == 200
    assert [given for given, _ in shop.kept()] == [{"score": 4}]


def test_a_refund_between_ask_and_answer_is_answered_to_as_what_it_is(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(hours=24)
    shop.put(
        "OrderRefunded",
        ref="1",
        occurred_at=iso(cloud.now),
        refund={"ref": "R-1", "at": iso(cloud.now), "amount": {"amount": "2.00", "currency": "EUR"}},
    )
    cloud.advance(days=6)
    assert shop.messages("survey-reminder") == shop.messages("check-in") == []
    page = shop.answer(score="4")
    assert page.status == 200 and "We are sorry" in page.text
    cloud.run()
    assert len(shop.told()) == 1


@pytest.mark.parametrize("trouble", ["cancelled", "refunded", "returned", "complained"])
def test_whose_order_went_wrong_is_not_asked_as_if_all_were_well(shop, cloud, trouble):
    shop.bought()
    shop.arrived()
    at = iso(cloud.now)
    if trouble == "cancelled":
        shop.put("OrderCancelled", ref="1", occurred_at=at)
    elif trouble == "refunded":
        shop.put(
            "OrderRefunded",
            ref="1",
            occurred_at=at,
            refund={"ref": "R-1", "at": at, "amount": {"amount": "1.00", "currency": "EUR"}},
        )
    elif trouble == "returned":
        shop.put("ReturnRequested", ref="RET-1", order_ref="1", occurred_at=at, lines={"1": 1})
    else:
        shop.put("SupportCaseOpened", ref="T-1", topic="other", order_ref="1", occurred_at=at)
    cloud.advance(days=14)
    assert shop.messages("survey") == shop.messages("survey-reminder") == shop.messages("check-in") == []


def test_who_never_agreed_is_not_asked_and_is_offered_help_instead(shop, cloud):
    shop.order("1", country="DE")
    shop.arrived()
    cloud.advance(days=14)
    assert shop.settled("survey") == [("REFUSED", "no_consent")]
    assert shop.messages("survey-reminder") == []
    assert shop.settled("check-in") == [("SENT", "sent")], "help needs no opt-in"


def test_a_reply_by_text_is_an_answer(shop, cloud):
    shop.bought(channel="sms")
    shop.arrived()
    cloud.advance(days=3)
    assert [(m["settlement"], m["channel"]) for m in shop.messages("survey")] == [("SENT", "sms")]
    cloud.text_in(PHONE, "4 slow delivery")
    cloud.advance(minutes=5)
    ((given, reading),) = shop.kept()
    assert given == {"score": 4, "text": "slow delivery"}
    assert reading["sentiment"] == "negative"
    assert len(shop.told()) == 1
    assert shop.settled("reply-answered") == [("SENT", "sent")]
    cloud.text_in(PHONE, "5")
    cloud.advance(minutes=5)
    assert [g for g, _ in shop.kept()] == [given, {"score": 5, "text": "slow delivery"}]
    cloud.advance(days=14)
    assert shop.messages("survey-reminder") == shop.messages("check-in") == []


def test_a_number_from_who_was_not_asked_answers_nothing(shop, cloud):
    shop.bought(channel="sms")
    cloud.text_in(PHONE, "2 of my beans are missing")
    cloud.advance(minutes=5)
    assert shop.kept() == [] and shop.told() == []
    assert [i["topic"] for i in cloud.items("CustomerTable") if i.get("sender") == "inbound"] == ["other"]


def test_an_answer_after_the_erasure_is_nobodys(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(hours=24)
    path = shop.link()
    shop.answer(path, score="5", text="before")
    shop.put("CustomerErasureRequested", contact={"email": "anna@example.com", "phone": PHONE}, occurred_at=iso(cloud.now))
    cloud.advance(hours=1)
    assert shop.kept() == []
    before = cloud.state_digest()
    assert cloud.http("GET", path).status == 404
    late = shop.answer(path, score="1", text="after")
    assert late.status == 404
    assert cloud.state_digest() == before
    assert len(shop.told()) == 1


def test_expired_forged_and_foreign_links_get_a_plain_page_and_change_nothing(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(hours=24)
    path = shop.link()
    token = path.rpartition("/")[2]
    text = message_from_bytes(shop.letters()[0].mime(), policy=policy.default).get_body(("plain",)).get_content()
    cue = re.search(r"/c/([\w-]+)", text)[1]
    before = cloud.state_digest()
    for other in (f"{token[:-3]}AAA", cue, "AAAA"):
        for method, body in (("GET", b""), ("POST", b"score=1")):
            answer = cloud.http(method, f"/s/{other}", FORM, body)
            assert answer.status == 404
            assert "<h1>" in answer.text and "link" in answer.text
    assert cloud.state_digest() == before
    cloud.advance(days=61)
    before = cloud.state_digest()
    assert cloud.http("GET", path).status == cloud.http("POST", path, FORM, b"score=1").status == 410
    assert cloud.state_digest() == before


def test_what_silence_says_has_arrived_is_asked_about_too_and_says_so(shop, cloud):
    taught(cloud)
    shop.bought(estimated_until=iso(cloud.now + timedelta(days=8)))
    cloud.advance(days=1)
    at = iso(cloud.now)
    shop.put("ShipmentCreated", ref="S-1", order_ref="1", occurred_at=at, shipped_at=at)
    cloud.advance(days=40)
    (assumed,) = shop.told("DeliveryAssumed")
    assert assumed
    asked = [x for x in shop.letters() if x.tags["aftercare-message"] == message_id(KEY)]
    assert len(asked) == 1
    assert (
        "should be with you by now"
        in message_from_bytes(asked[0].mime(), policy=policy.default).get_body(("plain",)).get_content()
    )


def test_an_answer_between_the_decision_and_the_send_of_the_reminder_is_seen_there(shop, cloud):
    """By text the reminder waits for its hours; the answer comes in that time."""
    shop.bought(channel="sms")
    cloud.advance(hours=13)
    shop.arrived()
    cloud.advance(days=4, hours=1)
    assert [state for state, _ in shop.settled("survey")] == ["SENT"]
    assert shop.settled("survey-reminder") == [("HELD", "quiet_hours")]
    cloud.text_in(PHONE, "5")
    cloud.advance(days=5)
    assert shop.settled("survey-reminder") == [("REFUSED", "already_answered")]


CAMERA = {"line_ref": "1", "title": "Larkfield One", "quantity": 1, "product_type": "Camera", "sku": "CAM-1"}


def test_what_has_to_be_set_up_brings_its_steps_within_a_day_and_tells_its_first_use(shop, cloud):
    shop.bought(lines=[CAMERA])
    delivered = shop.arrived()
    cloud.advance(hours=24)
    (guide,) = [m for m in shop.messages("setup-guide") if m["settlement"] == "SENT"]
    sent = next(x for x in shop.letters() if x.tags["aftercare-message"] == message_id(guide["key"]))
    assert delivered < sent.at <= delivered + timedelta(hours=24)
    text = message_from_bytes(sent.mime(), policy=policy.default).get_body(("plain",)).get_content()
    path = re.search(r"https://[^/\s]+(/g/[\w-]+)\s", text)[1]
    before = cloud.state_digest()
    assert "The dial: A sets the aperture" in cloud.http("GET", path).text
    assert cloud.state_digest() == before
    assert cloud.http("POST", path, FORM, b"step-camera-0=on&used-camera=on").status == 200
    cloud.run()
    assert len(shop.told("MilestoneReached")) == 1
    shop.put("CustomerErasureRequested", contact={"email": "anna@example.com", "phone": PHONE}, occurred_at=iso(cloud.now))
    cloud.advance(hours=1)
    before = cloud.state_digest()
    assert cloud.http("POST", path, FORM, b"step-camera-1=on").status == 404
    assert cloud.state_digest() == before
    assert not [i for i in cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.SETUP)]


def test_schedules_keep_the_waits_as_well():
    with LocalCloud("memory", seed=11, switch="on", parameters={**TEXTS, "LongWaits": "Scheduler"}) as cloud:
        shop = Asked(cloud)
        shop.bought()
        shop.arrived()
        cloud.advance(days=6)
        assert (shop.settled("survey"), shop.settled("survey-reminder")) == ([("SENT", "sent")], [("SENT", "sent")])
        assert not cloud.dead_letters()
