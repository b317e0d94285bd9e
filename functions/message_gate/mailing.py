"""From a candidate that may be sent by e-mail to the mail that is put on the wire: blocks, links, sender, headers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from aftercare.brand import brand
from aftercare.consent import Channel, Purpose
from aftercare.customer import Customer, Order
from aftercare.identity import email
from aftercare.learned import ASKS
from aftercare.links import Link, LinkPurpose, read_keys, sign
from aftercare.outside import Mail, Outside
from aftercare.proposal import Block, Proposal
from aftercare.published import Publication, read
from message_gate import mime
from message_gate.candidate import MARKETING, Candidate
from message_gate.letter import Links, Part
from message_gate.render import CannotRender, render
from message_gate.stationery import stationery
from message_gate.tone import Chosen, choose, nature_of

PATHS = {
    LinkPurpose.STATUS: "o",
    LinkPurpose.PREFERENCES: "p",
    LinkPurpose.UNSUBSCRIBE: "u",
    LinkPurpose.CUE: "c",
    LinkPurpose.SURVEY: "s",
    LinkPurpose.GUIDE: "g",
    LinkPurpose.RETURN: "r",
    LinkPurpose.REPOST: "m",
    LinkPurpose.OFFER: "n",
    LinkPurpose.CONFIRM: "k",
    LinkPurpose.ORDERS: "orders",
    LinkPurpose.EXPORT: "export",
    LinkPurpose.ERASE: "erase",
}
"""The route of customer_pages that opens a link of each purpose."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that is ready to be sent, and what the ledger keeps of it. `carries` are the purposes of what stands in it beside
    its own: an offer in a confirmation."""

    mail: Mail
    template_version: str
    content_hash: str
    tone: Chosen
    opening: str
    carries: tuple[Purpose, ...] = ()


BESIDE = ("add-ons", "accompanying")
"""Blocks that show a product beside what the message is for."""


def allowed_blocks(candidate: Candidate, address: str) -> tuple[Block, ...]:
    """The proposal's blocks without those of another purpose that has no ground, or must keep quiet now, and without products
    that the customer does not want: the message itself is not held for them.

    The customer's consent is for the customer's address: a message that goes to an order's other contact carries no offer.
    """
    ours = candidate.customer.profile.contact.email
    consented = ours is None or email(ours) == address
    own, unwanted = (None, candidate.proposal.purpose), candidate.customer.wishes.unwanted(candidate.now)
    return tuple(
        block
        for block in candidate.proposal.blocks
        if block.purpose in own
        or (
            consented
            and not (block.kind in BESIDE and block.variant in unwanted)
            and not candidate.keeps_quiet(block.purpose)
            and candidate.ground(Channel.EMAIL, block.purpose)
        )
    )


def links(outside: Outside, candidate: Candidate) -> Links:
    """Signed links of this customer, each for one purpose and with its own end."""
    base = outside.settings.need("public_base_url").rstrip("/")
    link_keys = read_keys(outside.secrets.text(outside.settings.need("link_secret")))

    def link(purpose: LinkPurpose, about: str, open_for: timedelta) -> str:
        if purpose is LinkPurpose.CONFIRM:
            # The mailbox that the mail goes to is part of what its button confirms.
            about = f"{candidate.addresses[Channel.EMAIL][1]}:{about}"
        ends = int((candidate.now + open_for).timestamp())
        return f"{base}/{PATHS[purpose]}/{sign(link_keys, purpose, Link(candidate.customer.id, about, ends))}"

    return link


def reader_of(customer: Customer, order: Order | None) -> str:
    """As the customer wished, else as the order was made in, else as the account says, else as the country does."""
    country = (order.country if order else None) or customer.profile.country
    return brand().locale_for(country, customer.wishes.language, order.locale if order else None, customer.profile.locale)


def told_of(outside: Outside, proposal: Proposal) -> Publication | None:
    """What a message about products tells of (one read more). CannotRender when it is not kept any more."""
    key = proposal.references.get("publication")
    if key is None:
        return None
    found = read(outside.tables, key)
    if found is None:
        raise CannotRender(f"{proposal.template}: what it tells of is not kept any more")
    return found


def tone_of(candidate: Candidate, locale: str, include: Sequence[Block]) -> Chosen:
    """In which tone a message speaks to its reader, and why."""
    entry = stationery().register.templates.get(candidate.proposal.template)
    nature = nature_of(entry.nature if entry else "news", (block.kind for block in include))
    return choose(nature, candidate.proposal.purpose, candidate.customer, brand(), locale, candidate.now)


def tags_of(candidate: Candidate) -> dict[str, str]:
    """What comes back with the provider's events: whose message it is, whether an answer is hoped for, and what it teaches."""
    tags = {"aftercare-message": candidate.proposal.message_id, "aftercare-customer": candidate.customer.id}
    if candidate.proposal.purpose in ASKS:
        tags["aftercare-asks"] = "yes"
    if candidate.teaches:
        tags["aftercare-cadence"] = str(candidate.teaches)
    return tags


def write_letter(outside: Outside, candidate: Candidate, address: str) -> Letter:
    """The mail for a candidate, rendered and checked before anything is claimed. CannotRender, BadHeader and a template's
    own faults are raised: the queue keeps the proposal until they are mended."""
    proposal, customer = candidate.proposal, candidate.customer
    # A digest speaks the language of the orders that it is about.
    order = candidate.order or next((part.order for part in candidate.parts if part.order), None)
    if order is None and "order" in proposal.references:
        raise CannotRender(f"{proposal.template}: the order that it is about is not on record")
    settings, our = outside.settings, brand()
    include = allowed_blocks(candidate, address)
    carries = tuple(sorted({block.purpose for block in include if block.purpose not in (None, proposal.purpose)}))
    locale = reader_of(customer, order)
    tone = tone_of(candidate, locale, include)
    rendered = mime.check(
        render(
            proposal,
            customer,
            order,
            our,
            candidate.catalogue(),
            links(outside, candidate),
            settings,
            locale,
            include,
            bool(carries),
            parts=tuple(
                Part(part.proposal, part.order, allowed_blocks(part, address), told_of(outside, part.proposal))
                for part in candidate.parts
            ),
            tone=tone.tone,
            publication=told_of(outside, proposal),
        )
    )
    marketing = proposal.purpose in MARKETING
    sender = (settings.promotional_sender_address if marketing else None) or settings.need("sender_address")
    envelope = mime.Envelope(
        sender=sender,
        sender_name=our.name,
        recipient=address,
        reply_to=our.reply_to,
        message_id=proposal.message_id,
        date=candidate.now,
    )
    mail = Mail(
        sender=sender,
        recipient=address,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        tags=tags_of(candidate),
        mime=lambda: mime.build(rendered, envelope),
    )
    return Letter(mail, rendered.template_version, rendered.content_hash, tone, rendered.opening, carries)
