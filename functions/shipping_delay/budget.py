"""How many needless notices are on the way of late: expected, decayed over about a month, summed in KnowledgeTable."""

from datetime import datetime

from shipping_delay.parcel import Counters, Increments, days

KEY = "alarms"
HALF_LIFE = 30.0  # days
SHRINK = 100.0  # parcels without a notice that are taken as given, so that a new store's first parcel is no hundred percent


def _grown(at: datetime) -> float:
    return float(2.0 ** (days(at) / HALF_LIFE))


def of_departure(at: datetime) -> Increments:
    """What a parcel that was handed over adds."""
    return {KEY: (_grown(at), 0.0)}


def of_notice(late_probability: float, at: datetime) -> Increments:
    """What a notice adds: as much of a needless one as the parcel is likely to come in time."""
    return {KEY: (0.0, _grown(at) * (1.0 - late_probability))}


def allows(knowledge: Counters, late_probability: float, most_per_100: float, at: datetime) -> bool:
    """Whether one more notice stays within so many needless ones per 100 parcels. One that cannot be needless always does."""
    needless = 1.0 - late_probability
    if needless <= 0.0:
        return True
    parcels, spent = (*knowledge.get(KEY, ()), 0.0, 0.0)[:2]
    grown = _grown(at)
    return 100.0 * (spent / grown + needless) / (parcels / grown + SHRINK) <= most_per_100
