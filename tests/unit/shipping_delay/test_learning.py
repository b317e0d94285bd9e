"""Lessons from a queue of their own: each once, none lost to a race, every key written once for a whole batch."""

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest

from aftercare import keys, telemetry
from aftercare.case_topic import CaseTopic
from aftercare.events import ParcelData, ShipmentData, make
from aftercare.parcel_status import ShipmentStatus
from aftercare.settings import Settings
from aftercare.shipment import DelayNotice, Shipment
from aftercare.sums import ATTEMPTS
from aftercare.table import Conflict, Put, Throttled, Unclear
from shipping_delay import budget, contacts, knowledge
from shipping_delay.features import parcel_from
from shipping_delay.learning import NotYet, handle_batch, lesson
from shipping_delay.outlook import look, question
from shipping_delay.parcel import unpack
from shipping_delay.policy import shipping_policy
from shipping_delay.prediction import predict
from shipping_delay.teaching import SHAPE_SIZE, depart, expires, learn, merge
from tests.builders import a_customer, an_order
from tests.shipments import SHIPPED, a_shipment
from tests.small_outside import Small

DAY = timedelta(days=1)
POLICY = shipping_policy()
LEARNING = "arn:aws:sqs:eu-central-1:123456789012:q"


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "under-test")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Aftercare")
    outside = Small()
    outside.settings = Settings(customer_table="c", knowledge_table="k", learning_queue_url="https://sqs/learning")
    outside.clock.at = SHIPPED + 9 * DAY
    yield outside
    telemetry.metrics().clear_metrics()


def shipped(number=1, **more):
    """A shipment with its forecast at hand-over."""
    one = a_shipment(ref=f"S-{number}", **more)
    order = an_order(estimated_until=SHIPPED + 8 * DAY)
    return look(order, one, question(order, one, POLICY), {}, POLICY, SHIPPED).shipment


def arrived(shipment, days=3.0):
    at = SHIPPED + days * DAY
    return shipment.model_copy(update={"delivered_at": at, "status": ShipmentStatus.DELIVERED, "status_at": at})


def there(outside, *shipments):
    for one in shipments:
        place = keys.shipment("c0anna", one.key)
        outside.tables.twin.write([Put(place, {"doc": one.to_json(), "version": one.version})])


def record(outside, number=1):
    item = outside.tables.twin.read([keys.shipment("c0anna", f"example:S-{number}")])
    return Shipment.model_validate_json(str(next(iter(item.values()))["doc"]))


def message(number=1, kind="ShipmentMoved", received=1, name=None, status=ShipmentStatus.DELIVERED):
    ids = {"customer_id": "c0anna", "order": "example:1070", "shipment": f"example:S-{number}"}
    data = ParcelData(**ids, parcel=None, status=status) if kind == "ShipmentMoved" else ShipmentData(**ids)
    entry = make(kind, f"e{number}", SHIPPED, "k1", data).entry("bus", SHIPPED)
    body = {"detail-type": kind, "source": entry["Source"], "detail": json.loads(entry["Detail"])}
    name = name or f"{kind}-{number}"
    attributes = {"ApproximateReceiveCount": str(received)}
    return {"messageId": name, "body": json.dumps(body), "attributes": attributes, "eventSourceARN": LEARNING}


def batch(outside, *messages):
    failed = handle_batch({"Records": list(messages)}, outside)["batchItemFailures"]
    return [one["itemIdentifier"] for one in failed]


def sums(outside):
    found = {}
    for item in outside.tables.twin.items("knowledge"):
        key = str(item["pk"]).removeprefix(knowledge.PREFIX)
        found |= knowledge.read(outside.tables.twin, [key])
    return found


# ---------------------------------------------------------------- what a shipment teaches


def test_a_parcel_teaches_at_its_hand_over_and_at_its_arrival_each_once():
    now = SHIPPED + 9 * DAY
    first = lesson(shipped(), now)
    assert first.shipment.departed_at == now
    assert {"pace::79", budget.key(SHIPPED), contacts.key(SHIPPED), "h:"} <= first.sums.keys()
    second = lesson(arrived(first.shipment), now)
    assert second.shipment.learned_at == now
    assert len(second.sums["shape"]) == SHAPE_SIZE
    assert lesson(first.shipment, now) is None
    assert lesson(second.shipment, now) is None


def test_an_arrival_that_comes_first_teaches_both_and_leaves_nothing_for_the_hand_over():
    now = SHIPPED + 9 * DAY
    both = lesson(arrived(shipped()), now)
    assert both.shipment.departed_at and both.shipment.learned_at
    parcel, basis = parcel_from(shipped().forecast), unpack(shipped().forecast.basis)
    alone = {}
    merge(alone, depart(parcel, basis))
    merge(alone, learn(parcel, SHIPPED + 3 * DAY, basis))
    assert both.sums["pace::79"] == pytest.approx(alone["pace::79"])


@pytest.mark.parametrize("change", [{"is_test": True}, {"cancelled_at": SHIPPED}, {"shipped_at": None}, {"described_at": None}])
def test_tests_and_shipments_taken_back_teach_nothing(change):
    assert lesson(arrived(shipped()).model_copy(update=change), SHIPPED) is None


def test_a_time_that_has_not_come_yet_teaches_nothing_and_is_marked():
    now = SHIPPED + 9 * DAY
    early = lesson(arrived(shipped(), days=9.5), now)
    assert "shape" in early.sums, "a local time may be ahead by hours"
    slip = lesson(arrived(shipped(), days=5000.0), now)
    assert slip.shipment.learned_at == now
    assert "shape" not in slip.sums and "pace::79" in slip.sums
    assert lesson(shipped(), SHIPPED - 30 * DAY).sums == {}


def test_a_shipment_whose_forecast_is_not_written_yet_has_to_wait():
    with pytest.raises(NotYet):
        lesson(a_shipment(), SHIPPED)


# ---------------------------------------------------------------- a batch


def test_a_batch_writes_each_key_once_and_one_marker_for_each_parcel(table):
    there(table, *(arrived(shipped(n)) for n in range(40)))
    table.tables.calls.clear()
    assert batch(table, *(message(n) for n in range(40))) == []
    assert table.tables.calls.count("read") == 1
    assert table.tables.calls.count("write") == 40 + len(sums(table))
    assert len(sums(table)) < 30


def test_what_a_batch_adds_is_what_the_model_would_have_learned(table):
    expected = {}
    shipments = [arrived(shipped(n), 2 + n / 10) for n in range(20)]
    for one in shipments:
        merge(expected, lesson(one, table.clock.now()).sums)
    there(table, *shipments)
    batch(table, *(message(n) for n in range(20)))
    found = sums(table)
    held = {key for key in expected if (expires(key) or table.clock.now()) >= table.clock.now()}
    assert found.keys() == {key for key in held if any(abs(value) >= 5e-7 for value in expected[key])}
    for key, values in found.items():
        assert values[: len(expected[key])] == pytest.approx(expected[key], abs=2e-5)


def test_the_same_lessons_again_in_any_batch_add_nothing(table):
    there(table, *(arrived(shipped(n)) for n in range(5)))
    messages = [
        message(n, kind, name=f"{kind}{n}{time}") for n in range(5) for kind in ("OrderShipped", "ShipmentMoved") for time in "ab"
    ]
    assert batch(table, *messages) == []
    before = sums(table)
    assert batch(table, *messages) == []
    assert batch(table, *messages[:3]) == []
    assert sums(table) == before


@dataclass
class Racing:
    """Another consumer that works through its own batch just before the n-th write of this one."""

    outside: Small
    at: int
    messages: list
    writes: int = 0

    def __post_init__(self):
        self.inner, self.outside.tables = self.outside.tables, self

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def write(self, writes):
        self.writes += 1
        if self.writes == self.at:
            self.outside.tables = self.inner
            assert batch(self.outside, *self.messages) == []
            self.outside.tables = self
        self.inner.write(writes)


@pytest.mark.parametrize("at", [1, 3, 6, 9, 10, 12, 15, 17])
def test_consumers_that_race_lose_nothing_and_count_nothing_twice(table, at):
    """Both have half of the parcels of their own and all of the others' as well: duplicates across two consumers."""
    there(table, *(arrived(shipped(n), 2 + n / 10) for n in range(12)))
    racing = Racing(table, at, [message(n, name=f"b{n}") for n in range(3, 12)])
    assert batch(table, *(message(n, name=f"a{n}") for n in range(9))) == []
    assert racing.writes >= at, "the other consumer must have run"
    table.tables = racing.inner
    alone = Small()
    alone.settings, alone.clock.at = table.settings, table.clock.at
    there(alone, *(arrived(shipped(n), 2 + n / 10) for n in range(12)))
    assert batch(alone, *(message(n) for n in range(12))) == []
    raced, whole = sums(table), sums(alone)
    assert raced.keys() == whole.keys()
    for key, values in raced.items():
        assert values == pytest.approx(whole[key], abs=2e-5)


# ---------------------------------------------------------------- when something fails


def failing(table, error, at=1, times=1):
    """The tables fail the writes from the at-th on, so many times."""
    state = {"n": 0}
    inner = table.tables.twin.write

    def write(writes):
        state["n"] += 1
        if at <= state["n"] < at + times:
            raise error("no")
        inner(writes)

    table.tables.twin.write = write


def test_a_marker_that_was_not_written_is_tried_again_and_then_by_the_queue(table):
    there(table, arrived(shipped()))
    failing(table, Conflict, times=2)
    assert batch(table, message()) == []
    there(table, arrived(shipped(2)))
    failing(table, Throttled, times=9)
    assert batch(table, message(2)) == ["ShipmentMoved-2"]
    assert record(table, 2).learned_at is None


def test_a_marker_of_which_nobody_knows_is_never_taught_twice(table):
    there(table, arrived(shipped()))
    failing(table, Unclear)
    assert batch(table, message()) == ["ShipmentMoved-1"]
    assert sums(table) == {}


def test_sums_that_the_table_refuses_go_back_to_the_queue_and_are_added_later(table):
    there(table, arrived(shipped()))
    failing(table, Throttled, at=2, times=ATTEMPTS)
    assert batch(table, message()) == []
    ((url, body, _),) = table.queues.sent
    assert url == "https://sqs/learning"
    assert len(json.loads(body)["sums"]) == 1
    late = {"messageId": "again", "body": body, "attributes": {}, "eventSourceARN": LEARNING}
    assert batch(table, late) == []
    alone = Small()
    alone.settings, alone.clock.at = table.settings, table.clock.at
    there(alone, arrived(shipped()))
    batch(alone, message())
    assert sums(table) == sums(alone)


def test_a_bad_message_fails_alone(table):
    there(table, arrived(shipped()))
    bad = {"messageId": "bad", "body": "{}", "attributes": {}, "eventSourceARN": LEARNING}
    assert batch(table, bad, message()) == ["bad"]
    assert record(table).learned_at


def test_a_forecast_that_never_comes_is_waited_for_and_then_given_up(table):
    there(table, a_shipment())
    assert batch(table, message(kind="OrderShipped")) == ["OrderShipped-1"]
    assert batch(table, message(kind="OrderShipped", received=4)) == []


def test_an_erased_customer_teaches_nothing_more(table):
    assert batch(table, message(99)) == []
    assert sums(table) == {}


def test_a_move_that_is_no_delivery_teaches_nothing(table):
    there(table, shipped())
    assert batch(table, message(status=ShipmentStatus.OUT_FOR_DELIVERY)) == []
    assert record(table).departed_at is None


# ---------------------------------------------------------------- what lies in the table


def test_items_are_small_numbers_in_their_places_and_pace_goes_by_itself(table):
    there(table, *(arrived(shipped(n)) for n in range(10)))
    batch(table, *(message(n) for n in range(10)))
    items = {str(i["pk"]): i for i in table.tables.twin.items("knowledge")}
    assert all(len(json.dumps(i, default=str)) < 4096 for i in items.values())
    assert all(("expires_at" in item) is name.startswith("DELAY#pace:") for name, item in items.items())
    assert not [name for name in items if "@" in name or "anna" in name.lower()]


def test_a_forecast_from_the_table_is_the_one_from_the_sums(table):
    there(table, *(arrived(shipped(n), 2 + n / 10) for n in range(30)))
    batch(table, *(message(n) for n in range(30)))
    order = an_order(estimated_until=SHIPPED + 8 * DAY)
    asked = question(order, a_shipment(), POLICY)
    found = knowledge.read(table.tables, asked.keys(table.clock.now()))
    assert "shape" in found and len(found["shape"]) == SHAPE_SIZE
    direct = {}
    for n in range(30):
        merge(direct, lesson(arrived(shipped(n), 2 + n / 10), table.clock.now()).sums)
    there_, here = (predict(asked.parcel, source, table.clock.now()) for source in (found, direct))
    assert there_.p50 == pytest.approx(here.p50, rel=1e-4)
    assert there_.late_probability == pytest.approx(here.late_probability, abs=1e-4)


# ---------------------------------------------------------------- budget and contacts


def test_needless_notices_count_for_this_month_and_the_next():
    spent = budget.of_notice(0.0, SHIPPED)
    for _ in range(15):
        merge(spent, budget.of_notice(0.0, SHIPPED))
    assert not budget.allows(spent, 0.5, 6, SHIPPED)
    assert not budget.allows(spent, 0.5, 6, SHIPPED + 30 * DAY)
    assert budget.allows(spent, 0.5, 6, SHIPPED + 60 * DAY)
    assert budget.allows({}, 0.5, 6, SHIPPED), "a new store's first notice is no hundred percent"
    for _ in range(400):
        merge(spent, budget.of_departure(SHIPPED))
    assert budget.allows(spent, 0.5, 6, SHIPPED)


def test_a_forecast_that_is_too_sure_of_itself_spends_the_budget_sooner():
    spent = {}
    for _ in range(12):
        merge(spent, budget.of_notice(0.6, SHIPPED))
    assert budget.allows(spent, 0.6, 6, SHIPPED)
    for _ in range(10):
        merge(spent, budget.of_outcome(0.6, True, SHIPPED))
    assert budget.allows(spent, 0.6, 6, SHIPPED), "all of them were late"
    for _ in range(20):
        merge(spent, budget.of_outcome(0.6, False, SHIPPED))
    assert not budget.allows(spent, 0.6, 6, SHIPPED), "20 of 30 were needless, of which 12 were expected to be"


@pytest.mark.parametrize(("days", "needless"), [(2, 1.0), (40, 0.0)])
def test_an_arrival_teaches_what_became_of_its_notice(days, needless):
    told = shipped(1)
    promised = told.forecast.promised_by
    notice = DelayNotice(at=SHIPPED, arrives_by=promised + DAY, days_from=1, days_to=1, because="unknown", late_probability=0.7)
    taught = lesson(arrived(told.model_copy(update={"notices": (notice,)}), days), SHIPPED + days * DAY).sums
    (month,) = [key for key in taught if key == budget.key(SHIPPED + days * DAY)]
    assert taught[month][2:] == (pytest.approx(0.3), needless)


def test_contacts_are_reported_per_hundred_parcels_of_each_group():
    found = {}
    for _ in range(50):
        merge(found, contacts.of_departure(SHIPPED))
    notice = DelayNotice(at=SHIPPED, arrives_by=SHIPPED, days_from=1, days_to=1, because="unknown")
    told, held = a_shipment(notices=(notice,)), a_shipment(held_out_at=SHIPPED)
    for increments in (contacts.of_notice(SHIPPED), contacts.of_withheld(SHIPPED)):
        for _ in range(4):
            merge(found, increments)
    for one in (told, held, held, a_shipment()):
        merge(found, contacts.of_case(one, SHIPPED))
    report = contacts.report(found, ["2026-03", "2026-04"])
    assert report["told"] == {"parcels": 4, "contacts": 1, "per_100": 25.0}
    assert report["held_out"] == {"parcels": 4, "contacts": 2, "per_100": 50.0}
    assert report["not_told"] == {"parcels": 42, "contacts": 1, "per_100": 2.38}


def test_who_asks_without_naming_an_order_asks_about_what_is_on_its_way():
    old = arrived(a_shipment(ref="S-0", shipped_at=SHIPPED - 9 * DAY))
    customer = a_customer(an_order(), shipments=(old, a_shipment()))
    asked = contacts.asked_about(customer, None, CaseTopic.WHERE_IS_MY_ORDER, SHIPPED + DAY)
    assert asked.ref == "S-1"
    assert contacts.asked_about(customer, None, CaseTopic.DAMAGED, SHIPPED + DAY) is None
    assert contacts.asked_about(None, None, CaseTopic.WHERE_IS_MY_ORDER, SHIPPED) is None
