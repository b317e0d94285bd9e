"""The backend answers what finds nothing in the index `due`, and says what moto would: after every kind of write, also one
whose answer was lost."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.keys import Key
from aftercare.table import EXPIRES_AT, AllOf, Change, Check, ConditionFailed, Exists, Is, Lacks, Put, Remove, Unclear, Write
from simulator.faults import Fault, FaultPlan
from tests.small_cloud import WITH_CUSTOMERS, small_cloud

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KINDS = ("claimed", "relay", "slot")
INSTANTS = tuple(iso(NOW + timedelta(minutes=minutes)) for minutes in (-10, 0, 10, 20))
ITEMS = tuple(keys.ledger(name, "m") for name in ("anna", "bert", "cleo", "dora"))

STEPS = 40

ONE_TABLE = (
    WITH_CUSTOMERS
    + """  Keeper:
    Type: AWS::Serverless::Function
    Properties:
      Handler: keeper.handler.handle
      Runtime: python3.13
      CodeUri: .
      Environment: {Variables: {CUSTOMER_TABLE: !Ref CustomerTable}}
"""
)


@pytest.fixture
def plan():
    return FaultPlan()


@pytest.fixture
def written():
    """What the function writes when it is invoked."""
    return []


@pytest.fixture
def cloud(tmp_path, plan, written, request):
    def keep(event, context):
        try:
            made.outside().tables.write(written)
        except (ConditionFailed, Unclear) as error:
            return type(error).__name__
        return "written"

    faults = plan if getattr(request, "param", "plain") == "under a plan" else None
    with small_cloud(tmp_path, ONE_TABLE, "moto", faults=faults, start=NOW, handlers={"Keeper": keep}) as made:
        yield made


@pytest.fixture
def reached(cloud):
    """How often each operation of the tables came to moto by the functions' own client."""
    seen = Counter()

    def sent(event_name, **_):
        seen[event_name.rpartition(".")[2]] += 1

    cloud.backend.client("dynamodb").meta.events.register_first("before-send.dynamodb", sent)
    return seen


def in_moto(cloud, kind, until):
    """What moto itself finds: the truth."""
    answer = cloud.backend.raw("dynamodb").query(
        TableName=cloud.backend.tables._names["customers"],
        IndexName="due",
        KeyConditionExpression="due_kind = :kind AND due_at <= :until",
        ExpressionAttributeValues={":kind": {"S": kind}, ":until": {"S": until}},
    )
    return [(item["pk"]["S"], item["due_at"]["S"]) for item in answer["Items"]]


def a_write(chance: Random, key: Key) -> Write:
    due = {"due_kind": chance.choice(KINDS), "due_at": chance.choice(INSTANTS)}
    over = {EXPIRES_AT: int(NOW.timestamp()) + chance.choice((-100, 100))}
    return chance.choice((
        Put(key, {"doc": "x", **due}),
        Put(key, {"doc": "x", **due, **over}),
        Put(key, {"doc": "x"}),
        Put(key, {"doc": "x", "due_kind": chance.choice(KINDS)}),
        Change(key, put=due),
        Change(key, put={"due_at": due["due_at"]}),
        Change(key, put={"due_kind": due["due_kind"]}),
        Change(key, put={"state": "SENT"}, drop=("due_kind", "due_at")),
        Change(key, drop=("due_at",), when=Exists()),
        Change(key, put=due, when=AllOf((Exists(), Is("due_kind", chance.choice(KINDS))))),
        Remove(key),
        Remove(key, when=Lacks("due_kind")),
        Check(key, Exists()),
    ))  # fmt: skip


@pytest.mark.parametrize("cloud", ["plain", "under a plan"], indirect=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_due_is_what_moto_finds_after_every_write(cloud, plan, written, reached, seed):
    chance, tables = Random(seed), cloud.outside().tables
    came, empty = Counter(), 0
    for _ in range(STEPS):
        written[:] = [a_write(chance, key) for key in chance.sample(ITEMS, chance.choice((1, 1, 2)))]
        if cloud.faults and chance.random() < 0.3:
            # A transaction is tried once more under its token when its answer is lost: both are.
            plan.at |= dict.fromkeys((len(plan.effects), len(plan.effects) + 1), Fault.REPLY_LOST)
        came[cloud.invoke("Keeper", {})] += 1
        plan.at.clear()
        for kind in KINDS:
            for until in INSTANTS:
                found = [(str(item["pk"]), str(item["due_at"])) for item in tables.due(kind, until, 500)]
                assert found == in_moto(cloud, kind, until), (kind, until, written)
                empty += not found
    assert came["written"] > 10
    assert came["ConditionFailed"] > 2
    assert (came["Unclear"] > 4) is (cloud.faults is not None)
    assert empty > STEPS
    if cloud.faults is None:  # under a plan the backend calls moto by a client of its own
        assert reached["Query"] == STEPS * len(KINDS) * len(INSTANTS) - empty


def test_what_nobody_must_come_back_to_is_answered_without_moto(cloud, reached):
    tables = cloud.outside().tables
    tables.write([Put(ITEMS[0], {"doc": "x", "due_kind": "slot", "due_at": INSTANTS[2]})])
    assert [tables.due(kind, INSTANTS[1], 10) for kind in KINDS] == [[], [], []]
    assert reached["Query"] == 0
    [found] = tables.due("slot", INSTANTS[2], 10)
    assert (found["pk"], found["due_at"]) == (ITEMS[0].pk, INSTANTS[2])
    assert reached["Query"] == 1


def test_what_is_asked_otherwise_is_left_to_moto(cloud, reached):
    client, asked = cloud.backend.client("dynamodb"), {":kind": {"S": "slot"}}
    more = {"ExpressionAttributeValues": asked, "KeyConditionExpression": "due_kind = :kind", "IndexName": "due"}
    answer = client.query(TableName=cloud.backend.tables._names["customers"], **more)
    assert (answer["Count"], reached["Query"]) == (0, 1)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.query(TableName="nobodys", **more)
    assert reached["Query"] == 2
