"""What a running execution asks of the world, what it is answered, and what becomes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple


class SleepUntil(NamedTuple):
    """Resume with None at `instant` (aware UTC)."""

    instant: datetime


class InvokeFunction(NamedTuple):
    """Resume with the outcome of one invocation. `timeout` is the task's TimeoutSeconds, or None.

    Who invokes answers Raised("States.Timeout", cause) when the function takes longer, and must not change `payload`.
    """

    function_arn: str
    payload: Any
    timeout: int | None


class Returned(NamedTuple):
    """A function's result, any JSON value."""

    payload: Any


class Raised(NamedTuple):
    """A function's error: its name (errorType, or Lambda.* for the service's own) and the cause text."""

    error: str
    cause: str


class Succeeded(NamedTuple):
    """How an execution ended well."""

    output: Any


class Failed(NamedTuple):
    """How an execution ended badly; `TIMED_OUT` and `ABORTED` are given by who runs it."""

    error: str
    cause: str


Effect = SleepUntil | InvokeFunction
Outcome = Returned | Raised | None
Result = Succeeded | Failed


class HistoryEvent(NamedTuple):
    """One line of GetExecutionHistory: when, AWS's event type, and the state ("" for the execution's own events)."""

    instant: datetime
    type: str
    state: str
