"""What each sign of use is worth in a shop: from counts of who went on and who left, by the signs they had. Pure Python.

A logistic regression with a normal prior around the store's table (its posterior mode, by Newton's method): with few customers it
stays at the table, with many it is what was seen. All signs are fitted together, so that two which mostly come together do not
count twice, as they would in naive Bayes.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aftercare.table import Number
from aftercare.use import Weights, signs_of

BASE_SPREAD: Final = 0.7
SPREAD: Final = 0.5
"""Standard deviations of the prior, in log-odds: in two stores of three the odds are within 2 and 1.65 times the table's."""

ROUNDS: Final = 50
FINE: Final = 1e-9

Cells = Mapping[str, tuple[int, int]]
"""How many with these signs (aftercare.use.cell_of) went on, and how many left."""


def cells_of(weeks: Iterable[Mapping[str, Number]]) -> dict[str, tuple[int, int]]:
    """The sums of some weeks' counts. Signs that nobody knows any more count for nothing."""
    sums: Counter[tuple[str, str]] = Counter()
    for numbers in weeks:
        for name, number in numbers.items():
            kind, *what = name.split("/")
            if kind == "cell" and len(what) == 2:
                sums[what[0], what[1]] += int(number)
    found = {cell: (sums[cell, "stayed"], sums[cell, "left"]) for cell, _ in sums}
    return {cell: pair for cell, pair in sorted(found.items()) if _known(cell)}


def _known(cell: str) -> bool:
    try:
        signs_of(cell)
    except ValueError:
        return False
    return True


def fitted(cells: Cells, table: Weights) -> Weights:
    """The weights of a shop; signs that nobody had keep the table's."""
    signs = sorted({sign for cell in cells for sign in signs_of(cell)})
    prior = [table.base, *(table.signs.get(sign, 0.0) for sign in signs)]
    firmness = [BASE_SPREAD**-2, *[SPREAD**-2] * len(signs)]
    rows = [([0, *(1 + signs.index(sign) for sign in signs_of(cell))], *pair) for cell, pair in cells.items()]
    weights = list(prior)
    loss = _loss(rows, weights, prior, firmness)
    for _ in range(ROUNDS):
        slope = [firm * (weight - middle) for firm, weight, middle in zip(firmness, weights, prior, strict=True)]
        bend = [[firm if at == other else 0.0 for other in range(len(prior))] for at, firm in enumerate(firmness)]
        for places, stayed, left in rows:
            p = _chance(weights, places)
            pull, curve = (stayed + left) * p - stayed, (stayed + left) * p * (1 - p)
            for at in places:
                slope[at] += pull
                for other in places:
                    bend[at][other] += curve
        step, share = _solved(bend, slope), 1.0
        while True:
            new = [weight - share * by for weight, by in zip(weights, step, strict=True)]
            reached = _loss(rows, new, prior, firmness)
            if reached <= loss or share < FINE:
                break
            share /= 2
        gained, weights, loss = loss - reached, new, reached
        if gained <= FINE * (abs(loss) + 1):
            break
    stayed, left = (sum(pair[n] for pair in cells.values()) for n in (0, 1))
    return Weights(weights[0], {**table.signs, **dict(zip(signs, weights[1:], strict=True))}, stayed + left, stayed)


def _chance(weights: Sequence[float], places: Sequence[int]) -> float:
    return 1 / (1 + math.exp(-sum([weights[at] for at in places])))


def _loss(
    rows: Sequence[tuple[Sequence[int], int, int]], weights: Sequence[float], prior: Sequence[float], firmness: Sequence[float]
) -> float:
    """Minus the logarithm of the posterior."""
    held = sum([firm * (w - middle) ** 2 for firm, w, middle in zip(firmness, weights, prior, strict=True)]) / 2
    told = 0.0
    for places, stayed, left in rows:
        odds = sum([weights[at] for at in places])
        told += stayed * _softplus(-odds) + left * _softplus(odds)
    return held + told


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))


def _solved(matrix: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """x of matrix x = values, for a symmetric positive definite matrix (Cholesky)."""
    size = len(values)
    lower = [[0.0] * size for _ in range(size)]
    for at in range(size):
        for other in range(at + 1):
            rest = matrix[at][other] - sum([lower[at][n] * lower[other][n] for n in range(other)])
            lower[at][other] = math.sqrt(rest) if at == other else rest / lower[other][other]
    half: list[float] = []
    for at in range(size):
        half.append((values[at] - sum([lower[at][n] * half[n] for n in range(at)])) / lower[at][at])
    found = [0.0] * size
    for at in reversed(range(size)):
        found[at] = (half[at] - sum([lower[n][at] * found[n] for n in range(at + 1, size)])) / lower[at][at]
    return found
