"""The one clock of the local cloud: an instant, and a heap of what falls due.

Nothing here reads the wall clock. Time is an aware UTC datetime that moves only from one due action to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Final

COMPACT_ABOVE: Final = 64


class EndlessLoopError(RuntimeError):
    """Actions keep scheduling actions for the same instant; the message names the label that was about to run."""


class Handle:
    """One scheduled action. `due` is its aware UTC instant, `label` what messages call it.

    `pending` is True until the action has started or was cancelled.
    """

    __slots__ = ("_action", "_clock", "due", "label", "pending")

    def __init__(self, clock: VirtualClock, due: datetime, action: Callable[[], object], label: str) -> None:
        self._clock = clock
        self._action: Callable[[], object] | None = action
        self.due = due
        self.label = label
        self.pending = True

    def cancel(self) -> bool:
        """Forget the action. True when it was still pending; cancelling twice, or after it ran, does nothing."""
        if not self.pending:
            return False
        self.pending, self._action = False, None
        self._clock._forget_one()
        return True


class VirtualClock:
    """A clock that jumps. `now` is the current instant, aware, UTC: it is read more often than anything else, and only the
    clock sets it.

    `start` is any aware datetime. `on_move` is called with the new instant whenever `now` changes, before anything
    due then runs. `steps_per_instant` bounds how many actions may run without the clock moving; beyond it,
    `EndlessLoopError`.
    """

    def __init__(
        self,
        start: datetime,
        on_move: Callable[[datetime], None] | None = None,
        *,
        steps_per_instant: int = 1_000_000,
    ) -> None:
        self.now = in_utc(start)
        self.on_move = on_move
        self._steps_per_instant = steps_per_instant
        self._heap: list[tuple[datetime, int, Handle]] = []
        self._sequence = 0
        self._cancelled = 0
        self._steps_now = 0
        self._running = False

    @property
    def pending(self) -> int:
        """How many actions wait."""
        return len(self._heap) - self._cancelled

    def at(self, due: datetime, action: Callable[[], object], label: str = "") -> Handle:
        """Run `action` when the clock reaches `due` (aware); an instant that has passed means now, after what waits."""
        instant = due if due.tzinfo is UTC else in_utc(due)
        if instant < self.now:
            instant = self.now
        handle = Handle(self, instant, action, label)
        self._sequence += 1
        heappush(self._heap, (instant, self._sequence, handle))
        return handle

    def after(self, delay: timedelta, action: Callable[[], object], label: str = "") -> Handle:
        """`at`, counted from now."""
        return self.at(self.now + delay, action, label)

    def next_due(self) -> datetime | None:
        """The instant of the earliest pending action, or None."""
        heap = self._heap
        while heap:
            due, _, handle = heap[0]
            if handle.pending:
                return due
            heappop(heap)
            self._cancelled -= 1
        return None

    def run_due(self) -> int:
        """Run everything due now, in order of (due, scheduling), with what it schedules for now. Returns how many."""
        self._refuse_from_inside()
        heap, now, ran = self._heap, self.now, 0
        self._running = True
        try:
            while heap and heap[0][0] <= now:
                handle = heappop(heap)[2]
                action = handle._action
                if action is None:
                    self._cancelled -= 1
                    continue
                handle.pending, handle._action = False, None
                self._steps_now += 1
                if self._steps_now > self._steps_per_instant:
                    raise EndlessLoopError(
                        f"{self._steps_per_instant} actions ran at {now.isoformat()} and the clock has not moved; "
                        f"next would be {handle.label or 'an unlabelled action'!r}"
                    )
                action()
                ran += 1
        finally:
            self._running = False
        return ran

    def advance_to(self, instant: datetime) -> int:
        """Run everything due up to and including `instant`, each at its own time, and stay there.

        Returns how many actions ran. Raises ValueError for an instant in the past.
        """
        self._refuse_from_inside()
        target = in_utc(instant)
        if target < self.now:
            raise ValueError(f"time does not go back: it is {self.now.isoformat()}, asked for {target.isoformat()}")
        ran = self.run_due()
        while (due := self.next_due()) is not None and due <= target:
            self._move_to(due)
            ran += self.run_due()
        self._move_to(target)
        return ran

    def advance(self, by: timedelta) -> int:
        """`advance_to`, counted from now."""
        return self.advance_to(self.now + by)

    def run_until_idle(self, limit: timedelta | None = None) -> bool:
        """Jump from due time to due time until nothing waits.

        With a `limit`, nothing later than now + limit runs and the clock stays at the last instant something did.
        True when nothing waits any more; False when what waits lies beyond the limit, as a recurring schedule does.
        """
        self._refuse_from_inside()
        last = None if limit is None else self.now + limit
        self.run_due()
        while (due := self.next_due()) is not None:
            if last is not None and due > last:
                return False
            self._move_to(due)
            self.run_due()
        return True

    def _move_to(self, instant: datetime) -> None:
        if instant == self.now:
            return
        self.now = instant
        self._steps_now = 0
        if self.on_move is not None:
            self.on_move(instant)

    def _forget_one(self) -> None:
        self._cancelled += 1
        if self._cancelled > COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
            # In place: run_due holds on to the list while it runs.
            self._heap[:] = [entry for entry in self._heap if entry[2].pending]
            heapify(self._heap)
            self._cancelled = 0

    def _refuse_from_inside(self) -> None:
        if self._running:
            raise RuntimeError("the clock is already running: an action schedules with at(), it does not move time")


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC; ValueError when it has no zone."""
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(f"an instant needs a time zone: {instant!r}")
    return instant.astimezone(UTC)
