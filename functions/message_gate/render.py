"""From a proposal and the customer's record to a rendered message: subject, HTML, text, and the headers it owes its reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from jinja2 import Template
from markupsafe import Markup

from aftercare.brand import Brand, ToneName
from aftercare.catalogue import Catalogue
from aftercare.customer import Customer, Order
from aftercare.proposal import Block, Proposal
from aftercare.published import Publication
from aftercare.settings import Settings
from message_gate.letter import Letter, Links, Part, View, frame, standing, unsubscribed_from
from message_gate.stationery import Stationery, Words, stationery
from message_gate.view import VIEWS

LARGEST_HTML = 102_000
"""Bytes. Gmail cuts a longer message off and hides what stands at its end: the ways out."""


class CannotRender(LookupError):
    """There is no such template, or the record does not have what it is about."""


class TooLarge(ValueError):
    """The rendered HTML would be cut off by mail programmes."""


@dataclass(frozen=True)
class Rendered:
    """One message as its reader gets it. `headers` are those that the message itself asks for, without addresses; `opening` is
    what it says first, which stands in it anyway."""

    subject: str
    html: str
    text: str
    template_version: str
    headers: Mapping[str, str]
    opening: str = ""

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of all that the reader gets, 32 hex characters."""
        parts = (self.subject, self.html, self.text, *[f"{n}: {v}" for n, v in sorted(self.headers.items())])
        return sha256("\0".join(parts).encode()).hexdigest()[:32]


class _Letterhead:
    """What does not change from message to message of one brand; made once for each brand that is used."""

    def __init__(self, brand: Brand, files: Stationery) -> None:
        self.brand = brand
        self.files = files
        self.dark = files.dark(brand)
        self._sheets: dict[tuple[str, str, ToneName | None], _Sheets] = {}

    def sheets(self, template: str, words: Words) -> "_Sheets":
        """The two parts of a message in one language, with their standing views: words escaped for HTML, plain for text."""
        found = self._sheets.get((template, words.locale, words.tone))
        if found is None:
            both = standing(self.brand, words)
            for_html = {**both, "dark": self.dark, "spacer": Markup("&#8204;&nbsp;") * 60, "w": words.escaped}
            for_text = {**both, "w": words.plain}
            html, text = self.files.html(template, self.brand, for_html), self.files.text(template, for_text)
            found = self._sheets[template, words.locale, words.tone] = _Sheets(html, for_html, text, for_text)
        return found


class _Sheets(NamedTuple):
    html: Template
    for_html: View
    text: Template
    for_text: View


_letterheads: dict[tuple[int, int], _Letterhead] = {}


def _letterhead(brand: Brand, files: Stationery) -> _Letterhead:
    found = _letterheads.get((id(brand), id(files)))
    if found is None or found.brand is not brand or found.files is not files:
        if len(_letterheads) > 8:
            _letterheads.clear()
        found = _letterheads[id(brand), id(files)] = _Letterhead(brand, files)
    return found


def render(
    message: Proposal,
    customer: Customer,
    order: Order | None,
    brand: Brand,
    catalogue: Catalogue,
    links: Links,
    settings: Settings,
    locale: str,
    include: Sequence[Block],
    promotional: bool,
    files: Stationery | None = None,
    parts: Sequence[Part] = (),
    tone: ToneName | None = None,
    publication: Publication | None = None,
) -> Rendered:
    """Render a message for its reader.

    `include` are the proposal's blocks without those that lack their consent; `promotional` says whether one of another
    purpose than the message's own is still among them; `parts` are the messages of a digest; `tone` where it speaks otherwise
    than usual, `publication` what it tells of products. CannotRender for an unknown template; MissingWord and
    jinja2.UndefinedError for a fault of the files, NotHttps for a link that must not stand in a message.
    """
    files = files or stationery()
    view_of = VIEWS.get(message.template)
    if view_of is None:
        raise CannotRender(f"template: expected one of {', '.join(VIEWS)}, found {message.template}")
    words = files.words(message.template, locale, brand.default_locale, tone)
    about = (customer, order, brand, catalogue, links)
    letter = Letter(
        message, *about, words, locale, tuple(include), promotional, letters(parts, about, files, locale, tone), publication
    )
    common = frame(letter, settings.need("postal_address") if unsubscribed_from(message.purpose, promotional) else None)
    own = view_of(letter, common)
    sheets = _letterhead(brand, files).sheets(message.template, words)
    html = sheets.html.render({**sheets.for_html, **common, **own})
    text = sheets.text.render({**sheets.for_text, **common, **own})
    if len(html) > LARGEST_HTML // 4 and len(html.encode()) > LARGEST_HTML:
        raise TooLarge(f"{message.template}: the HTML has {len(html.encode())} bytes, mail programmes cut after {LARGEST_HTML}")
    return Rendered(
        subject=own["subject"],
        html=html,
        text=_tidy(text),
        template_version=files.version(message.template, words.locale, words.tone),
        headers=headers(brand, words, common),
        opening=first_words(own),
    )


OPENINGS = ("opening", "lead", "preheader")
"""Under which of these a template's view has what it says first."""


def first_words(view: View) -> str:
    return next((str(view[key]) for key in OPENINGS if view.get(key)), "")


def letters(
    parts: Sequence[Part],
    about: tuple[Customer, Order | None, Brand, Catalogue, Links],
    files: Stationery,
    locale: str,
    tone: ToneName | None = None,
) -> tuple[Letter, ...]:
    """The letters of a digest's parts, each in its own template's words."""
    customer, _, brand, catalogue, links = about
    found = []
    for part in parts:
        words = files.words(part.message.template, locale, brand.default_locale, tone)
        made = (part.message, customer, part.order, brand, catalogue, links, words, locale, part.include, False, ())
        found.append(Letter(*made, part.publication))
    return tuple(found)


def _tidy(text: str) -> str:
    """Without blank ends of lines and with one blank line at most: what parts left out leaves gaps."""
    tidy = "\n".join([line.rstrip() for line in text.split("\n")])
    while "\n\n\n" in tidy:
        tidy = tidy.replace("\n\n\n", "\n\n")
    return tidy.strip() + "\n"


def headers(brand: Brand, words: Words, common: View) -> dict[str, str]:
    """What it owes mail programmes: that nobody typed it, and one click to be rid of it (RFC 3834, RFC 8058, RFC 2919)."""
    found = {"Auto-Submitted": "auto-generated"}
    purpose = common["purpose"]
    if purpose:
        found["List-Unsubscribe"] = f"<{common['unsubscribe_url']}>"
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        found["List-Id"] = f'"{brand.name}: {words.say(f"list_{purpose}")}" <{brand.lists[purpose]}>'
    return found
