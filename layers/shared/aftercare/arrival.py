"""When a parcel is expected, from what is known best: the same days in a message and on a page."""

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aftercare.customer import Order
from aftercare.shipment import Parcel, Shipment


class Window(NamedTuple):
    """The days between which something arrives, as far as they are known; `likely` where they are a forecast."""

    first: datetime | None
    last: datetime | None
    likely: bool = False


def expected(order: Order, shipment: Shipment | None, parcel: Parcel | None, now: datetime, zone: ZoneInfo) -> Window | None:
    """When it arrives: by our forecast, else by the carrier's word, else as the shop estimated. Nothing that is over already.

    `zone` is the reader's, in which days are counted.
    """
    offered = []
    if shipment and shipment.forecast:
        offered.append(Window(shipment.forecast.p10, shipment.forecast.p90, likely=True))
    eta = (parcel.eta if parcel else None) or (shipment.eta if shipment else None)
    if eta:
        offered.append(Window(_day_of(eta.since, zone), _day_of(eta.until, zone)))
    offered.append(Window(order.estimated_from, order.estimated_until))
    today = now.astimezone(zone).date()
    for window in offered:
        end = window.last or window.first
        if end and end.astimezone(zone).date() >= today:
            return window._replace(first=max(window.first, now) if window.first and window.last else window.first)
    return None


def _day_of(instant: datetime | None, zone: ZoneInfo) -> datetime | None:
    """A carrier's date without a time is kept as the last second of the day in UTC: that day is meant, wherever it is read."""
    if instant is None:
        return None
    there = instant.astimezone(UTC)
    return there.replace(hour=12, tzinfo=zone) if (there.hour, there.minute) == (23, 59) else instant
