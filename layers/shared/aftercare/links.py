"""Signed links: `kid|purpose|expiry|subject|MAC` in URL-safe characters, without personal data, bound to one purpose.

Layout of the decoded token: 1 byte kid, 1 byte purpose, 4 bytes expiry (Unix seconds, big endian), then the subject's text,
then 16 bytes of HMAC-SHA256 over all before it.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class LinkPurpose(IntEnum):
    """What a link opens; a token for one purpose fails for every other."""

    STATUS = 1
    PREFERENCES = 2
    UNSUBSCRIBE = 3
    CUE = 4
    SURVEY = 5
    GUIDE = 6
    RETURN = 7
    CONFIRM = 11
    AGENT = 12
    DESK = 13
    ORDERS = 21
    EXPORT = 22
    ERASE = 23


class BadLink(ValueError):
    """Not a token of ours, or not for this purpose."""


class ExpiredLink(BadLink):
    """Once a token of ours; its time is over."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a verified token says: whose, and about what (an order's key, a channel and purpose, ...)."""

    customer_id: str
    about: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """Signing keys by kid; `newest` signs, all verify."""

    keys: Mapping[int, bytes]
    newest: int


def read_keys(text: str) -> LinkKeys:
    """Keys from the secret's text: `{"keys": {"1": "..."}}`, or a single generated text, which is kid 1."""
    if text.startswith("{"):
        kept = {int(kid): str(key).encode() for kid, key in json.loads(text)["keys"].items()}
    else:
        kept = {1: text.encode()}
    return LinkKeys(kept, max(kept))


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")[:16]


def sign(link_keys: LinkKeys, purpose: LinkPurpose, link: Link) -> str:
    """The token of a link. ValueError when the subject would not fit a header line (about 900 characters)."""
    subject = f"{link.customer_id}\0{link.about}".encode()
    if len(subject) > 600:
        raise ValueError("a link's subject has at most 600 bytes")
    signed = bytes((link_keys.newest, purpose)) + link.expires_at.to_bytes(4, "big") + subject
    return base64.urlsafe_b64encode(signed + _mac(link_keys.keys[link_keys.newest], signed)).decode().rstrip("=")


def verify(link_keys: LinkKeys, purpose: LinkPurpose, token: str, now: datetime) -> Link:
    """The link that a token stands for. BadLink, or ExpiredLink when only its time is over."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadLink("not a token") from error
    if len(raw) < 24 or raw[0] not in link_keys.keys:
        raise BadLink("not a token of ours")
    signed, mac = raw[:-16], raw[-16:]
    if not hmac.compare_digest(mac, _mac(link_keys.keys[raw[0]], signed)) or raw[1] != purpose:
        raise BadLink("not a token of ours for this purpose")
    customer_id, _, about = signed[6:].decode().partition("\0")
    expires_at = int.from_bytes(signed[2:6], "big")
    if expires_at <= now.timestamp():
        raise ExpiredLink("this link's time is over")
    return Link(customer_id, about, expires_at)
