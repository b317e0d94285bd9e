import json
from datetime import timedelta

import pytest

from aftercare import events, keys
from aftercare.store import Delivery
from aftercare.table import Throttled
from event_relay.handler import handle
from tests.small_outside import START, Context, sample, sqs


def deliver(small, key, count=1):
    """A delivery with events, as intake writes it, and the stream's record of it."""
    told = tuple(
        events.make("OrderPaid", f"{key}-{n}", START, "c1", events.OrderData(customer_id="c1", order=f"example:{key}"))
        for n in range(count)
    )
    delivery = Delivery(key, "store", "OrderPaid", START, "c1", "hash", ("OrderPaid",), told, "c1")
    small.tables.twin.write([delivery.put()])
    item = small.tables.twin.read([keys.delivery(key)])[keys.delivery(key)]
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "SequenceNumber": f"seq-{key}",
            "NewImage": {name: {"N": str(v)} if isinstance(v, int) else {"S": v} for name, v in item.items()},
        },
    }


def ids(small):
    return [json.loads(e["Detail"])["metadata"]["id"] for e in small.bus.entries]


def due(small):
    return [str(i["pk"]) for i in small.tables.twin.due("relay", "9999", 100)]


def test_events_go_to_the_bus_in_order_ten_at_a_time_and_leave_the_due_list(small):
    records = [deliver(small, f"d{n:02d}", count=3) for n in range(8)]
    assert handle({"Records": records}, Context()) == {"batchItemFailures": []}
    assert ids(small) == [f"d{n:02d}-{m}" for n in range(8) for m in range(3)]
    assert small.bus.calls == 3
    assert due(small) == []
    entry = small.bus.entries[0]
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("aftercare.orders", "OrderPaid", "aftercare-test")


def test_an_entry_that_was_not_kept_is_named_by_its_sequence_number_and_stays_due(small):
    records = [deliver(small, f"d{n}") for n in range(4)]
    small.bus.refuses.append(lambda entry: "d2-0" in entry["Detail"])
    assert handle({"Records": records}, Context()) == {"batchItemFailures": [{"itemIdentifier": "seq-d2"}]}
    assert due(small) == ["DELIVERY#d2"]


def test_after_a_failure_nothing_more_is_put_and_the_lowest_number_is_named(small):
    records = [deliver(small, f"d{n:02d}", count=4) for n in range(6)]
    small.bus.refuses.append(lambda entry: "d01-" in entry["Detail"])
    assert handle({"Records": records}, Context()) == {"batchItemFailures": [{"itemIdentifier": "seq-d01"}]}
    assert small.bus.calls == 1
    assert due(small) == [f"DELIVERY#d{n:02d}" for n in range(1, 6)]
    small.bus.refuses.clear()
    assert handle({"Records": records[1:]}, Context()) == {"batchItemFailures": []}
    assert set(ids(small)) == {f"d{n:02d}-{m}" for n in range(6) for m in range(4)}
    assert due(small) == []


def test_a_delivery_that_a_chunk_cuts_is_marked_only_when_all_of_it_was_kept(small):
    records = [deliver(small, "d0", count=8), deliver(small, "d1", count=8)]
    small.bus.refuses.append(lambda entry: "d1-7" in entry["Detail"])
    assert handle({"Records": records}, Context()) == {"batchItemFailures": [{"itemIdentifier": "seq-d1"}]}
    assert due(small) == ["DELIVERY#d1"]


def test_a_mark_that_fails_is_left_to_the_sweep(small):
    record = deliver(small, "d0")

    def fail():
        raise Throttled

    small.tables.before_write.append(fail)
    assert handle({"Records": [record]}, Context()) == {"batchItemFailures": []}
    assert due(small) == ["DELIVERY#d0"]


def test_records_without_events_are_none_of_its_business(small):
    record = deliver(small, "d0")
    del record["dynamodb"]["NewImage"]["events"]
    assert handle({"Records": [record]}, Context()) == {"batchItemFailures": []}
    assert small.bus.calls == 0


def test_what_the_sweep_found_is_told_if_it_is_still_due(small):
    deliver(small, "d0")
    again = sqs({"delivery": "d0"}, {"delivery": "gone"})
    for _ in range(2):
        assert handle(again, Context()) == {"batchItemFailures": []}
    assert ids(small) == ["d0-0"]


def test_what_the_bus_refuses_from_the_queue_fails_alone(small):
    deliver(small, "d0")
    deliver(small, "d1")
    small.bus.refuses.append(lambda entry: "d0-0" in entry["Detail"])
    answer = handle(sqs({"delivery": "d0"}, {"delivery": "d1"}), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert due(small) == ["DELIVERY#d0"]


@pytest.mark.parametrize("name", ["stream", "retry"])
def test_the_samples_run(small, name):
    small.later(hours=1)
    assert handle(sample(f"event_relay/{name}"), Context()) == {"batchItemFailures": []}
    assert len(small.bus.entries) == (1 if name == "stream" else 0)


def test_the_envelope_says_when_it_was_told(small):
    record = deliver(small, "d0")
    small.later(minutes=3)
    handle({"Records": [record]}, Context())
    detail = json.loads(small.bus.entries[0]["Detail"])
    assert detail["metadata"]["told_at"] == "2026-03-02T09:18:31.000000Z"
    assert small.bus.entries[0]["Time"] == START + timedelta(minutes=3)
