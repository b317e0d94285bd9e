"""The service: executions by name, on the virtual clock, with their histories."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from simulator.state_language.effects import Effect, HistoryEvent, Outcome, Raised, Result, Returned, SleepUntil, Succeeded
from simulator.state_language.errors import TIMEOUT
from simulator.state_language.machine import RunContext, StateMachine
from simulator.state_language.quotas import MAXIMUM_DURATION, MAXIMUM_NAME, MAXIMUM_PAYLOAD, NAME_KEPT_FOR
from simulator.state_language.running import run
from simulator.virtual_clock import Handle, VirtualClock

RUNNING: Final = "RUNNING"
SUCCEEDED: Final = "SUCCEEDED"
FAILED: Final = "FAILED"
TIMED_OUT: Final = "TIMED_OUT"
ABORTED: Final = "ABORTED"

_DECODE: Final = json.JSONDecoder().decode


class ExecutionError(Exception):
    """StartExecution, StopExecution or DescribeExecution refuses; the class name is AWS's error code."""


class ExecutionAlreadyExists(ExecutionError):
    """The name belongs to an execution with another input, or to one that closed within the last 90 days."""


class ExecutionDoesNotExist(ExecutionError):
    """No execution has this ARN."""


class InvalidName(ExecutionError):
    """The name is too long or has a character that execution names cannot have."""


class InvalidExecutionInput(ExecutionError):
    """The input is not JSON, or larger than 256 KB."""


@dataclass(slots=True)
class Execution:
    """One execution, open or closed. `input` is the JSON text it was started with; `output` is a JSON value.

    `error` and `cause` are set for FAILED, TIMED_OUT and ABORTED. History and `context.transitions` grow as it runs.
    """

    arn: str
    machine: StateMachine
    name: str
    input: str
    context: RunContext
    status: str = RUNNING
    closed: datetime | None = None
    output: Any = None
    error: str | None = None
    cause: str | None = None
    steps: Generator[Effect, Outcome, Result] | None = None
    timer: Handle | None = None

    @property
    def started(self) -> datetime:
        """When StartExecution was called."""
        return self.context.start_time

    @property
    def history(self) -> list[HistoryEvent]:
        """Oldest first."""
        return self.context.history

    @property
    def transitions(self) -> int:
        """As AWS bills: states entered and retries."""
        return self.context.transitions


# "A name must not contain": StartExecution, Step Functions API reference.
_FORBIDDEN_IN_NAME: Final = re.compile(
    '[\\s<>{}\\[\\]?*"#%\\\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f\ufffe\uffff\ud800-\udfff\U0010ffff]'
)


class Executions:
    """All executions of one account and region, driven by the clock.

    `invoke(function_arn, payload)` runs a function now, with a copy of its own; `uniform` gives numbers in [0, 1) for
    jitter. A started execution takes its first step when the clock next runs what is due.
    """

    def __init__(
        self,
        clock: VirtualClock,
        invoke: Callable[[str, Any], Returned | Raised],
        uniform: Callable[[], float],
        *,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        partition: str = "aws",
    ) -> None:
        self._clock = clock
        self._invoke = invoke
        self._uniform = uniform
        self._arn = f"arn:{partition}:states:{region}:{account_id}:execution"
        self._executions: dict[str, Execution] = {}
        self._now = lambda: clock.now
        self.on_close: Callable[[Execution], object] | None = None
        """Told each execution that has just closed, however it did."""

    def start(self, machine: StateMachine, name: str, input: str = "{}") -> str:
        """StartExecution: the execution's ARN.

        An open execution with this name and the same input answers its ARN again. Raises ExecutionAlreadyExists,
        InvalidName, InvalidExecutionInput.
        """
        if not 1 <= len(name) <= MAXIMUM_NAME or _FORBIDDEN_IN_NAME.search(name):
            raise InvalidName(f"Invalid Name: '{name}'")
        if len(input) > MAXIMUM_PAYLOAD or len(input.encode()) > MAXIMUM_PAYLOAD:
            raise InvalidExecutionInput(f"the input is larger than {MAXIMUM_PAYLOAD} bytes")
        try:
            parsed = _DECODE(input)
        except ValueError as problem:
            raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{problem}'") from None
        arn = f"{self._arn}:{machine.name}:{name}"
        now = self._clock.now
        known = self._executions.get(arn)
        if known is not None:
            if known.closed is None and known.input == input:
                return arn
            if known.closed is None or now - known.closed < NAME_KEPT_FOR:
                raise ExecutionAlreadyExists(f"Execution Already Exists: '{arn}'")
            del self._executions[arn]
        context = RunContext(arn, now, self._now, self._uniform)
        execution = Execution(arn, machine, name, input, context)
        execution.steps = run(machine, name, parsed, context)
        self._executions[arn] = execution
        execution.timer = self._clock.at(now, partial(self._resume, execution), machine.name)
        return arn

    def stop(self, arn: str, error: str | None = None, cause: str | None = None) -> datetime:
        """StopExecution: when it closed. Stopping a closed execution changes nothing."""
        execution = self.describe(arn)
        if execution.closed is not None:
            return execution.closed
        return self._close(execution, ABORTED, "ExecutionAborted", error, cause)

    def describe(self, arn: str) -> Execution:
        """The execution itself, which goes on changing; ExecutionDoesNotExist when there is none."""
        try:
            return self._executions[arn]
        except KeyError:
            raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{arn}'") from None

    def list(self, machine: str | None = None, status: str | None = None) -> list[Execution]:
        """Executions in the order they were started, of one machine and in one status if asked."""
        return [
            execution
            for execution in self._executions.values()
            if (machine is None or execution.machine.name == machine) and (status is None or execution.status == status)
        ]

    def _resume(self, execution: Execution) -> None:
        execution.timer = None
        if execution.steps is None:
            return
        outcome: Outcome = None
        while True:
            try:
                effect = execution.steps.send(outcome)
            except StopIteration as end:
                self._finish(execution, end.value)
                return
            if isinstance(effect, SleepUntil):
                self._sleep(execution, effect.instant)
                return
            outcome = self._invoke(effect.function_arn, effect.payload)
            if execution.closed is not None:
                return

    def _sleep(self, execution: Execution, until: datetime) -> None:
        deadline = execution.context.start_time + MAXIMUM_DURATION
        action = self._resume
        if until > deadline:
            until, action = deadline, self._expire
        execution.timer = self._clock.at(until, partial(action, execution), execution.machine.name)

    def _expire(self, execution: Execution) -> None:
        self._close(execution, TIMED_OUT, "ExecutionTimedOut", TIMEOUT, "The execution ran longer than one year.")

    def _finish(self, execution: Execution, result: Result) -> None:
        execution.steps = None
        execution.closed = self._clock.now
        if isinstance(result, Succeeded):
            execution.status, execution.output = SUCCEEDED, result.output
        else:
            execution.status, execution.error, execution.cause = FAILED, result.error, result.cause
        if self.on_close is not None:
            self.on_close(execution)

    def _close(self, execution: Execution, status: str, event: str, error: str | None, cause: str | None) -> datetime:
        if execution.timer is not None:
            execution.timer.cancel()
            execution.timer = None
        if execution.steps is not None:
            execution.steps.close()
            execution.steps = None
        now = self._clock.now
        execution.status, execution.closed, execution.error, execution.cause = status, now, error, cause
        execution.history.append(HistoryEvent(now, event, ""))
        if self.on_close is not None:
            self.on_close(execution)
        return now
