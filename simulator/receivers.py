"""The store's own tools at the far end of its webhooks: names on a net of the local cloud's own, and who answers there.

The adapter that goes over the wire in production goes over this one, so what it bars, cuts and sorts is the same. A receiver
believes what Standard Webhooks lets it believe: a signature by one of its secrets, not older than five minutes, each id once.
"""

from __future__ import annotations

import base64
import hmac
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import RemoteDisconnected
from typing import Any, Final

from aftercare.https_post import HttpsPost
from aftercare.webhook import Answered, Barred, Unreached, Webhook
from simulator.faults import Fault, FaultPort

PUBLIC: Final = "93.184.216.34"
TOLERANCE: Final = timedelta(minutes=5)
TIMEOUT: Final = "timeout"
"""In place of a status: the receiver takes it, and answers too late."""


@dataclass(frozen=True, slots=True)
class WebhookTaken:
    """One webhook as a receiver took it, the first time that its id came."""

    at: datetime
    host: str
    path: str
    webhook_id: str
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def data(self) -> Mapping[str, Any]:
        data: Mapping[str, Any] = self.body["data"]
        return data


@dataclass(slots=True)
class Receiver:
    """One tool. `answers` are what it says to the next attempts (a status, or `timeout`), then it takes everything.

    `retry_after` goes with every answer that is no 2xx. `attempts` counts by webhook id, over the wire.
    """

    host: str
    secrets: Sequence[str]
    answers: list[int | str] = field(default_factory=list)
    retry_after: str | None = None
    addresses: Sequence[str] = (PUBLIC,)
    attempts: dict[str, int] = field(default_factory=dict)
    attempted_at: list[datetime] = field(default_factory=list)
    taken: list[WebhookTaken] = field(default_factory=list)

    def types(self) -> list[str]:
        return [taken.type for taken in self.taken]


@dataclass(slots=True)
class Receivers:
    """Everybody who can be reached, by host name."""

    now: Callable[[], datetime]
    on_taken: Callable[[WebhookTaken], None] | None = None
    there: dict[str, Receiver] = field(default_factory=dict)

    def add(self, receiver: Receiver) -> Receiver:
        self.there[receiver.host] = receiver
        return receiver

    def lookup(self, host: str) -> Sequence[str]:
        if host not in self.there:
            raise socket.gaierror(f"{host}: name not known")
        return self.there[host].addresses

    def answer(self, host: str, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """What the tool does with one request: its status. TimeoutError, RemoteDisconnected."""
        receiver, now = self.there[host], self.now()
        webhook_id = headers["webhook-id"]
        receiver.attempts[webhook_id] = receiver.attempts.get(webhook_id, 0) + 1
        receiver.attempted_at.append(now)
        if not believed(receiver.secrets, headers, body, now):
            return 401
        says = receiver.answers.pop(0) if receiver.answers else 200
        if says == TIMEOUT or 200 <= int(says) < 300:
            self._take(receiver, path, webhook_id, body)
        if says == TIMEOUT:
            raise TimeoutError
        if says == 0:
            raise RemoteDisconnected("closed without an answer")
        return int(says)

    def _take(self, receiver: Receiver, path: str, webhook_id: str, body: bytes) -> None:
        if any(taken.webhook_id == webhook_id for taken in receiver.taken):
            return
        taken = WebhookTaken(self.now(), receiver.host, path, webhook_id, json.loads(body))
        receiver.taken.append(taken)
        if self.on_taken is not None:
            self.on_taken(taken)


def believed(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Verification as Standard Webhooks describes it for receivers, written apart from what signs."""
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        return False
    signed = b".".join((headers.get("webhook-id", "").encode(), stamp.encode(), body))
    shown = [each.partition(",") for each in headers.get("webhook-signature", "").split()]
    keys = [base64.b64decode(secret.split("_", 1)[1]) for secret in secrets]
    return any(
        version == "v1" and hmac.compare_digest(signature, base64.b64encode(hmac.digest(key, signed, "sha256")).decode())
        for version, _, signature in shown
        for key in keys
    )


class _Line:
    """A connection of the local cloud's own net."""

    def __init__(self, receivers: Receivers, host: str) -> None:
        self._receivers = receivers
        self._host = host
        self._asked: tuple[str, bytes, Mapping[str, str]] | None = None

    def request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        assert method == "POST"  # noqa: S101 - webhooks are nothing else
        self._asked = (url, body, headers)

    def getresponse(self) -> _Response:
        assert self._asked is not None  # noqa: S101 - a request went before
        status = self._receivers.answer(self._host, *self._asked)
        return _Response(status, None if status < 300 else self._receivers.there[self._host].retry_after)

    def close(self) -> None:
        self._asked = None


@dataclass(slots=True)
class _Response:
    status: int
    retry_after: str | None

    def getheader(self, name: str) -> str | None:
        return self.retry_after if name == "retry-after" else None


class Wire:
    """The adapter over the local cloud's net, with the faults of its way (port: aftercare.webhook.Webhooks)."""

    def __init__(self, receivers: Receivers, faults: FaultPort | None) -> None:
        self._over = HttpsPost(receivers.lookup, lambda host, address, budget: _Line(receivers, host))  # noqa: ARG005
        self._faults = faults

    def post(self, webhook: Webhook) -> Answered | Unreached | Barred:
        if self._faults is None:
            return self._over.post(webhook)
        return self._faults.run("webhooks.post", lambda: self._over.post(webhook), answered)


def answered(fault: Fault) -> Answered | Unreached:
    """What the adapter says after a fault on the way."""
    if fault is Fault.THROTTLED:
        return Answered(429)
    if fault in (Fault.REFUSED, Fault.CONFLICT):
        return Answered(400)
    return Unreached("TimeoutError")
