"""One event as it is kept and told; what may stand in it is the catalogue, aftercare.events."""

import json
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import AwareDatetime

from aftercare.clock import iso
from aftercare.model import Model

_COMPACT = json.JSONEncoder(separators=(",", ":")).encode


@cache
def _sources() -> dict[str, str]:
    from aftercare.events import CATALOGUE  # every shape there is: for who tells events, not for who keeps them

    return {name: kind.source for name, kind in CATALOGUE.items()}


class Event(Model):
    """One event as it lies in the outbox. `id` is ours: a forwarded event gets a new EventBridge id."""

    id: str
    type: str
    occurred_at: AwareDatetime
    correlation_id: str
    data: dict[str, Any]

    def entry(self, bus: str, told_at: datetime) -> dict[str, Any]:
        """The PutEvents entry for this event."""
        metadata = {
            "id": self.id,
            "version": 1,
            "occurred_at": iso(self.occurred_at),
            "told_at": iso(told_at),
            "correlation_id": self.correlation_id,
        }
        return {
            "Source": _sources()[self.type],
            "DetailType": self.type,
            "Detail": _COMPACT({"metadata": metadata, "data": self.data}),
            "EventBusName": bus,
            "Time": told_at,
        }
