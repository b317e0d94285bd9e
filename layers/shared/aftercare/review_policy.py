"""How a store asks for reviews, content/reviews.yaml: where they are written, in which words, with which thanks.

`ContentError` names file, field and what was expected.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from aftercare import keys
from aftercare.content import read_content
from aftercare.customer import OrderLine
from aftercare.language import Texts
from aftercare.model import Model
from aftercare.money import Money
from aftercare.proposal import Word
from aftercare.weblink import Https, encoded

Kind = Literal["none", "points", "contest", "discount", "exclusive"]
"""What a customer gets for a review, whatever it says."""

KINDS: tuple[Kind, ...] = get_args(Kind)


class Where(Model):
    """The public page on which a product is reviewed: `url` may hold {sku} and {product} (the store's product id); a product that
    lacks them is reviewed on the page `all`."""

    url: Annotated[str, Field(pattern=r"^https://[^\s\"'<>]{1,1000}$")]
    all: Https

    @model_validator(mode="after")
    def _only_known_placeholders(self) -> "Where":
        if not {name for _, name, _, _ in Formatter().parse(self.url) if name is not None} <= {"sku", "product"}:
            raise ValueError("url: expected only {sku} and {product}")
        return self

    def of(self, line: OrderLine) -> str:
        values = {"sku": encoded(line.sku or ""), "product": encoded(line.product_ref or "")}
        lacks = any(not values[name] for _, name, _, _ in Formatter().parse(self.url) if name)
        return self.all if lacks else self.url.format(**values)


class Incentive(Model):
    """One kind of thanks: `share` of the customers are offered it. `worth` is what one costs the store, `ceiling` what all that
    are promised in a calendar month may cost."""

    share: Annotated[Decimal, Field(ge=0, le=1)]
    worth: Money | None = None
    ceiling: Money | None = None
    title: Texts | None = None
    text: Texts | None = None


class Learning(Model):
    """How fast answers are believed: what all arms say together is worth `prior` requests to each; the share `explore` of the
    requests takes any."""

    prior: Annotated[float, Field(gt=0, le=10_000)]
    explore: Annotated[float, Field(ge=0, le=0.5)]


class ReviewPolicy(Model):
    """content/reviews.yaml."""

    page: Where
    shops: Mapping[str, Where] = Field(default_factory=dict)
    remind_after_days: Annotated[int, Field(ge=3, le=30)]
    apart_days: Annotated[int, Field(ge=1, le=7)]
    wordings: Annotated[tuple[Word, ...], Field(min_length=1)]
    learning: Learning
    incentives: Mapping[Kind, Incentive]

    @model_validator(mode="after")
    def _whole(self) -> "ReviewPolicy":
        if "none" not in self.incentives or sum(one.share for one in self.incentives.values()) != 1:
            raise ValueError("incentives: expected shares that are 1 together, one of them for none")
        for kind, one in self.incentives.items():
            if kind == "none":
                continue
            if not (one.worth and one.ceiling and one.title and one.text):
                raise ValueError(f"incentives.{kind}: expected worth, ceiling, title and text")
            if one.worth.amount <= 0 or one.worth.currency != one.ceiling.currency:
                raise ValueError(f"incentives.{kind}.worth: expected more than nothing, in the currency of its ceiling")
        return self

    def page_of(self, shop: str) -> Where:
        return self.shops.get(shop, self.page)

    def arm(self, customer_id: str) -> Kind:
        """Which thanks a customer is offered: the same for each of their orders, drawn without a look at anything they did."""
        at, passed = Decimal(str(keys.share(f"review-incentive#{customer_id}"))), Decimal()
        for kind in KINDS:
            passed += self.incentives[kind].share if kind in self.incentives else 0
            if at < passed:
                return kind
        return "none"


@lru_cache(maxsize=1)
def review_policy() -> ReviewPolicy:
    return read_content(Path("reviews.yaml"), ReviewPolicy)
