"""What a customer wrote, read: how it reads is kept beside it, and one word of that in the answer's hot line."""

from aftercare import keys, telemetry
from aftercare.answer_words import Sentiment
from aftercare.customer import Customer, Order
from aftercare.events import Told
from aftercare.feedback import Answer, Feedback, Given, Read, ReadTheme, content, said
from aftercare.outside import Outside
from aftercare.store import find, versioned
from aftercare.table import Change, ConditionFailed, Conflict, Exists

ATTEMPTS = 5


class KeepsChanging(RuntimeError):
    """The record changed under every attempt; the queue brings the event again."""


def on_answer(event: Told, outside: Outside) -> str:
    """Read the newest version of an answer. An event of an older one, or of a customer who is gone, has nothing to read."""
    for _ in range(ATTEMPTS):
        customer = find(outside.tables, event.data.customer_id, event.data.order)
        order = customer.order(event.data.order) if customer else None
        answer = said(customer).of(event.data.order) if customer else None
        if customer is None or order is None or answer is None or answer.version != event.data.version:
            return "nothing: a newer answer, or nobody's"
        if not answer.words:
            return "nothing: no words"
        given = content(outside.tables, customer.id, answer)
        if given is None:
            return "nothing: not kept any more"
        reading = read_words(given, customer, order)
        if _keep(outside, customer, answer, reading):
            telemetry.count("AnswerRead")
            return f"read: {reading.sentiment or 'nothing felt'}"
    raise KeepsChanging("the record changed under every attempt")


def read_words(given: Given, customer: Customer, order: Order) -> Read:
    """How the words of an answer read. Pure."""
    from feedback_survey.reading.read import parse, read

    told = customer.wishes.language or order.locale or customer.profile.locale
    found = read(parse(given.text, asked_in=told.partition("-")[0] if told else None))
    return Read(
        language=found.language,
        sentiment=found.sentiment,
        confidence=round(found.confidence, 3),
        mixed=found.mixed,
        themes=tuple(ReadTheme(theme=one.name, phrase=one.phrase) for one in found.themes),
    )


def _keep(outside: Outside, customer: Customer, answer: Answer, reading: Read) -> bool:
    hot = said(customer)
    sentiment: Sentiment | None = reading.sentiment
    after = tuple(one.model_copy(update={"sentiment": sentiment}) if one is answer else one for one in hot.answers)
    place = keys.customer(customer.id, keys.FEEDBACK)
    try:
        outside.tables.write(
            [
                Change(keys.answer(customer.id, answer.order, answer.version), put={"reading": reading.to_json()}, when=Exists()),
                versioned(place, Feedback(version=hot.version + 1, answers=after).to_json(), hot.version),
            ]
        )
    except (ConditionFailed, Conflict):
        return False
    return True
