from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.queues import MAXIMUM_MESSAGE, Queue, QueueError, Received, Redrive
from simulator.virtual_clock import VirtualClock
from tests.examples import tries

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock(NINE)
        self.ids = count(1)

    def queue(self, name: str = "orders", **settings: Any) -> Queue:
        return Queue(name, lambda: self.clock.now, lambda: f"m{next(self.ids)}", fifo=name.endswith(".fifo"), **settings)

    def wait(self, by: timedelta) -> None:
        self.clock.advance(by)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def standard(world: World) -> Queue:
    return world.queue()


@pytest.fixture
def fifo(world: World) -> Queue:
    return world.queue("gate.fifo")


def bodies(received: list[Received]) -> list[str]:
    return [message.body for message in received]


def put(queue: Queue, *messages: str) -> None:
    """Send "group:body" to a FIFO queue, deduplicated by the whole text."""
    for text in messages:
        queue.send(text.split(":")[1], group=text.split(":")[0], deduplication_id=text)


# --- standard queues


def test_a_message_is_received_with_what_it_was_sent_with(world: World, standard: Queue) -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": "slot"}}
    sent = standard.send("body", attributes=attributes)
    world.wait(MINUTE)
    [received] = standard.receive()
    assert received.message_id == sent.message_id == "m1"
    assert (received.body, received.attributes) == ("body", attributes)
    assert (received.sent, received.first_received, received.receives) == (NINE, NINE + MINUTE, 1)
    assert (received.group, received.deduplication_id, received.sequence, sent.sequence) == (None, None, None, None)


def test_messages_come_in_the_order_they_were_sent(standard: Queue) -> None:
    for number in range(15):
        standard.send(str(number))
    assert bodies(standard.receive(10)) == [str(number) for number in range(10)]
    assert bodies(standard.receive(10)) == [str(number) for number in range(10, 15)]


def test_a_received_message_is_hidden_until_its_visibility_timeout(world: World, standard: Queue) -> None:
    standard.send("a")
    standard.receive()
    assert standard.receive() == []
    world.wait(30 * SECOND - timedelta(microseconds=1))
    assert standard.receive() == []
    world.wait(timedelta(microseconds=1))
    [again] = standard.receive()
    assert (again.receives, again.first_received) == (2, NINE)


def test_a_receive_may_set_its_own_visibility_timeout(world: World, standard: Queue) -> None:
    standard.send("a")
    standard.receive(visibility_timeout=5 * MINUTE)
    world.wait(4 * MINUTE)
    assert standard.receive() == []
    world.wait(MINUTE)
    assert bodies(standard.receive(visibility_timeout=timedelta(0))) == ["a"]
    assert bodies(standard.receive()) == ["a"]


def test_a_deleted_message_does_not_come_back(world: World, standard: Queue) -> None:
    standard.send("a")
    [received] = standard.receive()
    standard.delete(received.receipt)
    world.wait(timedelta(hours=1))
    assert standard.receive() == []
    assert standard.messages() == []
    standard.delete(received.receipt)


def test_a_standard_message_can_be_deleted_after_its_visibility_timeout(world: World, standard: Queue) -> None:
    standard.send("a")
    [received] = standard.receive()
    world.wait(MINUTE)
    standard.delete(received.receipt)
    assert standard.receive() == []


def test_an_older_receipt_deletes_nothing(world: World, standard: Queue) -> None:
    standard.send("a")
    [first] = standard.receive()
    world.wait(MINUTE)
    [second] = standard.receive()
    assert first.receipt != second.receipt
    standard.delete(first.receipt)
    world.wait(MINUTE)
    assert bodies(standard.receive()) == ["a"]


def test_a_receipt_of_another_queue_is_refused(world: World, standard: Queue) -> None:
    other = world.queue("other")
    other.send("a")
    with pytest.raises(QueueError) as refused:
        standard.delete(other.receive()[0].receipt)
    assert refused.value.code == "ReceiptHandleIsInvalid"


def test_visibility_can_be_extended_and_given_up(world: World, standard: Queue) -> None:
    standard.send("a")
    [received] = standard.receive()
    world.wait(20 * SECOND)
    standard.change_visibility(received.receipt, timedelta(minutes=2))
    world.wait(MINUTE)
    assert standard.receive() == []
    standard.change_visibility(received.receipt, timedelta(0))
    assert bodies(standard.receive()) == ["a"]


def test_the_changed_visibility_is_not_kept_for_the_next_receive(world: World, standard: Queue) -> None:
    standard.send("a")
    [received] = standard.receive()
    standard.change_visibility(received.receipt, timedelta(hours=1))
    world.wait(timedelta(hours=1))
    standard.receive()
    world.wait(30 * SECOND)
    assert bodies(standard.receive()) == ["a"]


def test_visibility_of_a_message_that_is_not_in_flight_cannot_change(world: World, standard: Queue) -> None:
    standard.send("a")
    [received] = standard.receive()
    world.wait(MINUTE)
    with pytest.raises(QueueError) as refused:
        standard.change_visibility(received.receipt, MINUTE)
    assert refused.value.code == "MessageNotInflight"


def test_a_delay_hides_a_new_message(world: World) -> None:
    queue = world.queue(delay=10 * SECOND)
    queue.send("the queue's delay")
    queue.send("its own delay", delay=MINUTE)
    queue.send("no delay", delay=timedelta(0))
    assert bodies(queue.receive(10)) == ["no delay"]
    world.wait(10 * SECOND)
    assert bodies(queue.receive(10)) == ["the queue's delay"]
    world.wait(50 * SECOND)
    assert "its own delay" in bodies(queue.receive(10))


def test_a_message_is_gone_after_its_retention(world: World) -> None:
    queue = world.queue(retention=timedelta(days=1))
    queue.send("a")
    world.wait(timedelta(days=1) - SECOND)
    queue.send("b")
    assert [message.body for message in queue.messages()] == ["a", "b"]
    world.wait(SECOND)
    assert bodies(queue.receive(10)) == ["b"]
    world.wait(timedelta(days=2))
    assert queue.next_visible_at() is None or queue.receive() == []


def test_a_standard_queue_takes_a_group_for_fair_queueing(standard: Queue) -> None:
    standard.send("a", group="tenant")
    standard.send("b", group="tenant")
    received = standard.receive(10)
    assert [(message.body, message.group) for message in received] == [("a", "tenant"), ("b", "tenant")]


def test_purging_empties_the_queue(standard: Queue, fifo: Queue) -> None:
    standard.send("a")
    standard.receive()
    standard.send("b")
    put(fifo, "g:a", "g:b")
    for queue in (standard, fifo):
        queue.purge()
        assert queue.messages() == []
        assert queue.receive() == []
        assert queue.next_visible_at() is None


# --- dead letters


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(world: World) -> None:
    dead = world.queue("orders-dead")
    queue = world.queue(redrive=Redrive(dead, 3))
    queue.send("poison", attributes={"k": {"DataType": "String", "StringValue": "v"}})
    queue.send("fine")
    for number in (1, 2, 3):
        received = queue.receive(10)
        assert received[0].receives == number
        if number == 1:
            queue.delete(received[1].receipt)
        assert dead.messages() == []
        world.wait(MINUTE)
    assert queue.receive(10) == []
    assert queue.messages() == []
    [letter] = dead.receive()
    assert (letter.message_id, letter.body, letter.sent) == ("m1", "poison", NINE)
    assert letter.attributes == {"k": {"DataType": "String", "StringValue": "v"}}
    assert letter.receives == 4


def test_a_dead_letter_makes_room_for_the_next_message_in_the_same_receive(world: World) -> None:
    queue = world.queue(redrive=Redrive(world.queue("dead"), 1))
    queue.send("poison")
    queue.receive()
    world.wait(MINUTE)
    queue.send("fine")
    assert bodies(queue.receive(1)) == ["fine"]


def test_the_retention_of_a_standard_dead_letter_counts_from_the_first_send(world: World) -> None:
    dead = world.queue("dead", retention=timedelta(days=4))
    queue = world.queue(redrive=Redrive(dead, 1))
    queue.send("a")
    queue.receive()
    world.wait(timedelta(days=1))
    queue.receive()
    world.wait(timedelta(days=3))
    assert dead.receive() == []


def test_the_retention_of_a_fifo_dead_letter_counts_from_the_move(world: World) -> None:
    dead = world.queue("dead.fifo", retention=timedelta(days=4))
    queue = world.queue("gate.fifo", redrive=Redrive(dead, 1))
    put(queue, "g:a")
    queue.receive()
    world.wait(timedelta(days=1))
    queue.receive()
    world.wait(timedelta(days=3))
    [letter] = dead.receive()
    assert (letter.group, letter.deduplication_id) == ("g", "g:a")


# --- FIFO queues


def test_a_fifo_message_carries_group_deduplication_id_and_sequence(fifo: Queue) -> None:
    first = fifo.send("a", group="customer-1", deduplication_id="d1")
    second = fifo.send("b", group="customer-1", deduplication_id="d2")
    assert first.sequence is not None and second.sequence is not None and first.sequence < second.sequence
    received = fifo.receive(10)
    assert [(m.group, m.deduplication_id, m.sequence) for m in received] == [
        ("customer-1", "d1", first.sequence),
        ("customer-1", "d2", second.sequence),
    ]


def test_a_group_with_a_message_in_flight_gives_no_more(fifo: Queue) -> None:
    put(fifo, "g:1", "g:2", "h:3")
    [first] = fifo.receive(1)
    assert bodies(fifo.receive(10)) == ["3"]
    assert fifo.receive(10) == []
    fifo.delete(first.receipt)
    assert bodies(fifo.receive(10)) == ["2"]


def test_a_new_message_waits_behind_the_one_in_flight(fifo: Queue) -> None:
    put(fifo, "g:1")
    fifo.receive()
    put(fifo, "g:2")
    assert fifo.receive() == []


def test_one_receive_may_give_several_messages_of_one_group_in_order(fifo: Queue) -> None:
    put(fifo, *[f"g:{number}" for number in range(12)], "h:x")
    assert bodies(fifo.receive(10)) == [str(number) for number in range(10)]
    assert bodies(fifo.receive(10)) == ["x"]


def test_a_group_stays_blocked_until_all_of_its_batch_is_settled(world: World, fifo: Queue) -> None:
    put(fifo, "g:1", "g:2", "g:3")
    first, second = fifo.receive(2)
    fifo.delete(first.receipt)
    assert fifo.receive() == []
    world.wait(30 * SECOND)
    assert bodies(fifo.receive(10)) == ["2", "3"]
    assert second.body == "2"


def test_failed_messages_come_back_in_order_before_later_ones(world: World, fifo: Queue) -> None:
    put(fifo, "g:1", "g:2", "g:3")
    fifo.receive(2)
    world.wait(30 * SECOND)
    again = fifo.receive(10)
    assert bodies(again) == ["1", "2", "3"]
    assert [message.receives for message in again] == [2, 2, 1]


def test_a_message_visible_again_waits_for_the_rest_of_its_group_in_flight(world: World, fifo: Queue) -> None:
    put(fifo, "g:1", "g:2")
    first, second = fifo.receive(2)
    fifo.change_visibility(second.receipt, 10 * MINUTE)
    fifo.change_visibility(first.receipt, timedelta(0))
    assert fifo.receive() == []
    fifo.delete(second.receipt)
    assert bodies(fifo.receive()) == ["1"]


def test_groups_are_served_by_their_oldest_message(fifo: Queue) -> None:
    put(fifo, "b:1", "a:2", "b:3", "a:4")
    assert bodies(fifo.receive(10)) == ["1", "3", "2", "4"]


def test_deleting_a_fifo_message_after_its_visibility_timeout_is_refused(world: World, fifo: Queue) -> None:
    put(fifo, "g:1")
    [received] = fifo.receive()
    world.wait(30 * SECOND)
    with pytest.raises(QueueError, match="expired") as refused:
        fifo.delete(received.receipt)
    assert refused.value.code == "InvalidParameterValue"


def test_a_dead_letter_unblocks_its_group(world: World) -> None:
    dead = world.queue("dead.fifo")
    queue = world.queue("gate.fifo", redrive=Redrive(dead, 2))
    put(queue, "g:poison", "g:next")
    for _ in range(2):
        assert bodies(queue.receive(1)) == ["poison"]
        world.wait(30 * SECOND)
    assert bodies(queue.receive(1)) == ["next"]
    assert [message.body for message in dead.messages()] == ["poison"]


def test_a_whole_group_can_go_to_the_dead_letter_queue_in_order(world: World) -> None:
    dead = world.queue("dead.fifo")
    queue = world.queue("gate.fifo", redrive=Redrive(dead, 1))
    put(queue, "g:1", "g:2", "g:3")
    queue.receive(10)
    world.wait(30 * SECOND)
    assert queue.receive(10) == []
    assert queue.next_visible_at() is None
    assert bodies(dead.receive(10)) == ["1", "2", "3"]


def test_the_delay_of_a_fifo_queue_holds_the_group(world: World) -> None:
    queue = world.queue("gate.fifo", delay=10 * SECOND)
    put(queue, "g:1")
    world.wait(5 * SECOND)
    put(queue, "g:2")
    assert queue.receive() == []
    assert queue.next_visible_at() == NINE + 10 * SECOND
    world.wait(5 * SECOND)
    [first] = queue.receive(10)
    assert first.body == "1"
    queue.delete(first.receipt)
    assert queue.receive() == []
    assert queue.next_visible_at() == NINE + 15 * SECOND
    world.wait(5 * SECOND)
    assert bodies(queue.receive()) == ["2"]


def test_expired_messages_do_not_block_their_group(world: World) -> None:
    queue = world.queue("gate.fifo", retention=timedelta(hours=1))
    put(queue, "g:1", "g:2")
    world.wait(timedelta(minutes=30))
    put(queue, "g:3")
    world.wait(timedelta(minutes=30))
    assert bodies(queue.receive(10)) == ["3"]


# --- deduplication


def test_a_duplicate_within_five_minutes_is_accepted_and_not_delivered(world: World, fifo: Queue) -> None:
    first = fifo.send("a", group="g", deduplication_id="d")
    world.wait(5 * MINUTE - SECOND)
    assert fifo.send("another body", group="h", deduplication_id="d") == first
    assert bodies(fifo.receive(10)) == ["a"]


def test_the_same_id_after_five_minutes_is_a_new_message(world: World, fifo: Queue) -> None:
    first = fifo.send("a", group="g", deduplication_id="d")
    world.wait(5 * MINUTE)
    assert fifo.send("a", group="g", deduplication_id="d").message_id != first.message_id


def test_the_window_counts_from_the_first_send_and_outlives_the_message(world: World, fifo: Queue) -> None:
    fifo.send("a", group="g", deduplication_id="d")
    fifo.delete(fifo.receive()[0].receipt)
    world.wait(4 * MINUTE)
    fifo.send("a", group="g", deduplication_id="d")
    world.wait(MINUTE)
    fifo.send("b", group="g", deduplication_id="d")
    assert bodies(fifo.receive(10)) == ["b"]


def test_content_based_deduplication_compares_bodies(world: World) -> None:
    queue = world.queue("gate.fifo", content_based_deduplication=True)
    first = queue.send("a", group="g")
    assert queue.send("a", group="h") == first
    assert queue.send("b", group="g") != first
    assert queue.send("a", group="g", deduplication_id="own").message_id != first.message_id


def test_an_id_equal_to_the_hash_of_a_body_is_its_duplicate(world: World) -> None:
    queue = world.queue("gate.fifo", content_based_deduplication=True)
    first = queue.send("a", group="g")
    digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert queue.send("b", group="g", deduplication_id=digest) == first


def test_the_scope_of_deduplication_can_be_the_group(world: World) -> None:
    queue = world.queue("gate.fifo", deduplication_scope="messageGroup")
    first = queue.send("a", group="g", deduplication_id="d")
    assert queue.send("a", group="h", deduplication_id="d") != first
    assert queue.send("a", group="g", deduplication_id="d") == first


# --- when to poll


def test_the_next_time_to_poll_is_now_when_something_is_visible(world: World, standard: Queue, fifo: Queue) -> None:
    assert standard.next_visible_at() is None
    assert fifo.next_visible_at() is None
    standard.send("a")
    put(fifo, "g:1")
    assert standard.next_visible_at() == fifo.next_visible_at() == NINE


def test_the_next_time_to_poll_is_when_the_first_hidden_message_shows(world: World, standard: Queue, fifo: Queue) -> None:
    standard.send("a", delay=10 * MINUTE)
    standard.send("b")
    standard.receive()
    assert standard.next_visible_at() == NINE + 30 * SECOND
    put(fifo, "g:1", "g:2")
    [received] = fifo.receive(1, 2 * MINUTE)
    assert fifo.next_visible_at() == NINE + 2 * MINUTE
    fifo.change_visibility(received.receipt, MINUTE)
    assert fifo.next_visible_at() == NINE + MINUTE
    fifo.delete(received.receipt)
    assert fifo.next_visible_at() == NINE


def test_a_deleted_message_is_no_reason_to_poll(standard: Queue) -> None:
    standard.send("a")
    standard.delete(standard.receive()[0].receipt)
    assert standard.next_visible_at() is None


# --- what SQS refuses


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"body": ""}, "MissingParameter"),
        ({"body": "x" * (MAXIMUM_MESSAGE + 1)}, "InvalidParameterValue"),
        ({"body": "é" * (MAXIMUM_MESSAGE // 2 + 1)}, "InvalidParameterValue"),
        ({"body": "a\x00b"}, "InvalidMessageContents"),
        ({"body": "a\x0bb"}, "InvalidMessageContents"),
        ({"body": "a\ufffeb"}, "InvalidMessageContents"),
        ({"body": "a", "delay": timedelta(seconds=-1)}, "InvalidParameterValue"),
        ({"body": "a", "delay": timedelta(seconds=901)}, "InvalidParameterValue"),
        ({"body": "a", "deduplication_id": "d"}, "InvalidParameterValue"),
        ({"body": "a", "group": "a b"}, "InvalidParameterValue"),
        ({"body": "a", "attributes": {str(n): {"DataType": "String", "StringValue": "v"} for n in range(11)}},
         "InvalidParameterValue"),
        ({"body": "x" * MAXIMUM_MESSAGE, "attributes": {"k": {"DataType": "String", "StringValue": "v"}}},
         "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_a_standard_queue_refuses_to_send(standard: Queue, how: dict[str, Any], code: str) -> None:
    with pytest.raises(QueueError) as refused:
        standard.send(**how)
    assert refused.value.code == code


@pytest.mark.parametrize("body", ["x" * MAXIMUM_MESSAGE, "é" * (MAXIMUM_MESSAGE // 2), "tab\tline\nreturn\r 😀 \ue000"])
def test_a_queue_takes(standard: Queue, body: str) -> None:
    standard.send(body)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({}, "MissingParameter"),
        ({"deduplication_id": "d"}, "MissingParameter"),
        ({"group": "g"}, "InvalidParameterValue"),
        ({"group": "", "deduplication_id": "d"}, "InvalidParameterValue"),
        ({"group": "g" * 129, "deduplication_id": "d"}, "InvalidParameterValue"),
        ({"group": "g", "deduplication_id": "d" * 129}, "InvalidParameterValue"),
        ({"group": "a b", "deduplication_id": "d"}, "InvalidParameterValue"),
        ({"group": "gé", "deduplication_id": "d"}, "InvalidParameterValue"),
        ({"group": "g", "deduplication_id": "d\n"}, "InvalidParameterValue"),
        ({"group": "g", "deduplication_id": "d", "delay": SECOND}, "InvalidParameterValue"),
    ],
)
def test_a_fifo_queue_refuses_to_send(fifo: Queue, how: dict[str, Any], code: str) -> None:
    with pytest.raises(QueueError) as refused:
        fifo.send("a", **how)
    assert refused.value.code == code


def test_a_fifo_queue_takes_every_punctuation_character(fifo: Queue) -> None:
    everything = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aZ09"
    fifo.send("a", group=everything, deduplication_id=everything * 3)


@pytest.mark.parametrize("maximum", [0, 11])
def test_a_receive_gives_one_to_ten(standard: Queue, maximum: int) -> None:
    with pytest.raises(QueueError, match="MaxNumberOfMessages"):
        standard.receive(maximum)


@pytest.mark.parametrize("timeout", [timedelta(seconds=-1), timedelta(hours=12, seconds=1)])
def test_a_visibility_timeout_is_at_most_twelve_hours(standard: Queue, timeout: timedelta) -> None:
    standard.send("a")
    with pytest.raises(QueueError, match="VisibilityTimeout"):
        standard.receive(visibility_timeout=timeout)
    with pytest.raises(QueueError, match="VisibilityTimeout"):
        standard.change_visibility(standard.receive()[0].receipt, timeout)


@pytest.mark.parametrize(
    ("name", "configuration"),
    [
        ("a b", {}),
        ("", {}),
        ("x" * 81, {}),
        ("x" * 76 + ".fifo", {}),
        ("q", {"content_based_deduplication": True}),
        ("q", {"deduplication_scope": "messageGroup"}),
        ("q", {"visibility_timeout": timedelta(hours=13)}),
        ("q", {"delay": timedelta(minutes=16)}),
        ("q", {"retention": timedelta(days=15)}),
        ("q", {"retention": timedelta(seconds=59)}),
        ("q", {"maximum_size": 1023}),
        ("q", {"maximum_size": MAXIMUM_MESSAGE + 1}),
    ],
)
def test_a_queue_that_sqs_would_not_create_is_refused(world: World, name: str, configuration: dict[str, Any]) -> None:
    with pytest.raises(QueueError):
        world.queue(name, **configuration)


def test_a_fifo_queue_is_named_so() -> None:
    with pytest.raises(QueueError):
        Queue("gate", lambda: NINE, lambda: "m", fifo=True)
    with pytest.raises(QueueError):
        Queue("gate.fifo", lambda: NINE, lambda: "m")


def test_a_dead_letter_queue_is_of_the_same_type_and_its_count_in_bounds(world: World) -> None:
    with pytest.raises(QueueError, match="same type"):
        world.queue("gate.fifo", redrive=Redrive(world.queue("dead"), 3))
    with pytest.raises(QueueError, match="maxReceiveCount"):
        world.queue(redrive=Redrive(world.queue("dead2"), 0))


# --- whatever happens


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from("abc")),
        st.tuples(st.just("receive"), st.integers(1, 10)),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.just("show"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    max_size=60,
)


@settings(max_examples=tries(200), deadline=None)
@given(STEPS)
def test_a_fifo_group_is_in_order_and_never_twice_in_flight_whatever_happens(steps: list[tuple[str, Any]]) -> None:
    world = World()
    queue = world.queue("gate.fifo")
    numbers = count(1)
    flying: dict[str, tuple[Received, datetime]] = {}
    deleted: set[str] = set()
    for step, argument in steps:
        flying = {key: entry for key, entry in flying.items() if entry[1] > world.clock.now}
        held = list(flying.values())
        if step == "send":
            number = next(numbers)
            queue.send(str(number), group=argument, deduplication_id=str(number))
        elif step == "receive":
            busy = {received.group for received, _ in held}
            promised = queue.next_visible_at() == world.clock.now
            batch = queue.receive(argument)
            assert promised == bool(batch)
            assert not busy & {received.group for received in batch}
            for received in batch:
                assert received.body not in deleted
                left = [m.body for m in queue.messages() if m.group == received.group]
                given_of_group = [r.body for r in batch if r.group == received.group]
                assert left[: len(given_of_group)] == given_of_group
                flying[received.receipt] = (received, world.clock.now + queue.visibility_timeout)
        elif step == "wait":
            world.wait(argument * SECOND)
        elif held:
            received, _ = held[argument % len(held)]
            del flying[received.receipt]
            if step == "delete":
                queue.delete(received.receipt)
                deleted.add(received.body)
            else:
                queue.change_visibility(received.receipt, timedelta(0))
    left = {message.body for message in queue.messages()}
    assert left == {str(number) for number in range(1, next(numbers))} - deleted
