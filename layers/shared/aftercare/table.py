"""The port to both tables: reads, conditional writes and transactions, with their failures by what the caller should do.

A condition is data, so that one definition of an operation runs on DynamoDB and on its twin in memory. Attribute values
are text, numbers (whole ones as int, others as Decimal), booleans or bytes; what has structure lies as JSON text in `doc`.

An item whose `expires_at` is over is absent, to reads and to conditions: DynamoDB deletes it days later, and until then shows
it. A Change without a condition would go on from what it was, so what expires is changed under one that says it is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal
from typing import Protocol

from aftercare.keys import Key, TableName

Number = int | Decimal
Value = str | Number | bool | bytes
Item = dict[str, Value]

EXPIRES_AT = "expires_at"
"""The tables' TTL attribute: Unix seconds from which an item is absent."""

_DIGITS = Context(prec=38)  # DynamoDB's precision


def number(text: str) -> Number:
    """A number as the table gives it: an int where it is whole, else without trailing zeros."""
    value = Decimal(text).normalize(_DIGITS)
    return int(value) if value == value.to_integral_value() else value


def present(item: Item, now: datetime) -> bool:
    """Whether an item that lies there is not yet expired."""
    until = item.get(EXPIRES_AT)
    return until is None or not isinstance(until, int) or until > now.timestamp()


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no item at the key."""


@dataclass(frozen=True, slots=True)
class Exists:
    """There is an item at the key."""


@dataclass(frozen=True, slots=True)
class Is:
    """The item's attribute has this value; an absent item has none."""

    attribute: str
    value: Value


@dataclass(frozen=True, slots=True)
class Lacks:
    """The item, if there is one, has no such attribute."""

    attribute: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    conditions: tuple["Condition", ...]


Condition = Absent | Exists | Is | Lacks | AnyOf | AllOf


@dataclass(frozen=True, slots=True)
class Put:
    """Write the whole item."""

    key: Key
    item: Mapping[str, Value]
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Set, remove or add to attributes of the item, which is made when it is absent and the condition allows."""

    key: Key
    put: Mapping[str, Value] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    add: Mapping[str, Number] = field(default_factory=dict)
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    key: Key
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing, but fail the transaction when the condition does not hold."""

    key: Key
    when: Condition


Write = Put | Change | Remove | Check


TRANSACTION_WRITES = 100
ITEM_BYTES = 400 * 1024


def excess(writes: Sequence[Write]) -> str | None:
    """Why DynamoDB would refuse these writes for their number or size, however often they are tried; None when it takes them."""
    if len(writes) > TRANSACTION_WRITES:
        return f"expected at most {TRANSACTION_WRITES} writes"
    for write in writes:
        item = write.item if isinstance(write, Put) else write.put if isinstance(write, Change) else {}
        letters = sum([len(value) for value in item.values() if value.__class__ is str or value.__class__ is bytes])
        if letters * 4 > ITEM_BYTES - 4096 and _bytes(item) > ITEM_BYTES - 4096:
            return f"expected an item of at most {ITEM_BYTES // 1024} KB"
    return None


def _bytes(item: Mapping[str, Value]) -> int:
    texts = ((name, value.encode() if isinstance(value, str) else value) for name, value in item.items())
    return sum(len(name) + (len(value) if isinstance(value, bytes) else 21) for name, value in texts)


class TableError(Exception):
    """Something did not work at a table."""


class ConditionFailed(TableError):
    """Nothing was written: the condition of `failed` (positions in the transaction) did not hold.

    `found` gives the item that stood there for each failed position, or None where there was none.
    """

    def __init__(self, found: Mapping[int, Item | None]) -> None:
        super().__init__(f"condition failed at {sorted(found)}")
        self.found = dict(found)
        self.failed = tuple(sorted(found))


class Conflict(TableError):
    """Nothing was written: another transaction held one of the items. Read again and decide again."""


class Throttled(TableError):
    """Nothing was done: the table refused the load. Try again later."""


class Unclear(TableError):
    """It may or may not have been written: the answer was lost."""


class Tables(Protocol):
    """CustomerTable and KnowledgeTable. Each method is one AWS call; a transaction holds at most 100 writes."""

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """The items that exist, strongly consistent, at most 100 keys. Throttled."""
        ...

    def partition(self, table: TableName, pk: str, prefix: str, most: int | None = None, *, expired: bool = False) -> list[Item]:
        """The items of a partition whose sort key starts with the prefix, in its order, strongly consistent: all of them, or
        those among the first `most`. `expired` shows what is absent and not yet deleted, too: for who removes it. Throttled."""
        ...

    def page(self, table: TableName, pk: str, prefix: str, after: str | None, limit: int) -> list[Item]:
        """At most `limit` items of a partition whose sort key starts with the prefix, in its order, from after a sort key on.

        Fewer than `limit` does not mean that there are no more: only an empty page does. What has expired is still among them,
        because the next page goes on from the last of them. Strongly consistent. Throttled.
        """
        ...

    def write(self, writes: Sequence[Write]) -> None:
        """All or nothing; a single write is a plain conditional write. ConditionFailed, Conflict, Throttled, Unclear."""
        ...

    def due(self, kind: str, until: str, limit: int) -> list[Item]:
        """CustomerTable's items of the sparse index with `due_kind` = kind and `due_at` ≤ until, oldest first. It has keys alone,
        so what has expired is still among them."""
        ...

    def owned(self, customer_id: str) -> list[Key]:
        """CustomerTable's items with `customer_id` = this one, expired or not: what lies outside a customer's partition. The
        index follows its table with a delay."""
        ...
