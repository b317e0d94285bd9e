"""All that is kept of a person in one machine-readable document (GDPR 15 and 20; rule C26).

It is made from the same holdings that erasure removes, each item under the name of its kind in kept.py: a kind that somebody
adds is in it without a word here. What would tell of somebody else, or is a key rather than a fact, is left out.
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aftercare import holdings, identity, keys
from aftercare.clock import iso
from aftercare.decision import OPERATOR
from aftercare.holdings import Holdings
from aftercare.kept import Found, kind_of
from aftercare.keys import Key
from aftercare.mentioned import mentioned
from aftercare.table import Item, Tables

FORMAT = "aftercare-export-1"

NOT_TOLD = frozenset(("pk", "sk", "doc", "body", "packed", "expires_at", "token", "hashes", "customer_id"))
"""Attributes that are told otherwise, or that open or find something rather than say it."""

HASHED = frozenset(("place", "address", "address_hash", "number"))
"""Where the keyed hash of an address may stand."""

OTHERS = "it also names somebody else; the shop tells you what in it is yours"

_HASH = re.compile(r"\b[0-9a-f]{40}\b")


def export(tables: Tables, customer_id: str, identity_secret: str, now: datetime) -> dict[str, Any]:
    """The document of one person; `kept` has the items by kind, in the order in which they lie. Throttled.

    An address stands where we keep its keyed hash, and the texts that were agreed to stand under the hashes that name them.
    """
    items = holdings.partition(tables, customer_id)
    ours = {
        holdings.hash_of(name): address
        for pair in holdings.contacts(items)
        for address in filter(None, pair)
        for name in holdings.names_of(identity_secret, *((address, None) if "@" in address else (None, address)))
    }
    held = holdings.found(tables, customer_id, ours)
    told: dict[str, list[Any]] = {}
    for place, item in _all(tables, held):
        kind = kind_of(place)
        if kind is None or kind.found is not Found.MENTION or place.pk.startswith("PARKED#"):
            name = kind.name.replace(" ", "_").replace("-", "_") if kind else "other"
            told.setdefault(name, []).append(_plain(_told(place, item, customer_id, identity_secret, ours), ours))
    return {
        "format": FORMAT,
        "customer": customer_id,
        "at": iso(now),
        "kept": told,
        "wordings": _wordings(tables, told.get("evidence", ())),
    }


def _all(tables: Tables, held: Holdings) -> Iterator[tuple[Key, Item]]:
    for item in (*held.items, *held.evidence):
        yield Key("customers", str(item["pk"]), str(item["sk"])), item
    yield from holdings.read(tables, held.elsewhere)


def _told(place: Key, item: Item, customer_id: str, identity_secret: str, ours: Mapping[str, str]) -> dict[str, Any]:
    """One item as JSON has it, with its own document read."""
    own_partition = place.pk.startswith(("CUSTOMER#", "EVIDENCE#"))
    told: dict[str, Any] = {"place": place.sk if own_partition else place.pk}
    told |= {name: _value(value) for name, value in item.items() if name not in NOT_TOLD}
    if isinstance(until := item.get("expires_at"), int):
        told["kept_until"] = iso(datetime.fromtimestamp(until, UTC))
    if "doc" in item:
        told["record"] = json.loads(str(item["doc"]))
    if place.pk.startswith("EVIDENCE#") and told["record"].get("actor") == "agent":
        # The name of who took the call is that person's (CJEU C-579/21); that it was an agent is the customer's.
        told["record"].pop("by", None)
    if place.pk.startswith("REQUEST#"):
        _only_theirs(told["record"], customer_id, ours)
    if "body" in item:
        told |= _body(item, identity_secret, ours)
    return told


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _only_theirs(request: dict[str, Any], customer_id: str, ours: Mapping[str, str]) -> None:
    """A request may name several people, whose names led to each of them."""
    request["customer_ids"] = [one for one in request.get("customer_ids", ()) if one == customer_id]
    for name, known in (("email", identity.email), ("phone", identity.phone)):
        if known(request.get(name)) not in ours.values():
            request.pop(name, None)


def _body(item: Item, identity_secret: str, ours: Mapping[str, str]) -> dict[str, str]:
    """A body as it came, unless it names an address that is not theirs."""
    kept = item["body"]
    raw = kept if isinstance(kept, bytes) else str(kept).encode()
    body = zlib.decompress(raw) if item.get("packed") == "zlib" else raw
    theirs = all(identity.keyed_hash(identity_secret, address) in ours for address in mentioned(body))
    return {"body": body.decode("utf-8", "replace")} if theirs else {"body_left_out": OTHERS}


def _plain(value: Any, ours: Mapping[str, str], name: str = "") -> Any:
    """With the address in place of its keyed hash; of an address that is on record no more, the hash says nothing to anybody."""
    if isinstance(value, dict):
        found = {key: _plain(one, ours, key) for key, one in value.items()}
        return {key: one for key, one in found.items() if not (key in HASHED and isinstance(one, str) and _HASH.search(one))}
    if isinstance(value, list):
        return [_plain(one, ours, name) for one in value]
    if isinstance(value, str) and name == "caused_by" and value.startswith(OPERATOR):
        return OPERATOR.rstrip(":")
    if isinstance(value, str) and name in HASHED:
        return _HASH.sub(lambda hashed: ours.get(hashed[0], hashed[0]), value)
    return value


def _wordings(tables: Tables, evidence: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The texts that were agreed to, by their hashes."""
    hashes = sorted({text_hash for row in evidence if (text_hash := row["record"].get("wording_hash"))})
    wanted = {keys.wording(text_hash): text_hash for text_hash in hashes}
    return {wanted[place]: json.loads(str(item["doc"])) for place, item in holdings.read(tables, wanted)}
