"""The translated template to descriptions: parameters, intrinsic functions, names, one method for each type."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from simulator.template.known import NO_EFFECT, USED, WITHOUT_EFFECT
from simulator.template.resources import (
    PARTITION,
    Api,
    BusStatement,
    EventBus,
    Function,
    Machine,
    Parameter,
    Queue,
    Route,
    Rule,
    Schedule,
    Secret,
    SourceMapping,
    Table,
    Template,
)
from simulator.template.targets import rule_target
from simulator.template_intrinsics import Environment, TemplateError, creation_order, resolve

_ROUTE_METHODS: Final = {"get", "head", "post", "put", "patch", "delete", "options", "x-amazon-apigateway-any-method"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the template is deployed: it goes into every name and ARN."""

    stack: str
    region: str
    account: str

    def arn(self, service: str, rest: str, *, regional: bool = True) -> str:
        return f"arn:{PARTITION}:{service}:{self.region if regional else ''}:{self.account}:{rest}"


class Reader:
    def __init__(
        self,
        root: Path,
        translated: Mapping[str, Any],
        parameters: Mapping[str, str],
        place: Place,
        definitions: Mapping[str, str],
    ) -> None:
        self.root = root
        self.definitions = definitions
        self.place = place
        self.document = translated["template"]
        self.code: Mapping[str, str] = translated["code"]
        self.layers: Mapping[str, str] = translated["layers"]
        self.environment = Environment(
            parameters=self._parameters(parameters),
            resources=self,
            mappings=self.document.get("Mappings") or {},
            conditions=self.document.get("Conditions") or {},
            region=place.region,
            account_id=place.account,
            partition=PARTITION,
            stack_name=place.stack,
        )
        self.names: dict[str, tuple[str, dict[str, str]]] = {}
        self.policies: dict[str, list[dict[str, Any]]] = {}

    def _parameters(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Every parameter's value: what was given, else its default, within what the template allows."""
        declared = self.document.get("Parameters") or {}
        for name in given:
            if name not in declared:
                raise TemplateError("Parameters", f"there is no parameter {name}")
        values: dict[str, Any] = {}
        for name, parameter in declared.items():
            if name not in given and "Default" not in parameter:
                raise TemplateError(f"Parameters.{name}", "has no default and was not given")
            value = given.get(name, _text(parameter.get("Default")))
            allowed, pattern = parameter.get("AllowedValues"), parameter.get("AllowedPattern")
            if allowed is not None and value not in map(_text, allowed):
                raise TemplateError(f"Parameters.{name}", f"{value!r} is none of {', '.join(map(_text, allowed))}")
            if pattern is not None and not re.fullmatch(pattern, value):
                wanted = parameter.get("ConstraintDescription") or f"must match {pattern}"
                raise TemplateError(f"Parameters.{name}", f"{value!r}: {wanted}")
            if len(value) < int(parameter.get("MinLength", 0)):
                raise TemplateError(f"Parameters.{name}", f"{value!r} is shorter than {parameter['MinLength']} characters")
            low, high = float(parameter.get("MinValue", "-inf")), float(parameter.get("MaxValue", "inf"))
            if parameter["Type"] == "Number" and not low <= float(value) <= high:
                raise TemplateError(f"Parameters.{name}", f"{value} is not between {low:g} and {high:g}")
            values[name] = value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
        return values

    def _resolve(self, value: Any, logical_id: str) -> Any:
        return resolve(value, self.environment, f"Resources.{logical_id}")

    def _exists(self, logical_id: str) -> bool:
        condition = self.document["Resources"][logical_id].get("Condition")
        return condition is None or self.environment.holds(condition)

    # what Environment asks for (port: template_intrinsics.Resources)

    def ref(self, logical_id: str) -> str:
        return self._named(logical_id)[0]

    def get_att(self, logical_id: str, attribute: str) -> str:
        return self._named(logical_id)[1][attribute]

    def _named(self, logical_id: str) -> tuple[str, dict[str, str]]:
        if logical_id not in self.names:
            resource = self.document["Resources"][logical_id]
            if not self._exists(logical_id):
                raise KeyError(logical_id)
            self.names[logical_id] = self.physical(logical_id, resource)
        return self.names[logical_id]

    # ------------------------------------------------------------ names

    def _given_name(self, logical_id: str, resource: Mapping[str, Any], key: str, default: str) -> str:
        name = (resource.get("Properties") or {}).get(key)
        return default if name is None else str(self._resolve(name, logical_id))

    def physical(self, logical_id: str, resource: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """What Ref and GetAtt give for a resource."""
        place, kind = self.place, resource["Type"]
        default = f"{place.stack}-{logical_id}"
        properties = resource.get("Properties") or {}
        if kind == "AWS::SQS::Queue":
            suffix = ".fifo" if properties.get("FifoQueue") in (True, "true") else ""
            name = self._given_name(logical_id, resource, "QueueName", default[: 80 - len(suffix)] + suffix)
            url = f"https://sqs.{place.region}.amazonaws.com/{place.account}/{name}"
            return url, {"Arn": place.arn("sqs", name), "QueueName": name, "QueueUrl": url}
        if kind == "AWS::DynamoDB::Table":
            name = self._given_name(logical_id, resource, "TableName", default)
            arn = place.arn("dynamodb", f"table/{name}")
            return name, {"Arn": arn, "StreamArn": f"{arn}/stream/2026-01-01T00:00:00.000"}
        if kind == "AWS::Lambda::Function":
            name = self._given_name(logical_id, resource, "FunctionName", default[:64])
            return name, {"Arn": place.arn("lambda", f"function:{name}")}
        if kind == "AWS::Events::EventBus":
            name = self._given_name(logical_id, resource, "Name", default)
            return name, {"Arn": place.arn("events", f"event-bus/{name}"), "Name": name}
        if kind == "AWS::Events::Rule":
            name = self._given_name(logical_id, resource, "Name", default[:64])
            bus = self._given_name(logical_id, resource, "EventBusName", "default")
            path = name if bus == "default" else f"{bus}/{name}"
            return (name if bus == "default" else f"{bus}|{name}"), {"Arn": place.arn("events", f"rule/{path}")}
        if kind == "AWS::StepFunctions::StateMachine":
            name = self._given_name(logical_id, resource, "StateMachineName", default[:80])
            arn = place.arn("states", f"stateMachine:{name}")
            return arn, {"Arn": arn, "Name": name}
        if kind == "AWS::SecretsManager::Secret":
            name = self._given_name(logical_id, resource, "Name", default)
            arn = place.arn("secretsmanager", f"secret:{name}-{hashlib.sha256(name.encode()).hexdigest()[:6]}")
            return arn, {"Id": arn}
        if kind == "AWS::IAM::Role":
            name = self._given_name(logical_id, resource, "RoleName", default[:64])
            return name, {"Arn": place.arn("iam", f"role/{name}", regional=False), "RoleId": f"AROA{logical_id}"}
        if kind == "AWS::SNS::Topic":
            name = self._given_name(logical_id, resource, "TopicName", default)
            arn = place.arn("sns", name)
            return arn, {"TopicArn": arn, "TopicName": name}
        if kind == "AWS::Logs::LogGroup":
            name = self._given_name(logical_id, resource, "LogGroupName", default)
            return name, {"Arn": place.arn("logs", f"log-group:{name}:*")}
        if kind == "AWS::ApiGatewayV2::Api":
            api_id = hashlib.sha256(default.encode()).hexdigest()[:10]
            return api_id, {"ApiId": api_id, "ApiEndpoint": f"https://{self.domain(api_id)}"}
        if kind == "AWS::Scheduler::ScheduleGroup":
            name = self._given_name(logical_id, resource, "Name", default[:64])
            return name, {"Arn": place.arn("scheduler", f"schedule-group/{name}")}
        if kind in ("AWS::SES::ConfigurationSet", "AWS::SSM::Parameter"):
            return self._given_name(logical_id, resource, "Name", default), {}
        if kind == "AWS::ApiGatewayV2::DomainName":
            name = self._given_name(logical_id, resource, "DomainName", default)
            return name, {"RegionalDomainName": f"d-local.execute-api.{place.region}.amazonaws.com", "RegionalHostedZoneId": "Z0"}
        if kind == "AWS::ApiGatewayV2::Stage":
            return self._given_name(logical_id, resource, "StageName", "$default"), {}
        if kind == "AWS::Lambda::LayerVersion":
            return place.arn("lambda", f"layer:{default}:1"), {"LayerVersionArn": place.arn("lambda", f"layer:{default}:1")}
        return default, {"Arn": place.arn("local", default)}

    def domain(self, api_id: str) -> str:
        return f"{api_id}.execute-api.{self.place.region}.amazonaws.com"

    # ------------------------------------------------------------ resources

    def read(self) -> Template:
        kept: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        without: dict[str, str] = {}
        creation_order(self.document["Resources"], self.environment)  # a circle is refused, as CloudFormation does
        for logical_id, resource in self.document["Resources"].items():
            kind = resource["Type"]
            if not self._exists(logical_id):
                continue
            if kind in WITHOUT_EFFECT:
                without[logical_id] = kind
                if kind == "AWS::IAM::Role":
                    self._keep_policies(logical_id, resource)
                continue
            if kind not in USED:
                raise TemplateError("", f"{logical_id}: the local cloud does not know the resource type {kind}")
            given = set(resource.get("Properties") or {})
            for name in sorted(given - USED[kind] - NO_EFFECT.get(kind, frozenset())):
                raise TemplateError("", f"{logical_id}: {kind}: the local cloud does not know the property {name}")
            properties = self._resolve(resource.get("Properties") or {}, logical_id)
            kept.setdefault(kind, []).append((logical_id, properties))

        def each(kind: str) -> list[tuple[str, dict[str, Any]]]:
            return kept.get(f"AWS::{kind}", [])

        return Template(
            parameters={name: _joined(value) for name, value in self.environment.parameters.items()},
            functions={i: self._function(i, p) for i, p in each("Lambda::Function")},
            queues=tuple(self._queue(i, p) for i, p in each("SQS::Queue")),
            tables=tuple(self._table(i, p) for i, p in each("DynamoDB::Table")),
            buses=tuple(EventBus(i, self.ref(i), self.get_att(i, "Arn")) for i, _ in each("Events::EventBus")),
            bus_statements=tuple(self._statement(i, p) for i, p in each("Events::EventBusPolicy")),
            rules=tuple(self._rule(i, p) for i, p in each("Events::Rule")),
            mappings=tuple(self._mapping(i, p) for i, p in each("Lambda::EventSourceMapping")),
            apis=tuple(self._api(i, p) for i, p in each("ApiGatewayV2::Api")),
            machines=tuple(self._machine(i, p) for i, p in each("StepFunctions::StateMachine")),
            schedules=tuple(
                Schedule(i, str(p.get("Name") or f"{self.place.stack}-{i}"), str(p.get("GroupName") or "default"), p)
                for i, p in each("Scheduler::Schedule")
            ),
            schedule_groups=tuple(self.ref(i) for i, _ in each("Scheduler::ScheduleGroup")),
            secrets=tuple(self._secret(i, p) for i, p in each("SecretsManager::Secret")),
            ssm_parameters=tuple(self._parameter(i, p) for i, p in each("SSM::Parameter")),
            configuration_sets=self._configuration_sets(
                each("SES::ConfigurationSet"), each("SES::ConfigurationSetEventDestination")
            ),
            outputs=self._outputs(),
            without_effect=without,
        )

    def _outputs(self) -> dict[str, Any]:
        outputs = {}
        for name, output in (self.document.get("Outputs") or {}).items():
            if "Condition" not in output or self.environment.holds(output["Condition"]):
                outputs[name] = resolve(output["Value"], self.environment, f"Outputs.{name}")
        return outputs

    def _keep_policies(self, logical_id: str, resource: Mapping[str, Any]) -> None:
        resolved = self._resolve((resource.get("Properties") or {}).get("Policies") or [], logical_id)
        statements: list[dict[str, Any]] = []
        for policy in resolved:
            found = policy["PolicyDocument"]["Statement"]
            statements += found if isinstance(found, list) else [found]
        self.policies[self.get_att(logical_id, "Arn")] = statements

    def _reads_only_due(self, role_arn: str) -> bool:
        queried: list[str] = []
        for statement in self.policies.get(role_arn, ()):
            actions = _list(statement.get("Action"))
            if any(action in ("*", "dynamodb:*", "dynamodb:Scan") for action in actions):
                return False
            if "dynamodb:Query" in actions:
                queried += map(str, _list(statement.get("Resource")))
        return bool(queried) and all(resource.endswith("/index/due") for resource in queried)

    def _function(self, logical_id: str, properties: Mapping[str, Any]) -> Function:
        if properties.get("PackageType", "Zip") != "Zip" or "Handler" not in properties:
            raise TemplateError("", f"{logical_id}: AWS::Lambda::Function: only zip packages with a Handler run here")
        environment = (properties.get("Environment") or {}).get("Variables") or {}
        role = str(properties.get("Role") or "")
        return Function(
            logical_id=logical_id,
            name=self.ref(logical_id),
            arn=self.get_att(logical_id, "Arn"),
            role_arn=role,
            handler=str(properties["Handler"]),
            code_root=(self.root / self.code.get(logical_id, ".")).resolve(),
            layer_roots=tuple(self._layer_roots()),
            environment={name: _text(value) for name, value in environment.items()},
            timeout=int(properties.get("Timeout", 3)),
            memory=int(properties.get("MemorySize", 128)),
            dead_letters=(properties.get("DeadLetterConfig") or {}).get("TargetArn"),
            reads_only_due=self._reads_only_due(role),
        )

    def _layer_roots(self) -> Iterator[Path]:
        for content in self.layers.values():
            root = (self.root / content).resolve()
            yield root / "python" if (root / "python").is_dir() else root

    def _queue(self, logical_id: str, properties: Mapping[str, Any]) -> Queue:
        redrive = properties.get("RedrivePolicy")
        scope = str(properties.get("DeduplicationScope", "queue"))
        if scope not in ("queue", "messageGroup"):
            raise TemplateError("", f"{logical_id}: AWS::SQS::Queue: DeduplicationScope {scope!r}")
        return Queue(
            logical_id=logical_id,
            name=self.get_att(logical_id, "QueueName"),
            arn=self.get_att(logical_id, "Arn"),
            url=self.ref(logical_id),
            fifo=_true(properties.get("FifoQueue")),
            visibility_timeout=timedelta(seconds=int(properties.get("VisibilityTimeout", 30))),
            delay=timedelta(seconds=int(properties.get("DelaySeconds", 0))),
            retention=timedelta(seconds=int(properties.get("MessageRetentionPeriod", 345_600))),
            content_based_deduplication=_true(properties.get("ContentBasedDeduplication")),
            deduplication_scope=scope,  # type: ignore[arg-type]
            redrive=(str(redrive["deadLetterTargetArn"]), int(redrive["maxReceiveCount"])) if redrive else None,
            properties=properties,
        )

    def _table(self, logical_id: str, properties: Mapping[str, Any]) -> Table:
        stream = (properties.get("StreamSpecification") or {}).get("StreamViewType")
        own = [entry["AttributeName"] for entry in properties["KeySchema"]]
        indexes: dict[str, tuple[str, ...] | None] = {}
        for index in properties.get("GlobalSecondaryIndexes") or ():
            projection = index["Projection"]
            keys = [entry["AttributeName"] for entry in index["KeySchema"]]
            kind = projection["ProjectionType"]
            if kind == "ALL":
                indexes[index["IndexName"]] = None
            elif kind == "KEYS_ONLY":
                indexes[index["IndexName"]] = tuple(dict.fromkeys((*own, *keys)))
            else:
                indexes[index["IndexName"]] = tuple(dict.fromkeys((*own, *keys, *projection["NonKeyAttributes"])))
        return Table(
            logical_id=logical_id,
            name=self.ref(logical_id),
            arn=self.get_att(logical_id, "Arn"),
            stream_arn=self.get_att(logical_id, "StreamArn") if stream else None,
            stream_view=stream,
            indexes=indexes,
            properties=properties,
        )

    def _statement(self, logical_id: str, properties: Mapping[str, Any]) -> BusStatement:
        statement = properties["Statement"]
        if _list(statement.get("Action")) != ["events:PutEvents"]:
            raise TemplateError("", f"{logical_id}: AWS::Events::EventBusPolicy: only events:PutEvents is known")
        return BusStatement(str(properties.get("EventBusName", "default")), statement["Effect"], statement.get("Condition") or {})

    def _rule(self, logical_id: str, properties: Mapping[str, Any]) -> Rule:
        where = f"{logical_id}: AWS::Events::Rule"
        return Rule(
            logical_id=logical_id,
            name=self.ref(logical_id).rpartition("|")[2],
            arn=self.get_att(logical_id, "Arn"),
            bus=str(properties.get("EventBusName") or "default"),
            pattern=properties.get("EventPattern"),
            schedule=properties.get("ScheduleExpression"),
            enabled=properties.get("State", "ENABLED") != "DISABLED",
            targets=tuple(rule_target(target, where) for target in properties.get("Targets") or ()),
        )

    def _mapping(self, logical_id: str, properties: Mapping[str, Any]) -> SourceMapping:
        source = str(properties["EventSourceArn"])
        service = source.split(":")[2]
        if service not in ("sqs", "dynamodb"):
            raise TemplateError("", f"{logical_id}: AWS::Lambda::EventSourceMapping: a source of kind {service} is not known")
        name = str(properties["FunctionName"])
        arn = name if name.startswith("arn:") else self.place.arn("lambda", f"function:{name}")
        enabled = properties.get("Enabled", True)
        return SourceMapping(logical_id, source, "sqs" if service == "sqs" else "stream", arn, _true(enabled), properties)

    def _api(self, logical_id: str, properties: Mapping[str, Any]) -> Api:
        routes: list[Route] = []
        for path, methods in (properties.get("Body") or {}).get("paths", {}).items():
            for method, operation in methods.items():
                if method not in _ROUTE_METHODS:
                    raise TemplateError("", f"{logical_id}: AWS::ApiGatewayV2::Api: {path}: method {method} is not known")
                integration = operation["x-amazon-apigateway-integration"]
                found = re.search(r"/functions/(arn:[^/]+)/invocations$", str(integration.get("uri", "")))
                if integration.get("type") != "aws_proxy" or found is None or integration.get("payloadFormatVersion") != "2.0":
                    raise TemplateError("", f"{logical_id}: {method} {path}: only Lambda proxies of payload format 2.0 are known")
                verb = "ANY" if method.startswith("x-") else method.upper()
                routes.append(Route(verb, path, found[1]))
        api_id = self.ref(logical_id)
        routes.sort(key=lambda route: (route.path, route.method))
        return Api(logical_id, api_id, self.domain(api_id), tuple(routes))

    def _machine(self, logical_id: str, properties: Mapping[str, Any]) -> Machine:
        where = f"{logical_id}: AWS::StepFunctions::StateMachine"
        if properties.get("StateMachineType", "STANDARD") != "STANDARD":
            raise TemplateError("", f"{where}: StateMachineType {properties['StateMachineType']} is not known, only STANDARD")
        definition = properties.get("Definition")
        if definition is None:
            definition = json.loads(properties["DefinitionString"])
        if set(definition) == {"DefinitionUri"}:
            file = str(definition["DefinitionUri"])
            if file not in self.definitions:
                raise TemplateError("", f"{where}: DefinitionUri {file}: there is no such file")
            definition = yaml.safe_load(self.definitions[file])
        text = json.dumps(definition, default=str)
        for name, value in (properties.get("DefinitionSubstitutions") or {}).items():
            text = text.replace(f"${{{name}}}", json.dumps(str(value))[1:-1])
        left = re.search(r"\$\{([A-Za-z0-9_]+)\}", text)
        if left is not None:
            raise TemplateError("", f"{where}: no DefinitionSubstitutions for ${{{left[1]}}}")
        return Machine(logical_id, self.get_att(logical_id, "Name"), self.get_att(logical_id, "Arn"), json.loads(text))

    def _secret(self, logical_id: str, properties: Mapping[str, Any]) -> Secret:
        name = self._given_name(logical_id, self.document["Resources"][logical_id], "Name", f"{self.place.stack}-{logical_id}")
        return Secret(
            logical_id, name, self.ref(logical_id), properties.get("GenerateSecretString"), properties.get("SecretString")
        )

    def _parameter(self, logical_id: str, properties: Mapping[str, Any]) -> Parameter:
        return Parameter(logical_id, self.ref(logical_id), str(properties["Value"]))

    def _configuration_sets(
        self, sets: list[tuple[str, dict[str, Any]]], destinations: list[tuple[str, dict[str, Any]]]
    ) -> dict[str, tuple[str, ...]]:
        """Which kinds of event each configuration set tells the default bus."""
        told: dict[str, tuple[str, ...]] = {self.ref(logical_id): () for logical_id, _ in sets}
        for logical_id, properties in destinations:
            destination = properties["EventDestination"]
            if "EventBridgeDestination" not in destination:
                raise TemplateError("", f"{logical_id}: AWS::SES::ConfigurationSetEventDestination: only EventBridge is known")
            if _true(destination.get("Enabled", True)):
                name = str(properties["ConfigurationSetName"])
                told[name] = (*told.get(name, ()), *map(str, destination["MatchingEventTypes"]))
        return told


def _joined(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
