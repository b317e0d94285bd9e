"""What a message says, as plain text and addresses: everything worded, formatted and checked before a template sees it.

A view is dictionaries, lists, text and None. Templates only lay it out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from aftercare.catalogue import Family, Skill
from aftercare.consent import Says
from aftercare.customer import Charge, OrderLine
from aftercare.fresh_links import OPEN_FOR, PURPOSES
from aftercare.links import LinkPurpose
from aftercare.money import Money
from aftercare.one_line import plain
from aftercare.published import Publication
from aftercare.reorders import AGAIN
from aftercare.weblink import https
from message_gate.letter import LONGEST_SUBJECT, SHOWN_LINES, Letter, View, line_view, one_tip, return_terms
from message_gate.notices import NOTICES, notice
from message_gate.offers import for_segment, offered
from message_gate.questions import check_in, survey, why_returned
from message_gate.renewals import renewal
from message_gate.reviews import repost, review

FACES = {"good": "🙂", "fine": "😐", "bad": "🙁"}

# ---------------------------------------------------------------- order-confirmation


def confirmation(letter: Letter, common: View) -> View:
    """The order, what its products ask for, what happens next, what it costs to change one's mind."""
    order, say = letter.order, letter.words.say
    opening = letter.chosen("opening") or "first"
    goods = [line for line in order.lines if line.quantity]
    digital = bool(goods) and not any(line.requires_shipping for line in goods)
    terms = return_terms(letter, order.lines)
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
    """The guides in full, in the order in which they were chosen; the foremost has a button, the others a link.

    A block that the catalogue no longer backs is left out.
    """
    found: list[View] = []
    for block in letter.include:
        shape = _GUIDES.get(block.kind)
        guide = shape(letter, letter.catalogue.family(block.family or ""), block.variant) if shape else None
        if guide:
            found.append({**guide, "foremost": not found})
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


def setup_guide(letter: Letter, common: View) -> View:
    """The steps of what arrived, and the page on which they are ticked off."""
    del common
    say, order = letter.words.say, plain(letter.order.name, 40)
    return {
        "subject": say("subject", order=order),
        "preheader": say("preheader"),
        "heading": say("heading"),
        "lead": say("lead", order=order),
        "page_url": letter.link(LinkPurpose.GUIDE, letter.order.key),
        "guides": guides(letter),
        "why": say("why", brand=letter.brand.name, date=letter.ordered_on()),
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
    """One benefit, one action, at most one product beside it, and one tap that says what the reader makes of it."""
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
    tip, tip_url = one_tip(letter, family)
    offer = family.cross_sells[0] if care else AGAIN
    about = letter.link(LinkPurpose.OFFER, f"{order.key}|{family.name}|{offer}")
    says = ("useful", "later", "not_for_me") if care else ("useful", "later", "left", "not_for_me")
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
        "taps": [{"text": say(f"tap_{what}"), "url": f"{about}?said={what.replace('_', '-')}"} for what in says],
        "beside": _accompanying(letter, family),
        "once": say(f"once{suffix}"),
        "why": say("why", brand=letter.brand.name, date=date),
    }


def _accompanying(letter: Letter, family: Family) -> View | None:
    """The one product that goes with it, where offers may come, and the tap for it."""
    block = next((b for b in letter.include if b.kind == "accompanying"), None)
    add_on = letter.catalogue.add_ons.get(block.variant or "") if block else None
    if block is None or add_on is None:
        return None
    return {
        "title": letter.pick(add_on.name),
        "text": letter.pick(add_on.why),
        "url": https(letter.pick(add_on.url)),
        "tap": letter.words.say("tap_beside"),
        "tap_url": letter.link(LinkPurpose.OFFER, f"{letter.order.key}|{family.name}|{block.variant}"),
    }


class NothingToConfirm(ValueError):
    """No consent waits any more: the gate asks before it writes, so this is a fault."""


def consent_confirmation(letter: Letter, common: View) -> View:
    """What was consented to, and the button that confirms it. Nothing else: the mail must not be what it asks leave for."""
    del common
    say, days = letter.words.say, letter.message.numbers["days"]
    waiting = [head.purpose for head in letter.customer.consent.heads if head.says is Says.PENDING and head.asks]
    if not waiting:
        raise NothingToConfirm("consent-confirmation: expected a consent that waits")
    about = ",".join(waiting)
    return {
        "subject": say("subject"),
        "preheader": say("preheader"),
        "heading": say("heading"),
        "lead": say("lead", brand=letter.brand.name),
        "kinds": [say(f"list_{purpose}") for purpose in waiting],
        "confirm_url": https(letter.links(LinkPurpose.CONFIRM, about, timedelta(days=days))),
        "hint": say("hint", days=str(days)),
        "why": say("why", brand=letter.brand.name),
    }


FRESH: Mapping[str, LinkPurpose] = {f"fresh-link-{opens}": purpose for opens, purpose in PURPOSES.items()}
"""What the link of each of these templates opens."""


def fresh_link(letter: Letter, common: View) -> View:
    """The link that was just asked for, what it opens and for how long; and nothing else, for whoever did not ask."""
    del common
    say, brand = letter.words.say, letter.brand.name
    minutes = str(OPEN_FOR // timedelta(minutes=1))
    return {
        "subject": say("subject"),
        "preheader": say("preheader", minutes=minutes),
        "heading": say("heading"),
        "lead": say("lead", brand=brand),
        "fresh_url": https(letter.links(FRESH[letter.message.template], letter.message.references["link"], OPEN_FOR)),
        "hint": say("hint", minutes=minutes),
        "why": say("why"),
    }


# ---------------------------------------------------------------- digest


def digest(letter: Letter, common: View) -> View:
    """Several messages that could wait, in one: what each is, what is useful of it, where it leads, and why it is there."""
    say = letter.words.say
    items = [{**_item(part, common), "foremost": not number} for number, part in enumerate(letter.parts)]
    if not items:
        raise NothingToGather("digest: expected messages that it is made of")
    opening = letter.chosen("opening") or "gathered"
    count, titles = str(len(items)), letter.language.listed([plain(item["title"], 60) for item in items[:3]])
    return {
        "subject": say("subject", brand=plain(letter.brand.name, 24), count=count),
        "preheader": plain(say("preheader", items=titles), 150),
        "heading": say("heading"),
        "lead": say(f"lead_{opening}"),
        "items": items,
        "why": say(f"why_{opening}", brand=letter.brand.name),
    }


class NothingToGather(LookupError):
    """A digest of nothing: the gate composes it of two or more, so this is a fault."""


def _item(part: Letter, common: View) -> View:
    """A part of a digest in a few lines, from what the message itself would say."""
    return OUTLINES[part.message.template](VIEWS[part.message.template](part, common))


def _of_reminder(view: View) -> View:
    return {
        "title": view["subject"],
        "text": view["benefit"],
        "action": view["action"],
        "url": view["action_url"],
        "why": view["why"],
    }


# ---------------------------------------------------------------- what a store publishes about products


class NothingPublished(LookupError):
    """A message about a publication without one."""


def _published(letter: Letter) -> Publication:
    if letter.publication is None:
        raise NothingPublished(f"{letter.message.template}: expected what it tells of")
    return letter.publication


def _said(letter: Letter, texts: Mapping[str, str], longest: int) -> str:
    """The store's text in the reader's language, else in one it has."""
    return plain(letter.pick(texts), longest) if texts else ""


def _advice(letter: Letter, told: Publication, title: str) -> tuple[str | None, str | None]:
    """Something of use to who buys nothing: a tip for what the product is."""
    ref = told.products[0].partition(":")[2]
    line = OrderLine.model_construct(line_ref="-", product_ref=ref, title=title, quantity=1)
    return one_tip(letter, letter.catalogue.family_of(line))


def asked_for(letter: Letter, common: View) -> View:
    """A product is there again, told to who asked for it."""
    del common
    product = letter.message.references["product"]
    asked_at = next(alert.asked_at for alert in letter.customer.alerts if alert.product == product)
    return _back(letter, letter.language.date(asked_at, letter.zone))


def restocked(letter: Letter, common: View) -> View:
    """A product is there again, told to who has bought it before."""
    del common
    return _back(letter, letter.ordered_on())


def _back(letter: Letter, date: str) -> View:
    """A product is there again; `date` is when its reader asked for it, or bought it."""
    told, say = _published(letter), letter.words.say
    title = _said(letter, told.title, 40)
    return {
        "subject": say("subject", product=title),
        "preheader": say("preheader"),
        "heading": say("heading", product=title),
        "lead": say("lead", product=title, date=date),
        "warning": None,
        **_beside(letter, told, title),
        "why": say("why", brand=letter.brand.name, date=date),
    }


def announced(letter: Letter, common: View) -> View:
    """A store's own words about something that its reader has bought or asked for."""
    del common
    told, say = _published(letter), letter.words.say
    title = _said(letter, told.title, 60)
    bought = letter.about is not None
    date = {"date": letter.ordered_on()} if bought else {}
    return {
        **_own_words(letter, told, title),
        "warning": None,
        **_beside(letter, told, title),
        "why": say("why_owner" if bought else "why_asked", brand=letter.brand.name, **date),
    }


def warned(letter: Letter, common: View) -> View:
    """A store's warning of something that its reader has bought: nothing else stands in it."""
    del common
    told, say = _published(letter), letter.words.say
    return {
        **_own_words(letter, told, _said(letter, told.title, 60)),
        "warning": say("warning"),
        **_beside(letter, told, None),
        "why": say("why", brand=letter.brand.name, date=letter.ordered_on()),
    }


def _own_words(letter: Letter, told: Publication, title: str) -> View:
    text = _said(letter, told.text, 600)
    preheader = plain(text, 140) if text != title else letter.words.say("preheader")
    return {"subject": title, "preheader": preheader, "heading": title, "lead": text}


def _beside(letter: Letter, told: Publication, advised: str | None) -> View:
    """Where it leads, and something of use to who buys nothing: a tip for what the product of that title is."""
    advice, advice_url = _advice(letter, told, advised) if advised else (None, None)
    return {
        "advice": advice,
        "advice_url": advice_url or letter.brand.shop_of(told.shop).tutorials,
        "action": letter.words.say("button"),
        "action_url": https(told.url),
        "once": letter.words.say("once"),
    }


def _of_publication(view: View) -> View:
    return {
        "title": view["heading"],
        "text": view["lead"],
        "action": view["action"],
        "url": view["action_url"],
        "why": view["why"],
    }


OUTLINES: Mapping[str, Callable[[View], View]] = {
    "reorder-reminder": _of_reminder,
    "reorder-nudge": _of_reminder,
    "product-restocked": _of_publication,
    "announcement": _of_publication,
}
"""What a digest takes of each message that may be gathered (`digest.templates` of frequency.yaml)."""

VIEWS: Mapping[str, Callable[[Letter, View], View]] = {
    "order-confirmation": confirmation,
    "reorder-reminder": reminder,
    "reorder-nudge": reminder,
    "renewal-reminder": renewal,
    "consent-confirmation": consent_confirmation,
    **dict.fromkeys(FRESH, fresh_link),
    "digest": digest,
    "survey": survey,
    "survey-reminder": survey,
    "rescue-check": survey,
    "review-request": review,
    "review-reward": review,
    "repost-request": repost,
    "next-step": offered,
    "next-help": offered,
    "segment-offer": for_segment,
    "segment-help": for_segment,
    "check-in": check_in,
    "setup-guide": setup_guide,
    "return-survey": why_returned,
    "restock-alert": asked_for,
    "product-restocked": restocked,
    "announcement": announced,
    "safety-notice": warned,
    **dict.fromkeys(NOTICES, notice),
}
"""One view for each template of templates.yaml."""
