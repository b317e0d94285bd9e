"""What the store counts by and what its pages leave out, content/reports.yaml. `ContentError` names field and expectation."""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from aftercare.content import read_content
from aftercare.model import Model
from aftercare.segment_words import Value
from aftercare.signal_words import Theme
from aftercare.tally import read_week

Touchpoint = Literal["checkout", "delivery", "setup", "support", "return"]
"""Where on their way a customer was touched."""

TOUCHPOINTS: tuple[Touchpoint, ...] = get_args(Touchpoint)


def _week(text: str) -> str:
    read_week(text)
    return text


class RatingTarget(Model):
    since: Annotated[str, AfterValidator(_week)] | None = None
    better_by: Annotated[float, Field(gt=0, le=4)]
    weeks: Annotated[int, Field(ge=4, le=52)]


HeldOut = Annotated[float, Field(ge=0, le=0.5)]


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("expected the lower end of the range first")
    return ends


Range = Annotated[tuple[float, float], AfterValidator(_ascending)]
"""A target's lower and upper end, as shares."""


class Reaction(Model):
    """Of the messages that a kind of buyer was sent, how many were opened, clicked, and led to an order."""

    opened: Range
    clicked: Range
    ordered: Range


class Targets(Model):
    """What the store aims at: relative rises, and shares of messages by what a kind of buyer is worth."""

    reorder_rate: Range
    order_value: Range
    first_time_again: Annotated[float, Field(gt=0, le=5)]
    segments: dict[Value, Reaction]

    def of_kind(self, kind: str) -> Reaction | None:
        """What is aimed at of a kind of buyer; None where it is not said."""
        return next((aims for value, aims in self.segments.items() if value == kind), None)


class ReportPolicy(Model):
    """All of reports.yaml."""

    fewest: Annotated[int, Field(ge=3, le=1000)]
    touchpoints: dict[Theme, Annotated[tuple[Touchpoint, ...], Field(min_length=1)]]
    rating_target: RatingTarget
    bought_again_days: Annotated[int, Field(ge=1, le=180)]
    guides_held_out: HeldOut
    reminders_held_out: HeldOut
    segments_held_out: HeldOut
    segments_after_days: Annotated[int, Field(ge=35, le=180)]
    led_to_order_days: Annotated[int, Field(ge=1, le=30)]
    targets: Targets

    def touchpoint(self, theme: str, said_at: Collection[Touchpoint]) -> Touchpoint:
        """Where a theme belongs; `said_at` is where else than at its own place it was said to be."""
        places = self.touchpoints.get(theme, ("setup",))
        return places[0] if places[0] in said_at else next((one for one in places if one in said_at), places[0])


@lru_cache(maxsize=1)
def report_policy() -> ReportPolicy:
    """Read once. ContentError."""
    return read_content(Path("reports.yaml"), ReportPolicy)
