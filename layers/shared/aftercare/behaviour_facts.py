"""Facts of what a customer does in the store, and their leave to note it. Loaded with the first such fact.

None of them keeps a word of its own: products lead to a family of the catalogue, pages and contents are of a closed list.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from aftercare.customer import Contact, Ref, Text
from aftercare.facts import ConsentFact, OfSomebody, Sku
from aftercare.model import Instant, Model

PageKind = Literal["home", "category", "search", "cart", "guide", "help", "account", "policy", "other"]
ContentKind = Literal["product", "guide", "review", "collection", "other"]


class _Product(OfSomebody):
    """What was looked at, as an order's line would name it: enough to find its family."""

    product_ref: Ref | None = None
    sku: Sku | None = None
    product_type: Text | None = None
    tags: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    order_ref: Ref | None = None
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()


class ViewFact(_Product):
    """Somebody who is known looked at a product."""

    type: Literal["ProductViewed"]
    occurred_at: Instant

    @model_validator(mode="after")
    def _of_a_product(self) -> "ViewFact":
        if not (self.product_ref or self.sku or self.product_type):
            raise ValueError("expected product_ref, sku or product_type")
        return self


class VisitFact(_Product):
    """Somebody who is known saw a page; of a category's or a guide's the product says what it is about."""

    type: Literal["PageVisited"]
    occurred_at: Instant
    page: PageKind


class ShareFact(_Product):
    """Somebody who is known shared something of the store."""

    type: Literal["ContentShared"]
    occurred_at: Instant
    content: ContentKind


class LoginFact(OfSomebody):
    """A customer logged in to their account, or opened the store's app as who they are."""

    type: Literal["LoggedIn"]
    occurred_at: Instant
    surface: Literal["web", "app"]
    order_ref: Ref | None = None
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()


BEHAVIOUR = "behaviour"


class Leave(Model):
    """Leave to note what somebody looks at: given or withdrawn. It is about no channel, and it is nobody's but theirs to give."""

    purpose: Literal["behaviour"]
    says: Literal["given", "withdrawn"]
    said_at: Instant | None = None
    wording: Text | None = None
    text: Text | None = None


class LeaveFact(ConsentFact):
    """A ConsentChanged that says something of the purpose `behaviour`, among other things or alone."""

    type: Literal["ConsentChanged"]
    behaviour: Annotated[tuple[Leave, ...], Field(min_length=1, max_length=5)]

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, told: Any) -> Any:
        if not isinstance(told, dict) or not isinstance(told.get("said"), list | tuple):
            return told
        leave = [one for one in told["said"] if _of_behaviour(one)]
        return {**told, "said": [one for one in told["said"] if not _of_behaviour(one)], "behaviour": leave}


def _of_behaviour(one: Any) -> bool:
    return isinstance(one, dict) and one.get("purpose") == BEHAVIOUR
