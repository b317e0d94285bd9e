"""When a customer is asked how an order was, and whether it is still right to ask then. Pure.

Asked is within 24 hours of the delivery, or of the day by which nine parcels in ten have arrived where no scan tells of this
one; a family may say how many hours, and whether they count from the order instead. Once an order. Two to five days after the
delivery there is one more touch at most: the reminder of a question that is open, or how they like it for who was not asked.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.feedback import said, standing
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.reason import State

if TYPE_CHECKING:
    from aftercare.catalogue import Asking, Catalogue
    from aftercare.decision import Message

STILL_FRESH = timedelta(days=5)
"""Later than this after it was due, nobody remembers well enough to be asked."""

STILL_OF_USE = timedelta(days=4)
"""So long the second touch may wait for its hours and its place."""

CHECK_IN_DAYS = 4
"""So long after the delivery that is, where no family says otherwise."""

REACHED = (State.CLAIMED, State.SENT, State.UNKNOWN, State.PARKED)
"""Where a question was sent, or may have been."""

GUIDED_AFTER = timedelta(hours=2)
"""The news of the delivery goes first."""

GUIDED_WITHIN = timedelta(hours=24)

UNLESS = (
    Unless.ORDER_UNKNOWN,
    Unless.ORDER_CANCELLED,
    Unless.ORDER_REFUNDED,
    Unless.SURVEY_ANSWERED,
    Unless.ORDER_WENT_WRONG,
)
GUIDE_UNLESS = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED, Unless.ORDER_WENT_WRONG)


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
    QUESTION_WAITS = "question-waits"
    NOTHING_TO_SET_UP = "nothing-to-set-up"
    HELD_OUT = "held-out"
    REVIEWED = "reviewed"
    REVIEW_COMES = "review-comes"
    ASKED_BEFORE = "asked-before"
    NOT_ASKED = "not-asked"
    OWN_DAY_COMES = "own-day-comes"
    NO_HAPPY_MOMENT = "no-happy-moment"
    SILENT = "silent"
    RETURN_OVER = "return-over"
    NOT_SO = "not-so"


class Due(NamedTuple):
    """One wait, for an order, until an instant."""

    key: str
    at: datetime


def key_of(order_key: str) -> str:
    return f"survey#{order_key}"


def check_in_key_of(order_key: str) -> str:
    return f"check-in#{order_key}"


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
) -> Proposal | Nothing:
    """The question, if the order still stands, nothing went wrong with it, and no other order's question waits at the gate: of
    who orders more often than they may be asked one at a time is asked about.

    Whether it may be sent (consent, caps, hours, an open case) is the gate's matter.
    """
    found = due(customer, order_key, catalogue, now)
    if isinstance(found, Nothing):
        return found
    order = customer.order(order_key) if customer else None
    if customer is None or order is None:
        return Nothing(Because.ORDER_UNKNOWN)
    if any(held.proposal.template == "survey" for held in customer.held):
        return Nothing(Because.QUESTION_WAITS)
    # What was taken for delivered, and then was delivered later, has one wait: the gate keeps the question for the rest of it.
    return Proposal(
        key=key_of(order.key),
        customer_id=customer.id,
        purpose=Purpose.SURVEY,
        template="survey",
        references={"order": order.key},
        blocks=(Block(kind="anchor", variant=_anchored(customer, order, catalogue)),),
        unless=UNLESS,
        not_before=found.at if found.at > now else None,
        not_after=max(found.at, now) + STILL_FRESH,
        proposed_at=now,
        caused_by="wake",
        correlation_id=correlation_id,
    )


def _anchored(customer: Customer, order: Order, catalogue: "Catalogue") -> str:
    """What is known of its arrival: there, assumed, or only that it was ordered."""
    if asking_of(order, catalogue).after == "order":
        return "ordered"
    return "there" if customer.delivered_at(order.key) else "assumed"


# ---------------------------------------------------------------- some days later


def due_again(customer: Customer | None, order_key: str, catalogue: "Catalogue") -> Due | Nothing:
    """The wait for the second touch: two to five days after the order is there, by its families; the latest of them."""
    order = customer.order(order_key) if customer else None
    if customer is None or order is None:
        return Nothing(Because.CUSTOMER_GONE if customer is None else Because.ORDER_UNKNOWN)
    since = anchor(customer, order, asking_of(order, catalogue))
    if since is None:
        return Nothing(Because.NOT_THERE)
    days = max((catalogue.family(name).check_in_days for name in catalogue.by_family(order.lines)), default=CHECK_IN_DAYS)
    return Due(check_in_key_of(order.key), since + timedelta(days=days))


def ask_again(
    customer: Customer | None,
    order_key: str,
    asked: "Message | None",
    catalogue: "Catalogue",
    now: datetime,
    correlation_id: str,
) -> Proposal | Nothing:
    """One message at most: who was asked and has said nothing gets the one reminder, with help first; who could not be asked
    gets the help alone. So a check-in is never beside an open question.

    `asked` is the question as the ledger has it, None where it was not settled.
    """
    order = customer.order(order_key) if customer else None
    against = _against(customer, order)
    if against or customer is None or order is None:
        return Nothing(against or Because.ORDER_UNKNOWN)
    found = due_again(customer, order_key, catalogue)
    if isinstance(found, Nothing):
        return found
    if now >= found.at + STILL_OF_USE:
        return Nothing(Because.TOO_LATE)
    if any(held.proposal.key == key_of(order.key) for held in customer.held):
        return Nothing(Because.QUESTION_WAITS)
    reached = asked is not None and asked.state in REACHED
    anchored = _anchored(customer, order, catalogue)
    if not reached and anchored == "assumed":
        return Nothing(Because.NOT_THERE)  # nobody is asked how they like what may not have come
    helps = tuple(Block(kind="help", family=name) for name in list(catalogue.by_family(order.lines))[:1])
    return Proposal(
        key=reminder_key_of(order.key) if reached else check_in_key_of(order.key),
        customer_id=customer.id,
        purpose=Purpose.SURVEY if reached else Purpose.SERVICE,
        template="survey-reminder" if reached else "check-in",
        references={"order": order.key},
        blocks=(Block(kind="anchor", variant=anchored), *helps),
        unless=UNLESS,
        not_after=now + STILL_OF_USE,
        proposed_at=now,
        caused_by="wake",
        correlation_id=correlation_id,
    )


# ---------------------------------------------------------------- setting up


def guide(
    customer: Customer | None,
    order_key: str,
    catalogue: "Catalogue",
    now: datetime,
    correlation_id: str,
    held_out: float = 0.0,
) -> Proposal | Nothing:
    """The steps of what has to be set up, within a day of its confirmed delivery. A share `held_out` of the orders gets none,
    to measure what guides do; always the same ones."""
    from aftercare.setup import guide_held_out, guided

    order = customer.order(order_key) if customer else None
    against = _against(customer, order)
    if against or customer is None or order is None:
        return Nothing(against or Because.ORDER_UNKNOWN)
    delivered = customer.delivered_at(order.key)
    if delivered is None:
        return Nothing(Because.NOT_THERE)
    steps = guided(order.lines, catalogue)
    if not steps:
        return Nothing(Because.NOTHING_TO_SET_UP)
    if now >= delivered + GUIDED_WITHIN:
        return Nothing(Because.TOO_LATE)
    if guide_held_out(order.key, held_out):
        return Nothing(Because.HELD_OUT)
    opens = delivered + GUIDED_AFTER
    return Proposal(
        key=f"setup-guide#{order.key}",
        customer_id=customer.id,
        purpose=Purpose.SERVICE,
        template="setup-guide",
        references={"order": order.key},
        blocks=tuple(Block(kind=one.kind, family=one.family.name, variant=one.variant) for one in steps),
        unless=GUIDE_UNLESS,
        not_before=opens if opens > now else None,
        not_after=delivered + GUIDED_WITHIN,
        proposed_at=now,
        caused_by="delivered",
        correlation_id=correlation_id,
    )
