"""The data of events about what customers say and what comes of it; aftercare.events has their place in the catalogue."""

from aftercare.answer_words import By, Part, Score, Sentiment, Standing, Wish
from aftercare.case_topic import CaseTopic
from aftercare.customer import Cue, ReturnReason
from aftercare.events import CustomerData, OrderData
from aftercare.segment_words import Lifecycle, Value
from aftercare.signal_words import Missed, Origin, Priority, Respondent, Signal, Theme


class CaseData(CustomerData):
    """`words` says whether what the customer wrote is kept, to be read."""

    case: str
    topic: CaseTopic
    order: str | None
    words: bool = False


class CueData(OrderData):
    cue: Cue


class ReviewData(CustomerData):
    """`words` says whether any were written; they lie on the record."""

    review: str
    order: str | None
    sku: str | None
    score: Score | None
    words: bool = False


class MentionData(CustomerData):
    mention: str
    network: str
    order: str | None
    sku: str | None
    words: bool = False


class MilestoneData(CustomerData):
    milestone: str
    order: str | None
    sku: str | None


class AnswerData(OrderData):
    """One version of an answer to the survey. `score` is None where only words were given; `words` says whether any were.
    `standing` is what had become of the order when it was given."""

    version: int
    score: Score | None
    stood_out: tuple[Part, ...] = ()
    slowed_down: tuple[Part, ...] = ()
    wish: Wish | None = None
    call: bool = False
    words: bool = False
    by: By
    standing: Standing = "stands"


class ExplainedData(OrderData):
    """A customer said on our page why something goes back. `words` says whether any were written; they lie on the record."""

    return_ref: str
    reason: ReturnReason
    words: bool = False


class FeedbackData(CustomerData):
    """How what somebody said reads. `ref` is the order of a survey, else `<shop>:<the sender's reference>`; `sentiment` is None
    where no words say anything; `themes` are the store's names of them."""

    origin: Origin
    ref: str
    order: str | None
    version: int
    score: Score | None
    sentiment: Sentiment | None = None
    confidence: float = 0.0
    mixed: bool = False
    themes: tuple[Theme, ...] = ()
    wish: Wish | None = None
    call: bool = False


class ClassifiedData(CustomerData):
    """What feedback came to; `offer` is what is proposed because of it."""

    origin: Origin
    ref: str
    order: str | None
    version: int
    mood: Sentiment
    respondent: Respondent
    signals: tuple[Signal, ...] = ()
    segment: Lifecycle
    offer: str | None = None
    held_out: bool = False


class SegmentData(CustomerData):
    """What kind of buyer somebody became, and was, with a change of an order at a shop."""

    shop: str
    lifecycle: Lifecycle
    value: Value
    lifecycle_before: Lifecycle
    value_before: Value


class RescueData(CaseData):
    """A rescue whose clock ran out: `missed` says whether its first answer or its end, `priority` whether it comes first."""

    missed: Missed
    priority: Priority = "normal"
