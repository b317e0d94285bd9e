"""Deterministic faults at the effects of a function: which call of which port fails, and how.

Every call of a port that changes something is one effect, named `<port>.<verb>`: `tables.write`, `tables.read`,
`bus.put`, `queues.send`, `waits.start`, `waits.stop`, `slots.set`, `slots.clear`, `mail.send`, `webhooks.post`. A plan
counts them; a test runs once to learn how many there are, then once more for each place and each kind of fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Fault(StrEnum):
    """What goes wrong at one effect (classes F4 to F8 of the fault list)."""

    CRASH_BEFORE = "crash-before"  # the sandbox dies; nothing was done
    CRASH_AFTER = "crash-after"  # it was done; the sandbox dies before it learns so
    REPLY_LOST = "reply-lost"  # it was done; the caller sees a timeout
    TIMEOUT_BEFORE = "timeout-before"  # nothing was done; the caller sees the same timeout
    THROTTLED = "throttled"  # nothing was done, and the service says so
    CONFLICT = "conflict"  # tables only: another transaction held an item; nothing was done
    REFUSED = "refused"  # mail and bus only: the service says no, for good


APPLIED = frozenset((Fault.CRASH_AFTER, Fault.REPLY_LOST))
"""The faults after which the effect has happened."""


class SandboxKilled(BaseException):
    """The end of a sandbox: no code of the handler runs after it, so it is no Exception that a handler could catch."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect: the `n`-th that the plan counted, by which function, in which of its invocations."""

    n: int
    name: str
    function: str
    request_id: str


Adversary = Callable[[Effect], None]
Chooser = Callable[[Effect], Fault | None]


class FaultPlan:
    """Which effects fail. `at` maps the number of an effect, counted from 0, to its fault.

    Only effects of `function` (a handler's package, such as `message_gate`) and of `names` are counted, where given.
    `choose` decides where `at` says nothing. `adversary` is called before each counted effect, so exactly between it and
    the one before; what it does itself is neither counted nor failed.
    """

    def __init__(
        self,
        at: Mapping[int, Fault] | None = None,
        *,
        function: str | None = None,
        names: frozenset[str] | None = None,
        choose: Chooser | None = None,
        adversary: Adversary | None = None,
    ) -> None:
        self.at = dict(at or {})
        self.function = function
        self.names = names
        self.choose = choose
        self.adversary = adversary
        self.effects: list[Effect] = []
        self.happened: list[tuple[Effect, Fault]] = []
        self.active = True
        self._dead: str | None = None
        self._inside = False

    def run(self, name: str, function: str, request_id: str, apply: Callable[[], T], answer: Callable[[Fault], T]) -> T:
        """Do one effect through the plan. `answer` gives the port's own failure for a fault, by raising or returning it."""
        if self._inside or not self.active:
            return apply()
        if self._dead is not None:
            if self._dead == request_id:
                raise SandboxKilled(f"{function} was killed and still calls {name}")
            self._dead = None
        if (self.function is not None and function != self.function) or (self.names is not None and name not in self.names):
            return apply()
        effect = Effect(len(self.effects), name, function, request_id)
        self.effects.append(effect)
        if self.adversary is not None:
            self._inside = True
            try:
                self.adversary(effect)
            finally:
                self._inside = False
        fault = self.at.get(effect.n)
        if fault is None and self.choose is not None:
            fault = self.choose(effect)
        if fault is None:
            return apply()
        self.happened.append((effect, fault))
        if fault is Fault.CRASH_BEFORE:
            self._kill(effect, fault)
        if fault in APPLIED:
            apply()
        if fault is Fault.CRASH_AFTER:
            self._kill(effect, fault)
        return answer(fault)

    def _kill(self, effect: Effect, fault: Fault) -> None:
        self._dead = effect.request_id
        raise SandboxKilled(f"{fault} at {effect.name} (effect {effect.n} of {effect.function})")


def random_faults(seed: int | str, rates: Mapping[Fault, float], until: int | None = None) -> Chooser:
    """A chooser that fails each effect by chance, the same way for the same seed; after `until` effects nothing fails."""
    source = Random(f"faults:{seed}")  # noqa: S311 - chance for a simulation, no secret
    steps = sorted(rates.items())

    def choose(effect: Effect) -> Fault | None:
        drawn = source.random()
        if until is not None and effect.n >= until:
            return None
        for fault, rate in steps:
            if drawn < rate:
                return fault
            drawn -= rate
        return None

    return choose


class FaultPort:
    """A plan as a twin sees it: it knows whose invocation is running. Without one (the outside world acts) nothing fails."""

    __slots__ = ("_who", "plan")

    def __init__(self, plan: FaultPlan, who: Callable[[], tuple[str, str] | None]) -> None:
        self.plan = plan
        self._who = who

    def run(self, name: str, apply: Callable[[], T], answer: Callable[[Fault], T]) -> T:
        who = self._who()
        if who is None:
            return apply()
        return self.plan.run(name, who[0], who[1], apply, answer)
