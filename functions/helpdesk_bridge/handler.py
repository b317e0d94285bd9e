"""An event in, one signed webhook to each endpoint that wants it; what was not taken comes back by itself, for about a day.

A webhook is known by its event's id at every attempt. Between two attempts only that id and the event lie on a queue, never what
was said: the body is made from the record each time, so who was erased meanwhile sends nothing.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from aftercare import keys, telemetry
from aftercare.clock import iso, parse_iso
from aftercare.customer import Customer
from aftercare.endpoints import EVENTS, Endpoint, close, endpoints_of
from aftercare.entry import queue_handler
from aftercare.outside import Outside
from aftercare.store import find
from aftercare.webhook import signed
from helpdesk_bridge.payload import BUYER, Record, Untold, payload
from helpdesk_bridge.reaction import Close, Done, GiveUp, Later, react
from helpdesk_bridge.texts import place_of, text_of

if TYPE_CHECKING:
    from aftercare.events import Told

LONGEST_DELAY = timedelta(minutes=15)
"""SQS delays a message no longer; what waits longer goes round."""


def on_event(event: "Told", outside: Outside) -> str:
    """Tell every endpoint that wants it. The outcomes in words."""
    endpoints = [endpoint for endpoint in _endpoints(outside) if event.type in endpoint.events]
    return _tell(outside, event, endpoints, attempt=0) if endpoints else "nobody wants it"


def on_turn(waiting: Mapping[str, Any], outside: Outside) -> str:
    """One webhook whose wait may be over. The outcome in a word."""
    from aftercare.events import told

    given = waiting["webhook"]
    not_before = parse_iso(given["not_before"]) if given.get("not_before") else None
    if not_before and not_before > outside.clock.now():
        _wait(outside, waiting, not_before - outside.clock.now())
        return "waits on"
    endpoints = [endpoint for endpoint in _endpoints(outside) if endpoint.name == given["endpoint"]]
    return _tell(outside, told(given["event"]), endpoints, int(given["attempt"])) if endpoints else "no such endpoint any more"


def _endpoints(outside: Outside) -> tuple[Endpoint, ...]:
    """None where the stage has none. Unusable, NotKept: the event goes back to its queue until the parameter is mended."""
    parameter = outside.settings.webhook_endpoints_parameter
    return endpoints_of(outside.secrets.text(parameter)) if parameter else ()


def _tell(outside: Outside, event: "Told", endpoints: list[Endpoint], attempt: int) -> str:
    customer = _customer(outside, event)
    there = place_of(event, customer)
    learned = keys.buyers(event.data.shop) if event.type == BUYER else None
    found = outside.tables.read(
        [*(keys.endpoint(one.name) for one in endpoints), *(place for place in (there, learned) if place)]
    )
    text = found.get(there) if there else None
    buyers = found.get(learned) if learned else None
    record = Record(customer, text_of(event, there, text) if there and text else None, buyers)
    outcomes = []
    for endpoint in endpoints:
        if keys.endpoint(endpoint.name) in found:
            telemetry.count("WebhookToClosedEndpoint")
            outcomes.append(f"{endpoint.name} is closed")
        else:
            outcomes.append(_deliver(outside, event, record, endpoint, attempt))
    return ", ".join(outcomes)


def _customer(outside: Outside, event: "Told") -> Customer | None:
    data = event.data
    if not data.customer_id:
        return None
    case = getattr(data, "case", None)
    return find(outside.tables, data.customer_id, getattr(data, "order", None), cases=(case,) if case else ())


def _deliver(outside: Outside, event: "Told", record: Record, endpoint: Endpoint, attempt: int) -> str:
    body = payload(event, record, endpoint)
    if isinstance(body, Untold):
        return f"{endpoint.name}: {body.because}"
    now = outside.clock.now()
    answer = outside.webhooks.post(signed(endpoint.url, event.id, body, endpoint.secrets, now))
    reaction = react(answer, attempt, f"{event.id}#{endpoint.name}")
    match reaction:
        case Done():
            telemetry.count("WebhookTaken")
            return f"{endpoint.name}: taken"
        case Later(wait, because):
            telemetry.count("WebhookRetried")
            _wait(outside, _waiting(event, endpoint, attempt + 1, not_before=iso(now + wait)), wait)
        case GiveUp(because):
            telemetry.count("WebhookGivenUp")
            letter = _waiting(event, endpoint, 0, because=because)
            outside.queues.send(outside.settings.need("helpdesk_dead_letters_url"), json.dumps(letter))
        case Close(because):
            telemetry.count("EndpointClosed")
            telemetry.trouble("an endpoint is closed", endpoint=endpoint.name, because=because)
            outside.tables.write([close(endpoint.name, because, now)])
    return f"{endpoint.name}: {type(reaction).__name__} ({because})"


def _waiting(event: "Told", endpoint: Endpoint, attempt: int, **more: str) -> dict[str, Any]:
    """A webhook between its attempts, and among the dead letters, from where it begins anew."""
    metadata = {"id": event.id, "occurred_at": iso(event.occurred_at), "correlation_id": event.correlation_id}
    detail = {"metadata": metadata, "data": event.data.model_dump(mode="json", exclude_none=True)}
    envelope = {"detail-type": event.type, "detail": detail}
    return {
        "key": f"{event.id}#{endpoint.name}",
        "webhook": {"endpoint": endpoint.name, "attempt": attempt, "event": envelope, **more},
    }


def _wait(outside: Outside, waiting: Mapping[str, Any], wait: timedelta) -> None:
    """Lie on the queue for the next part of a wait, in whole seconds and never shorter than asked: it would come back at once."""
    delay = min(timedelta(seconds=ceil(wait.total_seconds())), LONGEST_DELAY)
    outside.queues.send(outside.settings.need("helpdesk_queue_url"), json.dumps(waiting), delay=delay)


handle = queue_handler(dict.fromkeys(EVENTS, on_event), on_wake=on_turn)
