"""Why something goes back: the page that asks, what it keeps, and what strangers' forms cannot do."""

import json
import re

import pytest

from aftercare import keys, store
from aftercare.customer import OrderLine, Return
from aftercare.feedback import LONGEST
from aftercare.retention import MARK
from aftercare.table import Put, Throttled
from tests.builders import an_order
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START
from tests.unit.customer_pages import test_pages as pages
from tests.unit.customer_pages.test_pages import ORDER, P, request, token

HOSTILE = "</textarea><script>alert(1)</script>{{7*7}}\r\nzu eng"


def get(**more):
    return pages.get(P.RETURN, **more)


def post(form, **more):
    return pages.post(P.RETURN, form, **more)


BOOT = OrderLine(line_ref="1", title="Boot", quantity=1, product_type="Clothing", sku="BOOT-1")


@pytest.fixture
def anna(small):
    back = Return(ref="RET-1", requested_at=START, lines={"1": 1})
    return a_profile(small, order=an_order(locale="en", lines=(BOOT,), returns=(back,)))


def reason_now(small):
    (back,) = store.load(small.tables, CUSTOMER, ORDER).order(ORDER).returns
    return back.reason


def words_kept(small):
    return [json.loads(str(i["doc"])) for i in small.items(f"CUSTOMER#{CUSTOMER}") if str(i["sk"]).startswith(keys.WORDS)]


def test_one_tap_is_offered_for_each_word_that_fits_and_the_one_that_was_tapped_is_chosen(small, anna):
    before = small.untouched()
    body = get(query={"reason": "too-small"})["body"]
    offered = re.findall(r'name="reason" value="([a-z-]+)"', body)
    assert offered == ["too-small", "too-large", "not-as-expected", "damaged", "wrong-item", "late", "changed-mind", "unsaid"]
    assert re.findall(r'value="([a-z-]+)" checked', body) == ["too-small"]
    assert re.findall(r'value="([a-z-]+)" checked', get(query={"reason": "<script>"})["body"]) == []
    assert small.untouched() == before


def test_what_is_said_is_kept_with_its_event_in_one_transaction(small, anna):
    calls = len(small.tables.calls)
    answer = post(f"reason=too-small&text={HOSTILE.replace('&', '%26').replace('+', '%2B')}")
    assert answer["statusCode"] == 200 and "It is noted" in answer["body"] and "<script>" not in answer["body"]
    assert small.tables.calls[calls:].count("write") == 1
    assert reason_now(small) == "too-small"
    (words,) = words_kept(small)
    assert words == {"order": ORDER, "sku": "BOOT-1", "text": HOSTILE.replace("\r\n", "\n"), "locale": "en-DE"}
    (told,) = small.outbox()
    assert (told.type, told.data) == (
        "ReturnExplained",
        {"customer_id": CUSTOMER, "order": ORDER, "return_ref": "RET-1", "reason": "too-small", "words": True},
    )


def test_said_once_it_stays(small, anna):
    post("reason=too-small&text=tight")
    after = small.untouched()
    again = post("reason=too-large&text=other")
    assert (again["statusCode"], small.untouched()) == (200, after)
    shown = get()["body"]
    assert "It is noted" in shown and "<form" not in shown


def test_two_pages_that_are_sent_at_the_same_time_are_one(small, anna):
    small.tables.before_write.append(lambda: post("reason=late"))
    assert post("reason=too-small&text=tight")["statusCode"] == 200
    assert (reason_now(small), small.told(), words_kept(small)) == ("late", ["ReturnExplained"], [])


def test_words_alone_are_kept_and_nothing_at_all_is_asked_for_again(small, anna):
    before = small.untouched()
    nothing = post("text=++")
    assert nothing["statusCode"] == 400 and "Nothing is chosen" in nothing["body"] and small.untouched() == before
    assert post("reason=<script>&text=" + "x" * (LONGEST + 50))["statusCode"] == 200
    assert reason_now(small) == "unsaid"
    assert len(words_kept(small)[0]["text"]) == LONGEST


def test_who_would_rather_not_say_has_answered_and_nothing_is_told(small, anna):
    assert post("reason=unsaid")["statusCode"] == 200
    assert (reason_now(small), small.told()) == ("unsaid", [])
    assert "It is noted" in get()["body"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_link_and_no_other_return_opens_it(small, anna, method):
    before, form = small.untouched(), "reason=late" if method == "POST" else None
    bad = [token(purpose) for purpose in P if purpose is not P.RETURN]
    bad += [token(P.RETURN, about=about) for about in (ORDER, f"{ORDER}#RET-2", "example:2#RET-1", "#", "")]
    bad += [token(P.RETURN, customer_id="another")]
    for text in bad:
        assert request(method, P.RETURN, text, form=form)["statusCode"] == 404
    over = request(method, P.RETURN, token(P.RETURN, days=-1), form=form)
    assert over["statusCode"] == 410
    assert small.untouched() == before


def test_after_an_erasure_nothing_is_kept(small, anna):
    mark = {"erased_at": "2026-03-02T09:15:00.000000Z", "expires_at": MARK.ends(START)}
    small.tables.before_write.append(lambda: small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.ERASED), mark)]))
    assert post("reason=late&text=too+late")["statusCode"] == 404
    assert (words_kept(small), small.told()) == ([], [])


def test_an_outage_is_told_as_one_that_passes(small, anna):
    def throttled():
        raise Throttled("too much")

    small.tables.before_write.append(throttled)
    answer = post("reason=late")
    assert answer["statusCode"] == 503 and "It is noted" not in answer["body"]
