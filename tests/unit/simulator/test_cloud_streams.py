"""From a table's change through its stream to a function: filters, order, bisecting, retries, giving up; on both backends."""

import json
from datetime import timedelta

import pytest

from aftercare.keys import Key
from aftercare.table import Absent, Change, Put, Remove
from tests.small_cloud import Worker, small_cloud

HOUSE = """
Resources:
  CustomerTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Failures: {Type: AWS::SQS::Queue}
  Relay:
    Type: AWS::Serverless::Function
    Properties:
      Handler: relay.handler.handle
      Runtime: python3.13
      CodeUri: .
      Environment: {Variables: {CUSTOMER_TABLE: !Ref CustomerTable}}
      Events:
        Outbox:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt CustomerTable.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 100
            BisectBatchOnFunctionError: true
            MaximumRetryAttempts: 2
            MaximumRecordAgeInSeconds: 3600
            FunctionResponseTypes: [ReportBatchItemFailures]
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Failures.Arn}}
            FilterCriteria:
              Filters:
                - Pattern: >-
                    {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "DELIVERY#"}]}},
                     "NewImage": {"events": {"S": [{"exists": true}]}}}}
"""


def delivery(n, **more):
    return Put(Key("customers", f"DELIVERY#{n}", "-"), {"events": "[]", **more}, Absent())


@pytest.fixture(params=["memory", "moto"])
def house(request, tmp_path):
    worker = Worker()
    with small_cloud(tmp_path, HOUSE, request.param, handlers={"Relay": worker}) as cloud:
        start = cloud.now
        worker.now = lambda: (cloud.now - start).total_seconds()
        yield cloud, worker, cloud.outside().tables


def test_only_changes_that_pass_the_filter_wake_the_function_in_their_order(house):
    cloud, worker, tables = house
    tables.write([delivery(2), Put(Key("customers", "CUSTOMER#a", "1#PROFILE"), {"doc": "x"})])
    tables.write([delivery(1)])
    tables.write([Put(Key("customers", "DELIVERY#silent", "-"), {"doc": "x"})])
    tables.write([Change(Key("customers", "DELIVERY#1", "-"), put={"relayed_at": "now"})])
    tables.write([Remove(Key("customers", "DELIVERY#2", "-"))])
    cloud.run()
    assert worker.batches == [["DELIVERY#2", "DELIVERY#1"]]


def test_a_record_carries_keys_image_number_and_virtual_time(house):
    cloud, _, tables = house
    told = []
    cloud.runtime._handlers["Relay"] = lambda event, context: told.extend(event["Records"])
    cloud.advance(days=40)
    tables.write([delivery(1, body=b"\x00\x01", count=5, yes=True)])
    cloud.run()
    [record] = told
    assert json.loads(json.dumps(record)) == record
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["ApproximateCreationDateTime"] == cloud.now.timestamp()
    assert record["dynamodb"]["NewImage"] == {
        "pk": {"S": "DELIVERY#1"}, "sk": {"S": "-"}, "events": {"S": "[]"}, "body": {"B": "AAE="},
        "count": {"N": "5"}, "yes": {"BOOL": True},
    }  # fmt: skip


def test_a_failed_transaction_tells_the_stream_nothing(house):
    cloud, worker, tables = house
    tables.write([delivery(1)])
    with pytest.raises(Exception, match="condition failed"):
        tables.write([delivery(2), delivery(1)])
    tables.write([delivery(3)])
    cloud.run()
    assert worker.seen == ["DELIVERY#1", "DELIVERY#3"]


def test_a_reported_failure_is_tried_again_from_there(house):
    cloud, worker, tables = house
    worker.fails = lambda pk: pk == "DELIVERY#2" and worker.now() < 1
    for n in (1, 2, 3):
        tables.write([delivery(n)])
    cloud.advance(minutes=1)
    assert worker.batches[0] == ["DELIVERY#1", "DELIVERY#2", "DELIVERY#3"]
    assert worker.batches[-1][-1] == "DELIVERY#3"
    assert worker.seen.count("DELIVERY#1") == 1
    assert cloud.queued("Failures") == []


def test_a_raising_function_has_its_batch_halved_until_the_poison_stands_alone_and_is_given_up(house):
    cloud, worker, tables = house
    worker.whole, worker.fails = True, lambda pk: pk == "DELIVERY#3"
    for n in range(1, 6):
        tables.write([delivery(n)])
    cloud.advance(minutes=10)
    succeeded = [batch for batch in worker.batches if "DELIVERY#3" not in batch]
    assert [pk for batch in succeeded for pk in batch] == ["DELIVERY#1", "DELIVERY#2", "DELIVERY#4", "DELIVERY#5"]
    [body] = cloud.queued("Failures")
    told = json.loads(body)
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1
    assert "events" not in body


def test_a_record_that_has_become_too_old_is_given_up(tmp_path):
    worker = Worker(lambda pk: True)
    text = HOUSE.replace("MaximumRetryAttempts: 2", "MaximumRetryAttempts: -1")
    with small_cloud(tmp_path, text, handlers={"Relay": worker}) as cloud:
        cloud.outside().tables.write([delivery(1)])
        cloud.advance(hours=2)
        [body] = cloud.queued("Failures")
        assert json.loads(body)["requestContext"]["condition"] == "RecordAgeExceeded"


def test_what_the_stream_tells_of_many_writes_is_complete(house):
    cloud, worker, tables = house
    for n in range(230):
        tables.write([delivery(n)])
    cloud.advance(timedelta(seconds=5))
    assert worker.seen == [f"DELIVERY#{n}" for n in range(230)]
    assert [len(batch) for batch in worker.batches] == [100, 100, 30]
