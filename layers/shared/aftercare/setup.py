"""Which products of an order are set up before they are used, in which steps, and how far their customer has come."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from pydantic import AwareDatetime, Field

from aftercare import keys
from aftercare.catalogue import Catalogue, Family, Skill
from aftercare.model import Model

if TYPE_CHECKING:
    from aftercare.customer import OrderLine
    from aftercare.language import Lists

MOST = 3
"""So many guides one message and one page hold."""

FIRST_USE = "first-use"
"""The milestone that is told when the customer says that they use it."""


class Guided(NamedTuple):
    """One family that is set up. `kind` and `variant` name its guide as a message's block does; `steps` are lists by language."""

    family: Family
    kind: str
    variant: str | None
    steps: "Lists"
    sku: str | None


def guided(lines: "Iterable[OrderLine]", catalogue: Catalogue) -> tuple[Guided, ...]:
    """The families of these lines that have steps to be taken, in the order of the lines. Who takes them is a beginner."""
    found = []
    for name, own in catalogue.by_family(lines).items():
        family = catalogue.family(name)
        sku = next((line.sku for line in own if line.sku), None)
        if family.onboarding:
            plan = next((line.plan or line.variant for line in own if line.plan or line.variant), None)
            tier = family.onboarding.tier_of(plan)
            steps = family.onboarding.steps[tier][Skill.BEGINNER]
            found.append(Guided(family, "onboarding", f"{tier}-{Skill.BEGINNER}", steps, sku))
        elif family.quick_start:
            found.append(Guided(family, "quick-start", None, family.quick_start.walkthrough, sku))
    return tuple(found)[:MOST]


def guide_held_out(order_key: str, share: float) -> bool:
    """Whether an order gets no guide, so that it is seen what guides do; the same for good."""
    return share > 0 and keys.share(f"guides#{order_key}") < share


class Progress(Model):
    """How far one family is: the numbers of the steps that are ticked, and since when it is used, which is told once."""

    ticked: tuple[int, ...] = ()
    used_at: AwareDatetime | None = None


class SetUp(Model):
    """How far an order's products are, by family. `version` counts the writes of this record."""

    version: int = 0
    families: dict[str, Progress] = Field(default_factory=dict)

    def of(self, family: str) -> Progress:
        return self.families.get(family, NOT_BEGUN)


NOT_BEGUN = Progress.model_construct()


def ticked(before: SetUp, now_ticked: dict[str, tuple[int, ...]], now_used: Iterable[str], now: datetime) -> SetUp:
    """The record after the customer ticked these steps and says that these families are used. A step may be unticked; that
    something is used is not taken back."""
    after = {
        family: Progress(ticked=steps, used_at=before.of(family).used_at or (now if family in now_used else None))
        for family, steps in now_ticked.items()
    }
    return SetUp(version=before.version + 1, families={**before.families, **after})
