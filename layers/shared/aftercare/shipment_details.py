"""What a sender tells of a shipment and what is kept of it as it was told: its lines, its origin, the carrier's own date.

It stands apart from the record (aftercare.shipment): a fact about an order needs no shape of a parcel.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from aftercare.model import Instant, Model

PARCELS = 20
"""Parcels of one shipment that are followed."""

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._ -]{1,50}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Eta(Model):
    """When the carrier says it delivers: not later than `until`, told at `told_at`. A date without time is its end in UTC."""

    until: Instant
    since: Instant | None = None
    told_at: Instant


class ShippedLine(Model):
    """So many of an order's line are in a shipment. `order_ref` is needed only where a shipment serves several orders."""

    line_ref: str
    quantity: Annotated[int, Field(ge=1)] = 1
    order_ref: str | None = None


class Origin(Model):
    """Where a shipment starts, for what is learned of routes; `location` is the shop's own reference of warehouse or seller."""

    location: Code | None = None
    country: Country | None = None
    region: Code | None = None
    postcode: Code | None = None
