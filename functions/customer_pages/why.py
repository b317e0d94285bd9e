"""Why a message came, in plain words: what it is about, on which ground, and what the rules saw before it was sent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aftercare import keys
from aftercare.brand import brand
from aftercare.consent import Channel, Purpose
from aftercare.customer import Customer
from aftercare.decision import Message, Reason, State, Step
from aftercare.language import Language, language
from aftercare.ledger import message_from
from aftercare.links import BadLink, LinkPurpose
from aftercare.outside import Outside, current
from aftercare.places import zone_of
from aftercare.store import load
from customer_pages.preferences import message_of
from customer_pages.render import page, page_words, words_in
from customer_pages.request import Answer, app, country_of, locale_of, opened, safely

ONLY_OF_MARKETING = ("paused", "silence", "cap")
"""Rules that say nothing of news of an order: they pass it by."""


@app.get("/p/<token>/why")
def show_why(token: str) -> Answer:
    return safely(lambda: _why(current(), token), closed="leave")


def _why(outside: Outside, token: str) -> Answer:
    """The record of the message that the link came in. Without one, or when it is not kept any more, nothing opens."""
    now = outside.clock.now()
    link = opened(outside, LinkPurpose.PREFERENCES, token, now)
    customer = load(outside.tables, link.customer_id)
    place = keys.ledger(customer.id, message_of(link) or "")
    item = outside.tables.read([place]).get(place)
    if item is None:
        raise BadLink("no such message")
    message, locale = message_from(item), locale_of(customer)
    about = message.proposal.references.get("order")
    order = load(outside.tables, link.customer_id, about).order(about) if about else None
    told = Told(message, customer, locale, page_words(locale), language(locale), country_of(customer, order))
    purpose, channel = message.proposal.purpose, told.channel
    return page(
        200,
        "why",
        locale,
        told.country,
        about=list(told.about()),
        ground=list(told.ground()),
        checked=list(told.checked()),
        waited=list(told.waited()),
        choices=f"/p/{token}",
        stop={"name": f"{channel}-{purpose}", "title": words_in(locale).purposes[purpose][0]}
        if purpose is not Purpose.TRANSACTIONAL
        else None,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """A message and the words to tell of it."""

    message: Message
    customer: Customer
    locale: str
    words: Mapping[str, str]
    language: Language
    country: str | None

    @property
    def channel(self) -> Channel:
        return Channel(self.message.channel or Channel.EMAIL)

    def _day(self, instant: datetime) -> str:
        return self.language.date(instant, zone_of(self.country, brand().timezone))

    def about(self) -> Iterator[str]:
        """What it was, when it came, and which order it is about."""
        proposal, texts = self.message.proposal, words_in(self.locale)
        if self.message.sent_at:
            yield self.words["why_sent"].format(date=self._day(self.message.sent_at), channel=texts.channels[self.channel])
        yield self.words.get(f"why_about_{proposal.template}", self.words[f"why_about_{proposal.purpose}"])
        order = self.customer.order(proposal.references.get("order", ""))
        if order:
            yield self.words["why_order"].format(order=order.name, date=self._day(order.placed_at or order.as_of))
        if any(block.family for block in proposal.blocks):
            yield self.words["why_chosen"]

    def ground(self) -> Iterator[str]:
        """On what ground it was allowed to come, as the gate saw it."""
        kind = self._saw("channels").get(str(self.channel))
        purpose = self.message.proposal.purpose
        if kind != "consent":
            for key in (f"why_ground_{kind}_{purpose}", f"why_ground_{kind}"):
                if key in self.words:
                    yield self.words[key]
                    return
            return
        name = words_in(self.locale).purposes[purpose][0]
        head = self.customer.consent.head(self.channel, purpose)
        if head and head.proof == self.message.consent_proof:
            yield self.words["why_ground_consent"].format(purpose=name, date=self._day(head.said_at))
        else:
            yield self.words["why_ground_consent_before"].format(purpose=name)

    def checked(self) -> Iterator[str]:
        """What the rules made sure of before it was sent."""
        counts = self.message.proposal.purpose is not Purpose.TRANSACTIONAL
        for step in self._trace():
            said = self.words.get(f"why_rule_{step.rule}")
            if said is None or (step.rule in ONLY_OF_MARKETING and not counts):
                continue
            if step.rule == "send_time" and not step.saw.get("rules"):
                continue
            if step.rule == "suppressed" and step.saw:  # another of their addresses did not work
                continue
            yield said

    def waited(self) -> Iterator[str]:
        """When and why it was kept back before, each reason once."""
        seen: set[Reason] = set()
        for decision in self.message.decisions:
            if decision.state is State.HELD and decision.reason not in seen:
                seen.add(decision.reason)
                because = self.words.get(f"why_held_{decision.reason}", self.words["why_held"])
                yield self.words["why_waited"].format(date=self._day(decision.at), because=because)

    def _trace(self) -> tuple[Step, ...]:
        """The rules of the decision that let it go."""
        return next((d.trace for d in reversed(self.message.decisions) if d.trace and d.state is not State.HELD), ())

    def _saw(self, rule: str) -> Mapping[str, Any]:
        return next((step.saw for step in self._trace() if step.rule == rule), {})
