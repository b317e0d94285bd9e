"""What the store counts by and what its pages leave out, content/reports.yaml. `ContentError` names field and expectation."""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from aftercare.content import read_content
from aftercare.model import Model
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


class ReportPolicy(Model):
    """All of reports.yaml."""

    fewest: Annotated[int, Field(ge=3, le=1000)]
    touchpoints: dict[Theme, Annotated[tuple[Touchpoint, ...], Field(min_length=1)]]
    rating_target: RatingTarget
    bought_again_days: Annotated[int, Field(ge=1, le=180)]
    guides_held_out: Annotated[float, Field(ge=0, le=0.5)]

    def touchpoint(self, theme: str, said_at: Collection[Touchpoint]) -> Touchpoint:
        """Where a theme belongs; `said_at` is where else than at its own place it was said to be."""
        places = self.touchpoints.get(theme, ("setup",))
        return places[0] if places[0] in said_at else next((one for one in places if one in said_at), places[0])


@lru_cache(maxsize=1)
def report_policy() -> ReportPolicy:
    """Read once. ContentError."""
    return read_content(Path("reports.yaml"), ReportPolicy)
