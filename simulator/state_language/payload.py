"""A state's data as text, and its limit."""

from __future__ import annotations

import json
from typing import Any, Final

from simulator.state_language.errors import DATA_LIMIT, StateFailed
from simulator.state_language.quotas import MAXIMUM_PAYLOAD

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_DECODE: Final = json.JSONDecoder().decode


def compact(value: Any) -> str:
    return _ENCODER.encode(value)


def within_size(value: Any, state: str, what: str) -> Any:
    """The value's own copy, as JSON gives it back. StateFailed when it is too large."""
    text = compact(value)
    if len(text) > MAXIMUM_PAYLOAD or (not text.isascii() and len(text.encode()) > MAXIMUM_PAYLOAD):
        cause = f"The state/task '{state}' has {what} with a size exceeding the maximum number of bytes service limit."
        raise StateFailed(DATA_LIMIT, cause)
    return _DECODE(text)
