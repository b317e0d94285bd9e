"""What an answer leads to: one offer for who is content, a rescue with its clock for who is not."""

import json
import re
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from urllib.parse import urlencode

import pytest

from aftercare import keys
from aftercare.clock import iso, parse_iso
from simulator.cloud import LocalCloud
from tests.journeys.conftest import SECRET
from tests.journeys.test_survey import FORM, PHONE, TEXTS, Asked

MONDAY = parse_iso("2026-03-02T09:00:00Z")


class Store(Asked):
    """The store's customer answers, and its desk works on what comes of it."""

    def asked(self, order=None, **form):
        """Bought, delivered, asked and answered; the answer's instant. `order` replaces fields of what was bought."""
        self.bought(**(order or {}))
        self.arrived()
        self.cloud.advance(hours=24)
        at = self.cloud.now
        assert self.answer(**form).status == 200
        self.cloud.advance(seconds=30)
        return at

    def case(self):
        """The one case on record."""
        (found,) = [json.loads(str(i["doc"])) for i in self.cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.CASE)]
        return found

    def signals(self):
        (found,) = [json.loads(str(i["doc"])) for i in self.cloud.items("CustomerTable") if i["sk"] == keys.SIGNALS]
        return found

    def desk(self, what, **more):
        ref = self.case()["ref"].partition(":")[2]
        self.put(f"SupportCase{what}", ref=ref, order_ref="1", occurred_at=iso(self.cloud.now), **more)

    def waiting_for_somebody(self):
        return self.cloud.outside().tables.due("rescue", "9999", 10)


@pytest.fixture(params=["moto", "memory"])
def store(request):
    ssm = {"/aftercare/shopify-secrets": SECRET}
    with LocalCloud(request.param, seed=11, start=MONDAY, switch="on", ssm=ssm, parameters=TEXTS) as running:
        yield Store(running)
        assert running.errors == []
        assert running.dead_letters() == {}


def test_a_promoter_gets_one_offer_and_no_second_one_for_a_changed_answer(store):
    store.asked(score="5", text="Great coffee, I love it!")
    assert store.signals()["respondent"] == "promoter"
    assert store.signals()["signals"] == ["recommends", "ready-for-more"]
    assert store.signals()["offer"] == "referral"
    (told,) = store.told("FeedbackClassified")
    assert told["mood"] == "positive"
    store.cloud.advance(days=3)
    assert store.settled("next-step") == [("SENT", "sent")]
    assert "refer" in store.letters()[-1].mime().decode("utf-8", "ignore")
    store.answer(score="5", text="Great coffee, I love it! My sister, too.")
    store.cloud.advance(days=6)
    assert store.settled("next-step") == [("SENT", "sent")]
    assert len(store.told("FeedbackClassified")) == 2


def tap(store, template, said, **more):
    """What the customer says of the offer in the newest mail of a template, on the page that its links open."""
    ids = {keys.message_id(m["key"]) for m in store.messages(template)}
    letter = next(mail for mail in reversed(store.letters()) if mail.tags["aftercare-message"] in ids)
    text = message_from_bytes(letter.mime(), policy=policy.default).get_body(("plain",)).get_content()
    path = re.search(rf"https://[^/\s]+(/n/\S+)\?said={said}\b", text)[1]
    before = store.cloud.state_digest()
    assert f'value="{said}" checked' in store.cloud.http("GET", f"{path}?said={said}").text
    assert store.cloud.state_digest() == before, "a scanner that opens links says nothing"
    return store.cloud.http("POST", path, FORM, urlencode({"said": said, **more}).encode())


@pytest.mark.parametrize("said", ["useful", "not-for-me"])
def test_what_is_said_of_an_offer_is_learned_and_what_is_not_for_somebody_is_not_offered_again(store, said):
    store.asked(score="5", text="Great coffee, I love it!")
    store.cloud.advance(days=3)
    assert store.settled("next-step") == [("SENT", "sent")]
    for _ in range(2):
        assert tap(store, "next-step", said).status == 200
    store.cloud.advance(seconds=30)
    (sums,) = [item for item in store.cloud.items("KnowledgeTable") if item["pk"] == "REORDER#o:coffee:next-referral"]
    assert (float(sums["n0"]), float(sums.get("n1", 0))) == (1.0, float(said == "useful"))
    store.bought(ref="2")
    review = {"ref": "R-2", "order_ref": "2", "score": 5, "text": "Great coffee, I love it! I recommend it to everybody."}
    store.put("ReviewPosted", **review, occurred_at=iso(store.cloud.now))
    store.cloud.advance(days=3)
    assert len(store.told("FeedbackClassified")) == 2
    assert len(store.settled("next-step")) == (2 if said == "useful" else 1)


def test_who_is_in_two_minds_gets_help_and_no_offer(store):
    store.asked(score="3")
    assert (store.signals()["mood"], store.signals()["offer"]) == ("neutral", "guide")
    store.cloud.advance(days=1)
    assert store.settled("next-help") == [("SENT", "sent")]
    assert store.settled("next-step") == []


def test_who_is_not_content_is_offered_a_way_out_at_once_and_answered_in_time_costs_nobody_anything(store):
    at = store.asked(score="1", text="The bag was torn and half of the coffee was missing.")
    case = store.case()
    assert case["topic"] == "complaint" and case["rescue"]["way"] == "replacement"
    answer_by = datetime.fromisoformat(case["rescue"]["answer_by"])
    assert at < answer_by
    assert store.settled("rescue-offer") == [("SENT", "sent")]
    assert len(store.waiting_for_somebody()) == 1
    store.cloud.advance(max(answer_by - store.cloud.now - timedelta(minutes=1), timedelta(seconds=1)))
    store.desk("Answered")
    store.cloud.advance(hours=20)
    store.desk("Closed", result="replaced")
    assert store.waiting_for_somebody() == []
    store.cloud.advance(days=3)
    assert store.told("RescueOverdue") == []
    case = store.case()
    assert (case["result"], "late" in case["rescue"], "overdue" in case["rescue"]) == ("replaced", False, False)
    assert store.settled("rescue-check") == [("SENT", "sent")], "closing the loop asks again"
    assert store.answer(store.link("rescue-check"), score="5").status == 200
    store.cloud.advance(hours=1)
    assert store.case()["rescue"]["after"] == "positive"
    store.cloud.advance(days=10)
    assert store.settled("rescue-check") == [("SENT", "sent")], "and once only"


def test_a_rescue_that_nobody_answers_is_told_once_for_each_instant_of_its_clock(store):
    store.asked(score="2")
    store.cloud.advance(days=6)
    assert [told["missed"] for told in store.told("RescueOverdue")] == ["answer", "end"]
    assert {told["priority"] for told in store.told("RescueOverdue")} == {"normal"}
    case = store.case()
    assert case["rescue"]["late"] == case["rescue"]["answer_by"].replace("+00:00", "Z")[:19] + case["rescue"]["late"][19:]
    assert len(store.waiting_for_somebody()) == 1, "it stands on the list until somebody ends it"


def test_an_offer_that_waited_is_not_made_to_who_has_answered_otherwise_since(store):
    store.bought()
    store.arrived()
    store.cloud.advance(hours=24)
    path, anna = store.link(), {"contact": {"email": "anna@example.com"}}
    store.put("SupportCaseOpened", ref="Z-1", topic="other", occurred_at=iso(store.cloud.now), **anna)
    store.answer(path, score="4", wish="promotion")
    store.cloud.advance(minutes=1)
    assert store.settled("next-step") == [("HELD", "open_case")]
    store.answer(path, score="1")
    store.cloud.advance(minutes=1)
    for ref in [
        json.loads(str(i["doc"]))["ref"] for i in store.cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.CASE)
    ]:
        store.put("SupportCaseClosed", ref=ref.partition(":")[2], occurred_at=iso(store.cloud.now), **anna)
    store.cloud.advance(days=8)
    assert store.settled("next-step") == [("REFUSED", "already_answered")]


def test_whether_all_is_well_now_is_answered_by_text_where_it_was_asked_by_text(store):
    said = [{"channel": "sms", "purpose": p, "says": "given", "confirmed": True} for p in ("service", "survey")]
    contact = {"phone": PHONE, "name": "Anna"}
    store.bought(channel="sms", contact=contact, customer_ref="C-1")
    store.put("ConsentChanged", customer_ref="C-1", contact=contact, said=said, occurred_at=iso(store.cloud.now))
    store.arrived()
    store.cloud.advance(days=3)
    store.cloud.text_in(PHONE, "1 broken")
    store.cloud.advance(days=6)
    store.desk("Closed", result="replaced")
    store.cloud.advance(days=4)
    assert [(m["settlement"], m["channel"]) for m in store.messages("rescue-check")] == [("SENT", "sms")]
    store.cloud.text_in(PHONE, "5 all good")
    store.cloud.advance(minutes=5)
    assert [given["score"] for given, _ in store.kept()] == [1, 5]
    assert store.case()["rescue"]["after"] == "positive"


def test_while_a_rescue_is_open_no_offer_goes_out(store):
    dear = {"line_ref": "1", "title": "House espresso", "quantity": 1, "product_type": "Coffee"}
    dear["unit_price"] = {"amount": "49.90", "currency": "EUR"}
    store.asked({"lines": [dear]}, score="1")
    store.cloud.advance(days=28)
    assert store.settled("reorder-reminder") == [("HELD", "open_case")]
    assert store.settled("next-step") == []


def test_a_wish_to_be_called_is_a_case_of_its_own_for_who_is_content(store):
    store.asked(score="4", call="on")
    assert store.case()["rescue"]["call"] is True and store.case()["rescue"]["way"] == "call"


def test_an_open_case_about_the_order_gets_the_clock_and_no_second_case_is_opened(store):
    store.bought()
    store.arrived()
    store.cloud.advance(hours=24)
    path = store.link()
    at = iso(store.cloud.now)
    store.put("SupportCaseOpened", ref="Z-1", order_ref="1", occurred_at=at, topic="damaged")
    store.answer(path, score="1")
    store.cloud.advance(minutes=1)
    assert store.case()["ref"] == "coffee:Z-1"
    assert store.case()["topic"] == "damaged" and store.case()["rescue"]["score"] == 1


def test_an_answer_that_is_read_twice_leads_to_one_of_everything(store):
    store.asked(score="1")
    before = store.cloud.state_digest()
    said = {"origin": "survey", "ref": "coffee:1", "order": "coffee:1", "version": 1, "score": 1}
    metadata = {
        "id": keys.message_id("answer-read#coffee:1#1"),
        "version": 1,
        "occurred_at": iso(store.cloud.now),
        "correlation_id": "again",
    }
    detail = {"metadata": metadata, "data": {"customer_id": store.record().id, **said}}
    for _ in range(2):
        store.cloud.send("FeedbackRoutingQueue", json.dumps({"detail-type": "FeedbackRead", "detail": detail}))
        store.cloud.advance(seconds=1)
    assert store.cloud.state_digest() == before


def test_an_answer_that_is_brought_again_after_other_feedback_does_no_more_and_dies_nowhere(store):
    store.asked(score="1")
    at = iso(store.cloud.now)
    store.put("ReviewPosted", ref="R-1", order_ref="1", occurred_at=at, score=2, text="Half of it was missing")
    store.cloud.advance(minutes=1)
    assert store.signals()["origin"] == "review"
    before = store.cloud.state_digest()
    said = {"origin": "survey", "ref": "coffee:1", "order": "coffee:1", "version": 1, "score": 1}
    metadata = {"id": keys.message_id("again"), "version": 1, "correlation_id": "again", "occurred_at": at}
    detail = {"metadata": metadata, "data": {"customer_id": store.record().id, **said}}
    store.cloud.send("FeedbackRoutingQueue", json.dumps({"detail-type": "FeedbackRead", "detail": detail}))
    store.cloud.advance(seconds=1)
    assert store.cloud.state_digest() == before
    store.cloud.advance(hours=1)
    assert store.cloud.dead_letters() == {}, "the queue has brought it as often as it does"
    assert store.settled("rescue-offer") == [("SENT", "sent")]


def test_nobody_is_rescued_after_erasure(store):
    store.bought()
    store.arrived()
    store.cloud.advance(hours=24)
    path = store.link()
    customer = store.record().id
    store.cloud.send("PrivacyQueue", json.dumps({"key": "erasure", "customer_id": customer}))
    store.cloud.advance(minutes=5)
    store.answer(path, score="1")
    store.cloud.advance(days=2)
    assert [i for i in store.cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.CASE)] == []
    assert store.told("FeedbackClassified") == []
