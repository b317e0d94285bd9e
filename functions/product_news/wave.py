"""Whom a publication is told, when, and how long it is of use. Pure.

A wave goes through groups, each the askers or the owners of one product, in pages. Every reader has a position, and by it an
instant: the wave never asks for more than the rate, however large it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.proposal import Proposal, Unless
from aftercare.rate import wave_slot
from aftercare.table import Item, present

if TYPE_CHECKING:
    from aftercare.consent import Purpose
    from aftercare.product_facts import Audience
    from aftercare.published import Publication

OF_USE = timedelta(days=14)
"""So long after its instant what is told is still of use, where the store says nothing."""

WARNS = timedelta(days=60)
"""A warning is of use much longer."""

LONGEST = 100
"""Characters of a publication's key that a message's key may have; a longer one goes by its hash."""

UNLESS_ASKED = (Unless.NOT_ASKED,)
UNLESS_OWNED = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED)
UNLESS_SENT = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED)
"""Who got their money back may still have the thing, and is warned."""

GROUPS: dict[Audience, str] = {"asked": keys.ASKED, "owners": keys.OWNERS}


class Group(NamedTuple):
    """The askers or owners of one product."""

    audience: Audience
    product: str

    @property
    def prefix(self) -> str:
        return GROUPS[self.audience]


class Page(NamedTuple):
    """Some readers of a group, each once, and what they are told. `last` is where the next page goes on; None at the group's
    end."""

    publication: Publication
    group: Group
    readers: tuple[Item, ...]
    last: str | None

    @property
    def told_as(self) -> tuple[str, Purpose]:
        """The template and the purpose of what this group is told."""
        from aftercare.published import TOLD

        return TOLD[self.publication.kind, self.group.audience]


class Wave(NamedTuple):
    """What all messages of a wave share: when it began, at which rate, by which event, and the position of the next reader."""

    starts_at: datetime
    per_second: float
    position: int
    caused_by: str
    correlation_id: str


class Found(NamedTuple):
    proposals: tuple[Proposal, ...]
    too_late: int


def groups_of(publication: Publication) -> tuple[Group, ...]:
    """In their order: who asked before who bought."""
    audiences = [audience for audience in GROUPS if audience in publication.audience]
    return tuple(Group(audience, product) for audience in audiences for product in publication.products)


def readers(items: Sequence[Item], now: datetime) -> tuple[tuple[Item, ...], str]:
    """Of some items of a group's index each customer once, and the sort key after which the next page goes on.

    A customer with several orders has several items; their newest order is what they are told by. The last customer of a page
    may go on in the next, and is left to it, unless there is no other.
    """
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(str(item["customer_id"]), []).append(item)
    if len(found) > 1:
        found.popitem()
    last = str([own[-1] for own in found.values()][-1]["sk"])
    there = [[item for item in own if present(item, now)] for own in found.values()]
    return tuple(max(own, key=lambda item: (item["expires_at"], item["sk"])) for own in there if own), last


def proposals(page: Page, wave: Wave) -> Found:
    """One proposal for each reader of a page whose instant comes before the publication's end."""
    found, too_late = [], 0
    for offset, reader in enumerate(page.readers):
        one = _proposal(page, reader, wave, wave.position + offset)
        if one.not_before is not None and one.not_before >= one.not_after:
            too_late += 1
        else:
            found.append(one)
    return Found(tuple(found), too_late)


def _proposal(page: Page, reader: Item, wave: Wave, position: int) -> Proposal:
    told, customer_id = page.publication, str(reader["customer_id"])
    slot = wave_slot(wave.starts_at, wave.per_second, position, f"{told.key}#{customer_id}")
    closes = slot + (WARNS if told.kind == "safety" else OF_USE)
    template, purpose = page.told_as
    references = {"publication": told.key, "product": page.group.product}
    asked = page.group.audience == "asked"
    if not asked:
        references["order"] = str(reader["order"])
    return Proposal(
        key=f"{template}#{_about(page, reader)}",
        customer_id=customer_id,
        purpose=purpose,
        template=template,
        references=references,
        unless=UNLESS_ASKED if asked else UNLESS_OWNED if told.kind != "safety" else UNLESS_SENT,
        # Who asked would rather hear of it than who did not.
        value=1 if asked else 0,
        not_before=slot,
        not_after=min(closes, told.until) if told.until else closes,
        proposed_at=wave.starts_at,
        caused_by=wave.caused_by,
        correlation_id=wave.correlation_id,
    )


def _about(page: Page, reader: Item) -> str:
    """What makes a message once: a wish is fulfilled once, whatever comes back how often; else each publication is told once."""
    told, customer_id = page.publication, str(reader["customer_id"])
    if told.kind == "restock" and page.group.audience == "asked":
        asked_at = parse_iso(str(reader["asked_at"]))
        return f"{_short(page.group.product)}:{customer_id}:{iso(asked_at)[:19]}"
    return f"{_short(told.key)}:{customer_id}"


def _short(key: str) -> str:
    return key if len(key) <= LONGEST else keys.message_id(key)
