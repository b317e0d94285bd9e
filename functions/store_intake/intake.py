"""A delivery into the record: read what is known, decide, write once. Three AWS calls for a fact about a known customer.

Facts, record, evidence and outbox are one transaction whose first write is the DELIVERY item, so a delivery is recorded
wholly and once, or not at all.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeGuard

from pydantic import TypeAdapter

from aftercare import consent_log, events, forgotten, identity, keys, telemetry
from aftercare.case_topic import CaseTopic
from aftercare.clock import iso
from aftercare.consent import Actor, Channel, ConsentRecord, Says, Weight
from aftercare.customer import Contact, Customer, Order, Profile
from aftercare.event import Event
from aftercare.facts import (
    AboutOrder,
    CaseFact,
    ConsentFact,
    CustomerFact,
    Fact,
    OfSomebody,
    OrderFact,
    ReturnFact,
    ShipmentFact,
    StockFact,
    SubscriptionFact,
)
from aftercare.keys import Key
from aftercare.outside import Outside
from aftercare.retention import CASE, EARLY, JOURNAL
from aftercare.returns import return_data
from aftercare.store import CustomerErased, CustomerUnknown, Delivery, load, park, versioned
from aftercare.table import (
    TRANSACTION_WRITES,
    Absent,
    Check,
    Condition,
    ConditionFailed,
    Conflict,
    Is,
    Item,
    Lacks,
    Put,
    Remove,
    TableError,
    Write,
    excess,
)
from store_intake.archive import AT_ONCE, moves, moving, place_of, surplus
from store_intake.received import Received, canonical
from store_intake.record import (
    News,
    case_after,
    description,
    devices_after,
    news,
    order_after,
    person_of,
    profile_after,
    statements,
    wordings,
)
from store_intake.whose import Names, Places, Whose, names_of, numbers_of, parcel_places, places, whose

if TYPE_CHECKING:
    from aftercare.consent_statement import Declaration, Statement
    from aftercare.shipment import Shipment

ATTEMPTS = 6
PENDING = 50
"""So many facts wait for their order's description, or for the shipment that a parcel's number belongs to."""

AT_ONE_NUMBER = 20
"""So many shipments that hold one parcel's number are remembered with it, the latest."""

BESIDE = 20
"""Writes of a transaction that are kept free of what moves to the archive: for the delivery, its requests and the profile."""

ROUNDS = 3
"""Reads until all is known that early facts name: they waited at one alias and may name others."""

_PUBLISHED = ("ProductRestocked", "AnnouncementPublished")
"""Facts about products and nobody."""

_DONE = ("ProductViewed", "LoggedIn", "PageVisited", "ContentShared")
"""Facts of what customers do in the store: they have a way of their own."""

_ASKED = {"CustomerErasureRequested": "erasure", "CustomerExportRequested": "export", "ShopErasureRequested": "shop-erasure"}

PACK_FROM = 200_000
"""Bytes from which a kept body is compressed: an item holds 400 KB, the bus carries 1 MB."""

KEPT_BODY = 380_000
"""Bytes of a kept body, compressed; of what stays larger only the reason, the hash and the length are kept."""

Early = AboutOrder | ShipmentFact
"""What may come before that which it is about."""


@lru_cache(maxsize=1)
def _early() -> TypeAdapter[list[Early]]:
    return TypeAdapter(list[Early])


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


@dataclass(frozen=True, slots=True)
class Known:
    """All that was read before deciding. `aliases` are as they lie, `customer` is None where nobody is known yet; `buyers` is
    what the shop has learned of those who buy there.

    `erased` are those of the names that an erased person had, with when that was; `stale` leads to nobody any more.
    """

    aliases: Mapping[Key, Item]
    whose: Whose
    customer: Customer | None
    erased: Mapping[Key, datetime] = field(default_factory=dict)
    stale: Mapping[Key, Item] = field(default_factory=dict)
    buyers: Item | None = None

    def pending(self, place: Key | None) -> tuple[Early, ...]:
        """The facts that lie with an alias because they came before what they are about."""
        return _pending(self.aliases.get(place)) if place else ()

    def waiting(self, at: Places) -> tuple[Early, ...]:
        """All such facts at any of the aliases, each once."""
        return _waiting(self.aliases, at.all())

    def as_read(self, place: Key) -> Condition:
        """That an alias is as it was when it was read."""
        return _as_read(self.aliases.get(place) or self.stale.get(place))


def _pending(there: Item | None) -> tuple[Early, ...]:
    return tuple(_early().validate_json(str(there["doc"]))) if there and "doc" in there else ()


def _waiting(aliases: Mapping[Key, Item], at: tuple[Key, ...]) -> tuple[Early, ...]:
    found: list[Early] = []
    for place in at:
        found += [fact for fact in _pending(aliases.get(place)) if fact not in found]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, and what to tell of it. `forgets` are names of which a keyed hash is to be left as well."""

    writes: tuple[Write, ...]
    customer_id: str | None = None
    metrics: tuple[str, ...] = ()
    forgets: Mapping[Key, datetime] = field(default_factory=dict)


def take(outside: Outside, received: Received) -> Outcome:
    """Record or park one delivery. TableError when that did not work (or nobody knows): it must be brought again."""
    if received.facts and received.facts[0].type in _DONE:
        from store_intake import behaviour

        return behaviour.take(outside, received)
    secret = outside.secrets.text(outside.settings.need("identity_secret"))
    for text in _texts(received.facts):
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
        names, at = _with_early(outside, received, known, names, at, secret)
        there = replace(_known(outside, received, names, at, known), buyers=learned)
        plan = decide(received, names, at, there, new_id, secret, owners=outside.settings.product_owners != "off")
        if plan.forgets:
            plan = replace(plan, writes=(*plan.writes, *_left(outside, plan.forgets)))
        too_much, set_aside = excess(plan.writes), received
        if too_much:
            set_aside = replace(received, facts=(), reason=f"the record that it makes: {too_much}")
            plan = Plan(_parked(set_aside, (), secret), metrics=("DeliveryParked",))
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


def _known(outside: Outside, received: Received, names: Names, at: Places, aliases: Mapping[Key, Item]) -> Known:
    """What lies under the names: the customer's record; and where nobody is known by a name yet, whether somebody was."""
    owner, stale = whose(aliases, at), dict[Key, Item]()
    erased: dict[Key, datetime] = {}
    try:
        customer = _record_of(outside, received, names, at, aliases, owner)
    except CustomerErased as gone:
        # An alias that was written while they were being erased: the second look of the erasure takes it away.
        stale = {key: item for key, item in aliases.items() if item.get("customer_id") == owner.customer_id}
        aliases = {key: item for key, item in aliases.items() if key not in stale}
        erased = dict.fromkeys(stale, gone.erased_at)
        owner, customer = whose(aliases, at), None
    if received.facts and (owner.customer_id is None or (at.email and at.email not in aliases)):
        erased |= forgotten.erased(outside.tables, _suppression_secret(outside), at.named())
    return Known(aliases, owner, customer, erased, stale)


def _suppression_secret(outside: Outside) -> str:
    return outside.secrets.text(outside.settings.need("suppression_secret"))


def _names_an_erased_person(outside: Outside, received: Received, secret: str) -> bool:
    """Whether the body that would be kept is of somebody who was erased: only what is not personal of it is kept then."""
    return forgotten.in_body(outside.tables, secret, _suppression_secret(outside), received.body)


def _left(outside: Outside, names: Mapping[Key, datetime]) -> Iterable[Put]:
    secret = _suppression_secret(outside)
    return (forgotten.left(secret, name, erased_at) for name, erased_at in names.items())


def _record_of(
    outside: Outside, received: Received, names: Names, at: Places, known: Mapping[Key, Item], owner: Whose
) -> Customer | None:
    """The customer's record with what the delivery is about: what no alias leads to is new, and lies nowhere yet.

    CustomerErased.
    """
    if owner.customer_id is None:
        return None
    led = {place: item for place, item in known.items() if item.get("customer_id") == owner.customer_id}
    orders = [key for key, place in zip(names.order_keys, at.orders, strict=True) if place in led]
    shipments = [key for key, place in zip(names.shipment_keys, at.shipments, strict=True) if place in led]
    for place in at.parcels:
        shipments += _shipments_at(led.get(place))
    cases = [f"{names.shop}:{fact.ref}" for fact in received.facts if isinstance(fact, CaseFact)]
    try:
        return load(outside.tables, owner.customer_id, *orders, shipments=shipments, cases=cases)
    except CustomerErased:
        raise
    except CustomerUnknown:
        return None


def _shipments_at(alias: Item | None) -> list[str]:
    """The shipments that hold the number of a parcel's alias."""
    return str(alias["shipments"]).split(",") if alias and alias.get("shipments") else []


def _with_early(
    outside: Outside, received: Received, known: dict[Key, Item], names: Names, at: Places, secret: str
) -> tuple[Names, Places]:
    """What early facts name is looked up too (one more call, only when there are any that name something new)."""
    for _ in range(ROUNDS):
        early = _waiting(known, at.all())
        if not early:
            break
        names = names_of(received.shop, received.facts, early)
        more = places(names, secret)
        new = [place for place in more.all() if place not in at.all()]
        at = more
        if not new:
            break
        known |= outside.tables.read(new)
    return names, at


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
        outside.tables.write(_parked(other, (), secret))
    except ConditionFailed:
        telemetry.count("DeliveryDuplicate")
        return Outcome("duplicate", other.correlation_id, (), reason)
    telemetry.count("DeliveryQuarantined")
    return Outcome("parked", other.correlation_id, (), reason)


# ---------------------------------------------------------------- the decision


def decide(received: Received, names: Names, at: Places, known: Known, new_id: str, secret: str, owners: bool = True) -> Plan:
    """The writes of one delivery. Pure: what is known, the facts, a fresh customer id and the aliases' key come in; `owners`
    says whether an order's products are to lead to its customer."""
    if received.reason:
        return Plan(_parked(received, (), secret), metrics=("DeliveryParked",))
    if received.facts and received.facts[0].type in _PUBLISHED:
        from store_intake.products import published

        told, writes = published(received)
        return Plan((*_parked(received, told, secret), *writes), metrics=("PublicationRecorded",))
    if any(isinstance(f, ShipmentFact) and f.ref is None and f.is_test for f in received.facts):
        return Plan(_parked(received, (), secret), metrics=("TestEvent",))
    asked = next((f for f in received.facts if f.type in _ASKED), None)
    if asked is not None:
        return _asked_for(received, asked, names, at, known)
    erased_at = of_an_erased_person(received.facts, at, known.erased) if known.customer is None else None
    if erased_at is not None:
        return _forget(received, at, known, erased_at)
    about = tuple(f for f in received.facts if _about_order(f))
    if about and names.order_key is None:
        return Plan(_parked(received, (), secret), metrics=("FactWithoutOrder",))
    if about and not _describable(about, names, known):
        return _wait(received, about, at.orders[:1], known, secret, "FactWaitsForOrder", "FactWithoutOrder")
    moved = tuple(f for f in received.facts if isinstance(f, ShipmentFact))
    if known.customer is None and not _worth_a_record(received.facts):
        if moved:
            return _wait_for_the_shipment(received, moved, names, at, known, secret)
        early = tuple(f for f in received.facts if isinstance(f, SubscriptionFact) and f.order_ref)
        if early and at.orders:
            return _wait(received, early, at.orders[:1], known, secret, "FactWaitsForOrder", "FactWithoutOrder")
        return Plan(_parked(received, (), secret), metrics=("FactWithoutCustomer",) if _personal(received.facts) else ())
    plan = _record(received, names, at, known, known.whose.customer_id or new_id, secret, owners)
    return plan or _wait_for_the_shipment(received, moved, names, at, known, secret)


# ---------------------------------------------------------------- people who were erased, and wishes to be


def of_an_erased_person(facts: Iterable[Fact], at: Places, erased: Mapping[Key, datetime]) -> datetime | None:
    """When the person was erased of whom these facts speak, if they bring nothing that the person did since then; else None.

    A name of an order, a shipment, a subscription or (where a carrier speaks) a parcel that an erased person had is theirs for
    good. Who orders or consents anew after the erasure is a new customer.
    """
    things = (*at.orders, *at.shipments, *at.subscriptions) or at.parcels
    theirs = [erased[key] for key in things if key in erased]
    if theirs:
        return max(theirs)
    people = [erased[key] for key in at.accounts() if key in erased]
    if not people or any(_since(fact, max(people)) for fact in facts):
        return None
    return max(people)


def _since(fact: Fact, erased_at: datetime) -> bool:
    """Whether the fact is something that a person did for the first time after an instant: ordered, consented, or asked for a
    product."""
    if fact.type == "RestockRequested":
        return fact.occurred_at > erased_at
    if isinstance(fact, OrderFact):
        return fact.order is not None and fact.order.placed_at > erased_at
    if isinstance(fact, ConsentFact) and fact.weight is Weight.EXPLICIT:
        return any(one.says is Says.GIVEN and (one.said_at or fact.occurred_at) > erased_at for one in fact.said)
    return False


def _forget(received: Received, at: Places, known: Known, erased_at: datetime) -> Plan:
    """That it came, and nothing of what it said. Its order is from now on as little heard of as those that were known."""
    bare = replace(received, facts=(), note=None)
    forgets = dict.fromkeys((key for key in (*at.orders, *at.shipments) if key not in known.erased), erased_at)
    return Plan((_delivery(bare, ()).put(),), metrics=("FactOfErased",), forgets=forgets)


def _asked_for(received: Received, fact: Fact, names: Names, at: Places, known: Known) -> Plan:
    """A wish with a legal clock, open until it is answered, and told to who answers it. It is about everyone whom its names
    lead to: the platform's id, the address and the orders may lead to different people."""
    from aftercare import requests  # few deliveries bring one

    there = (known.aliases.get(key, {}).get("customer_id") for key in at.people())
    opened = requests.opened(
        requests.Asked(_ASKED[str(fact.type)]),
        received.correlation_id,
        received.sender,
        received.platform,
        received.received_at,
        tuple(dict.fromkeys(str(customer_id) for customer_id in there if customer_id)),
        shop=received.shop or None,
        email=names.email,
        phone=names.phone,
    )
    delivery = _delivery(received, (requests.told(opened),))
    return Plan((delivery.put(), requests.put(opened)), next(iter(opened.customer_ids), None), ("PrivacyRequest",))


def _about_order(fact: Fact) -> bool:
    """Whether it is kept on an order's record; what a subscription's other facts say is kept nowhere or with its alias."""
    return isinstance(fact, (OrderFact, ReturnFact, StockFact)) or (
        isinstance(fact, SubscriptionFact) and fact.type == "SubscriptionRenewed"
    )


def _delivery(received: Received, told: tuple[Event, ...], customer_id: str | None = None) -> Delivery:
    return Delivery(
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


def _parked(received: Received, told: tuple[Event, ...], secret: str, customer_id: str | None = None) -> tuple[Write, ...]:
    """The journal row with its outbox and, where the body is kept, the body."""
    delivery, body = _delivery(received, told, customer_id), received.body
    if received.parked is None:
        return (delivery.put(),)
    if not received.keeps_body:
        return (delivery.put(), *park(delivery, b"", secret, not_kept_bytes=len(body)))
    if len(body) < PACK_FROM:
        return (delivery.put(), *park(delivery, body, secret))
    packed = zlib.compress(body, 9)
    if len(packed) > KEPT_BODY:
        return (delivery.put(), *park(delivery, b"", secret, not_kept_bytes=len(body)))
    return (delivery.put(), *park(delivery, body, secret, kept=packed, packed="zlib"))


def _personal(facts: tuple[Fact, ...]) -> bool:
    return any(isinstance(f, OrderFact | CustomerFact | ConsentFact | OfSomebody | SubscriptionFact) for f in facts)


def _country(fact: Fact) -> str | None:
    if isinstance(fact, OrderFact):
        return fact.order.country if fact.order else None
    return fact.country if isinstance(fact, CustomerFact) else None


def _describable(facts: tuple[Fact, ...], names: Names, known: Known) -> bool:
    there = known.customer is not None and names.order_key is not None and known.customer.order(names.order_key) is not None
    return there or any(isinstance(fact, OrderFact) and fact.order is not None for fact in facts)


def _worth_a_record(facts: tuple[Fact, ...]) -> bool:
    """Whether a person that nobody knows yet gets a record: an order, or an account that can be known again and reached.

    Consent that says nothing makes none.
    """
    for fact in facts:
        if isinstance(fact, OrderFact):
            return True
        if isinstance(fact, ConsentFact) and not (fact.said or _leave(fact)):
            continue
        if isinstance(fact, (CustomerFact, ConsentFact)) and (fact.contact.email or (fact.customer_ref and fact.contact.phone)):
            return True
    return False


def _wait_for_the_shipment(
    received: Received, facts: tuple[ShipmentFact, ...], names: Names, at: Places, known: Known, secret: str
) -> Plan:
    """A shop's word waits with the orders that it names, else with the shipment; a carrier's with the parcel's numbers."""
    if at.shipments:
        return _wait(received, facts, at.orders or at.shipments, known, secret, "FactWaitsForOrder", "FactWithoutOrder")
    free = []
    for number, carrier in names.numbers:
        options = (keys.parcel(number), *parcel_places(number, carrier))
        free += [next((p for p in options if "customer_id" not in known.aliases.get(p, {})), options[0])]
    return _wait(received, facts, tuple(dict.fromkeys(free)), known, secret, "ScanWaitsForShipment", "ScanWithoutShipment")


def _wait(
    received: Received, facts: tuple[Fact, ...], at: tuple[Key, ...], known: Known, secret: str, waits: str, otherwise: str
) -> Plan:
    """Early facts lie with the alias of what they are about until that is described (or the time is over)."""
    puts = []
    for place in at:
        there = known.aliases.get(place)
        if there is not None and "customer_id" in there:
            continue
        pending: list[Fact] = list(known.pending(place))
        waiting = [*pending, *(fact for fact in facts if fact not in pending)]
        if len(waiting) > PENDING:
            reason = f"more than {PENDING} facts wait for what nobody has described"
            return Plan(_parked(replace(received, facts=(), reason=reason), (), secret), metrics=("DeliveryParked",))
        item: Item = {
            "doc": _early().dump_json([f for f in waiting if isinstance(f, Early)], exclude_none=True).decode(),
            "expires_at": EARLY.ends(received.received_at),
        }
        puts.append(Put(place, item, when=_as_read(there)))
    return Plan((*_parked(received, (), secret), *puts), metrics=(waits if puts else otherwise,))


def _as_read(item: Item | None) -> Absent | Is:
    for attribute in ("doc", "customer_id"):
        if item is not None and attribute in item:
            return Is(attribute, item[attribute])
    return Absent()


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


def _record(
    received: Received, names: Names, at: Places, known: Known, customer_id: str, secret: str, owners: bool
) -> Plan | None:
    """Everything in one transaction; None when a shipment's fact has nothing on this record that it belongs to."""
    draft = _Draft(customer_id, received)
    customer = known.customer
    early = known.waiting(at)
    facts: list[Fact] = list(received.facts)
    about = [f for f in (*facts, *early) if isinstance(f, AboutOrder) and _is_about(f, names)]
    everything = [*facts, *(f for f in about if f not in facts)]
    orders = {order.key: order for order in (customer.orders if customer else ())}
    before = customer.order(names.order_key) if customer and names.order_key else None
    if about and names.order_key:
        after = _order(draft, before, about)
        if after is not None:
            orders[after.key] = after
            if owners:
                from aftercare.alerts import owning

                draft.writes += owning(customer_id, before, after, received.received_at)
    moves = [f for f in (*facts, *early) if isinstance(f, ShipmentFact)]
    shipments, joined = _joined(received.shop, customer, frozenset(orders), moves)
    if any(isinstance(f, ShipmentFact) and f not in joined for f in facts):
        return None
    orders = _listing(customer, orders, shipments)
    _write_orders(draft, customer, orders)
    _shipments(draft, customer, orders, shipments)
    profile = _profile(draft, customer.profile if customer else None, everything, names)
    country = next((told for fact in everything if (told := _country(fact))), customer.profile.country if customer else None)
    before_all = customer.consent if customer else ConsentRecord()
    _consent(draft, before_all, everything, at, country, _refused(at, known), secret)
    _cases(draft, customer, facts, names)
    _alerts(draft, customer, facts)
    _told_only(draft, facts, names)
    _said(draft, facts, names)
    if not all(isinstance(fact, OfSomebody) for fact in facts):
        _aliases(draft, at, known, with_order=bool(about))
        _numbers(draft, customer, profile, orders.values(), secret)
        _shipment_aliases(draft, received.shop, joined, shipments, known)
    if profile is not None and names.order_key in orders and orders[names.order_key] != before:
        profile = _bought(draft, profile, before, orders[names.order_key], orders, known.buyers)
    if customer is not None and profile is not None:
        profile = _archive(draft, customer, profile, orders, shipments)
    _write_profile(draft, customer.profile if customer else None, profile)
    if known.whose.conflict:
        draft.metrics.append("IdentityConflict")
    head = _parked(received, tuple(draft.outbox), secret, customer_id)
    return Plan((*head, *draft.writes), customer_id, tuple(draft.metrics))


def _is_about(fact: AboutOrder, names: Names) -> bool:
    """Whether it is kept on the record of the order that this delivery is about."""
    ref = fact.ref if isinstance(fact, OrderFact) else fact.order_ref
    return _about_order(fact) and names.order_ref == ref


def _order(draft: _Draft, before: Order | None, facts: list[AboutOrder]) -> Order | None:
    """The order after the facts about it; what is new is told."""
    received = draft.received
    after = before
    for fact in sorted(facts, key=lambda f: not (isinstance(f, OrderFact) and f.order is not None)):
        after = order_after(after, received.shop, received.platform, fact)
    if after is None:
        return None
    for one in news(before, after, facts):
        draft.tell(one.type, one.occurred_at, _order_data(draft.customer_id, after, one))
    if before is None or description(before) != description(after):
        draft.metrics.append("OrderRecorded")
        if after.contact.email is None:
            draft.metrics.append("OrderWithoutContact")
    return after


def _listing(customer: Customer | None, orders: Mapping[str, Order], shipments: Mapping[str, Shipment]) -> dict[str, Order]:
    """The orders; those that lie, or lay, in the archive with the keys of all their shipments, wherever these lie."""
    listed = dict(orders)
    for key, order in orders.items():
        if order.shipment_keys or (customer and keys.ORDER + key in customer.archived):
            own = {shipment.key for shipment in shipments.values() if key in shipment.order_keys}
            if not own <= set(order.shipment_keys):
                listed[key] = order.model_copy(update={"shipment_keys": tuple(sorted({*own, *order.shipment_keys}))})
    return listed


def _write_orders(draft: _Draft, customer: Customer | None, orders: Mapping[str, Order]) -> None:
    for key, after in orders.items():
        before = customer.order(key) if customer else None
        if after == before:
            continue
        version = before.version if before else 0
        doc = after.model_copy(update={"version": version + 1}).to_json()
        place = customer.order_place(key) if customer else keys.order(draft.customer_id, key)
        draft.writes.append(versioned(place, doc, version, **({"closed": after.closed} if after.closed else {})))


def _order_data(customer_id: str, order: Order, one: News) -> events.CustomerData:
    if one.refund is not None:
        return events.RefundData(customer_id=customer_id, order=order.key, refund=one.refund)
    if one.returned is not None:
        return return_data(customer_id, order, one.returned)
    if one.lines:
        return events.StockData(customer_id=customer_id, order=order.key, lines=one.lines, expected_at=one.expected_at)
    if one.type == "SubscriptionRenewed":
        return events.SubscriptionData(customer_id=customer_id, order=order.key, subscription=order.subscription or "")
    return events.OrderData(customer_id=customer_id, order=order.key)


# ---------------------------------------------------------------- shipments


def _joined(
    shop: str, customer: Customer | None, orders: frozenset[str], facts: list[ShipmentFact]
) -> tuple[dict[str, Shipment], list[ShipmentFact]]:
    """The customer's shipments after the facts that belong to them, and those facts.

    What a shop tells comes first, because it says which parcels there are. A carrier's word goes to every shipment that holds
    the number: a parcel may carry goods of several.
    """
    shipments = {s.key: s for s in (customer.shipments if customer else ())}
    joined: list[ShipmentFact] = []
    if facts:  # a fact about an order needs no shape of a parcel
        from store_intake.parcels import shipment_after
    for fact in facts:
        key = f"{shop}:{fact.ref}"
        if fact.ref is not None and shop and (key in shipments or any(f"{shop}:{ref}" in orders for ref in fact.orders)):
            shipments[key] = shipment_after(shipments.get(key), shop, fact)
            joined.append(fact)
    for fact in facts:
        if fact.ref is None:
            holding = _holding(shipments.values(), fact)
            for key in holding:
                shipments[key] = shipment_after(shipments[key], shipments[key].shop, fact)
            joined += [fact] if holding else []
    return shipments, joined


def _shipments(draft: _Draft, customer: Customer | None, orders: Mapping[str, Order], shipments: Mapping[str, Shipment]) -> None:
    """Write what changed, tell what is new, and tell of orders that are now delivered."""
    before = {s.key: s for s in (customer.shipments if customer else ())}
    changed = [s for key, s in sorted(shipments.items()) if s != before.get(key)]
    if changed:
        from store_intake.parcels import shipment_news
    for after in changed:
        was = before.get(after.key)
        order = next((key for key in after.order_keys if key in orders), after.order_keys[0] if after.order_keys else "")
        ids = {"customer_id": draft.customer_id, "order": order, "shipment": after.key}
        found = shipment_news(was, after)
        for one in found:
            if one.status is None:
                draft.tell(one.type, one.occurred_at, events.ShipmentData(**ids))
        if after.stands and after.shipped_at and not (was and was.stands and was.shipped_at):
            for key in (k for k in after.order_keys if k in orders):
                draft.tell("OrderShipped", after.shipped_at, events.ShipmentData(**{**ids, "order": key}))
        # After that it left: one delivery may tell both, and its customer should not hear of the van first.
        for one in found:
            if one.status is not None:
                draft.tell(one.type, one.occurred_at, events.ParcelData(**ids, parcel=one.parcel, status=one.status))
        version = was.version if was else 0
        doc = after.model_copy(update={"version": version + 1}).to_json()
        place = customer.shipment_place(after.key) if customer else keys.shipment(draft.customer_id, after.key)
        draft.writes.append(versioned(place, doc, version))
    _deliveries(draft, customer, orders, shipments, {s.key for s in changed})


def _archive(
    draft: _Draft, customer: Customer, profile: Profile, orders: Mapping[str, Order], shipments: Mapping[str, Shipment]
) -> Profile:
    """Move what no longer fits beside what this transaction writes; that, and what it checks, stays where it is.

    The profile says how far the archive reaches.
    """
    there = {write.key.sk for write in draft.writes}
    hot = [order for key, order in orders.items() if keys.ORDER + key not in customer.archived]
    parcels = [shipment for key, shipment in shipments.items() if keys.SHIPMENT + key not in customer.archived]
    if there.isdisjoint([*map(place_of, hot), *map(place_of, parcels)]):
        return profile
    free = (TRANSACTION_WRITES - len(draft.writes) - BESIDE) // 2
    moved = moving(hot, parcels, there, draft.received.received_at, min(AT_ONCE, free))
    draft.writes += moves(customer, moved, shipments.values())
    draft.metrics += ["OrderArchived"] * (len(moved.orders) + len(moved.shipments))
    if moved.until is None or (profile.archived_until and profile.archived_until >= moved.until):
        return profile
    return profile.model_copy(update={"archived_until": moved.until})


def _deliveries(
    draft: _Draft, customer: Customer | None, orders: Mapping[str, Order], shipments: Mapping[str, Shipment], written: set[str]
) -> None:
    """OrderDelivered when the last parcel of an order's shipments arrived.

    Two parcels of one order may arrive at the same instant, each seeing the other under way: the transaction therefore checks
    the records of the order and of its other shipments, and the one that comes second looks again.
    """
    if customer is None:
        customer = Customer(id=draft.customer_id, profile=Profile(first_seen=draft.received.received_at))
    after = Customer(id=customer.id, profile=customer.profile, orders=tuple(orders.values()), shipments=tuple(shipments.values()))
    checked: set[str] = set()
    for key, order in sorted(orders.items()):
        was = customer.order(key)
        edited = was is not None and was.lines != order.lines
        own = [s for s in shipments.values() if key in s.order_keys]
        if not own or not (edited or any(_weighs(customer, s) for s in own if s.key in written)):
            continue
        at = after.delivered_at(key)
        if at is not None and customer.delivered_at(key) is None:
            draft.tell("OrderDelivered", at, events.OrderData(customer_id=draft.customer_id, order=key))
        if was is not None and was == order:
            draft.writes.append(Check(customer.order_place(key), Is("version", order.version)))
        for shipment in own:
            if shipment.key not in written and shipment.key not in checked:
                checked.add(shipment.key)
                draft.writes.append(Check(customer.shipment_place(shipment.key), Is("version", shipment.version)))


def _weighs(customer: Customer, shipment: Shipment) -> bool:
    """Whether the change of this shipment may make an order delivered, or no longer."""
    was = next((s for s in customer.shipments if s.key == shipment.key), None)
    now = (shipment.stands, shipment.delivered_at is not None, shipment.lines)
    return now != ((was.stands, was.delivered_at is not None, was.lines) if was else (False, False, ()))


def _shipment_aliases(
    draft: _Draft, shop: str, joined: list[ShipmentFact], shipments: Mapping[str, Shipment], known: Known
) -> None:
    """Shipments and parcel numbers lead to this customer from now on; a number that leads elsewhere stays where it is.

    With a number lie the shipments that hold it, by which a scan finds them in the archive. Where other facts still wait at a
    number (a short one, of another carrier) it goes on waiting for theirs.
    """
    at: dict[Key, dict[str, None]] = {}
    for fact in joined:
        own = [f"{shop}:{fact.ref}"] if fact.ref is not None else _holding(shipments.values(), fact)
        if fact.ref is not None:
            at.setdefault(keys.shipment_alias(own[0]), {})
        for number, carrier in numbers_of(fact):
            named = parcel_places(number, carrier) if fact.ref is not None else (keys.parcel(number),)
            for place in named:
                at.setdefault(place, {}).update(dict.fromkeys(own))
    for place, own_keys in at.items():
        there = known.aliases.get(place)
        listed = _shipments_at(there)
        item: Item = {"customer_id": draft.customer_id}
        if own_keys:
            item["shipments"] = ",".join(dict.fromkeys([*listed, *own_keys][-AT_ONE_NUMBER:]))
        if there is not None and "customer_id" in there:
            if there["customer_id"] != draft.customer_id:
                draft.metrics.append("ParcelOfAnother")
            elif not own_keys.keys() <= set(listed):
                as_read = Is("shipments", there["shipments"]) if "shipments" in there else Lacks("shipments")
                draft.writes.append(Put(place, item, when=as_read))
        elif all(fact in joined for fact in known.pending(place)):
            draft.writes.append(Put(place, item, when=known.as_read(place)))


def _holding(shipments: Iterable[Shipment], fact: ShipmentFact) -> list[str]:
    """The shipments that a carrier's fact is about."""
    from store_intake.parcels import belongs

    return [shipment.key for shipment in shipments if any(belongs(shipment, told) for told in fact.parcels)]


def _cases(draft: _Draft, customer: Customer | None, facts: list[Fact], names: Names) -> None:
    """Support cases on the customer's record; one that is over is kept a while, because it spaces what is said."""
    from aftercare.cases import attributes  # here: few deliveries tell of a case

    known = {case.ref: case for case in (customer.cases if customer else ())}
    written: set[str] = set()
    for fact in (f for f in facts if isinstance(f, CaseFact)):
        ref = f"{names.shop}:{fact.ref}"
        before = known.get(ref)
        after = case_after(before, ref, fact, names.key_of(fact.order_ref), draft.received.sender)
        if before is not None and after == before:
            continue
        version = before.version if before else 0
        known[ref] = after.model_copy(update={"version": version + 1})
        over = {} if after.open else {"expires_at": CASE.ends(draft.received.received_at)}
        place = customer.case_place(ref) if customer else keys.case(draft.customer_id, ref)
        draft.writes.append(versioned(place, known[ref].to_json(), version, **over, **attributes(known[ref])))
        written.add(ref)
        case = events.CaseData(
            customer_id=draft.customer_id,
            case=ref,
            topic=after.topic,
            order=after.order_key,
            words=bool(fact.text),
        )
        # That a closed case is closed comes back from tools that were told so: it is no news.
        if fact.type != "SupportCaseClosed" or before is None or before.open or before.closed_at is None:
            draft.tell(fact.type, fact.occurred_at, case)
    hot = [case for case in known.values() if customer is None or keys.CASE + case.ref not in customer.archived]
    for old in surplus(hot, written) if written else ():
        over = {} if old.open else {"expires_at": CASE.ends(draft.received.received_at)}
        item: Item = {"doc": old.to_json(), "version": old.version, **over, **attributes(old)}
        draft.writes.append(Put(keys.case(draft.customer_id, old.ref, archived=True), item, when=Absent()))
        draft.writes.append(Remove(keys.case(draft.customer_id, old.ref), when=Is("version", old.version)))


def _alerts(draft: _Draft, customer: Customer | None, facts: list[Fact]) -> None:
    """Wishes to hear when a product is there again."""
    for fact in facts:
        if fact.type == "RestockRequested":
            from store_intake.products import alerting

            received = draft.received
            draft.writes += alerting(draft.customer_id, customer, fact, received.shop, received.received_at)


def _told_only(draft: _Draft, facts: list[Fact], names: Names) -> None:
    """What is told and kept nowhere but in the journal: who listens keeps what it needs."""
    for fact in facts:
        if isinstance(fact, SubscriptionFact) and fact.type == "PaymentFailed":
            failed = events.PaymentData(
                customer_id=draft.customer_id,
                subscription=f"{names.shop}:{fact.ref}",
                attempt=fact.attempt_ref or draft.received.correlation_id,
                order=names.key_of(fact.order_ref),
            )
            draft.tell("PaymentFailed", fact.occurred_at, failed)
        if isinstance(fact, SubscriptionFact) and fact.type == "SubscriptionUpdated" and fact.status:
            state = events.SubscriptionStateData(
                customer_id=draft.customer_id,
                subscription=f"{names.shop}:{fact.ref}",
                status=fact.status,
                order=names.key_of(fact.order_ref),
                every=fact.every,
                next_at=fact.next_at,
                single_price=fact.single_price,
            )
            draft.tell("SubscriptionUpdated", fact.occurred_at, state)


def _said(draft: _Draft, facts: list[Fact], names: Names) -> None:
    """What a customer wrote elsewhere lies in their history, beside nothing hot, and is told of without a word of it."""
    from aftercare.feedback_events import MediaData, MentionData, MilestoneData, ReviewData  # few deliveries bring any
    from aftercare.heard import Words
    from aftercare.heard_facts import MediaFact, MentionFact, MilestoneFact, ReviewFact
    from aftercare.media import Media

    kept: list[Put] = []

    def keep(kind: str, ref: str, at: datetime, words: Words) -> bool:
        """The same words told by another delivery are the same item."""
        if not words.any:
            return False
        item: Item = {"doc": words.to_json(), "expires_at": JOURNAL.ends(draft.received.received_at)}
        kept.append(Put(keys.words(draft.customer_id, kind, ref, at), item))
        return True

    for fact in facts:
        if not isinstance(fact, OfSomebody):
            continue
        customer_id, order, at = draft.customer_id, names.key_of(fact.order_ref), fact.occurred_at
        data: events.CustomerData
        if isinstance(fact, MilestoneFact):
            data = MilestoneData(customer_id=customer_id, milestone=fact.milestone, order=order, sku=fact.sku)
            draft.tell(fact.type, at, data)
            continue
        if not isinstance(fact, (CaseFact, ReviewFact, MentionFact, MediaFact)):
            continue
        ref = f"{names.shop}:{fact.ref}"
        if isinstance(fact, MediaFact):
            about = {"kind": fact.kind, "network": fact.network, "order": order, "sku": fact.sku}
            media = Media.model_validate({"ref": ref, "at": at, "url": fact.url, **about})
            kept.append(Put(keys.media(customer_id, ref), {"doc": media.to_json()}))
            draft.tell(fact.type, at, MediaData.model_validate({"customer_id": customer_id, "media": ref, **about}))
            continue
        if isinstance(fact, CaseFact):
            keep("case", ref, at, Words(order=order, text=fact.text, locale=fact.locale))
        elif isinstance(fact, ReviewFact):
            words = Words(order=order, sku=fact.sku, score=fact.score, title=fact.title, text=fact.text, locale=fact.locale)
            written = keep("review", ref, at, words)
            data = ReviewData(customer_id=customer_id, review=ref, order=order, sku=fact.sku, score=fact.score, words=written)
            draft.tell(fact.type, at, data)
        else:
            written = keep("mention", ref, at, Words(order=order, sku=fact.sku, text=fact.text, locale=fact.locale))
            data = MentionData(
                customer_id=customer_id, mention=ref, network=fact.network, order=order, sku=fact.sku, words=written
            )
            draft.tell(fact.type, at, data)
    if kept:
        draft.writes += [*kept, Check(keys.customer(draft.customer_id, keys.ERASED), Absent())]


# ---------------------------------------------------------------- the customer


def _profile(draft: _Draft, before: Profile | None, facts: list[Fact], names: Names) -> Profile | None:
    """The profile after the facts about the person; what is new is told."""
    received, after = draft.received, before
    for fact in facts:
        if isinstance(fact, (OrderFact, CustomerFact, ConsentFact)):
            told, rank, at = person_of(fact)
            tags = (fact.tags, fact.tags_removed) if isinstance(fact, CustomerFact) else ((), ())
            after = profile_after(after, told, rank, at, received.received_at, names.shop_ref, tags)
            after = _of_shop(draft, after)
            if isinstance(fact, CustomerFact):
                after = after.model_copy(update={"devices": devices_after(after.devices, fact.devices, at)})
    if after is None:
        return None
    changed = before is None or after.model_copy(update={"told": before.told}) != before
    for fact in facts:
        if isinstance(fact, CustomerFact) and changed:
            draft.tell(fact.type, fact.occurred_at, events.CustomerData(customer_id=draft.customer_id))
    return after


def _bought(
    draft: _Draft, profile: Profile, before: Order | None, now: Order, orders: Mapping[str, Order], buyers: Item | None
) -> Profile:
    """The sums of what the customer bought; what kind of buyer that makes of them is told where it is news.

    That somebody begins with a first order, as everyone does, is none: the order was told.
    """
    from aftercare import segments  # few deliveries change an order

    noted = segments.after(profile, before, now, orders, segments.cuts_from(buyers), draft.received.received_at.date())
    if noted == profile.bought:
        return profile
    was, profile = segments.noted_segments(profile), profile.model_copy(update={"bought": noted})
    after = segments.noted_segments(profile)
    if after != was and (was, after) != (segments.NOBODY, segments.BEGINS):
        from aftercare.feedback_events import SegmentData

        ids = {"customer_id": draft.customer_id, "shop": now.shop}
        told = {**after._asdict(), "lifecycle_before": was.lifecycle, "value_before": was.value}
        draft.tell("SegmentChanged", draft.received.received_at, SegmentData.model_validate({**ids, **told}))
    return profile


def _write_profile(draft: _Draft, before: Profile | None, after: Profile | None) -> None:
    if after is None or after == before:
        return
    version = before.version if before else 0
    doc = after.model_copy(update={"version": version + 1}).to_json()
    draft.writes.append(versioned(keys.customer(draft.customer_id, keys.PROFILE), doc, version))


def _of_shop(draft: _Draft, profile: Profile) -> Profile:
    """The shop that speaks of a person is noted once, and the person among those of the shop: who they are can be told when a
    shop is erased, and to whom when data was lost (rule C34)."""
    shop, heard_at = draft.received.shop, draft.received.received_at
    if not shop or shop in profile.shops:
        return profile
    draft.writes.append(Put(keys.of_shop(shop, heard_at, draft.customer_id), {"customer_id": draft.customer_id}))
    return profile.model_copy(update={"shops": tuple(sorted((*profile.shops, shop)))})


def _numbers(draft: _Draft, before: Customer | None, profile: Profile | None, orders: Iterable[Order], secret: str) -> None:
    """Whose each number is, once: a person who writes is known by nothing else, and may write from any to which something is
    sent. An order's number need not be the account's."""
    known = _numbers_of(before.profile, before.orders) if before else set()
    for number in sorted(_numbers_of(profile, orders) - known):
        place = keys.phone_owner(identity.keyed_hash(secret, number), draft.customer_id)
        draft.writes.append(Put(place, {"customer_id": draft.customer_id}))


def _numbers_of(profile: Profile | None, orders: Iterable[Order]) -> set[str]:
    contacts = (*((profile.contact,) if profile else ()), *(order.contact for order in orders))
    return {contact.phone for contact in contacts if contact.phone}


def _texts(facts: Iterable[Fact]) -> Iterable[consent_log.Wording]:
    for fact in facts:
        if isinstance(fact, (ConsentFact, OrderFact)):
            yield from wordings(fact.said if isinstance(fact, ConsentFact) else fact.consent)
        if _leave(fact):
            from store_intake.behaviour import texts

            yield from texts(fact)


def _leave(fact: Fact) -> bool:
    """Whether it says something of the leave to note what a person does in the store (aftercare.behaviour_facts)."""
    return bool(getattr(fact, "behaviour", ()))


Refused = Mapping[Channel, datetime]
"""On which channels nobody may advertise to this person until they consent anew, and since when."""


def _refused(at: Places, known: Known) -> Refused:
    """A person, or an address, that was erased hears no marketing by what a law or a shop supposes (GDPR 21(3))."""
    people = [known.erased[key] for key in at.accounts() if key in known.erased]
    if people:
        return dict.fromkeys(Channel, max(people))
    since = known.erased.get(keys.phone_owner(at.phone, "")) if at.phone else None
    return dict.fromkeys((Channel.SMS, Channel.WHATSAPP), since) if since else {}


def _taken_back(refused: Refused, heard_at: datetime, sequence: str) -> list[Statement]:
    if not refused:
        return []
    from aftercare.consent_statement import Statement  # here and below: most orders bring none

    places = ((channel, purpose) for channel in refused for purpose in consent_log.MARKETING)
    return [
        Statement(
            channel=channel,
            purpose=purpose,
            says=Says.WITHDRAWN,
            said_at=refused[channel],
            heard_at=heard_at,
            sequence=f"{sequence}#erased-{number:02d}",
            source="erasure",
            actor=Actor.CUSTOMER,
        )
        for number, (channel, purpose) in enumerate(places)
    ]


def _consent(
    draft: _Draft,
    before: ConsentRecord,
    facts: list[Fact],
    at: Places,
    country: str | None,
    refused: Refused,
    secret: str,
) -> None:
    received = draft.received
    sequence = f"{iso(received.received_at)}#{received.correlation_id[:12]}"
    source = f"{received.sender}:{received.shop}:{received.topic}"
    said = _taken_back(refused, received.received_at, sequence)
    first = len(said)
    for fact in facts:
        if isinstance(fact, ConsentFact):
            these, weight, contact = fact.said, fact.weight, fact.contact
        elif isinstance(fact, OrderFact) and fact.consent:
            these, weight, contact = fact.consent, Weight.OBSERVED, fact.order.contact if fact.order else Contact()
        else:
            continue
        where = (fact.occurred_at, received.received_at, sequence, source, len(said) - first)
        said.extend(statements(these, weight, *where, _addresses(contact, at, secret)))
    asked = [_inquiry(fact, source, received.received_at, f"{sequence}#inquiry") for fact in facts if asks(fact)][:1]
    if any(map(_leave, facts)):
        from store_intake.behaviour import declarations

        asked += declarations(facts, source, received.received_at, sequence)
    if not said and not asked:
        return
    if any(one.says is Says.GIVEN and not one.confirmed for one in said):
        from aftercare.consent_policy import consent_policy  # YAML, which only a consent that may be pending needs

        rule = consent_policy().double_opt_in
        said = [consent_log.until_confirmed(one, before, rule, country) for one in said]
    after = consent_log.consent_after(before, said, declared=asked)
    draft.writes += consent_log.writes(draft.customer_id, before, after)
    for told in consent_log.news(draft.customer_id, after):
        draft.tell(*told)


def asks(fact: Fact) -> TypeGuard[CaseFact]:
    """Whether somebody asks about what the shop sells: in Canada an inquiry, which implies consent for six months (CASL
    10(10)(e)). A question about an order or a complaint is none, nor is a case of which nobody says what it is about."""
    return isinstance(fact, CaseFact) and fact.type == "SupportCaseOpened" and fact.topic is CaseTopic.PRODUCT


def _inquiry(fact: CaseFact, source: str, heard_at: datetime, sequence: str) -> Declaration:
    from aftercare.consent_statement import Declaration

    said_at = min(fact.occurred_at.astimezone(UTC), heard_at)
    return Declaration(kind="inquiry", said_at=said_at, heard_at=heard_at, sequence=sequence, source=source, actor=Actor.CUSTOMER)


def _addresses(contact: Contact, at: Places, secret: str) -> Mapping[Channel, str | None]:
    """The keyed hash of the address on each channel that a fact's consent is for: its own contact's, else the delivery's."""
    email, phone = identity.email(contact.email), contact.phone
    number = identity.keyed_hash(secret, phone) if phone else at.phone
    return {
        Channel.EMAIL: identity.keyed_hash(secret, email) if email else keys.email_hash_of(at.email),
        Channel.SMS: number,
        Channel.WHATSAPP: number,
    }


def _aliases(draft: _Draft, at: Places, known: Known, with_order: bool) -> None:
    """Names that nobody has yet now lead to this customer; a name that leads elsewhere stays where it is."""
    for place in (at.platform, at.email, *at.subscriptions):
        if place is not None and place not in known.aliases:
            draft.writes.append(Put(place, {"customer_id": draft.customer_id}, when=known.as_read(place)))
    there = known.aliases.get(at.order) if at.order else None
    if with_order and at.order is not None and (there is None or "customer_id" not in there):
        draft.writes.append(Put(at.order, {"customer_id": draft.customer_id}, when=known.as_read(at.order)))
