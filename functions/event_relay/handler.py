"""Outbox in, bus out: a DynamoDB stream batch as things are recorded, and the queue of what due_sweep found untold."""

import json
from typing import Any

from aftercare import keys, telemetry
from aftercare.entry import batch
from aftercare.outside import current
from event_relay.relay import NotRelayed, from_item, from_stream, relay


def _again(text: str) -> str:
    """One delivery that the stream forgot: relayed if it is still due."""
    outside, key = current(), str(json.loads(text)["delivery"])
    place = keys.delivery(key)
    outbox = from_item(key, outside.tables.read([place]).get(place))
    if outbox is None:
        telemetry.tell("already relayed", delivery=keys.message_id(key))
        return "already relayed"
    if relay(outside, [outbox]):
        raise NotRelayed(keys.message_id(key))
    telemetry.tell("relayed", delivery=keys.message_id(key))
    return "relayed"


def _stream(event: dict[str, Any]) -> dict[str, Any]:
    """A stream goes on from the lowest sequence number that failed, so that one alone is named."""
    outboxes = from_stream(event["Records"])
    left = relay(current(), outboxes)
    telemetry.tell("relayed", deliveries=len(outboxes) - len(left), left=len(left))
    return {"batchItemFailures": [{"itemIdentifier": token} for token in left[:1]]}


def handle(event: dict[str, Any], context: Any) -> Any:
    try:
        if event["Records"][0].get("eventSource") == "aws:dynamodb":
            return _stream(event)
        return batch(event, context, _again)
    finally:
        telemetry.flush()
