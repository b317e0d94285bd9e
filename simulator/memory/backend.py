"""The memory backend: the twins behind the ports, and the queues and tables that the local cloud's pollers read."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aftercare.keys import TableName
from aftercare.outside import Outside
from aftercare.settings import Settings
from aftercare.table import Item
from simulator import queues
from simulator.event_source_mapping import Record, StreamSettings, queue_record
from simulator.memory.outside import MemoryOutside
from simulator.memory.refusal import Refused
from simulator.memory.tables import ChangeRecord, MemoryTables, StreamImage, stream_image
from simulator.template import Queue, Table
from simulator.template_intrinsics import TemplateError

if TYPE_CHECKING:
    from simulator.cloud import LocalCloud

GARBAGE_THRESHOLD: Final = 100_000


class MemoryBackend:
    """Queues are simulator.queues, tables simulator.memory.tables."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        # A whole-store run keeps millions of small objects; to look at them for cycles again and again takes a fifth of its
        # time. So garbage is collected less often while this cloud is open.
        self._threshold = gc.get_threshold()
        gc.set_threshold(max(GARBAGE_THRESHOLD, self._threshold[0]), *self._threshold[1:])
        clock = cloud.clock
        template = cloud.template
        self._roles: dict[str, TableName] = table_roles(cloud)
        keys_only = True
        for table in template.tables:
            if table.name not in self._roles:
                raise TemplateError(table.logical_id, "the memory backend has a twin of CustomerTable and KnowledgeTable only")
            projected = table.indexes.get("due", ())
            keys_only = keys_only and projected is not None
        self.tables = MemoryTables(lambda: clock.now, keys_only=keys_only, faults=cloud.faults)
        self.tables.on_due = cloud.due_changed
        self._pending: dict[str, list[ChangeRecord]] = {}
        for table in template.tables:
            role = self._roles[table.name]
            if table.stream_arn is not None:
                self._pending[table.name] = []
            self.tables.listen(role, self._listener(table, role == "customers", self._pending.get(table.name)))
        self._queues: dict[str, queues.Queue] = {}
        dead = {queue.redrive[0] for queue in template.queues if queue.redrive is not None}
        for queue in sorted(template.queues, key=lambda queue: queue.redrive is not None):
            self._queues[queue.arn] = self._queue(queue)
            if queue.arn in dead:
                self._queues[queue.arn].on_buried = partial(self._buried, queue)

    def _queue(self, queue: Queue) -> queues.Queue:
        redrive = None
        if queue.redrive is not None:
            if queue.redrive[0] not in self._queues:
                raise TemplateError(queue.logical_id, "its dead-letter queue is no queue of the template, or has one itself")
            redrive = queues.Redrive(self._queues[queue.redrive[0]], queue.redrive[1])
        return queues.Queue(
            queue.name,
            lambda: self._cloud.clock.now,
            self._cloud.message_ids,
            fifo=queue.fifo,
            visibility_timeout=queue.visibility_timeout,
            delay=queue.delay,
            retention=queue.retention,
            maximum_size=int(queue.properties.get("MaximumMessageSize", queues.MAXIMUM_MESSAGE)),
            content_based_deduplication=queue.content_based_deduplication,
            deduplication_scope=queue.deduplication_scope,
            redrive=redrive,
        )

    def _buried(self, queue: Queue, message: queues.Message) -> None:
        self._cloud.buried(queue, message.body)

    # ------------------------------------------------------------ what the local cloud asks for

    def outside(self, settings: Settings) -> Outside:
        return MemoryOutside(settings, self._cloud)

    def send(
        self,
        queue: Queue,
        body: str,
        group: str | None = None,
        deduplication: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        delay: timedelta | None = None,
    ) -> None:
        try:
            self._queues[queue.arn].send(body, group=group, deduplication_id=deduplication, attributes=attributes, delay=delay)
        except queues.QueueError as error:
            raise Refused(str(error)) from error
        self._cloud.queue_changed(queue.arn)

    def source(
        self, queue: Queue
    ) -> tuple[Callable[[int], Sequence[Record]], Callable[[Sequence[str]], object], Callable[[], datetime | None]]:
        twin, arn = self._queues[queue.arn], queue.arn

        def receive(maximum: int) -> list[Record]:
            return [queue_record(received, arn) for received in twin.receive(maximum)]

        def delete(receipts: Sequence[str]) -> None:
            for receipt in receipts:
                twin.delete(receipt)

        return receive, delete, twin.next_visible_at

    def bodies(self, queue: Queue) -> list[str]:
        return [message.body for message in self._queues[queue.arn].messages()]

    def take_all(self, queue: Queue) -> list[tuple[str, str | None]]:
        twin = self._queues[queue.arn]
        taken = [(message.body, message.group) for message in twin.messages()]
        twin.purge()
        return taken

    def stream(self, table: Table, settings: StreamSettings) -> Callable[[], list[Record]]:
        pending, passes = self._pending[table.name], settings.passes
        view = str(table.stream_view)
        source = {
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": str(table.stream_arn).split(":")[3],
            "eventSourceARN": str(table.stream_arn),
        }

        def shown(change: ChangeRecord) -> Record:
            if settings.items_alone:
                return {"eventName": change.what, "dynamodb": _of_item(change, view, StreamImage)}
            return _stream_record(change, view, source, StreamImage)

        def take() -> list[Record]:
            # A filter lets few through, and looks at little: only those are written out.
            let_through = [change for change in pending if passes(shown(change))]
            records = [_stream_record(change, view, source, stream_image) for change in let_through]
            pending.clear()
            return records

        return take

    def items(self, table: Table) -> Iterator[Item]:
        return self.tables.items(self._roles[table.name])

    def earliest_due(self) -> str | None:
        return self.tables.earliest_due()

    def catch_up(self) -> None:
        """Changes are told as they happen."""

    def before_handler(self) -> None:
        """Nothing lags behind the clock."""

    def enter(self) -> None:
        """Nothing to prepare."""

    def leave(self) -> None:
        """Nothing to put back."""

    def put_parameter(self, name: str, text: str) -> None:
        """The local cloud keeps them."""

    def close(self) -> None:
        gc.set_threshold(*self._threshold)

    # ------------------------------------------------------------ inside

    def _listener(self, table: Table, journaled: bool, pending: list[ChangeRecord] | None) -> Callable[[ChangeRecord], None]:
        cloud = self._cloud

        def changed(change: ChangeRecord) -> None:
            _, _, key, old, new, at = change
            if journaled and new is not None:
                cloud.journal.changed(at, key.pk, key.sk, old is not None, new)
            # Who reads the stream has been woken by the first change that waits, and takes all that wait by then.
            if pending is not None and (pending or cloud.table_changed(table)):
                pending.append(change)

        return changed


def table_roles(cloud: LocalCloud) -> dict[str, TableName]:
    """Which table is which, by the environment variables that name them (or by their logical ids)."""
    roles: dict[str, TableName] = {}
    for table in cloud.template.tables:
        if table.logical_id == "CustomerTable":
            roles[table.name] = "customers"
        elif table.logical_id == "KnowledgeTable":
            roles[table.name] = "knowledge"
    for function in cloud.template.functions.values():
        if function.environment.get("CUSTOMER_TABLE"):
            roles[function.environment["CUSTOMER_TABLE"]] = "customers"
        if function.environment.get("KNOWLEDGE_TABLE"):
            roles[function.environment["KNOWLEDGE_TABLE"]] = "knowledge"
    return roles


def _of_item(change: ChangeRecord, view: str, image: Callable[[Item], Mapping[str, Any]]) -> dict[str, Any]:
    """The item that changed, and how it was and is; `image` is how the items in it are told."""
    _, pk, sk = change.key
    told: dict[str, Any] = {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}
    if change.new is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        told["NewImage"] = image(change.new)
    if change.old is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
        told["OldImage"] = image(change.old)
    return told


def _stream_record(
    change: ChangeRecord, view: str, source: Mapping[str, str], image: Callable[[Item], Mapping[str, Any]]
) -> Record:
    """A change as Lambda gives it to a function."""
    told = {
        "ApproximateCreationDateTime": change.at.timestamp(),
        "SequenceNumber": f"{change.sequence}",
        "SizeBytes": 0,
        "StreamViewType": view,
        **_of_item(change, view, image),
    }
    return {
        "eventID": f"{change.sequence:032x}",
        "eventName": change.what,
        "dynamodb": told,
        **source,
    }
