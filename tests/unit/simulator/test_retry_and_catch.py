"""What a task does again after an error, how long it waits, and where an error leads."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.state_language import (
    DATA_LIMIT,
    matches_error,
)
from tests.state_machines import FUNCTION, TASK, Flaky, failure, finish, invoke, one, output


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
