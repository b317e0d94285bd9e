"""Whether a webhook is what its sender signed: one verifier for every sender that signs with a shared secret.

The signature is over the raw bytes as they came; nothing is parsed before it holds (rule S01).
"""

import base64
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

_LABELLED = re.compile(r"^([a-z0-9-]+(?:\.[a-z0-9-]+)+)=(.+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one sender signs.

    `template` is the signed text with the names {body}, {timestamp} and {id}; the latter two come from the headers named
    `timestamp` and `identifier`. `separator` parts several signatures in one header (a rotation). `key` makes the key's
    bytes from the secret's text. With `tolerance` the timestamp may be that far from now, and no further.
    """

    header: str
    encoding: Literal["base64", "hex"]
    prefix: str = ""
    template: str = "{body}"
    key: Callable[[str], bytes] = str.encode
    separator: str | None = None
    timestamp: str | None = None
    identifier: str | None = None
    tolerance: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook before it is believed: header names in lower case, the query's first values, the bytes as they were sent."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


SHOPIFY = Scheme(header="x-shopify-hmac-sha256", encoding="base64")


@dataclass(frozen=True, slots=True)
class Secret:
    """A shared secret; with `shop` it verifies that shop's deliveries and no other's."""

    text: str
    shop: str | None = None


def read_secrets(text: str) -> tuple[Secret, ...]:
    """One secret a line, optionally `shop-domain=secret`; empty lines and lines that start with # say nothing."""
    secrets = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        labelled = _LABELLED.match(line)
        secrets.append(Secret(labelled[2].strip(), labelled[1].lower()) if labelled else Secret(line))
    return tuple(secrets)


def of_shop(secrets: Sequence[Secret], shop: str | None) -> tuple[Secret, ...]:
    """The secrets that may vouch for a shop: its own, and those that are bound to none."""
    return tuple(secret for secret in secrets if secret.shop is None or secret.shop == shop)


def signed_by(scheme: Scheme, secrets: Sequence[Secret], headers: Mapping[str, str], body: bytes, now: datetime) -> Secret | None:
    """The secret that signed these bytes, or None. `headers` have lower-case names. Constant time for each secret."""
    given = headers.get(scheme.header, "")
    stamp = headers.get(scheme.timestamp, "") if scheme.timestamp else ""
    if scheme.tolerance is not None and not _timely(stamp, scheme.tolerance, now):
        return None
    signatures = [s for s in (given.split(scheme.separator) if scheme.separator else [given]) if s.startswith(scheme.prefix)]
    signed = _signed(scheme, headers, body, stamp)
    found: Secret | None = None
    for secret in secrets:
        digest = hmac.new(scheme.key(secret.text), signed, sha256).digest()
        expected = base64.b64encode(digest).decode() if scheme.encoding == "base64" else digest.hex()
        for signature in signatures:
            if hmac.compare_digest(signature.removeprefix(scheme.prefix).strip().encode(), expected.encode()):
                found = secret
    return found


def shown_by(secrets: Sequence[Secret], shown: str) -> Secret | None:
    """The secret that a sender shows as it is (it signs nothing), or None. Constant time for each secret."""
    found: Secret | None = None
    for secret in secrets:
        if hmac.compare_digest(shown.encode(), secret.text.encode()):
            found = secret
    return found


def _signed(scheme: Scheme, headers: Mapping[str, str], body: bytes, stamp: str) -> bytes:
    before, _, after = scheme.template.partition("{body}")
    names = {"timestamp": stamp, "id": headers.get(scheme.identifier, "") if scheme.identifier else ""}
    return before.format(**names).encode() + body + after.format(**names).encode()


def _timely(stamp: str, tolerance: timedelta, now: datetime) -> bool:
    if not re.fullmatch(r"[0-9]{1,11}", stamp):
        return False
    return abs(now.timestamp() - int(stamp)) <= tolerance.total_seconds()
