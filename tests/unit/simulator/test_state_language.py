"""What a workflow may say, and what its states do: loading, waiting, passing on, tasks, history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.state_language import (
    Failed,
    HistoryEvent,
    InvokeFunction,
    Raised,
    Returned,
    RunContext,
    SleepUntil,
    StateLanguageError,
    Succeeded,
    load,
    run,
)
from tests.state_machines import ARN, FUNCTION, NINE, REORDER, TASK, Flaky, failure, finish, invoke, machine_of, one, output

# --- loading


def test_a_workflow_waits_until_it_is_due_and_calls_its_function() -> None:
    due = {"due_at": "2026-04-20T08:00:00Z", "order": "shop:1"}
    execution, calls, clock = finish(REORDER, due, function=lambda payload: {"outcome": "proposed"})
    assert calls == [(datetime(2026, 4, 20, 8, tzinfo=UTC) - NINE, FUNCTION, due)]
    assert execution.status == "SUCCEEDED"
    assert execution.output["Payload"] == {"outcome": "proposed"}
    assert clock.now == execution.closed == datetime(2026, 4, 20, 8, tzinfo=UTC)


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
