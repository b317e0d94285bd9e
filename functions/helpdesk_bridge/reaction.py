"""What an endpoint's answer means for the webhook: done, again later, never again, or nothing more to this endpoint.

Sorted by what to do next, as Standard Webhooks recommends: 2xx is taken; 410 ends it; what the receiver calls wrong will be wrong
the next time; everything else may pass.
"""

from dataclasses import dataclass
from datetime import timedelta

from aftercare.keys import share
from aftercare.webhook import Answered, Barred, Unreached

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 8 * 3600))
"""The waits between the attempts: about a day, then it is for an operator. Each is spread by a tenth to either side."""

LONGEST_ASKED = timedelta(hours=1)
"""A receiver's Retry-After counts up to here."""

PASSING = frozenset((408, 425, 429))
"""4xx that speak of the moment and not of the request."""


@dataclass(frozen=True, slots=True)
class Done:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Later:
    """Once more after `wait`, under the same id."""

    wait: timedelta
    because: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It goes to the dead letters, for an operator to look at and bring back."""

    because: str


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing more goes to this endpoint until an operator opens it."""

    because: str


def react(answer: Answered | Unreached | Barred, attempt: int, name: str) -> Done | Later | GiveUp | Close:
    """`attempt` counts from 0; `name` is the webhook's at its endpoint, by which its waits are spread, the same for the same."""
    if isinstance(answer, Barred):
        return GiveUp(answer.because)
    if isinstance(answer, Unreached):
        return _later(answer.code, attempt, name, None)
    status = answer.status
    if 200 <= status < 300:
        return Done()
    if status == 410:
        return Close("410 Gone")
    if 300 <= status < 400:
        return GiveUp(f"{status}: redirects are not followed")
    if 400 <= status < 500 and status not in PASSING:
        return GiveUp(str(status))
    return _later(str(status), attempt, name, answer.retry_after)


def _later(because: str, attempt: int, name: str, retry_after: int | None) -> Later | GiveUp:
    if attempt >= len(BACKOFF):
        return GiveUp(f"{because}, {attempt + 1} times")
    asked = min(timedelta(seconds=retry_after or 0), LONGEST_ASKED)
    spread = 0.9 + 0.2 * share(f"{name}#{attempt}")
    return Later(max(BACKOFF[attempt] * spread, asked), because)
