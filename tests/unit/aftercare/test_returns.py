"""A return becomes known in pieces, in any order, twice and under two names, and comes to the same."""

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aftercare.customer import ReturnOutcome, ReturnReason, ReturnState
from aftercare.facts import ReturnFact
from aftercare.money import Money
from aftercare.returns import TIMES, is_request_ref, one_each, request_ref, returns_after, returns_news
from tests.builders import NOON, an_order

OURS, THEIRS = "R-AAAAAAAAAA", "7700110022"


def fact(kind="ReturnRequested", ref=THEIRS, minutes=0, **more):
    return ReturnFact(type=kind, occurred_at=NOON + timedelta(minutes=minutes), ref=ref, order_ref="1070", **more)


def after(*facts):
    known = ()
    for one in facts:
        known = returns_after(known, one)
    return known


times = st.integers(0, 9).map(lambda m: (NOON + timedelta(minutes=m)).astimezone(timezone(timedelta(hours=m % 3))))
facts = st.builds(
    ReturnFact,
    type=st.sampled_from(list(TIMES)),
    occurred_at=times,
    ref=st.sampled_from(["A", "B", "C", OURS, "R-BBBBBBBBBB"]),
    order_ref=st.just("1070"),
    request_ref=st.sampled_from([None, None, "A", "Z"]),
    lines=st.sampled_from([{}, {"1": 1}, {"2": 1, "1": 3}]),
    reason=st.none() | st.sampled_from(get_args(ReturnReason)),
    wish=st.none() | st.sampled_from(get_args(ReturnOutcome)),
    outcome=st.none() | st.sampled_from(get_args(ReturnOutcome)),
    amount=st.sampled_from([None, Money(amount="4.00", currency="EUR"), Money(amount="10.00", currency="EUR")]),
)


@given(st.lists(facts, max_size=6).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_any_order_of_arrival_comes_to_the_same(both):
    told, shuffled = both
    assert after(*told) == after(*shuffled)


@given(st.lists(facts, min_size=1, max_size=6), st.data())
def test_what_is_known_is_no_news_and_changes_nothing(told, data):
    known = after(*told)
    again = data.draw(st.sampled_from(told))
    assert returns_after(known, again) == known
    order = an_order(returns=known)
    assert returns_news(order, order.model_copy(update={"returns": returns_after(known, again)})) == []


@given(st.lists(facts, max_size=6), facts)
def test_a_state_goes_forward_only_and_each_is_news_once(told, new):
    before, then = after(*told), after(*told, new)
    states = get_args(ReturnState)
    for known in before:
        (now,) = [r for r in then if r.names & known.names]
        assert states.index(now.state) >= states.index(known.state)
    news = returns_news(an_order(returns=before), an_order(returns=then))
    assert [kind for kind, _, _ in news] in ([], [new.type])
    assert all(new.ref in r.names for r in then if r.ref in [ref for _, _, ref in news])


@given(st.lists(facts, max_size=8))
def test_no_two_returns_have_one_name(told):
    names = [name for known in after(*told) for name in known.names]
    assert len(names) == len(set(names))


def test_a_shop_that_answers_under_its_own_reference_names_ours_once():
    asked = fact(ref=OURS, lines={"1": 2}, reason="damaged", wish="exchange")
    early = fact("ReturnApproved", minutes=4)
    named = fact(minutes=3, request_ref=OURS)
    (only,) = after(asked, early, named, fact("ReturnReceived", minutes=9))
    assert (only.ref, only.also, only.state) == (OURS, (THEIRS,), "received")
    assert (only.lines, only.reason, only.wish) == ({"1": 2}, "damaged", "exchange")
    assert only.requested_at == NOON
    apart = after(asked, early)
    assert [r.ref for r in apart] == [THEIRS, OURS]
    joined = an_order(returns=after(asked, early, named))
    assert returns_news(an_order(returns=apart), joined) == [], "each state was told before they were known to be one"


def test_an_answer_under_the_shops_own_reference_is_read_as_one_with_the_request():
    asked = fact(ref=OURS, lines={"1": 2}, reason="damaged", wish="exchange")
    for answer in (fact(minutes=3), fact("ReturnApproved", minutes=3), fact("ReturnDeclined", minutes=3, lines={"1": 2})):
        told = after(asked, answer)
        (one,) = one_each(told)
        assert (one.ref, one.also, one.lines, one.wish) == (OURS, (THEIRS,), {"1": 2}, "exchange")
        assert one.requested_at == NOON and len(told) == 2, "the record stays as it was told"
        assert an_order(returns=told).returned(THEIRS) == an_order(returns=told).returned(OURS) == one


@pytest.mark.parametrize(
    "others",
    [
        (fact("ReturnApproved", minutes=-6),),
        (fact("ReturnApproved", minutes=3, lines={"2": 1}),),
        (fact(ref="R-BBBBBBBBBB", minutes=1, lines={"1": 1}), fact("ReturnApproved", minutes=3)),
        (fact("ReturnApproved", ref=OURS, minutes=2), fact("ReturnApproved", minutes=3)),
        (fact(ref="R-BBBBBBBBBB", minutes=1, lines={"1": 1}),),
    ],
    ids=["came before", "other lines", "two are open", "answered by our name", "two requests"],
)
def test_what_cannot_be_meant_stays_apart(others):
    told = after(fact(ref=OURS, lines={"1": 2}), *others)
    assert one_each(told) == told


def test_of_two_answers_each_goes_to_its_request_by_time_and_lines():
    first, second = fact(ref=OURS, lines={"1": 1}), fact(ref="R-BBBBBBBBBB", minutes=60, lines={"2": 1})
    told = after(first, fact("ReturnApproved", ref="A", minutes=10), second, fact("ReturnApproved", ref="B", minutes=70))
    assert {(r.ref, r.also) for r in one_each(told)} == {(OURS, ("A",)), ("R-BBBBBBBBBB", ("B",))}


@given(st.lists(facts, max_size=6).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_reading_them_as_one_does_not_depend_on_the_order_either_and_loses_no_name(both):
    told, shuffled = both
    assert one_each(after(*told)) == one_each(after(*shuffled))
    assert {n for r in one_each(after(*told)) for n in r.names} == {n for r in after(*told) for n in r.names}


def test_what_is_over_may_go_on_when_the_goods_arrive_all_the_same():
    declined, expired = (after(fact(), fact(kind, minutes=5)) for kind in ("ReturnDeclined", "ReturnExpired"))
    assert [(r.state, r.is_over) for r in (*declined, *expired)] == [("declined", True), ("expired", True)]
    (arrived,) = after(fact(), fact("ReturnDeclined", minutes=5), fact("ReturnReceived", minutes=9))
    assert (arrived.state, arrived.is_over) == ("received", False)
    (late,) = after(fact("ReturnDeclined", minutes=5), fact("ReturnApproved", minutes=6))
    assert late.state == "declined"


@given(st.text(max_size=30))
@example("0")
def test_a_request_is_named_by_its_form(nonce):
    ref = request_ref("example:1070", nonce)
    assert is_request_ref(ref)
    assert ref == request_ref("example:1070", nonce) != request_ref("example:1071", nonce)


def test_times_are_kept_in_utc():
    (one,) = after(fact(minutes=0).model_copy(update={"occurred_at": NOON.astimezone(timezone(timedelta(hours=9)))}))
    assert one.requested_at.tzinfo is UTC
    assert isinstance(one.requested_at, datetime)
