"""What a customer wrote, read: how it reads is kept beside it, and one word of that in the answer's hot line."""

from typing import Literal

from aftercare import keys, telemetry
from aftercare.customer import Customer, Order
from aftercare.events import Told
from aftercare.feedback import Answer, Read, ReadTheme, content, said
from aftercare.feedback_events import FeedbackData
from aftercare.outside import Outside
from aftercare.store import find, versioned
from aftercare.table import Absent, Change, Check, ConditionFailed, Conflict, Exists, Write
from feedback_survey import counting
from feedback_survey.reading import lessons
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import Reading, read
from feedback_survey.telling import as_told, telling

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
        given = content(outside.tables, customer.id, answer) if answer.words else None
        if answer.words and given is None:
            return "nothing: not kept any more"
        if given is None:
            kept = _keep(outside, customer, order, answer, None, event)
            if kept == "now":
                counting.counted(outside, order, answer)
                return "read: no words"
            if kept:
                return "nothing: read before"
            continue
        parsed = parse(given.text, asked_in=language_of(customer, order))
        known = lessons.kept(outside.tables, order.shop, parsed.language)
        reading = as_kept(read(parsed, known.model))
        kept = _keep(outside, customer, order, answer, reading, event)
        if kept == "before":
            return "nothing: read before"
        if kept:
            telemetry.count("AnswerRead")
            counting.counted(outside, order, answer)
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
        themes=tuple(ReadTheme(theme=one.name, phrase=one.phrase, score=round(one.score, 2)) for one in found.themes),
    )


def _keep(
    outside: Outside, customer: Customer, order: Order, answer: Answer, reading: Read | None, cause: Told
) -> Literal["now", "before"] | None:
    """The reading beside the words, its sentiment in the hot line, a lesson where the customer gave a score with them, and the
    event that tells of it, in one transaction. None where the record changed meanwhile."""
    hot, now = said(customer), outside.clock.now()
    writes: list[Write] = [Check(keys.customer(customer.id, keys.ERASED), Absent())]
    if reading:
        after = tuple(one.model_copy(update={"sentiment": reading.sentiment}) if one is answer else one for one in hot.answers)
        words = keys.answer(customer.id, answer.order, answer.version)
        feedback = hot.model_copy(update={"version": hot.version + 1, "answers": after})
        writes += [
            Change(words, put={"reading": reading.to_json()}, when=Exists()),
            versioned(keys.customer(customer.id, keys.FEEDBACK), feedback.to_json(), hot.version),
        ]
        if answer.score is not None:
            writes.append(lessons.waiting(customer.id, words, order.shop, reading.language, answer.at, now))
    delivery = telling(_told(customer, answer, reading), now, cause.correlation_id)
    try:
        outside.tables.write([*writes, delivery.put()])
    except (ConditionFailed, Conflict):
        return "before" if outside.tables.read([keys.delivery(delivery.key)]) else None
    return "now"


def _told(customer: Customer, answer: Answer, reading: Read | None) -> FeedbackData:
    return FeedbackData.model_validate(
        {
            "customer_id": customer.id,
            "origin": "survey",
            "ref": answer.order,
            "order": answer.order,
            "version": answer.version,
            "score": answer.score,
            "wish": answer.wish,
            "call": answer.call,
            **as_told(reading),
        }
    )
