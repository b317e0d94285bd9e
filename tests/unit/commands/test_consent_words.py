"""`aftercare consent` and `aftercare requests` on the records of a run."""

import json
from datetime import timedelta

import pytest

from aftercare import consent_log, keys
from aftercare.clock import iso
from aftercare.consent import ConsentRecord, Purpose, Says
from aftercare.consent_log import Wording, consent_after, writes
from aftercare.customer import Contact, Profile
from aftercare.decision import CARRIES, Decision, Message, Reason, State, Step
from aftercare.requests import Asked, opened, put
from aftercare.table import Put
from simulator.commands.last_run import LastRun
from simulator.commands.main import main
from simulator.memory.tables import MemoryTables
from simulator.report import words
from simulator.report.rights import clocks, measured, withdrawals
from tests.builders import NOON, a_proposal, said

DAY = timedelta(days=1)
TEXT = Wording(version="checkout-3", text="Yes, remind me.", locale="en")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command on a run's records: one customer who gave consent, and took it back two days later, told a day late."""
    monkeypatch.chdir(tmp_path)
    now = NOON + 5 * DAY
    tables = MemoryTables(lambda: now)
    profile = Profile(version=1, contact=Contact(email="anna@example.com"), country="FR", first_seen=NOON)
    tables.write([Put(keys.customer("c0anna", keys.PROFILE), {"doc": profile.to_json(), "version": 1})])
    consent_log.keep_wording(tables, TEXT)
    given = said(Purpose.REORDER, at=NOON, sequence=f"{iso(NOON)}#a#00", wording="checkout-3", wording_hash=TEXT.hash)
    late = NOON + 3 * DAY
    gone = said(Purpose.REORDER, Says.WITHDRAWN, at=NOON + 2 * DAY, heard_at=late, sequence=f"{iso(late)}#b#00")
    before = ConsentRecord()
    for statement in (given, gone):
        after = consent_after(before, [statement])
        tables.write(writes("c0anna", before, after))
        before = after.record
    request = opened(Asked.ERASURE, "d1", "shopify", "shopify", now - 25 * DAY, ("c0anna",))
    tables.write([put(request)])
    LastRun(
        command="test",
        title="a run",
        backend="memory",
        seed=1,
        began=iso(NOON),
        now=iso(now),
        tables={"customers": list(tables.items("customers")), "knowledge": list(tables.items("knowledge"))},
        identity_secret="key",
        link_secret="link-key",
        public_base_url="https://post.example.com",
    ).save()

    def call(*arguments):
        code = main([str(a) for a in arguments])
        return code, capsys.readouterr().out

    return call


def heads(found, which):
    return [(h["purpose"], h["says"]) for h in found[which]]


@pytest.mark.parametrize(
    ("at", "known", "meant"),
    [
        (NOON - DAY, [], []),
        (NOON + DAY, [("reorder", "given")], [("reorder", "given")]),
        (NOON + 2.5 * DAY, [("reorder", "given")], [("reorder", "withdrawn")]),
        (NOON + 4 * DAY, [("reorder", "withdrawn")], [("reorder", "withdrawn")]),
    ],
)
def test_a_proof_says_what_was_known_then_and_what_had_been_said_by_then(run, at, known, meant):
    code, out = run("consent", "prove", "c0anna", "--at", iso(at), "--json")
    found = json.loads(out)
    assert code == 0
    assert (heads(found, "known_then"), heads(found, "said_by_then")) == (known, meant)


def test_a_proof_shows_every_row_with_the_text_that_was_agreed_to(run):
    _, out = run("consent", "prove", "c0anna")
    for phrase in ("Yes, remind me.", TEXT.hash, "checkout-3", "source test", "Mon 2 Mar 2026, 12:00", "reorder: withdrawn"):
        assert phrase in out


def test_a_signed_proof_is_checked_and_a_changed_one_is_not_ours(run, tmp_path):
    file = tmp_path / "proof.json"
    file.write_text(run("consent", "prove", "c0anna", "--sign")[1])
    assert run("consent", "verify", file)[0] == 0
    changed = json.loads(file.read_text())
    changed["proof"]["rows"][0]["says"] = "withdrawn"
    for wrong in (changed, {"proof": changed["proof"]}, [], {"proof": {}, "signature": {"value": "é"}}):
        file.write_text(json.dumps(wrong))
        assert run("consent", "verify", file)[0] == 1


def test_an_agent_records_an_opt_out_and_a_consent_with_its_text(run):
    assert run("consent", "record", "c0anna", "opt-out", "--agent", "Kim", "--how", "phone")[0] == 0
    place = ("--channel", "sms", "--purpose", "survey")
    assert run("consent", "record", "c0anna", "consent", "--agent", "Kim", "--how", "phone", *place)[0] == 2
    code, out = run(
        "consent", "record", "c0anna", "consent", "--agent", "Kim", "--how", "phone", *place, "--wording", "May we?", "--json"
    )
    assert code == 0
    assert [(h["channel"], h["purpose"], h["says"]) for h in json.loads(out)["heads"]] == [("sms", "survey", "given")]
    _, out = run("consent", "prove", "c0anna")
    assert "May we?" in out
    assert "agent Kim" in out


def test_the_agents_link_opens_for_a_day_at_most(run):
    code, out = run("consent", "link", "c0anna", "--agent", "Kim")
    assert code == 0
    assert out.startswith("https://post.example.com/a/")
    assert run("consent", "link", "c0anna", "--agent", "Kim", "--hours", "25")[0] == 2


def test_a_request_shows_before_it_runs_out_until_it_is_closed(run):
    code, out = run("requests", "list", "--json")
    assert code == 1
    assert [(r["ref"], r["urgent"]) for r in json.loads(out)] == [("d1", True)]
    assert run("requests", "acknowledge", "d1")[0] == 0
    assert run("requests", "close", "d1", "--outcome", "erased")[0] == 0
    assert run("requests", "list")[0] == 0
    assert run("requests", "close", "d1", "--outcome", "erased")[0] == 2


# ---------------------------------------------------------------- the report


def sent(minutes, purpose=Purpose.REORDER):
    at = NOON + timedelta(minutes=minutes)
    decision = Decision(at=at, state=State.SENT, reason=Reason.SENT, channel="email")
    proposal = a_proposal(purpose=purpose, key=f"reorder-reminder#example:{minutes}")
    return Message(proposal=proposal, state=State.SENT, decisions=(decision,), channel="email", sent_at=at)


def brings(purposes, minutes=1):
    """An order's mail that brings something of another purpose along."""
    plain = sent(minutes, Purpose.TRANSACTIONAL)
    trace = (Step(rule="written", said="pass", saw={CARRIES: purposes} if purposes else {}),)
    claimed = Decision(at=plain.sent_at, state=State.CLAIMED, reason=Reason.CLAIMED, channel="email", trace=trace)
    return plain.model_copy(update={"decisions": (claimed, *plain.decisions)})


def test_an_offer_in_an_orders_mail_is_held_against_the_withdrawal_as_an_offer_by_itself():
    gone = said(Purpose.PROMOTIONAL, Says.WITHDRAWN, at=NOON, sequence="b")
    (late,) = withdrawals(rows(gone), [brings("promotional"), brings("", minutes=5)])
    assert (late.last_after, late.kept) == (timedelta(minutes=1), False)
    (clean,) = withdrawals(rows(gone), [brings(""), brings("reorder")])
    assert clean.last_after is None


def rows(*statements):
    return [{"pk": "EVIDENCE#c0anna", "sk": s.sequence, "doc": s.to_json()} for s in statements]


def test_the_report_measures_from_each_withdrawal_to_the_last_message_that_was_accepted():
    gone = said(Purpose.REORDER, Says.WITHDRAWN, at=NOON, sequence="b")
    (clean,) = withdrawals(rows(gone), [sent(-5), sent(9, Purpose.TRANSACTIONAL)])
    assert clean.last_after is None
    assert "after none of them" in measured([clean])
    (late,) = withdrawals(rows(gone), [sent(1), sent(3)])
    assert (late.last_after, late.kept) == (timedelta(minutes=3), False)
    assert "180.0 s" in measured([late])


def test_a_message_after_consent_was_given_again_is_not_held_against_the_withdrawal():
    gone = said(Purpose.REORDER, Says.WITHDRAWN, at=NOON, sequence="b")
    again = said(Purpose.REORDER, at=NOON + timedelta(minutes=2), sequence="c")
    (one,) = withdrawals(rows(gone, again), [sent(3)])
    assert one.last_after is None


def test_a_consent_that_came_late_and_lost_hides_no_message_and_a_lost_withdrawal_blames_none():
    gone = said(Purpose.REORDER, Says.WITHDRAWN, at=NOON, sequence="b")
    late = said(Purpose.REORDER, at=NOON - DAY, heard_at=NOON + timedelta(minutes=2), sequence="c")
    (one,) = withdrawals(rows(gone, late), [sent(3)])
    assert (one.last_after, one.kept) == (timedelta(minutes=3), False)
    newer = said(Purpose.REORDER, at=NOON, sequence="b")
    older = said(Purpose.REORDER, Says.WITHDRAWN, at=NOON - DAY, heard_at=NOON + timedelta(minutes=1), sequence="c")
    assert withdrawals(rows(newer, older), [sent(3)]) == []


def test_the_words_of_a_hold_say_where_the_recipient_may_be_and_how_long_it_is_open_there():
    clocks_there = {"zones": ("America/New_York", "Pacific/Honolulu"), "local_times": ("Sun 23:30", "Sun 18:30")}
    saw = {"known_by": "country", "zones_in_all": 8, **clocks_there, "opens": "2026-03-02T19:00:00.000000Z", "hours_open": "4"}
    _, told = words.rule(Step(rule="send_time", said="hold", because=Reason.QUIET_HOURS, saw=saw))
    for part in ("known by country: 8 zones", "Pacific/Honolulu (Sun 18:30)", "Mon 2 Mar 2026, 19:00", "for 4 hours"):
        assert part in told
    nowhere = {"known_by": "unknown", "zones_in_all": 0, "zones": (), "local_times": (), "opens": "not in its window"}
    _, told = words.rule(Step(rule="send_time", said="hold", because=Reason.QUIET_HOURS, saw=nowhere))
    assert "the place is not known; it opens not in its window" in told


def test_an_address_that_bounced_is_told_though_another_is_good():
    _, told = words.rule(Step(rule="suppressed", said="pass", saw={"email": "complaint"}))
    assert told == "e-mail complained; another address has not"


def test_the_report_marks_a_request_that_runs_out():
    request = opened(Asked.EXPORT, "d2", "store", "store", NOON)
    items = [{"pk": "REQUEST#export#d2", "sk": "-", "doc": request.to_json()}]
    assert [c.urgent for c in clocks(items, NOON)] == [False]
    assert [c.urgent for c in clocks(items, NOON + 25 * DAY)] == [True]
