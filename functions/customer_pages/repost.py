"""Whether a picture may be shown: what that means in words, yes and no, and a yes taken back. GET shows, POST saves.

Each word of it is evidence: when it was said, on which page, in answer to which text (aftercare.consent_statement.Declaration).
"""

from aftercare import events, keys, telemetry
from aftercare.brand import brand
from aftercare.clock import iso
from aftercare.consent import Actor
from aftercare.consent_log import KeepsChanging, Wording, keep_wording
from aftercare.customer import Customer
from aftercare.feedback_events import RepostData
from aftercare.links import BadLink, Link, LinkPurpose
from aftercare.media import Media, Repost
from aftercare.outside import Outside, current
from aftercare.store import load, versioned
from aftercare.table import Absent, Check, Put, Write
from customer_pages.choices import ATTEMPTS, delivery, written
from customer_pages.render import page, page_words
from customer_pages.request import Answer, app, came, form_of, locale_of, opened, safely

SAYS = {"yes": True, "no": False}


@app.get("/m/<token>")
def show_repost(token: str) -> Answer:
    return safely(lambda: _show(current(), token))


def _show(outside: Outside, token: str) -> Answer:
    link = opened(outside, LinkPurpose.REPOST, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id)
    media, said = _kept(outside, link)
    return _page(customer, media, said)


@app.post("/m/<token>")
def decide_repost(token: str) -> Answer:
    return safely(lambda: _decide(current(), token, SAYS.get(form_of().get("says", ""))))


def _decide(outside: Outside, token: str, allowed: bool | None) -> Answer:
    """The word, its evidence and the event that tells of it, in one transaction; said twice it is saved once."""
    link, new_id = opened(outside, LinkPurpose.REPOST, token, outside.clock.now()), outside.ids.new()
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = load(outside.tables, link.customer_id)
        media, before = _kept(outside, link)
        if allowed is None or before.allowed is allowed:
            return _page(customer, media, before, status=400 if allowed is None else 200, saved=allowed is not None)
        locale, how = locale_of(customer, customer.order(media.order or "")), came()
        text = Wording(version="page:repost", text=terms(locale), locale=locale)
        sequence = f"{iso(now)}#{new_id}#repost"
        after = Repost(version=before.version + 1, counted_at=before.counted_at, allowed=allowed, said_at=now, proof=sequence)
        from aftercare.consent_statement import Declaration  # with the first word that is said, as for all consent

        proof = Declaration(
            kind="repost_allowed" if allowed else "repost_refused",
            about=media.ref,
            said_at=now,
            heard_at=now,
            sequence=sequence,
            source="page:repost",
            actor=Actor.CUSTOMER,
            wording=f"{locale}:{text.version}",
            wording_hash=keep_wording(outside.tables, text),
            locale=locale,
            url=how.route,
            network=how.network,
            device=how.device,
        )
        told = events.make(
            "RepostDecided",
            keys.message_id(f"page#{new_id}"),
            now,
            new_id,
            RepostData(customer_id=customer.id, media=media.ref, allowed=allowed),
        )
        writes: list[Write] = [
            delivery(new_id, "repost", customer.id, now, (told,)).put(),
            Check(keys.customer(customer.id, keys.ERASED), Absent()),
            versioned(keys.repost(customer.id, media.ref), after.to_json(), before.version),
            Put(keys.evidence(customer.id, sequence), {"doc": proof.to_json(), "kind": proof.kind}, when=Absent()),
        ]
        if written(outside, writes):
            telemetry.count("RepostAllowed" if allowed else "RepostRefused")
            return _page(customer, media, after, saved=True)
    raise KeepsChanging("the record changed under every attempt")


def _kept(outside: Outside, link: Link) -> tuple[Media, Repost]:
    """What the link is about, and what was said of it. BadLink for what is not there any more."""
    place, said = keys.media(link.customer_id, link.about), keys.repost(link.customer_id, link.about)
    found = outside.tables.read([place, said])
    if place not in found or said not in found:
        raise BadLink("no such picture")
    return Media.model_validate_json(str(found[place]["doc"])), Repost.model_validate_json(str(found[said]["doc"]))


def terms(locale: str) -> str:
    """What a yes allows: the text that is kept with it."""
    words = page_words(locale)
    return "\n".join(words[f"repost_terms_{number}"].format(brand=brand().name) for number in (1, 2, 3))


def _page(customer: Customer, media: Media, said: Repost, status: int = 200, saved: bool = False) -> Answer:
    order = customer.order(media.order or "")
    locale = locale_of(customer, order)
    line = next((line for line in order.lines if media.sku and line.sku == media.sku), None) if order else None
    return page(
        status,
        "repost",
        locale,
        media=media,
        network=media.network.replace("-", " ").title(),
        item=line.title if line else None,
        terms=terms(locale).split("\n"),
        allowed=said.allowed,
        said_at=said.said_at,
        saved=saved,
        missing=status == 400,
    )
