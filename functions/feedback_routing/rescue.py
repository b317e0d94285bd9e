"""A rescue: who is not content becomes a case with a clock, missing it is told, and once it is over it is asked again. Pure."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aftercare import keys
from aftercare.case_topic import CaseTopic
from aftercare.cases import Case, Rescue
from aftercare.consent import Purpose
from aftercare.customer import Customer
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.segment_words import Lifecycle
from aftercare.signal_words import Missed
from feedback_routing.because import Because

if TYPE_CHECKING:
    from aftercare.feedback_events import FeedbackData
    from aftercare.feedback_policy import RescuePolicy

OFFERED_FOR = timedelta(days=3)
"""So long the way out is worth telling: later the desk has told it, or has missed it."""

ASKED_FOR = timedelta(days=4)
"""So long the question whether all is well now may wait for its hours."""


class Wait(NamedTuple):
    """One touch of the clock: the name it is once by, and when."""

    key: str
    missed: Missed
    at: datetime


def case_ref(shop: str, about: str) -> str:
    """The reference of the case that feedback opens: the same for the same answer, whatever its version."""
    return f"{shop}:rescue-{keys.message_id(about)[:12]}"


def opened(customer: Customer, said: "FeedbackData", segment: Lifecycle, policy: "RescuePolicy", now: datetime) -> Case | None:
    """The case as the rescue makes it, or None where its clock runs already or ran.

    Somebody who has an open case about the same order, or whose case it is that reads so, has one conversation with us: that
    case gets the clock.
    """
    shop = said.ref.partition(":")[0]
    ref = said.ref if said.origin == "case" else case_ref(shop, f"{said.origin}#{said.ref}")
    cases = {case.ref: case for case in customer.cases}
    same = next((c for c in customer.cases if c.open and c.order_key and c.order_key == said.order), None)
    case = cases.get(ref) or same or Case(ref=ref, topic=CaseTopic.COMPLAINT, order_key=said.order)
    if case.rescue is not None:
        return None
    since = case.opened_at if case.open and case.opened_at else now
    wrong = tuple(theme for theme in said.themes if theme not in said.praised) or said.themes
    clock = Rescue(
        origin=said.origin,
        about=said.ref,
        order_key=said.order,
        segment=segment,
        score=said.score,
        themes=wrong,
        way="call" if said.call else policy.way(wrong),
        call=said.call,
        answer_by=policy.answer_by(now, segment),
        act_by=now + timedelta(hours=policy.act_hours[segment]),
    )
    return case.model_copy(update={"opened_at": since, "rescue": clock})


def waits(case: Case) -> tuple[Wait, ...]:
    """The touches of a case's clock."""
    if case.rescue is None:
        return ()
    answer, end = case.rescue.answer_by, case.rescue.act_by
    return Wait(f"rescue-answer#{case.ref}", "answer", answer), Wait(f"rescue-end#{case.ref}", "end", end)


def missed(case: Case | None, what: Missed, now: datetime) -> Case | Because:
    """The case with what was missed on it; why not, where nothing was."""
    if case is None or case.rescue is None:
        return Because.CASE_GONE
    if not case.open:
        return Because.CASE_CLOSED
    if what == "answer" and case.answered_at and case.opened_at and case.answered_at >= case.opened_at:
        return Because.ANSWERED
    field = "late" if what == "answer" else "overdue"
    if getattr(case.rescue, field):
        return Because.KNOWN
    return case.model_copy(update={"rescue": case.rescue.model_copy(update={field: now})})


def way_out(customer: Customer, case: Case, now: datetime, caused_by: str, correlation_id: str) -> Proposal | Nothing:
    """The message that offers a way out at once. Of a case that names no order nothing can be offered: the desk answers it."""
    rescue = case.rescue
    if rescue is None or not case.open:
        return Nothing(Because.CASE_CLOSED)
    order = customer.order(rescue.order_key or "")
    if order is None:
        return Nothing(Because.NO_ORDER)
    return Proposal(
        key=f"rescue-offer#{case.ref}",
        customer_id=customer.id,
        purpose=Purpose.SERVICE,
        template="rescue-offer",
        references={"order": order.key, "case": case.ref},
        blocks=(Block(kind="way", variant=rescue.way),),
        unless=(Unless.ORDER_UNKNOWN, Unless.CASE_CLOSED),
        not_after=now + OFFERED_FOR,
        proposed_at=now,
        caused_by=caused_by,
        correlation_id=correlation_id,
    )


def asked_again(
    customer: Customer, case: Case | None, policy: "RescuePolicy", now: datetime, caused_by: str, correlation_id: str
) -> Proposal | Nothing:
    """Once, some days after the end: is it well now? It is care for what went wrong and no survey, so it does not wait for the
    quiet that a bad experience brings; a case that was opened again makes it pointless."""
    if case is None or case.rescue is None:
        return Nothing(Because.CASE_GONE)
    if case.open or case.closed_at is None:
        return Nothing(Because.CASE_OPEN)
    order = customer.order(case.rescue.order_key or "")
    if order is None:
        return Nothing(Because.NO_ORDER)
    at = case.closed_at + timedelta(hours=policy.asked_again_after_hours)
    if at + ASKED_FOR <= now:
        return Nothing(Because.TOO_LATE)
    return Proposal(
        key=f"rescue-check#{case.ref}",
        customer_id=customer.id,
        purpose=Purpose.SERVICE,
        template="rescue-check",
        references={"order": order.key, "case": case.ref},
        unless=(Unless.ORDER_UNKNOWN, Unless.CASE_OPEN),
        not_before=at if at > now else None,
        not_after=at + ASKED_FOR,
        proposed_at=now,
        caused_by=caused_by,
        correlation_id=correlation_id,
    )
