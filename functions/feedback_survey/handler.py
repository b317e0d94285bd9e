"""What arrived in, a wait for each order; at its end the question, days later one more touch at most. Answers are read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aftercare import keys, waits
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.ledger import message_from
from aftercare.outside import Outside
from aftercare.proposal import Nothing, Proposal
from aftercare.store import find
from feedback_survey.asking import REACHED, Because, Due, ask, ask_again, due, due_again, guide, key_of

if TYPE_CHECKING:
    from aftercare.customer import Customer

OTHERWISE = (Because.COMPLAINED, Because.ANSWERED, Because.REFUNDED, Because.RETURNED)
"""Why somebody is not asked how an order was, and may still be asked to review what they have of it."""


def on_arrival(event: Told, outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    found = due(customer, event.data.order, catalogue(), outside.clock.now())
    if isinstance(found, Nothing):
        return f"nothing: {found.because}{_review(outside, customer, event, found.because)}"
    payload = {"order": event.data.order, "correlation_id": event.correlation_id}
    machine = outside.settings.need("survey_state_machine")
    waits.start(outside, machine, found.key, event.data.customer_id, found.at, payload)
    return "waiting"


def _review(outside: Outside, customer: "Customer | None", event: Told, because: str) -> str:
    """Who is not asked how it was may be asked for a review all the same; mostly the wait for the one starts the other's."""
    if because not in OTHERWISE:
        return ""
    from feedback_survey import review_requests

    return f", {review_requests.expect(outside, customer, event.data.order, event.correlation_id)}"


def on_delivery(event: Told, outside: Outside) -> str:
    """A confirmed delivery brings the guide of what has to be set up, too."""
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    steps = guide(customer, event.data.order, catalogue(), outside.clock.now(), event.correlation_id)
    if isinstance(steps, Proposal):
        propose(outside, steps)
    return f"{on_arrival(event, outside)}, {f'no guide: {steps.because}' if isinstance(steps, Nothing) else 'guided'}"


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    key = str(payload["key"])
    if key.startswith("review"):
        from feedback_survey import review_requests

        return review_requests.on_wake(payload, outside)
    return _second(payload, outside) if key.startswith("check-in#") else _first(payload, outside)


def _first(payload: Mapping[str, Any], outside: Outside) -> str:
    """The question, and the waits for what is said some days later and for the request to review."""
    from aftercare.catalogue import catalogue
    from feedback_survey import review_requests

    customer = find(outside.tables, payload["customer_id"], payload["order"])
    review_requests.expect(outside, customer, payload["order"], payload["correlation_id"])
    decision = ask(customer, payload["order"], catalogue(), outside.clock.now(), payload["correlation_id"])
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    later = due_again(customer, payload["order"], catalogue())
    if isinstance(later, Due):
        more = {name: payload[name] for name in ("order", "correlation_id")}
        waits.start(outside, outside.settings.need("survey_state_machine"), later.key, payload["customer_id"], later.at, more)
    return "proposed"


def _second(payload: Mapping[str, Any], outside: Outside) -> str:
    from aftercare.catalogue import catalogue
    from feedback_survey import reviewing

    customer, now = find(outside.tables, payload["customer_id"], payload["order"]), outside.clock.now()
    names = (key_of(payload["order"]), reviewing.request_key_of(payload["order"]))
    place, review = (keys.ledger(payload["customer_id"], keys.message_id(name)) for name in names)
    items = outside.tables.read([place, review])
    was_asked, asked_to_review = (name in items and items[name]["state"] in REACHED for name in (place, review))
    # Who could not be asked how it was will not be asked for a review: help is all that they get.
    soon = was_asked and customer is not None and reviewing.comes_soon(customer, payload["order"], catalogue(), now)
    if asked_to_review or soon:
        return f"nothing: {Because.REVIEW_COMES}"
    asked = message_from(items[place]) if place in items else None
    decision = ask_again(customer, payload["order"], asked, catalogue(), now, payload["correlation_id"])
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return f"proposed: {decision.template}"


def on_answer(event: Told, outside: Outside) -> str:
    from feedback_survey import answers  # here: the lexicons are for answers only

    return answers.on_answer(event, outside)


def on_heard(event: Told, outside: Outside) -> str:
    from feedback_survey import heard

    return heard.on_heard(event, outside)


def on_milestone(event: Told, outside: Outside) -> str:
    from feedback_survey import review_requests

    return f"{on_heard(event, outside)}, {review_requests.on_milestone(event, outside)}"


def on_moment(event: Told, outside: Outside) -> str:
    from feedback_survey import review_requests

    return review_requests.on_moment(event, outside)


def on_return(event: Told, outside: Outside) -> str:
    """Something goes back: who has not said why is asked."""
    from feedback_survey.going_back import ask_why  # here: few orders go back

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    asks = (event.data.order, event.data.return_ref, outside.clock.now(), event.id, event.correlation_id)
    decision = ask_why(customer, *asks)
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    propose(outside, decision)
    return "proposed: return-survey"


handle = queue_handler(
    {
        "OrderPlaced": on_arrival,
        "OrderDelivered": on_delivery,
        "DeliveryAssumed": on_arrival,
        "SurveyAnswered": on_answer,
        "ReviewPosted": on_heard,
        "SocialMentioned": on_heard,
        "SupportCaseOpened": on_heard,
        "MilestoneReached": on_milestone,
        "FeedbackClassified": on_moment,
        "SupportCaseClosed": on_moment,
        "ReturnExplained": on_heard,
        "ReturnRequested": on_return,
        "ReturnApproved": on_return,
        "ReturnReceived": on_return,
        "ReturnSettled": on_return,
    },
    on_wake,
)
