"""Taking an answer: what is written for it, when it is no news, and when it comes too late."""

from datetime import timedelta

import pytest

from aftercare import feedback, keys
from aftercare.cases import Case
from aftercare.customer import Refund, Return
from aftercare.feedback import HOT_ANSWERS, MAY_CHANGE, Answer, Feedback, Given, merged, standing, taken
from aftercare.parcel_status import ShipmentStatus
from aftercare.table import Absent, Check, Put
from tests.builders import ANNA, NOON, a_customer, an_order
from tests.shipments import a_shipment

KEY = "example:1070"
GIVEN = Given(score=4, stood_out=("product",), slowed_down=("delivery",), wish="tip", text="Slow, but <b>good</b>", call=True)


def answered(score=4, at=NOON, order=KEY, version=1, **more):
    return Answer(order=order, version=version, first_at=at, at=at, by="page", score=score, **more)


def customer(*answers, version=3, **more):
    return a_customer(an_order(), feedback=Feedback(version=version, answers=answers) if answers else None, **more)


def taking(given=GIVEN, before=None, who=None, now=NOON, by="page"):
    who = who or customer()
    return taken(who, an_order(), before, given, by, now, "k1")


def test_an_answer_is_a_line_that_is_hot_and_a_version_that_is_kept():
    found = taking()
    erased, line, version = found.writes
    assert erased == Check(keys.customer(ANNA, keys.ERASED), Absent()), "nobody's answer is written where somebody was erased"
    assert isinstance(line, Put) and "Slow" not in str(line.item["doc"])
    assert Feedback.model_validate_json(line.item["doc"]).answers == (found.answer,)
    assert version.key == keys.answer(ANNA, KEY, 1) and Given.model_validate_json(version.item["doc"]) == GIVEN
    assert (found.answer.version, found.answer.words, found.answer.call) == (1, True, True)


def test_what_is_told_has_numbers_and_closed_words_and_nothing_that_was_written():
    told = taking(Given(score=4, slowed_down=("delivery",), text="Slow", number="+4915112345678", call=True)).told
    assert told.type == "SurveyAnswered"
    assert told.data == {
        "customer_id": ANNA,
        "order": KEY,
        "version": 1,
        "score": 4,
        "stood_out": [],
        "slowed_down": ["delivery"],
        "wish": None,
        "call": True,
        "words": True,
        "by": "page",
        "standing": "stands",
    }


def test_a_change_is_the_next_version_and_keeps_when_it_was_first_given():
    found = taking(Given(score=2), before=GIVEN, who=customer(answered()), now=NOON + timedelta(days=2))
    assert (found.answer.version, found.answer.first_at, found.answer.score) == (2, NOON, 2)
    assert found.writes[2].key == keys.answer(ANNA, KEY, 2)


def test_the_same_again_nothing_at_all_and_what_comes_too_late_write_nothing():
    assert taking(before=GIVEN, who=customer(answered())) == "same"
    assert taking(Given()) == "empty"
    last = NOON + MAY_CHANGE - timedelta(seconds=1)
    assert taking(Given(score=1), before=GIVEN, who=customer(answered()), now=last).answer.score == 1
    assert taking(Given(score=1), before=GIVEN, who=customer(answered()), now=NOON + MAY_CHANGE) == "closed"
    worn = customer(answered(version=feedback.MOST_VERSIONS))
    assert taking(Given(score=1), before=GIVEN, who=worn) == "closed"


def test_only_the_newest_answers_stay_hot():
    old = [answered(at=NOON - timedelta(days=n), order=f"example:{n}") for n in range(HOT_ANSWERS, 0, -1)]
    (_, line, _) = taking(who=customer(*old)).writes
    kept = Feedback.model_validate_json(line.item["doc"])
    assert [one.order for one in kept.answers] == [*(f"example:{n}" for n in range(HOT_ANSWERS - 1, 0, -1)), KEY]
    assert len(line.item["doc"]) < 2000


@pytest.mark.parametrize(
    ("answer", "felt"),
    [
        (answered(1), "bad"),
        (answered(2, sentiment="positive"), "bad"),
        (answered(3, sentiment="negative"), None),
        (answered(4), "good"),
        (answered(None, sentiment="negative"), "bad"),
        (answered(None, sentiment="positive"), "good"),
        (answered(None, sentiment="neutral"), None),
        (answered(None), None),
    ],
)
def test_how_an_order_felt_is_by_the_score_and_else_by_the_words(answer, felt):
    assert answer.felt == felt
    who = customer(answer)
    assert who.felt("bad") == ((NOON, KEY) if felt == "bad" else None)
    assert who.felt("good") == ((NOON, KEY) if felt == "good" else None)


def test_a_tap_and_an_answer_count_alike_and_the_later_one_is_told():
    order = an_order("1", cue="bad", cue_at=NOON + timedelta(days=1))
    who = a_customer(order, feedback=Feedback(answers=(answered(1),)))
    assert who.felt("bad") == (NOON + timedelta(days=1), "example:1")


def test_a_text_says_its_score_and_words_and_takes_nothing_back():
    assert merged(None, Given(score=4, text="slow")) == Given(score=4, text="slow")
    assert merged(GIVEN, Given(score=2)) == GIVEN.model_copy(update={"score": 2})
    assert merged(GIVEN, Given(score=2, text="broke")) == GIVEN.model_copy(update={"score": 2, "text": "broke"})


@pytest.mark.parametrize(
    ("order", "more", "found"),
    [
        ({}, {}, "stands"),
        ({"cancelled_at": NOON}, {}, "cancelled"),
        ({"deleted_at": NOON}, {}, "cancelled"),
        ({"refunds": (Refund(ref="r", at=NOON),)}, {}, "refunded"),
        ({"returns": (Return(ref="R-1", requested_at=NOON),)}, {}, "returned"),
        ({}, {"shipments": (a_shipment(status=ShipmentStatus.LOST),)}, "lost"),
        ({}, {"shipments": (a_shipment(status=ShipmentStatus.RETURN_TO_SENDER),)}, "lost"),
        ({}, {"cases": (Case(ref="shop:T-1", opened_at=NOON),)}, "complained"),
        ({}, {"cases": (Case(ref="shop:T-1", opened_at=NOON, closed_at=NOON + timedelta(days=1)),)}, "stands"),
    ],
)
def test_what_became_of_an_order_is_one_word(order, more, found):
    one = an_order(**order)
    assert standing(a_customer(one, **more), one) == found
