"""A schedule's input in; it names the task that is done. Each task is a module of its own, loaded when it is its turn."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from aftercare import telemetry
from aftercare.outside import Outside, current

TASKS: Mapping[str, str] = {
    "refit": "store_reports.refit",
    "weekly": "store_reports.weekly",
}
"""The module of each task: its `run` takes the ports and the schedule's input, and answers in numbers what was done."""


def handle(event: dict[str, Any], context: Any) -> dict[str, int]:  # noqa: ARG001 - a task is not told who runs it
    task = str(event["task"])
    if task not in TASKS:
        raise LookupError(f"no task {task}: the schedule in template.yaml names another")
    run: Callable[[Outside, Mapping[str, Any]], dict[str, int]] = import_module(TASKS[task]).run
    try:
        done = run(current(), event)
        telemetry.tell(task, **done)
        return done
    finally:
        telemetry.flush()
