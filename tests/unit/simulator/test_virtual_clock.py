from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from simulator.virtual_clock import EndlessLoopError, VirtualClock

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NINE)


def test_actions_run_in_order_of_due_time_then_of_scheduling(clock: VirtualClock) -> None:
    ran: list[str] = []
    clock.at(NINE + 2 * MINUTE, lambda: ran.append("late"))
    clock.at(NINE + MINUTE, lambda: ran.append("early, first"))
    clock.at(NINE + MINUTE, lambda: ran.append("early, second"))
    clock.advance(timedelta(hours=1))
    assert ran == ["early, first", "early, second", "late"]


def test_each_action_sees_its_own_due_time(clock: VirtualClock) -> None:
    seen: list[datetime] = []
    for minutes in (5, 1, 3):
        clock.after(minutes * MINUTE, lambda: seen.append(clock.now))
    clock.advance_to(NINE + timedelta(hours=1))
    assert seen == [NINE + m * MINUTE for m in (1, 3, 5)]
    assert clock.now == NINE + timedelta(hours=1)


def test_what_is_due_exactly_at_the_target_runs(clock: VirtualClock) -> None:
    ran: list[int] = []
    clock.after(MINUTE, lambda: ran.append(1))
    assert clock.advance(MINUTE) == 1
    assert ran == [1]


def test_what_is_due_after_the_target_waits(clock: VirtualClock) -> None:
    ran: list[int] = []
    clock.after(MINUTE + timedelta(microseconds=1), lambda: ran.append(1))
    clock.advance(MINUTE)
    assert ran == []
    assert clock.pending == 1


def test_run_due_runs_what_others_schedule_for_now(clock: VirtualClock) -> None:
    ran: list[str] = []

    def first() -> None:
        ran.append("first")
        clock.at(clock.now, lambda: ran.append("third"))

    clock.at(clock.now, first)
    clock.at(clock.now, lambda: ran.append("second"))
    assert clock.run_due() == 3
    assert ran == ["first", "second", "third"]
    assert clock.now == NINE


def test_an_action_for_the_past_runs_now_behind_what_waits(clock: VirtualClock) -> None:
    ran: list[str] = []
    clock.at(NINE, lambda: ran.append("waiting"))
    handle = clock.at(NINE - timedelta(days=1), lambda: ran.append("overdue"))
    assert handle.due == NINE
    clock.run_due()
    assert ran == ["waiting", "overdue"]
    assert clock.now == NINE


def test_a_cancelled_action_does_not_run(clock: VirtualClock) -> None:
    ran: list[int] = []
    handle = clock.after(MINUTE, lambda: ran.append(1))
    assert handle.cancel() is True
    assert handle.cancel() is False
    clock.advance(timedelta(hours=1))
    assert ran == []
    assert clock.pending == 0
    assert clock.next_due() is None


def test_an_action_can_cancel_another_that_is_due_at_the_same_instant(clock: VirtualClock) -> None:
    ran: list[str] = []
    clock.at(NINE, lambda: victim.cancel())
    victim = clock.at(NINE, lambda: ran.append("victim"))
    clock.run_due()
    assert ran == []


def test_cancelling_after_the_action_ran_changes_nothing(clock: VirtualClock) -> None:
    handle = clock.at(NINE, lambda: None)
    clock.run_due()
    assert handle.pending is False
    assert handle.cancel() is False
    assert clock.pending == 0


def test_many_cancelled_actions_do_not_stay_in_memory(clock: VirtualClock) -> None:
    keep = clock.after(timedelta(days=1), lambda: None)
    for _ in range(10_000):
        clock.after(timedelta(days=2), lambda: None).cancel()
    assert len(clock._heap) < 200
    assert clock.pending == 1
    assert clock.next_due() == keep.due


def test_cancelling_many_while_running_keeps_the_order(clock: VirtualClock) -> None:
    ran: list[int] = []
    handles = [clock.after(MINUTE, lambda i=i: ran.append(i)) for i in range(500)]  # type: ignore[misc]
    clock.after(timedelta(seconds=30), lambda: [h.cancel() for i, h in enumerate(handles) if i % 5])
    clock.advance(MINUTE)
    assert ran == list(range(0, 500, 5))


def test_a_loop_at_one_instant_is_found_and_named() -> None:
    clock = VirtualClock(NINE, steps_per_instant=50)

    def again() -> None:
        clock.at(clock.now, again, label="poll OrdersQueue")

    again()
    with pytest.raises(EndlessLoopError, match="poll OrdersQueue"):
        clock.run_due()


def test_a_loop_that_moves_time_is_not_a_loop_at_one_instant() -> None:
    clock = VirtualClock(NINE, steps_per_instant=5)
    ran: list[datetime] = []

    def tick() -> None:
        ran.append(clock.now)
        clock.after(MINUTE, tick)

    tick()
    clock.advance(timedelta(hours=1))
    assert len(ran) == 61


def test_the_step_count_survives_separate_runs_at_one_instant() -> None:
    clock = VirtualClock(NINE, steps_per_instant=3)
    with pytest.raises(EndlessLoopError):
        for _ in range(4):
            clock.at(NINE, lambda: None)
            clock.run_due()


def test_run_until_idle_jumps_from_due_to_due_and_stays_at_the_last(clock: VirtualClock) -> None:
    clock.after(timedelta(days=90), lambda: clock.after(timedelta(days=10), lambda: None))
    assert clock.run_until_idle() is True
    assert clock.now == NINE + timedelta(days=100)


def test_run_until_idle_stops_at_its_limit_with_a_recurring_action(clock: VirtualClock) -> None:
    def tick() -> None:
        clock.after(timedelta(days=1), tick)

    tick()
    assert clock.run_until_idle(limit=timedelta(days=7, hours=5)) is False
    assert clock.now == NINE + timedelta(days=7)


def test_the_hook_hears_every_move_before_what_is_due_runs() -> None:
    told: list[object] = []
    clock = VirtualClock(NINE, on_move=told.append)
    clock.after(MINUTE, lambda: told.append("ran"))
    clock.at(NINE, lambda: None)
    clock.run_due()
    clock.advance(2 * MINUTE)
    clock.advance(timedelta(0))
    assert told == [NINE + MINUTE, "ran", NINE + 2 * MINUTE]


def test_time_does_not_go_back(clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance_to(NINE - MINUTE)


@pytest.mark.parametrize("move", ["run_due", "run_until_idle"])
def test_an_action_cannot_run_the_clock(clock: VirtualClock, move: str) -> None:
    clock.at(NINE, getattr(clock, move))
    with pytest.raises(RuntimeError, match="already running"):
        clock.run_due()


def test_an_action_that_raises_leaves_the_clock_usable(clock: VirtualClock) -> None:
    ran: list[int] = []
    clock.at(NINE, lambda: 1 / 0)
    clock.at(NINE, lambda: ran.append(1))
    with pytest.raises(ZeroDivisionError):
        clock.run_due()
    clock.run_due()
    assert ran == [1]


def test_instants_need_a_zone_and_become_utc(clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.at(datetime(2026, 3, 1), lambda: None)  # noqa: DTZ001
    berlin_like = timezone(timedelta(hours=1))
    noon = datetime(2026, 3, 1, 12, tzinfo=berlin_like)
    assert clock.at(noon, lambda: None).due == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert VirtualClock(datetime(2026, 3, 1, 10, tzinfo=berlin_like)).now.tzinfo is UTC
