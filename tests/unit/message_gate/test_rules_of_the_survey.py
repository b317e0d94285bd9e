"""Who is not asked, not reminded, and not offered anything, by the rules of the gate."""

from datetime import timedelta

import pytest

from aftercare.cases import Case
from aftercare.consent import Channel, Purpose
from aftercare.customer import Refund, Return
from aftercare.decision import Hold, Pass, Reason
from aftercare.feedback import Answer, Feedback
from aftercare.proposal import Block, Unless
from aftercare.signals import Signals
from message_gate.channels import QUESTIONS, forms
from message_gate.frequency import frequency_policy, quiet, stretch
from message_gate.relevance import relevant
from message_gate.rules import silence
from message_gate.tone import went_badly
from tests.builders import NOON, a_customer, a_proposal, an_order
from tests.unit.message_gate.test_rules import a_candidate, reorder_proposal

KEY = "example:1070"
UNLESS = (Unless.SURVEY_ANSWERED, Unless.ORDER_WENT_WRONG)


def answered(score, at=NOON - timedelta(days=1)):
    return Feedback(version=1, answers=(Answer(order=KEY, version=1, first_at=at, at=at, by="page", score=score),))


def reminder(**more):
    return a_proposal(
        key=f"survey-reminder#{KEY}",
        purpose=Purpose.SURVEY,
        template="survey-reminder",
        references={"order": KEY},
        unless=UNLESS,
        **more,
    )


def an_offer(about=f"survey:{KEY}"):
    block = Block(kind="offer", variant="referral")
    return a_proposal(
        key=f"next-step#{about}",
        purpose=Purpose.PROMOTIONAL,
        template="next-step",
        references={"order": KEY},
        blocks=(block,),
        unless=(Unless.ANSWERED_ANEW,),
    )


def felt(**more):
    known = {"at": NOON, "origin": "survey", "about": KEY, "feedback_version": 1, "mood": "positive", "respondent": "promoter"}
    return Signals.model_validate({**known, "segment": "repeat", "offer": "referral", **more})


@pytest.mark.parametrize(
    ("signals", "refused"),
    [
        (None, False),
        (felt(), False),
        (felt(offer=None, mood="neutral"), True),
        (felt(offer="guide"), True),
        (felt(mood="negative", offer=None), True),
        (felt(origin="review", about="example:R-1", offer=None, mood="neutral"), False),
        (felt(origin="review", about="example:R-1", offer=None, mood="negative"), True),
    ],
)
def test_an_offer_holds_as_long_as_what_it_follows_from(signals, refused):
    found = relevant(a_candidate(an_offer(), a_customer(an_order(), signals=signals)))
    assert (getattr(found, "because", None) is Reason.ALREADY_ANSWERED) is refused


@pytest.mark.parametrize(
    ("back", "because"),
    [
        ({}, None),
        ({"reason": "unsaid"}, Reason.ALREADY_ANSWERED),
        ({"reason": "late"}, Reason.ALREADY_ANSWERED),
        ({"expired_at": NOON}, Reason.ORDER_WENT_WRONG),
    ],
)
def test_why_something_goes_back_is_asked_while_it_does_and_nobody_said(back, because):
    asks = a_proposal(
        key=f"return-survey#{KEY}:RET-1",
        purpose=Purpose.SERVICE,
        template="return-survey",
        references={"order": KEY, "return": "RET-1"},
        unless=(Unless.RETURN_EXPLAINED,),
    )
    order = an_order(returns=(Return(ref="RET-1", requested_at=NOON, **back),))
    assert getattr(relevant(a_candidate(asks, a_customer(order))), "because", None) is because


def verdict(order=None, **more):
    return relevant(a_candidate(reminder(), a_customer(order or an_order(), **more)))


def test_who_was_asked_and_said_nothing_is_reminded():
    assert isinstance(verdict(), Pass)


@pytest.mark.parametrize("score", [1, 3, 5, None])
def test_who_answered_in_whatever_way_is_not_reminded(score):
    assert verdict(feedback=answered(score)).because is Reason.ALREADY_ANSWERED


@pytest.mark.parametrize(
    "order", [an_order(refunds=(Refund(ref="r", at=NOON),)), an_order(returns=(Return(ref="R-1", requested_at=NOON),))]
)
def test_whose_order_went_wrong_meanwhile_is_not_reminded(order):
    assert verdict(order).because is Reason.ORDER_WENT_WRONG


def test_an_open_case_holds_and_does_not_refuse():
    case = Case(ref="shop:T-1", opened_at=NOON)
    assert isinstance(verdict(cases=(case,)), Pass)
    candidate = a_candidate(reminder(not_after=NOON + timedelta(days=5)), a_customer(an_order(), cases=(case,)))
    held = silence(candidate)
    assert isinstance(held, Hold) and held.because is Reason.OPEN_CASE


@pytest.mark.parametrize(("score", "quiets"), [(1, True), (2, True), (3, False), (5, False)])
def test_a_bad_answer_keeps_offers_quiet_as_a_bad_tap_does(score, quiets):
    customer = a_customer(an_order(), feedback=answered(score))
    found = silence(a_candidate(reorder_proposal(not_after=NOON + timedelta(days=9)), customer))
    assert isinstance(found, Hold) is quiets
    if quiets:
        assert (found.because, found.saw["about"]) == (Reason.BAD_EXPERIENCE, KEY)
    assert went_badly(customer, NOON) is quiets


def test_a_bad_answer_that_was_changed_to_a_good_one_is_not_bad_any_more():
    policy = frequency_policy()
    assert quiet(a_customer(an_order(), feedback=answered(5)), policy.silence, NOON) is None
    assert stretch(a_customer(an_order(), feedback=answered(1)), policy.spacing, NOON) == (2.0, ("bad_cue",))
    assert stretch(a_customer(an_order(), feedback=answered(5)), policy.spacing, NOON) == (0.75, ("good_cue",))


def test_a_bad_answer_is_forgotten_after_its_days():
    old = answered(1, NOON - timedelta(days=frequency_policy().silence.bad_cue_days))
    assert quiet(a_customer(an_order(), feedback=old), frequency_policy().silence, NOON) is None


def test_a_question_goes_where_it_can_be_answered():
    for template in QUESTIONS:
        assert forms(template) == (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP)
