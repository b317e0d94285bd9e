"""What is heard of a customer elsewhere, as a line on the record."""

from datetime import UTC, datetime, timedelta

import pytest

from aftercare import events
from aftercare.events import Told
from aftercare.feedback import HOT_HEARD, Feedback, Heard, with_heard
from aftercare.feedback_events import MentionData, MilestoneData, ReviewData
from feedback_survey.answers import as_kept
from feedback_survey.heard import line_of
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import read
from feedback_survey.telling import as_told

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def told(data, kind="ReviewPosted"):
    return Told(type=kind, id="e1", occurred_at=AT, correlation_id="c1", data=data)


def line(ref="coffee:R-1", at=AT, kind="review", **more):
    return Heard(kind=kind, ref=ref, at=at, **more)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (
            ReviewData(customer_id="c", review="coffee:R-1", order="coffee:1", sku="X", score=4, words=True),
            line(order="coffee:1", sku="X", score=4),
        ),
        (
            MentionData(customer_id="c", mention="coffee:M-1", network="reddit", order=None, sku=None),
            line("coffee:M-1", kind="mention"),
        ),
        (
            MilestoneData(customer_id="c", milestone="first-use", order=None, sku="X"),
            line("first-use", kind="milestone", sku="X"),
        ),
        (
            events.CaseData(customer_id="c", case="coffee:T-1", topic="damaged", order="coffee:1", words=True),
            line("coffee:T-1", kind="case", order="coffee:1"),
        ),
        (events.CaseData(customer_id="c", case="coffee:T-1", topic="damaged", order="coffee:1"), None),
    ],
)
def test_an_event_is_a_line_of_its_kind(data, found):
    assert line_of(told(data)) == found


def test_a_newer_line_about_the_same_takes_its_place_and_an_older_one_changes_nothing():
    first = with_heard(Feedback(version=3), line(score=2))
    newer = with_heard(first, line(score=5, at=AT + timedelta(hours=1)))
    assert (newer.version, [one.score for one in newer.heard]) == (5, [5])
    assert with_heard(newer, line(score=1)) is None


def test_a_milestone_of_another_product_is_another_line():
    first = with_heard(Feedback(), line("first-use", kind="milestone", sku="A"))
    assert len(with_heard(first, line("first-use", kind="milestone", sku="B")).heard) == 2


def test_of_a_mixed_text_it_is_told_what_was_spoken_well_of():
    parsed = parse("Excellent product, beautiful quality, but the delivery was terribly late and nobody answers")
    kept = as_kept(read(parsed))
    assert {one.theme: one.score > 0 for one in kept.themes} == {"product-quality": True, "delivery": False, "support": False}
    found = as_told(kept)
    assert (found["mixed"], found["themes"], found["praised"]) == (
        True,
        ("delivery", "product-quality", "support"),
        ("product-quality",),
    )


def test_only_the_newest_are_hot():
    found = Feedback()
    for number in range(HOT_HEARD + 3):
        found = with_heard(found, line(f"coffee:R-{number}", AT + timedelta(hours=number)))
    assert [one.ref for one in found.heard] == [f"coffee:R-{number}" for number in range(3, HOT_HEARD + 3)]


def test_a_line_older_than_all_that_are_hot_leaves_them_as_they_are():
    found = Feedback()
    for number in range(HOT_HEARD):
        found = with_heard(found, line(f"coffee:R-{number}", AT + timedelta(hours=number)))
    assert with_heard(found, line("coffee:old", AT - timedelta(days=1))).heard == found.heard
