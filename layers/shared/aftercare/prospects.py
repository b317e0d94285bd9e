"""What a store may expect of one customer: whether they still are one, how many orders, what spend, and when the next one comes.

By the store's own parameters (aftercare.lifetime), reckoned when it is asked for: all but the days of the next order move with
every day that passes, so nothing of it is kept but these (aftercare.segments).
"""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from aftercare import keys
from aftercare.customer import Customer
from aftercare.lifetime import (
    USUAL,
    Model,
    active,
    buyer,
    comes_again,
    expected_spend,
    model_from,
    orders_of_active,
    returns,
    waits,
)
from aftercare.money import Money
from aftercare.segments import Bought, NextOrder, bought_by, counts, intervals, next_order_noted
from aftercare.table import Tables

YEAR = 365
HALF_A_YEAR = 180
"""Days of the two horizons, unless others are asked for."""


class Prospects(NamedTuple):
    """What is to be expected of a customer from a day on.

    `active` is P(still a customer), 1 for who bought once: nobody can tell yet. `churn` is P(no order within `churn_days`): that
    can be seen, and says something in stores whose customers come and go without ever leaving. `orders` and `spend` are expected
    within `days`; `spend_if_active` is the same of somebody who is surely still there. `next_order` counts from that day on, the
    silence so far included. `fitted_to` customers taught the parameters; 0: they are those that every store begins with.
    """

    at: date
    active: float
    churn: float
    churn_days: int
    days: int
    orders: float
    spend: Money | None
    spend_if_active: Money | None
    next_order: NextOrder
    fitted_to: int
    fitted_on: date | None


def prospects(
    bought: Bought, own: Iterable[float], model: Model, at: date, days: int = YEAR, churn_days: int = HALF_A_YEAR
) -> Prospects | None:
    """From the sums of a customer and the intervals of their own (days, in any order). None for who has no order that stands."""
    one = buyer(bought, at)
    if one is None:
        return None
    there, if_active = active(model.orders, one), orders_of_active(model.orders, one, days)
    p25, p50, p75 = (at + timedelta(days=round(n)) if n is not None else None for n in comes_again(model.orders, one, list(own)))
    each = _each(bought, model)
    own_model = model.orders != USUAL.orders
    return Prospects(
        at=at,
        active=there,
        churn=1.0 - returns(model.orders, one, churn_days),
        churn_days=churn_days,
        days=days,
        orders=if_active * there,
        spend=_times(each, if_active * there),
        spend_if_active=_times(each, if_active),
        next_order=NextOrder(p25, p50, p75),
        fitted_to=model.customers if own_model else 0,
        fitted_on=model.fitted if own_model else None,
    )


def _each(bought: Bought, model: Model) -> tuple[str, float] | None:
    """What the next purchase is worth: by the model in the currency of its amounts; else, and where somebody pays in several, by
    their own mean in the one that they spent most in."""
    if not bought.spent or not bought.days:
        return None
    currency, amount = max(bought.spent.items(), key=lambda one: (one[1], one[0]))
    mean = float(amount) / bought.days
    if len(bought.spent) == 1 and currency == model.currency and mean > 0:
        mean = expected_spend(model.amounts, bought.days, mean)
    return currency, mean


def _times(each: tuple[str, float] | None, orders: float) -> Money | None:
    return Money(amount=Decimal(f"{each[1] * orders:.2f}"), currency=each[0]) if each else None


def told(ahead: Prospects) -> dict[str, Any]:
    """As JSON, for a webhook and for `aftercare customer`: chances to four digits, days as dates."""
    return {
        "at": ahead.at.isoformat(),
        "p_active": round(ahead.active, 4),
        "churn_risk": round(ahead.churn, 4),
        "churn_days": ahead.churn_days,
        "days": ahead.days,
        "orders": round(ahead.orders, 2),
        "spend": ahead.spend.model_dump(mode="json") if ahead.spend else None,
        "next_order": told_days(ahead.next_order),
        "fitted_to": ahead.fitted_to,
        "fitted_on": ahead.fitted_on.isoformat() if ahead.fitted_on else None,
    }


def told_days(expected: NextOrder) -> dict[str, str | None]:
    return {name: day.isoformat() if day else None for name, day in expected._asdict().items()}


# ---------------------------------------------------------------- of a record


def shop_of(customer: Customer) -> str | None:
    """The shop whose parameters speak of a customer: where they ordered last."""
    last = max((o for o in customer.orders if counts(o)), key=lambda o: (o.placed_at or o.as_of, o.key), default=None)
    return last.shop if last else None


def model_of(tables: Tables, shop: str | None) -> Model:
    """The parameters of a shop; the usual ones where it has none yet. Throttled."""
    place = keys.buyers(shop) if shop else None
    return model_from(tables.read([place]).get(place)) if place else USUAL


def own_intervals(customer: Customer) -> list[float]:
    return intervals(customer.orders, None if customer.whole else customer.profile.archived_until)


def prospects_of(customer: Customer, model: Model, at: date, days: int = YEAR, churn_days: int = HALF_A_YEAR) -> Prospects | None:
    return prospects(bought_by(customer), own_intervals(customer), model, at, days, churn_days)


def next_order_of(customer: Customer) -> NextOrder | None:
    """When the next order was expected with the last one: a day that only another order moves. A record on which none is noted
    yet is read by the usual parameters. None for who has no order that stands."""
    noted = next_order_noted(customer.profile)
    if noted is not None:
        return noted
    known = bought_by(customer)
    if known.last is None:
        return None
    found = waits(USUAL.orders, known, own_intervals(customer))
    return NextOrder(*(known.last + timedelta(days=round(days)) if days is not None else None for days in found))
