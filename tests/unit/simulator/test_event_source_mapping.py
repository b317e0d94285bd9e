from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from simulator.event_source_mapping import (
    MappingError,
    QueueMapping,
    QueueSettings,
    StreamMapping,
    StreamSettings,
    compile_filters,
    failed_items,
    looks_at_items_alone,
    queue_record,
    queue_record_of_message,
)
from simulator.queues import Queue, Redrive
from simulator.state_language import Raised, Returned
from simulator.virtual_clock import VirtualClock

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
QUEUE_ARN = "arn:aws:sqs:eu-central-1:123456789012:orders"
ERROR = Raised("ValueError", "because")


def failing(*identifiers: Any) -> Returned:
    return Returned({"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]})


# --- responses


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (None, set()),
        ({}, set()),
        ({"statusCode": 200}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}, {"itemIdentifier": "a"}]}, {"a", "b"}),
        ("ok", None),
        ("", None),
        (True, None),
        ([{"itemIdentifier": "a"}], None),
        ({"batchItemFailures": "a"}, None),
        ({"batchItemFailures": {"itemIdentifier": "a"}}, None),
        ({"batchItemFailures": ["a"]}, None),
        ({"batchItemFailures": [{}]}, None),
        ({"batchItemFailures": [{"messageId": "a"}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": 1}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]}, None),
    ],
)
def test_a_response_says_what_failed_or_that_all_did(response: Any, expected: set[str] | None) -> None:
    assert failed_items(response, ["a", "b"]) == expected


# --- filters


def criteria(*patterns: Any) -> dict[str, Any]:
    return {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]}


INSERT = {
    "eventName": "INSERT",
    "dynamodb": {"Keys": {"sk": {"S": "DELIVERY#1"}}, "NewImage": {"events": {"L": []}, "n": {"N": "5"}}},
}


@pytest.mark.parametrize(
    ("patterns", "record", "expected"),
    [
        ([], INSERT, True),
        ([{}], INSERT, True),
        ([{"eventName": ["INSERT"]}], INSERT, True),
        ([{"eventName": ["REMOVE"]}], INSERT, False),
        ([{"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]}], INSERT, True),
        ([{"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "DELIVERY#"}]}}}}], INSERT, True),
        ([{"dynamodb": {"NewImage": {"n": {"N": [{"numeric": [">", 1]}]}}}}], INSERT, False),
        ([{"dynamodb": {"OldImage": {"x": {"S": [{"exists": False}]}}}}], INSERT, True),
        ([{"body": {"kind": ["slot"]}}], {"body": '{"kind": "slot"}'}, True),
        ([{"body": {"kind": ["slot"]}}], {"body": '{"kind": "other"}'}, False),
        ([{"body": {"kind": ["slot"]}}], {"body": "slot"}, False),
        ([{"body": {"kind": ["slot"]}}], {"body": "{slot"}, False),
        ([{"body": ["slot"]}], {"body": "slot"}, True),
        ([{"body": ["slot"]}], {"body": '{"kind": "slot"}'}, False),
        ([{"body": [{"prefix": "{"}]}], {"body": '{"kind": "slot"}'}, False),
        ([{"attributes": {"MessageGroupId": ["g"]}}], {"body": "x", "attributes": {"MessageGroupId": "g"}}, True),
    ],
)
def test_filter_criteria_let_a_record_pass(patterns: list[Any], record: dict[str, Any], expected: bool) -> None:
    assert compile_filters(criteria(*patterns))(record) is expected


def test_no_criteria_let_everything_pass() -> None:
    assert compile_filters(None)({}) is True


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ({"Filters": [{"Pattern": "{"}]}, r"Filters\[0\]: the Pattern is not JSON"),
        ({"Filters": [{"Pattern": {"a": ["b"]}}]}, r"Filters\[0\]: needs a Pattern"),
        ({"Filters": [{}]}, "needs a Pattern"),
        ({"Filters": ["x"]}, "needs a Pattern"),
        ({"Filters": [{"Pattern": json.dumps({"a": ["x" * 4096]})}]}, "at most 4096"),
        (criteria({"a": ["b"]}, {"a": "b"}), r"Filters\[1\]: a: must be an object or a list"),
        (criteria({"a": [{"wildcard": "x*"}]}), r"'wildcard' cannot be used here"),
        (criteria(*[{"a": ["b"]}] * 11), "more than 10 filters"),
    ],
)
def test_bad_filter_criteria_are_refused(filters: dict[str, Any], problem: str) -> None:
    with pytest.raises(MappingError, match=problem):
        compile_filters(filters)


# --- queues


class QueueWorld:
    def __init__(self, name: str = "orders", answer: Callable[[list[str]], Any] = lambda bodies: None, **settings: Any) -> None:
        self.clock = VirtualClock(NINE)
        ids = count(1)
        fifo = name.endswith(".fifo")
        self.dead = Queue(f"dead{'.fifo' if fifo else ''}", self.now, lambda: f"d{next(ids)}", fifo=fifo)
        visibility = timedelta(minutes=10) if "window" in settings else timedelta(seconds=30)
        self.queue = Queue(
            name, self.now, lambda: f"m{next(ids)}", fifo=fifo, visibility_timeout=visibility, redrive=Redrive(self.dead, 2)
        )
        self.answer = answer
        self.invocations: list[list[str]] = []
        self.mapping = QueueMapping(QueueSettings(**settings), self.receive, self.delete, self.invoke)

    def now(self) -> datetime:
        return self.clock.now

    def receive(self, maximum: int) -> list[dict[str, Any]]:
        return [queue_record(received, QUEUE_ARN) for received in self.queue.receive(maximum)]

    def delete(self, receipts: Any) -> None:
        for receipt in receipts:
            self.queue.delete(receipt)

    def invoke(self, event: dict[str, Any]) -> Returned | Raised:
        bodies = [record["body"] for record in event["Records"]]
        self.invocations.append(bodies)
        answer = self.answer(bodies)
        if isinstance(answer, list):
            return failing(*[record["messageId"] for record in event["Records"] if record["body"] in answer])
        return answer if isinstance(answer, Returned | Raised) else Returned(answer)

    def left(self) -> list[str]:
        return [message.body for message in self.queue.messages()]

    def drain(self) -> None:
        """Poll as a backend does, until the queue and the mapping have nothing to do now."""
        while (again := self.mapping.poll(self.now()).again_at) is not None and again <= self.now():
            pass


def test_a_batch_that_succeeds_is_deleted() -> None:
    world = QueueWorld()
    for number in range(25):
        world.queue.send(str(number))
    world.drain()
    assert [len(batch) for batch in world.invocations] == [10, 10, 5]
    assert world.left() == []


def test_an_empty_queue_invokes_nothing() -> None:
    world = QueueWorld()
    poll = world.mapping.poll(NINE)
    assert (poll.invoked, poll.failed, poll.again_at) == (0, frozenset(), None)
    assert world.invocations == []


def test_a_batch_that_raises_is_left_and_shows_again_after_the_visibility_timeout() -> None:
    world = QueueWorld(answer=lambda bodies: ERROR)
    world.queue.send("a")
    world.queue.send("b")
    poll = world.mapping.poll(NINE)
    assert (poll.invoked, poll.failed, poll.again_at) == (2, {"m1", "m2"}, NINE)
    assert world.mapping.poll(NINE).invoked == 0
    world.clock.advance(30 * SECOND)
    world.drain()
    assert world.invocations == [["a", "b"], ["a", "b"]]
    world.clock.advance(30 * SECOND)
    world.drain()
    assert world.left() == []
    assert [message.body for message in world.dead.messages()] == ["a", "b"]


def test_only_reported_items_stay() -> None:
    world = QueueWorld(answer=lambda bodies: ["b"], report_item_failures=True)
    for body in "abc":
        world.queue.send(body)
    assert world.mapping.poll(NINE).failed == {"m2"}
    assert world.left() == ["b"]


def test_without_the_setting_a_report_is_not_read() -> None:
    world = QueueWorld(answer=lambda bodies: ["b"])
    world.queue.send("b")
    world.drain()
    assert world.left() == []


@pytest.mark.parametrize("answer", [Returned("ok"), failing("unknown"), failing(""), ERROR])
def test_a_malformed_report_is_a_failure_of_the_whole_batch(answer: Any) -> None:
    world = QueueWorld(answer=lambda bodies: answer, report_item_failures=True)
    world.queue.send("a")
    world.queue.send("b")
    assert len(world.mapping.poll(NINE).failed) == 2
    assert world.left() == ["a", "b"]


def fifo_world(**settings: Any) -> QueueWorld:
    world = QueueWorld("gate.fifo", **settings)
    for number, text in enumerate(["g:1", "g:2", "h:3", "g:4"]):
        world.queue.send(text, group=text[0], deduplication_id=str(number))
    return world


def test_a_fifo_group_that_failed_is_retried_before_what_follows() -> None:
    world = fifo_world(answer=lambda bodies: [body for body in bodies if body in ("g:2", "g:4")], report_item_failures=True)
    world.drain()
    assert world.invocations == [["g:1", "g:2", "g:4", "h:3"]]
    assert world.left() == ["g:2", "g:4"]
    world.queue.send("g:5", group="g", deduplication_id="5")
    assert world.mapping.poll(NINE).invoked == 0
    world.clock.advance(30 * SECOND)
    world.drain()
    assert world.invocations[1] == ["g:2", "g:4", "g:5"]


def test_a_fifo_function_that_reports_only_its_first_failure_loses_the_order() -> None:
    world = fifo_world(answer=lambda bodies: ["g:2"], report_item_failures=True)
    world.drain()
    assert world.left() == ["g:2"]


def test_a_batching_window_gathers_until_it_is_over() -> None:
    world = QueueWorld(batch_size=5, window=60 * SECOND)
    world.queue.send("a")
    assert world.mapping.poll(world.now()).again_at == NINE + 60 * SECOND
    world.clock.advance(20 * SECOND)
    world.queue.send("b")
    assert world.mapping.poll(world.now()).again_at == NINE + 60 * SECOND
    assert world.invocations == []
    world.clock.advance(40 * SECOND)
    world.drain()
    assert world.invocations == [["a", "b"]]


def test_a_full_batch_does_not_wait_for_its_window() -> None:
    world = QueueWorld(batch_size=25, window=60 * SECOND)
    for number in range(30):
        world.queue.send(str(number))
    world.drain()
    assert [len(batch) for batch in world.invocations] == [25]
    world.clock.advance(60 * SECOND)
    world.drain()
    assert [len(batch) for batch in world.invocations] == [25, 5]


def test_the_next_window_starts_with_its_first_record() -> None:
    world = QueueWorld(batch_size=5, window=60 * SECOND)
    world.queue.send("a")
    world.drain()
    world.clock.advance(60 * SECOND)
    world.drain()
    world.clock.advance(60 * SECOND)
    world.queue.send("b")
    assert world.mapping.poll(world.now()).again_at == NINE + 180 * SECOND


def test_filtered_messages_are_deleted_and_not_invoked_with() -> None:
    world = QueueWorld(passes=compile_filters(criteria({"body": {"kind": ["slot"]}})))
    for kind in ("slot", "other", "slot"):
        world.queue.send(json.dumps({"kind": kind}))
    world.queue.send("no json")
    world.drain()
    assert world.invocations == [['{"kind": "slot"}', '{"kind": "slot"}']]
    assert world.left() == []


def test_a_batch_is_cut_where_an_invocation_is_full() -> None:
    world = QueueWorld()
    for number in range(8):
        world.queue.send(str(number) * 1024 * 1024)
    world.drain()
    assert [len(batch) for batch in world.invocations] == [5, 3]


def test_the_record_of_a_message_is_what_lambda_gives() -> None:
    clock = VirtualClock(NINE)
    queue = Queue("gate.fifo", lambda: clock.now, lambda: "m1", fifo=True)
    queue.send("body", group="g", deduplication_id="d", attributes={"k": {"DataType": "String", "StringValue": "v"}})
    clock.advance(timedelta(milliseconds=1500))
    record = queue_record(queue.receive()[0], QUEUE_ARN)
    assert record == {
        "messageId": "m1",
        "receiptHandle": record["receiptHandle"],
        "body": "body",
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1772355600000",
            "SenderId": "simulator",
            "ApproximateFirstReceiveTimestamp": "1772355601500",
            "MessageGroupId": "g",
            "SequenceNumber": "00000000000000000001",
            "MessageDeduplicationId": "d",
        },
        "messageAttributes": {"k": {"dataType": "String", "stringValue": "v", "stringListValues": [], "binaryListValues": []}},
        "md5OfBody": "841a2d689ad86bd1611447453c22c6fc",
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": "eu-central-1",
    }


def test_a_message_of_the_api_gives_the_same_record() -> None:
    record = queue_record_of_message(
        {
            "MessageId": "m1",
            "ReceiptHandle": "r",
            "Body": "body",
            "MD5OfBody": "841a",
            "Attributes": {"ApproximateReceiveCount": "1"},
            "MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}},
        },
        QUEUE_ARN,
    )
    assert record["receiptHandle"] == "r"
    assert record["attributes"] == {"ApproximateReceiveCount": "1"}
    assert record["messageAttributes"]["k"]["stringValue"] == "v"
    assert record["awsRegion"] == "eu-central-1"


# --- streams


def change(number: int, created: datetime = NINE, name: str = "INSERT") -> dict[str, Any]:
    return {
        "eventID": str(number),
        "eventName": name,
        "dynamodb": {"SequenceNumber": f"{number:021}", "ApproximateCreationDateTime": created.timestamp()},
    }


class StreamWorld:
    def __init__(self, answer: Callable[[list[int]], Any] = lambda numbers: None, **settings: Any) -> None:
        self.clock = VirtualClock(NINE)
        self.answer = answer
        self.invocations: list[list[int]] = []
        self.failures: list[dict[str, Any]] = []
        ids = count(1)
        self.mapping = StreamMapping(
            StreamSettings(**settings),
            self.invoke,
            function_arn="arn:aws:lambda:eu-central-1:123456789012:function:relay",
            stream_arn="arn:aws:dynamodb:eu-central-1:123456789012:table/customers/stream/1",
            shard_id="shardId-1",
            new_id=lambda: f"request-{next(ids)}",
            on_failure=self.failures.append,
        )

    def invoke(self, event: dict[str, Any]) -> Returned | Raised:
        numbers = [int(record["eventID"]) for record in event["Records"]]
        self.invocations.append(numbers)
        answer = self.answer(numbers)
        if isinstance(answer, list):
            return failing(*[f"{number:021}" for number in answer])
        return answer if isinstance(answer, Returned | Raised) else Returned(answer)

    def offer(self, *numbers: int) -> None:
        self.mapping.offer([change(number, self.clock.now) for number in numbers], self.clock.now)

    def run(self, limit: timedelta = timedelta(hours=30)) -> None:
        """Poll whenever the mapping asks for it."""
        end = self.clock.now + limit
        while (again := self.mapping.poll(self.clock.now)) is not None and again <= end:
            self.clock.advance_to(again)


def test_records_are_invoked_with_in_order_and_batches() -> None:
    world = StreamWorld(batch_size=3)
    world.offer(1, 2, 3, 4, 5, 6, 7)
    world.run()
    assert world.invocations == [[1, 2, 3], [4, 5, 6], [7]]
    assert world.mapping.poll(world.clock.now) is None


def test_an_idle_stream_asks_for_no_poll() -> None:
    assert StreamWorld().mapping.poll(NINE) is None


@pytest.mark.parametrize(
    ("patterns", "alone"),
    [
        ([], True),
        (
            [{"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": ["a"]}}, "NewImage": {"x": {"S": [{"exists": True}]}}}}],
            True,
        ),
        ([{"eventName": ["INSERT"]}, {"eventID": [{"exists": False}]}], False),
        ([{"dynamodb": {"SizeBytes": [{"numeric": [">", 0]}]}}], False),
        ([{"$or": [{"eventName": ["INSERT"]}, {"awsRegion": ["eu-west-1"]}]}], False),
        ([{"dynamodb": {"$or": [{"Keys": {"pk": {"S": ["a"]}}}, {"StreamViewType": ["NEW_IMAGE"]}]}}], False),
    ],
)
def test_a_filter_that_looks_at_items_alone_is_known(patterns, alone) -> None:
    assert looks_at_items_alone(criteria(*patterns)) is alone


def test_what_no_filter_passes_is_skipped() -> None:
    world = StreamWorld(passes=compile_filters(criteria({"eventName": ["INSERT"]})))
    world.mapping.offer([change(1), change(2, name="MODIFY"), change(3)], NINE)
    world.run()
    assert world.invocations == [[1, 3]]


def test_a_stream_window_gathers_until_full_or_over() -> None:
    world = StreamWorld(batch_size=3, window=60 * SECOND)
    world.offer(1)
    assert world.mapping.poll(NINE) == NINE + 60 * SECOND
    world.clock.advance(10 * SECOND)
    world.offer(2)
    assert world.mapping.poll(world.clock.now) == NINE + 60 * SECOND
    world.offer(3, 4)
    world.run()
    assert world.invocations == [[1, 2, 3], [4]]
    assert world.clock.now == NINE + 70 * SECOND


def test_a_failed_batch_is_retried_in_place_and_holds_up_the_rest() -> None:
    tries: list[int] = []

    def answer(numbers: list[int]) -> Any:
        tries.append(1)
        return ERROR if len(tries) < 4 else None

    world = StreamWorld(answer, batch_size=2)
    world.offer(1, 2, 3)
    world.run()
    assert world.invocations == [[1, 2], [1, 2], [1, 2], [1, 2], [3]]
    assert world.clock.now == NINE + 7 * SECOND
    assert world.failures == []


def test_after_its_retries_a_batch_is_given_up_and_its_position_reported() -> None:
    world = StreamWorld(lambda numbers: ERROR if 1 in numbers else None, batch_size=2, maximum_retries=2)
    world.offer(1, 2, 3)
    world.run()
    assert world.invocations == [[1, 2], [1, 2], [1, 2], [3]]
    assert world.failures == [
        {
            "requestContext": {
                "requestId": "request-1",
                "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:relay",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 3,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2026-03-01T09:00:03.000Z",
            "DDBStreamBatchInfo": {
                "shardId": "shardId-1",
                "startSequenceNumber": "000000000000000000001",
                "endSequenceNumber": "000000000000000000002",
                "approximateArrivalOfFirstRecord": "2026-03-01T09:00:00Z",
                "approximateArrivalOfLastRecord": "2026-03-01T09:00:00Z",
                "batchSize": 2,
                "streamArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/customers/stream/1",
            },
        }
    ]


def test_without_retries_a_batch_has_one_chance() -> None:
    world = StreamWorld(lambda numbers: ERROR, maximum_retries=0)
    world.offer(1)
    world.run()
    assert world.invocations == [[1]]
    assert world.failures[0]["requestContext"]["approximateInvokeCount"] == 1


def test_bisecting_isolates_the_poison_without_using_up_retries() -> None:
    world = StreamWorld(lambda numbers: ERROR if 3 in numbers else None, bisect=True, maximum_retries=1)
    world.offer(1, 2, 3, 4)
    world.run()
    assert world.invocations == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [4]]
    assert [failure["DDBStreamBatchInfo"]["startSequenceNumber"][-1] for failure in world.failures] == ["3"]
    assert world.failures[0]["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_partial_report_retries_from_the_lowest_sequence_number() -> None:
    world = StreamWorld(
        lambda numbers: [3, 2] if len(world.invocations) == 1 else None, report_item_failures=True, maximum_retries=5
    )
    world.offer(1, 2, 3, 4)
    world.run()
    assert world.invocations == [[1, 2, 3, 4], [2, 3, 4]]


def test_partial_reports_without_bisecting_use_up_retries() -> None:
    world = StreamWorld(lambda numbers: [2] if 2 in numbers else None, report_item_failures=True, maximum_retries=2)
    world.offer(1, 2, 3)
    world.run()
    assert world.invocations == [[1, 2, 3], [2, 3], [2, 3]]
    info = world.failures[0]["DDBStreamBatchInfo"]
    assert (info["startSequenceNumber"][-1], info["endSequenceNumber"][-1], info["batchSize"]) == ("2", "3", 2)
    assert "functionError" not in world.failures[0]["responseContext"]


def test_partial_reports_with_bisecting_isolate_the_record() -> None:
    world = StreamWorld(lambda numbers: [3] if 3 in numbers else None, report_item_failures=True, bisect=True, maximum_retries=1)
    world.offer(1, 2, 3, 4)
    world.run()
    assert world.invocations == [[1, 2, 3, 4], [3, 4], [3], [3], [4]]
    assert len(world.failures) == 1


@pytest.mark.parametrize("answer", [Returned("ok"), failing("unknown"), failing(None)])
def test_a_malformed_report_of_a_stream_is_a_failure_of_the_whole_batch(answer: Any) -> None:
    world = StreamWorld(lambda numbers: answer, report_item_failures=True, maximum_retries=1)
    world.offer(1, 2)
    world.run()
    assert world.invocations == [[1, 2], [1, 2]]


def test_without_the_setting_a_stream_report_is_not_read() -> None:
    world = StreamWorld(lambda numbers: [1])
    world.offer(1, 2)
    world.run()
    assert world.invocations == [[1, 2]]


def test_records_above_the_maximum_age_are_given_up_and_reported() -> None:
    world = StreamWorld(lambda numbers: ERROR if 1 in numbers else None, maximum_age=60 * SECOND)
    world.offer(1)
    world.clock.advance(30 * SECOND)
    world.offer(2)
    world.mapping.poll(world.clock.now)
    world.run()
    assert world.invocations[-1] == [2]
    [failure] = world.failures
    assert failure["requestContext"]["condition"] == "RecordAgeExceeded"
    assert failure["DDBStreamBatchInfo"]["batchSize"] == 1


def test_records_that_outlive_the_stream_are_lost_without_a_report() -> None:
    world = StreamWorld(lambda numbers: ERROR)
    world.offer(1, 2)
    world.run()
    assert world.mapping.lost == 2
    assert world.failures == []
    assert world.clock.now > NINE + timedelta(hours=24)
    assert world.mapping.poll(world.clock.now) is None


def test_what_is_given_up_without_a_destination_is_gone() -> None:
    mapping = StreamMapping(
        StreamSettings(maximum_retries=0),
        lambda event: ERROR,
        function_arn="f",
        stream_arn="s",
        shard_id="1",
        new_id=lambda: "r",
    )
    mapping.offer([change(1)], NINE)
    assert mapping.poll(NINE) is None


def test_a_creation_time_may_be_a_datetime() -> None:
    world = StreamWorld(lambda numbers: ERROR, maximum_retries=0)
    record = change(1)
    record["dynamodb"]["ApproximateCreationDateTime"] = NINE
    world.mapping.offer([record], NINE)
    world.run()
    assert world.failures[0]["DDBStreamBatchInfo"]["approximateArrivalOfFirstRecord"] == "2026-03-01T09:00:00Z"


# --- properties


def test_queue_settings_come_from_the_template() -> None:
    settings = QueueSettings.of(
        {
            "EventSourceArn": QUEUE_ARN,
            "FunctionName": "relay",
            "BatchSize": 100,
            "MaximumBatchingWindowInSeconds": 60,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 2},
            "FilterCriteria": criteria({"body": {"kind": ["slot"]}}),
        },
        fifo=False,
    )
    assert (settings.batch_size, settings.window, settings.report_item_failures) == (100, 60 * SECOND, True)
    assert settings.passes({"body": '{"kind": "slot"}'}) is True
    assert QueueSettings.of({}, fifo=True) == QueueSettings()


def test_stream_settings_come_from_the_template() -> None:
    settings = StreamSettings.of(
        {
            "StartingPosition": "LATEST",
            "BatchSize": "50",
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 5,
            "MaximumRecordAgeInSeconds": 3600,
            "DestinationConfig": {"OnFailure": {"Destination": QUEUE_ARN}},
        }
    )
    assert (settings.batch_size, settings.bisect, settings.maximum_retries) == (50, True, 5)
    assert settings.maximum_age == timedelta(hours=1)
    assert StreamSettings.of({"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1}) == StreamSettings()


@pytest.mark.parametrize(
    ("properties", "fifo", "problem"),
    [
        ({"BatchSize": 0}, False, "BatchSize"),
        ({"BatchSize": 11}, True, "BatchSize"),
        ({"BatchSize": 11}, False, "MaximumBatchingWindowInSeconds: must be at least 1"),
        ({"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1}, False, "BatchSize"),
        ({"MaximumBatchingWindowInSeconds": 1}, True, "MaximumBatchingWindowInSeconds"),
        ({"MaximumBatchingWindowInSeconds": 301}, False, "MaximumBatchingWindowInSeconds"),
        ({"FunctionResponseTypes": ["Everything"]}, False, "FunctionResponseTypes"),
        ({"FunctionResponseTypes": "ReportBatchItemFailures"}, False, "FunctionResponseTypes"),
        ({"BisectBatchOnFunctionError": True}, False, "BisectBatchOnFunctionError: this property is not supported"),
        ({"BatchSze": 5}, False, "BatchSze"),
    ],
)
def test_bad_queue_properties_are_refused_by_name(properties: dict[str, Any], fifo: bool, problem: str) -> None:
    with pytest.raises(MappingError, match=problem):
        QueueSettings.of(properties, fifo=fifo)


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"BatchSize": True}, "BatchSize"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "StartingPosition"),
        ({"ParallelizationFactor": 2}, "ParallelizationFactor"),
        ({"BisectBatchOnFunctionError": "yes"}, "BisectBatchOnFunctionError"),
        ({"MaximumRetryAttempts": -2}, "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 10_001}, "MaximumRetryAttempts"),
        ({"MaximumRecordAgeInSeconds": 59}, "MaximumRecordAgeInSeconds"),
        ({"TumblingWindowInSeconds": 5}, "TumblingWindowInSeconds"),
        ({"ScalingConfig": {}}, "ScalingConfig"),
    ],
)
def test_bad_stream_properties_are_refused_by_name(properties: dict[str, Any], problem: str) -> None:
    with pytest.raises(MappingError, match=problem):
        StreamSettings.of(properties)
