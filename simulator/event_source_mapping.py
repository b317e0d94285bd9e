"""What Lambda's pollers do between a queue or a table's stream and a function: filter, batch, invoke, settle, retry.

Source: "Process Amazon SQS / DynamoDB records with Lambda" (batching, partial batch responses, retained records), "Control
which events Lambda sends to your function", CreateEventSourceMapping. Nothing here receives or deletes by itself: both
backends hand in how. Not modelled: the poller's own scaling, ParallelizationFactor above 1, tumbling windows.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import md5
from typing import Any, Final, NamedTuple

from simulator.event_patterns import FILTER_OPERATORS, PatternError, compile_pattern
from simulator.queues import Received
from simulator.state_language import Raised, Returned

Record = Mapping[str, Any]
"""One element of the event's Records, as Lambda gives it to the function."""
Invoke = Callable[[dict[str, Any]], Returned | Raised]
Filter = Callable[[Record], bool]

MAXIMUM_FILTERS: Final = 10
MAXIMUM_FILTER_LENGTH: Final = 4096
MAXIMUM_PAYLOAD: Final = 6 * 1024 * 1024
MAXIMUM_WINDOW: Final = 300
RECEIVE_AT_ONCE: Final = 10
STREAM_RETENTION: Final = timedelta(hours=24)

_IGNORED: Final = frozenset({"EventSourceArn", "FunctionName", "Enabled", "Tags", "DestinationConfig", "MetricsConfig"})
_SHARED: Final = frozenset({"BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria"})
_QUEUE_ONLY: Final = frozenset({"ScalingConfig"})
_STREAM_ONLY: Final = frozenset(
    {
        "StartingPosition", "BisectBatchOnFunctionError", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds",
        "ParallelizationFactor",
    }
)  # fmt: skip


class MappingError(ValueError):
    """Properties of an event source mapping that Lambda would refuse, or that are not modelled; names the property."""


# --- filters


def everything(_record: Record) -> bool:
    """The filter of a mapping without filter criteria."""
    return True


def compile_filters(criteria: Mapping[str, Any] | None) -> Filter:
    """FilterCriteria ({"Filters": [{"Pattern": JSON text}, ...]}) as one function: a record passes if any filter matches.

    No criteria let everything pass. Over a queue's record, a pattern for `body` as an object reads the body as JSON (a
    body that is none is dropped), and a pattern for `body` as a list compares it as text (a JSON body is dropped).
    Raises MappingError.
    """
    filters = (criteria or {}).get("Filters") or []
    if len(filters) > MAXIMUM_FILTERS:
        raise MappingError(f"FilterCriteria: more than {MAXIMUM_FILTERS} filters")
    tests = [_compile_filter(entry, f"FilterCriteria.Filters[{index}]") for index, entry in enumerate(filters)]
    if not tests:
        return everything
    if len(tests) == 1:
        return tests[0]
    return lambda record: any(test(record) for test in tests)


def looks_at_items_alone(criteria: Mapping[str, Any] | None) -> bool:
    """Whether the filters look at nothing of a stream's record but what happened, to which item, and its images."""
    patterns = [json.loads(entry["Pattern"]) for entry in (criteria or {}).get("Filters") or []]
    told = [pattern.get("dynamodb", {}) for pattern in patterns]
    return all(pattern.keys() <= {"eventName", "dynamodb"} for pattern in patterns) and all(
        isinstance(of_item, Mapping) and of_item.keys() <= {"Keys", "NewImage", "OldImage"} for of_item in told
    )


def _compile_filter(entry: Any, where: str) -> Filter:
    text = entry.get("Pattern") if isinstance(entry, Mapping) else None
    if not isinstance(text, str) or len(text) > MAXIMUM_FILTER_LENGTH:
        raise MappingError(f"{where}: needs a Pattern, a JSON text of at most {MAXIMUM_FILTER_LENGTH} characters")
    try:
        pattern = json.loads(text)
        if pattern == {}:
            return everything
        matches = compile_pattern(pattern, FILTER_OPERATORS)
    except PatternError as problem:
        raise MappingError(f"{where}: {problem}") from None
    except ValueError:
        raise MappingError(f"{where}: the Pattern is not JSON: {text!r}") from None
    if "body" not in pattern:
        return matches
    as_json = isinstance(pattern["body"], Mapping)

    def over_body(record: Record) -> bool:
        body = _structured(record.get("body"))
        if as_json:
            return body is not None and matches({**record, "body": body})
        return body is None and matches(record)

    return over_body


def _structured(body: Any) -> Any:
    """A JSON object or array, or None for any other text."""
    if not isinstance(body, str) or not body.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


# --- responses


def failed_items(response: Any, identifiers: Collection[str]) -> frozenset[str] | None:
    """What a response under ReportBatchItemFailures says has failed; None when the whole batch has.

    Null, an empty object, and an empty or null batchItemFailures are complete success. A response that is no object, and
    an itemIdentifier that is empty, null, misnamed or not in the batch, are complete failure ("Success and failure
    conditions").
    """
    if response is None:
        return frozenset()
    if not isinstance(response, Mapping):
        return None
    failures = response.get("batchItemFailures")
    if failures is None:
        return frozenset()
    if not isinstance(failures, list | tuple):
        return None
    failed = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, Mapping) else None
        if not isinstance(identifier, str) or identifier not in identifiers:
            return None
        failed.add(identifier)
    return frozenset(failed)


# --- queues


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How a queue is read."""

    batch_size: int = 10
    window: timedelta = timedelta(0)
    report_item_failures: bool = False
    passes: Filter = everything

    @classmethod
    def of(cls, properties: Mapping[str, Any], *, fifo: bool) -> QueueSettings:
        """From the properties of AWS::Lambda::EventSourceMapping. Raises MappingError."""
        _refuse_unknown(properties, _SHARED | _QUEUE_ONLY)
        batch_size = _whole(properties, "BatchSize", 10, 1, 10 if fifo else 10_000)
        window = _whole(properties, "MaximumBatchingWindowInSeconds", 0, 0, 0 if fifo else MAXIMUM_WINDOW)
        if batch_size > 10 and window < 1:
            raise MappingError("MaximumBatchingWindowInSeconds: must be at least 1 for a BatchSize above 10")
        return cls(batch_size, timedelta(seconds=window), *_reporting_and_filter(properties))


class Poll(NamedTuple):
    """What one poll did: how many records it invoked with, which message ids failed, and when to poll again.

    `again_at` is now when there may be more, the end of the batching window, or None: then the queue says when.
    """

    invoked: int
    failed: frozenset[str]
    again_at: datetime | None


class QueueMapping:
    """One queue feeding one function, one batch at a time.

    `receive(maximum)` gives up to 10 records as Lambda gives them (see `queue_record`) and starts their visibility timeout;
    `delete(receipts)` deletes. What failed is left alone and shows again after the timeout. In a FIFO batch Lambda deletes
    whatever was not reported, also behind a failure of its group: keeping the order is the function's duty. A message whose
    visibility timeout is shorter than the window shows again while it waits for its batch, as in the account.
    """

    def __init__(
        self,
        settings: QueueSettings,
        receive: Callable[[int], Sequence[Record]],
        delete: Callable[[Sequence[str]], object],
        invoke: Invoke,
    ) -> None:
        self._settings = settings
        self._receive = receive
        self._delete = delete
        self._invoke = invoke
        self._gathered: list[Record] = []
        self._gathering_since: datetime | None = None

    @property
    def holding(self) -> int:
        """How many records are gathered and not yet invoked with."""
        return len(self._gathered)

    def poll(self, now: datetime) -> Poll:
        """Gather, and invoke when the batch is full or its window is over."""
        size = self._settings.batch_size
        self._gather(now)
        if not self._gathered:
            return Poll(0, frozenset(), None)
        since = self._gathering_since or now
        if len(self._gathered) < size and now < since + self._settings.window:
            return Poll(0, frozenset(), since + self._settings.window)
        batch = _within_payload(self._gathered[:size])
        del self._gathered[: len(batch)]
        self._gathering_since = now if self._gathered else None
        failed = self._settle(batch, self._invoke({"Records": batch}))
        return Poll(len(batch), failed, now)

    def _gather(self, now: datetime) -> None:
        while (room := self._settings.batch_size - len(self._gathered)) > 0:
            asked = min(room, RECEIVE_AT_ONCE)
            records = self._receive(asked)
            if not records:
                return
            kept = [record for record in records if self._settings.passes(record)]
            if len(kept) < len(records):
                # "Lambda deletes messages that don't meet the filter criteria from the queue."
                kept_ids = {record["messageId"] for record in kept}
                self._delete([record["receiptHandle"] for record in records if record["messageId"] not in kept_ids])
            if kept and self._gathering_since is None:
                self._gathering_since = now
            self._gathered += kept
            if len(records) < asked:
                return  # here, unlike in SQS, a receive that gives less than it was asked for has given all there is

    def _settle(self, batch: Sequence[Record], outcome: Returned | Raised) -> frozenset[str]:
        identifiers = {record["messageId"] for record in batch}
        failed: frozenset[str] | None = None
        if isinstance(outcome, Returned):
            failed = failed_items(outcome.payload, identifiers) if self._settings.report_item_failures else frozenset()
        if failed is None:
            return frozenset(identifiers)
        done = [record["receiptHandle"] for record in batch if record["messageId"] not in failed]
        if done:
            self._delete(done)
        return failed


def queue_record(received: Received, queue_arn: str) -> dict[str, Any]:
    """A message of the queue twin as Lambda gives it to a function."""
    attributes = {
        "ApproximateReceiveCount": f"{received.receives}",
        "SentTimestamp": _milliseconds(received.sent),
        "SenderId": "simulator",
        "ApproximateFirstReceiveTimestamp": _milliseconds(received.first_received),
    }
    if received.group is not None:
        attributes["MessageGroupId"] = received.group
    if received.sequence is not None:
        attributes["SequenceNumber"] = f"{received.sequence:020}"
        attributes["MessageDeduplicationId"] = received.deduplication_id or ""
    return {
        "messageId": received.message_id,
        "receiptHandle": received.receipt,
        "body": received.body,
        "attributes": attributes,
        "messageAttributes": _attributes(received.attributes) if received.attributes else {},
        "md5OfBody": md5(received.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": _region(queue_arn),
    }


def queue_record_of_message(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """A message of ReceiveMessage's answer as Lambda gives it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": _attributes(message.get("MessageAttributes") or {}),
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": _region(queue_arn),
    }


def _attributes(sent: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {"stringListValues": [], "binaryListValues": [], **{key[0].lower() + key[1:]: one for key, one in value.items()}}
        for name, value in sent.items()
    }


def _within_payload(records: Sequence[Record]) -> list[Record]:
    """As many of the first records as one synchronous invocation can carry, at least one."""
    if sum(len(record["body"]) for record in records) * 4 <= MAXIMUM_PAYLOAD:
        return list(records)
    size, fitting = 0, 0
    for record in records:
        size += len(json.dumps(record, ensure_ascii=False).encode())
        if size > MAXIMUM_PAYLOAD and fitting:
            break
        fitting += 1
    return list(records[:fitting])


# --- streams


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How a stream is read. None means without limit (-1 in the properties)."""

    batch_size: int = 100
    window: timedelta = timedelta(0)
    report_item_failures: bool = False
    passes: Filter = everything
    bisect: bool = False
    maximum_retries: int | None = None
    maximum_age: timedelta | None = None
    items_alone: bool = True
    """Whether `passes` looks at no more than `looks_at_items_alone` says."""

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> StreamSettings:
        """From the properties of AWS::Lambda::EventSourceMapping. Raises MappingError."""
        _refuse_unknown(properties, _SHARED | _STREAM_ONLY)
        if properties.get("StartingPosition", "TRIM_HORIZON") not in ("TRIM_HORIZON", "LATEST"):
            raise MappingError(f"StartingPosition: {properties['StartingPosition']!r} is for Kinesis")
        if properties.get("ParallelizationFactor", 1) != 1:
            raise MappingError("ParallelizationFactor: only 1 is modelled")
        bisect = properties.get("BisectBatchOnFunctionError", False)
        if not isinstance(bisect, bool):
            raise MappingError(f"BisectBatchOnFunctionError: must be true or false, not {bisect!r}")
        retries = _whole(properties, "MaximumRetryAttempts", -1, -1, 10_000)
        age = _whole(properties, "MaximumRecordAgeInSeconds", -1, -1, 604_800)
        if age != -1 and age < 60:
            raise MappingError(f"MaximumRecordAgeInSeconds: must be -1 or from 60, not {age}")
        return cls(
            _whole(properties, "BatchSize", 100, 1, 10_000),
            timedelta(seconds=_whole(properties, "MaximumBatchingWindowInSeconds", 0, 0, MAXIMUM_WINDOW)),
            *_reporting_and_filter(properties),
            bisect,
            None if retries == -1 else retries,
            None if age == -1 else timedelta(seconds=age),
            looks_at_items_alone(properties.get("FilterCriteria")),
        )


@dataclass(slots=True)
class _Batch:
    """Records to invoke with. `retries` counts against MaximumRetryAttempts, `invocations` is what is reported."""

    records: list[Record]
    retries: int = 0
    invocations: int = 0
    not_before: datetime | None = None
    error: bool = True


def exponential(retry: int) -> timedelta:
    """1, 2, 4, ... seconds, at most a minute: Lambda backs off between retries of a stream and publishes no numbers."""
    return timedelta(seconds=min(2 ** min(retry - 1, 6), 60))


class StreamMapping:
    """One shard of a table's stream feeding one function, in order: a failing batch holds up all behind it.

    `on_failure` gets the invocation record of what is given up (position in the stream, never the records). `lost` counts
    records that outlived the stream's 24 hours while the function failed: those go nowhere.
    """

    def __init__(
        self,
        settings: StreamSettings,
        invoke: Invoke,
        *,
        function_arn: str,
        stream_arn: str,
        shard_id: str,
        new_id: Callable[[], str],
        on_failure: Callable[[dict[str, Any]], object] | None = None,
        backoff: Callable[[int], timedelta] = exponential,
    ) -> None:
        self.lost = 0
        self._settings = settings
        self._invoke = invoke
        self._function_arn = function_arn
        self._stream_arn = stream_arn
        self._shard_id = shard_id
        self._new_id = new_id
        self._on_failure = on_failure
        self._backoff = backoff
        self._waiting: deque[Record] = deque()
        self._waiting_since: datetime | None = None
        self._batches: deque[_Batch] = deque()

    def offer(self, records: Iterable[Record], now: datetime) -> None:
        """New records of the shard, in order; those that no filter lets pass are skipped."""
        self._waiting.extend(record for record in records if self._settings.passes(record))
        if self._waiting and self._waiting_since is None:
            self._waiting_since = now

    def poll(self, now: datetime) -> datetime | None:
        """At most one invocation. When to poll again: now, the next retry, the end of the window; None when idle."""
        if not self._batches and not self._form(now):
            return self._next_form(now)
        batch = self._batches[0]
        if batch.not_before is not None and now < batch.not_before:
            return batch.not_before
        self._batches.popleft()
        self._drop_old(batch, now)
        if batch.records:
            self._attempt(batch, now)
        if self._batches:
            return self._batches[0].not_before or now
        return self._next_form(now)

    def _next_form(self, now: datetime) -> datetime | None:
        if self._waiting_since is None:
            return None
        if len(self._waiting) >= self._settings.batch_size:
            return now
        return max(now, self._waiting_since + self._settings.window)

    def _form(self, now: datetime) -> bool:
        due = self._next_form(now)
        if due is None or due > now:
            return False
        size = min(self._settings.batch_size, len(self._waiting))
        self._batches.append(_Batch([self._waiting.popleft() for _ in range(size)]))
        self._waiting_since = now if self._waiting else None
        return True

    def _attempt(self, batch: _Batch, now: datetime) -> None:
        outcome = self._invoke({"Records": list(batch.records)})
        batch.invocations += 1
        batch.error = isinstance(outcome, Raised)
        failed_from = self._failed_from(batch.records, outcome)
        if failed_from is None:
            return
        if failed_from > 0:
            batch.records = batch.records[failed_from:]
            if self._settings.bisect:
                # "The batch is bisected at the returned sequence number"; splitting uses up no retry.
                self._batches.appendleft(batch)
                return
        elif self._settings.bisect and len(batch.records) > 1:
            middle = len(batch.records) // 2
            halves = (batch.records[:middle], batch.records[middle:])
            self._batches.extendleft(_Batch(half, batch.retries, batch.invocations) for half in reversed(halves))
            return
        batch.retries += 1
        maximum = self._settings.maximum_retries
        if maximum is not None and batch.retries > maximum:
            self._give_up(batch, batch.records, "RetryAttemptsExhausted", now)
            return
        batch.not_before = now + self._backoff(batch.retries)
        self._batches.appendleft(batch)

    def _failed_from(self, records: Sequence[Record], outcome: Returned | Raised) -> int | None:
        """The position of the first failed record ("the lowest sequence number as the checkpoint"), None for success."""
        if isinstance(outcome, Raised):
            return 0
        if not self._settings.report_item_failures:
            return None
        positions = {record["dynamodb"]["SequenceNumber"]: index for index, record in enumerate(records)}
        failed = failed_items(outcome.payload, positions)
        if failed is None:
            return 0
        return min((positions[identifier] for identifier in failed), default=None)

    def _drop_old(self, batch: _Batch, now: datetime) -> None:
        ages = [now - _created(record) for record in batch.records]
        maximum = self._settings.maximum_age or STREAM_RETENTION
        # Records are in order of creation, so the oldest come first.
        gone = sum(1 for age in ages if age > STREAM_RETENTION)
        too_old = sum(1 for age in ages if maximum < age <= STREAM_RETENTION)
        self.lost += gone
        discarded, batch.records = batch.records[gone : gone + too_old], batch.records[gone + too_old :]
        if discarded:
            self._give_up(batch, discarded, "RecordAgeExceeded", now)

    def _give_up(self, batch: _Batch, records: Sequence[Record], condition: str, now: datetime) -> None:
        if self._on_failure is None:
            return
        response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if batch.error:
            response["functionError"] = "Unhandled"
        self._on_failure(
            {
                "requestContext": {
                    "requestId": self._new_id(),
                    "functionArn": self._function_arn,
                    "condition": condition,
                    "approximateInvokeCount": batch.invocations,
                },
                "responseContext": response,
                "version": "1.0",
                "timestamp": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "DDBStreamBatchInfo": {
                    "shardId": self._shard_id,
                    "startSequenceNumber": records[0]["dynamodb"]["SequenceNumber"],
                    "endSequenceNumber": records[-1]["dynamodb"]["SequenceNumber"],
                    "approximateArrivalOfFirstRecord": _created(records[0]).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "approximateArrivalOfLastRecord": _created(records[-1]).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "batchSize": len(records),
                    "streamArn": self._stream_arn,
                },
            }
        )


def _created(record: Record) -> datetime:
    created = record["dynamodb"]["ApproximateCreationDateTime"]
    return created.astimezone(UTC) if isinstance(created, datetime) else datetime.fromtimestamp(float(created), UTC)


# --- properties


def _refuse_unknown(properties: Mapping[str, Any], known: frozenset[str]) -> None:
    for key in properties:
        if key not in known and key not in _IGNORED:
            raise MappingError(f"{key}: this property is not supported here")


def _whole(properties: Mapping[str, Any], key: str, default: int, low: int, high: int) -> int:
    value = properties.get(key, default)
    if isinstance(value, str) and value.lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise MappingError(f"{key}: must be a whole number from {low} to {high}, not {value!r}")
    return value


def _reporting_and_filter(properties: Mapping[str, Any]) -> tuple[bool, Filter]:
    types = properties.get("FunctionResponseTypes") or []
    if not isinstance(types, list | tuple) or any(entry != "ReportBatchItemFailures" for entry in types):
        raise MappingError(f"FunctionResponseTypes: only ReportBatchItemFailures exists, not {types!r}")
    return bool(types), compile_filters(properties.get("FilterCriteria"))


@lru_cache(maxsize=64)
def _milliseconds(instant: datetime) -> str:
    return f"{instant.timestamp() * 1000:.0f}"


@lru_cache(maxsize=64)
def _region(arn: str) -> str:
    return arn.split(":")[3]
