"""The survey's page: what is chosen, what is kept, and what strangers' forms cannot do."""

import re

import pytest

from aftercare import keys, store
from aftercare.answer_words import Part
from aftercare.customer import Contact, Refund
from aftercare.feedback import LONGEST, PARTS, Answer, Feedback, Given, content
from aftercare.retention import MARK
from aftercare.table import Put, Throttled
from customer_pages.survey import given_of
from tests.builders import an_order
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START
from tests.unit.customer_pages import test_pages as pages
from tests.unit.customer_pages.test_pages import ORDER, P, request


def link(**more):
    return pages.token(P.SURVEY, **more)


def get(**more):
    return pages.get(P.SURVEY, **more)


def post(form, **more):
    return pages.post(P.SURVEY, form, **more)


def test_a_head_says_what_a_get_would_and_has_no_body(small, anna):
    before = small.untouched()
    for query in (None, {"score": "4"}):
        got, head = get(query=query), request("HEAD", P.SURVEY, link(), query=query)
        assert (head["statusCode"], head["body"]) == (200, "")
        assert head["headers"] == got["headers"]
    assert request("HEAD", P.SURVEY, "forged")["statusCode"] == 404
    assert small.untouched() == before


@pytest.fixture
def anna(small):
    return a_profile(small, order=an_order(locale="en"))


def kept(small):
    customer = store.load(small.tables.twin, CUSTOMER)
    answer = customer.feedback.of(ORDER) if customer.feedback else None
    return answer, content(small.tables.twin, CUSTOMER, answer)


@pytest.mark.parametrize("score", ["1", "2", "3", "4", "5"])
def test_the_score_that_was_tapped_is_chosen_and_saved_by_the_button_alone(small, anna, score):
    body = get(query={"score": score})["body"]
    assert re.findall(r'name="score" value="(\d)" checked', body) == [score]
    assert kept(small) == (None, None)
    assert post(f"score={score}")["statusCode"] == 200
    answer, given = kept(small)
    assert (answer.score, given) == (int(score), Given(score=int(score)))
    (event,) = small.outbox()
    assert (event.type, event.data["score"]) == ("SurveyAnswered", int(score))


def test_without_or_with_a_senseless_score_none_is_chosen(small, anna):
    for query in (None, {"score": "6"}, {"score": "0"}, {"score": "4.0"}, {"score": '"><script>'}, {"score": "٤"}):
        body = get(query=query)["body"]
        assert not re.search(r'name="score" value="\d" checked', body)
        assert "<script" not in body
    assert post("score=9")["statusCode"] == 400
    assert small.told() == []


def test_what_was_given_is_there_again_and_what_was_written_is_shown_as_text(small, anna):
    form = "score=2&good-product=on&slow-delivery=on&slow-nonsense=on&wish=demo&call=on&text=%3C/textarea%3E%3Cscript%3Ealert(1)"
    assert post(form)["statusCode"] == 200
    body = get()["body"]
    assert set(re.findall(r'name="([a-z-]+)"[^>]* checked', body)) == {"score", "good-product", "slow-delivery", "wish", "call"}
    assert "&lt;/textarea&gt;&lt;script&gt;" in body and "<script" not in body
    assert "You have answered already" in body


def test_a_tap_on_another_score_of_the_mail_is_chosen_beside_what_was_written(small, anna):
    post("score=2&text=Broken")
    body = get(query={"score": "5"})["body"]
    assert re.findall(r'name="score" value="(\d)" checked', body) == ["5"]
    assert "Broken" in body
    assert kept(small)[0].score == 2


def test_sent_twice_is_saved_and_told_once(small, anna):
    for _ in range(3):
        assert post("score=4&text=Good")["statusCode"] == 200
    assert small.told() == ["SurveyAnswered"]
    assert kept(small)[0].version == 1


def test_two_at_the_same_time_are_two_versions(small, anna):
    """Between the read and the write of the first, the second is saved."""
    small.tables.before_write.append(lambda: post("score=1"))
    assert post("score=5")["statusCode"] == 200
    answer, _ = kept(small)
    assert (answer.version, answer.score) == (2, 5)
    assert small.told() == ["SurveyAnswered", "SurveyAnswered"]


def test_an_answer_that_is_not_among_the_newest_any_more_is_closed(small, anna):
    post("score=4")
    place = keys.customer(CUSTOMER, keys.FEEDBACK)
    item = small.tables.twin.read([place])[place]
    newer = tuple(Answer(order=f"example:{n}", version=1, first_at=START, at=START, by="page", score=5) for n in range(6))
    small.tables.twin.write([Put(place, {**item, "doc": Feedback(version=7, answers=newer).to_json(), "version": 7})])
    answer = post("score=1")
    assert answer["statusCode"] == 409
    assert "can no longer be changed" in answer["body"] and "<form" not in answer["body"]
    assert small.told() == ["SurveyAnswered"]


def test_the_page_is_in_the_customers_language(small):
    a_profile(small, order=an_order(locale="de"))
    assert "Wie war es insgesamt?" in get(query={"score": "5"})["body"]
    assert "Danke" in post("score=5")["body"]


def test_a_bad_score_or_an_order_that_went_wrong_is_not_thanked_cheerfully(small, anna):
    assert "That helps us to do better" in post("score=3")["body"]
    assert "We are sorry" in post("score=2")["body"]
    a_profile(small, order=an_order(locale="en", refunds=(Refund(ref="r", at=START),)))
    assert "We are sorry" in post("score=5")["body"]


def test_the_number_on_record_is_shown_masked_and_another_can_be_given(small):
    contact = Contact(email="anna@example.com", phone="+4915112345678")
    a_profile(small, order=an_order(locale="en", contact=contact))
    body = get()["body"]
    assert "+49 ••• 78" in body and "15112345678" not in body
    post("call=on&number=%2B44+20+7946+0018")
    assert kept(small)[1].number == "+442079460018"


@pytest.mark.parametrize(
    "text", [pages.token(P.CUE), pages.token(P.STATUS), link(about="example:other"), link(customer_id="c0other")]
)
def test_a_foreign_link_opens_and_changes_nothing(small, anna, text):
    for answer in (get(text=text), post("score=1", text=text)):
        assert answer["statusCode"] == 404
        assert "does not work" in answer["body"]
    assert small.told() == []


def test_an_expired_link_says_so(small, anna):
    for answer in (get(text=link(days=-1)), post("score=1", text=link(days=-1))):
        assert answer["statusCode"] == 410
    assert small.told() == []


def test_an_outage_promises_nothing(small, anna):
    def throttled():
        raise Throttled("too much")

    small.tables.before_write.append(throttled)
    answer = post("score=1")
    assert answer["statusCode"] == 503
    assert "Thank you" not in answer["body"]


def test_who_is_erased_in_between_has_answered_nothing(small, anna):
    """The mark of the erasure comes between the read and the write."""
    mark = {"erased_at": "2026-03-02T09:15:00.000000Z", "expires_at": MARK.ends(START)}
    small.tables.before_write.append(lambda: small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.ERASED), mark)]))
    assert post("score=1&text=secret")["statusCode"] == 404
    assert small.tables.twin.partition("customers", f"CUSTOMER#{CUSTOMER}", keys.ANSWER) == []
    assert small.told() == []


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ({"text": "  a\r\nb  "}, Given(text="a\nb")),
        ({"text": "x" * 5000}, Given(text="x" * LONGEST)),
        ({"wish": "everything", "score": "five"}, Given()),
        ({f"good-{part}": "on" for part in PARTS}, Given(stood_out=PARTS)),
        ({"good-product": "yes"}, Given()),
        ({"number": "+4915112345678"}, Given(number="+4915112345678")),
    ],
)
def test_what_a_form_cannot_name_is_not_given(form, given):
    assert given_of(form) == (given, None)


def test_a_number_that_cannot_be_read_is_told_and_shown_again(small, anna):
    answer = post("score=3&number=030+1234")
    assert answer["statusCode"] == 200
    assert "cannot read this phone number" in answer["body"]
    assert 'value="030 1234"' in answer["body"]
    assert kept(small)[1] == Given(score=3)


def test_every_part_has_a_word_in_every_language():
    from typing import get_args

    from customer_pages.words import languages

    assert get_args(Part) == PARTS
    for words in languages().values():
        assert {f"survey_part_{part}" for part in PARTS} <= words.words.keys()


def test_an_answer_takes_three_calls_at_most(small, anna):
    """One read of what is hot, one of the version before where there is one, one write (parameters and secrets are warm)."""
    small.tables.calls.clear()
    post("score=4")
    assert small.tables.calls == ["partition", "write"]
    small.tables.calls.clear()
    post("score=5")
    assert small.tables.calls == ["partition", "read", "write"]
