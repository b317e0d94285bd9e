"""All that one message is made from, and the parts that every message has: greeting, reason, ways out, the brand's own."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aftercare.brand import Brand, ReturnTerms
from aftercare.catalogue import Catalogue, Family
from aftercare.consent import Channel, Purpose
from aftercare.customer import Customer, Order, OrderLine
from aftercare.language import Language, fallbacks, language, pick
from aftercare.links import LinkPurpose
from aftercare.money import Money
from aftercare.one_line import plain
from aftercare.places import zone_of
from aftercare.proposal import Block, Proposal
from aftercare.published import Publication
from aftercare.weblink import https
from message_gate.stationery import Words

Links = Callable[[LinkPurpose, str, timedelta], str]
"""The full https address of a signed link: its purpose, what it is about, how long it opens."""

View = dict[str, Any]

OPEN_FOR = {
    LinkPurpose.STATUS: timedelta(days=120),
    LinkPurpose.CUE: timedelta(days=60),
    LinkPurpose.SURVEY: timedelta(days=60),
    LinkPurpose.GUIDE: timedelta(days=120),
    LinkPurpose.RETURN: timedelta(days=60),
    LinkPurpose.PREFERENCES: timedelta(days=400),
    LinkPurpose.UNSUBSCRIBE: timedelta(days=400),
}
"""How long links open. A way out stays open longest: CAN-SPAM asks for 30 days after the mail, CASL for 60."""

SHOWN_LINES = 20
LONGEST_SUBJECT = 60


class NoOrder(LookupError):
    """A template asks for the order of a message that is about none."""


@dataclass(frozen=True, slots=True)
class Letter:
    """All that one message is made from; `parts` are the messages that a digest puts together, `publication` what a message
    about products tells of."""

    message: Proposal
    customer: Customer
    about: Order | None
    brand: Brand
    catalogue: Catalogue
    links: Links
    words: Words
    locale: str
    include: tuple[Block, ...]
    promotional: bool
    parts: tuple["Letter", ...] = ()
    publication: Publication | None = None

    @property
    def order(self) -> Order:
        """The order that the message is about. NoOrder where it is about none."""
        if self.about is None:
            raise NoOrder(f"{self.message.template}: the order that it is about is not on record")
        return self.about

    @property
    def language(self) -> Language:
        """How amounts and days are written: as the reader's region does, in the language of the words around them."""
        own = fallbacks(self.locale, self.words.locale)[0]
        return language(own if own.partition("-")[0] == self.words.locale.partition("-")[0] else self.words.locale)

    @property
    def zone(self) -> ZoneInfo:
        order = self.about
        if order is None or order.country is None:
            return zone_of(self.customer.profile.country, self.brand.timezone)
        return zone_of(order.country, self.brand.timezone, order.region, order.postcode)

    def pick(self, parts: Mapping[str, Any]) -> Any:
        """The reader's part of a content file's texts, in the language of the words around it."""
        return pick(parts, self.words.locale, self.brand.default_locale)

    def link(self, purpose: LinkPurpose, about: str) -> str:
        return https(self.links(purpose, about, OPEN_FOR[purpose]))

    def ordered_on(self) -> str:
        return self.language.date(self.order.placed_at or self.order.as_of, self.zone)

    def chosen(self, kind: str) -> str | None:
        """The variant of the first block of a kind."""
        return next((block.variant for block in self.include if block.kind == kind and block.variant), None)


def return_terms(letter: Letter, lines: Iterable[OrderLine]) -> ReturnTerms:
    """Until when these lines of the order may come back, and what that costs."""
    return letter.brand.returns.terms(letter.order.country, letter.catalogue.by_family(lines))


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a digest: what its letter is made from."""

    message: Proposal
    order: Order | None
    include: tuple[Block, ...]
    publication: Publication | None = None


def first_name(name: str | None) -> str | None:
    """The first part of a name where it is one: letters, joined by hyphens or apostrophes; else None and nobody is named.

    A name is typed by strangers into forms: an address or a sentence in it would travel in our mail.
    """
    parts = plain(name or "", 200).split()
    if not parts or not 2 <= len(parts[0]) <= 30:
        return None
    letters = all(c in "'’-" or unicodedata.category(c)[0] in "LM" for c in parts[0])
    return parts[0] if letters and unicodedata.category(parts[0][0])[0] == "L" else None


def frame(letter: Letter, postal: str | None) -> View:
    """What every message has: who is greeted, why, and the ways out."""
    say, purpose = letter.words.say, letter.message.purpose
    name = first_name((letter.about.contact.name if letter.about else None) or letter.customer.profile.contact.name)
    about = unsubscribed_from(purpose, letter.promotional)
    view: View = {
        "name": name,
        "hello": say("hello", name=name) if name else say("hello_nameless"),
        "preferences_url": letter.link(LinkPurpose.PREFERENCES, f"{Channel.EMAIL}:{letter.message.message_id}"),
        "unsubscribe_url": None,
        "unsubscribe": None,
        "postal": None,
        "purpose": about,
    }
    if about:
        # One click on a digest ends all that is in it.
        all_ = tuple(dict.fromkeys((about, *(part.message.purpose for part in letter.parts))))
        view["unsubscribe_url"] = letter.link(LinkPurpose.UNSUBSCRIBE, f"{Channel.EMAIL}:{','.join(all_)}")
        view["unsubscribe"] = say("unsubscribe", kind=letter.language.listed([say(f"kind_{each}") for each in all_]))
        address = plain(postal or "", 300)
        named = letter.brand.legal_name.lower() in address.lower()
        view["postal"] = say("sender", postal=address if named else f"{letter.brand.legal_name}, {address}")
    return view


def unsubscribed_from(purpose: Purpose, promotional: bool) -> Purpose | None:
    """What the unsubscribe link of a message ends: its own purpose, or offers where an order message carries one."""
    if purpose is not Purpose.TRANSACTIONAL:
        return purpose
    return Purpose.PROMOTIONAL if promotional else None


def standing(brand: Brand, words: Words) -> View:
    """What is the same in every message of a language: the brand's own part."""
    return {
        "lang": words.locale,
        "brand": {
            "name": brand.name,
            "website": brand.website,
            "logo_url": brand.logo.url if brand.logo else None,
            "logo_width": str(brand.logo.width) if brand.logo else None,
            "signed": brand.signature.name,
            "role": pick(brand.signature.role, words.locale, brand.default_locale),
            "help_reply": words.say("help_reply", hours=pick(brand.support.hours, words.locale, brand.default_locale)),
            "help_page": brand.support.page,
            "help_chat": brand.support.chat,
            "help_phone": words.say("help_phone", phone=brand.support.phone.replace(" ", "\xa0"))
            if brand.support.phone
            else None,
            "legal": pick(brand.legal, words.locale, brand.default_locale),
        },
    }


def line_view(letter: Letter, line: OrderLine, quantity: int | None = None, priced: bool = True) -> View:
    """One line, or so many pieces of it. The price is that of all the pieces."""
    count = line.quantity if quantity is None else quantity
    unit_price = line.unit_price if priced else None
    pieces = f"{count} ×" if count > 1 else ""
    each = letter.language.money(unit_price) if unit_price and count > 1 else ""
    variant = plain(line.variant or "")
    detail = ", ".join(part for part in (f"{pieces} {each}".strip(), variant) if part)
    price = None
    if unit_price:
        whole = Money.model_construct(amount=unit_price.amount * count, currency=unit_price.currency)
        price = letter.language.money(whole)
    return {"title": plain(line.title), "detail": detail or None, "price": price or ""}


def one_tip(letter: Letter, family: Family) -> tuple[str | None, str | None]:
    """Something of use to who does not buy: a tip of the family, and the page that says more."""
    if family.tips:
        return letter.pick(family.tips.tips)[0], letter.pick(family.tips.url)
    if family.care:
        return letter.pick(family.care.tips)[0], letter.pick(family.care.pdf_url)
    if family.quick_start:
        return letter.pick(family.quick_start.walkthrough)[-1], letter.pick(family.quick_start.walkthrough_url)
    return None, None
