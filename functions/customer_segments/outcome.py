"""What the messages to a kind of buyer came to: looked at once, weeks after somebody became one, and added to that week's sums.

Parts of the tally: `segments` has `<row>/sent`, `/opened`, `/clicked` and `/ordered`, each in messages; `trials` has of both
sides `row-<row>/<arm>/n` and `/bought`, in customers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from aftercare import keys, tally, waits
from aftercare.clock import iso, parse_iso
from aftercare.consent import Purpose
from aftercare.customer import Customer
from aftercare.decision import State
from aftercare.ledger import message_from
from aftercare.outside import Outside
from aftercare.report_policy import report_policy
from aftercare.segment_policy import segment_policy
from aftercare.table import Item
from customer_segments.saying import key_of, standing

if TYPE_CHECKING:
    from aftercare.segment_policy import SegmentPolicy

PART: Final = "segments"
TRIALS: Final = "trials"
Arm = Literal["offered", "held-out"]

OFTEN: Final = timedelta(days=28)
"""Steps in which a span of time is gone through for the names of what was said in it: less than the shortest time of a name."""


def arm_of(customer_id: str, held_out: float) -> Arm:
    """A customer's side, of all rows; the same for good."""
    return "held-out" if keys.share(f"segments#{customer_id}") < held_out else "offered"


def is_held_out(customer_id: str) -> bool:
    held_out = report_policy().segments_held_out
    return held_out > 0 and arm_of(customer_id, held_out) == "held-out"


def begin(outside: Outside, customer: Customer, rows: Sequence[str], since: datetime, correlation_id: str) -> str:
    """Wait until what came of these rows can be counted, of who may hear offers at all: on both sides alike."""
    from aftercare.ground import consent_policy, possible

    if not rows or not possible(customer, Purpose.PROMOTIONAL, consent_policy(), outside.clock.now()):
        return "is not measured"
    at = since + timedelta(days=report_policy().segments_after_days)
    payload = {"outcome": list(rows), "since": iso(since), "correlation_id": correlation_id}
    key = f"outcome#{'+'.join(rows)}#{customer.id}#{since:%Y-%m-%d}"
    waits.start(outside, outside.settings.need("segment_state_machine"), key, customer.id, at, payload)
    return "is measured"


def judge(outside: Outside, customer: Customer, payload: Mapping[str, Any]) -> str:
    """Count it, once for each wait. Settings that were changed meanwhile count as they are."""
    rows, since, now = [str(row) for row in payload["outcome"]], parse_iso(payload["since"]), outside.clock.now()
    policy, report, orders = segment_policy(), report_policy(), standing(customer)
    if not orders:
        return "nothing: no order stands"
    until = since + timedelta(days=report.segments_after_days)
    placed = [order.placed_at for order in orders if order.placed_at and since < order.placed_at <= until]
    arm = arm_of(customer.id, report.segments_held_out)
    found, sides = Counter[str](), Counter[str]()
    for row in rows:
        if row in policy.rows:
            items = outside.tables.read(_said(customer.id, row, policy, since, until)).values()
            found += reactions(row, items, placed, timedelta(days=report.led_to_order_days), since)
            sides[f"row-{row}/{arm}/n"] += 1
            sides[f"row-{row}/{arm}/bought"] += bool(placed)
    week, shop = tally.week_at(since, tally.store_zone()), orders[0].shop
    if not tally.once(outside.tables, payload["key"], shop, week, TRIALS, sides, now):
        return "nothing: counted before"
    tally.add(outside.tables, shop, week, PART, found, now)
    return "counted"


def reactions(row: str, items: Iterable[Item], placed: Sequence[datetime], leads: timedelta, since: datetime) -> Counter[str]:
    """Messages of a row that were sent since, and what their reader did. `items` are of the ledger; a message that was opened
    ten times was opened. Pure."""
    found = Counter[str]()
    for item in items:
        message = message_from(item)
        if message.state is not State.SENT or message.sent_at is None or message.sent_at < since:
            continue
        found[f"{row}/sent"] += 1
        for what in ("opened", "clicked"):
            found[f"{row}/{what}"] += f"{what}_at" in item
        found[f"{row}/ordered"] += any(message.sent_at < at <= message.sent_at + leads for at in placed)
    return found


def _said(customer_id: str, row: str, policy: "SegmentPolicy", since: datetime, until: datetime) -> tuple[keys.Key, ...]:
    """Where the messages of a row lie that may have been sent in a span of time."""
    named = []
    for name in policy.rows[row].contents:
        at = since
        while at <= until:
            named.append(key_of(customer_id, name, policy.contents[name], at))
            at += OFTEN
        named.append(key_of(customer_id, name, policy.contents[name], until))
    return tuple(keys.ledger(customer_id, keys.message_id(key)) for key in dict.fromkeys(named))
