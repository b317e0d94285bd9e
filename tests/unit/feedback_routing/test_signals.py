"""What feedback means: one answer for every combination of what may be said and known."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercare.answer_words import Sentiment, Standing, Wish
from aftercare.feedback_policy import feedback_policy
from aftercare.segment_words import Lifecycle
from aftercare.signal_words import Respondent, Signal
from feedback_routing.signals import SURE, History, Said, meant

CUSTOMER = History(orders=1)
SCORES = st.none() | st.integers(1, 5)
SAID = st.builds(
    Said,
    score=SCORES,
    sentiment=st.none() | st.sampled_from(get_args(Sentiment)),
    confidence=st.floats(0, 1),
    wish=st.none() | st.sampled_from(get_args(Wish)),
    call=st.booleans(),
)
HISTORY = st.builds(History, orders=st.integers(0, 9), standing=st.sampled_from(get_args(Standing)), case_open=st.booleans())


@given(SAID, HISTORY)
def test_it_is_total_and_its_words_are_of_the_closed_lists(said, history):
    found = meant(said, history)
    assert found.mood in get_args(Sentiment)
    assert found.respondent in get_args(Respondent)
    assert set(found.signals) <= set(get_args(Signal))
    assert len(set(found.signals)) == len(found.signals)


@given(SAID, HISTORY)
def test_who_is_unhappy_is_helped_and_sold_nothing(said, history):
    found = meant(said, history)
    if found.mood == "negative":
        assert found.signals[0] == "at-risk"
        assert set(found.signals) <= {"at-risk", "wants-call"}
        assert feedback_policy().offer(found.signals, "repeat") is None


@given(SAID, HISTORY)
def test_nobody_whose_order_went_wrong_or_who_has_a_case_is_asked_to_recommend(said, history):
    if history.standing != "stands" or history.case_open:
        assert not {"recommends", "ready-for-more"} & set(meant(said, history).signals)


@given(SAID, HISTORY)
def test_a_wish_to_be_called_is_never_lost(said, history):
    assert ("wants-call" in meant(said, history).signals) is said.call


def test_a_score_is_the_customers_own_word_whatever_the_text_seems_to_say():
    for score in (1, 2):
        assert meant(Said(score, "positive", 1.0), CUSTOMER).mood == "negative"
    assert meant(Said(5, "positive", 0.5), CUSTOMER).mood == "positive"


def test_words_that_surely_complain_lower_a_score_by_one_step_and_unsure_ones_do_not():
    assert [meant(Said(score, "negative", SURE), CUSTOMER).mood for score in (3, 4, 5)] == ["negative", "neutral", "neutral"]
    assert [meant(Said(score, "negative", 0.5), CUSTOMER).mood for score in (3, 4, 5)] == ["neutral", "positive", "positive"]


@pytest.mark.parametrize("sentiment", get_args(Sentiment))
def test_without_a_score_the_words_decide_and_without_either_nothing_is_felt(sentiment):
    assert meant(Said(sentiment=sentiment, confidence=0.6), CUSTOMER).mood == sentiment
    assert meant(Said(), CUSTOMER).mood == "neutral"


@given(SAID, HISTORY)
def test_who_is_in_two_minds_about_an_order_that_went_wrong_is_offered_nothing_to_sell(said, history):
    if history.standing != "stands" or history.case_open:
        assert "unsure" not in meant(said, history).signals


def test_why_something_goes_back_opens_a_rescue_only_where_it_surely_complains():
    back = History(orders=1, standing="returned")
    assert meant(Said(sentiment="negative", confidence=0.6, on_return=True), back).signals == ()
    assert meant(Said(sentiment="negative", confidence=SURE, on_return=True), back).signals == ("at-risk",)
    assert meant(Said(sentiment="positive", confidence=0.99, on_return=True), back).signals == ()


def test_a_promoter_gives_the_top_score_or_praises_surely():
    assert meant(Said(5), CUSTOMER).respondent == "promoter"
    assert meant(Said(4), CUSTOMER).respondent == "customer"
    assert meant(Said(4, "positive", 0.9), CUSTOMER).respondent == "promoter"
    assert meant(Said(5), History(orders=0)).respondent == "other"


def test_every_cell_of_the_table_leads_to_an_offer_that_exists_and_an_empty_one_says_nothing():
    policy = feedback_policy()
    for signal, segment in product(get_args(Signal), get_args(Lifecycle)):
        name = policy.offer((signal,), segment)
        assert name is None or name in policy.offers
    assert policy.offer(("at-risk",), "high-clv") is None
    assert policy.offer(("recommends",), "other") is None
    assert policy.offer((), "repeat") is None
