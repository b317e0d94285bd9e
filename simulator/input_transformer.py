"""What a rule's target is sent: the event, Input, InputPath or InputTransformer.

Source: "Amazon EventBridge input transformation". A variable outside quotes becomes JSON (a string gets its quotes), one
inside quotes becomes bare text, and a path that the event does not have becomes "". The result is always one JSON value;
a target that takes text (SQS, SNS) receives it as compact JSON, so a string keeps its quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

TargetInput = Callable[[Mapping[str, Any], datetime], Any]
"""(event, ingestion time, aware) to the JSON value that the target receives."""

MAXIMUM_VARIABLES: Final = 100

_Value = Callable[[Mapping[str, Any], datetime], Any]
_PLACEHOLDER: Final = re.compile(r"<([^<>\s]*)>")
_STEP: Final = re.compile(r"\.([A-Za-z0-9_\-/]+)|\[(\d+)\]|\['([^']+)'\]")


class TransformError(ValueError):
    """A target's input that PutTargets would refuse, or (from the compiled function) one that gives no valid JSON."""


def target_input(target: Mapping[str, Any], *, rule_name: str, rule_arn: str) -> TargetInput:
    """Compile the Input, InputPath or InputTransformer of one rule target (the shape of PutTargets' Target).

    The returned function raises TransformError for an event whose values break the template's JSON; EventBridge
    cannot deliver such an event and hands it to the target's dead-letter queue.
    """
    name = str(target.get("Id", "?"))
    given = [key for key in ("Input", "InputPath", "InputTransformer") if target.get(key) is not None]
    if len(given) > 1:
        raise TransformError(f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}.")
    if not given:
        return lambda event, _ingested: event
    if given == ["Input"]:
        return _constant(target["Input"], name)
    if given == ["InputPath"]:
        value = _path(target["InputPath"], f"InputPath of target {name}")
        return lambda event, ingested: _or_empty(value(event, ingested))
    return _transformer(target["InputTransformer"], name, rule_name, rule_arn)


def _constant(text: Any, target: str) -> TargetInput:
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        raise TransformError(f"Input of target {target} is not valid JSON: {text!r}") from None
    return lambda _event, _ingested: value


def _transformer(transformer: Mapping[str, Any], target: str, rule_name: str, rule_arn: str) -> TargetInput:
    unknown = sorted(set(transformer) - {"InputPathsMap", "InputTemplate"})
    if unknown:
        raise TransformError(f"InputTransformer of target {target} has an unknown field {unknown[0]}")
    template = transformer.get("InputTemplate")
    if not isinstance(template, str) or not template:
        raise TransformError(f"InputTransformer of target {target} needs an InputTemplate")
    values = _variables(transformer.get("InputPathsMap") or {}, target)
    values |= {
        "aws.events.rule-name": lambda _event, _ingested: rule_name,
        "aws.events.rule-arn": lambda _event, _ingested: rule_arn,
        "aws.events.event": lambda event, _ingested: _without_detail(event),
        "aws.events.event.json": lambda event, _ingested: event,
        "aws.events.event.ingestion-time": lambda _event, ingested: _timestamp(ingested),
    }
    pieces = _pieces(template, values, target)
    _check("".join(piece if isinstance(piece, str) else ("" if piece[1] else "null") for piece in pieces), target)

    def transform(event: Mapping[str, Any], ingested: datetime) -> Any:
        parts = []
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            value, quoted = piece
            found = _or_empty(value(event, ingested))
            parts.append(found if quoted and isinstance(found, str) else _compact(found))
        return _check("".join(parts), target)

    return transform


def _variables(paths: Mapping[str, Any], target: str) -> dict[str, _Value]:
    if len(paths) > MAXIMUM_VARIABLES:
        raise TransformError(f"InputPathsMap of target {target} has more than {MAXIMUM_VARIABLES} variables")
    values: dict[str, _Value] = {}
    for variable, path in paths.items():
        if variable.lower().startswith("aws"):
            raise TransformError(f"InputPathsMap of target {target}: {variable!r}: names that start with AWS are reserved")
        values[variable] = _path(path, f"InputPathsMap of target {target}, variable {variable!r}")
    return values


def _pieces(template: str, values: Mapping[str, _Value], target: str) -> list[str | tuple[_Value, bool]]:
    """Literal text and (variable, whether it stands inside quotes), in order."""
    pieces: list[str | tuple[_Value, bool]] = []
    position, quoted = 0, False
    for found in _PLACEHOLDER.finditer(template):
        literal = template[position : found.start()]
        quoted = _ends_quoted(literal, quoted)
        if found[1] not in values:
            raise TransformError(f"InputTemplate for target {target} contains invalid placeholder {found[1]}.")
        pieces += [literal, (values[found[1]], quoted)]
        position = found.end()
    return [*pieces, template[position:]]


def _ends_quoted(text: str, quoted: bool) -> bool:
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
    return quoted


def _path(path: Any, where: str) -> _Value:
    if not isinstance(path, str) or not path.startswith("$"):
        raise TransformError(f"{where}: a path starts with $, not {path!r}")
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            raise TransformError(f"{where}: cannot read {path[position:]!r} in {path!r}")
        steps.append(int(found[2]) if found[2] is not None else (found[1] or found[3]))
        position = found.end()

    def value(event: Mapping[str, Any], _ingested: datetime) -> Any:
        here: Any = event
        for step in steps:
            if isinstance(step, int):
                if not isinstance(here, list) or step >= len(here):
                    return None
                here = here[step]
            elif isinstance(here, Mapping) and step in here:
                here = here[step]
            else:
                return None
        return here

    return value


def _or_empty(value: Any) -> Any:
    """A path that selects nothing gives an empty string, quoted or not."""
    return "" if value is None else value


def _without_detail(event: Mapping[str, Any]) -> dict[str, Any]:
    """What aws.events.event stands for: the envelope only, with detail-type spelled detailType."""
    return {"detailType" if key == "detail-type" else key: value for key, value in event.items() if key != "detail"}


def _timestamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _check(text: str, target: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise TransformError(f"InputTemplate for target {target} does not give valid JSON: {text!r}") from None
