"""What customers do and write elsewhere: reviews, mentions, milestones as facts, and the words as they lie in their history."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from aftercare.customer import Ref, Text
from aftercare.facts import Locale, OfSomebody, Written
from aftercare.model import Model

Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._=+/-]{1,64}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Score = Annotated[int, Field(ge=1, le=5)]


class ReviewFact(OfSomebody):
    """A customer's review of a product, or of an order. One that is told again under its ref was changed."""

    type: Literal["ReviewPosted"]
    ref: Ref
    score: Score | None = None
    title: Text = ""
    text: Written = ""
    locale: Locale | None = None
    sku: Sku | None = None


class MentionFact(OfSomebody):
    """A customer spoke of the shop in public. The store's tool knows whose account it is; what it does not know is nobody's."""

    type: Literal["SocialMentioned"]
    ref: Ref
    network: Slug
    text: Written = ""
    locale: Locale | None = None
    sku: Sku | None = None


class MilestoneFact(OfSomebody):
    """A customer got somewhere with what they bought: `first-use`, `set-up`, or a name of the store's own."""

    type: Literal["MilestoneReached"]
    milestone: Slug
    sku: Sku | None = None


SHAPES: dict[str, type[OfSomebody]] = {
    "ReviewPosted": ReviewFact,
    "SocialMentioned": MentionFact,
    "MilestoneReached": MilestoneFact,
}


class Words(Model):
    """What was written and with which score; `order` is `<shop>:<reference>` where it names one, `network` a mention's."""

    order: str | None = None
    sku: str | None = None
    network: str | None = None
    score: Score | None = None
    title: str = ""
    text: str = ""
    locale: str | None = None

    @property
    def any(self) -> bool:
        return bool(self.title or self.text)
