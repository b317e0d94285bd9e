"""How many notices are expected to prove needless, and how many proved so, of how many parcels.

Counted by calendar month (UTC); what counts is this month and the last.
"""

from datetime import datetime, timedelta

from shipping_delay.parcel import Counters, Increments

SHRINK = 100.0
"""Parcels without a notice that are taken as given, so that a new store's first notice is no hundred percent."""

HONEST = 10.0
"""Needless notices that are taken as rightly expected, before any outcome is known."""


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


def of_outcome(late_probability: float, late: bool, at: datetime) -> Increments:
    """What the arrival of a parcel that was told adds: how needless its notice was expected to be, and whether it was."""
    return {key(at): (0.0, 0.0, 1.0 - late_probability, 0.0 if late else 1.0)}


def departures(knowledge: Counters, at: datetime) -> float:
    """Parcels handed over this month and the last: none means that nobody tells of them."""
    return sum(knowledge[month][0] for month in keys(at) if month in knowledge)


def allows(knowledge: Counters, late_probability: float, most_per_100: float, at: datetime) -> bool:
    """Whether one more notice stays within so many needless ones per 100 parcels. One that cannot be needless always does.

    Expected ones weigh as many as came of them: a forecast that is too sure of itself would overdraw the budget.
    """
    needless = 1.0 - late_probability
    if needless <= 0.0:
        return True
    months = [knowledge[month] for month in keys(at) if month in knowledge]
    spent, expected, happened = (sum(month[place] for month in months if len(month) > place) for place in (1, 2, 3))
    weight = (HONEST + happened) / (HONEST + expected)
    return 100.0 * weight * (spent + needless) <= most_per_100 * (departures(knowledge, at) + SHRINK)
