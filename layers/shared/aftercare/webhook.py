"""One webhook to a tool of the store's, signed as Standard Webhooks 1.0.0 says, and what can come of it."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_URL = re.compile(
    r"https://([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+)(?::443)?(/[!-~]*)?", re.IGNORECASE
)
_LONGEST_URL = 2000
_SECRET = "whsec_"  # noqa: S105 - the standard's prefix


@dataclass(frozen=True, slots=True)
class Webhook:
    """One POST. `headers` hold the signature; `body` is the bytes that were signed."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The receiver's status; `retry_after` is its own word in seconds on when to come again, where it gave one."""

    status: int
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Unreached:
    """No answer within the time: it may or may not have been taken, and may be tried again under its id."""

    code: str


@dataclass(frozen=True, slots=True)
class Barred:
    """Nothing was sent: this address is none that a webhook may go to."""

    because: str


class Webhooks(Protocol):
    def post(self, webhook: Webhook) -> Answered | Unreached | Barred:
        """One attempt on the wire, of at most a few seconds; no redirect is followed and no body of an answer is read."""
        ...


def parts_of(url: str) -> tuple[str, str] | None:
    """Host and path of an address that a webhook may have, or None: https at its own port, a name with a dot and no number,
    no user, no fragment. What the name leads to is looked at when it is called."""
    found = _URL.fullmatch(url) if len(url) <= _LONGEST_URL else None
    if found is None or "#" in url or found[1].rpartition(".")[2].isdigit():
        return None
    return found[1].lower(), found[2] or "/"


def key_of(secret: str) -> bytes:
    """The key of a secret: `whsec_` and the base64 of 24 to 64 bytes. ValueError, which names no part of it."""
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET), validate=True) if secret.startswith(_SECRET) else b""
    except binascii.Error:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("expected whsec_ and the base64 of 24 to 64 bytes")
    return key


def signed(url: str, webhook_id: str, body: bytes, secrets: Sequence[str], now: datetime) -> Webhook:
    """The webhook with a signature by each secret, so that the receiver may change over from one to the next. ValueError."""
    stamp = int(now.timestamp())
    text = f"{webhook_id}.{stamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key_of(secret), text, "sha256")).decode() for secret in secrets]
    headers = {
        "content-type": "application/json",
        "user-agent": "Aftercare",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
    return Webhook(url, headers, body)
