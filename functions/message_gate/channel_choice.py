"""Which of the usable channels is tried first: by urgency, the stated wish, what was learned, and cost.

Never by assumption: a channel of which too little is known keeps the place that the store's table gives it. Everything here is
a pure function; chance is seeded by the message, so the same message makes the same choice again.
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from aftercare.consent import Channel, Purpose
from aftercare.content import read_content
from aftercare.learned import Learned
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


class Choice(NamedTuple):
    """The channels, best first, and why the first is first."""

    channels: tuple[Channel, ...]
    because: Literal["only", "stated", "urgent", "learned", "default", "explored"]
    saw: dict[str, str]


def choose(
    usable: tuple[Channel, ...],
    template: str,
    purpose: Purpose,
    policy: ChannelPolicy,
    own: Learned,
    store: Learned,
    message_id: str,
    now: datetime,
    stated: Channel | None = None,
) -> Choice:
    """The usable channels in the order in which they are tried. `own` is of the customer, `store` of all of them."""
    if len(usable) < 2:
        return Choice(usable, "only", {})
    urgency = policy.urgency_of(template)
    table = tuple(channel for channel in policy.order[urgency] if channel in usable)
    likely = {c: p for c in table if (p := answer_likelihood(c, own, store, policy.learning, now)) is not None}
    saw = {"urgency": urgency, **{f"{c} answers": f"{p:.0%}" for c, p in likely.items()}}
    if stated in table:
        return Choice((stated, *(c for c in table if c is not stated)), "stated", saw)
    if urgency == "now":
        return Choice(table, "urgent", saw)
    ranked = by_value(table, likely, purpose, policy)
    least = min(ranked, key=lambda c: (own.of(c, now).delivered + store.of(c, now).delivered, ranked.index(c)))
    if (
        urgency == "any_time"
        and least is not ranked[0]
        and least is not Channel.INBOX
        and share(message_id) < policy.learning.explore
    ):
        return Choice((least, *(c for c in ranked if c is not least)), "explored", saw)
    return Choice(ranked, "default" if ranked[0] is table[0] and len(likely) < 2 else "learned", saw)


def answer_likelihood(channel: Channel, own: Learned, store: Learned, rule: Learning, now: datetime) -> float | None:
    """How likely a message on a channel is answered, or None where the store knows too little to say.

    Beta-Bernoulli: the store's rate is the prior, worth `prior` messages; the customer's own messages move it.
    """
    all_, ours = store.of(channel, now), own.of(channel, now)
    if all_.delivered < rule.enough:
        return None
    rate = min(all_.answered / all_.delivered, 1.0)
    answered = min(ours.answered, ours.delivered)
    return (answered + rule.prior * rate) / (ours.delivered + rule.prior)


def by_value(
    table: tuple[Channel, ...], likely: Mapping[Channel, float], purpose: Purpose, policy: ChannelPolicy
) -> tuple[Channel, ...]:
    """The channels of which something is known, by what an answer is worth less the price, in the places that they have."""

    def worth(channel: Channel) -> Decimal:
        return policy.worth[purpose] * Decimal(f"{likely[channel]:.6f}") - policy.costs[channel]

    best = iter(sorted((c for c in table if c in likely), key=lambda c: (-worth(c), table.index(c))))
    return tuple(next(best) if c in likely else c for c in table)


def share(message_id: str) -> float:
    """A number from 0 to 1 that is the same for the same message."""
    return int.from_bytes(base64.b32decode(message_id.upper())[:4]) / 2**32
