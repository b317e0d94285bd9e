"""The webhook route: verify over the raw bytes, record, answer. Loaded with the first HTTP event, not at init."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from aftercare import telemetry
from aftercare.outside import NotKept, Outside, current
from aftercare.table import TableError
from store_intake import shopify
from store_intake.intake import Outcome, take
from store_intake.verification import SHOPIFY, read_secrets, verified

LARGEST = 256 * 1024
"""A larger body is no webhook of a shop (rule S09); the API itself would take 10 MB."""

app = APIGatewayHttpResolver()


def _answer(status: int, outcome: Outcome | None = None) -> Response[str]:
    if outcome is None:
        return Response(status_code=status, body="", headers={})
    content = {name: value for name, value in asdict(outcome).items() if name != "customer_id"}
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


@app.post("/webhooks/shopify")
def shopify_webhook() -> Response[str]:
    event: Mapping[str, Any] = app.current_event.raw_event
    return _shopify(current(), event)


def _shopify(outside: Outside, event: Mapping[str, Any]) -> Response[str]:
    """401 for a wrong signature and 413 for a body too large, both before anything is read; 503 when it is our own outage,
    so that the sender tries again; everything else is recorded or parked, and 200."""
    if len(event.get("body") or "") > LARGEST * 4 // 3 + 4:
        return _refused(413, "WebhookTooLarge")
    body = _raw(event)
    if body is not None and len(body) > LARGEST:
        return _refused(413, "WebhookTooLarge")
    headers = {str(k).lower(): str(v) for k, v in (event.get("headers") or {}).items()}
    try:
        secrets = read_secrets(outside.secrets.text(outside.settings.need("shopify_secrets_parameter")))
    except NotKept as error:
        telemetry.trouble("webhook secrets cannot be read", error=type(error).__name__)
        return _refused(503, "SecretsUnreadable")
    shop = headers.get("x-shopify-shop-domain", "").strip().lower()
    now = outside.clock.now()
    if body is None or not verified(SHOPIFY, secrets, headers, body, shop, now):
        # The first support question: hooks made under Settings > Notifications are signed with another secret than the app's.
        telemetry.tell("wrong signature; webhooks of the shop's own Notifications settings have a secret of their own")
        return _refused(401, "WebhookSignatureWrong")
    try:
        outcome = take(outside, shopify.from_https(headers, body, now))
    except (TableError, NotKept) as error:
        telemetry.trouble("delivery not recorded", error=type(error).__name__)
        return _refused(503, "DeliveryNotRecorded")
    log(outcome)
    return _answer(200, outcome)


def _refused(status: int, metric: str) -> Response[str]:
    telemetry.count(metric)
    return _answer(status)


def log(outcome: Outcome) -> None:
    telemetry.tell(outcome.status, facts=",".join(outcome.facts) or None, correlation_id=outcome.correlation_id)


def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
