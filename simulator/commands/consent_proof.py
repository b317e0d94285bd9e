"""What was known of a customer's consent at an instant, as plain data that can be signed and checked."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from aftercare import consent_log
from aftercare.clock import iso
from aftercare.consent import ConsentRecord, Declaration, Head, Statement, declare, fold
from aftercare.table import Tables

FORMAT: Final = "aftercare-consent-proof-1"


def proof(tables: Tables, customer_id: str, at: datetime, made_at: datetime) -> dict[str, Any]:
    """The heads as we knew them then (what had been heard), as the customer meant them (what had been said, though we heard
    it later), and every row with its evidence and the text that was agreed to."""
    rows = consent_log.evidence_of(tables, customer_id)
    hashes = sorted({row.wording_hash for row in rows if row.wording_hash})
    texts = {text_hash: consent_log.wording_of(tables, text_hash) for text_hash in hashes}
    return {
        "format": FORMAT,
        "customer": customer_id,
        "at": iso(at),
        "made_at": iso(made_at),
        "known_then": _heads(row for row in rows if row.heard_at <= at),
        "said_by_then": _heads(row for row in rows if row.said_at <= at),
        "rows": [
            {"kind": "statement", **row.model_dump(mode="json", exclude_none=True)}  # a declaration's own kind comes after
            for row in rows
            if min(row.heard_at, row.said_at) <= at
        ],
        "wordings": {h: text.model_dump(mode="json", exclude_none=True) if text else None for h, text in texts.items()},
    }


def _heads(rows: Iterable[Statement | Declaration]) -> list[dict[str, Any]]:
    kept = list(rows)
    record = fold(ConsentRecord(), (row for row in kept if isinstance(row, Statement)))
    record = declare(record, (row for row in kept if isinstance(row, Declaration)))
    heads: list[dict[str, Any]] = [_head(head) for head in record.heads]
    for purpose, choice in (("sale-or-sharing", record.sale), ("behaviour", record.behaviour)):
        if choice:
            says = "opted out" if choice.opted_out else "opted in"
            since = iso(choice.said_at)
            heads.append({"channel": "any", "purpose": purpose, "says": says, "since": since, "proof": choice.proof})
    return heads


def _head(head: Head) -> dict[str, Any]:
    return {
        "channel": str(head.channel),
        "purpose": str(head.purpose),
        "says": str(head.says),
        "since": iso(head.said_at),
        "proof": head.proof,
    }


def _text(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _signature(content: Mapping[str, Any], secret: str) -> str:
    """HMAC-SHA256 under a key that is made for proofs only."""
    key = hmac.digest(secret.encode(), b"consent proof", "sha256")
    return hmac.digest(key, _text(content), "sha256").hex()


def signed(content: Mapping[str, Any], secret: str) -> dict[str, Any]:
    return {"proof": dict(content), "signature": {"method": "HMAC-SHA256", "value": _signature(content, secret)}}


def is_ours(document: object, secret: str) -> bool:
    """Whether a signed proof is as it was made."""
    if not isinstance(document, dict) or not isinstance(document.get("proof"), dict):
        return False
    signature = document.get("signature")
    value = signature.get("value") if isinstance(signature, dict) else None
    return isinstance(value, str) and hmac.compare_digest(value.encode(), _signature(document["proof"], secret).encode())
