"""How a proposal was settled and why: verdicts of the rules, reasons from one closed list, the ledger's states."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from aftercare.model import Model, Term
from aftercare.proposal import Proposal

Evidence = dict[str, str | int | bool | tuple[str, ...] | None]


class State(Term):
    """HELD → CLAIMED → SENT, or UNKNOWN → SENT or PARKED; or REFUSED, EXPIRED, SUPERSEDED at once."""

    HELD = "HELD"
    CLAIMED = "CLAIMED"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    PARKED = "PARKED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"


class Reason(Term):
    """The closed list of reasons; each is explained in docs/reasons.md."""

    CLAIMED = "claimed"
    SENT = "sent"
    ALREADY_SETTLED = "already_settled"
    NOT_YET = "not_yet"
    QUIET_HOURS = "quiet_hours"
    TOO_LATE = "too_late"
    SWITCHED_OFF = "switched_off"
    DRY_RUN = "dry_run"
    NOT_ON_ALLOWLIST = "not_on_allowlist"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_DELETED = "order_deleted"
    ORDER_REFUNDED = "order_refunded"
    ALREADY_REORDERED = "already_reordered"
    ORDER_SHIPPED = "order_shipped"
    SHIPMENT_KNOWN = "shipment_known"
    PARCEL_ARRIVED = "parcel_arrived"
    PARCEL_MOVED_ON = "parcel_moved_on"
    PARCEL_RECOVERED = "parcel_recovered"
    CONSENT_SETTLED = "consent_settled"
    TEST_ORDER = "test_order"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    ERASED = "erased"
    PAUSED = "paused"
    NO_ADDRESS = "no_address"
    NO_CONSENT = "no_consent"
    CHANNEL_TURNED_OFF = "channel_turned_off"
    OPEN_CASE = "open_case"
    PARCEL_AT_RISK = "parcel_at_risk"
    BAD_EXPERIENCE = "bad_experience"
    CAP_FULL = "cap_full"
    BETTER_WAITS = "better_waits"
    RATE_USED_UP = "rate_used_up"
    CANNOT_RENDER = "cannot_render"
    WORLD_CHANGED = "world_changed"
    PROVIDER_BUSY = "provider_busy"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_UNCLEAR = "provider_unclear"
    LEASE_EXPIRED = "lease_expired"
    OUTCOME_NEVER_LEARNED = "outcome_never_learned"
    PROVIDER_CONFIRMED = "provider_confirmed"
    OPERATOR_CONFIRMED = "operator_confirmed"
    OPERATOR_DROPPED = "operator_dropped"
    OPERATOR_RESENT = "operator_resent"


@dataclass(frozen=True, slots=True)
class Pass:
    """The rule has nothing against it."""

    saw: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: come back at `until`."""

    until: datetime
    because: Reason
    saw: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refuse:
    """Never: the ledger state says whether it is refused, expired or superseded."""

    because: Reason
    state: Literal[State.REFUSED, State.EXPIRED, State.SUPERSEDED] = State.REFUSED
    saw: Evidence = field(default_factory=dict)


Verdict = Pass | Hold | Refuse
Answer = Literal["pass", "hold", "refuse"]


class Step(Model):
    """One rule's part in a decision: its name, its answer and what it saw."""

    rule: str
    said: Answer
    because: Reason | None = None
    saw: Evidence = Field(default_factory=dict)


class Decision(Model):
    """One settlement with the trace of rules that led to it; a ledger item keeps every one of its message."""

    at: AwareDatetime
    state: State
    reason: Reason
    channel: str | None = None
    until: AwareDatetime | None = None
    caused_by: str = ""
    trace: tuple[Step, ...] = ()
    note: Annotated[str, Field(max_length=500)] = ""


class Message(Model):
    """A ledger item: the proposal, where it stands, its decisions (`left_out` are only counted), the provider's word."""

    proposal: Proposal
    state: State
    decisions: tuple[Decision, ...]
    channel: str | None = None
    provider_id: str | None = None
    sent_at: AwareDatetime | None = None
    template_version: str | None = None
    content_hash: str | None = None
    consent_proof: str | None = None
    consent_version: int | None = None
    left_out: int = 0

    @property
    def due_at(self) -> AwareDatetime | None:
        """When a held message is looked at again."""
        return self.last.until

    @property
    def last(self) -> Decision:
        return self.decisions[-1]
