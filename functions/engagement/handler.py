"""What became of messages, and what people write: settled, counted, silenced and heard; what cannot be read is parked at once."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from aftercare import telemetry
from aftercare.entry import batch
from aftercare.outside import Outside, current
from engagement.outcome import apply, of_chat, set_aside
from engagement.people import hear
from engagement.phones import CHAT, TEXT, Inbound, chat_seen, inbound, text_seen
from engagement.provider import NotOurs, Seen, Unreadable, parsed, seen


def one(outside: Outside, text: str) -> str:
    now = outside.clock.now()
    try:
        envelope = parsed(text)
        if str(envelope.get("source")).startswith("aftercare."):
            return _ours(outside, envelope)
        by_topic = envelope.get("Type") == "Notification"
        news = inbound(envelope, now) if by_topic else (_event(outside, envelope, now),)
    except NotOurs as error:
        telemetry.count("EngagementIgnored")
        telemetry.tell("ignored", because=str(error))
        return "ignored"
    except Unreadable as error:
        set_aside(outside, text, str(error))
        telemetry.count("EngagementParked")
        telemetry.tell("parked", because=str(error))
        return "parked"
    return ", ".join(_learn(outside, each) for each in news) or "ignored"


def _ours(outside: Outside, envelope: Mapping[str, Any]) -> str:
    """An event of the aftercare bus: what a customer did after a message."""
    # Their shapes are those of all events; most deliveries here are the providers'.
    from aftercare.events import told
    from engagement.acts import acted

    event = told(envelope)
    outcome = acted(outside, event)
    telemetry.tell(outcome, event=event.type, event_id=event.id, correlation_id=event.correlation_id)
    return outcome


def _learn(outside: Outside, news: Inbound | Seen) -> str:
    """What a person wrote, or what became of a message. The outcome in a word."""
    if isinstance(news, Inbound):
        outcome = hear(outside, news)
        telemetry.tell(outcome)
    else:
        outcome = apply(outside, news)
        telemetry.tell(outcome, what=str(news.what), event_id=news.event_id, message_id=news.message_id)
    return outcome


def _event(outside: Outside, envelope: Mapping[str, Any], now: datetime) -> Seen:
    """A provider's event about one message. NotOurs, Unreadable."""
    if envelope.get("source") == TEXT:
        return text_seen(envelope, now)
    if envelope.get("source") != CHAT:
        return seen(envelope, now)
    found = of_chat(outside, chat_seen(envelope, now))
    if found is None:
        raise NotOurs("a message that nobody here has sent")
    return found


def handle(event: dict[str, Any], context: Any) -> Any:
    try:
        outside = current()
        if event.get("Records") and "Sns" in event["Records"][0]:
            return {"outcome": ", ".join(one(outside, json.dumps(record["Sns"])) for record in event["Records"])}
        if "Records" in event:
            return batch(event, context, partial(one, outside))
        return {"outcome": one(outside, json.dumps(event))}
    finally:
        telemetry.flush()
