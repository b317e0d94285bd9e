"""Which of the usable channels is tried first: by urgency, the stated wish, what was learned, and cost.

Never by assumption: a channel of which too little is known keeps the place that the store's table gives it. Everything here is
a pure function; chance is seeded by the message, so the same message makes the same choice again.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from aftercare import keys
from aftercare.consent import Channel, Purpose
from aftercare.learned import Learned

if TYPE_CHECKING:
    from aftercare.behaviour import Behaviour
    from message_gate.channel_policy import ChannelPolicy, Learning

Because = Literal["only", "stated", "urgent", "learned", "default", "explored"]


class Choice(NamedTuple):
    """The channels, best first, and why the first is first."""

    channels: tuple[Channel, ...]
    because: Because = "only"
    saw: Mapping[str, str] = {}


def choose(
    usable: tuple[Channel, ...],
    template: str,
    purpose: Purpose,
    policy: "ChannelPolicy",
    own: Learned,
    store: Learned,
    message_id: str,
    now: datetime,
    stated: tuple[Channel, ...] = (),
    behaviour: "Behaviour | None" = None,
    first: tuple[Channel, ...] = (),
) -> Choice:
    """The usable channels in the order in which they are tried. `own` is of the customer, `store` of all of them; `stated` are
    those that the customer asked for, best first; `behaviour` says who would see what lies in the account or the app.
    `first` are those that the store tries first for this message, before the others of its table.
    """
    if len(usable) < 2:
        return Choice(usable)
    urgency = policy.urgency_of(template)
    table = tuple(channel for channel in dict.fromkeys((*first, *policy.order[urgency])) if channel in usable)
    likely = {c: p for c in table if (p := answer_likelihood(c, own, store, policy.learning, now, behaviour)) is not None}
    saw = {"urgency": urgency, **{f"{c} answers": f"{p:.0%}" for c, p in likely.items()}}
    wished = tuple(channel for channel in stated if channel in table)
    if wished:
        return Choice((*wished, *(c for c in table if c not in wished)), "stated", saw)
    if urgency == "now":
        return Choice(table, "urgent", saw)
    ranked = by_value(table, likely, purpose, policy)
    least = min(ranked, key=lambda c: (own.of(c, now).delivered + store.of(c, now).delivered, ranked.index(c)))
    if urgency == "any_time" and least is not ranked[0] and least is not Channel.INBOX and explores(message_id, policy.learning):
        return Choice((least, *(c for c in ranked if c is not least)), "explored", saw)
    return Choice(ranked, "default" if ranked[0] is table[0] and len(likely) < 2 else "learned", saw)


def answer_likelihood(
    channel: Channel, own: Learned, store: Learned, rule: "Learning", now: datetime, behaviour: "Behaviour | None" = None
) -> float | None:
    """How likely a message on a channel is answered, or None where the store knows too little to say.

    Beta-Bernoulli: the store's rate is the prior, worth `prior` messages; the customer's own messages move it, and so do days on
    which they were where the channel's messages lie.
    """
    all_, ours = store.of(channel, now), own.of(channel, now)
    if all_.delivered < rule.enough:
        return None
    rate = min(all_.answered / all_.delivered, 1.0)
    answered, delivered = min(ours.answered, ours.delivered), ours.delivered
    if behaviour is not None:
        from aftercare.behaviour import looked_in

        there = looked_in(behaviour, channel, now)
        answered, delivered = answered + there.answered, delivered + there.delivered
    return (answered + rule.prior * rate) / (delivered + rule.prior)


def by_value(
    table: tuple[Channel, ...], likely: Mapping[Channel, float], purpose: Purpose, policy: "ChannelPolicy"
) -> tuple[Channel, ...]:
    """The channels of which something is known, by what an answer is worth less the price, in the places that they have."""

    def worth(channel: Channel) -> Decimal:
        return policy.worth[purpose] * Decimal(f"{likely[channel]:.6f}") - policy.costs[channel]

    best = iter(sorted((c for c in table if c in likely), key=lambda c: (-worth(c), table.index(c))))
    return tuple(next(best) if c in likely else c for c in table)


def explores(message_id: str, rule: "Learning") -> bool:
    """Whether this message tries the channel that least is known of; the same for the same message."""
    return keys.share(f"channel#{message_id}") < rule.explore
