"""Executions by name: started, stopped, listed, and gone after their time."""

from __future__ import annotations

import json
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest

from simulator.state_language import (
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    Executions,
    HistoryEvent,
    InvalidExecutionInput,
    InvalidName,
    Raised,
    Returned,
    load,
)
from simulator.virtual_clock import VirtualClock
from tests.state_machines import ARN, NINE, REORDER, TASK, one


class World:
    def __init__(self, definition: dict[str, Any] = REORDER) -> None:
        self.clock = VirtualClock(NINE)
        self.calls: list[Any] = []
        self.executions = Executions(self.clock, self.invoke, lambda: 0.5, region="eu-central-1", account_id="111122223333")
        self.machine = load(definition, "reorder")

    def invoke(self, arn: str, payload: Any) -> Returned | Raised:
        self.calls.append(payload)
        return Returned("ok")

    def start(self, name: str = "x", due: str = "2026-03-31T09:00:00Z") -> str:
        return self.executions.start(self.machine, name, json.dumps({"due_at": due}))


@pytest.fixture
def world() -> World:
    return World()


def test_starting_gives_the_arn_and_runs_when_the_clock_does(world: World) -> None:
    arn = world.start("shop-1070")
    assert arn == "arn:aws:states:eu-central-1:111122223333:execution:reorder:shop-1070"
    execution = world.executions.describe(arn)
    assert (execution.status, execution.started, execution.history) == ("RUNNING", NINE, [])
    world.clock.run_due()
    assert [event.type for event in execution.history] == ["ExecutionStarted", "WaitStateEntered"]
    world.clock.advance(timedelta(days=30))
    assert execution.status == "SUCCEEDED"
    assert execution.closed == NINE + timedelta(days=30)


def test_the_same_name_and_input_of_an_open_execution_is_the_same_execution(world: World) -> None:
    assert world.start() == world.start()
    world.clock.advance(timedelta(days=60))
    assert len(world.calls) == 1


def test_the_same_name_with_another_input_already_exists(world: World) -> None:
    world.start()
    with pytest.raises(ExecutionAlreadyExists, match="reorder:x"):
        world.start(due="2026-05-01T00:00:00Z")


def test_the_name_of_a_closed_execution_is_free_after_90_days(world: World) -> None:
    arn = world.start()
    world.clock.advance(timedelta(days=30))
    assert world.executions.describe(arn).status == "SUCCEEDED"
    with pytest.raises(ExecutionAlreadyExists):
        world.start()
    world.clock.advance(timedelta(days=90) - timedelta(microseconds=1))
    with pytest.raises(ExecutionAlreadyExists):
        world.start()
    world.clock.advance(timedelta(microseconds=1))
    assert world.start() == arn
    assert world.executions.describe(arn).status == "RUNNING"


def test_two_machines_may_use_the_same_name(world: World) -> None:
    other = load(REORDER, "survey")
    first = world.start()
    assert world.executions.start(other, "x", '{"due_at": "2026-03-02T00:00:00Z"}') != first
    assert [execution.arn for execution in world.executions.list(machine="reorder")] == [first]


@pytest.mark.parametrize(
    "name",
    ["", "a" * 81, "a b", "a\tb", "order#1", "shop:1070", "a/b", "a<b", "a>b", "{a}", "[a]", "a?", "a*", 'a"b', "a%b",
     "a\\b", "a^b", "a|b", "a~b", "a`b", "a$b", "a&b", "a,b", "a;b", "a\x00b", "a\x7fb", "a\x9fb", "a￾b",
     "a\U0010ffffb"],
)  # fmt: skip
def test_a_name_that_aws_refuses_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidName):
        world.start(name)


@pytest.mark.parametrize("name", ["a" * 80, "a-b_c.d", "mi4xpswhq7n2j3zt", "a(b)!='@+", "größe"])
def test_a_name_that_aws_takes_is_taken(world: World, name: str) -> None:
    assert world.start(name).endswith(f":{name}")


@pytest.mark.parametrize("text", ["", "{", "nope", '"' + "x" * 256 * 1024 + '"', '"' + "é" * 130 * 1024 + '"'])
def test_an_input_that_aws_refuses_is_refused(world: World, text: str) -> None:
    with pytest.raises(InvalidExecutionInput):
        world.executions.start(world.machine, "x", text)


def test_an_input_of_256_kilobytes_is_taken(world: World) -> None:
    world.executions.start(world.machine, "x", '"' + "x" * (256 * 1024 - 2) + '"')


def test_a_stopped_execution_does_not_go_on(world: World) -> None:
    arn = world.start()
    world.clock.advance(timedelta(days=1))
    assert world.executions.stop(arn, "Erased", "the customer asked") == NINE + timedelta(days=1)
    world.clock.run_until_idle()
    execution = world.executions.describe(arn)
    assert (execution.status, execution.error, execution.cause) == ("ABORTED", "Erased", "the customer asked")
    assert execution.history[-1] == HistoryEvent(NINE + timedelta(days=1), "ExecutionAborted", "")
    assert world.calls == []
    assert world.clock.pending == 0


def test_stopping_before_the_first_step_works(world: World) -> None:
    arn = world.start()
    world.executions.stop(arn)
    world.clock.run_until_idle()
    assert [event.type for event in world.executions.describe(arn).history] == ["ExecutionAborted"]


def test_stopping_a_closed_execution_changes_nothing(world: World) -> None:
    arn = world.start()
    world.clock.advance(timedelta(days=31))
    assert world.executions.stop(arn, "late") == NINE + timedelta(days=30)
    assert world.executions.describe(arn).status == "SUCCEEDED"


def test_a_function_can_stop_the_execution_that_called_it() -> None:
    world = World({"StartAt": "A", "States": {"A": {**TASK, "Next": "B"}, "B": {**TASK, "End": True}}})
    calls: list[Any] = []

    def invoke_and_stop(arn: str, payload: Any) -> Returned | Raised:
        calls.append(payload)
        executions.stop(started[0])
        return Returned({})

    executions = Executions(world.clock, invoke_and_stop, lambda: 0.5)
    started = [executions.start(world.machine, "x")]
    world.clock.run_until_idle()
    assert executions.describe(started[0]).status == "ABORTED"
    assert len(calls) == 1


def test_a_function_can_start_another_execution(world: World) -> None:
    def invoke_and_start(arn: str, payload: Any) -> Returned | Raised:
        if payload["n"] < 3:
            executions.start(machine, f"n{payload['n'] + 1}", json.dumps({"n": payload["n"] + 1}))
        return Returned(payload)

    machine = load(one(**TASK), "chain")
    executions = Executions(world.clock, invoke_and_start, lambda: 0.5)
    executions.start(machine, "n0", '{"n": 0}')
    world.clock.run_until_idle()
    assert [execution.output for execution in executions.list(status="SUCCEEDED")] == [{"n": n} for n in range(4)]


def test_an_unknown_execution_does_not_exist(world: World) -> None:
    with pytest.raises(ExecutionDoesNotExist):
        world.executions.describe(ARN)
    with pytest.raises(ExecutionDoesNotExist):
        world.executions.stop(ARN)


def test_executions_are_listed_in_the_order_they_were_started(world: World) -> None:
    for name in ("b", "a", "c"):
        world.start(name)
    world.start("a")
    world.executions.stop(world.start("d"))
    assert [execution.name for execution in world.executions.list()] == ["b", "a", "c", "d"]
    assert [execution.name for execution in world.executions.list(status="RUNNING")] == ["b", "a", "c"]


def test_an_execution_ends_after_one_year(world: World) -> None:
    arn = world.start(due="2027-06-01T00:00:00Z")
    world.clock.run_until_idle()
    execution = world.executions.describe(arn)
    assert (execution.status, execution.error) == ("TIMED_OUT", "States.Timeout")
    assert execution.closed == NINE + timedelta(days=365)
    assert execution.history[-1].type == "ExecutionTimedOut"
    assert world.calls == []


def test_executions_due_at_one_instant_run_in_the_order_they_began_to_wait(world: World) -> None:
    for name in ("b", "a"):
        world.executions.start(world.machine, name, json.dumps({"due_at": "2026-03-31T09:00:00Z", "name": name}))
    world.clock.run_until_idle()
    assert [payload["name"] for payload in world.calls] == ["b", "a"]


def test_ten_thousand_waiting_executions_are_small_and_need_no_thread(world: World) -> None:
    world.start("warm")
    world.clock.run_due()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(10_000):
        text = json.dumps({"due_at": "2026-03-31T09:00:00Z", "proposal": f"reorder#shop:{number}", "customer": number})
        world.executions.start(world.machine, f"order-{number}", text)
    world.clock.run_due()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(world.executions.list(status="RUNNING")) == 10_001
    assert (after - before) / 10_000 < 8_000
    world.clock.advance(timedelta(days=30))
    assert len(world.calls) == 10_001
