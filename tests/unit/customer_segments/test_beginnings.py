"""What a new customer hears begins with the wait that their first order starts, and begins nothing that was begun already."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.money import Money
from aftercare.table import Put
from customer_segments.handler import handle
from tests.builders import ANNA, NOON, an_order, consent_of, said
from tests.ledger_items import a_profile
from tests.small_outside import Context


@pytest.fixture
def anna(small):
    small.clock.at = NOON
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    a_profile(small, ANNA, consent=consent_of(said()))
    return small


def ordered(anna, ref, amount="60", days=3):
    placed = NOON - timedelta(days=days)
    order = an_order(ref, placed_at=placed, as_of=placed, total=Money(amount=amount, currency="EUR"))
    anna.tables.twin.write([Put(keys.order(ANNA, order.key), {"doc": order.to_json(), "version": 1})])


def woken(anna):
    since = iso(NOON - timedelta(days=3))
    payload = {"key": f"segment#begins#{ANNA}", "customer_id": ANNA, "correlation_id": "k1", "since": since}
    return handle(payload, Context())["outcome"]


def test_a_first_order_begins_the_rows_that_everybody_begins_in(anna):
    ordered(anna, "1")
    assert woken(anna) == "proposed welcome, waits for orientation, waits for guide, is measured"
    assert len(anna.waits.running) == 3


def test_who_is_another_kind_by_then_begins_nothing_twice(anna):
    ordered(anna, "1")
    ordered(anna, "2", days=1)
    assert woken(anna) == "nothing: no row"
    assert anna.queues.sent == [] and anna.waits.running == {}


def test_of_who_moved_in_one_row_only_the_other_begins(anna):
    ordered(anna, "1", "900")
    because = "that they are of high lifetime value was told, that they bought once was not"
    assert woken(anna) == "waits for guide, is measured", because
