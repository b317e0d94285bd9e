"""When a customer is asked how an order was, and whether it is still right to ask at the end of the wait."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.cases import Case
from aftercare.catalogue import Asking, catalogue
from aftercare.clock import iso
from aftercare.consent import Purpose
from aftercare.customer import OrderLine, Refund, Return
from aftercare.feedback import Answer, Feedback
from aftercare.parcel_status import ShipmentStatus
from aftercare.proposal import Nothing, Unless
from aftercare.table import Put
from feedback_survey.asking import REMINDED_AFTER, STILL_FRESH, Because, ask, asking_of, due
from feedback_survey.handler import handle
from tests.builders import ANNA, NOON, a_customer, an_order
from tests.shipments import a_log, a_parcel, a_shipment

CATALOGUE = catalogue()
DELIVERED = NOON + timedelta(days=3)
ASKED = DELIVERED + timedelta(hours=18)
KEY = "example:1070"


def there(**more):
    given = {"delivered_at": DELIVERED, "status": ShipmentStatus.DELIVERED, "status_at": DELIVERED}
    return a_shipment(a_parcel(log=a_log(delivered=DELIVERED)), **{**given, **more})


def anna(order=None, shipment=None, **more):
    return a_customer(order or an_order(), shipments=(shipment or there(),), **more)


def families(**settings):
    """The catalogue, with these families' settings."""
    changed = {n: f.model_copy(update={"survey": settings[n]}) if n in settings else f for n, f in CATALOGUE.families.items()}
    return CATALOGUE.model_copy(update={"families": changed})


def line(ref, product_type, **more):
    return OrderLine(line_ref=ref, title="Thing", quantity=1, product_type=product_type, **more)


def test_asked_is_within_a_day_of_the_delivery():
    found = due(anna(), KEY, CATALOGUE, DELIVERED)
    assert (found.key, found.at) == ("survey#example:1070", ASKED)
    assert Asking().hours <= 24


def test_a_family_says_how_long_after_what_it_is_asked_about():
    coffee = families(coffee=Asking(hours=3))
    assert due(anna(), KEY, coffee, DELIVERED).at == DELIVERED + timedelta(hours=3)
    at_once = families(coffee=Asking(after="order", hours=6))
    assert due(a_customer(an_order()), KEY, at_once, NOON).at == NOON + timedelta(hours=6)


def test_an_order_of_several_families_is_asked_about_once_by_the_latest():
    order = an_order(lines=(line("1", "Coffee"), line("2", "Granola")))
    mixed = families(coffee=Asking(after="order", hours=2), pantry=Asking(hours=24))
    assert asking_of(order, mixed) == Asking(hours=24)


def test_what_is_not_sent_is_there_when_it_is_ordered():
    order = an_order(lines=(line("1", "Software", requires_shipping=False),))
    assert due(a_customer(order), KEY, CATALOGUE, NOON).at == NOON + timedelta(hours=18)
    question, _ = ask(a_customer(order), KEY, CATALOGUE, NOON + timedelta(hours=18), "k1")
    assert question.blocks[0].variant == "ordered"


def test_without_a_scan_it_counts_from_when_silence_was_taken_for_arrival():
    silent = a_shipment(assumed_at=DELIVERED)
    found = due(anna(shipment=silent), KEY, CATALOGUE, DELIVERED)
    assert found.at == ASKED
    question, _ = ask(anna(shipment=silent), KEY, CATALOGUE, ASKED, "k1")
    assert question.blocks[0].variant == "assumed"
    both = a_customer(an_order(), shipments=(there(), a_shipment(ref="S-2")))
    assert due(both, KEY, CATALOGUE, DELIVERED) == Nothing(Because.NOT_THERE), "one parcel is still on its way"


def test_what_arrived_later_than_was_assumed_is_asked_about_that_much_later():
    later = DELIVERED + timedelta(hours=10)
    shipment = there(delivered_at=later, assumed_at=DELIVERED)
    question, reminder = ask(anna(shipment=shipment), KEY, CATALOGUE, ASKED, "k1")
    assert question.not_before == later + timedelta(hours=18)
    assert reminder.not_before == question.not_before + REMINDED_AFTER
    assert question.blocks[0].variant == "there"


WRONG = {
    Because.TEST_ORDER: anna(an_order(is_test=True)),
    Because.RENEWS_ITSELF: anna(an_order(is_renewal=True)),
    Because.CANCELLED: anna(an_order(cancelled_at=NOON)),
    Because.REFUNDED: anna(an_order(refunds=(Refund(ref="r", at=NOON),))),
    Because.RETURNED: anna(an_order(returns=(Return(ref="R-1", requested_at=NOON),))),
    Because.COMPLAINED: anna(cases=(Case(ref="shop:T-1", opened_at=NOON),)),
    Because.LOST: anna(shipment=there(delivered_at=None, assumed_at=DELIVERED, status=ShipmentStatus.LOST)),
    Because.ANSWERED: anna(feedback=Feedback(answers=(Answer(order=KEY, version=1, first_at=NOON, at=NOON, by="page"),))),
    Because.ORDER_UNKNOWN: a_customer(),
    Because.CUSTOMER_GONE: None,
    Because.NOT_THERE: anna(shipment=a_shipment()),
}


@pytest.mark.parametrize("because", WRONG)
def test_who_is_not_asked_as_if_all_were_well(because):
    assert due(WRONG[because], KEY, CATALOGUE, DELIVERED) == Nothing(because)
    assert ask(WRONG[because], KEY, CATALOGUE, ASKED, "k1") == Nothing(because)


def test_a_case_that_is_over_is_no_reason_not_to_ask():
    over = Case(ref="shop:T-1", opened_at=NOON, closed_at=NOON + timedelta(hours=1))
    assert not isinstance(ask(anna(cases=(over,)), KEY, CATALOGUE, ASKED, "k1"), Nothing)


def test_nobody_is_asked_about_what_came_long_ago():
    late = ASKED + STILL_FRESH
    assert ask(anna(), KEY, CATALOGUE, late, "k1") == Nothing(Because.TOO_LATE)
    assert not isinstance(ask(anna(), KEY, CATALOGUE, late - timedelta(seconds=1), "k1"), Nothing)


def test_the_question_comes_with_one_reminder_for_who_was_asked_and_says_nothing():
    question, reminder = ask(anna(), KEY, CATALOGUE, ASKED, "k1")
    assert (question.key, question.template, question.purpose) == ("survey#example:1070", "survey", Purpose.SURVEY)
    assert question.not_before is None and question.not_after == ASKED + STILL_FRESH
    assert Unless.SURVEY_ANSWERED in question.unless and Unless.ORDER_WENT_WRONG in question.unless
    assert (reminder.key, reminder.template) == ("survey-reminder#example:1070", "survey-reminder")
    assert reminder.not_before == ASKED + REMINDED_AFTER
    assert set(reminder.unless) == {*question.unless, Unless.NOT_ASKED}
    assert reminder.references["asked"] == question.key


# ---------------------------------------------------------------- the function


class Waits:
    """Executions by name: a name is used once (ExecutionAlreadyExists is success)."""

    def __init__(self):
        self.started = {}

    def start(self, state_machine, name, due_at, payload):
        return self.started.setdefault(name, (due_at, payload)) == (due_at, payload)


@pytest.fixture
def house(small):
    small.clock.at = DELIVERED
    small.waits = Waits()
    small.settings = replace(small.settings, survey_state_machine="arn:aws:states:x")
    small.tables.twin.write([Put(keys.customer(ANNA, keys.PROFILE), {"doc": anna().profile.to_json()})])
    small.tables.twin.write([Put(keys.order(ANNA, KEY), {"doc": an_order().to_json()})])
    small.tables.twin.write([Put(keys.shipment(ANNA, there().key), {"doc": there().to_json()})])
    return small


def envelope(kind):
    metadata = {"id": "e1", "occurred_at": iso(DELIVERED), "correlation_id": "k1"}
    source = "aftercare.shipments" if kind == "DeliveryAssumed" else "aftercare.orders"
    return {"detail-type": kind, "source": source, "detail": {"metadata": metadata, "data": {"customer_id": ANNA, "order": KEY}}}


def test_whichever_event_comes_first_starts_the_one_wait(house):
    for kind in ("DeliveryAssumed", "OrderDelivered", "OrderDelivered"):
        assert handle(envelope(kind), None)["outcome"] == "waiting"
    ((name, (at, payload)),) = house.waits.started.items()
    assert (name, at) == (keys.message_id("survey#example:1070"), ASKED)
    assert set(payload) == {"key", "customer_id", "order", "correlation_id"}
    house.clock.at = ASKED
    assert handle(payload, None) == {"outcome": "proposed"}
    assert [json.loads(body)["proposal"]["template"] for _, body, _ in house.queues.sent] == ["survey", "survey-reminder"]


def test_an_order_that_is_sent_is_not_waited_for_from_when_it_was_placed(house):
    house.tables.twin.write([Put(keys.shipment(ANNA, there().key), {"doc": a_shipment().to_json()})])
    assert handle(envelope("OrderPlaced"), None)["outcome"] == "nothing: not-there"
    assert house.waits.started == {}
