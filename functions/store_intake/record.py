"""The record after a fact: pure joins, so that the order of arrival and repetitions do not matter (rule H7).

A fact's time only ever becomes known; every part of a description keeps what was told last about it. A part that a newer
description leaves out keeps its value: senders cut fields by API version, by permission and by subscription.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from aftercare.clock import iso
from aftercare.consent import Channel, Weight, clamp
from aftercare.consent_log import Wording
from aftercare.customer import Device, Order, Profile, Refund, Stockout
from aftercare.facts import (
    AboutOrder,
    CaseFact,
    ConsentFact,
    CustomerFact,
    OrderDetails,
    OrderFact,
    OrderFactType,
    ReturnFact,
    Said,
    StockFact,
    SubscriptionFact,
)
from aftercare.model import Model
from aftercare.returns import returns_after, returns_news

if TYPE_CHECKING:
    from aftercare.cases import Case
    from aftercare.consent_statement import Statement

# Parts of a description that are told and kept together, by the fields that say whether the part was told at all.
_PARTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "name": (("name",), ("name",)),
    "email": (("contact.email",), ("contact.email",)),
    "phone": (("contact.phone",), ("contact.phone",)),
    "person": (("contact.name",), ("contact.name",)),
    "customer_ref": (("customer_ref",), ("customer_ref",)),
    "locale": (("locale",), ("locale",)),
    "address": (("country", "region", "postcode"), ("country",)),
    "goods": (("total", "shop_total", "discounts", "fees", "lines"), ("total", "lines")),
    "window": (("estimated_from", "estimated_until"), ("estimated_from", "estimated_until")),
    "cancel_reason": (("cancel_reason",), ("cancel_reason",)),
    "source": (("source",), ("source",)),
    "status_url": (("status_url",), ("status_url",)),
}

_ONCE: Mapping[OrderFactType, str] = {
    OrderFactType.PLACED: "placed_at",
    OrderFactType.PAID: "paid_at",
    OrderFactType.PARTIALLY_FULFILLED: "partially_fulfilled_at",
    OrderFactType.COMPLETED: "completed_at",
    OrderFactType.READY_FOR_PICKUP: "ready_for_pickup_at",
    OrderFactType.CANCELLED: "cancelled_at",
    OrderFactType.DELETED: "deleted_at",
}
"""Facts that happen once: the earliest time that any sender gave. An order may be edited again: there the latest counts."""


class _Told(NamedTuple):
    """A part of a description and when it was told."""

    at: datetime
    values: tuple[Any, ...]


_READ = {part: ([*map(attrgetter, fields)], [*map(attrgetter, telling)]) for part, (fields, telling) in _PARTS.items()}
"""The parts of a description as they are read from a model."""


def _tie(value: object) -> str:
    """The value as text that is the same for equal values, however they came to be."""
    if isinstance(value, Model):
        return value.to_json()
    if isinstance(value, tuple):
        return "[" + ",".join(_tie(one) for one in value) + "]"
    return iso(value) if isinstance(value, datetime) else str(value)


def _told(model: Order | OrderDetails, as_of: datetime, older: Mapping[str, datetime]) -> dict[str, _Told]:
    parts = {}
    for part, (fields, telling) in _READ.items():
        if [read for read in telling if read(model) not in (None, (), "")]:
            values = tuple([read(model) for read in fields])
            parts[part] = _Told(older.get(part, as_of).astimezone(UTC), values)
    return parts


def _later(known: _Told, new: _Told) -> _Told:
    """The one told last; of two told at the same instant the values decide."""
    if known.at != new.at:
        return known if known.at > new.at else new
    return known if _tie(known.values) >= _tie(new.values) else new


def order_after(before: Order | None, shop: str, platform: str, fact: AboutOrder) -> Order | None:
    """The order after one fact; None for a fact about an order that nobody has described yet. `version` is left alone."""
    if not isinstance(fact, OrderFact):
        return None if before is None else _beside(before, shop, fact)
    if before is None and fact.order is None:
        return None
    if fact.order is not None:
        as_of = (fact.order.as_of or fact.occurred_at).astimezone(UTC)
        before = _described(before, shop, platform, fact.ref, fact.order, as_of)
    if before is None:
        return None
    changes = _facts(before, fact)
    return before.model_copy(update=changes) if changes else before


def _beside(order: Order, shop: str, fact: ReturnFact | SubscriptionFact | StockFact) -> Order:
    """What senders other than the checkout tell of an order: each reference once, times as they first became known."""
    at = fact.occurred_at.astimezone(UTC)
    if isinstance(fact, ReturnFact):
        return order.model_copy(update={"returns": returns_after(order.returns, fact)})
    if isinstance(fact, StockFact):
        known = {s.line_ref: s for s in order.stockouts}
        for line in fact.line_refs:
            told = Stockout(line_ref=line, at=at, expected_at=fact.expected_at and fact.expected_at.astimezone(UTC))
            known[line] = max(known.get(line, told), told, key=lambda s: (s.at, _tie(s)))
        return order.model_copy(update={"stockouts": tuple(known[line] for line in sorted(known))})
    if fact.type != "SubscriptionRenewed":
        return order
    subscription = max(filter(None, (order.subscription, f"{shop}:{fact.ref}")))
    return order.model_copy(update={"renewed_at": _earliest(order.renewed_at, at), "subscription": subscription})


def case_after(before: Case | None, ref: str, fact: CaseFact, order_key: str | None, sender: str) -> Case:
    """A case after one more word of the helpdesk. `version` is left alone."""
    from aftercare.cases import Case

    case = before or Case(ref=ref, sender=sender)
    at = fact.occurred_at.astimezone(UTC)
    changes: dict[str, object] = {"order_key": case.order_key or order_key}
    if fact.type == "SupportCaseOpened":
        changes |= {"opened_at": max(filter(None, (case.opened_at, at))), "topic": fact.topic}
    elif fact.type == "SupportCaseAnswered":
        changes["answered_at"] = _earliest(case.answered_at, at)
    else:
        changes |= {"closed_at": max(filter(None, (case.closed_at, at))), "result": fact.result or case.result}
    return case.model_copy(update=changes)


def _described(before: Order | None, shop: str, platform: str, ref: str, details: OrderDetails, as_of: datetime) -> Order:
    """The join of a description with what is known: part by part the one told last."""
    parts = _told(details, as_of, {})
    newest = as_of
    if before is not None:
        newest = max(as_of, before.as_of)
        for part, known in _told(before, before.as_of, before.older).items():
            parts[part] = _later(known, parts[part]) if part in parts else known
    flat = {field: value for part, told in parts.items() for field, value in zip(_PARTS[part][0], told.values, strict=True)}
    fields: dict[str, Any] = {name: value for name, value in flat.items() if "." not in name}
    fields["contact"] = {name.partition(".")[2]: value for name, value in flat.items() if "." in name}
    fields |= {
        "as_of": newest,
        "older": {part: told.at for part, told in sorted(parts.items()) if told.at != newest},
        "placed_at": _earliest(before.placed_at if before else None, details.placed_at),
        "cancelled_at": _earliest(before.cancelled_at if before else None, details.cancelled_at),
        "is_test": details.is_test or bool(before and before.is_test),
        "is_renewal": details.is_renewal or bool(before and before.is_renewal),
        "suppress_notification": details.suppress_notification or bool(before and before.suppress_notification),
    }
    if before is None:
        return Order.model_validate({"key": f"{shop}:{ref}", "shop": shop, "platform": platform, "ref": ref, **fields})
    return Order.model_validate({**dict(before), **fields})


def _earliest(known: datetime | None, told: datetime | None) -> datetime | None:
    times = [t.astimezone(UTC) for t in (known, told) if t is not None]
    return min(times) if times else None


def _facts(order: Order, fact: OrderFact) -> dict[str, Any]:
    """What the fact's type itself makes known."""
    at = fact.occurred_at.astimezone(UTC)
    changes: dict[str, Any] = {}
    field = _ONCE.get(fact.type)
    if fact.heard_at is not None and fact.type is OrderFactType.PLACED:
        heard = _earliest(order.heard_at, fact.heard_at)
        if heard != order.heard_at:
            changes["heard_at"] = heard
    if fact.type is OrderFactType.EDITED:
        if order.edited_at is None or at > order.edited_at:
            changes["edited_at"] = at
    elif fact.type is OrderFactType.REFUNDED and fact.refund is not None:
        refunds = refunds_after(order.refunds, fact.refund)
        if refunds != order.refunds:
            changes["refunds"] = refunds
    elif field and not (field in ("placed_at", "cancelled_at") and fact.order and getattr(fact.order, field)):
        known = _earliest(getattr(order, field), at)
        if known != getattr(order, field):
            changes[field] = known
    return changes


def refunds_after(before: tuple[Refund, ...], refund: Refund) -> tuple[Refund, ...]:
    """Refunds by reference and in one order; of two that tell of the same one, that with an amount (then the greater text)."""
    by_ref = {r.ref: r for r in before}
    told = refund.model_copy(update={"at": refund.at.astimezone(UTC)})
    known = by_ref.get(refund.ref)
    if known is None or (told.amount is not None, _tie(told)) > (known.amount is not None, _tie(known)):
        by_ref[refund.ref] = told
    return tuple(by_ref[ref] for ref in sorted(by_ref))


class News(NamedTuple):
    """Something that was not known before: the event's type, when it happened, and the refund, return or lines it is about."""

    type: str
    occurred_at: datetime
    refund: str | None = None
    returned: str | None = None
    lines: tuple[str, ...] = ()
    expected_at: datetime | None = None


def news(before: Order | None, after: Order, facts: Iterable[AboutOrder]) -> tuple[News, ...]:
    """What the new record knows that the old one did not; a fact that was known is no news, by whatever delivery it came."""
    found = []
    for kind, field in _ONCE.items():
        at = getattr(after, field)
        if at is not None and (before is None or getattr(before, field) is None):
            found.append(News(str(kind), at))
    if after.edited_at is not None and (before is None or after.edited_at != before.edited_at):
        found.append(News(str(OrderFactType.EDITED), after.edited_at))
    known = {r.ref for r in before.refunds} if before else set()
    found += [News(str(OrderFactType.REFUNDED), r.at, r.ref) for r in after.refunds if r.ref not in known]
    found += _news_beside(before, after)
    if before is not None:
        had, has = before.contact, after.contact
        if (has.email and not had.email) or (has.phone and not had.phone and not had.email):
            found.append(News("OrderContactFound", after.as_of))
        updates = [f for f in facts if f.type == OrderFactType.UPDATED]
        if updates and description(before) != description(after):
            found.append(News(str(OrderFactType.UPDATED), max(f.occurred_at for f in updates)))
    return tuple(found)


def _news_beside(before: Order | None, after: Order) -> list[News]:
    found = [News(kind, at, returned=ref) for kind, at, ref in returns_news(before, after)]
    if after.renewed_at and (before is None or before.renewed_at is None):
        found.append(News("SubscriptionRenewed", after.renewed_at))
    out = [s for s in after.stockouts if before is None or s not in before.stockouts]
    for at, expected in sorted({(s.at, s.expected_at) for s in out}, key=str):
        lines = tuple(s.line_ref for s in out if (s.at, s.expected_at) == (at, expected))
        found.append(News("ItemOutOfStock", at, lines=lines, expected_at=expected))
    return found


def description(order: Order) -> dict[str, tuple[Any, ...]]:
    """What the order is now, without when and by which delivery that became known."""
    return {part: told.values for part, told in _told(order, order.as_of, order.older).items()}


# ---------------------------------------------------------------- the customer

ACCOUNT, ORDER = 1, 0
"""Who tells of a person: their account at the shop, or one of their orders."""

TAGS = 100
DEVICES = 10


def profile_after(
    before: Profile | None,
    told: Mapping[str, str | None],
    rank: int,
    at: datetime,
    first_seen: datetime,
    shop_ref: str | None,
    tags: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> Profile:
    """The profile after somebody told of a person: `told` has email, phone, name, locale, country; the account's word counts
    before an order's, then the latest. `tags` are those added and those removed."""
    profile = before or Profile(first_seen=first_seen)
    known = {
        "email": profile.contact.email,
        "phone": profile.contact.phone,
        "name": profile.contact.name,
        "locale": profile.locale,
        "country": profile.country,
    }
    stamps = dict(profile.told)
    stamp = f"{rank}|{iso(at)}"
    for field, value in told.items():
        if value and (stamp, value) > (stamps.get(field, ""), known[field] or ""):
            known[field], stamps[field] = value, stamp
    refs = tuple(sorted({*profile.shop_refs, shop_ref})) if shop_ref else profile.shop_refs
    kept = tuple(sorted(({*profile.tags, *tags[0]}) - set(tags[1])))[:TAGS]
    return Profile.model_validate(
        {
            **dict(profile),
            "contact": {field: known[field] for field in ("email", "phone", "name")},
            "locale": known["locale"],
            "country": known["country"],
            "told": stamps,
            "shop_refs": refs,
            "tags": kept,
        }
    )


def devices_after(before: tuple[Device, ...], told: Iterable[str], at: datetime) -> tuple[Device, ...]:
    """A person's devices after the store named those in use, the last seen first; a few are kept."""
    seen = {device.endpoint: device.seen_at for device in before}
    for endpoint in told:
        seen[endpoint] = max(at.astimezone(UTC), seen.get(endpoint, at).astimezone(UTC))
    newest = sorted(seen.items(), key=lambda pair: (pair[1], pair[0]), reverse=True)[:DEVICES]
    return tuple(Device(endpoint=endpoint, seen_at=seen_at) for endpoint, seen_at in newest)


def person_of(fact: OrderFact | CustomerFact | ConsentFact) -> tuple[dict[str, str | None], int, datetime]:
    """What a fact tells of the person, who tells it, and as of when."""
    if isinstance(fact, OrderFact):
        details = fact.order
        if details is None:
            return {}, ORDER, fact.occurred_at
        contact = details.contact
        told = {"email": contact.email, "phone": contact.phone, "name": contact.name}
        told |= {"locale": details.locale, "country": details.country}
        return told, ORDER, details.as_of or fact.occurred_at
    told = {"email": fact.contact.email, "phone": fact.contact.phone, "name": fact.contact.name}
    if isinstance(fact, CustomerFact):
        told |= {"locale": fact.locale, "country": fact.country}
    return told, ACCOUNT, fact.occurred_at


def wordings(said: Iterable[Said], locale: str | None = None) -> tuple[Wording, ...]:
    """The texts that a sender gives with what was agreed to."""
    return tuple(Wording(version=one.wording or "", text=one.text, locale=locale) for one in said if one.text)


def statements(
    said: Iterable[Said],
    weight: Weight,
    occurred_at: datetime,
    heard_at: datetime,
    sequence: str,
    source: str,
    start: int,
    addresses: Mapping[Channel, str | None],
) -> tuple[Statement, ...]:
    """What was said as evidence: the speaker's own time within bounds of ours, our sequence, where and for which address."""
    from aftercare.consent_statement import Statement  # here: most orders bring none

    found = []
    for number, one in enumerate(said, start):
        claimed_at = one.said_at or occurred_at
        said_at = clamp(claimed_at, heard_at, one.says)
        text = next(iter(wordings((one,))), None)
        found.append(
            Statement(
                channel=one.channel,
                purpose=one.purpose,
                says=one.says,
                weight=weight,
                said_at=said_at,
                claimed_at=claimed_at if claimed_at != said_at else None,
                heard_at=heard_at,
                sequence=f"{sequence}#{number:02d}",
                source=source,
                wording=one.wording,
                wording_hash=text.hash if text else None,
                address=addresses.get(one.channel),
                confirmed=one.confirmed,
            )
        )
    return tuple(found)
