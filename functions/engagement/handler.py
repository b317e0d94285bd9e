"""SES's events in: messages settled and counted, dead addresses and complaints silenced."""

import json
from collections.abc import Mapping
from typing import Any

from aftercare import telemetry
from aftercare.entry import batch
from aftercare.outside import current
from engagement.outcome import apply
from engagement.provider import NotOurs, seen


def one(envelope: Mapping[str, Any]) -> str:
    outside = current()
    try:
        event = seen(envelope, outside.clock.now())
    except NotOurs as error:
        telemetry.count("EngagementIgnored")
        telemetry.tell("ignored", event_id=str(envelope.get("id")), because=str(error))
        return "ignored"
    outcome = apply(outside, event)
    telemetry.tell(outcome, what=str(event.what), event_id=event.event_id, message_id=event.message_id)
    return outcome


def handle(event: dict[str, Any], context: Any) -> Any:
    try:
        if "Records" in event:
            return batch(event, context, lambda text: one(json.loads(text)))
        return {"outcome": one(event)}
    finally:
        telemetry.flush()
