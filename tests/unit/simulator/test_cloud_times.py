"""What happens at a time: slots, schedules, workflow waits of weeks, sweeps, asynchronous retries; on both backends."""

from datetime import UTC, datetime, timedelta

import pytest

from aftercare import keys
from aftercare.table import Put
from simulator.cloud import LocalCloud
from simulator.lambda_runtime import FunctionError
from simulator.memory.refusal import Refused
from simulator.schedules import ScheduleExists, ScheduleMissing
from tests.small_cloud import WITH_CUSTOMERS, Worker, small_cloud

SLOTS = """
Resources:
  Gate:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true, ContentBasedDeduplication: true, VisibilityTimeout: 60}
  Group: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: slots}}
  Keeper:
    Type: AWS::Serverless::Function
    Properties:
      Handler: keeper.handler.handle
      Runtime: python3.13
      CodeUri: .
      Environment:
        Variables:
          SLOT_SCHEDULE_GROUP: !Ref Group
          SLOT_SCHEDULE_ROLE: arn:aws:iam::123456789012:role/slots
          GATE_QUEUE_ARN: !GetAtt Gate.Arn
      Events:
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Gate.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}}
"""


@pytest.fixture(params=["memory", "moto"])
def slots(request, tmp_path):
    worker = Worker()
    with small_cloud(tmp_path, SLOTS, request.param, handlers={"Keeper": worker}) as cloud:
        worker.now = lambda: cloud.now
        yield cloud, worker


def test_a_slot_rings_at_its_second_and_is_gone_afterwards(slots):
    cloud, worker = slots
    at = cloud.now + timedelta(hours=5, microseconds=7)
    cloud.outside().slots.set("anna", at)
    assert len(cloud.scheduler) == 1
    cloud.advance(days=1)
    assert worker.times == [at.replace(microsecond=0)]
    [body] = worker.seen
    assert body["slot"]["customer_id"] == "anna"
    assert len(cloud.scheduler) == 0


def test_a_slot_that_is_set_again_rings_once_at_the_later_setting(slots):
    cloud, worker = slots
    cloud.outside().slots.set("anna", cloud.now + timedelta(hours=1))
    cloud.outside().slots.set("anna", cloud.now + timedelta(hours=3))
    start = cloud.now
    cloud.advance(days=1)
    assert worker.times == [start + timedelta(hours=3)]


def test_a_slot_in_the_past_rings_at_once(slots):
    cloud, worker = slots
    cloud.outside().slots.set("anna", cloud.now - timedelta(minutes=1))
    cloud.run()
    assert worker.times == [cloud.now]


def schedule(cloud: LocalCloud, **changes):
    return {
        "Name": "one",
        "GroupName": "slots",
        "ScheduleExpression": "at(2026-03-02T10:00:00)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": cloud.queue("Gate").arn,
            "RoleArn": "arn:aws:iam::123456789012:role/slots",
            "Input": "{}",
            "SqsParameters": {"MessageGroupId": "g"},
        },
        **changes,
    }


def test_scheduler_refuses_what_aws_refuses(tmp_path):
    with small_cloud(tmp_path, SLOTS, handlers={"Keeper": Worker()}) as cloud:
        cloud.scheduler.create(schedule(cloud))
        with pytest.raises(ScheduleExists):
            cloud.scheduler.create(schedule(cloud))
        with pytest.raises(ScheduleMissing):
            cloud.scheduler.create(schedule(cloud, GroupName="other"))
        with pytest.raises(ScheduleMissing):
            cloud.scheduler.update(schedule(cloud, Name="never-made"))
        with pytest.raises(ScheduleMissing):
            cloud.scheduler.delete("never-made", "slots")
        for wrong in (
            {"Name": "x" * 65},
            {"Name": "a b"},
            {"Name": "a#b"},
            {"ScheduleExpression": "at(2026-03-02T10:00:00.5)"},
            {"ScheduleExpression": "soon"},
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
            {"Colour": "red"},
        ):
            with pytest.raises(Refused):
                cloud.scheduler.create(schedule(cloud, **{"Name": "two", **wrong}))


def test_a_recurring_schedule_comes_again_until_it_is_deleted(tmp_path):
    worker = Worker()
    with small_cloud(tmp_path, SLOTS, handlers={"Keeper": worker}) as cloud:
        start = cloud.now
        worker.now = lambda: (cloud.now - start) / timedelta(hours=1)
        cloud.scheduler.create(schedule(cloud, ScheduleExpression="rate(1 hour)"))
        cloud.advance(hours=3, minutes=1)
        cloud.scheduler.delete("one", "slots")
        cloud.advance(days=1)
        assert worker.times == [1, 2, 3]


WAIT = """
Resources:
  Wait:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: waits
      DefinitionUri: wait.asl.yaml
      DefinitionSubstitutions: {WakeArn: !GetAtt Wake.Arn}
      Role: arn:aws:iam::123456789012:role/waits
  Wake:
    Type: AWS::Serverless::Function
    Properties: {Handler: wake.handler.handle, Runtime: python3.13, CodeUri: .}
"""
ASL = """
StartAt: WaitUntilDue
States:
  WaitUntilDue: {Type: Wait, TimestampPath: $.due_at, Next: DecideAgain}
  DecideAgain:
    Type: Task
    Resource: arn:aws:states:::lambda:invoke
    Parameters: {FunctionName: "${WakeArn}", Payload.$: $}
    Retry: [{ErrorEquals: [ValueError], IntervalSeconds: 60, MaxAttempts: 2, BackoffRate: 2}]
    End: true
"""
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:waits"


class Wake:
    def __init__(self) -> None:
        self.woken = []
        self.fails = 0
        self.now = lambda: None

    def __call__(self, event, context):
        self.woken.append((self.now(), event["key"]))
        if self.fails:
            self.fails -= 1
            raise ValueError("not yet")
        return {"outcome": "proposed"}


@pytest.fixture(params=["memory", "moto"])
def waiting(request, tmp_path):
    (tmp_path / "wait.asl.yaml").write_text(ASL)
    wake = Wake()
    with small_cloud(tmp_path, WAIT, request.param, handlers={"Wake": wake}) as cloud:
        wake.now = lambda: cloud.now
        yield cloud, wake


def test_a_wait_of_weeks_wakes_its_function_at_its_time(waiting):
    cloud, wake = waiting
    due = cloud.now + timedelta(weeks=6, seconds=1)
    assert cloud.outside().waits.start(MACHINE, "wait-1", due, {"key": "a"})
    cloud.advance(weeks=5)
    assert wake.woken == []
    assert len(cloud.waiting()) == 1
    cloud.advance(weeks=2)
    assert wake.woken == [(due, "a")]
    assert cloud.waiting() == []
    assert [entry.kind for entry in cloud.journal.entries()] == ["wait-started", "wait-woken", "wait-ended"]


def test_a_wait_is_started_once_under_its_name(waiting):
    cloud, wake = waiting
    due = cloud.now + timedelta(weeks=1)
    waits = cloud.outside().waits
    assert waits.start(MACHINE, "wait-1", due, {"key": "a"})
    assert not waits.start(MACHINE, "wait-1", due + timedelta(days=1), {"key": "a"})
    cloud.advance(weeks=2)
    assert not waits.start(MACHINE, "wait-1", cloud.now, {"key": "a"})
    cloud.advance(weeks=1)
    assert len(wake.woken) == 1


def test_a_wake_that_fails_is_tried_again_and_then_the_execution_fails(waiting):
    cloud, wake = waiting
    start = cloud.now
    wake.fails = 9
    cloud.outside().waits.start(MACHINE, "wait-1", start, {"key": "a"})
    cloud.advance(hours=1)
    assert [(at - start).total_seconds() for at, _ in wake.woken] == [0, 60, 180]
    assert [entry.fields["status"] for entry in cloud.journal.entries("wait-ended")] == ["FAILED"]


@pytest.mark.parametrize("name", ["x" * 81, "a#b", "a:b", "a/b", "a b", ""])
def test_names_that_step_functions_refuses_are_refused(waiting, name):
    cloud, _ = waiting
    with pytest.raises(Exception, match=r"Invalid|invalid|name"):
        cloud.outside().waits.start(MACHINE, name, cloud.now, {"key": "a"})


SWEEP = (
    WITH_CUSTOMERS
    + """  Dead: {Type: AWS::SQS::Queue}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {}
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement: [{Effect: Allow, Action: dynamodb:Query, Resource: !Sub "${CustomerTable.Arn}/index/due"}]
  Sweep:
    Type: AWS::Serverless::Function
    Properties:
      Handler: sweep.handler.handle
      Runtime: python3.13
      CodeUri: .
      Role: !GetAtt Role.Arn
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Dead.Arn}
      Environment: {Variables: {CUSTOMER_TABLE: !Ref CustomerTable}}
      Events:
        Often: {Type: Schedule, Properties: {Schedule: rate(5 minutes)}}
"""
)


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_a_sweep_runs_on_schedule_when_something_is_due_and_is_skipped_when_nothing_is(tmp_path, backend):
    swept = []
    with small_cloud(tmp_path, SWEEP, backend, handlers={"Sweep": lambda event, context: swept.append(event)}) as cloud:
        cloud.advance(hours=1)
        assert swept == []
        due = {"doc": "x", "due_kind": "claimed", "due_at": "2026-03-02T10:12:00.000000Z"}
        cloud.outside().tables.write([Put(keys.ledger("anna", "m"), due)])
        cloud.advance(minutes=10)
        assert swept == []
        cloud.advance(minutes=10)
        assert [event["time"] for event in swept] == ["2026-03-02T10:15:00Z", "2026-03-02T10:20:00Z"]
        assert swept[0]["detail-type"] == "Scheduled Event"


def test_sweeps_always_run_where_that_is_asked_for(tmp_path):
    swept = []
    handlers = {"Sweep": lambda event, context: swept.append(event)}
    with small_cloud(tmp_path, SWEEP, handlers=handlers, sweeps="always") as cloud:
        cloud.advance(hours=1)
        assert len(swept) == 12


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_an_asynchronous_invocation_is_tried_three_times_and_then_becomes_a_dead_letter(tmp_path, backend):
    tries = []

    def fail(event, context):
        tries.append(cloud.now)
        raise RuntimeError("no")

    with small_cloud(tmp_path, SWEEP, backend, handlers={"Sweep": fail}, sweeps="always") as cloud:
        cloud.advance(minutes=9, seconds=59)
        assert [(at - tries[0]).total_seconds() for at in tries] == [0, 60, 180]
        assert len(cloud.dead_letters()["Dead"]) == 1


def test_a_direct_invocation_tells_its_caller_of_the_error(tmp_path):
    def fail(event, context):
        raise KeyError("missing")

    with small_cloud(tmp_path, SWEEP, handlers={"Sweep": fail}) as cloud:
        with pytest.raises(FunctionError) as failed:
            cloud.invoke("sweep", {})
        assert (failed.value.error_type, failed.value.function) == ("KeyError", "sweep")


def test_the_start_is_where_the_clock_stands(tmp_path):
    start = datetime(2030, 1, 1, tzinfo=UTC)
    with small_cloud(tmp_path, SWEEP, handlers={"Sweep": lambda e, c: None}, start=start) as cloud:
        assert cloud.now == cloud.clock_port.now() == start
