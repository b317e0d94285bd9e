"""The state language's own error names, and how Retry and Catch match one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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


class StateFailed(Exception):
    """The state reports an error."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


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
