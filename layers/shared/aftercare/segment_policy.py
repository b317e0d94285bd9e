"""What the store says to each kind of buyer, and from when on something about them counts: content/segments.yaml.

`ContentError` names file, field and what was expected.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from aftercare.consent import Channel
from aftercare.content import read_content
from aftercare.feedback_policy import Offer
from aftercare.language import Texts
from aftercare.model import Model
from aftercare.proposal import Word
from aftercare.segment_words import Lifecycle, Value
from aftercare.segments import Segments
from aftercare.use import Sign

ROWS = tuple(word for word in (*get_args(Lifecycle), *get_args(Value)) if word not in ("other", "none"))
"""Every kind of buyer that has a row: who has no order that stands is none."""

Days = Annotated[int, Field(ge=0, le=365)]


class Content(Offer):
    """One thing that is said to a kind of buyer, so many days after they became it, or before their next order is expected."""

    after_days: Days = 0
    next_order: bool = False
    lead_days: Days = 0
    valid_days: Annotated[int, Field(ge=1, le=90)] | None = None
    once: Literal["ever", "year", "quarter"]

    def fills(self) -> set[str]:
        return super().fills() | ({"days"} if self.valid_days else set())

    @model_validator(mode="after")
    def _one_time(self) -> "Content":
        if self.next_order and self.after_days:
            raise ValueError("after_days: expected none beside next_order")
        if self.lead_days and not self.next_order:
            raise ValueError("lead_days: expected with next_order only")
        return self


class Limits(Model):
    at_most: Annotated[int, Field(ge=1, le=20)]
    in_days: Annotated[int, Field(ge=1, le=365)]


class Row(Model):
    """What one kind of buyer hears, in which order, on which channels first, and how much of it."""

    contents: Annotated[tuple[Word, ...], Field(min_length=1)]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    limits: Limits
    heading: Texts


class Interest(Model):
    """When a rise of interest is told."""

    weeks: Annotated[int, Field(ge=2, le=26)]
    least: Annotated[int, Field(ge=1, le=100_000)]
    times: Annotated[float, Field(gt=1, le=20)]
    chance: Annotated[float, Field(gt=0, le=0.1)]


Does = Literal["help", "check-in", "call", "nothing"]
Share = Annotated[float, Field(gt=0, lt=1)]


class Use(Model):
    """What signs are worth until the store's own customers have taught it: odds. What becomes of somebody is known so many days
    after they were looked at; logins are noted no longer than 90 days."""

    within_days: Annotated[int, Field(ge=14, le=90)]
    base: Share
    signs: Mapping[Sign, Annotated[float, Field(gt=0, le=100)]]


class Line(Model):
    """One line of the table of care; what it does not name fits all."""

    use: Literal["low", "high"] | None = None
    churn: Literal["low", "high"] | None = None
    value: tuple[Value, ...] = ()
    does: Does


class Calls(Model):
    a_week: Annotated[int, Field(ge=0, le=1000)]
    saves: Share


class Care(Model):
    """Who is helped, asked, called or left alone when they stay away."""

    after_intervals: Annotated[float, Field(ge=1, le=10)]
    after_days: Annotated[int, Field(ge=7, le=365)]
    gone_days: Annotated[int, Field(ge=30, le=365)]
    use: Use
    low_use: Share
    high_churn: Share
    table: Annotated[tuple[Line, ...], Field(min_length=1)]
    says: Mapping[Literal["help", "check-in"], Word]
    calls: Calls

    @model_validator(mode="after")
    def _ends(self) -> "Care":
        last = self.table[-1]
        if last.use or last.churn or last.value:
            raise ValueError("table: expected a last line that fits all")
        if set(self.says) != {"help", "check-in"}:
            raise ValueError("says: expected one each for help, check-in")
        return self


class Subscription(Model):
    renewal_days: Annotated[int, Field(ge=1, le=400)]


class Review(Model):
    """What a review of the settings takes for a difference."""

    least: Annotated[int, Field(ge=2, le=10_000)]
    change: Annotated[float, Field(gt=0, le=1)]


class SegmentPolicy(Model):
    """content/segments.yaml."""

    rows: Mapping[Word, Row]
    contents: Mapping[Word, Content]
    interest: Interest
    care: Care
    subscription: Subscription
    review: Review

    @model_validator(mode="after")
    def _whole(self) -> "SegmentPolicy":
        if set(self.rows) != set(ROWS):
            wrong = sorted(set(self.rows) ^ set(ROWS))[0]
            raise ValueError(f"rows: expected one each for {', '.join(ROWS)}; {wrong} is missing or too much")
        told: dict[str, str] = {}
        for name, row in self.rows.items():
            if len(set(row.channels)) < len(row.channels):
                raise ValueError(f"rows.{name}.channels: expected each channel once")
            for content in row.contents:
                if content not in self.contents:
                    raise ValueError(f"rows.{name}.contents: expected names of contents, found {content}")
                if content in told:
                    raise ValueError(f"rows.{name}.contents: expected what no other row says, found {content} of {told[content]}")
                told[content] = name
            days = [self.contents[content].after_days for content in row.contents if not self.contents[content].next_order]
            if days != sorted(days):
                raise ValueError(f"rows.{name}.contents: expected them in the order of their after_days")
        for does, content in self.care.says.items():
            if content not in self.contents or content in told:
                raise ValueError(f"care.says.{does}: expected one of contents that no row says, found {content}")
            told[content] = "care"
        unused = sorted(set(self.contents) - set(told))
        if unused:
            raise ValueError(f"contents.{unused[0]}: expected in one of the rows or in care.says")
        return self

    def rows_of(self, segments: Segments) -> tuple[str, ...]:
        """The rows of somebody."""
        return tuple(word for word in segments if word in self.rows)


@lru_cache(maxsize=1)
def segment_policy() -> SegmentPolicy:
    return read_content(Path("segments.yaml"), SegmentPolicy)
