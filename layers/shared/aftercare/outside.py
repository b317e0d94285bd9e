"""The ports to everything outside a function, and the one place where the backend is chosen.

A port is a Protocol in the engine's words; each method is one AWS call, its failures named by what the caller should do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aftercare import settings as settings_module
from aftercare.clock import Clock, Ids
from aftercare.settings import Settings
from aftercare.table import Tables

if TYPE_CHECKING:
    from aftercare.outgoing import Chat, Push, Text
    from aftercare.rate import Quota
    from aftercare.webhook import Webhooks


class NotKept(LookupError):
    """A secret or parameter that is configured but cannot be read."""


class NotThere(NotKept):
    """There is no parameter of that name: nobody has set up what it is for."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message and named it."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Nothing was sent and it may be tried after `patience`: a throttle, no connection, or an account the operator must mend."""

    code: str
    patience: timedelta = timedelta(seconds=30)


class Gone(StrEnum):
    """Why a provider takes nothing more for an address: its person said so there, or there is nobody behind it any more."""

    OPTED_OUT = "opted_out"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing was sent and trying again on this channel will not help; `code` is the provider's word."""

    code: str
    gone: Gone | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It may have been sent: the answer was lost. Never to be tried again by itself."""

    code: str


M = TypeVar("M", contravariant=True)

SendOutcome = Accepted | Busy | Rejected | Uncertain


@dataclass(frozen=True, slots=True)
class Mail:
    """One rendered e-mail. `mime` builds the raw message when it is needed; tags are A-Za-z0-9_- only."""

    sender: str
    recipient: str
    subject: str
    html: str
    text: str
    tags: Mapping[str, str]
    mime: Callable[[], bytes]


class Bus(Protocol):
    def put(self, entries: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        """Put at most 10 entries; the positions that were not kept (PutEvents answers 200 even when it kept nothing)."""
        ...


class Queues(Protocol):
    def send(
        self, url: str, body: str, group: str | None = None, deduplication: str | None = None, delay: timedelta | None = None
    ) -> None:
        """Put one message on a queue; on a FIFO queue with its group and deduplication id, on any other with a delay of whole
        seconds, at most 15 minutes."""
        ...


class Waiting(Protocol):
    def start(self, state_machine: str, name: str, due_at: datetime, payload: Mapping[str, Any]) -> bool:
        """Start a workflow's wait under its name; False when one of that name already runs or ran."""
        ...

    def stop(self, state_machine: str, name: str) -> None:
        """End a wait, whether it runs, ran, or never was."""
        ...


class Slots(Protocol):
    def set(self, customer_id: str, at: datetime) -> None:
        """Set (or move) the one timer of a customer."""
        ...

    def clear(self, customer_id: str) -> None:
        """Take the timer away, whether there is one or not."""
        ...


class Mailer(Protocol):
    def send(self, mail: Mail) -> SendOutcome:
        """Exactly one attempt on the wire."""
        ...

    def quota(self, now: datetime) -> "Quota":
        """What the account may send, by the provider's word. NotKept when it cannot be read."""
        ...


class Provider(Protocol[M]):
    """One provider of one channel."""

    def send(self, message: M, /) -> SendOutcome:
        """Exactly one attempt on the wire."""
        ...


class Secrets(Protocol):
    def text(self, name: str) -> str:
        """A secret's or parameter's text by name or ARN. NotThere when there is none; NotKept when it cannot be read."""
        ...


class Outside:
    """All ports of one function in one invocation."""

    settings: Settings
    clock: Clock
    ids: Ids
    tables: Tables
    bus: Bus
    queues: Queues
    waits: Waiting
    slots: Slots
    mail: Mailer
    texts: "Provider[Text]"
    pushes: "Provider[Push]"
    chats: "Provider[Chat]"
    webhooks: "Webhooks"
    secrets: Secrets


Factory = Callable[[Settings], Outside]


class _Root:
    def __init__(self) -> None:
        self.factory: Factory | None = None
        self.made: dict[tuple[str | None, ...], Outside] = {}


_root = _Root()


def use(factory: Factory | None) -> None:
    """Choose the backend for this process: None is AWS."""
    _root.factory = factory
    _root.made = {}


def current() -> Outside:
    """The ports for this invocation's settings; made once per set of settings."""
    values = settings_module.values()
    made = _root.made.get(values)
    if made is None:
        if _root.factory is None:
            from aftercare.aws import AwsOutside

            _root.factory = AwsOutside
        made = _root.made[values] = _root.factory(settings_module.of(values))
    return made
