"""How a customer wants to be written to: language, how often, not now, not at night, by which channel first.

Said on the preference page and kept in one hot item beside consent, which decides whether anything is sent at all.
"""

from collections.abc import Iterable
from datetime import date, datetime, time
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


NEVER = date(2199, 12, 31)
MOST_OFFERS = 12
"""So many offers that are not wanted are kept: the record is read before every message."""


class Wishes(Model):
    """All wishes of a customer. `channels` are those to try first, in that order; `offers` is until which day an offer is not
    made again (NEVER: not at all); `version` counts the writes of this record.

    A wish can only lessen what consent and the store's own rules let through.
    """

    version: int = 0
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    frequency: Frequency = Frequency.EACH
    paused_until: AwareDatetime | None = None
    quiet: QuietHours | None = None
    channels: tuple[Channel, ...] = ()
    offers: dict[str, date] = Field(default_factory=dict)

    def pause_of(self, purpose: Purpose, now: datetime) -> datetime | None:
        """Until when messages of a purpose are paused, or None. News of an order is never paused."""
        if purpose is Purpose.TRANSACTIONAL or self.paused_until is None or self.paused_until <= now:
            return None
        return self.paused_until

    def unwanted(self, now: datetime) -> frozenset[str]:
        """The offers that are not to be made at present: names of add-ons, and of offers without a product (offer_words)."""
        return frozenset(name for name, until in self.offers.items() if until > now.date())

    def with_offer(self, name: str, until: date | None, now: datetime) -> "Wishes":
        """Not made again until a day; None: as any other. Of too many those go that end soonest."""
        others = {other: day for other, day in self.offers.items() if other != name and day > now.date()}
        if until is None:
            return self.model_copy(update={"offers": others})
        kept = sorted(others.items(), key=lambda one: one[1], reverse=True)[: MOST_OFFERS - 1]
        return self.model_copy(update={"offers": {**dict(kept), name: until}})

    def best_first(self, channels: Iterable[Channel]) -> tuple[Channel, ...]:
        """The channels with the wished ones first; the others keep their order."""
        place = {channel: number for number, channel in enumerate(self.channels)}
        return tuple(sorted(channels, key=lambda channel: place.get(channel, len(place))))
