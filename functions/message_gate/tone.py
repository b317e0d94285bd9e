"""In which tone a message speaks: by what it has to say, what its reader said or went through, and how the brand sounds. Pure.

The files `words.<language>.yaml` are the friendly tone, which every message has; `words.<language>.<tone>.yaml` beside them
says in another tone what should sound otherwise.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from aftercare.brand import TONES, Brand, ToneName
from aftercare.consent import Purpose
from aftercare.customer import Customer

NAMES: tuple[ToneName, ...] = get_args(ToneName)

Nature = Literal["news", "bad", "setup"]
"""What a message has to say: how things stand, what nobody likes to hear, or how something is set up."""

SETUP = ("quick-start", "onboarding", "registration")
"""Blocks that say how something technical is set up."""

STATED = "aftercare:tone:"
"""A customer's tag that begins so says how they want to be written to."""

LONG_AGO = timedelta(days=30)
"""So long an order that felt bad is remembered in how we speak."""

Because = Literal["stated", "bad_news", "past", "setup", "business", "address", "brand"]

_SOUNDS: Mapping[ToneName, str] = {"formal": "formal", "technical": "plain", "friendly": "friendly", "empathetic": "friendly"}
"""Where a tone stands in a brand's range."""


_AS_USUAL: tuple[ToneName, ...] = ("friendly", "technical", "formal")


class Chosen(NamedTuple):
    """The tone, and what chose it."""

    tone: ToneName
    because: Because


def nature_of(told: Nature, blocks: Iterable[str]) -> Nature:
    """What a message has to say; news of something technical is how it is set up."""
    return "setup" if told == "news" and any(kind in SETUP for kind in blocks) else told


def choose(nature: Nature, purpose: Purpose, customer: Customer, brand: Brand, locale: str, now: datetime) -> Chosen:
    """The first tone that something asks for and the brand's range allows: the customer's own word, bad news, what the customer
    went through, setting up, a business as customer, how the language addresses strangers; else how the brand sounds.

    What a reader asked for, and how the brand addresses readers of a language, is no matter of range.
    """
    tags = {tag.strip().lower() for tag in customer.profile.tags}
    stated = next((tone for tone in NAMES if f"{STATED}{tone}" in tags), None)
    if stated:
        return Chosen(stated, "stated")
    asked: list[Chosen] = []
    if nature == "bad":
        asked.append(Chosen("empathetic", "bad_news"))
    if purpose is not Purpose.PROMOTIONAL and went_badly(customer, now):
        asked.append(Chosen("empathetic", "past"))
    if nature == "setup":
        asked.append(Chosen("technical", "setup"))
    found = next((one for one in asked if _in_range(one.tone, brand)), None)
    if found:
        return found
    if tags & {tag.lower() for tag in brand.tone.business_tags}:
        return Chosen("formal", "business")
    if brand.tone.address.get(locale, brand.tone.address.get(locale.partition("-")[0])) == "formal":
        return Chosen("formal", "address")
    return Chosen(next((tone for tone in _AS_USUAL if _in_range(tone, brand)), "friendly"), "brand")


def went_badly(customer: Customer, now: datetime) -> bool:
    """Whether an order felt bad lately, or something is open with support."""
    felt = customer.felt("bad")
    return bool(felt and felt[0] + LONG_AGO > now) or any(case.open for case in customer.cases)


def _in_range(tone: ToneName, brand: Brand) -> bool:
    return TONES.index(brand.tone.least) <= TONES.index(_SOUNDS[tone]) <= TONES.index(brand.tone.most)
