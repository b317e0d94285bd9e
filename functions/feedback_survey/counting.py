"""What is counted of answers by the week. Called where an answer was kept as read, which happens once for each version."""

from aftercare import tally
from aftercare.customer import Order
from aftercare.feedback import Answer, Heard
from aftercare.outside import Outside

PART = "feedback"


def counted(outside: Outside, order: Order, answer: Answer) -> None:
    """An answer, in the week in which it was first given; what is changed later is the same answer."""
    if answer.version == 1:
        week = tally.week_at(answer.first_at, tally.store_zone())
        tally.add(outside.tables, order.shop, week, PART, {"survey/answered": 1}, outside.clock.now())


def heard(outside: Outside, line: Heard) -> None:
    """A line of what was said elsewhere, in the week in which it was. A milestone's has no shop in its name."""
    if line.kind != "milestone":
        week = tally.week_at(line.at, tally.store_zone())
        tally.add(outside.tables, line.ref.partition(":")[0], week, PART, {f"{line.kind}/heard": 1}, outside.clock.now())
