"""A table's stream in moto, told in order and each record once."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from simulator.event_source_mapping import Record
from simulator.template import REGION, Table

if TYPE_CHECKING:
    from simulator.moto_backend.backend import MotoBackend


class MotoStream:
    """A table's stream in moto: one shard, read on from the last number each time (moto replaces a table's shard when a
    transaction fails, so an iterator does not last)."""

    def __init__(self, backend: MotoBackend, table: Table, arn: str) -> None:
        self._backend = backend
        self.table = table
        self._arn = arn
        self._shard: str | None = None
        self._last: str | None = None
        self._readers: list[deque[Record]] = []
        self.dirty = False
        self._draining = False

    def reader(self) -> Callable[[], list[Record]]:
        pending: deque[Record] = deque()
        self._readers.append(pending)

        def take() -> list[Record]:
            self.drain()
            records = list(pending)
            pending.clear()
            return records

        return take

    def drain(self) -> None:
        """Fetch what is new, and tell it on."""
        if not self.dirty or self._draining:
            return
        self._draining = True
        try:
            self._fetch()
            self.dirty = False
        finally:
            self._draining = False

    def _fetch(self) -> None:
        streams = self._backend.raw("dynamodbstreams")
        if self._shard is None:
            self._shard = streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"][0]["ShardId"]
        where = (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if self._last is None
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last}
        )
        iterator = streams.get_shard_iterator(StreamArn=self._arn, ShardId=self._shard, **where)["ShardIterator"]
        while True:
            answer = streams.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                self._last = record["dynamodb"]["SequenceNumber"]
                self._backend.changed(self.table, record)
                if self._readers:
                    told = self._told(record)
                    for pending in self._readers:
                        pending.append(told)
            if len(answer["Records"]) < 1000:
                return
            iterator = answer["NextShardIterator"]

    def _told(self, record: Mapping[str, Any]) -> Record:
        """A record of GetRecords as Lambda gives it to a function: JSON, with the virtual time."""
        told = dict(record["dynamodb"])
        told["ApproximateCreationDateTime"] = (self._backend.cloud.clock.now - _EPOCH) / timedelta(seconds=1)
        for image in ("Keys", "NewImage", "OldImage"):
            if image in told:
                told[image] = {name: json_value(value) for name, value in told[image].items()}
        return {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": REGION,
            "dynamodb": told,
            "eventSourceARN": str(self.table.stream_arn),
        }


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def json_value(typed: Mapping[str, Any]) -> dict[str, Any]:
    [(kind, value)] = typed.items()
    return {kind: base64.b64encode(value).decode() if kind == "B" else value}
