"""The clock of a rescue, what kind of buyer it is for, and the list of what is open."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare.cases import Case, attributes
from aftercare.catalogue import catalogue
from aftercare.clock import iso, parse_iso
from aftercare.content import ContentError, read_content
from aftercare.feedback_events import FeedbackData
from aftercare.feedback_policy import FeedbackPolicy, feedback_policy
from aftercare.money import Money
from aftercare.proposal import Nothing, Proposal
from aftercare.segments import segments_of
from aftercare.signals import Signals
from feedback_routing import rescue
from feedback_routing.because import Because
from feedback_routing.offers import held_out, offer
from tests.builders import NOON, a_customer, an_order

POLICY = feedback_policy()
ORDER = an_order().key


def said(order=ORDER, **more):
    given = {"customer_id": "c1", "origin": "survey", "ref": order, "order": order, "version": 1, "score": 1}
    return FeedbackData.model_validate({**given, **more})


@pytest.mark.parametrize(
    ("opened", "answer_by"),
    [
        ("2026-03-02T09:00:00+01:00", "2026-03-02T09:15:00+01:00"),
        ("2026-03-02T08:00:00+01:00", "2026-03-02T09:15:00+01:00"),
        ("2026-03-02T17:44:59+01:00", "2026-03-02T17:59:59+01:00"),
        ("2026-03-02T17:50:00+01:00", "2026-03-03T09:05:00+01:00"),
        ("2026-03-06T18:00:00+01:00", "2026-03-09T09:15:00+01:00"),
        ("2026-12-23T17:55:00+01:00", "2026-12-24T09:10:00+01:00"),
        ("2026-12-24T18:00:00+01:00", "2026-12-28T09:15:00+01:00"),
        ("2026-03-27T17:50:00+01:00", "2026-03-30T09:05:00+02:00"),
        ("2026-10-23T17:50:00+02:00", "2026-10-26T09:05:00+01:00"),
    ],
)
def test_the_first_answer_is_due_within_so_many_minutes_of_the_hours_in_which_somebody_is_there(opened, answer_by):
    assert POLICY.rescue.answer_by(parse_iso(opened), "repeat") == parse_iso(answer_by)


def test_a_buyer_of_high_value_comes_first_and_has_the_shorter_clock():
    rich = a_customer(*(an_order(str(n), total=Money(amount="150", currency="EUR")) for n in range(4)))
    segment = segments_of(rich).lifecycle
    case = rescue.opened(rich, said("shop:1"), segment, POLICY.rescue, NOON)
    assert case.rescue.act_by == NOON + timedelta(hours=24)
    later = rescue.opened(rich, said("shop:2"), "repeat", POLICY.rescue, NOON)
    assert (case.rescue.priority, later.rescue.priority) == ("high", "normal")
    assert case.rescue.answer_by < later.rescue.answer_by, "of two that nobody answers theirs is told first"
    usual = rescue.opened(rich, said("shop:1"), "occasional", POLICY.rescue, NOON)
    assert usual.rescue.act_by == NOON + timedelta(hours=48), "as for one who comes back, unless the store says otherwise"


def test_what_was_spoken_well_of_is_not_what_has_to_be_put_right():
    mixed = said(themes=("product-quality", "price"), praised=("product-quality",))
    for one, wrong, way in (
        (mixed, ("price",), "refund"),
        (said(themes=("product-quality",), praised=("product-quality",)), ("product-quality",), "replacement"),
        (said(themes=("delivery",)), ("delivery",), "call"),
    ):
        case = rescue.opened(a_customer(an_order()), one, "repeat", POLICY.rescue, NOON)
        assert (case.rescue.themes, case.rescue.way) == (wrong, way)


def test_what_an_offer_is_worth_beside_others_is_said_by_the_stores_table():
    customer, order = a_customer(an_order()), an_order()
    for name, made in POLICY.offers.items():
        signals = Signals(
            at=NOON,
            origin="survey",
            about=ORDER,
            feedback_version=1,
            mood="positive",
            respondent="promoter",
            segment="first-time",
            offer=name,
        )
        worth = POLICY.model_copy(update={"offers": {name: made.model_copy(update={"worth": 17, "basket": None})}})
        proposal = offer(customer, signals, order, worth, catalogue(), NOON, "e", "c", {})
        assert isinstance(proposal, Proposal) and proposal.value == 17


def test_a_case_has_one_clock_whatever_is_said_again():
    customer = a_customer(an_order())
    case = rescue.opened(customer, said(), "repeat", POLICY.rescue, NOON)
    again = replace(customer, cases=(case,))
    assert rescue.opened(again, said(version=2), "repeat", POLICY.rescue, NOON + timedelta(days=1)) is None


def test_its_next_instant_is_the_answer_then_the_end_and_then_none():
    case = rescue.opened(a_customer(an_order()), said(), "repeat", POLICY.rescue, NOON)
    assert case.due == case.rescue.answer_by
    assert attributes(case) == {"due_kind": "rescue", "due_at": iso(case.rescue.answer_by)}
    answered = case.model_copy(update={"answered_at": NOON + timedelta(minutes=5)})
    assert answered.due == case.rescue.act_by
    over = answered.model_copy(update={"closed_at": NOON + timedelta(hours=1)})
    assert over.due is None and attributes(over) == {}
    assert attributes(Case(ref="s:1", opened_at=NOON)) == {}, "a case of the helpdesk's own has no clock of ours"


def test_what_was_done_in_time_is_not_missed_and_what_was_missed_is_told_once():
    case = rescue.opened(a_customer(an_order()), said(), "repeat", POLICY.rescue, NOON)
    late = rescue.missed(case, "answer", NOON + timedelta(hours=1))
    assert late.rescue.late == NOON + timedelta(hours=1)
    assert rescue.missed(late, "answer", NOON + timedelta(hours=2)) is Because.KNOWN
    answered = case.model_copy(update={"answered_at": NOON})
    assert rescue.missed(answered, "answer", NOON + timedelta(hours=1)) is Because.ANSWERED
    closed = answered.model_copy(update={"closed_at": NOON + timedelta(minutes=1)})
    assert rescue.missed(closed, "end", NOON + timedelta(days=9)) is Because.CASE_CLOSED
    assert rescue.missed(None, "end", NOON) is Because.CASE_GONE


def test_the_way_out_fits_what_went_wrong_and_a_wish_to_be_called_comes_first():
    customer = a_customer(an_order())
    ways = {"missing": "replacement", "price": "refund", "delivery": "call"}
    for theme, way in ways.items():
        case = rescue.opened(customer, said(themes=(theme,)), "repeat", POLICY.rescue, NOON)
        made = rescue.way_out(customer, case, NOON, "e", "c")
        assert isinstance(made, Proposal) and made.blocks[0].variant == way
    assert rescue.opened(customer, said(themes=("missing",), call=True), "repeat", POLICY.rescue, NOON).rescue.way == "call"


def test_a_mention_by_nobody_with_an_order_opens_a_case_and_offers_nothing():
    customer = a_customer()
    case = rescue.opened(customer, said(origin="mention", ref="shop:m1", order=None, score=None), "other", POLICY.rescue, NOON)
    assert case.ref.startswith("shop:rescue-")
    assert rescue.way_out(customer, case, NOON, "e", "c") == Nothing(Because.NO_ORDER)


def test_a_share_of_the_customers_is_held_out_of_offers_and_always_the_same():
    out = [name for name in map(str, range(2000)) if held_out(name, 0.1)]
    assert 140 < len(out) < 260
    assert out == [name for name in map(str, range(2000)) if held_out(name, 0.1)]
    assert not any(held_out(str(n), 0.0) for n in range(100))


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        ("recommends: {high-clv: share", "recommends: {high-clv: shar", "table"),
        ("unsure: {high-clv: guide", "at-risk: {high-clv: guide", "at-risk"),
        ("zone: Europe/Berlin", "zone: Berlin", "IANA zone"),
        ("act_hours: {high-clv: 24, ", "act_hours: {", "act_hours"),
        ("answer_minutes: {high-clv: 10, ", "answer_minutes: {", "answer_minutes"),
        ("worth: 4", "worth: -1", "worth"),
        ('monday: "09:00-18:00"', 'monday: "18:00-09:00"', "opening before its closing"),
        ("url: https://larkfield.example/refer", "url: javascript:alert(1)", "url"),
        ("{items}&code=THANKS5", "{items}&code={secret}", "url"),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_refused_in_one_line(tmp_path, was, becomes, problem):
    from aftercare.content import HERE

    text = (HERE / "feedback.yaml").read_text(encoding="utf-8")
    assert was in text
    path = tmp_path / "feedback.yaml"
    path.write_text(text.replace(was, becomes, 1), encoding="utf-8")
    with pytest.raises(ContentError, match=r"feedback\.yaml") as found:
        read_content(path, FeedbackPolicy)
    assert problem in str(found.value) and "\n" not in str(found.value)
