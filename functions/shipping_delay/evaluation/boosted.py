"""LightGBM as a baseline, where it is installed: refitted each month on what was known then."""

import importlib
import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from shipping_delay.evaluation.metrics import Scored
from shipping_delay.evaluation.orders import Order, days_between, number


def lightgbm_forecasts(orders: Sequence[Order], since: datetime, until: datetime) -> list[Scored] | None:
    """LightGBM refitted each month on what was known then: a classifier for late, three quantiles of log days."""
    try:
        lightgbm = importlib.import_module("lightgbm")
        numpy = importlib.import_module("numpy")
    except ImportError:
        return None

    codes: dict[str, dict[str, int]] = defaultdict(dict)

    def features(order: Order) -> list[float]:
        parcel = order.parcel
        missing = math.nan
        named = (
            ("o", parcel.origin_region),
            ("d", parcel.destination_region),
            ("c", parcel.category),
            ("k", parcel.carrier),
            ("v", parcel.service),
            ("s", parcel.seller),
        )
        encoded = [float(codes[kind].setdefault(name, len(codes[kind]))) if name else missing for kind, name in named]
        digits = [number((code or "")[:3]) for code in (parcel.origin_postcode, parcel.destination_postcode)]
        measured = [parcel.distance_km, parcel.weight_g, parcel.freight, *digits]
        slack = days_between(parcel.handed_at, order.promised_by) if order.promised_by else missing
        numbers = [missing if value is None else value for value in measured]
        return [*encoded, *numbers, slack, float(parcel.handed_at.weekday()), float(parcel.handed_at.hour)]

    found: list[Scored] = []
    common = {"verbosity": -1, "num_threads": 1, "seed": 1, "learning_rate": 0.05, "num_leaves": 31}
    table = {index: features(order) for index, order in enumerate(orders)}
    delivered = [index for index, order in enumerate(orders) if order.delivered_at is not None]
    months = sorted({orders[index].parcel.handed_at.strftime("%Y-%m") for index in delivered})
    for month in months:
        start = max(since, datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC))
        asked = [
            index
            for index in delivered
            if orders[index].parcel.handed_at.strftime("%Y-%m") == month and since <= orders[index].parcel.handed_at < until
        ]
        known = [index for index in delivered if (orders[index].known_at or start) < start]
        if not asked or len(known) < 200:
            continue
        inputs = numpy.array([table[index] for index in known])
        targets = numpy.array([table[index] for index in asked])
        late = numpy.array([float(orders[index].late) for index in known])  # without a promise: never late
        spent = numpy.log(numpy.array([max(orders[index].days, 0.25) for index in known]))
        chance = lightgbm.train({**common, "objective": "binary"}, lightgbm.Dataset(inputs, late), 200).predict(targets)
        spread = [
            lightgbm.train({**common, "objective": "quantile", "alpha": share}, lightgbm.Dataset(inputs, spent), 200)
            for share in (0.1, 0.5, 0.9)
        ]
        low, middle, high = (numpy.exp(model.predict(targets)) for model in spread)
        for place, index in enumerate(asked):
            numbers = (chance[place], low[place], middle[place], high[place])
            found.append(Scored(orders[index], *(float(value) for value in numbers)))
    return found
