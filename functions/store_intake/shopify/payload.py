"""The values of a payload of Shopify's, and what its headers say. An empty text is no value."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from aftercare.model import EARLIEST, LATEST
from aftercare.money import Money
from aftercare.weblink import NotHttps, https
from store_intake.received import Unreadable

Payload = Mapping[str, Any]

_LOCALE = re.compile(r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

_GID = re.compile(r"^gid://shopify/[A-Za-z]+/([0-9]{1,40})(\?.*)?$")


@dataclass(frozen=True, slots=True)
class Hook:
    """What the headers (or the partner bus's metadata) say of a delivery."""

    topic: str
    shop: str
    webhook_id: str
    api_version: str | None
    triggered_at: datetime
    received_at: datetime
    order_ref: str | None
    is_test: bool


def text_of(value: object, limit: int = 1000) -> str | None:
    """Text without HTML entities, control signs and outer spaces; None where there is none."""
    if not isinstance(value, str):
        return None
    plain = _CONTROL.sub(" ", html.unescape(value)).encode("utf-8", "replace").decode()
    return plain.strip()[:limit].rstrip() or None


def _same_double(value: object, exact: str) -> bool:
    """Whether a number is the exact one, or what is left of it after JavaScript has read it."""
    text = str(value)
    return text == exact or (text.isdecimal() and exact.isdecimal() and float(text) == float(exact))


def ref_of(value: object, gid: object = None) -> str | None:
    """An id as text. Where a page or proxy has rounded the number to a double, the gid still has the true one."""
    exact = _GID.fullmatch(gid) if isinstance(gid, str) else None
    if exact and (value is None or _same_double(value, exact[1])):
        return exact[1]
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value).strip()
    own = _GID.fullmatch(text)
    if own:
        return own[1]
    return text if re.fullmatch(r"[A-Za-z0-9._=+/-]{1,128}", text) else None


def order_ref_of(payload: Payload, name: str = "id", gid: str = "admin_graphql_api_id") -> str:
    ref = ref_of(payload.get(name), payload.get(gid) if gid else None)
    if ref is None:
        raise Unreadable(f"{name}: expected the order's id")
    return ref


def instant_of(value: object) -> datetime | None:
    """An instant with its offset, in UTC; a time without one, or out of all reason, says nothing."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo and EARLIEST <= instant < LATEST else None


def amount_of(amount: object, currency: object) -> Money | None:
    if isinstance(amount, bool) or not isinstance(amount, (str, int)) or not isinstance(currency, str):
        return None
    try:
        return Money.model_validate({"amount": str(amount), "currency": currency})
    except ValueError:
        return None


def money_of_set(money_set: object, side: Literal["presentment_money", "shop_money"]) -> Money | None:
    money = money_set.get(side) if isinstance(money_set, dict) else None
    return amount_of(money.get("amount"), money.get("currency_code")) if isinstance(money, dict) else None


def shown_amount(payload: Payload, name: str, currency: object) -> Money | None:
    """What the shopper was shown: the presentment side of `<name>_set`, else the plain amount in the shop's currency."""
    return money_of_set(payload.get(f"{name}_set"), "presentment_money") or amount_of(payload.get(name), currency)


def objects_of(value: object) -> list[Payload]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def object_of(value: object) -> Payload:
    return value if isinstance(value, dict) else {}


def tags_of(value: object) -> tuple[str, ...]:
    """Tags, as one text with commas or as a list."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(dict.fromkeys(tag for part in parts if (tag := text_of(part, 100))))[:50]


def locale_of(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 35 and _LOCALE.fullmatch(value) else None


def country_of(value: object) -> str | None:
    return value.upper() if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2}", value) else None


def https_of(value: object) -> str | None:
    try:
        return https(value) if isinstance(value, str) else None
    except NotHttps:
        return None
