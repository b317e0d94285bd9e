"""A delivery into the record: read what is known, decide, write once. Three AWS calls for a fact about a known customer.

Facts, record, evidence and outbox are one transaction whose first write is the DELIVERY item, so a delivery is recorded
wholly and once, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from aftercare import consent_log, forgotten, keys, telemetry
from aftercare.keys import Key
from aftercare.outside import Outside
from aftercare.table import ConditionFailed, Conflict, Item, Put, TableError, excess
from store_intake.decision import decide
from store_intake.draft import Plan, journaled
from store_intake.evidence import agreed_texts
from store_intake.known import gathered, suppression_secret, with_early
from store_intake.received import Received
from store_intake.whose import Places, names_of, places

ATTEMPTS = 6

DONE_IN_STORE = ("ProductViewed", "LoggedIn", "PageVisited", "ContentShared")
"""Facts of what customers do in the store: they have a way of their own."""


class KeepsChanging(TableError):
    """The record changed under every attempt. Nothing was written; the sender or the queue brings the delivery again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery. It holds no personal data: it is the answer to the sender and the log line. `parked` says why,
    of what was refused as well: of that nothing is kept."""

    status: Literal["recorded", "duplicate", "parked", "refused"]
    correlation_id: str
    facts: tuple[str, ...] = ()
    parked: str | None = None
    customer_id: str | None = None


def take(outside: Outside, received: Received) -> Outcome:
    """Record or park one delivery. TableError when that did not work (or nobody knows): it must be brought again."""
    if received.facts and received.facts[0].type in DONE_IN_STORE:
        from store_intake import behaviour

        return behaviour.take(outside, received)
    secret = outside.secrets.text(outside.settings.need("identity_secret"))
    for text in agreed_texts(received.facts):
        consent_log.keep_wording(outside.tables, text)
    if received.parked and _names_an_erased_person(outside, received, secret):
        received = replace(received, keeps_body=False)
    new_id = outside.ids.new()
    for _ in range(ATTEMPTS):
        names = names_of(received.shop, received.facts)
        at = places(names, secret) if received.facts else Places()
        buyers = [keys.buyers(received.shop)] if names.order_ref else []
        known = outside.tables.read([keys.delivery(received.key), *at.all(), *buyers])
        marker, learned = known.pop(keys.delivery(received.key), None), known.pop(keys.buyers(received.shop), None)
        if marker is not None:
            return _known_delivery(outside, received, marker, secret)
        names, at = with_early(outside, received, known, names, at, secret)
        there = replace(gathered(outside, received, names, at, known), buyers=learned)
        plan = decide(received, names, at, there, new_id, secret, owners=outside.settings.product_owners != "off")
        if plan.forgets:
            plan = replace(plan, writes=(*plan.writes, *_left(outside, plan.forgets)))
        too_much, set_aside = excess(plan.writes), received
        if too_much:
            set_aside = replace(received, facts=(), reason=f"the record that it makes: {too_much}")
            plan = Plan(journaled(set_aside, (), secret), metrics=("DeliveryParked",))
        try:
            outside.tables.write(plan.writes)
        except (ConditionFailed, Conflict):
            continue
        for metric in plan.metrics:
            telemetry.count(metric)
        if received.note:
            telemetry.count("StatusUnknown")
        return _told(set_aside, "parked" if set_aside.reason else "recorded", plan.customer_id)
    raise KeepsChanging("the record changed under every attempt")


def _names_an_erased_person(outside: Outside, received: Received, secret: str) -> bool:
    """Whether the body that would be kept is of somebody who was erased: only what is not personal of it is kept then."""
    return forgotten.in_body(outside.tables, secret, suppression_secret(outside), received.body)


def _left(outside: Outside, names: Mapping[Key, datetime]) -> Iterable[Put]:
    secret = suppression_secret(outside)
    return (forgotten.left(secret, name, erased_at) for name, erased_at in names.items())


def _told(received: Received, status: Literal["recorded", "parked"], customer_id: str | None) -> Outcome:
    return Outcome(status, received.correlation_id, received.fact_types, received.parked, customer_id)


def _known_delivery(outside: Outside, received: Received, marker: Item, secret: str) -> Outcome:
    """The same delivery again changes nothing; another body under its id is set aside and told (hazard H6)."""
    if marker["body_hash"] == received.content_hash:
        telemetry.count("DeliveryDuplicate")
        facts = tuple(f for f in str(marker.get("facts", "")).split(",") if f)
        parked = marker.get("parked")
        return Outcome("duplicate", received.correlation_id, facts, str(parked) if parked else None)
    reason = "another body came under an id that was recorded before: nothing of it was used"
    other = replace(received, key=f"{received.key}#{received.content_hash[:16]}", facts=(), reason=reason)
    try:
        outside.tables.write(journaled(other, (), secret))
    except ConditionFailed:
        telemetry.count("DeliveryDuplicate")
        return Outcome("duplicate", other.correlation_id, (), reason)
    telemetry.count("DeliveryQuarantined")
    return Outcome("parked", other.correlation_id, (), reason)
