"""Caps, silence and who gets the slot: what the gate does when more is proposed than a customer should hear."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare.caps import Caps, Counted
from aftercare.cases import Case
from aftercare.consent import Channel, Purpose
from aftercare.decision import Hold, Pass, Reason
from aftercare.parcel_status import ShipmentStatus
from aftercare.proposal import Block
from aftercare.shipment import DelayNotice, Shipment
from message_gate.candidate import Rival, rank
from message_gate.frequency import frequency_policy
from message_gate.mailing import allowed_blocks
from message_gate.rules import cap, silence
from tests.builders import NOON, a_customer, a_proposal, an_order, consent_of, said
from tests.unit.message_gate.test_rules import a_candidate, reorder_proposal

CONSENT = consent_of(said(Purpose.REORDER), said(Purpose.PROMOTIONAL, sequence="s2"), said(Purpose.SURVEY, sequence="s3"))


def sent(at, purpose=Purpose.PROMOTIONAL, message="m1"):
    return Counted(at=at, purpose=purpose, channel=Channel.EMAIL, message=message)


def customer(*orders, **more):
    return a_customer(*(orders or (an_order(),)), consent=CONSENT, **more)


def offer(**more):
    return a_proposal(**{"key": "offer#spring", "template": "offer", "purpose": Purpose.PROMOTIONAL, "references": {}, **more})


def test_an_offer_waits_until_the_last_one_is_sixteen_hours_old():
    heard = customer(caps=Caps(version=1, counted=(sent(NOON - timedelta(hours=6)),)))
    verdict = cap(a_candidate(reorder_proposal(), heard))
    assert verdict == Hold(
        until=NOON + timedelta(hours=10),
        because=Reason.CAP_FULL,
        saw={"limit": "offers-apart", "opens": "2026-03-02T22:00:00.000000Z"},
    )


def test_news_of_an_order_goes_out_however_much_was_sent():
    heard = customer(caps=Caps(version=9, counted=tuple(sent(NOON, message=f"m{i}") for i in range(9))))
    assert cap(a_candidate(customer=heard)) == Pass()


def test_a_message_that_cannot_wait_so_long_is_held_to_its_own_end_and_not_beyond():
    heard = customer(caps=Caps(version=1, counted=(sent(NOON),)))
    short = reorder_proposal(not_after=NOON + timedelta(hours=1))
    assert cap(a_candidate(short, heard)).until == NOON + timedelta(hours=1)


def test_an_order_that_felt_bad_doubles_the_distance():
    order = an_order(cue="bad", cue_at=NOON - timedelta(days=10))
    heard = customer(order, caps=Caps(version=1, counted=(sent(NOON - timedelta(hours=20)),)))
    verdict = cap(a_candidate(reorder_proposal(), heard))
    assert (verdict.until, verdict.saw["signs"]) == (NOON + timedelta(hours=12), ("bad_cue",))


def test_the_better_of_two_waiting_messages_gets_the_only_place():
    reorder, promo = reorder_proposal(), offer()
    better = Rival(reorder, NOON + timedelta(hours=2))
    verdict = cap(a_candidate(promo, customer(), rivals=(better,)))
    assert verdict.because is Reason.BETTER_WAITS
    assert verdict.until == NOON + timedelta(hours=2, minutes=1)
    assert cap(a_candidate(reorder, customer(), rivals=(Rival(promo, NOON),))).saw["offers-apart"] == 1


def test_among_equals_the_greater_value_goes_first_then_the_older():
    small, large = offer(key="offer#a", value=10), offer(key="offer#b", value=500)
    older = offer(key="offer#c", value=10, proposed_at=NOON - timedelta(days=1))
    assert sorted([small, large, older], key=rank) == [large, older, small]


def test_a_better_message_that_comes_after_the_window_keeps_nobody_waiting():
    later = Rival(reorder_proposal(), NOON + timedelta(hours=17))
    assert isinstance(cap(a_candidate(offer(), customer(), rivals=(later,))), Pass)


def test_a_survey_and_an_offer_do_not_take_each_others_place():
    survey = Rival(offer(key="survey#1", purpose=Purpose.SURVEY), NOON)
    assert isinstance(cap(a_candidate(offer(), customer(), rivals=(survey,))), Pass)


def open_case(**more):
    return Case(ref="example:C-1", opened_at=NOON - timedelta(days=1), **more)


def late_parcel(**more):
    notice = DelayNotice(at=NOON, arrives_by=NOON + timedelta(days=3), days_from=1, days_to=2, because="route")
    given = {"key": "example:F1", "shop": "example", "ref": "F1", "as_of": NOON, "described_at": NOON, "notices": (notice,)}
    return Shipment(**{**given, **more})


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"cases": (open_case(),)}, Reason.OPEN_CASE),
        ({"shipments": (late_parcel(),)}, Reason.PARCEL_AT_RISK),
        ({"shipments": (late_parcel(notices=(), status=ShipmentStatus.LOST, status_at=NOON),)}, Reason.PARCEL_AT_RISK),
        ({"orders": (an_order(cue="bad", cue_at=NOON),)}, Reason.BAD_EXPERIENCE),
    ],
)
def test_trouble_keeps_offers_back_for_a_day_at_a_time_and_says_so(more, reason):
    troubled = replace(customer(), **more)
    for proposal in (reorder_proposal(not_after=NOON + timedelta(days=9)), offer(not_after=NOON + timedelta(days=9))):
        verdict = silence(a_candidate(proposal, troubled))
        assert (verdict.because, verdict.until) == (reason, NOON + timedelta(days=1))
    assert silence(a_candidate(customer=troubled)) == Pass()


@pytest.mark.parametrize(
    "more",
    [
        {"cases": (open_case(closed_at=NOON),)},
        {"cases": (Case(ref="example:C-1", opened_at=NOON - timedelta(days=31)),)},
        {"shipments": (late_parcel(delivered_at=NOON),)},
        {"orders": (an_order(cue="bad", cue_at=NOON - timedelta(days=8)),)},
    ],
)
def test_trouble_that_is_over_keeps_nothing_back(more):
    assert silence(a_candidate(reorder_proposal(), replace(customer(), **more))) == Pass()


def test_a_case_that_is_opened_again_is_open():
    assert open_case(closed_at=NOON - timedelta(days=2)).open
    assert not open_case(closed_at=NOON).open


def test_a_confirmation_leaves_its_add_ons_out_while_a_case_is_open():
    block = Block(kind="add-ons", purpose=Purpose.PROMOTIONAL)
    proposal = a_proposal(blocks=(block,))
    assert allowed_blocks(a_candidate(proposal, customer()), "anna@example.com") == (block,)
    assert allowed_blocks(a_candidate(proposal, customer(cases=(open_case(),))), "anna@example.com") == ()


def test_no_limit_of_the_file_counts_news_of_an_order():
    assert not any(limit.applies(Purpose.TRANSACTIONAL, Channel.EMAIL) for limit in frequency_policy().caps)
