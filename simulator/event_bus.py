"""EventBridge: buses, their policies, rules and patterns, and the delivery to targets with retries and dead letters.

Source: the PutEvents API reference and "Retrying event delivery" (24 hours, 185 times, exponential backoff), "Using
dead-letter queues to process undelivered events" (the message attributes). Jitter is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import Any, Final

from simulator.event_patterns import Matcher, compile_pattern
from simulator.input_transformer import TargetInput, TransformError, target_input
from simulator.memory.refusal import Refused
from simulator.template import BusStatement, EventBus, Rule, Target
from simulator.virtual_clock import VirtualClock

ENTRIES: Final = 10
ENTRY_BYTES: Final = 1024 * 1024
"""PutEvents takes 10 entries, together 1 MB since January 2026 (256 KB before)."""

FIRST_RETRY: Final = timedelta(seconds=1)
LONGEST_RETRY: Final = timedelta(minutes=8)

DEFAULT_BUS: Final = "default"

_COMPACT: Final = json.JSONEncoder(separators=(",", ":")).encode
_DECODE: Final = json.JSONDecoder().decode


class NotAuthorized(Refused):
    """A bus policy does not let this principal put this event (AccessDeniedException)."""


class DeliveryFailed(Exception):
    """A target did not take it. `code` is EventBridge's error code; only a `retryable` one is tried again."""

    def __init__(self, code: str, message: str, retryable: bool = True) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class PutResult:
    """What PutEvents says of one entry."""

    event_id: str | None
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Which rule or schedule delivers (its ARN)."""

    arn: str


Attempt = Callable[[Target, Any, str | None], None]
"""One attempt at a target: (target, payload, its JSON text if it is known). DeliveryFailed when it is not taken."""


class Deliveries:
    """Hands payloads to targets, again and again as their retry policy says, and at last to their dead-letter queue.

    `attempt` does one; `bury(queue_arn, text, attributes)` puts on a dead-letter queue. `fails`, where set, is asked
    before each attempt and gives what it should fail with.
    """

    def __init__(self, clock: VirtualClock, attempt: Attempt, bury: Callable[[str, str, Mapping[str, Any]], None]) -> None:
        self._clock = clock
        self._attempt = attempt
        self._bury = bury
        self.fails: Callable[[Target], DeliveryFailed | None] | None = None
        self.dropped: list[tuple[datetime, Target, str]] = []

    def deliver(
        self, target: Target, payload: Any, text: str | None, origin: str, retries: int = 0, since: datetime | None = None
    ) -> None:
        """One attempt, after so many that failed since an instant; it sees to the next."""
        try:
            failure = self.fails(target) if self.fails is not None else None
            if failure is not None:
                raise failure
            self._attempt(target, payload, text)
        except DeliveryFailed as failed:
            self._failed(failed, target, payload, text, origin, retries, since or self._clock.now)

    def undeliverable(self, target: Target, text: str, origin: str, code: str, message: str) -> None:
        """What cannot even be put into the target's form."""
        self._give_up(target, text, origin, DeliveryFailed(code, message, retryable=False), 0, None)

    def _failed(
        self, failed: DeliveryFailed, target: Target, payload: Any, text: str | None, origin: str, retries: int, since: datetime
    ) -> None:
        exhausted: str | None = None
        if failed.retryable:
            again = self._clock.now + min(FIRST_RETRY * 2 ** min(retries, 16), LONGEST_RETRY)
            if retries >= target.maximum_attempts:
                exhausted = "MaximumRetryAttempts"
            elif again - since > target.maximum_age:
                exhausted = "MaximumEventAgeInSeconds"
            else:
                action = partial(self.deliver, target, payload, text, origin, retries + 1, since)
                self._clock.at(again, action, f"retry of {target.id}")
                return
        whole = text if text is not None else json.dumps(payload, separators=(",", ":"))
        self._give_up(target, whole, origin, failed, retries, exhausted)

    def _give_up(
        self, target: Target, text: str, origin: str, failed: DeliveryFailed, retries: int, exhausted: str | None
    ) -> None:
        if target.dead_letters is None:
            self.dropped.append((self._clock.now, target, failed.code))
            return
        words = {
            "RULE_ARN": origin,
            "TARGET_ARN": target.arn,
            "ERROR_CODE": failed.code,
            "ERROR_MESSAGE": failed.message,
            "RETRY_ATTEMPTS": str(retries),
            **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
        }
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in words.items()}
        self._bury(target.dead_letters, text, attributes)


_HEAD: Final = ("source", "detail-type")
ROUTES_KEPT: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    """A rule with its pattern in two parts: what it says of source and detail-type, and what it says of the rest."""

    rule: Rule
    head: Matcher | None
    rest: Matcher | None
    targets: tuple[tuple[Target, TargetInput | None], ...]


def _compiled(rule: Rule, pattern: Mapping[str, Any], targets: tuple[tuple[Target, TargetInput | None], ...]) -> _Rule:
    compile_pattern(pattern)  # an error names its place in the whole
    head = {name: wanted for name, wanted in pattern.items() if name in _HEAD}
    rest = {name: wanted for name, wanted in pattern.items() if name not in _HEAD}
    return _Rule(rule, compile_pattern(head) if head else None, compile_pattern(rest) if rest else None, targets)


class EventBuses:
    """All buses of the account. Delivery happens when the clock next runs what is due."""

    def __init__(
        self,
        clock: VirtualClock,
        buses: Sequence[EventBus],
        rules: Sequence[Rule],
        statements: Sequence[BusStatement],
        deliveries: Deliveries,
        new_id: Callable[[], str],
        *,
        region: str,
        account: str,
        extra_buses: Sequence[str] = (),
    ) -> None:
        self._clock = clock
        self._deliveries = deliveries
        self._new_id = new_id
        self._region = region
        self._account = account
        self._rules: dict[str, list[_Rule]] = {bus.name: [] for bus in buses}
        self._rules[DEFAULT_BUS] = []
        for name in extra_buses:
            self._rules.setdefault(name, [])
        self._arns = {bus.arn: bus.name for bus in buses}
        self._policies: dict[str, list[BusStatement]] = {}
        for statement in statements:
            self._policies.setdefault(statement.bus, []).append(statement)
        for rule in rules:
            if rule.pattern is None or not rule.enabled:
                continue
            targets = tuple((target, self._input(rule, target)) for target in rule.targets)
            # A rule may listen to a bus that another account or a partner made: it exists here once a rule names it.
            self._rules.setdefault(rule.bus, []).append(_compiled(rule, rule.pattern, targets))
        # One shop's events are of few kinds, and most patterns look at the kind only. These two answers are asked for again
        # and again.
        self._listening = lru_cache(maxsize=ROUTES_KEPT)(self._listen)
        self._denied = lru_cache(maxsize=ROUTES_KEPT)(self._denies)

    @staticmethod
    def _input(rule: Rule, target: Target) -> TargetInput | None:
        if not any(target.given.get(name) is not None for name in ("Input", "InputPath", "InputTransformer")):
            return None
        return target_input(target.given, rule_name=rule.name, rule_arn=rule.arn)

    def put(self, entries: Sequence[Mapping[str, Any]], principal: str) -> list[PutResult]:
        """PutEvents by a principal (its ARN). Refused for the whole call, or a result with an error code for an entry."""
        if not 1 <= len(entries) <= ENTRIES:
            raise Refused(f"PutEvents takes 1 to {ENTRIES} entries, not {len(entries)}")
        size = sum(map(_entry_bytes, entries))
        if size > ENTRY_BYTES:
            raise Refused(f"PutEvents: total size of the entries in the request is over the limit: {size} bytes")
        buses = [self.bus_name(entry.get("EventBusName")) for entry in entries]
        for bus, entry in zip(buses, entries, strict=True):
            source = str(entry.get("Source", ""))
            if self._denied(bus, source, principal):
                raise NotAuthorized(f"{principal} may not put source {source!r} on bus {bus}: its policy denies it")
        return [self._put_one(bus, entry) for bus, entry in zip(buses, entries, strict=True)]

    def bus_name(self, given: Any) -> str:
        """The name of a bus from what EventBusName may hold: a name, an ARN or nothing."""
        text = str(given or DEFAULT_BUS)
        return self._arns.get(text) or (text.partition("event-bus/")[2] if text.startswith("arn:") else text)

    def _put_one(self, bus: str, entry: Mapping[str, Any]) -> PutResult:
        source, detail_type, text = entry.get("Source"), entry.get("DetailType"), entry.get("Detail")
        if not (source and detail_type and text):
            name = "Source" if not source else "DetailType" if not detail_type else "Detail"
            return PutResult(None, "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument.")
        if str(source).startswith("aws."):
            return PutResult(None, "NotAuthorizedForSourceException", f"Not authorized for the source {source}.")
        try:
            detail = _DECODE(str(text))
        except ValueError:
            return PutResult(None, "MalformedDetail", "Detail is malformed.")
        if not isinstance(detail, dict):
            return PutResult(None, "MalformedDetail", "Detail is malformed.")
        at = entry.get("Time")
        event = self.envelope(
            str(source), str(detail_type), detail, at if isinstance(at, datetime) else None, entry.get("Resources")
        )
        # An event for a bus that does not exist is dropped without a word: so does EventBridge.
        self.publish(bus, event, _text(event, str(text)))
        return PutResult(event["id"])

    def envelope(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        at: datetime | None = None,
        resources: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """The event as rules and targets see it; its time has whole seconds."""
        return {
            "version": "0",
            "id": self._new_id(),
            "detail-type": detail_type,
            "source": source,
            "account": self._account,
            "time": _seconds((at or self._clock.now).astimezone(UTC)),
            "region": self._region,
            "resources": list(resources or ()),
            "detail": detail,
        }

    def publish(self, bus: str, event: dict[str, Any], text: str | None = None) -> None:
        """Put a whole event on a bus, as an AWS service or a partner does."""
        for known in self._listening(bus, event.get("source"), event.get("detail-type")):
            if known.rest is None or known.rest(event):
                if text is None:
                    text = _COMPACT(event)
                for target, transform in known.targets:
                    self._clock.at(self._clock.now, partial(self._deliver, known.rule, target, transform, event, text), target.id)

    def _listen(self, bus: str, source: Any, detail_type: Any) -> tuple[_Rule, ...]:
        """The bus's rules that take events of this kind, whatever else they ask for."""
        kind = {"source": source, "detail-type": detail_type}
        return tuple(known for known in self._rules.get(bus, ()) if known.head is None or known.head(kind))

    def _deliver(self, rule: Rule, target: Target, transform: TargetInput | None, event: dict[str, Any], text: str) -> None:
        if transform is None:
            self._deliveries.deliver(target, event, text, rule.arn)
            return
        try:
            payload = transform(event, self._clock.now)
        except TransformError as problem:
            self._deliveries.undeliverable(target, text, rule.arn, "INVALID_JSON", str(problem))
            return
        self._deliveries.deliver(target, payload, None, rule.arn)

    def _denies(self, bus: str, source: str, principal: str) -> bool:
        """A deny that fits refuses. What a bus allows adds nothing for principals of its own account: their roles allow them."""
        statements = self._policies.get(bus, ())
        return any(one.effect == "Deny" and fits(one.conditions, source, principal) for one in statements)


_MANY: Final = ("ForAllValues:", "ForAnyValue:")


def fits(conditions: Mapping[str, Mapping[str, Any]], source: str, principal: str) -> bool:
    """Whether a bus statement's conditions hold. ValueError naming an operator or key that is not known."""
    values = {"events:source": source, "aws:principalarn": principal}
    for given, keys in conditions.items():
        operator = given
        for prefix in _MANY:
            operator = operator.removeprefix(prefix)
        for key, wanted in keys.items():
            value = values.get(key.lower())
            if key.lower() not in values:
                raise ValueError(f"bus policy: condition key {key} is not known")
            patterns = [str(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
            if operator in ("StringLike", "ArnLike", "ArnEquals", "StringEquals"):
                holds = any(fnmatchcase(value or "", one) for one in patterns)
            elif operator in ("StringNotLike", "ArnNotLike", "ArnNotEquals", "StringNotEquals"):
                holds = not any(fnmatchcase(value or "", one) for one in patterns)
            elif operator == "Null":
                holds = (not value) == (patterns[0].lower() == "true")
            else:
                raise ValueError(f"bus policy: condition operator {given} is not known")
            if not holds:
                return False
    return True


@lru_cache(maxsize=64)
def _seconds(instant: datetime) -> str:
    """Many events of one instant are told in its words."""
    return instant.isoformat(timespec="seconds")[:-6] + "Z"


def _text(event: Mapping[str, Any], detail: str) -> str:
    """The event's JSON text, made around the detail's own: PutEvents was given it as text."""
    head = _COMPACT({name: value for name, value in event.items() if name != "detail"})
    return f'{head[:-1]},"detail":{detail}}}'


def _entry_bytes(entry: Mapping[str, Any]) -> int:
    """The size of an entry as EventBridge counts it ("Calculating Amazon EventBridge PutEvents event entry size")."""
    text = f"{entry.get('Source') or ''}{entry.get('DetailType') or ''}{entry.get('Detail') or ''}"
    for resource in entry.get("Resources") or ():
        text += str(resource)
    return (len(text) if text.isascii() else len(text.encode())) + (14 if entry.get("Time") is not None else 0)
