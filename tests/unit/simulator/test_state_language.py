from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.state_language import (
    DATA_LIMIT,
    Execution,
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    Executions,
    Failed,
    HistoryEvent,
    InvalidExecutionInput,
    InvalidName,
    InvokeFunction,
    Raised,
    Returned,
    RunContext,
    SleepUntil,
    StateLanguageError,
    Succeeded,
    load,
    matches_error,
    run,
)
from simulator.virtual_clock import VirtualClock

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:remind"
ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:x"


def machine_of(definition: dict[str, Any]) -> Any:
    return load(definition, "orders")


def one(**state: Any) -> dict[str, Any]:
    """A machine of one state, A, that ends."""
    if state.get("Type") not in ("Succeed", "Fail") and "Next" not in state:
        state.setdefault("End", True)
    return {"StartAt": "A", "States": {"A": state}}


def invoke(**extra: Any) -> dict[str, Any]:
    parameters = extra.pop("Parameters", {"FunctionName": FUNCTION, "Payload.$": "$"})
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, **extra}


def finish(
    definition: dict[str, Any],
    input: Any = None,
    function: Callable[[Any], Any] = lambda payload: payload,
    uniform: Callable[[], float] = lambda: 0.5,
) -> tuple[Execution, list[Any], VirtualClock]:
    """Run to the end; gives the execution, (instant, arn, payload) of each call, and the clock."""
    clock = VirtualClock(NINE)
    calls: list[Any] = []

    def call(arn: str, payload: Any) -> Returned | Raised:
        calls.append((clock.now - NINE, arn, payload))
        answer = function(payload)
        return answer if isinstance(answer, Raised) else Returned(answer)

    executions = Executions(clock, call, uniform)
    arn = executions.start(machine_of(definition), "x", json.dumps({} if input is None else input))
    assert clock.run_until_idle(timedelta(days=4000))
    return executions.describe(arn), calls, clock


def output(definition: dict[str, Any], input: Any = None, **how: Any) -> Any:
    execution, _, _ = finish(definition, input, **how)
    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    return execution.output


def failure(definition: dict[str, Any], input: Any = None, **how: Any) -> tuple[str | None, str]:
    execution, _, _ = finish(definition, input, **how)
    assert execution.status == "FAILED"
    return execution.error, execution.cause or ""


class Flaky:
    """Raises the given errors one after another, then answers."""

    def __init__(self, *errors: str, answer: Any = "done") -> None:
        self.errors = list(errors)
        self.answer = answer

    def __call__(self, payload: Any) -> Any:
        return Raised(self.errors.pop(0), "because") if self.errors else self.answer


# --- loading


REORDER = {
    "Comment": "From a delivered order to one reorder proposal, when the product is about to run out.",
    "StartAt": "WaitUntilDue",
    "States": {
        "WaitUntilDue": {"Type": "Wait", "TimestampPath": "$.due_at", "Next": "DecideAgain"},
        "DecideAgain": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": FUNCTION, "Payload.$": "$"},
            "Retry": [
                {
                    "ErrorEquals": ["Lambda.ServiceException", "Lambda.TooManyRequestsException"],
                    "IntervalSeconds": 2,
                    "MaxAttempts": 5,
                    "BackoffRate": 2,
                    "JitterStrategy": "FULL",
                }
            ],
            "End": True,
        },
    },
}


def test_a_workflow_waits_until_it_is_due_and_calls_its_function() -> None:
    due = {"due_at": "2026-04-20T08:00:00Z", "order": "shop:1"}
    execution, calls, clock = finish(REORDER, due, function=lambda payload: {"outcome": "proposed"})
    assert calls == [(datetime(2026, 4, 20, 8, tzinfo=UTC) - NINE, FUNCTION, due)]
    assert execution.status == "SUCCEEDED"
    assert execution.output["Payload"] == {"outcome": "proposed"}
    assert clock.now == execution.closed == datetime(2026, 4, 20, 8, tzinfo=UTC)


TASK = {"Type": "Task", "Resource": FUNCTION}
REFUSED: list[tuple[str, Any, str]] = [
    ("a list", [], "orders: the definition must be an object"),
    ("no states", {"StartAt": "A", "States": {}}, "States: must be an object"),
    ("no StartAt", {"States": {"A": {"Type": "Succeed"}}}, "StartAt: names no state: None"),
    ("StartAt elsewhere", {"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}, "StartAt: names no state: 'B'"),
    ("a machine timeout", {**one(Type="Succeed"), "TimeoutSeconds": 5}, "TimeoutSeconds: this field is not supported"),
    ("a machine ProcessorConfig", {**one(Type="Succeed"), "ProcessorConfig": {}}, "ProcessorConfig"),
    ("JSONata", {**one(Type="Succeed"), "QueryLanguage": "JSONata"}, "QueryLanguage: only JSONPath"),
    ("another version", {**one(Type="Succeed"), "Version": "2.0"}, "Version"),
    ("JSONata in a state", one(Type="Pass", QueryLanguage="JSONata"), "state A, QueryLanguage"),
    ("JSONata output", one(Type="Pass", Output="{% $x %}"), "state A, Output"),
    ("JSONata arguments", one(**TASK, Arguments={}), "state A, Arguments"),
    ("Assign", one(Type="Pass", Assign={"x": 1}), "state A, Assign: this field is not supported in a Pass state"),
    ("no type", one(), "state A, Type: None is not supported; Wait, Pass, Task, Succeed, Fail are"),
    ("a type that is no string", one(Type=["Pass"]), "state A, Type"),
    ("Choice", one(Type="Choice", Choices=[]), "state A, Type: 'Choice' is not supported"),
    ("Map", one(Type="Map"), "state A, Type: 'Map'"),
    ("Parallel", one(Type="Parallel", Branches=[]), "state A, Type: 'Parallel'"),
    ("a state that is no object", {"StartAt": "A", "States": {"A": 1}}, "state A: must be an object"),
    ("a long state name", {"StartAt": "A" * 81, "States": {"A" * 81: {"Type": "Succeed"}}}, "1 to 80 characters"),
    ("an unknown field", one(Type="Pass", Nxt="B"), "state A, Nxt"),
    ("Next to nowhere", one(Type="Pass", Next="B"), "state A, Next: names no state: 'B'"),
    ("neither Next nor End", {"StartAt": "A", "States": {"A": {"Type": "Pass"}}}, "state A, Next: is missing"),
    ("End: false", one(Type="Pass", End=False), "state A, Next: is missing"),
    ("Next and End",
     {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B", "End": True}, "B": {"Type": "Succeed"}}},
     "state A, End: Next and End exclude each other"),
    ("Next in Succeed", one(Type="Succeed", Next="A"), "state A, Next"),
    ("End in Fail", one(Type="Fail", End=True), "state A, End"),
    ("an unreachable state",
     {"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}}, "state B: is not reachable"),
    ("no end",
     {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}},
     "States: no state ends the execution"),
    ("a wait for nothing", one(Type="Wait"), "state A, Seconds: exactly one of"),
    ("two waits", one(Type="Wait", Seconds=1, Timestamp="2026-01-01T00:00:00Z"), "state A, Timestamp: exactly one of"),
    ("negative seconds", one(Type="Wait", Seconds=-1), "state A, Seconds: must be a whole number"),
    ("too many seconds", one(Type="Wait", Seconds=100_000_000), "state A, Seconds"),
    ("half seconds", one(Type="Wait", Seconds=1.5), "state A, Seconds"),
    ("true seconds", one(Type="Wait", Seconds=True), "state A, Seconds"),
    ("a timestamp without a zone", one(Type="Wait", Timestamp="2026-01-01T00:00:00"), "state A, Timestamp: must be an RFC"),
    ("a timestamp in lower case", one(Type="Wait", Timestamp="2026-01-01t00:00:00z"), "state A, Timestamp"),
    ("a timestamp that is no date", one(Type="Wait", Timestamp="2026-02-30T00:00:00Z"), "state A, Timestamp"),
    ("a null wait path", one(Type="Wait", SecondsPath=None), "state A, SecondsPath: must be a path"),
    ("a wait with a ResultPath", one(Type="Wait", Seconds=1, ResultPath="$.x"), "state A, ResultPath"),
    ("a wildcard path", one(Type="Pass", InputPath="$.a[*]"), "state A, InputPath: only reference paths"),
    ("a filter path", one(Type="Pass", InputPath="$.a[?(@.b)]"), "state A, InputPath"),
    ("a descendant path", one(Type="Pass", OutputPath="$..a"), "state A, OutputPath"),
    ("a slice path", one(Type="Pass", OutputPath="$.a[0:2]"), "state A, OutputPath"),
    ("a path without $", one(Type="Pass", OutputPath="a.b"), "state A, OutputPath: a path starts with"),
    ("a path that is a number", one(Type="Pass", OutputPath=1), "state A, OutputPath: must be a path or null"),
    ("a result path into the context", one(Type="Pass", ResultPath="$$.x"), "state A, ResultPath: cannot refer"),
    ("an unknown context field", one(Type="Pass", Parameters={"a.$": "$$.Task.Token"}), "state A, Parameters: the context"),
    ("an unknown context subfield", one(Type="Pass", Parameters={"a.$": "$$.Execution.RoleArn"}), "context object has no"),
    ("an intrinsic function",
     one(Type="Pass", Parameters={"a.$": "States.Format('{}', $.x)"}), "state A, Parameters: .*intrinsic functions"),
    ("a dynamic field with a number", one(Type="Pass", Parameters={"a.$": 1}), "state A, Parameters: 'a.\\$' needs a path"),
    ("a field twice", one(Type="Pass", Parameters={"a": 1, "a.$": "$.x"}), "state A, Parameters: 'a' is given twice"),
    ("an intrinsic deep inside",
     one(Type="Pass", Parameters={"a": [{"b.$": "States.UUID()"}]}), "state A, Parameters: .*intrinsic functions"),
    ("a Pass with a ResultSelector", one(Type="Pass", ResultSelector={}), "state A, ResultSelector"),
    ("a Pass with a Retry", one(Type="Pass", Retry=[]), "state A, Retry"),
    ("a task without a resource", one(Type="Task"), "state A, Resource: is missing"),
    ("an activity", one(Type="Task", Resource="arn:aws:states:us-east-1:123456789012:activity:x"), "state A, Resource"),
    ("another service", one(Type="Task", Resource="arn:aws:states:::sqs:sendMessage"), "state A, Resource: must be"),
    ("a task token", one(Type="Task", Resource="arn:aws:states:::lambda:invoke.waitForTaskToken"), "state A, Resource"),
    ("a substitution that was not made", one(Type="Task", Resource="${RemindFunctionArn}"), "state A, Resource"),
    ("lambda:invoke without parameters", one(Type="Task", Resource="arn:aws:states:::lambda:invoke"), "Parameters: lambda"),
    ("lambda:invoke without a function", one(**invoke(Parameters={"Payload": {}})), "Parameters.FunctionName: is missing"),
    ("lambda:invoke with an open substitution",
     one(**invoke(Parameters={"FunctionName": "${FunctionArn}"})), "Parameters.FunctionName: must be a function's name"),
    ("lambda:invoke with a function object", one(**invoke(Parameters={"FunctionName": {"Ref": "F"}})), "FunctionName"),
    ("lambda:invoke with both names",
     one(**invoke(Parameters={"FunctionName": "f", "FunctionName.$": "$.f"})), "'FunctionName' is given twice"),
    ("lambda:invoke as an event",
     one(**invoke(Parameters={"FunctionName": "f", "InvocationType": "Event"})), "only RequestResponse"),
    ("lambda:invoke with an unknown parameter",
     one(**invoke(Parameters={"FunctionName": "f", "Body": 1})), "Parameters.Body"),
    ("a heartbeat", one(**TASK, HeartbeatSeconds=5), "state A, HeartbeatSeconds"),
    ("a timeout path", one(**TASK, TimeoutSecondsPath="$.t"), "state A, TimeoutSecondsPath"),
    ("a timeout of nothing", one(**TASK, TimeoutSeconds=0), "state A, TimeoutSeconds"),
    ("a retry that is no list", one(**TASK, Retry={}), "state A, Retry: must be a list"),
    ("a retrier that is no object", one(**TASK, Retry=["x"]), r"state A, Retry\[0\]: must be an object"),
    ("a retrier without errors", one(**TASK, Retry=[{}]), r"Retry\[0\].ErrorEquals: must be a list of at least one"),
    ("a retrier with no error", one(**TASK, Retry=[{"ErrorEquals": []}]), r"Retry\[0\].ErrorEquals"),
    ("a misspelt States error", one(**TASK, Retry=[{"ErrorEquals": ["States.All"]}]), "there is no error 'States.All'"),
    ("States.ALL in company", one(**TASK, Retry=[{"ErrorEquals": ["States.ALL", "X"]}]), "States.ALL must stand alone"),
    ("States.ALL before another",
     one(**TASK, Retry=[{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"]}]), r"Retry\[0\].ErrorEquals: States.ALL"),
    ("a retrier with an unknown field", one(**TASK, Retry=[{"ErrorEquals": ["X"], "Max": 1}]), r"Retry\[0\].Max"),
    ("an interval of nothing", one(**TASK, Retry=[{"ErrorEquals": ["X"], "IntervalSeconds": 0}]), "IntervalSeconds"),
    ("negative attempts", one(**TASK, Retry=[{"ErrorEquals": ["X"], "MaxAttempts": -1}]), "MaxAttempts"),
    ("a shrinking backoff", one(**TASK, Retry=[{"ErrorEquals": ["X"], "BackoffRate": 0.5}]), "BackoffRate"),
    ("a backoff of true", one(**TASK, Retry=[{"ErrorEquals": ["X"], "BackoffRate": True}]), "BackoffRate"),
    ("an unknown jitter", one(**TASK, Retry=[{"ErrorEquals": ["X"], "JitterStrategy": "HALF"}]), "JitterStrategy"),
    ("a cap below the interval",
     one(**TASK, Retry=[{"ErrorEquals": ["X"], "IntervalSeconds": 9, "MaxDelaySeconds": 9}]), "MaxDelaySeconds"),
    ("a catcher without Next", one(**TASK, Catch=[{"ErrorEquals": ["X"]}]), r"Catch\[0\].Next: is missing"),
    ("a catcher to nowhere", one(**TASK, Catch=[{"ErrorEquals": ["X"], "Next": "B"}]), r"Catch\[0\].Next: names no state"),
    ("a catcher with Output", one(**TASK, Catch=[{"ErrorEquals": ["X"], "Next": "A", "Output": 1}]), r"Catch\[0\].Output"),
    ("a Fail with a path", one(Type="Fail", ErrorPath="$.e"), "state A, ErrorPath"),
    ("a Fail with a number", one(Type="Fail", Error=5), "state A, Error: must be a string"),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "problem"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_definition_is_refused_by_machine_state_and_field(definition: Any, problem: str) -> None:
    with pytest.raises(StateLanguageError, match=problem) as refused:
        load(definition, "orders")
    assert str(refused.value).startswith("state machine orders: ")


def test_comments_and_the_version_are_allowed() -> None:
    load({"Comment": "why", "Version": "1.0", **one(Type="Succeed", Comment="the end")}, "orders")


# --- Wait


@pytest.mark.parametrize(
    ("wait", "input", "expected"),
    [
        ({"Seconds": 90}, {}, timedelta(seconds=90)),
        ({"Seconds": 0}, {}, timedelta(0)),
        ({"SecondsPath": "$.wait.seconds"}, {"wait": {"seconds": 5}}, timedelta(seconds=5)),
        ({"SecondsPath": "$.waits[1]"}, {"waits": [1, 7]}, timedelta(seconds=7)),
        ({"Timestamp": "2026-03-01T10:00:00Z"}, {}, timedelta(hours=1)),
        ({"Timestamp": "2026-03-01T12:00:00.250+02:00"}, {}, timedelta(hours=1, milliseconds=250)),
        ({"TimestampPath": "$.at"}, {"at": "2026-03-02T09:00:00Z"}, timedelta(days=1)),
        ({"TimestampPath": "$.at"}, {"at": "2020-01-01T00:00:00Z"}, timedelta(0)),
        ({"TimestampPath": "$$.Execution.StartTime"}, {}, timedelta(0)),
    ],
)
def test_a_wait_ends_at(wait: dict[str, Any], input: Any, expected: timedelta) -> None:
    execution, _, clock = finish(one(Type="Wait", **wait), input)
    assert execution.status == "SUCCEEDED"
    assert clock.now - NINE == expected
    assert execution.output == input


@pytest.mark.parametrize(
    ("wait", "input", "cause"),
    [
        ({"SecondsPath": "$.s"}, {}, "The JSONPath '$.s' specified for the field 'SecondsPath' could not be found"),
        ({"SecondsPath": "$.s"}, {"s": -1}, "valid integer"),
        ({"SecondsPath": "$.s"}, {"s": "5"}, "valid integer"),
        ({"SecondsPath": "$.s"}, {"s": True}, "valid integer"),
        ({"TimestampPath": "$.t"}, {"t": "tomorrow"}, "valid ISO-8601"),
        ({"TimestampPath": "$.t"}, {"t": "2026-13-01T00:00:00Z"}, "valid ISO-8601"),
        ({"TimestampPath": "$.t"}, {"t": 5}, "valid ISO-8601"),
    ],
)
def test_a_wait_for_something_unreadable_fails_the_execution(wait: dict[str, Any], input: Any, cause: str) -> None:
    error, found = failure(one(Type="Wait", **wait), input)
    assert error == "States.Runtime"
    assert cause in found


def test_a_wait_filters_its_input_and_output() -> None:
    assert output(one(Type="Wait", Seconds=1, InputPath="$.a", OutputPath="$.b"), {"a": {"b": [1]}}) == [1]


# --- Pass, Succeed, Fail, paths


@pytest.mark.parametrize(
    ("state", "input", "expected"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"Result": {"r": 1}}, {"a": 1}, {"r": 1}),
        ({"Result": None}, {"a": 1}, None),
        ({"Result": 5, "ResultPath": "$.r"}, {"a": 1}, {"a": 1, "r": 5}),
        ({"Result": 5, "ResultPath": "$.x.y"}, {"a": 1}, {"a": 1, "x": {"y": 5}}),
        ({"Result": 5, "ResultPath": "$.x.y"}, {"x": {"z": 1}}, {"x": {"z": 1, "y": 5}}),
        ({"Result": 5, "ResultPath": "$.x[1].y"}, {"x": [0, {}]}, {"x": [0, {"y": 5}]}),
        ({"Result": 5, "ResultPath": "$['x y']"}, {}, {"x y": 5}),
        ({"Result": 5, "ResultPath": None}, {"a": 1}, {"a": 1}),
        ({"InputPath": "$.a"}, {"a": {"b": 1}}, {"b": 1}),
        ({"InputPath": None}, {"a": 1}, {}),
        ({"OutputPath": None}, {"a": 1}, {}),
        ({"OutputPath": "$.a.b[0]"}, {"a": {"b": [7]}}, 7),
        ({"InputPath": "$.a", "ResultPath": "$.copy"}, {"a": 1}, {"a": 1, "copy": 1}),
        ({"Parameters": {"fixed": True, "x.$": "$.a", "all.$": "$", "deep": {"y.$": "$.a"}}}, {"a": 1},
         {"fixed": True, "x": 1, "all": {"a": 1}, "deep": {"y": 1}}),
        ({"Parameters": {"list": [1, {"x.$": "$.a"}]}}, {"a": 2}, {"list": [1, {"x": 2}]}),
        ({"Parameters": {"$": 1, "price.$$": 2}}, {}, {"$": 1, "price.$$": 2}),
        ({"InputPath": "$.a", "Parameters": {"x.$": "$.b"}}, {"a": {"b": 3}}, {"x": 3}),
        ({"Parameters": {"x.$": "$.a-b.c_d"}}, {"a-b": {"c_d": 1}}, {"x": 1}),
    ],
)  # fmt: skip
def test_a_pass_state_gives(state: dict[str, Any], input: Any, expected: Any) -> None:
    assert output(one(Type="Pass", **state), input) == expected


def test_the_context_object_says_who_runs() -> None:
    context = output(
        one(
            Type="Pass",
            Parameters={
                "execution.$": "$$.Execution",
                "state.$": "$$.State",
                "machine.$": "$$.StateMachine",
                "order.$": "$$.Execution.Input.order",
            },
        ),
        {"order": "shop:1"},
    )
    assert context == {
        "execution": {"Id": ARN, "Input": {"order": "shop:1"}, "Name": "x", "StartTime": "2026-03-01T09:00:00.000Z"},
        "state": {"EnteredTime": "2026-03-01T09:00:00.000Z", "Name": "A", "RetryCount": 0},
        "machine": {"Id": "arn:aws:states:us-east-1:123456789012:stateMachine:orders", "Name": "orders"},
        "order": "shop:1",
    }


@pytest.mark.parametrize(
    ("state", "input"),
    [
        ({"InputPath": "$.nope"}, {}),
        ({"InputPath": "$.a.b"}, {"a": None}),
        ({"InputPath": "$.a.b"}, {"a": "text"}),
        ({"InputPath": "$.a[0]"}, {"a": "text"}),
        ({"InputPath": "$.a[2]"}, {"a": [1, 2]}),
        ({"InputPath": "$.a.b"}, {"a": [1]}),
        ({"OutputPath": "$.nope"}, {}),
        ({"Parameters": {"x.$": "$.nope"}}, {}),
        ({"Parameters": {"x.$": "$$.Execution.Input.nope"}}, {}),
    ],
)
def test_a_path_that_selects_nothing_fails_the_execution(state: dict[str, Any], input: Any) -> None:
    error, cause = failure(one(Type="Pass", **state), input)
    assert error == "States.Runtime"
    assert "could not be found in the input" in cause


@pytest.mark.parametrize(("path", "input"), [("$.a", "text"), ("$.a.b", {"a": 1}), ("$.a[5]", {"a": []}), ("$.a[0]", {"a": {}})])
def test_a_result_path_that_does_not_fit_the_input_fails(path: str, input: Any) -> None:
    assert failure(one(Type="Pass", Result=1, ResultPath=path), input)[0] == "States.ResultPathMatchFailure"


def test_a_result_path_leaves_the_input_of_the_execution_alone() -> None:
    definition = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Result": 2, "ResultPath": "$.a.b", "Next": "B"},
            "B": {"Type": "Pass", "Parameters": {"was.$": "$$.Execution.Input", "is.$": "$"}, "End": True},
        },
    }
    assert output(definition, {"a": {"b": 1}}) == {"was": {"a": {"b": 1}}, "is": {"a": {"b": 2}}}


def test_succeed_ends_with_its_filtered_input() -> None:
    assert output(one(Type="Succeed", InputPath="$.a", OutputPath="$.b"), {"a": {"b": 1}}) == 1


def test_fail_ends_with_its_error_and_cause() -> None:
    assert failure(one(Type="Fail", Error="OutOfStock", Cause="none left")) == ("OutOfStock", "none left")
    assert failure(one(Type="Fail")) == ("", "")


# --- Task


def test_lambda_invoke_wraps_the_result() -> None:
    result = output(one(**invoke()), {"a": 1}, function=lambda payload: {"got": payload})
    assert result["Payload"] == {"got": {"a": 1}}
    assert result["StatusCode"] == 200
    assert result["ExecutedVersion"] == "$LATEST"
    assert result["SdkHttpMetadata"]["HttpStatusCode"] == 200


def test_a_function_arn_gives_its_result_bare() -> None:
    execution, calls, _ = finish(one(**TASK), {"a": 1}, function=lambda payload: {"got": payload})
    assert execution.output == {"got": {"a": 1}}
    assert calls == [(timedelta(0), FUNCTION, {"a": 1})]


def test_a_function_arn_takes_parameters_as_its_payload() -> None:
    assert output(one(**TASK, Parameters={"x.$": "$.a", "k": 1}), {"a": 5}) == {"x": 5, "k": 1}


def test_lambda_invoke_takes_the_function_from_the_input() -> None:
    _, calls, _ = finish(one(**invoke(Parameters={"FunctionName.$": "$.f", "Payload": {"k": 1}})), {"f": "remind"})
    assert calls == [(timedelta(0), "remind", {"k": 1})]


def test_lambda_invoke_without_a_payload_sends_an_empty_object() -> None:
    _, calls, _ = finish(one(**invoke(Parameters={"FunctionName": FUNCTION})), {"a": 1})
    assert calls[0][2] == {}


def test_a_function_name_that_is_no_string_fails() -> None:
    assert failure(one(**invoke(Parameters={"FunctionName.$": "$.f"})), {"f": 5})[0] == "States.Runtime"


def test_result_selector_result_path_and_output_path_apply_in_this_order() -> None:
    state = invoke(ResultSelector={"outcome.$": "$.Payload.outcome"}, ResultPath="$.task", OutputPath="$.task.outcome")
    assert output(one(**state), {"a": 1}, function=lambda payload: {"outcome": "sent"}) == "sent"


def test_a_result_path_keeps_the_raw_input_not_the_filtered_one() -> None:
    state = {**TASK, "InputPath": "$.a", "ResultPath": "$.r"}
    assert output(one(**state), {"a": 1, "b": 2}) == {"a": 1, "b": 2, "r": 1}


def test_a_null_result_path_discards_the_result() -> None:
    assert output(one(**TASK, ResultPath=None), {"a": 1}, function=lambda payload: "gone") == {"a": 1}


def test_the_timeout_is_told_to_whoever_invokes() -> None:
    context = RunContext(ARN, NINE, lambda: NINE, lambda: 0.5)
    steps = run(machine_of(one(**TASK, TimeoutSeconds=30)), "x", {}, context)
    assert next(steps) == InvokeFunction(FUNCTION, {}, 30)


def test_an_error_without_retry_or_catch_fails_the_execution() -> None:
    assert failure(one(**invoke()), function=Flaky("ValueError")) == ("ValueError", "because")


# --- Retry and Catch


def retrying(*retriers: dict[str, Any]) -> dict[str, Any]:
    return one(**TASK, Retry=list(retriers))


def times(calls: list[Any]) -> list[float]:
    return [call[0].total_seconds() for call in calls]


def test_a_retry_backs_off_from_one_second_doubling_three_times_by_default() -> None:
    execution, calls, _ = finish(retrying({"ErrorEquals": ["E"]}), function=Flaky("E", "E", "E"))
    assert times(calls) == [0, 1, 3, 7]
    assert execution.output == "done"


def test_a_retry_gives_up_after_its_attempts() -> None:
    execution, calls, _ = finish(retrying({"ErrorEquals": ["E"], "MaxAttempts": 2}), function=Flaky(*"EEEE"))
    assert len(calls) == 3
    assert (execution.status, execution.error) == ("FAILED", "E")


def test_a_retry_with_no_attempts_never_retries() -> None:
    retriers = {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}
    _, calls, _ = finish(retrying(*retriers), function=Flaky("States.Timeout"))
    assert len(calls) == 1
    _, calls, _ = finish(retrying(*retriers), function=Flaky("Other"))
    assert len(calls) == 2


def test_the_first_matching_retrier_decides() -> None:
    retriers = {"ErrorEquals": ["E"], "IntervalSeconds": 10}, {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}
    _, calls, _ = finish(retrying(*retriers), function=Flaky("E"))
    assert times(calls) == [0, 10]


def test_each_retrier_counts_its_own_attempts_across_the_visit() -> None:
    retriers = (
        {"ErrorEquals": ["ErrorA", "ErrorB"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 2},
        {"ErrorEquals": ["ErrorC"], "IntervalSeconds": 5},
    )
    definition = {
        "StartAt": "X",
        "States": {
            "X": {**TASK, "Retry": list(retriers), "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}], "End": True},
            "Z": {"Type": "Pass", "End": True},
        },
    }
    execution, calls, _ = finish(definition, function=Flaky("ErrorA", "ErrorB", "ErrorC", "ErrorB"))
    assert times(calls) == [0, 1, 3, 8]
    assert execution.output == {"Error": "ErrorB", "Cause": "because"}


def test_the_delay_is_capped() -> None:
    retrier = {"ErrorEquals": ["E"], "IntervalSeconds": 3, "BackoffRate": 3, "MaxAttempts": 4, "MaxDelaySeconds": 10}
    _, calls, _ = finish(retrying(retrier), function=Flaky(*"EEEE"))
    assert times(calls) == [0, 3, 12, 22, 32]


def test_full_jitter_draws_between_nothing_and_the_whole_delay() -> None:
    draws = iter([0.0, 0.25, 0.75])
    retrier = {"ErrorEquals": ["E"], "IntervalSeconds": 8, "BackoffRate": 1, "JitterStrategy": "FULL"}
    _, calls, _ = finish(retrying(retrier), function=Flaky(*"EEE"), uniform=lambda: next(draws))
    assert times(calls) == [0, 0, 2, 8]


def test_a_huge_number_of_retries_does_not_overflow() -> None:
    retrier = {"ErrorEquals": ["E"], "MaxAttempts": 1500, "MaxDelaySeconds": 60, "BackoffRate": 2}
    _, calls, _ = finish(retrying(retrier), function=Flaky(*["E"] * 1500))
    assert len(calls) == 1501


def test_the_retry_count_is_in_the_context_object_and_starts_anew_in_each_state() -> None:
    payload = {"FunctionName": FUNCTION, "Payload": {"n.$": "$$.State.RetryCount"}}
    definition = {
        "StartAt": "A",
        "States": {
            "A": invoke(Parameters=payload, Retry=[{"ErrorEquals": ["E"]}], Next="B"),
            "B": invoke(Parameters=payload, End=True),
        },
    }
    _, calls, _ = finish(definition, function=Flaky("E", "E"))
    assert [call[2]["n"] for call in calls] == [0, 1, 2, 0]


def caught(catcher: dict[str, Any], *errors: str, input: Any = None) -> Any:
    definition = {
        "StartAt": "A",
        "States": {
            "A": {**TASK, "Catch": [{**catcher, "Next": "B"}], "End": True},
            "B": {"Type": "Pass", "End": True},
        },
    }
    return output(definition, {"a": 1} if input is None else input, function=Flaky(*errors))


def test_a_caught_error_replaces_the_input_by_default() -> None:
    assert caught({"ErrorEquals": ["E"]}, "E") == {"Error": "E", "Cause": "because"}


def test_a_caught_error_can_be_put_beside_the_input() -> None:
    assert caught({"ErrorEquals": ["E"], "ResultPath": "$.error"}, "E") == {
        "a": 1,
        "error": {"Error": "E", "Cause": "because"},
    }
    assert caught({"ErrorEquals": ["E"], "ResultPath": None}, "E") == {"a": 1}


def test_retries_come_before_catching() -> None:
    definition = {
        "StartAt": "A",
        "States": {
            "A": {
                **TASK,
                "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}],
                "Catch": [{"ErrorEquals": ["E"], "Next": "B"}],
                "End": True,
            },
            "B": {"Type": "Succeed"},
        },
    }
    execution, calls, _ = finish(definition, function=Flaky("E", "E"))
    assert len(calls) == 2
    assert execution.output == {"Error": "E", "Cause": "because"}


@pytest.mark.parametrize(
    ("error", "names", "expected"),
    [
        ("E", ["E"], True),
        ("E", ["e"], False),
        ("E", ["States.ALL"], True),
        ("E", ["States.TaskFailed"], True),
        ("E", ["X", "States.TaskFailed"], True),
        ("Lambda.Unknown", ["States.TaskFailed"], True),
        ("States.Timeout", ["States.TaskFailed"], False),
        ("States.Timeout", ["States.Timeout"], True),
        ("States.Timeout", ["States.ALL"], True),
        ("States.ResultPathMatchFailure", ["States.ALL"], True),
        ("States.Runtime", ["States.ALL"], False),
        ("States.Runtime", ["States.TaskFailed"], False),
        ("States.Runtime", ["States.Runtime"], False),
        ("States.DataLimitExceeded", ["States.ALL"], False),
        ("States.DataLimitExceeded", ["States.TaskFailed"], False),
        ("States.DataLimitExceeded", ["States.DataLimitExceeded"], True),
    ],
)
def test_which_errors_a_name_matches(error: str, names: list[str], expected: bool) -> None:
    assert matches_error(error, names) is expected


def test_a_path_error_in_a_task_is_neither_retried_nor_caught() -> None:
    definition = {
        "StartAt": "A",
        "States": {
            "A": invoke(
                Parameters={"FunctionName": FUNCTION, "Payload.$": "$.nope"},
                Retry=[{"ErrorEquals": ["States.ALL"]}],
                Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}],
                End=True,
            ),
            "B": {"Type": "Succeed"},
        },
    }
    error, cause = failure(definition, {})
    assert error == "States.Runtime"
    assert "The JSONPath '$.nope' specified for the field 'Payload.$' could not be found" in cause


def test_a_result_path_that_does_not_fit_can_be_caught() -> None:
    definition = {
        "StartAt": "A",
        "States": {
            "A": {**TASK, "ResultPath": "$.r", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "End": True},
            "B": {"Type": "Succeed"},
        },
    }
    assert output(definition, "text")["Error"] == "States.ResultPathMatchFailure"


def test_a_result_above_256_kilobytes_is_an_error_that_states_all_does_not_catch() -> None:
    definition = {
        "StartAt": "A",
        "States": {
            "A": {**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "End": True},
            "B": {"Type": "Succeed"},
        },
    }
    assert failure(definition, function=lambda payload: "x" * 256 * 1024)[0] == DATA_LIMIT
    assert output(one(**TASK), function=lambda payload: "x" * (256 * 1024 - 2)) is not None


# --- history and billing


def test_the_history_has_the_event_types_of_aws() -> None:
    execution, _, _ = finish(REORDER, {"due_at": "2026-03-02T09:00:00Z"}, function=Flaky("Lambda.ServiceException"))
    day = NINE + timedelta(days=1)
    assert execution.history == [
        HistoryEvent(NINE, "ExecutionStarted", ""),
        HistoryEvent(NINE, "WaitStateEntered", "WaitUntilDue"),
        HistoryEvent(day, "WaitStateExited", "WaitUntilDue"),
        HistoryEvent(day, "TaskStateEntered", "DecideAgain"),
        HistoryEvent(day, "TaskScheduled", "DecideAgain"),
        HistoryEvent(day, "TaskStarted", "DecideAgain"),
        HistoryEvent(day, "TaskFailed", "DecideAgain"),
        HistoryEvent(day + timedelta(seconds=1), "TaskScheduled", "DecideAgain"),
        HistoryEvent(day + timedelta(seconds=1), "TaskStarted", "DecideAgain"),
        HistoryEvent(day + timedelta(seconds=1), "TaskSucceeded", "DecideAgain"),
        HistoryEvent(day + timedelta(seconds=1), "TaskStateExited", "DecideAgain"),
        HistoryEvent(day + timedelta(seconds=1), "ExecutionSucceeded", ""),
    ]


@pytest.mark.parametrize(
    ("state", "error", "expected"),
    [
        (TASK, "E", ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed"]),
        (TASK, "States.Timeout", ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionTimedOut"]),
        (invoke(), "States.Timeout", ["TaskScheduled", "TaskStarted", "TaskTimedOut"]),
    ],
)
def test_the_history_of_a_failed_task(state: dict[str, Any], error: str, expected: list[str]) -> None:
    execution, _, _ = finish(one(**state), function=Flaky(error))
    types = [event.type for event in execution.history]
    assert types == ["ExecutionStarted", "TaskStateEntered", *expected, "ExecutionFailed"]


def test_the_history_of_pass_succeed_and_fail() -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}
    assert [event.type for event in finish(definition)[0].history] == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "SucceedStateEntered", "SucceedStateExited",
        "ExecutionSucceeded",
    ]  # fmt: skip
    failed = finish(one(Type="Fail"))[0].history
    assert [event.type for event in failed] == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]


def test_transitions_are_states_entered_and_retries() -> None:
    quiet, _, _ = finish(REORDER, {"due_at": "2026-03-02T09:00:00Z"})
    assert quiet.transitions == 2
    flaky, _, _ = finish(REORDER, {"due_at": "2026-03-02T09:00:00Z"}, function=Flaky(*["Lambda.TooManyRequestsException"] * 3))
    assert flaky.transitions == 5


def test_an_endless_machine_ends_with_its_history_limit() -> None:
    definition = {
        "StartAt": "A",
        "States": {
            "A": {**TASK, "Catch": [{"ErrorEquals": ["E"], "Next": "A"}], "Next": "B"},
            "B": {"Type": "Succeed"},
        },
    }
    execution, _, _ = finish(definition, function=lambda payload: Raised("E", "again"))
    assert execution.error == "States.Runtime"
    assert "25000" in (execution.cause or "")
    assert len(execution.history) == 25_000


# --- the generator itself


def test_a_run_is_driven_by_hand() -> None:
    now = [NINE]
    context = RunContext(ARN, NINE, lambda: now[0], lambda: 0.5)
    steps = run(machine_of(REORDER), "x", {"due_at": "2026-03-02T09:00:00Z"}, context)
    assert next(steps) == SleepUntil(NINE + timedelta(days=1))
    now[0] = NINE + timedelta(days=1)
    assert steps.send(None) == InvokeFunction(FUNCTION, {"due_at": "2026-03-02T09:00:00Z"}, None)
    with pytest.raises(StopIteration) as end:
        steps.send(Returned(7))
    assert isinstance(end.value.value, Succeeded)
    assert end.value.value.output["Payload"] == 7


def test_a_run_that_fails_gives_error_and_cause() -> None:
    context = RunContext(ARN, NINE, lambda: NINE, lambda: 0.5)
    with pytest.raises(StopIteration) as end:
        next(run(machine_of(one(Type="Fail", Error="E", Cause="c")), "x", {}, context))
    assert end.value.value == Failed("E", "c")


def test_an_invocation_needs_an_outcome() -> None:
    steps = run(machine_of(one(**TASK)), "x", {}, RunContext(ARN, NINE, lambda: NINE, lambda: 0.5))
    next(steps)
    with pytest.raises(TypeError, match="needs an outcome"):
        steps.send(None)


# --- Executions


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
