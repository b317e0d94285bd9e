"""The local cloud: the deployed template, handlers and state machines in one process on one virtual clock.

    with LocalCloud("memory", seed=7, switch="on", ssm={"/aftercare/shopify-secrets": "secret"}) as cloud:
        order = {"Source": "store.coffee", "DetailType": "OrderPlaced", "Detail": "{...}", "EventBusName": cloud.store_bus}
        cloud.put_events([order])
        cloud.advance(days=30)
        cloud.messages()

Nothing happens by itself: what is due runs in `run()` (what is due now) and `advance()`. One engine (buses, pollers,
schedules, workflows, the HTTP API, the mail provider) drives both backends. `memory` stands on behaving twins of the ports;
`moto` on the real adapters of aftercare.aws over moto. One seed gives one journal on both.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from aftercare import keys, telemetry
from aftercare import outside as outside_module
from aftercare import settings as settings_module
from aftercare.outside import Outside
from aftercare.settings import Settings
from aftercare.switch import Mode, Switch
from aftercare.table import Item, Put
from simulator import state_language
from simulator.event_bus import Deliveries, DeliveryFailed, EventBuses, PutResult
from simulator.event_source_mapping import QueueMapping, QueueSettings, Record, StreamMapping, StreamSettings
from simulator.faults import FaultPlan, FaultPort
from simulator.http_api import HttpApi, HttpResponse
from simulator.journal import Journal, state_digest
from simulator.lambda_runtime import FunctionError, FunctionMissing, Handler, LambdaRuntime
from simulator.mailbox import Mailbox, MailTaken
from simulator.memory.backend import MemoryBackend, table_roles
from simulator.memory.refusal import Refused
from simulator.memory.tables import MemoryTables
from simulator.phones import Phones, Taken, chat_notification, text_notification
from simulator.pollers import QueuePoller, StreamPoller
from simulator.receivers import Receivers, WebhookTaken, Wire
from simulator.schedules import ScheduledRules, Scheduler
from simulator.seeded import SeededIds, ServiceIds, VirtualNow, secret_text, stream
from simulator.state_language import Execution, Executions, Raised, Returned, StateMachine
from simulator.template import ACCOUNT, REGION, Function, Queue, Rule, SourceMapping, Table, Target, Template, load
from simulator.template_intrinsics import TemplateError
from simulator.virtual_clock import VirtualClock

ROOT: Final = Path(__file__).resolve().parent.parent
START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

LOCAL_PARAMETERS: Final[Mapping[str, str]] = {
    "SenderAddress": "orders@shop.example",
    "PostalAddress": "Example Shop, 1 Example Street, 12345 Example",
}
"""For the parameters of the template that have no default."""

ASYNC_RETRIES: Final = (timedelta(minutes=1), timedelta(minutes=2))
"""An asynchronous invocation that failed is tried twice more ("Error handling for asynchronous invocation")."""

ASYNC_PAYLOAD: Final = 1024 * 1024

STORE_PRINCIPAL: Final = f"arn:aws:iam::{ACCOUNT}:user/store"


class Backend(Protocol):
    """What the engine needs of a backend."""

    @property
    def tables(self) -> Any: ...
    def outside(self, settings: Settings) -> Outside: ...
    def send(
        self,
        queue: Queue,
        body: str,
        group: str | None = None,
        deduplication: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        delay: timedelta | None = None,
    ) -> None: ...
    def source(self, queue: Queue) -> tuple[Any, Any, Any]: ...
    def bodies(self, queue: Queue) -> list[str]: ...
    def take_all(self, queue: Queue) -> list[tuple[str, str | None]]: ...
    def stream(self, table: Table, settings: StreamSettings) -> Any: ...
    def items(self, table: Table) -> Iterator[Item]: ...
    def earliest_due(self) -> str | None: ...
    def catch_up(self) -> None: ...
    def before_handler(self) -> None: ...
    def enter(self) -> None: ...
    def leave(self) -> None: ...
    def put_parameter(self, name: str, text: str) -> None: ...
    def close(self) -> None: ...


class LocalCloud:
    """One deployed stage.

    template     path of the SAM template (default: the project's own)
    parameters   template parameters; SenderAddress and PostalAddress have local defaults
    seed         of all ids, secrets and jitter; `start` is the instant at which it is deployed
    ssm          SSM parameters by name: what the operator creates by hand, such as the webhook secrets
    switch       writes the kill switch for every purpose and channel (off, dry, on); None leaves a new stage as it is
    handlers     callables in place of the handlers that the template names, by logical id or package (tests)
    faults       a FaultPlan over the effects of all handlers
    sweeps       when-due: a scheduled function that may only look for what is due is not invoked when nothing is
    eager_mail   build each mail's MIME when it is sent, as SES would need it, instead of when somebody looks (memory)
    provider_events   whether the provider tells the default bus what became of a mail
    log_level    of the handlers; WARNING on memory, INFO on moto where not given
    """

    def __init__(
        self,
        backend: Literal["memory", "moto"] = "memory",
        *,
        template: Path | None = None,
        parameters: Mapping[str, str] | None = None,
        seed: int | str = 0,
        start: datetime = START,
        ssm: Mapping[str, str] | None = None,
        switch: str | None = None,
        handlers: Mapping[str, Handler] | None = None,
        faults: FaultPlan | None = None,
        sweeps: Literal["when-due", "always"] = "when-due",
        eager_mail: bool = False,
        provider_events: bool = True,
        log_level: str | None = None,
        metrics: bool | None = None,
    ) -> None:
        self.backend_name = backend
        self.seed = seed
        self.template = _loaded(template or ROOT / "template.yaml", parameters or {})
        self.clock = VirtualClock(start)
        self.journal = Journal(lambda: self.clock.now)
        self.eager_mail = eager_mail
        self._sweeps = sweeps
        quiet = backend == "memory"
        self._log_level = log_level or ("WARNING" if quiet else "INFO")
        self.runtime = LambdaRuntime(
            self.template.functions,
            seed,
            {
                **os.environ,
                **_AWS_ENVIRONMENT,
                "POWERTOOLS_LOG_LEVEL": self._log_level,
                "POWERTOOLS_METRICS_DISABLED": str(not (metrics if metrics is not None else not quiet)).lower(),
            },
            handlers,
        )
        self.clock_port = VirtualNow(lambda: self.clock.now)
        self.ids = SeededIds(seed, self.runtime.who)
        self.message_ids = ServiceIds(seed, "messages")
        self._service_ids = ServiceIds(seed, "services")
        self.faults = FaultPort(faults, self.runtime.who) if faults is not None else None
        self.mailbox = Mailbox(
            now=lambda: self.clock.now, tell=self._provider_tells, tells_events=provider_events, on_taken=self._mail_taken
        )
        self.phones = Phones(
            now=lambda: self.clock.now,
            tell=self._phones_tell,
            notify=self._phones_notify,
            tells_events=provider_events,
            on_taken=self._phone_rang,
        )
        self.receivers = Receivers(now=lambda: self.clock.now, on_taken=self._webhook_taken)
        self.webhooks = Wire(self.receivers, self.faults)
        self._secrets = {secret.arn: self._secret_text(secret.logical_id) for secret in self.template.secrets}
        self._secrets.update({secret.name: self._secrets[secret.arn] for secret in self.template.secrets})
        self._secrets.update({parameter.name: parameter.value for parameter in self.template.ssm_parameters})
        self.ssm: dict[str, str] = dict(ssm or {})
        self._outsides: dict[Settings, Outside] = {}
        self._depth = 0
        self._queue_by: dict[str, Queue] = {}
        for queue in self.template.queues:
            self._queue_by.update(dict.fromkeys((queue.arn, queue.url, queue.name, queue.logical_id), queue))
        self._queue_pollers: dict[str, QueuePoller] = {}
        self._stream_pollers: dict[str, list[StreamPoller]] = {}
        self.deliveries = Deliveries(self.clock, self._attempt, self._bury)
        self.buses = EventBuses(
            self.clock,
            self.template.buses,
            self.template.rules,
            self.template.bus_statements,
            self.deliveries,
            ServiceIds(seed, "events"),
            region=REGION,
            account=ACCOUNT,
        )
        self.scheduler = Scheduler(self.clock, self.deliveries, self.template.schedule_groups, region=REGION, account=ACCOUNT)
        self.scheduler.on_set = self._schedule_set
        self.executions = Executions(
            self.clock, self._invoke_for_workflow, stream(seed, "jitter").random, region=REGION, account_id=ACCOUNT
        )
        self.executions.on_close = self._execution_closed
        self._machines: dict[str, StateMachine] = {
            machine.arn: state_language.load(machine.definition, machine.name) for machine in self.template.machines
        }
        self._apis = [
            HttpApi(api.id, api.domain, ACCOUNT, api.routes, self._invoke_arn, lambda: self.clock.now)
            for api in self.template.apis
        ]
        self.backend: Backend = self._make_backend(backend)
        try:
            for mapping in self.template.mappings:
                self._map(mapping)
            for schedule in self.template.schedules:
                self.scheduler.create({"Name": schedule.name, "GroupName": schedule.group, **schedule.properties})
            self.scheduled_rules = ScheduledRules(
                self.clock,
                self.template.rules,
                self._deliver_scheduled,
                self.buses.envelope,
                self._sleeps,
                self.backend.earliest_due,
            )
            if switch is not None:
                self.set_switch(switch)
        except BaseException:
            self.backend.close()
            raise

    def __enter__(self) -> LocalCloud:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the backend holds (moto's mocks, the moved clock)."""
        self.backend.close()

    def _make_backend(self, name: str) -> Backend:
        if name == "memory":
            return MemoryBackend(self)
        if name == "moto":
            # Imported here: it takes a second and pulls in boto3, which the memory backend never needs.
            from simulator.moto_backend import MotoBackend

            return MotoBackend(self)
        raise ValueError(f"backend: memory or moto, not {name!r}")

    # ------------------------------------------------------------ time

    @property
    def now(self) -> datetime:
        """The virtual instant, aware, UTC."""
        return self.clock.now

    def run(self) -> None:
        """Run all that is due now and what follows from it at this instant."""
        with self._entered():
            self.clock.run_due()

    def advance(self, by: timedelta | None = None, **parts: float) -> None:
        """Let time pass, running everything at its own time: `advance(days=3)`, `advance(timedelta(hours=1))`."""
        with self._entered():
            self.clock.advance(by if by is not None else timedelta(**parts))

    def advance_to(self, instant: datetime) -> None:
        with self._entered():
            self.clock.advance_to(instant)

    # ------------------------------------------------------------ the outside world acts

    def http(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | str = b"") -> HttpResponse:
        """A request to the HTTP API; `path` with its query."""
        if not self._apis:
            raise LookupError("the template has no HTTP API")
        with self._entered():
            return self._apis[0].request(method, path, headers, body)

    def http_event(self, event: Mapping[str, Any]) -> HttpResponse:
        """A captured request in payload format 2.0, sent to the function behind its route."""
        if not self._apis:
            raise LookupError("the template has no HTTP API")
        with self._entered():
            return self._apis[0].replay(event)

    def put_events(self, entries: Sequence[Mapping[str, Any]], principal: str = STORE_PRINCIPAL) -> list[PutResult]:
        """PutEvents by a store (or another principal of the account). NotAuthorized where a bus's policy denies it."""
        with self._entered():
            return self.buses.put(entries, principal)

    def publish(self, event: Mapping[str, Any], bus: str = "default") -> None:
        """A whole event on a bus, as a partner or an AWS service puts it there; `bus` by name or ARN."""
        whole = {**self.buses.envelope("", "", {}), **event}
        with self._entered():
            self.buses.publish(self.buses.bus_name(bus), whole)

    def send(self, queue: str, body: str, group: str | None = None, deduplication: str | None = None) -> None:
        """Put a message on a queue (logical id, name, ARN or URL)."""
        with self._entered():
            self.backend.send(self.queue(queue), body, group, deduplication)

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function (logical id, package, name or ARN) and wait for its answer. FunctionError when it fails."""
        with self._entered():
            return self._invoke(self.runtime.find(function), event)

    def redrive(self, dead_letters: str, to: str | None = None) -> int:
        """Move everything from a dead-letter queue back to the queue that it serves (or to another). How many moved."""
        source = self.queue(dead_letters)
        found = next((q for q in self.template.queues if q.redrive is not None and q.redrive[0] == source.arn), None)
        if to is None and found is None:
            raise LookupError(f"{dead_letters} is no queue's dead-letter queue: say where to")
        target = self.queue(to) if to is not None else found
        if target is None:
            raise LookupError(f"{dead_letters}: there is no queue to move to")
        with self._entered():
            taken = self.backend.take_all(source)
            for body, group in taken:
                deduplication = f"redrive-{self._service_ids()}" if target.fifo else None
                self.backend.send(target, body, group if target.fifo else None, deduplication)
        return len(taken)

    def put_parameter(self, name: str, text: str) -> None:
        """Set an SSM parameter, as the operator does by hand."""
        self.ssm[name] = text
        self.backend.put_parameter(name, text)

    def set_switch(self, mode: str) -> None:
        """Set the kill switch for every purpose and channel: off, dry, on."""
        switch = Switch(otherwise=Mode(mode))
        with self._entered():
            self.outside().tables.write([Put(keys.switch(), {"doc": switch.to_json(), "version": switch.version})])

    # ------------------------------------------------------------ looking

    @property
    def store_bus(self) -> str:
        """The name of the bus that stores put on."""
        return next(bus.name for bus in self.template.buses if bus.logical_id == "StoreBus")

    def messages(self) -> list[dict[str, Any]]:
        """Every message considered, with its latest settlement (journal.Journal.messages)."""
        return self.journal.messages()

    def outside(self, **changes: str) -> Outside:
        """The ports as a function that is granted everything would have them: for setting up and looking in tests."""
        settings = settings_module.read(
            {
                **{name: value for f in self.template.functions.values() for name, value in f.environment.items()},
                **changes,
            }
        )
        names = {role: name for name, role in table_roles(self).items()}
        return self._outside_for(
            replace(
                settings,
                customer_table=settings.customer_table or names.get("customers"),
                knowledge_table=settings.knowledge_table or names.get("knowledge"),
            )
        )

    def queue(self, name: str) -> Queue:
        """A queue by logical id, name, ARN or URL."""
        found = self._queue_by.get(name)
        if found is None:
            raise LookupError(f"no queue {name}: there are {', '.join(queue.logical_id for queue in self.template.queues)}")
        return found

    def queued(self, queue: str) -> list[str]:
        """The bodies that lie in a queue, in flight or not."""
        return self.backend.bodies(self.queue(queue))

    def dead_letters(self) -> dict[str, list[str]]:
        """The bodies in every dead-letter queue that has any, by logical id."""
        names = {queue.redrive[0] for queue in self.template.queues if queue.redrive is not None}
        names |= {target.dead_letters for rule in self.template.rules for target in rule.targets if target.dead_letters}
        names |= {f.dead_letters for f in self.template.functions.values() if f.dead_letters}
        names |= {destination for m in self.template.mappings if (destination := _on_failure(m))}
        found = {queue.logical_id: self.backend.bodies(queue) for queue in self.template.queues if queue.arn in names}
        return {name: bodies for name, bodies in found.items() if bodies}

    def items(self, table: str) -> list[Item]:
        """Every item of a table, by its logical id."""
        return list(self.backend.items(next(t for t in self.template.tables if t.logical_id == table)))

    def state_digest(self) -> str:
        """SHA-256 over every item of every table."""
        return state_digest({table.logical_id: self.backend.items(table) for table in self.template.tables})

    @property
    def log(self) -> str:
        """What handlers wrote to standard output, the newest part."""
        return self.runtime.log.text()

    @property
    def errors(self) -> list[FunctionError]:
        """Invocations that failed as a whole, the newest thousand."""
        return list(self.runtime.errors)

    def waiting(self) -> list[Execution]:
        """The workflow executions that are open."""
        return self.executions.list(status=state_language.RUNNING)

    # ------------------------------------------------------------ inside: invocations

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """This cloud's ports, environment and output for as long as its code may run."""
        if self._depth:
            yield
            return
        self._depth = 1
        outside_module.use(self._outside_for)
        _set_log_level(self._log_level)
        self.backend.enter()
        try:
            with self.runtime.captured():
                yield
        finally:
            self.backend.catch_up()
            self.backend.leave()
            self._depth = 0
            outside_module.use(None)

    def _outside_for(self, settings: Settings) -> Outside:
        found = self._outsides.get(settings)
        if found is None:
            found = self._outsides[settings] = self.backend.outside(settings)
        return found

    def _invoke(self, function: Function, event: Any) -> Any:
        self.backend.before_handler()
        return self.runtime.invoke(function, event)

    def _invoke_arn(self, arn: str, event: Any) -> Any:
        return self._invoke(self.runtime.find(arn), event)

    def _invoke_for_mapping(self, function: Function, event: dict[str, Any]) -> Returned | Raised:
        try:
            return Returned(self._invoke(function, event))
        except FunctionError as error:
            return Raised(error.error_type, error.message)

    def _invoke_for_workflow(self, arn: str, payload: Any) -> Returned | Raised:
        try:
            function = self.runtime.find(arn)
        except FunctionMissing as missing:
            return Raised("Lambda.ResourceNotFoundException", str(missing))
        key = payload.get("key") if isinstance(payload, Mapping) else None
        self.journal.note("wait-woken", {"function": function.package, "key": key})
        try:
            return Returned(self._invoke(function, payload))
        except FunctionError as error:
            return Raised(error.error_type, json.dumps(error.payload()))

    def _invoke_async(self, function: Function, text: str, tries: int = 0) -> None:
        """An asynchronous invocation: three tries, then the function's dead-letter queue."""
        try:
            self._invoke(function, json.loads(text))
        except FunctionError as error:
            if tries < len(ASYNC_RETRIES):
                again = partial(self._invoke_async, function, text, tries + 1)
                self.clock.after(ASYNC_RETRIES[tries], again, f"retry of {function.logical_id}")
            elif function.dead_letters is not None:
                words = {"RequestID": self._service_ids(), "ErrorCode": "200", "ErrorMessage": error.message[:1024]}
                self._bury(
                    function.dead_letters,
                    text,
                    {name: {"DataType": "String", "StringValue": value} for name, value in words.items()},
                )

    # ------------------------------------------------------------ inside: deliveries

    def _attempt(self, target: Target, payload: Any, text: str | None) -> None:
        """One attempt at a rule's or schedule's target."""
        whole = text if text is not None else json.dumps(payload, separators=(",", ":"))
        if target.kind == "sqs":
            queue = self._queue_by.get(target.arn)
            if queue is None:
                raise DeliveryFailed("NO_RESOURCE", f"there is no queue {target.arn}", retryable=False)
            try:
                self.backend.send(queue, whole, target.group)
            except Refused as refused:
                raise DeliveryFailed("SDK_CLIENT_ERROR", str(refused), retryable=False) from refused
        elif target.kind == "lambda":
            if len(whole) > ASYNC_PAYLOAD:
                raise DeliveryFailed(
                    "SDK_CLIENT_ERROR", "the payload of an asynchronous invocation is too large", retryable=False
                )
            try:
                function = self.runtime.find(target.arn)
            except FunctionMissing as missing:
                raise DeliveryFailed("NO_RESOURCE", str(missing), retryable=False) from missing
            self._invoke_async(function, whole)
        elif target.kind == "states":
            machine = self._machines.get(target.arn)
            if machine is None:
                raise DeliveryFailed("NO_RESOURCE", f"there is no state machine {target.arn}", retryable=False)
            self.executions.start(machine, self._service_ids(), whole)
        else:
            event = payload if payload is not None else json.loads(whole)
            self.buses.publish(self.buses.bus_name(target.arn), event, text)

    def _bury(self, queue_arn: str, text: str, attributes: Mapping[str, Any]) -> None:
        queue = self._queue_by.get(queue_arn)
        if queue is None:
            raise TemplateError("", f"a dead-letter queue {queue_arn} that the template does not have")
        group = "dead-letters" if queue.fifo else None
        self.backend.send(queue, text, group, self._service_ids() if queue.fifo else None, attributes)
        self.buried(queue, text)

    def buried(self, queue: Queue, body: str) -> None:
        """A message came to a dead-letter queue (told by the backend, too)."""
        self.journal.note("dead-letter", (queue.logical_id, body))

    def _deliver_scheduled(self, rule: Rule, target: Target, event: Mapping[str, Any]) -> None:
        given = target.given.get("Input")
        text = str(given) if given is not None else json.dumps(event, separators=(",", ":"))
        self.deliveries.deliver(target, event, text, rule.arn)

    def _sleeps(self, rule: Rule) -> bool:
        """Whether all that a scheduled rule invokes may look for nothing but what is due."""
        return self._sweeps != "always" and all(
            target.kind == "lambda" and self.runtime.find(target.arn).reads_only_due for target in rule.targets
        )

    def due_changed(self, due_at: str) -> None:
        """Somebody must come back to something new at `due_at` (told by the backend)."""
        self.scheduled_rules.due_changed(due_at)

    # ------------------------------------------------------------ inside: pollers

    def _map(self, mapping: SourceMapping) -> None:
        if not mapping.enabled:
            return
        function = self.runtime.find(mapping.function_arn)
        invoke = partial(self._invoke_for_mapping, function)
        properties = {name: _plain(value) for name, value in mapping.properties.items()}
        if mapping.kind == "sqs":
            queue = self._queue_by.get(mapping.source_arn)
            if queue is None:
                raise TemplateError(mapping.logical_id, f"there is no queue {mapping.source_arn}")
            receive, delete, next_visible_at = self.backend.source(queue)
            settings = QueueSettings.of(properties, fifo=queue.fifo)
            queue_mapping = QueueMapping(settings, receive, delete, invoke)
            self._queue_pollers[queue.arn] = QueuePoller(self.clock, queue_mapping, next_visible_at, mapping.logical_id)
            return
        table = next((t for t in self.template.tables if t.stream_arn == mapping.source_arn), None)
        if table is None:
            raise TemplateError(mapping.logical_id, f"there is no stream {mapping.source_arn}")
        destination = _on_failure(mapping)
        stream_settings = StreamSettings.of(properties)
        stream_mapping = StreamMapping(
            stream_settings,
            invoke,
            function_arn=function.arn,
            stream_arn=mapping.source_arn,
            shard_id="shardId-00000001541626099285-f35f62ef",
            new_id=self._service_ids,
            on_failure=partial(self._stream_failed, destination) if destination is not None else None,
        )
        poller = StreamPoller(self.clock, stream_mapping, self.backend.stream(table, stream_settings), mapping.logical_id)
        self._stream_pollers.setdefault(table.name, []).append(poller)

    def _stream_failed(self, destination: str, record: dict[str, Any]) -> None:
        self._bury(destination, json.dumps(record), {})

    def queue_changed(self, queue_arn: str) -> None:
        """A message was put on a queue, or may be visible again (told by the backend)."""
        poller = self._queue_pollers.get(queue_arn)
        if poller is not None:
            poller.wake()

    def table_changed(self, table: Table) -> bool:
        """An item changed (told by the backend). Whether anybody reads this table's stream."""
        pollers = self._stream_pollers.get(table.name)
        if pollers is None:
            return False
        for poller in pollers:
            poller.wake()
        return True

    # ------------------------------------------------------------ inside: what ports do

    @property
    def tables(self) -> MemoryTables:
        """The tables' twin (memory backend)."""
        return self.backend.tables  # type: ignore[no-any-return]

    def principal(self) -> str:
        """Whose call this is: the running function's role."""
        current = self.runtime.current
        return STORE_PRINCIPAL if current is None else current.function.role_arn

    def send_by_url(
        self, url: str, body: str, group: str | None, deduplication: str | None, delay: timedelta | None = None
    ) -> None:
        queue = self._queue_by.get(url)
        if queue is None:
            raise Refused(f"AWS.SimpleQueueService.NonExistentQueue: {url}")
        if delay is not None and delay.microseconds:
            raise Refused("DelaySeconds: expected whole seconds")
        self.backend.send(queue, body, group, deduplication, delay=delay)
        self.message_sent(body)

    def message_sent(self, body: str) -> None:
        """A function put a message on a queue."""
        if body.startswith('{"proposal"'):
            self.journal.note("proposal", body)

    def told(self, entries: Sequence[Mapping[str, Any]], results: Sequence[PutResult]) -> None:
        """A function put events on a bus."""
        for entry, result in zip(entries, results, strict=True):
            if result.error_code is None:
                self.journal.note("event", entry)

    def start_execution(self, machine_arn: str, name: str, text: str) -> str:
        """StartExecution. state_language.ExecutionError for what Step Functions refuses."""
        machine = self._machines.get(machine_arn)
        if machine is None:
            raise Refused(f"StateMachineDoesNotExist: {machine_arn}")
        before = self._known_execution(machine, name)
        arn = self.executions.start(machine, name, text)
        if before is None or self.executions.describe(arn) is not before:
            self.journal.note("wait-started", (machine.name, name, text))
        return arn

    def stop_execution(self, machine_arn: str, name: str) -> None:
        """StopExecution of an execution that may not be there."""
        with suppress(state_language.ExecutionDoesNotExist):
            self.executions.stop(f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}")

    def _known_execution(self, machine: StateMachine, name: str) -> Execution | None:
        try:
            return self.executions.describe(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine.name}:{name}")
        except state_language.ExecutionDoesNotExist:
            return None

    def _execution_closed(self, execution: Execution) -> None:
        self.journal.note("wait-ended", {"machine": execution.machine.name, "name": execution.name, "status": execution.status})

    def _schedule_set(self, given: Mapping[str, Any]) -> None:
        self.journal.note("slot", given)

    def secret_text(self, name: str) -> str | None:
        return self._secrets.get(name) if name in self._secrets else self.ssm.get(name)

    def all_secrets(self) -> dict[str, str]:
        """The text of every secret of the template, by its ARN."""
        return {secret.arn: self._secrets[secret.arn] for secret in self.template.secrets}

    def _secret_text(self, logical_id: str) -> str:
        secret = next(s for s in self.template.secrets if s.logical_id == logical_id)
        return secret.text if secret.text is not None else secret_text(self.seed, logical_id, secret.generate)

    def _mail_taken(self, taken: MailTaken) -> None:
        self.journal.note("mail", {"message": taken.message_id, "to": taken.recipient})

    def _webhook_taken(self, taken: WebhookTaken) -> None:
        self.journal.note("webhook", {"to": taken.host, "id": taken.webhook_id, "type": taken.type})

    def _phone_rang(self, taken: Taken) -> None:
        self.journal.note(taken.kind, {"message": taken.message_id, "to": taken.to})

    def _phones_tell(self, delay: timedelta, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        envelope = partial(self.buses.envelope, source, detail_type, detail)
        self.clock.after(delay, lambda: self.buses.publish("default", envelope()), detail_type)

    def _phones_notify(self, delay: timedelta, number: str, notification: Mapping[str, Any]) -> None:
        self.clock.after(delay, lambda: self._inbound("chat-status", number, notification), "chat-status")

    def text_in(self, number: str, body: str) -> str:
        """A person writes a text message to the store's number; the id that the provider gives it."""
        inbound_id = self._service_ids()
        self._inbound("text-in", number, text_notification(number, body, inbound_id, "+12125550101", self.clock.now))
        return inbound_id

    def chat_in(self, message: Mapping[str, Any]) -> None:
        """A person writes on WhatsApp: one message as Meta's webhook has it."""
        number = f"+{message['from']}"
        self.phones.spoke_at[number] = self.clock.now
        self._inbound("chat-in", number, chat_notification(message, self._service_ids(), self.clock.now))

    def _inbound(self, kind: str, number: str, notification: Mapping[str, Any]) -> None:
        """What the topic of people's own messages puts on the queue behind it."""
        self.journal.note(kind, {"from": number})
        self.backend.send(self._queue_by["EngagementQueue"], json.dumps(notification))

    def _provider_tells(self, delay: timedelta, detail_type: str, detail: Mapping[str, Any]) -> None:
        tags = detail["mail"]["tags"].get("ses:configuration-set")
        wanted = self.template.configuration_sets.get(tags[0]) if tags else None
        if wanted is not None and _SES_TYPES.get(str(detail["eventType"])) not in wanted:
            return

        def tell() -> None:
            self.buses.publish("default", self.buses.envelope("aws.ses", detail_type, detail))

        self.clock.after(delay, tell, detail_type)


_SES_TYPES: Final[Mapping[str, str]] = {
    "Send": "SEND",
    "Delivery": "DELIVERY",
    "Bounce": "BOUNCE",
    "Complaint": "COMPLAINT",
    "Reject": "REJECT",
    "Open": "OPEN",
    "Click": "CLICK",
    "Rendering Failure": "RENDERING_FAILURE",
    "DeliveryDelay": "DELIVERY_DELAY",
    "Subscription": "SUBSCRIPTION",
}
"""eventType to what a configuration set's MatchingEventTypes call it."""

_AWS_ENVIRONMENT: Final[Mapping[str, str]] = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_SESSION_TOKEN": "local",
    # Else botocore sends calls of DynamoDB Streams to an account's own host, which moto does not know.
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
}


def _loaded(path: Path, parameters: Mapping[str, str]) -> Template:
    """The template, with the local defaults for those of its parameters that have none."""
    given = dict(parameters)
    text = path.read_text()
    for name, value in LOCAL_PARAMETERS.items():
        if name not in given and f"\n  {name}:" in text:
            given[name] = value
    return load(path, given)


def _on_failure(mapping: SourceMapping) -> str | None:
    destination = ((mapping.properties.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    return None if destination is None else str(destination)


def _plain(value: Any) -> Any:
    """Parameters of the template are text, also where a property is a number."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _set_log_level(level: str) -> None:
    """Powertools reads the level when a process makes its logger, but one process may hold several local clouds."""
    logger = telemetry.logger()
    if logger.log_level != logging.getLevelName(level):
        logger.setLevel(level)


__all__ = ["LocalCloud", "Record"]
