"""One suite for both backends: every write, condition, failure and limit of the tables, and the named operations on them."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aftercare import keys, ledger, store
from aftercare.caps import Caps, Counted, counting, without
from aftercare.clock import SystemIds, iso
from aftercare.consent import Channel, ConsentRecord, Purpose
from aftercare.customer import Customer, Profile
from aftercare.decision import Decision, Message, Reason, State
from aftercare.events import OrderData, make
from aftercare.identity import keyed_hash
from aftercare.keys import Key
from aftercare.proposal import Proposal
from aftercare.table import (
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
    Put,
    Remove,
    Tables,
    Throttled,
    Unclear,
)
from simulator.cloud import LOCAL_PARAMETERS
from simulator.faults import Fault, FaultPlan, FaultPort
from simulator.memory.refusal import Refused
from simulator.memory.tables import MemoryTables
from simulator.template import load
from tests.small_outside import Now

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
A = Key("customers", "CUSTOMER#anna", "1#PROFILE")
B = Key("customers", "CUSTOMER#anna", "1#CONSENT")
C = Key("knowledge", "SETTINGS", "SWITCH")


@dataclass
class Backend:
    """The tables of one backend, what it raises for a call that AWS refuses, how to make its next call fail, and its clock."""

    tables: Tables
    refused: type[Exception]
    fail: Callable[[Fault], None]
    clock: Now


def memory() -> Iterator[Backend]:
    plan = FaultPlan()
    clock = Now(NOW)
    tables = MemoryTables(clock.now, faults=FaultPort(plan, lambda: ("test", "request-1")))

    def fail(fault: Fault) -> None:
        plan.at[len(plan.effects)] = fault

    yield Backend(tables, Refused, fail, clock)


@pytest.fixture(scope="module")
def moto() -> Iterator[tuple[Any, "_Failing", Any]]:
    """One moto for all tests of this file, because a client takes a tenth of a second."""
    import boto3  # noqa: TID251 - the real adapter needs a client
    from moto import mock_aws

    from aftercare.aws import CALL

    before = dict(os.environ)
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local", AWS_ACCOUNT_ID_ENDPOINT_MODE="disabled")
    mock = mock_aws()
    mock.start()
    try:
        session = boto3.session.Session(region_name="us-east-1")
        failing = _Failing()
        session.events.register("before-call.dynamodb", failing.before)
        session.events.register("after-call.dynamodb", failing.after)
        yield session.client("dynamodb", config=CALL), failing, load(ROOT / "template.yaml", LOCAL_PARAMETERS)
    finally:
        mock.stop()
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


def on_moto(client: Any, failing: "_Failing", template: Any) -> Iterator[Backend]:
    from botocore.exceptions import ClientError

    from aftercare.aws import DynamoTables

    failing.fault = None
    for table in template.tables:
        kept = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        client.create_table(TableName=table.name, **{k: v for k, v in table.properties.items() if k in kept})
    names = {t.logical_id: t.name for t in template.tables}
    clock = Now(NOW)
    granted = {"customers": names["CustomerTable"], "knowledge": names["KnowledgeTable"]}
    yield Backend(DynamoTables(client, granted, SystemIds(), clock), ClientError, failing.next, clock)
    failing.fault = None
    for table in template.tables:
        client.delete_table(TableName=table.name)


class _Failing:
    """Makes the next call fail on its way, in botocore's client events."""

    def __init__(self) -> None:
        self.fault: Fault | None = None

    def next(self, fault: Fault) -> None:
        self.fault = fault

    def before(self, model: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.exceptions import ReadTimeoutError

        def error(code: str, **more: Any) -> Any:
            self.fault = None
            told = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
            return AWSResponse("https://local", 400, {}, None), told

        match self.fault:
            case Fault.THROTTLED:
                # A read is tried three times: the table goes on refusing until the writes of a test look again.
                answer = error("ThrottlingException")
                if model.name in ("Query", "BatchGetItem"):
                    self.fault = Fault.THROTTLED
                return answer
            case Fault.CONFLICT if model.name == "TransactWriteItems":
                return error("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}])
            case Fault.CONFLICT:
                return error("TransactionConflictException")
            case Fault.TIMEOUT_BEFORE:
                raise ReadTimeoutError(endpoint_url="https://local")
        return None

    def after(self, **_: Any) -> None:
        from botocore.exceptions import ReadTimeoutError

        if self.fault is Fault.REPLY_LOST:
            raise ReadTimeoutError(endpoint_url="https://local")


@pytest.fixture(params=["memory", "moto"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    yield from memory() if request.param == "memory" else on_moto(*request.getfixturevalue("moto"))


@pytest.fixture
def tables(backend: Backend) -> Tables:
    return backend.tables


def there(tables: Tables, key: Key) -> Item | None:
    return tables.read([key]).get(key)


def item(key: Key, **attributes: Any) -> Item:
    return {"pk": key.pk, "sk": key.sk, **attributes}


# ---------------------------------------------------------------- writes


def test_a_put_writes_the_whole_item_and_replaces_what_was_there(tables):
    tables.write([Put(A, {"doc": "one", "version": 1})])
    tables.write([Put(A, {"doc": "two"})])
    assert there(tables, A) == item(A, doc="two")


def test_values_come_back_in_their_own_kind(tables):
    tables.write([Put(A, {"text": "x", "none": "", "number": -12, "yes": True, "no": False, "bytes": b"\x00\xff"})])
    found = there(tables, A)
    assert found == item(A, text="x", none="", number=-12, yes=True, no=False, bytes=b"\x00\xff")
    assert {name: type(value) for name, value in found.items()} == {
        "pk": str, "sk": str, "text": str, "none": str, "number": int, "yes": bool, "no": bool, "bytes": bytes,
    }  # fmt: skip


def test_an_enumerated_word_is_kept_as_plain_text(tables):
    tables.write([Put(A, {"state": State.HELD})])
    assert type(there(tables, A)["state"]) is str
    tables.write([Change(A, put={"seen": True}, when=Is("state", State.HELD))])
    assert there(tables, A)["seen"] is True


def test_a_change_sets_drops_and_adds_and_keeps_the_rest(tables):
    tables.write([Put(A, {"doc": "one", "old": "x", "count": 2})])
    tables.write([Change(A, put={"doc": "two"}, drop=("old", "never"), add={"count": 3, "opened": 1})])
    assert there(tables, A) == item(A, doc="two", count=5, opened=1)


def test_sums_of_broken_numbers_are_exact_and_come_back_as_they_are(tables):
    for part in ("0.1", "0.2", "-12.345678", "1E+2"):
        tables.write([Change(A, add={"sum": Decimal(part), "count": 1})])
    assert there(tables, A) == item(A, sum=Decimal("87.954322"), count=4)
    tables.write([Change(A, add={"sum": Decimal("0.045678")})])
    assert there(tables, A) == item(A, sum=88, count=4)
    assert type(there(tables, A)["sum"]) is int
    tables.write([Change(A, add={"sum": Decimal("0.50")})])
    assert str(there(tables, A)["sum"]) == "88.5"


def test_a_broken_number_can_be_put_and_compared(tables):
    tables.write([Put(A, {"share": Decimal("0.250"), "none": Decimal("0.0")})])
    assert there(tables, A) == item(A, share=Decimal("0.25"), none=0)
    tables.write([Change(A, put={"seen": True}, when=Is("share", Decimal("0.25")))])
    assert there(tables, A)["seen"] is True


def test_an_attributes_name_may_have_a_hyphen(tables):
    tables.write([Put(A, {"at-first": 1})])
    when = AllOf((Is("at-first", 1), Lacks("at_first")))
    tables.write([Change(A, put={"of-GB": "x"}, drop=("at-first",), add={"single_GB-again": 2}, when=when)])
    assert tables.read([A])[A] == {"of-GB": "x", "single_GB-again": 2, "pk": A.pk, "sk": A.sk}


def test_a_change_makes_an_item_that_is_absent(tables):
    tables.write([Change(A, add={"count": 1})])
    assert there(tables, A) == item(A, count=1)


def test_a_removal_takes_the_item_away_and_one_of_nothing_is_fine(tables):
    tables.write([Put(A, {"doc": "one"})])
    tables.write([Remove(A)])
    tables.write([Remove(A)])
    assert there(tables, A) is None


# ---------------------------------------------------------------- conditions

HOLDS: list[tuple[Condition, Item | None]] = [
    (Absent(), None),
    (Exists(), {"doc": "x"}),
    (Is("version", 1), {"version": 1}),
    (Is("doc", "x"), {"doc": "x"}),
    (Is("yes", True), {"yes": True}),
    (Lacks("doc"), None),
    (Lacks("doc"), {"version": 1}),
    (AnyOf((Absent(), Is("version", 1))), {"version": 1}),
    (AnyOf((Absent(), Is("version", 1))), None),
    (AllOf((Exists(), Lacks("gone"), Is("version", 1))), {"version": 1}),
    (AnyOf((AllOf((Exists(), Is("version", 9))), Lacks("gone"))), {"version": 1}),
]
FAILS: list[tuple[Condition, Item | None]] = [
    (Absent(), {"doc": "x"}),
    (Exists(), None),
    (Is("version", 1), {"version": 2}),
    (Is("version", 1), {"version": "1"}),
    (Is("version", 1), {"doc": "x"}),
    (Is("version", 1), None),
    (Lacks("doc"), {"doc": ""}),
    (AnyOf((Absent(), Is("version", 1))), {"version": 2}),
    (AllOf((Exists(), Is("version", 1))), {"version": 2}),
    (AllOf((Exists(), Lacks("doc"))), None),
]
WRITES: list[Callable[[Condition], Any]] = [
    lambda when: Put(A, {"new": "x"}, when),
    lambda when: Change(A, put={"new": "x"}, when=when),
    lambda when: Remove(A, when),
    lambda when: Check(A, when),
]
KINDS = ["put", "change", "remove", "check"]


@pytest.mark.parametrize("write", WRITES, ids=KINDS)
@pytest.mark.parametrize(("condition", "before"), HOLDS, ids=str)
def test_a_write_happens_when_its_condition_holds(tables, write, condition, before):
    if before is not None:
        tables.write([Put(A, before)])
    tables.write([write(condition)])
    tables.write([write(condition), Put(B, {"beside": 1})]) if isinstance(write(condition), Check) else None
    after = there(tables, A)
    expected = {
        Put: item(A, new="x"),
        Change: item(A, **(before or {}), new="x"),
        Remove: None,
        Check: None if before is None else item(A, **before),
    }
    assert after == expected[type(write(condition))]


@pytest.mark.parametrize("write", WRITES, ids=KINDS)
@pytest.mark.parametrize(("condition", "before"), FAILS, ids=str)
def test_a_write_whose_condition_fails_changes_nothing_and_tells_what_stood_there(tables, write, condition, before):
    if before is not None:
        tables.write([Put(A, before)])
    with pytest.raises(ConditionFailed) as failed:
        tables.write([write(condition)])
    assert failed.value.found == {0: None if before is None else item(A, **before)}
    assert there(tables, A) == (None if before is None else item(A, **before))


@pytest.mark.parametrize(("condition", "before"), [(Is("version", 1), {"version": True}), (Is("yes", True), {"yes": 1})], ids=str)
def test_a_number_equals_no_boolean(backend, condition, before, request):
    if request.node.callspec.params["backend"] == "moto":
        pytest.skip("moto compares as Python does, where 1 equals True; DynamoDB compares the type, too")
    backend.tables.write([Put(A, before)])
    with pytest.raises(ConditionFailed):
        backend.tables.write([Remove(A, condition)])


# ---------------------------------------------------------------- what has expired

SOON = {"expires_at": int(NOW.timestamp()) + 60}


def expired(backend: Backend, *places: Key, **attributes: Any) -> Tables:
    """Items whose time is over and that nobody has deleted yet, as DynamoDB has them for days."""
    backend.tables.write([Put(key, {"doc": "old", "version": 1, **attributes, **SOON}) for key in places])
    assert len(backend.tables.read(list(places))) == len(places)
    backend.clock.at = NOW + timedelta(seconds=60)
    return backend.tables


def test_what_has_expired_is_absent_on_every_read_from_the_very_second(backend):
    tables = expired(backend, A, C)
    tables.write([Put(B, {"doc": "lasts"})])
    assert tables.read([A, B, C]) == {B: item(B, doc="lasts")}
    assert tables.partition("customers", A.pk, "1#") == [item(B, doc="lasts")]
    assert tables.partition("customers", A.pk, "1#", expired=True) == [
        item(B, doc="lasts"),
        item(A, doc="old", version=1, **SOON),
    ]


def test_a_second_before_it_is_there(backend):
    expired(backend, A)
    backend.clock.at -= timedelta(seconds=1)
    assert there(backend.tables, A) == item(A, doc="old", version=1, **SOON)


AS_ABSENT = [Absent(), Lacks("doc"), AnyOf((Absent(), Is("version", 7)))]
AS_THERE = [Exists(), Is("version", 1), AllOf((Exists(), Lacks("gone"))), AllOf((Lacks("gone"), Is("doc", "old")))]


@pytest.mark.parametrize("write", WRITES, ids=KINDS)
@pytest.mark.parametrize("condition", AS_ABSENT, ids=str)
def test_to_a_condition_what_has_expired_is_absent(backend, write, condition):
    tables = expired(backend, A)
    tables.write([write(condition), Put(B, {"beside": 1})])
    assert there(tables, B) == item(B, beside=1)
    if isinstance(write(condition), Put):
        assert there(tables, A) == item(A, new="x")


@pytest.mark.parametrize("write", WRITES, ids=KINDS)
@pytest.mark.parametrize("condition", AS_THERE, ids=str)
@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a transaction"])
def test_what_has_expired_meets_no_condition_that_asks_for_it_and_is_not_told_of(backend, write, condition, together):
    tables = expired(backend, A)
    with pytest.raises(ConditionFailed) as failed:
        tables.write([write(condition), *([Put(B, {"beside": 1})] if together else [])])
    assert failed.value.found == {0: None}
    assert tables.read([A, B]) == {}


def test_who_erases_finds_what_has_expired_by_its_owner_too(backend):
    tables = expired(backend, A, customer_id="anna")
    assert tables.owned("anna") == [A]
    tables.write([Remove(A)])
    assert tables.partition("customers", A.pk, "1#", expired=True) == []


# ---------------------------------------------------------------- transactions


def test_a_transaction_writes_all_of_its_items_in_both_tables(tables):
    tables.write([Put(A, {"doc": "a"}), Put(B, {"doc": "b"}, Absent()), Change(C, put={"doc": "c"})])
    assert tables.read([A, B, C]) == {A: item(A, doc="a"), B: item(B, doc="b"), C: item(C, doc="c")}


def test_a_transaction_with_one_failing_condition_writes_nothing(tables):
    tables.write([Put(B, {"doc": "b"})])
    with pytest.raises(ConditionFailed):
        tables.write([Put(A, {"doc": "a"}), Remove(B), Check(C, Exists())])
    assert tables.read([A, B, C]) == {B: item(B, doc="b")}


def test_a_cancelled_transaction_names_every_position_that_failed_with_what_stood_there(tables):
    tables.write([Put(B, {"doc": "b", "version": 3})])
    with pytest.raises(ConditionFailed) as failed:
        tables.write([Put(A, {"doc": "a"}, Exists()), Change(B, put={"x": 1}, when=Is("version", 2)), Put(C, {"doc": "c"})])
    assert failed.value.failed == (0, 1)
    assert failed.value.found == {0: None, 1: item(B, doc="b", version=3)}


def test_a_failed_transaction_leaves_the_tables_usable(tables):
    with pytest.raises(ConditionFailed):
        tables.write([Put(A, {"doc": "a"}), Check(B, Exists())])
    tables.write([Put(A, {"doc": "a"}), Check(B, Absent())])
    assert there(tables, A) == item(A, doc="a")


def test_what_a_failure_found_and_what_a_read_gave_is_the_callers_own(tables):
    tables.write([Put(A, {"doc": "a"})])
    tables.read([A])[A]["doc"] = "scribble"
    tables.partition("customers", A.pk, "1#")[0]["doc"] = "scribble"
    with pytest.raises(ConditionFailed) as failed:
        tables.write([Put(A, {"doc": "b"}, Absent())])
    failed.value.found[0]["doc"] = "scribble"
    given = {"doc": "own"}
    tables.write([Put(B, given)])
    given["doc"] = "scribble"
    assert there(tables, A) == item(A, doc="a")
    assert there(tables, B) == item(B, doc="own")


# ---------------------------------------------------------------- reads


def test_a_read_gives_what_exists_of_both_tables(tables):
    tables.write([Put(A, {"doc": "a"})])
    tables.write([Put(C, {"doc": "c"})])
    assert tables.read([A, B, C]) == {A: item(A, doc="a"), C: item(C, doc="c")}
    assert tables.read([]) == {}


def test_a_partition_is_read_in_the_order_of_its_sort_keys(tables):
    for sk in ("1#ORDER#b", "1#PROFILE", "9#LEDGER#x", "1#ORDER#a", "1#ORDER#ä", "1#ORDER#Z"):
        tables.write([Put(Key("customers", A.pk, sk), {"doc": sk})])
    tables.write([Put(Key("customers", "CUSTOMER#other", "1#ORDER#c"), {"doc": "other"})])
    assert [i["sk"] for i in tables.partition("customers", A.pk, "1#")] == [
        "1#ORDER#Z", "1#ORDER#a", "1#ORDER#b", "1#ORDER#ä", "1#PROFILE",
    ]  # fmt: skip
    assert [i["doc"] for i in tables.partition("customers", A.pk, "9#")] == ["9#LEDGER#x"]
    assert tables.partition("customers", "CUSTOMER#nobody", "1#") == []


def test_a_partition_of_more_than_one_page_is_read_whole(tables):
    for n in range(6):
        tables.write([Put(Key("customers", A.pk, f"9#{n}"), {"doc": "x" * 300_000})])
    assert [i["sk"] for i in tables.partition("customers", A.pk, "9#")] == [f"9#{n}" for n in range(6)]


def test_a_partition_is_read_page_by_page(tables):
    for sk in ("ASKED#b", "OWNS#a", "OWNS#b", "OWNS#c", "OWNS#d", "OWNS#e"):
        tables.write([Put(Key("customers", "PRODUCT#p", sk), {"customer_id": sk})])
    first = tables.page("customers", "PRODUCT#p", "OWNS#", None, 2)
    assert first == [{"pk": "PRODUCT#p", "sk": sk, "customer_id": sk} for sk in ("OWNS#a", "OWNS#b")]
    assert [i["sk"] for i in tables.page("customers", "PRODUCT#p", "OWNS#", "OWNS#b", 2)] == ["OWNS#c", "OWNS#d"]
    assert [i["sk"] for i in tables.page("customers", "PRODUCT#p", "OWNS#", "OWNS#d", 2)] == ["OWNS#e"]
    assert tables.page("customers", "PRODUCT#p", "OWNS#", "OWNS#e", 2) == []
    assert tables.page("customers", "PRODUCT#other", "OWNS#", None, 2) == []
    # Where it goes on need not be there any more: the reader was erased between two pages.
    assert [i["sk"] for i in tables.page("customers", "PRODUCT#p", "OWNS#", "OWNS#bb", 9)] == ["OWNS#c", "OWNS#d", "OWNS#e"]


def test_a_hundred_items_are_read_at_once(tables):
    wanted = [Key("customers", f"DELIVERY#{n}", "-") for n in range(100)]
    for key in wanted[:60]:
        tables.write([Put(key, {"doc": "x"})])
    assert set(tables.read(wanted)) == set(wanted[:60])


# ---------------------------------------------------------------- the sparse indexes


def test_the_index_gives_what_lies_elsewhere_and_names_a_customer(tables):
    aliases = [Key("customers", f"ALIAS#order#shop:{n}", "-") for n in range(3)]
    tables.write([Put(alias, {"customer_id": CUSTOMER}) for alias in aliases])
    tables.write([Put(Key("customers", "ALIAS#order#shop:9", "-"), {"customer_id": "c0berta"})])
    tables.write([Put(keys.customer(CUSTOMER, keys.PROFILE), {"doc": "{}", "version": 1})])
    assert sorted(tables.owned(CUSTOMER)) == aliases
    tables.write([Remove(aliases[0]), Put(aliases[1], {"customer_id": "c0berta"})])
    tables.write([Change(aliases[2], put={"doc": "x"}, drop=("customer_id",))])
    assert tables.owned(CUSTOMER) == []
    assert len(tables.owned("c0berta")) == 2


@pytest.mark.parametrize("wrong", ["", 7])
def test_an_owner_is_text_that_is_not_empty(wrong):
    """AWS refuses a key of an index that is empty or of another type; moto takes it, so the twin must not."""
    with pytest.raises(Refused):
        MemoryTables(lambda: NOW).write([Put(Key("customers", "ALIAS#order#shop:1", "-"), {"customer_id": wrong})])


def test_of_a_partition_one_may_take_the_first_few(tables):
    tables.write([Put(Key("customers", "SHOP#one", f"2026-0{n}"), {"n": n}) for n in range(1, 6)])
    assert [item["n"] for item in tables.partition("customers", "SHOP#one", "2", 2)] == [1, 2]
    assert [item["n"] for item in tables.partition("customers", "SHOP#one", "2", 9)] == [1, 2, 3, 4, 5]


def due(n: int, kind: str, at: str) -> Put:
    return Put(Key("customers", f"CUSTOMER#{n}", "9#LEDGER#m"), {"doc": "x", "due_kind": kind, "due_at": at})


def test_the_index_gives_keys_of_what_is_due_oldest_first(tables):
    for write in (due(1, "claimed", "2026-03-02T10"), due(2, "claimed", "2026-03-02T08"), due(3, "unknown", "2026-03-02T07")):
        tables.write([write])
    tables.write([due(4, "claimed", "2026-03-02T12")])
    found = tables.due("claimed", "2026-03-02T10", 10)
    assert found == [
        {"pk": "CUSTOMER#2", "sk": "9#LEDGER#m", "due_kind": "claimed", "due_at": "2026-03-02T08"},
        {"pk": "CUSTOMER#1", "sk": "9#LEDGER#m", "due_kind": "claimed", "due_at": "2026-03-02T10"},
    ]
    assert [i["pk"] for i in tables.due("claimed", "2026-03-02T10", 1)] == ["CUSTOMER#2"]
    assert tables.due("slot", "2026-03-02T10", 10) == []


def test_an_item_leaves_the_index_with_the_write_that_settles_it(tables):
    tables.write([due(1, "claimed", "2026-03-02T08")])
    tables.write([due(2, "claimed", "2026-03-02T08")])
    tables.write([Change(due(1, "", "").key, put={"state": "SENT"}, drop=("due_kind", "due_at"))])
    tables.write([Change(due(2, "", "").key, put={"due_kind": "unknown", "due_at": "2026-03-02T11"})])
    assert tables.due("claimed", "2026-03-02T23", 10) == []
    assert [i["pk"] for i in tables.due("unknown", "2026-03-02T23", 10)] == ["CUSTOMER#2"]
    tables.write([Remove(due(2, "", "").key)])
    assert tables.due("unknown", "2026-03-02T23", 10) == []


# ---------------------------------------------------------------- failures on the way


@pytest.mark.parametrize("writes", [[Put(A, {"doc": "a"})], [Put(A, {"doc": "a"}), Put(B, {"doc": "b"})]], ids=["one", "two"])
@pytest.mark.parametrize(("fault", "error"), [(Fault.THROTTLED, Throttled), (Fault.CONFLICT, Conflict)], ids=str)
def test_what_was_not_done_is_told_apart_by_what_to_do_next(backend, writes, fault, error):
    backend.fail(fault)
    with pytest.raises(error):
        backend.tables.write(writes)
    assert backend.tables.read([A, B]) == {}


@pytest.mark.parametrize("writes", [[Put(A, {"doc": "a"})], [Put(A, {"doc": "a"}), Put(B, {"doc": "b"})]], ids=["one", "two"])
@pytest.mark.parametrize(("fault", "written"), [(Fault.REPLY_LOST, True), (Fault.TIMEOUT_BEFORE, False)], ids=str)
def test_a_lost_answer_is_unclear_whether_or_not_it_was_written(backend, writes, fault, written):
    backend.fail(fault)
    with pytest.raises(Unclear):
        backend.tables.write(writes)
    backend.fail(None)  # type: ignore[arg-type]
    assert bool(backend.tables.read([A])) is written


@pytest.mark.parametrize("read", [lambda t: t.read([A]), lambda t: t.partition("customers", A.pk, "1#"),
                                  lambda t: t.page("customers", A.pk, "1#", None, 1),
                                  lambda t: t.due("claimed", "2026", 1)], ids=["read", "partition", "page", "due"])  # fmt: skip
def test_a_read_that_the_table_refuses_for_its_load_is_throttled(backend, read):
    backend.fail(Fault.THROTTLED)
    with pytest.raises(Throttled):
        read(backend.tables)


# ---------------------------------------------------------------- what AWS refuses

REFUSED: dict[str, list[Any]] = {
    "no writes": [],
    "101 writes": [Put(Key("customers", f"DELIVERY#{n}", "-"), {"doc": "x"}) for n in range(101)],
    "one item twice": [Put(A, {"doc": "a"}), Check(A, Absent())],
    "an empty partition key": [Put(Key("customers", "", "-"), {"doc": "x"})],
    "an empty sort key": [Put(Key("customers", "CUSTOMER#a", ""), {"doc": "x"})],
    "an item of more than 400 KB": [Put(A, {"doc": "x" * 410_000})],
    "an item of more than 400 KB in bytes": [Put(A, {"doc": "ä" * 205_000})],
    "addition to text": [Change(A, add={"text": 1})],
    "a key's attribute changed": [Change(A, put={"sk": "other"})],
    "an empty change": [Change(A)],
    "an index key that is empty": [Put(A, {"due_kind": "", "due_at": "x"})],
    "an index key that is a number": [Put(A, {"due_kind": "claimed", "due_at": 5})],
}
NOT_REFUSED_BY_MOTO = {"no writes", "an empty change", "an index key that is a number"}
"""moto answers these with an error of its own or not at all; DynamoDB refuses them (API reference)."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_dynamodb_refuses_is_refused_and_changes_nothing(backend, name, request):
    if request.node.callspec.params["backend"] == "moto" and name in NOT_REFUSED_BY_MOTO:
        pytest.skip("moto does not refuse this as DynamoDB does")
    backend.tables.write([Put(A, {"text": "x"})])
    with pytest.raises(backend.refused):
        backend.tables.write(REFUSED[name])
    assert backend.tables.read([A]) == {A: item(A, text="x")}


def test_an_item_of_nearly_400_kb_is_kept(tables):
    tables.write([Put(A, {"doc": "x" * 400_000})])
    assert len(there(tables, A)["doc"]) == 400_000


def test_more_than_a_hundred_keys_are_refused(backend):
    with pytest.raises(backend.refused):
        backend.tables.read([Key("customers", f"DELIVERY#{n}", "-") for n in range(101)])


def test_a_key_asked_for_twice_is_refused(backend):
    with pytest.raises(backend.refused):
        backend.tables.read([A, A])


# ---------------------------------------------------------------- the named operations

CUSTOMER = "anna"
PROPOSAL = Proposal(
    key="order-confirmation#shop:1070",
    customer_id=CUSTOMER,
    purpose=Purpose.TRANSACTIONAL,
    template="order-confirmation",
    not_after=NOW + timedelta(days=2),
    proposed_at=NOW,
    caused_by="event-1",
    correlation_id="delivery-1",
)


def message(state: State, reason: Reason, at: datetime = NOW) -> Message:
    return Message(proposal=PROPOSAL, state=state, decisions=(Decision(at=at, state=state, reason=reason),))


CLAIMED = message(State.CLAIMED, Reason.SENT)
SENT = message(State.SENT, Reason.SENT)
HELD = message(State.HELD, Reason.NOT_YET)
PLACE = keys.ledger(CUSTOMER, PROPOSAL.message_id)
HELD_PLACE = keys.held(CUSTOMER, PROPOSAL.message_id)


def customer(consent_version: int = 0) -> Customer:
    return Customer(id=CUSTOMER, profile=Profile(first_seen=NOW), consent=ConsentRecord(version=consent_version))


def claim(tables: Tables, token: str = "token-1", held: bool = False, consent_version: int = 0, checks: Any = ()) -> Any:
    return ledger.claim(tables, customer(consent_version), CLAIMED, token, NOW, held, checks)


def test_a_claim_is_had_once(tables):
    assert claim(tables) == ledger.Claimed("token-1")
    lost = claim(tables, "token-2")
    assert isinstance(lost, ledger.Lost)
    assert lost.settled == CLAIMED
    assert [i["pk"] for i in tables.due("claimed", iso(NOW + ledger.LEASE), 10)] == [f"CUSTOMER#{CUSTOMER}"]


def test_a_claim_that_was_ours_all_along_is_ours(tables):
    claim(tables)
    assert claim(tables) == ledger.Claimed("token-1")


def test_a_claim_is_lost_when_consent_has_moved_on(tables):
    tables.write([store.versioned(keys.customer(CUSTOMER, keys.CONSENT), "{}", 0)])
    assert claim(tables) == ledger.Lost()
    assert there(tables, PLACE) is None
    assert claim(tables, consent_version=1) == ledger.Claimed("token-1")


def test_a_claim_is_lost_when_a_check_of_the_record_fails(tables):
    order = keys.order(CUSTOMER, "shop:1070")
    tables.write([store.versioned(order, "{}", 0)])
    tables.write([store.versioned(order, '{"cancelled":1}', 1)])
    assert claim(tables, checks=[Check(order, Is("version", 1))]) == ledger.Lost()
    assert there(tables, PLACE) is None


def test_a_claim_of_a_held_message_takes_it_out_of_the_held_ones_and_a_release_puts_it_back(tables):
    assert ledger.hold(tables, customer(), HELD, NOW + timedelta(hours=1), NOW)
    claim(tables, held=True)
    assert there(tables, HELD_PLACE) is None
    assert ledger.release(tables, CUSTOMER, CLAIMED, "token-1", held=HELD, now=NOW)
    assert there(tables, PLACE) is None
    assert ledger.message_from(there(tables, HELD_PLACE)).state is State.HELD


def test_only_the_claims_owner_may_release_or_settle_it(tables):
    claim(tables)
    assert not ledger.release(tables, CUSTOMER, CLAIMED, "token-2", held=None, now=NOW)
    assert not ledger.settle(tables, CUSTOMER, SENT, "token-2", NOW)
    assert ledger.settle(tables, CUSTOMER, SENT, "token-1", NOW)
    settled = there(tables, PLACE)
    assert (settled["state"], "token" in settled, "due_kind" in settled) == ("SENT", False, False)
    assert not ledger.release(tables, CUSTOMER, CLAIMED, "token-1", held=None, now=NOW)
    assert isinstance(claim(tables, "token-3"), ledger.Lost)


COUNTED = counting(Caps(), Counted(at=NOW, purpose=Purpose.PROMOTIONAL, channel=Channel.EMAIL, message="m1"), timedelta(days=30))
CAPS_PLACE = keys.customer(CUSTOMER, keys.CAPS)


def caps_put(after: Caps, before: int) -> Put:
    return store.versioned(CAPS_PLACE, after.to_json(), before)


def test_the_last_place_under_a_cap_is_had_once(tables):
    """Two messages that both saw one place: the second claim is lost and nothing of it is written (invariant I14)."""
    assert claim(tables, checks=[caps_put(COUNTED, 0)]) == ledger.Claimed("token-1")
    other = CLAIMED.model_copy(update={"proposal": PROPOSAL.model_copy(update={"key": "order-confirmation#shop:2"})})
    lost = ledger.claim(tables, customer(), other, "token-2", NOW, None, [caps_put(COUNTED, 0)])
    assert lost == ledger.Lost()
    assert there(tables, keys.ledger(CUSTOMER, other.proposal.message_id)) is None
    assert Caps.model_validate_json(str(there(tables, CAPS_PLACE)["doc"])) == COUNTED


def test_what_was_not_sent_is_taken_out_of_the_caps_with_its_claim(tables):
    claim(tables, checks=[caps_put(COUNTED, 0)])
    back = caps_put(without(COUNTED, "m1"), 1)
    assert ledger.release(tables, CUSTOMER, CLAIMED, "token-1", held=None, now=NOW, beside=[back])
    assert there(tables, PLACE) is None
    assert Caps.model_validate_json(str(there(tables, CAPS_PLACE)["doc"])).counted == ()


def test_a_hold_in_place_of_a_claim_and_a_refusal_take_it_out_too(tables):
    claim(tables, checks=[caps_put(COUNTED, 0)])
    back = caps_put(without(COUNTED, "m1"), 1)
    assert ledger.hold(tables, customer(), HELD, NOW + timedelta(hours=1), NOW, token="token-1", beside=[back])
    assert Caps.model_validate_json(str(there(tables, CAPS_PLACE)["doc"])).counted == ()
    claim(tables, "token-2", checks=[caps_put(COUNTED.model_copy(update={"version": 3}), 2)])
    refused = message(State.REFUSED, Reason.PROVIDER_REFUSED)
    again = caps_put(without(COUNTED.model_copy(update={"version": 3}), "m1"), 3)
    assert ledger.settle(tables, CUSTOMER, refused, "token-2", NOW, beside=[again])
    assert Caps.model_validate_json(str(there(tables, CAPS_PLACE)["doc"])).counted == ()


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.TIMEOUT_BEFORE, Fault.REPLY_LOST])
def test_a_claim_without_a_clear_answer_leaves_nothing_claimed_when_it_is_released(backend, fault, request):
    if request.node.callspec.params["backend"] == "moto" and fault is not Fault.THROTTLED:
        pytest.skip("the hook fails every call until it is told otherwise, the release too")
    backend.fail(fault)
    with pytest.raises((Throttled, Unclear)):
        claim(backend.tables)
    assert there(backend.tables, PLACE) is None


def test_a_conflict_loses_the_claim_and_nothing_is_written(backend):
    backend.fail(Fault.CONFLICT)
    assert claim(backend.tables) == ledger.Lost()
    assert there(backend.tables, PLACE) is None


def test_an_unknown_outcome_comes_due_and_the_provider_settles_it(tables):
    claim(tables)
    unknown = message(State.UNKNOWN, Reason.PROVIDER_UNCLEAR)
    assert ledger.settle(tables, CUSTOMER, unknown, "token-1", NOW)
    assert len(tables.due("unknown", iso(NOW + ledger.UNKNOWN_FOR), 10)) == 1
    seen = there(tables, PLACE)
    confirmed = message(State.SENT, Reason.PROVIDER_CONFIRMED)
    assert ledger.confirm_sent(tables, CUSTOMER, confirmed, seen, NOW)
    assert not ledger.confirm_sent(tables, CUSTOMER, confirmed, seen, NOW)
    assert ledger.message_from(there(tables, PLACE)).last.reason is Reason.PROVIDER_CONFIRMED
    assert tables.due("unknown", iso(NOW + ledger.UNKNOWN_FOR), 10) == []


def test_a_claim_past_its_lease_becomes_unknown_and_then_parked_unless_it_moved(tables):
    claim(tables)
    [found] = tables.due("claimed", iso(NOW + ledger.LEASE), 10)
    later = NOW + timedelta(minutes=17)
    assert ledger.expire_claim(tables, found, message(State.UNKNOWN, Reason.LEASE_EXPIRED), later)
    assert not ledger.expire_claim(tables, found, message(State.UNKNOWN, Reason.LEASE_EXPIRED), later)
    [unknown] = tables.due("unknown", iso(later + ledger.UNKNOWN_FOR), 10)
    assert ledger.expire_claim(tables, unknown, message(State.PARKED, Reason.OUTCOME_NEVER_LEARNED), later)
    assert there(tables, PLACE)["state"] == "PARKED"
    assert not ledger.settle(tables, CUSTOMER, SENT, "token-1", later)


def test_a_message_is_closed_once(tables):
    refused = message(State.REFUSED, Reason.NO_CONSENT)
    assert ledger.close(tables, CUSTOMER, refused, NOW, held=False) is None
    assert ledger.close(tables, CUSTOMER, message(State.EXPIRED, Reason.TOO_LATE), NOW, held=False) == refused


def test_a_held_message_is_closed_out_of_the_held_ones(tables):
    ledger.hold(tables, customer(), HELD, NOW + timedelta(hours=1), NOW)
    assert ledger.close(tables, CUSTOMER, message(State.EXPIRED, Reason.TOO_LATE), NOW, held=True) is None
    assert there(tables, HELD_PLACE) is None


def test_a_hold_sets_the_customers_slot_and_is_refused_for_what_is_settled(tables):
    at = NOW + timedelta(hours=1)
    assert ledger.hold(tables, customer(), HELD, at, NOW)
    assert [i["sk"] for i in tables.due("slot", iso(at + ledger.SLOT_GRACE), 10)] == [keys.SLOT]
    ledger.close(tables, CUSTOMER, message(State.REFUSED, Reason.NO_CONSENT), NOW, held=True)
    assert not ledger.hold(tables, customer(), HELD, at, NOW)


def test_a_hold_in_place_of_our_claim_needs_our_claim(tables):
    claim(tables)
    assert not ledger.hold(tables, customer(), HELD, NOW + timedelta(hours=1), NOW, token="token-2")
    assert ledger.hold(tables, customer(), HELD, NOW + timedelta(hours=1), NOW, token="token-1")
    assert there(tables, PLACE) is None
    assert there(tables, HELD_PLACE)["state"] == "HELD"


def test_a_slot_is_moved_and_taken_away(tables):
    ledger.move_slot(tables, CUSTOMER, NOW, NOW)
    ledger.move_slot(tables, CUSTOMER, NOW + timedelta(hours=2), NOW)
    assert there(tables, keys.customer(CUSTOMER, keys.SLOT))["due_at"] == iso(NOW + timedelta(hours=2) + ledger.SLOT_GRACE)
    ledger.move_slot(tables, CUSTOMER, None, NOW)
    assert there(tables, keys.customer(CUSTOMER, keys.SLOT)) is None


def test_engagement_is_counted_beside_the_message_and_survives_its_settlement(tables):
    assert not ledger.note_engagement(tables, CUSTOMER, PROPOSAL.message_id, "opened", NOW)
    claim(tables)
    assert ledger.note_engagement(tables, CUSTOMER, PROPOSAL.message_id, "opened", NOW)
    assert ledger.note_engagement(tables, CUSTOMER, PROPOSAL.message_id, "opened", NOW + timedelta(hours=1))
    ledger.settle(tables, CUSTOMER, SENT, "token-1", NOW)
    found = there(tables, PLACE)
    assert (found["opened_count"], found["opened_at"], found["state"]) == (2, iso(NOW + timedelta(hours=1)), "SENT")


def delivery(**changes: Any) -> store.Delivery:
    event = make("OrderPlaced", "event-1", NOW, "delivery-1", OrderData(customer_id=CUSTOMER, order="shop:1070"))
    return store.Delivery(
        **{
            "key": "shopify:w-1",
            "sender": "shopify",
            "topic": "orders/create",
            "received_at": NOW,
            "correlation_id": "delivery-1",
            "body_hash": "hash",
            "facts": ("OrderPlaced",),
            "events": (event,),
            "customer_id": CUSTOMER,
            **changes,
        }
    )


def test_a_delivery_is_recorded_once_with_all_that_belongs_to_it(tables):
    order = store.versioned(keys.order(CUSTOMER, "shop:1070"), "{}", 0)
    tables.write([delivery().put(), order])
    with pytest.raises(ConditionFailed) as failed:
        tables.write([delivery().put(), order])
    assert failed.value.failed == (0, 1)
    found = there(tables, keys.delivery("shopify:w-1"))
    assert store.events_of(found["events"]) == list(delivery().events)
    assert [i["pk"] for i in tables.due("relay", iso(NOW + store.RELAY_GRACE), 10)] == ["DELIVERY#shopify:w-1"]


def test_a_relayed_delivery_is_nobodys_to_come_back_to(tables):
    tables.write([delivery().put()])
    store.mark_relayed(tables, "shopify:w-1", NOW)
    assert tables.due("relay", iso(NOW + timedelta(days=1)), 10) == []
    left = there(tables, keys.delivery("shopify:w-1"))
    assert left["relayed_at"] == iso(NOW)
    assert not {"events", "customer", "due_kind", "due_at"} & left.keys(), "what stays leads to nobody"


def test_a_parked_delivery_keeps_its_raw_body(tables):
    parked = delivery(parked="unknown_topic", events=(), facts=())
    tables.write([parked.put(), *store.park(parked, b"\x00raw of anna@example.com", "key")])
    place = keys.parked("shopify", NOW, "shopify:w-1")
    assert there(tables, place)["body"] == b"\x00raw of anna@example.com"
    mention = keys.mention(keyed_hash("key", "anna@example.com"), place)
    assert there(tables, mention)["expires_at"] == there(tables, place)["expires_at"]
    assert tables.due("relay", iso(NOW + timedelta(days=1)), 10) == []
