"""Which mail carries a fresh link, and whether one is needed. Pure."""

from datetime import datetime
from enum import StrEnum

from aftercare.consent import Purpose
from aftercare.customer import Customer
from aftercare.events import Told
from aftercare.fresh_links import OPEN_FOR, FreshLinks, Opens
from aftercare.proposal import Nothing, Proposal


class Because(StrEnum):
    """Why no link is sent."""

    CUSTOMER_GONE = "customer-gone"
    NOT_ASKED = "not-asked"
    USED = "used"
    REPLACED = "replaced"
    TOO_LATE = "too-late"


def mail(customer: Customer | None, links: FreshLinks, event: Told, now: datetime) -> Proposal | Nothing:
    """The mail with the link that was asked for, while somebody waits for it. No consent is needed: they asked just now."""
    opens, ref = Opens(event.data.opens), event.data.link
    asked = next((link for link in links.links if link.ref == ref), None)
    if customer is None:
        return Nothing(Because.CUSTOMER_GONE)
    if asked is None:
        return Nothing(Because.NOT_ASKED)
    standing = links.standing(opens, ref)
    if standing != "open":
        return Nothing(Because.USED if standing == "used" else Because.REPLACED)
    if asked.asked_at + OPEN_FOR <= now:
        return Nothing(Because.TOO_LATE)
    return Proposal(
        key=f"fresh-link-{opens}#{ref}",
        customer_id=customer.id,
        purpose=Purpose.TRANSACTIONAL,
        template=f"fresh-link-{opens}",
        references={"link": ref},
        not_after=asked.asked_at + OPEN_FOR,
        proposed_at=now,
        caused_by=event.id,
        correlation_id=event.correlation_id,
    )
