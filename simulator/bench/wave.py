"""P16: a wave of 450,000 messages, reckoned and not sent: when each is due, and when the gate's places let each go.

Its slots are those that product_news gives; each message then reserves a place as the gate does, in a shard chosen by its name.
What is counted is the peak of any second (not only of whole ones) and who is left over.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from aftercare.content import read_content
from aftercare.model import Model
from aftercare.rate import SHARDS, reserve, shard_order, wave_rate, wave_slot
from simulator.bench.measure import Result, Say

READERS: Final = 450_000
START: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BURST: Final = timedelta(seconds=5)
"""As message_gate.pacing has it: a place so near is taken now."""


def measure(say: Say) -> list[Result]:
    allowed, configured = wave_rate(None), _configured()
    say(f"P16: a wave of {READERS} at {allowed:g} of {configured:g} a second")
    slots = [wave_slot(START, allowed, position, f"reader-{position}") for position in range(READERS)]
    window = START + timedelta(seconds=READERS / allowed)
    sent = sends(slots, allowed)
    late = max(at - slot for at, slot in zip(sent, slots, strict=True))
    outside = sum(not START <= slot < window for slot in slots)
    hours = (window - START) / timedelta(hours=1)
    note = f"in {hours:.1f} h; at most {late.total_seconds():.0f} s after its slot"
    return [
        Result("P16", "peak of a wave's slots in any second", float(peak(slots)), configured, unit="/s", note=note),
        Result("P16", "peak of what the gate sends of it in any second", float(peak(sorted(sent))), configured, unit="/s"),
        Result("P16", "of the wave outside its window, or lost", float(outside + READERS - len(sent)), 0.0),
    ]


class _Rate(Model, extra="ignore"):
    per_second: dict[str, float]


class _Frequency(Model, extra="ignore"):
    """What frequency.yaml says of the rate."""

    rate: _Rate


def _configured() -> float:
    return read_content(Path("frequency.yaml"), _Frequency).rate.per_second["email"]


def sends(slots: list[datetime], per_second: float) -> list[datetime]:
    """When each message goes: at its slot, or at its place in the rate where that is further off than a burst."""
    free: list[datetime | None] = [None] * SHARDS
    found = []
    for number, now in enumerate(slots):
        shard = shard_order(f"wave#{number}", free)[0]
        places = reserve(free[shard], now, per_second, 1)
        free[shard] = places.then
        found.append(now if places.first <= now + BURST else places.first)
    return found


def peak(instants: list[datetime]) -> int:
    """The most of them within any one second; they are in order."""
    inside: deque[datetime] = deque()
    most = 0
    for at in instants:
        inside.append(at)
        while inside[0] <= at - timedelta(seconds=1):
            inside.popleft()
        most = max(most, len(inside))
    return most
