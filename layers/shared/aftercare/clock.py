"""The one place that reads the clock and makes ids; everything else is handed them."""

import base64
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class Ids(Protocol):
    def new(self) -> str:
        """26 lower-case base32 characters, 128 random bits, never given twice."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place


class SystemIds:
    """Ids from the operating system's random source."""

    def new(self) -> str:
        return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def iso(instant: datetime) -> str:
    """RFC 3339 in UTC with a trailing Z and microseconds: text order is time order."""
    return _written(instant if instant.tzinfo is UTC else instant.astimezone(UTC))


@lru_cache(maxsize=64)
def _written(instant: datetime) -> str:
    """What an invocation writes is mostly of one instant. Of UTC alone: elsewhere two instants of the hour that comes twice are
    equal."""
    return instant.isoformat(timespec="microseconds")[:-6] + "Z"


def parse_iso(text: str) -> datetime:
    """The instant that iso() wrote, or any RFC 3339 text with an offset. ValueError for a time without offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"time without offset: {text!r}")
    return instant.astimezone(UTC)
