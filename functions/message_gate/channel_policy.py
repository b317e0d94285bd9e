"""The store's settings for channels, content/channels.yaml: read where there is something to choose."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from aftercare.consent import Channel, Purpose
from aftercare.content import read_content
from aftercare.model import Model
from aftercare.proposal import Word

Urgency = Literal["now", "today", "any_time"]
Dollars = Annotated[Decimal, Field(ge=0, le=10)]


class Learning(Model):
    prior: Annotated[float, Field(gt=0, le=1000)]
    enough: Annotated[float, Field(ge=1, le=100_000)]
    explore: Annotated[float, Field(ge=0, le=0.2)]


class Hour(Model):
    acts: Annotated[float, Field(ge=1, le=1000)]
    share: Annotated[float, Field(gt=0, le=1)]


class ChannelPolicy(Model):
    """The store's settings, content/channels.yaml."""

    order: Mapping[Urgency, tuple[Channel, ...]]
    urgency: Mapping[Word, Urgency]
    costs: Mapping[Channel, Dollars]
    worth: Mapping[Purpose, Dollars]
    learning: Learning
    hour: Hour
    whatsapp_approved: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> "ChannelPolicy":
        for urgency in ("now", "today", "any_time"):
            if sorted(self.order.get(urgency, ())) != sorted(Channel):
                raise ValueError(f"order.{urgency}: expected each of {', '.join(Channel)} once")
        for name, found, all_ in (("costs", self.costs, Channel), ("worth", self.worth, Purpose)):
            if set(found) != set(all_):
                raise ValueError(f"{name}: expected one each for {', '.join(all_)}")
        return self

    def urgency_of(self, template: str) -> Urgency:
        return self.urgency.get(template, "any_time")


@lru_cache(maxsize=1)
def channel_policy() -> ChannelPolicy:
    return read_content(Path("channels.yaml"), ChannelPolicy)
