"""The service's limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# Quotas: "Quotas related to state machine executions", Step Functions developer guide.
MAXIMUM_PAYLOAD: Final = 256 * 1024
MAXIMUM_DURATION: Final = timedelta(days=365)
MAXIMUM_HISTORY: Final = 25_000
NAME_KEPT_FOR: Final = timedelta(days=90)
MAXIMUM_NAME: Final = 80
MAXIMUM_WAIT_SECONDS: Final = 99_999_999
