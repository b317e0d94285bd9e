"""Small valid shipments for tests; each test says only what matters to it."""

from datetime import timedelta

from aftercare.forecast import Forecast
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment import Log, Parcel, Shipment, Span
from tests.builders import NOON

NUMBER = "00340434161094000001"
SHIPPED = NOON + timedelta(days=1)


def a_log(**scans) -> Log:
    """`in_transit=at`: the first and last scan of each status."""
    return Log(spans={ShipmentStatus(status): Span(first=at, last=at) for status, at in scans.items()})


def a_parcel(number=NUMBER, log=None, **more) -> Parcel:
    given = {"number": number, "carriers": ("dhl",), "log": log or a_log(), "status": ShipmentStatus.IN_TRANSIT}
    return Parcel(**{**given, **more})


def a_shipment(*parcels: Parcel, ref="S-1", **more) -> Shipment:
    """One parcel under way, scanned once by its carrier."""
    given = {
        "key": f"example:{ref}",
        "shop": "example",
        "ref": ref,
        "version": 3,
        "order_keys": ("example:1070",),
        "as_of": SHIPPED,
        "described_at": SHIPPED - timedelta(hours=3),
        "parcels": parcels or (a_parcel(log=a_log(in_transit=SHIPPED)),),
        "status": ShipmentStatus.IN_TRANSIT,
        "status_at": SHIPPED,
        "shipped_at": SHIPPED,
    }
    return Shipment(**{**given, **more})


def a_forecast(late=0.1, promised_days=7.0, p=(2.0, 3.0, 5.0), **more) -> Forecast:
    given = {
        "p10": SHIPPED + timedelta(days=p[0]),
        "p50": SHIPPED + timedelta(days=p[1]),
        "p90": SHIPPED + timedelta(days=p[2]),
        "late_probability": late,
        "forecast_at": SHIPPED,
        "handed_at": SHIPPED,
        "promised_by": SHIPPED + timedelta(days=promised_days),
    }
    return Forecast(**{**given, **more})
