"""What a run leaves behind, so that later commands can ask about it: records, requests, journal, mails, dead letters."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from aftercare.clock import parse_iso
from aftercare.table import Item
from simulator.commands.options import BUILD
from simulator.commands.problem import BadInput

STATE: Final = BUILD / "last-run" / "state.json"
FORMAT: Final = 1


@dataclass(slots=True)
class LastRun:
    """One run at its end. Times are RFC 3339 text in virtual UTC; `tables` holds every item of both tables."""

    command: str
    title: str
    backend: str
    seed: int
    began: str
    now: str
    tables: dict[str, list[Item]] = field(default_factory=dict)
    identity_secret: str = ""
    link_secret: str = ""
    public_base_url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    journal: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    waits: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: dict[str, list[str]] = field(default_factory=dict)

    def goes_on(self, later: LastRun) -> None:
        """Join what a later opening of this run's records brought."""
        settled = {message["key"] for message in later.messages}
        self.messages = [message for message in self.messages if message["key"] not in settled] + later.messages
        self.journal += later.journal
        self.mails += later.mails
        for queue, bodies in later.dead_letters.items():
            self.dead_letters.setdefault(queue, []).extend(bodies)
        self.tables, self.now = later.tables, later.now

    def forget(self, names: set[str]) -> None:
        """Leave out of the run's story whatever names an erased person."""
        for told in (self.requests, self.journal, self.messages, self.mails, self.waits):
            told[:] = [entry for entry in told if not _mentions(entry, names)]
        self.dead_letters = {
            queue: kept for queue, bodies in self.dead_letters.items() if (kept := [b for b in bodies if not _mentions(b, names)])
        }

    def save(self, path: Path = STATE) -> Path:
        """Write the run, in one step: a reader finds the old state or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {
            "format": FORMAT,
            **asdict(self),
            "tables": {name: list(map(_plain, items)) for name, items in self.tables.items()},
        }
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
        beside.replace(path)
        return path


def load(path: Path | None = None) -> LastRun:
    """The run that a file keeps. BadInput."""
    place = path or STATE
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "no run is kept here yet: run `aftercare demo`, `simulate` or `replay` first" if path is None else "no such file"
        raise BadInput(f"{place}: {hint}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{place}: expected the state of a run as JSON") from error
    if not isinstance(kept, dict) or kept.pop("format", None) != FORMAT:
        raise BadInput(f"{place}: format: expected {FORMAT}; run the demo again with this version")
    try:
        run = LastRun(**kept)
        parse_iso(run.now)
        run.tables = {name: [_item(item) for item in items] for name, items in run.tables.items()}
        whole = all("pk" in item and "sk" in item for items in run.tables.values() for item in items)
    except (TypeError, AttributeError, ValueError, KeyError) as error:
        raise BadInput(f"{place}: expected the state of a run: {error}") from error
    if not whole:
        raise BadInput(f"{place}: tables: expected items with pk and sk")
    return run


def _mentions(told: object, names: set[str]) -> bool:
    text = json.dumps(told, ensure_ascii=False)
    return any(name in text for name in names)


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _written(value) for name, value in item.items()}


def _written(value: Any) -> Any:
    """What JSON has no form for: bytes, and numbers that a binary fraction would round."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return {"number": str(value)} if isinstance(value, Decimal) else value


def _item(item: Mapping[str, Any]) -> Item:
    return {name: _read(value) for name, value in item.items()}


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return base64.b64decode(value["bytes"]) if "bytes" in value else Decimal(value["number"])


def message_items(items: Iterable[Item]) -> list[Item]:
    """The items of a customers' table that are messages."""
    from aftercare.keys import HELD, LEDGER

    return [item for item in items if str(item["sk"]).startswith((HELD, LEDGER))]
