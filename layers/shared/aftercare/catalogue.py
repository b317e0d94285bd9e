"""What a product is, content/catalogue.yaml: its family, what its buyer should hear, when it runs out, what goes with it.

Words: a family is a group of products with the same guides; a kind says which guides it has; an add-on is one thing that
goes with a family. `ContentError` names file, field and what was expected.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from aftercare.content import read_content
from aftercare.customer import OrderLine, ReturnReason
from aftercare.language import Lists, Texts, Urls
from aftercare.model import Model
from aftercare.proposal import Word

OVERRIDE = "aftercare:"


class Kind(StrEnum):
    """What a family asks of its buyer; the first five bring guides."""

    COMPLEX = "complex"
    DELICATE = "delicate"
    SOFTWARE = "software"
    SUBSCRIPTION = "subscription"
    WARRANTY = "warranty"
    CONSUMABLE = "consumable"
    DURABLE = "durable"
    FASHION = "fashion"


class Skill(StrEnum):
    BEGINNER = "beginner"
    EXPERIENCED = "experienced"


class Match(Model):
    """What a line must have to be of a family; see the head of catalogue.yaml for the order."""

    product_ids: tuple[str, ...] = ()
    sku_prefixes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    product_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    title_words: tuple[str, ...] = ()


class QuickStart(Model):
    """For something complex: a short film, and what it can do."""

    video_url: Urls
    minutes: Annotated[int, Field(ge=1, le=60)]
    walkthrough: Lists
    walkthrough_url: Urls


class Care(Model):
    """For something delicate: how to keep it, with a sheet to print."""

    pdf_url: Urls
    tips: Lists


class Onboarding(Model):
    """First steps by plan tier and skill. `tiers` names the words of a plan's name that mean a tier."""

    start_url: Urls
    tiers: Annotated[dict[Word, tuple[str, ...]], Field(min_length=1)]
    default_tier: Word
    steps: dict[Word, dict[Skill, Lists]]

    @model_validator(mode="after")
    def _complete(self) -> "Onboarding":
        if self.default_tier not in self.tiers:
            raise ValueError(f"default_tier: expected one of tiers: {', '.join(self.tiers)}")
        for tier in self.tiers:
            for skill in Skill:
                if skill not in self.steps.get(tier, {}):
                    raise ValueError(f"steps.{tier}.{skill}: expected a list of steps for every tier and skill")
        return self

    def tier_of(self, plan: str | None) -> str:
        """The tier whose word is in the plan's name (`Studio, yearly` → studio); the default for an unknown plan."""
        words = _words(plan or "")
        for tier, names in self.tiers.items():
            if tier in words or any(name.lower() in words for name in names):
                return tier
        return self.default_tier


class Registration(Model):
    """For something with a warranty: why it is worth a minute to register it."""

    url: Urls
    years: Annotated[int, Field(ge=1, le=30)]
    benefits: Lists


class Tips(Model):
    """How to get most out of it, with a page that says more."""

    url: Urls
    tips: Lists


class Reorder(Model):
    """When to remind, and of what: the thing again, or what keeps an expensive thing its worth (the first cross-sell)."""

    after_days: Annotated[int, Field(ge=1, le=360)]
    offers: Literal["again", "care"] = "again"
    benefit: Texts


class Asking(Model):
    """When a family's buyer is asked how it was: so many hours after it was delivered, or after it was ordered."""

    after: Literal["delivery", "order"] = "delivery"
    hours: Annotated[int, Field(ge=1, le=24)] = 18


AS_USUAL = Asking.model_construct()


class Experience(Model):
    """When a family's buyer knows what they have and is asked for a review: on one of these `days` after it arrived, or after the
    named milestone. Which of them is learned from how they answer; a happy moment moves it up, never before `earliest`."""

    days: Annotated[tuple[Annotated[int, Field(ge=0, le=90)], ...], Field(min_length=1, max_length=5)]
    earliest: Annotated[int, Field(ge=0, le=90)]
    milestone: Word | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Experience":
        if list(self.days) != sorted(set(self.days)):
            raise ValueError("days: expected rising days, each once")
        if self.earliest > self.days[0]:
            raise ValueError("earliest: expected a day not after the first of days")
        return self


class AddOn(Model):
    """One thing that goes with a family. `family` is what it is itself, `skus` is how one already bought is known."""

    name: Texts
    why: Texts
    url: Urls
    family: Word | None = None
    skus: tuple[str, ...] = ()


EXPERIENCES: Mapping[Kind, Experience] = {
    Kind.SOFTWARE: Experience.model_construct(days=(1, 3), earliest=0, milestone="first-use"),
    Kind.DURABLE: Experience.model_construct(days=(14, 17, 21), earliest=7),
    Kind.FASHION: Experience.model_construct(days=(3, 4, 5), earliest=2),
}
KNOWN_SOON = Experience.model_construct(days=(7, 10), earliest=3)

_NEEDS = {
    Kind.COMPLEX: "quick_start",
    Kind.DELICATE: "care",
    Kind.SOFTWARE: "onboarding",
    Kind.SUBSCRIPTION: "onboarding",
    Kind.WARRANTY: "registration",
}


class Family(Model):
    """One product family. `title` is how a sentence names it."""

    name: Word
    title: Texts
    kinds: tuple[Kind, ...]
    match: Match = Match.model_construct()
    quick_start: QuickStart | None = None
    care: Care | None = None
    onboarding: Onboarding | None = None
    registration: Registration | None = None
    tips: Tips | None = None
    reorder: Reorder | None = None
    survey: Asking = AS_USUAL
    check_in_days: Annotated[int, Field(ge=2, le=5)] = 4
    review: Experience | None = None
    return_reasons: tuple[ReturnReason, ...] = ()
    cross_sells: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _has_what_its_kinds_promise(self) -> "Family":
        for kind, part in _NEEDS.items():
            if kind in self.kinds and getattr(self, part) is None:
                raise ValueError(f"{part}: expected, because the kinds have {kind}")
        if not any(kind in self.kinds for kind in _NEEDS) and self.tips is None:
            raise ValueError("tips: expected, because no kind brings a guide")
        if self.reorder and self.reorder.offers == "care" and not self.cross_sells:
            raise ValueError("cross_sells: expected, because reorder offers care")
        return self

    @property
    def experience(self) -> Experience:
        """When it is known well enough to be reviewed; by its kinds, where the family does not say."""
        if self.review:
            return self.review
        return next((EXPERIENCES[kind] for kind in EXPERIENCES if kind in self.kinds), KNOWN_SOON)


class Catalogue(Model):
    """All families, in the order in which they are asked."""

    default: Word
    families: dict[Word, Family]
    add_ons: dict[Word, AddOn] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, read: Any) -> Any:
        """A family is named by its key."""
        if isinstance(read, dict) and isinstance(read.get("families"), dict):
            families = {n: {"name": n, **f} if isinstance(f, dict) else f for n, f in read["families"].items()}
            return {**read, "families": families}
        return read

    @model_validator(mode="after")
    def _complete(self) -> "Catalogue":
        if self.default not in self.families:
            raise ValueError(f"default: expected one of families, found {self.default}")
        if self.families[self.default].tips is None:
            raise ValueError(f"families.{self.default}.tips: expected, because unknown products get them")
        for name, family in self.families.items():
            unknown = [a for a in family.cross_sells if a not in self.add_ons]
            if unknown:
                raise ValueError(f"families.{name}.cross_sells: expected names of add_ons, found {unknown[0]}")
        for name, add_on in self.add_ons.items():
            if add_on.family and add_on.family not in self.families:
                raise ValueError(f"add_ons.{name}.family: expected one of families, found {add_on.family}")
        return self

    def family(self, name: str) -> Family:
        """The family of that name, or the default one when a name from an older catalogue is gone."""
        return self.families.get(name) or self.families[self.default]

    def family_of(self, line: OrderLine) -> Family:
        """The family of a line, by the order at the head of catalogue.yaml; the default family for an unknown product."""
        index = self._index
        for word in (*line.tags, line.product_type or ""):
            named = word.strip().lower().removeprefix(OVERRIDE) if word.strip().lower().startswith(OVERRIDE) else None
            if named in self.families:
                return self.families[named]
        if line.product_ref in index.ids:
            return index.ids[line.product_ref]
        if line.sku:
            for prefix, family in index.prefixes:
                if line.sku.startswith(prefix):
                    return family
        if line.product_type and (by_type := index.types.get(line.product_type.strip().lower())):
            return by_type
        by_tag = index.first(index.tags, (tag.strip().lower() for tag in line.tags))
        return by_tag or index.first(index.words, _words(line.title)) or self.families[self.default]

    @cached_property
    def _index(self) -> "_Index":
        return _Index(self.families)

    def by_family(self, lines: Iterable[OrderLine]) -> dict[str, tuple[OrderLine, ...]]:
        """The lines that are goods of ours, by family, in their order: no gift cards, nothing that was taken off the order."""
        found: dict[str, tuple[OrderLine, ...]] = {}
        for line in lines:
            if line.quantity and not line.gift_card:
                name = self.family_of(line).name
                found[name] = (*found.get(name, ()), line)
        return found


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w'-]+", text.lower()))


class _Index:
    """The families by what lines have; where two claim the same, the first in the file has it."""

    def __init__(self, families: Mapping[str, Family]) -> None:
        self.ids: dict[str | None, Family] = {}
        self.types: dict[str, Family] = {}
        self.tags: dict[str, Family] = {}
        self.words: dict[str, Family] = {}
        self.prefixes: list[tuple[str, Family]] = []
        self.rank = {name: place for place, name in enumerate(families)}
        for family in families.values():
            for product_id in family.match.product_ids:
                self.ids.setdefault(product_id, family)
            for place, names in (
                (self.types, family.match.product_types),
                (self.tags, family.match.tags),
                (self.words, family.match.title_words),
            ):
                for name in names:
                    place.setdefault(name.lower(), family)
            self.prefixes += [(prefix, family) for prefix in family.match.sku_prefixes]

    def first(self, place: Mapping[str, Family], names: Iterable[str]) -> Family | None:
        """The family that stands first in the file among those that the names mean."""
        found = [place[name] for name in names if name in place]
        return min(found, key=lambda family: self.rank[family.name]) if found else None


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue of this deployment, read once. ContentError."""
    return read_content(Path("catalogue.yaml"), Catalogue)
