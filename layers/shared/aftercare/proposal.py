"""A capability's wish to tell one customer one thing. Ids, times, numbers and enumerated words only."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from aftercare import keys
from aftercare.consent import Purpose
from aftercare.model import Model, Term

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:=+/#-]{1,200}$")]
Number = Annotated[int, Field(ge=0, le=100_000)]


class Unless(Term):
    """What makes a proposal pointless; the gate looks for it on the customer's record at the send instant."""

    ORDER_UNKNOWN = "order-unknown"
    ORDER_CANCELLED = "order-cancelled"
    ORDER_REFUNDED = "order-refunded"
    REORDERED = "reordered"
    ORDER_SHIPPED = "order-shipped"
    SHIPMENT_KNOWN = "shipment-known"
    PARCEL_ARRIVED = "parcel-arrived"
    PARCEL_MOVED_ON = "parcel-moved-on"
    PARCEL_RECOVERED = "parcel-recovered"
    SURVEY_ANSWERED = "survey-answered"
    RETURN_EXPLAINED = "return-explained"
    ANSWERED_ANEW = "answered-anew"
    ORDER_WENT_WRONG = "order-went-wrong"
    CASE_CLOSED = "case-closed"
    CASE_OPEN = "case-open"
    CONSENT_SETTLED = "consent-settled"
    NOT_ASKED = "not-asked"
    SEGMENT_LEFT = "segment-left"
    OFFER_UNWANTED = "offer-unwanted"
    NOTHING_TO_REVIEW = "nothing-to-review"


EXPERIMENTS = ("review-incentive", "review-wording")
"""Blocks of these kinds are arms: which one a message showed is noted in the claim that sends it, and counted."""


class Block(Model):
    """One part of a message, chosen by the capability: which kind, about which product family, and its own purpose."""

    kind: Word
    family: Word | None = None
    variant: Word | None = None
    purpose: Purpose | None = None


class Proposal(Model):
    """What a capability hands to the gate. `key` makes it once; the window bounds when it may be sent.

    `value` is what it is expected to bring, in whole units of the store's currency; it decides among messages of one purpose.
    What each template takes in `references`, `blocks` and `numbers` is listed in docs/messages.md.
    """

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*#[A-Za-z0-9._:=+/#-]{1,200}$")]
    customer_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,40}$")]
    purpose: Purpose
    template: Word
    references: dict[Word, Reference] = Field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    numbers: dict[Word, Number] = Field(default_factory=dict)
    unless: tuple[Unless, ...] = ()
    value: int = 0
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime
    proposed_at: AwareDatetime
    caused_by: str
    correlation_id: str

    @property
    def message_id(self) -> str:
        """The message's short name outside our tables."""
        return keys.message_id(self.key)

    @property
    def arms(self) -> dict[str, str]:
        """Which arm of which experiment it shows."""
        return {block.kind: block.variant for block in self.blocks if block.kind in EXPERIMENTS and block.variant}


@dataclass(frozen=True, slots=True)
class Nothing:
    """A capability has nothing to tell, and why: one word of its own closed list."""

    because: str
