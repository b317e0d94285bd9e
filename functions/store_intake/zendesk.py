"""Zendesk's webhooks, as its triggers send them: a ticket was opened, answered, solved or opened again.

Sources: developer.zendesk.com/documentation/webhooks/verifying; "Placeholders reference" of Zendesk's help. The signature is over
timestamp and body. Zendesk's own events name a requester by number only, so the body is one that a trigger fills from
placeholders (docs/carriers.md has it). A ticket that was made for a case of ours carries its reference as external id.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from aftercare import identity
from aftercare.case_topic import CaseTopic
from aftercare.customer import Contact
from aftercare.facts import CaseFact
from store_intake.received import Received, Unreadable, parsed, word
from store_intake.tracking import Letter, Payload, instant, obj, order_ref, text
from store_intake.verification import Request, Scheme, Secret, signed_by

SCHEME = Scheme(
    header="x-zendesk-webhook-signature",
    encoding="base64",
    template="{timestamp}{body}",
    timestamp="x-zendesk-webhook-signature-timestamp",
)
"""A body that is sent once more is the same delivery, so no window of time is needed; the docs set none."""

OURS = "aftercare:"
"""How the external id of a ticket begins that was made for a case of ours; the case's reference follows."""

Type = Literal["SupportCaseOpened", "SupportCaseAnswered", "SupportCaseClosed"]

HAPPENED: Mapping[str, Type] = {
    "created": "SupportCaseOpened",
    "reopened": "SupportCaseOpened",
    "answered": "SupportCaseAnswered",
    "solved": "SupportCaseClosed",
}


def signed(request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
    """The secret that signed timestamp and body."""
    return signed_by(SCHEME, secrets, request.headers, request.body, now)


def deliveries(request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    letter = Letter("zendesk", shop, request.body, received_at)
    try:
        content = parsed(request.body)
    except Unreadable as error:
        return (letter.received("unknown", None, request.body.hex(), reason=str(error)),)
    return (_ticket(letter, content, shop, received_at),)


def _ticket(letter: Letter, content: Payload, shop: str, received_at: datetime) -> Received:
    ticket = obj(content.get("ticket"))
    happened, ref = text(content.get("happened")) or "", order_ref(ticket.get("id"))
    kind = HAPPENED.get(happened.lower())
    changed_at = instant(ticket.get("updated_at")) or instant(ticket.get("created_at"))
    name = f"{ref}:{changed_at:%Y-%m-%dT%H:%M:%SZ}" if ref and changed_at else None
    topic = word(happened or "unknown")
    if kind is None:
        return letter.received(topic, name, content, reason=f"happened: expected one of {', '.join(HAPPENED)}")
    if ref is None:
        return letter.received(topic, name, content, reason="ticket.id: expected the ticket's number")
    case = text(ticket.get("external_id")) or ""
    if case.startswith(OURS):
        # That it was opened is no news to who opened it; the rest is news of the case, not of another one.
        of_shop, _, ours = case.removeprefix(OURS).partition(":")
        if of_shop != shop or order_ref(ours) is None:
            return letter.received(topic, name, content, reason="ticket.external_id: expected aftercare: and a case of this shop")
        if happened == "created":
            return letter.received(topic, name, content)
        ref = ours
    requester = obj(ticket.get("requester"))
    at = instant(ticket.get("created_at")) if happened == "created" else changed_at
    fact = CaseFact(
        type=kind,
        occurred_at=at or received_at,
        ref=ref,
        topic=topic_of(text(ticket.get("tags")) or ""),
        order_ref=order_ref(ticket.get("order")),
        contact=Contact(email=identity.email(text(requester.get("email"))), phone=identity.phone(text(requester.get("phone")))),
    )
    return letter.received(topic, name, content, (fact,))


def topic_of(tags: str) -> CaseTopic:
    """The first tag that is one of our topics; tags come as one text."""
    known = {str(topic): topic for topic in CaseTopic}
    return next((known[tag] for tag in tags.lower().replace(",", " ").split() if tag in known), CaseTopic.OTHER)
