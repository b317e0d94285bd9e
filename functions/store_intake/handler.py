"""Facts in: Shopify by HTTPS and by its partner bus, and a custom store's events; each recorded once, with its events.

Takes an HTTP API event, an SQS batch of EventBridge envelopes, one envelope (an invocation by hand), or
`{"validate": <envelope>}`, which is answered with what is wrong with a store's event and records nothing.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from aftercare import telemetry
from aftercare.entry import batch
from aftercare.outside import Outside, current
from store_intake import canonical
from store_intake.intake import Outcome, take
from store_intake.received import Received, Unreadable, hash_of, parsed

PARTNER = "aws.partner/shopify.com"


def read(text: str, received_at: datetime) -> Received:
    """The envelope in a queue's message, by the bus that it came from; what is no envelope is parked like any other."""
    body = text.encode("utf-8", "surrogatepass")
    try:
        envelope: Mapping[str, Any] = parsed(body)
    except Unreadable as error:
        return _unknown(body, str(error), received_at)
    source = str(envelope.get("source", ""))
    if source == PARTNER or source.startswith(f"{PARTNER}/"):
        from store_intake import shopify

        return shopify.from_partner_bus(envelope, body, received_at)
    if source.startswith("store."):
        return canonical.from_store_bus(envelope, body, received_at)
    return _unknown(body, f"source: expected store.<name> or {PARTNER}", received_at)


def _unknown(body: bytes, reason: str, received_at: datetime) -> Received:
    content_hash = hash_of(body)
    return Received(
        f"unknown#{content_hash}", "unknown", "unknown", "", "unknown", body, content_hash, received_at, reason=reason
    )


def one(outside: Outside, text: str) -> Outcome:
    outcome = take(outside, read(text, outside.clock.now()))
    telemetry.tell(outcome.status, facts=",".join(outcome.facts) or None, correlation_id=outcome.correlation_id)
    return outcome


def handle(event: dict[str, Any], context: Any) -> Any:
    try:
        if "requestContext" in event:
            from store_intake import web

            return web.answer(event, context)
        if "Records" in event:
            return batch(event, context, partial(one, current()))
        if "validate" in event:
            problems = canonical.validate_envelope(event["validate"])
            return {"errors": [{"field": field, "expected": expected} for field, expected in problems]}
        outcome = one(current(), json.dumps(event))
        return {
            "status": outcome.status,
            "facts": list(outcome.facts),
            "parked": outcome.parked,
            "correlation_id": outcome.correlation_id,
        }
    finally:
        telemetry.flush()
