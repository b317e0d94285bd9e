"""What one piece of feedback comes to, as the record is now: signals, the offer they lead to, the case they open. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aftercare.cases import Case
from aftercare.customer import Customer
from aftercare.feedback import standing
from aftercare.feedback_events import ClassifiedData, FeedbackData
from aftercare.proposal import Nothing
from aftercare.segments import bought_by, segments_of
from aftercare.signals import Signals
from feedback_routing.because import Because
from feedback_routing.offers import held_out
from feedback_routing.rescue import opened
from feedback_routing.signals import History, Said, meant

if TYPE_CHECKING:
    from aftercare.feedback_policy import FeedbackPolicy


@dataclass(frozen=True, slots=True)
class Routed:
    """What is to be written and done. `case` is the one that the rescue opens or sets the clock of; `known` says that it was
    written before, and only what follows may be missing."""

    customer: Customer
    signals: Signals
    case: Case | None
    order: str | None
    known: bool
    now: datetime

    @property
    def told(self) -> ClassifiedData:
        one = self.signals
        return ClassifiedData(
            customer_id=self.customer.id,
            origin=one.origin,
            ref=one.about,
            order=self.order,
            version=one.feedback_version,
            mood=one.mood,
            respondent=one.respondent,
            signals=one.signals,
            segment=one.segment,
            offer=one.offer,
            held_out=one.held_out,
        )


def route(customer: Customer | None, said: FeedbackData, policy: "FeedbackPolicy", now: datetime) -> Routed | Nothing:
    """Signals and what they lead to. An older version of an answer than the one on record says nothing more."""
    if customer is None:
        return Nothing(Because.CUSTOMER_GONE)
    before = customer.signals
    same = before is not None and (before.origin, before.about) == (said.origin, said.ref)
    if before is not None and same and before.feedback_version > said.version:
        return Nothing(Because.OLDER_VERSION)
    if before is not None and same and before.feedback_version == said.version:
        return Routed(customer, before, _case_of(customer, said), said.order, known=True, now=now)
    order = customer.order(said.order or "")
    history = History(
        orders=bought_by(customer).orders,
        standing=standing(customer, order) if order else "stands",
        case_open=any(case.open for case in customer.cases),
    )
    found = meant(Said(said.score, said.sentiment, said.confidence, said.wish, said.call, said.origin == "return"), history)
    segment = segments_of(customer).lifecycle
    offer, held = policy.offer(found.signals, segment), False
    if offer and held_out(customer.id, policy.held_out):
        offer, held = None, True
    signals = Signals(
        version=(before.version if before else 0) + 1,
        at=now,
        origin=said.origin,
        about=said.ref,
        feedback_version=said.version,
        mood=found.mood,
        respondent=found.respondent,
        signals=found.signals,
        segment=segment,
        offer=offer,
        held_out=held,
    )
    rescued = {"at-risk", "wants-call"} & set(found.signals)
    case = opened(customer, said, segment, policy.rescue, now) if rescued else _felt_again(customer, said, found.mood)
    return Routed(customer, signals, case, said.order, known=False, now=now)


def again(routed: Routed, said: FeedbackData) -> Routed:
    """The same where it was recorded before and other feedback has taken its place: with the case that it set the clock of."""
    return replace(routed, case=_case_of(routed.customer, said), known=True)


def _case_of(customer: Customer, said: FeedbackData) -> Case | None:
    """The open case that this feedback set the clock of."""
    mine = (c for c in customer.cases if c.rescue and (c.rescue.origin, c.rescue.about) == (said.origin, said.ref))
    return next((case for case in mine if case.open), None)


def _felt_again(customer: Customer, said: FeedbackData, mood: str) -> Case | None:
    """The rescue of the same answer, with how it is felt now that it is over."""
    for case in customer.cases:
        one = case.rescue
        if one and not case.open and (one.origin, one.about) == (said.origin, said.ref) and one.after != mood:
            return case.model_copy(update={"rescue": one.model_copy(update={"after": mood})})
    return None
