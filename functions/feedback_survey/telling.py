"""The event that tells how words read, for whatever they were said in: once for each version of them."""

from datetime import datetime

from aftercare import events, keys
from aftercare.feedback import Read
from aftercare.feedback_events import FeedbackData
from aftercare.store import Delivery


def key_of(origin: str, ref: str, version: int) -> str:
    return f"feedback-read#{origin}#{ref}#{version}"


def telling(data: FeedbackData, now: datetime, correlation_id: str) -> Delivery:
    """The outbox item; it belongs in the transaction that keeps the reading, and fails when it was written before."""
    key = key_of(data.origin, data.ref, data.version)
    return Delivery(
        key=key,
        sender="feedback_survey",
        topic="FeedbackRead",
        received_at=now,
        correlation_id=correlation_id,
        body_hash=keys.message_id(key),
        events=(events.make("FeedbackRead", keys.message_id(key), now, correlation_id, data),),
        customer_id=data.customer_id,
    )


def as_told(reading: Read | None) -> dict[str, object]:
    """How words read, in numbers and closed words: what was written stays on the record."""
    if reading is None:
        return {}
    return {
        "sentiment": reading.sentiment,
        "confidence": round(reading.confidence, 2),
        "mixed": reading.mixed,
        "themes": tuple(dict.fromkeys(one.theme for one in reading.themes)),
        "praised": tuple(dict.fromkeys(one.theme for one in reading.themes if one.score > 0)),
    }
