"""What asks a customer how it was: the first question can be answered where it is read, by five links or by a text."""

from aftercare.links import LinkPurpose
from aftercare.one_line import plain
from message_gate.letter import Letter, View

SCORES = ("1", "2", "3", "4", "5")


def survey(letter: Letter, common: View) -> View:
    """Five links, one for each score. The page that they open asks before anything is saved: scanners open every link."""
    del common
    say, order = letter.words.say, plain(letter.order.name, 40)
    url = letter.link(LinkPurpose.SURVEY, letter.order.key)
    leads = {"assumed": "lead_assumed", "ordered": "lead_ordered"}
    return {
        "subject": say("subject", order=order),
        "preheader": say("preheader"),
        "heading": say("heading"),
        "lead": say(leads.get(letter.chosen("anchor") or "", "lead"), order=order),
        "scale": [{"score": score, "name": say(f"score_{score}"), "url": f"{url}?score={score}"} for score in SCORES],
        "page_url": url,
        "once": say("once"),
        "why": say("why", brand=letter.brand.name, date=letter.ordered_on()),
    }
