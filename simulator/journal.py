"""What happened, in order: facts, events, waits, proposals, settlements, mails, dead letters, each with its virtual time.

Only the engine's own ids stand here (never one that AWS or the backend made), so one seed gives one journal on both
backends. Entries are kept as they came and put into words when somebody reads them: a whole-store run writes millions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aftercare.clock import iso
from aftercare.keys import HELD, LEDGER
from aftercare.table import Item

DELIVERY: Final = "DELIVERY#"
SETTLEMENTS: Final = (LEDGER, HELD)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: when, what kind of thing, and its ids, words and numbers."""

    at: datetime
    kind: str
    fields: Mapping[str, Any]

    def line(self) -> str:
        words = " ".join(f"{name}={_word(value)}" for name, value in self.fields.items() if value not in (None, "", []))
        return f"{iso(self.at)} {self.kind} {words}".rstrip()


class Journal:
    """An ordered record. `note` and `changed` are called by the local cloud; everything else reads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._kept: list[tuple[datetime, str, Any]] = []
        self._read: list[Entry] = []
        self._settled: dict[tuple[str, str], object] = {}
        self.before_note: Callable[[], None] | None = None
        """Called before a note, so that a backend can first tell the changes of tables that came before it."""

    def note(self, kind: str, what: Any) -> None:
        """Something happened now. `what` is a mapping of fields, or raw material that `_WORDS` knows to read later."""
        if self.before_note is not None:
            self.before_note()
        self._kept.append((self._now(), kind, what))

    def changed(self, at: datetime, pk: str, sk: str, old: bool, new: Item | None) -> None:
        """An item of the customers' table changed; `old` says that there was one before."""
        if new is None:
            return
        if pk.startswith(DELIVERY):
            if not old:
                self._kept.append((at, "fact", new))
        elif sk.startswith(SETTLEMENTS):
            # What a provider reports of a message is written beside it and settles nothing: the document stays as it was.
            doc = new.get("doc")
            if self._settled.get((pk, sk)) != doc:
                self._settled[(pk, sk)] = doc
                self._kept.append((at, "settlement", new))

    def __len__(self) -> int:
        return len(self._kept)

    def entries(self, *kinds: str) -> list[Entry]:
        """Everything, or only entries of these kinds, in order."""
        if self.before_note is not None:
            self.before_note()
        known = self._read
        for at, kind, what in self._kept[len(known) :]:
            words = _WORDS.get(kind)
            known.append(Entry(at, kind, words(what) if words else what))
        return [entry for entry in known if not kinds or entry.kind in kinds]

    def as_lines(self, *kinds: str) -> list[str]:
        return [entry.line() for entry in self.entries(*kinds)]

    def as_json(self, *kinds: str) -> list[dict[str, Any]]:
        return [{"at": iso(entry.at), "kind": entry.kind, **entry.fields} for entry in self.entries(*kinds)]

    def digest(self) -> str:
        """SHA-256 over all lines: equal journals have equal digests."""
        return hashlib.sha256("\n".join(self.as_lines()).encode()).hexdigest()

    def messages(self) -> list[dict[str, Any]]:
        """Every message considered, with its latest settlement, in the order in which they were first settled."""
        latest: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in self.entries("settlement"):
            fields = entry.fields
            place = (str(fields["customer"]), str(fields["key"]))
            told = {
                "key": fields["key"],
                "customer": fields["customer"],
                "purpose": fields["purpose"],
                "template": fields["template"],
                "channel": fields["channel"],
                "settlement": fields["state"],
                "reason": fields["reason"],
                "at": iso(entry.at),
            }
            if place in latest:
                latest[place].update(told)
            else:
                latest[place] = told
        return list(latest.values())


def state_digest(tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> str:
    """SHA-256 over every item of every table, whatever order they come in."""
    whole = hashlib.sha256()
    for name in sorted(tables):
        lines = sorted(
            json.dumps({k: v.hex() if isinstance(v, bytes) else v for k, v in item.items()}, sort_keys=True, default=str)
            for item in tables[name]
        )
        whole.update(f"{name}\n".encode())
        for line in lines:
            whole.update(line.encode() + b"\n")
    return whole.hexdigest()


# ---------------------------------------------------------------- raw material into words


def _fact(item: Item) -> dict[str, Any]:
    return {
        "delivery": str(item["pk"]).removeprefix(DELIVERY),
        "sender": item.get("sender"),
        "topic": item.get("topic"),
        "facts": [fact for fact in str(item.get("facts", "")).split(",") if fact],
        "parked": item.get("parked"),
        "customer": item.get("customer"),
    }


def _settlement(item: Item) -> dict[str, Any]:
    """A ledger or held item; one that is no message of ours (a synthetic test) gives its state only."""
    try:
        message = json.loads(str(item["doc"]))
        proposal, decisions = message["proposal"], message["decisions"]
    except (KeyError, ValueError, TypeError):
        return {name: item.get(name) for name in ("sk", "state")} | dict.fromkeys(
            ("key", "customer", "purpose", "template", "channel", "reason")
        )
    last = decisions[-1] if decisions else {}
    return {
        "key": proposal["key"],
        "customer": proposal["customer_id"],
        "purpose": proposal["purpose"],
        "template": proposal["template"],
        "state": message["state"],
        "reason": last.get("reason"),
        "channel": last.get("channel") or message.get("channel"),
        "until": last.get("until"),
    }


def _event(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A PutEvents entry."""
    detail = json.loads(entry["Detail"])
    metadata = detail.get("metadata") or {}
    data = detail.get("data")
    ids = dict(sorted(data.items())) if isinstance(data, dict) else {}
    return {"type": entry["DetailType"], "source": entry["Source"], "event": metadata.get("id"), **ids}


def _proposal(body: str) -> dict[str, Any]:
    proposal = json.loads(body)["proposal"]
    return {name: proposal.get(name) for name in ("key", "customer_id", "purpose", "template", "not_before", "not_after")}


def _slot(given: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule of ours: the slot of a customer."""
    slot = json.loads(str((given.get("Target") or {}).get("Input") or "{}")).get("slot") or {}
    return {"customer": slot.get("customer_id"), "until": slot.get("at"), "schedule": None if slot else given.get("Name")}


def _wait(started: tuple[str, str, str]) -> dict[str, Any]:
    machine, name, text = started
    payload = json.loads(text)
    known = payload if isinstance(payload, dict) else {}
    return {"machine": machine, "name": name, "key": known.get("key"), "until": known.get("due_at")}


def _dead_letter(found: tuple[str, str]) -> dict[str, Any]:
    queue, body = found
    return {"queue": queue, "about": about(body)}


def about(body: str) -> str:
    """What a message on a queue is about, in our own ids: a proposal's key, an event's id, a customer's slot."""
    try:
        content = json.loads(body)
        if "proposal" in content:
            return str(content["proposal"]["key"])
        if "slot" in content:
            return f"slot of {content['slot']['customer_id']}"
        if "detail-type" in content:
            metadata = content["detail"].get("metadata") or {}
            return f"{content['detail-type']} {metadata['id']}" if "id" in metadata else str(content["detail-type"])
        if "DDBStreamBatchInfo" in content:
            return f"{content['DDBStreamBatchInfo']['batchSize']} stream records"
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return f"text {hashlib.sha256(body.encode()).hexdigest()[:12]}"


_WORDS: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    "fact": _fact,
    "settlement": _settlement,
    "event": _event,
    "proposal": _proposal,
    "slot": _slot,
    "wait-started": _wait,
    "dead-letter": _dead_letter,
}


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_word, value))
    if isinstance(value, datetime):
        return iso(value)
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(letter.isspace() for letter in text) else text


def own_fields(lines: Iterable[str]) -> Iterator[str]:
    """Lines with the time taken off: to compare two journals that differ in when only."""
    for line in lines:
        yield line.partition(" ")[2]
