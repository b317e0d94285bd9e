"""Looking at one shipment or order: gather, decide, write on the record, and then say what was decided.

What is said is read from the record that was written, so a repeated event says it again and the gate knows it by its key.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aftercare import telemetry, waits
from aftercare.customer import Customer, Order
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing
from aftercare.shipment import DelayNotice, Shipment
from aftercare.store import find
from shipping_delay import budget, contacts, knowledge, notices
from shipping_delay.forecasting import DAY
from shipping_delay.milestones import about, order_of
from shipping_delay.outlook import Because, Looked, look, question
from shipping_delay.parcel import Increments
from shipping_delay.policy import ShippingPolicy
from shipping_delay.record import ATTEMPTS, KeepsChanging, tell_assumed, write_shipment
from shipping_delay.teaching import merge

JUST_NOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Cause:
    """What made somebody look: the event (or `wake`) and what it came from."""

    id: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A shipment after the look, with its customer as read; `shipment` is None where there is nothing to see."""

    customer: Customer | None
    shipment: Shipment | None
    outcome: str


def look_at(outside: Outside, customer_id: str, order_key: str, shipment_key: str, policy: ShippingPolicy, cause: Cause) -> Seen:
    """Forecast a shipment anew, write it down, and say what follows: at most four calls, and one each for what is said.

    KeepsChanging when the record changed under every attempt; TableError.
    """
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = find(outside.tables, customer_id, order_key)
        before = next((s for s in customer.shipments if s.key == shipment_key), None) if customer else None
        order = order_of(customer, order_key, before) if customer else None
        looked = _looked(outside, order, before, policy, now)
        if customer is None or before is None or isinstance(looked, Because):
            if customer and before and before.delivered_at:
                for key in _orders(customer, order_key, before):
                    if _rest_assumed(customer, key):
                        tell_assumed(outside, customer.id, key, now, cause.correlation_id)
            return Seen(customer, before, f"not forecast: {looked}")
        after = looked.shipment
        assumed = [key for key in _orders(customer, order_key, after) if _order_assumed(customer, key, after)]
        if _as_before(before, after, now):
            after = before
        elif not write_shipment(outside, customer, before, after, assumed, now, cause.correlation_id):
            continue
        _count(outside, before, looked, now)
        _say(outside, customer, order_key, after, now, cause)
        return Seen(_with(customer, after), after, f"forecast: {looked.because or 'late, told'}")
    raise KeepsChanging("the shipment changed under every attempt")


def _as_before(before: Shipment, after: Shipment, now: datetime) -> bool:
    """Whether the record may stay as it is: several events tell of one scan, and each would move the forecast by seconds."""
    old, new = before.forecast, after.forecast
    if old is None or new is None:
        return after == before
    moved = abs((new.late_probability or 0.0) - (old.late_probability or 0.0)) + abs((new.p90 - old.p90) / DAY)
    fresh = now < old.forecast_at + JUST_NOW and moved < 0.05
    return after == before or (fresh and after.model_copy(update={"forecast": old}) == before)


def _looked(
    outside: Outside, order: Order | None, before: Shipment | None, policy: ShippingPolicy, now: datetime
) -> Looked | Because:
    asked = question(order, before, policy)
    if isinstance(asked, Because) or order is None or before is None:
        return asked if isinstance(asked, Because) else Because.SHIPMENT_UNKNOWN
    return look(order, before, asked, knowledge.read(outside.tables, asked.keys(now)), policy, now)


def _with(customer: Customer, after: Shipment) -> Customer:
    shipments = tuple(after if s.key == after.key else s for s in customer.shipments)
    return replace(customer, shipments=shipments)


def _orders(customer: Customer, order_key: str, shipment: Shipment) -> list[str]:
    """The orders that a shipment serves and that stand, as far as they were read."""
    known = ((key, customer.order(key)) for key in dict.fromkeys((order_key, *shipment.order_keys)))
    return [key for key, order in known if order and not order.closed]


def _order_assumed(customer: Customer, order_key: str, after: Shipment) -> bool:
    """Whether with this shipment all of an order is there, one at least without anybody having said so."""
    if after.assumed_at is None:
        return False
    return all(s.delivered_at or s.assumed_at for s in _with(customer, after).shipments_of(order_key))


def _rest_assumed(customer: Customer, order_key: str) -> bool:
    """Whether the last word came of an order of which another parcel was taken for delivered: nobody told that it is there."""
    shipments = customer.shipments_of(order_key)
    return any(s.assumed_at for s in shipments) and all(s.delivered_at or s.assumed_at for s in shipments)


def _count(outside: Outside, before: Shipment, looked: Looked, now: datetime) -> None:
    """A parcel's first notice (or its withholding) is counted, and a notice spends of the budget. Rare: one call each."""
    sums: Increments = {}
    told: DelayNotice | None = looked.told
    forecast = looked.shipment.forecast
    if told and forecast and forecast.late_probability is not None:
        merge(sums, budget.of_notice(forecast.late_probability, now))
        telemetry.count("DelayTold")
    if told and not before.notices:
        merge(sums, contacts.of_notice(now))
    if looked.shipment.held_out_at and not before.held_out_at:
        merge(sums, contacts.of_withheld(now))
    if looked.because is Because.BUDGET_SPENT:
        telemetry.count("DelayBudgetSpent")
    if sums:
        knowledge.add(outside.tables, sums, now)


def _say(outside: Outside, customer: Customer, order_key: str, after: Shipment, now: datetime, cause: Cause) -> None:
    found = about(_with(customer, after), order_key, after.key)
    if not isinstance(found, Nothing):
        for proposal in notices.of_delay(found, now, cause.id, cause.correlation_id):
            propose(outside, proposal)
    watch = after.watch
    if watch and watch.at > now and now < watch.set_at + notices.REPEATED_FOR:
        start_watch(outside, f"{after.key}@{watch.at:%Y%m%dT%H%M}", watch.at, customer.id, order_key, after.key, cause)


def start_watch(
    outside: Outside, about_what: str, at: datetime, customer_id: str, order_key: str, shipment_key: str | None, cause: Cause
) -> None:
    """One execution that waits for an instant and wakes this function; of one name there is one."""
    payload = {
        "order": order_key,
        "correlation_id": cause.correlation_id,
        **({"shipment": shipment_key} if shipment_key else {}),
    }
    waits.start(
        outside, outside.settings.need("shipping_state_machine"), f"shipping-watch#{about_what}", customer_id, at, payload
    )
