"""Deployed on moto: clients, tables, queues, and the calls that the engine answers in its place."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from heapq import heappop, heappush
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Final

import boto3  # noqa: TID251 - the backend that runs the real adapters
import botocore.session
import time_machine
from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider, clear_caches
from aws_lambda_powertools.utilities.parameters.constants import DEFAULT_PROVIDERS
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.loaders import Loader
from moto import mock_aws

from aftercare.aws import CALL, DUE_KEYS, AwsOutside, AwsSecrets, DynamoTables
from aftercare.keys import TableName
from aftercare.outside import Outside
from aftercare.providers import BUSY
from aftercare.settings import Settings
from aftercare.table import Item, number
from aftercare.webhook import Webhooks
from simulator.event_bus import NotAuthorized
from simulator.event_source_mapping import Record, StreamSettings
from simulator.faults import Fault
from simulator.lambda_runtime import FunctionError, FunctionMissing
from simulator.memory.refusal import Refused
from simulator.moto_backend.queues import MotoQueue
from simulator.moto_backend.streams import MotoStream
from simulator.phones import ProviderSays, chat_message_id
from simulator.schedules import ScheduleExists, ScheduleMissing
from simulator.seeded import SeededIds
from simulator.state_language import ExecutionError
from simulator.template import REGION, Queue, Table

if TYPE_CHECKING:
    from simulator.cloud import LocalCloud


Parsed = dict[str, Any]
Answer = tuple[AWSResponse, Parsed]

RAW: Final = Config(parameter_validation=False, retries={"total_max_attempts": 1, "mode": "standard"})

_DATA: Final = Loader()
"""botocore's descriptions of services, read once for a process: half of the time of making a client."""

_WRITES: Final = frozenset(("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"))
_READS: Final = frozenset(("GetItem", "BatchGetItem", "Query"))


class _Stop(Exception):
    """An error that a service answers with."""

    def __init__(self, code: str, message: str, status: int = 400, **more: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.more = more


class _SeededAws(AwsOutside):
    """The real composition root, on shared clients and the seed's clock and ids."""

    def __init__(self, settings: Settings, backend: MotoBackend) -> None:
        super().__init__(settings, backend.cloud.clock_port, backend.cloud.ids)
        self._backend = backend

    def _client(self, service: str) -> Any:
        return self._backend.client(service)

    @property
    def tables(self) -> DynamoTables:  # type: ignore[override]
        names: dict[TableName, str] = {}
        if self.settings.customer_table:
            names["customers"] = self.settings.customer_table
        if self.settings.knowledge_table:
            names["knowledge"] = self.settings.knowledge_table
        # Its request tokens come from ids of their own, so that handlers draw the same ids on both backends.
        return DynamoTables(self._client("dynamodb"), names, self._backend.token_ids, self.clock)

    @property
    def webhooks(self) -> Webhooks:  # type: ignore[override]
        return self._backend.cloud.webhooks

    @property
    def secrets(self) -> AwsSecrets:  # type: ignore[override]
        self._backend.share_parameter_clients()
        return AwsSecrets()


class MotoBackend:
    """One at a time: moto's state belongs to the process."""

    _open: ClassVar[list[MotoBackend]] = []

    def __init__(self, cloud: LocalCloud) -> None:
        if self._open:
            raise RuntimeError("a local cloud on moto is open already: close it first, moto's state belongs to the process")
        self._open.append(self)
        self.cloud = cloud
        self.token_ids = SeededIds(f"{cloud.seed}:tokens", cloud.runtime.who)
        self._traveller: Any = None
        self._moved_to: datetime | None = None
        self._kept_environment = dict(os.environ)
        os.environ.update(
            {
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_SESSION_TOKEN": "local",
                "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
            }
        )
        self._mock = mock_aws()
        self._mock.start()
        # Powertools keeps its clients and what they read for the process: those of before would read from elsewhere.
        clear_caches()  # type: ignore[no-untyped-call]
        try:
            self._deploy()
        except BaseException:
            self.close()
            raise

    def _deploy(self) -> None:
        boto3.setup_default_session(region_name=REGION, botocore_session=_botocore_session())
        session: Any = boto3.DEFAULT_SESSION
        session.events.register("before-parameter-build", self._asked)
        session.events.register("before-call", self._call)
        session.events.register("after-call", self._called)
        self._session = session
        self._clients: dict[str, Any] = {}
        # Registered later than the clients are made, the hooks would not be theirs: this session has none of them.
        self._raw_session: Any = boto3.session.Session(region_name=REGION, botocore_session=_botocore_session())
        self._raw_clients: dict[str, Any] = {}
        self._answers: dict[tuple[str, str], Callable[[Parsed], Parsed]] = {
            ("events", "PutEvents"): self._put_events,
            ("stepfunctions", "StartExecution"): self._start_execution,
            ("stepfunctions", "StopExecution"): self._stop_execution,
            ("stepfunctions", "DescribeExecution"): self._describe_execution,
            ("scheduler", "CreateSchedule"): self._create_schedule,
            ("scheduler", "UpdateSchedule"): self._update_schedule,
            ("scheduler", "DeleteSchedule"): self._delete_schedule,
            ("scheduler", "GetSchedule"): self._get_schedule,
            ("sesv2", "SendEmail"): self._send_email,
            ("sesv2", "GetAccount"): self._get_account,
            ("pinpoint-sms-voice-v2", "SendTextMessage"): self._phones("send_text_message", "MessageId"),
            ("sns", "Publish"): self._phones("publish", "MessageId"),
            ("socialmessaging", "SendWhatsAppMessage"): self._phones("send_whatsapp_message", "messageId"),
            ("lambda", "Invoke"): self._invoke,
            ("sqs", "SendMessage"): self._send_message,
        }
        self._queues: dict[str, MotoQueue] = {}
        for queue in sorted(self.cloud.template.queues, key=lambda queue: queue.redrive is not None):
            self._queues[queue.arn] = MotoQueue(self, queue)
        self._streams: dict[str, MotoStream] = {}
        self._table_by_name = {table.name: table for table in self.cloud.template.tables}
        for table in self.cloud.template.tables:
            self._create_table(table)
        self._journaled = _customers(self.cloud)
        told = {table.name for table in self.cloud.template.tables if _tells_what_is_due(table)}
        self._indexed = self._journaled & told
        """The tables whose index `due` is known here, too: each change is told with what the item is now."""
        self._due: dict[tuple[str, str], tuple[str, str]] = {}
        """The key of each item in the index `due`: its kind, and since when."""
        self._due_heap: list[tuple[str, str, str]] = []
        for arn, text in self.cloud.all_secrets().items():
            # moto gives an ARN of its own but finds a secret by the end of any ARN.
            self.raw("secretsmanager").create_secret(Name=arn.rpartition(":")[2], SecretString=text)
        for parameter in self.cloud.template.ssm_parameters:
            self.put_parameter(parameter.name, parameter.value)
        for name, text in self.cloud.ssm.items():
            self.put_parameter(name, text)
        self.cloud.journal.before_note = self.catch_up

    def close(self) -> None:
        """Stop moto, move the clock back, forget the clients."""
        if self not in self._open:
            return
        self._open.remove(self)
        self.leave()
        self.cloud.journal.before_note = None
        clear_caches()  # type: ignore[no-untyped-call]
        self._mock.stop()
        boto3.DEFAULT_SESSION = None
        for name in set(os.environ) - set(self._kept_environment):
            del os.environ[name]
        os.environ.update(self._kept_environment)

    # ------------------------------------------------------------ clients and clocks

    def client(self, service: str) -> Any:
        """A client with the hooks, as handlers get it: one wire attempt."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, config=CALL)
        return self._clients[service]

    def raw(self, service: str) -> Any:
        """A client that goes straight to moto."""
        if service not in self._raw_clients:
            self._raw_clients[service] = self._raw_session.client(service, config=RAW)
        return self._raw_clients[service]

    def share_parameter_clients(self) -> None:
        """Powertools would make a session of its own for each kind of parameter, a quarter of a second each."""
        if "ssm" not in DEFAULT_PROVIDERS:
            DEFAULT_PROVIDERS["ssm"] = SSMProvider(boto3_client=self.client("ssm"))
            DEFAULT_PROVIDERS["secrets"] = SecretsProvider(boto3_client=self.client("secretsmanager"))

    def enter(self) -> None:
        """Real clocks show the virtual instant from here on."""
        if self._traveller is None:
            self._traveller = time_machine.travel(self.cloud.clock.now, tick=False)
            self._coordinates = self._traveller.start()
            self._moved_to = self.cloud.clock.now

    def leave(self) -> None:
        if self._traveller is not None:
            self._traveller.stop()
            self._traveller = None

    def before_handler(self) -> None:
        self._sync()

    def _sync(self) -> None:
        if self._traveller is not None and self._moved_to != self.cloud.clock.now:
            self._moved_to = self.cloud.clock.now
            self._coordinates.move_to(self._moved_to)

    # ------------------------------------------------------------ the hooks

    def _asked(self, params: Parsed, context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def _call(self, model: Any, context: dict[str, Any], **_: Any) -> Answer | None:
        self._sync()
        service, operation, asked = model.service_model.service_name, model.name, context.get("asked", {})
        answer = self._answers.get((service, operation))
        if answer is None and (service, operation) == ("dynamodb", "Query") and self._finds_nothing_due(asked):
            answer = _nothing_found
        faults = self.cloud.faults
        effect = _EFFECTS.get((service, operation))
        if faults is None or effect is None:
            return None if answer is None else self._say(lambda: answer(asked))
        # The call is made under the fault, by a client without hooks where moto is to answer it.
        apply = (lambda: answer(asked)) if answer is not None else (lambda: self._straight(service, operation, asked))
        return self._say(lambda: faults.run(effect, apply, lambda fault: self._fail(fault, service, operation, asked)))

    def _called(self, model: Any, context: dict[str, Any], http_response: Any, **_: Any) -> None:
        if model.service_model.service_name == "dynamodb" and model.name in _WRITES and http_response.status_code < 300:
            self._wrote(context.get("asked", {}))

    def _straight(self, service: str, operation: str, asked: Parsed) -> Parsed:
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
        try:
            parsed: Parsed = getattr(self.raw(service), name)(**asked)
        except ClientError as error:
            response: Parsed = dict(error.response)
            told = response["Error"]
            more = {key: value for key, value in response.items() if key not in ("Error", "ResponseMetadata", "message")}
            status = response["ResponseMetadata"].get("HTTPStatusCode", 400)
            raise _Stop(told["Code"], told.get("Message", ""), status, **more) from error
        if service == "dynamodb" and operation in _WRITES:
            self._wrote(asked)  # also where the answer is about to be lost
        return parsed

    def _say(self, make: Callable[[], Parsed]) -> Answer:
        try:
            parsed = make()
            status = 200
        except _Stop as stop:
            parsed, status = {"Error": {"Code": stop.code, "Message": str(stop)}, **stop.more}, stop.status
        except NotAuthorized as denied:
            parsed, status = {"Error": {"Code": "AccessDeniedException", "Message": str(denied)}}, 400
        except Refused as refused:
            parsed, status = {"Error": {"Code": "ValidationException", "Message": str(refused)}}, 400
        parsed["ResponseMetadata"] = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
        return AWSResponse("https://local", status, HTTPHeaders(), BytesIO(b"")), parsed

    def _fail(self, fault: Fault, service: str, operation: str, asked: Parsed) -> Parsed:
        """How a service answers a fault."""
        if service == "sesv2":
            self.cloud.mailbox.attempt(_tags(asked)) if fault is not Fault.REPLY_LOST else None
        if operation in _NAMED and fault is not Fault.REPLY_LOST:
            self.cloud.phones.attempts[_NAMED[operation](asked)] += 1
        if fault in (Fault.REPLY_LOST, Fault.TIMEOUT_BEFORE):
            raise ReadTimeoutError(endpoint_url=f"https://{service}.{REGION}.amazonaws.com")
        if fault is Fault.CONFLICT and operation == "TransactWriteItems":
            reasons = [{"Code": "TransactionConflict"}, *({"Code": "None"} for _ in asked["TransactItems"][1:])]
            raise _Stop("TransactionCanceledException", "Transaction cancelled", CancellationReasons=reasons)
        if fault is Fault.CONFLICT:
            raise _Stop("TransactionConflictException", "Transaction is ongoing for the item")
        if fault is Fault.THROTTLED:
            code, status = ("TooManyRequestsException", 429) if service == "sesv2" else ("ThrottlingException", 400)
            raise _Stop(code, "Rate exceeded", status)
        if service == "events":
            entries = asked["Entries"]
            kept = self._put_events({"Entries": entries[:-1]})["Entries"] if len(entries) > 1 else []
            failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "Unexpected service error occurred"}
            return {"FailedEntryCount": 1, "Entries": [*kept, failed]}
        code, reason = _REFUSALS.get(service, ("AccessDeniedException", ""))
        raise _Stop(code, "refused", Reason=reason)

    # ------------------------------------------------------------ what the engine answers

    def _put_events(self, asked: Parsed) -> Parsed:
        results = self.cloud.buses.put(asked["Entries"], self.cloud.principal())
        self.cloud.told(asked["Entries"], results)
        told = [
            {"EventId": r.event_id} if r.error_code is None else {"ErrorCode": r.error_code, "ErrorMessage": r.error_message}
            for r in results
        ]
        return {"FailedEntryCount": sum("ErrorCode" in entry for entry in told), "Entries": told}

    def _start_execution(self, asked: Parsed) -> Parsed:
        name = asked["name"] if "name" in asked else self.cloud.message_ids()
        try:
            arn = self.cloud.start_execution(asked["stateMachineArn"], name, asked.get("input", "{}"))
        except ExecutionError as error:
            raise _Stop(type(error).__name__, str(error)) from error
        return {"executionArn": arn, "startDate": self.cloud.executions.describe(arn).started}

    def _stop_execution(self, asked: Parsed) -> Parsed:
        try:
            return {"stopDate": self.cloud.executions.stop(asked["executionArn"], asked.get("error"), asked.get("cause"))}
        except ExecutionError as error:
            raise _Stop(type(error).__name__, str(error)) from error

    def _describe_execution(self, asked: Parsed) -> Parsed:
        try:
            execution = self.cloud.executions.describe(asked["executionArn"])
        except ExecutionError as error:
            raise _Stop(type(error).__name__, str(error)) from error
        return {
            "executionArn": execution.arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.started,
            "input": execution.input,
        }

    def _schedule(self, change: Callable[[Mapping[str, Any]], str], asked: Parsed) -> Parsed:
        try:
            return {"ScheduleArn": change(asked)}
        except ScheduleExists as error:
            raise _Stop("ConflictException", str(error), 409) from error
        except ScheduleMissing as error:
            raise _Stop("ResourceNotFoundException", str(error), 404) from error

    def _create_schedule(self, asked: Parsed) -> Parsed:
        return self._schedule(self.cloud.scheduler.create, asked)

    def _update_schedule(self, asked: Parsed) -> Parsed:
        return self._schedule(self.cloud.scheduler.update, asked)

    def _delete_schedule(self, asked: Parsed) -> Parsed:
        try:
            self.cloud.scheduler.delete(asked["Name"], asked.get("GroupName", "default"))
        except ScheduleMissing as error:
            raise _Stop("ResourceNotFoundException", str(error), 404) from error
        return {}

    def _get_schedule(self, asked: Parsed) -> Parsed:
        try:
            return dict(self.cloud.scheduler.get(asked["Name"], asked.get("GroupName", "default")))
        except ScheduleMissing as error:
            raise _Stop("ResourceNotFoundException", str(error), 404) from error

    def _send_email(self, asked: Parsed) -> Parsed:
        mailbox = self.cloud.mailbox
        tags = _tags(asked)
        mailbox.attempt(tags)
        [recipient] = asked["Destination"]["ToAddresses"]
        code = mailbox.refuses(recipient) if mailbox.refuses is not None else None
        if code is not None:
            raise _Stop(code, "refused")
        try:
            taken = mailbox.take(
                asked["FromEmailAddress"],
                recipient,
                tags,
                asked.get("ConfigurationSetName"),
                raw=bytes(asked["Content"]["Raw"]["Data"]),
            )
        except Refused as refused:
            raise _Stop("BadRequestException", str(refused)) from refused
        return {"MessageId": taken.provider_id}

    def _phones(self, call: str, named: str) -> Callable[[Parsed], Parsed]:
        """One of the providers that reach a phone: moto knows none of them as they are (SNS's endpoints it never disables)."""

        def answer(asked: Parsed) -> Parsed:
            try:
                return {named: getattr(self.cloud.phones, call)(asked)}
            except ProviderSays as said:
                raise _Stop(said.code, str(said), 429 if said.code in BUSY else 400, Reason=said.reason) from said

        return answer

    def _get_account(self, _: Parsed) -> Parsed:
        per_second, per_day, sent_today = self.cloud.mailbox.quota()
        return {"SendQuota": {"Max24HourSend": per_day, "MaxSendRate": per_second, "SentLast24Hours": sent_today}}

    def _invoke(self, asked: Parsed) -> Parsed:
        payload = json.loads(asked.get("Payload") or b"{}")
        try:
            answer: Any = self.cloud.invoke(asked["FunctionName"], payload)
        except FunctionMissing as missing:
            raise _Stop("ResourceNotFoundException", str(missing), 404) from missing
        except FunctionError as error:
            return {
                "StatusCode": 200,
                "FunctionError": "Unhandled",
                "Payload": BytesIO(json.dumps(error.payload()).encode()),
            }
        return {"StatusCode": 200, "Payload": BytesIO(json.dumps(answer).encode())}

    def _send_message(self, asked: Parsed) -> Parsed:
        self.cloud.send_by_url(
            asked["QueueUrl"],
            asked["MessageBody"],
            asked.get("MessageGroupId") or None,
            asked.get("MessageDeduplicationId") or None,
            timedelta(seconds=asked["DelaySeconds"]) if "DelaySeconds" in asked else None,
        )
        return {"MessageId": "local", "MD5OfMessageBody": ""}

    # ------------------------------------------------------------ queues

    def send(
        self,
        queue: Queue,
        body: str,
        group: str | None = None,
        deduplication: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        delay: timedelta | None = None,
    ) -> None:
        self._sync()
        if self._queues[queue.arn].send(body, group, deduplication, attributes, delay):
            self.cloud.queue_changed(queue.arn)

    def source(self, queue: Queue) -> tuple[Any, Any, Any]:
        known = self._queues[queue.arn]
        return known.receive, known.delete, known.next_visible_at

    def bodies(self, queue: Queue) -> list[str]:
        return [body for body, _ in self._queues[queue.arn].lying.values()]

    def take_all(self, queue: Queue) -> list[tuple[str, str | None]]:
        return self._queues[queue.arn].take_all()

    def buried(self, arn: str, message_id: str, body: str, group: str | None) -> None:
        """A queue's redrive moved a message to its dead-letter queue."""
        dead = self._queues[arn]
        dead.lying[message_id] = (body, group)
        self.cloud.buried(dead.queue, body)

    @contextmanager
    def moved(self, by: timedelta) -> Iterator[None]:
        """Real clocks are ahead of the virtual one by a little."""
        self._sync()
        if not by or self._traveller is None:
            yield
            return
        self._coordinates.move_to(self.cloud.clock.now + by)
        try:
            yield
        finally:
            self._coordinates.move_to(self.cloud.clock.now)

    # ------------------------------------------------------------ tables

    def outside(self, settings: Settings) -> Outside:
        return _SeededAws(settings, self)

    @property
    def tables(self) -> DynamoTables:
        """The tables by their real adapter."""
        tables: DynamoTables = self.cloud.outside().tables  # type: ignore[assignment]
        return tables

    def _create_table(self, table: Table) -> None:
        given = table.properties
        call: Parsed = {
            "TableName": table.name,
            "AttributeDefinitions": given["AttributeDefinitions"],
            "KeySchema": given["KeySchema"],
            "BillingMode": "PAY_PER_REQUEST",
        }
        if given.get("GlobalSecondaryIndexes"):
            call["GlobalSecondaryIndexes"] = given["GlobalSecondaryIndexes"]
        if table.stream_view is not None:
            call["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream_view}
        made = self.raw("dynamodb").create_table(**call)["TableDescription"]
        if table.stream_view is not None:
            self._streams[table.name] = MotoStream(self, table, made["LatestStreamArn"])

    def _wrote(self, asked: Parsed) -> None:
        names = {asked["TableName"]} if "TableName" in asked else set()
        for write in asked.get("TransactItems", ()):
            names |= {operation["TableName"] for operation in write.values()}
        names |= set(asked.get("RequestItems", ()))
        for name in sorted(names):
            stream = self._streams.get(name)
            if stream is not None:
                stream.dirty = True
                if not self.cloud.table_changed(stream.table):
                    self.cloud.clock.at(self.cloud.clock.now, stream.drain, f"stream of {name}")

    def stream(self, table: Table, settings: StreamSettings) -> Callable[[], list[Record]]:
        del settings  # the mapping asks its filter itself
        stream = self._streams[table.name]
        return stream.reader()

    def catch_up(self) -> None:
        """Tell the journal the changes of tables up to now."""
        for stream in self._streams.values():
            stream.drain()

    def changed(self, table: Table, record: Mapping[str, Any]) -> None:
        """One change of a table, from its stream."""
        told = record["dynamodb"]
        pk, sk = told["Keys"]["pk"]["S"], told["Keys"]["sk"]["S"]
        image = told.get("NewImage")
        new = {name: plain_value(value) for name, value in image.items()} if image is not None else None
        if table.name in self._journaled:
            self.cloud.journal.changed(self.cloud.clock.now, pk, sk, record["eventName"] != "INSERT", new)
            before = self._due.pop((pk, sk), None)
            if new is not None and "due_kind" in new and "due_at" in new:
                due_at = str(new["due_at"])
                self._due[(pk, sk)] = (str(new["due_kind"]), due_at)
                if before is None or before[1] != due_at:
                    heappush(self._due_heap, (due_at, pk, sk))
                    self.cloud.due_changed(due_at)

    def earliest_due(self) -> str | None:
        self.catch_up()
        heap = self._due_heap
        while heap and self._due.get((heap[0][1], heap[0][2]), ("", ""))[1] != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def _finds_nothing_due(self, asked: Parsed) -> bool:
        """Whether a Query asks the index `due` for what is not there. moto would compare the index's key with every item of
        the table to say so, for each kind in each sweep; whatever could find an item, or is asked otherwise, is left to it."""
        if asked.get("IndexName") != "due" or asked["TableName"] not in self._indexed or not _DUE_ASKED.issuperset(asked):
            return False
        values = asked.get("ExpressionAttributeValues", {})
        kind, until = values.get(":kind", {}).get("S"), values.get(":until", {}).get("S")
        if asked["KeyConditionExpression"] != DUE_KEYS or not kind or not until or asked.get("Limit", 1) < 1:
            return False
        self._streams[asked["TableName"]].drain()
        return not any(due_kind == kind and due_at <= until for due_kind, due_at in self._due.values())

    def items(self, table: Table) -> Iterator[Item]:
        found: list[Item] = []
        for page in self.raw("dynamodb").get_paginator("scan").paginate(TableName=table.name):
            found += [{name: plain_value(value) for name, value in item.items()} for item in page["Items"]]
        yield from sorted(found, key=lambda item: (str(item["pk"]), str(item["sk"])))

    def put_parameter(self, name: str, text: str) -> None:
        self.raw("ssm").put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True)
        clear_caches()  # type: ignore[no-untyped-call]


_EFFECTS: Final[Mapping[tuple[str, str], str]] = {
    **{("dynamodb", operation): "tables.write" for operation in _WRITES},
    **{("dynamodb", operation): "tables.read" for operation in _READS},
    ("events", "PutEvents"): "bus.put",
    ("sqs", "SendMessage"): "queues.send",
    ("stepfunctions", "StartExecution"): "waits.start",
    ("stepfunctions", "StopExecution"): "waits.stop",
    ("scheduler", "CreateSchedule"): "slots.set",
    ("scheduler", "DeleteSchedule"): "slots.clear",
    ("sesv2", "SendEmail"): "mail.send",
    ("pinpoint-sms-voice-v2", "SendTextMessage"): "texts.send",
    ("sns", "Publish"): "pushes.send",
    ("socialmessaging", "SendWhatsAppMessage"): "chats.send",
}
"""The names under which a fault plan counts calls (faults.py)."""


_DUE_ASKED: Final = frozenset(("TableName", "IndexName", "KeyConditionExpression", "ExpressionAttributeValues", "Limit"))

_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "sesv2": ("MessageRejected", ""),
    "pinpoint-sms-voice-v2": ("ValidationException", "INVALID_PARAMETER"),
    "sns": ("InvalidParameter", ""),
    "socialmessaging": ("InvalidParametersException", ""),
}
"""How each provider refuses a message for good: its code, and its reason where it gives one."""

_NAMED: Final[Mapping[str, Callable[[Parsed], str]]] = {
    "SendTextMessage": lambda asked: str((asked.get("Context") or {}).get("aftercare-message", "")),
    "Publish": lambda asked: str(json.loads(json.loads(asked["Message"])["APNS"]).get("aftercare-message", "")),
    "SendWhatsAppMessage": chat_message_id,
}
"""The short name of the message in each provider's call."""


def _botocore_session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", _DATA)
    return session


def _tells_what_is_due(table: Table) -> bool:
    indexes = table.properties.get("GlobalSecondaryIndexes") or ()
    return table.stream_view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES") and any(index["IndexName"] == "due" for index in indexes)


def _nothing_found(_: Parsed) -> Parsed:
    return {"Items": [], "Count": 0, "ScannedCount": 0}


def _tags(asked: Parsed) -> dict[str, str]:
    return {tag["Name"]: tag["Value"] for tag in asked.get("EmailTags", ())}


def plain_value(typed: Mapping[str, Any]) -> Any:
    [(kind, value)] = typed.items()
    if kind == "N":
        return number(value)
    return bytes(value) if kind == "B" else value


def _customers(cloud: LocalCloud) -> frozenset[str]:
    from simulator.memory.backend import table_roles

    return frozenset(name for name, role in table_roles(cloud).items() if role == "customers")
