"""Captured requests as files: HTTP API events (payload format 2.0), EventBridge events, or lists of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from aftercare.clock import parse_iso
from simulator.commands.problem import BadInput


@dataclass(frozen=True, slots=True)
class Captured:
    """One request with the time it was made at. `place` names it in errors: its file, and its place in a list."""

    file: str
    place: str
    kind: Literal["http", "event"]
    at: datetime
    event: dict[str, Any]


def read_json(path: Path) -> Any:
    """A file's JSON. BadInput with file and line."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: expected text in UTF-8") from error
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}: expected JSON: {error.msg}") from error


def read(paths: list[Path]) -> list[Captured]:
    """The requests of all files, in their order. BadInput."""
    found = []
    for path in paths:
        content = read_json(path)
        if isinstance(content, list):
            if not content:
                raise BadInput(f"{path}: expected at least one request in the list")
            found += [_one(str(path), f"{path}[{n}]", event) for n, event in enumerate(content)]
        else:
            found.append(_one(str(path), str(path), content))
    return found


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
        return Captured(file, place, "http", _http_time(place, event), event)
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
    if isinstance(epoch, bool) or not isinstance(epoch, int) or not 0 < epoch < 253402300800000:
        raise BadInput(f"{place}: requestContext.timeEpoch: expected milliseconds since 1970: the virtual clock starts there")
    return datetime.fromtimestamp(epoch / 1000, UTC)


def _event_time(place: str, event: dict[str, Any]) -> datetime:
    for name in ("source", "detail-type", "time"):
        if not isinstance(event.get(name), str) or not event[name]:
            expected = "RFC 3339, such as 2026-04-02T18:00:28Z: the virtual clock starts there" if name == "time" else "text"
            raise BadInput(f"{place}: {name}: expected {expected}")
    if not isinstance(event.get("detail"), dict):
        raise BadInput(f"{place}: detail: expected a JSON object")
    try:
        return parse_iso(event["time"])
    except ValueError:
        raise BadInput(f"{place}: time: expected RFC 3339 with an offset, such as 2026-04-02T18:00:28Z") from None
