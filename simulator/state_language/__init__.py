"""Amazon States Language on the virtual clock: the JSONPath subset that the workflows use, and executions of it.

States: Wait, Task (lambda:invoke or a function ARN), Pass, Succeed, Fail. Everything else (Choice, Map, Parallel, JSONata,
Assign, intrinsic functions, task tokens, any field not named here) is refused by `load`, so that a workflow cannot mean
less here than in the account. Source: states-language.net/spec.html and the Step Functions developer guide.

An execution is a generator that waits in the clock's heap: no thread and no sleep.
"""

from simulator.state_language.effects import Failed, HistoryEvent, InvokeFunction, Raised, Returned, SleepUntil, Succeeded
from simulator.state_language.errors import DATA_LIMIT, StateLanguageError, matches_error
from simulator.state_language.executions import (
    RUNNING,
    Execution,
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    ExecutionError,
    Executions,
    InvalidExecutionInput,
    InvalidName,
)
from simulator.state_language.machine import RunContext, StateMachine
from simulator.state_language.reading import load
from simulator.state_language.running import run

__all__ = [
    "DATA_LIMIT",
    "RUNNING",
    "Execution",
    "ExecutionAlreadyExists",
    "ExecutionDoesNotExist",
    "ExecutionError",
    "Executions",
    "Failed",
    "HistoryEvent",
    "InvalidExecutionInput",
    "InvalidName",
    "InvokeFunction",
    "Raised",
    "Returned",
    "RunContext",
    "SleepUntil",
    "StateLanguageError",
    "StateMachine",
    "Succeeded",
    "load",
    "matches_error",
    "run",
]
