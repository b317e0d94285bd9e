"""What the template deploys, one description for each kind of resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

from simulator.template_intrinsics import TemplateError

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
PARTITION: Final = "aws"


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function. `package` is the module that its handler lies in; `timeout` in seconds, `memory` in MB."""

    logical_id: str
    name: str
    arn: str
    role_arn: str
    handler: str
    code_root: Path
    layer_roots: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout: int
    memory: int
    dead_letters: str | None = None
    reads_only_due: bool = False
    """Its role may query nothing but an index named due: when nothing is due, it has nothing to find."""

    @property
    def package(self) -> str:
        return self.handler.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Queue:
    """One SQS queue; `redrive` is (ARN of the dead-letter queue, maxReceiveCount)."""

    logical_id: str
    name: str
    arn: str
    url: str
    fifo: bool
    visibility_timeout: timedelta
    delay: timedelta
    retention: timedelta
    content_based_deduplication: bool
    deduplication_scope: Literal["queue", "messageGroup"]
    redrive: tuple[str, int] | None
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """One DynamoDB table; `indexes` maps a global index to the attributes it projects (None: all)."""

    logical_id: str
    name: str
    arn: str
    stream_arn: str | None
    stream_view: str | None
    indexes: Mapping[str, tuple[str, ...] | None]
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventBus:
    logical_id: str
    name: str
    arn: str


@dataclass(frozen=True, slots=True)
class BusStatement:
    """One statement of a bus's policy, about PutEvents."""

    bus: str
    effect: Literal["Allow", "Deny"]
    conditions: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """What a rule or schedule delivers to. `kind` says which service; `given` is the target as the template has it."""

    id: str
    arn: str
    kind: Literal["sqs", "lambda", "states", "bus"]
    given: Mapping[str, Any]
    dead_letters: str | None
    maximum_age: timedelta
    maximum_attempts: int
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """An EventBridge rule with a pattern (on its bus), a schedule, or both."""

    logical_id: str
    name: str
    arn: str
    bus: str
    pattern: Mapping[str, Any] | None
    schedule: str | None
    enabled: bool
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """An event source mapping: a queue or a table's stream to a function. `properties` as CloudFormation names them."""

    logical_id: str
    source_arn: str
    kind: Literal["sqs", "stream"]
    function_arn: str
    enabled: bool
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the HTTP API and the function (its ARN) behind it; `path` as in the template, `/o/{token}`."""

    method: str
    path: str
    function_arn: str

    @property
    def key(self) -> str:
        return "$default" if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Api:
    logical_id: str
    id: str
    domain: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """A Standard state machine; `definition` has its substitutions made."""

    logical_id: str
    name: str
    arn: str
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Schedule:
    """An EventBridge Scheduler schedule that the template itself makes."""

    logical_id: str
    name: str
    group: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret; `generate` is GenerateSecretString, `text` a literal SecretString."""

    logical_id: str
    name: str
    arn: str
    generate: Mapping[str, Any] | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Parameter:
    logical_id: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Template:
    """All resources with an effect, by kind, in the template's order. `without_effect` lists the others by type."""

    parameters: Mapping[str, str]
    functions: Mapping[str, Function]
    queues: tuple[Queue, ...] = ()
    tables: tuple[Table, ...] = ()
    buses: tuple[EventBus, ...] = ()
    bus_statements: tuple[BusStatement, ...] = ()
    rules: tuple[Rule, ...] = ()
    mappings: tuple[SourceMapping, ...] = ()
    apis: tuple[Api, ...] = ()
    machines: tuple[Machine, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    schedule_groups: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    ssm_parameters: tuple[Parameter, ...] = ()
    configuration_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    without_effect: Mapping[str, str] = field(default_factory=dict)

    def queue(self, name: str) -> Queue:
        """A queue by logical id, name, ARN or URL. TemplateError when there is none."""
        for queue in self.queues:
            if name in (queue.logical_id, queue.name, queue.arn, queue.url):
                return queue
        raise TemplateError("", f"no queue {name}: there are {', '.join(queue.logical_id for queue in self.queues)}")
