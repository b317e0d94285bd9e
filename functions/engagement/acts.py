"""What customers do after a message where no click tells of it: they buy again, or say how it was.

Texts, notifications and WhatsApp messages have no links that could count, and mail's clicks are few; without this, a channel
would seem never to be answered only because nobody can see it.
"""

from datetime import timedelta

from aftercare import events, learned, ledger
from aftercare.caps import Counted
from aftercare.consent import Purpose
from aftercare.customer import Customer
from aftercare.outside import Outside
from aftercare.store import find
from aftercare.table import Write
from engagement.people import local_hour

WITHIN = timedelta(days=7)
"""An act so long after a message is taken for its answer: of all those still in question, the last one's."""

ANSWERS = {
    "OrderPlaced": frozenset((Purpose.REORDER, Purpose.PROMOTIONAL)),
    "CueGiven": frozenset((Purpose.SURVEY,)),
    "SurveyAnswered": frozenset((Purpose.SURVEY,)),
}
"""Which messages are answered by which event of ours."""


def acted(outside: Outside, told: events.Told) -> str:
    """Count it for the channel of the message that it answers, once for each message. The outcome in a word. TableError."""
    customer = find(outside.tables, told.data.customer_id)
    order = customer.order(told.data.order) if customer else None
    if customer is None or (order and order.is_test):
        return "nobody's answer"
    asked = [one for one in customer.caps.counted if _asked(one, told)]
    if not asked:
        return "no answer to anything"
    last = max(asked, key=lambda one: (one.at, one.message))
    own = () if _written_here(told) else (_own(customer, last, told),)
    if not ledger.first_time(outside.tables, customer.id, last.message, "answered_learned", own):
        return "answered before"
    outside.tables.write([learned.for_all(last.channel, told.occurred_at, last.message, "answered")])
    return "an answer"


def _written_here(told: events.Told) -> bool:
    """What came as a text was counted for its customer when it came."""
    return told.type == "SurveyAnswered" and told.data.by != "page"


def _own(customer: Customer, last: Counted, told: events.Told) -> Write:
    return learned.answered(customer.id, last.channel, told.occurred_at, local_hour(customer, told.occurred_at))


def _asked(one: Counted, told: events.Told) -> bool:
    purposes = {one.purpose, *one.also}
    return bool(purposes & ANSWERS[told.type]) and told.occurred_at - WITHIN < one.at < told.occurred_at
