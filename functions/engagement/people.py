"""What a person wrote, recorded: consent taken back or given again, the fact for everyone else, and at most one answer.

A number may belong to several customers: a STOP from it is everybody's. What a text asks for is told as one word; what asks for
none of these, and answers no question of ours, is kept for somebody to read, and never told on the bus. The answer is proposed to
the gate, as every message is, and expires after five minutes (rule C18).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aftercare import events, inbound, keys, learned, ledger, telemetry
from aftercare.clock import iso
from aftercare.consent import Actor, Channel, Purpose, Says, clamp
from aftercare.consent_log import ATTEMPTS, KeepsChanging, consent_after, news, restarted, stopped, writes
from aftercare.consent_policy import consent_policy, revoked
from aftercare.customer import Customer
from aftercare.event import Event
from aftercare.gate_queue import propose
from aftercare.identity import keyed_hash
from aftercare.outside import Outside
from aftercare.proposal import Proposal
from aftercare.store import Delivery, find, park, versioned
from aftercare.table import ConditionFailed, Conflict, Put, Write
from engagement.keywords import Wish, answered_by_aws, plainly, wish
from engagement.phones import Inbound
from engagement.survey import survey_answer

if TYPE_CHECKING:
    from aftercare.consent_statement import Statement

ANSWER_WITHIN = timedelta(minutes=5)
REPLIES = {
    Wish.STOP: "reply-stopped",
    Wish.HELP: "reply-help",
    Wish.START: "reply-started",
    Wish.ANSWER: "reply-answered",
}
OWED = "answer"
"""The end of a delivery's topic where an answer is owed: a repeated delivery owes the same."""


def hear(outside: Outside, said: Inbound) -> str:
    """Record it for each customer whose number it is. The outcome in a word. TableError: bring it again."""
    secret = outside.secrets.text(outside.settings.need("identity_secret"))
    number = keyed_hash(secret, said.number)
    owners = outside.tables.partition("customers", keys.phone_owner(number, "").pk, "C#")
    meant = wish(said.text)
    telemetry.count("InboundMessage")
    if not owners:
        _record(outside, said, meant, None, new=True)
        return f"{meant} from nobody known"
    # Each of them has it on record; it has to be read once.
    answers = [_record(outside, said, meant, str(owner["customer_id"]), number, new=n == 0) for n, owner in enumerate(owners)]
    for owner, owed in zip(owners, answers, strict=True):
        if owed:
            _answer(outside, said, owed, str(owner["customer_id"]), number)
            return str(owed)
    return str(meant)


def _record(
    outside: Outside, said: Inbound, asked: Wish, customer_id: str | None, number: str | None = None, *, new: bool
) -> Wish | None:
    """One customer's transaction: marker with its outbox, consent with its evidence, what they answered, the text where somebody
    has to read it, and that the person was active now.

    What an answer is owed to, now or by an earlier delivery of the same; None where none is.
    """
    key = f"inbound#{said.channel}#{said.inbound_id}#{customer_id or '-'}"
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = find(outside.tables, customer_id) if customer_id else None
        correlation_id = keys.message_id(key)
        found = survey_answer(outside, said, customer, now, correlation_id) if asked is Wish.OTHER and customer else None
        meant = Wish.ANSWER if found else asked
        planned, owed, told = _plan(outside, said, meant, customer, number, key, now)
        if found and not isinstance(found, str):
            planned += found.writes
            told.append(found.told)
        texts = _texts(outside, said, customer, customer_id, key, now, new=new) if meant is Wish.OTHER else []
        data = events.InboundData(
            customer_id=customer.id if customer else "",
            channel=said.channel,
            wish=str(meant),
            text_ref=keys.message_id(key) if texts else None,
        )
        told.insert(0, events.make("InboundMessage", keys.message_id(f"{key}#in"), said.at, correlation_id, data))
        delivery = Delivery(
            key=key,
            sender="inbound",
            topic=f"{meant}-{OWED}" if owed else str(meant),
            received_at=now,
            correlation_id=correlation_id,
            body_hash=correlation_id,
            events=tuple(told),
            customer_id=customer.id if customer else None,
        )
        try:
            outside.tables.write([delivery.put(), *planned, *texts])
        except ConditionFailed as failed:
            there = failed.found.get(0)
            if there is not None:
                before, _, end = str(there.get("topic", "")).partition("-")
                return Wish(before) if end == OWED else None
        except Conflict:
            continue
        else:
            if meant is Wish.ANSWER:
                telemetry.count("SurveyAnswered")
            return meant if owed else None
    raise KeepsChanging("the record changed under every attempt")


def _texts(
    outside: Outside, said: Inbound, customer: Customer | None, customer_id: str | None, key: str, now: datetime, *, new: bool
) -> list[Put]:
    """What keeps the text: with its customer, or parked by its number. Who has just been erased leaves none."""
    ref = keys.message_id(key)
    written = inbound.Written(channel=said.channel, number=said.number, at=said.at, text=said.text[: inbound.LONGEST])
    if customer:
        return [inbound.keep(customer.id, ref, written, now, new=new)]
    if customer_id:
        return []
    delivery = Delivery(
        key=ref,
        sender=inbound.SENDER,
        topic=str(said.channel),
        received_at=said.at,
        correlation_id=ref,
        body_hash=ref,
        parked="nobody known has this number",
    )
    secret = outside.secrets.text(outside.settings.need("identity_secret"))
    return park(delivery, written.to_json().encode(), secret, due_kind=inbound.DUE, due_at=iso(said.at))


def _plan(
    outside: Outside, said: Inbound, meant: Wish, customer: Customer | None, number: str | None, key: str, now: datetime
) -> tuple[list[Write], bool, list[Event]]:
    """What is written beside the marker, whether an answer is owed, and what else is told.

    A STOP is for every number that the customer has or gets; a START is for the one that it came from (its keyed hash).
    """
    if customer is None:
        return [], False, []
    from aftercare.consent_statement import Statement  # here: few customers write

    at = clamp(said.at, now, Says.WITHDRAWN)
    row = Statement(
        channel=said.channel,
        purpose=Purpose.TRANSACTIONAL,
        says=Says.WITHDRAWN,
        said_at=at,
        heard_at=now,
        sequence=f"{iso(now)}#{keys.message_id(key)[:12]}",
        source=f"{said.channel}:{meant}",
        actor=Actor.CUSTOMER,
        claimed_at=said.at if said.at != at else None,
    )
    before = customer.consent
    statements: tuple[Statement, ...] = ()
    if meant is Wish.STOP:
        answered = _answered(outside, said, customer)
        statements = stopped(before, revoked(consent_policy().telephone, said.channel, answered, now), at, row)
    elif meant is Wish.START:
        statements = restarted(before, said.channel, said.at, row.model_copy(update={"address": number}))
    after = consent_after(before, statements)
    told = [
        events.make(kind, keys.message_id(f"{key}#{data.purpose}"), said.at, keys.message_id(key), data)
        for kind, _, data in news(customer.id, after)
    ]
    planned = writes(customer.id, before, after) if statements else []
    planned.append(learned.answered(customer.id, said.channel, said.at, local_hour(customer, said.at)))
    if said.channel is Channel.WHATSAPP:
        planned += _wrote(customer, said.at)
    return planned, _owes(outside, said, meant, bool(after.changes)), told


def _answered(outside: Outside, said: Inbound, customer: Customer) -> Purpose | None:
    """What the last text was for that the person had from us when they wrote; asked only where a STOP may be for its kind alone,
    and None where it takes everything: nothing was sent, or they say so."""
    rule = consent_policy().telephone
    if rule.revoke_scope == "all" or {"all", "alle", "alles", "stopall"}.intersection(plainly(said.text).split()):
        return None
    items = outside.tables.partition("customers", keys.customer(customer.id, keys.LEDGER).pk, keys.LEDGER)
    known = [ledger.message_from(item) for item in items]
    sent = [(m.sent_at, m.proposal.purpose) for m in known if m.channel == said.channel and m.sent_at and m.sent_at <= said.at]
    return max(sent)[1] if sent else None


def _owes(outside: Outside, said: Inbound, meant: Wish, changed: bool) -> bool:
    """One answer at most: to HELP and to an answer always, to STOP and START where they changed something, and never where AWS
    has answered."""
    if meant is Wish.OTHER or (meant in (Wish.STOP, Wish.START) and not changed):
        return False
    by_aws = said.channel is Channel.SMS and outside.settings.sms_opt_outs != "own" and answered_by_aws(said.text)
    return not by_aws


def _answer(outside: Outside, said: Inbound, meant: Wish, customer_id: str, number: str) -> None:
    """Propose the answer to the number that wrote, on the channel that it wrote on."""
    template = REPLIES[meant]
    propose(
        outside,
        Proposal(
            key=f"{template}#{said.inbound_id}",
            customer_id=customer_id,
            purpose=Purpose.TRANSACTIONAL,
            template=template,
            references={"number": number, "channel": str(said.channel)},
            not_after=said.at + ANSWER_WITHIN,
            proposed_at=said.at,
            caused_by=said.inbound_id,
            correlation_id=keys.message_id(said.inbound_id),
        ),
    )


def _wrote(customer: Customer, at: datetime) -> list[Write]:
    """From now on, for 24 hours, anything may be answered on WhatsApp."""
    profile = customer.profile
    if profile.wrote_at and profile.wrote_at >= at:
        return []
    after = profile.model_copy(update={"wrote_at": at, "version": profile.version + 1})
    return [versioned(keys.customer(customer.id, keys.PROFILE), after.to_json(), profile.version)]


def local_hour(customer: Customer, at: datetime) -> int:
    """The hour of the customer's day, 0 to 23, in the one zone that stands for their country."""
    # The brand's file is read where somebody acts, not with every delivery report.
    from aftercare.brand import brand
    from aftercare.places import zone_of

    countries = [o.country for o in sorted(customer.orders, key=lambda o: o.as_of, reverse=True) if o.country]
    country = customer.profile.country or (countries[0] if countries else None)
    return at.astimezone(zone_of(country, brand().timezone)).hour
