"""Lambda's pollers on the virtual clock: they wake when something became visible, and never look without a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from simulator.event_source_mapping import QueueMapping, Record, StreamMapping
from simulator.virtual_clock import Handle, VirtualClock


class Poller(Protocol):
    def wake(self) -> None:
        """Something may have become visible."""
        ...


class _Armed:
    """One pending look, the earliest that anybody asked for."""

    def __init__(self, clock: VirtualClock, label: str) -> None:
        self._clock = clock
        self._label = label
        self._timer: Handle | None = None

    def arm(self, at: datetime | None) -> None:
        if at is None:
            return
        timer = self._timer
        if timer is not None and timer.pending:
            if timer.due <= at:
                return
            timer.cancel()
        self._timer = self._clock.at(at, self.look, self._label)

    def wake(self) -> None:
        timer = self._timer
        if timer is None or not timer.pending or timer.due > self._clock.now:
            self.arm(self._worth_it_at())

    def _worth_it_at(self) -> datetime | None:
        """When a look may find something; None when none would."""
        return self._clock.now

    def look(self) -> None:
        raise NotImplementedError


class QueuePoller(_Armed):
    """Feeds one function from one queue. `next_visible_at` says when a receive is worth it."""

    def __init__(
        self, clock: VirtualClock, mapping: QueueMapping, next_visible_at: Callable[[], datetime | None], label: str
    ) -> None:
        super().__init__(clock, label)
        self._mapping = mapping
        self._next_visible_at = next_visible_at

    def _worth_it_at(self) -> datetime | None:
        return self._next_visible_at()

    def look(self) -> None:
        done = self._mapping.poll(self._clock.now)
        if not done.invoked or self._mapping.holding:
            self.arm(done.again_at)
        self.wake()


class StreamPoller(_Armed):
    """Feeds one function from a table's stream. `take` gives the records that came since it was last called."""

    def __init__(self, clock: VirtualClock, mapping: StreamMapping, take: Callable[[], Sequence[Record]], label: str) -> None:
        super().__init__(clock, label)
        self._mapping = mapping
        self._take = take

    def look(self) -> None:
        now = self._clock.now
        records = self._take()
        if records:
            self._mapping.offer(records, now)
        self.arm(self._mapping.poll(now))
