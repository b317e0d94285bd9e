"""Why a parcel is late, in one word of a closed list: the term that moved its forecast, and never a guess beside it."""

import math
from enum import StrEnum

from shipping_delay.parcel import Forecast

MATERIAL = 0.05
"""Log-days (five percent of the time on the way): a smaller effect is no reason."""


class Why(StrEnum):
    """The words of docs/messages.md."""

    ROUTE_BUSY = "route-busy"
    SEASONAL_VOLUME = "seasonal-volume"
    CARRIER_SLOW = "carrier-slow"
    AREA = "area"
    SELLER_HANDLING = "seller-handling"
    ON_THE_WAY = "on-the-way"
    UNKNOWN = "unknown"


_GROUPS = {
    "lane": Why.AREA,
    "distance": Why.AREA,
    "route": Why.AREA,
    "area": Why.AREA,
    "postcode": Why.AREA,
    "carrier": Why.CARRIER_SLOW,
    "service": Why.CARRIER_SLOW,
    "seller": Why.SELLER_HANDLING,
}


def why(now: Forecast, held_up: bool, unheard: bool, handling_days: float, in_peak: bool) -> Why:
    """The reason of a late forecast.

    `held_up`: a carrier said that something stops it. `unheard`: without its age it would not be late, so it is the silence
    that moved the forecast. `handling_days`: by so much it was handed over later than expected. Seasonal volume is said
    only inside a peak, and only where the pace of the network moved the forecast most.
    """
    if held_up or unheard:
        return Why.ON_THE_WAY
    moved: dict[Why, float] = {}
    for term, effect in now.drivers:
        if term in ("pace", "region pace"):
            slow = Why.SEASONAL_VOLUME if in_peak else Why.ROUTE_BUSY if term == "region pace" else Why.CARRIER_SLOW
            moved[slow] = moved.get(slow, 0.0) + effect
        elif term in _GROUPS:
            moved[_GROUPS[term]] = moved.get(_GROUPS[term], 0.0) + effect
    if handling_days > 0:
        late = math.log1p(handling_days / max(now.p50, 0.5))
        moved[Why.SELLER_HANDLING] = moved.get(Why.SELLER_HANDLING, 0.0) + late
    word, most = max(moved.items(), key=lambda one: (one[1], one[0]), default=(Why.UNKNOWN, 0.0))
    return word if most >= MATERIAL else Why.UNKNOWN
