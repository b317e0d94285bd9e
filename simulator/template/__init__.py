"""template.yaml as the local cloud deploys it: translated, resolved, and read into descriptions of its resources.

A resource type that the local cloud does not know is refused by its name, and so is a property of a known type that would
matter. What has no effect on one machine (roles, alarms, log groups, ...) stands in lists of its own.
"""

from simulator.template.loading import load
from simulator.template.resources import (
    ACCOUNT,
    REGION,
    BusStatement,
    EventBus,
    Function,
    Queue,
    Route,
    Rule,
    SourceMapping,
    Table,
    Target,
    Template,
)
from simulator.template.targets import rule_target

__all__ = [
    "ACCOUNT",
    "REGION",
    "BusStatement",
    "EventBus",
    "Function",
    "Queue",
    "Route",
    "Rule",
    "SourceMapping",
    "Table",
    "Target",
    "Template",
    "load",
    "rule_target",
]
