"""Handlers in one process: their environment, output, ids and clock, and faults exactly at their effects."""

import json
import os
import sys
from datetime import timedelta

import pytest

from aftercare import outside
from aftercare.keys import Key
from aftercare.outside import Accepted, Busy, Mail, Rejected, Uncertain
from aftercare.settings import MissingSetting
from aftercare.table import Put
from simulator.faults import Fault, FaultPlan, random_faults
from simulator.lambda_runtime import FunctionError, LogSink
from tests.small_cloud import entry, small_cloud

HOUSE = """
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: house}}
  CustomerTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Letters: {Type: AWS::SES::ConfigurationSet, Properties: {Name: letters}}
  Told:
    Type: AWS::SES::ConfigurationSetEventDestination
    Properties:
      ConfigurationSetName: !Ref Letters
      EventDestination: {Enabled: true, MatchingEventTypes: [SEND, DELIVERY, BOUNCE, COMPLAINT], EventBridgeDestination: {}}
  Outcomes: {Type: AWS::SQS::Queue}
  Rule:
    Type: AWS::Events::Rule
    Properties: {EventPattern: {source: [aws.ses]}, Targets: [{Id: O, Arn: !GetAtt Outcomes.Arn}]}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        {SecretStringTemplate: '{"a": 1}', GenerateStringKey: key, PasswordLength: 20, ExcludePunctuation: true}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: worker.handler.handle
      Runtime: python3.13
      CodeUri: .
      Timeout: 7
      Environment:
        Variables:
          NAME: worker
          CUSTOMER_TABLE: !Ref CustomerTable
          CONFIGURATION_SET: !Ref Letters
          LINK_SECRET: !Ref Secret
  Other:
    Type: AWS::Serverless::Function
    Properties: {Handler: other.handler.handle, Runtime: python3.13, CodeUri: ., Environment: {Variables: {NAME: other}}}
"""
A = Key("customers", "CUSTOMER#a", "1#PROFILE")
B = Key("customers", "CUSTOMER#b", "1#PROFILE")


def letter(to: str = "anna@example.com", **tags: str) -> Mail:
    return Mail("shop@example.com", to, "Hello", "<p>Hello</p>", "Hello", {"aftercare-message": "m1", **tags}, lambda: b"MIME")


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_each_function_sees_its_own_environment_and_nothing_is_left_behind(tmp_path, backend):
    before, output = dict(os.environ), sys.stdout
    seen = []

    def worker(event, context):
        os.environ["LEFT"] = "over"
        sys.stdout.write("hello from the worker\n")
        left = context.get_remaining_time_in_millis()
        seen.append((os.environ["NAME"], os.getenv("CUSTOMER_TABLE"), context.function_name, left))

    def other(event, context):
        seen.append((os.environ["NAME"], os.getenv("CUSTOMER_TABLE"), os.getenv("LEFT")))

    with small_cloud(tmp_path, HOUSE, backend, handlers={"Worker": worker, "Other": other}) as cloud:
        cloud.invoke("Worker", {})
        cloud.invoke("Other", {})
        assert "hello from the worker" in cloud.log
        assert cloud.runtime.log.text("other") == ""
    assert seen == [("worker", "aftercare-CustomerTable", "aftercare-Worker", 7000), ("other", None, None)]
    assert (dict(os.environ), sys.stdout) == (before, output)


def test_the_log_keeps_its_newest_part():
    log = LogSink(lambda: "worker", limit=10)
    for n in range(100):
        log.write(f"{n:02d}\n")
    assert log.text() == "97\n98\n99\n"


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_the_seed_gives_ids_secrets_and_request_ids(tmp_path, backend):
    def run(seed):
        seen = []

        def worker(event, context):
            ports = outside.current()
            seen.append((ports.ids.new(), ports.secrets.text(os.environ["LINK_SECRET"]), context.aws_request_id))

        with small_cloud(tmp_path, HOUSE, backend, handlers={"Worker": worker}, seed=seed) as cloud:
            cloud.invoke("Worker", {})
            cloud.invoke("Worker", {})
        return seen

    first = run(1)
    assert first == run(1)
    assert len({i for i, _, _ in first}) == 2
    assert {len(i) for i, _, _ in first} == {26}
    assert not {value for line in first for value in line} & {value for line in run(2) for value in line}


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_secrets_are_those_of_this_cloud_whatever_the_process_has_read_before(tmp_path, backend):
    """Powertools keeps its providers and what they read: a client of another region, or of a mock that is over."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider, clear_caches
    from aws_lambda_powertools.utilities.parameters.base import DEFAULT_PROVIDERS
    from botocore.session import Session

    made = Session()
    elsewhere = {"region_name": "eu-west-1", "aws_access_key_id": "other", "aws_secret_access_key": "other"}
    DEFAULT_PROVIDERS["ssm"] = SSMProvider(boto3_client=made.create_client("ssm", **elsewhere))
    DEFAULT_PROVIDERS["secrets"] = SecretsProvider(boto3_client=made.create_client("secretsmanager", **elsewhere))
    read = []

    def worker(event, context):
        read.append(outside.current().secrets.text(os.environ["LINK_SECRET"]))

    try:
        with small_cloud(tmp_path, HOUSE, backend, handlers={"Worker": worker}, seed=1) as cloud:
            cloud.invoke("Worker", {})
            assert read == list(cloud.all_secrets().values())
    finally:
        clear_caches()


def test_a_setting_that_is_not_given_is_named(tmp_path):
    def other(event, context):
        outside.current().settings.need("customer_table")

    with small_cloud(tmp_path, HOUSE, handlers={"Other": other}) as cloud:
        with pytest.raises(FunctionError, match="MissingSetting"):
            cloud.invoke("Other", {})
        assert isinstance(cloud.errors[0].__cause__, MissingSetting)


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_a_function_without_a_tables_name_cannot_touch_it(tmp_path, backend):
    def other(event, context):
        outside.current().tables.read([A])

    with (
        small_cloud(tmp_path, HOUSE, backend, handlers={"Other": other}) as cloud,
        pytest.raises(FunctionError, match="KeyError"),
    ):
        cloud.invoke("Other", {})


def test_a_wrong_clock_is_wrong_for_handlers_only(tmp_path):
    seen = []
    worker = lambda event, context: seen.append(outside.current().clock.now())  # noqa: E731
    with small_cloud(tmp_path, HOUSE, handlers={"Worker": worker}) as cloud:
        cloud.clock_port.skew = timedelta(minutes=-15)
        cloud.invoke("Worker", {})
        assert seen == [cloud.now - timedelta(minutes=15)]


# ---------------------------------------------------------------- faults at effects


def two_writes(event, context):
    tables = outside.current().tables
    tables.write([Put(A, {"doc": "a"})])
    tables.write([Put(B, {"doc": "b"})])


def there(cloud):
    with_no_faults = cloud.outside().tables
    return [key.pk for key in with_no_faults.read([A, B])]


@pytest.mark.parametrize("backend", ["memory", "moto"])
@pytest.mark.parametrize(
    ("fault", "error", "left"),
    [
        (None, None, ["CUSTOMER#a", "CUSTOMER#b"]),
        (Fault.CRASH_BEFORE, "Runtime.ExitError", []),
        (Fault.CRASH_AFTER, "Runtime.ExitError", ["CUSTOMER#a"]),
        (Fault.REPLY_LOST, "Unclear", ["CUSTOMER#a"]),
        (Fault.TIMEOUT_BEFORE, "Unclear", []),
        (Fault.THROTTLED, "Throttled", []),
        (Fault.CONFLICT, "Conflict", []),
    ],
)
def test_a_fault_strikes_exactly_its_effect(tmp_path, backend, fault, error, left):
    plan = FaultPlan({0: fault} if fault else {}, function="worker", names=frozenset({"tables.write"}))
    with small_cloud(tmp_path, HOUSE, backend, handlers={"Worker": two_writes}, faults=plan) as cloud:
        if error is None:
            cloud.invoke("Worker", {})
            assert [(effect.n, effect.name, effect.function) for effect in plan.effects] == [
                (0, "tables.write", "worker"), (1, "tables.write", "worker"),
            ]  # fmt: skip
        else:
            with pytest.raises(FunctionError) as failed:
                cloud.invoke("Worker", {})
            assert failed.value.error_type == error
        assert there(cloud) == left


def test_no_code_runs_after_a_crash_not_even_a_cleanup_that_writes(tmp_path):
    def careful(event, context):
        tables = outside.current().tables
        try:
            tables.write([Put(A, {"doc": "a"})])
        except Exception:
            tables.write([Put(B, {"doc": "caught"})])
        finally:
            tables.write([Put(B, {"doc": "finally"})])

    plan = FaultPlan({0: Fault.CRASH_BEFORE})
    with small_cloud(tmp_path, HOUSE, handlers={"Worker": careful}, faults=plan) as cloud:
        with pytest.raises(FunctionError, match="killed"):
            cloud.invoke("Worker", {})
        assert there(cloud) == []
        cloud.invoke("Worker", {})
        assert there(cloud) == ["CUSTOMER#a", "CUSTOMER#b"]


def test_the_adversary_acts_between_two_effects_and_is_not_counted(tmp_path):
    acted = []

    def adversary(effect):
        if effect.n == 1:
            cloud.outside().tables.write([Put(B, {"doc": "adversary"})])
            cloud.invoke("Other", {})
            acted.append(there(cloud))

    def other(event, context):
        acted.append("other")

    plan = FaultPlan(adversary=adversary, function="worker")
    with small_cloud(tmp_path, HOUSE, handlers={"Worker": two_writes, "Other": other}, faults=plan) as cloud:
        cloud.invoke("Worker", {})
        assert acted == ["other", ["CUSTOMER#a", "CUSTOMER#b"]]
        assert len(plan.effects) == 2


def test_random_faults_are_the_same_for_the_same_seed(tmp_path):
    def run(seed):
        plan = FaultPlan(choose=random_faults(seed, {Fault.THROTTLED: 0.3, Fault.REPLY_LOST: 0.2}, until=40))
        with small_cloud(tmp_path, HOUSE, handlers={"Worker": two_writes}, faults=plan) as cloud:
            for _ in range(30):
                with _Any():
                    cloud.invoke("Worker", {})
        return [(effect.n, fault) for effect, fault in plan.happened]

    assert run(1) == run(1) != run(2)
    assert max(n for n, _ in run(1)) < 40


class _Any:
    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        return kind is not None and issubclass(kind, FunctionError)


@pytest.mark.parametrize("backend", ["memory", "moto"])
@pytest.mark.parametrize(
    ("fault", "outcome", "attempts", "accepted"),
    [
        (None, Accepted, 1, 1),
        (Fault.THROTTLED, Busy, 1, 0),
        (Fault.REFUSED, Rejected, 1, 0),
        (Fault.TIMEOUT_BEFORE, Uncertain, 1, 0),
        (Fault.REPLY_LOST, Uncertain, 1, 1),
        (Fault.CRASH_BEFORE, None, 0, 0),
        (Fault.CRASH_AFTER, None, 1, 1),
    ],
)
def test_a_send_has_one_wire_attempt_whatever_happens(tmp_path, backend, fault, outcome, attempts, accepted):
    outcomes = []
    plan = FaultPlan({0: fault} if fault else {}, names=frozenset({"mail.send"}))
    send = lambda event, context: outcomes.append(outside.current().mail.send(letter()))  # noqa: E731
    with small_cloud(tmp_path, HOUSE, backend, handlers={"Worker": send}, faults=plan) as cloud:
        with _Any():
            cloud.invoke("Worker", {})
        assert [type(o) for o in outcomes] == ([outcome] if outcome else [])
        assert (cloud.mailbox.attempts["m1"], cloud.mailbox.accepted["m1"]) == (attempts, accepted)


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_a_bus_may_keep_some_entries_and_not_others(tmp_path, backend):
    kept = []
    put = lambda event, context: kept.append(outside.current().bus.put([entry("house", {"n": n}) for n in range(3)]))  # noqa: E731
    with small_cloud(tmp_path, HOUSE, backend, handlers={"Worker": put}, faults=FaultPlan({0: Fault.REFUSED})) as cloud:
        cloud.invoke("Worker", {})
        cloud.invoke("Worker", {})
        assert kept == [(2,), ()]
        assert len(cloud.journal.entries("event")) == 5


# ---------------------------------------------------------------- the provider


@pytest.mark.parametrize("backend", ["memory", "moto"])
@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("anna@example.com", ["Email Sent", "Email Delivered"]),
        ("bounce@simulator.amazonses.com", ["Email Sent", "Email Bounced"]),
        ("bounce+anna@simulator.amazonses.com", ["Email Sent", "Email Bounced"]),
        ("complaint@simulator.amazonses.com", ["Email Sent", "Email Delivered", "Email Complaint Received"]),
    ],
)
def test_the_provider_tells_the_default_bus_what_became_of_a_mail(tmp_path, backend, to, told):
    send = lambda event, context: outside.current().mail.send(letter(to, customer="c1"))  # noqa: E731
    with small_cloud(tmp_path, HOUSE, backend, handlers={"Worker": send}) as cloud:
        cloud.invoke("Worker", {})
        cloud.advance(minutes=2)
        events = [json.loads(body) for body in cloud.queued("Outcomes")]
        assert [event["detail-type"] for event in events] == told
        mail = events[0]["detail"]["mail"]
        assert mail["tags"]["aftercare-message"] == ["m1"]
        assert mail["tags"]["ses:configuration-set"] == ["letters"]
        assert mail["messageId"] == cloud.mailbox.taken[0].provider_id
        assert cloud.mailbox.taken[0].mime() == b"MIME"


def test_the_providers_events_can_be_lost_switched_off_and_told_later(tmp_path):
    send = lambda event, context: outside.current().mail.send(letter())  # noqa: E731
    with small_cloud(tmp_path, HOUSE, handlers={"Worker": send}) as cloud:
        cloud.mailbox.loses = lambda event_type, taken: event_type == "Send"
        cloud.invoke("Worker", {})
        cloud.advance(minutes=1)
        assert len(cloud.queued("Outcomes")) == 1
        cloud.mailbox.loses = None
        cloud.mailbox.tell_again("Send", cloud.mailbox.taken[0], send={})
        cloud.mailbox.tell_again("Open", cloud.mailbox.taken[0], open={})  # not asked for by the configuration set
        cloud.run()
        assert len(cloud.queued("Outcomes")) == 2
    with small_cloud(tmp_path, HOUSE, handlers={"Worker": send}, provider_events=False) as cloud:
        cloud.invoke("Worker", {})
        cloud.advance(minutes=1)
        assert cloud.queued("Outcomes") == []


@pytest.mark.parametrize("backend", ["memory", "moto"])
@pytest.mark.parametrize("mail", [letter(note="a#b"), letter(note="x" * 257), letter("nobody"), letter("a@b.c\r\nBcc: x@y.z")])
def test_what_the_provider_refuses_is_refused(tmp_path, backend, mail):
    outcomes = []
    send = lambda event, context: outcomes.append(outside.current().mail.send(mail))  # noqa: E731
    with small_cloud(tmp_path, HOUSE, backend, handlers={"Worker": send}) as cloud:
        cloud.invoke("Worker", {})
        assert outcomes == [Rejected("BadRequestException")]
        assert (cloud.mailbox.attempts["m1"], cloud.mailbox.taken) == (1, [])


def test_only_one_cloud_on_moto_is_open_at_a_time(tmp_path):
    with small_cloud(tmp_path, HOUSE, "moto"), pytest.raises(RuntimeError, match="open already"):
        small_cloud(tmp_path, HOUSE, "moto")
    small_cloud(tmp_path, HOUSE, "moto").close()
