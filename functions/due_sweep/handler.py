"""A schedule in: everything that is due and that nobody came back to is handed on or settled."""

from typing import Any

from aftercare import telemetry
from aftercare.outside import current
from due_sweep.sweep import sweep


def handle(event: dict[str, Any], context: Any) -> Any:  # noqa: ARG001 - what is due is read, not told
    try:
        done = sweep(current())
        telemetry.tell("swept", **done)
        return done
    finally:
        telemetry.flush()
