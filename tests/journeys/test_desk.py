"""The desk's page and command: who waits, what they wrote, what was done, and by whose link."""

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from aftercare.clock import iso
from aftercare.links import Link, LinkPurpose, read_keys, sign
from simulator.cloud import LocalCloud
from tests.journeys.conftest import SECRET
from tests.journeys.test_feedback_routing import MONDAY, Store
from tests.journeys.test_survey import FORM

HOSTILE = "</blockquote><script>alert(1)</script> {{7*7}} the box was empty"


class Desk(Store):
    def link(self, template="survey", purpose=LinkPurpose.DESK, about="Kim", hours=8):
        if template != "desk":
            return super().link(template)
        keys = read_keys(self.cloud.outside().secrets.text(self.cloud.outside().settings.need("link_secret")))
        return f"/d/{sign(keys, purpose, Link('-', about, int((self.cloud.now + timedelta(hours=hours)).timestamp())))}"

    def page(self, **form):
        if not form:
            return self.cloud.http("GET", self.link("desk"))
        return self.cloud.http("POST", self.link("desk"), FORM, urlencode(form).encode())


@pytest.fixture
def desk():
    with LocalCloud("memory", seed=11, start=MONDAY, switch="on", ssm={"/aftercare/shopify-secrets": SECRET}) as running:
        yield Desk(running)
        assert running.errors == []


def test_the_desk_sees_who_waits_and_what_they_wrote_and_looking_changes_nothing(desk):
    assert "Nobody is waiting" in desk.page().text
    desk.asked(score="1", text=HOSTILE)
    before = desk.cloud.state_digest()
    shown = desk.page()
    assert shown.status == 200 and "anna@example.com" in shown.text and "the box was empty" in shown.text
    assert "<script>" not in shown.text and "49 the box" not in shown.text
    assert "I have reserved the same for you" in shown.text
    assert desk.cloud.state_digest() == before


def test_what_the_desk_notes_stops_the_clock_and_a_second_click_changes_nothing(desk):
    desk.asked(score="1")
    ref = desk.case()["ref"]
    assert "Noted as answered" in desk.page(case=ref, did="answer").text
    assert "answered_at" in desk.case()
    assert "Noted as over" in desk.page(case=ref, did="close", result="explained").text
    assert desk.case()["result"] == "explained"
    before = desk.cloud.state_digest()
    assert "was not noted" in desk.page(case=ref, did="close", result="explained").text
    assert desk.cloud.state_digest() == before
    desk.cloud.advance(days=3)
    assert desk.told("RescueOverdue") == []
    assert desk.settled("rescue-check") == [("SENT", "sent")]
    told = [json.loads(str(i["doc"])) for i in desk.cloud.items("CustomerTable") if str(i["sk"]).startswith("1#CASE#")]
    assert len(told) == 1


def test_what_was_written_elsewhere_and_opened_a_case_is_shown_too(desk):
    desk.bought()
    desk.arrived()
    at = iso(desk.cloud.now)
    desk.put("ReviewPosted", ref="R-1", order_ref="1", occurred_at=at, score=1, title="Never again", text=HOSTILE)
    desk.cloud.advance(minutes=1)
    shown = desk.page().text
    assert "Never again" in shown and "the box was empty" in shown and "<script>" not in shown


def test_the_head_of_the_desks_page_is_its_get_without_a_body(desk):
    desk.asked(score="1")
    path, before = desk.link("desk"), desk.cloud.state_digest()
    got, head = (desk.cloud.http(method, path) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert desk.cloud.http("HEAD", "/d/AAAA").status == 404
    assert desk.cloud.state_digest() == before


@pytest.mark.parametrize("form", [{"did": "sell"}, {"did": "close", "result": "gold"}, {"did": "answer", "case": "shop:nobody"}])
def test_what_nobody_can_mean_is_not_noted(desk, form):
    desk.asked(score="1")
    before = desk.cloud.state_digest()
    assert "was not noted" in desk.page(**{"case": desk.case()["ref"], **form}).text
    assert desk.cloud.state_digest() == before


def test_no_other_link_opens_the_desk_and_its_own_runs_out(desk):
    desk.asked(score="1")
    other = desk.cloud.http("GET", desk.link("desk", purpose=LinkPurpose.STATUS))
    assert other.status == 404 and "anna" not in other.text
    path = desk.link("desk", hours=1)
    desk.cloud.advance(hours=2)
    over = desk.cloud.http("POST", path, FORM, urlencode({"case": desk.case()["ref"], "did": "answer"}).encode())
    assert over.status == 410 and "answered_at" not in desk.case()
