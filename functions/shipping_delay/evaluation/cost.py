"""What a forecast and a lesson cost in processor time, beside `json.loads` of an event in the same run."""

import gc
import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shipping_delay.parcel import Basis, Counters, Parcel
from shipping_delay.prediction import keys, predict
from shipping_delay.teaching import depart, learn, merge

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
DIFFERENT = 400
"""So many different parcels and events: one repeated would stay in the processor's caches."""
TOGETHER = 20


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one parcel in times one parse; `event_bytes` is what is parsed."""

    predict: float
    update: float
    event_bytes: int


def _events() -> list[str]:
    line = {"sku": "SKU-1", "quantity": 1, "price": {"amount": "12.90", "currency": "EUR"}, "title_id": "t1"}
    scan = {"at": "2026-03-01T10:00:00Z", "code": "IT", "weight_g": 120.5}
    event = {
        "version": "0",
        "detail-type": "ShipmentMoved",
        "source": "aftercare.shipments",
        "time": "2026-03-01T09:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {"order_id": "shop:1070", "lines": [line] * 9, "scans": [scan] * 8},
    }
    return [json.dumps({**event, "id": f"{number:036d}"}) for number in range(DIFFERENT)]


def _parcel(dice: random.Random, handed: datetime) -> Parcel:
    """Every feature that a store has without a carrier's account."""
    return Parcel(
        handed_at=handed,
        promised_by=handed + timedelta(days=10),
        origin_region="NW",
        destination_region=f"R{dice.randrange(16)}",
        origin_postcode="10115",
        destination_postcode=f"{dice.randrange(100_000):05}",
        distance_km=dice.uniform(5, 900),
        seller=f"s{dice.randrange(40)}",
        weight_g=dice.uniform(100, 9000),
        category="coffee",
        freight=4.9,
    )


def _parcels(dice: random.Random) -> tuple[list[tuple[Parcel, Basis, datetime]], Counters]:
    """Parcels on their way, and what earlier ones have taught; each term of theirs is known."""
    knowledge: dict[str, tuple[float, ...]] = {}
    for number in range(DIFFERENT):
        one = _parcel(dice, NOW - timedelta(days=100 - number / 5))
        basis = predict(one, knowledge, one.handed_at).basis
        merge(knowledge, depart(one, basis))
        merge(knowledge, learn(one, one.handed_at + timedelta(days=4 * math.exp(dice.gauss(0, 0.3))), basis))
    found = []
    for _ in range(DIFFERENT):
        one = _parcel(dice, NOW - timedelta(hours=dice.uniform(0, 90)))
        for key in keys(one, NOW):
            knowledge.setdefault(key, tuple(dice.uniform(1, 60) for _ in range(20 if key.startswith("pace") else 4)))
        found.append((one, predict(one, knowledge, NOW).basis, NOW + timedelta(days=5)))
    return found, knowledge


def measure(rounds: int = 25) -> Cost:
    """Each small group by its best of interleaved rounds: a busy machine slows no task more than another."""
    texts = _events()
    parcels, knowledge = _parcels(random.Random(3))  # noqa: S311 - no secret hangs on it

    def parse(group: slice) -> None:
        for text in texts[group]:
            json.loads(text)

    def forecast(group: slice) -> None:
        for one, _, _ in parcels[group]:
            predict(one, knowledge, NOW)

    def teach(group: slice) -> None:
        for one, basis, delivered in parcels[group]:
            learn(one, delivered, basis)
            depart(one, basis)

    groups = [slice(start, start + TOGETHER) for start in range(0, DIFFERENT, TOGETHER)]
    tasks: tuple[Callable[[slice], None], ...] = (parse, forecast, teach)
    best = [[math.inf] * len(groups) for _ in tasks]
    gc.disable()
    try:
        for _ in range(rounds):
            for number, group in enumerate(groups):
                for of, task in zip(best, tasks, strict=True):
                    began = time.perf_counter()
                    task(group)
                    of[number] = min(of[number], time.perf_counter() - began)
    finally:
        gc.enable()
    parsed, forecasted, taught = map(sum, best)
    return Cost(forecasted / parsed, taught / parsed, len(texts[0]))
