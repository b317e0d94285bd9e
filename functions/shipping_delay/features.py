"""What is known of a parcel beforehand, from the order and the shipment; a feature that nobody told takes no part."""

import re
from datetime import datetime

from aftercare.clock import iso, parse_iso
from aftercare.customer import Order
from aftercare.forecast import Forecast
from aftercare.shipment import Shipment
from aftercare.shipment_details import Origin
from shipping_delay.parcel import Parcel

LONGEST = 40
_NOT_A_SIGN = re.compile(r"[^A-Z0-9]+")
ORDERED = "ordered_at"


def _code(text: str | None) -> str | None:
    """A place's or a service's name in one spelling, short enough for a key."""
    return _NOT_A_SIGN.sub("-", (text or "").upper()).strip("-")[:LONGEST] or None


def _postcode(text: str | None) -> str | None:
    return _NOT_A_SIGN.sub("", (text or "").upper())[:10] or None


def _region(country: str | None, region: str | None) -> str | None:
    return "-".join(part for part in (country, _code(region)) if part) or None


def parcel_of(order: Order, shipment: Shipment | None, origin: Origin, handed_at: datetime) -> Parcel:
    """The model's parcel. `origin` is the store's own, for a shipment that does not say where it starts."""
    start = shipment.origin if shipment and shipment.origin != Origin() else origin
    freight = sum((float(fee.amount.amount) for fee in order.fees if fee.kind == "shipping"), start=0.0)
    carriers = [parcel.carrier for parcel in shipment.current if parcel.carrier] if shipment else []
    return Parcel(
        handed_at=handed_at,
        promised_by=order.estimated_until,
        origin_region=_region(start.country, start.region),
        destination_region=_region(order.country, order.region),
        origin_postcode=_postcode(start.postcode),
        destination_postcode=_postcode(order.postcode),
        seller=_code(start.location),
        weight_g=float(shipment.weight_grams) if shipment and shipment.weight_grams else None,
        freight=freight or None,
        carrier=carriers[0] if carriers else None,
        service=_code(shipment.service) if shipment else None,
        destination_country=order.country,
    )


_KEPT = tuple(name for name in Parcel._fields if name not in ("handed_at", "promised_by"))


def kept(parcel: Parcel, ordered_at: datetime | None) -> dict[str, str | float]:
    """The features as they lie on the record, to learn from later."""
    found = {name: getattr(parcel, name) for name in _KEPT if getattr(parcel, name) is not None}
    return {**found, **({ORDERED: iso(ordered_at)} if ordered_at else {})}


def parcel_from(forecast: Forecast) -> Parcel | None:
    """The parcel as it was forecast at hand-over; None for a forecast that stands on nothing."""
    if forecast.handed_at is None or not forecast.basis:
        return None
    features = {name: value for name, value in forecast.features.items() if name in _KEPT}
    promised = forecast.promised_by if forecast.promise == "shop" else None
    return Parcel(handed_at=forecast.handed_at, promised_by=promised, **features)  # type: ignore[arg-type]


def ordered_at(forecast: Forecast) -> datetime | None:
    text = forecast.features.get(ORDERED)
    return parse_iso(text) if isinstance(text, str) else None
