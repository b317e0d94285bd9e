"""How a proposal was settled and why: verdicts of the rules, reasons from one closed list, the ledger's states."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from aftercare.model import Model
from aftercare.proposal import Proposal
from aftercare.reason import Reason as Reason
from aftercare.reason import State as State

CARRIES = "carries"
"""What a written mail brings along beside its own purpose, as the trace names it: the purposes, parted by spaces."""

OPERATOR = "operator:"
"""How the cause of a decision begins that a person took; the rest says who."""

Evidence = dict[str, str | int | bool | tuple[str, ...] | None]


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
    """A ledger item: the proposal, where it stands, its decisions (`left_out` are only counted), the provider's word.

    `title` and `text` are what it said, as far as its reader is shown it again on the account page: a mail's subject and what it
    says first, or the whole of a text message.
    `parts` are the keys of the messages that a digest was made of; each is SUPERSEDED in its favour.
    """

    proposal: Proposal
    state: State
    decisions: tuple[Decision, ...]
    channel: str | None = None
    provider_id: str | None = None
    sent_at: AwareDatetime | None = None
    template_version: str | None = None
    content_hash: str | None = None
    title: Annotated[str, Field(max_length=200)] | None = None
    text: Annotated[str, Field(max_length=2000)] | None = None
    consent_proof: str | None = None
    consent_version: int | None = None
    left_out: int = 0
    parts: tuple[str, ...] = ()

    @property
    def due_at(self) -> AwareDatetime | None:
        """When a held message is looked at again."""
        return self.last.until

    @property
    def last(self) -> Decision:
        return self.decisions[-1]
