"""The seven parameters by maximum likelihood, from counts of customers who look alike. Pure Python, off the serving path."""

import math
from collections.abc import Callable, Mapping, Sequence

from aftercare.lifetime import Amounts, Orders, likelihood, spend_likelihood

ROUNDS = 800
FINE = 1e-7
"""The search ends where its corners differ by this share of the likelihood."""

DRAWN = 1e-4
"""How strongly a and b are held near 1 (the square of their logarithms): with few departures they are hardly known."""

STARTS = (math.log(0.6), math.log(60.0), math.log(0.5), math.log(2.0))

LARGEST = 12.0
"""No parameter's logarithm goes beyond this."""

Point = list[float]


def minimum(of: Callable[[Sequence[float]], float], start: Sequence[float], step: float = 0.3) -> Point:
    """Where a function is least (Nelder and Mead 1965)."""
    size = len(start)
    points = [list(start), *([value + step * (at == corner) for at, value in enumerate(start)] for corner in range(size))]
    values = [of(point) for point in points]
    for _ in range(ROUNDS):
        order = sorted(range(size + 1), key=values.__getitem__)
        points, values = [points[i] for i in order], [values[i] for i in order]
        if values[-1] - values[0] <= FINE * (abs(values[0]) + FINE):
            break
        centre = [sum(point[at] for point in points[:-1]) / size for at in range(size)]

        def along(share: float, centre: Point = centre, worst: Point = points[-1]) -> Point:
            return [middle + share * (corner - middle) for middle, corner in zip(centre, worst, strict=True)]

        new = along(-1.0)
        value = of(new)
        if value < values[0]:
            further = along(-2.0)
            reached = of(further)
            new, value = (further, reached) if reached < value else (new, value)
        elif value >= values[-2]:
            nearer = along(-0.5 if value < values[-1] else 0.5)
            reached = of(nearer)
            if reached >= min(value, values[-1]):
                best = points[0]
                points = [[(mine + its) / 2 for mine, its in zip(point, best, strict=True)] for point in points]
                values = [values[0], *(of(point) for point in points[1:])]
                continue
            new, value = nearer, reached
        points[-1], values[-1] = new, value
    return points[min(range(size + 1), key=values.__getitem__)]


def _exp(value: float) -> float:
    return math.exp(max(-LARGEST, min(LARGEST, value)))


def _orders(logs: Sequence[float]) -> Orders:
    r, alpha, a, b = map(_exp, logs)
    return Orders(r, alpha, a, b)


def _amounts(logs: Sequence[float], usual: float) -> Amounts:
    p, q, gamma = map(_exp, logs)
    return Amounts(p, q, usual * gamma)


def fit_orders(customers: Mapping[tuple[float, float, float], int]) -> Orders:
    """BG/NBD from how many customers have each (x, tx, age)."""
    many = sum(customers.values())

    def loss(logs: Sequence[float]) -> float:
        model = _orders(logs)
        told = sum(count * likelihood(model, *one) for one, count in customers.items())
        held = sum([value * value for value in logs[2:]])
        return DRAWN * held - told / many

    return _orders(minimum(loss, STARTS))


def fit_amounts(customers: Mapping[tuple[float, float], int]) -> Amounts:
    """Gamma-Gamma from how many customers have each (purchases, mean)."""
    many = sum(customers.values())
    usual = sum(mean * count for (_, mean), count in customers.items()) / many

    def loss(logs: Sequence[float]) -> float:
        model = _amounts(logs, usual)
        return -sum(count * spend_likelihood(model, *one) for one, count in customers.items()) / many

    return _amounts(minimum(loss, (math.log(3.0), math.log(4.0), 0.0)), usual)
