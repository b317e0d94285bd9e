"""What the store makes of feedback, content/feedback.yaml: the table of offers, and how a rescue runs.

`ContentError` names file, field and what was expected.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from aftercare.cases import Way
from aftercare.consent import Purpose
from aftercare.content import read_content
from aftercare.language import Texts
from aftercare.model import Model
from aftercare.places import has_holidays, is_holiday
from aftercare.proposal import Word
from aftercare.segment_words import Lifecycle
from aftercare.signal_words import Signal, Theme

Basket = Literal["again", "goes-with", "bundle"]
GOES_WITH = ("goes-with", "bundle")
"""Baskets that something is put into which goes with what was ordered; a bundle has both."""
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

LOOK_AHEAD = 30
"""Days that are looked at for the next opening: longer than any run of closed days."""


def _hours(told: Any) -> Any:
    """`"09:00-18:00"` as two times of one day."""
    if not isinstance(told, str):
        return told
    opens, _, closes = told.partition("-")
    try:
        return time.fromisoformat(opens.strip()), time.fromisoformat(closes.strip())
    except ValueError:
        raise ValueError(f'expected "HH:MM-HH:MM", found {told!r}') from None


def _in_order(hours: tuple[time, time]) -> tuple[time, time]:
    if hours[0] >= hours[1]:
        raise ValueError("expected an opening before its closing on the same day")
    return hours


Hours = Annotated[tuple[time, time], BeforeValidator(_hours), AfterValidator(_in_order)]


def _occasional(told: Any) -> Any:
    """What is said of who comes back holds for who does so now and then, unless it is said of them."""
    return {"occasional": told["repeat"], **told} if isinstance(told, dict) and "repeat" in told else told


BY_BUYER = BeforeValidator(_occasional)
"""Of what a store says by kind of buyer."""


class Offer(Model):
    """One thing to say. `url` may hold {items}: a basket, filled with what was ordered or with what goes with it.

    `worth` is what one such message is expected to bring, in whole units of the store's currency: of several messages of one
    purpose the one that is worth most gets the customer's next slot.
    """

    purpose: Literal[Purpose.SERVICE, Purpose.PROMOTIONAL]
    worth: Annotated[int, Field(ge=0, le=100_000)] = 0
    subject: Texts
    title: Texts
    text: Texts
    button: Texts
    url: Annotated[str, Field(pattern=r"^https://[^\s\"'<>]{1,1000}$")]
    basket: Basket | None = None

    def fills(self) -> set[str]:
        """What its texts may be filled with."""
        return {"product", "why"} if self.basket in GOES_WITH else set()

    @model_validator(mode="after")
    def _only_known_placeholders(self) -> "Offer":
        texts = (*self.subject.values(), *self.title.values(), *self.text.values(), *self.button.values())
        known = self.fills()
        for field, text, may in (*(("a text", text, known) for text in texts), ("url", self.url, {"items"})):
            found = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
            if not found <= may:
                raise ValueError(f"{field}: expected only {', '.join(sorted('{' + k + '}' for k in may)) or 'plain text'}")
        if ("{items}" in self.url) != (self.basket is not None):
            raise ValueError("url: expected {items} where a basket is filled, and nowhere else")
        return self


class WayFor(Model):
    theme: Theme
    way: Way


class RescuePolicy(Model):
    """When a rescue must be answered and ended, and what may be offered."""

    zone: str
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    hours: Annotated[dict[Weekday, Hours], Field(min_length=1)]
    answer_minutes: Annotated[Mapping[Lifecycle, Annotated[int, Field(ge=1, le=480)]], BY_BUYER]
    act_hours: Annotated[Mapping[Lifecycle, Annotated[int, Field(ge=1, le=168)]], BY_BUYER]
    asked_again_after_hours: Annotated[int, Field(ge=1, le=120)]
    ways: tuple[WayFor, ...] = ()
    replies: Mapping[Way, Texts]

    @model_validator(mode="after")
    def _whole(self) -> "RescuePolicy":
        for field, found, wanted in (
            ("answer_minutes", set(self.answer_minutes), set(get_args(Lifecycle))),
            ("act_hours", set(self.act_hours), set(get_args(Lifecycle))),
            ("replies", set(self.replies), set(get_args(Way))),
        ):
            if found != wanted:
                raise ValueError(f"{field}: expected one each for {', '.join(sorted(wanted))}")
        try:
            ZoneInfo(self.zone)
        except (ValueError, LookupError) as error:
            raise ValueError("zone: expected an IANA zone such as Europe/Berlin") from error
        if not has_holidays(self.country):
            raise ValueError(f"country: no public holidays on record of {self.country}")
        return self

    def way(self, themes: tuple[str, ...]) -> Way:
        """The way out for what went wrong."""
        return next((one.way for one in self.ways if one.theme in themes), "call")

    def answer_by(self, opened: datetime, segment: Lifecycle) -> datetime:
        """Until when it must be answered: so many minutes of the hours in which somebody is there.

        Reckoned on UTC instants, so that a day on which the clock changes has the hours that it has.
        """
        left, zone = timedelta(minutes=self.answer_minutes[segment]), ZoneInfo(self.zone)
        day = opened.astimezone(zone).date()
        for _ in range(LOOK_AHEAD):
            for opens, closes in self._of(day, zone):
                begins = max(opens, opened)
                if begins < closes:
                    if closes - begins >= left:
                        return begins + left
                    left -= closes - begins
            day += timedelta(days=1)
        return opened + timedelta(days=LOOK_AHEAD)

    def _of(self, day: date, zone: ZoneInfo) -> tuple[tuple[datetime, datetime], ...]:
        hours = self.hours.get(WEEKDAYS[day.weekday()])
        if hours is None or is_holiday(day, self.country, None):
            return ()
        opens, closes = (datetime.combine(day, at, zone).astimezone(UTC) for at in hours)
        return ((opens, closes),)


class FeedbackPolicy(Model):
    """content/feedback.yaml."""

    held_out: Annotated[float, Field(ge=0, le=0.5)]
    table: Mapping[Signal, Annotated[Mapping[Lifecycle, Word], BY_BUYER]]
    offers: Mapping[Word, Offer]
    rescue: RescuePolicy

    @model_validator(mode="after")
    def _knows_its_offers(self) -> "FeedbackPolicy":
        for signal, row in self.table.items():
            if signal in ("at-risk", "wants-call"):
                raise ValueError(f"table.{signal}: expected no row: that is a rescue's")
            for segment, offer in row.items():
                if segment == "other" or offer not in self.offers:
                    raise ValueError(f"table.{signal}.{segment}: expected a kind of buyer and one of offers, found {offer}")
        return self

    def offer(self, signals: tuple[Signal, ...], segment: Lifecycle) -> str | None:
        """The name of the offer for the first of the signals that has one; None where the table says nothing."""
        return next((name for signal in signals if (name := self.table.get(signal, {}).get(segment))), None)


@lru_cache(maxsize=1)
def feedback_policy() -> FeedbackPolicy:
    return read_content(Path("feedback.yaml"), FeedbackPolicy)
