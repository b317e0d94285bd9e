"""What arrived in, one wait for each order; at its end, the question and its reminder proposed. Answers are read."""

from collections.abc import Mapping
from typing import Any

from aftercare import waits
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing
from aftercare.store import find
from feedback_survey.asking import ask, due


def on_arrival(event: Told, outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, event.data.customer_id, event.data.order)
    found = due(customer, event.data.order, catalogue(), outside.clock.now())
    if isinstance(found, Nothing):
        return f"nothing: {found.because}"
    payload = {"order": event.data.order, "correlation_id": event.correlation_id}
    machine = outside.settings.need("survey_state_machine")
    waits.start(outside, machine, found.key, event.data.customer_id, found.at, payload)
    return "waiting"


def on_wake(payload: Mapping[str, Any], outside: Outside) -> str:
    from aftercare.catalogue import catalogue

    customer = find(outside.tables, payload["customer_id"], payload["order"])
    decision = ask(customer, payload["order"], catalogue(), outside.clock.now(), payload["correlation_id"])
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    for proposal in decision:
        propose(outside, proposal)
    return "proposed"


def on_answer(event: Told, outside: Outside) -> str:
    from feedback_survey import answers  # here: the lexicons are for answers only

    return answers.on_answer(event, outside)


def on_heard(event: Told, outside: Outside) -> str:
    from feedback_survey import heard

    return heard.on_heard(event, outside)


handle = queue_handler(
    {
        "OrderPlaced": on_arrival,
        "OrderDelivered": on_arrival,
        "DeliveryAssumed": on_arrival,
        "SurveyAnswered": on_answer,
        "ReviewPosted": on_heard,
        "SocialMentioned": on_heard,
        "SupportCaseOpened": on_heard,
        "MilestoneReached": on_heard,
    },
    on_wake,
)
