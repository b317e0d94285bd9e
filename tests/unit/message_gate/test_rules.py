"""Each rule of the gate, alone and in their order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare.alerts import Alert
from aftercare.catalogue import catalogue
from aftercare.consent import Channel, Purpose, Says, Suppression, suppress
from aftercare.customer import OrderLine, Refund
from aftercare.decision import Decision, Hold, Message, Pass, Reason, Refuse, State
from aftercare.ground import consent_policy
from aftercare.proposal import Block, Unless
from aftercare.switch import Mode, Switch
from aftercare.wishes import NEVER
from message_gate.candidate import Candidate
from message_gate.frequency import frequency_policy
from message_gate.mailing import allowed_blocks
from message_gate.relevance import relevant
from message_gate.rules import RULES, decide
from tests.builders import NOON, a_customer, a_proposal, an_order, consent_of, said

ON = Switch(otherwise=Mode.ON)


def a_candidate(proposal=None, customer=None, **more):
    given = {
        "proposal": proposal or a_proposal(),
        "customer": customer or a_customer(an_order()),
        "settled": None,
        "held": False,
        "switch": ON,
        "policy": consent_policy(),
        "catalogue": catalogue,
        "addresses": {Channel.EMAIL: ("anna@example.com", "h1")},
        "frequency": frequency_policy(),
        "rivals": (),
        "now": NOON,
    }
    return Candidate(**{**given, **more})


def reorder_proposal(**more):
    given = {
        "key": "reorder-reminder#example:1070:coffee",
        "purpose": Purpose.REORDER,
        "template": "reorder-reminder",
        "references": {"order": "example:1070", "family": "coffee"},
        "unless": (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED, Unless.REORDERED),
    }
    return a_proposal(**{**given, **more})


def as_settled(proposal, state):
    decision = Decision(at=NOON, state=state, reason=Reason.SENT)
    return Message(proposal=proposal, state=state, decisions=(decision,))


def test_a_confirmation_for_a_standing_order_passes_every_rule_in_order():
    verdict, trace = decide(a_candidate())
    assert verdict == Pass()
    assert [step.rule for step in trace] == [rule.__name__ for rule in RULES]
    assert {step.said for step in trace} == {"pass"}


@pytest.mark.parametrize("state", [State.SENT, State.CLAIMED, State.UNKNOWN, State.PARKED, State.REFUSED, State.EXPIRED])
def test_a_key_that_was_settled_in_any_way_is_only_acknowledged(state):
    verdict, trace = decide(a_candidate(settled=as_settled(a_proposal(), state)))
    assert isinstance(verdict, Refuse)
    assert verdict.because is Reason.ALREADY_SETTLED
    assert len(trace) == 1


def test_a_second_proposal_of_a_held_message_is_only_acknowledged_but_its_slot_looks_again():
    held = as_settled(a_proposal(), State.HELD)
    customer = a_customer(an_order(), held=(held,))
    assert decide(a_candidate(customer=customer))[0].because is Reason.ALREADY_SETTLED
    assert decide(a_candidate(customer=customer, held=True))[0] == Pass()


def test_the_window_closes_exactly_at_not_after():
    closes = NOON + timedelta(hours=24)
    assert decide(a_candidate(now=closes - timedelta(microseconds=1)))[0] == Pass()
    late = decide(a_candidate(now=closes))[0]
    assert (late.because, late.state) == (Reason.TOO_LATE, State.EXPIRED)


def test_before_its_window_a_message_is_held_until_it_opens():
    opens = NOON + timedelta(days=3)
    verdict, _ = decide(a_candidate(a_proposal(not_before=opens, not_after=opens + timedelta(days=1))))
    assert isinstance(verdict, Hold)
    assert (verdict.until, verdict.because) == (opens, Reason.NOT_YET)


def test_a_new_stage_decides_everything_and_sends_nothing():
    verdict, trace = decide(a_candidate(switch=Switch()))
    assert verdict.because is Reason.DRY_RUN
    assert trace[-1].rule == "dry_run"
    assert len(trace) == len(RULES)


def test_switched_off_waits_for_the_release_and_looks_ever_more_seldom():
    switch = Switch(otherwise=Mode.ON, modes={"transactional#email": Mode.OFF})
    verdict, trace = decide(a_candidate(switch=switch))
    assert (verdict.because, verdict.until) == (Reason.SWITCHED_OFF, NOON + timedelta(minutes=15))
    assert trace[-1].rule == "kill_switch"
    later = decide(a_candidate(switch=switch, now=NOON + timedelta(hours=8)))[0]
    assert later.until == NOON + timedelta(hours=12)
    last = decide(a_candidate(switch=switch, now=NOON + timedelta(hours=23)))[0]
    assert last.until == NOON + timedelta(hours=24), "never past the end of its window"


def test_an_allowlist_lets_listed_addresses_through_and_nobody_else():
    assert decide(a_candidate(switch=Switch(otherwise=Mode.ALLOWLIST, allowed=("h1",))))[0] == Pass()
    refused = decide(a_candidate(switch=Switch(otherwise=Mode.ALLOWLIST, allowed=("h2",))))[0]
    assert refused.because is Reason.NOT_ON_ALLOWLIST


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (an_order(cancelled_at=NOON), Reason.ORDER_CANCELLED),
        (an_order(refunds=(Refund(ref="r", at=NOON, whole=True),)), Reason.ORDER_REFUNDED),
        (an_order(is_test=True), Reason.TEST_ORDER),
    ],
)
def test_a_reminder_is_refused_when_its_order_no_longer_stands(order, reason):
    customer = a_customer(order, consent=consent_of(said(Purpose.REORDER)))
    assert decide(a_candidate(reorder_proposal(), customer))[0].because is reason


def test_a_part_refund_leaves_the_order_standing():
    refund = Refund(ref="r", at=NOON, amount={"amount": "10.00", "currency": "EUR"})
    customer = a_customer(an_order(refunds=(refund,)), consent=consent_of(said(Purpose.REORDER)))
    assert decide(a_candidate(reorder_proposal(), customer))[0] == Pass()


def test_a_reminder_is_refused_when_the_family_was_ordered_again():
    later = an_order("1071", placed_at=NOON + timedelta(days=5))
    family = catalogue().family_of(later.lines[0]).name
    customer = a_customer(an_order(), later, consent=consent_of(said(Purpose.REORDER)))
    proposal = reorder_proposal(references={"order": "example:1070", "family": family})
    assert decide(a_candidate(proposal, customer))[0].because is Reason.ALREADY_REORDERED


def test_a_later_order_that_was_cancelled_is_no_reorder():
    later = an_order("1071", placed_at=NOON + timedelta(days=5), cancelled_at=NOON + timedelta(days=6))
    family = catalogue().family_of(later.lines[0]).name
    customer = a_customer(an_order(), later, consent=consent_of(said(Purpose.REORDER)))
    proposal = reorder_proposal(references={"order": "example:1070", "family": family})
    assert decide(a_candidate(proposal, customer))[0] == Pass()


@pytest.mark.parametrize(("reason", "expected"), [("hard_bounce", Reason.HARD_BOUNCE), ("complaint", Reason.COMPLAINT)])
def test_a_dead_or_complaining_address_gets_nothing_not_even_a_confirmation(reason, expected):
    consent = suppress(consent_of(), Suppression(channel=Channel.EMAIL, address_hash="h1", reason=reason, since=NOON))
    assert decide(a_candidate(customer=a_customer(an_order(), consent=consent)))[0].because is expected


@pytest.mark.parametrize("purpose", [Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL])
@pytest.mark.parametrize("given", list(Purpose))
def test_no_purpose_authorises_another(purpose, given):
    customer = a_customer(an_order(), consent=consent_of(said(given)))
    verdict, _ = decide(a_candidate(a_proposal(purpose=purpose), customer))
    if given is purpose:
        assert verdict == Pass()
    else:
        assert verdict.because is Reason.NO_CONSENT


def test_turning_promotion_off_never_stops_a_confirmation():
    customer = a_customer(an_order(), consent=consent_of(said(Purpose.PROMOTIONAL, Says.WITHDRAWN)))
    assert decide(a_candidate(customer=customer))[0] == Pass()


def test_a_withdrawal_is_told_apart_from_consent_never_given():
    customer = a_customer(an_order(), consent=consent_of(said(Purpose.PROMOTIONAL, Says.WITHDRAWN)))
    verdict, _ = decide(a_candidate(a_proposal(purpose=Purpose.PROMOTIONAL), customer))
    assert verdict.because is Reason.CHANNEL_TURNED_OFF


def test_double_opt_in_that_is_pending_is_no_ground():
    customer = a_customer(an_order(), consent=consent_of(said(Purpose.PROMOTIONAL, Says.PENDING)))
    verdict, _ = decide(a_candidate(a_proposal(purpose=Purpose.PROMOTIONAL), customer))
    assert verdict.because is Reason.NO_CONSENT


def soft(offered=True):
    policy = consent_policy()
    rule = policy.soft_opt_in.model_copy(update={"offered_at_checkout": offered})
    return policy.model_copy(update={"soft_opt_in": rule})


def test_the_soft_opt_in_needs_a_checkout_that_offered_the_opt_out():
    proposal = a_proposal(purpose=Purpose.PROMOTIONAL)
    assert decide(a_candidate(proposal, policy=soft()))[0] == Pass()
    assert decide(a_candidate(proposal, policy=soft(offered=False)))[0].because is Reason.NO_CONSENT


def test_the_soft_opt_in_ends_with_an_objection_and_with_age_and_outside_its_countries():
    proposal = a_proposal(purpose=Purpose.PROMOTIONAL, not_after=NOON + timedelta(days=3000))
    objected = a_customer(an_order(), consent=consent_of(said(Purpose.PROMOTIONAL, Says.WITHDRAWN)))
    assert decide(a_candidate(proposal, objected, policy=soft()))[0].because is Reason.CHANNEL_TURNED_OFF
    ireland = a_customer(an_order(country="IE"))
    after_a_year = NOON + timedelta(days=366)
    assert decide(a_candidate(proposal, ireland, policy=soft(), now=after_a_year))[0].because is Reason.NO_CONSENT
    assert decide(a_candidate(proposal, policy=soft(), now=after_a_year))[0] == Pass()
    elsewhere = a_customer(an_order(country="CH"))
    assert decide(a_candidate(proposal, elsewhere, policy=soft()))[0].because is Reason.NO_CONSENT


def test_without_an_address_there_is_nobody_to_tell():
    assert decide(a_candidate(addresses={}))[0].because is Reason.NO_ADDRESS


ALERT = Alert(product="example:P-1", asked_at=NOON - timedelta(days=9))


def back_again(*orders, alerts=(ALERT,)):
    proposal = a_proposal(
        key="product-restocked#example:P-1:c0anna:2026-02-21",
        purpose=Purpose.PROMOTIONAL,
        references={"publication": "example:r1", "product": "example:P-1"},
        unless=(Unless.NOT_ASKED,),
    )
    return relevant(a_candidate(proposal, a_customer(*orders, alerts=alerts)))


def bought(at, **more):
    line = OrderLine(line_ref="1", product_ref="P-1", title="Some beans", quantity=1)
    return an_order("1090", placed_at=at, lines=(line,), **more)


def test_who_waits_for_a_product_hears_that_it_is_back():
    assert isinstance(back_again(), Pass)
    assert isinstance(back_again(bought(NOON - timedelta(days=30))), Pass), "before the wish"
    assert isinstance(back_again(bought(NOON - timedelta(days=1), cancelled_at=NOON)), Pass)
    assert isinstance(back_again(bought(NOON - timedelta(days=1), shop="another")), Pass)


@pytest.mark.parametrize(
    ("orders", "alerts"),
    [
        ((bought(NOON - timedelta(days=1)),), (ALERT,)),
        ((), ()),
        ((), (ALERT.model_copy(update={"product": "example:P-2"}),)),
    ],
    ids=["bought since", "no wish", "another product"],
)
def test_who_waits_no_more_hears_nothing(orders, alerts):
    assert back_again(*orders, alerts=alerts).because is Reason.NOT_ASKED


@pytest.mark.parametrize(
    ("kind", "variant", "called"),
    [("goes-with", "lens-kit", "lens-kit"), ("offer", "referral", "next-referral"), ("content", "vip", "row-vip")],
)
def test_an_offer_that_is_not_wanted_is_not_made_by_a_message_that_waited(kind, variant, called):
    blocks = (Block(kind=kind, variant=variant),)
    proposal = a_proposal(purpose=Purpose.PROMOTIONAL, blocks=blocks, unless=(Unless.OFFER_UNWANTED,))
    anna = a_customer(an_order())
    wish = replace(anna, wishes=anna.wishes.with_offer(called, (NOON + timedelta(days=7)).date(), NOON))
    assert isinstance(relevant(a_candidate(proposal, anna)), Pass)
    assert relevant(a_candidate(proposal, wish)).because is Reason.OFFER_UNWANTED
    assert isinstance(relevant(a_candidate(proposal, wish, now=NOON + timedelta(days=7))), Pass)


@pytest.mark.parametrize("kind", ["add-ons", "accompanying"])
def test_a_product_that_is_not_wanted_stands_beside_nothing(kind):
    block = Block(kind=kind, family="coffee", variant="filter-papers", purpose=Purpose.PROMOTIONAL)
    given = consent_of(said(Purpose.PROMOTIONAL))
    anna = a_customer(an_order(), consent=given)
    wish = replace(anna, wishes=anna.wishes.with_offer("filter-papers", NEVER, NOON))
    assert [allowed_blocks(a_candidate(a_proposal(blocks=(block,)), one), "anna@example.com") for one in (anna, wish)] == [
        (block,),
        (),
    ]
