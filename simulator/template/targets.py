"""A rule's or schedule's target: what it is, how often and how long a delivery is tried."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from simulator.template.resources import Target
from simulator.template_intrinsics import TemplateError

_TARGET_KINDS: Final = {"sqs": "sqs", "lambda": "lambda", "states": "states", "events": "bus"}
_TARGET_PROPERTIES: Final = frozenset(
    ("Id", "Arn", "Input", "InputPath", "InputTransformer", "DeadLetterConfig", "RetryPolicy", "SqsParameters", "RoleArn")
)

RULE_ATTEMPTS: Final = 185
RULE_AGE: Final = timedelta(hours=24)
"""EventBridge's retry policy where a target names none; its first attempt is not one of the 185."""


def rule_target(given: Mapping[str, Any], where: str) -> Target:
    """A target of a rule or a schedule. TemplateError for a kind or property that the local cloud does not know."""
    unknown = sorted(set(given) - _TARGET_PROPERTIES)
    if unknown:
        raise TemplateError("", f"{where}: target {given.get('Id')}: {unknown[0]} is not known to the local cloud")
    arn = str(given["Arn"])
    service = arn.split(":")[2] if arn.startswith("arn:") else arn
    kind = _TARGET_KINDS.get(service)
    if kind is None or (service == "events" and ":event-bus/" not in arn):
        raise TemplateError("", f"{where}: target {given.get('Id')}: a target of kind {service} is not known to the local cloud")
    retry = given.get("RetryPolicy") or {}
    attempts, age = retry.get("MaximumRetryAttempts"), retry.get("MaximumEventAgeInSeconds")
    return Target(
        id=str(given.get("Id", "")),
        arn=arn,
        kind=kind,  # type: ignore[arg-type]
        given=given,
        dead_letters=(given.get("DeadLetterConfig") or {}).get("Arn"),
        maximum_age=RULE_AGE if age is None else timedelta(seconds=int(age)),
        maximum_attempts=RULE_ATTEMPTS if attempts is None else int(attempts),
        group=(given.get("SqsParameters") or {}).get("MessageGroupId"),
    )
