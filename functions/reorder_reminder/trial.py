"""What reminders do: who would be reminded is held out by chance, and of both sides it is counted who bought again, for how much.

Part `trials` of the tally, in the week in which a side began: `reminders/<arm>/n`, `/bought`, and of the order that came
`/value/<currency>/n`, `/sum` and `/squares`.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from aftercare import keys
from aftercare.customer import Order
from aftercare.reorders import Arm, Running
from aftercare.table import Number

PART: Final = "trials"


class Counted(NamedTuple):
    """What is added to the week of an instant: `after` is how much later the order came that it tells of."""

    shop: str
    at: datetime
    counts: dict[str, Number]
    after: timedelta = timedelta(0)


def arm_of(customer_id: str, family: str, held_out: float) -> Arm:
    """A customer's side in a family; the same for good."""
    return "held-out" if keys.share(f"reminders#{customer_id}#{family}") < held_out else "reminded"


def begun(arm: Arm, order_key: str, at: datetime) -> Counted:
    """That a purchase of somebody on a side would be reminded of."""
    return Counted(order_key.partition(":")[0], at, {f"reminders/{arm}/n": 1})


def bought(running: Running, order: Order, at: datetime) -> Counted | None:
    """That the family was bought again. Each purchase ends its side, so it counts once."""
    if running.arm is None or running.tried_at is None or at <= running.tried_at:
        return None
    start = f"reminders/{running.arm}"
    found: dict[str, Number] = {f"{start}/bought": 1}
    if order.total is not None and order.total.amount > 0:
        amount, value = order.total.amount, f"{start}/value/{order.total.currency}"
        found |= {f"{value}/n": 1, f"{value}/sum": amount, f"{value}/squares": (amount * amount).quantize(Decimal("0.01"))}
    return Counted(order.shop, running.tried_at, found, at - running.tried_at)
