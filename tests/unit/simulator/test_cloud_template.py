"""What the local cloud does not know is refused by its name, when it is loaded."""

import pytest

from simulator.template_intrinsics import TemplateError
from tests.small_cloud import small_cloud

FUNCTION = """
  Worker:
    Type: AWS::Serverless::Function
    Properties: {Handler: worker.handler.handle, Runtime: python3.13, CodeUri: ., %s}
"""

REFUSED = {
    "AWS::Kinesis::Stream": "  Stream: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 1}}",
    "AWS::SQS::Queue: the local cloud does not know the property Colour": """
  Q: {Type: AWS::SQS::Queue, Properties: {Colour: red}}""",
    "a target of kind firehose": """
  R:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [a]}
      Targets: [{Id: T, Arn: "arn:aws:firehose:us-east-1:123456789012:deliverystream/x"}]""",
    "a target of kind sns": """
  T: {Type: AWS::SNS::Topic}
  R: {Type: AWS::Events::Rule, Properties: {EventPattern: {source: [a]}, Targets: [{Id: T, Arn: !Ref T}]}}""",
    "target T: EcsParameters is not known": """
  Q: {Type: AWS::SQS::Queue}
  R:
    Type: AWS::Events::Rule
    Properties: {EventPattern: {source: [a]}, Targets: [{Id: T, Arn: !GetAtt Q.Arn, EcsParameters: {}}]}""",
    "StateMachineType EXPRESS": """
  M:
    Type: AWS::Serverless::StateMachine
    Properties: {Type: EXPRESS, Role: "arn:x", Definition: {StartAt: A, States: {A: {Type: Succeed}}}}""",
    "Choice": """
  M:
    Type: AWS::Serverless::StateMachine
    Properties: {Role: "arn:x", Definition: {StartAt: A, States: {A: {Type: Choice, Choices: []}}}}""",
    "no DefinitionSubstitutions for ${Wake}": """
  M:
    Type: AWS::Serverless::StateMachine
    Properties: {Role: "arn:x", Definition: {StartAt: A, States: {A: {Type: Task, Resource: "${Wake}", End: true}}}}""",
    "a source of kind kinesis": FUNCTION
    % "Events: {K: {Type: Kinesis, Properties: {Stream: 'arn:aws:kinesis:us-east-1:1:stream/x', StartingPosition: LATEST}}}",
    "a twin of CustomerTable and KnowledgeTable only": """
  Other:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]""",
    "there is no parameter or resource 'Nobody'": "  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nobody}}",
    "only events:PutEvents is known": """
  P:
    Type: AWS::Events::EventBusPolicy
    Properties: {StatementId: a, Statement: {Effect: Allow, Principal: "*", Action: events:PutRule, Resource: "*"}}""",
    "'colour'": "  R: {Type: AWS::Events::Rule, Properties: {EventPattern: {source: [{colour: red}]}}}",
    "schedule expression": """
  Q: {Type: AWS::SQS::Queue}
  R: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: sometimes, Targets: [{Id: T, Arn: !GetAtt Q.Arn}]}}""",
    "TumblingWindowInSeconds": """
  Q: {Type: AWS::SQS::Queue}
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Q.Arn, FunctionName: f, TumblingWindowInSeconds: 1}""",
    "circular dependency": """
  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}
  B: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref A}}""",
    "its dead-letter queue": """
  Q:
    Type: AWS::SQS::Queue
    Properties: {RedrivePolicy: {deadLetterTargetArn: "arn:aws:sqs:us-east-1:1:other", maxReceiveCount: 2}}""",
}


@pytest.mark.parametrize("words", REFUSED)
def test_it_is_refused_by_name(tmp_path, words):
    with pytest.raises((TemplateError, ValueError)) as refused:
        small_cloud(tmp_path, f"Resources:\n{REFUSED[words]}\n")
    assert words in str(refused.value)


def test_what_has_no_local_effect_is_listed_and_not_run(tmp_path):
    text = """
Resources:
  Group: {Type: AWS::Logs::LogGroup}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {Anything: goes}}
"""
    with small_cloud(tmp_path, text) as cloud:
        assert cloud.template.without_effect == {"Group": "AWS::Logs::LogGroup", "Alarm": "AWS::CloudWatch::Alarm"}


PARAMETERS = """
Parameters:
  Stage: {Type: String, Default: dev, AllowedPattern: "[a-z]+", ConstraintDescription: lower-case letters}
  Waits: {Type: String, Default: "no", AllowedValues: ["no", "yes"]}
  Many: {Type: Number, Default: 2, MinValue: 2, MaxValue: 5}
  Needed: {Type: String}
Conditions: {HasWaits: !Equals [!Ref Waits, "yes"]}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "q-${Stage}", VisibilityTimeout: !Ref Many}}
  Extra: {Type: AWS::SQS::Queue, Condition: HasWaits}
"""


def test_parameters_fill_the_template_and_conditions_choose_its_resources(tmp_path):
    with small_cloud(tmp_path, PARAMETERS, parameters={"Needed": "x", "Stage": "prod"}) as cloud:
        assert [(q.name, q.visibility_timeout.seconds) for q in cloud.template.queues] == [("q-prod", 2)]
    with small_cloud(tmp_path, PARAMETERS, parameters={"Needed": "x", "Waits": "yes"}) as cloud:
        assert len(cloud.template.queues) == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Needed"),
        ({"Needed": "x", "Stage": "Prod"}, "lower-case letters"),
        ({"Needed": "x", "Waits": "maybe"}, "none of no, yes"),
        ({"Needed": "x", "Many": "9"}, "between 2 and 5"),
        ({"Needed": "x", "Colour": "red"}, "no parameter Colour"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(tmp_path, given, words):
    with pytest.raises(TemplateError, match=words):
        small_cloud(tmp_path, PARAMETERS, parameters=given)


def test_a_handler_that_cannot_be_found_is_named(tmp_path):
    text = "Resources:\n" + FUNCTION % "Timeout: 3"
    with small_cloud(tmp_path, text) as cloud, pytest.raises(LookupError, match=r"Worker: no module worker"):
        cloud.invoke("Worker", {})
    with small_cloud(tmp_path, text) as cloud, pytest.raises(LookupError, match="no function nobody"):
        cloud.invoke("nobody", {})


def test_handlers_are_loaded_from_the_templates_own_folder(tmp_path):
    package = tmp_path / "worker_of_this_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "handler.py").write_text("import os\ndef handle(event, context):\n    return [event, os.environ['NAME']]\n")
    text = "Resources:\n" + (FUNCTION % "Environment: {Variables: {NAME: x}}").replace(
        "worker.handler", "worker_of_this_test.handler"
    )
    with small_cloud(tmp_path, text) as cloud:
        assert cloud.invoke("worker_of_this_test", {"a": 1}) == [{"a": 1}, "x"]
