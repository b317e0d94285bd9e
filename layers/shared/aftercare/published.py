"""What a store publishes about its products: something is there again, an offer, news, or a warning.

The texts are the store's and lie in KnowledgeTable under the publication's own key; events and proposals name that key. None
of it is about a person.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from aftercare import keys
from aftercare.consent import Purpose
from aftercare.facts import Locale
from aftercare.model import Instant, Model
from aftercare.product_facts import Audience, Body, Title
from aftercare.table import Item, Put, Tables
from aftercare.weblink import Https

PublicationKind = Literal["restock", "offer", "news", "safety"]

TOLD: Mapping[tuple[PublicationKind, Audience], tuple[str, Purpose]] = {
    ("restock", "asked"): ("restock-alert", Purpose.SERVICE),
    ("restock", "owners"): ("product-restocked", Purpose.PROMOTIONAL),
    ("offer", "asked"): ("announcement", Purpose.PROMOTIONAL),
    ("offer", "owners"): ("announcement", Purpose.PROMOTIONAL),
    ("news", "asked"): ("announcement", Purpose.PROMOTIONAL),
    ("news", "owners"): ("announcement", Purpose.PROMOTIONAL),
    ("safety", "owners"): ("safety-notice", Purpose.TRANSACTIONAL),
}
"""The template and the ground for each kind and audience (decision 0110). Who asked for a product is told by their own wish; a
warning has to reach who was sold the thing (Regulation (EU) 2023/988, Article 35); all else is advertising."""


class Publication(Model):
    """What is published, once by its `key` (`<shop>:<reference>`). `products` are `<shop>:<reference>`; `until` is when it is
    of no use any more. The texts are by language; a restock has a title (the product's name) and may have no text."""

    key: str
    kind: PublicationKind
    shop: str
    products: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    audience: Annotated[tuple[Audience, ...], Field(min_length=1)]
    title: dict[Locale, Title]
    text: dict[Locale, Body] = Field(default_factory=dict)
    url: Https
    published_at: Instant
    until: Instant | None = None


def put(publication: Publication, kept_until: int) -> Put:
    """The write that keeps a publication; a repeated one writes the same."""
    return Put(keys.publication(publication.key), {"doc": publication.to_json(), "expires_at": kept_until})


def publication_from(item: Item | None) -> Publication | None:
    return Publication.model_validate_json(str(item["doc"])) if item else None


def read(tables: Tables, key: str) -> Publication | None:
    """The publication of a key, or None where it is not kept any more. Throttled."""
    place = keys.publication(key)
    return publication_from(tables.read([place]).get(place))
