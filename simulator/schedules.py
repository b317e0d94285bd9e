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
from datetime import datetime, timedelta
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
    """Rules with a ScheduleExpression.

    A rule that `idle` says True for has targets which only look for what is due. It sleeps while nothing is: `earliest_due`
    gives the least `due_at` there is, and `due_changed` is told of each new one. An occurrence goes after everything else
    of its instant.
    """

    def __init__(
        self,
        clock: VirtualClock,
        rules: Sequence[Rule],
        deliver: Callable[[Rule, Target, Mapping[str, Any]], None],
        envelope: Callable[[str, str, Mapping[str, Any], datetime | None, Sequence[str] | None], dict[str, Any]],
        sleeps: Callable[[Rule], bool],
        earliest_due: Callable[[], str | None],
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._envelope = envelope
        self._earliest_due = earliest_due
        self.fired: dict[str, int] = {}
        self._sleepers: list[_Sleeper] = []
        for rule in rules:
            if rule.schedule is None or not rule.enabled:
                continue
            try:
                # A rate counts from the rule's creation, and its first occurrence is one period later.
                parsed = schedule_expressions.parse(rule.schedule, anchor=clock.now)
            except ValueError as problem:
                raise TemplateError(f"{rule.logical_id}: AWS::Events::Rule: ScheduleExpression", str(problem)) from None
            if sleeps(rule):
                sleeper = _Sleeper(rule, parsed)
                self._sleepers.append(sleeper)
                self._sleep(sleeper)
            else:
                self._arm(rule, parsed)

    def due_changed(self, due_at: str) -> None:
        """Something new must be come back to at `due_at` (text in the form of aftercare.clock.iso)."""
        for sleeper in self._sleepers:
            if sleeper.until is None or due_at < sleeper.until:
                self._set(sleeper, due_at)

    def _sleep(self, sleeper: _Sleeper) -> None:
        sleeper.until = None
        earliest = self._earliest_due()
        if earliest is not None:
            self._set(sleeper, earliest)

    def _set(self, sleeper: _Sleeper, until: str) -> None:
        if sleeper.timer is not None:
            sleeper.timer.cancel()
        sleeper.until = until
        # The first occurrence at or after what is due, and after now.
        just_before = datetime.fromisoformat(until) - timedelta(microseconds=1)
        at = sleeper.parsed.next_after(max(just_before, self._clock.now))
        if at is not None:
            sleeper.timer = self._clock.at(at, partial(self._ring, sleeper), sleeper.rule.logical_id)

    def _ring(self, sleeper: _Sleeper) -> None:
        sleeper.timer = None
        self._clock.at(self._clock.now, partial(self._wake, sleeper), sleeper.rule.logical_id)

    def _wake(self, sleeper: _Sleeper) -> None:
        earliest = self._earliest_due()
        if earliest is not None and datetime.fromisoformat(earliest) <= self._clock.now:
            self._fire(sleeper.rule)
        self._sleep(sleeper)

    def _arm(self, rule: Rule, parsed: schedule_expressions.Schedule) -> None:
        at = parsed.next_after(self._clock.now)
        if at is not None:
            self._clock.at(at, partial(self._occur, rule, parsed), rule.logical_id)

    def _occur(self, rule: Rule, parsed: schedule_expressions.Schedule) -> None:
        self._arm(rule, parsed)
        self._clock.at(self._clock.now, partial(self._fire, rule), rule.logical_id)

    def _fire(self, rule: Rule) -> None:
        self.fired[rule.logical_id] = self.fired.get(rule.logical_id, 0) + 1
        event = self._envelope("aws.events", "Scheduled Event", {}, None, [rule.arn])
        for target in rule.targets:
            self._deliver(rule, target, event)


@dataclass(slots=True)
class _Sleeper:
    """A rule that sleeps until something is due; `until` is the due_at that its timer was set for."""

    rule: Rule
    parsed: schedule_expressions.Schedule
    until: str | None = None
    timer: Handle | None = None
