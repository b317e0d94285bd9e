"""RFC 3339 as the state language writes and reads it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def read_timestamp(text: Any) -> datetime:
    """An RFC 3339 timestamp with upper-case T and Z or an offset, as the spec asks. ValueError otherwise."""
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        raise ValueError(f"must be an RFC 3339 timestamp such as 2026-03-01T09:00:00Z, not {text!r}")
    return datetime.fromisoformat(text).astimezone(UTC)


def timestamp(instant: datetime) -> str:
    """Milliseconds and Z, as in the context object."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
