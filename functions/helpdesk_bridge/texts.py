"""Where the words lie that an event tells of: on the bus stands only that there are any."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aftercare import inbound, keys
from aftercare.customer import Customer
from aftercare.keys import Key
from aftercare.table import Item

if TYPE_CHECKING:
    from aftercare.events import Told

KINDS = {"ReviewPosted": ("review", "review"), "SocialMentioned": ("mention", "mention"), "SupportCaseOpened": ("case", "case")}
"""What is written elsewhere: the kind of its place, and the field with its reference."""

ANSWERED = ("InboundMessage", "SocialMentioned")
"""Where a person waits for a reply of the store's own tool."""


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody wrote; `number` is where they can be called or answered, where they said so."""

    text: str
    number: str | None = None
    asks_for_reply: bool = False


def place_of(event: "Told", customer: Customer | None) -> Key | None:
    """The place of the words, if there are any to look for."""
    data = event.data
    if event.type == "InboundMessage":
        return inbound.place(data.customer_id, data.text_ref, event.occurred_at) if data.text_ref else None
    if customer is None:
        return None
    if event.type == "SurveyAnswered":
        return keys.answer(customer.id, data.order, data.version) if data.words or data.call else None
    if event.type == "ReturnExplained":
        ref = keys.of_return(data.order, data.return_ref)
        return keys.words(customer.id, "return", ref, event.occurred_at) if data.words else None
    if event.type in KINDS and getattr(data, "words", False):
        kind, field = KINDS[event.type]
        return keys.words(customer.id, kind, getattr(data, field), event.occurred_at)
    return _of_rescue(data, customer) if event.type in ("SupportCaseOpened", "RescueOverdue") else None


def _of_rescue(data: Any, customer: Customer) -> Key | None:
    """A case that feedback opened is about its words."""
    from aftercare.rescues import place_of_words  # cases that feedback opened are few

    case = next((case for case in customer.cases if case.ref == data.case), None)
    return place_of_words(customer, case.rescue) if case and case.rescue else None


def text_of(event: "Told", place: Key, item: Item) -> Text | None:
    """The words as they lie there; None where there are none."""
    if event.type == "InboundMessage":
        written = inbound.read(item)
        return Text(written.text, written.number, asks_for_reply=True)
    if place.sk.startswith(keys.ANSWER):
        from aftercare.feedback import Given

        given = Given.model_validate_json(str(item["doc"]))
        return Text(given.text, given.number) if given.text or given.number else None
    from aftercare.heard import Words

    words = Words.model_validate_json(str(item["doc"]))
    text = "\n".join(part for part in (words.title, words.text) if part)
    return Text(text, asks_for_reply=event.type in ANSWERED) if text else None
