"""What asks a customer how it was, and what helps them first: guides to tick off, and a few days later how they like it.

The survey's first question can be answered where it is read, by five links or by a text.
"""

from aftercare.links import LinkPurpose
from aftercare.one_line import plain
from aftercare.return_reasons import lines_of, offered
from message_gate.letter import Letter, View, one_tip

SCORES = ("1", "2", "3", "4", "5")


def survey(letter: Letter, common: View) -> View:
    """Five links, one for each score. The page that they open asks before anything is saved: scanners open every link."""
    del common
    say, order = letter.words.say, plain(letter.order.name, 40)
    url = letter.link(LinkPurpose.SURVEY, letter.order.key)
    tip, tip_url = help_of(letter)
    leads = {"assumed": "lead_assumed", "ordered": "lead_ordered"}
    return {
        "subject": say("subject", order=order),
        "preheader": say("preheader"),
        "heading": say("heading"),
        "lead": say(leads.get(letter.chosen("anchor") or "", "lead"), order=order),
        "scale": [{"score": score, "name": say(f"score_{score}"), "url": f"{url}?score={score}"} for score in SCORES],
        "page_url": url,
        "help": say("help") if letter.words.has("help") else None,
        "tip": tip,
        "tip_url": tip_url,
        "once": say("once"),
        "why": say("why", brand=letter.brand.name, date=letter.ordered_on()),
    }


def why_returned(letter: Letter, common: View) -> View:
    """A link for each reason that fits what goes back. The page that it opens asks before anything is saved."""
    del common
    say, order = letter.words.say, letter.order
    ref = letter.message.references.get("return", "")
    back = order.returned(ref)
    lines = lines_of(order, back) if back else order.lines
    names = [plain(line.title, 60) for line in lines if line.quantity][:3]
    url = letter.link(LinkPurpose.RETURN, f"{order.key}#{ref}")
    named = plain(order.name, 40)
    return {
        "subject": say("subject", order=named),
        "preheader": say("preheader"),
        "heading": say("heading"),
        "lead": say("lead", items=letter.language.listed(names or [say("order", order=named)])),
        "reasons": [{"name": say(f"reason_{word}"), "url": f"{url}?reason={word}"} for word in offered(lines, letter.catalogue)],
        "page_url": url,
        "once": say("once"),
        "why": say("why", brand=letter.brand.name, date=letter.ordered_on()),
    }


def help_of(letter: Letter) -> tuple[str | None, str | None]:
    """A tip for what was bought, where the message has room for one."""
    named = next((block.family for block in letter.include if block.kind == "help" and block.family), None)
    return one_tip(letter, letter.catalogue.family(named)) if named else (None, None)


def check_in(letter: Letter, common: View) -> View:
    """How they like it: help first, and nothing to be filled in."""
    del common
    say, order = letter.words.say, plain(letter.order.name, 40)
    names = [plain(line.title, 60) for line in letter.order.lines if line.quantity][:3]
    items = letter.language.listed(names or [say("order", order=order)])
    tip, tip_url = help_of(letter)
    return {
        "subject": say("subject", order=order),
        "preheader": say("preheader"),
        "heading": say("heading"),
        "lead": say("lead", items=items),
        "help": say("help"),
        "help_url": letter.brand.support.page,
        "tip": tip,
        "tip_url": tip_url,
        "why": say("why", brand=letter.brand.name, date=letter.ordered_on()),
    }
