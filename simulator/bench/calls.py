"""P9: AWS calls per run, counted on the real adapters: every call that botocore is asked for.

Parameters and secrets are warm: functions keep them five minutes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aftercare import keys
from aftercare.clock import iso
from aftercare.links import Link, LinkPurpose, read_keys, sign
from simulator.bench.measure import Result, Say
from simulator.bench.shop import entry, orders
from simulator.commands.world import World, opened

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
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
            world.cloud.put_events([_shipped(second[1].entry or {})])
            world.cloud.advance(timedelta(minutes=1))
            counted.clear()
            world.cloud.put_events([_scanned(second[1].entry or {}, world.cloud.now)])
            world.cloud.run()
            scan = dict(counted["store_intake"])
            forecast = dict(counted["shipping_delay"])
            path = _survey(world, second[1].entry or {})
            for score in ("4", "5"):  # the second has a version before it to read
                counted.clear()
                if world.cloud.http("POST", path, FORM, f"score={score}".encode()).status != 200:
                    raise RuntimeError("the survey's page took no answer")
                answer = dict(counted["customer_pages"])
    return [
        Result("P9", "AWS calls of a state event", float(sum(state.values())), 3.0, "at most", "calls", _words(state)),
        Result("P9", "AWS calls of a scan", float(sum(scan.values())), 3.0, "at most", "calls", _words(scan)),
        Result(
            "P9", "AWS calls of a look at a parcel", float(sum(forecast.values())), None, "at most", "calls", _words(forecast)
        ),
        Result("P9", "AWS calls of a survey's answer", float(sum(answer.values())), 3.0, "at most", "calls", _words(answer)),
        Result("P9", "AWS calls of a send", float(sum(send.values())), 5.0, "at most", "calls", _words(send)),
    ]


def _paid(placed: Any) -> dict[str, Any]:
    """OrderPaid for the order that an entry placed."""
    return _about(placed, "OrderPaid", occurred_at=_detail(placed)["occurred_at"])


PARCEL: Final = {"carrier": "dhl", "number": "00340434161094000001"}


def _shipped(placed: Any) -> dict[str, Any]:
    """Its one parcel, which the shop hands to a carrier."""
    order, at = _detail(placed)["ref"], _detail(placed)["occurred_at"]
    return _about(placed, "ShipmentCreated", ref="S-1", order_ref=order, occurred_at=at, shipped_at=at, parcels=[PARCEL])


def _scanned(placed: Any, now: datetime) -> dict[str, Any]:
    """A carrier's scan of it, as the shop passes it on."""
    scan = {"status": "out_for_delivery", "at": iso(now)}
    order = _detail(placed)["ref"]
    return _about(
        placed, "ShipmentMoved", ref="S-1", order_ref=order, occurred_at=iso(now), parcels=[{**PARCEL, "scans": [scan]}]
    )


def _survey(world: World, placed: Any) -> str:
    """The page on which its customer says how it was."""
    order = f"{placed['Source'].removeprefix('store.')}:{_detail(placed)['ref']}"
    alias = world.cloud.tables.read([keys.order_alias(order)])[keys.order_alias(order)]
    ends = int((world.cloud.now + timedelta(days=1)).timestamp())
    link = Link(str(alias["customer_id"]), order, ends)
    return f"/s/{sign(read_keys(world.link_secret()), LinkPurpose.SURVEY, link)}"


def _detail(placed: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(placed["Detail"])
    return found


def _about(placed: Any, detail_type: str, **more: Any) -> dict[str, Any]:
    ref = _detail(placed)["ref"]
    return {**placed, "DetailType": detail_type, "Detail": json.dumps({"event_id": f"{ref}-{detail_type}", "ref": ref, **more})}


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
