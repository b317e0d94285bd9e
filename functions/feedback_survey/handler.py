"""What arrived in, a wait for each order; at its end the question, days later one more touch at most. Answers are read."""

from collections.abc import Mapping
from typing import Any

from aftercare import keys, waits
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.ledger import message_from
from aftercare.outside import Outside
from aftercare.proposal import Nothing, Proposal
from aftercare.store import find
from feedback_survey.asking import Because, Due, ask, ask_again, due, due_again, guide, key_of


def on_arrival(event: Told, outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    if customer and customer.signals and customer.signals.tried_at and event.type == "OrderPlaced":
        from feedback_survey import trials  # here: few customers are in one

        trials.bought_again(outside, customer, event.data.order)
    found = due(customer, event.data.order, catalogue(), outside.clock.now())
    if isinstance(found, Nothing):
        return f"nothing: {found.because}"
    payload = {"order": event.data.order, "correlation_id": event.correlation_id}
    machine = outside.settings.need("survey_state_machine")
    waits.start(outside, machine, found.key, event.data.customer_id, found.at, payload)
    return "waiting"


def on_delivery(event: Told, outside: Outside) -> str:
    """A confirmed delivery brings the guide of what has to be set up, too."""
    from aftercare.catalogue import catalogue
    from aftercare.report_policy import report_policy

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    held_out = report_policy().guides_held_out
    steps = guide(customer, event.data.order, catalogue(), outside.clock.now(), event.correlation_id, held_out)
    if held_out and customer and (isinstance(steps, Proposal) or steps.because == Because.HELD_OUT):
        from feedback_survey import trials

        trials.guided(outside, customer, event.data.order, isinstance(steps, Proposal))
    if isinstance(steps, Proposal):
        propose(outside, steps)
    return f"{on_arrival(event, outside)}, {f'no guide: {steps.because}' if isinstance(steps, Nothing) else 'guided'}"


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    return _second(payload, outside) if str(payload["key"]).startswith("check-in#") else _first(payload, outside)


def _first(payload: Mapping[str, Any], outside: Outside) -> str:
    """The question, and the wait for what is said some days later."""
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, payload["customer_id"], payload["order"])
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

    customer = find(outside.tables, payload["customer_id"], payload["order"])
    place = keys.ledger(payload["customer_id"], keys.message_id(key_of(payload["order"])))
    item = outside.tables.read([place]).get(place)
    asked = message_from(item) if item else None
    now = outside.clock.now()
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


handle = queue_handler(
    {
        "OrderPlaced": on_arrival,
        "OrderDelivered": on_delivery,
        "DeliveryAssumed": on_arrival,
        "SurveyAnswered": on_answer,
        "ReviewPosted": on_heard,
        "SocialMentioned": on_heard,
        "SupportCaseOpened": on_heard,
        "MilestoneReached": on_heard,
    },
    on_wake,
)
