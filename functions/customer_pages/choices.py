"""What a customer decides on a page: withdrawn or given at once, with evidence, in one transaction; and the cue."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from aftercare import events, keys
from aftercare.brand import brand
from aftercare.consent import Actor, Channel, ConsentRecord, Declaration, Head, Purpose, Says, Statement, Weight, asked_of
from aftercare.consent_log import (
    TICK,
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
from aftercare.decision import Reason
from aftercare.event import Event
from aftercare.ground import SUPPOSED, Ground, judged, reached_at
from aftercare.ledger import slot_change
from aftercare.outside import Outside
from aftercare.settings import Settings
from aftercare.store import Delivery, load, versioned
from aftercare.table import Absent, ConditionFailed, Conflict, Is, Put, Remove, Write
from aftercare.wishes import Frequency, Wishes
from customer_pages.render import page_words, words_in

ATTEMPTS = 8

Place = tuple[Channel, Purpose]

LESS = (Purpose.SERVICE, Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)
"""What "all off" turns off: everything but news of orders, which nobody loses by leaving the rest (rule C14)."""


class Came(NamedTuple):
    """How a request came, for the evidence: its route (never the token in it), network and kind of program."""

    route: str | None = None
    network: str | None = None
    device: str | None = None
    no_sale: bool = False


NOT_TOLD = Came()


def reachable(customer: Customer, settings: Settings) -> tuple[Channel, ...]:
    """The channels to choose on: those of the store on which there is an address, and those on which something was agreed to.

    The app is one where this customer has it, the account's inbox wherever there is one.
    """
    contacts = (customer.profile.contact, *(order.contact for order in customer.orders))
    there = {Channel.EMAIL: any(c.email for c in contacts)}
    there |= dict.fromkeys((Channel.SMS, Channel.WHATSAPP), any(c.phone for c in contacts))
    offered = {channel for channel, known in there.items() if known and channel in brand().channels}
    if customer.profile.device(settings.push_applications or ""):
        offered.add(Channel.PUSH)
    if settings.account_inbox == "on":
        offered.add(Channel.INBOX)
    said = {head.channel for head in customer.consent.heads if head.says is not Says.WITHDRAWN}
    return tuple(channel for channel in Channel if channel in offered | said)


def is_on(customer: Customer, channel: Channel, purpose: Purpose, address: str | None, now: datetime) -> bool:
    """What the page shows: whether something would come, as the gate decides it, or waits for its confirmation only."""
    return waits(customer.consent, channel, purpose, address, now) or isinstance(
        judged(customer, channel, purpose, consent_policy(), now, address), Ground
    )


def is_supposed(customer: Customer, channel: Channel, purpose: Purpose, now: datetime) -> bool:
    """Whether the law lets this come though the person said nothing of it (soft opt-in; CASL's implied consent)."""
    found = judged(customer, channel, purpose, consent_policy(), now)
    return isinstance(found, Ground) and found.kind in SUPPOSED


def waits(consent: ConsentRecord, channel: Channel, purpose: Purpose, address: str | None, now: datetime) -> bool:
    """Whether a consent waits for its confirmation by our own mail."""
    return any((head.channel, head.purpose) == (channel, purpose) for head in waiting(consent, address, now))


def waiting(consent: ConsentRecord, address: str | None, now: datetime) -> tuple[Head, ...]:
    """What waits for this mailbox: asked for, not withdrawn since, and not so long ago that it has expired."""
    oldest = now - timedelta(days=consent_policy().double_opt_in.expires_after_days)
    return tuple(head for head in asked_of(consent, address) if head.said_at > oldest)


def wording(locale: str, places: Sequence[Place], page: str, behaviour: bool = False) -> Wording:
    """The text that the person had before them: what each channel and purpose is called on that page, in that language."""
    text = words_in(locale)
    lines = [page_words(locale).get(f"{page}_lead", "")]
    for channel, purpose in places:
        lines.append(f"{text.channels[channel]}: {': '.join(text.purposes[purpose])}")
    lines += [page_words(locale).get(name, "") for name in ("behaviour", "behaviour_about") if behaviour]
    lines += [page_words(locale).get(f"terms_{channel}", "") for channel in dict.fromkeys(channel for channel, _ in places)]
    return Wording(version=f"page:{page}", text="\n".join(line for line in lines if line), locale=locale)


def statements_for(
    customer: Customer,
    choices: Mapping[Place, Says],
    addresses: Mapping[Channel, str],
    now: datetime,
    sequence: str,
    evidence: Mapping[str, Any],
) -> tuple[Statement, ...]:
    """The statements that are news. What a person does here counts after all that was said before it, whatever a sender's
    clock showed (rule C05). A yes is for the address that the page shows, a no for all."""
    found = []
    for number, ((channel, purpose), says) in enumerate(sorted(choices.items())):
        head = customer.consent.head(channel, purpose)
        if _is_so_already(customer, channel, purpose, says, addresses.get(channel), now):
            continue
        found.append(
            Statement(
                channel=channel,
                purpose=purpose,
                says=says,
                said_at=after_all_before(head, now),
                heard_at=now,
                sequence=f"{sequence}#{number:02d}",
                address=addresses.get(channel) if says is Says.GIVEN else None,
                **evidence,
            )
        )
    return tuple(found)


def _is_so_already(
    customer: Customer, channel: Channel, purpose: Purpose, says: Says, address: str | None, now: datetime
) -> bool:
    """Whether a choice was made before, or is a yes to what comes by itself.

    A wish that waits for its confirmation is not asked for again by saving the page once more; one that was given for another
    address, or in a way that does not count here, is.
    """
    head = customer.consent.head(channel, purpose)
    if says is Says.WITHDRAWN:
        # A STOP is taken back by START: a no that was said here as well is not.
        return head is not None and head.says is says and head.weight is Weight.EXPLICIT and not head.took
    if head is not None and head.says is Says.GIVEN and head.weight is not Weight.EXPLICIT:
        return False
    found = judged(customer, channel, purpose, consent_policy(), now, address)
    if isinstance(found, Ground):
        return found.kind in ("none-needed", "consent")
    return waits(customer.consent, channel, purpose, address, now)


def _as_before(wishes: Wishes) -> Wishes:
    return wishes


def decide(
    outside: Outside,
    customer_id: str,
    choices: Mapping[Place, Says],
    page: str,
    locale: str,
    came: Came = NOT_TOLD,
    wish: Callable[[Wishes], Wishes] = _as_before,
    leave: bool | None = None,
) -> Customer:
    """Write what a customer chose: evidence, head with its version, wishes and outbox, in one transaction; once it returns,
    they hold.

    A consent that this country wants confirmed is pending until it is. `leave` is whether what they do in the store may be noted,
    where they decided that. CustomerUnknown, TableError (then nothing is promised).
    """
    text = wording(locale, sorted(choices), page, leave is not None)
    kept = keep_wording(outside.tables, text) if choices or leave is not None else None
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
    gives = Says.GIVEN in choices.values()
    secret = outside.secrets.text(outside.settings.need("identity_secret")) if gives else ""

    def speak(customer: Customer, now: datetime, sequence: str) -> Spoken:
        said = statements_for(customer, choices, reached_at(customer, secret) if gives else {}, now, sequence, evidence)
        country = customer.profile.country
        wishes = wish(customer.wishes)
        return Spoken(
            statements=tuple(until_confirmed(one, customer.consent, rule, country) for one in said),
            declarations=(
                *signalled(customer.consent, came, now, sequence, page),
                *_leave(customer.consent, leave, now, sequence, evidence),
            ),
            wishes=wishes if wishes != customer.wishes else None,
            beside=_looked_at_again(customer, wishes, now),
        )

    return record(outside, customer_id, speak, sender="customer", topic=page)


def _looked_at_again(customer: Customer, wishes: Wishes, now: datetime) -> tuple[Write, ...]:
    """What waits for the end of a pause, or for the digest, need not where the one was ended or the other is not wished for:
    the slot is due now, and the sweep rings it."""
    for message in customer.held:
        paused = message.last.reason is Reason.PAUSED and wishes.pause_of(message.proposal.purpose, now) is None
        if paused or (message.last.reason is Reason.DIGEST and wishes.frequency is Frequency.EACH):
            return (slot_change(customer.id, now, now),)
    return ()


def signalled(consent: ConsentRecord, came: Came, now: datetime, sequence: str, page: str) -> tuple[Declaration, ...]:
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


def _leave(
    consent: ConsentRecord, leave: bool | None, now: datetime, sequence: str, evidence: Mapping[str, Any]
) -> tuple[Declaration, ...]:
    """That what they do in the store may be noted, or not any more, if that is news: never asked is a no already."""
    before = consent.behaviour
    if leave is None or leave is (before is not None and not before.opted_out):
        return ()
    kind: Literal["behaviour_opt_in", "behaviour_opt_out"] = "behaviour_opt_in" if leave else "behaviour_opt_out"
    said_at = max(now, before.said_at + TICK) if before else now
    return (Declaration(kind=kind, said_at=said_at, heard_at=now, sequence=f"{sequence}#behaviour", **evidence),)


def give_cue(outside: Outside, customer_id: str, order_key: str, cue: Cue) -> Order | None:
    """Record how an order felt. The last answer counts; the same one again changes nothing. None when there is no such order.

    CustomerUnknown, TableError.
    """
    new_id = outside.ids.new()
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = load(outside.tables, customer_id, order_key)
        order = customer.order(order_key)
        if order is None or order.cue == cue:
            return order
        after = order.model_copy(update={"cue": cue, "cue_at": now, "version": order.version + 1})
        data = events.CueData(customer_id=customer_id, order=order_key, cue=cue)
        told = events.make("CueGiven", keys.message_id(f"page#{new_id}"), now, new_id, data)
        writes = [delivery(new_id, "cue", customer_id, now, (told,)).put(), *order_writes(customer, order, after)]
        if written(outside, writes):
            return after
    raise KeepsChanging("the record changed under every attempt")


def order_writes(customer: Customer, before: Order, after: Order) -> tuple[Write, ...]:
    """The record's own attributes stay as they are: the gate's claim looks at `closed`. An order comes back from the archive
    with its cue, because for some days that keeps offers quiet and spaces them, and the gate sees only what is hot."""
    attributes = {"closed": before.closed} if before.closed else {}
    hot, lies = keys.order(customer.id, before.key), customer.order_place(before.key)
    if lies == hot:
        return (versioned(hot, after.to_json(), before.version, **attributes),)
    back = Put(hot, {"doc": after.to_json(), "version": after.version, **attributes}, when=Absent())
    return back, Remove(lies, when=Is("version", before.version))


def delivery(new_id: str, page: str, customer_id: str, now: datetime, told: tuple[Event, ...]) -> Delivery:
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


def written(outside: Outside, writes: Sequence[Write]) -> bool:
    try:
        outside.tables.write(writes)
    except (ConditionFailed, Conflict):
        return False
    return True
