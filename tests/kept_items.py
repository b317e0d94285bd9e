"""Whether what is written is kept as its kind is: listed, and with an end where its class of retention has one."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from aftercare.kept import Kind, kind_of
from aftercare.keys import Key
from aftercare.requests import Request
from aftercare.retention import PACE
from aftercare.table import EXPIRES_AT, Item, Put, Write
from shipping_delay import teaching
from simulator.memory.tables import ChangeRecord, MemoryTables


def _case_is_over(item: Item) -> bool:
    case = json.loads(str(item["doc"]))
    opened, closed = case.get("opened_at"), case.get("closed_at")
    return not opened or bool(closed and datetime.fromisoformat(opened) <= datetime.fromisoformat(closed))


ENDS: dict[str, Callable[[Item], bool]] = {
    "case": _case_is_over,
    "archived case": _case_is_over,
    "request": lambda item: Request.model_validate_json(str(item["doc"])).closed_at is not None,
    "order alias": lambda item: "customer_id" not in item,
    "shipment alias": lambda item: "customer_id" not in item,
    "parcel alias": lambda item: "customer_id" not in item,
    "forecast knowledge": lambda item: teaching.expires(str(item["pk"]).removeprefix("DELAY#")) is not None,
}
"""Of a kind that ends and lasts: which of its items have an end."""

EITHER = {"consent", "erased name"}
"""What is left of an erased person says how long by what it was, which is no longer to be seen."""


@lru_cache(maxsize=4096)
def _kind(table: str, pk: str, sk: str) -> Kind | None:
    return kind_of(Key(table, pk, sk))


def wrong(table: str, item: Item, now: datetime) -> str | None:
    """What is wrong with an item that was just written; None when it is kept as it should be."""
    pk, sk = str(item["pk"]), str(item["sk"])
    kind = _kind(table, pk, sk)
    if kind is None:
        return f"{pk}|{sk}: of no kind that aftercare.kept lists"
    ends = EXPIRES_AT in item
    if not _may(kind, item, ends):
        return f"{pk}|{sk}: a {kind.name} that {'ends' if ends else 'has no end'}, kept as {[c.name for c in kind.kept]}"
    longest = max((c.kept for c in kind.kept if c.kept), default=timedelta.max)
    if ends and kind.name not in ("wait", "forecast knowledge") and int(item[EXPIRES_AT]) > (now + longest).timestamp():
        return f"{pk}|{sk}: a {kind.name} that is kept longer than {longest}"
    return None


def _may(kind: Kind, item: Item, ends: bool) -> bool:
    lasting = [c for c in kind.kept if c.kept is None and c is not PACE]
    ending = [c for c in kind.kept if c.kept or c is PACE]
    if lasting and ending and kind.name not in EITHER:
        return ends is ENDS[kind.name](item)
    return bool(ending) if ends else bool(lasting)


class Looked:
    """Looks at every committed write of a table's twin; `found` is what was wrong, each place once."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.found: dict[str, None] = {}
        self.kinds: set[str] = set()

    def __call__(self, record: ChangeRecord) -> None:
        if record.new is None:
            return
        kind = _kind(self.table, record.key.pk, record.key.sk)
        if kind:
            self.kinds.add(kind.name)
        trouble = wrong(self.table, record.new, record.at)
        if trouble:
            self.found[trouble] = None


def watch(monkeypatch: Any) -> dict[str, None]:
    """Look at every write of this test, on both backends. What was wrong is in the answer when the test is over."""
    from aftercare.aws import DynamoTables

    found: dict[str, None] = {}
    commit, write = MemoryTables._commit, DynamoTables.write

    def committed(self: Any, key: Key, old: Item | None, new: Item | None, at: datetime) -> None:
        commit(self, key, old, new, at)
        if new is not None and (trouble := wrong(key.table, new, at)):
            found[trouble] = None

    def written(self: Any, writes: Sequence[Write]) -> None:
        write(self, writes)
        for one in writes:
            # What an item is after a Change is not told; that its kind is listed is.
            item = one.item if isinstance(one, Put) else None
            if item is not None:
                trouble = wrong(one.key.table, {**item, "pk": one.key.pk, "sk": one.key.sk}, self._clock.now())
            else:
                trouble = None if _kind(*one.key) else f"{one.key}: of no kind that aftercare.kept lists"
            if trouble:
                found[trouble] = None

    monkeypatch.setattr(MemoryTables, "_commit", committed)
    monkeypatch.setattr(DynamoTables, "write", written)
    return found
