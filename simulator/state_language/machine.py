"""A state machine as it was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from simulator.state_language.effects import HistoryEvent
from simulator.state_language.paths import JsonPath, PayloadTemplate, Scope
from simulator.state_language.quotas import MAXIMUM_WAIT_SECONDS

LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"


@dataclass(slots=True)
class RunContext:
    """What one run is told and what it writes down.

    `now` reads the virtual clock; `uniform` gives numbers in [0, 1) for FULL jitter. `transitions` counts as AWS bills:
    each state entered and each retry.
    """

    execution_id: str
    start_time: datetime
    now: Callable[[], datetime]
    uniform: Callable[[], float]
    history: list[HistoryEvent] = field(default_factory=list)
    transitions: int = 0
    state: str = ""
    entered: datetime | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A definition that `load` accepted."""

    name: str
    start_at: str
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True)
class State:
    """What every state has. `then` is the next state, or None where the execution ends."""

    name: str
    kind: str
    then: str | None
    input_path: JsonPath | None
    output_path: JsonPath | None

    def take(self, data: Any, scope: Scope) -> Any:
        """InputPath; null is an empty object."""
        return {} if self.input_path is None else self.input_path.read(data, scope, "InputPath")

    def give(self, data: Any, scope: Scope) -> Any:
        """OutputPath; null is an empty object."""
        return {} if self.output_path is None else self.output_path.read(data, scope, "OutputPath")


@dataclass(frozen=True, slots=True)
class WaitState(State):
    """`until` gives the instant from (data, now)."""

    until: Callable[[Any, Scope, datetime], datetime]


@dataclass(frozen=True, slots=True)
class PassState(State):
    """A fixed result, or its own input shaped by Parameters."""

    result: PayloadTemplate | None
    parameters: PayloadTemplate | None
    result_path: JsonPath | None


@dataclass(frozen=True, slots=True)
class FailState(State):
    """Ends the execution with an error."""

    error: str
    cause: str


@dataclass(frozen=True, slots=True)
class Retrier:
    """Times are seconds, as in the definition."""

    errors: Sequence[str]
    interval: int
    attempts: int
    backoff: float
    longest: int | None
    full_jitter: bool

    def delay(self, retry: int, uniform: Callable[[], float]) -> timedelta:
        """Before the `retry`-th retry, counted from 1: interval x backoff^(retry - 1), capped, then jittered."""
        # A capped exponent: 1.5 ** 2000 is an OverflowError, and the clock ends long before that.
        seconds = min(self.interval * self.backoff ** min(retry - 1, 200), float(MAXIMUM_WAIT_SECONDS))
        if self.longest is not None:
            seconds = min(seconds, self.longest)
        return timedelta(seconds=seconds * uniform() if self.full_jitter else seconds)


@dataclass(frozen=True, slots=True)
class Catcher:
    """Where to go on, and where the error output is put."""

    errors: Sequence[str]
    then: str
    result_path: JsonPath | None


@dataclass(frozen=True, slots=True)
class TaskState(State):
    """One function call. `wrapped` says that the result comes as lambda:invoke gives it."""

    wrapped: bool
    function: PayloadTemplate
    payload: PayloadTemplate
    timeout: int | None
    result_selector: PayloadTemplate | None
    result_path: JsonPath | None
    retriers: Sequence[Retrier]
    catchers: Sequence[Catcher]
