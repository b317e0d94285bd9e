"""When a parcel arrives and whether that is later than promised, learned from the store's own deliveries while it runs.

The logarithm of the transit time is a sum of shrunk residual counters (empirical Bayes with a normal prior: Efron and
Morris 1975; Gelman and Hill 2007, ch. 12), plus the pace of the network now, plus a residual whose distribution is one
decayed histogram. Transit is measured in working days: a learned weekly clock runs slow on days without deliveries.
Every read divides by today's weight: decay is forward (Cormode et al. 2009).
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from shipping_delay.pace import PACE_SHRINK, PACE_USUAL, pace_keys, pace_now
from shipping_delay.parcel import STAGE_PRIOR, Basis, Counters, Forecast, Parcel, Status, days, terms
from shipping_delay.residual import BIN, BINS, HIGH, LOW, TAIL_RATE, Residual, normal_cdf
from shipping_delay.week import Week, speeds

TERM_HALF_LIFE = 240.0  # days
SHAPE_HALF_LIFE = 180.0  # days
HANDLING_HALF_LIFE = 90.0  # days
TERM_SHRINK = 15.0  # parcels of prior weight at zero effect
KEPT_SHRINK = 20.0  # parcels of prior weight for "arrives exactly on the promised day"
KEPT_PRIOR = 0.02  # share of parcels delivered by appointment, before anything is known
START_SHRINK = 50.0  # parcels after which the store's own level outweighs the generic starting point
SETTLED = 4.0
"""Transits that lessons must be old on average until they are believed whole. A lesson is about a forecast made a transit ago:
what all have learned since then it says once more, so a store that is young against its transits would swing."""
SHAPE_KEY = "shape"
STAGE_SHRINK = 20.0  # parcels of prior weight for the time left after a scan
SAID_SPREAD = 0.35  # log-days around a carrier's own date: 80 % between .64 and 1.57 times what it says is left

_NOTHING: tuple[float, ...] = ()
_GENERIC = math.log(5.0)  # log working days of a parcel of which nothing is known
APPOINTMENT_TERMS = frozenset({"lane", "seller", "carrier", "service"})


def keys(parcel: Parcel, at: datetime, status: Status | None = None) -> tuple[str, ...]:
    """All that a prediction reads, at most 17 keys, 16 without a scan's status: one BatchGetItem."""
    found = [SHAPE_KEY, *(key for _, key in terms(parcel)), *pace_keys(parcel, math.floor(days(at)))]
    if status in STAGE_PRIOR:
        found.append(f"stage:{status}")
    return tuple(found)


def _start(parcel: Parcel, promised: float | None) -> float:
    """Log working days before anything is known: a day each for pick-up and last mile and 500 km a day, else 5 days.

    A promise is the store's own knowledge: seven tenths of it is averaged in.
    """
    generic = math.log(2.0 + parcel.distance_km / 500.0) if parcel.distance_km is not None else _GENERIC
    if promised is None or promised <= 1.0:
        return generic
    return 0.5 * (generic + math.log(0.7 * promised))


_Course = tuple[float, float | None, float, float | None]
"""A parcel's hand-over and deadline in days since EPOCH, then both on the clock of working days."""


def _basis(
    parcel: Parcel,
    found: Sequence[tuple[str, str]],
    knowledge: Counters,
    today: float,
    shape: Sequence[float],
    grown: float,
    speed: tuple[float, ...],
    course: _Course,
) -> Basis:
    _, _, handed, deadline = course
    promised = deadline if parcel.promised_by is not None else None
    weight = shape[BINS + 7] if shape else 0.0
    own = START_SHRINK * grown / (weight + START_SHRINK * grown)
    level = shape[BINS + 8] / (weight + TERM_SHRINK * grown) if shape else 0.0
    start = _GENERIC
    if own > 0.01:
        start += own * (_start(parcel, None if promised is None else promised - handed) - _GENERIC)

    prior = TERM_SHRINK * 2.0 ** (today / TERM_HALF_LIFE)
    get = knowledge.get
    items = [get(key) for _, key in found]
    effects = tuple([item[1] / (item[0] + prior) if item else 0.0 for item in items])
    lasting = shape[BINS + 12] / (weight + PACE_SHRINK * grown) if shape else 0.0
    usual = (shape[BINS + 11] if shape else 0.0) / (weight + PACE_SHRINK * grown) + PACE_USUAL
    store_pace, region_pace, signal = pace_now(parcel, knowledge, today, usual)
    location = start + level + sum(effects)
    settled = max(0.0, today - shape[BINS + 13] / weight) * math.exp(-location) if weight > 0.0 else 0.0
    if settled < SETTLED:
        store_pace, region_pace = store_pace * settled / SETTLED, region_pace * settled / SETTLED
    pace = store_pace + region_pace

    kept: tuple[float, ...] = ()
    appointment = 0.0
    if promised is not None:
        kept_prior = prior * (KEPT_SHRINK / TERM_SHRINK)
        general = shape[BINS + 10] / (shape[BINS + 9] + KEPT_SHRINK * grown) if shape else 0.0
        agreed = [
            item[3] / (item[2] + kept_prior) if item and len(item) > 3 else 0.0
            for item, (term, _) in zip(items, found)  # noqa: B905 - one item for each term, and strict costs
            if term in APPOINTMENT_TERMS
        ]
        appointment = KEPT_PRIOR + general + sum(agreed)
        appointment = 0.0 if appointment < 0.0 else 0.98 if appointment > 0.98 else appointment
        kept = (general, *agreed)
    return Basis(location, pace, region_pace, signal, lasting, level, settled, effects, kept, appointment, speed)


_last: tuple[Sequence[float], float, Week, Residual] = (_NOTHING, 0.0, Week(speeds(_NOTHING, 1.0)), Residual(_NOTHING, 1.0))


def _shaped(shape: Sequence[float], grown: float) -> tuple[Week, Residual]:
    """The week's clock and the residuals' distribution. A look at a parcel asks a dozen times of the same knowledge and
    instant, so the last ones are kept."""
    global _last
    of, at, week, residuals = _last
    if of is not shape or at != grown:
        week, residuals = Week(speeds(shape[BINS : BINS + 7], grown)), Residual(shape[:BINS], grown)
        _last = (shape, grown, week, residuals)
    return week, residuals


def predict(
    parcel: Parcel,
    knowledge: Counters,
    at: datetime,
    status: Status | None = None,
    last_scan: datetime | None = None,
    *,
    silent_until: datetime | None = None,
    due: datetime | None = None,
    said: datetime | None = None,
) -> Forecast:
    """The delivery date's P10, P50 and P90 and P(later than promised), given that the parcel is not delivered at `at`.

    A status with a stage of its own counts the time left from last_scan (from `at` if unknown). Before hand-over the
    age is zero. The appointment part (a point mass on the promised day) is honest for stores whose dates are agreed.
    silent_until asks what would be known if nothing were heard until then. due stands in for a promise that the store
    did not make, and teaches nothing. said is the carrier's own date after an exception, told at last_scan.
    """
    today = days(at)
    looked = today if silent_until is None else days(silent_until)
    found = terms(parcel)
    shape = knowledge.get(SHAPE_KEY) or _NOTHING
    grown = 2.0 ** (today / SHAPE_HALF_LIFE)
    week, residuals = _shaped(shape, grown)
    handed_day = days(parcel.handed_at)
    until = parcel.promised_by if parcel.promised_by is not None else due
    deadline = days(until) if until is not None else None
    promised = week.working(deadline) if deadline is not None else None
    course = (handed_day, deadline, week.working(handed_day), promised)
    basis = _basis(parcel, found, knowledge, today, shape, grown, week.speed, course)
    if status in STAGE_PRIOR and looked >= handed_day:
        stage = knowledge.get(f"stage:{status}")
        centre = basis.location + basis.pace
        expected = None if said is None else days(said)
        quantiles, late = _staged(Status(status), stage, grown, looked, last_scan, expected, residuals, week, centre, course)
    else:
        quantiles, late = _moving(basis, residuals, week, course, looked)
    return Forecast(parcel.handed_at, *quantiles, late, basis, found)


def _moving(
    basis: Basis, residuals: Residual, week: Week, course: _Course, today: float
) -> tuple[tuple[float, float, float], float | None]:
    """Quantiles in days from hand-over and P(late), both given T > age; P(late) rises with age up to the promise."""
    handed_day, deadline, handed, promised = course
    centre = basis.location + basis.pace
    least = today - handed_day
    age = week.working(today) - handed if least > 0.0 else 0.0
    reached = math.log(age) - centre if age > 0.0 else LOW
    gone = residuals.below(reached) if reached > LOW else 0.0
    left = 1.0 - gone
    beyond = reached >= HIGH - BIN or left < 1e-9

    def days_at(share: float) -> float:
        z = reached - math.log1p(-share) / TAIL_RATE if beyond else residuals.quantile(gone + share * left)
        day = week.calendar(handed + math.exp(centre + z)) - handed_day
        return day if day > least else least

    def survival(until: float) -> float:
        if until - handed <= max(age, 0.0):
            return 1.0
        z = math.log(until - handed) - centre
        if beyond:
            return math.exp(-TAIL_RATE * max(0.0, z - reached))
        return (1.0 - residuals.below(z)) / left

    if deadline is None or promised is None:
        return (days_at(0.1), days_at(0.5), days_at(0.9)), None
    if today >= deadline or handed_day >= deadline:
        return (days_at(0.1), days_at(0.5), days_at(0.9)), 1.0
    sure = basis.appointment
    sure = sure / (sure + (1.0 - sure) * left) if sure > 0.0 else 0.0
    late = (1.0 - sure) * survival(promised)
    if sure < 0.05:
        return (days_at(0.1), days_at(0.5), days_at(0.9)), late
    opens = max(deadline - 1.0, today, handed_day)
    before = (1.0 - sure) * (1.0 - survival(week.working(opens)))

    def mixed(share: float) -> float:
        if share < before:
            return days_at(share / (1.0 - sure))
        if share <= before + sure:
            return opens + (deadline - opens) * (share - before) / sure - handed_day
        return max(days_at((share - sure) / (1.0 - sure)), deadline - handed_day)

    return (mixed(0.1), mixed(0.5), mixed(0.9)), late


def _staged(
    status: Status,
    item: Sequence[float] | None,
    grown: float,
    today: float,
    last_scan: datetime | None,
    said: float | None,
    residuals: Residual,
    week: Week,
    centre: float,
    course: _Course,
) -> tuple[tuple[float, float, float], float | None]:
    """The time left after a telling scan is log-normal with learned, shrunk moments, around the carrier's own date where it
    said one; an exception never speeds up."""
    mean, spread = STAGE_PRIOR[status]
    if item:
        prior = STAGE_SHRINK * grown
        first = item[1] / (item[0] + prior)
        second = (item[2] + spread * spread * prior) / (item[0] + prior)
        mean, spread = mean + first, max(0.3, math.sqrt(max(0.0, second - first * first)))
    handed_day, deadline, handed, _ = course
    scanned = min(today, max(handed_day, days(last_scan))) if last_scan is not None else today
    if said is not None:
        mean, spread = math.log(max(said - scanned, 0.5)), SAID_SPREAD
    age = week.working(today) - handed

    def done(day: float) -> float:
        passed = normal_cdf((math.log(day - scanned) - mean) / spread) if day > scanned else 0.0
        if status is Status.EXCEPTION and day > handed_day:
            passed = min(passed, residuals.below(math.log(max(week.working(day) - handed, 1e-9)) - centre))
        return passed

    gone = min(done(today), 1.0 - 1e-9) if age > 0.0 else 0.0

    def days_at(share: float) -> float:
        wanted = gone + share * (1.0 - gone)
        low, high = today, today + 1.0
        while done(high) < wanted and high < today + 400.0:
            high += high - today
        for _ in range(30):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if done(middle) < wanted else (low, middle)
        return high - handed_day

    quantiles = (days_at(0.1), days_at(0.5), days_at(0.9))
    if deadline is None:
        return quantiles, None
    return quantiles, 1.0 if max(today, handed_day) >= deadline else (1.0 - done(deadline)) / (1.0 - gone)


def handling_keys(seller: str | None) -> tuple[str, ...]:
    """What `handling` reads."""
    return ("h:",) if seller is None else ("h:", f"h:{seller}")


def handling(seller: str | None, knowledge: Counters, at: datetime) -> tuple[float, float]:
    """Mean and sd of log days from order to hand-over: the seller's, shrunk to the store's, shrunk to one day."""
    mean, second = 0.0, 1.0
    prior = 10.0 * 2.0 ** (days(at) / HANDLING_HALF_LIFE)
    for key in handling_keys(seller):
        if item := knowledge.get(key):
            mean = (item[1] + prior * mean) / (item[0] + prior)
            second = (item[2] + prior * second) / (item[0] + prior)
    return mean, math.sqrt(max(second - mean * mean, 0.01))


def predict_order(parcel: Parcel, knowledge: Counters, ordered_at: datetime) -> Forecast:
    """The forecast at order time; parcel.handed_at is ignored. Days count from the expected hand-over.

    Three hand-overs at P10, P50 and P90 of the handling time (Gauss-Hermite-like weights .3, .4, .3); the two spreads
    are added in squares.
    """
    mean, spread = handling(parcel.seller, knowledge, ordered_at)
    waits = [math.exp(mean + step * spread) for step in (-1.28, 0.0, 1.28)]
    cases = [predict(parcel._replace(handed_at=ordered_at + timedelta(wait)), knowledge, ordered_at) for wait in waits]
    middle = cases[1]
    p10 = max(0.0, middle.p50 - math.hypot(middle.p50 - middle.p10, waits[1] - waits[0]))
    p90 = middle.p50 + math.hypot(middle.p90 - middle.p50, waits[2] - waits[1])
    chances = [case.late_probability for case in cases]
    late = None
    if chances[0] is not None and chances[1] is not None and chances[2] is not None:
        late = 0.3 * chances[0] + 0.4 * chances[1] + 0.3 * chances[2]
    return middle._replace(p10=p10, p90=p90, late_probability=late)


def expected(parcel: Parcel, forecast: Forecast) -> Parcel:
    """The parcel with the hand-over that a forecast at order time expects."""
    return parcel._replace(handed_at=forecast.handed_at)


def learned(knowledge: Counters, at: datetime) -> float:
    """How many of the store's own arrivals a forecast stands on, decayed to today; those of its first days count in part."""
    shape = knowledge.get(SHAPE_KEY)
    return sum(shape[:BINS]) / 2.0 ** (days(at) / SHAPE_HALF_LIFE) if shape else 0.0
