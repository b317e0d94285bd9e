"""The JSONPath subset, the context object, and payload templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulator.state_language.errors import RESULT_PATH_FAILURE, RUNTIME, StateFailed
from simulator.state_language.payload import compact
from simulator.state_language.timestamps import timestamp

if TYPE_CHECKING:
    from simulator.state_language.machine import RunContext, StateMachine


class Scope(NamedTuple):
    """What `$` and `$$` mean while a state is evaluated."""

    machine: StateMachine
    name: str
    input: Any
    context: RunContext
    machine_id: str

    def context_object(self) -> dict[str, Any]:
        context = self.context
        entered = context.entered or context.start_time
        return {
            "Execution": {
                "Id": context.execution_id,
                "Input": self.input,
                "Name": self.name,
                "StartTime": timestamp(context.start_time),
            },
            "State": {"EnteredTime": timestamp(entered), "Name": context.state, "RetryCount": context.retries},
            "StateMachine": {"Id": self.machine_id, "Name": self.machine.name},
        }


PayloadTemplate = Callable[[Any, Scope], Any]
_STEP: Final = re.compile(r"\.([^\W\d][\w-]*)|\[(\d+)\]|\['([^'\\]+)'\]")
_CONTEXT_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "Execution": frozenset({"Id", "Name", "StartTime", "Input"}),
    "State": frozenset({"Name", "EnteredTime", "RetryCount"}),
    "StateMachine": frozenset({"Id", "Name"}),
}


class JsonPath(NamedTuple):
    text: str
    from_context: bool
    steps: tuple[str | int, ...]

    def read(self, data: Any, scope: Scope, where: str) -> Any:
        here: Any = scope.context_object() if self.from_context else data
        for step in self.steps:
            try:
                if isinstance(step, int) is not isinstance(here, list):
                    raise KeyError(step)
                here = here[step]
            except (KeyError, IndexError, TypeError):
                cause = f"The JSONPath '{self.text}' specified for the field '{where}' could not be found in the input"
                raise StateFailed(RUNTIME, f"{cause} '{compact(data)}'") from None
        return here


def json_path(text: str, *, context: bool = True) -> JsonPath:
    """Raises ValueError for what is no reference path of the subset."""
    from_context = text.startswith("$$")
    if from_context and not context:
        raise ValueError("cannot refer to the context object")
    position = 2 if from_context else 1
    steps: list[str | int] = []
    if not text.startswith("$"):
        raise ValueError(f"a path starts with $, not {text!r}")
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise ValueError(f"only reference paths ($.a.b, $.a[0], $['a']) are supported, cannot read {text!r}")
        steps.append(int(found[2]) if found[2] is not None else (found[1] or found[3]))
        position = found.end()
    if from_context and steps:
        known = _CONTEXT_FIELDS.get(str(steps[0]))
        if known is None or (len(steps) > 1 and steps[1] not in known):
            raise ValueError(f"the context object has no {text!r} here")
    return JsonPath(text, from_context, tuple(steps))


def payload_template(value: Any) -> PayloadTemplate:
    """Compile a payload template; ValueError for what is not supported."""
    if isinstance(value, Mapping):
        return _object_template(value)
    if isinstance(value, list | tuple):
        parts = [payload_template(item) for item in value]
        return lambda data, scope: [part(data, scope) for part in parts]
    return lambda _data, _scope: value


def _object_template(value: Mapping[str, Any]) -> PayloadTemplate:
    fields: list[tuple[str, PayloadTemplate]] = []
    for key, inner in value.items():
        name = key[:-2] if key.endswith(".$") else key
        if name in dict(fields):
            raise ValueError(f"{name!r} is given twice")
        fields.append((name, payload_template(inner) if name == key else _dynamic(key, inner)))
    return lambda data, scope: {name: part(data, scope) for name, part in fields}


def _dynamic(key: str, text: Any) -> PayloadTemplate:
    if not isinstance(text, str):
        raise ValueError(f"{key!r} needs a path, not {text!r}")
    if not text.startswith("$"):
        raise ValueError(f"{key!r}: intrinsic functions are not supported, and a path starts with $: {text!r}")
    path = json_path(text)
    return lambda data, scope: path.read(data, scope, key)


def put_at(data: Any, steps: tuple[str | int, ...], value: Any, text: str) -> Any:
    """`data` with `value` at a reference path, as a copy along that path."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, str) and isinstance(data, Mapping):
        return {**data, step: put_at(data.get(step, {}), rest, value, text)}
    if isinstance(step, int) and isinstance(data, list) and step < len(data):
        return [put_at(item, rest, value, text) if index == step else item for index, item in enumerate(data)]
    raise StateFailed(RESULT_PATH_FAILURE, f"Unable to apply ResultPath '{text}' to the input '{compact(data)}'")
