"""Who is helped, asked, called or left alone when they stay away, by use, risk and value (content/segments.yaml). Pure."""

import math
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, NamedTuple

from aftercare.behaviour import days_of
from aftercare.customer import Customer
from aftercare.feedback import said
from aftercare.segments import Bought, bought_by, segments_of

if TYPE_CHECKING:
    from aftercare.segment_policy import Care, Does, Sign

YEAR = 365
OVER = 400
"""Days of silence after which nobody is looked after any more."""


class Outlook(NamedTuple):
    """P(continued use), P(gone), and the cents that a call is expected to save."""

    use: float
    churn: float
    saves: int


def next_look(customer: Customer, rule: "Care", now: datetime) -> datetime | None:
    """When to look next whether somebody stays away: so many of their own intervals after their last order, then as long again.
    None for who has no interval, and for who is over."""
    known = bought_by(customer)
    if known.interval is None or known.last is None or (now.date() - known.last).days > OVER:
        return None
    step = timedelta(days=max(known.interval * rule.after_intervals, 7.0))
    at = datetime.combine(known.last, time(9), UTC) + step
    while at <= now:
        at += step
    return at


def overdue(customer: Customer, rule: "Care", now: datetime) -> bool:
    """Whether so many of their own intervals have gone by without an order."""
    known = bought_by(customer)
    if known.interval is None or known.last is None:
        return False
    return (now.date() - known.last).days >= int(max(known.interval * rule.after_intervals, 7.0))


def outlook(customer: Customer, rule: "Care", now: datetime) -> Outlook:
    return Outlook(
        use := use_of(customer, rule, now), churn := churn_of(bought_by(customer), rule, now), _saves(customer, use, churn, rule)
    )


def use_of(customer: Customer, rule: "Care", now: datetime) -> float:
    """P(what was bought is still used): the store's share, its odds multiplied for each sign on the record (naive Bayes)."""
    odds = rule.use.base / (1 - rule.use.base)
    heard = said(customer)
    felt = next((answer.felt for answer in reversed(heard.answers) if answer.felt), None)
    signs: dict[Sign, bool] = {
        "first-use": any(line.kind == "milestone" for line in heard.heard),
        "logged-in": days_of(customer.behaviour, "web", now, 30) + days_of(customer.behaviour, "app", now, 30) > 0,
        "good": felt == "good",
        "bad": felt == "bad",
        "open-case": any(case.open for case in customer.cases),
    }
    for sign, there in signs.items():
        odds *= rule.use.signs.get(sign, 1.0) if there else 1.0
    return odds / (1 + odds)


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
