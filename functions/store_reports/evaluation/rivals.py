"""What the model is compared with: RFM, the last order, what was spent so far, and LightGBM where it is installed."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from store_reports.evaluation.purchases import Known

Score = Sequence[float]


def _ranks(values: Sequence[float], parts: int) -> list[int]:
    """1 to `parts` by equal shares of the customers; equal values have the same."""
    ordered = sorted(values)
    cuts = [ordered[min(len(ordered) - 1, len(ordered) * part // parts)] for part in range(1, parts)]
    return [1 + sum(value >= cut for cut in cuts) for value in values]


def rfm(known: Sequence[Known]) -> Score:
    """The sum of the three fifths (Hughes 1994)."""
    recent = _ranks([one.buyer.tx - one.buyer.age for one in known], 5)
    often = _ranks([one.buyer.x for one in known], 5)
    much = _ranks([one.mean * len(one.days) for one in known], 5)
    return [sum(each) for each in zip(recent, often, much, strict=True)]


def recency(known: Sequence[Known]) -> Score:
    return [one.buyer.tx - one.buyer.age for one in known]


def spent(known: Sequence[Known]) -> Score:
    return [one.mean * len(one.days) for one in known]


def _features(one: Known) -> list[float]:
    x, tx, age = one.buyer
    return [x, tx, age, age - tx, one.mean, one.mean * (x + 1), tx / x if x else -1.0, (x + 1) / (age + 30.0)]


def lightgbm(train: Sequence[Known], known: Sequence[Known]) -> tuple[Score, Score] | None:
    """P(returns) and the expected spend, learned from the split one horizon earlier. None where it is not installed."""
    try:
        package: Any = importlib.import_module("lightgbm")
    except ImportError:
        return None
    if len(train) < 200:
        return None
    numpy: Any = importlib.import_module("numpy")
    inputs, targets = (numpy.array([_features(one) for one in these]) for these in (train, known))
    common = {"verbosity": -1, "seed": 7, "num_threads": 1, "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 50}

    def learned(objective: str, wanted: Callable[[Known], float]) -> list[float]:
        told = package.Dataset(inputs, numpy.array([wanted(one) for one in train]))
        found: list[float] = package.train({**common, "objective": objective}, told, 150).predict(targets).tolist()
        return found

    return learned("binary", lambda one: float(one.returned)), learned("tweedie", lambda one: one.later_spent)
