"""The sending rate: nobody sends faster than it together, what finds no place waits for one, and nothing is lost."""

from collections import Counter
from datetime import timedelta

import pytest

from aftercare.clock import parse_iso
from aftercare.consent import Channel, Purpose
from aftercare.decision import Decision, Message, Reason, State
from aftercare.rate import SHARDS, Quota, SendingRate, reserve, shard_order, wave_slot
from message_gate.pacing import BURST, KEPT, Pace, shards
from simulator.memory.tables import MemoryTables
from tests.builders import NOON, a_proposal

RATE = SendingRate(per_second={Channel.EMAIL: 10, Channel.SMS: 2}, kept_for_orders=0.2)
OFFER = a_proposal(key="offer#1", purpose=Purpose.PROMOTIONAL)


def a_pace(tables=None, wanted=1, seed="m1", quota=None):
    tables = tables or MemoryTables(lambda: NOON)
    return Pace(tables=tables, rate=RATE, quota=quota, known=tables.read(list(shards())), wanted=wanted, seed=seed)


def a_quota(**more):
    return Quota(**{"per_second": 100, "per_day": 1000, "sent_today": 0, "read_at": NOON, **more})


def test_places_are_a_step_apart_and_an_idle_shard_begins_now():
    places = reserve(None, NOON, per_second=8, count=3)
    assert (places.first, places.step) == (NOON, timedelta(seconds=0.5))
    assert reserve(places.then, NOON, 8, 1).first == NOON + timedelta(seconds=1.5)
    assert reserve(NOON - timedelta(hours=1), NOON, 8, 1).first == NOON


def test_news_of_an_order_needs_no_place():
    tables = MemoryTables(lambda: NOON)
    assert a_pace(tables).place(a_proposal(), Channel.EMAIL, None, NOON) == NOON
    assert tables.read(list(shards())) == {}


@pytest.mark.parametrize("purpose", list(Purpose))
def test_what_a_store_publishes_takes_its_place_whatever_it_is_for(purpose):
    proposal = a_proposal(key="safety-notice#1", purpose=purpose, references={"publication": "shop:recall"})
    pace = a_pace(wanted=200)
    assert max(pace.place(proposal, Channel.EMAIL, None, NOON) for _ in range(200)) > NOON + timedelta(seconds=10)


def test_however_many_invocations_ask_at_once_the_rate_holds():
    tables, times = MemoryTables(lambda: NOON), []
    for invocation in range(200):
        pace = a_pace(tables, wanted=10, seed=f"m{invocation}")
        times += [pace.place(OFFER, Channel.EMAIL, None, NOON) for _ in range(10)]
    at_once = sum(t == NOON for t in times)
    a_second = Counter(int((t - NOON).total_seconds()) for t in times)
    assert len(times) == 2000
    assert at_once <= (BURST.total_seconds() + 1) * RATE.allowed(Channel.EMAIL, None)
    assert max(n for second, n in a_second.items() if second) <= RATE.allowed(Channel.EMAIL, None) + SHARDS
    assert max(times) <= NOON + timedelta(seconds=2000 / RATE.allowed(Channel.EMAIL, None) + 10)


def test_of_two_shards_the_one_that_is_free_sooner_is_asked_and_each_once():
    soon, late = NOON, NOON + timedelta(minutes=1)
    firsts = set()
    for number in range(200):
        order = shard_order(f"seed-{number}", [late, None, soon, None])
        assert sorted(order) == [0, 1, 2, 3]
        firsts.add(order[0])
        assert order[0] != 0, "whichever other was named is free sooner"
    assert firsts == {1, 2, 3}


def test_a_wave_at_the_full_rate_is_not_held_up_by_the_shards():
    free, waits = [None] * SHARDS, []
    for position in range(20_000):
        now = wave_slot(NOON, 8.0, position, f"m{position}")
        shard = shard_order(f"w{position}", free)[0]
        places = reserve(free[shard], now, 8.0, 1)
        free[shard] = places.then
        waits.append(places.first - now)
    assert max(waits) < BURST, "so every one of them goes in its turn"


def test_an_invocation_that_reserves_again_and_again_sees_what_it_has_reserved_itself():
    """A slot is one record of a batch, and what it settles is not known before: each reserves for itself."""
    tables = MemoryTables(lambda: NOON)
    pace, rate = a_pace(tables, wanted=0), RATE.allowed(Channel.EMAIL, None)
    times = [pace.place(OFFER, Channel.EMAIL, None, NOON) for _ in range(60)]
    assert max(times) <= NOON + timedelta(seconds=60 / rate + SHARDS)
    free = sum((parse_iso(str(item["free"])) - NOON).total_seconds() for item in tables.read(list(shards())).values())
    assert free == pytest.approx(60 * SHARDS / rate)


def test_an_invocation_whose_shards_were_all_taken_meanwhile_still_gets_a_place():
    tables = MemoryTables(lambda: NOON)
    late, rate = a_pace(tables), RATE.allowed(Channel.EMAIL, None)
    for n in range(40):
        a_pace(tables, seed=f"other-{n}").place(OFFER, Channel.EMAIL, None, NOON)
    assert late.place(OFFER, Channel.EMAIL, None, NOON) <= NOON + timedelta(seconds=41 / rate + SHARDS)


def test_two_invocations_that_read_the_same_shard_do_not_get_the_same_place():
    tables = MemoryTables(lambda: NOON)
    one, other = a_pace(tables), a_pace(tables)
    first, second = one.place(OFFER, Channel.EMAIL, None, NOON), other.place(OFFER, Channel.EMAIL, None, NOON)
    assert (first, second) == (NOON, NOON)
    assert len(tables.read(list(shards()))) == 2


def test_an_invocation_reserves_once_for_all_of_its_messages():
    tables = MemoryTables(lambda: NOON)
    pace = a_pace(tables, wanted=5)
    for _ in range(5):
        pace.place(OFFER, Channel.EMAIL, None, NOON)
    (free,) = (item["free"] for item in tables.read(list(shards())).values())
    assert free == "2026-03-02T12:00:02.500000Z"


def test_a_message_that_waited_for_its_place_goes_when_it_has_come():
    decision = Decision(at=NOON, state=State.HELD, reason=Reason.RATE_USED_UP, until=NOON + timedelta(minutes=5))
    held = Message(proposal=OFFER, state=State.HELD, decisions=(decision,))
    tables = MemoryTables(lambda: NOON)
    assert a_pace(tables).place(OFFER, Channel.EMAIL, held, decision.until) == decision.until
    assert tables.read(list(shards())) == {}
    late = decision.until + KEPT + timedelta(seconds=1)
    a_pace(tables).place(OFFER, Channel.EMAIL, held, late)
    assert tables.read(list(shards())) != {}


def test_the_smaller_of_the_stores_rate_and_the_accounts_counts():
    assert RATE.allowed(Channel.EMAIL, a_quota(per_second=5)) == 4
    assert RATE.allowed(Channel.EMAIL, a_quota(per_second=500)) == 8


def test_when_the_days_quota_is_all_but_used_what_can_wait_waits_and_orders_do_not():
    used = a_quota(sent_today=800)
    assert a_pace(quota=used).place(OFFER, Channel.EMAIL, None, NOON) == NOON + timedelta(hours=1)
    assert a_pace(quota=used).place(a_proposal(), Channel.EMAIL, None, NOON) == NOON
    old = a_quota(sent_today=800, read_at=NOON - timedelta(days=2))
    assert a_pace(quota=old).place(OFFER, Channel.EMAIL, None, NOON) == NOON


def test_each_channel_has_a_rate_of_its_own_and_the_inbox_none():
    tables = MemoryTables(lambda: NOON)
    pace = a_pace(tables, wanted=10)
    texts = [pace.place(OFFER, Channel.SMS, None, NOON) for _ in range(20)]
    assert texts[0] == NOON and NOON + timedelta(seconds=9) <= max(texts) <= NOON + timedelta(seconds=15)
    assert pace.place(OFFER, Channel.EMAIL, None, NOON) == NOON, "mail goes at its own pace"
    assert pace.place(OFFER, Channel.INBOX, None, NOON) == NOON
    there = sorted(key.pk for key in tables.read(list(shards((Channel.SMS, Channel.EMAIL)))))
    assert there[1:] == [f"RATE#sms#{n}" for n in range(SHARDS)] and there[0].startswith("RATE#email#")


def test_the_account_quota_is_of_mail_alone():
    used = a_quota(sent_today=1000, per_second=1)
    assert a_pace(quota=used).place(OFFER, Channel.SMS, None, NOON) == NOON
    assert RATE.allowed(Channel.SMS, used) == RATE.allowed(Channel.SMS, None) == 1.6
