"""What an outcome teaches: the numbers to ADD to the knowledge when a parcel departs and when it is delivered.

Nothing is read: a lesson is a function of the parcel, its outcome and the basis of its hand-over forecast. All numbers are
sums, so additions commute and none is lost to a race. Decay is forward: weights grow as 2^(t / half-life) from EPOCH.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import add

from shipping_delay.pace import PACE_EARLY, PACE_GAIN, PACE_HORIZON, PACE_SLOPE, PACE_SPAN, PACE_USUAL, exposure, pace_increments
from shipping_delay.parcel import EPOCH, STAGE_PRIOR, Basis, Increments, Parcel, Status, days, terms
from shipping_delay.prediction import (
    APPOINTMENT_TERMS,
    HANDLING_HALF_LIFE,
    KEPT_PRIOR,
    SETTLED,
    SHAPE_HALF_LIFE,
    SHAPE_KEY,
    TERM_HALF_LIFE,
    handling_keys,
)
from shipping_delay.residual import BIN, BINS, LOW
from shipping_delay.week import Week

OUTLIER = 2.0  # log-days: a residual beyond this (7 times the forecast) teaches no more than this
MIN_DAYS = 0.25  # working days: nothing is faster
SHAPE_SIZE = BINS + 14  # bins, weekdays, weight and level, weight and appointments, signal, pace, day
TERM_GAIN = 1.5  # of a residual all terms together may take, per transit that the store is settled


def depart(parcel: Parcel, basis: Basis) -> Increments:
    """What to ADD when a parcel is handed over: the arrivals to expect of it, day by day, while it is at risk.

    Add it before the parcel's own `learn`, or after: sums commute.
    """
    handed = days(parcel.handed_at)
    first = math.floor(handed)
    return pace_increments(parcel, exposure(handed, basis, first, first + PACE_HORIZON, 1.0))


def _by_chance(first: float, last: float, basis: Basis) -> float:
    """P(delivered between two ages in working days) without an appointment, by the log-logistic reference."""
    scale = math.exp(-basis.location - basis.pace)
    before = math.pow(max(first, 0.0) * scale, PACE_SLOPE)
    after = math.pow(max(last, 0.0) * scale, PACE_SLOPE)
    return after / (1.0 + after) - before / (1.0 + before)


def learn(
    parcel: Parcel,
    delivered_at: datetime,
    basis: Basis,
    *,
    departed: bool = True,
    scans: Iterable[tuple[Status, datetime]] = (),
) -> Increments:
    """What to ADD when a parcel is delivered; pure in the parcel, the outcome and the basis of its hand-over forecast.

    departed says that `depart` was added for it. Each parcel is learned once: the caller keeps the marker.
    Each term learns the residual of all the others (backfitting), in a young store only its part of it: all terms learn the
    same residual at once, and none hears of the others before a transit has passed. The store's own level takes it at once.
    An outcome explained by an appointment teaches the transit terms as little as it says about transit (the E-step of a
    two-part mixture).
    """
    handed, delivered = days(parcel.handed_at), days(delivered_at)
    week = Week(basis.week)
    spent = week.working(delivered) - week.working(handed)
    surprise = math.log(max(spent, MIN_DAYS)) - basis.location - basis.pace
    residual = max(-OUTLIER, min(OUTLIER, surprise))

    share = 1.0
    agreed: float | None = None
    if parcel.promised_by is not None:
        deadline = days(parcel.promised_by)
        agreed = 0.0
        if deadline - 1.0 <= delivered < deadline and basis.appointment > 0.0:
            by_appointment = max(basis.appointment, KEPT_PRIOR)
            end = week.working(deadline) - week.working(handed)
            chance = _by_chance(week.working(deadline - 1.0) - week.working(handed), end, basis)
            agreed = by_appointment / (by_appointment + (1.0 - by_appointment) * max(chance, 1e-3))
            share = 1.0 - agreed
        agreed -= basis.appointment

    grown = 2.0 ** (delivered / TERM_HALF_LIFE)
    settled = min(1.0, basis.settled / SETTLED)
    gain = min(1.0, TERM_GAIN * basis.settled / max(1, len(basis.effects)))
    taught = grown * share * gain
    found: Increments = {}
    place = 1
    for (term, key), effect in zip(terms(parcel), basis.effects, strict=True):
        if agreed is not None and term in APPOINTMENT_TERMS:
            found[key] = (taught, taught * (gain * residual + effect), grown, grown * (agreed + basis.kept[place]))
            place += 1
        else:
            found[key] = (taught, taught * (gain * residual + effect))

    shape_grown = 2.0 ** (delivered / SHAPE_HALF_LIFE)
    shape = [0.0] * SHAPE_SIZE
    shape[max(0, min(BINS - 1, int((surprise - LOW) / BIN)))] = shape_grown * share * settled
    shape[BINS + math.floor(delivered) % 7] = shape_grown * settled
    shape[BINS + 7] = shape_grown * share
    shape[BINS + 8] = shape_grown * share * (residual + basis.level)
    shape[BINS + 11] = shape_grown * share * (basis.signal - PACE_USUAL - PACE_GAIN * basis.pace)
    shape[BINS + 12] = shape_grown * share * basis.pace
    shape[BINS + 13] = shape_grown * share * delivered
    if agreed is not None:
        shape[BINS + 9] = shape_grown
        shape[BINS + 10] = shape_grown * (agreed + basis.kept[0])
    found[SHAPE_KEY] = tuple(shape)

    if departed:
        found.update(_arrival(parcel, basis, week, handed, delivered))
    for status, scanned_at in scans:
        if status in STAGE_PRIOR:
            error = math.log(max(delivered - days(scanned_at), 0.01)) - STAGE_PRIOR[status][0]
            found[f"stage:{status}"] = (shape_grown, shape_grown * error, shape_grown * error * error)
    return found


def _arrival(parcel: Parcel, basis: Basis, week: Week, handed: float, delivered: float) -> Increments:
    """Take back what `depart` expected after the delivery, and count the arrival."""
    first, day = math.floor(handed), math.floor(delivered)
    last = first + PACE_HORIZON
    if not first <= day < last:
        return {}
    spans = exposure(handed, basis, day, last, -1.0)
    span, slot = divmod(day, PACE_SPAN)
    scale, start = math.exp(PACE_EARLY - basis.location), week.working(handed)
    reached = max(0.0, week.working(delivered) - start) * scale
    so_far = max(0.0, week.working(float(day)) - start) * scale
    today = math.log1p(reached**PACE_SLOPE) - math.log1p(so_far**PACE_SLOPE)
    values = spans[span]
    values[slot] += today
    values[PACE_SPAN + slot] = 1.0
    return pace_increments(parcel, spans)


def expires(key: str) -> datetime | None:
    """When the table may forget an item: pace items go once no learning and no prediction can touch them."""
    if not key.startswith("pace:"):
        return None
    span = int(key.rpartition(":")[2])
    return EPOCH + timedelta(days=(span + 3) * PACE_SPAN + PACE_HORIZON)


def merge(into: dict[str, tuple[float, ...]], increments: Mapping[str, Sequence[float]]) -> None:
    """Add increments to a mapping in place: a consumer's batch in memory, or a whole knowledge in a replay."""
    for key, values in increments.items():
        held = into.get(key)
        if held is None:
            into[key] = tuple(values)
            continue
        if len(held) < len(values):
            held = held + (0.0,) * (len(values) - len(held))
        into[key] = (*map(add, held, values), *held[len(values) :])


def learn_handling(seller: str | None, ordered_at: datetime, handed_at: datetime) -> Increments:
    """What to ADD at hand-over about the time from order to hand-over."""
    spent = max((handed_at - ordered_at).total_seconds() / 86400.0, 0.05)
    weight, value = 2.0 ** (days(handed_at) / HANDLING_HALF_LIFE), math.log(spent)
    return dict.fromkeys(handling_keys(seller), (weight, weight * value, weight * value * value))
