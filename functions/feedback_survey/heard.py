"""What customers did elsewhere: what they wrote there is read as an answer is, and each leaves a line on their record."""

from collections.abc import Sequence
from typing import Literal

from aftercare import keys, telemetry
from aftercare.customer import Customer
from aftercare.events import Told
from aftercare.feedback import Heard, Read, said, with_heard
from aftercare.feedback_events import CaseData, ExplainedData, FeedbackData, MentionData, MilestoneData, ReviewData
from aftercare.heard import Words
from aftercare.outside import Outside
from aftercare.store import find, versioned
from aftercare.table import Absent, Change, Check, ConditionFailed, Conflict, Exists, Write
from feedback_survey import counting
from feedback_survey.answers import ATTEMPTS, KeepsChanging, as_kept, language_of
from feedback_survey.reading import lessons
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import read
from feedback_survey.telling import as_told, telling


def on_heard(event: Told, outside: Outside) -> str:
    """Read what was written, where anything was, and keep how it reads beside it; note a line of it on the record."""
    line = line_of(event)
    if line is None:
        return "nothing: no words"
    for _ in range(ATTEMPTS):
        customer = find(outside.tables, event.data.customer_id, line.order)
        if customer is None:
            return "nothing: nobody's"
        written = getattr(event.data, "words", False)
        outcome = _read(outside, customer, line, event) if written else _noted(outside, customer, line, None, event)
        if outcome:
            return outcome
    raise KeepsChanging("the record changed under every attempt")


def line_of(event: Told) -> Heard | None:
    """What an event says of its customer, in a line; None for a case or a return that holds no words. Pure."""
    data, at = event.data, event.occurred_at
    match data:
        case ReviewData():
            return Heard(kind="review", ref=data.review, at=at, order=data.order, sku=data.sku, score=data.score)
        case MentionData():
            return Heard(kind="mention", ref=data.mention, at=at, order=data.order, sku=data.sku)
        case MilestoneData():
            return Heard(kind="milestone", ref=data.milestone, at=at, order=data.order, sku=data.sku)
        case ExplainedData(words=True):
            return Heard(kind="return", ref=keys.of_return(data.order, data.return_ref), at=at, order=data.order)
        case CaseData(words=True):
            return Heard(kind="case", ref=data.case, at=at, order=data.order)
    return None


def asked_in(customer: Customer, words: Words) -> str | None:
    """The language that words are likely in: what their sender says, else what the customer is spoken to in."""
    if words.locale:
        return words.locale.partition("-")[0]
    return language_of(customer, customer.order(words.order) if words.order else None)


def _read(outside: Outside, customer: Customer, line: Heard, cause: Told) -> str | None:
    place = keys.words(customer.id, line.kind, line.ref, line.at)
    item = outside.tables.read([place]).get(place)
    if item is None:
        return "nothing: not kept any more"
    words = Words.model_validate_json(str(item["doc"]))
    shop = line.ref.partition(":")[0]
    parsed = parse(words.text, asked_in=asked_in(customer, words), title=words.title)
    known = lessons.kept(outside.tables, shop, parsed.language)
    reading = as_kept(read(parsed, known.model))
    writes: list[Write] = [Change(place, put={"reading": reading.to_json()}, when=Exists())]
    if words.score is not None:
        writes.append(lessons.waiting(customer.id, place, shop, parsed.language, line.at, outside.clock.now()))
    noted = _noted(outside, customer, line.model_copy(update={"sentiment": reading.sentiment}), reading, cause, writes)
    if noted != "noted":
        return noted
    telemetry.count("WordsRead")
    lessons.learn(outside.tables, known, shop, parsed.language, outside.clock.now())
    return f"read: {reading.sentiment or 'nothing felt'}"


def _noted(
    outside: Outside, customer: Customer, line: Heard, reading: Read | None, cause: Told, beside: Sequence[Write] = ()
) -> Literal["noted", "nothing: noted before"] | None:
    """The line on the record, in one transaction with what stands beside it and with what is told of it; None where the record
    changed meanwhile. Of a milestone nothing is told: it says how far somebody is, and not how they feel."""
    before, now = said(customer), outside.clock.now()
    after = with_heard(before, line)
    writes: list[Write] = [*beside, Check(keys.customer(customer.id, keys.ERASED), Absent())]
    if after is not None:
        writes.append(versioned(keys.customer(customer.id, keys.FEEDBACK), after.to_json(), before.version))
    told = _told(customer, line, reading)
    delivery = telling(told, now, cause.correlation_id) if told else None
    try:
        outside.tables.write([*writes, delivery.put()] if delivery else writes)
    except (ConditionFailed, Conflict):
        known = delivery is not None and outside.tables.read([keys.delivery(delivery.key)])
        return "nothing: noted before" if known else None
    counting.heard(outside, customer, line, reading)
    return "noted"


def _told(customer: Customer, line: Heard, reading: Read | None) -> FeedbackData | None:
    """A changed review is a version of its own, by its sender's time."""
    if line.kind == "milestone":
        return None
    return FeedbackData.model_validate(
        {
            "customer_id": customer.id,
            "origin": line.kind,
            "ref": line.ref,
            "order": line.order,
            "version": int(line.at.timestamp()),
            "score": line.score,
            **as_told(reading),
        }
    )
