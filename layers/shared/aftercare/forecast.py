"""When parcels will be there, as it is written on the records of orders and shipments."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from aftercare.model import Model


class Forecast(Model):
    """When the parcels will be there, written by shipping_delay: instants at 10, 50 and 90 percent, and how likely they come
    later than was promised (0 to 1).

    Transit counts from `handed_at` (expected, where nobody has the parcels yet). `promised_by` is the end of the promised
    time: the shop's own, or with `promise` = window the end of the window that the customer was first told. `basis` and
    `features` are what the forecast at hand-over stood on, kept to learn from the outcome.
    """

    p10: AwareDatetime
    p50: AwareDatetime
    p90: AwareDatetime
    late_probability: Annotated[float, Field(ge=0, le=1)] | None = None
    forecast_at: AwareDatetime
    handed_at: AwareDatetime | None = None
    promised_by: AwareDatetime | None = None
    promise: Literal["shop", "window"] = "shop"
    basis: tuple[float, ...] = ()
    features: dict[str, str | float] = Field(default_factory=dict)
