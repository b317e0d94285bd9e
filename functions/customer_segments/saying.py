"""What a kind of buyer hears next, and when: by the store's table (content/segments.yaml). Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from aftercare import keys
from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.decision import Message, State
from aftercare.keys import Key
from aftercare.offer_taps import Pair, Taps, liked
from aftercare.offer_words import FOR_BUYERS
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.prospects import next_order_of
from aftercare.segments import counts, segments_of

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue
    from aftercare.segment_policy import Content, SegmentPolicy

OPEN_FOR = timedelta(days=14)
"""So long a message is still of use to somebody who became that kind of buyer."""

GOES_WITH = ("goes-with", "bundle")
TEMPLATES = {Purpose.SERVICE: "segment-help", Purpose.PROMOTIONAL: "segment-offer"}
UNLESS = (
    Unless.ORDER_UNKNOWN,
    Unless.ORDER_CANCELLED,
    Unless.ORDER_REFUNDED,
    Unless.SEGMENT_LEFT,
    Unless.OFFER_UNWANTED,
)
COUNTS = (State.SENT, State.CLAIMED, State.HELD, State.UNKNOWN)
"""States of a message that somebody has heard, or will."""


class Because(StrEnum):
    """Why nothing is said."""

    LEFT = "left-the-segment"
    NO_SUCH_ROW = "no-such-row"
    NO_ORDER = "no-order"
    NO_GROUND = "nothing-of-the-kind-may-be-sent"
    ENOUGH = "row-limit"
    SAID = "said-in-this-time"
    NOTHING_GOES_WITH_IT = "nothing-goes-with-it"
    HELD_OUT = "held-out-to-measure"
    NOT_WANTED = "not-wanted"
    NO_FORECAST = "no-next-order-expected"


class Wait(NamedTuple):
    """The next thing that a row says: the name it is once by, and when."""

    key: str
    content: str
    at: datetime


def entered(before: Iterable[str], now: Iterable[str], policy: "SegmentPolicy") -> tuple[str, ...]:
    """The rows that somebody has just come into."""
    old = set(before)
    return tuple(word for word in now if word in policy.rows and word not in old)


def next_wait(customer: Customer, row: str, said: str | None, since: datetime, policy: "SegmentPolicy") -> Wait | Nothing:
    """What a row says after `said` (None: first), so long after somebody came into it."""
    known = policy.rows.get(row)
    if known is None:
        return Nothing(Because.NO_SUCH_ROW)
    names = known.contents
    place = names.index(said) + 1 if said in names else 0 if said is None else len(names)
    if place == len(names):
        return Nothing(Because.NO_SUCH_ROW)
    name = names[place]
    content = policy.contents[name]
    if content.next_order:
        expected = next_order(customer)
        if expected is None:
            return Nothing(Because.NO_FORECAST)
        at = expected - timedelta(days=content.lead_days)
    else:
        at = since + timedelta(days=content.after_days)
    return Wait(f"segment#{row}.{name}#{customer.id}#{at:%Y-%m-%d}", name, at)


def next_order(customer: Customer) -> datetime | None:
    """When the next order is expected, as it was with the last one: P50; where half of those like them never come, P25."""
    expected = next_order_of(customer)
    day = (expected.p50 or expected.p25) if expected else None
    return datetime.combine(day, time(9), UTC) if day else None


def period(once: str, now: datetime) -> str:
    """The name of the time in which a content is said once."""
    return {"ever": "ever", "year": f"{now.year}"}.get(once, f"{now.year}-q{(now.month + 2) // 3}")


def key_of(customer_id: str, name: str, content: "Content", now: datetime) -> str:
    return f"{TEMPLATES[content.purpose]}#{name}:{customer_id}:{period(content.once, now)}"


def looked_up(customer_id: str, row: str, policy: "SegmentPolicy", now: datetime) -> tuple[Key, ...]:
    """Where the messages of a row lie that may count for its limits: of this time and of the one before."""
    known = policy.rows[row]
    earlier = now - timedelta(days=known.limits.in_days)
    named = (key_of(customer_id, name, policy.contents[name], at) for name in known.contents for at in (now, earlier))
    return tuple(keys.ledger(customer_id, keys.message_id(key)) for key in dict.fromkeys(named))


def pairs(customer: Customer, name: str, policy: "SegmentPolicy", goods: "Catalogue", now: datetime) -> tuple[Pair, ...]:
    """What a content may offer, with its family; what taps say of it decides what it does."""
    content, orders = policy.contents.get(name), standing(customer)
    if content is None or not orders:
        return ()
    if content.basket in GOES_WITH:
        from aftercare.recommend import fitting

        return fitting(customer, orders, goods, now)
    return ((next(iter(goods.by_family(orders[0].lines)), goods.default), f"{FOR_BUYERS}{name}"),)


def enough(heard: Iterable[Message], row: str, policy: "SegmentPolicy", now: datetime) -> bool:
    """Whether somebody has heard as much of a row as it allows."""
    limits = policy.rows[row].limits
    since = now - timedelta(days=limits.in_days)
    counted = (m for m in heard if m.state in COUNTS and (m.sent_at or m.proposal.proposed_at) > since)
    return sum(1 for _ in counted) >= limits.at_most


def say(
    customer: Customer,
    row: str,
    name: str,
    heard: Iterable[Message],
    policy: "SegmentPolicy",
    goods: "Catalogue",
    now: datetime,
    caused_by: str,
    correlation_id: str,
    taps: Taps,
) -> Proposal | Nothing:
    """One content of a row, if somebody has not heard enough of it, nor that in this time, and did not say that it is not for
    them; worth as much more as taps say that it is of use."""
    content = policy.contents.get(name)
    if content is None or name not in policy.rows[row].contents:
        return Nothing(Because.NO_SUCH_ROW)
    orders = standing(customer)
    if not orders:
        return Nothing(Because.NO_ORDER)
    heard = tuple(heard)
    if enough(heard, row, policy, now):
        return Nothing(Because.ENOUGH)
    if key_of(customer.id, name, content, now) in {message.proposal.key for message in heard}:
        return Nothing(Because.SAID)
    if f"{FOR_BUYERS}{name}" in customer.wishes.unwanted(now):
        return Nothing(Because.NOT_WANTED)
    fits = pairs(customer, name, policy, goods, now)
    chosen: Pair | None = fits[0] if fits else None
    blocks = [Block(kind="content", variant=name)]
    if content.basket in GOES_WITH:
        from aftercare.recommend import goes_with

        chosen = goes_with(customer, fits, goods, now, taps)
        if chosen is None:
            return Nothing(Because.NOTHING_GOES_WITH_IT)
        blocks.append(Block(kind="goes-with", family=chosen[0], variant=chosen[1]))
    worth = round(content.worth * liked(taps.get(chosen, (0.0, 0.0)))) if chosen else content.worth
    return _proposal(customer, row, name, content, orders[0], blocks, now, caused_by, correlation_id, worth)


def care_message(
    customer: Customer, does: str, policy: "SegmentPolicy", now: datetime, caused_by: str, correlation_id: str
) -> Proposal | Nothing:
    """The message of care for who stays away: help, or the check-in."""
    orders, row = standing(customer), segments_of(customer).lifecycle
    if not orders or row not in policy.rows:
        return Nothing(Because.NO_ORDER)
    name = policy.care.says["help" if does == "help" else "check-in"]
    if f"{FOR_BUYERS}{name}" in customer.wishes.unwanted(now):
        return Nothing(Because.NOT_WANTED)
    block = [Block(kind="content", variant=name)]
    content = policy.contents[name]
    return _proposal(customer, row, name, content, orders[0], block, now, caused_by, correlation_id, content.worth)


def _proposal(
    customer: Customer,
    row: str,
    name: str,
    content: "Content",
    order: Order,
    blocks: Iterable[Block],
    now: datetime,
    caused_by: str,
    correlation_id: str,
    worth: int,
) -> Proposal:
    numbers: Mapping[str, int] = {"days": content.valid_days} if content.valid_days else {}
    return Proposal(
        key=key_of(customer.id, name, content, now),
        customer_id=customer.id,
        purpose=content.purpose,
        template=TEMPLATES[content.purpose],
        references={"order": order.key, "segment": row},
        blocks=tuple(blocks),
        numbers=dict(numbers),
        unless=UNLESS,
        value=worth,
        not_after=now + OPEN_FOR,
        proposed_at=now,
        caused_by=caused_by,
        correlation_id=correlation_id,
    )


def standing(customer: Customer) -> tuple[Order, ...]:
    """The orders that stand, the newest first."""
    found = (o for o in customer.orders if counts(o))
    return tuple(sorted(found, key=lambda o: (o.placed_at or o.as_of, o.key), reverse=True))
