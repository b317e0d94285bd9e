import json

import pytest

from aftercare import keys, ledger
from aftercare.decision import Reason, State
from aftercare.rate import Quota
from aftercare.table import Conflict, Put
from due_sweep import sweep
from due_sweep.handler import handle
from tests.ledger_items import CUSTOMER, a_message, as_it_stands, claimed, on_ledger, unknown
from tests.small_outside import START, Context, sample
from tests.unit.event_relay.test_relay import deliver

SCHEDULE = sample("due_sweep/schedule")


def run():
    return handle(SCHEDULE, Context())


def test_with_nothing_due_nothing_happens_and_the_metrics_say_so(small, capsys):
    assert run() == {"relay": 0, "claimed": 0, "unknown": 0, "slot": 0, "erasure": 0, "parked": 0}
    assert '"Parked":[0.0]' in capsys.readouterr().out.replace(" ", "")


def test_what_the_stream_did_not_relay_goes_to_the_relays_queue_after_its_grace(small):
    deliver(small, "d0")
    assert run()["relay"] == 0
    small.later(minutes=2)
    assert run()["relay"] == 1
    assert small.queues.sent == [("https://sqs/relay-retry", '{"delivery": "d0"}', None)]


def test_a_claim_past_its_lease_is_unknown_and_never_goes_back(small):
    message = claimed(small)
    small.later(minutes=15)
    assert run()["claimed"] == 0
    small.later(minutes=2)
    assert run()["claimed"] == 1
    now = as_it_stands(small, message)
    assert (now.state, now.last.reason) == (State.UNKNOWN, Reason.LEASE_EXPIRED)
    assert "token" not in on_ledger(small, message)
    assert not ledger.settle(small.tables.twin, CUSTOMER, a_message(state=State.SENT), "t1", small.clock.now())


def test_what_stays_unknown_is_parked_with_an_event_in_the_same_transaction(small, capsys):
    message = unknown(small)
    small.later(hours=1, minutes=59)
    assert run()["unknown"] == 0
    small.later(minutes=2)
    small.tables.calls.clear()
    assert run()["unknown"] == 1
    assert small.tables.calls.count("write") == 1
    now = as_it_stands(small, message)
    assert (now.state, now.last.reason) == (State.PARKED, Reason.OUTCOME_NEVER_LEARNED)
    (event,) = small.outbox()
    assert event.type == "MessageUnresolved"
    assert event.data == {
        "customer_id": CUSTOMER,
        "message": message.proposal.message_id,
        "state": "PARKED",
        "reason": "outcome_never_learned",
    }
    assert run() == {"relay": 0, "claimed": 0, "unknown": 0, "slot": 0, "erasure": 0, "parked": 1}
    assert "MessageParked" in capsys.readouterr().out


def test_the_way_from_a_dead_gate_to_the_operator_takes_the_lease_and_two_hours(small):
    message = claimed(small)
    for _ in range(40):
        small.later(minutes=5)
        run()
    assert [d.state for d in as_it_stands(small, message).decisions] == [State.CLAIMED, State.UNKNOWN, State.PARKED]
    assert small.told() == ["MessageUnresolved"]


def test_a_claim_that_is_settled_meanwhile_is_left_alone(small):
    message = claimed(small)
    small.later(minutes=17)
    sent = a_message(state=State.SENT)
    small.tables.before_write.append(lambda: ledger.settle(small.tables.twin, CUSTOMER, sent, "t1", small.clock.now()))
    assert run()["claimed"] == 0
    assert as_it_stands(small, message).state is State.SENT


def test_a_slot_that_did_not_ring_is_put_where_its_timer_would_have(small):
    at = START
    small.tables.twin.write([ledger.slot_change(CUSTOMER, at, START)])
    small.later(minutes=9)
    assert run()["slot"] == 0
    small.later(minutes=2)
    assert run()["slot"] == 1
    ((url, body, group),) = small.queues.sent
    assert (url, group) == ("https://sqs/gate.fifo", CUSTOMER)
    assert json.loads(body) == {"slot": {"customer_id": CUSTOMER, "at": "2026-03-02T09:15:31.000000Z"}}


def test_one_item_that_cannot_be_moved_does_not_keep_back_the_others(small, capsys):
    broken, good = claimed(small, key="a#1", customer_id="c1"), claimed(small, key="b#2", customer_id="c2")
    item = on_ledger(small, broken)
    place = keys.ledger("c1", broken.proposal.message_id)
    small.tables.twin.write([Put(place, {**{k: v for k, v in item.items() if k not in ("pk", "sk")}, "doc": "{}"})])
    small.later(minutes=17)
    assert run()["claimed"] == 1
    assert as_it_stands(small, good).state is State.UNKNOWN
    assert "SweepItemFailed" in capsys.readouterr().out


def test_a_neighbours_transaction_leaves_it_to_the_next_run(small):
    def fail():
        raise Conflict

    message = claimed(small)
    small.later(minutes=17)
    small.tables.before_write.append(fail)
    assert run()["claimed"] == 0
    assert run()["claimed"] == 1
    assert as_it_stands(small, message).state is State.UNKNOWN


def test_a_run_is_bounded_and_the_next_one_goes_on(small, monkeypatch):
    monkeypatch.setattr(sweep, "LIMIT", 3)
    monkeypatch.setattr(sweep, "READ", 2)
    for n in range(5):
        claimed(small, key=f"a#{n}", customer_id=f"c{n}")
    small.later(minutes=17)
    assert [run()["claimed"] for _ in range(3)] == [3, 2, 0]


@pytest.mark.parametrize("kind", ["claimed", "unknown"])
def test_what_the_index_names_and_the_table_no_longer_has_is_skipped(small, kind, monkeypatch):
    ghost = {"pk": "CUSTOMER#c1", "sk": "9#LEDGER#gone", "due_kind": kind, "due_at": "2026-01-01T00:00:00.000000Z"}
    monkeypatch.setattr(small.tables, "due", lambda k, until, limit: [ghost] if k == kind else [])
    assert run()[kind] == 0


def test_the_account_is_asked_for_its_quota_every_quarter_of_an_hour(small, capsys):
    run()
    run()
    assert small.mail.asked == 1
    small.later(minutes=15)
    run()
    assert small.mail.asked == 2
    kept = small.tables.twin.read([keys.quota()])[keys.quota()]
    assert Quota.model_validate_json(kept["doc"]).sent_today == 1_000
    assert '"QuotaUsedPercent":[2.0]' in capsys.readouterr().out.replace(" ", "")


def test_a_quota_that_cannot_be_read_stops_nothing_and_is_told(small, capsys):
    small.mail.out = True
    assert run()["relay"] == 0
    assert small.tables.twin.read([keys.quota()]) == {}
    assert "QuotaNotRead" in capsys.readouterr().out
