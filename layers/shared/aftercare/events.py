"""The catalogue: every event that may stand on the aftercare bus, its source and the shape of its data.

Events carry ids, times, numbers and enumerated words; never a name, an address, free text or a link.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aftercare.event import Event
from aftercare.model import Model
from aftercare.parcel_status import ShipmentStatus

if TYPE_CHECKING:
    from aftercare.feedback_events import CaseData as CaseData
    from aftercare.feedback_events import CueData as CueData
    from aftercare.rare_events import ConsentData as ConsentData
    from aftercare.rare_events import FreshLinkData as FreshLinkData
    from aftercare.rare_events import InboundData as InboundData
    from aftercare.rare_events import MessageData as MessageData
    from aftercare.rare_events import PaymentData as PaymentData
    from aftercare.rare_events import PublicationData as PublicationData
    from aftercare.rare_events import RefundData as RefundData
    from aftercare.rare_events import RequestData as RequestData
    from aftercare.rare_events import ReturnData as ReturnData
    from aftercare.rare_events import SentData as SentData
    from aftercare.rare_events import StockData as StockData
    from aftercare.rare_events import SubscriptionData as SubscriptionData
    from aftercare.rare_events import SubscriptionStateData as SubscriptionStateData


class CustomerData(Model):
    customer_id: str


class OrderData(CustomerData):
    order: str


class ShipmentData(OrderData):
    """`order` is the first of the orders that the shipment serves; all are on its record."""

    shipment: str


class ParcelData(ShipmentData):
    """`parcel` is a short name (Parcel.id); None speaks of the whole shipment, where nobody speaks of its parcels by number."""

    parcel: str | None
    status: ShipmentStatus


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue."""

    detail_type: str
    source: str
    shape: type[Model] | str
    """The shape of its data; of what few orders bring its name, in feedback_events.py or after the name of another module, which
    is loaded with the first of them: each field of a model costs every cold start 65 calls."""

    @property
    def data(self) -> type[Model]:
        return _named(self.shape) if isinstance(self.shape, str) else self.shape


@cache
def _named(shape: str) -> type[Model]:
    module, _, name = shape.rpartition(".")
    found: type[Model] = getattr(import_module(f"aftercare.{module or 'feedback_events'}"), name)
    return found


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
        Kind("OrderRefunded", "aftercare.orders", "rare_events.RefundData"),
        Kind("OrderDeleted", "aftercare.orders", OrderData),
        Kind("OrderShipped", "aftercare.orders", ShipmentData),
        Kind("OrderDelivered", "aftercare.orders", OrderData),
        Kind("ItemOutOfStock", "aftercare.orders", "rare_events.StockData"),
        Kind("ReturnRequested", "aftercare.orders", "rare_events.ReturnData"),
        Kind("ReturnApproved", "aftercare.orders", "rare_events.ReturnData"),
        Kind("ReturnExpired", "aftercare.orders", "rare_events.ReturnData"),
        Kind("ReturnDeclined", "aftercare.orders", "rare_events.ReturnData"),
        Kind("ReturnReceived", "aftercare.orders", "rare_events.ReturnData"),
        Kind("ReturnSettled", "aftercare.orders", "rare_events.ReturnData"),
        Kind("ShipmentCreated", "aftercare.shipments", ShipmentData),
        Kind("ShipmentUpdated", "aftercare.shipments", ShipmentData),
        Kind("ShipmentCancelled", "aftercare.shipments", ShipmentData),
        Kind("ShipmentMoved", "aftercare.shipments", ParcelData),
        Kind("ShipmentScanned", "aftercare.shipments", ParcelData),
        Kind("ShipmentStalled", "aftercare.shipments", ParcelData),
        Kind("ShipmentEtaChanged", "aftercare.shipments", ParcelData),
        Kind("DeliveryAssumed", "aftercare.shipments", OrderData),
        Kind("SubscriptionUpdated", "aftercare.subscriptions", "rare_events.SubscriptionStateData"),
        Kind("SubscriptionRenewed", "aftercare.subscriptions", "rare_events.SubscriptionData"),
        Kind("PaymentFailed", "aftercare.subscriptions", "rare_events.PaymentData"),
        Kind("SupportCaseOpened", "aftercare.support", "CaseData"),
        Kind("SupportCaseAnswered", "aftercare.support", "CaseData"),
        Kind("SupportCaseClosed", "aftercare.support", "CaseData"),
        Kind("CueGiven", "aftercare.feedback", "CueData"),
        Kind("OfferAnswered", "aftercare.feedback", "OfferAnsweredData"),
        Kind("SurveyAnswered", "aftercare.feedback", "AnswerData"),
        Kind("FeedbackRead", "aftercare.feedback", "FeedbackData"),
        Kind("FeedbackClassified", "aftercare.feedback", "ClassifiedData"),
        Kind("RescueOverdue", "aftercare.support", "RescueData"),
        Kind("ReviewPosted", "aftercare.feedback", "ReviewData"),
        Kind("SocialMentioned", "aftercare.feedback", "MentionData"),
        Kind("ReturnExplained", "aftercare.feedback", "ExplainedData"),
        Kind("MediaShared", "aftercare.feedback", "MediaData"),
        Kind("RepostDecided", "aftercare.feedback", "RepostData"),
        Kind("MilestoneReached", "aftercare.feedback", "MilestoneData"),
        Kind("ProductViewed", "aftercare.behaviour", "behaviour_events.ViewData"),
        Kind("InterestRose", "aftercare.behaviour", "behaviour_events.RiseData"),
        Kind("LoggedIn", "aftercare.behaviour", "behaviour_events.LoginData"),
        Kind("PageVisited", "aftercare.behaviour", "behaviour_events.VisitData"),
        Kind("ContentShared", "aftercare.behaviour", "behaviour_events.ShareData"),
        Kind("ProductRestocked", "aftercare.products", "rare_events.PublicationData"),
        Kind("AnnouncementPublished", "aftercare.products", "rare_events.PublicationData"),
        Kind("CustomerCreated", "aftercare.customers", CustomerData),
        Kind("CustomerUpdated", "aftercare.customers", CustomerData),
        Kind("CustomerTagged", "aftercare.customers", CustomerData),
        Kind("SegmentChanged", "aftercare.customers", "SegmentData"),
        Kind("CustomerErasureRequested", "aftercare.customers", "rare_events.RequestData"),
        Kind("CustomerExportRequested", "aftercare.customers", "rare_events.RequestData"),
        Kind("ShopErasureRequested", "aftercare.customers", "rare_events.RequestData"),
        Kind("FreshLinkAsked", "aftercare.customers", "rare_events.FreshLinkData"),
        Kind("ConsentChanged", "aftercare.consent", "rare_events.ConsentData"),
        Kind("ConsentObserved", "aftercare.consent", "rare_events.ConsentData"),
        Kind("AddressSuppressed", "aftercare.consent", CustomerData),
        Kind("MessageSent", "aftercare.messages", "rare_events.SentData"),
        Kind("MessageUnresolved", "aftercare.messages", "rare_events.MessageData"),
        Kind("InboundMessage", "aftercare.messages", "rare_events.InboundData"),
    )
}


if not TYPE_CHECKING:  # to a type checker any name would be there
    _ELSEWHERE = {kind.shape.rpartition(".")[2]: kind for kind in CATALOGUE.values() if isinstance(kind.shape, str)}

    def __getattr__(name: str) -> type[Model]:
        """The shapes that lie elsewhere, as if they lay here."""
        if name not in _ELSEWHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = shape = _ELSEWHERE[name].data
        return shape


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
