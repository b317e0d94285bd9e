"""When a customer is asked for a review, what a request holds, and that nothing somebody said decides whether they are asked."""

from datetime import timedelta

import pytest

from aftercare.behaviour import Behaviour, day_of
from aftercare.cases import Case, Rescue
from aftercare.catalogue import Experience, catalogue
from aftercare.consent import Purpose
from aftercare.customer import OrderLine, Refund, Return
from aftercare.decision import Decision, Message
from aftercare.feedback import Answer, Feedback, Heard
from aftercare.parcel_status import ShipmentStatus
from aftercare.proposal import Nothing
from aftercare.reason import Reason, State
from aftercare.reviews import reviewable
from feedback_survey import reviewing
from feedback_survey.asking import Because
from feedback_survey.reviewing import Choices, known, put_off, remind, request
from tests.builders import NOON, a_customer, an_order
from tests.shipments import a_log, a_parcel, a_shipment

CATALOGUE = catalogue()
DELIVERED = NOON + timedelta(days=3)
DAY = timedelta(days=1)
KEY = "example:1070"
COFFEE = OrderLine(line_ref="1", title="House espresso", sku="COF-1", quantity=2, product_type="Coffee")
CAMERA = OrderLine(line_ref="2", title="Larkfield One", sku="CAM-1", quantity=1, product_type="Camera")
SOFTWARE = OrderLine(
    line_ref="3", title="Darkroom", sku="SW-1", quantity=1, tags=("aftercare:photo-software",), requires_shipping=False
)


def there(**more):
    given = {"delivered_at": DELIVERED, "status": ShipmentStatus.DELIVERED, "status_at": DELIVERED}
    return a_shipment(a_parcel(log=a_log(delivered=DELIVERED)), **{**given, **more})


def anna(*lines, shipments=None, heard=(), answers=(), cases=(), behaviour=None, **order):
    feedback = Feedback(version=1, heard=heard, answers=answers)
    made = an_order(lines=lines or (COFFEE,), **order)
    return a_customer(
        made, shipments=(there(),) if shipments is None else shipments, feedback=feedback, cases=cases, behaviour=behaviour
    )


def heard(kind="review", **more):
    given = {"ref": "example:R-1" if kind != "milestone" else "first-project", "at": DELIVERED + DAY}
    return Heard(kind=kind, **{**given, **more})


def found(customer, now=DELIVERED):
    return known(customer, KEY, CATALOGUE, now)


def made(customer, **choices):
    return request(customer, found(customer), Choices(**{"wording": "plain", **choices}), DELIVERED + 7 * DAY, ("wake", "k1"))


def kinds(proposal):
    return {block.kind: block.variant for block in proposal.blocks}


# ---------------------------------------------------------------- who


def test_of_an_order_what_is_kept_and_not_reviewed_may_be_reviewed():
    order = an_order(lines=(COFFEE, CAMERA))
    assert reviewable(a_customer(order), order) == (COFFEE, CAMERA)
    back = an_order(lines=(COFFEE, CAMERA), returns=(Return(ref="t1", requested_at=NOON, lines={"2": 1}),))
    assert reviewable(a_customer(back), back) == (COFFEE,)
    half = an_order(lines=(COFFEE,), returns=(Return(ref="t1", requested_at=NOON, lines={"1": 1}),))
    assert reviewable(a_customer(half), half) == (COFFEE,), "one of two pieces stays"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cancelled_at": NOON}, "cancelled"),
        ({"deleted_at": NOON}, "cancelled"),
        ({"refunds": (Refund(ref="r", at=NOON, whole=True),)}, "refunded"),
        ({"returns": (Return(ref="t", requested_at=NOON),)}, "returned"),
        ({"lines": (COFFEE.model_copy(update={"gift_card": True}),)}, "returned"),
    ],
)
def test_what_does_not_stand_may_not_be(changes, why):
    order = an_order(**{"lines": (COFFEE,), **changes})
    assert reviewable(a_customer(order), order) == why


@pytest.mark.parametrize(
    "changes",
    [
        {"refunds": (Refund(ref="r", at=NOON),)},
        {"returns": (Return(ref="t", requested_at=NOON, declined_at=NOON + DAY),)},
    ],
)
def test_a_part_of_the_money_back_and_a_return_that_was_declined_leave_it_standing(changes):
    order = an_order(lines=(COFFEE,), **changes)
    assert reviewable(a_customer(order), order) == (COFFEE,)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (heard(sku="COF-1"), (CAMERA,)),
        (heard(sku="COF-1", order="example:9"), (CAMERA,)),
        (heard(order=KEY), "reviewed"),
        (heard(order="example:9"), (COFFEE, CAMERA)),
        (heard("mention", sku="COF-1"), (COFFEE, CAMERA)),
    ],
)
def test_a_review_is_of_its_product_or_of_the_whole_order(line, left):
    customer = anna(COFFEE, CAMERA, heard=(line,))
    assert reviewable(customer, customer.orders[0]) == left


def test_a_lost_parcel_is_no_experience():
    lost = there(status=ShipmentStatus.LOST, delivered_at=None)
    assert found(anna(shipments=(lost,))) == Nothing(Because.LOST)


@pytest.mark.parametrize(
    ("changes", "because"),
    [({"is_test": True}, Because.TEST_ORDER), ({"is_renewal": True}, Because.RENEWS_ITSELF)],
)
def test_orders_that_nobody_made_are_not_asked_about(changes, because):
    assert found(anna(**changes)) == Nothing(because)
    assert known(None, KEY, CATALOGUE, NOON) == Nothing(Because.CUSTOMER_GONE)
    assert known(a_customer(), KEY, CATALOGUE, NOON) == Nothing(Because.ORDER_UNKNOWN)


@pytest.mark.parametrize("score", [1, 2, 3, 4, 5, None])
@pytest.mark.parametrize("sentiment", ["positive", "negative", None])
def test_nothing_that_was_said_decides_whether_or_how_somebody_is_asked(score, sentiment):
    """16 CFR 465."""
    answer = Answer(
        order=KEY, version=1, first_at=DELIVERED, at=DELIVERED, by="page", score=score, sentiment=sentiment, words=True
    )
    mention = heard("mention", sentiment=sentiment)
    case = Case(ref="example:T-1", order_key=KEY, opened_at=DELIVERED, closed_at=DELIVERED + DAY, result="nothing")
    asked = made(anna(answers=(answer,), heard=(mention,), cases=(case,)), incentive="points")
    usual = made(anna(), incentive="points")
    assert kinds(asked) | {"contact": None} == kinds(usual) | {"contact": None}
    assert (asked.template, asked.purpose, asked.unless, asked.not_after) == (
        usual.template, usual.purpose, usual.unless, usual.not_after,
    )  # fmt: skip


# ---------------------------------------------------------------- when


def test_it_counts_from_the_delivery_or_from_what_silence_says_and_the_record_says_which():
    assert (found(anna()).since, found(anna()).anchored) == (DELIVERED, "there")
    silent = a_shipment(assumed_at=DELIVERED + DAY)
    assumed = found(anna(shipments=(silent,)))
    assert (assumed.since, assumed.anchored) == (DELIVERED + DAY, "assumed")
    assert kinds(made(anna(shipments=(silent,))))["anchor"] == "assumed"
    assert found(anna(shipments=(a_shipment(),))) == Nothing(Because.NOT_THERE)


def test_several_families_are_asked_about_once_by_the_one_that_takes_longest():
    assert found(anna(COFFEE, CAMERA, SOFTWARE)).family == "camera"
    assert reviewing.regular(found(anna(CAMERA)), 17).at == DELIVERED + 17 * DAY


def test_software_waits_for_its_milestone_with_this_product():
    alone = {"shipments": ()}
    assert found(anna(SOFTWARE, **alone)) == Nothing(Because.NOT_THERE)
    for line in (
        heard("milestone", ref="first-use"),
        heard("milestone", sku="OTHER"),
        heard("milestone", order="example:9"),
        heard("milestone", at=NOON - DAY),
    ):
        assert found(anna(SOFTWARE, heard=(line,), **alone)) == Nothing(Because.NOT_THERE), line
    for line in (heard("milestone"), heard("milestone", sku="SW-1"), heard("milestone", order=KEY)):
        assert found(anna(SOFTWARE, heard=(line,), **alone)).anchored == "milestone"


def test_history_is_not_asked_about():
    assert found(anna(), DELIVERED + 71 * DAY) == Nothing(Because.TOO_LATE)
    assert not isinstance(found(anna(), DELIVERED + 69 * DAY), Nothing)


@pytest.mark.parametrize(
    ("after", "at"),
    [(0, 7), (6.9, 7), (7, 7), (10, 10), (20.9, 20.9)],
)
def test_a_happy_moment_moves_it_up_and_never_before_the_product_can_be_known(after, at):
    now = DELIVERED + after * DAY
    assert reviewing.moved_up(found(anna(CAMERA)), now).at == DELIVERED + at * DAY


def test_a_happy_moment_after_its_last_day_moves_nothing():
    assert reviewing.moved_up(found(anna(CAMERA)), DELIVERED + 21 * DAY) == Nothing(Because.OWN_DAY_COMES)


def test_days_that_a_store_may_write():
    with pytest.raises(ValueError, match="rising"):
        Experience(days=(5, 3), earliest=1)
    with pytest.raises(ValueError, match="earliest"):
        Experience(days=(3, 5), earliest=4)
    for name in ("clothing", "knitwear"):
        assert set(CATALOGUE.family(name).experience.days) <= {3, 4, 5}
    for name in ("camera", "espresso-machine", "leather"):
        assert min(CATALOGUE.family(name).experience.days) >= 14 and max(CATALOGUE.family(name).experience.days) <= 21
    assert CATALOGUE.family("photo-software").experience.milestone


def a_rescue(**more):
    given = {"origin": "survey", "about": KEY, "segment": "other", "way": "call", "answer_by": NOON, "act_by": NOON}
    return Rescue(**{**given, **more})


def test_an_open_case_its_aftermath_and_another_question_put_it_off():
    now, apart = DELIVERED + 7 * DAY, 2 * DAY
    order = an_order()
    open_ = Case(ref="example:T-1", opened_at=now - DAY)
    assert put_off(a_customer(order, cases=(open_,)), order, None, apart, now) == now + reviewing.LOOKED_AT_AGAIN
    over = open_.model_copy(update={"closed_at": now - DAY, "rescue": a_rescue()})
    assert put_off(a_customer(order, cases=(over,)), order, None, apart, now) == now + 3 * DAY
    plain = open_.model_copy(update={"closed_at": now - DAY / 2})
    assert put_off(a_customer(order, cases=(plain,)), order, None, apart, now) is None
    assert put_off(a_customer(order), order, now - DAY, apart, now) == now + DAY
    assert put_off(a_customer(order), order, now - 2 * DAY, apart, now) is None
    # However often it is put off, it waits no longer than the gate keeps it after that.
    assert reviewing.MOST_PUT_OFF * reviewing.LOOKED_AT_AGAIN < reviewing.OPEN_FOR


@pytest.mark.parametrize("incentive", [None, "points"])
def test_one_request_waits_at_a_time(incentive):
    """Of who orders each day and is asked a few times a month the rest would lie on their record, for two months each."""
    asked = made(anna(), incentive=incentive)
    waits = Message(proposal=asked, state=State.HELD, decisions=(Decision(at=NOON, state=State.HELD, reason=Reason.SENT),))
    assert reviewing.another_waits(a_customer(an_order("2"), held=(waits,)))
    assert not reviewing.another_waits(anna())


@pytest.mark.parametrize(("days", "often"), [("7", True), ("3", False), ("0" * 5 + "1", False)])
def test_who_logs_in_on_three_days_of_two_weeks_comes_often(days, often):
    behaviour = Behaviour(version=1, day=day_of(DELIVERED), acts={"web": days})
    assert reviewing.comes_often(anna(behaviour=behaviour), DELIVERED) is often
    assert reviewing.comes_often(anna(behaviour=behaviour), DELIVERED + 30 * DAY) is False
    assert reviewing.comes_often(anna(), DELIVERED) is False


# ---------------------------------------------------------------- what it holds


@pytest.mark.parametrize("kind", ["points", "contest", "discount", "exclusive"])
def test_with_thanks_it_is_an_offer_and_without_a_survey(kind):
    offer = made(anna(), incentive=kind)
    assert (offer.purpose, offer.template) == (Purpose.PROMOTIONAL, "review-reward")
    assert offer.arms == {"review-incentive": kind, "review-wording": "plain"}
    for none in (None, "none"):
        plain = made(anna(), incentive=none)
        assert (plain.purpose, plain.template) == (Purpose.SURVEY, "review-request")
    assert made(anna()).arms == {"review-wording": "plain"}, "who is in no arm is counted in none"


def contact(**more):
    return kinds(made(anna(**more))).get("contact")


def test_a_good_word_is_thanked_for():
    good = {"order": KEY, "version": 1, "first_at": DELIVERED, "at": DELIVERED, "by": "page"}
    assert contact(answers=(Answer(**good, score=5),)) == "praised"
    assert contact(cue="good", cue_at=DELIVERED) == "praised"
    assert contact(heard=(heard("mention", sentiment="positive"),)) == "shared"
    assert contact(heard=(heard("mention", sentiment="positive", at=NOON - DAY),)) is None
    solved = Case(ref="example:T-1", order_key=KEY, opened_at=DELIVERED, closed_at=DELIVERED + DAY, result="explained")
    assert contact(cases=(solved,)) == "helped"
    assert contact(cases=(solved.model_copy(update={"result": "refunded"}),)) is None
    assert contact(cases=(solved.model_copy(update={"rescue": a_rescue()}),)) is None, "they have not said that all is well"
    assert contact(cases=(solved.model_copy(update={"rescue": a_rescue(after="positive")}),)) == "helped"
    assert contact(cases=(solved,), answers=(Answer(**good, score=1),)) is None
    assert contact() is None


# ---------------------------------------------------------------- the reminder


def settled(state, reason=Reason.SENT, **choices):
    decision = Decision(at=DELIVERED + 7 * DAY, state=state, reason=reason)
    return Message(proposal=made(anna(), **choices), state=state, decisions=(decision,), sent_at=DELIVERED + 7 * DAY)


def again(asked, followed=False):
    return remind(anna(), found(anna()), asked, followed, DELIVERED + 14 * DAY, ("wake", "k1"))


def test_who_was_asked_and_did_nothing_is_reminded_in_the_same_words_with_the_same_thanks():
    reminder = again(settled(State.SENT, incentive="points"))
    assert (reminder.key, reminder.template) == ("review-reminder#example:1070", "review-reward")
    assert kinds(reminder) == kinds(made(anna(), incentive="points")) | {"opening": "again"}


@pytest.mark.parametrize(
    ("asked", "followed", "because"),
    [
        (None, False, Because.NOT_ASKED),
        (settled(State.SENT), True, Because.ANSWERED),
        (settled(State.REFUSED, Reason.NO_CONSENT), False, Because.NOT_ASKED),
        (settled(State.REFUSED, Reason.HARD_BOUNCE, incentive="points"), False, Because.NOT_ASKED),
        (settled(State.EXPIRED, Reason.TOO_LATE), False, Because.NOT_ASKED),
    ],
)
def test_who_was_not_asked_or_has_answered_is_not_reminded(asked, followed, because):
    assert again(asked, followed) == Nothing(because)


@pytest.mark.parametrize("reason", [Reason.NO_CONSENT, Reason.CHANNEL_TURNED_OFF])
def test_thanks_that_may_not_be_offered_cost_nobody_the_request(reason):
    plain = again(settled(State.REFUSED, reason, incentive="points"))
    assert (plain.purpose, plain.template) == (Purpose.SURVEY, "review-request")
    assert "review-incentive" not in kinds(plain) and "opening" not in kinds(plain), "it is the first that they hear of it"
