"""P17: whole journeys of 90 virtual days a second on one core, on the memory backend, and against the moto path."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, Literal

from simulator.bench.measure import Result, Say
from simulator.bench.shop import LASTS, entry, orders

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
JOURNEYS: Final = 600
ON_MOTO: Final = 12
WARM_UP: Final = 20
ROUNDS: Final = 3


def measure(say: Say) -> list[Result]:
    say(f"P17: {JOURNEYS} journeys in memory, every mail built")
    _journeys("memory", WARM_UP, eager=True)
    built = max(_journeys("memory", JOURNEYS, eager=True) for _ in range(ROUNDS))
    say(f"P17: {JOURNEYS} journeys in memory, mails built when looked at")
    lazy = max(_journeys("memory", JOURNEYS, eager=False) for _ in range(ROUNDS))
    say(f"P17: {ON_MOTO} journeys on moto")
    moto = _journeys("moto", ON_MOTO, eager=True)
    note = f"{JOURNEYS} customers, one order and two mails each, ten orders a minute, 90 days; CPU time, best of {ROUNDS}"
    return [
        Result("P17", "memory, every mail built", round(built, 1), 100.0, "at least", "orders/s", note),
        Result("P17", "memory, mails built when looked at", round(lazy, 1), 300.0, "at least", "orders/s", note),
        Result(
            "P17", "memory / moto, every mail built", round(built / moto, 1), 50.0, "at least", "x", f"moto {moto:.1f} orders/s"
        ),
    ]


def _journeys(backend: Literal["memory", "moto"], customers: int, eager: bool) -> float:
    """Journeys a second of CPU time, without booting."""
    from simulator.cloud import LocalCloud

    with LocalCloud(backend, seed=1, start=START, switch="on", eager_mail=eager) as cloud:
        arriving = orders(customers, START, cloud.store_bus)
        began = time.process_time()
        for at, request in arriving:
            if at != cloud.now:
                cloud.advance_to(at)
            cloud.put_events([entry(request)])
        cloud.advance_to(START + LASTS)
        spent = time.process_time() - began
        sent = sum(message["settlement"] == "SENT" for message in cloud.messages())
        if sent != 2 * customers:
            raise RuntimeError(f"the journey did not come as it must: {sent} of {2 * customers} messages were sent")
    return customers / spent
