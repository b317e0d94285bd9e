"""What a customer decides on a page: withdrawn or given at once, with evidence, in one transaction; and the cue."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from aftercare import events, keys
from aftercare.clock import iso
from aftercare.consent import Channel, ConsentRecord, Purpose, Says, Statement, Weight, fold
from aftercare.customer import Cue, Customer, Order
from aftercare.outside import Outside
from aftercare.store import Delivery, load, versioned
from aftercare.table import Absent, ConditionFailed, Conflict, Put, TableError, Write
from customer_pages.render import words_in

ATTEMPTS = 8

CHOICES = (Purpose.SERVICE, Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)
"""What the preference page offers. Order messages have no switch: their ground is the order."""

TICK = timedelta(microseconds=1)


class KeepsChanging(TableError):
    """The record changed under every attempt; nothing was written."""


def is_on(record: ConsentRecord, purpose: Purpose) -> bool:
    """What the page shows: consent as it stands; service tips need none and are on until they are turned off."""
    head = record.head(Channel.EMAIL, purpose)
    if head is None:
        return purpose is Purpose.SERVICE
    return head.says is Says.GIVEN


def wording(locale: str, purposes: Iterable[Purpose]) -> str:
    """Which text the person had before them: its locale and a hash of the text itself."""
    text = words_in(locale)
    shown = "\n".join(" ".join(text.purposes[p]) for p in purposes if p in text.purposes)
    return f"{locale}:{sha256(shown.encode()).hexdigest()[:16]}"


def statements_for(
    record: ConsentRecord,
    wishes: Mapping[tuple[Channel, Purpose], Says],
    now: datetime,
    sequence: str,
    source: str,
    text: str,
    locale: str,
) -> tuple[Statement, ...]:
    """The statements that are news. What a person does here counts after all that was said before it, whatever a sender's
    clock showed (rule C05)."""
    found = []
    for number, ((channel, purpose), says) in enumerate(sorted(wishes.items())):
        head = record.head(channel, purpose)
        if head is not None and head.says is says and head.weight is Weight.EXPLICIT:
            continue
        found.append(
            Statement(
                channel=channel,
                purpose=purpose,
                says=says,
                said_at=max(now, head.said_at + TICK) if head else now,
                heard_at=now,
                sequence=f"{sequence}#{number:02d}",
                source=source,
                wording=text,
                locale=locale,
            )
        )
    return tuple(found)


def decide(
    outside: Outside, customer_id: str, wishes: Mapping[tuple[Channel, Purpose], Says], page: str, locale: str
) -> Customer:
    """Write a customer's wishes: evidence, head with its version, and outbox, in one transaction; once it returns, they hold.

    CustomerUnknown, TableError (then nothing is promised).
    """
    new_id = outside.ids.new()
    text = wording(locale, [purpose for _, purpose in sorted(wishes)])
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = load(outside.tables, customer_id)
        before = customer.consent
        said = statements_for(before, wishes, now, f"{iso(now)}#{new_id}", f"page:{page}", text, locale)
        if not said:
            return customer
        after = fold(before, said).model_copy(update={"version": before.version + 1})
        told = []
        for one in said:
            data = events.ConsentData(customer_id=customer_id, channel=one.channel, purpose=one.purpose, says=one.says)
            event_id = keys.message_id(f"page#{new_id}#{one.channel}#{one.purpose}")
            told.append(events.make("ConsentChanged", event_id, now, new_id, data))
        writes: list[Write] = [_delivery(new_id, page, customer_id, now, tuple(told)).put()]
        writes.append(versioned(keys.customer(customer_id, keys.CONSENT), after.to_json(), before.version))
        writes += [Put(keys.evidence(customer_id, s.sequence), {"doc": s.to_json()}, when=Absent()) for s in said]
        if _written(outside, writes):
            return customer.model_copy(update={"consent": after})
    raise KeepsChanging("the record changed under every attempt")


def give_cue(outside: Outside, customer_id: str, order_key: str, cue: Cue) -> Order | None:
    """Record how an order felt. The last answer counts; the same one again changes nothing. None when there is no such order.

    CustomerUnknown, TableError.
    """
    new_id = outside.ids.new()
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        order = load(outside.tables, customer_id).order(order_key)
        if order is None or order.cue == cue:
            return order
        after = order.model_copy(update={"cue": cue, "cue_at": now, "version": order.version + 1})
        data = events.CueData(customer_id=customer_id, order=order_key, cue=cue)
        told = events.make("CueGiven", keys.message_id(f"page#{new_id}"), now, new_id, data)
        writes = [_delivery(new_id, "cue", customer_id, now, (told,)).put(), _order_put(customer_id, order, after)]
        if _written(outside, writes):
            return after
    raise KeepsChanging("the record changed under every attempt")


def _order_put(customer_id: str, before: Order, after: Order) -> Put:
    """The record's own attributes stay as they are: the gate's claim looks at `closed`."""
    attributes = {"closed": before.closed} if before.closed else {}
    return versioned(keys.order(customer_id, before.key), after.to_json(), before.version, **attributes)


def _delivery(new_id: str, page: str, customer_id: str, now: datetime, told: tuple[events.Event, ...]) -> Delivery:
    return Delivery(
        key=f"page#{new_id}",
        sender="customer",
        topic=page,
        received_at=now,
        correlation_id=new_id,
        body_hash=new_id,
        events=told,
        customer_id=customer_id,
    )


def _written(outside: Outside, writes: Sequence[Write]) -> bool:
    try:
        outside.tables.write(writes)
    except (ConditionFailed, Conflict):
        return False
    return True
