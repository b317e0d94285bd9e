"""What a message says, as plain text and addresses: everything worded, formatted and checked before a template sees it.

A view is dictionaries, lists, text and None. Templates only lay it out.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aftercare.brand import Brand
from aftercare.catalogue import Catalogue, Family, Skill
from aftercare.consent import Channel, Purpose
from aftercare.customer import Charge, Customer, Order, OrderLine
from aftercare.language import Language, fallbacks, language, pick, zone_of
from aftercare.links import LinkPurpose
from aftercare.money import Money
from aftercare.proposal import Block, Proposal
from aftercare.weblink import https
from message_gate.stationery import Words

Links = Callable[[LinkPurpose, str, timedelta], str]
"""The full https address of a signed link: its purpose, what it is about, how long it opens."""

View = dict[str, Any]

OPEN_FOR = {
    LinkPurpose.STATUS: timedelta(days=120),
    LinkPurpose.CUE: timedelta(days=60),
    LinkPurpose.PREFERENCES: timedelta(days=400),
    LinkPurpose.UNSUBSCRIBE: timedelta(days=400),
}
"""How long links open. A way out stays open longest: CAN-SPAM asks for 30 days after the mail, CASL for 60."""

SHOWN_LINES = 20
LONGEST_TITLE = 120
LONGEST_SUBJECT = 60
FACES = {"good": "🙂", "fine": "😐", "bad": "🙁"}


@dataclass(frozen=True, slots=True)
class Letter:
    """All that one message is made from."""

    message: Proposal
    customer: Customer
    order: Order
    brand: Brand
    catalogue: Catalogue
    links: Links
    words: Words
    locale: str
    include: tuple[Block, ...]
    promotional: bool

    @property
    def language(self) -> Language:
        """How amounts and days are written: as the reader's region does, in the language of the words around them."""
        own = fallbacks(self.locale, self.words.locale)[0]
        return language(own if own.partition("-")[0] == self.words.locale.partition("-")[0] else self.words.locale)

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.order.country or self.customer.profile.country, self.brand.timezone)

    def pick(self, parts: Mapping[str, Any]) -> Any:
        """The reader's part of a content file's texts, in the language of the words around it."""
        return pick(parts, self.words.locale, self.brand.default_locale)

    def link(self, purpose: LinkPurpose, about: str) -> str:
        return https(self.links(purpose, about, OPEN_FOR[purpose]))

    def ordered_on(self) -> str:
        return self.language.date(self.order.placed_at or self.order.as_of, self.zone)


# What turns text around or hides in it: a name must look like what it is.
_UNSEEN = re.compile("(?:[\u0000-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\\s)+")


def plain(text: str, longest: int = LONGEST_TITLE) -> str:
    """Somebody else's text on one line: no control or direction signs, no more than `longest` characters."""
    clean = _UNSEEN.sub(" ", text).strip()
    return clean if len(clean) <= longest else clean[: longest - 1].rstrip() + "…"


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
    name = first_name(letter.order.contact.name or letter.customer.profile.contact.name)
    about = unsubscribed_from(purpose, letter.promotional)
    view: View = {
        "name": name,
        "hello": say("hello", name=name) if name else say("hello_nameless"),
        "preferences_url": letter.link(LinkPurpose.PREFERENCES, str(Channel.EMAIL)),
        "unsubscribe_url": None,
        "unsubscribe": None,
        "postal": None,
        "purpose": about,
    }
    if about:
        view["unsubscribe_url"] = letter.link(LinkPurpose.UNSUBSCRIBE, f"{Channel.EMAIL}:{about}")
        view["unsubscribe"] = say("unsubscribe", kind=say(f"kind_{about}"))
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


# ---------------------------------------------------------------- order-confirmation


def confirmation(letter: Letter, common: View) -> View:
    """The order, what its products ask for, what happens next, what it costs to change one's mind."""
    order, say = letter.order, letter.words.say
    opening = next((b.variant for b in letter.include if b.kind == "opening" and b.variant), "first")
    goods = [line for line in order.lines if line.quantity]
    digital = bool(goods) and not any(line.requires_shipping for line in goods)
    terms = letter.brand.returns.terms(order.country)
    placed = letter.ordered_on()
    shown = plain(order.name, 40)
    arrives = arrival(letter, digital)
    total = letter.language.money(order.total) if order.total else None
    lines = [line_view(letter, line) for line in goods[:SHOWN_LINES]]
    left = len(goods) - len(lines)
    free, fee = say("returns_free"), terms.fee
    shown_guides = guides(letter)
    return {
        "subject": confirmation_subject(letter, opening, common["name"], shown),
        "preheader": say("preheader", arrival=arrives, total=total) if total else say("preheader_plain", arrival=arrives),
        "heading": say(f"heading_{opening}"),
        "opening": say(f"opening_{opening}"),
        "order": say("order", order=shown),
        "placed": say("placed", date=placed),
        "arrival": arrives,
        "status_url": letter.link(LinkPurpose.STATUS, order.key),
        "lines": lines,
        "more_lines": say("more_lines", count=str(left)) if left else None,
        "charges": [*charges(letter, order.discounts, -1), *charges(letter, _added(order.fees), 1)],
        "total": total,
        "included": charges(letter, (c for c in order.fees if c.kind == "tax_included"), 1),
        "guides": shown_guides,
        "more": further(letter),
        "add_ons": add_ons(letter),
        "steps": [
            say("next_digital" if digital else "next_goods"),
            say("next_renewal") if opening == "renewal" else say("next_try", days=str(terms.days)),
            say("next_ask"),
        ],
        "returns": say("returns_digital" if digital else "returns_goods", days=str(terms.days)),
        "returns_fee": "" if digital else say("returns_fee", fee=letter.language.money(fee)) if fee else free,
        "returns_url": letter.brand.returns.page,
        # Nobody felt anything while a renewal placed itself.
        "cue": [] if opening == "renewal" else cue(letter),
        "why": _why(letter, placed, bool(shown_guides)),
    }


def _why(letter: Letter, placed: str, guided: bool) -> str:
    """Why this reader gets this message, and what of it was chosen by what they bought."""
    parts = [letter.words.say("why", brand=letter.brand.name, date=placed)]
    parts += [letter.words.say("tailored_guides")] if guided else []
    parts += [letter.words.say("tailored_add_ons")] if letter.promotional else []
    return " ".join(parts)


def confirmation_subject(letter: Letter, opening: str, name: str | None, order: str) -> str:
    """With the name where it fits on a phone's line, else without."""
    say = letter.words.say
    if opening == "renewal":
        return say("subject_renewal", order=order)
    if name:
        named = say("subject", name=name, order=order)
        if len(named) <= LONGEST_SUBJECT:
            return named
    return say("subject_nameless", order=order)


def arrival(letter: Letter, digital: bool) -> str:
    """The estimated delivery window in the reader's days; never a promise that nobody made."""
    say, order = letter.words.say, letter.order
    if digital:
        return say("arrival_digital")
    first = letter.language.day(order.estimated_from, letter.zone) if order.estimated_from else None
    last = letter.language.day(order.estimated_until, letter.zone) if order.estimated_until else None
    if first and last:
        return say("arrival_on", day=first) if first == last else say("arrival_between", first=first, last=last)
    if last:
        return say("arrival_by", day=last)
    return say("arrival_from", day=first) if first else say("arrival_open")


def line_view(letter: Letter, line: OrderLine) -> View:
    """One line. The price is that of all its pieces."""
    pieces = f"{line.quantity} ×" if line.quantity > 1 else ""
    each = letter.language.money(line.unit_price) if line.unit_price and line.quantity > 1 else ""
    variant = plain(line.variant or "")
    detail = ", ".join(part for part in (f"{pieces} {each}".strip(), variant) if part)
    price = None
    if line.unit_price:
        whole = Money.model_construct(amount=line.unit_price.amount * line.quantity, currency=line.unit_price.currency)
        price = letter.language.money(whole)
    return {"title": plain(line.title), "detail": detail or None, "price": price or ""}


def _added(fees: Iterable[Charge]) -> Iterable[Charge]:
    return (fee for fee in fees if fee.kind != "tax_included")


_CHARGES = frozenset(("shipping", "tax", "tax_included", "duty", "tip", "discount"))


def charges(letter: Letter, rows: Iterable[Charge], sign: int) -> list[View]:
    """Fees and discounts as lines of their own: our word for the kind, the shop's own label beside it."""
    found = []
    for row in rows:
        label = plain(row.label, 80)
        if row.kind in _CHARGES:
            kind = letter.words.say(f"charge_{row.kind}")
            same = label.lower() in ("", row.kind, kind.lower())
            label = kind if same else f"{kind} · {label}"
        amount = Money.model_construct(amount=sign * abs(row.amount.amount), currency=row.amount.currency)
        shown = letter.language.money(amount) if row.amount.amount else letter.words.say("free")
        found.append({"label": label, "amount": shown})
    return found


def cue(letter: Letter) -> list[View]:
    """Three faces, one tap each. The page asks once more before it records: mail scanners open every link."""
    url = letter.link(LinkPurpose.CUE, letter.order.key)
    return [{"sign": sign, "name": letter.words.say(f"cue_{word}"), "url": f"{url}?cue={word}"} for word, sign in FACES.items()]


# ---------------------------------------------------------------- guides


def guides(letter: Letter) -> list[View]:
    """The guides in full, in the order in which they were chosen. A block that the catalogue no longer backs is left out."""
    found = []
    for block in letter.include:
        shape = _GUIDES.get(block.kind)
        guide = shape(letter, letter.catalogue.family(block.family or ""), block.variant) if shape else None
        if guide:
            found.append(guide)
    return found


def _guide(
    title: str, lead: str, points: Sequence[str], numbered: bool, url: str, button: str, link: tuple[str, str] | None
) -> View:
    return {
        "title": title,
        "lead": lead,
        "points": list(points),
        "list": "ol" if numbered else "ul",
        "url": url,
        "button": button,
        "link": link[0] if link else None,
        "link_url": link[1] if link else None,
    }


def _quick_start(letter: Letter, family: Family, variant: str | None) -> View | None:
    del variant
    has, say = family.quick_start, letter.words.say
    if has is None:
        return None
    return _guide(
        say("quick_start_title", family=letter.pick(family.title)),
        say("quick_start_lead", minutes=str(has.minutes)),
        letter.pick(has.walkthrough),
        False,
        letter.pick(has.video_url),
        say("quick_start_button"),
        (say("quick_start_link"), letter.pick(has.walkthrough_url)),
    )


def _care_guide(letter: Letter, family: Family, variant: str | None) -> View | None:
    del variant
    has, say = family.care, letter.words.say
    if has is None:
        return None
    title = say("care_title", family=letter.pick(family.title))
    return _guide(title, say("care_lead"), letter.pick(has.tips), False, letter.pick(has.pdf_url), say("care_button"), None)


def _onboarding(letter: Letter, family: Family, variant: str | None) -> View | None:
    """`variant` is `<tier>-<skill>`; one that the catalogue no longer has becomes the default tier for a beginner."""
    has, say = family.onboarding, letter.words.say
    if has is None:
        return None
    tier, _, named = (variant or "").rpartition("-")
    skill = Skill.EXPERIENCED if named == Skill.EXPERIENCED else Skill.BEGINNER
    steps = has.steps.get(tier, has.steps[has.default_tier])[skill]
    return _guide(
        say("onboarding_title", family=letter.pick(family.title)),
        say(f"onboarding_lead_{skill}"),
        letter.pick(steps),
        True,
        letter.pick(has.start_url),
        say("onboarding_button"),
        None,
    )


def _registration(letter: Letter, family: Family, variant: str | None) -> View | None:
    del variant
    has, say = family.registration, letter.words.say
    if has is None:
        return None
    return _guide(
        say("registration_title", family=letter.pick(family.title)),
        say("registration_lead", years=str(has.years)),
        letter.pick(has.benefits),
        False,
        letter.pick(has.url),
        say("registration_button"),
        None,
    )


def _tips(letter: Letter, family: Family, variant: str | None) -> View | None:
    del variant
    has, say = family.tips, letter.words.say
    if has is None:
        return None
    return _guide(
        say("tips_title"), say("tips_lead"), letter.pick(has.tips), False, letter.pick(has.url), say("tips_button"), None
    )


_GUIDES: Mapping[str, Callable[[Letter, Family, str | None], View | None]] = {
    "quick-start": _quick_start,
    "care-guide": _care_guide,
    "onboarding": _onboarding,
    "registration": _registration,
    "tips": _tips,
}


def further(letter: Letter) -> list[View]:
    """The guides that found no room, as links."""
    found = []
    for block in letter.include:
        family = letter.catalogue.family(block.family or "")
        shape = _GUIDES.get(block.variant or "") if block.kind == "more" else None
        guide = shape(letter, family, None) if shape else None
        if guide and block.variant:
            text = letter.words.say(f"more_{block.variant.replace('-', '_')}", family=letter.pick(family.title))
            found.append({"text": text, "url": guide["url"]})
    return found


def add_ons(letter: Letter) -> list[View]:
    """What goes with it, where the gate let it in."""
    offered = [b.variant for b in letter.include if b.kind == "add-ons" and b.variant in letter.catalogue.add_ons]
    found = []
    for name in offered:
        add_on = letter.catalogue.add_ons[str(name)]
        found.append({"name": letter.pick(add_on.name), "why": letter.pick(add_on.why), "url": letter.pick(add_on.url)})
    return found


# ---------------------------------------------------------------- reorder-reminder


class NothingToOffer(LookupError):
    """A reminder about a family that the catalogue no longer reminds of."""


def reminder(letter: Letter, common: View) -> View:
    """One benefit, one action."""
    del common
    say, order = letter.words.say, letter.order
    block = next((b for b in letter.include if b.kind == "reorder"), None)
    family = letter.catalogue.family(block.family or "") if block else None
    if block is None or family is None or family.reorder is None:
        raise NothingToOffer("reorder-reminder: expected a block of kind reorder whose family has a reorder window")
    lines = letter.catalogue.by_family(order.lines).get(family.name, ())
    date, product = letter.ordered_on(), letter.pick(family.title)
    # A few names at most: this is a sentence, not a list.
    names = [plain(line.title, 60) for line in lines[:3]] or [product]
    care = block.variant == "care"
    suffix = "_care" if care else ""
    benefit = letter.pick(family.reorder.benefit)
    shop = letter.brand.shop_of(order.shop)
    if care:
        offered = letter.catalogue.add_ons[family.cross_sells[0]]
        action, action_url, hint = say("button_care", add_on=letter.pick(offered.name)), letter.pick(offered.url), ""
    else:
        action, action_url, hint = say("button"), shop.reorder_url(lines), say("button_hint")
    tip, tip_url = _one_tip(letter, family)
    return {
        "subject": say(f"subject{suffix}", product=product),
        "preheader": say("preheader", benefit=benefit),
        "heading": say(f"heading{suffix}"),
        "lead": say(f"lead{suffix}", date=date, items=letter.language.listed(names)),
        "benefit": benefit,
        "action": action,
        "action_url": https(action_url),
        "action_hint": hint,
        "tip": tip,
        "tip_url": tip_url or shop.tutorials,
        "once": say(f"once{suffix}"),
        "why": say("why", brand=letter.brand.name, date=date),
    }


def _one_tip(letter: Letter, family: Family) -> tuple[str | None, str | None]:
    """Something of use to who does not buy: a tip of the family, and the page that says more."""
    if family.tips:
        return letter.pick(family.tips.tips)[0], letter.pick(family.tips.url)
    if family.care:
        return letter.pick(family.care.tips)[0], letter.pick(family.care.pdf_url)
    if family.quick_start:
        return letter.pick(family.quick_start.walkthrough)[-1], letter.pick(family.quick_start.walkthrough_url)
    return None, None


VIEWS: Mapping[str, Callable[[Letter, View], View]] = {"order-confirmation": confirmation, "reorder-reminder": reminder}
"""One view for each template of templates.yaml."""
