"""What a delivery says of consent and leave, as evidence; and of who was erased, that nobody may suppose theirs any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeGuard

from aftercare import consent_log, identity, keys
from aftercare.case_topic import CaseTopic
from aftercare.clock import iso
from aftercare.consent import Actor, Channel, ConsentRecord, Says, Weight
from aftercare.customer import Contact
from aftercare.facts import CaseFact, ConsentFact, Fact, OrderFact
from store_intake.draft import Draft
from store_intake.known import Known
from store_intake.record import statements, wordings
from store_intake.whose import Places

if TYPE_CHECKING:
    from aftercare.consent_statement import Declaration, Statement


def agreed_texts(facts: Iterable[Fact]) -> Iterable[consent_log.Wording]:
    """The wordings to which somebody agreed by these facts: evidence names them by hash, so each has to be kept before it."""
    for fact in facts:
        if isinstance(fact, (ConsentFact, OrderFact)):
            yield from wordings(fact.said if isinstance(fact, ConsentFact) else fact.consent)
        if tells_leave(fact):
            from store_intake.behaviour import texts

            yield from texts(fact)


def tells_leave(fact: Fact) -> bool:
    """Whether it says something of the leave to note what a person does in the store (aftercare.behaviour_facts)."""
    return bool(getattr(fact, "behaviour", ()))


Refused = Mapping[Channel, datetime]
"""On which channels nobody may advertise to this person until they consent anew, and since when."""


def refused(at: Places, known: Known) -> Refused:
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


def write_consent(
    draft: Draft,
    before: ConsentRecord,
    facts: list[Fact],
    at: Places,
    country: str | None,
    refused: Refused,
    secret: str,
) -> None:
    """What was said of consent and leave, into the evidence and its heads; what changed by it is told. `country` is the person's,
    by which a consent may have to wait for its confirmation."""
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
    if any(map(tells_leave, facts)):
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
