"""What a customer wished for is heeded where messages are settled: pause, own quiet hours, first channel, language."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from aftercare import keys, store
from aftercare.catalogue import catalogue
from aftercare.consent import Channel, Purpose, Says
from aftercare.consent_log import Spoken, record
from aftercare.decision import Reason, State
from aftercare.ground import consent_policy
from aftercare.outside import Accepted
from aftercare.proposal import Block
from aftercare.switch import Mode, Switch
from aftercare.table import Put
from aftercare.wishes import QuietHours, Wishes
from message_gate import rules
from message_gate.channel_policy import channel_policy
from message_gate.frequency import frequency_policy
from message_gate.mailing import allowed_blocks, reader_of
from message_gate.settlement import open_gate, settle, settle_slot
from tests.builders import NOON, a_customer, a_proposal, an_order, consent_of, said
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START, Small
from tests.unit.message_gate.test_rules import a_candidate, reorder_proposal

MONTH = timedelta(days=30)
GIVEN = consent_of(said(Purpose.REORDER), said(Purpose.PROMOTIONAL), said(Purpose.SURVEY))
OFFERED = {"proposal": reorder_proposal(not_after=NOON + 2 * MONTH)}


def wishing(wishes, **more):
    customer = a_customer(an_order(), consent=GIVEN, wishes=wishes)
    return a_candidate(**{**OFFERED, "customer": customer, **more})


# ---------------------------------------------------------------- pause


def test_a_pause_holds_until_its_end_and_says_so():
    verdict, trace = rules.decide(wishing(Wishes(paused_until=NOON + MONTH)))
    assert (verdict.because, verdict.until) == (Reason.PAUSED, NOON + MONTH)
    assert (trace[-1].rule, trace[-1].saw) == ("paused", {"paused_until": "2026-04-01T12:00:00.000000Z"})


def test_what_is_of_no_use_after_the_pause_is_refused_at_once():
    verdict, _ = rules.decide(wishing(Wishes(paused_until=NOON + 2 * MONTH)))
    assert (verdict.because, verdict.state) == (Reason.PAUSED, State.REFUSED)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_pause_is_for_all_but_news_of_an_order(purpose):
    proposal = a_proposal(key=f"some#{purpose}", purpose=purpose, not_after=NOON + 2 * MONTH)
    verdict, _ = rules.decide(wishing(Wishes(paused_until=NOON + MONTH), proposal=proposal))
    assert getattr(verdict, "because", None) is (None if purpose is Purpose.TRANSACTIONAL else Reason.PAUSED)


def test_the_offer_in_a_confirmation_is_paused_with_the_offers():
    block = Block(kind="add-ons", variant="descaler", purpose=Purpose.PROMOTIONAL)
    proposal = a_proposal(blocks=(block,))
    for wishes, expected in ((Wishes(), (block,)), (Wishes(paused_until=NOON + MONTH), ())):
        assert allowed_blocks(wishing(wishes, proposal=proposal), "anna@example.com") == expected


class Posted:
    """A mailer and a timer that keep what they are given."""

    def __init__(self):
        self.mails, self.slots = [], []

    def send(self, mail):
        self.mails.append(mail)
        return Accepted("p1")

    def set(self, customer_id, at):
        self.slots.append(at)


def a_gate():
    small, posted = Small(), Posted()
    small.mail = small.slots = posted
    small.settings = replace(
        small.settings, sender_address="shop@example.com", postal_address="1 Street", public_base_url="https://shop.example"
    )
    order = an_order(placed_at=START, country="US")
    a_profile(small, order=order, consent=GIVEN, country="US")
    small.tables.twin.write([Put(keys.switch(), {"doc": Switch(otherwise=Mode.ON).to_json()})])
    gate = open_gate(small, [], consent_policy(), frequency_policy(), catalogue, lambda: timedelta(minutes=1))
    return small, posted, gate


def wish(small, wishes):
    record(small, CUSTOMER, lambda *_: Spoken(wishes=wishes), sender="customer", topic="preferences")


REMINDER = reorder_proposal(
    customer_id=CUSTOMER,
    proposed_at=START,
    not_after=START + 2 * MONTH,
    blocks=(Block(kind="reorder", family="coffee"),),
)


def test_who_ends_the_pause_early_gets_what_waited_when_the_slot_rings():
    small, posted, gate = a_gate()
    wish(small, Wishes(paused_until=START + MONTH))
    assert settle(gate, REMINDER).reason is Reason.PAUSED
    small.later(days=3)
    assert settle_slot(gate, CUSTOMER) == ()
    paused = store.load(small.tables, CUSTOMER).wishes
    wish(small, paused.model_copy(update={"paused_until": None}))
    (decision,) = settle_slot(gate, CUSTOMER)
    assert decision.state is State.SENT
    assert len(posted.mails) == 1


def test_a_longer_pause_holds_what_waited_once_more():
    small, posted, gate = a_gate()
    wish(small, Wishes(paused_until=START + timedelta(days=7)))
    assert settle(gate, REMINDER).until == START + timedelta(days=7)
    kept = store.load(small.tables, CUSTOMER).wishes
    wish(small, kept.model_copy(update={"paused_until": START + MONTH}))
    small.later(days=7)
    (decision,) = settle_slot(gate, CUSTOMER)
    assert (decision.reason, decision.until) == (Reason.PAUSED, START + MONTH)
    assert posted.mails == []


@pytest.mark.parametrize("way", ["pause", "withdrawal"])
def test_what_is_said_between_decision_and_claim_holds_for_this_claim(way):
    small, posted, gate = a_gate()

    def meanwhile():
        if way == "pause":
            wish(small, Wishes(paused_until=START + MONTH))
        else:
            no = said(Purpose.REORDER, Says.WITHDRAWN, at=NOON + timedelta(seconds=1), sequence="s2")
            record(small, CUSTOMER, lambda *_: Spoken((no,)), sender="customer", topic="unsubscribe")

    # The first write reserves a place in the sending rate, the second is the claim.
    small.tables.before_write += [lambda: None, meanwhile]
    decision = settle(gate, REMINDER)
    assert decision.reason is (Reason.PAUSED if way == "pause" else Reason.CHANNEL_TURNED_OFF)
    assert posted.mails == []
    assert small.tables.before_write == []


# ---------------------------------------------------------------- hours, channels, language


def test_own_quiet_hours_hold_offers_by_mail_until_they_are_over():
    quiet = QuietHours(start=time(9), end=time(15), zone="Europe/Berlin")
    verdict, trace = rules.decide(wishing(Wishes(quiet=quiet)))
    assert verdict.because is Reason.QUIET_HOURS
    opens = NOON.replace(hour=14)
    assert opens <= verdict.until < opens + timedelta(minutes=frequency_policy().rate.spread_minutes)
    assert trace[-1].saw["rules"] == ("own-quiet-hours",)
    assert trace[-1].saw["own_quiet_hours"] == "09:00 to 15:00 Europe/Berlin"


def test_own_quiet_hours_do_not_keep_news_of_an_order_from_the_mailbox():
    quiet = QuietHours(start=time(9), end=time(15), zone="Europe/Berlin")
    customer = a_customer(an_order(), wishes=Wishes(quiet=quiet))
    assert rules.decide(a_candidate(customer=customer))[0] == rules.Pass()


def test_the_wished_channel_is_tried_first():
    channels = {"open": (Channel.EMAIL, Channel.SMS), "choice": channel_policy()}
    both = consent_of(said(Purpose.REORDER), said(Purpose.REORDER, channel=Channel.SMS, wording_hash="w", sequence="s2"))
    addresses = {Channel.EMAIL: ("anna@example.com", "h1"), Channel.SMS: ("+491701234567", "h2")}
    for wished, first in (((), Channel.EMAIL), ((Channel.SMS,), Channel.SMS)):
        customer = a_customer(an_order(), consent=both, wishes=Wishes(channels=wished))
        assert a_candidate(**OFFERED, customer=customer, addresses=addresses, **channels).usable()[0] is first


def test_the_wished_language_beats_the_orders_and_keeps_its_country():
    order = an_order(locale="en-US", country="AT")
    assert reader_of(a_customer(order), order) == "en-US"
    assert reader_of(a_customer(order, wishes=Wishes(language="de")), order) == "de-AT"
    assert reader_of(a_customer(order, wishes=Wishes(language="fr")), order) == "en-US"


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (Wishes(), "the customer asked for no pause"),
        (Wishes(paused_until=NOON + MONTH), "the customer asked for a pause until Wed 1 Apr 2026, 12:00"),
        (
            Wishes(quiet=QuietHours(start=time(9), end=time(15), zone="Europe/Berlin")),
            "the customer keeps 09:00 to 15:00 Europe/Berlin quiet; open again Mon 2 Mar 2026, 14:00, for 18 hours",
        ),
    ],
)
def test_why_says_a_wish_in_words(wishes, expected):
    from simulator.report.words import rule

    _, trace = rules.decide(wishing(wishes))
    assert expected in [rule(step)[1] for step in trace]
