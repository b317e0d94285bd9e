"""What the comparison of guided and held-out orders needs to know: which went back, and which were cancelled. Once each."""

from typing import Final

from aftercare import tally
from aftercare.customer import Customer
from aftercare.outside import Outside
from aftercare.report_policy import report_policy

PART: Final = "trials"


def ended(outside: Outside, customer: Customer, order_key: str, event_type: str) -> None:
    """Nothing where nobody is held out. In the week of the delivery, as who was guided is."""
    share = report_policy().guides_held_out
    order, delivered = customer.order(order_key), customer.delivered_at(order_key)
    if not share or order is None or delivered is None or order.is_test:
        return
    from aftercare.catalogue import catalogue
    from aftercare.setup import guide_held_out, guided

    if not guided(order.lines, catalogue()):
        return
    what = "cancelled" if event_type == "OrderCancelled" else "returned"  # any word of a return may be the first
    arm = "held-out" if guide_held_out(order.key, share) else "guided"
    week, now = tally.week_at(delivered, tally.store_zone()), outside.clock.now()
    name = f"guide-ended#{order.key}#{what}"
    tally.once(outside.tables, name, order.shop, week, PART, {f"guides/{arm}/{what}": 1}, now)
