"""The operator's words on a deployed stack: found by the template's logical ids, changed through the engine's own ports."""

import json
import math
from datetime import timedelta
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from aftercare import aws, identity, keys, requests
from aftercare.clock import SystemClock, iso
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Contact, OrderLine, Profile
from aftercare.decision import Decision, Message, Reason, State
from aftercare.ledger import message_from
from aftercare.reorder_levels import days as days_since
from aftercare.reorder_levels import grown, of_family
from aftercare.requests import Asked
from aftercare.settings import Settings
from aftercare.store import load, versioned
from aftercare.table import Put
from aftercare.use import Weights
from simulator.commands.main import main
from tests.builders import ANNA, NOON, a_proposal, an_order

TABLE = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "due_kind", "due_at")],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "due",
            "KeySchema": [
                {"AttributeName": "due_kind", "KeyType": "HASH"},
                {"AttributeName": "due_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}


FIFO = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}


class CloudFormation:
    """The one call that the operator's words make of it: physical ids of one stack, and ValidationError for another."""

    def __init__(self, resources):
        self._resources = resources

    def describe_stack_resources(self, StackName):  # noqa: N803 - the API's own name
        if StackName != "aftercare":
            error = {"Error": {"Code": "ValidationError", "Message": f"Stack {StackName} does not exist"}}
            raise ClientError(error, "DescribeStackResources")
        return {
            "StackResources": [{"LogicalResourceId": name, "PhysicalResourceId": id_} for name, id_ in self._resources.items()]
        }


@pytest.fixture
def physical(monkeypatch):
    """A stack on simulated services: its physical ids by logical id."""
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        real = aws.client
        found = {"IdentitySecret": "/identity"}
        real("ssm").put_parameter(Name="/identity", Type="String", Value="key")
        for table in ("CustomerTable", "KnowledgeTable"):
            real("dynamodb").create_table(TableName=table, **TABLE)
            found[table] = table
        for name in ("StoreIntakeQueue", "StoreIntakeDeadLetters"):
            found[name] = real("sqs").create_queue(QueueName=name)["QueueUrl"]
        for name in ("GateQueue", "GateDeadLetters"):
            found[name] = real("sqs").create_queue(QueueName=f"{name}.fifo", Attributes=FIFO)["QueueUrl"]
        formation = CloudFormation(found)
        monkeypatch.setattr(aws, "client", lambda service: formation if service == "cloudformation" else real(service))
        yield found


@pytest.fixture
def stack(physical):
    return "aftercare"


@pytest.fixture
def call(capsys):
    def run(*arguments):
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def bodies(queue):
    answer = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return sorted(message["Body"] for message in answer.get("Messages", []))


def test_the_switch_of_a_new_stage_is_dry_and_can_be_set(stack, call):
    assert json.loads(call("switch", "show", "--stack", stack, "--json")[1])["otherwise"] == "dry"
    assert call("switch", "set", "on", "--purpose", "transactional", "--stack", stack)[0] == 0
    kept = json.loads(call("switch", "show", "--stack", stack, "--json")[1])
    assert (kept["otherwise"], kept["modes"]["transactional#email"], kept["version"]) == ("dry", "on", 1)


def parked_message(tables, now) -> Message:
    """One message of which nobody learned whether it was sent, as the sweep leaves it."""
    proposal = a_proposal(not_after=now + timedelta(hours=20), proposed_at=now - timedelta(hours=4))
    decision = Decision(at=now - timedelta(hours=1), state=State.PARKED, reason=Reason.OUTCOME_NEVER_LEARNED)
    message = Message(proposal=proposal, state=State.PARKED, decisions=(decision,), channel="email")
    place = keys.ledger(proposal.customer_id, proposal.message_id)
    due = {"due_kind": "parked", "due_at": iso(decision.at)}
    tables.write([Put(place, {"doc": message.to_json(), "state": str(message.state), **due})])
    return message


def test_a_parked_message_goes_back_to_the_gate_and_never_around_it(stack, physical, call):
    now = SystemClock().now()
    tables = aws.AwsOutside(Settings(customer_table="CustomerTable", knowledge_table="KnowledgeTable")).tables
    message = parked_message(tables, now)
    proposal = message.proposal
    code, out, err = call("parked", "resolve", proposal.key, "resend", "--note", "not sent", "--stack", stack, "--json")
    assert code == 0, err
    assert json.loads(out)["settlement"] == "HELD"
    places = keys.ledger(proposal.customer_id, proposal.message_id), keys.held(proposal.customer_id, proposal.message_id)
    found = tables.read(places)
    assert set(found) == {places[1]}, "its place in the ledger is free for the gate's own claim"
    last = message_from(found[places[1]]).last
    assert (last.reason, last.note) == (Reason.OPERATOR_RESENT, "not sent")
    assert last.caused_by.startswith("operator:arn:aws:sts::")
    (rung,) = bodies(physical["GateQueue"])
    assert json.loads(rung)["slot"]["customer_id"] == proposal.customer_id
    assert call("parked", "resolve", proposal.key, "resend", "--note", "again", "--stack", stack)[0] == 2
    assert len(bodies(physical["GateQueue"])) == 1


def test_an_unknown_stack_is_one_line(stack, call):
    code, _, err = call("switch", "show", "--stack", "nonesuch")
    assert code == 2
    assert err.startswith("aftercare: --stack nonesuch: cannot be read: ")
    assert len(err.splitlines()) == 1


def test_a_dry_run_moves_nothing(stack, physical, call):
    dead = physical["StoreIntakeDeadLetters"]
    aws.client("sqs").send_message(QueueUrl=dead, MessageBody='{"detail-type": "OrderPlaced", "source": "store.x", "id": "1"}')
    code, out, _ = call("redrive", "StoreIntakeDeadLetters", "--stack", stack, "--dry-run", "--json")
    assert code == 0
    assert json.loads(out)["messages"] == ["event store.x OrderPlaced 1"]
    assert bodies(physical["StoreIntakeQueue"]) == []


def test_messages_are_moved_that_are_chosen(stack, physical, call, monkeypatch):
    slept = []
    monkeypatch.setattr("simulator.commands.redrive.time.sleep", slept.append)
    dead, queue = physical["StoreIntakeDeadLetters"], physical["StoreIntakeQueue"]
    for name in ("OrderPlaced", "ConsentChanged"):
        body = json.dumps({"detail-type": name, "source": "store.x", "id": name})
        aws.client("sqs").send_message(QueueUrl=dead, MessageBody=body)
    arguments = ("--stack", stack, "--containing", "OrderPlaced", "--reason", "adapter mended", "--rate", "20", "--json")
    code, out, _ = call("redrive", "StoreIntakeDeadLetters", *arguments)
    assert code == 0
    assert json.loads(out)["moved"] == 1
    assert [json.loads(body)["id"] for body in bodies(queue)] == ["OrderPlaced"]
    assert slept == [1 / 20]


def test_a_fifo_message_keeps_its_group(stack, physical, call, monkeypatch):
    monkeypatch.setattr("simulator.commands.redrive.time.sleep", lambda _: None)
    sqs = aws.client("sqs")
    body = json.dumps({"proposal": {"key": "order-confirmation#x:1", "customer_id": "c1"}})
    dead = physical["GateDeadLetters"]
    sqs.send_message(QueueUrl=dead, MessageBody=body, MessageGroupId="c1", MessageDeduplicationId="d1")
    code, out, _ = call("redrive", "GateDeadLetters", "--stack", stack, "--reason", "mended")
    assert code == 0
    assert "proposal order-confirmation#x:1" in out
    answer = sqs.receive_message(QueueUrl=physical["GateQueue"], MessageSystemAttributeNames=["All"])
    assert [m["Attributes"]["MessageGroupId"] for m in answer["Messages"]] == ["c1"]
    assert bodies(dead) == []


# ---------------------------------------------------------------- people's rights


@pytest.fixture
def anna(stack):
    """A customer of the stack who is known by her address."""
    tables = aws.AwsOutside(Settings(customer_table="CustomerTable", knowledge_table="KnowledgeTable")).tables
    profile = Profile(version=1, contact=Contact(email="anna@example.com"), first_seen=NOON)
    alias = keys.email_alias(identity.keyed_hash("key", "anna@example.com"))
    tables.write([versioned(keys.customer(ANNA, keys.PROFILE), profile.to_json(), 0), Put(alias, {"customer_id": ANNA})])
    return tables


def test_what_an_agent_heard_is_entered_on_a_stack_and_proved_there(stack, anna, call):
    given = ("--agent", "Kim", "--how", "phone", "--stack", stack)
    code, _, err = call("consent", "record", "anna@example.com", "opt-out", *given)
    assert code == 0, err
    code, out, _ = call("consent", "prove", "anna@example.com", "--stack", stack, "--json")
    proof = json.loads(out)
    assert code == 0 and {head["says"] for head in proof["known_then"]} == {"withdrawn"}
    assert {row["by"] for row in proof["rows"]} == {"Kim"}
    assert load(anna, ANNA).consent.head(Channel.SMS, Purpose.PROMOTIONAL).says is Says.WITHDRAWN
    told = anna.due("relay", iso(SystemClock().now() + timedelta(days=1)), 10)
    assert len(told) == 1, "the bus is told, by the stack's own relay"


def test_a_signed_proof_of_a_stack_is_known_as_its_own(stack, anna, call, tmp_path):
    assert call("consent", "record", ANNA, "objection", "--agent", "Kim", "--how", "letter", "--stack", stack)[0] == 0
    file = tmp_path / "proof.json"
    file.write_text(call("consent", "prove", ANNA, "--sign", "--stack", stack)[1])
    assert call("consent", "verify", str(file), "--stack", stack)[0] == 0
    file.write_text(file.read_text().replace("withdrawn", "given", 1))
    assert call("consent", "verify", str(file), "--stack", stack)[0] == 1


def test_nobody_of_a_stack_is_one_line(stack, call):
    code, _, err = call("consent", "prove", "nobody@example.com", "--stack", stack)
    assert code == 2 and len(err.splitlines()) == 1


def test_a_legal_request_of_a_stack_shows_its_clock_until_it_is_answered(stack, call):
    tables = aws.AwsOutside(Settings(customer_table="CustomerTable", knowledge_table="KnowledgeTable")).tables
    now = SystemClock().now()
    request = requests.opened(Asked.EXPORT, "d1", "store", "store", now - timedelta(days=25), (ANNA,))
    tables.write([requests.put(request)])
    code, out, err = call("requests", "list", "--stack", stack, "--json")
    assert code == 1, err
    (shown,) = json.loads(out)
    assert (shown["ref"], shown["urgent"]) == ("d1", True)
    assert call("requests", "acknowledge", "d1", "--stack", stack)[0] == 0
    assert call("requests", "close", "d1", "--outcome", "sent", "--stack", stack)[0] == 0
    assert call("requests", "list", "--stack", stack)[0] == 0
    assert call("requests", "close", "d1", "--outcome", "sent", "--stack", stack)[0] == 2
    (kept,) = tables.partition("customers", keys.request(Asked.EXPORT, "d1").pk, "-")
    assert json.loads(str(kept["doc"]))["outcome"] == "sent"


def test_a_stacks_quarter_is_reviewed_with_what_its_tables_have_learned(stack, call):
    now = SystemClock().now()
    tables = aws.AwsOutside(Settings(customer_table="CustomerTable", knowledge_table="KnowledgeTable")).tables
    for n in range(21):
        who, seen = f"c{n:05d}", now - timedelta(days=90, minutes=n)
        profile = Profile(version=1, contact=Contact(email=f"buyer{n}@example.com"), first_seen=seen, shops=("example",))
        tables.write([Put(keys.of_shop("example", seen, who), {"customer_id": who})])
        tables.write([versioned(keys.customer(who, keys.PROFILE), profile.to_json(), 0)])
        for number, days in ((1, 60), (2, 48), (3, 36)):
            placed = now - timedelta(days=days)
            line = OrderLine(line_ref="1", title="House espresso", quantity=1, product_type="Coffee")
            order = an_order(f"{n}-{number}", placed_at=placed, as_of=placed, lines=(line,))
            tables.write([versioned(keys.order(who, order.key), order.to_json(), 0)])
    weight = Decimal(str(round(grown(days_since(now)), 6)))
    family = {"n0": 40 * weight, "n1": -20 * weight}
    tables.write([Put(keys.reorder(of_family("coffee")), family)])
    tables.write([Put(keys.buyers("example"), {"use": Weights(0.0, {}, 50, 25).to_json()})])
    code, out, err = call("review", "--shop", "example", "--stack", stack, "--json")
    assert code == 1, err
    told = json.loads(out)
    rows = {row["place"]: row for row in told["rows"]}
    coffee = rows["catalogue.families.coffee.reorder.after_days"]
    assert (told["customers"], coffee["observed"], coffee["seen"], coffee["proposed"]) == (21, 12.0, 42, 12)
    assert (coffee["learned"], coffee["learned_from"]) == (pytest.approx(28 * math.exp(-1 / 3), abs=0.1), 40)
    assert (rows["segments.care.use.base"]["observed"], rows["segments.care.use.base"]["proposed"]) == (0.5, 0.5)
    assert told["diff"].startswith("--- a/layers/shared/aftercare/content/thresholds.yaml")
    assert call("review", "--stack", stack)[0] == 2, "a stack lists no shops"
