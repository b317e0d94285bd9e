"""What is said of a subscription, in closed words."""

from typing import Annotated, Literal, get_args

from pydantic import StringConstraints

SubscriptionStatus = Literal["active", "paused", "cancelled", "expired", "failed"]
SUBSCRIPTION_STATUSES: tuple[SubscriptionStatus, ...] = get_args(SubscriptionStatus)

Every = Annotated[str, StringConstraints(pattern=r"^P[1-9][0-9]{0,2}[DWMY]$")]
"""How long its period is, as an ISO 8601 duration of one unit: `P14D`, `P4W`, `P1M`, `P1Y`."""
