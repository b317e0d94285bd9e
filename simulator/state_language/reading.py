"""A definition to a state machine; whatever is not run as in the account is refused with the field's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from simulator.state_language.errors import RUNTIME, STATES_ERRORS, StateFailed, StateLanguageError
from simulator.state_language.machine import (
    LAMBDA_INVOKE,
    Catcher,
    FailState,
    PassState,
    Retrier,
    State,
    StateMachine,
    TaskState,
    WaitState,
)
from simulator.state_language.paths import JsonPath, PayloadTemplate, Scope, _object_template, json_path, payload_template
from simulator.state_language.quotas import MAXIMUM_NAME, MAXIMUM_WAIT_SECONDS
from simulator.state_language.timestamps import read_timestamp

_ROOT: Final = JsonPath("$", False, ())
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
            function = payload_template(resource)
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

    def lambda_invoke(self, fields: _Fields) -> tuple[PayloadTemplate, PayloadTemplate]:
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
        return function, fields.one_of(parameters, "Payload") or payload_template({})

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

    def base(self, *, ends: bool = False) -> tuple[str, str, str | None, JsonPath | None, JsonPath | None]:
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

    def path(self, key: str, *, context: bool = True) -> JsonPath | None:
        text = self.body.get(key, "$")
        if text is None:
            return None
        if not isinstance(text, str):
            raise _Refusal(self.named(key), f"must be a path or null, not {text!r}")
        try:
            return _ROOT if text == "$" else json_path(text, context=context)
        except ValueError as problem:
            raise _Refusal(self.named(key), str(problem)) from None

    def template(self, key: str) -> PayloadTemplate | None:
        if key not in self.body:
            return None
        try:
            return payload_template(self.body[key])
        except ValueError as problem:
            raise _Refusal(self.named(key), str(problem)) from None

    def one_of(self, parameters: Mapping[str, Any], key: str) -> PayloadTemplate | None:
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


def _until(key: str, fields: _Fields) -> Callable[[Any, Scope, datetime], datetime]:
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


def _seconds_at(path: JsonPath, data: Any, scope: Scope, now: datetime) -> datetime:
    seconds = path.read(data, scope, "SecondsPath")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= MAXIMUM_WAIT_SECONDS:
        raise StateFailed(RUNTIME, f"The SecondsPath parameter does not reference a valid integer value: {seconds!r}")
    return now + timedelta(seconds=seconds)


def _timestamp_at(path: JsonPath, data: Any, scope: Scope, _now: datetime) -> datetime:
    text = path.read(data, scope, "TimestampPath")
    try:
        return read_timestamp(text)
    except ValueError:
        cause = "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string"
        raise StateFailed(RUNTIME, f"{cause}: {text!r}") from None
