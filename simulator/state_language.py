"""Amazon States Language on the virtual clock: the JSONPath subset that the workflows use, and executions of it.

States: Wait, Task (lambda:invoke or a function ARN), Pass, Succeed, Fail. Everything else (Choice, Map, Parallel, JSONata,
Assign, intrinsic functions, task tokens, any field not named here) is refused by `load`, so that a workflow cannot mean
less here than in the account. Source: states-language.net/spec.html and the Step Functions developer guide.

An execution is a generator that waits in the clock's heap: no thread and no sleep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from simulator.virtual_clock import Handle, VirtualClock

# Quotas: "Quotas related to state machine executions", Step Functions developer guide.
MAXIMUM_PAYLOAD: Final = 256 * 1024
MAXIMUM_DURATION: Final = timedelta(days=365)
MAXIMUM_HISTORY: Final = 25_000
NAME_KEPT_FOR: Final = timedelta(days=90)
MAXIMUM_NAME: Final = 80
MAXIMUM_WAIT_SECONDS: Final = 99_999_999

LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"

RUNTIME: Final = "States.Runtime"
TIMEOUT: Final = "States.Timeout"
DATA_LIMIT: Final = "States.DataLimitExceeded"
RESULT_PATH_FAILURE: Final = "States.ResultPathMatchFailure"
STATES_ERRORS: Final = frozenset(
    {
        "States.ALL", DATA_LIMIT, "States.HeartbeatTimeout", TIMEOUT, "States.TaskFailed", "States.Permissions",
        RESULT_PATH_FAILURE, "States.ParameterPathFailure", "States.BranchFailed", "States.NoChoiceMatched",
        "States.IntrinsicFailure", "States.ExceedToleratedFailureThreshold", "States.ItemReaderFailed",
        "States.ResultWriterFailed", "States.QueryEvaluationError", "States.Http.Socket", RUNTIME,
    }
)  # fmt: skip


class StateLanguageError(ValueError):
    """A definition that cannot be run, naming machine, state and field."""

    def __init__(self, machine: str, place: str, problem: str) -> None:
        super().__init__(f"state machine {machine}: {place}: {problem}" if place else f"state machine {machine}: {problem}")
        self.machine = machine
        self.place = place
        self.problem = problem


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


# --- paths and payload templates -------------------------------------------------------------------------------------


class _Scope(NamedTuple):
    """What `$` and `$$` mean while a state is evaluated."""

    machine: StateMachine
    name: str
    input: Any
    context: RunContext
    machine_id: str

    def context_object(self) -> dict[str, Any]:
        context = self.context
        entered = context.entered or context.start_time
        return {
            "Execution": {
                "Id": context.execution_id,
                "Input": self.input,
                "Name": self.name,
                "StartTime": timestamp(context.start_time),
            },
            "State": {"EnteredTime": timestamp(entered), "Name": context.state, "RetryCount": context.retries},
            "StateMachine": {"Id": self.machine_id, "Name": self.machine.name},
        }


_Template = Callable[[Any, _Scope], Any]
_STEP: Final = re.compile(r"\.([^\W\d][\w-]*)|\[(\d+)\]|\['([^'\\]+)'\]")
_CONTEXT_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "Execution": frozenset({"Id", "Name", "StartTime", "Input"}),
    "State": frozenset({"Name", "EnteredTime", "RetryCount"}),
    "StateMachine": frozenset({"Id", "Name"}),
}


class _StateFailed(Exception):
    """The state reports an error."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class _Path(NamedTuple):
    text: str
    from_context: bool
    steps: tuple[str | int, ...]

    def read(self, data: Any, scope: _Scope, where: str) -> Any:
        here: Any = scope.context_object() if self.from_context else data
        for step in self.steps:
            try:
                if isinstance(step, int) is not isinstance(here, list):
                    raise KeyError(step)
                here = here[step]
            except (KeyError, IndexError, TypeError):
                cause = f"The JSONPath '{self.text}' specified for the field '{where}' could not be found in the input"
                raise _StateFailed(RUNTIME, f"{cause} '{_compact(data)}'") from None
        return here


def _path(text: str, *, context: bool = True) -> _Path:
    """Raises ValueError for what is no reference path of the subset."""
    from_context = text.startswith("$$")
    if from_context and not context:
        raise ValueError("cannot refer to the context object")
    position = 2 if from_context else 1
    steps: list[str | int] = []
    if not text.startswith("$"):
        raise ValueError(f"a path starts with $, not {text!r}")
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise ValueError(f"only reference paths ($.a.b, $.a[0], $['a']) are supported, cannot read {text!r}")
        steps.append(int(found[2]) if found[2] is not None else (found[1] or found[3]))
        position = found.end()
    if from_context and steps:
        known = _CONTEXT_FIELDS.get(str(steps[0]))
        if known is None or (len(steps) > 1 and steps[1] not in known):
            raise ValueError(f"the context object has no {text!r} here")
    return _Path(text, from_context, tuple(steps))


def _template(value: Any) -> _Template:
    """Compile a payload template; ValueError for what is not supported."""
    if isinstance(value, Mapping):
        return _object_template(value)
    if isinstance(value, list | tuple):
        parts = [_template(item) for item in value]
        return lambda data, scope: [part(data, scope) for part in parts]
    return lambda _data, _scope: value


def _object_template(value: Mapping[str, Any]) -> _Template:
    fields: list[tuple[str, _Template]] = []
    for key, inner in value.items():
        name = key[:-2] if key.endswith(".$") else key
        if name in dict(fields):
            raise ValueError(f"{name!r} is given twice")
        fields.append((name, _template(inner) if name == key else _dynamic(key, inner)))
    return lambda data, scope: {name: part(data, scope) for name, part in fields}


def _dynamic(key: str, text: Any) -> _Template:
    if not isinstance(text, str):
        raise ValueError(f"{key!r} needs a path, not {text!r}")
    if not text.startswith("$"):
        raise ValueError(f"{key!r}: intrinsic functions are not supported, and a path starts with $: {text!r}")
    path = _path(text)
    return lambda data, scope: path.read(data, scope, key)


def _put(data: Any, steps: tuple[str | int, ...], value: Any, text: str) -> Any:
    """`data` with `value` at a reference path, as a copy along that path."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, str) and isinstance(data, Mapping):
        return {**data, step: _put(data.get(step, {}), rest, value, text)}
    if isinstance(step, int) and isinstance(data, list) and step < len(data):
        return [_put(item, rest, value, text) if index == step else item for index, item in enumerate(data)]
    raise _StateFailed(RESULT_PATH_FAILURE, f"Unable to apply ResultPath '{text}' to the input '{_compact(data)}'")


# --- states ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """What every state has. `then` is the next state, or None where the execution ends."""

    name: str
    kind: str
    then: str | None
    input_path: _Path | None
    output_path: _Path | None

    def take(self, data: Any, scope: _Scope) -> Any:
        """InputPath; null is an empty object."""
        return {} if self.input_path is None else self.input_path.read(data, scope, "InputPath")

    def give(self, data: Any, scope: _Scope) -> Any:
        """OutputPath; null is an empty object."""
        return {} if self.output_path is None else self.output_path.read(data, scope, "OutputPath")


@dataclass(frozen=True, slots=True)
class WaitState(State):
    """`until` gives the instant from (data, now)."""

    until: Callable[[Any, _Scope, datetime], datetime]


@dataclass(frozen=True, slots=True)
class PassState(State):
    """A fixed result, or its own input shaped by Parameters."""

    result: _Template | None
    parameters: _Template | None
    result_path: _Path | None


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
    result_path: _Path | None


@dataclass(frozen=True, slots=True)
class TaskState(State):
    """One function call. `wrapped` says that the result comes as lambda:invoke gives it."""

    wrapped: bool
    function: _Template
    payload: _Template
    timeout: int | None
    result_selector: _Template | None
    result_path: _Path | None
    retriers: Sequence[Retrier]
    catchers: Sequence[Catcher]


def matches_error(error: str, names: Sequence[str]) -> bool:
    """Whether a retrier or catcher with these ErrorEquals applies ("Handling errors in Step Functions workflows").

    States.Runtime is never retried or caught; States.ALL does not match States.DataLimitExceeded; States.TaskFailed
    matches any error but States.Timeout.
    """
    if error == RUNTIME:
        return False
    if error in names:
        return True
    if error == DATA_LIMIT:
        return False
    return "States.ALL" in names or ("States.TaskFailed" in names and error != TIMEOUT)


# --- loading ---------------------------------------------------------------------------------------------------------

_ROOT: Final = _Path("$", False, ())
_COMMON: Final = frozenset({"Type", "Comment"})
_FLOW: Final = frozenset({"Next", "End"})
_IO: Final = frozenset({"InputPath", "OutputPath"})
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "Wait": _COMMON | _FLOW | _IO | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Pass": _COMMON | _FLOW | _IO | {"Result", "Parameters", "ResultPath"},
    "Task": _COMMON | _FLOW | _IO
    | {"Resource", "Parameters", "ResultSelector", "ResultPath", "TimeoutSeconds", "Retry", "Catch"},
    "Succeed": _COMMON | _IO,
    "Fail": _COMMON | {"Error", "Cause"},
}  # fmt: skip
_FUNCTION_ARN: Final = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d{12}:function:[\w-]{1,64}(:[\w$-]+)?")
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def load(definition: Mapping[str, Any], name: str) -> StateMachine:
    """Check and compile a definition (the parsed ASL, substitutions done).

    Raises StateLanguageError naming machine, state and field for whatever AWS would refuse or this subset does not run.
    """
    return _Loader(definition, name).machine()


class _Loader:
    def __init__(self, definition: Mapping[str, Any], name: str) -> None:
        self.name = name
        self.definition = definition

    def machine(self) -> StateMachine:
        definition = self.definition
        if not isinstance(definition, Mapping):
            raise self.refuse("", "the definition must be an object")
        for key in definition:
            if key not in ("Comment", "StartAt", "States", "Version", "QueryLanguage"):
                raise self.refuse(str(key), "this field is not supported")
        if definition.get("QueryLanguage", "JSONPath") != "JSONPath":
            raise self.refuse("QueryLanguage", "only JSONPath is supported")
        if definition.get("Version", "1.0") != "1.0":
            raise self.refuse("Version", "must be 1.0")
        states = definition.get("States")
        if not isinstance(states, Mapping) or not states:
            raise self.refuse("States", "must be an object with at least one state")
        start = definition.get("StartAt")
        if not isinstance(start, str) or start not in states:
            raise self.refuse("StartAt", f"names no state: {start!r}")
        machine = StateMachine(self.name, start, {key: self.state(key, body) for key, body in states.items()})
        self.check_flow(machine)
        return machine

    def refuse(self, place: str, problem: str) -> StateLanguageError:
        return StateLanguageError(self.name, place, problem)

    def check_flow(self, machine: StateMachine) -> None:
        reached: set[str] = set()
        ahead = [machine.start_at]
        while ahead:
            name = ahead.pop()
            if name in reached:
                continue
            reached.add(name)
            for place, target in _targets(machine.states[name]):
                if target not in machine.states:
                    raise self.refuse(f"state {name}, {place}", f"names no state: {target!r}")
                ahead.append(target)
        for name in machine.states:
            if name not in reached:
                raise self.refuse(f"state {name}", "is not reachable")
        if all(state.then is not None for state in machine.states.values()):
            raise self.refuse("States", "no state ends the execution")

    def state(self, name: str, body: Any) -> State:
        place = f"state {name}"
        if not 1 <= len(name) <= MAXIMUM_NAME:
            raise self.refuse(place, f"a state name has 1 to {MAXIMUM_NAME} characters")
        if not isinstance(body, Mapping):
            raise self.refuse(place, "must be an object")
        kind = body.get("Type")
        if not isinstance(kind, str) or kind not in _FIELDS:
            raise self.refuse(f"{place}, Type", f"{kind!r} is not supported; {', '.join(_FIELDS)} are")
        for key in body:
            if key not in _FIELDS[kind]:
                raise self.refuse(f"{place}, {key}", f"this field is not supported in a {kind} state")
        try:
            return _BUILDERS[kind](self, _Fields(self, name, body))
        except _Refusal as refusal:
            raise self.refuse(f"{place}, {refusal.field}", refusal.problem) from None

    def wait(self, fields: _Fields) -> WaitState:
        given = [key for key in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath") if key in fields.body]
        if len(given) != 1:
            problem = "exactly one of Seconds, SecondsPath, Timestamp, TimestampPath is needed"
            raise _Refusal(given[1] if given else "Seconds", problem)
        return WaitState(*fields.base(), until=_until(given[0], fields))

    def pass_(self, fields: _Fields) -> PassState:
        result = fields.body.get("Result")
        return PassState(
            *fields.base(),
            result=(lambda _data, _scope: result) if "Result" in fields.body else None,
            parameters=fields.template("Parameters"),
            result_path=fields.path("ResultPath", context=False),
        )

    def succeed(self, fields: _Fields) -> State:
        return State(*fields.base(ends=True))

    def fail(self, fields: _Fields) -> FailState:
        return FailState(*fields.base(ends=True), error=fields.text("Error", default=""), cause=fields.text("Cause", default=""))

    def task(self, fields: _Fields) -> TaskState:
        resource = fields.text("Resource")
        wrapped = resource == LAMBDA_INVOKE
        if wrapped:
            function, payload = self.lambda_invoke(fields)
        elif _FUNCTION_ARN.fullmatch(resource):
            function = _template(resource)
            payload = fields.template("Parameters") or (lambda data, _scope: data)
        else:
            raise _Refusal("Resource", f"must be {LAMBDA_INVOKE} or a function ARN, not {resource!r}")
        return TaskState(
            *fields.base(),
            wrapped=wrapped,
            function=function,
            payload=payload,
            timeout=fields.integer("TimeoutSeconds", 1, MAXIMUM_WAIT_SECONDS),
            result_selector=fields.template("ResultSelector"),
            result_path=fields.path("ResultPath", context=False),
            retriers=self.retriers(fields),
            catchers=self.catchers(fields),
        )

    def lambda_invoke(self, fields: _Fields) -> tuple[_Template, _Template]:
        parameters = fields.body.get("Parameters")
        if not isinstance(parameters, Mapping):
            raise _Refusal("Parameters", "lambda:invoke needs Parameters with a FunctionName")
        for key in parameters:
            if key not in ("FunctionName", "FunctionName.$", "Payload", "Payload.$", "InvocationType"):
                raise _Refusal(f"Parameters.{key}", "this parameter is not supported")
        if parameters.get("InvocationType", "RequestResponse") != "RequestResponse":
            raise _Refusal("Parameters.InvocationType", "only RequestResponse is supported")
        function = fields.one_of(parameters, "FunctionName")
        if function is None:
            raise _Refusal("Parameters.FunctionName", "is missing")
        name = parameters.get("FunctionName", "$")
        if not isinstance(name, str) or not name or "${" in name:
            raise _Refusal("Parameters.FunctionName", f"must be a function's name or ARN, not {name!r}")
        return function, fields.one_of(parameters, "Payload") or _template({})

    def retriers(self, fields: _Fields) -> Sequence[Retrier]:
        retriers = []
        known = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"}
        for entry in fields.entries("Retry", known):
            interval = entry.integer("IntervalSeconds", 1, MAXIMUM_WAIT_SECONDS)
            attempts = entry.integer("MaxAttempts", 0, MAXIMUM_WAIT_SECONDS)
            longest = entry.integer("MaxDelaySeconds", 1, 31_622_400)
            backoff = entry.body.get("BackoffRate", 2.0)
            if isinstance(backoff, bool) or not isinstance(backoff, int | float) or backoff < 1:
                raise _Refusal(entry.named("BackoffRate"), f"must be a number from 1.0, not {backoff!r}")
            jitter = entry.body.get("JitterStrategy", "NONE")
            if jitter not in ("FULL", "NONE"):
                raise _Refusal(entry.named("JitterStrategy"), f"must be FULL or NONE, not {jitter!r}")
            interval = 1 if interval is None else interval
            if longest is not None and longest <= interval:
                raise _Refusal(entry.named("MaxDelaySeconds"), "must be greater than IntervalSeconds")
            attempts = 3 if attempts is None else attempts
            retriers.append(Retrier(entry.errors(), interval, attempts, float(backoff), longest, jitter == "FULL"))
        return tuple(retriers)

    def catchers(self, fields: _Fields) -> Sequence[Catcher]:
        return tuple(
            Catcher(entry.errors(), entry.text("Next"), entry.path("ResultPath", context=False))
            for entry in fields.entries("Catch", {"ErrorEquals", "Next", "ResultPath", "Comment"})
        )


class _Refusal(Exception):
    def __init__(self, field_name: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field_name
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Fields:
    """One state, retrier or catcher while it is read. `prefix` is where it stands inside the state."""

    loader: _Loader
    name: str
    body: Mapping[str, Any]
    prefix: str = ""
    last: bool = True

    def named(self, key: str) -> str:
        return f"{self.prefix}{key}"

    def base(self, *, ends: bool = False) -> tuple[str, str, str | None, _Path | None, _Path | None]:
        return (
            self.name,
            str(self.body["Type"]),
            None if ends else self.flow(),
            self.path("InputPath"),
            self.path("OutputPath"),
        )

    def flow(self) -> str | None:
        if "Next" in self.body and "End" in self.body:
            raise _Refusal("End", "Next and End exclude each other")
        if "Next" in self.body:
            return self.text("Next")
        if self.body.get("End") is not True:
            raise _Refusal("Next", "is missing: a state has a Next, or End: true")
        return None

    def text(self, key: str, default: str | None = None) -> str:
        value = self.body.get(key, default)
        if not isinstance(value, str):
            raise _Refusal(self.named(key), "is missing" if value is None else f"must be a string, not {value!r}")
        return value

    def integer(self, key: str, low: int, high: int) -> int | None:
        value = self.body.get(key)
        if key not in self.body:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _Refusal(self.named(key), f"must be a whole number from {low} to {high}, not {value!r}")
        return value

    def path(self, key: str, *, context: bool = True) -> _Path | None:
        text = self.body.get(key, "$")
        if text is None:
            return None
        if not isinstance(text, str):
            raise _Refusal(self.named(key), f"must be a path or null, not {text!r}")
        try:
            return _ROOT if text == "$" else _path(text, context=context)
        except ValueError as problem:
            raise _Refusal(self.named(key), str(problem)) from None

    def template(self, key: str) -> _Template | None:
        if key not in self.body:
            return None
        try:
            return _template(self.body[key])
        except ValueError as problem:
            raise _Refusal(self.named(key), str(problem)) from None

    def one_of(self, parameters: Mapping[str, Any], key: str) -> _Template | None:
        """A parameter given as a constant or as a path, not both."""
        given = {name: value for name, value in parameters.items() if name in (key, f"{key}.$")}
        if not given:
            return None
        try:
            build = _object_template(given)
        except ValueError as problem:
            raise _Refusal(f"Parameters.{key}", str(problem)) from None
        return lambda data, scope: build(data, scope)[key]

    def entries(self, key: str, known: set[str]) -> Iterator[_Fields]:
        entries = self.body.get(key, [])
        if not isinstance(entries, list | tuple):
            raise _Refusal(key, "must be a list")
        for index, body in enumerate(entries):
            prefix = f"{key}[{index}]"
            if not isinstance(body, Mapping):
                raise _Refusal(prefix, "must be an object")
            for name in body:
                if name not in known:
                    raise _Refusal(f"{prefix}.{name}", "this field is not supported")
            yield _Fields(self.loader, self.name, body, f"{prefix}.", last=index == len(entries) - 1)

    def errors(self) -> tuple[str, ...]:
        errors = self.body.get("ErrorEquals")
        where = self.named("ErrorEquals")
        if not isinstance(errors, list | tuple) or not errors or not all(isinstance(name, str) for name in errors):
            raise _Refusal(where, "must be a list of at least one error name")
        for name in errors:
            if name.startswith("States.") and name not in STATES_ERRORS:
                raise _Refusal(where, f"there is no error {name!r}")
        if "States.ALL" in errors and (len(errors) > 1 or not self.last):
            raise _Refusal(where, "States.ALL must stand alone and in the last entry")
        return tuple(errors)


_BUILDERS: Final[Mapping[str, Callable[[_Loader, _Fields], State]]] = {
    "Wait": _Loader.wait,
    "Pass": _Loader.pass_,
    "Task": _Loader.task,
    "Succeed": _Loader.succeed,
    "Fail": _Loader.fail,
}


def _targets(state: State) -> Iterator[tuple[str, str]]:
    if state.then is not None:
        yield "Next", state.then
    if isinstance(state, TaskState):
        for index, catcher in enumerate(state.catchers):
            yield f"Catch[{index}].Next", catcher.then


def _until(key: str, fields: _Fields) -> Callable[[Any, _Scope, datetime], datetime]:
    if key == "Seconds":
        seconds = fields.integer(key, 0, MAXIMUM_WAIT_SECONDS)
        delay = timedelta(seconds=seconds or 0)
        return lambda _data, _scope, now: now + delay
    if key == "Timestamp":
        text = fields.text(key)
        try:
            instant = read_timestamp(text)
        except ValueError as problem:
            raise _Refusal(key, str(problem)) from None
        return lambda _data, _scope, _now: instant
    path = fields.path(key)
    if path is None:
        raise _Refusal(key, "must be a path, not null")
    return partial(_seconds_at if key == "SecondsPath" else _timestamp_at, path)


def _seconds_at(path: _Path, data: Any, scope: _Scope, now: datetime) -> datetime:
    seconds = path.read(data, scope, "SecondsPath")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= MAXIMUM_WAIT_SECONDS:
        raise _StateFailed(RUNTIME, f"The SecondsPath parameter does not reference a valid integer value: {seconds!r}")
    return now + timedelta(seconds=seconds)


def _timestamp_at(path: _Path, data: Any, scope: _Scope, _now: datetime) -> datetime:
    text = path.read(data, scope, "TimestampPath")
    try:
        return read_timestamp(text)
    except ValueError:
        cause = "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string"
        raise _StateFailed(RUNTIME, f"{cause}: {text!r}") from None


def read_timestamp(text: Any) -> datetime:
    """An RFC 3339 timestamp with upper-case T and Z or an offset, as the spec asks. ValueError otherwise."""
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        raise ValueError(f"must be an RFC 3339 timestamp such as 2026-03-01T09:00:00Z, not {text!r}")
    return datetime.fromisoformat(text).astimezone(UTC)


def timestamp(instant: datetime) -> str:
    """Milliseconds and Z, as in the context object."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def _compact(value: Any) -> str:
    return _ENCODER.encode(value)


def _check_size(value: Any, state: str, what: str) -> None:
    size = len(_compact(value).encode())
    if size > MAXIMUM_PAYLOAD:
        cause = f"The state/task '{state}' has {what} with a size exceeding the maximum number of bytes service limit."
        raise _StateFailed(DATA_LIMIT, cause)


# --- running ---------------------------------------------------------------------------------------------------------


def run(machine: StateMachine, name: str, input: Any, context: RunContext) -> Generator[Effect, Outcome, Result]:
    """One execution, as the effects it waits for. `input` is the parsed JSON and is never changed.

    Send None after SleepUntil and Returned or Raised after InvokeFunction; the generator's value is the result.
    History and billable transitions are written to `context`.
    """
    machine_id = context.execution_id.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    scope = _Scope(machine, name, input, context, machine_id)
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
                raise _StateFailed(state.error, state.cause)
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
    except _StateFailed as failure:
        context.history.append(HistoryEvent(context.now(), "ExecutionFailed", ""))
        return Failed(failure.error, failure.cause)
    context.history.append(HistoryEvent(context.now(), "ExecutionSucceeded", ""))
    return Succeeded(data)


def _record(context: RunContext, event_type: str, state: str) -> None:
    if len(context.history) >= MAXIMUM_HISTORY - 1:
        raise _StateFailed(RUNTIME, f"The execution reached the maximum number of history events ({MAXIMUM_HISTORY}).")
    context.history.append(HistoryEvent(context.now(), event_type, state))


def _pass(state: PassState, data: Any, scope: _Scope) -> Any:
    taken = state.take(data, scope)
    if state.parameters is not None:
        taken = state.parameters(taken, scope)
    if state.result is not None:
        taken = state.result(taken, scope)
    result = data if state.result_path is None else _put(data, state.result_path.steps, taken, state.result_path.text)
    return state.give(result, scope)


def _task(state: TaskState, data: Any, scope: _Scope) -> Generator[Effect, Outcome, tuple[Any, str | None]]:
    context = scope.context
    retried = [0] * len(state.retriers)
    while True:
        try:
            return (yield from _attempt(state, data, scope)), state.then
        except _StateFailed as failure:
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
                return (data if path is None else _put(data, path.steps, output, path.text)), catcher.then
        raise _StateFailed(error, cause)


def _attempt(state: TaskState, data: Any, scope: _Scope) -> Generator[Effect, Outcome, Any]:
    context = scope.context
    taken = state.take(data, scope)
    payload = state.payload(taken, scope)
    _check_size(payload, state.name, "an input")
    function = state.function(taken, scope)
    if not isinstance(function, str):
        raise _StateFailed(RUNTIME, f"The FunctionName of the state '{state.name}' is not a string: {function!r}")
    kind = "Task" if state.wrapped else "LambdaFunction"
    _record(context, f"{kind}Scheduled", state.name)
    _record(context, f"{kind}Started", state.name)
    outcome = yield InvokeFunction(function, payload, state.timeout)
    if isinstance(outcome, Raised):
        _record(context, f"{kind}TimedOut" if outcome.error == TIMEOUT else f"{kind}Failed", state.name)
        raise _StateFailed(outcome.error, outcome.cause)
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
    _check_size(result, state.name, "a result")
    if state.result_selector is not None:
        result = state.result_selector(result, scope)
    path = state.result_path
    return state.give(data if path is None else _put(data, path.steps, result, path.text), scope)


# --- executions ------------------------------------------------------------------------------------------------------

RUNNING: Final = "RUNNING"
SUCCEEDED: Final = "SUCCEEDED"
FAILED: Final = "FAILED"
TIMED_OUT: Final = "TIMED_OUT"
ABORTED: Final = "ABORTED"


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

    `invoke(function_arn, payload)` runs a function now and must not change the payload; `uniform` gives numbers in
    [0, 1) for jitter. A started execution takes its first step when the clock next runs what is due.
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
            parsed = json.loads(input)
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
