"""On which of the last 90 days a customer, where they agreed to that, looked at what in the store.

A day is noted once, however often they came: a flood is one bit, and a union of days knows neither order nor repetition. What
is older than 90 days falls out of the bits, and the whole record ends 90 days after its last day. Days are those of UTC.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from aftercare.consent import Channel
from aftercare.learned import Answers
from aftercare.model import Model
from aftercare.retention import BEHAVIOUR

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue

DAYS = BEHAVIOUR.kept.days if BEHAVIOUR.kept else 0
MOST_THEMES = 8
"""So many families and add-ons are kept, those of the most interest: the gate reads the record before every message."""

HALF_LIFE = 14.0
"""Days in which interest halves: longer than the week between two visits of who compares before buying, and short of the next
thing that is looked for."""

Act = Literal["web", "app", "visit", "share"]
"""Logged in on the web or in the app, saw a page or a product, shared something of the store."""

Days = Annotated[str, Field(pattern=r"^[0-9a-f]{1,23}$")]
"""Days as bits in hex: bit n is n days before the record's `day`."""

Theme = Annotated[str, Field(pattern=r"^\+?[a-z0-9][a-z0-9-]{0,60}$")]
"""What somebody is interested in: a family of the catalogue, or `+` and the name of an add-on."""


class Behaviour(Model):
    """`day` is the newest day, counted from 1970-01-01; `version` counts the writes of this record."""

    version: int = 0
    day: Annotated[int, Field(ge=0)]
    acts: dict[Act, Days] = Field(default_factory=dict)
    themes: dict[Theme, Days] = Field(default_factory=dict)

    @property
    def expires_at(self) -> int:
        return BEHAVIOUR.ends(datetime.fromtimestamp(self.day * 86_400, UTC))


def day_of(at: datetime) -> int:
    """The day as a number: 0 is 1970-01-01."""
    return int(at.timestamp() // 86_400)


def seen(before: Behaviour | None, acts: Iterable[Act], themes: Iterable[Theme], at: datetime) -> Behaviour | None:
    """The record after somebody was seen; None where it says nothing new. Pure; a union, so the order of arrival is no matter as
    long as not more than eight themes are of interest."""
    day = day_of(at)
    newest = max(before.day, day) if before else day
    if newest - day >= DAYS:
        return None
    bit = 1 << newest - day
    now = _moved(dict(before.acts) if before else {}, newest, before)  # type: ignore[arg-type]
    of = _moved(before.themes if before else {}, newest, before)
    known = (dict(now), dict(of))
    for act in acts:
        now[act] = now.get(act, 0) | bit
    for theme in themes:
        of[theme] = of.get(theme, 0) | bit
    kept = sorted(of, key=lambda theme: (-_decayed(of[theme], 0), theme))[:MOST_THEMES]
    of = {theme: of[theme] for theme in sorted(kept)}
    if before and (now, of) == known and newest == before.day:
        return None
    version = before.version + 1 if before else 1
    return Behaviour(version=version, day=newest, acts=_hex(now), themes=_hex(of))


def looked_at(behaviour: Behaviour | None, theme: str | None, at: datetime) -> bool:
    """Whether the day of an instant is noted for a theme."""
    days = behaviour.themes.get(theme or "") if behaviour else None
    back = behaviour.day - day_of(at) if behaviour else -1
    return days is not None and back >= 0 and bool(int(days, 16) >> back & 1)


def interest(behaviour: Behaviour | None, at: datetime) -> dict[str, float]:
    """How much each theme is of interest: days on which it was looked at, each half as much after two weeks; the most first."""
    if behaviour is None:
        return {}
    age = max(day_of(at) - behaviour.day, 0)
    found = {theme: _decayed(int(days, 16), age) for theme, days in behaviour.themes.items()}
    return dict(sorted(((theme, much) for theme, much in found.items() if much > 0), key=lambda one: (-one[1], one[0])))


def days_of(behaviour: Behaviour | None, act: Act, at: datetime, within: int = DAYS) -> int:
    """On how many of the last `within` days they did this."""
    if behaviour is None or act not in behaviour.acts:
        return 0
    age = max(day_of(at) - behaviour.day, 0)
    return sum(1 for n in _ages(int(behaviour.acts[act], 16)) if n + age < min(within, DAYS))


def best_first(offered: Iterable[str], interests: Mapping[str, float], goods: "Catalogue") -> list[str]:
    """Add-ons with those of interest first, by themselves or by their family; the others keep their order."""

    def much(name: str) -> float:
        return interests.get(f"+{name}", 0.0) + interests.get(goods.add_ons[name].family or "", 0.0)

    return sorted(offered, key=lambda name: -much(name))


LOOKED_IN = {Channel.INBOX: ("web", "app"), Channel.PUSH: ("app",)}
"""Where somebody who logs in would have seen a message."""


def looked_in(behaviour: Behaviour | None, channel: Channel, at: datetime) -> Answers:
    """Days on which they were where a channel's messages lie, each as half a message that was delivered and answered there: it
    would have been seen, which is less than an answer. The days fade as interest does."""
    acts = LOOKED_IN.get(channel, ())
    if behaviour is None or not acts:
        return Answers()
    age = max(day_of(at) - behaviour.day, 0)
    bits = 0
    for act in acts:
        bits |= int(behaviour.acts.get(act, "0"), 16)  # type: ignore[call-overload]
    seen_there = _decayed(bits, age) / 2
    return Answers(delivered=seen_there, answered=seen_there)


def _moved(days: Mapping[str, str], newest: int, before: Behaviour | None) -> dict[str, int]:
    """The bits counted back from the newest day, without what is older than it is kept."""
    by = newest - before.day if before else 0
    moved = {name: (int(bits, 16) << by) & (1 << DAYS) - 1 for name, bits in days.items()}
    return {name: bits for name, bits in moved.items() if bits}


def _hex(days: Mapping[str, int]) -> dict[str, str]:
    return {name: f"{bits:x}" for name, bits in sorted(days.items())}


def _ages(bits: int) -> Iterable[int]:
    return (n for n in range(bits.bit_length()) if bits >> n & 1)


def _decayed(bits: int, age: int) -> float:
    return math.fsum(2 ** -((n + age) / HALF_LIFE) for n in _ages(bits) if n + age < DAYS)


def oldest(now: datetime) -> datetime:
    """What happened before then is not noted any more."""
    return now - timedelta(days=DAYS)
