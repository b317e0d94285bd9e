"""From a bus through a rule, a queue and a function to its dead letters and back, on both backends."""

from datetime import timedelta
from itertools import pairwise

import pytest

from simulator.event_bus import DeliveryFailed
from simulator.memory.refusal import Refused
from tests.small_cloud import Worker, entry, small_cloud

HOUSE = """
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: house}}
  Work:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 60, RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}}
  Dead: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {source: [shop], detail: {n: [{exists: true}]}}
      Targets: [{Id: Work, Arn: !GetAtt Work.Arn, DeadLetterConfig: {Arn: !GetAtt Dead.Arn}}]
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: worker.handler.handle
      Runtime: python3.13
      CodeUri: .
      Events:
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]}}
"""


@pytest.fixture(params=["memory", "moto"])
def house(request, tmp_path):
    worker = Worker()
    with small_cloud(tmp_path, HOUSE, request.param, handlers={"Worker": worker}) as cloud:
        worker.now = lambda: cloud.now - cloud_start
        cloud_start = cloud.now
        yield cloud, worker


def test_an_event_that_a_rule_matches_reaches_the_function_behind_the_queue(house):
    cloud, worker = house
    cloud.put_events([entry("house", {"n": 1}), entry("house", {"other": 1}), entry("house", {"n": 2}, source="else")])
    cloud.run()
    assert worker.seen == [{"n": 1}]
    assert cloud.queued("Work") == []


def test_what_comes_at_one_instant_is_one_batch_of_at_most_ten(house):
    cloud, worker = house
    for n in range(12):
        cloud.put_events([entry("house", {"n": n})])
    cloud.run()
    assert [len(batch) for batch in worker.batches] == [10, 2]
    assert worker.seen == [{"n": n} for n in range(12)]


def test_only_the_failed_message_of_a_batch_comes_back_after_its_visibility_timeout(house):
    cloud, worker = house
    worker.fails = lambda detail: detail["n"] == 2 and len(worker.batches) < 2
    cloud.put_events([entry("house", {"n": n}) for n in (1, 2, 3)])
    cloud.advance(minutes=5)
    assert worker.batches == [[{"n": 1}, {"n": 2}, {"n": 3}], [{"n": 2}]]
    assert worker.times == [timedelta(0), timedelta(seconds=60)]
    assert cloud.dead_letters() == {}


def test_a_function_that_raises_fails_its_whole_batch(house):
    cloud, worker = house
    worker.whole, worker.fails = True, lambda detail: len(worker.batches) < 2
    cloud.put_events([entry("house", {"n": n}) for n in (1, 2)])
    cloud.advance(minutes=5)
    assert worker.batches == [[{"n": 1}, {"n": 2}]] * 2
    assert [error.error_type for error in cloud.errors] == ["RuntimeError"]


def test_a_message_that_always_fails_becomes_a_dead_letter_and_is_redriven(house):
    cloud, worker = house
    worker.fails = lambda detail: detail["n"] == 13
    cloud.put_events([entry("house", {"n": 13}), entry("house", {"n": 1})])
    cloud.advance(minutes=10)
    assert worker.seen.count({"n": 13}) == 3
    assert len(cloud.dead_letters()["Dead"]) == 1
    assert [e.fields["queue"] for e in cloud.journal.entries("dead-letter")] == ["Dead"]
    worker.fails = lambda detail: False
    assert cloud.redrive("Dead") == 1
    cloud.advance(minutes=1)
    assert worker.seen.count({"n": 13}) == 4
    assert cloud.dead_letters() == {}


def test_a_target_that_cannot_be_reached_is_tried_again_with_growing_pauses(house):
    cloud, worker = house
    tries = []

    def fails(target):
        tries.append(cloud.now)
        return DeliveryFailed("THROTTLING", "slow down") if len(tries) < 5 else None

    cloud.deliveries.fails = fails
    cloud.put_events([entry("house", {"n": 1})])
    cloud.advance(minutes=10)
    assert [(b - a).total_seconds() for a, b in pairwise(tries)] == [1, 2, 4, 8]
    assert worker.seen == [{"n": 1}]


def test_a_target_that_stays_unreachable_loses_its_event_to_the_dead_letters_after_a_day(house):
    cloud, _ = house
    cloud.deliveries.fails = lambda target: DeliveryFailed("THROTTLING", "slow down")
    cloud.put_events([entry("house", {"n": 1})])
    cloud.advance(hours=23)
    assert cloud.dead_letters() == {}
    cloud.advance(hours=2)
    assert len(cloud.dead_letters()["Dead"]) == 1


def test_what_can_never_be_delivered_goes_to_the_dead_letters_at_once(house):
    cloud, _ = house
    cloud.deliveries.fails = lambda target: DeliveryFailed("NO_PERMISSIONS", "no", retryable=False)
    cloud.put_events([entry("house", {"n": 1})])
    cloud.run()
    assert len(cloud.dead_letters()["Dead"]) == 1


def test_put_events_answers_each_entry_and_refuses_a_call_that_is_too_large(house):
    cloud, _ = house
    results = cloud.put_events(
        [
            entry("house", {"n": 1}),
            {**entry("house", {}), "Detail": "[1]"},
            {**entry("house", {}), "Detail": "{"},
            {**entry("house", {}), "Source": "aws.ses"},
            {**entry("house", {}), "Source": ""},
        ]
    )
    assert [r.error_code for r in results] == [
        None, "MalformedDetail", "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument",
    ]  # fmt: skip
    with pytest.raises(Refused, match="1 to 10"):
        cloud.put_events([entry("house", {"n": n}) for n in range(11)])
    with pytest.raises(Refused, match="over the limit"):
        cloud.put_events([entry("house", {"n": "x" * 1_050_000})])


def test_an_event_for_a_bus_that_does_not_exist_is_dropped_without_a_word(house):
    cloud, worker = house
    assert cloud.put_events([entry("nowhere", {"n": 1})])[0].error_code is None
    cloud.run()
    assert worker.seen == []


FIFO = """
Resources:
  Gate:
    Type: AWS::SQS::Queue
    Properties:
      FifoQueue: true
      ContentBasedDeduplication: true
      DeduplicationScope: messageGroup
      FifoThroughputLimit: perMessageGroupId
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt GateDead.Arn, maxReceiveCount: 2}
  GateDead: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Keeper:
    Type: AWS::Serverless::Function
    Properties:
      Handler: keeper.handler.handle
      Runtime: python3.13
      CodeUri: .
      Events:
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Gate.Arn, BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]}}
"""


@pytest.fixture(params=["memory", "moto"])
def gate(request, tmp_path):
    worker = Worker()
    with small_cloud(tmp_path, FIFO, request.param, handlers={"Keeper": worker}) as cloud:
        start = cloud.now
        worker.now = lambda: (cloud.now - start).total_seconds()
        yield cloud, worker


def test_a_fifo_group_waits_for_its_failed_message_and_others_do_not(gate):
    cloud, worker = gate
    worker.fails = lambda body: body == "anna 1" and len(worker.batches) < 2
    cloud.send("Gate", "anna 1", "anna", "1")
    cloud.run()
    cloud.send("Gate", "anna 2", "anna", "2")
    cloud.send("Gate", "bert 1", "bert", "1")
    cloud.run()
    assert worker.seen == ["anna 1", "bert 1"]
    cloud.advance(minutes=2)
    assert worker.seen == ["anna 1", "bert 1", "anna 1", "anna 2"]


def test_a_group_is_free_again_when_its_message_has_become_a_dead_letter(gate):
    cloud, worker = gate
    worker.fails = lambda body: body == "poison"
    cloud.send("Gate", "poison", "anna", "1")
    cloud.run()
    cloud.send("Gate", "healthy", "anna", "2")
    cloud.advance(minutes=10)
    assert worker.seen == ["poison", "poison", "healthy"]
    assert cloud.dead_letters() == {"GateDead": ["poison"]}


@pytest.mark.parametrize("deduplication", ["same", None])
def test_a_duplicate_is_taken_once_within_five_minutes_even_when_the_first_is_done(gate, deduplication):
    cloud, worker = gate
    for _ in range(2):
        cloud.send("Gate", "proposal", "anna", deduplication)
        cloud.advance(minutes=1)
    cloud.advance(minutes=4)
    assert worker.seen == ["proposal"]
    cloud.send("Gate", "proposal", "anna", deduplication)
    cloud.run()
    assert worker.seen == ["proposal", "proposal"]


def test_deduplication_is_by_group_where_the_queue_says_so(gate):
    cloud, worker = gate
    cloud.send("Gate", "a", "anna", "same")
    cloud.send("Gate", "b", "bert", "same")
    cloud.run()
    assert sorted(worker.seen) == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "group", "deduplication"),
    [("x", None, "1"), ("x", "g" * 129, "1"), ("x", "a b", "1"), ("x", "g", "d" * 129), ("", "g", "1"), ("\x00", "g", "1")],
)
def test_what_sqs_refuses_is_refused(gate, body, group, deduplication):
    cloud, _ = gate
    with pytest.raises(Refused):
        cloud.send("Gate", body, group, deduplication)
