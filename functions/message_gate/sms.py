"""A message as a text message: the fullest wording that fits one segment, in the characters that phones count singly.

An SMS carries 160 characters of the GSM 7-bit alphabet or 70 UTF-16 units; of a longer text each segment loses room to the
header that joins them: 153 or 67 (3GPP TS 23.038 and 23.040). One character outside the alphabet makes the whole text UCS-2.
"""

import unicodedata
from dataclasses import dataclass
from typing import Literal

from aftercare.brand import Brand, ToneName
from aftercare.catalogue import Catalogue
from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.one_line import plain
from aftercare.proposal import Proposal
from aftercare.published import Publication
from aftercare.weblink import https
from message_gate.letter import Letter, Links
from message_gate.notices import NOTICES, Matter, days_text, matter, reason_text
from message_gate.stationery import Stationery, stationery

LADDER = ("sms_reason", "sms_days", "sms_window", "sms_link", "sms")
"""The wordings of a template, fullest first."""

SHORT_LINK = 60
"""Characters of an address that a text message carries; in place of a longer one, such as a filled basket, stands the shop."""

VALUES = frozenset(("brand", "what", "help", "days", "window", "reason", "product", "shop", "link"))
"""What they may be filled with."""

GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_TWICE = frozenset("\f^{}\\[~]|€")
"""Characters of the extension table: each counts as two."""

_PLAINER = str.maketrans(
    {
        **dict.fromkeys("\xa0\u202f", " "),
        **dict.fromkeys("’‘", "'"),
        **dict.fromkeys("“”„", '"'),
        **dict.fromkeys("–—−·", "-"),
        "…": "...",
    }
)
"""Typographic signs, as they are written where each letter is paid for."""

PROMOTES = (Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)
"""A text of these says how to end them (CTIA; rule C20)."""

Encoding = Literal["GSM-7", "UCS-2"]
_ROOM: dict[Encoding, tuple[int, int]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}


class NoShortForm(LookupError):
    """The template has no wording for a text message."""


@dataclass(frozen=True, slots=True)
class Sms:
    """A text with what it costs: `units` are septets or UTF-16 units."""

    text: str
    encoding: Encoding
    units: int
    segments: int


def _units(character: str, encoding: Encoding) -> int:
    return (2 if character in GSM_7_TWICE else 1) if encoding == "GSM-7" else len(character.encode("utf-16-le")) // 2


def counted(text: str) -> Sms:
    """A text with its encoding and segments. No character is parted: one that does not fit begins the next segment."""
    encoding: Encoding = "GSM-7" if all(c in GSM_7 or c in GSM_7_TWICE for c in text) else "UCS-2"
    sizes = [_units(character, encoding) for character in text]
    single, joined = _ROOM[encoding]
    if sum(sizes) <= single:
        return Sms(text, encoding, sum(sizes), 1)
    segments, filled = 1, 0
    for size in sizes:
        if filled + size > joined:
            segments, filled = segments + 1, 0
        filled += size
    return Sms(text, encoding, sum(sizes), segments)


def seven_bit(text: str) -> str:
    """Somebody else's text in the 7-bit alphabet: accents that it lacks are taken off, what is left over is left out.

    One sign in an order's name would otherwise make a message twice as dear.
    """
    found = []
    for character in text.translate(_PLAINER):
        if character in GSM_7:
            found.append(character)
        else:
            found += [c for c in unicodedata.normalize("NFKD", character) if c in GSM_7]
    return " ".join("".join(found).split())


def render_sms(
    message: Proposal,
    customer: Customer,
    order: Order,
    brand: Brand,
    catalogue: Catalogue,
    links: Links,
    locale: str,
    files: Stationery | None = None,
    tone: ToneName | None = None,
    publication: Publication | None = None,
) -> Sms:
    """The fullest wording that fits one segment; where none does, the shortest.

    NoShortForm for a template without one, MissingWord for a fault of the files.
    """
    files = files or stationery()
    words = files.words(message.template, locale, brand.default_locale, tone)
    made = (message, customer, order, brand, catalogue, links, words, locale, message.blocks, False, ())
    letter = Letter(*made, publication)
    return short_form(letter, way_out=message.purpose in PROMOTES)


def short_form(letter: Letter, way_out: bool) -> Sms:
    """The same for a letter. With `way_out` it says how to end such texts. NoShortForm, MissingWord."""
    words = letter.words
    if not words.has("sms"):
        raise NoShortForm(f"template: expected one with a phrase sms, found {letter.message.template}")
    values = short_values(letter)
    end = f" {words.say('sms_end')}" if way_out else ""
    shown = None
    for key in LADDER:
        if words.has(key) and (key == "sms" or words.needs(key) <= values.keys()):
            shown = counted(f"{words.say(key, **values)}{end}".translate(_PLAINER))
            if shown.segments == 1:
                return shown
    return shown or counted(f"{words.say('sms', **values)}{end}".translate(_PLAINER))


def short_values(letter: Letter) -> dict[str, str]:
    """What the short wordings of a letter are filled with: only what is known."""
    if letter.message.template in NOTICES:
        return _values(matter(letter))
    family = letter.catalogue.families.get(letter.message.references.get("family", ""))
    values = {"brand": letter.brand.name, "help": letter.brand.support.short or letter.brand.support.page}
    if letter.publication is not None:
        title = seven_bit(plain(letter.pick(letter.publication.title), 60))
        return {**values, "product": title, "link": https(letter.publication.url)}
    if "segment" in letter.message.references:
        from message_gate.offers import content_of

        title, link = content_of(letter)
        shop = letter.brand.shop_of(letter.order.shop).url
        return {**values, "product": seven_bit(plain(title, 60)), "link": link if len(link) <= SHORT_LINK else shop}
    if "renews" in letter.message.numbers:
        from message_gate.renewals import manage_url, when_text

        link = manage_url(letter)
        return {**values, "window": when_text(letter), "link": https(link) if len(link) <= SHORT_LINK else values["help"]}
    values["shop"] = letter.brand.shop_of(letter.order.shop).url
    reordered = next((block for block in letter.include if block.kind == "reorder"), None)
    lines = letter.catalogue.by_family(letter.order.lines).get(reordered.family or "", ()) if reordered else ()
    basket = letter.brand.shop_of(letter.order.shop).reorder_url(lines)
    if reordered and reordered.variant != "care" and len(basket) <= SHORT_LINK:
        values["link"] = https(basket)
    named = letter.pick(family.title) if family else letter.order.name
    # What was bought last is known by its own name.
    values["product"] = seven_bit(plain(lines[0].title if lines else named, 30))
    return values


def _values(seen: Matter) -> dict[str, str]:
    """What the short wordings are filled with: only what is known."""
    letter, support = seen.letter, seen.letter.brand.support
    say = letter.words.say
    name = seven_bit(plain(letter.order.name, 20))
    what = say("sms_parcel", which=seen.which, order=name) if seen.which and seen.number else say("sms_order", order=name)
    values = {"brand": letter.brand.name, "what": what, "help": support.short or support.page}
    days, window = days_text(letter), _window(seen)
    if days:
        values["days"] = days
    if window:
        values["window"] = window
    reason = reason_text(letter, "short")
    if reason:
        values["reason"] = reason
    return values


def _window(seen: Matter) -> str | None:
    window, letter = seen.window, seen.letter
    if window is None:
        return None
    say, day = letter.words.say, letter.language.short_day
    first = day(window.first, letter.zone) if window.first else None
    last = day(window.last, letter.zone) if window.last else None
    if first and last:
        return say("sms_on", day=first) if first == last else say("sms_between", first=first, last=last)
    return say("sms_by", day=last) if last else say("sms_from", day=str(first))
