"""What a held message keeps of the looks at it."""

from datetime import timedelta

from aftercare import ledger
from aftercare.decision import Decision, Message, Reason, State, Step
from tests.builders import NOON, a_proposal

TRACE = (Step(rule="silence", said="hold", because=Reason.OPEN_CASE),)


def held(reason, days):
    at = NOON + timedelta(days=days)
    return Decision(at=at, state=State.HELD, reason=reason, until=at + timedelta(days=1), trace=TRACE)


def test_of_looks_that_hold_it_the_newest_keeps_its_trace_and_none_of_a_few_is_lost():
    message = Message(proposal=a_proposal(), state=State.HELD, decisions=())
    for decision in (held(Reason.NOT_YET, 0), held(Reason.OPEN_CASE, 1), held(Reason.OPEN_CASE, 2), held(Reason.OPEN_CASE, 3)):
        message = ledger.decided(message, decision)
    assert [d.at for d in message.decisions] == [NOON + timedelta(days=days) for days in range(4)]
    assert [bool(d.trace) for d in message.decisions] == [False, False, False, True]


def test_what_ends_it_takes_no_trace_away():
    message = ledger.decided(Message(proposal=a_proposal(), state=State.HELD, decisions=()), held(Reason.OPEN_CASE, 0))
    ended = ledger.decided(message, Decision(at=NOON, state=State.EXPIRED, reason=Reason.TOO_LATE, trace=TRACE))
    assert [bool(d.trace) for d in ended.decisions] == [True, True]


def test_of_many_looks_the_first_and_the_last_are_kept_and_the_others_counted():
    message = Message(proposal=a_proposal(), state=State.HELD, decisions=())
    for day in range(60):
        message = ledger.decided(message, held((Reason.OPEN_CASE, Reason.CAP_FULL)[day % 2], day))
    assert [(d.at - NOON).days for d in message.decisions] == [0, 1, 2, 3, *range(48, 60)]
    assert message.left_out == 44 and len(message.to_json()) < 3500
