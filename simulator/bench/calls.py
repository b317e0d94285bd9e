"""P9: AWS calls per run, counted on the real adapters: every call that botocore is asked for.

Parameters and secrets are warm: functions keep them five minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from simulator.bench.measure import Result, Say
from simulator.bench.shop import entry, orders
from simulator.commands.world import World, opened

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SERVICES: Final = ("dynamodb", "events", "sqs", "stepfunctions", "scheduler", "sesv2", "ssm", "secretsmanager")


def measure(say: Say) -> list[Result]:
    say("P9: counting AWS calls on the moto backend")
    with opened("moto", 1, START) as world:
        first, second, *_ = orders(2, START, world.cloud.store_bus)
        with _counted(world) as counted:
            world.cloud.put_events([entry(first[1])])
            world.cloud.advance(timedelta(minutes=1))
            counted.clear()
            # The second order of a warm house is the one that counts; an update of it is a fact about a known customer.
            world.cloud.put_events([entry(second[1])])
            world.cloud.advance(timedelta(minutes=1))
            send = dict(counted["message_gate"])
            counted.clear()
            world.cloud.put_events([_paid(second[1].entry or {})])
            world.cloud.run()
            state = dict(counted["store_intake"])
    return [
        Result("P9", "AWS calls of a state event", float(sum(state.values())), 3.0, "at most", "calls", _words(state)),
        Result("P9", "AWS calls of a send", float(sum(send.values())), 5.0, "at most", "calls", _words(send)),
    ]


def _paid(placed: Any) -> dict[str, Any]:
    """OrderPaid for the order that an entry placed."""
    import json

    detail = json.loads(placed["Detail"])
    paid = {"event_id": f"{detail['ref']}-paid", "ref": detail["ref"], "occurred_at": detail["occurred_at"]}
    return {**placed, "DetailType": "OrderPaid", "Detail": json.dumps(paid)}


@contextmanager
def _counted(world: World) -> Iterator[dict[str, Counter[str]]]:
    """Calls by the function that makes them, each by its operation."""
    counted: dict[str, Counter[str]] = {}

    class ByFunction(dict[str, Counter[str]]):
        def __missing__(self, function: str) -> Counter[str]:
            self[function] = Counter()
            return self[function]

    counted = ByFunction()

    def seen(event_name: str, **_: Any) -> None:
        who = world.cloud.runtime.who()
        if who is not None:
            counted[who[0]][event_name.rpartition(".")[2]] += 1

    clients = [world.cloud.backend.client(service) for service in SERVICES]  # type: ignore[attr-defined]
    for client in clients:
        client.meta.events.register("before-parameter-build", seen)
    yield counted


def _words(counted: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" if count > 1 else name for name, count in counted.items())
