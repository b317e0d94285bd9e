"""What a customer wrote, read: how it reads is kept beside it, and one word of that in the answer's hot line."""

from aftercare import keys, telemetry
from aftercare.answer_words import Sentiment
from aftercare.customer import Customer, Order
from aftercare.events import Told
from aftercare.feedback import Answer, Read, ReadTheme, content, said
from aftercare.outside import Outside
from aftercare.store import find, versioned
from aftercare.table import Change, ConditionFailed, Conflict, Exists, Write
from feedback_survey.reading import lessons
from feedback_survey.reading.read import Reading, parse, read

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
        parsed = parse(given.text, asked_in=language_of(customer, order))
        known = lessons.kept(outside.tables, order.shop, parsed.language)
        reading = as_kept(read(parsed, known.model))
        if _keep(outside, customer, order, answer, reading):
            telemetry.count("AnswerRead")
            lessons.learn(outside.tables, known, order.shop, parsed.language, outside.clock.now())
            return f"read: {reading.sentiment or 'nothing felt'}"
    raise KeepsChanging("the record changed under every attempt")


def language_of(customer: Customer, order: Order | None) -> str | None:
    """The language in which a customer is spoken to, as two letters, where it is known."""
    told = customer.wishes.language or (order.locale if order else None) or customer.profile.locale
    return told.partition("-")[0] if told else None


def as_kept(found: Reading) -> Read:
    """A reading as it lies beside the words."""
    return Read(
        language=found.language,
        sentiment=found.sentiment,
        confidence=round(found.confidence, 3),
        mixed=found.mixed,
        themes=tuple(ReadTheme(theme=one.name, phrase=one.phrase) for one in found.themes),
    )


def _keep(outside: Outside, customer: Customer, order: Order, answer: Answer, reading: Read) -> bool:
    """The reading beside the words, its sentiment in the hot line, and a lesson where the customer gave a score with them."""
    hot = said(customer)
    sentiment: Sentiment | None = reading.sentiment
    after = tuple(one.model_copy(update={"sentiment": sentiment}) if one is answer else one for one in hot.answers)
    words = keys.answer(customer.id, answer.order, answer.version)
    feedback = hot.model_copy(update={"version": hot.version + 1, "answers": after})
    writes: list[Write] = [
        Change(words, put={"reading": reading.to_json()}, when=Exists()),
        versioned(keys.customer(customer.id, keys.FEEDBACK), feedback.to_json(), hot.version),
    ]
    if answer.score is not None:
        writes.append(lessons.waiting(customer.id, words, order.shop, reading.language, answer.at, outside.clock.now()))
    try:
        outside.tables.write(writes)
    except (ConditionFailed, Conflict):
        return False
    return True
