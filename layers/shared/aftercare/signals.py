"""What a customer's newest feedback came to, as it lies in their partition."""

from typing import Literal

from pydantic import AwareDatetime

from aftercare.answer_words import Sentiment
from aftercare.model import Model
from aftercare.proposal import Word
from aftercare.segment_words import Lifecycle
from aftercare.signal_words import Origin, Respondent, Signal


class Signals(Model):
    """`about` and `feedback_version` name what was said; `offer` is what it led to, if anything; `held_out` says that an offer
    was left out to measure what offers do. `trial` and `tried_at` are of the newest such comparison that the customer is in,
    which outlives the feedback that began it. `version` counts the writes of this record."""

    version: int = 0
    at: AwareDatetime
    origin: Origin
    about: str
    feedback_version: int
    mood: Sentiment
    respondent: Respondent
    signals: tuple[Signal, ...] = ()
    segment: Lifecycle
    offer: Word | None = None
    held_out: bool = False
    trial: Literal["offered", "held-out"] | None = None
    tried_at: AwareDatetime | None = None
