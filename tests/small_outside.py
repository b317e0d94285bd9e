"""The ports of one function in memory, small enough for unit tests: real twin of the tables, everything else in lists."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aftercare import outside as outside_module
from aftercare import store, telemetry
from aftercare.clock import iso
from aftercare.event import Event
from aftercare.identity import keyed_hash
from aftercare.keys import Key
from aftercare.outside import NotKept, NotThere, Outside
from aftercare.rate import Quota
from aftercare.settings import Settings
from aftercare.table import Item, Write
from simulator.memory.tables import ChangeRecord, MemoryTables
from tests.kept_items import Looked

EVENTS = Path(__file__).parent.parent / "events"
START = datetime(2026, 3, 2, 9, 15, 31, tzinfo=UTC)
SENDERS = ("shopify", "easypost", "aftership", "shippo", "ship24", "karrio", "zendesk", "hubspot")
SECRETS = {
    **{f"/aftercare/{name}-secrets": "s3cret" for name in SENDERS},
    "identity": "identity-key",
    "suppression": "suppression-key",
    "link": '{"keys": {"1": "first-link-key"}}',
}


def sample(path: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{path}.json").read_text(encoding="utf-8"))


@dataclass
class Now:
    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Counted:
    """Ids in order: id00000000000000000000001, ..."""

    given: int = 0

    def new(self) -> str:
        self.given += 1
        return f"id{self.given:024d}"


class Watched:
    """The tables' twin with its calls counted, and something that happens before a write (another invocation, a failure)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.twin = MemoryTables(now)
        self.made: list[Item] = []
        self.twin.listen("customers", self._note)
        self.looked = [Looked("customers"), Looked("knowledge")]
        for look in self.looked:
            self.twin.listen(look.table, look)
        self.calls: list[str] = []
        self.before_write: list[Callable[[], None]] = []

    def _note(self, record: ChangeRecord) -> None:
        if record.what == "INSERT" and record.new:
            self.made.append(record.new)

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        self.calls.append("read")
        return self.twin.read(keys)

    def partition(self, table: Any, pk: str, prefix: str, most: int | None = None, *, expired: bool = False) -> list[Item]:
        self.calls.append("partition")
        return self.twin.partition(table, pk, prefix, most, expired=expired)

    def page(self, table: Any, pk: str, prefix: str, after: str | None, limit: int) -> list[Item]:
        self.calls.append("page")
        return self.twin.page(table, pk, prefix, after, limit)

    def write(self, writes: Sequence[Write]) -> None:
        self.calls.append("write")
        if self.before_write:
            self.before_write.pop(0)()
        self.twin.write(writes)

    def due(self, kind: str, until: str, limit: int) -> list[Item]:
        self.calls.append("due")
        return self.twin.due(kind, until, limit)

    def owned(self, customer_id: str) -> list[Key]:
        self.calls.append("owned")
        return self.twin.owned(customer_id)

    def all(self, start: str = "") -> list[Item]:
        found = [i for i in self.twin.items("customers") if str(i["pk"]).startswith(start)]
        return sorted(found, key=lambda i: (str(i["pk"]), str(i["sk"])))


@dataclass
class ListedBus:
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    refuses: list[Callable[[Mapping[str, Any]], bool]] = field(default_factory=list)
    calls: int = 0

    def put(self, entries: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        assert 0 < len(entries) <= 10
        self.calls += 1
        lost = tuple(n for n, entry in enumerate(entries) if any(refuse(entry) for refuse in self.refuses))
        self.entries += [entry for n, entry in enumerate(entries) if n not in lost]
        return lost


@dataclass
class ListedQueues:
    sent: list[tuple[str, str, str | None]] = field(default_factory=list)
    delays: list[timedelta | None] = field(default_factory=list)

    def send(
        self, url: str, body: str, group: str | None = None, deduplication: str | None = None, delay: timedelta | None = None
    ) -> None:
        self.sent.append((url, body, group))
        self.delays.append(delay)


@dataclass
class ListedWaits:
    """Workflows by name: what was started, and what of it was stopped."""

    running: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)

    def start(self, state_machine: str, name: str, due_at: datetime, payload: Mapping[str, Any]) -> bool:
        if name in self.running or name in self.stopped:
            return False
        self.running[name] = {"machine": state_machine, "due_at": due_at, **payload}
        return True

    def stop(self, state_machine: str, name: str) -> None:
        if self.running.pop(name, None):
            self.stopped.append(name)


@dataclass
class ListedSlots:
    at: dict[str, datetime] = field(default_factory=dict)

    def set(self, customer_id: str, at: datetime) -> None:
        self.at[customer_id] = at

    def clear(self, customer_id: str) -> None:
        self.at.pop(customer_id, None)


@dataclass
class Account:
    """A mail account that says what it may send; nothing is sent in tests of this size."""

    out: bool = False
    asked: int = 0

    def quota(self, now: datetime) -> Quota:
        self.asked += 1
        if self.out:
            raise NotKept("the account's quota cannot be read")
        return Quota(per_second=14, per_day=50_000, sent_today=1_000, read_at=now)


@dataclass
class Kept:
    texts: dict[str, str] = field(default_factory=lambda: dict(SECRETS))
    out: bool = False

    def text(self, name: str) -> str:
        if self.out:
            raise NotKept(f"parameter {name} cannot be read")
        if name not in self.texts:
            raise NotThere(f"parameter {name} is not there")
        return self.texts[name]


class Small(Outside):
    def __init__(self) -> None:
        self.settings = Settings(
            customer_table="customers",
            bus="aftercare-test",
            identity_secret="identity",
            suppression_secret="suppression",
            link_secret="link",
            **{f"{name}_secrets_parameter": f"/aftercare/{name}-secrets" for name in SENDERS},
            relay_retry_queue_url="https://sqs/relay-retry",
            gate_queue_url="https://sqs/gate.fifo",
            privacy_queue_url="https://sqs/privacy",
        )
        self.clock = Now()
        self.ids = Counted()
        self.tables = Watched(self.clock.now)
        self.bus = ListedBus()
        self.queues = ListedQueues()
        self.waits = ListedWaits()
        self.slots = ListedSlots()
        self.secrets = Kept()
        self.mail = Account()

    def email_hash(self, address: str) -> str:
        return keyed_hash(SECRETS["identity"], address)

    def now_text(self) -> str:
        return iso(self.clock.at)

    def later(self, **by: float) -> None:
        self.clock.at += timedelta(**by)

    def items(self, start: str = "") -> list[Item]:
        return self.tables.all(start)

    def outbox(self) -> list[Event]:
        """Every event that was told, in the order of the deliveries' arrival."""
        return [event for item in self.tables.made if "events" in item for event in store.events_of(str(item["events"]))]

    def told(self) -> list[str]:
        return [event.type for event in self.outbox()]

    def customers(self) -> list[str]:
        return sorted({str(i["pk"]).removeprefix("CUSTOMER#") for i in self.items("CUSTOMER#")})

    def customer(self) -> Any:
        """The one customer there is."""
        (only,) = self.customers()
        return store.load(self.tables.twin, only)

    def untouched(self) -> list[Item]:
        """Everything that is kept, to compare with later."""
        return [dict(item) for item in self.items()]


class Context:
    function_name = "under-test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:under-test"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def sqs(*bodies: object) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"m{n}",
                "receiptHandle": "r",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:q",
                "awsRegion": "eu-central-1",
            }
            for n, body in enumerate(bodies)
        ]
    }


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The ports, in place for every handler of this process."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "under-test")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Aftercare")
    # Of a process that ran other tests before: they may have made the logger of this name quieter.
    telemetry.logger().setLevel("INFO")
    made = Small()
    outside_module.use(lambda _: made)
    yield made
    outside_module.use(None)
    assert [trouble for look in made.tables.looked for trouble in look.found] == []


__all__ = ["START", "Context", "Small", "iso", "sample", "small", "sqs"]
