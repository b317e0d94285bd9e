"""C1: what a message costs on each channel: the gate's own time for it, its AWS calls, and the provider's price.

One customer after another, each with consent to one channel only besides mail, and one parcel out for delivery: of use within
the hour, so the channel carries it. The time is that of the gate's invocation, on the memory backend; calls are counted on moto.
"""

from __future__ import annotations

import importlib
import json
import statistics
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from aftercare.clock import iso
from aftercare.content import read_content
from aftercare.model import Model
from simulator.bench.measure import Result, Say

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CUSTOMERS: Final = 30
ACCOUNT: Final = "123456789012"
PARAMETERS: Final = {
    "SmsOriginationArn": f"arn:aws:sms-voice:us-east-1:{ACCOUNT}:phone-number/phone-1",
    "WhatsAppPhoneNumberArn": f"arn:aws:social-messaging:us-east-1:{ACCOUNT}:phone-number-id/574086085794038",
    "AndroidPushArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:app/GCM/shop",
}
CHANNELS: Final = ("email", "sms", "push", "whatsapp")
SERVICES: Final = ("dynamodb", "scheduler", "sesv2", "pinpoint-sms-voice-v2", "sns", "socialmessaging")


class _Costs(Model, extra="ignore"):
    """What channels.yaml says of prices."""

    costs: dict[str, str]


def measure(say: Say) -> list[Result]:
    costs, found = read_content(Path("channels.yaml"), _Costs).costs, []
    for channel in CHANNELS:
        say(f"C1: {CUSTOMERS} messages by {channel}")
        spent, _ = _run("memory", channel, CUSTOMERS)
        calls = _run("moto", channel, 2)[1]
        note = f"US$ {costs[channel]} to the provider, {', '.join(f'{n} {name}' for name, n in sorted(calls.items()))}"
        found.append(
            Result("C1", f"gate settles a message by {channel}", round(statistics.median(spent), 2), None, unit="ms", note=note)
        )
        found.append(Result("C1", f"AWS calls of a message by {channel}", float(sum(calls.values())), 5.0, unit="calls"))
    return found


def _run(backend: Literal["memory", "moto"], channel: str, customers: int) -> tuple[list[float], Counter[str]]:
    """Milliseconds of each of the gate's invocations that sent, and the AWS calls of the last one."""
    from simulator.cloud import LocalCloud

    spent: list[float] = []
    calls: Counter[str] = Counter()

    def timed(event: dict[str, Any], context: Any) -> Any:
        handle = importlib.import_module("message_gate.handler").handle
        calls.clear()
        began = time.process_time()
        try:
            return handle(event, context)
        finally:
            spent.append((time.process_time() - began) * 1000)

    def counted(event_name: str, **_: Any) -> None:
        who = cloud.runtime.who()
        if who is not None and who[0] == "message_gate":
            calls[event_name.rpartition(".")[2]] += 1

    ssm = {"/aftercare/shopify-secrets": "s"}
    with LocalCloud(
        backend, start=START, switch="on", parameters=PARAMETERS, ssm=ssm, handlers={"message_gate": timed}, eager_mail=True
    ) as cloud:
        if backend == "moto":
            for service in SERVICES:
                client = cloud.backend.client(service)  # type: ignore[attr-defined]
                client.meta.events.register("before-parameter-build", counted)

        def put(kind: str, **detail: Any) -> None:
            at = iso(cloud.now)
            whole = {"event_id": f"{kind}-{len(cloud.journal)}", "occurred_at": at, **detail}
            entry = {"Source": "store.coffee", "DetailType": kind, "Detail": json.dumps(whole), "EventBusName": cloud.store_bus}
            cloud.put_events([entry])

        for n in range(customers):
            _customer(put, cloud, n, channel)
            cloud.advance(timedelta(minutes=5))
            if channel == "whatsapp":  # so that anything may be answered for a day
                number = f"49151{10_000_000 + n}"
                cloud.chat_in({"from": number, "id": f"wamid.{n}", "type": "text", "text": {"body": "Hello"}})
                cloud.advance(timedelta(minutes=1))
        spent.clear()
        for n in range(customers):
            scan = {"number": _number(n), "carrier": "DHL", "scans": [{"status": "out_for_delivery", "at": iso(cloud.now)}]}
            put("ShipmentMoved", parcels=[scan])
            cloud.advance(timedelta(minutes=1))
        sent = [m for m in cloud.messages() if m["template"] == "parcel-out-for-delivery"]
        if [m["channel"] for m in sent if m["settlement"] == "SENT"] != [channel] * customers:
            raise RuntimeError(f"not every message went by {channel}")
    return spent, calls


def _number(n: int) -> str:
    return f"{34043416109400000 + n:020d}"


def _customer(put: Any, cloud: Any, n: int, channel: str) -> None:
    at, ref = iso(cloud.now), str(n + 1)
    said = [{"channel": channel, "purpose": "transactional", "says": "given", "said_at": at}] if channel != "email" else []
    contact = {"email": f"c{n}@example.com", "phone": f"+49151{10_000_000 + n}"}
    described = {"name": f"#{ref}", "placed_at": at, "as_of": at, "contact": contact, "customer_ref": f"c{n}", "country": "DE"}
    lines = [{"line_ref": "1", "title": "House espresso 1 kg", "quantity": 1}]
    put("OrderPlaced", ref=ref, order={**described, "lines": lines}, consent=said)
    if channel == "push":
        endpoint = f"arn:aws:sns:us-east-1:{ACCOUNT}:endpoint/GCM/shop/12345678-1234-4234-8234-{n:012d}"
        put("CustomerUpdated", customer_ref=f"c{n}", devices=[endpoint])
    parcels = [{"number": _number(n), "carrier": "DHL"}]
    put("ShipmentCreated", ref=f"S-{ref}", order_ref=ref, shipped_at=at, parcels=parcels)
