"""A delivery as it came from its sender, read as facts or set aside with a reason."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from aftercare import keys
from aftercare.facts import Fact, OrderFact, OtherFact, ReturnFact, SubscriptionFact

KEPT = {
    "ReturnRequested": "it names no order: the body is kept for replay",
    "ReturnApproved": "it names no order: the body is kept for replay",
    "ReturnExpired": "it names no order: the body is kept for replay",
    "ReturnDeclined": "it names no order: the body is kept for replay",
    "ReturnReceived": "it names no order: the body is kept for replay",
    "ReturnSettled": "it names no order: the body is kept for replay",
    "SubscriptionRenewed": "it names no order: the body is kept for replay",
    "OrderReadyForPickup": "it names a fulfilment order and no order: the body is kept for replay",
    "CheckoutStarted": "checkouts are not followed yet: the body is kept for replay",
    "CheckoutUpdated": "checkouts are not followed yet: the body is kept for replay",
}
"""Why the body of a fact is kept beside its journal row: no function acts on it by itself yet."""


def _kept(fact: Fact, shop: str) -> bool:
    if isinstance(fact, (ReturnFact, SubscriptionFact)):
        return fact.type in KEPT and not (shop and fact.order_ref)
    return isinstance(fact, OtherFact) and fact.type in KEPT


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery. `key` is the sender's delivery key, `body` what came, `content_hash` the same for the same content
    by whatever route; `reason` says why it could not be read, and then there are no facts; `note` says what of it is not
    understood beside facts that are, and keeps the body as well. Without `keeps_body` only its length is."""

    key: str
    sender: str
    platform: str
    shop: str
    topic: str
    body: bytes
    content_hash: str
    received_at: datetime
    facts: tuple[Fact, ...] = ()
    reason: str | None = None
    sender_version: str | None = None
    note: str | None = None
    keeps_body: bool = True

    @property
    def correlation_id(self) -> str:
        """The journal row's short name, the same each time this delivery is told."""
        return keys.message_id(self.key)

    @property
    def parked(self) -> str | None:
        """Why the body is kept, if it is."""
        if self.reason or self.note:
            return self.reason or self.note
        return next((KEPT[str(f.type)] for f in self.facts if _kept(f, self.shop)), None)

    @property
    def fact_types(self) -> tuple[str, ...]:
        """The types of the facts in their order, consent inside an order included."""
        types: list[str] = []
        for fact in self.facts:
            types.append(str(fact.type))
            if isinstance(fact, OrderFact) and fact.consent:
                types.append("ConsentObserved")
        return tuple(types)


class Unreadable(ValueError):
    """A delivery that is not of its sender's form; the text names the field and what was expected, never a value."""


def misfit(error: ValidationError) -> str:
    """The reason for data that is of the sender's form and has a value that no fact can have. It never repeats the value."""
    return "; ".join(f"{error.title}.{place(e['loc'])}: {e['msg'][:1].lower()}{e['msg'][1:]}" for e in error.errors())[:2000]


def place(loc: tuple[int | str, ...]) -> str:
    """A field's path in plain signs: a name that is no field's name is not repeated."""
    return ".".join(str(p) if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", str(p)) else "?" for p in loc)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str).encode


def canonical(content: object) -> bytes:
    """JSON that is the same for the same content, however it was written."""
    return _CANONICAL(content).encode()


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()


_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Where half of a surrogate pair may stand: JSON can write what UTF-8 cannot."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def parsed(body: bytes) -> Mapping[str, Any]:
    """The JSON object that these bytes are. Unreadable for anything else.

    Half of a surrogate pair is no letter that a record can hold: it is read as a question mark.
    """
    try:
        text = body.decode("utf-8-sig")
        content = json.loads(text, parse_constant=_no_constant)
        if _HALF.search(text):
            content = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Unreadable("body: expected JSON") from error
    if not isinstance(content, dict):
        raise Unreadable("body: expected a JSON object")
    return content


def word(text: object) -> str:
    """A sender's word as it may stand in a reason, a topic or a log: short, plain signs only."""
    return re.sub(r"[^A-Za-z0-9_./ -]", "?", str(text))[:80]


def key_part(text: str) -> str:
    """A part of a delivery key as it is, or its hash when it is long or has a sign that parts keys."""
    plain = len(text) <= 128 and text.isascii() and text.isprintable() and "#" not in text
    return text if plain else hash_of(text.encode("utf-8", "replace"))
