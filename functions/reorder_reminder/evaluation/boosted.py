"""LightGBM as a baseline, where it is installed: fitted once on what was known when the scored time began."""

import importlib
import math
from collections.abc import Sequence

from reorder_reminder.depletion import hit
from reorder_reminder.evaluation.replay import Scored, remind_before

METHOD = "LightGBM"


def add_lightgbm(all_: Sequence[Scored], scored: Sequence[Scored], since: int) -> dict[int, float] | None:
    """Adds what it says to each scored purchase; and its own chance of a hit, by the position in `scored`. None without it."""
    try:
        lightgbm = importlib.import_module("lightgbm")
        numpy = importlib.import_module("numpy")
    except ImportError:
        return None
    past = [one for one in all_ if one.day < since]
    # As ours: a longer interval says that somebody went away.
    known = [one for one in past if one.interval and one.interval <= one.thing.lapsed and one.day + one.interval < since]
    over = [one for one in past if one.day + one.said["streaming"].remind + 7 < since]
    if len(known) < 200 or not scored:
        return None

    families: dict[str, int] = {}
    products: dict[str, int] = {}

    def features(one: Scored) -> list[float]:
        said = [math.log(max(1.0, one.said[name].foretold)) for name in ("streaming", "own mean", "product median")]
        codes = (
            families.setdefault(one.thing.family, len(families)),
            products.setdefault(one.thing.product, len(products)),
        )
        return [*one.features[1:], *said, float(one.count), float(one.day % 7), *map(float, codes)]

    common = {"verbosity": -1, "num_threads": 1, "seed": 1, "learning_rate": 0.05, "num_leaves": 31}
    asked = numpy.array([features(one) for one in scored])
    inputs = numpy.array([features(one) for one in known])
    spent = numpy.array([math.log(one.interval or 1.0) for one in known])
    days = numpy.exp(lightgbm.train({**common, "objective": "l1"}, lightgbm.Dataset(inputs, spent), 200).predict(asked))
    for one, day in zip(scored, days, strict=True):
        one.said[METHOD] = remind_before(float(day))
    happened = [
        float(one.interval is not None and one.day + one.interval < since and hit(one.said["streaming"].remind, one.interval))
        for one in over
    ]
    table = numpy.array([features(one) for one in over])
    gate = lightgbm.train({**common, "objective": "binary"}, lightgbm.Dataset(table, numpy.array(happened)), 200)
    return {place: float(value) for place, value in enumerate(gate.predict(asked))}
