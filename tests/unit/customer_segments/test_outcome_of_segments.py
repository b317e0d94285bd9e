"""What the messages to a kind of buyer came to is counted once, of both sides alike, from what the ledger and the orders say."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys, ledger, tally
from aftercare import report_policy as policy_module
from aftercare.clock import iso
from aftercare.consent import Purpose
from aftercare.decision import Decision, Message, Reason, State
from aftercare.money import Money
from aftercare.proposal import Proposal
from aftercare.report_policy import report_policy
from aftercare.retention import JOURNAL
from aftercare.segment_policy import segment_policy
from aftercare.table import Put
from customer_segments import outcome
from customer_segments.handler import handle
from customer_segments.saying import key_of
from tests.builders import ANNA, NOON, an_order, consent_of, said
from tests.ledger_items import a_profile
from tests.small_outside import Context

DAYS = timedelta(days=report_policy().segments_after_days)
POLICY = segment_policy()


@pytest.fixture
def anna(small):
    small.clock.at = NOON + DAYS
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    a_profile(small, ANNA, consent=consent_of(said()))
    ordered(small, "1", 0)
    return small


@pytest.fixture
def half_held_out(monkeypatch):
    usual = report_policy()
    monkeypatch.setattr(policy_module, "read_content", lambda *_: usual.model_copy(update={"segments_held_out": 0.5}))
    report_policy.cache_clear()
    yield
    report_policy.cache_clear()


def ordered(small, ref, day):
    placed = NOON + timedelta(days=day)
    order = an_order(ref, placed_at=placed, as_of=placed, total=Money(amount="60", currency="EUR"))
    small.tables.twin.write([Put(keys.order(ANNA, order.key), {"doc": order.to_json(), "version": 1})])


def sent(small, name, day, state=State.SENT, **seen):
    """One content of a row on the ledger, and what its reader did: `opened=3` times."""
    at = NOON + timedelta(days=day)
    proposal = Proposal(
        key=key_of(ANNA, name, POLICY.contents[name], at),
        customer_id=ANNA,
        purpose=Purpose.PROMOTIONAL,
        template="segment-offer",
        not_after=at + timedelta(days=14),
        proposed_at=at,
        caused_by="e1",
        correlation_id="k1",
    )
    because = Reason.SENT if state is State.SENT else Reason.ORDER_CANCELLED
    told = Decision(at=at, state=state, reason=because)
    message = Message(proposal=proposal, state=state, decisions=(told,), sent_at=at if state is State.SENT else None)
    place = keys.ledger(ANNA, proposal.message_id)
    small.tables.twin.write([Put(place, {"doc": message.to_json(), "state": str(state), "expires_at": JOURNAL.ends(at)})])
    for what, times in seen.items():
        for n in range(times):
            assert ledger.note_engagement(small.tables, ANNA, proposal.message_id, what, at, f"{what}{n}")


def woken(small, *rows):
    payload = {"key": f"outcome#{'+'.join(rows)}#{ANNA}", "customer_id": ANNA, "correlation_id": "k1", "since": iso(NOON)}
    return handle({**payload, "outcome": list(rows)}, Context())["outcome"]


def counted(small, part):
    (weeks,) = [tally.of_week(small.tables, tally.week_at(NOON, "Europe/Berlin"))]
    return {name: int(n) for name, n in weeks.get("example", {}).get(part, {}).items() if n}


def test_messages_count_once_however_often_they_were_opened_and_an_order_soon_after_was_led_to(anna):
    sent(anna, "welcome", 3, opened=5, clicked=2)
    sent(anna, "orientation", 10, opened=1)
    sent(anna, "loyalty", 14, state=State.REFUSED)
    sent(anna, "guide", 35)
    ordered(anna, "2", 12)
    assert woken(anna, "first-time", "one-time") == "counted"
    assert counted(anna, "segments") == {
        "first-time/sent": 2,
        "first-time/opened": 2,
        "first-time/clicked": 1,
        "first-time/ordered": 1,
        "one-time/sent": 1,
    }, "the order came nine days after the welcome and two after the orientation"
    assert counted(anna, "trials") == {
        "row-first-time/offered/n": 1,
        "row-first-time/offered/bought": 1,
        "row-one-time/offered/n": 1,
        "row-one-time/offered/bought": 1,
    }


def test_a_wait_that_wakes_twice_counts_once(anna):
    sent(anna, "welcome", 3)
    assert woken(anna, "first-time") == "counted"
    before = counted(anna, "segments")
    assert woken(anna, "first-time") == "nothing: counted before"
    assert counted(anna, "segments") == before == {"first-time/sent": 1}


def test_an_order_after_the_days_and_one_that_began_it_count_for_nothing(anna):
    ordered(anna, "2", report_policy().segments_after_days + 1)
    woken(anna, "one-time")
    assert counted(anna, "trials") == {"row-one-time/offered/n": 1}


def test_what_was_said_in_a_quarter_before_is_found(anna):
    """Its name ends with the quarter in which it was proposed."""
    sent(anna, "bundle", 1)
    sent(anna, "related", 80, clicked=1)
    woken(anna, "mid", "high")
    assert counted(anna, "segments") == {"mid/sent": 1, "high/sent": 1, "high/clicked": 1}


def test_who_is_held_out_hears_no_offer_and_is_counted_beside_those_who_do(anna, half_held_out):
    held = [f"c0{n}" for n in range(400) if outcome.is_held_out(f"c0{n}")]
    assert 150 < len(held) < 250 and held == [name for name in held if outcome.is_held_out(name)]
    begins = {"key": f"segment#begins#{ANNA}", "customer_id": ANNA, "correlation_id": "k1", "since": iso(NOON)}
    anna.clock.at = NOON + timedelta(days=3)
    told = handle(begins, Context())["outcome"]
    assert ("nothing: held-out-to-measure" in told) == outcome.is_held_out(ANNA)
    assert ("proposed welcome" in told) != outcome.is_held_out(ANNA)
    assert "is measured" in told
    anna.clock.at = NOON + DAYS
    woken(anna, "first-time")
    assert counted(anna, "trials") == {f"row-first-time/{outcome.arm_of(ANNA, 0.5)}/n": 1}


def test_service_is_never_held_out(anna, half_held_out, monkeypatch):
    monkeypatch.setattr(outcome, "is_held_out", lambda _: True)
    for n in range(6):
        ordered(anna, f"r{n}", n)
    anna.clock.at = NOON + timedelta(days=10)
    payload = {"key": "k", "customer_id": ANNA, "correlation_id": "k1", "row": "high-clv", "since": iso(NOON)}
    assert POLICY.contents["priority"].purpose is Purpose.SERVICE
    placed = [an_order(f"b{n}", placed_at=NOON, as_of=NOON, total=Money(amount="900", currency="EUR")) for n in range(6)]
    anna.tables.twin.write([Put(keys.order(ANNA, o.key), {"doc": o.to_json(), "version": 1}) for o in placed])
    told = handle(payload, Context())["outcome"]
    assert "proposed priority" in told and "nothing: held-out-to-measure" in told


def test_without_any_ground_nothing_is_measured(small):
    small.clock.at = NOON + timedelta(days=3)
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    a_profile(small, ANNA)
    ordered(small, "1", 0)
    begins = {"key": f"segment#begins#{ANNA}", "customer_id": ANNA, "correlation_id": "k1", "since": iso(NOON)}
    assert "is not measured" in handle(begins, Context())["outcome"]
    assert not [key for key in small.waits.running if key.startswith("outcome")]
