"""What a customer decides on a page: withdrawn or given at once, with evidence, in one transaction; and the cue."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from aftercare import events, keys
from aftercare.consent import Actor, Channel, ConsentRecord, Declaration, Head, Purpose, Says, Statement, Weight
from aftercare.consent_log import (
    KeepsChanging,
    Spoken,
    Wording,
    after_all_before,
    keep_wording,
    record,
    until_confirmed,
)
from aftercare.consent_policy import consent_policy
from aftercare.customer import Cue, Customer, Order
from aftercare.outside import Outside
from aftercare.store import Delivery, load, versioned
from aftercare.table import ConditionFailed, Conflict, Put, Write
from customer_pages.render import words_in

ATTEMPTS = 8

CHOICES = (Purpose.SERVICE, Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)
"""What the preference page offers. Order messages have no switch: their ground is the order."""


class Came(NamedTuple):
    """How a request came, for the evidence: its route (never the token in it), network and kind of program."""

    route: str | None = None
    network: str | None = None
    device: str | None = None
    no_sale: bool = False


NOT_TOLD = Came()


def is_on(record: ConsentRecord, purpose: Purpose) -> bool:
    """What the page shows: what the person chose, though it may wait for its confirmation; service tips need no consent and
    are on until they are turned off."""
    head = record.head(Channel.EMAIL, purpose)
    if head is None:
        return purpose is Purpose.SERVICE
    return head.says is not Says.WITHDRAWN


def waits(consent: ConsentRecord, purpose: Purpose) -> bool:
    """Whether a consent waits for its confirmation by our own mail."""
    head = consent.head(Channel.EMAIL, purpose)
    return head is not None and head.says is Says.PENDING and head.asks


def wording(locale: str, purposes: Iterable[Purpose], page: str) -> Wording:
    """The text that the person had before them: what each purpose is called on that page, in that language."""
    text = words_in(locale)
    shown = "\n".join(": ".join(text.purposes[p]) for p in purposes if p in text.purposes)
    lead = text.words.get(f"{page}_lead", "")
    return Wording(version=f"page:{page}", text="\n".join(part for part in (lead, shown) if part), locale=locale)


def statements_for(
    record: ConsentRecord,
    wishes: Mapping[tuple[Channel, Purpose], Says],
    now: datetime,
    sequence: str,
    evidence: Mapping[str, Any],
) -> tuple[Statement, ...]:
    """The statements that are news. What a person does here counts after all that was said before it, whatever a sender's
    clock showed (rule C05)."""
    found = []
    for number, ((channel, purpose), says) in enumerate(sorted(wishes.items())):
        head = record.head(channel, purpose)
        if head is not None and head.weight is Weight.EXPLICIT and says in (head.says, _asked_already(head)):
            continue
        found.append(
            Statement(
                channel=channel,
                purpose=purpose,
                says=says,
                said_at=after_all_before(head, now),
                heard_at=now,
                sequence=f"{sequence}#{number:02d}",
                **evidence,
            )
        )
    return tuple(found)


def _asked_already(head: Head) -> Says | None:
    """A wish that waits for its confirmation is not asked for again by saving the page once more."""
    return Says.GIVEN if head.says is Says.PENDING else None


def decide(
    outside: Outside,
    customer_id: str,
    wishes: Mapping[tuple[Channel, Purpose], Says],
    page: str,
    locale: str,
    came: Came = NOT_TOLD,
) -> Customer:
    """Write a customer's wishes: evidence, head with its version, and outbox, in one transaction; once it returns, they hold.

    A consent that this country wants confirmed is pending until it is. CustomerUnknown, TableError (then nothing is promised).
    """
    text = wording(locale, [purpose for _, purpose in sorted(wishes)], page)
    kept = keep_wording(outside.tables, text)
    evidence = {
        "source": f"page:{page}",
        "actor": Actor.CUSTOMER,
        "wording": f"{locale}:{text.version}",
        "wording_hash": kept,
        "locale": locale,
        "url": came.route,
        "network": came.network,
        "device": came.device,
    }
    rule = consent_policy().double_opt_in

    def speak(customer: Customer, now: datetime, sequence: str) -> Spoken:
        said = statements_for(customer.consent, wishes, now, sequence, evidence)
        country = customer.profile.country
        statements = tuple(until_confirmed(one, customer.consent, rule, country) for one in said)
        return Spoken(statements, declarations=_signalled(customer.consent, came, now, sequence, page))

    return record(outside, customer_id, speak, sender="customer", topic=page)


def _signalled(consent: ConsentRecord, came: Came, now: datetime, sequence: str, page: str) -> tuple[Declaration, ...]:
    """Global Privacy Control is an opt-out of sale and sharing (11 CCR 7025), kept once with whatever the person does here."""
    if not came.no_sale or (consent.sale is not None and consent.sale.opted_out):
        return ()
    after = max(now, consent.sale.said_at) if consent.sale else now
    row = Declaration(
        kind="sale_opt_out",
        said_at=after,
        heard_at=now,
        sequence=f"{sequence}#gpc",
        source=f"gpc:{page}",
        actor=Actor.CUSTOMER,
        url=came.route,
        network=came.network,
        device=came.device,
    )
    return (row,)


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
