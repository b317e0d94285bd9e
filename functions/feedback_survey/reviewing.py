"""When a customer is asked for a review, what the request holds, and its one reminder. Pure.

Asked is when the product is known: so many days after it arrived (or by which nine parcels in ten have), after a milestone of
software, as its family says. A happy moment moves that up. Nothing that somebody said decides whether they are asked, and the
request is the same for all (16 CFR 465): an open case, or a question that was just asked, only puts it off.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aftercare.consent import Purpose
from aftercare.customer import Customer, Order, OrderLine
from aftercare.decision import Message
from aftercare.feedback import said
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.reason import Reason, State
from aftercare.reviews import reviewable
from feedback_survey.asking import REACHED, Because, Due, assumed_at, check_in_key_of, key_of, reminder_key_of

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue, Experience
    from aftercare.review_policy import Kind

OPEN_FOR = timedelta(days=60)
"""So long a request may wait at the gate: longer than anything that keeps surveys quiet, so that nobody is left out for it."""

TOO_LONG_AGO = timedelta(days=60)
"""Later than this after its last day nobody is asked any more: history that a store imports is no news."""

AFTER_A_CASE = timedelta(days=4)
"""Once a rescue is over, its customer is asked whether all is well now; a request does not come beside that."""

LOOKED_AT_AGAIN = timedelta(days=4)
MOST_PUT_OFF = 8
"""A case that is open for more than a month is waited for no longer."""

BESIDE = timedelta(days=3)
"""A check-in, or a reminder of the survey, that would come so soon before a request gives way: the request brings the help."""

UNLESS = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED, Unless.NOTHING_TO_REVIEW)

TEMPLATES = {Purpose.SURVEY: "review-request", Purpose.PROMOTIONAL: "review-reward"}

OFTEN, LATELY = 3, 14
"""Days on which somebody logged in, of so many."""

WENT_WELL = ("replaced", "explained", "called", "thanked")
"""Results of a case after which its customer may be glad."""


class Known(NamedTuple):
    """What an order's request is about: its lines, by which of their families its time goes, since when they are known, and how:
    `there`, `assumed`, `ordered`, `milestone`."""

    order: Order
    lines: tuple[OrderLine, ...]
    family: str
    experience: "Experience"
    since: datetime
    anchored: str


class Choices(NamedTuple):
    """How it is put: the wording, the thanks (None: who may not hear of any), and on which of the family's days."""

    wording: str
    incentive: "Kind | None" = None
    day: int | None = None


def request_key_of(order_key: str) -> str:
    return f"review-request#{order_key}"


def again_key_of(order_key: str) -> str:
    return f"review-reminder#{order_key}"


def known(customer: Customer | None, order_key: str, catalogue: "Catalogue", now: datetime) -> Known | Nothing:
    """What may be asked about, or why nothing is."""
    order = customer.order(order_key) if customer else None
    if customer is None or order is None:
        return Nothing(Because.CUSTOMER_GONE if customer is None else Because.ORDER_UNKNOWN)
    if order.is_test:
        return Nothing(Because.TEST_ORDER)
    if order.is_renewal:
        return Nothing(Because.RENEWS_ITSELF)
    lines = reviewable(customer, order)
    if isinstance(lines, str):
        return Nothing(Because(lines))
    found = _anchored(customer, order, lines, catalogue)
    if found is None:
        return Nothing(Because.NOT_THERE)
    if now >= found.since + timedelta(days=found.experience.days[-1]) + TOO_LONG_AGO:
        return Nothing(Because.TOO_LATE)
    return found


def _anchored(customer: Customer, order: Order, lines: tuple[OrderLine, ...], catalogue: "Catalogue") -> Known | None:
    """By the family that takes longest to know: of what is sent, from when it is there; of the rest, from its milestone."""
    families = catalogue.by_family(lines)
    sent = [name for name, of in families.items() if any(line.requires_shipping for line in of)]
    by_length = sorted(sent or families, key=lambda name: catalogue.family(name).experience.days[-1], reverse=True)
    for name in by_length:
        experience = catalogue.family(name).experience
        if experience.milestone:
            since, anchored = _reached(customer, order, families[name], experience.milestone), "milestone"
        elif sent:
            delivered = customer.delivered_at(order.key)
            since, anchored = delivered or assumed_at(customer, order), "there" if delivered else "assumed"
        else:
            since, anchored = order.placed_at, "ordered"
        if since:
            return Known(order, lines, name, experience, since, anchored)
    return None


def _reached(customer: Customer, order: Order, lines: tuple[OrderLine, ...], milestone: str) -> datetime | None:
    """When the milestone was reached with something of the order; of whichever order, where nobody says with what."""
    skus, placed = {line.sku for line in lines if line.sku}, order.placed_at
    times = [
        one.at
        for one in said(customer).heard
        if (one.kind, one.ref) == ("milestone", milestone)
        and (one.order == order.key if one.order else one.sku in skus if one.sku else True)
        and (placed is None or one.at >= placed)
    ]
    return min(times, default=None)


def regular(found: Known, day: int) -> Due:
    """The wait for its day."""
    return Due(f"review#{found.order.key}", found.since + timedelta(days=day))


def moved_up(found: Known, now: datetime) -> Due | Nothing:
    """After a happy moment: now, or as soon as it may be; nothing where its own day comes first."""
    at = max(now, found.since + timedelta(days=found.experience.earliest))
    if at >= found.since + timedelta(days=found.experience.days[-1]):
        return Nothing(Because.OWN_DAY_COMES)
    return Due(f"review-early#{found.order.key}", at)


def comes_soon(customer: Customer, order_key: str, catalogue: "Catalogue", now: datetime) -> bool:
    """Whether the request is held or may come within days, so that nothing else is asked beside it."""
    if any(held.proposal.key == request_key_of(order_key) for held in customer.held):
        return True
    found = known(customer, order_key, catalogue, now)
    if isinstance(found, Nothing):
        return False
    return any(now <= found.since + timedelta(days=day) < now + BESIDE for day in found.experience.days)


def another_waits(customer: Customer) -> bool:
    """Whether a request about another order waits at the gate: of whoever orders more often than they may be asked, one at a time
    is asked about, and a customer of hundreds of orders keeps a record that fits."""
    return any(held.proposal.template in TEMPLATES.values() for held in customer.held)


def put_off(customer: Customer, order: Order, touched: datetime | None, apart: timedelta, now: datetime) -> datetime | None:
    """Until when a request waits: for the end of an open case, for the question whether all is well after it, and for some days
    after the last other question (`touched`); None where nothing is in its way."""
    if any(case.open for case in customer.cases):
        return now + LOOKED_AT_AGAIN
    ours = (key_of(order.key), reminder_key_of(order.key), check_in_key_of(order.key))
    times = [now + apart] if any(held.proposal.key in ours for held in customer.held) else []
    times += [case.closed_at + AFTER_A_CASE for case in customer.cases if case.closed_at and case.rescue]
    times += [touched + apart] if touched else []
    later = max(times, default=now)
    return later if later > now else None


def request(customer: Customer, found: Known, choices: Choices, now: datetime, cause: tuple[str, str]) -> Proposal:
    """The request. With thanks it is an offer, without a survey; `cause` is the event's id and the correlation id."""
    purpose = Purpose.PROMOTIONAL if choices.incentive not in (None, "none") else Purpose.SURVEY
    contact, helps = good_contact(customer, found.order), Block(kind="help", family=found.family)
    return Proposal(
        key=request_key_of(found.order.key),
        customer_id=customer.id,
        purpose=purpose,
        template=TEMPLATES[purpose],
        references={"order": found.order.key},
        blocks=(
            Block(kind="anchor", variant=found.anchored),
            Block(kind="review-wording", variant=choices.wording),
            *((Block(kind="review-incentive", variant=choices.incentive),) if choices.incentive else ()),
            Block(kind="review-day", family=found.family, variant="moved-up" if choices.day is None else str(choices.day)),
            *((Block(kind="contact", variant=contact),) if contact else ()),
            helps,
        ),
        unless=UNLESS,
        value=-1,  # the survey of another order is of use for some days only
        not_after=now + OPEN_FOR,
        proposed_at=now,
        caused_by=cause[0],
        correlation_id=cause[1],
    )


def good_contact(customer: Customer, order: Order) -> str | None:
    """What a request may thank for: a good word about the order, in an answer or in public, or a question that was solved. It
    changes one sentence, and nothing of what is asked or offered."""
    answer = said(customer).of(order.key)
    felt = answer.felt if answer else order.cue
    if felt == "bad":
        return None
    if felt == "good":
        return "praised"
    public = (one for one in said(customer).heard if one.kind == "mention" and one.sentiment == "positive")
    if any(one.order == order.key or (order.placed_at and one.at > order.placed_at) for one in public):
        return "shared"
    return "helped" if any(c.order_key == order.key and closed_well(customer, c.ref) for c in customer.cases) else None


def closed_well(customer: Customer, ref: str) -> bool:
    """Whether a case is over and its customer may be glad of it; of a rescue that is known once they have said so."""
    case = next((case for case in customer.cases if case.ref == ref), None)
    if case is None or case.open or case.result not in WENT_WELL:
        return False
    return case.rescue is None or case.rescue.after == "positive"


def comes_often(customer: Customer, now: datetime) -> bool:
    """Whether somebody logged in on so many days lately, as far as they let that be noted: who comes back, uses it."""
    from aftercare.behaviour import days_of  # few records have any

    return sum(days_of(customer.behaviour, surface, now, LATELY) for surface in ("web", "app")) >= OFTEN


def remind(
    customer: Customer, found: Known, asked: Message | None, followed: bool, now: datetime, cause: tuple[str, str]
) -> Proposal | Nothing:
    """The one reminder, for who was asked and did neither write nor follow the link. Who may not hear of offers is asked here,
    without one: the thanks must not cost anybody the request."""
    if asked is None:
        return Nothing(Because.NOT_ASKED)
    if asked.state in REACHED and followed:
        return Nothing(Because.ANSWERED)
    refused = asked.state is State.REFUSED and asked.last.reason in (Reason.NO_CONSENT, Reason.CHANNEL_TURNED_OFF)
    first = asked.proposal
    if asked.state not in REACHED and not (refused and first.purpose is Purpose.PROMOTIONAL):
        return Nothing(Because.NOT_ASKED)
    purpose = Purpose.SURVEY if refused else first.purpose
    blocks = tuple(block for block in first.blocks if block.kind != "review-incentive" or not refused)
    return Proposal(
        key=again_key_of(found.order.key),
        customer_id=customer.id,
        purpose=purpose,
        template=TEMPLATES[purpose],
        references=first.references,
        blocks=blocks if refused else (*blocks, Block(kind="opening", variant="again")),
        unless=UNLESS,
        value=-1,
        not_after=now + OPEN_FOR,
        proposed_at=now,
        caused_by=cause[0],
        correlation_id=cause[1],
    )
