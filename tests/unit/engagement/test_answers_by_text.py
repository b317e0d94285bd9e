"""A text that answers the survey: what reads as a score, and from whom it counts."""

from datetime import timedelta

import pytest

from aftercare import keys, store
from aftercare.caps import Caps, Counted
from aftercare.consent import Channel, Purpose
from aftercare.feedback import Given, content
from aftercare.identity import keyed_hash
from aftercare.table import Put
from engagement.handler import handle
from engagement.keywords import scored
from engagement.survey import WITHIN
from tests.builders import an_order
from tests.ledger_items import CUSTOMER, a_profile, claimed
from tests.small_outside import SECRETS, START, Context, sqs
from tests.unit.engagement import test_people as people
from tests.unit.engagement.test_acts import event, of_all
from tests.unit.engagement.test_people import NUMBER, proposed

SMS = Channel.SMS
ORDER = "example:1070"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4 slow delivery", (4, "slow delivery")),
        ("5", (5, "")),
        (" 1. ", (1, "")),
        ("3/5 it's ok", (3, "it's ok")),
        ("5 stars, great", (5, "great")),
        ("4 Sterne", (4, "")),
        ("2: kaputt\nund zu spät", (2, "kaputt\nund zu spät")),
        ("4️⃣ fine", (4, "fine")),
        ("5 - wow", (5, "wow")),
        ("0", None),
        ("6", None),
        ("10 days late", None),
        ("1st parcel is missing", None),
        ("4,5", None),
        ("two of them", None),
        ("I give it a 4", None),
        ("", None),
    ],
)
def test_a_score_stands_at_the_beginning_with_words_after_it(text, found):
    assert scored(text) == found


def asked(small, *at, template="survey", channel=SMS, order=ORDER, customer_id=CUSTOMER):
    """The customer was asked about the order so long ago."""
    counted = tuple(
        Counted(at=START - age, purpose=Purpose.SURVEY, channel=channel, message=keys.message_id(f"{template}#{order}"))
        for age in at
    )
    caps = Caps(version=1, counted=counted)
    small.tables.twin.write([Put(keys.customer(customer_id, keys.CAPS), {"doc": caps.to_json(), "version": 1})])


@pytest.fixture
def anna(small):
    a_profile(small, order=an_order())
    small.tables.twin.write([Put(keys.phone_owner(keyed_hash(SECRETS["identity"], NUMBER), CUSTOMER), {"customer_id": CUSTOMER})])
    return small


def texts(small, text, inbound_id="in-1"):
    people.texts(small, text, inbound_id=inbound_id)


def said(small):
    customer = store.load(small.tables.twin, CUSTOMER)
    answer = customer.feedback.of(ORDER) if customer.feedback else None
    return content(small.tables.twin, CUSTOMER, answer)


@pytest.mark.parametrize("template", ["survey", "survey-reminder"])
def test_a_reply_to_the_question_is_the_answer_and_is_thanked_for_once(anna, template):
    asked(anna, timedelta(days=1), template=template)
    for _ in range(2):
        texts(anna, "4 slow delivery")
    assert said(anna) == Given(score=4, text="slow delivery")
    assert anna.told() == ["InboundMessage", "SurveyAnswered"]
    inbound, answered = anna.outbox()
    assert (inbound.data["wish"], answered.data["by"]) == ("answer", "sms")
    assert {p["key"] for p in proposed(anna)} == {"reply-answered#in-1"}
    assert all("slow delivery" not in str(event.data) for event in (inbound, answered))


def test_a_score_without_a_question_by_text_is_just_a_text(anna):
    texts(anna, "4 of them are broken")
    asked(anna, WITHIN)
    texts(anna, "4 of them are broken", "in-2")
    asked(anna, timedelta(days=1), channel=Channel.EMAIL)
    texts(anna, "4 of them are broken", "in-3")
    assert said(anna) is None
    assert anna.told() == ["InboundMessage"] * 3
    assert proposed(anna) == []


def test_a_second_text_changes_the_score_and_keeps_the_words(anna):
    asked(anna, timedelta(days=1))
    texts(anna, "4 slow delivery")
    texts(anna, "5", "in-2")
    assert said(anna) == Given(score=5, text="slow delivery")
    texts(anna, "2 it broke", "in-3")
    assert said(anna) == Given(score=2, text="it broke")


def test_after_a_week_a_text_changes_nothing_any_more(anna):
    asked(anna, timedelta(days=1))
    texts(anna, "4 slow delivery")
    anna.later(days=7)
    asked(anna, timedelta(days=-6))  # the reminder came a day ago
    texts(anna, "1", "in-2")
    assert said(anna) == Given(score=4, text="slow delivery")


def test_of_two_orders_the_one_that_was_asked_about_last_is_meant(anna):
    anna.tables.twin.write([Put(keys.order(CUSTOMER, "example:2000"), {"doc": an_order("2000").to_json(), "version": 1})])
    first, second = (
        Counted(at=START - timedelta(days=days), purpose=Purpose.SURVEY, channel=SMS, message=keys.message_id(f"survey#{order}"))
        for days, order in ((5, ORDER), (1, "example:2000"))
    )
    caps = Caps(version=1, counted=(first, second))
    anna.tables.twin.write([Put(keys.customer(CUSTOMER, keys.CAPS), {"doc": caps.to_json(), "version": 1})])
    texts(anna, "3")
    assert [one.order for one in store.load(anna.tables.twin, CUSTOMER).feedback.answers] == ["example:2000"]


def test_a_stop_after_the_question_is_a_stop(anna):
    asked(anna, timedelta(days=1))
    texts(anna, "stop texting me")
    assert said(anna) is None and "ConsentChanged" in anna.told()


@pytest.mark.parametrize(("by", "own"), [("page", 1.0), ("sms", 0.0)])
def test_an_answer_counts_for_the_channel_of_its_question_and_a_text_was_counted_when_it_came(small, by, own):
    a_profile(small)
    message = claimed(small)
    counted = Counted(at=START - timedelta(hours=1), purpose=Purpose.SURVEY, channel=SMS, message=message.proposal.message_id)
    small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.CAPS), {"doc": Caps(version=1, counted=(counted,)).to_json()})])
    for _ in range(2):
        handle(sqs(event("SurveyAnswered", version=1, score=4, by=by)), Context())
    found = store.load(small.tables.twin, CUSTOMER).learned
    assert found.of(SMS, START).answered == pytest.approx(own, abs=1e-3)
    assert of_all(small) == {"a_sms"}
