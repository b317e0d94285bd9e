"""That a subscription is about to renew, and what it has brought, where the ground of reminders lets that in."""

from datetime import datetime, timedelta
from decimal import Decimal

from aftercare.links import LinkPurpose
from aftercare.money import Money
from aftercare.one_line import plain
from aftercare.weblink import https
from message_gate.letter import Letter, View

NAMED = 3
"""Lines of the latest order that are named."""


class NoRenewal(LookupError):
    """The proposal names no day of a renewal."""


def renewal(letter: Letter, common: View) -> View:
    """The day, what it came to last, and where it is changed, paused or ended. NoRenewal."""
    del common
    say, order = letter.words.say, letter.order
    when, total = when_text(letter), order.total
    return {
        "subject": say("subject", when=when),
        "preheader": say("preheader", items=_items(letter)),
        "heading": say("heading"),
        "lead": say("lead", when=when, items=_items(letter)),
        "panel": {
            "label": say("panel_label"),
            "value": say("panel_told" if letter.chosen("renewal") == "told" else "panel_expected", day=_day(letter, "renews")),
            "note": say("panel_note", total=letter.language.money(total)) if total else None,
        },
        "button": say("button"),
        "button_url": https(manage_url(letter)),
        "links": [{"text": say("status_link"), "url": letter.link(LinkPurpose.STATUS, order.key)}],
        "got": _got(letter),
        "points": [say("do_1"), say("do_2")],
        "why": say("why", brand=letter.brand.name),
    }


def when_text(letter: Letter) -> str:
    """`on 31 March 2026` where the store named the day, `around` it where it follows from the period. NoRenewal."""
    return letter.words.say("when_told" if letter.chosen("renewal") == "told" else "when_expected", day=_day(letter, "renews"))


def manage_url(letter: Letter) -> str:
    return letter.brand.shop_of(letter.order.shop).payment or letter.brand.support.page


def _day(letter: Letter, name: str) -> str:
    """A day that the proposal counts from 1970, by the reader's calendar."""
    days = letter.message.numbers.get(name)
    if days is None:
        raise NoRenewal(f"{letter.message.template}: expected the number {name}")
    return letter.language.date(datetime(1970, 1, 1, 12, tzinfo=letter.zone) + timedelta(days=days), letter.zone)


def _items(letter: Letter) -> str:
    lines = [line for line in letter.order.lines if line.quantity] or list(letter.order.lines)
    return letter.language.listed([plain(line.title, 40) for line in lines[:NAMED]])


def _got(letter: Letter) -> View | None:
    """What is on record of it, each in a line; None where the gate left it out or nothing is known."""
    block = next((block for block in letter.include if block.kind == "got"), None)
    numbers, say = letter.message.numbers, letter.words.say
    if block is None or "since" not in numbers:
        return None
    counts = [(name, numbers[name]) for name in ("deliveries", "milestones") if numbers.get(name)]
    found = [say(f"got_{name}_one") if count == 1 else say(f"got_{name}", count=str(count)) for name, count in counts]
    total = letter.order.total
    if total and "saved" in numbers:
        amount = Decimal(numbers["saved"]) + Decimal(numbers.get("saved-hundredths", 0)) / 100
        saved = letter.language.money(Money.model_construct(amount=amount, currency=total.currency))
        found.append(say("got_saved_single" if block.variant == "single" else "got_saved_off", amount=saved))
    return {"lead": say("got_lead", since=_day(letter, "since")), "points": found} if found else None
