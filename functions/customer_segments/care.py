"""Who is helped, asked, called or left alone when they stay away, by use, risk and value (content/segments.yaml). Pure."""

import math
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, NamedTuple

from aftercare.customer import Customer
from aftercare.segments import Bought, bought_by, segments_of
from aftercare.use import chance

if TYPE_CHECKING:
    from aftercare.segment_policy import Care, Does
    from customer_segments.use import Known

YEAR = 365
OVER = 400
"""Days of silence after which nobody is looked after any more."""


class Outlook(NamedTuple):
    """P(continued use), P(gone), and the cents that a call is expected to save."""

    use: float
    churn: float
    saves: int


def next_look(customer: Customer, rule: "Care", now: datetime) -> datetime | None:
    """When to look next whether somebody stays away: so many of their own intervals after their last order, then as long again;
    once, so many days after it, at who ordered once. None for who has ordered nothing, and for who is over."""
    known = bought_by(customer)
    step = _patience(known, rule)
    if step is None or known.last is None or (now.date() - known.last).days > OVER:
        return None
    at = datetime.combine(known.last, time(9), UTC) + step
    while at <= now and known.interval is not None:
        at += step
    return at if at > now else None


def overdue(customer: Customer, rule: "Care", now: datetime) -> bool:
    """Whether so long has gone by without an order."""
    known = bought_by(customer)
    step = _patience(known, rule)
    return step is not None and known.last is not None and (now.date() - known.last).days >= step.days


def _patience(known: Bought, rule: "Care") -> timedelta | None:
    """How long somebody may be silent before they are looked at; None for who has ordered nothing."""
    if known.last is None:
        return None
    return timedelta(days=rule.after_days if known.interval is None else max(known.interval * rule.after_intervals, 7.0))


def outlook(customer: Customer, known: "Known", rule: "Care", now: datetime) -> Outlook:
    return Outlook(use := use_of(known), churn := churn_of(bought_by(customer), rule, now), _saves(customer, use, churn, rule))


def use_of(known: "Known") -> float:
    """P(what was bought is still used): the signs on the record by what they are worth in the shop (aftercare.use)."""
    return chance(known.weights, known.signs)


def churn_of(known: Bought, rule: "Care", now: datetime) -> float:
    """P(gone), given the silence: who leaves does so after an order with the chance `drop`; who has not, orders at their own rate
    (Fader, Hardie and Lee 2005, with each customer's own rate in place of its distribution)."""
    if known.interval is None or known.last is None:
        return 0.0
    silence = (now.date() - known.last).days
    there = (1 - rule.drop) * math.exp(-silence / max(known.interval, 1.0))
    return rule.drop / (rule.drop + there)


def _saves(customer: Customer, use: float, churn: float, rule: "Care") -> int:
    """Cents of a year's expected spend, times the risk, times how often a call turns it. The largest currency counts."""
    known = bought_by(customer)
    if known.interval is None or not known.spent:
        return 0
    year = max(known.spent.values()) / known.orders * Decimal(YEAR / max(known.interval, 1.0))
    share = Decimal(str(rule.calls.saves)) * Decimal(str(round(max(churn, 1 - use), 6)))
    return int((year * share * 100).quantize(Decimal(1), ROUND_HALF_UP))


def does(customer: Customer, seen: Outlook, rule: "Care") -> "Does":
    """The first line of the table that fits."""
    value = segments_of(customer).value
    for line in rule.table:
        low = line.use is None or (line.use == "low") == (seen.use < rule.low_use)
        high = line.churn is None or (line.churn == "high") == (seen.churn >= rule.high_churn)
        if low and high and (not line.value or value in line.value):
            return line.does
    return "nothing"
