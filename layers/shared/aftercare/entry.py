"""How a Lambda invocation reaches a function's own code: one place for batches, redelivery, logging and metrics.

A function gives what it does with one event, proposal or wake. Whatever raises is retried by the queue and then kept by
its dead-letter queue; nothing is swallowed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from aftercare import telemetry
from aftercare.outside import Outside, current

if TYPE_CHECKING:
    from inspect import Signature

    from aws_lambda_powertools.utilities.batch import BatchProcessor

    from aftercare.events import Told

OnEvent: TypeAlias = "Callable[[Told, Outside], str]"
OnWake = Callable[[Mapping[str, Any], Outside], str]
OnBody = Callable[[Mapping[str, Any], Outside], str]
Handler = Callable[[dict[str, Any], Any], Any]


@lru_cache(maxsize=2)
def _processor(fifo: bool) -> BatchProcessor:
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor

    processor = SqsFifoPartialProcessor(skip_group_on_error=True) if fifo else BatchProcessor(event_type=EventType.SQS)
    processor.raise_on_entire_batch_failure = False
    return processor


@lru_cache(maxsize=1)
def _of_one() -> Signature:
    from inspect import signature

    return signature(lambda record: record)


def batch(event: dict[str, Any], context: Any, on_body: Callable[[str], object], fifo: bool = False) -> dict[str, Any]:
    """Work through an SQS batch with partial failures; on a FIFO queue a failed message keeps back the rest of its group.

    Powertools' batch module is loaded with the first batch: it costs 90 modules that no init needs.
    """
    from aws_lambda_powertools.utilities.batch import process_partial_response

    processor = _processor(fifo)

    def one(record: Any) -> object:
        return on_body(record.body)

    # Powertools looks at a handler's parameters in each batch, which takes longer than most records do.
    one.__signature__ = _of_one()  # type: ignore[attr-defined]
    answer = process_partial_response(event=event, record_handler=one, processor=processor, context=context)
    for kind, _, _ in processor.exceptions:
        telemetry.trouble("record failed", error=kind.__name__ if kind else "unknown")
        telemetry.count("RecordFailed")
    return dict(answer)


def queue_handler(on_event: Mapping[str, OnEvent], on_wake: OnWake | None = None) -> Handler:
    """A handler for a capability's queue: events of the aftercare bus by detail-type, and the wakes of its own workflow.

    It takes an SQS batch, one EventBridge envelope (an invocation by hand) or a workflow's input.
    """
    from aftercare.events import told  # here: a queue of proposals needs no shape of an event

    def one_event(envelope: Mapping[str, Any], outside: Outside) -> str:
        event = told(envelope)
        act = on_event.get(event.type)
        if act is None:
            raise LookupError(f"no one here listens to {event.type}: the rule in template.yaml lets it through")
        outcome = act(event, outside)
        telemetry.tell(outcome, event=event.type, event_id=event.id, correlation_id=event.correlation_id)
        return outcome

    def wake(payload: Mapping[str, Any], outside: Outside) -> str:
        if on_wake is None:
            raise LookupError("this function has no workflow that could wake it")
        outcome = on_wake(payload, outside)
        telemetry.tell(outcome, wake=str(payload.get("key")))
        return outcome

    def one(message: Mapping[str, Any], outside: Outside) -> str:
        return one_event(message, outside) if "detail-type" in message else wake(message, outside)

    def handle(event: dict[str, Any], context: Any) -> Any:
        try:
            outside = current()
            if "Records" in event:
                return batch(event, context, lambda text: one(json.loads(text), outside))
            return {"outcome": one(event, outside)}
        finally:
            telemetry.flush()

    return handle
