"""What a customer turned to support with: one record a case, in the customer's partition, joined from what the helpdesk tells."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from aftercare.answer_words import Score, Sentiment
from aftercare.case_topic import CaseResult, CaseTopic
from aftercare.clock import iso
from aftercare.model import Model
from aftercare.segment_words import Lifecycle
from aftercare.signal_words import Origin, Priority, Theme
from aftercare.table import Value

Way = Literal["replacement", "refund", "call"]
"""A way out of trouble that a customer may be offered."""


class Rescue(Model):
    """The clock of a case that was opened because somebody was not content, and what it is about.

    `about` is what was said (the order of a survey, else the reference of a review, case or mention), `score` and `themes` what
    of it is known. `late` and `overdue` are when the answer and the end were missed; `after` is how it was felt when asked again.
    """

    origin: Origin
    about: str
    order_key: str | None = None
    segment: Lifecycle
    score: Score | None = None
    themes: tuple[Theme, ...] = ()
    way: Way
    call: bool = False
    answer_by: AwareDatetime
    act_by: AwareDatetime
    late: AwareDatetime | None = None
    overdue: AwareDatetime | None = None
    after: Sentiment | None = None

    @property
    def priority(self) -> Priority:
        """Buyers of high value are helped first."""
        return "high" if self.segment == "high-clv" else "normal"


class Case(Model):
    """One case by `<shop>:<the helpdesk's reference>`, the join of what was told, so the order of arrival does not matter.

    `sender` is who told of it first, such as zendesk. `opened_at` and `closed_at` are the latest told (a case may be opened
    again), `answered_at` is the first answer, `result` what came of it. `rescue` has those that feedback opened, or made urgent.
    """

    ref: str
    version: int = 0
    sender: str | None = None
    topic: CaseTopic = CaseTopic.OTHER
    order_key: str | None = None
    opened_at: AwareDatetime | None = None
    answered_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    result: CaseResult | None = None
    rescue: Rescue | None = None

    @property
    def open(self) -> bool:
        return self.opened_at is not None and (self.closed_at is None or self.opened_at > self.closed_at)

    @property
    def due(self) -> datetime | None:
        """The next instant of its clock: an answer, then its end. None without a clock, and when it is over."""
        if self.rescue is None or not self.open:
            return None
        answered = self.answered_at and self.opened_at and self.answered_at >= self.opened_at
        return self.rescue.act_by if answered else self.rescue.answer_by


def attributes(case: Case) -> dict[str, Value]:
    """What lies beside a case's document: an open rescue is on the list of what somebody must come back to."""
    due = case.due
    return {"due_kind": "rescue", "due_at": iso(due)} if due else {}
