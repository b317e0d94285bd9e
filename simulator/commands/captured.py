"""Captured requests as files: HTTP API events (payload format 2.0), EventBridge events, or lists of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from aftercare.clock import parse_iso
from simulator.commands.problem import BadInput

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
LARGEST: Final = 1024 * 1024
"""Bytes of an event on a bus (PutEvents)."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One request with the time it was made at. `place` names it in errors: its file, and its place in a list."""

    file: str
    place: str
    kind: Literal["http", "event"]
    at: datetime
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is no captured request: `problem` is one line that names file, field and what was expected."""

    file: str
    problem: str


def read_json(path: Path) -> Any:
    """A file's JSON. BadInput with file and line."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: expected text in UTF-8") from error
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}: expected JSON: {error.msg}") from error
    except RecursionError as error:
        raise BadInput(f"{path}: expected JSON that is nested less deeply") from error
    except ValueError as error:
        # A path with a NUL, a number of thousands of digits.
        raise BadInput(f"{path}: expected JSON: {str(error).partition(';')[0]}") from error


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number in JSON")


def read(paths: list[Path]) -> list[Captured]:
    """The requests of all files, in their order. BadInput for the first that is none."""
    found = []
    for each in read_each(paths):
        if isinstance(each, Unreadable):
            raise BadInput(each.problem)
        found.append(each)
    return found


def read_each(paths: list[Path]) -> list[Captured | Unreadable]:
    """The requests of all files, in their order, with what is none in its place."""
    return [each for path in paths for each in _of_file(path)]


def _of_file(path: Path) -> list[Captured | Unreadable]:
    file = str(path)
    try:
        content = read_json(path)
    except BadInput as problem:
        return [Unreadable(file, str(problem))]
    if not isinstance(content, list):
        return [_read(file, file, content)]
    if not content:
        return [Unreadable(file, f"{path}: expected at least one request in the list")]
    return [_read(file, f"{path}[{n}]", event) for n, event in enumerate(content)]


def _read(file: str, place: str, event: Any) -> Captured | Unreadable:
    try:
        return _one(file, place, event)
    except BadInput as problem:
        return Unreadable(file, str(problem))


def time_of(event: Any) -> datetime | None:
    """The time at which a request was made, or None for what is no captured request."""
    try:
        return _one("", "", event).at
    except BadInput:
        return None


def _one(file: str, place: str, event: Any) -> Captured:
    if not isinstance(event, dict):
        raise BadInput(f"{place}: expected a JSON object: an HTTP API event (version 2.0) or an EventBridge event")
    if "requestContext" in event:
        at = _http_time(place, event)
        # A request written by hand has no stage; every HTTP API names one.
        context = {"stage": "$default", **event["requestContext"]}
        return Captured(file, place, "http", at, {**event, "requestContext": context})
    if "detail-type" in event:
        return Captured(file, place, "event", _event_time(place, event), event)
    if event.get("version") == "1.0" or "httpMethod" in event:
        raise BadInput(f"{place}: version: expected an HTTP API event of payload format 2.0, not 1.0")
    raise BadInput(f"{place}: expected requestContext (an HTTP API event) or detail-type (an EventBridge event)")


def _http_time(place: str, event: dict[str, Any]) -> datetime:
    context = event["requestContext"]
    http = context.get("http") if isinstance(context, dict) else None
    if not isinstance(http, dict) or not isinstance(http.get("method"), str):
        raise BadInput(f"{place}: requestContext.http.method: expected the request's method (payload format 2.0)")
    if not isinstance(event.get("rawPath") or http.get("path"), str):
        raise BadInput(f"{place}: rawPath: expected the request's path")
    if not isinstance(event.get("headers", {}), dict):
        raise BadInput(f"{place}: headers: expected a map")
    if not isinstance(event.get("body") or "", str):
        raise BadInput(f"{place}: body: expected text (base64 where isBase64Encoded is true)")
    epoch = context.get("timeEpoch")
    if isinstance(epoch, bool) or not isinstance(epoch, int) or not 0 < epoch < LATEST.timestamp() * 1000:
        raise BadInput(f"{place}: requestContext.timeEpoch: expected milliseconds since 1970: the virtual clock starts there")
    return datetime.fromtimestamp(epoch / 1000, UTC)


def _event_time(place: str, event: dict[str, Any]) -> datetime:
    for name in ("source", "detail-type", "time"):
        if not isinstance(event.get(name), str) or not event[name]:
            expected = "RFC 3339, such as 2026-04-02T18:00:28Z: the virtual clock starts there" if name == "time" else "text"
            raise BadInput(f"{place}: {name}: expected {expected}")
    if not isinstance(event.get("detail"), dict):
        raise BadInput(f"{place}: detail: expected a JSON object")
    if len(json.dumps(event["detail"], ensure_ascii=False).encode("utf-8", "surrogatepass")) > LARGEST:
        raise BadInput(f"{place}: detail: expected at most {LARGEST} bytes: no bus takes more")
    try:
        at = parse_iso(event["time"])
    except (ValueError, OverflowError):
        raise BadInput(f"{place}: time: expected RFC 3339 with an offset, such as 2026-04-02T18:00:28Z") from None
    if not EARLIEST <= at < LATEST:
        raise BadInput(
            f"{place}: time: expected a time from {EARLIEST.year} to {LATEST.year - 1}: the virtual clock starts there"
        )
    return at
