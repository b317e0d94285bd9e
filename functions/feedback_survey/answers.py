"""What a customer wrote, read: how it reads is kept beside it, and one word of that in the answer's hot line."""

from typing import Literal

from aftercare import events, keys, telemetry
from aftercare.customer import Customer, Order
from aftercare.events import Told
from aftercare.feedback import Answer, Feedback, Given, Read, ReadTheme, content, said
from aftercare.outside import Outside
from aftercare.store import Delivery, find, versioned
from aftercare.table import Absent, Change, Check, ConditionFailed, Conflict, Exists, Write

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
        reading = read_words(given, customer, order) if given else None
        kept = _keep(outside, customer, answer, reading, event)
        if kept == "before":
            return "nothing: read before"
        if kept:
            telemetry.count("AnswerRead" if reading else "AnswerWithoutWords")
            return f"read: {reading.sentiment or 'nothing felt'}" if reading else "read: no words"
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


def _keep(outside: Outside, customer: Customer, answer: Answer, reading: Read | None, cause: Told) -> Literal["before"] | bool:
    """The reading beside what was read, its one word in the hot line, and the event that tells of it, in one transaction."""
    now, hot = outside.clock.now(), said(customer)
    key = f"answer-read#{answer.order}#{answer.version}"
    writes: list[Write] = [Check(keys.customer(customer.id, keys.ERASED), Absent())]
    if reading:
        after = tuple(one.model_copy(update={"sentiment": reading.sentiment}) if one is answer else one for one in hot.answers)
        read = Feedback(version=hot.version + 1, answers=after)
        place = keys.answer(customer.id, answer.order, answer.version)
        writes += [
            Change(place, put={"reading": reading.to_json()}, when=Exists()),
            versioned(keys.customer(customer.id, keys.FEEDBACK), read.to_json(), hot.version),
        ]
    data = _told(customer, answer, reading)
    told = events.make("FeedbackRead", keys.message_id(key), now, cause.correlation_id, data)
    delivery = Delivery(
        key=key,
        sender="feedback_survey",
        topic="FeedbackRead",
        received_at=now,
        correlation_id=cause.correlation_id,
        body_hash=keys.message_id(key),
        events=(told,),
        customer_id=customer.id,
    )
    try:
        outside.tables.write([*writes, delivery.put()])
    except (ConditionFailed, Conflict):
        return "before" if outside.tables.read([keys.delivery(key)]) else False
    return True


def _told(customer: Customer, answer: Answer, reading: Read | None) -> events.FeedbackData:
    """Numbers and closed words only; what was written stays on the record."""
    return events.FeedbackData(
        customer_id=customer.id,
        origin="survey",
        ref=answer.order,
        order=answer.order,
        version=answer.version,
        score=answer.score,
        sentiment=reading.sentiment if reading else None,
        confidence=round(reading.confidence, 2) if reading else 0.0,
        mixed=reading.mixed if reading else False,
        themes=tuple(dict.fromkeys(one.theme for one in reading.themes)) if reading else (),
        wish=answer.wish,
        call=answer.call,
    )
