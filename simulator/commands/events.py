"""`aftercare events validate`: what is wrong with an event, field by field, before anybody puts it on a bus."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aftercare.clock import parse_iso
from aftercare.events import CATALOGUE
from simulator.commands import options
from simulator.commands.captured import read_json
from simulator.commands.terminal import say, say_json


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "events",
        run,
        "validate an event file: a store's event (source store.<name>) or one of the engine's own (source aftercare.<area>)",
        """\
  aftercare events validate order.json             is this what a custom store may put?
  aftercare events validate events/store/*.json
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="validate", required=True, parser_class=type(parser))
    validate = verbs.add_parser("validate", help="name each field that is not as expected")
    validate.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an EventBridge event, or a list of them, as JSON")
    options.as_json(validate)


def run(arguments: argparse.Namespace) -> int:
    checked = [(place, problems(event)) for path in arguments.files for place, event in _events(path)]
    wrong = [{"file": place, "field": field, "expected": expected} for place, found in checked for field, expected in found]
    if arguments.json:
        say_json({"checked": len(checked), "errors": wrong})
    else:
        for each in wrong:
            say(": ".join(part for part in (each["file"], each["field"], each["expected"]) if part))
        if not wrong:
            say(f"{len(checked)} {'event is' if len(checked) == 1 else 'events are'} valid")
    return 1 if wrong else 0


def _events(path: Path) -> list[tuple[str, Any]]:
    content = read_json(path)
    return [(f"{path}[{n}]", event) for n, event in enumerate(content)] if isinstance(content, list) else [(str(path), content)]


Problem = tuple[str, str]


def problems(event: Any) -> list[Problem]:
    """What is wrong with an event: (field, expectation), never a value."""
    if not isinstance(event, dict):
        return [("", "expected a JSON object: an EventBridge event")]
    source = event.get("source")
    if isinstance(source, str) and source.startswith("aftercare."):
        return own(event)
    if not isinstance(source, str) or not source.startswith("store."):
        return [("source", "expected store.<name> (a store's event) or aftercare.<area> (one of the engine's own)")]
    return _of_a_store(event)


def _of_a_store(event: dict[str, Any]) -> list[Problem]:
    """store_intake itself says what it would refuse; it is asked without a cloud, because it reads and writes nothing."""
    from simulator.commands.world import ask

    answer = ask("store_intake", {"validate": event})
    return [(str(error["field"]), str(error["expected"])) for error in answer["errors"]]


def own(event: dict[str, Any]) -> list[Problem]:
    """One of the engine's own events against its catalogue."""
    kind = CATALOGUE.get(str(event.get("detail-type")))
    if kind is None:
        return [("detail-type", f"expected one of {', '.join(CATALOGUE)}")]
    found: list[Problem] = []
    if event.get("source") != kind.source:
        found.append(("source", f"expected {kind.source} for {kind.detail_type}"))
    detail = event.get("detail")
    if not isinstance(detail, dict):
        return [*found, ("detail", "expected a JSON object with metadata and data")]
    metadata = detail.get("metadata")
    if not isinstance(metadata, dict):
        found.append(("detail.metadata", "expected id, version, occurred_at, told_at and correlation_id"))
    else:
        found += [
            (f"detail.metadata.{name}", "is required as text")
            for name in ("id", "correlation_id")
            if not _text(metadata.get(name))
        ]
        if not _instant(metadata.get("occurred_at")):
            found.append(("detail.metadata.occurred_at", "expected RFC 3339 with an offset, such as 2026-04-02T18:00:28Z"))
    try:
        kind.data.model_validate(detail.get("data"))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False):
            message = {"missing": "is required", "extra_forbidden": f"is no field of {kind.detail_type}"}.get(
                each["type"], each["msg"]
            )
            found.append((".".join(["detail.data", *map(str, each["loc"])]), message[:1].lower() + message[1:]))
    return found


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _instant(value: object) -> bool:
    try:
        return isinstance(value, str) and parse_iso(value) is not None
    except ValueError:
        return False
