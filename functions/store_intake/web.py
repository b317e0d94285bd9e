"""The webhook routes: verify over the raw bytes, record, answer. Loaded with the first HTTP event, not at init."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import ValidationError

from aftercare import telemetry
from aftercare.outside import NotKept, NotThere, Outside, current
from aftercare.table import TableError
from store_intake.intake import Outcome, take
from store_intake.received import Received, misfit
from store_intake.tracking import Letter
from store_intake.verification import Request, Secret, read_secrets

LARGEST = 256 * 1024
"""A larger body is no webhook of a shop or a carrier (rule S09); the API itself would take 10 MB."""

SENDERS = ("shopify", "easypost", "aftership", "shippo", "ship24", "karrio", "zendesk", "hubspot")
"""Each has a module of its name here, a route POST /webhooks/<name> and a setting <name>_secrets_parameter."""

app = APIGatewayHttpResolver()


class Sender(Protocol):
    """What a sender's module gives."""

    def signed(self, request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
        """The secret that vouches for this request, or None. Nothing of the body is read before."""
        ...

    def deliveries(self, request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
        """What the body tells, at least one; each is recorded for itself. `shop` is the secret's label, or empty."""
        ...


def sender(name: str) -> Sender:
    """A sender's module, loaded when it is first heard of."""
    return cast(Sender, import_module(f"store_intake.{name}"))


def told(name: str, request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    """What a verified request tells. A value that no fact can have parks the body: it will not fit the next time either."""
    try:
        return sender(name).deliveries(request, shop, received_at)
    except ValidationError as error:
        letter = Letter(name, shop, request.body, received_at)
        return (letter.received("unknown", None, request.body.hex(), reason=misfit(error)),)


def _answer(status: int, outcomes: Sequence[Outcome] = ()) -> Response[str]:
    if not outcomes:
        return Response(status_code=status, body="", headers={})
    told = [{name: value for name, value in asdict(outcome).items() if name != "customer_id"} for outcome in outcomes]
    content: object = told[0] if len(told) == 1 else {"deliveries": told}
    return Response(status_code=status, content_type="application/json", body=json.dumps(content))


def _raw(event: Mapping[str, Any]) -> bytes | None:
    """The bytes as they were sent, or None where the gateway's own encoding does not hold."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None


@app.post("/webhooks/<name>")
def webhook(name: str) -> Response[str]:
    event: Mapping[str, Any] = app.current_event.raw_event
    return _taken(name, current(), event) if name in SENDERS else _refused(404, "SenderUnknown")


def _taken(name: str, outside: Outside, event: Mapping[str, Any]) -> Response[str]:
    """404 for a sender without secrets, 401 for a wrong signature and 413 for a body too large, all before anything is read;
    503 when it is our own outage, so that the sender tries again; everything else is recorded or parked, and 200."""
    if len(event.get("body") or "") > LARGEST * 4 // 3 + 4:
        return _refused(413, "WebhookTooLarge")
    body = _raw(event)
    if body is not None and len(body) > LARGEST:
        return _refused(413, "WebhookTooLarge")
    headers = {str(k).lower(): str(v) for k, v in (event.get("headers") or {}).items()}
    query = {str(k): str(v) for k, v in (event.get("queryStringParameters") or {}).items()}
    try:
        secrets = read_secrets(outside.secrets.text(outside.settings.need(f"{name}_secrets_parameter")))
    except NotThere:
        # Every route is public, and most stores use one sender or two: the others are not there, and no outage of ours.
        telemetry.tell("nobody has set up this sender", sender=name)
        return _refused(404, "SenderNotSetUp")
    except NotKept as error:
        telemetry.trouble("webhook secrets cannot be read", sender=name, error=type(error).__name__)
        return _refused(503, "SecretsUnreadable")
    now, adapter = outside.clock.now(), sender(name)
    request = Request(headers, query, body or b"")
    vouched = adapter.signed(request, secrets, now) if body is not None else None
    if vouched is None:
        # The first support question: hooks made under Settings > Notifications are signed with another secret than the app's.
        telemetry.tell("wrong signature; webhooks of Shopify's Notifications settings have a secret of their own", sender=name)
        return _refused(401, "WebhookSignatureWrong")
    outcomes: list[Outcome] = []
    try:
        for received in told(name, request, vouched.shop or "", now):
            outcomes.append(take(outside, received))
            log(outcomes[-1])
    except (TableError, NotKept) as error:
        telemetry.trouble("delivery not recorded", sender=name, error=type(error).__name__)
        return _refused(503, "DeliveryNotRecorded")
    return _answer(200, outcomes)


def _refused(status: int, metric: str) -> Response[str]:
    telemetry.count(metric)
    return _answer(status)


def log(outcome: Outcome) -> None:
    telemetry.tell(outcome.status, facts=",".join(outcome.facts) or None, correlation_id=outcome.correlation_id)


def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
