"""How fast the network is now: the arrivals of the last days against those expected of the parcels that were under way.

Observed over expected is the standardised ratio of survival analysis (Breslow and Day 1987, vol. II, ch. 2). Parcels still
under way count in it, so a slow network shows before its slow parcels arrive, and quick parcels arriving first are no bias.
"""

import math
from collections.abc import Mapping, Sequence

from shipping_delay.parcel import Basis, Counters, Increments, Parcel
from shipping_delay.week import Week

PACE_SPAN = 10  # days kept in one pace item
PACE_HALF_LIFE = 6.0  # days
PACE_SHRINK = 100.0  # expected arrivals of prior weight, whole store
REGION_PACE_SHRINK = 50.0  # expected arrivals of prior weight, one region
PACE_ELASTICITY = 1.04  # log-days for one log unit of arrivals missing; times PACE_GAIN it must stay below 1
REGION_PACE_ELASTICITY = 0.8  # the same, one region beyond the whole store
PACE_LIMIT = 1.2  # log-days
PACE_HORIZON = 28  # days after which a parcel no longer counts as at risk
PACE_SLOPE = 3.2  # slope of the log-logistic reference hazard; its residual sd is pi / (sqrt(3) * slope) = .57 log-days
PACE_EARLY = 1.0  # log-days by which the reference runs ahead of the forecast: old parcels then count by log age

_AHEAD = math.exp(PACE_EARLY * PACE_SLOPE)
PACE_USUAL = math.log(_AHEAD * math.log(_AHEAD) / (_AHEAD - 1))  # log of the reference's hazard spent by an arrival
PACE_GAIN = PACE_SLOPE * (1 / math.log(_AHEAD) - 1 / (_AHEAD - 1))  # its derivative by a lasting slowdown of all parcels
_KERNELS = tuple(
    (
        tuple(2.0 ** (-(today - slot - 1) / PACE_HALF_LIFE) if slot < today else 0.0 for slot in range(PACE_SPAN)),
        tuple(2.0 ** (-(today + PACE_SPAN - slot - 1) / PACE_HALF_LIFE) for slot in range(PACE_SPAN)),
    )
    for today in range(PACE_SPAN)
)


def pace_keys(parcel: Parcel, day: int) -> tuple[str, ...]:
    span = day // PACE_SPAN
    if parcel.destination_region is None:
        return (f"pace::{span}", f"pace::{span - 1}")
    region = parcel.destination_region
    return (f"pace::{span}", f"pace::{span - 1}", f"pace:{region}:{span}", f"pace:{region}:{span - 1}")


def _recent(
    now: Sequence[float] | None, then: Sequence[float] | None, newer: tuple[float, ...], older: tuple[float, ...]
) -> tuple[float, float]:
    """Expected and observed arrivals of two spans, recent days first. Written out: sums over maps were a quarter of it."""
    expected = arrived = 0.0
    if now:
        e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 = now
        k0, k1, k2, k3, k4, k5, k6, k7, k8, k9 = newer
        expected = k0 * e0 + k1 * e1 + k2 * e2 + k3 * e3 + k4 * e4 + k5 * e5 + k6 * e6 + k7 * e7 + k8 * e8 + k9 * e9
        arrived = k0 * a0 + k1 * a1 + k2 * a2 + k3 * a3 + k4 * a4 + k5 * a5 + k6 * a6 + k7 * a7 + k8 * a8 + k9 * a9
    if then:
        e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 = then
        k0, k1, k2, k3, k4, k5, k6, k7, k8, k9 = older
        expected += k0 * e0 + k1 * e1 + k2 * e2 + k3 * e3 + k4 * e4 + k5 * e5 + k6 * e6 + k7 * e7 + k8 * e8 + k9 * e9
        arrived += k0 * a0 + k1 * a1 + k2 * a2 + k3 * a3 + k4 * a4 + k5 * a5 + k6 * a6 + k7 * a7 + k8 * a8 + k9 * a9
    return (expected if expected > 0.0 else 0.0), (arrived if arrived > 0.0 else 0.0)


def _limited(slower: float) -> float:
    return PACE_LIMIT if slower > PACE_LIMIT else -PACE_LIMIT if slower < -PACE_LIMIT else slower


def pace_now(parcel: Parcel, knowledge: Counters, today: float, usual: float) -> tuple[float, float, float]:
    """Log-days by which the network is slower than the counters know: (whole store, region beyond it, signal).

    The signal is the log of expected over observed arrivals of the last 10 to 20 days, recent days first, shrunk to 0
    (Gamma-Poisson). usual is what it shows when nothing is slow: parcels that are never delivered, a residual that is
    not log-logistic.
    """
    span, slot = divmod(math.floor(today), PACE_SPAN)
    newer, older = _KERNELS[slot]
    expected, arrived = _recent(knowledge.get(f"pace::{span}"), knowledge.get(f"pace::{span - 1}"), newer, older)
    scale = math.exp(-usual)
    ratio = (expected * scale + PACE_SHRINK) / (arrived + PACE_SHRINK)
    signal = math.log(ratio)
    store = _limited(PACE_ELASTICITY * signal)
    region = parcel.destination_region
    if region is None:
        return store, 0.0, signal + usual
    now, then = knowledge.get(f"pace:{region}:{span}"), knowledge.get(f"pace:{region}:{span - 1}")
    expected, arrived = _recent(now, then, newer, older)
    extra = math.log((expected * scale / ratio + REGION_PACE_SHRINK) / (arrived + REGION_PACE_SHRINK))
    return store, _limited(REGION_PACE_ELASTICITY * extra), signal + usual


def exposure(handed: float, basis: Basis, first: int, last: int, sign: float) -> dict[int, list[float]]:
    """Per span of days: arrivals expected each day of a parcel not yet delivered, then a gap, then those times its pace.

    The reference is a log-logistic residual, whose cumulative hazard is log(1 + (T / median)^slope).
    """
    scale = math.exp(PACE_EARLY - basis.location)
    week = Week(basis.week)
    edges, speed, log1p, slope = week.edges, week.speed, math.log1p, PACE_SLOPE
    start = week.working(handed)
    reached = week.working(float(first)) - start
    before = log1p((reached * scale) ** slope) if reached > 0.0 else 0.0
    spans: dict[int, list[float]] = {}
    for day in range(first, last):
        weekday = day % 7
        after = log1p(((day - weekday + edges[weekday] + speed[weekday] - start) * scale) ** slope)
        span, slot = divmod(day, PACE_SPAN)
        values = spans.get(span)
        if values is None:
            values = spans[span] = [0.0] * (2 * PACE_SPAN)
        values[slot] = sign * (after - before)
        before = after
    return spans


def pace_increments(parcel: Parcel, spans: Mapping[int, list[float]]) -> Increments:
    found: Increments = {}
    for span, values in spans.items():
        summed = tuple(values)
        found[f"pace::{span}"] = summed
        if parcel.destination_region is not None:
            found[f"pace:{parcel.destination_region}:{span}"] = summed
    return found
