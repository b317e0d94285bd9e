"""How many notices are expected to prove needless, of how many parcels: this calendar month (UTC) and the last."""

from datetime import datetime, timedelta

from shipping_delay.parcel import Counters, Increments

SHRINK = 100.0
"""Parcels without a notice that are taken as given, so that a new store's first notice is no hundred percent."""


def key(at: datetime) -> str:
    return f"alarms:{at:%Y-%m}"


def keys(at: datetime) -> tuple[str, str]:
    """What `allows` reads."""
    return key(at), key(at.replace(day=1) - timedelta(days=1))


def of_departure(at: datetime) -> Increments:
    """What a parcel that was handed over adds."""
    return {key(at): (1.0, 0.0)}


def of_notice(late_probability: float, at: datetime) -> Increments:
    """What a notice adds: as much of a needless one as the parcel is likely to come in time."""
    return {key(at): (0.0, 1.0 - late_probability)}


def departures(knowledge: Counters, at: datetime) -> float:
    """Parcels handed over this month and the last: none means that nobody tells of them."""
    return sum(knowledge[month][0] for month in keys(at) if month in knowledge)


def allows(knowledge: Counters, late_probability: float, most_per_100: float, at: datetime) -> bool:
    """Whether one more notice stays within so many needless ones per 100 parcels. One that cannot be needless always does."""
    needless = 1.0 - late_probability
    if needless <= 0.0:
        return True
    spent = sum(knowledge[month][1] for month in keys(at) if month in knowledge)
    return 100.0 * (spent + needless) <= most_per_100 * (departures(knowledge, at) + SHRINK)
