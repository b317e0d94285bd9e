"""The request for a review: which products, where they are reviewed, in which words, and what is given for it."""

from aftercare.links import LinkPurpose
from aftercare.one_line import plain
from aftercare.weblink import https
from message_gate.letter import Letter, View, one_tip

MOST = 3
"""So many products of an order are named."""


def review(letter: Letter, common: View) -> View:
    """The same for whatever its reader said before, but for one sentence of thanks."""
    del common
    from aftercare.review_policy import KINDS, Kind, review_policy  # with the first request: its shapes cost every other message
    from aftercare.reviews import reviewable

    say, order, policy = letter.words.say, letter.order, review_policy()
    found = reviewable(letter.customer, order)
    lines = order.lines if isinstance(found, str) else found
    products = {line.sku or line.title: line for line in lines}
    shown = tuple(products.values())[:MOST]
    names = [plain(line.title, 60) for line in shown if plain(line.title, 60).strip("-– ")]
    where, whole = policy.page_of(order.shop), say("order", order=plain(order.name, 40))
    links = [{"text": say("button_of", item=plain(line.title, 60)), "url": https(where.of(line))} for line in shown]
    again = letter.chosen("opening") == "again"
    anchor, contact = letter.chosen("anchor") or "there", letter.chosen("contact")
    lead = "lead_again" if again else "lead" if anchor == "there" else f"lead_{anchor}"
    kind: Kind = next((kind for kind in KINDS if kind == letter.chosen("review-incentive")), "none")
    thanks = policy.incentives.get(kind)
    named = next((block.family for block in letter.include if block.kind == "help" and block.family), None)
    tip, tip_url = one_tip(letter, letter.catalogue.family(named or letter.catalogue.default))
    several = len(links) > 1
    return {
        "subject": say("subject", item=plain(names[0], 40) if names else whole),
        "preheader": say("preheader"),
        "heading": say("heading"),
        "lead": say(lead, items=letter.language.listed(names or [whole])),
        "contact": say(f"contact_{contact}") if contact else None,
        "ask": say(f"ask_{letter.chosen('review-wording') or policy.wordings[0]}"),
        "action": links[0]["text"] if several else say("button"),
        "action_url": links[0]["url"] if links else https(where.all),
        "others": links[1:],
        "thanks_title": letter.pick(thanks.title) if thanks and thanks.title else None,
        "thanks": letter.pick(thanks.text) if thanks and thanks.text else None,
        "tip": tip,
        "tip_url": tip_url,
        "once": say("once_again" if again else "once"),
        "why": say("why", brand=letter.brand.name, date=letter.ordered_on()),
    }


def repost(letter: Letter, common: View) -> View:
    """Whether a picture may be shown: what it is, and the page on which that is decided."""
    del common
    say, sku = letter.words.say, letter.message.references.get("sku")
    lines = letter.about.lines if letter.about else ()
    name = next((plain(line.title, 60) for line in lines if sku and line.sku == sku), "").strip("-– ")
    kind = "video" if letter.chosen("media") == "video" else "photo"
    network = plain((letter.chosen("network") or "").replace("-", " "), 40).title()
    return {
        "subject": say(f"subject_{kind}"),
        "preheader": say("preheader"),
        "heading": say(f"subject_{kind}"),
        "lead": say(f"lead_{kind}_of", network=network, item=name) if name else say(f"lead_{kind}", network=network),
        "page_url": letter.link(LinkPurpose.REPOST, letter.message.references["media"]),
        "why": say("why", brand=letter.brand.name, network=network),
    }
