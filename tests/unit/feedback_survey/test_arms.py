"""Which way to ask is taken: each has its chance, what is answered more is taken more, and the same request is put the same."""

from collections import Counter
from datetime import timedelta

import pytest

from aftercare.review_policy import KINDS, Learning, ReviewPolicy, Where, review_policy
from feedback_survey.arms import choose, lesson
from tests.builders import NOON

ARMS = ("plain", "others", "questions")
LEARNING = Learning(prior=20, explore=0.1)


def taught(answers, at=NOON):
    """The sums after so many requests of each arm, of which so many were answered."""
    sums = {}
    for arm, (asked, answered) in answers.items():
        for n in range(asked):
            for name, more in lesson("wording", arm, n < answered, at).add.items():
                sums[name] = sums.get(name, 0) + more
    return sums


def taken(sums, learning=LEARNING, count=3000, now=NOON):
    return Counter(choose(ARMS, sums, learning, now, f"order-{n}").name for n in range(count))


def test_while_nothing_is_known_each_is_taken_as_often():
    found = taken(None)
    assert all(abs(found[arm] / 3000 - 1 / 3) < 0.05 for arm in ARMS)


def test_what_is_answered_more_is_taken_more_and_the_others_keep_their_chance():
    found = taken(taught({"plain": (300, 15), "others": (300, 60), "questions": (300, 20)}))
    assert found["others"] > 2600
    assert min(found["plain"], found["questions"]) > 3000 * LEARNING.explore / 3 * 0.7


def test_without_exploring_the_share_goes_to_the_best():
    sums = taught({"plain": (300, 15), "others": (300, 60), "questions": (300, 20)})
    assert taken(sums, Learning(prior=20, explore=0.0))["others"] > taken(sums)["others"]


def test_a_few_answers_do_not_decide():
    found = taken(taught({"plain": (3, 0), "others": (3, 2), "questions": (3, 0)}))
    assert found["others"] < 3000 * 0.6


def test_what_was_learned_long_ago_weighs_less():
    old = taught({"plain": (300, 15), "others": (300, 60), "questions": (300, 20)})
    assert taken(old, now=NOON + timedelta(days=900))["others"] < taken(old)["others"] - 300


def test_the_same_request_is_put_the_same_way_again():
    sums = taught({"plain": (30, 5), "others": (30, 6), "questions": (30, 4)})
    for n in range(50):
        assert choose(ARMS, sums, LEARNING, NOON, f"order-{n}") == choose(ARMS, sums, LEARNING, NOON, f"order-{n}")
    assert choose(("plain",), None, LEARNING, NOON, "x") == ("plain", "only")


def test_more_answers_than_requests_are_no_rate_above_one():
    assert choose(ARMS, {"asked_plain": 1, "answered_plain": 5}, LEARNING, NOON, "x").name in ARMS


# ---------------------------------------------------------------- thanks


def test_customers_are_drawn_for_thanks_by_share_and_always_for_the_same():
    policy = review_policy()
    found = Counter(policy.arm(f"c{n}") for n in range(20_000))
    for kind in KINDS:
        assert abs(found[kind] / 20_000 - float(policy.incentives[kind].share)) < 0.01
    assert [policy.arm(f"c{n}") for n in range(50)] == [policy.arm(f"c{n}") for n in range(50)]


def file(**changes):
    return {**review_policy().model_dump(mode="json", exclude_none=True), **changes}


POINTS = {"title": {"en": "x", "de": "x"}, "text": {"en": "x", "de": "x"}}


@pytest.mark.parametrize(
    ("incentives", "says"),
    [
        ({"none": {"share": "0.5"}}, "shares that are 1 together"),
        ({"points": {"share": "1"}}, "shares that are 1 together"),
        ({"none": {"share": "0.5"}, "points": {"share": "0.5"}}, "incentives.points"),
        (
            {
                "none": {"share": "0.5"},
                "points": {
                    "share": "0.5",
                    "worth": {"amount": "1.00", "currency": "EUR"},
                    "ceiling": {"amount": "9.00", "currency": "USD"},
                    **POINTS,
                },
            },
            "in the currency of its ceiling",
        ),
        (
            {
                "none": {"share": "0.5"},
                "points": {
                    "share": "0.5",
                    "worth": {"amount": 1.5, "currency": "EUR"},
                    "ceiling": {"amount": "9.00", "currency": "EUR"},
                    **POINTS,
                },
            },
            "not a float",
        ),
    ],
)
def test_a_table_of_thanks_that_cannot_be_kept_is_refused(incentives, says):
    with pytest.raises(ValueError, match=says):
        ReviewPolicy.model_validate(file(incentives=incentives))


def test_a_product_without_what_its_page_is_named_by_is_reviewed_on_the_page_for_all():
    from aftercare.customer import OrderLine

    where = Where(url="https://a.example/r?sku={sku}", all="https://a.example/reviews")
    assert where.of(OrderLine(line_ref="1", title="x", quantity=1, sku="A&B=1")) == "https://a.example/r?sku=A%26B%3D1"
    assert where.of(OrderLine(line_ref="1", title="x", quantity=1)) == "https://a.example/reviews"
    with pytest.raises(ValueError, match="only"):
        Where(url="https://a.example/r?email={email}", all="https://a.example/reviews")
