"""Who is asked why something goes back, once, and who is not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare.catalogue import Kind, catalogue
from aftercare.consent import Purpose
from aftercare.customer import OrderLine, Return
from aftercare.proposal import Nothing, Proposal
from aftercare.return_reasons import ALL, ALWAYS, BY_KIND, UNSAID, lines_of, offered
from aftercare.returns import returns_after
from feedback_survey.asking import Because
from feedback_survey.going_back import ask_why
from tests.builders import NOON, a_customer, an_order

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def back(**more):
    return Return(**{"ref": "RET-1", "requested_at": NOON, "lines": {"1": 1}, **more})


def asked(returned, now=NOON, **order):
    made = an_order(returns=(returned,), **order)
    return ask_why(a_customer(made), made.key, "RET-1", now, "e", "c")


def test_a_return_of_the_stores_own_without_a_reason_is_asked_about_three_hours_later():
    proposal = asked(back())
    assert isinstance(proposal, Proposal)
    assert (proposal.template, proposal.purpose) == ("return-survey", Purpose.SERVICE)
    assert (proposal.not_before, proposal.not_after) == (NOON + 3 * HOUR, NOON + 5 * DAY)
    later = asked(back(approved_at=NOON + HOUR), now=NOON + DAY)
    assert later.key == proposal.key and later.not_before is None, "whichever of its events comes, it is one question"


@pytest.mark.parametrize(
    ("returned", "order", "now", "because"),
    [
        (back(reason="damaged"), {}, NOON, Because.ANSWERED),
        (back(reason="unsaid"), {}, NOON, Because.ANSWERED),
        (back(ref="R-ABCDEFGHIJ", also=("RET-1",)), {}, NOON, Because.ANSWERED),
        (back(declined_at=NOON), {}, NOON, Because.RETURN_OVER),
        (back(), {}, NOON + 5 * DAY, Because.TOO_LATE),
        (back(), {"is_test": True}, NOON, Because.TEST_ORDER),
        (back(), {"suppress_notification": True}, NOON, Because.SILENT),
        (back(ref="RET-2"), {}, NOON, Because.NOT_SO),
    ],
)
def test_nobody_else_is_asked(returned, order, now, because):
    assert asked(returned, now=now, **order) == Nothing(because)


def test_who_is_gone_is_not_asked():
    assert ask_why(None, "example:1070", "RET-1", NOON, "e", "c") == Nothing(Because.CUSTOMER_GONE)
    assert ask_why(a_customer(), "example:1070", "RET-1", NOON, "e", "c") == Nothing(Because.ORDER_UNKNOWN)


def line(product_type, ref="1", **more):
    return OrderLine(line_ref=ref, title="x", quantity=1, product_type=product_type, **more)


def test_the_words_are_those_of_the_kinds_of_what_goes_back():
    assert offered([line("Clothing")], catalogue())[:2] == ("too-small", "too-large")
    assert "too-small" not in offered([line("Coffee")], catalogue()) and "not-to-taste" in offered([line("Coffee")], catalogue())
    camera = offered([line("Camera")], catalogue())
    assert {"stopped-working", "hard-to-use", "missing-parts"} <= set(camera) and "too-small" not in camera
    both = offered([line("Camera"), line("Clothing")], catalogue())
    assert set(both) == set(camera) | {"too-small", "too-large"} and tuple(w for w in ALL if w in both) == both
    assert offered([], catalogue()) == (*ALWAYS, UNSAID)
    assert set(BY_KIND) <= set(Kind) and {w for words in BY_KIND.values() for w in words} | set(ALWAYS) | {UNSAID} == set(ALL)


def test_a_family_may_say_its_own():
    known = catalogue()
    own = known.families["coffee"].model_copy(update={"return_reasons": ("late", "damaged")})
    made = known.model_copy(update={"families": {**known.families, "coffee": own}})
    assert offered([line("Coffee")], made) == ("damaged", "late", UNSAID)


def test_a_return_that_names_no_lines_is_about_all_that_is_of_goods():
    order = an_order(lines=(line("Coffee"), line("Coffee", "2", gift_card=True), line("Coffee", "3")))
    assert [one.line_ref for one in lines_of(order, back(lines={"3": 1}))] == ["3"]
    assert [one.line_ref for one in lines_of(order, back(lines={}))] == ["1", "3"]


def test_who_would_rather_not_say_is_outdone_by_the_shop_that_knows():
    class Told:
        type, ref, request_ref, lines, wish, outcome, amount = "ReturnApproved", "RET-1", None, {}, None, None, None
        occurred_at, reason = NOON + HOUR, "too-small"

    (joined,) = returns_after((back(reason="unsaid"),), Told())
    assert joined.reason == "too-small"


def test_the_record_decides_and_not_the_event():
    made = an_order(returns=(back(),))
    customer = replace(a_customer(made), orders=(made.model_copy(update={"returns": (back(reason="late"),)}),))
    assert ask_why(customer, made.key, "RET-1", NOON, "e", "c") == Nothing(Because.ANSWERED)
