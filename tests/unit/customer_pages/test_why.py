"""Why a message came: what it is about, its ground and what was looked at, in the customer's words, from its own record."""

from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.consent import Channel, Purpose
from aftercare.customer import Order
from aftercare.decision import Decision, Message, Reason, State, Step
from aftercare.links import LinkPurpose
from aftercare.proposal import Block
from aftercare.table import Put
from tests.builders import a_proposal, an_order, consent_of, said
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START
from tests.unit.customer_pages.test_pages import token
from tests.unit.customer_pages.test_preferences import call
from tests.unit.message_gate.test_rules import reorder_proposal

LATER = START + timedelta(days=30)
GIVEN = consent_of(said(Purpose.REORDER, at=START, sequence="s1"))


def trace(ground, **hours):
    rules = ("duplicate", "expired", "kill_switch", "relevant", "suppressed", "paused", "channels", "silence", "send_time", "cap")
    saw = {"channels": {"email": ground}, "send_time": hours}
    return tuple(Step(rule=rule, said="pass", saw=saw.get(rule, {})) for rule in rules)


def sent(small, proposal, ground, *earlier, proof=None, **hours):
    claim = Decision(at=LATER, state=State.CLAIMED, reason=Reason.CLAIMED, channel="email", trace=trace(ground, **hours))
    taken = Decision(at=LATER, state=State.SENT, reason=Reason.SENT, channel="email")
    message = Message(
        proposal=proposal,
        state=State.SENT,
        decisions=(*earlier, claim, taken),
        channel="email",
        sent_at=LATER,
        consent_proof=proof,
    )
    place = keys.ledger(CUSTOMER, proposal.message_id)
    small.tables.twin.write(
        [Put(place, {"doc": message.to_json(), "expires_at": int((LATER + timedelta(days=400)).timestamp())})]
    )
    return token(LinkPurpose.PREFERENCES, about=f"email:{proposal.message_id}", days=800)


def why(link, method="GET"):
    return call(method, f"/p/{link}/why", parameters={"token": link})


def held(reason, days):
    return Decision(at=START + timedelta(days=days), state=State.HELD, reason=reason, until=LATER)


@pytest.fixture
def anna(small):
    small.clock.at = LATER
    a_profile(small, order=an_order(locale="en", country="FR", placed_at=START), consent=GIVEN, country="FR")


def test_a_reminder_tells_its_order_its_consent_its_waits_and_its_rules_and_how_to_stop_it(small, anna):
    proposal = reorder_proposal(customer_id=CUSTOMER, blocks=(Block(kind="reorder", family="coffee"),))
    waits = (held(Reason.CAP_FULL, 20), held(Reason.CAP_FULL, 21), held(Reason.SWITCHED_OFF, 22))
    link = sent(small, proposal, "consent", *waits, proof="s1", rules=("own-quiet-hours",))
    body = why(link)["body"]
    for said_so in (
        "It was sent on 1 April 2026 by this way: E-mail.",
        "probably running out",
        "your order #1070 of 2 March 2026",
        "chosen by what you ordered",
        "You agreed on 2 March 2026 to: Reorder reminders.",
        "22 March 2026: you had had enough messages for a while.",
        "24 March 2026: it waited for a better moment.",
        "What it says was still true.",
        "You had not asked for a pause.",
        "No question of yours was open",
        "It was not a quiet hour where you live.",
        "You had not had too many messages lately.",
    ):
        assert said_so in body
    assert body.count("enough messages for a while") == 1, "each reason once"
    assert f'<form method="post" action="/p/{link}">' in body
    assert '<input type="hidden" name="email-reorder" value="off">' in body
    assert f'href="/p/{link}"' in body


def test_news_of_an_order_need_no_consent_and_pass_marketings_rules_by(small, anna):
    body = why(sent(small, a_proposal(customer_id=CUSTOMER), "none-needed"))["body"]
    assert "News of an order needs no consent" in body
    for never in ("a pause", "too many messages", "quiet hour", "<form", "No question"):
        assert never not in body


@pytest.mark.parametrize(
    ("ground", "shown"),
    [
        ("soft-opt-in", "lets a shop write to its customers"),
        ("implied", "consent of limited time"),
        ("consent", "You had agreed before to: Reorder reminders."),
        ("something-new", "What was made sure of"),
    ],
)
def test_each_ground_has_its_words(small, anna, ground, shown):
    assert shown in why(sent(small, reorder_proposal(customer_id=CUSTOMER), ground, proof="another"))["body"]


def test_it_speaks_the_customers_language(small):
    small.clock.at = LATER
    a_profile(small, order=an_order(locale="de", placed_at=START), country="DE")
    body = why(sent(small, a_proposal(customer_id=CUSTOMER), "none-needed"))["body"]
    assert "Warum Sie diese Nachricht bekommen haben" in body and "Bestellung #1070 vom 2. März 2026" in body


def test_an_order_that_is_not_on_record_any_more_is_not_named(small):
    small.clock.at = LATER
    a_profile(small, country="FR")
    assert "your order" not in why(sent(small, a_proposal(customer_id=CUSTOMER), "none-needed"))["body"]


def test_hostile_names_are_text(small):
    small.clock.at = LATER
    order: Order = an_order(locale="en", name="<script>alert(1)</script>{{7*7}}")
    a_profile(small, order=order)
    body = why(sent(small, a_proposal(customer_id=CUSTOMER), "none-needed"))["body"]
    assert "<script" not in body and "{{7*7}}" in body


def test_without_a_record_it_opens_nothing_and_it_never_changes_anything(small, anna):
    proposal = a_proposal(customer_id=CUSTOMER)
    link = sent(small, proposal, "none-needed")
    before = small.untouched()
    for bad in (
        token(LinkPurpose.PREFERENCES),
        token(LinkPurpose.PREFERENCES, about="email:unknown"),
        token(LinkPurpose.UNSUBSCRIBE, about=f"email:{proposal.message_id}"),
        token(LinkPurpose.PREFERENCES, about=f"email:{proposal.message_id}", customer_id="another"),
        "x",
    ):
        assert why(bad)["statusCode"] == 404
    assert why(link)["statusCode"] == 200
    assert why(link, "HEAD")["statusCode"] == 200
    for method in ("POST", "OPTIONS"):
        assert why(link, method)["statusCode"] == 404
    small.later(days=401)
    assert why(link)["statusCode"] == 404, "its time is over, whatever the table still has"
    assert small.untouched() == before


def test_the_words_know_every_rule_reason_and_ground_that_they_speak_of():
    """A renamed rule or reason would leave its sentence unsaid."""
    from customer_pages.words import languages
    from message_gate.rules import RULES

    words = languages()["en"].words
    assert {k.removeprefix("why_rule_") for k in words if k.startswith("why_rule_")} <= {r.__name__ for r in RULES}
    assert {k.removeprefix("why_held_") for k in words if k.startswith("why_held_")} <= {str(r) for r in Reason}
    assert {f"why_about_{p}" for p in Purpose} <= set(words)
    assert {f"terms_{c}" for c in (Channel.SMS, Channel.WHATSAPP)} <= set(words)
