"""By how many days a parcel is late if it is: a range from the forecast's own quantiles."""

import math
from datetime import datetime, timedelta
from itertools import pairwise

from aftercare.forecast import Forecast

EARLY, LATE = 0.2, 0.8
"""The range holds the middle sixty percent of the cases in which it is late."""

_DAY = timedelta(days=1)


def extra_days(forecast: Forecast) -> tuple[int, int]:
    """Whole days after the promise, from and to, at least 1; (1, 1) where nothing was promised."""
    promised, late = forecast.promised_by, forecast.late_probability
    if promised is None or late is None:
        return 1, 1
    first = _days(_at(forecast, promised, 1 - late + EARLY * late) - promised)
    last = _days(_at(forecast, promised, 1 - late + LATE * late) - promised)
    return first, max(first, last)


def _days(by: timedelta) -> int:
    return max(1, math.ceil(by / _DAY - 1e-9))


def _at(forecast: Forecast, promised: datetime, share: float) -> datetime:
    """The quantile of a share, straight between the points that are known: (on time, promise), (.5, P50) and (.9, P90)."""
    known = [(1 - (forecast.late_probability or 0.0), promised)]
    known += [
        (s, at) for s, at in ((0.1, forecast.p10), (0.5, forecast.p50), (0.9, forecast.p90)) if s > known[0][0] and at > promised
    ]
    for (low, early), (high, late) in pairwise(known):
        if share <= high:
            return early + (late - early) * ((share - low) / (high - low))
    return known[-1][1]
