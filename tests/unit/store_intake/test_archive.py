from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from store_intake.archive import AT_ONCE, ROOM, moving
from tests.builders import NOON, an_order
from tests.shipments import a_shipment

DAY = timedelta(days=1)


def order(number, **more):
    return an_order(f"{number:04}", placed_at=NOON + number * DAY, as_of=NOON + number * DAY, **more)


def size(*records):
    return sum(len(record.to_json()) for record in records)


def test_what_fits_stays():
    few = [order(n) for n in range(3)]
    assert moving(few, (), ()).orders == ()


def test_closed_orders_go_first_then_the_oldest_of_which_nothing_is_on_its_way():
    many = [order(n) for n in range(2 * ROOM // size(order(0)))]
    many[5] = order(5, cancelled_at=NOON)
    under_way = a_shipment(ref="S-0", order_keys=(many[0].key,))
    moved = moving(many, [under_way], {many[-1].key})
    went = [one.key for one in moved.orders]
    assert went[0] == many[5].key
    assert went[1:] == [one.key for one in many[1:] if one.key != many[5].key][: len(went) - 1]
    assert moved.shipments == ()
    assert moved.until == max(one.placed_at for one in moved.orders)


def test_a_shipment_goes_with_the_last_of_its_orders():
    many = [order(n) for n in range(2 * ROOM // size(order(0)))]
    arrived = {"delivered_at": NOON}
    alone = a_shipment(ref="S-1", order_keys=(many[0].key,), **arrived)
    shared = a_shipment(ref="S-2", order_keys=(many[0].key, many[-1].key), **arrived)
    assert [s.key for s in moving(many, [alone, shared], ()).shipments] == [alone.key]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.integers(1, 6)), min_size=1, max_size=60, unique_by=lambda o: o[0]),
    st.integers(0, 5),
)
def test_enough_moves_for_the_rest_to_fit_and_never_what_is_written(drawn, kept):
    orders = [
        order(number, cancelled_at=NOON if closed else None, lines=order(0).lines * lines) for number, closed, lines in drawn
    ]
    stays = {one.key for one in orders[:kept]}
    moved = moving(orders, (), stays)
    left = [one for one in orders if one not in moved.orders]
    assert not stays & {one.key for one in moved.orders}
    assert len(moved.orders) < AT_ONCE
    assert size(*left) <= ROOM or all(one.key in stays for one in left) or len(moved.orders) == AT_ONCE - 1
