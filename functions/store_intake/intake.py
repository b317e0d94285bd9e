"""A delivery into the record: read what is known, decide, write once. Three AWS calls for a fact about a known customer.

Facts, record, evidence and outbox are one transaction whose first write is the DELIVERY item, so a delivery is recorded
wholly and once, or not at all.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from pydantic import TypeAdapter

from aftercare import events, keys, telemetry
from aftercare.clock import iso
from aftercare.consent import ConsentRecord, Statement, Weight
from aftercare.customer import Customer, Order, Profile
from aftercare.events import Event
from aftercare.facts import ConsentFact, CustomerFact, Fact, OrderFact
from aftercare.keys import Key
from aftercare.outside import Outside
from aftercare.store import Delivery, expires, find, park, present, versioned
from aftercare.table import Absent, ConditionFailed, Conflict, Is, Item, Put, TableError, Write
from store_intake.received import Received, canonical
from store_intake.record import (
    consent_after,
    description,
    news,
    order_after,
    person_of,
    profile_after,
    statements,
)
from store_intake.whose import Names, Places, Whose, names_of, places, whose

ATTEMPTS = 6
PENDING_KEPT = timedelta(days=30)
PENDING = 50
"""So many facts wait for their order's description, and so long."""

PRIVACY = ("CustomerErasureRequested", "CustomerExportRequested", "ShopErasureRequested")
"""Facts that a person at the store must answer in time, whoever is known under them."""

PACK_FROM = 200_000
"""Bytes from which a kept body is compressed: an item holds 400 KB, the bus carries 1 MB."""


@lru_cache(maxsize=1)
def _pending() -> TypeAdapter[list[OrderFact]]:
    return TypeAdapter(list[OrderFact])


class KeepsChanging(TableError):
    """The record changed under every attempt. Nothing was written; the sender or the queue brings the delivery again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery. It holds no personal data: it is the answer to the sender and the log line."""

    status: Literal["recorded", "duplicate", "parked"]
    correlation_id: str
    facts: tuple[str, ...] = ()
    parked: str | None = None
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All that was read before deciding. `aliases` are as they lie, `customer` is None where nobody is known yet."""

    aliases: Mapping[Key, Item]
    whose: Whose
    customer: Customer | None

    def pending(self, place: Key | None, now: datetime) -> tuple[OrderFact, ...]:
        """The facts that came before their order."""
        item = present(self.aliases.get(place), now) if place else None
        return tuple(_pending().validate_json(str(item["doc"]))) if item and "doc" in item else ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, and what to tell of it."""

    writes: tuple[Write, ...]
    customer_id: str | None = None
    metrics: tuple[str, ...] = ()


def take(outside: Outside, received: Received) -> Outcome:
    """Record or park one delivery. TableError when that did not work (or nobody knows): it must be brought again."""
    names = names_of(received.shop, received.facts)
    at = (
        places(names, outside.secrets.text(outside.settings.need("identity_secret")))
        if received.facts
        else Places(None, None, None)
    )
    new_id = outside.ids.new()
    for _ in range(ATTEMPTS):
        known = outside.tables.read([keys.delivery(received.key), *at.all()])
        marker = known.pop(keys.delivery(received.key), None)
        if marker is not None:
            return _known_delivery(outside, received, marker)
        owner = whose(known, at)
        plan = decide(
            received,
            names,
            at,
            Known(known, owner, find(outside.tables, owner.customer_id) if owner.customer_id else None),
            new_id,
        )
        try:
            outside.tables.write(plan.writes)
        except (ConditionFailed, Conflict):
            continue
        for metric in (*plan.metrics, *("PrivacyRequest" for fact in received.facts if fact.type in PRIVACY)):
            telemetry.count(metric)
        return _told(received, "parked" if received.reason else "recorded", plan.customer_id)
    raise KeepsChanging("the record changed under every attempt")


def _told(received: Received, status: Literal["recorded", "parked"], customer_id: str | None) -> Outcome:
    return Outcome(status, received.correlation_id, received.fact_types, received.parked, customer_id)


def _known_delivery(outside: Outside, received: Received, marker: Item) -> Outcome:
    """The same delivery again changes nothing; another body under its id is set aside and told (hazard H6)."""
    if marker["body_hash"] == received.content_hash:
        telemetry.count("DeliveryDuplicate")
        facts = tuple(f for f in str(marker.get("facts", "")).split(",") if f)
        parked = marker.get("parked")
        return Outcome("duplicate", received.correlation_id, facts, str(parked) if parked else None)
    reason = "another body came under an id that was recorded before: nothing of it was used"
    other = replace(received, key=f"{received.key}#{received.content_hash[:16]}", facts=(), reason=reason)
    try:
        outside.tables.write(_parked(other, ()))
    except ConditionFailed:
        telemetry.count("DeliveryDuplicate")
        return Outcome("duplicate", other.correlation_id, (), reason)
    telemetry.count("DeliveryQuarantined")
    return Outcome("parked", other.correlation_id, (), reason)


# ---------------------------------------------------------------- the decision


def decide(received: Received, names: Names, at: Places, known: Known, new_id: str) -> Plan:
    """The writes of one delivery. Pure: what is known, the facts and a fresh customer id come in."""
    if received.reason:
        return Plan(_parked(received, ()), metrics=("DeliveryParked",))
    order_facts = tuple(f for f in received.facts if isinstance(f, OrderFact))
    if order_facts and not _describable(order_facts, names, known):
        return _wait_for_the_order(received, order_facts, at, known)
    if known.customer is None and not _worth_a_record(received.facts):
        return Plan(_parked(received, ()), metrics=("FactWithoutCustomer",) if _personal(received.facts) else ())
    return _record(received, names, at, known, known.whose.customer_id or new_id)


def _parked(received: Received, told: tuple[Event, ...], customer_id: str | None = None) -> tuple[Write, ...]:
    """The journal row with its outbox and, where the body is kept, the body."""
    delivery = Delivery(
        key=received.key,
        sender=received.sender,
        topic=received.topic,
        received_at=received.received_at,
        correlation_id=received.correlation_id,
        body_hash=received.content_hash,
        facts=received.fact_types,
        events=told,
        customer_id=customer_id,
        parked=received.parked,
        sender_version=received.sender_version,
    )
    if received.parked is None:
        return (delivery.put(),)
    if len(received.body) < PACK_FROM:
        return (delivery.put(), park(delivery, received.body))
    kept = park(delivery, zlib.compress(received.body, 9))
    return (delivery.put(), Put(kept.key, {**kept.item, "packed": "zlib"}))


def _personal(facts: tuple[Fact, ...]) -> bool:
    return any(isinstance(f, (OrderFact, CustomerFact, ConsentFact)) for f in facts)


def _asked(fact: Fact) -> bool:
    """A wish about a person's data. It tells nothing of them that is kept on their record."""
    return isinstance(fact, CustomerFact) and fact.type in ("CustomerErasureRequested", "CustomerExportRequested")


def _describable(facts: tuple[OrderFact, ...], names: Names, known: Known) -> bool:
    there = known.customer is not None and names.order_key is not None and known.customer.order(names.order_key) is not None
    return there or any(fact.order is not None for fact in facts)


def _worth_a_record(facts: tuple[Fact, ...]) -> bool:
    """Whether a person that nobody knows yet gets a record: an order, or an account that can be known again and reached.

    A wish to be erased or to be told what is kept makes no record, nor does consent that says nothing.
    """
    for fact in facts:
        if isinstance(fact, OrderFact):
            return True
        if isinstance(fact, ConsentFact) and not fact.said:
            continue
        if _asked(fact):
            continue
        if isinstance(fact, (CustomerFact, ConsentFact)) and (fact.contact.email or (fact.customer_ref and fact.contact.phone)):
            return True
    return False


def _wait_for_the_order(received: Received, facts: tuple[OrderFact, ...], at: Places, known: Known) -> Plan:
    """Facts about an order that nobody has described lie with its alias until it is (or the time is over)."""
    place = at.order or keys.order_alias(f"{received.shop}:{facts[0].ref}")
    there = known.aliases.get(place)
    if there is not None and "customer_id" in there:
        return Plan(_parked(received, ()), metrics=("FactWithoutOrder",))
    pending = list(known.pending(place, received.received_at))
    waiting = [*pending, *(fact for fact in facts if fact not in pending)]
    if len(waiting) > PENDING:
        reason = f"more than {PENDING} facts wait for an order that nobody has described"
        return Plan(_parked(replace(received, facts=(), reason=reason), ()), metrics=("DeliveryParked",))
    item: Item = {
        "doc": _pending().dump_json(waiting, exclude_none=True).decode(),
        "expires_at": expires(received.received_at, PENDING_KEPT),
    }
    put = Put(place, item, when=_as_read(there))
    return Plan((*_parked(received, ()), put), metrics=("FactWaitsForOrder",))


def _as_read(item: Item | None) -> Absent | Is:
    return Is("doc", item["doc"]) if item is not None and "doc" in item else Absent()


@dataclass(slots=True)
class _Draft:
    """The transaction while it is put together."""

    customer_id: str
    received: Received
    writes: list[Write] = field(default_factory=list)
    outbox: list[Event] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)

    def tell(self, detail_type: str, occurred_at: datetime, data: events.CustomerData) -> None:
        """Put an event into the outbox. Its id comes from the delivery, so it is the same however often it is told."""
        dumped = data.model_dump(mode="json")
        event_id = keys.message_id(f"{self.received.key}#{detail_type}#{canonical(dumped).decode()}")
        self.outbox.append(events.make(detail_type, event_id, occurred_at, self.received.correlation_id, data, dumped))


def _record(received: Received, names: Names, at: Places, known: Known, customer_id: str) -> Plan:
    draft = _Draft(customer_id, received)
    customer = known.customer
    facts: list[Fact] = list(received.facts)
    order_facts = [f for f in facts if isinstance(f, OrderFact)]
    if order_facts and names.order_key:
        waiting = known.pending(at.order, received.received_at)
        order_facts = [*order_facts, *waiting]
        facts = [*facts, *waiting]
        _order(draft, customer.order(names.order_key) if customer else None, order_facts)
    _profile(draft, customer.profile if customer else None, facts, names)
    _consent(draft, customer.consent if customer else ConsentRecord(), facts, keys.email_hash_of(at.email))
    if not all(_asked(fact) for fact in facts):
        _aliases(draft, at, known, with_order=bool(order_facts))
    if known.whose.conflict:
        draft.metrics.append("IdentityConflict")
    head = _parked(received, tuple(draft.outbox), customer_id)
    return Plan((*head, *draft.writes), customer_id, tuple(draft.metrics))


def _order(draft: _Draft, before: Order | None, facts: list[OrderFact]) -> None:
    received = draft.received
    after = before
    for fact in sorted(facts, key=lambda f: f.order is None):
        after = order_after(after, received.shop, received.platform, fact)
    if after is None:
        return
    for one in news(before, after, facts):
        data = events.OrderData(customer_id=draft.customer_id, order=after.key)
        if one.refund is not None:
            data = events.RefundData(customer_id=draft.customer_id, order=after.key, refund=one.refund)
        draft.tell(one.type, one.occurred_at, data)
    if after != before:
        version = before.version if before else 0
        doc = after.model_copy(update={"version": version + 1}).to_json()
        place = keys.order(draft.customer_id, after.key)
        draft.writes.append(versioned(place, doc, version, **({"closed": after.closed} if after.closed else {})))
    if before is None or description(before) != description(after):
        draft.metrics.append("OrderRecorded")
        if after.contact.email is None:
            draft.metrics.append("OrderWithoutContact")


def _profile(draft: _Draft, before: Profile | None, facts: list[Fact], names: Names) -> None:
    received, after = draft.received, before
    for fact in facts:
        if isinstance(fact, (OrderFact, CustomerFact, ConsentFact)) and not _asked(fact):
            told, rank, at = person_of(fact)
            tags = (fact.tags, fact.tags_removed) if isinstance(fact, CustomerFact) else ((), ())
            after = profile_after(after, told, rank, at, received.received_at, names.shop_ref, tags)
    if after is None:
        return
    if after != before:
        version = before.version if before else 0
        doc = after.model_copy(update={"version": version + 1}).to_json()
        draft.writes.append(versioned(keys.customer(draft.customer_id, keys.PROFILE), doc, version))
    changed = before is None or after.model_copy(update={"told": before.told}) != before
    for fact in facts:
        if isinstance(fact, CustomerFact) and (changed or _asked(fact)):
            draft.tell(fact.type, fact.occurred_at, events.CustomerData(customer_id=draft.customer_id))


def _consent(draft: _Draft, before: ConsentRecord, facts: list[Fact], address: str | None) -> None:
    received = draft.received
    sequence = f"{iso(received.received_at)}#{received.correlation_id[:12]}"
    source = f"{received.sender}:{received.shop}:{received.topic}"
    where = (received.received_at, sequence, source)
    said: list[Statement] = []
    for fact in facts:
        if isinstance(fact, ConsentFact):
            made = statements(
                fact.said, fact.weight, fact.occurred_at, received.received_at, sequence, source, len(said), address
            )
            said.extend(made)
        elif isinstance(fact, OrderFact):
            weight = Weight.OBSERVED
            said.extend(statements(fact.consent, weight, fact.occurred_at, *where, len(said), address))
    if not said:
        return
    after = consent_after(before, said)
    for statement in after.evidence:
        place = keys.evidence(draft.customer_id, statement.sequence)
        draft.writes.append(Put(place, {"doc": statement.to_json()}, when=Absent()))
    for statement in after.changes:
        data = events.ConsentData(
            customer_id=draft.customer_id, channel=statement.channel, purpose=statement.purpose, says=statement.says
        )
        explicit = statement.weight is Weight.EXPLICIT
        draft.tell("ConsentChanged" if explicit else "ConsentObserved", statement.said_at, data)
    if after.record != before:
        place = keys.customer(draft.customer_id, keys.CONSENT)
        draft.writes.append(versioned(place, after.record.to_json(), before.version))


def _aliases(draft: _Draft, at: Places, known: Known, with_order: bool) -> None:
    """Names that nobody has yet now lead to this customer; a name that leads elsewhere stays where it is."""
    for place in (at.platform, at.email):
        if place is not None and place not in known.aliases:
            draft.writes.append(Put(place, {"customer_id": draft.customer_id}, when=Absent()))
    there = known.aliases.get(at.order) if at.order else None
    if with_order and at.order is not None and (there is None or "customer_id" not in there):
        draft.writes.append(Put(at.order, {"customer_id": draft.customer_id}, when=_as_read(there)))
