"""The data of events that most orders do not bring; aftercare.events has their place in the catalogue, and gives them by name."""

from typing import Literal

from pydantic import AwareDatetime, Field

from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import ReturnOutcome, ReturnReason
from aftercare.events import CustomerData, OrderData
from aftercare.model import Model
from aftercare.money import Money
from aftercare.reason import Reason, State
from aftercare.subscription_words import Every, SubscriptionStatus


class RequestData(Model):
    """A legal request; whose it is (several, or nobody known) lies with it under its reference."""

    request: str


class FreshLinkData(CustomerData):
    """`link` is the reference that the link's token is about."""

    link: str
    opens: Literal["orders", "export", "erase"]


class RefundData(OrderData):
    refund: str


class ReturnData(OrderData):
    """`lines` is how many of each line go back, `wish` what the customer wants for them, as far as anybody said."""

    return_ref: str
    lines: dict[str, int] = Field(default_factory=dict)
    reason: ReturnReason | None = None
    wish: ReturnOutcome | None = None
    outcome: ReturnOutcome | None = None


class SubscriptionData(OrderData):
    """`order` is the order that the renewal led to."""

    subscription: str


class SubscriptionStateData(CustomerData):
    """What a subscription is now. `order` is the order that it came from, `every` its period (ISO 8601), `single_price` what one
    delivery would cost without it."""

    subscription: str
    status: SubscriptionStatus
    order: str | None = None
    every: Every | None = None
    next_at: AwareDatetime | None = None
    single_price: Money | None = None


class PaymentData(CustomerData):
    subscription: str
    attempt: str
    order: str | None


class StockData(OrderData):
    lines: tuple[str, ...]
    expected_at: AwareDatetime | None


class ConsentData(CustomerData):
    channel: Channel
    purpose: Purpose
    says: Says


class MessageData(CustomerData):
    message: str
    state: State
    reason: Reason


class SentData(CustomerData):
    """A message that its provider took. `message` is its short name."""

    message: str
    template: str
    purpose: Purpose
    channel: Channel


class PublicationData(Model):
    """What a store published about its products, by its key: nobody's data, and all of it lies under the key."""

    publication: str


class InboundData(CustomerData):
    """A person wrote. `customer_id` is empty where the number is nobody's here; `wish` is stop, start, help or other. Of the
    last, `text_ref` names the text where it is kept (aftercare.inbound)."""

    channel: Channel
    wish: str
    text_ref: str | None = None
