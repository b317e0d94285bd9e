"""What runs out when, by product family, and what the customer said of it: one item of their history (`9#REORDERS`).

reorder_reminder keeps it; the page where a reminder's links lead adds what the customer says.
"""

from collections.abc import Container
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from aftercare import keys
from aftercare.model import Instant, Model
from aftercare.money import Money
from aftercare.offer_words import Saying
from aftercare.proposal import Word
from aftercare.subscription_words import Every, SubscriptionStatus
from aftercare.table import Item, Tables

AGAIN = "again"
"""The offer to buy the same again; others are names of add-ons."""

Arm = Literal["reminded", "held-out"]

LATER_DAYS = (7, 14, 30, 60)
MOST_LEFT = 1000


class Remark(Model):
    """What a customer said of an offer: `days` for `later`, `left` pieces (or packs) for `left`."""

    what: Saying
    at: Instant
    offer: Word = AGAIN
    days: Annotated[int, Field(ge=1, le=365)] | None = None
    left: Annotated[int, Field(ge=0, le=MOST_LEFT)] | None = None


class Running(Model):
    """What the last purchase of a family set going.

    `key` names its wait, by the purchase that set it; `first` says whether it is worth a reminder before the last look. It is
    reminded of on `day`, in days from the purchase, and looked at for the last time on `nudge_day`. `chance` is P(hit),
    `nudge_chance` that of the second reminder; `basis` and `features` are what they stood on. `taught` says that the outcome
    has been learned from. While some are held out to measure what reminders do, `arm` is the customer's side since `tried_at`.
    """

    order: str
    at: Instant
    product: str
    key: str
    first: bool
    day: int
    nudge_day: int
    chance: float
    nudge_chance: float
    basis: tuple[float, ...] = ()
    features: tuple[float, ...] = ()
    taught: bool = False
    arm: Arm | None = None
    tried_at: Instant | None = None
    later_until: Instant | None = None


class Subscription(Model):
    """What a store said last of a subscription, `as_of` then; `order` is the one that it came from, `every` its period,
    `single_price` what one delivery would cost without it. `wait` is the key of the wait for its next renewal."""

    as_of: Instant
    status: SubscriptionStatus
    order: str | None = None
    every: Every | None = None
    next_at: Instant | None = None
    single_price: Money | None = None
    wait: str | None = None


class Reorders(Model):
    """All of a customer. `told` are intervals in days that the customer told, by family, the newest last; `never` the families
    that they want no reminder of; `said` what they said last of each offer (`place_of`), and `heard` the instant of what has
    been taken in.
    `subscriptions` are theirs by `<shop>:<reference>`."""

    version: int = 0
    running: dict[Word, Running] = Field(default_factory=dict)
    told: dict[Word, tuple[float, ...]] = Field(default_factory=dict)
    never: tuple[Word, ...] = ()
    said: dict[str, Remark] = Field(default_factory=dict)
    heard: dict[str, Instant] = Field(default_factory=dict)
    subscriptions: dict[str, Subscription] = Field(default_factory=dict)

    def with_running(self, family: str, running: Running | None) -> "Reorders":
        others = {name: one for name, one in self.running.items() if name != family}
        return self.model_copy(update={"running": others if running is None else {**others, family: running}})

    def with_subscription(self, key: str, subscription: Subscription) -> "Reorders":
        return self.model_copy(update={"subscriptions": {**self.subscriptions, key: subscription}})


NONE = Reorders.model_construct()


def place_of(family: str, offer: str) -> str:
    """What is said of buying a family again lies under the family, what is said of another offer beside it."""
    return family if offer == AGAIN else f"{family}:{offer}"


def place(customer_id: str) -> keys.Key:
    return keys.customer(customer_id, keys.REORDERS)


def reorders_from(item: Item | None) -> Reorders:
    return Reorders.model_validate_json(str(item["doc"])) if item else NONE


def read(tables: Tables, customer_id: str) -> Reorders:
    """Throttled."""
    return reorders_from(tables.read([place(customer_id)]).get(place(customer_id)))


def taken_in(kept: Reorders, family: str, said: Remark) -> Reorders:
    """The record after a customer said something of a family. A tap that something is of use takes no wish back."""
    changes: dict[str, object] = {"said": {**kept.said, place_of(family, said.offer): said}}
    others = tuple(name for name in kept.never if name != family)
    if said.offer == AGAIN and said.what != "useful":
        changes["never"] = (*others, family) if said.what == "not-for-me" else others
    return kept.model_copy(update=changes)


def lasts(said: Remark, bought_at: datetime, quantity: float, usual: float) -> float | None:
    """How many days a purchase lasts by what was left of it, or by when they want to hear again. None for what says nothing.

    What is used up at an even pace lasts `elapsed x bought / used`; who has used none of it yet needs `usual` days for all of it.
    """
    elapsed = (said.at - bought_at) / timedelta(days=1)
    if said.what == "later" and said.days:
        return elapsed + said.days
    if said.what == "left" and said.left is not None and elapsed > 0:
        used = quantity - said.left
        return elapsed * quantity / used if used > 0 else elapsed + said.left * usual / quantity
    return None


def offers(kept: Reorders, families: Container[str]) -> tuple[str, ...]:
    """The families that there is something to say of, and that the catalogue has."""
    return tuple(name for name in dict.fromkeys((*kept.running, *kept.never)) if name in families)
