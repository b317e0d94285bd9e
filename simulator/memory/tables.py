"""The twin of DynamoDB behind aftercare.table: its conditions, transactions, limits, sparse indexes and stream, in dicts."""

from __future__ import annotations

from base64 import b64encode
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any, Final, Literal, NamedTuple, NoReturn

from aftercare.keys import Key, TableName
from aftercare.table import (
    EXPIRES_AT,
    Absent,
    AllOf,
    AnyOf,
    Change,
    Check,
    Condition,
    ConditionFailed,
    Conflict,
    Exists,
    Is,
    Item,
    Lacks,
    Number,
    Put,
    Remove,
    Throttled,
    Unclear,
    Value,
    Write,
    present,
)
from simulator.faults import Fault, FaultPort
from simulator.memory.refusal import Refused

ITEM_BYTES: Final = 400 * 1024
TRANSACTION_BYTES: Final = 4 * 1024 * 1024
TRANSACTION_WRITES: Final = 100
READ_KEYS: Final = 100
PARTITION_KEY_BYTES: Final = 2048
SORT_KEY_BYTES: Final = 1024
SHORT_PARTITION_KEY: Final = PARTITION_KEY_BYTES // 4
SHORT_SORT_KEY: Final = SORT_KEY_BYTES // 4
NUMBER_DIGITS: Final = 38
"""Service, account, and table quotas in Amazon DynamoDB."""

SMALL: Final = 50_000
"""Up to so many letters an item is within ITEM_BYTES whatever they are, its numbers included."""

_EXACT: Final = Context(prec=4 * NUMBER_DIGITS)
_PRECISE: Final = Context(prec=NUMBER_DIGITS, traps=[Inexact, InvalidOperation])
_BIG: Final = 10**NUMBER_DIGITS
_FIRST_SEQUENCE: Final = 100_000_000_000_000_000_001


class ChangeRecord(NamedTuple):
    """One committed change of one item, as the table's stream tells it. The images must not be changed."""

    sequence: int
    what: Literal["INSERT", "MODIFY", "REMOVE"]
    key: Key
    old: Item | None
    new: Item | None
    at: datetime


Listener = Callable[[ChangeRecord], None]


class MemoryTables:
    """CustomerTable and KnowledgeTable in memory (port: aftercare.table.Tables).

    `keys_only` says that the index `due` projects keys only, as the template has it. `index_lag` is how far the index
    follows behind its table (a global index is eventually consistent).
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        keys_only: bool = True,
        faults: FaultPort | None = None,
    ) -> None:
        self._now = now
        self._keys_only = keys_only
        self._tables: dict[str, dict[str, dict[str, Item]]] = {"customers": {}, "knowledge": {}}
        self._sequences: dict[str, int] = {"customers": _FIRST_SEQUENCE, "knowledge": _FIRST_SEQUENCE}
        self._listeners: dict[str, list[Listener]] = {"customers": [], "knowledge": []}
        self._due: dict[str, list[tuple[str, str, str]]] = {}
        self._late: deque[tuple[datetime, ChangeRecord]] = deque()
        self._indexed: dict[tuple[str, str], tuple[str, str]] = {}
        self._owned: dict[str, set[Key]] = {}
        self._owners: dict[Key, str] = {}
        self.index_lag = timedelta(0)
        self.on_due: Callable[[str], None] | None = None
        """Told the `due_at` of each item that enters the index, or moves in it."""
        self.faults = faults

    def listen(self, table: TableName, listener: Listener) -> None:
        """Be told each committed change of a table, in its order."""
        self._listeners[table].append(listener)

    # ------------------------------------------------------------------ the port

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        if self.faults is not None:
            return self.faults.run("tables.read", lambda: self._read(keys), _unread)
        return self._read(keys)

    def partition(self, table: TableName, pk: str, prefix: str, most: int | None = None, *, expired: bool = False) -> list[Item]:
        if self.faults is not None:
            return self.faults.run("tables.read", lambda: self._partition(table, pk, prefix, most, expired), _unread)
        return self._partition(table, pk, prefix, most, expired)

    def page(self, table: TableName, pk: str, prefix: str, after: str | None, limit: int) -> list[Item]:
        if self.faults is not None:
            return self.faults.run("tables.read", lambda: self._page(table, pk, prefix, after, limit), _unread)
        return self._page(table, pk, prefix, after, limit)

    def due(self, kind: str, until: str, limit: int) -> list[Item]:
        if self.faults is not None:
            return self.faults.run("tables.read", lambda: self._due_until(kind, until, limit), _unread)
        return self._due_until(kind, until, limit)

    def owned(self, customer_id: str) -> list[Key]:
        if self.faults is not None:
            return self.faults.run("tables.read", lambda: self._owned_by(customer_id), _unread)
        return self._owned_by(customer_id)

    def write(self, writes: Sequence[Write]) -> None:
        if self.faults is not None:
            self.faults.run("tables.write", lambda: self._write(writes), _unwritten)
            return
        self._write(writes)

    # ------------------------------------------------------------------ beside the port

    def items(self, table: TableName) -> Iterator[Item]:
        """Every item of a table in the order of its keys: for digests and searches, no call of AWS."""
        for pk in sorted(self._tables[table]):
            partition = self._tables[table][pk]
            for sk in sorted(partition):
                yield dict(partition[sk])

    def restore(self, table: TableName, items: Iterable[Item]) -> None:
        """Items as a backup has them: they are in the index, and no stream tells of them (AWS: a restored table's is new)."""
        for item in items:
            key = Key(table, str(item["pk"]), str(item["sk"]))
            kept = dict(item)
            self._tables[table].setdefault(key.pk, {})[key.sk] = kept
            if table == "customers" and ("due_kind" in kept or "customer_id" in kept):
                self._index(ChangeRecord(0, "INSERT", key, None, kept, self._now()))

    def earliest_due(self) -> str | None:
        """The least `due_at` of the index, of any kind; None when nobody must come back to anything."""
        return min((entries[0][0] for entries in self._due.values() if entries), default=None)

    # ------------------------------------------------------------------ reads

    def _read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        if len(keys) > READ_KEYS:
            raise Refused(f"BatchGetItem takes at most {READ_KEYS} keys, not {len(keys)}")
        found: dict[Key, Item] = {}
        tables = self._tables
        for key in keys:
            table, pk, sk = key
            if not pk or not sk or len(pk) > SHORT_PARTITION_KEY or len(sk) > SHORT_SORT_KEY:
                _check_key(key)
            partition = tables[table].get(pk)
            item = None if partition is None else partition.get(sk)
            if item is not None and (EXPIRES_AT not in item or present(item, self._now())):
                found[key] = item.copy()
        if len(keys) > 1 and len(set(keys)) != len(keys):
            raise Refused("BatchGetItem: the list of keys contains duplicates")
        return found

    def _partition(self, table: TableName, pk: str, prefix: str, most: int | None, expired: bool) -> list[Item]:
        if not pk or not prefix:
            raise Refused("Query: a key value is empty text")
        if most is not None and most < 1:
            raise Refused("Query: Limit is at least 1")
        partition = self._tables[table].get(pk)
        if partition is None:
            return []
        # DynamoDB orders sort keys by their UTF-8 bytes; Python's order of code points is the same.
        found = [partition[sk] for sk in sorted([sk for sk in partition if sk.startswith(prefix)])[:most]]
        now = self._now()
        return [item.copy() for item in found if expired or EXPIRES_AT not in item or present(item, now)]

    def _page(self, table: TableName, pk: str, prefix: str, after: str | None, limit: int) -> list[Item]:
        if limit < 1:
            raise Refused("Query: a limit is at least 1")
        if after is not None and not after.startswith(prefix):
            raise Refused("Query: the provided starting key is outside query boundaries")
        found = self._partition(table, pk, prefix, None, True)
        return [item for item in found if after is None or str(item["sk"]) > after][:limit]

    def _due_until(self, kind: str, until: str, limit: int) -> list[Item]:
        if not kind or not until:
            raise Refused("Query: a key value is empty text")
        if limit < 1:
            raise Refused("Query: Limit is at least 1")
        self._catch_up()
        entries = self._due.get(kind, [])
        end = bisect_right(entries, (until, "\U0010ffff"))
        found: list[Item] = []
        for due_at, pk, sk in entries[: min(end, limit)]:
            if self._keys_only:
                found.append({"due_kind": kind, "due_at": due_at, "pk": pk, "sk": sk})
                continue
            item = self._tables["customers"].get(pk, {}).get(sk)
            if item is not None:
                found.append(dict(item))
        return found

    def _owned_by(self, customer_id: str) -> list[Key]:
        if not customer_id:
            raise Refused("Query: a key value is empty text")
        self._catch_up()
        return sorted(self._owned.get(customer_id, ()))

    # ------------------------------------------------------------------ writes

    def _write(self, writes: Sequence[Write]) -> None:
        count = len(writes)
        tables = self._tables
        if count != 1:
            if not count or count > TRANSACTION_WRITES:
                raise Refused(f"TransactWriteItems takes 1 to {TRANSACTION_WRITES} writes, not {count}")
            if len({write.key for write in writes}) != count:
                raise Refused("TransactWriteItems: two operations on one item")
        failed: dict[int, Item | None] | None = None
        outcome: list[tuple[Key, Item | None, Item | None]] = []
        size = 0
        for position, write in enumerate(writes):
            key = write.key
            table, pk, sk = key
            if not pk or not sk or len(pk) > SHORT_PARTITION_KEY or len(sk) > SHORT_SORT_KEY:
                _check_key(key)
            partition = tables[table].get(pk)
            there = None if partition is None else partition.get(sk)
            # What has expired is no more, to a condition; a write finds it as long as it is not deleted.
            lasts = there if there is None or EXPIRES_AT not in there or present(there, self._now()) else None
            when = write.when
            # Absent is by far the most frequent condition.
            holds = when is None or (lasts is None if when.__class__ is Absent else _holds(when, lasts))
            kind = write.__class__
            if kind is Put:
                after: Item | None = _normal(write.item, key)  # type: ignore[union-attr]
                size += _size(after)  # type: ignore[arg-type]
            elif kind is Change:
                # DynamoDB looks at the condition before it applies the update.
                after = _changed(write, there) if holds else None  # type: ignore[arg-type]
                size += _size(after) if after is not None else 0
            elif kind is Remove or kind is Check:
                after = None
            else:
                raise Refused(f"no write that the tables know: {kind.__name__}")
            if not holds:
                if failed is None:
                    failed = {}
                failed[position] = lasts and dict(lasts)
            elif kind is not Check:
                outcome.append((key, there, after))
        if size * 4 > TRANSACTION_BYTES and sum(_exact(after) for _, _, after in outcome if after) > TRANSACTION_BYTES:
            raise Refused("TransactWriteItems: the items together exceed 4 MB")
        if failed is not None:
            raise ConditionFailed(failed)
        at = self._now()
        for key, there, after in outcome:
            self._commit(key, there, after, at)

    def _commit(self, key: Key, old: Item | None, new: Item | None, at: datetime) -> None:
        table, pk, sk = key
        partitions = self._tables[table]
        what: Literal["INSERT", "MODIFY", "REMOVE"]
        if new is not None:
            partition = partitions.get(pk)
            if partition is None:
                partitions[pk] = {sk: new}
            else:
                partition[sk] = new
            if old is None:
                what = "INSERT"
            else:
                what = "MODIFY"
                if old == new and all(old[name].__class__ is value.__class__ for name, value in new.items()):
                    return  # a write that changes nothing leaves no record in the stream
        elif old is not None:
            partition = partitions[pk]
            del partition[sk]
            if not partition:
                del partitions[pk]
            what = "REMOVE"
        else:
            return
        sequence = self._sequences[table]
        self._sequences[table] = sequence + 1
        record = ChangeRecord(sequence, what, key, old, new, at)
        if table == "customers" and (
            (new is not None and ("due_kind" in new or "customer_id" in new))
            or (old is not None and ("due_kind" in old or "customer_id" in old))
        ):
            if self.index_lag:
                self._late.append((at + self.index_lag, record))
            else:
                if self._late:
                    self._catch_up()
                self._index(record)
        for listener in self._listeners[table]:
            listener(record)

    # ------------------------------------------------------------------ the two sparse indexes

    def _catch_up(self) -> None:
        late = self._late
        if late:
            now = self._now()
            while late and late[0][0] <= now:
                self._index(late.popleft()[1])

    def _index(self, record: ChangeRecord) -> None:
        key, new = record.key, record.new or {}
        owner = new.get("customer_id")
        before = self._owners.get(key)
        if owner != before:
            if before is not None:
                self._owned[before].discard(key)
                del self._owners[key]
            if owner is not None:
                self._owners[key] = str(owner)
                self._owned.setdefault(str(owner), set()).add(key)
        _, pk, sk = key
        was = self._indexed.pop((pk, sk), None)
        if was is not None:
            entries = self._due[was[0]]
            del entries[bisect_left(entries, (was[1], pk, sk))]
        if "due_kind" in new and "due_at" in new:
            kind, due_at = str(new["due_kind"]), str(new["due_at"])
            insort(self._due.setdefault(kind, []), (due_at, pk, sk))
            self._indexed[(pk, sk)] = (kind, due_at)
            if self.on_due is not None:
                self.on_due(due_at)


def _holds(when: Condition, there: Item | None) -> bool:
    kind = when.__class__
    if kind is Absent:
        return there is None
    if kind is Is:
        if there is None:
            return False
        value: Value = when.value  # type: ignore[union-attr]
        found = there.get(when.attribute)  # type: ignore[union-attr]
        # 1 equals True in Python; in DynamoDB a number equals no boolean.
        return found == value and isinstance(found, bool) == isinstance(value, bool)
    if kind is Exists:
        return there is not None
    if kind is Lacks:
        return there is None or when.attribute not in there  # type: ignore[union-attr]
    conditions: tuple[Condition, ...] = when.conditions  # type: ignore[union-attr]
    if not conditions:
        raise Refused("ConditionExpression: empty parentheses")
    if kind is AnyOf or kind is AllOf:
        enough = kind is AnyOf
        for condition in conditions:
            if _holds(condition, there) is enough:
                return enough
        return not enough
    raise Refused(f"no condition that the tables know: {kind.__name__}")


def _normal(item: Mapping[str, Value], key: Key) -> Item:
    """The item as it is kept: its own copy with its key."""
    after = {**item, "pk": key.pk, "sk": key.sk}
    if ("pk" in item and item["pk"] != key.pk) or ("sk" in item and item["sk"] != key.sk):
        raise Refused("PutItem: the item's key attributes are not the key it is written under")
    return after


_NUMBERS: Final = frozenset((int, Decimal))


def _changed(change: Change, there: Item | None) -> Item:
    put, drop, add = change.put, change.drop, change.add
    if not put and not drop and not add:
        raise Refused("UpdateExpression is empty")
    names = {*put, *drop, *add}
    if len(names) != len(put) + len(drop) + len(add):
        raise Refused("UpdateExpression: two paths overlap")
    if "pk" in names or "sk" in names:
        raise Refused("UpdateExpression: an attribute of the key cannot be changed")
    after: Item = {**there, **put} if there is not None else {"pk": change.key.pk, "sk": change.key.sk, **put}
    for name in drop:
        if name in after:
            del after[name]
    for name, by in add.items():
        before = after.get(name, 0)
        if before.__class__ not in _NUMBERS:
            raise Refused(f"UpdateExpression: ADD to {name}, which is no number")
        if by.__class__ is bool:
            raise Refused(f"UpdateExpression: ADD of a boolean to {name}")
        whole = before.__class__ is int and by.__class__ is int
        after[name] = before + by if whole else _EXACT.add(before, by)  # type: ignore[operator, arg-type]
    return after


def _size(item: Item) -> int:
    """The item's letters, for a first look at its size; values of the wrong kind are refused, texts made plain."""
    letters = sum(map(len, item)) + sum(map(len, [value for value in item.values() if value.__class__ is str]))
    for name, value in item.items():
        kind = value.__class__
        if kind is str:
            continue
        if kind is bytes:
            letters += len(value)  # type: ignore[arg-type]
        elif kind is int:
            if not -_BIG < value < _BIG:  # type: ignore[operator]
                raise Refused(f"{name}: a number has at most {NUMBER_DIGITS} digits")
        elif kind is Decimal:
            item[name] = _number(name, value)  # type: ignore[arg-type]
        elif kind is bool:
            pass
        elif isinstance(value, str):
            item[name] = str.__str__(value)
            letters += len(value)
        else:
            raise Refused(f"{name}: an attribute is text, a number, a boolean or bytes, not {kind.__name__}")
    if "due_kind" in item or "due_at" in item:
        for name in ("due_kind", "due_at"):
            if name in item and (item[name].__class__ is not str or not item[name]):
                raise Refused(f"{name} is a key of the index due: text that is not empty")
    if "customer_id" in item and (item["customer_id"].__class__ is not str or not item["customer_id"]):
        raise Refused("customer_id is the key of the index owner: text that is not empty")
    if letters > SMALL and _exact(item) > ITEM_BYTES:
        raise Refused("the item exceeds 400 KB")
    return letters


def _number(name: str, value: Decimal) -> Number:
    """A number as it is kept and read back: without trailing zeros, an int where it is whole."""
    if not value.is_finite():
        raise Refused(f"{name}: no number")
    try:
        plain = _PRECISE.normalize(value)
    except Inexact:
        raise Refused(f"{name}: a number has at most {NUMBER_DIGITS} digits") from None
    return int(plain) if plain == plain.to_integral_value() else plain


def _exact(item: Item) -> int:
    size = 0
    for name, value in item.items():
        size += len(name.encode())
        if isinstance(value, str):
            size += len(value.encode())
        elif isinstance(value, bytes):
            size += len(value)
        elif isinstance(value, bool):
            size += 1
        else:
            digits = f"{abs(value):f}".replace(".", "").strip("0")
            size += (len(digits) + 1) // 2 + 1
    return size


def _check_key(key: Key) -> None:
    if not key.pk or not key.sk:
        raise Refused("a key attribute is empty text")
    if len(key.pk.encode()) > PARTITION_KEY_BYTES or len(key.sk.encode()) > SORT_KEY_BYTES:
        raise Refused(f"a partition key has at most {PARTITION_KEY_BYTES} bytes, a sort key {SORT_KEY_BYTES}")


def _unwritten(fault: Fault) -> NoReturn:
    """One effect here is the whole call: the adapter repeats a transaction once under its token, so a lost answer that it
    cannot clear up stands for two on the wire."""
    if fault is Fault.THROTTLED:
        raise Throttled("ProvisionedThroughputExceededException")
    if fault is Fault.CONFLICT:
        raise Conflict("TransactionConflictException")
    if fault is Fault.REFUSED:
        raise Refused("AccessDeniedException")
    raise Unclear("the answer was lost")


def _unread(_: Fault) -> NoReturn:
    """A read has no effect: whatever went wrong, it may be tried again."""
    raise Throttled("the read was not answered")


def stream_value(value: Value) -> dict[str, Any]:
    """A value as DynamoDB's JSON writes it."""
    kind = value.__class__
    if kind is str:
        return {"S": value}
    if kind is int:
        return {"N": str(value)}
    if isinstance(value, Decimal):
        return {"N": f"{value:f}"}
    if kind is bool:
        return {"BOOL": value}
    return {"B": b64encode(value).decode()}  # type: ignore[arg-type]


class StreamImage(Mapping[str, Any]):
    """An item as its stream tells it, each value made when it is looked at."""

    __slots__ = ("_item",)

    def __init__(self, item: Item) -> None:
        self._item = item

    def __getitem__(self, name: str) -> dict[str, Any]:
        return stream_value(self._item[name])

    def __contains__(self, name: object) -> bool:
        return name in self._item

    def __iter__(self) -> Iterator[str]:
        return iter(self._item)

    def __len__(self) -> int:
        return len(self._item)


def stream_image(item: Item) -> dict[str, Any]:
    return {name: stream_value(value) for name, value in item.items()}
