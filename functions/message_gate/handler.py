"""Proposals and slots in, settled one customer at a time; the only function that may send.

From its sources it also answers two invocations by hand, `{"templates": "check"}` and `{"templates": "preview", ...}`: what is
deployed has no check with it (decision 0135), and such an invocation fails there naming message_gate.evaluation.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aftercare import telemetry
from aftercare.decision import Decision
from aftercare.entry import batch
from aftercare.ground import consent_policy
from aftercare.outside import current
from aftercare.proposal import Proposal
from message_gate.frequency import frequency_policy
from message_gate.settlement import Gate, open_gate, settle, settle_slot

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue


def _proposals(event: dict[str, Any]) -> dict[str, Proposal]:
    """The batch's readable proposals by their text; one that cannot be read raises where its own record is worked on, and
    alone."""
    found = {}
    for record in event["Records"]:
        with suppress(ValueError, KeyError, TypeError):
            text = record["body"]
            body = json.loads(text)
            if "slot" not in body:
                found[text] = Proposal.model_validate(body["proposal"])
    return found


def _settle(gate: Gate, text: str, read: Mapping[str, Proposal]) -> None:
    proposal = read.get(text)
    if proposal is None:
        body = json.loads(text)
        if "slot" in body:
            for decision in settle_slot(gate, body["slot"]["customer_id"]):
                _tell(decision, slot=body["slot"]["at"])
            return
        proposal = Proposal.model_validate(body["proposal"])
    _tell(settle(gate, proposal), message_id=proposal.message_id, correlation_id=proposal.correlation_id)


def _tell(decision: Decision, **ids: str) -> None:
    telemetry.tell(decision.state.lower(), reason=str(decision.reason), **ids)
    telemetry.count(f"Message{decision.state.title()}")


def _catalogue() -> "Catalogue":
    from aftercare.catalogue import catalogue  # what is held or refused needs no product

    return catalogue()


def _time_left(context: Any) -> timedelta:
    return timedelta(milliseconds=context.get_remaining_time_in_millis())


def handle(event: dict[str, Any], context: Any) -> Any:
    if "templates" in event:
        from message_gate.evaluation.check import answer

        return answer(event)

    try:
        outside = current()
        proposals = _proposals(event)
        left = partial(_time_left, context)
        gate = open_gate(outside, list(proposals.values()), consent_policy(), frequency_policy(), _catalogue, left)
        return batch(event, context, lambda text: _settle(gate, text, proposals), fifo=True)
    finally:
        telemetry.flush()
