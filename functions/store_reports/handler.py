"""A schedule's input in; it names the task that is done. Each task is a module of its own, loaded when it is its turn."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from aftercare import telemetry
from aftercare.outside import Outside, current

TASKS: Mapping[str, str] = {
    "weekly": "store_reports.weekly",
}
"""The module of each task: its `run` takes the ports and answers what was done, as numbers for the log."""


def handle(event: dict[str, Any], context: Any) -> dict[str, int]:  # noqa: ARG001 - the task needs no more than its name
    task = str(event["task"])
    if task not in TASKS:
        raise LookupError(f"no task {task}: the schedule in template.yaml names another")
    run: Callable[[Outside], dict[str, int]] = import_module(TASKS[task]).run
    try:
        done = run(current())
        telemetry.tell(task, **done)
        return done
    finally:
        telemetry.flush()
