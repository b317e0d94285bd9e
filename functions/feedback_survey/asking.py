"""When a customer is asked how an order was, and whether it is still right to ask then. Pure.

Asked is within 24 hours of the delivery, or of the day by which nine parcels in ten have arrived where no scan tells of this
one; a family may say how many hours, and whether they count from the order instead. Once an order, with one reminder.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.feedback import said, standing
from aftercare.proposal import Block, Nothing, Proposal, Unless

if TYPE_CHECKING:
    from aftercare.catalogue import Asking, Catalogue

STILL_FRESH = timedelta(days=5)
"""Later than this after it was due, nobody remembers well enough to be asked."""

REMINDED_AFTER = timedelta(days=4)
STILL_REMINDED = timedelta(days=5)
"""So long the reminder may wait for its hours and its place."""

UNLESS = (
    Unless.ORDER_UNKNOWN,
    Unless.ORDER_CANCELLED,
    Unless.ORDER_REFUNDED,
    Unless.SURVEY_ANSWERED,
    Unless.ORDER_WENT_WRONG,
)


class Because(StrEnum):
    """Why there is nothing to wait for or to ask."""

    CUSTOMER_GONE = "customer-gone"
    ORDER_UNKNOWN = "order-unknown"
    TEST_ORDER = "test-order"
    RENEWS_ITSELF = "renews-itself"
    NOT_THERE = "not-there"
    ASKED_AFTER_DELIVERY = "asked-after-delivery"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    RETURNED = "returned"
    LOST = "lost"
    COMPLAINED = "complained"
    ANSWERED = "answered"
    TOO_LATE = "too-late"


class Due(NamedTuple):
    """One wait, for an order, until an instant."""

    key: str
    at: datetime


def key_of(order_key: str) -> str:
    return f"survey#{order_key}"


def reminder_key_of(order_key: str) -> str:
    return f"survey-reminder#{order_key}"


def due(customer: Customer | None, order_key: str, catalogue: "Catalogue", now: datetime) -> Due | Nothing:
    """The wait that an order's arrival (or, where its families say so, the order itself) starts."""
    order = customer.order(order_key) if customer else None
    against = _against(customer, order)
    if against or customer is None or order is None:
        return Nothing(against or Because.ORDER_UNKNOWN)
    asking = asking_of(order, catalogue)
    since = anchor(customer, order, asking)
    if since is None:
        return Nothing(Because.NOT_THERE if asking.after == "delivery" else Because.ORDER_UNKNOWN)
    at = since + timedelta(hours=asking.hours)
    return Due(key_of(order.key), at) if now < at + STILL_FRESH else Nothing(Because.TOO_LATE)


def asking_of(order: Order, catalogue: "Catalogue") -> "Asking":
    """How an order is asked about: by the latest of its families. What is not sent is there when it is ordered."""
    from aftercare.catalogue import Asking

    families = [catalogue.family(name).survey for name in catalogue.by_family(order.lines)]
    sent = any(line.requires_shipping and line.quantity and not line.gift_card for line in order.lines)
    after_delivery = [asking for asking in families if asking.after == "delivery" and sent]
    counted = after_delivery or families
    hours = max((asking.hours for asking in counted), default=Asking().hours)
    return Asking(after="delivery" if after_delivery else "order", hours=hours)


def anchor(customer: Customer, order: Order, asking: "Asking") -> datetime | None:
    """From when the hours count; None while the order is not there."""
    if asking.after == "order":
        return order.placed_at
    return customer.delivered_at(order.key) or assumed_at(customer, order)


def assumed_at(customer: Customer, order: Order) -> datetime | None:
    """When the last of its parcels was taken for delivered, where no scan tells of it; None while one is on its way."""
    shipments = customer.shipments_of(order.key)
    times = [s.delivered_at or s.assumed_at for s in shipments]
    known = [at for at in times if at]
    return max(known) if known and len(known) == len(times) else None


def _against(customer: Customer | None, order: Order | None) -> Because | None:
    """What speaks against asking, as the record is now."""
    if customer is None:
        return Because.CUSTOMER_GONE
    if order is None:
        return Because.ORDER_UNKNOWN
    if order.is_test:
        return Because.TEST_ORDER
    if order.is_renewal:
        return Because.RENEWS_ITSELF
    if said(customer).of(order.key):
        return Because.ANSWERED
    found = standing(customer, order)
    return None if found == "stands" else Because(found)


def ask(
    customer: Customer | None, order_key: str, catalogue: "Catalogue", now: datetime, correlation_id: str
) -> tuple[Proposal, Proposal] | Nothing:
    """The question and its one reminder, if the order still stands and nothing went wrong with it.

    Whether they may be sent (consent, caps, hours, an open case) is the gate's matter; the reminder is proposed at once, not
    before some days have passed, and pointless when the question was answered or never sent.
    """
    found = due(customer, order_key, catalogue, now)
    if isinstance(found, Nothing):
        return found
    order = customer.order(order_key) if customer else None
    if customer is None or order is None:
        return Nothing(Because.ORDER_UNKNOWN)
    # What was taken for delivered, and then was delivered later, has one wait: the gate keeps the question for the rest of it.
    at = max(found.at, now)
    delivered = customer.delivered_at(order.key) is not None
    anchored = "ordered" if asking_of(order, catalogue).after == "order" else "there" if delivered else "assumed"
    question = Proposal(
        key=key_of(order.key),
        customer_id=customer.id,
        purpose=Purpose.SURVEY,
        template="survey",
        references={"order": order.key},
        blocks=(Block(kind="anchor", variant=anchored),),
        unless=UNLESS,
        not_before=at if at > now else None,
        not_after=found.at + STILL_FRESH,
        proposed_at=now,
        caused_by="wake",
        correlation_id=correlation_id,
    )
    again = at + REMINDED_AFTER
    reminder = question.model_copy(
        update={
            "key": reminder_key_of(order.key),
            "template": "survey-reminder",
            "references": {"order": order.key, "asked": question.key},
            "unless": (*UNLESS, Unless.NOT_ASKED),
            "not_before": again,
            "not_after": again + STILL_REMINDED,
        }
    )
    return question, reminder
