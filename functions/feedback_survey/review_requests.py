"""Requests for reviews: a wait for each order that arrived, the request at its end, one reminder, and what is learned of both."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from aftercare import keys, ledger, telemetry, waits
from aftercare.consent import Channel, Purpose
from aftercare.customer import Customer
from aftercare.decision import Message
from aftercare.events import Told
from aftercare.feedback import said
from aftercare.gate_queue import propose
from aftercare.keys import Key
from aftercare.outside import Outside
from aftercare.proposal import Nothing
from aftercare.reason import State
from aftercare.review_policy import review_policy
from aftercare.store import find
from aftercare.table import Absent, ConditionFailed, Conflict, Is, Item, Put
from feedback_survey import reviewing
from feedback_survey.arms import choose, lesson
from feedback_survey.asking import REACHED, Because, Due, check_in_key_of, key_of, reminder_key_of
from feedback_survey.reviewing import Choices

if TYPE_CHECKING:
    from aftercare.review_policy import Kind

ATTEMPTS = 4


class Asking(NamedTuple):
    """Whose request for which order it is, what woke it, and how it was timed: on which day (None: a happy moment), how often it
    was put off."""

    customer_id: str
    order: str
    caused_by: str
    correlation_id: str
    day: int | None = None
    tries: int = 0


# ---------------------------------------------------------------- the wait


def expect(outside: Outside, customer: Customer | None, order_key: str, correlation_id: str) -> str:
    """Start the wait for an order's own day. Which of its family's days it is, is chosen here and goes with the wait."""
    from aftercare.catalogue import catalogue

    now = outside.clock.now()
    found = reviewing.known(customer, order_key, catalogue(), now)
    if isinstance(found, Nothing) or customer is None:
        return f"no review: {found.because}" if isinstance(found, Nothing) else "no review"
    days, sums = tuple(map(str, found.experience.days)), None
    if len(days) > 1:
        place = keys.review_arms(_days_of(found.family))
        sums = outside.tables.read([place]).get(place)
    day = int(choose(days, sums, review_policy().learning, now, f"day#{order_key}").name)
    _wait(outside, reviewing.regular(found, day), Asking(customer.id, order_key, "wake", correlation_id, day))
    return "review awaited"


def _days_of(family: str) -> str:
    return f"days-{family}"


def _wait(outside: Outside, due: Due, asking: Asking) -> None:
    payload: dict[str, Any] = {"order": asking.order, "correlation_id": asking.correlation_id, "tries": asking.tries}
    if asking.day is not None:
        payload["day"] = asking.day
    machine = outside.settings.need("survey_state_machine")
    waits.start(outside, machine, due.key, asking.customer_id, due.at, payload)


# ---------------------------------------------------------------- what moves it


def on_moment(event: Told, outside: Outside) -> str:
    """Something went well: the order that it is about, else the latest, is asked about sooner."""
    about = getattr(event.data, "order", None)
    customer = find(outside.tables, event.data.customer_id, about)
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    if not _is_happy(customer, event, outside.clock.now()):
        return f"nothing: {Because.NO_HAPPY_MOMENT}"
    return _sooner(outside, customer, about, event)


def _is_happy(customer: Customer, event: Told, now: datetime) -> bool:
    match event.type:
        case "SupportCaseClosed":
            return reviewing.closed_well(customer, event.data.case)
        case "LoggedIn":
            return reviewing.comes_often(customer, now)
        case "ContentShared":
            return True
    return bool(event.data.mood == "positive")


def _sooner(outside: Outside, customer: Customer, about: str | None, event: Told) -> str:
    from aftercare.catalogue import catalogue

    now = outside.clock.now()
    latest = sorted(customer.orders, key=lambda o: (o.placed_at or o.as_of, o.key), reverse=True)
    for order_key in [about] if about else [order.key for order in latest]:
        found = reviewing.known(customer, order_key, catalogue(), now)
        due = found if isinstance(found, Nothing) else reviewing.moved_up(found, now)
        if isinstance(due, Nothing):
            if about:
                return f"nothing: {due.because}"
            continue
        asking = Asking(customer.id, order_key, event.id, event.correlation_id)
        if due.at <= now:
            return _ask(outside, customer, asking)
        _wait(outside, due, asking)
        return "moved up"
    return f"nothing: {Because.NOT_THERE}"


def on_milestone(event: Told, outside: Outside) -> str:
    """Where an order's own day counts from a milestone, its wait begins with that."""
    customer = find(outside.tables, event.data.customer_id, event.data.order)
    named = [event.data.order] if event.data.order else [order.key for order in customer.orders] if customer else []
    return ", ".join(dict.fromkeys(expect(outside, customer, key, event.correlation_id) for key in named)) or "no review"


# ---------------------------------------------------------------- the request


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    asking = Asking(
        payload["customer_id"],
        payload["order"],
        "wake",
        payload["correlation_id"],
        payload.get("day"),
        payload.get("tries", 0),
    )
    customer = find(outside.tables, asking.customer_id, asking.order)
    if str(payload["key"]).startswith("review-reminder#"):
        return _remind(outside, customer, asking)
    return _ask(outside, customer, asking)


def _ask(outside: Outside, customer: Customer | None, asking: Asking) -> str:
    """The request, and the wait for its reminder; or another wait, where something is in its way."""
    from aftercare.catalogue import catalogue

    now, policy, order_key = outside.clock.now(), review_policy(), asking.order
    found = reviewing.known(customer, order_key, catalogue(), now)
    if isinstance(found, Nothing) or customer is None:
        return f"nothing: {found.because}" if isinstance(found, Nothing) else "nothing"
    own, words = _message(customer, reviewing.request_key_of(order_key)), keys.review_arms("wording")
    others = [_message(customer, of(order_key)) for of in (key_of, reminder_key_of, check_in_key_of)]
    items = outside.tables.read([own, words, *others])
    if own in items or any(held.proposal.key == reviewing.request_key_of(order_key) for held in customer.held):
        return f"nothing: {Because.ASKED_BEFORE}"
    if reviewing.another_waits(customer):
        return f"nothing: {Because.QUESTION_WAITS}"
    touched = _last_sent([ledger.message_from(items[place]) for place in others if place in items])
    later = reviewing.put_off(customer, found.order, touched, timedelta(days=policy.apart_days), now)
    if later and asking.tries < reviewing.MOST_PUT_OFF:
        again = Due(f"review-again#{order_key}#{asking.tries + 1}", later)
        _wait(outside, again, asking._replace(tries=asking.tries + 1))
        return "put off"
    wording = choose(policy.wordings, items.get(words), policy.learning, now, f"wording#{order_key}").name
    choices = Choices(wording, _incentive(outside, customer, now), asking.day)
    propose(outside, reviewing.request(customer, found, choices, now, (asking.caused_by, asking.correlation_id)))
    remind_at = now + timedelta(days=policy.remind_after_days)
    _wait(outside, Due(reviewing.again_key_of(order_key), remind_at), asking._replace(tries=0))
    return f"proposed: {wording}, {choices.incentive or 'no incentive'}"


def _message(customer: Customer, key: str) -> Key:
    return keys.ledger(customer.id, keys.message_id(key))


def _last_sent(messages: list[Message]) -> datetime | None:
    return max((one.sent_at or one.last.at for one in messages if one.state in REACHED), default=None)


def _incentive(outside: Outside, customer: Customer, now: datetime) -> "Kind | None":
    """The customer's arm, where offers may be sent to them at all (None: they are in none), below its ceiling; else `none`."""
    arm = review_policy().arm(customer.id)
    if not _may_hear_of_offers(customer, now):
        return None
    return arm if arm == "none" or _promised(outside, arm, now) else "none"


def _may_hear_of_offers(customer: Customer, now: datetime) -> bool:
    """Who has a ground for offers by mail. Whether this one is sent is the gate's matter; here it is who is drawn for an arm."""
    from aftercare.consent_policy import consent_policy  # YAML, which no other touch needs
    from aftercare.ground import ground

    head = customer.consent.head(Channel.EMAIL, Purpose.PROMOTIONAL)
    address = head.address if head else None
    return ground(customer, Channel.EMAIL, Purpose.PROMOTIONAL, consent_policy(), now, address) is not None


def _promised(outside: Outside, kind: "Kind", now: datetime) -> bool:
    """Whether one more of a kind stays below its ceiling for this month; then it is counted. Two at once cannot both have the
    last place. A request that is not sent after all keeps its place: less is promised than might be, and never more."""
    incentive, place = review_policy().incentives[kind], keys.promised(kind, now)
    if incentive.worth is None or incentive.ceiling is None:
        return False
    for _ in range(ATTEMPTS):
        item = outside.tables.read([place]).get(place)
        after = (Decimal(str(item["worth"])) if item else Decimal()) + incentive.worth.amount
        if after > incentive.ceiling.amount:
            telemetry.count("ReviewCeilingReached")
            return False
        count = int(str(item["count"])) if item else 0
        after_item: Item = {"worth": after, "count": count + 1, "currency": incentive.worth.currency}
        try:
            outside.tables.write([Put(place, after_item, when=Is("count", count) if item else Absent())])
        except (ConditionFailed, Conflict):
            continue
        return True
    return False


# ---------------------------------------------------------------- the reminder


def _remind(outside: Outside, customer: Customer | None, asking: Asking) -> str:
    """The reminder; and what the request taught, for which every one has had the same time."""
    from aftercare.catalogue import catalogue

    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    now, place = outside.clock.now(), _message(customer, reviewing.request_key_of(asking.order))
    item = outside.tables.read([place]).get(place)
    asked = ledger.message_from(item) if item else None
    answered = asked is not None and item is not None and _answered(customer, asked, item)
    if asked and asked.state is State.SENT:
        _learn(outside, customer, asked, answered, now)
    found = reviewing.known(customer, asking.order, catalogue(), now)
    if isinstance(found, Nothing):
        return f"nothing: {found.because}"
    decision = reviewing.remind(customer, found, asked, answered, now, (asking.caused_by, asking.correlation_id))
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return f"proposed: {decision.template}"


def _answered(customer: Customer, asked: Message, item: Item) -> bool:
    """Whether the link was followed, or a review was written since."""
    order = customer.order(asked.proposal.references["order"])
    skus = {line.sku for line in order.lines if line.sku} if order else set()
    about = (one for one in said(customer).heard if one.kind == "review" and asked.sent_at and one.at >= asked.sent_at)
    return "clicked_at" in item or any(one.sku in skus or (order and one.order == order.key) for one in about)


def _learn(outside: Outside, customer: Customer, asked: Message, answered: bool, now: datetime) -> None:
    """Counted once for each request: the mark on the message first, so that what is lost on the way is never counted twice."""
    if not ledger.first_time(outside.tables, customer.id, asked.proposal.message_id, "review_learned"):
        return
    told = {block.kind: block for block in asked.proposal.blocks if block.variant}
    lessons = [
        ("wording", told.get("review-wording")),
        ("incentive", told.get("review-incentive")),
        *((_days_of(day.family), day) for day in (told.get("review-day"),) if day and day.family and day.variant != "moved-up"),
    ]
    outside.tables.write([lesson(c, str(block.variant), answered, now) for c, block in lessons if block])
    telemetry.count("ReviewRequestAnswered" if answered else "ReviewRequestUnanswered")
