"""The moto backend: the real adapters of aftercare.aws over moto, the rest answered by the engine.

Tables, streams, queues, parameters and secrets lie in moto. What moto does not run, or runs otherwise than AWS (delivery by
EventBridge, executions, schedules, SendEmail, Invoke, SQS's deduplication and limits), is answered here in botocore's
public client events: `before-parameter-build` gives the caller's parameters, an answer to `before-call` takes the place of
the request. Real clocks are moved with the virtual one while the cloud runs.
"""

from simulator.moto_backend.backend import MotoBackend

__all__ = ["MotoBackend"]
