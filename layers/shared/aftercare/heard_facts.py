"""Facts of what customers write and reach elsewhere: reviews, mentions in public, milestones with what they bought."""

from typing import Annotated, Literal

from pydantic import Field

from aftercare.customer import Contact, Ref, Text
from aftercare.facts import Locale, OfSomebody, Sku, Slug, Written
from aftercare.media import MediaKind
from aftercare.model import Instant
from aftercare.weblink import Https


class ReviewFact(OfSomebody):
    """A customer's review of a product, or of an order. One that is told again under its ref was changed."""

    type: Literal["ReviewPosted"]
    occurred_at: Instant
    ref: Ref
    score: Annotated[int, Field(ge=1, le=5)] | None = None
    title: Text = ""
    text: Written = ""
    locale: Locale | None = None
    sku: Sku | None = None
    order_ref: Ref | None = None
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()


class MentionFact(OfSomebody):
    """A customer spoke of the shop in public. The store's tool knows whose account it is; what it does not know is nobody's."""

    type: Literal["SocialMentioned"]
    occurred_at: Instant
    ref: Ref
    network: Slug
    text: Written = ""
    locale: Locale | None = None
    sku: Sku | None = None
    order_ref: Ref | None = None
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()


class MediaFact(OfSomebody):
    """A customer shared a picture or a film of what they bought. Whether the store may show it is asked."""

    type: Literal["MediaShared"]
    occurred_at: Instant
    ref: Ref
    kind: MediaKind = "photo"
    network: Slug
    url: Https | None = None
    sku: Sku | None = None
    order_ref: Ref | None = None
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()


class MilestoneFact(OfSomebody):
    """A customer got somewhere with what they bought: `first-use`, `set-up`, or a name of the store's own."""

    type: Literal["MilestoneReached"]
    occurred_at: Instant
    milestone: Slug
    sku: Sku | None = None
    order_ref: Ref | None = None
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()
