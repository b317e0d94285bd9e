"""Something goes back by the store's own way: its customer is asked why, says so, and what was said is read."""

import json
import re
from datetime import timedelta
from email import message_from_bytes, policy
from urllib.parse import urlencode

import pytest

from aftercare import keys
from aftercare.clock import iso
from simulator.cloud import LocalCloud
from tests.journeys.conftest import SECRET
from tests.journeys.test_feedback_routing import MONDAY
from tests.journeys.test_survey import FORM, TEXTS, Asked

BOOT = {"line_ref": "1", "title": "Chelsea boot", "quantity": 1, "product_type": "Clothing", "sku": "BOOT-1"}


class Back(Asked):
    def goes_back(self, kind="ReturnRequested", **more):
        self.put(kind, ref="RET-1", order_ref="1", occurred_at=iso(self.cloud.now), lines={"1": 1}, **more)
        self.cloud.advance(minutes=1)

    def page(self, **form):
        letter = next(x for x in reversed(self.letters()) if b"/r/" in x.mime())
        text = message_from_bytes(letter.mime(), policy=policy.default).get_body(("plain",)).get_content()
        path = re.search(r"https://[^/\s]+(/r/[\w-]+)\s", text)[1]
        answer = self.cloud.http("POST", path, FORM, urlencode(form).encode()) if form else self.cloud.http("GET", path)
        self.cloud.advance(minutes=1)
        return answer

    def words(self):
        items = [i for i in self.cloud.items("CustomerTable") if str(i["sk"]).startswith(f"{keys.WORDS}return#")]
        return [(json.loads(str(i["doc"]))["text"], json.loads(str(i.get("reading", "null")))) for i in items]


@pytest.fixture(params=["moto", "memory"])
def shop(request):
    ssm = {"/aftercare/shopify-secrets": SECRET}
    with LocalCloud(request.param, seed=11, start=MONDAY, switch="on", ssm=ssm, parameters=TEXTS) as running:
        yield Back(running)
        assert running.errors == []
        assert running.dead_letters() == {}


@pytest.fixture
def memory():
    with LocalCloud("memory", seed=11, start=MONDAY, switch="on", ssm={"/aftercare/shopify-secrets": SECRET}) as running:
        yield Back(running)
        assert running.errors == []
        assert running.dead_letters() == {}


def test_who_gives_something_back_is_asked_why_once_and_what_is_said_is_read(shop):
    shop.bought(lines=[BOOT])
    shop.arrived()
    shop.goes_back()
    assert shop.settled("return-survey") == [("HELD", "not_yet")]
    shop.cloud.advance(hours=4)
    shop.goes_back("ReturnApproved")
    shop.goes_back("ReturnReceived")
    shop.cloud.advance(hours=1)
    assert shop.settled("return-survey") == [("SENT", "sent")]
    before = shop.cloud.state_digest()
    assert "Too small" in shop.page().text
    shop.cloud.http("HEAD", "/r/x")
    assert shop.cloud.state_digest() == before
    said = "The boots are lovely, but far too small. The size chart is wrong."
    assert "It is noted" in shop.page(reason="too-small", text=said).text
    ((text, reading),) = shop.words()
    assert (text, reading["language"]) == (said, "en")
    (told,) = shop.told("ReturnExplained")
    assert (told["reason"], told["words"]) == ("too-small", True)
    (read,) = shop.told("FeedbackRead")
    assert (read["origin"], read["ref"], read["order"]) == ("return", "coffee:RET-1", "coffee:1")
    assert said not in json.dumps([e.fields for e in shop.cloud.journal.entries("event")], default=str)
    assert shop.record().order("coffee:1").returns[0].reason == "too-small"
    after = shop.cloud.state_digest()
    assert "It is noted" in shop.page(reason="late", text="again").text
    assert len(shop.told("ReturnExplained")) == 1 and len(shop.words()) == 1
    assert after == shop.cloud.state_digest() or len(shop.words()) == 1
    shop.cloud.advance(days=12)
    assert shop.settled("return-survey") == [("SENT", "sent")]
    assert shop.messages("next-step") == shop.messages("next-help") == [], "who gives something back is sold nothing for it"


def test_a_reason_that_the_shop_tells_in_between_makes_the_question_pointless(memory):
    memory.bought(lines=[BOOT])
    memory.arrived()
    memory.goes_back()
    memory.goes_back("ReturnApproved", reason="damaged")
    memory.cloud.advance(hours=5)
    assert memory.settled("return-survey") == [("REFUSED", "already_answered")]


def test_a_return_that_was_declined_is_not_asked_about(memory):
    memory.bought(lines=[BOOT])
    memory.arrived()
    memory.goes_back()
    memory.goes_back("ReturnDeclined")
    memory.cloud.advance(hours=5)
    assert memory.settled("return-survey") == [("REFUSED", "order_went_wrong")]


def test_the_question_honours_who_wants_no_service_mail(memory):
    memory.bought(lines=[BOOT])
    memory.arrived()
    said = [{"channel": "email", "purpose": "service", "says": "withdrawn", "said_at": iso(memory.cloud.now)}]
    memory.put("ConsentChanged", contact={"email": "anna@example.com"}, said=said, occurred_at=iso(memory.cloud.now))
    memory.goes_back()
    memory.cloud.advance(hours=5)
    assert [state for state, _ in memory.settled("return-survey")] == ["REFUSED"]


def test_a_sure_complaint_opens_a_rescue_whose_words_the_desk_sees(memory):
    from aftercare.rescues import open_rescues, words_of

    memory.bought(lines=[BOOT])
    memory.arrived()
    memory.goes_back()
    memory.cloud.advance(hours=4)
    text = "Terrible quality, broken after one day. Worst shop ever, I am very angry and disappointed."
    memory.page(reason="damaged", text=text)
    (one,) = open_rescues(memory.cloud.tables)
    assert one.case.rescue.origin == "return"
    assert words_of(memory.cloud.tables, memory.record(), one.case).text == text


def test_after_an_erasure_the_page_is_nobodys_and_keeps_nothing(memory):
    memory.bought(lines=[BOOT])
    memory.arrived()
    memory.goes_back()
    memory.cloud.advance(hours=4)
    letter = memory.letters()[-1]
    memory.put(
        "CustomerErasureRequested",
        contact={"email": "anna@example.com", "phone": "+4915112345678"},
        occurred_at=iso(memory.cloud.now),
    )
    memory.cloud.advance(hours=1)
    path = re.search(rb"(/r/[\w-]+)", letter.mime().replace(b"=\r\n", b""))[1].decode()
    before = memory.cloud.state_digest()
    for method, body in (("GET", b""), ("HEAD", b""), ("POST", b"reason=late&text=late")):
        assert memory.cloud.http(method, path, FORM, body).status == 404
    assert memory.cloud.state_digest() == before
    assert memory.words() == [] and memory.told("ReturnExplained") == []


def test_the_page_of_the_account_asks_why_with_the_return_and_no_second_time(memory):
    memory.bought(lines=[BOOT])
    memory.arrived()
    letter = next(x for x in memory.letters() if b"/o/" in x.mime())
    text = message_from_bytes(letter.mime(), policy=policy.default).get_body(("plain",)).get_content()
    path = re.search(r"https://[^/\s]+(/o/[\w-]+)", text)[1]
    form = {"line-1": "1", "wish": "refund", "reason": "too-small", "text": "Too tight"}
    step = memory.cloud.http("POST", f"{path}/return", FORM, urlencode(form).encode())
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', step.text))
    assert fields["text"] == "Too tight" and memory.words() == []
    for _ in range(2):
        assert memory.cloud.http("POST", f"{path}/return", FORM, urlencode(fields).encode()).status == 200
    memory.cloud.advance(minutes=1)
    assert [text for text, _ in memory.words()] == ["Too tight"]
    assert len(memory.told("ReturnExplained")) == len(memory.told("ReturnRequested")) == 1
    assert [told["origin"] for told in memory.told("FeedbackRead")] == ["return"]
    memory.cloud.advance(days=6)
    assert memory.messages("return-survey") == []


def test_the_question_is_in_german_for_who_is_spoken_to_in_german(memory):
    memory.bought(lines=[BOOT], locale="de")
    memory.arrived()
    memory.goes_back()
    memory.cloud.advance(hours=4)
    mail = message_from_bytes(memory.letters()[-1].mime(), policy=policy.default)
    assert "Was stimmte nicht?" in mail["Subject"] and "Zu klein" in mail.get_body(("plain",)).get_content()
    assert "Was stimmte nicht damit?" in memory.page().text
    assert timedelta(hours=3) <= memory.cloud.now - MONDAY
