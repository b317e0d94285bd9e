"""What feedback leads to, as a message: one offer of the store's table (content/feedback.yaml), and something of use."""

from aftercare.catalogue import AddOn
from aftercare.customer import OrderLine
from aftercare.feedback_policy import GOES_WITH, Offer, feedback_policy
from aftercare.links import LinkPurpose
from aftercare.offer_words import FOR_BUYERS, FOR_FEEDBACK
from aftercare.one_line import plain
from aftercare.segment_policy import segment_policy
from aftercare.weblink import https
from message_gate.letter import Letter, View, one_tip

TAPS = ("useful", "later", "not-for-me")


class NothingToOffer(LookupError):
    """The offer is not in the table any more, or nothing goes with what was ordered."""


def offered(letter: Letter, common: View) -> View:
    """The offer that the proposal names. NothingToOffer."""
    del common
    name = letter.chosen("offer")
    made = feedback_policy().offers.get(name or "")
    if made is None:
        raise NothingToOffer(f"{letter.message.template}: expected an offer of feedback.yaml, found {name}")
    return _view(letter, made, letter.words.say("heading"), f"{FOR_FEEDBACK}{name}")


def for_segment(letter: Letter, common: View) -> View:
    """What the store says to a kind of buyer (content/segments.yaml). NothingToOffer."""
    del common
    policy = segment_policy()
    name = letter.chosen("content") or ""
    row, made = policy.rows.get(letter.message.references.get("segment", "")), policy.contents.get(name)
    if row is None or made is None:
        raise NothingToOffer(f"{letter.message.template}: expected a row and a content of segments.yaml")
    return _view(letter, made, letter.pick(row.heading), f"{FOR_BUYERS}{name}")


def content_of(letter: Letter) -> tuple[str, str]:
    """The title and the address of what is said to a kind of buyer, for a text message. NothingToOffer."""
    view = for_segment(letter, {})
    return view["offer_title"], view["action_url"]


def _view(letter: Letter, made: Offer, heading: str, named: str) -> View:
    add_on = letter.catalogue.add_ons.get(letter.chosen("goes-with") or "")
    if made.basket in GOES_WITH and add_on is None:
        raise NothingToOffer(f"{letter.message.template}: expected a block of kind goes-with that the catalogue has")
    values: dict[str, object] = dict(letter.message.numbers)
    if add_on:
        values |= {"product": plain(letter.pick(add_on.name), 80), "why": letter.pick(add_on.why)}
    title, text, button, subject = (
        letter.pick(texts).format(**values) for texts in (made.title, made.text, made.button, made.subject)
    )
    say, shop = letter.words.say, letter.brand.shop_of(letter.order.shop)
    family = next(iter(letter.catalogue.by_family(letter.order.lines)), letter.catalogue.default)
    tip, tip_url = one_tip(letter, letter.catalogue.family(family))
    block = next((block for block in letter.include if block.kind == "goes-with"), None)
    # Taps are of the product where there is one, and of the family that it goes with.
    what = (block.family or family, block.variant) if block and add_on else (family, named)
    about = letter.link(LinkPurpose.OFFER, f"{letter.order.key}|{what[0]}|{what[1]}")
    return {
        "subject": subject,
        "preheader": say("preheader", title=title),
        "heading": heading,
        "lead": say("lead", order=plain(letter.order.name, 40)),
        "offer_title": title,
        "offer_text": text,
        "action": button,
        "action_url": https(_url(letter, made, add_on)),
        "action_hint": say("hint_basket") if made.basket else "",
        "taps": [{"text": say(f"tap_{tap.replace('-', '_')}"), "url": f"{about}?said={tap}"} for tap in TAPS],
        "tip": tip,
        "tip_url": tip_url or shop.tutorials,
        "once": say("once"),
        "why": say("why", brand=letter.brand.name),
    }


def _url(letter: Letter, made: Offer, add_on: AddOn | None) -> str:
    if made.basket is None:
        return made.url
    shop = letter.brand.shop_of(letter.order.shop)
    if add_on is not None and made.basket in GOES_WITH:
        one = OrderLine(line_ref="-", title="-", sku=add_on.skus[0] if add_on.skus else None, quantity=1)
        if not shop.reorder.takes(one):  # a basket of ids that the catalogue does not have: its own page sells it
            return str(letter.pick(add_on.url))
        return shop.basket_url(made.url, [one, *(letter.order.lines if made.basket == "bundle" else ())])
    return shop.basket_url(made.url, letter.order.lines)
