"""A queue in moto's SQS with the deduplication, limits and times that moto leaves out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator import queues
from simulator.event_source_mapping import Record, queue_record_of_message
from simulator.memory.refusal import Refused
from simulator.template import Queue

if TYPE_CHECKING:
    from simulator.moto_backend.backend import MotoBackend


def _group(message: Mapping[str, Any]) -> str | None:
    group: str | None = message.get("Attributes", {}).get("MessageGroupId")
    return group


class _Taken(NamedTuple):
    """A message in flight: until when, how often it was received, and by how many milliseconds the clock was ahead then."""

    receipt: str
    until: datetime
    receives: int
    late: int


class MotoQueue:
    """A queue in moto. Deduplication and limits are the twin's: moto forgets what was deleted, and knows no scopes."""

    def __init__(self, backend: MotoBackend, queue: Queue) -> None:
        self._backend = backend
        self.queue = queue
        self._clock = backend.cloud.clock
        self.lying: dict[str, tuple[str, str | None]] = {}
        self._looks: list[datetime] = []
        self._taken: dict[str, _Taken] = {}
        self._gate = queues.Queue(
            queue.name,
            lambda: self._clock.now,
            backend.cloud.message_ids,
            fifo=queue.fifo,
            visibility_timeout=queue.visibility_timeout,
            delay=queue.delay,
            retention=queue.retention,
            content_based_deduplication=queue.content_based_deduplication,
            deduplication_scope=queue.deduplication_scope,
        )
        self._sent = 0
        attributes = {
            "VisibilityTimeout": str(int(queue.visibility_timeout.total_seconds())),
            "DelaySeconds": str(int(queue.delay.total_seconds())),
            "MessageRetentionPeriod": str(int(queue.retention.total_seconds())),
        }
        if queue.fifo:
            attributes["FifoQueue"] = "true"
        if queue.redrive is not None:
            arn, receives = queue.redrive
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": receives})
        self._url = self._sqs.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]

    @property
    def _sqs(self) -> Any:
        return self._backend.raw("sqs")

    def send(
        self,
        body: str,
        group: str | None,
        deduplication: str | None,
        attributes: Mapping[str, Any] | None,
        delay: timedelta | None = None,
    ) -> bool:
        """Whether it was kept; a duplicate is accepted and not delivered. Refused for what SQS refuses."""
        try:
            sent = self._gate.send(body, group=group, deduplication_id=deduplication, attributes=attributes, delay=delay)
        except queues.QueueError as error:
            raise Refused(str(error)) from error
        if not self._gate.messages():
            return False
        self._gate.purge()
        self._sent += 1
        call: dict[str, Any] = {"QueueUrl": self._url, "MessageBody": body}
        if attributes:
            call["MessageAttributes"] = dict(attributes)
        if delay is not None:
            call["DelaySeconds"] = int(delay.total_seconds())
        if self.queue.fifo:
            call["MessageGroupId"] = group
            call["MessageDeduplicationId"] = f"{sent.message_id}-{self._sent}"
        elif group is not None:
            call["MessageGroupId"] = group
        made = self._sqs.send_message(**call)
        self.lying[made["MessageId"]] = (body, group)
        heappush(self._looks, self._clock.now + (self.queue.delay if delay is None else delay))
        return True

    def receive(self, maximum: int) -> list[Record]:
        now = self._clock.now
        # moto shows a message again only after the instant at which its timeout ends: look a little later than that.
        late = 1 + max((taken.late for taken in self._taken.values() if taken.until <= now), default=-1)
        with self._backend.moved(timedelta(milliseconds=late)):
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=maximum,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
                WaitTimeSeconds=0,
            )
        messages = list(answer.get("Messages", ()))
        if self.queue.fifo:
            # SQS gives as many messages of one group as it can before it goes to the next; moto gives them as they came.
            groups = {group: place for place, group in reversed(list(enumerate(map(_group, messages))))}
            messages.sort(key=lambda message: groups[_group(message)])
        records: list[Record] = [queue_record_of_message(message, self.queue.arn) for message in messages]
        received = {record["messageId"] for record in records}
        # What was received too often and is visible again has just gone to the dead-letter queue instead.
        if self.queue.redrive is not None:
            dead, most = self.queue.redrive
            for message_id, taken in list(self._taken.items()):
                if taken.until <= now and taken.receives >= most and message_id not in received:
                    del self._taken[message_id]
                    body, group = self.lying.pop(message_id)
                    self._backend.buried(dead, message_id, body, group)
        if len(records) < maximum:  # else there may be more
            while self._looks and self._looks[0] <= now:
                heappop(self._looks)
        if records:
            until = now + self.queue.visibility_timeout
            for record in records:
                receives = int(record["attributes"]["ApproximateReceiveCount"])
                self._taken[record["messageId"]] = _Taken(record["receiptHandle"], until, receives, late)
            heappush(self._looks, until)
        return records

    def delete(self, receipts: Sequence[str]) -> None:
        by_receipt = {taken.receipt: message_id for message_id, taken in self._taken.items()}
        for start in range(0, len(receipts), 10):
            entries = [{"Id": str(n), "ReceiptHandle": receipt} for n, receipt in enumerate(receipts[start : start + 10])]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        for receipt in receipts:
            message_id = by_receipt.get(receipt)
            if message_id is not None:
                del self._taken[message_id]
                self.lying.pop(message_id, None)

    def next_visible_at(self) -> datetime | None:
        if not self._taken:
            # Nothing is in flight: only what was sent can still show itself.
            while len(self._looks) > 1 and not self.lying:
                heappop(self._looks)
        return self._looks[0] if self._looks and self.lying else None

    def take_all(self) -> list[tuple[str, str | None]]:
        taken: list[tuple[str, str | None]] = []
        while True:
            messages = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, AttributeNames=["All"]).get(
                "Messages", ()
            )
            if not messages:
                return taken
            for message in messages:
                taken.append((message["Body"], message.get("Attributes", {}).get("MessageGroupId")))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                self.lying.pop(message["MessageId"], None)
