"""One execution as a generator: it gives what it wants done and takes what came of it."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from functools import partial
from typing import Any

from simulator.state_language.effects import (
    Effect,
    Failed,
    HistoryEvent,
    InvokeFunction,
    Outcome,
    Raised,
    Result,
    SleepUntil,
    Succeeded,
)
from simulator.state_language.errors import RUNTIME, TIMEOUT, StateFailed, matches_error
from simulator.state_language.machine import FailState, PassState, RunContext, State, StateMachine, TaskState, WaitState
from simulator.state_language.paths import Scope, put_at
from simulator.state_language.payload import within_size
from simulator.state_language.quotas import MAXIMUM_HISTORY


def run(machine: StateMachine, name: str, input: Any, context: RunContext) -> Generator[Effect, Outcome, Result]:
    """One execution, as the effects it waits for. `input` is the parsed JSON and is never changed.

    Send None after SleepUntil and Returned or Raised after InvokeFunction; the generator's value is the result.
    History and billable transitions are written to `context`.
    """
    machine_id = context.execution_id.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    scope = Scope(machine, name, input, context, machine_id)
    data = input
    record = partial(_record, context)
    record("ExecutionStarted", "")
    state: State | None = machine.states[machine.start_at]
    try:
        while state is not None:
            context.state, context.entered, context.retries = state.name, context.now(), 0
            context.transitions += 1
            record(f"{state.kind}StateEntered", state.name)
            if isinstance(state, FailState):
                raise StateFailed(state.error, state.cause)
            if isinstance(state, WaitState):
                data = state.take(data, scope)
                until = state.until(data, scope, context.now())
                if until > context.now():
                    yield SleepUntil(until)
                data, then = state.give(data, scope), state.then
            elif isinstance(state, TaskState):
                data, then = yield from _task(state, data, scope)
            elif isinstance(state, PassState):
                data, then = _pass(state, data, scope), state.then
            else:
                data, then = state.give(state.take(data, scope), scope), state.then
            record(f"{state.kind}StateExited", state.name)
            state = None if then is None else machine.states[then]
    except StateFailed as failure:
        context.history.append(HistoryEvent(context.now(), "ExecutionFailed", ""))
        return Failed(failure.error, failure.cause)
    context.history.append(HistoryEvent(context.now(), "ExecutionSucceeded", ""))
    return Succeeded(data)


def _record(context: RunContext, event_type: str, state: str) -> None:
    history = context.history
    if len(history) >= MAXIMUM_HISTORY - 1:
        raise StateFailed(RUNTIME, f"The execution reached the maximum number of history events ({MAXIMUM_HISTORY}).")
    history.append(HistoryEvent(context.now(), event_type, state))


def _pass(state: PassState, data: Any, scope: Scope) -> Any:
    taken = state.take(data, scope)
    if state.parameters is not None:
        taken = state.parameters(taken, scope)
    if state.result is not None:
        taken = state.result(taken, scope)
    result = data if state.result_path is None else put_at(data, state.result_path.steps, taken, state.result_path.text)
    return state.give(result, scope)


def _task(state: TaskState, data: Any, scope: Scope) -> Generator[Effect, Outcome, tuple[Any, str | None]]:
    context = scope.context
    retried = [0] * len(state.retriers)
    while True:
        try:
            return (yield from _attempt(state, data, scope)), state.then
        except StateFailed as failure:
            error, cause = failure.error, failure.cause
        retrier = next((i for i, each in enumerate(state.retriers) if matches_error(error, each.errors)), None)
        if retrier is not None and retried[retrier] < state.retriers[retrier].attempts:
            retried[retrier] += 1
            context.retries += 1
            context.transitions += 1
            delay = state.retriers[retrier].delay(retried[retrier], context.uniform)
            if delay > timedelta(0):
                yield SleepUntil(context.now() + delay)
            continue
        for catcher in state.catchers:
            if matches_error(error, catcher.errors):
                output = {"Error": error, "Cause": cause}
                path = catcher.result_path
                return (data if path is None else put_at(data, path.steps, output, path.text)), catcher.then
        raise StateFailed(error, cause)


def _attempt(state: TaskState, data: Any, scope: Scope) -> Generator[Effect, Outcome, Any]:
    context = scope.context
    taken = state.take(data, scope)
    payload = within_size(state.payload(taken, scope), state.name, "an input")
    function = state.function(taken, scope)
    if not isinstance(function, str):
        raise StateFailed(RUNTIME, f"The FunctionName of the state '{state.name}' is not a string: {function!r}")
    kind = "Task" if state.wrapped else "LambdaFunction"
    _record(context, f"{kind}Scheduled", state.name)
    _record(context, f"{kind}Started", state.name)
    outcome = yield InvokeFunction(function, payload, state.timeout)
    if isinstance(outcome, Raised):
        _record(context, f"{kind}TimedOut" if outcome.error == TIMEOUT else f"{kind}Failed", state.name)
        raise StateFailed(outcome.error, outcome.cause)
    if outcome is None:
        raise TypeError(f"state machine {scope.machine.name}: an invocation needs an outcome")
    _record(context, f"{kind}Succeeded", state.name)
    result: Any = outcome.payload
    if state.wrapped:
        result = {
            "ExecutedVersion": "$LATEST",
            "Payload": result,
            "SdkHttpMetadata": {"HttpStatusCode": 200},
            "StatusCode": 200,
        }
    result = within_size(result, state.name, "a result")
    if state.result_selector is not None:
        result = state.result_selector(result, scope)
    path = state.result_path
    return state.give(data if path is None else put_at(data, path.steps, result, path.text), scope)
