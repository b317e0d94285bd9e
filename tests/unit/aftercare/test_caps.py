"""Rolling windows over what a customer was sent: never too many in any window, and room from the right instant on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aftercare.caps import Caps, Counted, Limit, counting, longest, without
from aftercare.consent import Channel, Purpose

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = Limit(name="a-day", purposes=(Purpose.REORDER, Purpose.PROMOTIONAL), at_most=1, hours=16)
MONTH = Limit(name="a-month", purposes=(Purpose.REORDER, Purpose.PROMOTIONAL), at_most=5, hours=720)


def one(at, message="m1", purpose=Purpose.PROMOTIONAL, channel=Channel.EMAIL):
    return Counted(at=at, purpose=purpose, channel=channel, message=message)


def test_a_window_opens_exactly_when_the_message_leaves_it():
    caps = counting(Caps(), one(START), timedelta(days=30))
    opens = START + timedelta(hours=16)
    assert DAY.opens(caps, START) == opens
    assert DAY.opens(caps, opens - timedelta(microseconds=1)) == opens
    assert DAY.opens(caps, opens) == opens
    assert (DAY.room(caps, opens - timedelta(microseconds=1)), DAY.room(caps, opens)) == (0, 1)


def test_of_many_the_one_that_makes_room_counts():
    caps = Caps(counted=tuple(one(START + timedelta(days=i), f"m{i}") for i in range(5)))
    assert MONTH.opens(caps, START + timedelta(days=5)) == START + timedelta(days=30)


def test_a_limit_of_one_channel_counts_that_channel_only():
    texts = Limit(name="texts", purposes=(Purpose.PROMOTIONAL,), channels=(Channel.SMS,), at_most=1, hours=24)
    caps = Caps(counted=(one(START, channel=Channel.EMAIL),))
    assert texts.opens(caps, START) == START
    assert not texts.applies(Purpose.PROMOTIONAL, Channel.EMAIL)


def test_surveys_do_not_use_up_the_place_of_an_offer():
    assert DAY.opens(Caps(counted=(one(START, purpose=Purpose.SURVEY),)), START) == START


def test_a_stretched_window_is_longer():
    caps = Caps(counted=(one(START),))
    assert DAY.opens(caps, START, 2.0) == START + timedelta(hours=32)


def test_news_of_an_order_cannot_be_capped():
    with pytest.raises(ValidationError, match="never transactional"):
        Limit(name="x", purposes=(Purpose.TRANSACTIONAL,), at_most=1, hours=1)


def test_what_was_not_sent_is_taken_out_and_the_version_moves():
    caps = counting(Caps(), one(START), timedelta(days=30))
    back = without(caps, "m1")
    assert (caps.version, back.version, back.counted) == (1, 2, ())


def test_a_message_that_is_claimed_again_counts_once():
    kept = timedelta(days=30)
    caps = counting(counting(Caps(), one(START), kept), one(START + timedelta(hours=1)), kept)
    assert [c.at for c in caps.counted] == [START + timedelta(hours=1)]


@given(st.lists(st.integers(min_value=0, max_value=60 * 24 * 20), max_size=60), st.floats(min_value=0.75, max_value=4.0))
def test_whoever_asks_whenever_no_window_ever_holds_more_than_its_limit(minutes, factor):
    """Minutes between one wish to send and the next: each is sent where all limits have room (invariant I14)."""
    limits, caps, now = (DAY, MONTH), Caps(), START
    for number, passed in enumerate(minutes):
        now += timedelta(minutes=passed)
        if all(limit.opens(caps, now, factor) <= now for limit in limits):
            caps = counting(caps, one(now, f"m{number}"), longest(limits, 4.0))
    times = [c.at for c in caps.counted]
    for limit in limits:
        for first in times:
            inside = [t for t in times if first <= t < first + limit.window(factor)]
            assert len(inside) <= limit.at_most


@given(st.lists(st.integers(min_value=0, max_value=60 * 24 * 40), min_size=1, max_size=12), st.integers(0, 60 * 24 * 60))
def test_a_window_opens_at_the_first_instant_that_has_room(minutes, later):
    caps = Caps(counted=tuple(one(START + timedelta(minutes=m), f"m{i}") for i, m in enumerate(minutes)))
    now = START + timedelta(minutes=later)
    opens = MONTH.opens(caps, now)
    assert MONTH.room(caps, opens) >= 1
    if opens > now:
        assert MONTH.room(caps, opens - timedelta(microseconds=1)) < 1
