"""What happens at a time: rules with a schedule, and EventBridge Scheduler's schedules, one-time and recurring.

Source: the CreateSchedule API reference and the EventBridge Scheduler user guide. Scheduler works to the minute ("60 second
precision"); here a schedule fires at its very second. A one-time schedule whose time has passed fires at once (what AWS
does then is not documented).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from simulator import schedule_expressions
from simulator.event_bus import Deliveries
from simulator.memory.refusal import Refused
from simulator.template import Rule, Target, rule_target
from simulator.template_intrinsics import TemplateError
from simulator.virtual_clock import Handle, VirtualClock

_NAME: Final = re.compile(r"[0-9a-zA-Z-_.]{1,64}")
_FIELDS: Final = frozenset(
    ("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "ActionAfterCompletion",
     "Target", "State", "StartDate", "EndDate", "Description", "ClientToken", "KmsKeyArn")
)  # fmt: skip
DEFAULT_GROUP: Final = "default"


class ScheduleExists(Exception):
    """ConflictException: a schedule of this name is in the group."""


class ScheduleMissing(Exception):
    """ResourceNotFoundException: no such schedule, or no such group."""


@dataclass(slots=True)
class _Scheduled:
    name: str
    group: str
    arn: str
    given: Mapping[str, Any]
    schedule: schedule_expressions.Schedule
    target: Target
    deletes_itself: bool
    timer: Handle | None = None


class Scheduler:
    """EventBridge Scheduler. `on_set`, where set, is told each schedule that was created or updated."""

    def __init__(self, clock: VirtualClock, deliveries: Deliveries, groups: Sequence[str], *, region: str, account: str) -> None:
        self._clock = clock
        self._deliveries = deliveries
        self._groups = {DEFAULT_GROUP, *groups}
        self._arn = f"arn:aws:scheduler:{region}:{account}:schedule"
        self._schedules: dict[tuple[str, str], _Scheduled] = {}
        self.on_set: Callable[[Mapping[str, Any]], None] | None = None

    def __len__(self) -> int:
        return len(self._schedules)

    def create(self, given: Mapping[str, Any]) -> str:
        """CreateSchedule: the ARN. ScheduleExists, ScheduleMissing (the group), Refused."""
        place = self._place(given)
        if place in self._schedules:
            raise ScheduleExists(f"Schedule {place[1]} already exists.")
        return self._set(place, given)

    def update(self, given: Mapping[str, Any]) -> str:
        """UpdateSchedule: it replaces everything. ScheduleMissing, Refused."""
        place = self._place(given)
        if place not in self._schedules:
            raise ScheduleMissing(f"Schedule {place[1]} does not exist.")
        return self._set(place, given)

    def delete(self, name: str, group: str = DEFAULT_GROUP) -> None:
        known = self._schedules.pop((group, name), None)
        if known is None:
            raise ScheduleMissing(f"Schedule {name} does not exist.")
        if known.timer is not None:
            known.timer.cancel()

    def get(self, name: str, group: str = DEFAULT_GROUP) -> Mapping[str, Any]:
        known = self._schedules.get((group, name))
        if known is None:
            raise ScheduleMissing(f"Schedule {name} does not exist.")
        return known.given

    def _place(self, given: Mapping[str, Any]) -> tuple[str, str]:
        unknown = sorted(set(given) - _FIELDS)
        if unknown:
            raise Refused(f"schedule: {unknown[0]} is not known to the local cloud")
        name, group = str(given.get("Name", "")), str(given.get("GroupName") or DEFAULT_GROUP)
        if not _NAME.fullmatch(name):
            raise Refused(f"schedule name {name!r}: 1 to 64 characters of 0-9, a-z, A-Z, -, _ and .")
        if group not in self._groups:
            raise ScheduleMissing(f"Schedule group {group} does not exist.")
        return group, name

    def _set(self, place: tuple[str, str], given: Mapping[str, Any]) -> str:
        group, name = place
        window = (given.get("FlexibleTimeWindow") or {}).get("Mode")
        if window != "OFF":
            raise Refused(f"schedule {name}: FlexibleTimeWindow {window!r} is not known to the local cloud, only OFF")
        expression = str(given.get("ScheduleExpression", ""))
        try:
            parsed = schedule_expressions.parse(
                expression, str(given.get("ScheduleExpressionTimezone") or "UTC"), given.get("StartDate") or self._clock.now
            )
        except ValueError as problem:
            raise Refused(f"schedule {name}: {problem}") from None
        old = self._schedules.get(place)
        if old is not None and old.timer is not None:
            old.timer.cancel()
        target = dict(given["Target"])
        parsed_target = rule_target({"Id": name, **target}, f"schedule {name}")
        arn = f"{self._arn}/{group}/{name}"
        deletes = given.get("ActionAfterCompletion") == "DELETE"
        known = _Scheduled(name, group, arn, dict(given), parsed, parsed_target, deletes)
        self._schedules[place] = known
        if self.on_set is not None:
            self.on_set(given)
        if given.get("State", "ENABLED") == "ENABLED":
            # One that lies in the past fires now.
            once = parsed.when if isinstance(parsed, schedule_expressions.At) else None
            self._arm(known, once if once is not None and once <= self._clock.now else parsed.next_after(self._clock.now))
        return arn

    def _arm(self, known: _Scheduled, at: datetime | None) -> None:
        end = known.given.get("EndDate")
        if at is None or (isinstance(end, datetime) and at >= end and not isinstance(known.schedule, schedule_expressions.At)):
            if known.deletes_itself:
                self._schedules.pop((known.group, known.name), None)
            return
        known.timer = self._clock.at(at, partial(self._fire, known), f"schedule {known.name}")

    def _fire(self, known: _Scheduled) -> None:
        known.timer = None
        if self._schedules.get((known.group, known.name)) is not known:
            return
        text = str(known.target.given.get("Input") or "{}")
        payload = json.loads(text) if known.target.kind != "sqs" else None
        self._arm(known, known.schedule.next_after(self._clock.now))
        self._deliveries.deliver(known.target, payload, text, known.arn)


class ScheduledRules:
    """Rules with a ScheduleExpression. `idle(rule)` says that an occurrence would find nothing to do, and is skipped."""

    def __init__(
        self,
        clock: VirtualClock,
        rules: Sequence[Rule],
        deliver: Callable[[Rule, Target, Mapping[str, Any]], None],
        envelope: Callable[[str, str, Mapping[str, Any], datetime | None, Sequence[str] | None], dict[str, Any]],
        idle: Callable[[Rule], bool],
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._envelope = envelope
        self._idle = idle
        self.fired: dict[str, int] = {}
        self.skipped: dict[str, int] = {}
        for rule in rules:
            if rule.schedule is None or not rule.enabled:
                continue
            try:
                parsed = schedule_expressions.parse(rule.schedule, anchor=clock.now)
            except ValueError as problem:
                raise TemplateError(f"{rule.logical_id}: AWS::Events::Rule: ScheduleExpression", str(problem)) from None
            # A rate counts from the rule's creation, and its first occurrence is one period later.
            self._arm(rule, parsed)

    def _arm(self, rule: Rule, parsed: schedule_expressions.Schedule) -> None:
        at = parsed.next_after(self._clock.now)
        if at is not None:
            self._clock.at(at, partial(self._fire, rule, parsed), rule.logical_id)

    def _fire(self, rule: Rule, parsed: schedule_expressions.Schedule) -> None:
        self._arm(rule, parsed)
        if self._idle(rule):
            self.skipped[rule.logical_id] = self.skipped.get(rule.logical_id, 0) + 1
            return
        self.fired[rule.logical_id] = self.fired.get(rule.logical_id, 0) + 1
        event = self._envelope("aws.events", "Scheduled Event", {}, None, [rule.arn])
        for target in rule.targets:
            self._deliver(rule, target, event)
