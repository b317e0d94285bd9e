"""Times as scenarios write them."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator.scenario.times import read_span, read_start, read_when

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BEFORE = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("day 0", datetime(2026, 3, 2, tzinfo=UTC)),
        ("day 3 14:00", datetime(2026, 3, 5, 14, 0, tzinfo=UTC)),
        ("day 3, 14:00:30", datetime(2026, 3, 5, 14, 0, 30, tzinfo=UTC)),
        ("2026-03-05 14:00", datetime(2026, 3, 5, 14, 0, tzinfo=UTC)),
        ("2026-03-05T14:00+01:00", datetime(2026, 3, 5, 13, 0, tzinfo=UTC)),
        ("2026-03-05 14:00:01Z", datetime(2026, 3, 5, 14, 0, 1, tzinfo=UTC)),
        ("+2 hours", BEFORE + timedelta(hours=2)),
        ("+90min", BEFORE + timedelta(minutes=90)),
        ("+3 weeks", BEFORE + timedelta(weeks=3)),
    ],
)
def test_a_time_is_read(text, instant):
    assert read_when(text, START, BEFORE).instant == instant


@pytest.mark.parametrize("text", ["soon", "14:00", "day three", "2026-13-01", "day 1 25:00", "-2 hours", ""])
def test_another_text_is_no_time(text):
    with pytest.raises(ValueError, match=r"."):
        read_when(text, START, BEFORE)


def test_a_time_is_compared_as_precisely_as_it_was_written():
    noon = datetime(2026, 3, 5, 12, 0, 30, tzinfo=UTC)
    assert read_when("day 3", START, START).same(noon)
    assert read_when("day 3 12:00", START, START).same(noon)
    assert not read_when("day 3 12:00:00", START, START).same(noon)
    assert not read_when("day 3 12:01", START, START).same(noon)


def test_a_start_without_an_offset_is_utc():
    assert read_start("2026-03-02 09:00") == START
    assert read_start("2026-03-02 10:00 +01:00") == START


def test_a_length_of_time_has_a_unit():
    assert read_span("90 min") == timedelta(minutes=90)
    with pytest.raises(ValueError, match="length of time"):
        read_span("90")
