"""Who is helped, asked, called or left alone when they stay away, by use, risk and value (content/segments.yaml). Pure."""

from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, NamedTuple

from aftercare.behaviour import days_of
from aftercare.customer import Customer
from aftercare.feedback import said
from aftercare.prospects import Prospects, next_order_of, prospects_of
from aftercare.segments import bought_by, segments_of

if TYPE_CHECKING:
    from aftercare.lifetime import Model
    from aftercare.segment_policy import Care, Does, Sign

OVER = 400
"""Days of silence after which nobody is looked after any more."""


class Outlook(NamedTuple):
    """P(continued use), P(gone), and the cents that a call is expected to save."""

    use: float
    churn: float
    saves: int


def next_look(customer: Customer, rule: "Care", now: datetime) -> datetime | None:
    """When to look next whether somebody stays away: so many times the wait that was expected with their last order, then as long
    again. None for who has ordered once, and for who is over."""
    known, step = bought_by(customer), _step(customer, rule)
    if step is None or known.last is None or (now.date() - known.last).days > OVER:
        return None
    at = datetime.combine(known.last, time(9), UTC) + step
    while at <= now:
        at += step
    return at


def overdue(customer: Customer, rule: "Care", now: datetime) -> bool:
    """Whether so many times the expected wait has gone by without an order."""
    known, step = bought_by(customer), _step(customer, rule)
    return step is not None and known.last is not None and (now.date() - known.last).days >= step.days


def _step(customer: Customer, rule: "Care") -> timedelta | None:
    """The wait is P50 of the next order as it was expected with the last; their own mean where half never come."""
    known = bought_by(customer)
    if known.interval is None or known.last is None:
        return None
    expected = next_order_of(customer)
    wait = (expected.p50 - known.last).days if expected and expected.p50 else known.interval
    return timedelta(days=max(int(wait * rule.after_intervals), 7))


def outlook(customer: Customer, rule: "Care", model: "Model", now: datetime) -> Outlook:
    """P(gone) is that no order comes within `gone_days` (aftercare.prospects)."""
    ahead, use = prospects_of(customer, model, now.date(), churn_days=rule.gone_days), use_of(customer, rule, now)
    churn = ahead.churn if ahead else 0.0
    return Outlook(use, churn, _saves(ahead, max(churn, 1 - use), rule) if ahead else 0)


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
