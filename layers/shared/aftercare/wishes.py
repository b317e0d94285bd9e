"""How a customer wants to be written to: language, how often, not now, not at night, by which channel first.

Said on the preference page and kept in one hot item beside consent, which decides whether anything is sent at all.
"""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from aftercare.consent import Channel, Purpose
from aftercare.model import Model, Term


class Frequency(Term):
    """Each message by itself, or once a week what can wait for it."""

    EACH = "each"
    WEEKLY = "weekly"


class QuietHours(Model):
    """Every day from `start` until `end`, which may be past midnight, by the clock of the zone that the page named."""

    start: time
    end: time
    zone: str

    @model_validator(mode="after")
    def _some_of_the_day(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("end: expected another time than start")
        return self


class Wishes(Model):
    """All wishes of a customer. `channels` are those to try first, in that order; `version` counts the writes of this record.

    A wish can only lessen what consent and the store's own rules let through.
    """

    version: int = 0
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    frequency: Frequency = Frequency.EACH
    paused_until: AwareDatetime | None = None
    quiet: QuietHours | None = None
    channels: tuple[Channel, ...] = ()

    def pause_of(self, purpose: Purpose, now: datetime) -> datetime | None:
        """Until when messages of a purpose are paused, or None. News of an order is never paused."""
        if purpose is Purpose.TRANSACTIONAL or self.paused_until is None or self.paused_until <= now:
            return None
        return self.paused_until

    def best_first(self, channels: Iterable[Channel]) -> tuple[Channel, ...]:
        """The channels with the wished ones first; the others keep their order."""
        place = {channel: number for number, channel in enumerate(self.channels)}
        return tuple(sorted(channels, key=lambda channel: place.get(channel, len(place))))
