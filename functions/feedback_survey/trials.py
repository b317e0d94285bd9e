"""What the comparisons of the weekly pages need to know of orders: who was guided, and who bought again. Counted once each."""

from datetime import timedelta

from aftercare import tally
from aftercare.customer import Customer
from aftercare.outside import Outside
from aftercare.report_policy import report_policy

PART = "trials"


def bought_again(outside: Outside, customer: Customer, order_key: str) -> None:
    """The first order within the days of a comparison that its customer is in, in the week in which that began."""
    signals, order = customer.signals, customer.order(order_key)
    if signals is None or signals.tried_at is None or order is None or order.placed_at is None:
        return
    lasts = timedelta(days=report_policy().bought_again_days)
    if order.is_test or order.is_renewal or not signals.tried_at < order.placed_at <= signals.tried_at + lasts:
        return
    week, now = tally.week_at(signals.tried_at, tally.store_zone()), outside.clock.now()
    name = f"bought-again#{customer.id}#{signals.tried_at.isoformat()}"
    shop = signals.about.partition(":")[0]
    tally.once(outside.tables, name, shop, week, PART, {f"offers/{signals.trial}/bought": 1}, now)


def guided(outside: Outside, customer: Customer, order_key: str, was: bool) -> None:
    """That an order whose products are set up was guided or held out, in the week of its delivery."""
    delivered = customer.delivered_at(order_key)
    if delivered is None:
        return
    week, now = tally.week_at(delivered, tally.store_zone()), outside.clock.now()
    name = f"guides/{'guided' if was else 'held-out'}/n"
    tally.once(outside.tables, f"guided#{order_key}", order_key.partition(":")[0], week, PART, {name: 1}, now)
