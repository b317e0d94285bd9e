"""HubSpot's workflow webhooks: a contact changed in the CRM.

Sources: developers.hubspot.com, "Validating requests" (signature v3) and "Trigger a webhook in a workflow". The signature is over
method, address, body and the time in milliseconds, which may be five minutes off. The body is one that the workflow fills from
the contact's properties (docs/carriers.md has it); HubSpot's own events name a contact by number only.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aftercare import identity
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Contact
from aftercare.facts import ConsentFact, CustomerFact, Fact, Said
from store_intake.received import Received, Unreadable, parsed
from store_intake.tracking import Letter, country, number, text, unix
from store_intake.verification import Request, Scheme, Secret, signed_by

STAMP = "x-hubspot-request-timestamp"
SCHEME = Scheme(header="x-hubspot-signature-v3", encoding="base64", timestamp=STAMP)
TOLERANCE = timedelta(minutes=5)
MARKETING = (Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)

_LOCALE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?", re.IGNORECASE)


def signed(request: Request, secrets: Sequence[Secret], now: datetime) -> Secret | None:
    """The secret that signed this request to this address."""
    stamp, host = request.headers.get(STAMP, ""), request.headers.get("host", "")
    if not re.fullmatch(r"[0-9]{13}", stamp) or abs(now.timestamp() - int(stamp) / 1000) > TOLERANCE.total_seconds():
        return None
    if not re.fullmatch(r"[A-Za-z0-9.-]+(?::[0-9]+)?", host):
        return None
    scheme = replace(SCHEME, template=f"POSThttps://{host}/webhooks/hubspot{{body}}{{timestamp}}")
    return signed_by(scheme, secrets, request.headers, request.body, now)


def deliveries(request: Request, shop: str, received_at: datetime) -> tuple[Received, ...]:
    letter = Letter("hubspot", shop, request.body, received_at)
    try:
        contact = parsed(request.body)
    except Unreadable as error:
        return (letter.received("unknown", None, request.body.hex(), reason=str(error)),)
    email = identity.email(text(contact.get("email")))
    if email is None:
        return (letter.received("contact", None, contact, reason="email: expected the contact's address"),)
    at = unix((number(contact.get("lastmodifieddate")) or 0) / 1000) or received_at
    known = Contact(email=email, phone=identity.phone(text(contact.get("phone"))))
    locale = text(contact.get("hs_language"))
    facts: list[Fact] = [
        CustomerFact(
            type="CustomerUpdated",
            occurred_at=at,
            contact=known,
            locale=locale if locale and _LOCALE.fullmatch(locale) else None,
            country=country(contact.get("hs_country_region_code")),
            tags=tuple(tag.strip() for tag in (text(contact.get("aftercare_tags")) or "").split(";") if tag.strip())[:20],
        )
    ]
    if text(contact.get("hs_email_optout")) == "true" or contact.get("hs_email_optout") is True:
        # Only a no is taken from the CRM: that it holds no opt-out is no consent (absence changes nothing).
        said = tuple(Said(channel=Channel.EMAIL, purpose=purpose, says=Says.WITHDRAWN, said_at=at) for purpose in MARKETING)
        facts.append(ConsentFact(type="ConsentObserved", occurred_at=at, contact=known, said=said))
    return (letter.received("contact", None, contact, tuple(facts)),)
