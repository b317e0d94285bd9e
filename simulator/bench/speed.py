"""P17: whole journeys of 90 virtual days a second on one core, on the memory backend, and against the moto path."""

from __future__ import annotations

import subprocess  # nosec B404 - starts this interpreter only
import sys
import time
from datetime import UTC, datetime
from typing import Final, Literal

from simulator.bench.measure import Result, Say
from simulator.bench.shop import LASTS, entry, orders
from simulator.commands.options import ROOT

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
JOURNEYS: Final = 600
ON_MOTO: Final = 12
WARM_UP: Final = 20
ROUNDS: Final = 3


def measure(say: Say) -> list[Result]:
    say(f"P17: {JOURNEYS} journeys in memory, every mail built")
    built = _alone("memory", JOURNEYS, ROUNDS, eager=True)
    say(f"P17: {JOURNEYS} journeys in memory, mails built when looked at")
    lazy = _alone("memory", JOURNEYS, ROUNDS, eager=False)
    say(f"P17: {ON_MOTO} journeys on moto")
    moto = _alone("moto", ON_MOTO, 1, eager=True)
    note = f"{JOURNEYS} customers, one order and two mails each, ten orders a minute, 90 days; CPU time, best of {ROUNDS}"
    return [
        Result("P17", "memory, every mail built", round(built, 1), 100.0, "at least", "orders/s", note),
        Result("P17", "memory, mails built when looked at", round(lazy, 1), 300.0, "at least", "orders/s", note),
        Result(
            "P17", "memory / moto, every mail built", round(built / moto, 1), 50.0, "at least", "x", f"moto {moto:.1f} orders/s"
        ),
    ]


def _alone(backend: Literal["memory", "moto"], customers: int, rounds: int, eager: bool) -> float:
    """The best of so many rounds in a process of its own: what other rows have loaded is no part of a journey."""
    program = "import sys; from simulator.bench.speed import best; print(best(sys.argv[1], *map(int, sys.argv[2:])))"
    asked = [sys.executable, "-c", program, backend, str(customers), str(rounds), str(int(eager))]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603 # nosec B603 - our own program
    if done.returncode:
        raise RuntimeError(f"the journeys on {backend} failed: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout.splitlines()[-1])


def best(backend: Literal["memory", "moto"], customers: int, rounds: int, eager: int) -> float:
    """Journeys a second in the best of so many rounds, after a warm-up."""
    _journeys(backend, WARM_UP if backend == "memory" else 1, bool(eager))
    return max(_journeys(backend, customers, bool(eager)) for _ in range(rounds))


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
