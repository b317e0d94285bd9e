"""Facts about products rather than orders: somebody waits for one, one is there again, a store has something to say of some.

They stand apart from aftercare.facts because few deliveries bring one, and a cold start pays for every shape it builds.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from aftercare.customer import Contact, Ref
from aftercare.facts import MANY, Locale, Said
from aftercare.model import Instant, Model
from aftercare.shipment_details import Country
from aftercare.weblink import Https

Audience = Literal["asked", "owners"]
Title = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Body = Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)]


class AlertFact(Model):
    """A customer wants to hear when a product is there again. `consent` is what the form asked them."""

    type: Literal["RestockRequested"]
    occurred_at: Instant
    product_ref: Ref
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()
    locale: Locale | None = None
    country: Country | None = None
    consent: Annotated[tuple[Said, ...], Field(max_length=MANY)] = ()


class _Published(Model):
    """Something about products that is told to who asked for them or has bought them. `ref` names it once."""

    occurred_at: Instant
    ref: Ref
    url: Https
    until: Instant | None = None


class RestockFact(_Published):
    """A product is there again; `title` is its name."""

    type: Literal["ProductRestocked"]
    product_ref: Ref
    title: Title
    audience: Annotated[tuple[Audience, ...], Field(min_length=1)] = ("asked",)


class AnnouncementFact(_Published):
    """A store's word about products, its texts by language. `safety` is a warning that every owner has to hear, and only they."""

    type: Literal["AnnouncementPublished"]
    kind: Literal["offer", "news", "safety"]
    product_refs: Annotated[tuple[Ref, ...], Field(min_length=1, max_length=20)]
    title: Annotated[dict[Locale, Title], Field(min_length=1)]
    text: Annotated[dict[Locale, Body], Field(min_length=1)]
    audience: Annotated[tuple[Audience, ...], Field(min_length=1)] = ("owners",)

    @field_validator("audience")
    @classmethod
    def _of_a_warning(cls, audience: tuple[Audience, ...], said: ValidationInfo) -> tuple[Audience, ...]:
        if said.data.get("kind") == "safety" and "asked" in audience:
            raise ValueError("expected owners alone for a warning")
        return audience
