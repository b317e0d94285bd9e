"""The named operations on a customer's record: each is one AWS call with its conditions."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from aftercare import identity, keys
from aftercare.clock import iso, parse_iso
from aftercare.consent import ConsentRecord
from aftercare.customer import Customer, Order, Profile, Slot
from aftercare.event import Event
from aftercare.keys import Key
from aftercare.learned import Learned, learned_from
from aftercare.retention import JOURNAL, PAYLOAD, Retention
from aftercare.table import Absent, Change, Check, Condition, Exists, Is, Item, Put, Tables, Value
from aftercare.wishes import Wishes

if TYPE_CHECKING:
    from aftercare.alerts import Alert
    from aftercare.behaviour import Behaviour
    from aftercare.caps import Caps
    from aftercare.cases import Case
    from aftercare.decision import Message
    from aftercare.feedback import Feedback
    from aftercare.shipment import Shipment
    from aftercare.signals import Signals

RELAY_GRACE = timedelta(minutes=2)

READ = 100
"""Items of one read."""

HOT_CASES = 10
"""So many of a customer's cases are hot; the gate looks at open ones and at the latest that was closed."""


@lru_cache(maxsize=1)
def _events() -> TypeAdapter[list[Event]]:
    return TypeAdapter(list[Event])


@lru_cache(maxsize=64)
def _order(doc: str) -> Order:
    """The same text is the same order, and nobody can change it: the functions of one batch read one order several times."""
    return Order.model_validate_json(doc)


@lru_cache(maxsize=64)
def _profile(doc: str) -> Profile:
    return Profile.model_validate_json(doc)


@lru_cache(maxsize=64)
def _consent(doc: str) -> ConsentRecord:
    return ConsentRecord.model_validate_json(doc)


class CustomerUnknown(LookupError):
    """No customer lies under this id."""


class CustomerErased(CustomerUnknown):
    """Whoever lay under this id has been erased, or is being erased just now."""

    def __init__(self, customer_id: str, erased_at: datetime) -> None:
        super().__init__(customer_id)
        self.erased_at = erased_at


def customer_from(customer_id: str, items: Iterable[Item]) -> Customer:
    """The customer that a hot partition describes. CustomerUnknown when it has no profile, CustomerErased."""
    documents = []
    for item in items:
        if item["sk"] == keys.ERASED:
            raise CustomerErased(customer_id, parse_iso(str(item["erased_at"])))
        documents.append((item["sk"], item["doc"] if "doc" in item else _sums(item)))
    return _customer(customer_id, tuple(documents))


def _sums(item: Item) -> str:
    """What lies beside each other, so that it can be added to, and not in a document."""
    return json.dumps(item, sort_keys=True, default=str)


@lru_cache(maxsize=64)
def _customer(customer_id: str, documents: tuple[tuple[str, str], ...]) -> Customer:
    """The same documents of the same customer are the same record, and nobody can change it."""
    found: dict[str, Any] = {}
    several: dict[str, dict[str, Any]] = {}
    archived: list[str] = []
    for place, doc in documents:
        # What was read from the archive comes last: where a record moved between the reads, it lies there.
        sk = place.removeprefix(keys.ARCHIVE)
        _, kind, *key = sk.split("#", 2)
        if sk != place:
            archived.append(sk)
        reader = _READERS.get(kind)
        if reader is None:
            continue
        name, read = reader
        if key:
            several.setdefault(name, {})[sk] = read(doc)
        else:
            found[name] = read(doc)
    if "profile" not in found:
        raise CustomerUnknown(customer_id)
    for name, parts in several.items():
        found[name] = tuple(parts.values())
    return Customer(id=customer_id, archived=frozenset(archived), **found)


def _wishes(doc: str) -> Wishes:
    return Wishes.model_validate_json(doc)


def _slot(doc: str) -> Slot:
    return Slot.model_validate_json(doc)


def _learned(doc: str) -> Learned:
    return learned_from((json.loads(doc),))


# What few records have is imported with the first that has it: an order alone needs neither parcels nor held messages.


def _shipment(doc: str) -> "Shipment":
    from aftercare.shipment import Shipment

    return Shipment.model_validate_json(doc)


def _message(doc: str) -> "Message":
    from aftercare.decision import Message

    return Message.model_validate_json(doc)


def _caps(doc: str) -> "Caps":
    from aftercare.caps import Caps

    return Caps.model_validate_json(doc)


def _case(doc: str) -> "Case":
    from aftercare.cases import Case

    return Case.model_validate_json(doc)


def _feedback(doc: str) -> "Feedback":
    from aftercare.feedback import Feedback

    return Feedback.model_validate_json(doc)


def _signals(doc: str) -> "Signals":
    from aftercare.signals import Signals

    return Signals.model_validate_json(doc)


def _behaviour(doc: str) -> "Behaviour":
    from aftercare.behaviour import Behaviour

    return Behaviour.model_validate_json(doc)


def _alert(doc: str) -> "Alert":
    from aftercare.alerts import Alert

    return Alert.model_validate_json(doc)


_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    key.split("#", 2)[1]: (name, read)
    for key, name, read in (
        (keys.PROFILE, "profile", _profile),
        (keys.CONSENT, "consent", _consent),
        (keys.WISHES, "wishes", _wishes),
        (keys.SLOT, "slot", _slot),
        (keys.CAPS, "caps", _caps),
        (keys.LEARNED, "learned", _learned),
        (keys.FEEDBACK, "feedback", _feedback),
        (keys.SIGNALS, "signals", _signals),
        (keys.BEHAVIOUR, "behaviour", _behaviour),
        (keys.ORDER, "orders", _order),
        (keys.SHIPMENT, "shipments", _shipment),
        (keys.HELD, "held", _message),
        (keys.CASE, "cases", _case),
        (keys.ALERT, "alerts", _alert),
    )
}
"""What a sort key's second part is read as; of those that have a third there are several."""


def load(
    tables: Tables, customer_id: str, *orders: str | None, shipments: Collection[str] = (), cases: Collection[str] = ()
) -> Customer:
    """One Query over the hot partition, strongly consistent. CustomerUnknown, Throttled.

    `orders` are the keys of those that it is about, with their shipments; so are `shipments`, with their orders, and `cases`.
    Which of them are not hot are read from the archive, if the customer has one: one more call, and one more for what these name.
    """
    named = dict.fromkeys(key for key in orders if key)
    for _ in range(2):
        hot = tables.partition("customers", f"CUSTOMER#{customer_id}", keys.HOT)
        customer = customer_from(customer_id, hot)
        # The profile that says that something was archived is read after the orders: what moved meanwhile is looked for, too.
        moved = cases if len(customer.cases) >= HOT_CASES else ()
        if customer.profile.archived_until is None and not moved:
            return customer
        customer = _with_archived(tables, customer, hot, named, shipments, moved)
        if all(customer.order(key) for key in named):
            return customer
        # Unknown; or it came back from the archive after what is hot was read.
    return customer


def _with_archived(
    tables: Tables, customer: Customer, hot: list[Item], orders: Iterable[str], shipments: Collection[str], cases: Collection[str]
) -> Customer:
    items, asked = list(hot), set[Key]()
    while True:
        there = {record.key: record for record in customer.shipments}
        named = [*orders, *(key for name in shipments if name in there for key in there[name].order_keys)]
        listed = [key for name in named if (order := customer.order(name)) for key in order.shipment_keys]
        known_cases = {case.ref for case in customer.cases}
        wanted = [
            *(keys.order(customer.id, key, archived=True) for key in named if not customer.order(key)),
            *(keys.shipment(customer.id, key, archived=True) for key in (*shipments, *listed) if key not in there),
            *(keys.case(customer.id, ref, archived=True) for ref in cases if ref not in known_cases),
        ]
        new = [place for place in dict.fromkeys(wanted) if place not in asked]
        if not new:
            return customer
        asked.update(new)
        for start in range(0, len(new), READ):
            found = tables.read(new[start : start + READ])
            items += [{**item, "sk": place.sk} for place, item in found.items()]
        customer = customer_from(customer.id, items)


def with_archive(tables: Tables, customer_id: str) -> Customer:
    """The customer with all that lies in the archive: two Queries. CustomerUnknown, Throttled."""
    partition = f"CUSTOMER#{customer_id}"
    hot = tables.partition("customers", partition, keys.HOT)
    return replace(customer_from(customer_id, [*hot, *tables.partition("customers", partition, keys.ARCHIVE)]), whole=True)


def find(
    tables: Tables, customer_id: str, *orders: str | None, shipments: Collection[str] = (), cases: Collection[str] = ()
) -> Customer | None:
    """As load(), or None when nobody lies under the id any more: erased or merged during a wait. Throttled."""
    try:
        return load(tables, customer_id, *orders, shipments=shipments, cases=cases)
    except CustomerUnknown:
        return None


def versioned(key: Key, doc: str, before: int, **attributes: Value) -> Put:
    """Write version before + 1 of a record if it is still at `before` (0: absent)."""
    when: Condition = Is("version", before) if before else Absent()
    return Put(key, {"doc": doc, "version": before + 1, **attributes}, when=when)


def unchanged_consent(customer_id: str, record: ConsentRecord) -> Check:
    """Consent is still what the decision saw."""
    when: Condition = Is("version", record.version) if record.version else Absent()
    return Check(keys.customer(customer_id, keys.CONSENT), when)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a sender (or of our own doing): dedupe marker, journal row and outbox in one item.

    `key` is the sender's delivery key, `facts` the types recorded, `parked` why it could not be (wholly) understood.
    """

    key: str
    sender: str
    topic: str
    received_at: datetime
    correlation_id: str
    body_hash: str
    facts: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    customer_id: str | None = None
    parked: str | None = None
    sender_version: str | None = None
    kept: Retention = JOURNAL

    def put(self) -> Put:
        """The write that makes the delivery known, and fails when it already is."""
        item: Item = {
            "sender": self.sender,
            "topic": self.topic,
            "received_at": iso(self.received_at),
            "correlation_id": self.correlation_id,
            "body_hash": self.body_hash,
            "facts": ",".join(self.facts),
            "expires_at": self.kept.ends(self.received_at),
        }
        if self.parked:
            item["parked"] = self.parked
        if self.sender_version:
            item["sender_version"] = self.sender_version
        if self.events:
            # Whose it is and what was told goes with the relay: what stays is a marker that leads to nobody.
            if self.customer_id:
                item["customer"] = self.customer_id
            item["events"] = _events().dump_json(list(self.events), exclude_none=True).decode()
            item["due_kind"] = "relay"
            item["due_at"] = iso(self.received_at + RELAY_GRACE)
        return Put(keys.delivery(self.key), item, when=Absent())


def events_of(doc: str) -> list[Event]:
    """The outbox of a DELIVERY item."""
    return _events().validate_json(doc)


def park(delivery: Delivery, body: bytes, identity_secret: str, kept: bytes | None = None, **attributes: Value) -> list[Put]:
    """Keep the raw body of what could not be understood, so that it can be replayed after an adapter was mended.

    `kept` is what of the body lies there, if it is not as it came. Beside it lies by which addresses it can be found: nobody
    could erase a person from bodies that lead to nobody.
    """
    from aftercare.mentioned import mentioned  # here: its patterns are for bodies that are parked

    place = keys.parked(delivery.sender, delivery.received_at, delivery.key)
    until = PAYLOAD.ends(delivery.received_at)
    item: Item = {
        "reason": delivery.parked or "",
        "topic": delivery.topic,
        "body": body if kept is None else kept,
        "received_at": iso(delivery.received_at),
        "expires_at": until,
        **attributes,
    }
    if delivery.customer_id:
        item["customer_id"] = delivery.customer_id
    found = (keys.mention(identity.keyed_hash(identity_secret, address), place) for address in mentioned(body))
    return [Put(place, item), *(Put(mention, {"expires_at": until}) for mention in found)]


def mark_relayed(tables: Tables, delivery_key: str, now: datetime) -> None:
    """Take a delivery off the list of what somebody must come back to, and from it what was told and of whom.

    ConditionFailed for an unknown one; Throttled, Unclear.
    """
    drop = ("due_kind", "due_at", "events", "customer")
    change = Change(keys.delivery(delivery_key), put={"relayed_at": iso(now)}, drop=drop, when=Exists())
    tables.write([change])
