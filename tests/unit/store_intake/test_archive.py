import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercare import keys, store
from aftercare.cases import Case
from aftercare.clock import iso
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment import DelayNotice
from aftercare.store import HOT_CASES
from aftercare.table import TRANSACTION_WRITES, Put, Remove
from message_gate.frequency import frequency_policy
from message_gate.tone import LONG_AGO
from store_intake.archive import AT_ONCE, ROOM, SPEAKS_FOR, moves, moving, place_of, surplus
from store_intake.handler import handle
from tests.builders import NOON, a_customer, an_order
from tests.shipments import a_shipment
from tests.small_outside import Context, Counted, Watched, sample

DAY = timedelta(days=1)
LATER = NOON + 400 * DAY


def order(number, **more):
    return an_order(f"{number:04}", placed_at=NOON + number * DAY, as_of=NOON + number * DAY, **more)


def size(*records):
    return sum(len(record.to_json().encode()) for record in records)


def twice_what_fits():
    return [order(n) for n in range(2 * ROOM // size(order(0)))]


def places(*orders):
    return {place_of(one) for one in orders}


def test_what_fits_stays():
    few = [order(n) for n in range(3)]
    assert moving(few, (), (), LATER).orders == ()


def test_closed_orders_go_first_then_the_oldest_of_which_nothing_is_on_its_way():
    many = twice_what_fits()
    many[5] = order(5, cancelled_at=NOON)
    under_way = a_shipment(ref="S-0", order_keys=(many[0].key,))
    moved = moving(many, [under_way], places(many[-1]), LATER)
    went = [one.key for one in moved.orders]
    assert went[0] == many[5].key
    assert went[1:] == [one.key for one in many[1:] if one.key != many[5].key][: len(went) - 1]
    assert moved.shipments == ()
    assert moved.until == max(one.placed_at for one in moved.orders)


def test_letters_of_several_bytes_count_as_such():
    line = order(0).lines[0].model_copy(update={"title": "\u8336" * 300})
    many = [order(n, lines=(line,)) for n in range(7)]
    assert sum(len(one.to_json()) for one in many) < ROOM < size(*many)
    left = [one for one in many if one not in moving(many, (), (), LATER).orders]
    assert size(*left) <= ROOM


@pytest.mark.parametrize(
    "speaks",
    [
        {"cue": "bad", "cue_at": LATER - timedelta(days=3)},
        {"cue": "good", "cue_at": LATER - timedelta(days=20)},
    ],
)
def test_an_order_that_felt_bad_or_good_stays_though_it_is_closed(speaks):
    many = twice_what_fits()
    many[2] = order(2, cancelled_at=NOON, **speaks)
    assert many[2] not in moving(many, (), (), LATER).orders
    many[2] = many[2].model_copy(update={"cue_at": LATER - SPEAKS_FOR})
    assert moving(many, (), (), LATER).orders[0] == many[2]


@pytest.mark.parametrize(
    "risk",
    [
        {"status": ShipmentStatus.LOST, "status_at": LATER - 9 * DAY},
        {"notices": (DelayNotice(at=LATER - DAY, arrives_by=LATER, days_from=1, days_to=2, because="late"),)},
    ],
)
def test_a_parcel_at_risk_stays_and_its_order_with_it(risk):
    many = twice_what_fits()
    many[2] = order(2, cancelled_at=NOON)
    away = a_shipment(ref="S-2", order_keys=(many[2].key,), **risk)
    moved = moving(many, [away], (), LATER)
    assert many[2] not in moved.orders and moved.shipments == ()


def test_the_days_of_the_gates_rules_are_no_longer_than_what_speaks_is_kept_for():
    policy = frequency_policy()
    of_orders = [one.days for one in policy.spacing.signs if one.sign in ("bad_cue", "good_cue")]
    longest = max(*of_orders, policy.silence.bad_cue_days, policy.silence.parcel_at_risk_days)
    assert max(timedelta(days=longest), LONG_AGO) <= SPEAKS_FOR


def test_the_newest_order_the_newest_that_stands_and_the_newest_with_a_country_stay():
    """By them the gate reckons the last contact, the ground of a soft opt-in, and the hours of an address."""
    many = twice_what_fits()
    many[-1] = order(len(many) - 1, cancelled_at=NOON, country=None)
    many[-2] = order(len(many) - 2, refunds=({"ref": "r", "at": NOON, "whole": True},), country=None)
    many[-3] = order(len(many) - 3, cancelled_at=NOON)
    moved = moving(many, (), (), LATER)
    assert moved.orders and not {one.key for one in many[-3:]} & {one.key for one in moved.orders}


def test_a_shipment_goes_with_the_last_of_its_orders():
    many = twice_what_fits()
    arrived = {"delivered_at": NOON}
    alone = a_shipment(ref="S-1", order_keys=(many[0].key,), **arrived)
    shared = a_shipment(ref="S-2", order_keys=(many[0].key, many[-1].key), **arrived)
    moved = moving(many, [alone, shared], (), LATER)
    assert [s.key for s in moved.shipments] == [alone.key]
    puts = [
        write for write in moves(a_customer(*many), moved, [alone, shared]) if write.key.sk == f"9#ARCHIVE#{place_of(many[0])}"
    ]
    assert f'"shipment_keys":["{alone.key}","{shared.key}"]' in puts[0].item["doc"]


def test_a_shipment_whose_orders_lie_in_the_archive_goes_by_itself():
    many = twice_what_fits()
    late = a_shipment(ref="S-9", order_keys=("example:gone",), delivered_at=NOON, shipped_at=NOON - DAY)
    assert late in moving(many, [late], (), LATER).shipments


@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.integers(1, 6)), min_size=1, max_size=60, unique_by=lambda o: o[0]),
    st.integers(0, 5),
    st.integers(0, AT_ONCE),
)
def test_enough_moves_for_the_rest_to_fit_and_never_what_is_written(drawn, kept, most):
    orders = [
        order(number, cancelled_at=NOON if closed else None, lines=order(0).lines * lines) for number, closed, lines in drawn
    ]
    stays = places(*orders[:kept])
    moved = moving(orders, (), stays, LATER, most)
    left = [one for one in orders if one not in moved.orders]
    assert not stays & places(*moved.orders)
    assert len(moved.orders) <= most
    assert size(*left) <= ROOM or len(left) <= kept + 3 or len(moved.orders) == most


def test_of_too_many_cases_those_closed_first_go_and_open_ones_last():
    cases = [Case(ref=f"K-{n}", opened_at=NOON + n * DAY, closed_at=NOON + (n + 1) * DAY) for n in range(HOT_CASES)]
    still_open = Case(ref="K-o", opened_at=NOON - DAY)
    assert [case.ref for case in surplus([*cases, still_open], ())] == ["K-0"]
    assert [case.ref for case in surplus([*cases, still_open], ("K-0",))] == ["K-1"]
    assert surplus(cases, ()) == ()


# ---------------------------------------------------------------- in the transaction


def put(kind, **detail):
    event = sample(f"store/{kind}")
    return handle({**event, "source": "store.example", "detail": detail}, Context())


def place(n, at=NOON, **more):
    lines = [{"line_ref": "1", "title": "A print of a harbour at dawn " * 8, "quantity": 1}]
    details = {"name": f"#{n}", "placed_at": iso(at), "contact": {"email": "anna@example.com"}, "lines": lines, **more}
    return put("OrderPlaced", event_id=f"o{n}", ref=str(n), occurred_at=iso(at), order=details)


def many(count=40):
    for n in range(count):
        place(n, NOON + n * DAY)


def calls(small, what):
    small.tables.calls.clear()
    what()
    return list(small.tables.calls)


USUAL = ["read", "partition", "write"]


def test_one_more_order_of_a_customer_with_an_archive_is_three_calls_as_ever(small):
    many()
    assert small.customer().profile.archived_until
    assert calls(small, lambda: place(99, NOON + 99 * DAY)) == USUAL


def test_what_happens_to_a_hot_order_and_its_parcels_is_three_calls_as_ever(small):
    many()
    at = iso(NOON + 50 * DAY)
    created = {"ref": "S-39", "order_ref": "39", "parcels": [{"number": "PARCEL-0039"}], "occurred_at": at}
    scan = {"parcels": [{"number": "PARCEL-0039", "scans": [{"status": "in_transit", "at": at}]}], "occurred_at": at}
    assert calls(small, lambda: put("ShipmentCreated", event_id="s", **created)) == USUAL
    assert calls(small, lambda: put("ShipmentMoved", event_id="m", **scan)) == USUAL
    assert calls(small, lambda: put("OrderCancelled", event_id="c", ref="39", occurred_at=at)) == USUAL


def test_what_happens_to_an_archived_order_is_one_call_more(small):
    many()
    at = iso(NOON + 50 * DAY)
    money = {"amount": "5.00", "currency": "EUR"}
    refund = {"ref": "0", "refund": {"ref": "r", "at": at, "amount": money}, "occurred_at": at}
    assert calls(small, lambda: put("OrderRefunded", event_id="r", **refund)) == ["read", "partition", "read", "write"]
    assert store.load(small.tables, small.customer().id, "example:0").order("example:0").refunds[0].ref == "r"


def test_a_transaction_that_is_large_by_itself_moves_as_much_as_it_has_room_for(small):
    """A shipment of twenty parcels makes sixty writes: the record is never refused for what moves beside it."""
    many(12)
    written = []
    parcels = [{"number": f"PARCEL-{n:04}", "carrier": "DHL", "other_numbers": [f"OTHER-{n:04}"]} for n in range(20)]
    given = small.tables.twin.write
    small.tables.twin.write = lambda writes: (written.append(len(writes)), given(writes))[1]
    answer = put("ShipmentCreated", event_id="s", ref="S-1", order_ref="11", parcels=parcels, occurred_at=iso(NOON + 50 * DAY))
    assert answer["status"] == "recorded"
    assert max(written) <= TRANSACTION_WRITES
    assert small.customer().shipments


def comes_back(twin, customer_id, ref):
    """As a cue brings an order back from the archive."""
    there, hot = keys.order(customer_id, f"example:{ref}", archived=True), keys.order(customer_id, f"example:{ref}")
    item = twin.read([there])[there]
    twin.write([Put(hot, {name: value for name, value in item.items() if name not in ("pk", "sk")}), Remove(there)])
    return there


def test_an_order_that_moves_between_reading_and_writing_is_read_again(small):
    many()
    twin, customer_id = small.tables.twin, small.customer().id
    there = []
    small.tables.before_write.append(lambda: there.append(comes_back(twin, customer_id, "0")))
    assert put("OrderCancelled", event_id="c", ref="0", occurred_at=iso(NOON + DAY))["status"] == "recorded"
    assert small.customer().order("example:0").closed == "cancelled"
    assert not twin.read(there)


def test_who_reads_an_order_that_comes_back_meanwhile_finds_it(small):
    many()
    twin, customer_id = small.tables.twin, small.customer().id

    class Moving:
        """It comes back after what is hot was read and before the archive is."""

        moved = False

        def partition(self, *given):
            return twin.partition(*given)

        def read(self, given):
            if not self.moved:
                comes_back(twin, customer_id, "0")
                self.moved = True
            return twin.read(given)

    assert store.load(Moving(), customer_id, "example:0").order("example:0")


def test_an_order_that_moves_while_all_is_read_is_there_once(small):
    """What is hot was read before it moved, the archive after."""
    many()
    twin, customer_id = small.tables.twin, small.customer().id
    count = len(store.with_archive(twin, customer_id).orders)
    there = comes_back(twin, customer_id, "0")
    before = twin.partition("customers", f"CUSTOMER#{customer_id}", keys.HOT)
    (zero,) = [item for item in before if item["sk"] == f"{keys.ORDER}example:0"]
    twin.write([Remove(keys.order(customer_id, "example:0")), Put(there, {"doc": zero["doc"], "version": zero["version"]})])

    class Stale:
        def partition(self, table, pk, prefix):
            return before if prefix == keys.HOT else twin.partition(table, pk, prefix)

    whole = store.with_archive(Stale(), customer_id)
    assert len(whole.orders) == count
    assert whole.order_place("example:0") == there


def deliveries(dice):
    """All that a shop and its carriers tell of thirty orders, in some order, some of it twice."""
    told = []
    for n in range(30):
        at, ref, parcel = NOON + n * DAY, str(n), [{"number": f"PARCEL-{n // 2 if n % 6 == 1 else n:04}", "carrier": "DHL"}]
        lines = [{"line_ref": "1", "title": "A print of a harbour at dawn " * 8, "quantity": 1}]
        contact = {"email": "anna@example.com"}
        total = {"amount": "12.00", "currency": "EUR"}
        details = {"name": f"#{n}", "placed_at": iso(at), "contact": contact, "lines": lines, "total": total}
        first = [("OrderPlaced", {"ref": ref, "occurred_at": iso(at), "order": details})]
        rest = []
        if dice.random() < 0.3:
            rest.append(("OrderCancelled", {"ref": ref, "occurred_at": iso(at + DAY)}))
        if dice.random() < 0.3:
            money = {"amount": dice.choice(["12.00", "2.00"]), "currency": "EUR"}
            given = {"ref": f"R-{n}", "at": iso(at + DAY), "amount": money}
            rest.append(("OrderRefunded", {"ref": ref, "occurred_at": iso(at + DAY), "refund": given}))
        if dice.random() < 0.7:
            of = {"order_ref": ref} if n % 5 else {"order_refs": [ref, str(max(0, n - 1))]}
            rest.append(("ShipmentCreated", {"ref": f"{n}", **of, "parcels": parcel, "occurred_at": iso(at + DAY)}))
            for status in dice.sample(["in_transit", "out_for_delivery", "delivered", "exception"], 3):
                scans = [{**parcel[0], "scans": [{"status": status, "at": iso(at + 3 * DAY)}]}]
                rest.append(("ShipmentMoved", {"parcels": scans, "occurred_at": iso(at + 3 * DAY)}))
        dice.shuffle(rest)
        told += [(n, *one) for one in first] + [(n + dice.choice([0, 0, 1, 4, 25]), *one) for one in rest]
    told = [(kind, {**detail, "event_id": f"e{k}"}) for k, (_, kind, detail) in enumerate(sorted(told, key=lambda one: one[0]))]
    twice = [(min(len(told), k + dice.randint(1, 40)), one) for k, one in enumerate(told) if dice.random() < 0.2]
    for k, one in reversed(twice):
        told.insert(k, one)
    return told


def as_told(small):
    """All that is kept and was told, but for where it lies and how often it was written."""
    whole = store.with_archive(small.tables, small.customer().id)
    orders = {o.key: o.model_copy(update={"version": 0, "shipment_keys": ()}) for o in whole.orders}
    shipments = {s.key: s.model_copy(update={"version": 0}) for s in whole.shipments}
    return orders, shipments, sorted((event.type, event.id) for event in small.outbox())


@pytest.mark.parametrize("seed", range(12))
def test_whatever_comes_in_whatever_order_is_kept_and_told_as_if_nothing_ever_moved(seed, small, monkeypatch):
    told = deliveries(random.Random(seed))
    for kind, detail in told:
        put(kind, **detail)
    archived = len(small.items("CUSTOMER#")) - len(small.customer().orders) - len(small.customer().shipments)
    found = as_told(small)
    hot = small.tables.twin.partition("customers", f"CUSTOMER#{small.customer().id}", keys.HOT)
    assert archived > 10
    assert sum(len(name) + len(str(value).encode()) for item in hot for name, value in item.items()) <= 16 * 1024
    monkeypatch.setattr("store_intake.archive.ROOM", 10**9)
    small.tables, small.ids = Watched(small.clock.now), Counted()
    for kind, detail in told:
        put(kind, **detail)
    assert not small.customer().profile.archived_until
    assert found == as_told(small)
