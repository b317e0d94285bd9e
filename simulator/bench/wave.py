"""P16: a wave of 450,000 messages, reckoned and not sent; and one of a thousand, sent through the whole local cloud.

Reckoned is when each is due and when the gate's places let each go, with the functions of aftercare.rate by which product_news
gives slots and the gate reserves places. Sent is a warning to everybody who ordered: the mails that the mailbox took. What is
counted of both is the peak of any second (not only of whole ones) and who is left over.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from aftercare.clock import iso
from aftercare.content import read_content
from aftercare.model import Model
from aftercare.rate import SHARDS, reserve, shard_order, wave_rate, wave_slot
from simulator.bench.measure import Result, Say
from simulator.bench.shop import entry, orders
from simulator.cloud import LocalCloud
from simulator.mailbox import MailTaken

READERS: Final = 450_000
START: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SENT: Final = 1_000
SLACK: Final = timedelta(seconds=30)
"""What the queues and the slots' whole seconds add to a wave's end."""

BURST: Final = timedelta(seconds=5)
"""As message_gate.pacing has it: a place so near is taken now."""


def measure(say: Say) -> list[Result]:
    allowed, configured = wave_rate(None), _configured()
    say(f"P16: a wave of {READERS} at {allowed:g} of {configured:g} a second")
    slots = [wave_slot(START, allowed, position, f"reader-{position}") for position in range(READERS)]
    window = START + timedelta(seconds=READERS / allowed)
    sent = sends(slots, allowed)
    late = max(at - slot for at, slot in zip(sent, slots, strict=True))
    outside = sum(not START <= slot < window for slot in slots)
    hours = (window - START) / timedelta(hours=1)
    note = f"in {hours:.1f} h; at most {late.total_seconds():.0f} s after its slot"
    say(f"P16: a wave of {SENT}, sent through the local cloud")
    real = _sent(SENT)
    real_window = timedelta(seconds=SENT / allowed) + SLACK
    late_or_lost = SENT - len({one.recipient for one in real.mails if one.at < real.began + real_window})
    real_hours = (
        f"in {(max(one.at for one in real.mails) - real.began).total_seconds():.0f} s of {real_window.total_seconds():.0f}"
    )
    return [
        Result("P16", "peak of a wave's slots in any second", float(peak(slots)), configured, unit="/s", note=note),
        Result("P16", "peak of what the gate sends of it in any second", float(peak(sorted(sent))), configured, unit="/s"),
        Result("P16", "of the wave outside its window, or lost", float(outside + READERS - len(sent)), 0.0),
        Result(
            "P16",
            f"peak of the mails of {SENT} in any second",
            float(peak(sorted(one.at for one in real.mails))),
            configured,
            unit="/s",
            note=real_hours,
        ),
        Result("P16", f"of the {SENT} late, lost or sent twice", float(late_or_lost + len(real.mails) - SENT), 0.0),
    ]


@dataclass(frozen=True, slots=True)
class _Real:
    began: datetime
    mails: list[MailTaken]


def _sent(people: int) -> _Real:
    """The mails of a warning to so many customers, each of whom has ordered its product once."""
    with LocalCloud("memory", seed=1, start=START, switch="on") as cloud:
        for at, request in orders(people, START, cloud.store_bus):
            if at != cloud.now:
                cloud.advance_to(at)
            cloud.put_events([entry(request)])
            placed = entry(request)
        cloud.advance(timedelta(days=1))
        began, before = cloud.now, len(cloud.mailbox.taken)
        (line,) = json.loads(placed["Detail"])["order"]["lines"]
        text = {"en": "Please read this before you use it again."}
        told = {"ref": "recall", "kind": "safety", "product_refs": [line["product_ref"]], "title": text, "text": text}
        detail = {**told, "occurred_at": iso(began), "url": "https://shop.example.com/recall"}
        cloud.put_events([{**placed, "DetailType": "AnnouncementPublished", "Detail": json.dumps(detail)}])
        cloud.advance(timedelta(hours=1))
        return _Real(began, list(cloud.mailbox.taken[before:]))


class _Rate(Model, extra="ignore"):
    per_second: dict[str, float]


class _Frequency(Model, extra="ignore"):
    """What frequency.yaml says of the rate."""

    rate: _Rate


def _configured() -> float:
    return read_content(Path("frequency.yaml"), _Frequency).rate.per_second["email"]


def sends(slots: list[datetime], per_second: float) -> list[datetime]:
    """When each message goes: at its slot, or at its place in the rate where that is further off than a burst."""
    free: list[datetime | None] = [None] * SHARDS
    found = []
    for number, now in enumerate(slots):
        shard = shard_order(f"wave#{number}", free)[0]
        places = reserve(free[shard], now, per_second, 1)
        free[shard] = places.then
        found.append(now if places.first <= now + BURST else places.first)
    return found


def peak(instants: list[datetime]) -> int:
    """The most of them within any one second; they are in order."""
    inside: deque[datetime] = deque()
    most = 0
    for at in instants:
        inside.append(at)
        while inside[0] <= at - timedelta(seconds=1):
            inside.popleft()
        most = max(most, len(inside))
    return most
