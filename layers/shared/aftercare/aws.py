"""Every port on the real services, one wire attempt for each call that has an effect. Providers of messages: aws_channels.

Clients come from botocore. boto3 would add what no port uses (resources, uploads), a third of the SDK's import.
"""

import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
)
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.loaders import Loader

from aftercare.clock import Clock, Ids, SystemClock, SystemIds, iso
from aftercare.keys import Key, TableName
from aftercare.outgoing import Chat, Push, Text
from aftercare.outside import Mailer, NotKept, NotThere, Outside, Provider
from aftercare.settings import Settings
from aftercare.table import (
    EXPIRES_AT,
    Absent,
    AllOf,
    AnyOf,
    Change,
    Check,
    Condition,
    ConditionFailed,
    Conflict,
    Exists,
    Is,
    Item,
    Lacks,
    Put,
    Remove,
    Throttled,
    Unclear,
    Value,
    Write,
    number,
    present,
)

if TYPE_CHECKING:
    from aftercare.webhook import Webhooks

CALL = Config(
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=2,
    read_timeout=8,
    tcp_keepalive=True,
    parameter_validation=False,
)
"""One wire attempt: boto3's own retries would put a second send on the wire and hide whether a condition was ours."""

DUE_KEYS = "due_kind = :kind AND due_at <= :until"
"""How the index `due` is asked: what of a kind somebody must come back to by now."""

NEVER_SENT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)
"""Nothing reached the service: the effect cannot have happened."""

_THROTTLES = frozenset(
    (
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "LimitExceededException",
    )
)
_CONFLICTS = frozenset(("TransactionConflictException", "TransactionConflict"))
_STILL_RUNNING = "TransactionInProgressException"
"""An earlier attempt of this very transaction is still at work: it may yet be written."""


def _typed(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Decimal):
        return {"N": f"{value:f}"}  # never with an exponent
    if isinstance(value, bytes):
        return {"B": value}
    return {"S": value}


def _plain(typed: Mapping[str, Any]) -> Value:
    if "S" in typed:
        return str(typed["S"])
    if "N" in typed:
        return number(str(typed["N"]))
    if "BOOL" in typed:
        return bool(typed["BOOL"])
    return bytes(typed["B"])


def _item(typed: Mapping[str, Any] | None) -> Item | None:
    return {name: _plain(value) for name, value in typed.items()} if typed else None


class _Expression:
    """Collects the names and values of one DynamoDB expression."""

    def __init__(self, now: datetime) -> None:
        self._places: dict[str, str] = {}
        self._now = int(now.timestamp())
        self.values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        # Numbered: an attribute may have letters that its place in an expression may not have, such as a hyphen.
        return self._places.setdefault(attribute, f"#n{len(self._places)}")

    def value(self, value: Value) -> str:
        place = f":v{len(self.values)}"
        self.values[place] = _typed(value)
        return place

    def condition(self, condition: Condition) -> str:
        match condition:
            case Absent():
                return f"(attribute_not_exists({self.name('pk')}) OR {self._expired()})"
            case Exists():
                return f"(attribute_exists({self.name('pk')}) AND {self._lasts()})"
            case Is(attribute, value):
                return f"({self.name(attribute)} = {self.value(value)} AND {self._lasts()})"
            case Lacks(attribute):
                return f"(attribute_not_exists({self.name(attribute)}) OR {self._expired()})"
            case AnyOf(conditions):
                return "(" + " OR ".join(self.condition(c) for c in conditions) + ")"
            case AllOf(conditions):
                return "(" + " AND ".join(self.condition(c) for c in conditions) + ")"

    def _expired(self) -> str:
        """What DynamoDB has not deleted yet, though its time is over."""
        return f"{self.name(EXPIRES_AT)} <= {self._time()}"

    def _lasts(self) -> str:
        return f"(attribute_not_exists({self.name(EXPIRES_AT)}) OR {self.name(EXPIRES_AT)} > {self._time()})"

    def _time(self) -> str:
        self.values[":now"] = {"N": str(self._now)}
        return ":now"

    def update(self, change: Change) -> str:
        parts = []
        if change.put:
            parts.append("SET " + ", ".join(f"{self.name(a)} = {self.value(v)}" for a, v in change.put.items()))
        if change.drop:
            parts.append("REMOVE " + ", ".join(self.name(a) for a in change.drop))
        if change.add:
            parts.append("ADD " + ", ".join(f"{self.name(a)} {self.value(v)}" for a, v in change.add.items()))
        return " ".join(parts)

    def fields(self) -> dict[str, Any]:
        return {
            **({"ExpressionAttributeNames": {place: name for name, place in self._places.items()}} if self._places else {}),
            **({"ExpressionAttributeValues": self.values} if self.values else {}),
        }


class DynamoTables:
    """CustomerTable and KnowledgeTable in DynamoDB (port: aftercare.table.Tables)."""

    def __init__(self, client: Any, names: Mapping[TableName, str], ids: Ids, clock: Clock) -> None:
        self._client = client
        self._names = names
        self._ids = ids
        self._clock = clock

    def _key(self, key: Key) -> dict[str, Any]:
        return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}

    def _read_call(self, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A read has no effect: two more attempts cost nothing but time."""
        for left in (2, 1, 0):
            try:
                return call()
            except ClientError as error:
                throttled = error.response["Error"]["Code"] in _THROTTLES
                if not throttled and error.response["ResponseMetadata"].get("HTTPStatusCode", 0) < 500:
                    raise
                if not left:
                    if throttled:
                        raise Throttled(str(error)) from error
                    raise
            except BotoCoreError:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def read(self, keys_: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        by_name = {name: table for table, name in self._names.items()}
        request: dict[str, Any] = {}
        for key in keys_:
            request.setdefault(self._names[key.table], {"Keys": [], "ConsistentRead": True})["Keys"].append(self._key(key))
        for _ in range(5):
            if not request:
                return found
            pending = request
            answer = self._read_call(lambda asked=pending: self._client.batch_get_item(RequestItems=asked))  # type: ignore[misc]
            for name, items in answer["Responses"].items():
                for typed in items:
                    item = self._present(typed)
                    if item is not None:
                        found[Key(by_name[name], str(item["pk"]), str(item["sk"]))] = item
            request = answer.get("UnprocessedKeys") or {}
        if request:
            raise Throttled("BatchGetItem left keys unprocessed")
        return found

    def _present(self, typed: Mapping[str, Any] | None) -> Item | None:
        item = _item(typed)
        return item if item is not None and present(item, self._clock.now()) else None

    def partition(self, table: TableName, pk: str, prefix: str, most: int | None = None, *, expired: bool = False) -> list[Item]:
        asked: dict[str, Any] = {
            "TableName": self._names[table],
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":sk": {"S": prefix}},
            "ConsistentRead": True,
        }
        found = self._all(asked) if most is None else self._all({**asked, "Limit": most}, most)
        return found if expired else [item for item in found if present(item, self._clock.now())]

    def _all(self, asked: dict[str, Any], most: float = math.inf) -> list[Item]:
        """A Query's items, page by page."""
        found: list[Item] = []
        while True:
            answer = self._read_call(lambda: self._client.query(**asked))
            found.extend(_item(typed) or {} for typed in answer["Items"])
            if "LastEvaluatedKey" not in answer or len(found) >= most:
                return found
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def page(self, table: TableName, pk: str, prefix: str, after: str | None, limit: int) -> list[Item]:
        asked: dict[str, Any] = {
            "TableName": self._names[table],
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":sk": {"S": prefix}},
            "ConsistentRead": True,
            "Limit": limit,
        }
        if after is not None:
            asked["ExclusiveStartKey"] = {"pk": {"S": pk}, "sk": {"S": after}}
        answer = self._read_call(lambda: self._client.query(**asked))
        return [_item(typed) or {} for typed in answer["Items"]]

    def due(self, kind: str, until: str, limit: int) -> list[Item]:
        answer = self._read_call(
            lambda: self._client.query(
                TableName=self._names["customers"],
                IndexName="due",
                KeyConditionExpression=DUE_KEYS,
                ExpressionAttributeValues={":kind": {"S": kind}, ":until": {"S": until}},
                Limit=limit,
            )
        )
        return [_item(typed) or {} for typed in answer["Items"]]

    def owned(self, customer_id: str) -> list[Key]:
        asked: dict[str, Any] = {
            "TableName": self._names["customers"],
            "IndexName": "owner",
            "KeyConditionExpression": "customer_id = :id",
            "ExpressionAttributeValues": {":id": {"S": customer_id}},
        }
        return [Key("customers", str(item["pk"]), str(item["sk"])) for item in self._all(asked)]

    def _one(self, write: Write) -> tuple[str, dict[str, Any]]:
        expression = _Expression(self._clock.now())
        call: dict[str, Any] = {"TableName": self._names[write.key.table]}
        match write:
            case Put(key, item):
                kind = "Put"
                call["Item"] = {**self._key(key), **{name: _typed(value) for name, value in item.items()}}
            case Change(key):
                kind = "Update"
                call["Key"] = self._key(key)
                call["UpdateExpression"] = expression.update(write)
            case Remove(key):
                kind = "Delete"
                call["Key"] = self._key(key)
            case Check(key):
                kind = "ConditionCheck"
                call["Key"] = self._key(key)
        if write.when is not None:
            call["ConditionExpression"] = expression.condition(write.when)
            call["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return kind, {**call, **expression.fields()}

    def write(self, writes: Sequence[Write]) -> None:
        if len(writes) == 1 and not isinstance(writes[0], Check):
            kind, call = self._one(writes[0])
            self._apply(lambda: getattr(self._client, f"{kind.lower()}_item")(**call))
            return
        items = [dict([self._one(write)]) for write in writes]
        token = self._ids.new()
        transaction = partial(self._client.transact_write_items, TransactItems=items, ClientRequestToken=token)
        try:
            self._apply(transaction)
        except Unclear:
            # The token makes one more attempt the same transaction. Refused for the load, it says nothing of the first.
            try:
                self._apply(transaction)
            except Throttled as error:
                raise Unclear(str(error)) from error

    def _apply(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except NEVER_SENT as error:
            raise Throttled(str(error)) from error
        except BotoCoreError as error:
            raise Unclear(str(error)) from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                raise ConditionFailed({0: self._present(cast(dict[str, Any], error.response).get("Item"))}) from error
            if code == "TransactionCanceledException":
                raise self._cancelled(error) from error
            if code in _CONFLICTS:
                raise Conflict(code) from error
            if code in _THROTTLES:
                raise Throttled(code) from error
            if code == _STILL_RUNNING or error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= 500:
                raise Unclear(code) from error
            raise

    def _cancelled(self, error: ClientError) -> Exception:
        reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
        failed = {n: self._present(r.get("Item")) for n, r in enumerate(reasons) if r.get("Code") == "ConditionalCheckFailed"}
        if failed:
            return ConditionFailed(failed)
        codes = {r.get("Code") for r in reasons}
        if codes & _CONFLICTS:
            return Conflict(str(sorted(map(str, codes))))
        if codes & _THROTTLES:
            return Throttled(str(sorted(map(str, codes))))
        return error


class EventBridgeBus:
    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, entries: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        answer = self._client.put_events(Entries=list(entries))
        if not answer["FailedEntryCount"]:
            return ()
        return tuple(n for n, entry in enumerate(answer["Entries"]) if entry.get("ErrorCode"))


class SqsQueues:
    def __init__(self, client: Any) -> None:
        self._client = client

    def send(
        self, url: str, body: str, group: str | None = None, deduplication: str | None = None, delay: timedelta | None = None
    ) -> None:
        call: dict[str, Any] = {"QueueUrl": url, "MessageBody": body}
        if group:
            call["MessageGroupId"] = group
        if deduplication:
            call["MessageDeduplicationId"] = deduplication
        if delay:
            call["DelaySeconds"] = int(delay.total_seconds())
        self._client.send_message(**call)


def _schedule(name: str, group: str, role: str, queue_arn: str, at: datetime, body: Mapping[str, Any]) -> dict[str, Any]:
    """A one-time schedule that puts one message on a queue and then deletes itself; `at` has whole seconds."""
    return {
        "Name": name,
        "GroupName": group,
        "ScheduleExpression": f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": queue_arn, "RoleArn": role, "Input": json.dumps(body)},
    }


class StepFunctionsWaits:
    """One execution per wait, started under its name."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def start(self, state_machine: str, name: str, due_at: datetime, payload: Mapping[str, Any]) -> bool:
        try:
            self._client.start_execution(
                stateMachineArn=state_machine, name=name, input=json.dumps({"due_at": iso(due_at), **payload})
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def stop(self, state_machine: str, name: str) -> None:
        execution = f"{state_machine.replace(':stateMachine:', ':execution:')}:{name}"
        with suppress(self._client.exceptions.ExecutionDoesNotExist):
            self._client.stop_execution(executionArn=execution)


class SchedulerWaits:
    """The same wait as a one-time schedule that wakes the function through its own queue: no open execution for months.

    What was started before the setting changed runs on as an execution, and is stopped there.
    """

    def __init__(self, client: Any, settings: Settings, before: Callable[[], StepFunctionsWaits]) -> None:
        self._client = client
        self._settings = settings
        self._before = before

    def start(self, state_machine: str, name: str, due_at: datetime, payload: Mapping[str, Any]) -> bool:
        del state_machine
        schedule = _schedule(
            name,
            self._settings.need("wait_schedule_group"),
            self._settings.need("wait_schedule_role"),
            self._settings.need("wait_queue_arn"),
            due_at,
            {"due_at": iso(due_at), **payload},
        )
        schedule["Target"]["DeadLetterConfig"] = {"Arn": self._settings.need("wait_dead_letters_arn")}
        try:
            self._client.create_schedule(**schedule)
        except self._client.exceptions.ConflictException:
            return False
        return True

    def stop(self, state_machine: str, name: str) -> None:
        with suppress(self._client.exceptions.ResourceNotFoundException):
            self._client.delete_schedule(Name=name, GroupName=self._settings.need("wait_schedule_group"))
        self._before().stop(state_machine, name)


class SchedulerSlots:
    """One one-time schedule per customer that puts SlotDue on the gate's queue."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def set(self, customer_id: str, at: datetime) -> None:
        schedule = _schedule(
            f"slot-{customer_id}",
            self._settings.need("slot_schedule_group"),
            self._settings.need("slot_schedule_role"),
            self._settings.need("gate_queue_arn"),
            at,
            {"slot": {"customer_id": customer_id, "at": iso(at)}},
        )
        schedule["Target"]["SqsParameters"] = {"MessageGroupId": customer_id}
        try:
            self._client.create_schedule(**schedule)
        except self._client.exceptions.ConflictException:
            self._client.update_schedule(**schedule)

    def clear(self, customer_id: str) -> None:
        group = self._settings.need("slot_schedule_group")
        with suppress(self._client.exceptions.ResourceNotFoundException):
            self._client.delete_schedule(Name=f"slot-{customer_id}", GroupName=group)


def _code(error: BaseException | None) -> str | None:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else None


class AwsSecrets:
    """Parameters and secrets through Powertools, kept five minutes."""

    def text(self, name: str) -> str:
        from aws_lambda_powertools.utilities import parameters

        try:
            if name.startswith("arn:") and ":secretsmanager:" in name:
                return str(parameters.get_secret(name, max_age=300))
            return str(parameters.get_parameter(name, decrypt=True, max_age=300))
        except parameters.GetParameterError as error:
            if _code(error.__context__) == "ParameterNotFound":
                raise NotThere(f"parameter {name} is not there") from error
            raise NotKept(f"parameter {name} cannot be read") from error


def client(service: str) -> Any:
    """A client of this account, for the operator's commands; functions use the ports."""
    return (_default() or botocore.session.get_session().create_client)(service, config=CALL)


class _Models(Loader):
    """The SDK's models, first those in AWS_DATA_PATH (layers/shared/prune_models.py)."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Every folder's name. botocore looks into its 420 folders twice to learn what loading then finds by name anyway."""
        del type_name
        return [name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)]  # noqa: PTH112, PTH208


SERVICES = frozenset({
    "dynamodb", "eventbridge", "scheduler", "sesv2", "sfn", "sns", "sqs", "ssm", "secrets-manager",
    "pinpoint-sms-voice-v2", "socialmessaging",
})  # fmt: skip
"""Whose clients functions make, by the names that the SDK's own events have."""


def _concerns(event: str) -> bool:
    """Whether the SDK's own handler of this event can be of use here: it is for every service or for one of ours.

    Nine tenths of them mend calls of S3, EC2 and others, or documentation, and looking at each one's signature is a
    twentieth of a cold start.
    """
    kind, _, rest = event.partition(".")
    return kind != "docs" and (not rest or rest.partition(".")[0] in SERVICES)


def _default() -> Callable[..., Any] | None:
    """What boto3's default session makes clients with, where this process has set one up."""
    session = getattr(sys.modules.get("boto3"), "DEFAULT_SESSION", None)
    return None if session is None else cast(Callable[..., Any], session.client)


def _maker() -> Callable[..., Any]:
    """What makes clients: boto3's default session where this process has set one up, else a session of botocore's own."""
    made = _default()
    if made is not None:
        return made
    own = botocore.session.Session(include_builtin_handlers=False)
    for name, handler, *when in BUILTIN_HANDLERS:
        if _concerns(name):
            emitter = own.get_component("event_emitter")
            register = {REGISTER_FIRST: emitter.register_first, REGISTER_LAST: emitter.register_last}
            register.get(when[0] if when else None, emitter.register)(name, handler)
    path = own.get_config_variable("data_path")
    own.register_component("data_loader", _Models(path.split(os.pathsep) if path else None))
    return own.create_client


class AwsOutside(Outside):
    """Every port on AWS; a client is made when it is first used and kept for the life of the process."""

    def __init__(self, settings: Settings, clock: Clock | None = None, ids: Ids | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.ids = ids or SystemIds()

    @cached_property
    def _make(self) -> Callable[..., Any]:
        return _maker()

    def _client(self, service: str) -> Any:
        return self._make(service, config=CALL)

    @cached_property
    def tables(self) -> DynamoTables:  # type: ignore[override]
        names: dict[TableName, str] = {}
        if self.settings.customer_table:
            names["customers"] = self.settings.customer_table
        if self.settings.knowledge_table:
            names["knowledge"] = self.settings.knowledge_table
        return DynamoTables(self._client("dynamodb"), names, self.ids, self.clock)

    @cached_property
    def bus(self) -> EventBridgeBus:  # type: ignore[override]
        return EventBridgeBus(self._client("events"))

    @cached_property
    def queues(self) -> SqsQueues:  # type: ignore[override]
        return SqsQueues(self._client("sqs"))

    @cached_property
    def waits(self) -> StepFunctionsWaits | SchedulerWaits:  # type: ignore[override]
        if self.settings.long_waits == "Scheduler":
            before = lambda: StepFunctionsWaits(self._client("stepfunctions"))  # noqa: E731 - made when something is stopped
            return SchedulerWaits(self._client("scheduler"), self.settings, before)
        return StepFunctionsWaits(self._client("stepfunctions"))

    @cached_property
    def slots(self) -> SchedulerSlots:  # type: ignore[override]
        return SchedulerSlots(self._client("scheduler"), self.settings)

    @cached_property
    def mail(self) -> Mailer:  # type: ignore[override]
        from aftercare.aws_channels import SesMail

        return SesMail(self._client("sesv2"), self.settings, self.clock)

    @cached_property
    def texts(self) -> Provider[Text]:  # type: ignore[override]
        from aftercare.aws_channels import SmsTexts

        return SmsTexts(self._client("pinpoint-sms-voice-v2"), self.settings, self.clock)

    @cached_property
    def pushes(self) -> Provider[Push]:  # type: ignore[override]
        from aftercare.aws_channels import SnsPushes

        return SnsPushes(self._client("sns"), self.clock)

    @cached_property
    def chats(self) -> Provider[Chat]:  # type: ignore[override]
        from aftercare.aws_channels import WhatsAppChats

        return WhatsAppChats(self._client("socialmessaging"), self.settings, self.clock)

    @cached_property
    def webhooks(self) -> "Webhooks":  # type: ignore[override]
        from aftercare.https_post import HttpsPost

        return HttpsPost()

    @cached_property
    def secrets(self) -> AwsSecrets:  # type: ignore[override]
        return AwsSecrets()
