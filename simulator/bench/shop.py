"""The journey that is measured: one customer, one order of something that runs out, 90 days.

Facts: the order by a custom store's event, with consent to reminders. Messages: a confirmation at once, a reminder after
four weeks; who consents to offers as well hears what new customers do (content/segments.yaml), which is another journey.
Around them two provider events each (Send, Delivery), one wait.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from simulator.scenario.requests import Request, Senders
from simulator.scenario.shape import OrderPlaced, Scenario

PRODUCTS = {"coffee": {"title": "House espresso", "type": "Coffee", "price": "23.90 EUR", "sku": "COF-1000"}}
LASTS = timedelta(days=90)
TOGETHER = 10


def scenario(customers: int) -> Scenario:
    people = {
        f"c{n}": {
            "name": f"Customer {n}",
            "email": f"c{n}@example.com",
            "country": "DE",
            "account": f"A-{n}",
            "marketing": "reminders",
        }
        for n in range(customers)
    }
    first = {"order": {"ref": "1", "customer": "c0", "lines": "coffee", "by": "store"}}
    return Scenario.model_validate({"scenario": "bench", "customers": people, "products": PRODUCTS, "steps": [first]})


def orders(customers: int, start: datetime, store_bus: str) -> list[tuple[datetime, Request]]:
    """Ten orders a minute, each by its own customer: a store of 14,000 orders a day."""
    told = Senders(scenario(customers), "secret", "", store_bus)
    found = []
    for n in range(customers):
        at = start + timedelta(minutes=n // TOGETHER)
        order = OrderPlaced.model_validate({"ref": str(n + 1), "customer": f"c{n}", "lines": "coffee", "by": "store"})
        found.append((at, told.placed(order, at)))
    return found


def entry(request: Request) -> dict[str, Any]:
    return dict(request.entry or {})
