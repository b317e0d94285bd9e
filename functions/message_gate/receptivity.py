"""The hour at which a customer is used to answer, for what can wait. Where nothing is learned, a message goes at once."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from message_gate.channel_policy import Hour

SPREAD = timedelta(minutes=30)
"""Over so much of the hour the messages of many are spread."""


def receptive_hour(active: Mapping[int, float], rule: "Hour") -> int | None:
    """The local hour around which most of the acts lie, an hour before and after it counting half; None where too few are
    known, or where they lie all over the day."""
    total = sum(active.values())
    if total < rule.acts:
        return None

    def around(hour: int) -> float:
        return active.get(hour, 0.0) + (active.get((hour - 1) % 24, 0.0) + active.get((hour + 1) % 24, 0.0)) / 2

    best = max(range(24), key=lambda hour: (around(hour), -hour))
    return best if around(best) >= rule.share * total else None


def next_at(hour: int, zone: ZoneInfo, now: datetime, spread: float) -> datetime | None:
    """The next instant at which it is that hour there, a share (0 to 1) of the spread into it; None while it is that hour.

    An hour that a change of the clock leaves out is that of the day after.
    """
    local = now.astimezone(zone)
    if local.hour == hour:
        return None
    for days in range(3):
        there = (local + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
        found = there.astimezone(UTC) + SPREAD * spread
        if found > now and found.astimezone(zone).hour == hour:
            return found
    return None
