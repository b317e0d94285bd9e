"""SES's events in: messages settled and counted, dead addresses and complaints silenced; what is none is parked at once."""

import json
from typing import Any

from aftercare import telemetry
from aftercare.entry import batch
from aftercare.outside import current
from engagement.outcome import apply, set_aside
from engagement.provider import NotOurs, Unreadable, parsed, seen


def one(text: str) -> str:
    outside = current()
    try:
        event = seen(parsed(text), outside.clock.now())
    except NotOurs as error:
        telemetry.count("EngagementIgnored")
        telemetry.tell("ignored", because=str(error))
        return "ignored"
    except Unreadable as error:
        set_aside(outside, text, str(error))
        telemetry.count("EngagementParked")
        telemetry.tell("parked", because=str(error))
        return "parked"
    outcome = apply(outside, event)
    telemetry.tell(outcome, what=str(event.what), event_id=event.event_id, message_id=event.message_id)
    return outcome


def handle(event: dict[str, Any], context: Any) -> Any:
    try:
        if "Records" in event:
            return batch(event, context, one)
        return {"outcome": one(json.dumps(event))}
    finally:
        telemetry.flush()
