"""template.yaml against what the design promises, and the lists around it that must agree with it."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from aftercare.events import CATALOGUE
from aftercare.settings import ENVIRONMENT

ROOT = Path(__file__).parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
DEFAULTS = TEMPLATE["Globals"]["Function"]
READ_BY_LIBRARIES = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "AWS_CA_BUNDLE", "AWS_DATA_PATH"}
GATE = "MessageGateRole"
RELAY = "EventRelayRole"


def of_type(kind: str) -> dict[str, Any]:
    return {name: r.get("Properties", {}) for name, r in RESOURCES.items() if r["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
RULES = of_type("AWS::Events::Rule")
ROLES = of_type("AWS::IAM::Role")
ALARMS = of_type("AWS::CloudWatch::Alarm")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def chosen(values: Any) -> Iterator[Any]:
    """List members, with both branches of each Fn::If and without AWS::NoValue."""
    for value in listed(values):
        if isinstance(value, dict) and "Fn::If" in value:
            yield from (branch for branch in value["Fn::If"][1:] if branch != {"Ref": "AWS::NoValue"})
        else:
            yield value


def target(value: Any) -> str:
    """The logical id that a Ref or GetAtt names."""
    if "Ref" in value:
        return str(value["Ref"])
    got = value["Fn::GetAtt"]
    return str(got.split(".")[0] if isinstance(got, str) else got[0])


def statements(role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for policy in ROLES[role]["Policies"]:
        found.extend(chosen(policy["PolicyDocument"]["Statement"]))
    return found


def granted(role: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            yield action, statement


def environment(function: str) -> dict[str, Any]:
    return {**DEFAULTS["Environment"]["Variables"], **FUNCTIONS[function]["Environment"]["Variables"]}


def events_of(function: str, kind: str) -> dict[str, Any]:
    return {n: e["Properties"] for n, e in FUNCTIONS[function].get("Events", {}).items() if e["Type"] == kind}


def redrive(queue: str) -> str | None:
    policy = QUEUES[queue].get("RedrivePolicy")
    return target(policy["deadLetterTargetArn"]) if policy else None


WORKING = {queue for queue in QUEUES if redrive(queue)}
DEAD_LETTERS = set(QUEUES) - WORKING


# ---------------------------------------------------------------- packages and build


def test_functions_run_on_the_runtime_that_the_layer_is_built_for():
    assert (DEFAULTS["Runtime"], DEFAULTS["Architectures"]) == ("python3.13", ["arm64"])
    assert not [name for name, f in FUNCTIONS.items() if {"Runtime", "Architectures", "CodeUri", "Layers"} & f.keys()]
    layer = RESOURCES["SharedLayer"]["Properties"]
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.13"], ["arm64"])


def test_each_function_has_its_package_and_each_package_its_function():
    handlers = {name: properties["Handler"] for name, properties in FUNCTIONS.items()}
    assert all(re.fullmatch(r"[a-z_]+\.handler\.handle", handler) for handler in handlers.values())
    packages = {folder.parent.name for folder in (ROOT / "functions").glob("*/__init__.py")}
    assert {handler.split(".")[0] for handler in handlers.values()} == packages


def test_the_makefile_builds_exactly_the_functions_each_with_its_own_package():
    lines = (ROOT / "functions/Makefile").read_text(encoding="utf-8")
    built = dict(re.findall(r"^build-(\w+): PACKAGE = (\w+)$", lines, re.MULTILINE))
    assert built == {name: properties["Handler"].split(".")[0] for name, properties in FUNCTIONS.items()}
    assert all(RESOURCES[name]["Metadata"]["BuildMethod"] == "makefile" for name in [*FUNCTIONS, "SharedLayer"])
    assert "\nbuild-SharedLayer:" in (ROOT / "layers/shared/Makefile").read_text(encoding="utf-8")


def pins(path: str) -> dict[str, str]:
    lines = (ROOT / path).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", lines, re.MULTILINE))


@pytest.mark.parametrize("other", ["requirements/dev.txt", "requirements/lint.txt"])
def test_what_is_tested_is_what_is_deployed(other):
    layer, tested = pins("layers/shared/requirements.txt"), pins(other)
    assert layer == {name: tested.get(name) for name in layer}


@pytest.mark.parametrize("path", ["layers/shared/requirements.txt", *(f"requirements/{n}.txt" for n in ("dev", "lint", "tools"))])
def test_every_locked_package_has_its_hashes_and_no_address(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "://" not in text and "index-url" not in text


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_gets_only_variables_that_the_settings_know(function):
    assert environment(function).keys() - READ_BY_LIBRARIES <= set(ENVIRONMENT.values())


def test_every_setting_is_given_to_some_function():
    given = set().union(*(environment(function).keys() for function in FUNCTIONS))
    assert given - READ_BY_LIBRARIES == set(ENVIRONMENT.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_read_exactly_the_secrets_that_it_is_told_of(function):
    secrets = of_type("AWS::SecretsManager::Secret")
    told = {value["Ref"] for value in environment(function).values() if isinstance(value, dict) and value.get("Ref") in secrets}
    role = target(FUNCTIONS[function]["Role"])
    may = {target(r) for action, s in granted(role) if action == "secretsmanager:GetSecretValue" for r in s["Resource"]}
    assert may == told


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_send_to_exactly_the_queues_that_it_is_told_of(function):
    told = {value["Ref"] for name, value in environment(function).items() if name.endswith("_QUEUE_URL")}
    role = target(FUNCTIONS[function]["Role"])
    may = {target(r) for action, s in granted(role) if action == "sqs:SendMessage" for r in listed(s["Resource"])}
    assert may & WORKING == told


def test_each_workflow_gets_exactly_the_substitutions_it_names():
    for machine in of_type("AWS::Serverless::StateMachine").values():
        definition = (ROOT / machine["DefinitionUri"]).read_text(encoding="utf-8")
        assert set(re.findall(r"\$\{(\w+)\}", definition)) == set(machine["DefinitionSubstitutions"])
        assert yaml.safe_load(definition)["StartAt"]


def test_a_deployment_is_asked_for_two_answers_and_for_no_secret():
    required = {name for name, parameter in TEMPLATE["Parameters"].items() if "Default" not in parameter}
    assert required == {"SenderAddress", "PostalAddress"}
    assert not any(parameter.get("NoEcho") for parameter in TEMPLATE["Parameters"].values())


# ---------------------------------------------------------------- logs, alarms, hand-overs


def test_each_function_writes_to_a_log_group_of_its_own_with_a_retention():
    groups = of_type("AWS::Logs::LogGroup")
    used = [target(properties["LoggingConfig"]["LogGroup"]) for properties in FUNCTIONS.values()]
    assert len(set(used)) == len(used) and set(used) <= groups.keys()
    assert all(properties["LoggingConfig"]["LogFormat"] == "Text" for properties in FUNCTIONS.values())
    assert all("RetentionInDays" in properties for properties in groups.values())


def test_every_queue_is_encrypted_without_the_managed_kms_key():
    """Under the managed KMS key EventBridge and SNS cannot deliver, and the rule fails silently."""
    assert [name for name, q in QUEUES.items() if q.get("SqsManagedSseEnabled") is not True or "KmsMasterKeyId" in q] == []


@pytest.mark.parametrize("queue", sorted(WORKING))
def test_a_queue_that_is_worked_on_has_a_dead_letter_queue_of_its_own_kind(queue):
    dead = redrive(queue)
    assert dead in DEAD_LETTERS
    assert [other for other in WORKING if redrive(other) == dead] == [queue]
    assert QUEUES[queue].get("FifoQueue") == QUEUES[dead].get("FifoQueue")
    assert QUEUES[queue]["RedrivePolicy"]["maxReceiveCount"] == (3 if QUEUES[queue].get("FifoQueue") else 5)


@pytest.mark.parametrize("queue", sorted(DEAD_LETTERS))
def test_a_dead_letter_queue_keeps_for_14_days_and_wakes_the_operator(queue):
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * 86400
    assert alarm_on(queue, "ApproximateNumberOfMessagesVisible")["Threshold"] == 0


@pytest.mark.parametrize("queue", sorted(WORKING))
def test_a_queue_that_is_worked_on_wakes_the_operator_when_its_work_waits(queue):
    assert alarm_on(queue, "ApproximateAgeOfOldestMessage")["Threshold"] > 0


def measured(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm looks at: its own, or those of its expression."""
    if "MetricName" in alarm:
        return [alarm]
    return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]


def alarm_on(queue: str, metric: str) -> dict[str, Any]:
    (alarm,) = [
        alarm
        for alarm in ALARMS.values()
        for each in measured(alarm)
        if each["MetricName"] == metric and target(each["Dimensions"][0]["Value"]) == queue
    ]
    return alarm


def test_every_alarm_reaches_the_operator():
    assert [name for name, alarm in ALARMS.items() if alarm["AlarmActions"] != [{"Ref": "AlarmTopic"}]] == []


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        ("Parked", "DueSweepFunction"),
        ("OldestUnknownSeconds", "DueSweepFunction"),
        ("PrivacyRequest", "StoreIntakeFunction"),
        ("OrderWithoutContact", "StoreIntakeFunction"),
        ("OrderRecorded", "StoreIntakeFunction"),
    ],
)
def test_alarms_on_our_own_metrics_name_the_service_that_counts_them(metric, function):
    (seen,) = [each for alarm in ALARMS.values() for each in measured(alarm) if each["MetricName"] == metric]
    service = FUNCTIONS[function]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    assert seen["Namespace"] == DEFAULTS["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
    assert seen["Dimensions"] == [{"Name": "service", "Value": service}]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_queue_is_read_in_partial_batches_and_hides_a_message_for_six_timeouts(function):
    timeout = FUNCTIONS[function].get("Timeout", DEFAULTS["Timeout"])
    for source in events_of(function, "SQS").values():
        queue = target(source["Queue"])
        assert queue in WORKING
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert QUEUES[queue]["VisibilityTimeout"] >= 6 * timeout


def test_every_queue_that_is_worked_on_feeds_one_function():
    fed = [target(source["Queue"]) for function in FUNCTIONS for source in events_of(function, "SQS").values()]
    assert sorted(fed) == sorted(WORKING)


def test_the_gates_queue_is_one_group_per_customer_at_full_rate():
    gate = QUEUES["GateQueue"]
    assert (gate["DeduplicationScope"], gate["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert gate["ContentBasedDeduplication"] is True  # EventBridge Scheduler gives no deduplication id
    (source,) = events_of("MessageGateFunction", "SQS").values()
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "GateConcurrency"}}
    assert TEMPLATE["Parameters"]["GateConcurrency"]["MinValue"] == 2


def test_the_relay_is_woken_by_new_deliveries_with_events_only_and_gives_up_visibly():
    (stream,) = events_of("EventRelayFunction", "DynamoDB").values()
    (only,) = stream["FilterCriteria"]["Filters"]
    pattern = json.loads(only["Pattern"])
    assert pattern["eventName"] == ["INSERT"]
    assert pattern["dynamodb"]["Keys"] == {"pk": {"S": [{"prefix": "DELIVERY#"}]}}
    assert pattern["dynamodb"]["NewImage"] == {"events": {"S": [{"exists": True}]}}  # `exists` works on leaves only
    assert stream["BisectBatchOnFunctionError"] and stream["MaximumRetryAttempts"] >= 0
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert target(stream["DestinationConfig"]["OnFailure"]["Destination"]) in DEAD_LETTERS


def test_a_schedule_leaves_what_it_could_not_start_or_finish():
    for function, properties in FUNCTIONS.items():
        for schedule in events_of(function, "Schedule").values():
            assert target(schedule["DeadLetterConfig"]["Arn"]) in DEAD_LETTERS
            assert target(properties["DeadLetterQueue"]["TargetArn"]) in DEAD_LETTERS


# ---------------------------------------------------------------- rules and buses


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_delivers_to_a_queue_beside_its_dead_letters_and_both_let_it_in(rule):
    (only,) = RULES[rule]["Targets"]
    queue, dead = target(only["Arn"]), target(only["DeadLetterConfig"]["Arn"])
    assert queue in WORKING and redrive(queue) == dead
    assert rule in let_in(queue) and rule in let_in(dead)


def let_in(queue: str) -> set[str]:
    found: set[str] = set()
    for policy in of_type("AWS::SQS::QueuePolicy").values():
        if {"Ref": queue} in policy["Queues"]:
            for statement in chosen(policy["PolicyDocument"]["Statement"]):
                assert queue in map(target, listed(statement["Resource"]))
                found |= {target(arn) for arn in chosen(statement["Condition"]["ArnEquals"]["aws:SourceArn"])}
    return found


def test_a_queue_policy_lets_in_one_action_of_named_rules_and_topics_only():
    topics = of_type("AWS::SNS::Topic")
    for policy in of_type("AWS::SQS::QueuePolicy").values():
        for statement in chosen(policy["PolicyDocument"]["Statement"]):
            assert statement["Action"] == "sqs:SendMessage"
            assert set(statement["Condition"]) == {"ArnEquals"}
            sources = {target(arn) for arn in chosen(statement["Condition"]["ArnEquals"]["aws:SourceArn"])}
            service = "sns" if sources <= topics.keys() else "events"
            assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
            assert service == "sns" or not sources & topics.keys()


def test_what_people_write_reaches_a_queue_and_comes_from_the_providers_alone():
    (subscription,) = [s for s in of_type("AWS::SNS::Subscription").values() if s["Protocol"] == "sqs"]
    queue = target(subscription["Endpoint"])
    assert queue in WORKING and target(subscription["RedrivePolicy"]["deadLetterTargetArn"]) == redrive(queue)
    (policy,) = [p for p in of_type("AWS::SNS::TopicPolicy").values() if subscription["TopicArn"] in p["Topics"]]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": ["sms-voice.amazonaws.com", "social-messaging.amazonaws.com"]}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_rules_on_the_aftercare_bus_listen_to_events_of_the_catalogue():
    for rule, properties in RULES.items():
        if properties.get("EventBusName") == {"Ref": "AftercareBus"}:
            pattern = properties["EventPattern"]
            assert {CATALOGUE[kind].source for kind in pattern["detail-type"]} == set(pattern["source"]), rule


def test_only_the_relay_puts_on_the_aftercare_bus():
    assert {role for role in ROLES for action, _ in granted(role) if action.startswith("events:")} == {RELAY}
    (puts,) = [statement for action, statement in granted(RELAY) if action == "events:PutEvents"]
    assert listed(puts["Resource"]) == [{"Fn::GetAtt": ["AftercareBus", "Arn"]}]
    policy = RESOURCES["AftercareBusPolicy"]["Properties"]["Statement"]
    assert (policy["Effect"], policy["Principal"]) == ("Deny", "*")
    assert policy["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": {"Fn::GetAtt": [RELAY, "Arn"]}}}


def test_a_store_puts_under_its_own_source_only():
    kept = RESOURCES["StoreBusSourcePolicy"]["Properties"]["Statement"]
    assert kept["Effect"] == "Deny"
    assert kept["Condition"] == {"ForAnyValue:StringNotLike": {"events:source": "store.*"}}
    assert RULES["StoreFactsRule"]["EventPattern"] == {"source": [{"prefix": "store."}]}


# ---------------------------------------------------------------- rights

SENDING = ("ses:send", "sms-voice:", "social-messaging:", "sns:publish", "mobiletargeting:", "pinpoint:", "connect:")


def test_each_function_has_a_role_of_its_own_written_out():
    used = [target(properties["Role"]) for properties in FUNCTIONS.values()]
    assert len(set(used)) == len(used)
    assert not [name for name, f in FUNCTIONS.items() if "Policies" in f]
    assert not [name for name, role in ROLES.items() if "ManagedPolicyArns" in role]


def test_no_role_but_the_gates_can_send():
    senders = {role for role in ROLES for action, _ in granted(role) if action.lower().startswith(SENDING)}
    assert senders == {GATE}


def test_the_gate_sends_from_two_addresses_under_our_configuration_set():
    """SESv2 SendEmail with raw content is authorised as ses:SendRawEmail."""
    (statement,) = [s for s in statements(GATE) if any(a.startswith("ses:") for a in listed(s["Action"]))]
    assert set(statement["Action"]) == {"ses:SendEmail", "ses:SendRawEmail"}
    kinds = {re.search(r":(identity|configuration-set)/", json.dumps(r))[1] for r in chosen(statement["Resource"])}
    assert kinds == {"identity", "configuration-set"}
    allowed = statement["Condition"]["StringEquals"]["ses:FromAddress"]
    given = environment("MessageGateFunction")
    assert allowed == [given["SENDER_ADDRESS"], given["PROMOTIONAL_SENDER_ADDRESS"]]


def test_the_gate_reaches_phones_from_the_stores_own_numbers_and_apps_only_and_only_where_they_are_given():
    granting = {a: s for a, s in granted(GATE) if a.startswith(("sms-voice:", "social-messaging:", "sns:"))}
    assert granting.keys() == {"sms-voice:SendTextMessage", "social-messaging:SendWhatsAppMessage", "sns:Publish"}
    assert granting["sms-voice:SendTextMessage"]["Resource"] == {"Ref": "SmsOriginationArn"}
    assert granting["social-messaging:SendWhatsAppMessage"]["Resource"] == {"Ref": "WhatsAppPhoneNumberArn"}
    for app in ("AndroidPushArn", "ApplePushArn"):
        (published,) = [s for a, s in granted(GATE) if a == "sns:Publish" and app in json.dumps(s["Resource"])]
        assert published["Resource"]["Fn::Sub"][0] == "${Account}:endpoint/${App}/*"
    unconditional = [s for policy in ROLES[GATE]["Policies"] for s in policy["PolicyDocument"]["Statement"] if "Fn::If" not in s]
    assert not [s for s in unconditional for a in listed(s["Action"]) if a in granting]
    parameters = TEMPLATE["Parameters"]
    assert {
        parameters[name]["Default"] for name in ("SmsOriginationArn", "WhatsAppPhoneNumberArn", "AndroidPushArn", "ApplePushArn")
    } == {""}


KNOWS_NO_RESOURCE = ("ses:GetAccount",)
"""Actions that IAM grants for all resources or not at all."""


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_wildcard_action_or_all_resources(role):
    for action, statement in granted(role):
        assert "*" not in action
        assert action not in ("dynamodb:Scan", "dynamodb:DeleteTable")
        assert action in KNOWS_NO_RESOURCE or "*" not in listed(statement["Resource"])


ERASER, PAGES = "PrivacyRequestsRole", "CustomerPagesRole"


@pytest.mark.parametrize("role", ROLES)
def test_evidence_of_consent_can_be_put_and_nothing_else_but_by_who_erases(role):
    """The pages read it, too: what a person agreed to is in the export of their data."""
    granting = {ERASER: [["dynamodb:Query", "dynamodb:DeleteItem"]], PAGES: [["dynamodb:PutItem"], ["dynamodb:Query"]]}
    allowed = granting.get(role, [["dynamodb:PutItem"]])
    for statement in statements(role):
        if {"Fn::GetAtt": ["CustomerTable", "Arn"]} in listed(statement["Resource"]):
            condition = statement["Condition"]
            assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}  # ForAllValues alone is true of no key at all
            if any(fnmatchcase("EVIDENCE#c0", k) for k in condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]):
                assert listed(statement["Action"]) in allowed


def test_whoever_waits_can_be_stopped_by_who_erases():
    """An execution's ARN begins with its machine's name."""
    (stop,) = [statement for action, statement in granted(ERASER) if action == "states:StopExecution"]
    machines = {m["Name"]["Fn::Sub"] for m in of_type("AWS::Serverless::StateMachine").values()}
    assert {arn["Fn::Sub"].split(":execution:")[1] for arn in stop["Resource"]} == {f"{machine}:*" for machine in machines}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_passed_to_the_scheduler_only(role):
    for action, statement in granted(role):
        if action == "iam:PassRole":
            assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
            assert {target(arn) for arn in listed(statement["Resource"])} <= {"SlotSchedulerRole", "WaitSchedulerRole"}


# ---------------------------------------------------------------- tables and the public edge


@pytest.mark.parametrize("table", of_type("AWS::DynamoDB::Table"))
def test_a_table_outlives_its_stack_and_can_be_restored(table):
    assert RESOURCES[table]["DeletionPolicy"] == RESOURCES[table]["UpdateReplacePolicy"] == "Retain"
    properties = RESOURCES[table]["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}


def test_every_route_has_a_throttle_of_its_own():
    routes = {f"{e['Method']} {e['Path']}" for function in FUNCTIONS for e in events_of(function, "HttpApi").values()}
    api = RESOURCES["HttpApi"]["Properties"]
    assert routes == set(api["RouteSettings"])
    assert all(limit["ThrottlingRateLimit"] <= 100 for limit in [*api["RouteSettings"].values(), api["DefaultRouteSettings"]])
    assert "CorsConfiguration" not in api


def test_access_logs_hold_no_path_because_tokens_lie_there():
    fields = json.loads(RESOURCES["HttpApi"]["Properties"]["AccessLogSettings"]["Format"])
    assert "$context.routeKey" in fields.values()
    assert not [f for f in fields.values() if re.search(r"path|query|authorizer|userAgent|sourceIp", f, re.IGNORECASE)]


def test_ses_tracks_nobody_unless_it_is_chosen():
    """Asking an event destination for OPEN or CLICK is what makes SES add its pixel and rewrite links."""
    asked = RESOURCES["ConfigurationSetEvents"]["Properties"]["EventDestination"]["MatchingEventTypes"]
    always = {kind for kind in asked if isinstance(kind, str)}
    assert always == {"SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "DELIVERY_DELAY", "RENDERING_FAILURE"}
    assert all(kind["Fn::If"][0] == "TracksOpensAndClicks" for kind in asked if isinstance(kind, dict))
    assert TEMPLATE["Parameters"]["TrackOpensAndClicks"]["Default"] == "false"
