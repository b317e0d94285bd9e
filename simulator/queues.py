"""SQS queues on the virtual clock, standard and FIFO: the twin that the memory backend runs on.

Source: the SQS API reference and developer guide. What SQS refuses is refused with its error code. A standard queue here
delivers in order and once per visibility timeout; SQS promises neither, and handlers must not rely on it. Not modelled:
long polling, in-flight quotas, receive-attempt ids, message timers above what DelaySeconds says.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from heapq import heappop, heappush
from typing import Any, Final, Literal, NamedTuple

MAXIMUM_MESSAGE: Final = 1024 * 1024
"""Bytes of body and attributes together: 1 MiB since August 2025 (256 KiB before, and still common in older texts)."""
MAXIMUM_DELAY: Final = timedelta(minutes=15)
MAXIMUM_VISIBILITY: Final = timedelta(hours=12)
MAXIMUM_BATCH: Final = 10
MAXIMUM_ATTRIBUTES: Final = 10
DEDUPLICATION_WINDOW: Final = timedelta(minutes=5)
DEFAULT_RETENTION: Final = timedelta(days=4)

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
# "Can contain up to 128 alphanumeric and punctuation characters": MessageGroupId and MessageDeduplicationId.
_TOKEN: Final = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")
_FORBIDDEN_IN_BODY: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class QueueError(Exception):
    """What SQS answers with an error; `code` is its error code, such as InvalidParameterValue."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Redrive:
    """A message received `maximum_receives` times and not deleted goes to `dead_letters` instead of being received."""

    dead_letters: Queue
    maximum_receives: int


class Sent(NamedTuple):
    """The answer to a send; `sequence` is set on FIFO queues. A duplicate gets the answer of the first."""

    message_id: str
    sequence: int | None


@dataclass(slots=True, eq=False)
class Message:
    """One message in a queue. Times are aware UTC; `attributes` are as sent (name to SQS's value object)."""

    message_id: str
    body: str
    sent: datetime
    sequence: int
    group: str | None = None
    deduplication_id: str | None = None
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    receives: int = 0
    first_received: datetime | None = None
    hidden_until: datetime | None = None
    in_flight: bool = False
    gone: bool = False
    receipt: str = ""
    kept_since: datetime | None = None
    """What retention counts from: a FIFO queue's dead-letter queue starts anew, a standard queue's does not."""


class Received(NamedTuple):
    """A message as one receive gave it; `receipt` deletes it."""

    receipt: str
    message_id: str
    body: str
    attributes: Mapping[str, Mapping[str, Any]]
    receives: int
    sent: datetime
    first_received: datetime
    group: str | None
    deduplication_id: str | None
    sequence: int | None


class Queue:
    """One queue. `now` reads the virtual clock, `new_id` gives message ids.

    `fifo` must agree with the name's `.fifo`. `deduplication_scope` is SQS's DeduplicationScope. Raises QueueError for a
    configuration that SQS refuses.
    """

    fifo: bool

    def __init__(
        self,
        name: str,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        *,
        fifo: bool = False,
        visibility_timeout: timedelta = timedelta(seconds=30),
        delay: timedelta = timedelta(0),
        retention: timedelta = DEFAULT_RETENTION,
        maximum_size: int = MAXIMUM_MESSAGE,
        content_based_deduplication: bool = False,
        deduplication_scope: Literal["queue", "messageGroup"] = "queue",
        redrive: Redrive | None = None,
    ) -> None:
        base = name.removesuffix(".fifo")
        if not _NAME.fullmatch(base) or len(name) > 80 or (base != name) is not fifo:
            raise _invalid(f"the name {name!r} of a {'FIFO' if fifo else 'standard'} queue")
        if not fifo and (content_based_deduplication or deduplication_scope != "queue"):
            raise QueueError("InvalidAttributeName", "deduplication is for FIFO queues")
        _between("VisibilityTimeout", visibility_timeout, timedelta(0), MAXIMUM_VISIBILITY)
        _between("DelaySeconds", delay, timedelta(0), MAXIMUM_DELAY)
        _between("MessageRetentionPeriod", retention, timedelta(minutes=1), timedelta(days=14))
        if not 1024 <= maximum_size <= MAXIMUM_MESSAGE:
            raise _invalid(f"MaximumMessageSize {maximum_size}")
        if redrive is not None and not 1 <= redrive.maximum_receives <= 1000:
            raise _invalid(f"maxReceiveCount {redrive.maximum_receives}")
        if redrive is not None and redrive.dead_letters.fifo is not fifo:
            raise _invalid("a dead-letter queue must be of the same type as its source")
        self.name = name
        self.fifo = fifo
        self.visibility_timeout = visibility_timeout
        self.redrive = redrive
        self._now = now
        self._new_id = new_id
        self._delay = delay
        self._retention = retention
        self._maximum_size = maximum_size
        self._by_content = content_based_deduplication
        self._by_group = deduplication_scope == "messageGroup"
        self._sequence = 0
        self._pushes = 0
        self._messages: dict[int, Message] = {}
        self._receipts: dict[str, Message] = {}
        self._hidden: list[tuple[datetime, int, Message]] = []
        self._ready: deque[Message] = deque()
        self._groups: dict[str, _Group] = {}
        self._ready_groups: list[tuple[int, str]] = []
        self._seen: dict[str | tuple[str, str], tuple[datetime, Sent]] = {}
        self.on_buried: Callable[[Message], object] | None = None
        """Told each message that this queue takes over as a dead-letter queue."""

    def send(
        self,
        body: str,
        *,
        group: str | None = None,
        deduplication_id: str | None = None,
        delay: timedelta | None = None,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Sent:
        """SendMessage. On a FIFO queue a duplicate within five minutes is accepted and not delivered."""
        self._check(body, attributes or {})
        now = self._now()
        if self.fifo:
            return self._send_fifo(body, group, deduplication_id, delay, attributes or {}, now)
        if deduplication_id is not None:
            raise _invalid("MessageDeduplicationId is for FIFO queues")
        if group is not None:
            _check_token("MessageGroupId", group)
        if delay is not None:
            _between("DelaySeconds", delay, timedelta(0), MAXIMUM_DELAY)
        message = self._add(Message(self._new_id(), body, now, 0, group, attributes=attributes or {}))
        wait = self._delay if delay is None else delay
        if wait > timedelta(0):
            self._hide(message, now + wait)
        else:
            self._ready.append(message)
        return Sent(message.message_id, None)

    def receive(self, maximum: int = 1, visibility_timeout: timedelta | None = None) -> list[Received]:
        """ReceiveMessage: up to `maximum` (1 to 10) messages, hidden for the visibility timeout from now.

        A FIFO group with a message in flight gives nothing. What has been received too often is moved to the dead-letter
        queue on the way.
        """
        if not 1 <= maximum <= MAXIMUM_BATCH:
            raise _invalid(f"MaxNumberOfMessages {maximum}: must be between 1 and {MAXIMUM_BATCH}")
        if visibility_timeout is not None:
            _between("VisibilityTimeout", visibility_timeout, timedelta(0), MAXIMUM_VISIBILITY)
        now = self._now()
        until = now + (self.visibility_timeout if visibility_timeout is None else visibility_timeout)
        self._reveal(now)
        return self._take_groups(maximum, now, until) if self.fifo else self._take(maximum, now, until)

    def delete(self, receipt: str) -> None:
        """DeleteMessage. Only the latest receipt deletes; an older one is accepted and does nothing.

        On a FIFO queue a receipt whose visibility timeout has passed is refused.
        """
        message = self._by_receipt(receipt)
        if message is None or message.gone:
            return
        self._reveal(self._now())
        if self.fifo and not message.in_flight:
            raise _invalid("ReceiptHandle: The receipt handle has expired.")
        self._remove(message)

    def change_visibility(self, receipt: str, timeout: timedelta) -> None:
        """ChangeMessageVisibility: the rest of the timeout counts from now; zero makes the message visible at once."""
        _between("VisibilityTimeout", timeout, timedelta(0), MAXIMUM_VISIBILITY)
        message = self._by_receipt(receipt)
        now = self._now()
        self._reveal(now)
        if message is None or message.gone or not message.in_flight or message.first_received is None:
            raise QueueError("MessageNotInflight", f"the message of receipt {receipt!r} is not in flight")
        self._hide(message, now + timeout)
        self._reveal(now)

    def next_visible_at(self) -> datetime | None:
        """When a receive is next worth it: now if one would do something, else the next change; None when empty."""
        now = self._now()
        self._reveal(now)
        if self.fifo:
            if self._next_group(now) is not None:
                return now
        else:
            while self._ready and self._is_over(self._ready[0], now):
                self._ready.popleft()
            if self._ready:
                return now
        hidden = self._hidden
        while hidden and (hidden[0][2].gone or hidden[0][2].hidden_until != hidden[0][0]):
            heappop(hidden)
        return hidden[0][0] if hidden else None

    def messages(self) -> list[Message]:
        """Everything in the queue, visible or not, in the order it was sent; for reading."""
        now = self._now()
        return [message for message in list(self._messages.values()) if not self._is_over(message, now)]

    def purge(self) -> None:
        """PurgeQueue. The deduplication window stays."""
        for message in list(self._messages.values()):
            self._remove(message)

    # --- sending

    def _check(self, body: str, attributes: Mapping[str, Mapping[str, Any]]) -> None:
        if not body:
            raise QueueError("MissingParameter", "The request must contain the parameter MessageBody.")
        if len(attributes) > MAXIMUM_ATTRIBUTES:
            raise _invalid(f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum")
        if not (body.isascii() and body.isprintable()) and _FORBIDDEN_IN_BODY.search(body):
            raise QueueError("InvalidMessageContents", "Invalid characters found in the message body")
        # A character is at most four bytes, so short messages need no encoding to be measured.
        if len(body) * 4 > self._maximum_size or attributes:
            size = len(body.encode()) + sum(_attribute_size(name, value) for name, value in attributes.items())
            if size > self._maximum_size:
                raise _invalid(f"the message must be at most {self._maximum_size} bytes, it has {size}")

    def _send_fifo(
        self,
        body: str,
        group: str | None,
        deduplication_id: str | None,
        delay: timedelta | None,
        attributes: Mapping[str, Mapping[str, Any]],
        now: datetime,
    ) -> Sent:
        if delay is not None:
            raise _invalid("DelaySeconds: per-message delay is not valid for FIFO queues")
        if group is None:
            raise QueueError("MissingParameter", "The request must contain the parameter MessageGroupId.")
        _check_token("MessageGroupId", group)
        if deduplication_id is None:
            if not self._by_content:
                raise _invalid("the queue should have ContentBasedDeduplication enabled or MessageDeduplicationId provided")
            deduplication_id = sha256(body.encode()).hexdigest()
        else:
            _check_token("MessageDeduplicationId", deduplication_id)
        self._forget_seen(now)
        key = (group, deduplication_id) if self._by_group else deduplication_id
        seen = self._seen.get(key)
        if seen is not None:
            return seen[1]
        message = self._add(Message(self._new_id(), body, now, 0, group, deduplication_id, attributes))
        sent = Sent(message.message_id, message.sequence)
        self._seen[key] = (now + DEDUPLICATION_WINDOW, sent)
        self._enter_group(message)
        if self._delay > timedelta(0):
            self._hide(message, now + self._delay)
        return sent

    def _forget_seen(self, now: datetime) -> None:
        seen = self._seen
        while seen:
            oldest = next(iter(seen))
            if seen[oldest][0] > now:
                return
            del seen[oldest]

    def _add(self, message: Message) -> Message:
        self._sequence += 1
        message.sequence = self._sequence
        if message.kept_since is None:
            message.kept_since = message.sent
        self._messages[message.sequence] = message
        return message

    def _enter_group(self, message: Message) -> None:
        name = message.group or ""
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group()
        group.messages.append(message)
        if len(group.messages) == 1:
            heappush(self._ready_groups, (message.sequence, name))

    # --- receiving

    def _take(self, maximum: int, now: datetime, until: datetime) -> list[Received]:
        received: list[Received] = []
        ready = self._ready
        while ready and len(received) < maximum:
            message = ready.popleft()
            if not self._is_over(message, now) and not self._is_dead(message):
                received.append(self._give(message, now, until))
        return received

    def _take_groups(self, maximum: int, now: datetime, until: datetime) -> list[Received]:
        received: list[Received] = []
        while len(received) < maximum and (name := self._next_group(now)) is not None:
            heappop(self._ready_groups)
            waiting = self._groups[name].messages
            given: list[Message] = []
            while len(given) < len(waiting) and len(received) + len(given) < maximum:
                message = waiting[len(given)]
                if (message.hidden_until or now) > now:
                    break
                if not self._is_over(message, now) and not self._is_dead(message):
                    given.append(message)
            received += [self._give(message, now, until) for message in given]
        return received

    def _next_group(self, now: datetime) -> str | None:
        """The group whose first message is the oldest that can be received now."""
        ready = self._ready_groups
        while ready:
            sequence, name = ready[0]
            group = self._groups.get(name)
            while group is not None and group.messages and self._is_over(group.messages[0], now):
                group = self._groups.get(name)
            head = group.messages[0] if group is not None and group.messages else None
            if group is not None and head is not None and not group.in_flight and (head.hidden_until or now) <= now:
                if head.sequence == sequence:
                    return name
                heappop(ready)
                heappush(ready, (head.sequence, name))
            else:
                heappop(ready)
        return None

    def _give(self, message: Message, now: datetime, until: datetime) -> Received:
        message.receives += 1
        if message.first_received is None:
            message.first_received = now
        if message.receipt:
            del self._receipts[message.receipt]
        message.receipt = f"{message.message_id}#{self.name}#{message.receives}"
        self._receipts[message.receipt] = message
        message.in_flight = True
        if self.fifo:
            self._groups[message.group or ""].in_flight += 1
        self._hide(message, until)
        return Received(
            receipt=message.receipt,
            message_id=message.message_id,
            body=message.body,
            attributes=message.attributes,
            receives=message.receives,
            sent=message.sent,
            first_received=message.first_received,
            group=message.group,
            deduplication_id=message.deduplication_id,
            sequence=message.sequence if self.fifo else None,
        )

    def _hide(self, message: Message, until: datetime) -> None:
        message.hidden_until = until
        self._pushes += 1
        heappush(self._hidden, (until, self._pushes, message))

    def _reveal(self, now: datetime) -> None:
        """Make visible what is hidden no longer."""
        hidden = self._hidden
        while hidden and hidden[0][0] <= now:
            until, _, message = heappop(hidden)
            if message.gone or message.hidden_until != until:
                continue
            message.hidden_until = None
            if not self.fifo:
                message.in_flight = False
                self._ready.append(message)
                continue
            self._release(message)

    def _release(self, message: Message) -> None:
        name = message.group or ""
        group = self._groups[name]
        if message.in_flight:
            message.in_flight = False
            group.in_flight -= 1
        if group.messages and not group.in_flight:
            heappush(self._ready_groups, (group.messages[0].sequence, name))

    # --- leaving

    def _is_over(self, message: Message, now: datetime) -> bool:
        """Whether it is no longer there, dropping it when its retention has passed."""
        if message.gone:
            return True
        if message.kept_since is not None and now - message.kept_since >= self._retention:
            self._remove(message)
            return True
        return False

    def _is_dead(self, message: Message) -> bool:
        """Whether it was received too often, moving it to the dead-letter queue."""
        if self.redrive is None or message.receives < self.redrive.maximum_receives:
            return False
        self._remove(message)
        self.redrive.dead_letters._adopt(message)
        return True

    def _adopt(self, message: Message) -> None:
        moved = Message(
            message.message_id,
            message.body,
            message.sent,
            0,
            message.group,
            message.deduplication_id,
            message.attributes,
            # "Returns the number of times a message has been received across all queues but not deleted."
            receives=message.receives,
            first_received=message.first_received,
            kept_since=self._now() if self.fifo else message.kept_since,
        )
        self._add(moved)
        if self.fifo:
            self._enter_group(moved)
        else:
            self._ready.append(moved)
        if self.on_buried is not None:
            self.on_buried(moved)

    def _remove(self, message: Message) -> None:
        message.gone = True
        del self._messages[message.sequence]
        self._receipts.pop(message.receipt, None)
        if not self.fifo:
            return
        name = message.group or ""
        group = self._groups[name]
        if group.messages[0] is message:
            group.messages.popleft()
        else:
            group.messages.remove(message)
        if message.in_flight:
            message.in_flight = False
            group.in_flight -= 1
        if not group.messages:
            del self._groups[name]
        elif not group.in_flight:
            heappush(self._ready_groups, (group.messages[0].sequence, name))

    def _by_receipt(self, receipt: str) -> Message | None:
        """The message of a current receipt, None for one that was current once."""
        message = self._receipts.get(receipt)
        if message is None and f"#{self.name}#" not in receipt:
            raise QueueError("ReceiptHandleIsInvalid", f"The input receipt handle is invalid: {receipt!r}")
        return message


@dataclass(slots=True)
class _Group:
    """The messages of one FIFO group, oldest first, and how many of them are in flight."""

    messages: deque[Message] = field(default_factory=deque)
    in_flight: int = 0


def _attribute_size(name: str, value: Mapping[str, Any]) -> int:
    content = value.get("StringValue", value.get("BinaryValue", ""))
    content_size = len(content) if isinstance(content, bytes) else len(str(content).encode())
    return len(name.encode()) + len(str(value.get("DataType", "")).encode()) + content_size


def _check_token(parameter: str, value: str) -> None:
    if not _TOKEN.fullmatch(value):
        raise _invalid(f"{parameter} must be 1 to 128 alphanumeric and punctuation characters, not {value!r}")


def _between(parameter: str, value: timedelta, low: timedelta, high: timedelta) -> None:
    if not low <= value <= high:
        raise _invalid(f"{parameter} must be between {low} and {high}, not {value}")


def _invalid(message: str) -> QueueError:
    return QueueError("InvalidParameterValue", message)
