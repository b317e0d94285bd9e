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
from aftercare.decision import Decision, Message
from aftercare.feedback import Answer, Feedback
from aftercare.parcel_status import ShipmentStatus
from aftercare.proposal import Nothing, Unless
from aftercare.reason import Reason, State
from aftercare.table import Put
from feedback_survey.asking import (
    STILL_FRESH,
    STILL_OF_USE,
    Because,
    Due,
    ask,
    ask_again,
    asking_of,
    due,
    due_again,
    guide,
)
from feedback_survey.handler import handle
from tests.builders import ANNA, NOON, a_customer, a_proposal, an_order
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
    question = ask(a_customer(order), KEY, CATALOGUE, NOON + timedelta(hours=18), "k1")
    assert question.blocks[0].variant == "ordered"


def test_without_a_scan_it_counts_from_when_silence_was_taken_for_arrival():
    silent = a_shipment(assumed_at=DELIVERED)
    found = due(anna(shipment=silent), KEY, CATALOGUE, DELIVERED)
    assert found.at == ASKED
    question = ask(anna(shipment=silent), KEY, CATALOGUE, ASKED, "k1")
    assert question.blocks[0].variant == "assumed"
    both = a_customer(an_order(), shipments=(there(), a_shipment(ref="S-2")))
    assert due(both, KEY, CATALOGUE, DELIVERED) == Nothing(Because.NOT_THERE), "one parcel is still on its way"


def test_what_arrived_later_than_was_assumed_is_asked_about_that_much_later():
    later = DELIVERED + timedelta(hours=10)
    shipment = there(delivered_at=later, assumed_at=DELIVERED)
    question = ask(anna(shipment=shipment), KEY, CATALOGUE, ASKED, "k1")
    assert question.not_before == later + timedelta(hours=18)
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


def test_the_question_says_what_makes_it_pointless():
    question = ask(anna(), KEY, CATALOGUE, ASKED, "k1")
    assert (question.key, question.template, question.purpose) == ("survey#example:1070", "survey", Purpose.SURVEY)
    assert question.not_before is None and question.not_after == ASKED + STILL_FRESH
    assert Unless.SURVEY_ANSWERED in question.unless and Unless.ORDER_WENT_WRONG in question.unless


# ---------------------------------------------------------------- some days later

AGAIN = DELIVERED + timedelta(days=4)


def settled(state, key="survey#example:1070"):
    proposal = a_proposal(key=key, purpose=Purpose.SURVEY, template="survey")
    return Message(proposal=proposal, state=state, decisions=(Decision(at=NOON, state=state, reason=Reason.SENT),))


def again(who=None, asked=None, now=AGAIN, goods=CATALOGUE):
    return ask_again(who or anna(), KEY, asked, goods, now, "k1")


def test_the_second_touch_is_two_to_five_days_after_the_delivery_by_the_latest_family():
    assert due_again(anna(), KEY, CATALOGUE) == Due("check-in#example:1070", AGAIN)
    order = an_order(lines=(line("1", "Coffee"), line("2", "Granola")))
    names = {"coffee": 2, "pantry": 5}
    changed = {n: f.model_copy(update={"check_in_days": names.get(n, 4)}) for n, f in CATALOGUE.families.items()}
    assert due_again(anna(order), KEY, CATALOGUE.model_copy(update={"families": changed})).at == DELIVERED + timedelta(days=5)


@pytest.mark.parametrize("state", [State.SENT, State.UNKNOWN, State.CLAIMED, State.PARKED])
def test_who_was_asked_and_said_nothing_is_reminded_with_help_first(state):
    reminder = again(asked=settled(state))
    assert (reminder.key, reminder.template) == ("survey-reminder#example:1070", "survey-reminder")
    assert reminder.purpose is Purpose.SURVEY
    assert [(block.kind, block.family or block.variant) for block in reminder.blocks] == [("anchor", "there"), ("help", "coffee")]


@pytest.mark.parametrize("asked", [None, settled(State.REFUSED), settled(State.EXPIRED)])
def test_who_could_not_be_asked_is_offered_help_and_asked_nothing(asked):
    check_in = again(asked=asked)
    assert (check_in.key, check_in.template, check_in.purpose) == ("check-in#example:1070", "check-in", Purpose.SERVICE)
    assert Unless.SURVEY_ANSWERED in check_in.unless


def test_a_check_in_is_never_beside_a_question_that_waits_or_was_answered():
    waits = anna(held=(settled(State.HELD),))
    assert again(waits) == Nothing(Because.QUESTION_WAITS)
    assert again(WRONG[Because.ANSWERED], settled(State.SENT)) == Nothing(Because.ANSWERED)


def test_one_question_waits_at_a_time():
    waits = anna(held=(settled(State.HELD, key="survey#example:1069"),))
    assert ask(waits, KEY, CATALOGUE, ASKED, "k1") == Nothing(Because.QUESTION_WAITS)


@pytest.mark.parametrize("because", [b for b in WRONG if b is not Because.NOT_THERE])
def test_whose_order_went_wrong_meanwhile_hears_neither(because):
    for asked in (None, settled(State.SENT)):
        assert ask_again(WRONG[because], KEY, asked, CATALOGUE, AGAIN, "k1") == Nothing(because)


def test_who_may_not_have_it_is_not_asked_how_they_like_it():
    silent = anna(shipment=a_shipment(assumed_at=DELIVERED))
    assert again(silent) == Nothing(Because.NOT_THERE)
    assert again(silent, settled(State.SENT)).blocks[0].variant == "assumed"


def test_a_second_touch_that_comes_too_late_is_none():
    assert again(now=AGAIN + STILL_OF_USE) == Nothing(Because.TOO_LATE)


# ---------------------------------------------------------------- setting up

CAMERA = an_order(lines=(line("1", "Camera", sku="CAM-1"), line("2", "Coffee")))


def test_what_has_to_be_set_up_gets_its_steps_within_a_day_of_its_delivery():
    proposal = guide(anna(CAMERA), KEY, CATALOGUE, DELIVERED, "k1")
    assert (proposal.key, proposal.template, proposal.purpose) == ("setup-guide#example:1070", "setup-guide", Purpose.SERVICE)
    assert [(block.kind, block.family) for block in proposal.blocks] == [("quick-start", "camera")]
    assert DELIVERED < proposal.not_before < proposal.not_after == DELIVERED + timedelta(hours=24)


@pytest.mark.parametrize(
    ("who", "now", "because"),
    [
        (anna(), DELIVERED, Because.NOTHING_TO_SET_UP),
        (anna(CAMERA, a_shipment(assumed_at=DELIVERED)), DELIVERED, Because.NOT_THERE),
        (anna(CAMERA), DELIVERED + timedelta(hours=24), Because.TOO_LATE),
        (anna(CAMERA.model_copy(update={"cancelled_at": NOON})), DELIVERED, Because.CANCELLED),
    ],
)
def test_who_gets_no_guide(who, now, because):
    assert guide(who, KEY, CATALOGUE, now, "k1") == Nothing(because)


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
    outcomes = [handle(envelope(kind), None)["outcome"] for kind in ("DeliveryAssumed", "OrderDelivered", "OrderDelivered")]
    assert outcomes == ["waiting", *["waiting, no guide: nothing-to-set-up"] * 2]
    ((name, (at, payload)),) = house.waits.started.items()
    assert (name, at) == (keys.message_id("survey#example:1070"), ASKED)
    assert set(payload) == {"key", "customer_id", "order", "correlation_id"}
    house.clock.at = ASKED
    assert handle(payload, None) == {"outcome": "proposed"}
    assert proposed(house) == ["survey"]
    later, review = (house.waits.started[keys.message_id(f"{kind}#example:1070")] for kind in ("check-in", "review"))
    assert review[0] in (DELIVERED + timedelta(days=7), DELIVERED + timedelta(days=10))
    house.clock.at = AGAIN
    assert later[0] == AGAIN
    assert handle(later[1], None) == {"outcome": "proposed: check-in"}
    assert proposed(house) == ["survey", "check-in"]


def proposed(house):
    return [json.loads(body)["proposal"]["template"] for _, body, _ in house.queues.sent]


def test_a_camera_that_arrives_brings_its_guide_beside_the_wait(house):
    house.tables.twin.write([Put(keys.order(ANNA, KEY), {"doc": CAMERA.to_json()})])
    assert handle(envelope("OrderDelivered"), None)["outcome"] == "waiting, guided"
    assert proposed(house) == ["setup-guide"]


def test_an_order_that_is_sent_is_not_waited_for_from_when_it_was_placed(house):
    house.tables.twin.write([Put(keys.shipment(ANNA, there().key), {"doc": a_shipment().to_json()})])
    assert handle(envelope("OrderPlaced"), None)["outcome"] == "nothing: not-there"
    assert house.waits.started == {}
