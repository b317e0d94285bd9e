"""Which types and properties the local cloud acts on, and which have no effect in it; all others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WITHOUT_EFFECT: Final = frozenset(
    (
        "AWS::ApiGatewayV2::ApiMapping",
        "AWS::ApiGatewayV2::DomainName",
        "AWS::ApiGatewayV2::Stage",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter",
        "AWS::Route53::RecordSet",
        "AWS::SES::EmailIdentity",
        "AWS::SMSVOICE::ConfigurationSet",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    )
)
"""Known types that do nothing on one machine: access, observation and names. Topics carry alarms only."""

USED: Final[Mapping[str, frozenset[str]]] = {
    "AWS::Lambda::Function": frozenset(
        ("Code", "Handler", "Runtime", "PackageType", "Environment", "Timeout", "MemorySize", "FunctionName", "Layers", "Role",
         "DeadLetterConfig")
    ),
    "AWS::SQS::Queue": frozenset(
        ("QueueName", "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit", "VisibilityTimeout",
         "DelaySeconds", "MessageRetentionPeriod", "MaximumMessageSize", "ReceiveMessageWaitTimeSeconds", "RedrivePolicy")
    ),
    "AWS::DynamoDB::Table": frozenset(
        ("TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "StreamSpecification", "BillingMode",
         "TimeToLiveSpecification")
    ),
    "AWS::Events::EventBus": frozenset(("Name",)),
    "AWS::Events::EventBusPolicy": frozenset(("EventBusName", "StatementId", "Statement")),
    "AWS::Events::Rule": frozenset(("Name", "EventBusName", "EventPattern", "ScheduleExpression", "State", "Targets")),
    "AWS::Lambda::EventSourceMapping": frozenset(
        ("EventSourceArn", "FunctionName", "Enabled", "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes",
         "FilterCriteria", "StartingPosition", "BisectBatchOnFunctionError", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds",
         "DestinationConfig", "ParallelizationFactor", "ScalingConfig")
    ),
    "AWS::ApiGatewayV2::Api": frozenset(("Body", "Name", "ProtocolType")),
    "AWS::StepFunctions::StateMachine": frozenset(
        ("DefinitionString", "Definition", "DefinitionSubstitutions", "StateMachineName", "StateMachineType")
    ),
    "AWS::Scheduler::ScheduleGroup": frozenset(("Name",)),
    "AWS::Scheduler::Schedule": frozenset(
        ("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target", "State",
         "StartDate", "EndDate")
    ),
    "AWS::SecretsManager::Secret": frozenset(("Name", "GenerateSecretString", "SecretString")),
    "AWS::SSM::Parameter": frozenset(("Name", "Type", "Value")),
    "AWS::SES::ConfigurationSet": frozenset(("Name",)),
    "AWS::SES::ConfigurationSetEventDestination": frozenset(("ConfigurationSetName", "EventDestination")),
}  # fmt: skip
"""The properties that the local cloud acts on, by type."""

NO_EFFECT: Final[Mapping[str, frozenset[str]]] = {
    "AWS::Lambda::Function": frozenset(
        ("Architectures", "Description", "LoggingConfig", "ReservedConcurrentExecutions", "Tags", "TracingConfig",
         "KmsKeyArn", "EphemeralStorage", "RecursiveLoop", "RuntimeManagementConfig", "SnapStart")
    ),
    "AWS::SQS::Queue": frozenset(("SqsManagedSseEnabled", "KmsMasterKeyId", "Tags", "RedriveAllowPolicy")),
    "AWS::DynamoDB::Table": frozenset(
        ("PointInTimeRecoverySpecification", "SSESpecification", "DeletionProtectionEnabled", "Tags", "TableClass",
         "OnDemandThroughput", "ContributorInsightsSpecification")
    ),
    "AWS::Events::EventBus": frozenset(("Description", "Tags", "LogConfig")),
    "AWS::Events::Rule": frozenset(("Description", "RoleArn", "Tags")),
    "AWS::Lambda::EventSourceMapping": frozenset(("Tags", "MetricsConfig", "KmsKeyArn", "LoggingConfig")),
    "AWS::ApiGatewayV2::Api": frozenset(("FailOnWarnings", "Description", "Tags", "DisableExecuteApiEndpoint")),
    "AWS::StepFunctions::StateMachine": frozenset(("RoleArn", "Tags", "LoggingConfiguration", "TracingConfiguration")),
    "AWS::Scheduler::ScheduleGroup": frozenset(("Tags",)),
    "AWS::Scheduler::Schedule": frozenset(("Description", "KmsKeyArn")),
    "AWS::SecretsManager::Secret": frozenset(("Description", "KmsKeyId", "Tags")),
    "AWS::SSM::Parameter": frozenset(("Description", "Tier", "Tags", "AllowedPattern")),
    "AWS::SES::ConfigurationSet": frozenset(
        ("SendingOptions", "ReputationOptions", "SuppressionOptions", "DeliveryOptions", "TrackingOptions", "VdmOptions", "Tags")
    ),
}  # fmt: skip
"""Known properties that change nothing on one machine: encryption, names for people, access, throughput."""
