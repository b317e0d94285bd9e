"""A look at a shipment: its forecast now, whether its customer should be told, whether silence means arrival. Pure.

Silence is information only where somebody would speak. A parcel that a carrier has scanned is expected to be scanned again:
the longer nothing comes, the later it is. Of a parcel that nobody ever scanned nothing is heard whatever it does: its forecast
stays as it was at hand-over, and when P90 has passed it is taken for delivered.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from aftercare.customer import Order
from aftercare.forecast import Forecast
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment import DelayNotice, Shipment, Watch
from aftercare.shipment_details import Eta
from shipping_delay import budget, prediction
from shipping_delay.features import parcel_of
from shipping_delay.forecasting import DAY, recorded, share, window_end
from shipping_delay.lateness import extra_days
from shipping_delay.parcel import Counters, Parcel, Status
from shipping_delay.parcel import Forecast as Predicted
from shipping_delay.policy import ShippingPolicy
from shipping_delay.reasons import why

SOONEST = timedelta(hours=1)
"""No look follows another sooner."""

SURE = 1.15
"""A watch rings when the threshold is passed by so much: by then the network may have become a little quicker."""

NO_LONGER = timedelta(days=60)
"""So long after hand-over nobody waits for a word any more; the shop's own enquiry has taken over."""

NOTICES = 5
"""So many notices are kept on the record; the oldest go first."""

HELD_UP = (ShipmentStatus.DELAYED, ShipmentStatus.EXCEPTION)
NEAR = (ShipmentStatus.OUT_FOR_DELIVERY, ShipmentStatus.DELIVERY_ATTEMPTED)
"""The van's last stretch, and what is left after it came in vain: not as long as the parcel was on its way. Their own message
says more than a notice of the same day."""

ENDED = (
    ShipmentStatus.DELIVERED,
    ShipmentStatus.RETURN_TO_SENDER,
    ShipmentStatus.LOST,
    ShipmentStatus.CANCELLED,
    ShipmentStatus.READY_FOR_PICKUP,
)
"""Where the carrier's own word says all there is to say; a parcel that is ready for pickup is where it should be."""


class Because(StrEnum):
    """Why nobody is told of a delay."""

    SHIPMENT_UNKNOWN = "shipment-unknown"
    ORDER_UNKNOWN = "order-unknown"
    ORDER_CLOSED = "order-closed"
    NOT_SHIPPED = "not-shipped"
    ENDED = "ended"
    ASSUMED = "assumed"
    TEST = "test"
    SILENT = "silent"
    IN_TIME = "in-time"
    TOLD_BEFORE = "told-before"
    HELD_OUT = "held-out"
    BUDGET_SPENT = "budget-spent"
    TOO_NEW = "too-new"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the model about a shipment."""

    parcel: Parcel
    status: Status | None
    last_scan: datetime | None
    carrier_date: datetime | None
    tracked: bool
    expected_handover: datetime | None

    def keys(self, now: datetime) -> tuple[str, ...]:
        """All that a look reads: one BatchGetItem of at most 19 keys."""
        return (*prediction.keys(self.parcel, now, self.status), *budget.keys(now))

    def ask(self, knowledge: Counters, now: datetime, due: datetime | None, silent_until: datetime | None = None) -> Predicted:
        """The model's answer; a parcel of which nobody speaks is as old as at its hand-over."""
        until = self.parcel.handed_at if not self.tracked else silent_until
        said = self.carrier_date
        return prediction.predict(
            self.parcel, knowledge, now, self.status, self.last_scan, silent_until=until, due=due, said=said
        )


@dataclass(frozen=True, slots=True)
class Looked:
    """The shipment after a look. `because` says why no new notice stands on it; None where one does."""

    shipment: Shipment
    because: Because | None
    told: DelayNotice | None = None


def question(order: Order | None, shipment: Shipment | None, policy: ShippingPolicy) -> Question | Because:
    """What to ask about a shipment, or why there is nothing to ask."""
    against = _against(order, shipment)
    if against or order is None or shipment is None or shipment.shipped_at is None:
        return against or Because.NOT_SHIPPED
    before = shipment.forecast
    handed_at = before.handed_at if before and before.handed_at and shipment.departed_at else shipment.shipped_at
    later = _carriers_later_date(order, shipment)
    held_up = shipment.status in HELD_UP or later is not None
    near = shipment.status in NEAR
    return Question(
        parcel=parcel_of(order, shipment, policy.origin, handed_at),
        status=Status.EXCEPTION if held_up else Status.OUT_FOR_DELIVERY if near else None,
        last_scan=later.told_at if later else shipment.status_at if held_up or near else None,
        carrier_date=later.until if later else None,
        tracked=tracked(shipment),
        expected_handover=order.forecast.handed_at if order.forecast else None,
    )


def _against(order: Order | None, shipment: Shipment | None) -> Because | None:
    if shipment is None or not shipment.stands:
        return Because.SHIPMENT_UNKNOWN
    if order is None:
        return Because.ORDER_UNKNOWN
    facts = (
        (shipment.is_test or order.is_test, Because.TEST),
        (order.closed is not None or order.deleted_at is not None, Because.ORDER_CLOSED),
        (shipment.status in ENDED or shipment.delivered_at is not None, Because.ENDED),
        (shipment.assumed_at is not None, Because.ASSUMED),
        (shipment.shipped_at is None, Because.NOT_SHIPPED),
    )
    return next((because for holds, because in facts if holds), None)


def tracked(shipment: Shipment) -> bool:
    """Whether a carrier has spoken of it: only then is its silence a word."""
    return bool(shipment.log.spans) or any(parcel.log.spans for parcel in shipment.current)


def _carriers_later_date(order: Order, shipment: Shipment) -> Eta | None:
    """The carrier's own date, if it lies after the promise and was told since it last had the parcel in hand."""
    eta, promised_by = shipment.eta, order.estimated_until or window_end(shipment.forecast)
    if eta is None or promised_by is None or eta.until <= promised_by:
        return None
    return eta if eta.told_at >= (shipment.status_at or eta.told_at) else None


def look(order: Order, shipment: Shipment, asked: Question, knowledge: Counters, policy: ShippingPolicy, now: datetime) -> Looked:
    """The shipment with its forecast of now, a notice given or taken back, arrival assumed, and the next watch."""
    if _arrived_unseen(shipment, asked, now):
        return Looked(shipment.model_copy(update={"assumed_at": now, "watch": None}), Because.ASSUMED)
    due = window_end(shipment.forecast)
    predicted = asked.ask(knowledge, now, due)
    forecast = recorded(predicted, asked.parcel, order.estimated_until, shipment.forecast, order.placed_at, now)
    if forecast.late_probability is None:
        late = asked.ask(knowledge, now, forecast.promised_by).late_probability
        forecast = forecast.model_copy(update={"late_probability": share(late)})
    shipment = shipment.model_copy(update={"forecast": forecast})
    looked = _notice(order, shipment, asked, predicted, knowledge, policy, now)
    watch = _next(looked.shipment, asked, knowledge, policy, now)
    return replace(looked, shipment=looked.shipment.model_copy(update={"watch": watch}))


# ---------------------------------------------------------------- saying it


def _notice(
    order: Order,
    shipment: Shipment,
    asked: Question,
    predicted: Predicted,
    knowledge: Counters,
    policy: ShippingPolicy,
    now: datetime,
) -> Looked:
    """A first notice from the threshold on, another one when it gets worse, a retraction when it recovers."""
    forecast = shipment.forecast
    if forecast is None or forecast.late_probability is None or forecast.promised_by is None:
        return Looked(shipment, Because.IN_TIME)
    late, standing = forecast.late_probability, shipment.late
    if standing and late < policy.recovered:
        back = standing.model_copy(update={"recovered_at": now})
        return Looked(shipment.model_copy(update={"notices": (*shipment.notices[:-1], back)}), Because.IN_TIME)
    if late < policy.threshold:
        return Looked(shipment, Because.TOLD_BEFORE if standing else Because.IN_TIME)
    if shipment.status in NEAR and shipment.status_at and now < shipment.status_at + DAY:
        return Looked(shipment, Because.NEAR)
    if not _known_enough(asked, knowledge, policy, late, now):
        return Looked(shipment, Because.TOO_NEW)
    first, last = extra_days(forecast)
    arrives_by = forecast.promised_by + last * DAY
    if standing and arrives_by < standing.arrives_by + policy.worse_by_days * DAY:
        return Looked(shipment, Because.TOLD_BEFORE)
    if standing is None and any(n.arrives_by == arrives_by for n in shipment.notices):
        return Looked(shipment, Because.TOLD_BEFORE)
    if shipment.suppress_notification or order.suppress_notification:
        return Looked(shipment, Because.SILENT)
    if policy.held_out(shipment.key) or shipment.held_out_at:
        withheld = shipment.held_out_at or now
        return Looked(shipment.model_copy(update={"held_out_at": withheld}), Because.HELD_OUT)
    if standing is None and not budget.allows(knowledge, late, policy.needless_notices_per_100, now):
        return Looked(shipment, Because.BUDGET_SPENT)
    told = DelayNotice(
        at=now,
        arrives_by=arrives_by,
        days_from=first,
        days_to=last,
        because=_why(asked, predicted, forecast, knowledge, policy, now),
        late_probability=late,
    )
    return Looked(shipment.model_copy(update={"notices": (*shipment.notices, told)[-NOTICES:]}), None, told)


def _known_enough(asked: Question, knowledge: Counters, policy: ShippingPolicy, late: float, now: datetime) -> bool:
    """Whether the chance stands on more than priors: the store's own arrivals, a carrier's word, or a promise that passed."""
    return late >= 1 or asked.status is Status.EXCEPTION or prediction.learned(knowledge, now) >= policy.arrivals_learned


def _why(
    asked: Question, predicted: Predicted, forecast: Forecast, knowledge: Counters, policy: ShippingPolicy, now: datetime
) -> str:
    fresh = asked.ask(knowledge, now, forecast.promised_by, silent_until=asked.parcel.handed_at).late_probability
    expected = asked.expected_handover
    return why(
        predicted,
        held_up=asked.status is Status.EXCEPTION,
        unheard=fresh is not None and fresh < policy.threshold,
        handling_days=(asked.parcel.handed_at - expected) / DAY if expected else 0.0,
        in_peak=policy.in_peak(now),
    )


# ---------------------------------------------------------------- silence


def _arrived_unseen(shipment: Shipment, asked: Question, now: datetime) -> bool:
    """P90 passed without a word, where that means arrival: nobody speaks of it, or it was out for delivery when last seen."""
    before = shipment.forecast
    if before is None or now < before.p90:
        return False
    out = shipment.status is ShipmentStatus.OUT_FOR_DELIVERY and asked.status is Status.OUT_FOR_DELIVERY
    return (out and (asked.last_scan or now) <= before.forecast_at) or not asked.tracked


def _next(shipment: Shipment, asked: Question, knowledge: Counters, policy: ShippingPolicy, now: datetime) -> Watch | None:
    """The next instant at which silence becomes information. One watch at a time: a pending one looks again anyway."""
    if shipment.watch and shipment.watch.at > now:
        return shipment.watch
    at = _when(shipment, asked, knowledge, policy, now)
    if at is None or at > asked.parcel.handed_at + NO_LONGER:
        return None
    return Watch(at=max(_whole_minute(at), now + SOONEST), set_at=now)


def _whole_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _when(shipment: Shipment, asked: Question, knowledge: Counters, policy: ShippingPolicy, now: datetime) -> datetime | None:
    forecast = shipment.forecast
    if forecast is None or forecast.promised_by is None:
        return None
    if not asked.tracked or shipment.status is ShipmentStatus.OUT_FOR_DELIVERY:
        return forecast.p90
    if shipment.late:
        return shipment.late.arrives_by if shipment.late.arrives_by > now else now + policy.worse_by_days * DAY
    late = forecast.late_probability
    if late is not None and (late >= policy.threshold or not _known_enough(asked, knowledge, policy, late, now)):
        return forecast.promised_by if forecast.promised_by > now and not shipment.held_out_at else None
    return _crossing(asked, knowledge, forecast.promised_by, min(0.99, policy.threshold * SURE), now)


def _crossing(asked: Question, knowledge: Counters, promised_by: datetime, threshold: float, now: datetime) -> datetime | None:
    """When the chance of being late passes the threshold if nothing is heard: it only grows with age, so it is halved down."""
    low, high = now, promised_by
    if high <= low:
        return None
    for _ in range(12):
        middle = low + (high - low) / 2
        late = asked.ask(knowledge, now, promised_by, silent_until=middle).late_probability
        low, high = (low, middle) if late is not None and late >= threshold else (middle, high)
    return high
