"""Logs and metrics through Powertools: ids and outcomes, never a payload, an address or an exception's text.

Powertools is loaded with the first line or metric, not at init (docs/decisions/0002).
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


INFO = 20
"""logging.INFO, without the module that no init needs."""


class _Stdout:
    """Standard output as it is at the moment of writing, so that a caller may redirect it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@lru_cache(maxsize=32)
def _logger(service: str | None) -> Logger:
    from aws_lambda_powertools import Logger

    return Logger(service=service, stream=cast(IO[str], _Stdout()), utc=True)


@lru_cache(maxsize=32)
def _metrics(service: str | None) -> Metrics:
    from aws_lambda_powertools import Metrics

    return Metrics(service=service)


def logger() -> Logger:
    """The function's logger; service and level come from POWERTOOLS_* variables."""
    return _logger(os.environ.get("POWERTOOLS_SERVICE_NAME"))


def metrics() -> Metrics:
    """The function's metrics, in the namespace of POWERTOOLS_METRICS_NAMESPACE."""
    return _metrics(os.environ.get("POWERTOOLS_SERVICE_NAME"))


def tell(outcome: str, **ids: str | int | None) -> None:
    """One log line: what came of it and for which ids."""
    log = logger()
    if log.log_level <= INFO:
        log.info(outcome, extra={name: value for name, value in ids.items() if value is not None})


def trouble(outcome: str, **ids: str | int | None) -> None:
    """One error line for what an operator must see."""
    logger().error(outcome, extra={name: value for name, value in ids.items() if value is not None})


def _counts() -> bool:
    """Whether metrics are wanted: Powertools' own switch, which leaves out the writing but not the work before it."""
    return os.environ.get("POWERTOOLS_METRICS_DISABLED", "") not in ("true", "1")


def count(metric: str, by: int = 1) -> None:
    """Add to a metric of this invocation; metric names are Pascal words (docs/metrics.md)."""
    if _counts():
        metrics().add_metric(name=metric, unit="Count", value=by)


def gauge(metric: str, value: float, unit: str = "Count") -> None:
    """Report how much there is of something now, zero included."""
    if _counts():
        metrics().add_metric(name=metric, unit=unit, value=value)


def flush() -> None:
    """Write this invocation's metrics, if there are any."""
    if _counts() and metrics().metric_set:
        metrics().flush_metrics()
