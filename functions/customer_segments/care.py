"""Who is helped, asked, called or left alone when they stay away, by use, risk and value (content/segments.yaml). Pure."""

from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, NamedTuple

from aftercare.customer import Customer
from aftercare.prospects import Prospects, next_order_of, prospects_of
from aftercare.segments import bought_by, segments_of
from aftercare.use import chance

if TYPE_CHECKING:
    from aftercare.segment_policy import Care, Does
    from customer_segments.use import Known

OVER = 400
"""Days of silence after which nobody is looked after any more."""


class Outlook(NamedTuple):
    """P(continued use), P(gone), and the cents that a call is expected to save."""

    use: float
    churn: float
    saves: int


def next_look(customer: Customer, rule: "Care", now: datetime) -> datetime | None:
    """When to look next whether somebody stays away: so many times the wait that was expected with their last order, then as long
    again; once, so many days after it, at who ordered once. None for who has ordered nothing, and for who is over."""
    known, step = bought_by(customer), _step(customer, rule)
    if step is None or known.last is None or (now.date() - known.last).days > OVER:
        return None
    at = datetime.combine(known.last, time(9), UTC) + step
    while at <= now and known.interval is not None:
        at += step
    return at if at > now else None


def overdue(customer: Customer, rule: "Care", now: datetime) -> bool:
    """Whether so long has gone by without an order."""
    known, step = bought_by(customer), _step(customer, rule)
    return step is not None and known.last is not None and (now.date() - known.last).days >= step.days


def _step(customer: Customer, rule: "Care") -> timedelta | None:
    """How long somebody may be silent before they are looked at. The wait is P50 of the next order as it was expected with the
    last; their own mean where half never come."""
    known = bought_by(customer)
    if known.last is None:
        return None
    if known.interval is None:
        return timedelta(days=rule.after_days)
    expected = next_order_of(customer)
    wait = (expected.p50 - known.last).days if expected and expected.p50 else known.interval
    return timedelta(days=max(int(wait * rule.after_intervals), 7))


def outlook(customer: Customer, known: "Known", rule: "Care", now: datetime) -> Outlook:
    """P(gone) is that no order comes within `gone_days` (aftercare.prospects), 0 for who never came back: that most of those send
    no second order is true of each of them from the first day on, and no sign of anything."""
    ahead, use = prospects_of(customer, known.model, now.date(), churn_days=rule.gone_days), use_of(known)
    churn = ahead.churn if ahead and bought_by(customer).days > 1 else 0.0
    return Outlook(use, churn, _saves(ahead, max(churn, 1 - use), rule) if ahead else 0)


def use_of(known: "Known") -> float:
    """P(what was bought is still used): the signs on the record by what they are worth in the shop (aftercare.use)."""
    return chance(known.weights, known.signs)


def _saves(ahead: Prospects, risk: float, rule: "Care") -> int:
    """Cents of what a year brings of somebody like them who is still there, times the risk, times how often a call turns it."""
    if ahead.spend_if_active is None:
        return 0
    share = Decimal(str(rule.calls.saves)) * Decimal(str(round(risk, 6)))
    return int((ahead.spend_if_active.amount * share * 100).quantize(Decimal(1), ROUND_HALF_UP))


def does(customer: Customer, seen: Outlook, rule: "Care") -> "Does":
    """The first line of the table that fits."""
    value = segments_of(customer).value
    for line in rule.table:
        low = line.use is None or (line.use == "low") == (seen.use < rule.low_use)
        high = line.churn is None or (line.churn == "high") == (seen.churn >= rule.high_churn)
        if low and high and (not line.value or value in line.value):
            return line.does
    return "nothing"
