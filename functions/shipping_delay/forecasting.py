"""A forecast as it lies on a record: instants to the second, the promise it is held against, and what it stood on."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from aftercare.forecast import Forecast
from shipping_delay.features import kept
from shipping_delay.parcel import Forecast as Predicted
from shipping_delay.parcel import Parcel, pack

DAY = timedelta(days=1)


def share(late: float | None) -> float | None:
    return None if late is None else round(min(1.0, max(0.0, late)), 4)


def end_of_day(at: datetime) -> datetime:
    """The midnight after it, UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def window_end(before: Forecast | None) -> datetime | None:
    """The end of the window that the customer was first told, where the shop itself promised nothing."""
    return before.promised_by if before and before.promise == "window" else None


def recorded(
    predicted: Predicted,
    parcel: Parcel,
    promised_by: datetime | None,
    before: Forecast | None,
    ordered_at: datetime | None,
    now: datetime,
) -> Forecast:
    """The forecast as it is kept. `promised_by` is the shop's own promise.

    What the first forecast after hand-over stood on stays as it was: that is what its outcome will teach.
    """
    stays = before if before and before.basis and before.handed_at == parcel.handed_at else None
    promise: Literal["shop", "window"] = "shop" if promised_by else "window"
    return Forecast(
        p10=_second(predicted.p10_at),
        p50=_second(predicted.p50_at),
        p90=_second(predicted.p90_at),
        late_probability=share(predicted.late_probability),
        forecast_at=now,
        handed_at=parcel.handed_at,
        promised_by=promised_by or window_end(before) or end_of_day(predicted.p90_at),
        promise=promise,
        basis=stays.basis if stays else tuple(pack(predicted.basis)),
        features=stays.features if stays else kept(parcel, ordered_at),
    )


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
