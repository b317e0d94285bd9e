"""The one list of a parcel's statuses and its order: what all who speak of parcels share without their records."""

from collections.abc import Mapping
from enum import StrEnum


class ShipmentStatus(StrEnum):
    """The one list (senders' words are mapped to it in store_intake)."""

    UNKNOWN = "unknown"
    LABEL_CREATED = "label_created"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_ATTEMPTED = "delivery_attempted"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERED = "delivered"
    RETURN_TO_SENDER = "return_to_sender"
    STALLED = "stalled"
    DELAYED = "delayed"
    EXCEPTION = "exception"
    LOST = "lost"
    CANCELLED = "cancelled"


RANK: Mapping[ShipmentStatus, int] = {
    ShipmentStatus.LABEL_CREATED: 1,
    ShipmentStatus.IN_TRANSIT: 2,
    ShipmentStatus.OUT_FOR_DELIVERY: 3,
    ShipmentStatus.DELIVERY_ATTEMPTED: 3,
    ShipmentStatus.READY_FOR_PICKUP: 3,
    ShipmentStatus.DELIVERED: 4,
    ShipmentStatus.RETURN_TO_SENDER: 5,
}
"""How far a parcel is. A higher rank is never left for a lower one; within a rank the latest scan counts, so an attempt and
the next day's round alternate. A parcel on its way back that is then `delivered` was delivered to its sender: it stays back."""

TROUBLES = (
    ShipmentStatus.STALLED,
    ShipmentStatus.DELAYED,
    ShipmentStatus.EXCEPTION,
    ShipmentStatus.LOST,
    ShipmentStatus.CANCELLED,
)
"""What stops a parcel, mildest first. It holds until a later scan shows the parcel moving: lost parcels are found, and a void
label is scanned after all. It says nothing about how far the parcel is, and nothing once it has arrived or gone back."""

MOVING = tuple(status for status, rank in RANK.items() if rank >= 2)
"""Statuses that a carrier's own hand gives: with the first of them it has the parcel."""

FINAL = (ShipmentStatus.DELIVERED, ShipmentStatus.RETURN_TO_SENDER)

AT_RISK = (ShipmentStatus.EXCEPTION, ShipmentStatus.LOST, ShipmentStatus.RETURN_TO_SENDER)
"""Where a parcel is of which its customer would rather hear than of offers."""
