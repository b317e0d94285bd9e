"""Workflows of a few states, run to their end with handlers of the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.state_language import (
    Execution,
    Executions,
    Raised,
    Returned,
    load,
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


TASK = {"Type": "Task", "Resource": FUNCTION}
