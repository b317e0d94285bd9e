"""A text that answers the survey: a score, with a word why, from who was asked by text within a week."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from aftercare import keys
from aftercare.consent import Channel, Purpose
from aftercare.customer import Customer, Order
from aftercare.outside import Outside
from engagement.keywords import scored
from engagement.phones import Inbound

if TYPE_CHECKING:
    from aftercare.feedback import Taken

WITHIN = timedelta(days=7)
"""A text so long after the question is taken for its answer."""

TEMPLATES = ("survey", "survey-reminder")


def asked_about(customer: Customer, channel: Channel, now: datetime) -> Order | None:
    """The order that a customer was last asked about on this channel, of late."""
    sent = {c.message: c.at for c in customer.caps.counted if c.purpose is Purpose.SURVEY and c.channel is channel}
    names = ((keys.message_id(f"{template}#{order.key}"), order) for order in customer.orders for template in TEMPLATES)
    found = [(sent[name], order.key) for name, order in names if name in sent and sent[name] + WITHIN > now]
    return customer.order(max(found)[1]) if found else None


def asked_again_about(outside: Outside, customer: Customer, channel: Channel, now: datetime) -> Order | None:
    """The order of a rescue that is over, where this customer was asked on this channel whether all is well now. One read, where
    there is such a rescue. TableError."""
    over = {c.ref: c.rescue.order_key for c in customer.cases if c.rescue and c.rescue.order_key and not c.open}
    if not over:
        return None
    from aftercare.ledger import message_from

    places = {keys.ledger(customer.id, keys.message_id(f"rescue-check#{ref}")): order for ref, order in over.items()}
    found = []
    for place, item in outside.tables.read(list(places)).items():
        asked = message_from(item)
        if asked.channel == channel and asked.sent_at and asked.sent_at + WITHIN > now:
            found.append((asked.sent_at, places[place]))
    return customer.order(max(found)[1]) if found else None


def survey_answer(
    outside: Outside, said: Inbound, customer: Customer, now: datetime, correlation_id: str
) -> "Taken | Literal['same'] | None":
    """What recording it writes; `same` where it says what was said before, None for a text that answers nothing. TableError."""
    score = scored(said.text)
    if score is None:
        return None
    order = asked_again_about(outside, customer, said.channel, now) or asked_about(customer, said.channel, now)
    if order is None:
        return None
    from aftercare.feedback import LONGEST, Given, content, merged, taken
    from aftercare.feedback import said as said_before

    before = content(outside.tables, customer.id, said_before(customer).of(order.key))
    given = merged(before, Given(score=score[0], text=score[1][:LONGEST]))
    by: Literal["sms", "whatsapp"] = "sms" if said.channel is Channel.SMS else "whatsapp"
    found = taken(customer, order, before, given, by, now, correlation_id)
    return None if found == "closed" or found == "empty" else found
