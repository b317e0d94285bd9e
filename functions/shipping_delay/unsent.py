"""An order before anything of it is sent: its first forecast, and the watch that notices when nobody sends it."""

from datetime import datetime

from aftercare.customer import Order
from aftercare.outside import Outside
from aftercare.store import find
from shipping_delay import knowledge, prediction
from shipping_delay.features import parcel_of
from shipping_delay.forecasting import recorded
from shipping_delay.looking import Cause, start_watch
from shipping_delay.parcel import Counters, Parcel
from shipping_delay.policy import ShippingPolicy
from shipping_delay.record import ATTEMPTS, KeepsChanging, write_order


def to_be_sent(order: Order | None) -> Order | None:
    """The order, if it stands, is no test, and has something in it that is sent."""
    if order is None or order.closed or order.deleted_at or order.is_test or order.placed_at is None:
        return None
    sent = any(line.requires_shipping and line.quantity and not line.gift_card for line in order.lines)
    return order if sent else None


def forecast_order(order: Order, parcel: Parcel, found: Counters, placed_at: datetime, now: datetime) -> Order:
    """The order with its forecast at order time: the handling time before the transit. Pure."""
    predicted = prediction.predict_order(parcel, found, placed_at)
    expected = prediction.expected(parcel, predicted)
    return order.model_copy(update={"forecast": recorded(predicted, expected, order.estimated_until, None, placed_at, now)})


def look_at_order(outside: Outside, customer_id: str, order_key: str, policy: ShippingPolicy, cause: Cause) -> str:
    """Forecast an order once, and watch that it is sent. KeepsChanging, TableError."""
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = find(outside.tables, customer_id, order_key)
        order = to_be_sent(customer.order(order_key)) if customer else None
        if customer is None or order is None or order.placed_at is None:
            return "nothing to be sent"
        if order.forecast is None:
            parcel = parcel_of(order, None, policy.origin, order.placed_at)
            wanted = dict.fromkeys((*prediction.keys(parcel, order.placed_at), *prediction.handling_keys(parcel.seller)))
            found = knowledge.read(outside.tables, wanted)
            if not write_order(outside, customer, order, forecast_order(order, parcel, found, order.placed_at, now)):
                continue
        if policy.unshipped_after and order.placed_at + policy.unshipped_after > now:
            start_watch(outside, order.key, order.placed_at + policy.unshipped_after, customer_id, order_key, None, cause)
            return "forecast, watched"
        return "forecast"
    raise KeepsChanging("the order changed under every attempt")
