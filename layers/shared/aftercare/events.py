"""The catalogue: every event that may stand on the aftercare bus, its source and the shape of its data.

Events carry ids, times, numbers and enumerated words; never a name, an address, free text or a link.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from aftercare.case_topic import CaseTopic
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Cue, ReturnOutcome, ReturnReason
from aftercare.event import Event
from aftercare.model import Model
from aftercare.parcel_status import ShipmentStatus
from aftercare.reason import Reason, State


class CustomerData(Model):
    customer_id: str


class RequestData(Model):
    """A legal request; whose it is (several, or nobody known) lies with it under its reference."""

    request: str


class FreshLinkData(CustomerData):
    """`link` is the reference that the link's token is about."""

    link: str
    opens: Literal["orders", "export", "erase"]


class OrderData(CustomerData):
    order: str


class RefundData(OrderData):
    refund: str


class ShipmentData(OrderData):
    """`order` is the first of the orders that the shipment serves; all are on its record."""

    shipment: str


class ParcelData(ShipmentData):
    """`parcel` is a short name (Parcel.id); None speaks of the whole shipment, where nobody speaks of its parcels by number."""

    parcel: str | None
    status: ShipmentStatus


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


class PaymentData(CustomerData):
    subscription: str
    attempt: str
    order: str | None


class StockData(OrderData):
    lines: tuple[str, ...]
    expected_at: AwareDatetime | None


class CaseData(CustomerData):
    """`words` says whether what the customer wrote is kept, to be read."""

    case: str
    topic: CaseTopic
    order: str | None
    words: bool = False


class CueData(OrderData):
    cue: Cue


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


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue."""

    detail_type: str
    source: str
    shape: type[Model] | str
    """The shape of its data; of what few functions tell or hear the name of one in feedback_events.py, which is loaded with the
    first of them: each field of a model costs every cold start 65 calls."""

    @property
    def data(self) -> type[Model]:
        if isinstance(self.shape, str):
            found: type[Model] = getattr(import_module("aftercare.feedback_events"), self.shape)
            return found
        return self.shape


CATALOGUE: Mapping[str, Kind] = {
    kind.detail_type: kind
    for kind in (
        Kind("OrderPlaced", "aftercare.orders", OrderData),
        Kind("OrderContactFound", "aftercare.orders", OrderData),
        Kind("OrderUpdated", "aftercare.orders", OrderData),
        Kind("OrderPaid", "aftercare.orders", OrderData),
        Kind("OrderEdited", "aftercare.orders", OrderData),
        Kind("OrderPartiallyFulfilled", "aftercare.orders", OrderData),
        Kind("OrderCompleted", "aftercare.orders", OrderData),
        Kind("OrderReadyForPickup", "aftercare.orders", OrderData),
        Kind("OrderCancelled", "aftercare.orders", OrderData),
        Kind("OrderRefunded", "aftercare.orders", RefundData),
        Kind("OrderDeleted", "aftercare.orders", OrderData),
        Kind("OrderShipped", "aftercare.orders", ShipmentData),
        Kind("OrderDelivered", "aftercare.orders", OrderData),
        Kind("ItemOutOfStock", "aftercare.orders", StockData),
        Kind("ReturnRequested", "aftercare.orders", ReturnData),
        Kind("ReturnApproved", "aftercare.orders", ReturnData),
        Kind("ReturnExpired", "aftercare.orders", ReturnData),
        Kind("ReturnDeclined", "aftercare.orders", ReturnData),
        Kind("ReturnReceived", "aftercare.orders", ReturnData),
        Kind("ReturnSettled", "aftercare.orders", ReturnData),
        Kind("ShipmentCreated", "aftercare.shipments", ShipmentData),
        Kind("ShipmentUpdated", "aftercare.shipments", ShipmentData),
        Kind("ShipmentCancelled", "aftercare.shipments", ShipmentData),
        Kind("ShipmentMoved", "aftercare.shipments", ParcelData),
        Kind("ShipmentScanned", "aftercare.shipments", ParcelData),
        Kind("ShipmentStalled", "aftercare.shipments", ParcelData),
        Kind("ShipmentEtaChanged", "aftercare.shipments", ParcelData),
        Kind("DeliveryAssumed", "aftercare.shipments", OrderData),
        Kind("SubscriptionRenewed", "aftercare.subscriptions", SubscriptionData),
        Kind("PaymentFailed", "aftercare.subscriptions", PaymentData),
        Kind("SupportCaseOpened", "aftercare.support", CaseData),
        Kind("SupportCaseAnswered", "aftercare.support", CaseData),
        Kind("SupportCaseClosed", "aftercare.support", CaseData),
        Kind("CueGiven", "aftercare.feedback", CueData),
        Kind("SurveyAnswered", "aftercare.feedback", "AnswerData"),
        Kind("FeedbackRead", "aftercare.feedback", "FeedbackData"),
        Kind("FeedbackClassified", "aftercare.feedback", "ClassifiedData"),
        Kind("RescueOverdue", "aftercare.support", "RescueData"),
        Kind("ReviewPosted", "aftercare.feedback", "ReviewData"),
        Kind("SocialMentioned", "aftercare.feedback", "MentionData"),
        Kind("ReturnExplained", "aftercare.feedback", "ExplainedData"),
        Kind("MilestoneReached", "aftercare.feedback", "MilestoneData"),
        Kind("ProductRestocked", "aftercare.products", PublicationData),
        Kind("AnnouncementPublished", "aftercare.products", PublicationData),
        Kind("CustomerCreated", "aftercare.customers", CustomerData),
        Kind("CustomerUpdated", "aftercare.customers", CustomerData),
        Kind("CustomerTagged", "aftercare.customers", CustomerData),
        Kind("CustomerErasureRequested", "aftercare.customers", RequestData),
        Kind("CustomerExportRequested", "aftercare.customers", RequestData),
        Kind("ShopErasureRequested", "aftercare.customers", RequestData),
        Kind("FreshLinkAsked", "aftercare.customers", FreshLinkData),
        Kind("ConsentChanged", "aftercare.consent", ConsentData),
        Kind("ConsentObserved", "aftercare.consent", ConsentData),
        Kind("AddressSuppressed", "aftercare.consent", CustomerData),
        Kind("MessageSent", "aftercare.messages", SentData),
        Kind("MessageUnresolved", "aftercare.messages", MessageData),
        Kind("InboundMessage", "aftercare.messages", InboundData),
    )
}


class UnknownEvent(ValueError):
    """A detail-type that the catalogue does not have, or data that is not of its shape."""


def make(
    detail_type: str,
    event_id: str,
    occurred_at: datetime,
    correlation_id: str,
    data: Model,
    dumped: dict[str, Any] | None = None,
) -> Event:
    """An event of the catalogue. UnknownEvent when the data is not of the shape that its type has.

    `dumped` is the data as JSON has it, where the caller has made it already.
    """
    kind = CATALOGUE.get(detail_type)
    if kind is None or type(data) is not kind.data:
        raise UnknownEvent(f"{detail_type} with {type(data).__name__} is not in the catalogue")
    return Event(
        id=event_id,
        type=detail_type,
        occurred_at=occurred_at,
        correlation_id=correlation_id,
        data=data.model_dump(mode="json") if dumped is None else dumped,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a function receives it from the bus."""

    type: str
    id: str
    occurred_at: datetime
    correlation_id: str
    data: Any


def told(envelope: Mapping[str, Any]) -> Told:
    """Read an EventBridge envelope of the aftercare bus. UnknownEvent naming type and field when it is not in the catalogue."""
    detail_type = str(envelope.get("detail-type"))
    kind = CATALOGUE.get(detail_type)
    if kind is None:
        raise UnknownEvent(f"detail-type {detail_type!r} is not in the catalogue")
    detail = envelope["detail"]
    metadata = detail["metadata"]
    return Told(
        type=detail_type,
        id=metadata["id"],
        occurred_at=datetime.fromisoformat(metadata["occurred_at"]),
        correlation_id=metadata["correlation_id"],
        data=kind.data.model_validate(detail["data"]),
    )
