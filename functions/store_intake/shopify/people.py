"""Customers: who they are, what they consent to, and what the law lets them ask for."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

from aftercare import identity
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Contact
from aftercare.facts import ConsentFact, CustomerFact, Fact, Said
from store_intake.shopify.payload import Hook, Payload, country_of, instant_of, locale_of, object_of, ref_of, tags_of, text_of

MARKETING_GIVES = (Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY)
"""What a shopper agrees to with Shopify's one "marketing" consent: each purpose gets a head of its own, none stands for
another (docs/decisions/0010-marketing-consent.md). A store whose checkout speaks of offers only leaves PROMOTIONAL here."""

MARKETING_TAKES = (Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY)
"""What a shopper takes back with it: always everything that is marketing."""


def name_of(person: Payload) -> str | None:
    first, last = text_of(person.get("first_name"), 200), text_of(person.get("last_name"), 200)
    return " ".join(part for part in (first, last) if part) or text_of(person.get("name"), 400)


_STATES = {
    "subscribed": Says.GIVEN,
    "pending": Says.PENDING,
    "unsubscribed": Says.WITHDRAWN,
    "redacted": Says.WITHDRAWN,
}


def _said(consent: object, channel: Channel, changed: bool) -> tuple[Said, ...]:
    """What a consent object says of its channel.

    Only `subscribed` gives. `not_subscribed`, `invalid` and null are the state of somebody who was never asked: they say
    nothing; but a `not_subscribed` that the consent topic itself tells with its time was changed to that, so it takes back.
    """
    if not isinstance(consent, dict):
        return ()
    state, level, at = consent.get("state"), consent.get("opt_in_level"), instant_of(consent.get("consent_updated_at"))
    says = _STATES.get(state) if isinstance(state, str) else None
    if says is None and changed and state == "not_subscribed" and at is not None:
        says = Says.WITHDRAWN
    if says is None:
        return ()
    purposes = MARKETING_GIVES if says is not Says.WITHDRAWN else MARKETING_TAKES
    wording = f"Shopify marketing consent, opt-in level {level if isinstance(level, str) else 'unknown'}"[:200]
    confirmed = says is Says.GIVEN and level == "confirmed_opt_in"
    return tuple(
        Said(channel=channel, purpose=purpose, says=says, said_at=at, wording=wording, confirmed=confirmed)
        for purpose in purposes
    )


def observed_consent(customer: Payload, occurred_at: datetime) -> Iterable[Fact]:
    """Consent that is seen inside another payload (API versions before 2025-01). Its absence says nothing."""
    if "email_marketing_consent" not in customer and "sms_marketing_consent" not in customer:
        return
    said = (
        *_said(customer.get("email_marketing_consent"), Channel.EMAIL, changed=False),
        *_said(customer.get("sms_marketing_consent"), Channel.SMS, changed=False),
    )
    yield ConsentFact(
        type="ConsentObserved",
        occurred_at=occurred_at,
        customer_ref=ref_of(customer.get("id"), customer.get("admin_graphql_api_id")),
        contact=_person(customer),
        said=said,
    )


def _person(customer: Payload) -> Contact:
    return Contact(
        email=identity.email(text_of(customer.get("email"), 320)),
        phone=identity.phone(text_of(customer.get("phone"), 40)),
        name=name_of(customer),
    )


def customer_facts(kind: Literal["CustomerCreated", "CustomerUpdated"]) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(customer: Payload, hook: Hook) -> Iterable[Fact]:
        occurred = instant_of(customer.get("updated_at")) or hook.triggered_at
        address = object_of(customer.get("default_address"))
        yield CustomerFact(
            type=kind,
            occurred_at=occurred,
            customer_ref=ref_of(customer.get("id"), customer.get("admin_graphql_api_id")),
            contact=_person(customer),
            locale=locale_of(customer.get("locale")),
            country=country_of(address.get("country_code")),
            tags=tags_of(customer.get("tags")),
        )
        yield from observed_consent(customer, occurred)

    return reader


def tag_facts(added: bool) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        tags = tags_of(payload.get("tags"))
        yield CustomerFact(
            type="CustomerTagged",
            occurred_at=instant_of(payload.get("occurredAt")) or hook.triggered_at,
            customer_ref=ref_of(payload.get("customerId")),
            tags=tags if added else (),
            tags_removed=() if added else tags,
        )

    return reader


def summary_facts(payload: Payload, hook: Hook) -> Iterable[Fact]:
    occurred = instant_of(payload.get("occurredAt")) or hook.triggered_at
    yield CustomerFact(type="CustomerUpdated", occurred_at=occurred, customer_ref=ref_of(payload.get("customerId")))


def privacy_facts(
    kind: Literal["CustomerErasureRequested", "CustomerExportRequested"], orders: str
) -> Callable[[Payload, Hook], Iterable[Fact]]:
    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        customer, listed = object_of(payload.get("customer")), payload.get(orders)
        yield CustomerFact(
            type=kind,
            occurred_at=hook.triggered_at,
            customer_ref=ref_of(customer.get("id")),
            contact=_person(customer),
            orders=tuple(ref for order in (listed if isinstance(listed, list) else []) if (ref := ref_of(order))),
        )

    return reader


def email_consent_facts(payload: Payload, hook: Hook) -> Iterable[Fact]:
    yield ConsentFact(
        type="ConsentChanged",
        occurred_at=hook.triggered_at,
        customer_ref=ref_of(payload.get("customer_id")),
        contact=Contact(email=identity.email(text_of(payload.get("email_address"), 320))),
        said=_said(payload.get("email_marketing_consent"), Channel.EMAIL, changed=True),
    )


def sms_consent_facts(payload: Payload, hook: Hook) -> Iterable[Fact]:
    yield ConsentFact(
        type="ConsentChanged",
        occurred_at=hook.triggered_at,
        customer_ref=ref_of(payload.get("id")) or ref_of(payload.get("customer_id")),
        contact=Contact(phone=identity.phone(text_of(payload.get("phone"), 40))),
        said=_said(payload.get("sms_marketing_consent"), Channel.SMS, changed=True),
    )
