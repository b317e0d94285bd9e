"""All ports of a function in memory: the twins over the local cloud's services."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn, Protocol

from aftercare.clock import Clock, Ids, iso
from aftercare.keys import Key, TableName
from aftercare.outgoing import Chat, Push, Text
from aftercare.outside import Accepted, Busy, Mail, NotThere, Outside, Rejected, SendOutcome, Uncertain
from aftercare.providers import (
    BUSY,
    Refuses,
    chat_call,
    chat_refused,
    mail_refused,
    push_call,
    push_refused,
    refused,
    text_call,
    text_refused,
)
from aftercare.rate import Quota
from aftercare.settings import Settings
from aftercare.table import Item, Write
from aftercare.webhook import Webhooks
from simulator.event_bus import EventBuses, PutResult
from simulator.faults import Fault, FaultPort
from simulator.mailbox import Mailbox
from simulator.memory.refusal import Refused
from simulator.memory.tables import MemoryTables
from simulator.phones import Phones, ProviderSays
from simulator.schedules import ScheduleExists, ScheduleMissing, Scheduler
from simulator.state_language import ExecutionAlreadyExists


class Unavailable(Exception):
    """The call failed on its way; who called cannot tell more, as with an error of the SDK."""


class Services(Protocol):
    """What the twins need of the local cloud."""

    eager_mail: bool

    @property
    def clock_port(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def tables(self) -> MemoryTables: ...
    @property
    def buses(self) -> EventBuses: ...
    @property
    def scheduler(self) -> Scheduler: ...
    @property
    def mailbox(self) -> Mailbox: ...
    @property
    def phones(self) -> Phones: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def faults(self) -> FaultPort | None: ...

    def principal(self) -> str: ...
    def send_by_url(
        self, url: str, body: str, group: str | None, deduplication: str | None, delay: timedelta | None = None
    ) -> None: ...
    def start_execution(self, machine_arn: str, name: str, text: str) -> str: ...
    def stop_execution(self, machine_arn: str, name: str) -> None: ...
    def secret_text(self, name: str) -> str | None: ...
    def told(self, entries: Sequence[Mapping[str, Any]], results: Sequence[PutResult]) -> None: ...


class MemoryOutside(Outside):
    """The composition root of the memory backend, for one function's settings."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self.settings = settings
        self.clock = services.clock_port
        self.ids = services.ids
        granted: set[TableName] = set()
        if settings.customer_table:
            granted.add("customers")
        if settings.knowledge_table:
            granted.add("knowledge")
        self.tables = services.tables if len(granted) == 2 else GrantedTables(services.tables, frozenset(granted))
        self.bus = MemoryBus(services)
        self.queues = MemoryQueues(services)
        self.waits = MemoryWaits(services)
        self.slots = MemorySlots(services, settings)
        self.mail = MemoryMail(services, settings)
        self.texts = MemoryTexts(services, settings)
        self.pushes = MemoryPushes(services)
        self.chats = MemoryChats(services, settings)
        self.webhooks = services.webhooks
        self.secrets = MemorySecrets(services)


def _through(services: Services, name: str, apply: Any, answer: Any) -> Any:
    return apply() if services.faults is None else services.faults.run(name, apply, answer)


def _unavailable(fault: Fault) -> NoReturn:
    raise Unavailable(fault.value)


class GrantedTables:
    """The tables that a function's environment names; another is a KeyError, as it is with the real adapter."""

    def __init__(self, tables: MemoryTables, granted: frozenset[TableName]) -> None:
        self._tables = tables
        self._granted = granted

    def _need(self, table: TableName) -> None:
        if table not in self._granted:
            raise KeyError(table)

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        for key in keys:
            self._need(key.table)
        return self._tables.read(keys)

    def partition(self, table: TableName, pk: str, prefix: str, most: int | None = None, *, expired: bool = False) -> list[Item]:
        self._need(table)
        return self._tables.partition(table, pk, prefix, most, expired=expired)

    def page(self, table: TableName, pk: str, prefix: str, after: str | None, limit: int) -> list[Item]:
        self._need(table)
        return self._tables.page(table, pk, prefix, after, limit)

    def write(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._need(write.key.table)
        self._tables.write(writes)

    def due(self, kind: str, until: str, limit: int) -> list[Item]:
        self._need("customers")
        return self._tables.due(kind, until, limit)

    def owned(self, customer_id: str) -> list[Key]:
        self._need("customers")
        return self._tables.owned(customer_id)


class MemoryBus:
    """PutEvents (port: aftercare.outside.Bus)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def put(self, entries: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        def answer(fault: Fault) -> tuple[int, ...]:
            if fault is Fault.REFUSED:  # EventBridge keeps some entries and not others, and answers 200
                kept = entries[:-1]
                return (*(self._put(kept) if kept else ()), len(entries) - 1)
            _unavailable(fault)

        answered: tuple[int, ...] = _through(self._services, "bus.put", lambda: self._put(entries), answer)
        return answered

    def _put(self, entries: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        services = self._services
        results = services.buses.put(entries, services.principal())
        services.told(entries, results)
        return tuple(n for n, result in enumerate(results) if result.error_code)


class MemoryQueues:
    """SendMessage (port: aftercare.outside.Queues)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def send(
        self, url: str, body: str, group: str | None = None, deduplication: str | None = None, delay: timedelta | None = None
    ) -> None:
        services = self._services
        if services.faults is None:
            services.send_by_url(url, body, group or None, deduplication or None, delay)
            return
        services.faults.run(
            "queues.send", lambda: services.send_by_url(url, body, group or None, deduplication or None, delay), _unavailable
        )


class MemoryWaits:
    """StartExecution and StopExecution (port: aftercare.outside.Waiting)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(self, state_machine: str, name: str, due_at: datetime, payload: Mapping[str, Any]) -> bool:
        text = json.dumps({"due_at": iso(due_at), **payload})

        def apply() -> bool:
            try:
                self._services.start_execution(state_machine, name, text)
            except ExecutionAlreadyExists:
                return False
            return True

        started: bool = _through(self._services, "waits.start", apply, _unavailable)
        return started

    def stop(self, state_machine: str, name: str) -> None:
        _through(self._services, "waits.stop", lambda: self._services.stop_execution(state_machine, name), _unavailable)


class MemorySlots:
    """CreateSchedule, else UpdateSchedule; DeleteSchedule (port: aftercare.outside.Slots)."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings

    def set(self, customer_id: str, at: datetime) -> None:
        schedule = {
            "Name": f"slot-{customer_id}",
            "GroupName": self._settings.need("slot_schedule_group"),
            "ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": self._settings.need("gate_queue_arn"),
                "RoleArn": self._settings.need("slot_schedule_role"),
                "Input": json.dumps({"slot": {"customer_id": customer_id, "at": iso(at)}}),
                "SqsParameters": {"MessageGroupId": customer_id},
            },
        }

        def apply() -> None:
            try:
                self._services.scheduler.create(schedule)
            except ScheduleExists:
                self._services.scheduler.update(schedule)

        _through(self._services, "slots.set", apply, _unavailable)

    def clear(self, customer_id: str) -> None:
        group = self._settings.need("slot_schedule_group")

        def apply() -> None:
            with suppress(ScheduleMissing):
                self._services.scheduler.delete(f"slot-{customer_id}", group)

        _through(self._services, "slots.clear", apply, _unavailable)


class MemoryMail:
    """SendEmail, one wire attempt (port: aftercare.outside.Mailer)."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings

    def send(self, mail: Mail) -> SendOutcome:
        services = self._services
        configuration_set = self._settings.need("configuration_set")

        def apply() -> SendOutcome:
            mailbox = services.mailbox
            mailbox.attempt(mail.tags)
            code = mailbox.refuses(mail.recipient) if mailbox.refuses is not None else None
            if code is not None:
                return refusal(code)
            raw = mail.mime() if services.eager_mail else None
            try:
                taken = mailbox.take(mail.sender, mail.recipient, mail.tags, configuration_set, mail=mail, raw=raw)
            except Refused:
                return Rejected("BadRequestException")
            return Accepted(taken.provider_id)

        def answer(fault: Fault) -> SendOutcome:
            if fault is not Fault.REPLY_LOST:  # then apply() has counted it
                services.mailbox.attempt(mail.tags)
            return provider_answer(fault)

        outcome: SendOutcome = _through(services, "mail.send", apply, answer)
        return outcome

    def quota(self, now: datetime) -> Quota:
        per_second, per_day, sent_today = self._services.mailbox.quota()
        return Quota(per_second=per_second, per_day=per_day, sent_today=sent_today, read_at=now)


def refusal(code: str) -> SendOutcome:
    """What the mailer makes of the provider's error code."""
    return refused(code, 429 if code in BUSY else 400, {}, mail_refused)


def provider_answer(fault: Fault) -> SendOutcome:
    """What the mailer says after a fault at the provider."""
    if fault is Fault.THROTTLED:
        return Busy("TooManyRequestsException")
    if fault in (Fault.REFUSED, Fault.CONFLICT):
        return Rejected("MessageRejected")
    return Uncertain("ReadTimeoutError")


REFUSALS: Final = {
    "texts.send": "INVALID_PARAMETER",
    "pushes.send": "InvalidParameter",
    "chats.send": "InvalidParametersException",
}
"""How each of these providers refuses a message for good."""


def _send(services: Services, name: str, message_id: str, call: Callable[[], str], refuses: Refuses) -> SendOutcome:
    """One attempt at a provider of phones, its answer or its fault sorted as the adapter does."""

    def apply() -> SendOutcome:
        try:
            return Accepted(call())
        except ProviderSays as said:
            return refused(said.code, 429 if said.code in BUSY else 400, {"Reason": said.reason}, refuses)

    def answer(fault: Fault) -> SendOutcome:
        if fault is not Fault.REPLY_LOST:  # then apply() has counted it
            services.phones.attempts[message_id] += 1
        if fault is Fault.THROTTLED:
            return Busy("ThrottlingException")
        return Rejected(REFUSALS[name]) if fault in (Fault.REFUSED, Fault.CONFLICT) else Uncertain("ReadTimeoutError")

    outcome: SendOutcome = _through(services, name, apply, answer)
    return outcome


class MemoryTexts:
    """SendTextMessage (port: aftercare.outside.Provider[Text])."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings

    def send(self, message: Text) -> SendOutcome:
        asked, phones = text_call(message, self._settings), self._services.phones
        message_id = message.context.get("aftercare-message", "")
        return _send(self._services, "texts.send", message_id, lambda: phones.send_text_message(asked), text_refused)


class MemoryPushes:
    """Publish to one platform endpoint (port: aftercare.outside.Provider[Push])."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def send(self, message: Push) -> SendOutcome:
        asked, phones = push_call(message), self._services.phones
        message_id = message.data.get("aftercare-message", "")
        return _send(self._services, "pushes.send", message_id, lambda: phones.publish(asked), push_refused)


class MemoryChats:
    """SendWhatsAppMessage (port: aftercare.outside.Provider[Chat])."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings

    def send(self, message: Chat) -> SendOutcome:
        asked, phones = chat_call(message, self._settings), self._services.phones
        return _send(self._services, "chats.send", message.message_id, lambda: phones.send_whatsapp_message(asked), chat_refused)


class MemorySecrets:
    """Secrets and parameters by name or ARN (port: aftercare.outside.Secrets)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def text(self, name: str) -> str:
        text = self._services.secret_text(name)
        if text is None:
            raise NotThere(f"parameter {name} is not there")
        return text
