"""When a message may leave: against a scan of every minute, and at the instants where clocks and calendars are awkward."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercare.consent import Channel, Purpose
from aftercare.places import ANYWHERE, Place, Whereabouts, is_holiday, whereabouts
from aftercare.wishes import QuietHours
from message_gate.hours import (
    ALWAYS,
    DAY,
    Opening,
    Schedule,
    Week,
    awake,
    hours_book,
    is_legal,
    next_legal_instant,
    overlap,
    schedule,
    window_around,
)
from tests.examples import tries

BOOK = hours_book()
GUARD = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
P, T, S = Purpose.PROMOTIONAL, Purpose.TRANSACTIONAL, Purpose.SURVEY

ADDRESSES = (
    ("AR", None, None), ("AT", None, "1010"), ("AU", "NSW", "2000"), ("AU", "NSW", "2898"), ("AU", "NSW", None),
    ("AU", "QLD", "4000"), ("AU", "SA", "5000"), ("BR", "SP", None), ("CA", "NL", None), ("CA", "ON", None),
    ("CA", "SK", None), ("CH", None, None), ("CL", None, None), ("CU", None, None), ("DE", None, "10115"),
    ("EG", None, None), ("ES", None, "35001"), ("FR", None, "75001"), ("GB", None, None), ("IE", None, None),
    ("IL", None, None), ("IN", None, None), ("IR", None, None), ("IS", None, None), ("JP", None, None),
    ("KI", None, None), ("LB", None, None), ("MA", None, None), ("MX", "SON", None), ("NP", None, None),
    ("NZ", "AUK", None), ("NZ", "CIT", None), ("PT", None, "9500"), ("TO", None, None), ("US", "AZ", None),
    ("US", "FL", "32501"), ("US", "LA", None), ("US", "ND", None), ("US", "NY", "10001"), ("US", None, None),
    ("WS", None, None), ("ZA", None, None),
)  # fmt: skip
"""Of all continents: with and without summer time, quarter hours, half an hour of summer time, both sides of the date line."""

CHANGES = (
    (("US", "NY", "10001"), datetime(2026, 3, 8, 7, tzinfo=UTC)),
    (("US", "NY", "10001"), datetime(2026, 11, 1, 6, tzinfo=UTC)),
    (("DE", None, "10115"), datetime(2026, 3, 29, 1, tzinfo=UTC)),
    (("DE", None, "10115"), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    (("PT", None, "9500"), datetime(2027, 10, 31, 1, tzinfo=UTC)),
    (("AU", "NSW", "2898"), datetime(2026, 4, 4, 15, tzinfo=UTC)),  # Lord Howe, by half an hour
    (("AU", "NSW", "2898"), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    (("AU", "NSW", "2000"), datetime(2026, 4, 4, 16, tzinfo=UTC)),
    (("NZ", "CIT", None), datetime(2026, 9, 26, 14, tzinfo=UTC)),  # Chatham, at a quarter to three
    (("CL", None, None), datetime(2026, 9, 6, 4, tzinfo=UTC)),  # at midnight
    (("CU", None, None), datetime(2026, 3, 8, 5, tzinfo=UTC)),  # at midnight
    (("LB", None, None), datetime(2026, 3, 28, 22, tzinfo=UTC)),  # at midnight
)
"""Addresses, and instants at which their clocks change."""

AWKWARD = (
    *(instant for _, instant in CHANGES),
    datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
)


@cache
def wall(zone: str, minute: int) -> tuple[date, int]:
    """The local day and its minute, asked of zoneinfo itself."""
    there = (datetime(1970, 1, 1, tzinfo=UTC) + minute * MINUTE).astimezone(ZoneInfo(zone))
    return there.date(), there.hour * 60 + there.minute


def rules_of(place: Place, channel: Channel, purpose: Purpose):
    """The rules of hours.yaml that hold in a place, for Monday to Sunday, with their hours on holidays."""
    for rule in BOOK.rules:
        here = rule.countries is None or place.country in rule.countries
        there = rule.regions is None or place.region is None or place.region in rule.regions
        if channel in rule.channels and purpose in rule.purposes and here and there:
            yield (*[rule.weekdays] * 5, rule.saturday, rule.sunday), rule.holidays


def open_at(places, quiet, minute: int) -> bool:
    """What hours.yaml says of one minute, rule by rule and place by place."""
    for place, rules in places:
        day, now = wall(place.zone, minute)
        for usual, on_holidays in rules:
            hours = usual[day.weekday()]
            if on_holidays is not None and is_holiday(day, place.country, place.region):
                hours = on_holidays
            if not any(opens <= now * 60 < closes for opens, closes in hours):
                return False
    return quiet is None or not is_quiet(quiet, minute)


def is_quiet(quiet, minute: int) -> bool:
    _, now = wall(quiet.zone, minute)
    start, end = (at.hour * 60 + at.minute for at in (quiet.start, quiet.end))
    return (start <= now < end) if start <= end else (now >= start or now < end)


def scanned(where, channel, purpose, quiet, now, guard=GUARD) -> datetime | None:
    """The answer the slow way: the first minute that is open and stays open for the guard band."""
    first = int((now - datetime(1970, 1, 1, tzinfo=UTC)) / MINUTE)
    band = int(guard / MINUTE)
    run = 0
    places = [(place, list(rules_of(place, channel, purpose))) for place in where.places]
    for minute in range(first, first + 9 * 24 * 60):
        run = run + 1 if open_at(places, quiet, minute) else 0
        if run == max(band, 1):
            return datetime(1970, 1, 1, tzinfo=UTC) + (minute - run + 1) * MINUTE
    return None


instants = st.one_of(
    st.integers(0, 2 * 365 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + n * MINUTE),
    st.tuples(st.sampled_from(AWKWARD), st.integers(-36 * 60, 36 * 60)).map(lambda t: t[0] + t[1] * MINUTE),
)
quiet_hours = st.none() | st.sampled_from(
    [(time(22), time(7)), (time(1, 30), time(2, 30)), (time(0), time(9)), (time(12), time(14)), (time(20, 15), time(0))]
)


def own(spans, zone):
    return QuietHours(start=spans[0], end=spans[1], zone=zone) if spans else None


@settings(max_examples=tries(150), deadline=None)
@given(st.sampled_from(ADDRESSES), st.sampled_from([P, T, S]), quiet_hours, instants)
def test_the_next_legal_instant_is_the_first_that_a_scan_of_every_minute_finds(address, purpose, spans, now):
    where = whereabouts(*address)
    quiet = own(spans, where.zones[-1])
    hours = schedule(BOOK, Channel.SMS, purpose, where, quiet)
    found = next_legal_instant(hours, GUARD, now)
    if found is None or found > now + timedelta(days=8):
        assert scanned(where, Channel.SMS, purpose, quiet, now) is None
        return
    assert found == scanned(where, Channel.SMS, purpose, quiet, now)
    assert found >= now
    assert next_legal_instant(hours, GUARD, found) == found
    assert is_legal(hours, found) and is_legal(hours, found + GUARD - timedelta(microseconds=1))
    opens, closes = window_around(hours, found)
    assert opens <= found and found + GUARD <= closes


@settings(max_examples=tries(150), deadline=None)
@given(st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES), quiet_hours, instants)
def test_the_hours_of_a_place_and_of_a_person_elsewhere_both_count(one, other, spans, now):
    where = Whereabouts("country", tuple(Place("XX", None, zone) for zone in whereabouts(*one).zones[:2]))
    quiet = own(spans, whereabouts(*other).zones[0])
    hours = schedule(BOOK, Channel.SMS, T, where, quiet)
    found = next_legal_instant(hours, GUARD, now)
    assert found == scanned(where, Channel.SMS, T, quiet, now)


@settings(max_examples=tries(200), deadline=None)
@given(
    st.sampled_from(CHANGES),
    st.integers(-300, 300),
    st.sampled_from([(time(0), time(2, 30)), (time(2, 15), time(2, 45)), (time(23, 30), time(3)), (time(3), time(1, 30))]),
    st.sampled_from([timedelta(0), GUARD, timedelta(minutes=45)]),
)
def test_in_the_night_of_a_change_of_the_clock_it_is_as_a_scan_finds_it(change, minutes, spans, guard):
    address, instant = change
    where = whereabouts(*address)
    quiet = own(spans, where.zones[0])
    now = instant + minutes * MINUTE
    hours = schedule(BOOK, Channel.EMAIL, P, ANYWHERE, quiet)
    assert next_legal_instant(hours, guard, now) == scanned(ANYWHERE, Channel.EMAIL, P, quiet, now, guard)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def opening(address, text, purpose=P, channel=Channel.SMS, quiet=None) -> str | None:
    where = whereabouts(*address)
    found = next_legal_instant(schedule(BOOK, channel, purpose, where, quiet), GUARD, at(text))
    return found.astimezone(ZoneInfo(where.zones[0])).isoformat(timespec="minutes") if found else None


NEW_YORK, BERLIN, PARIS = ("US", "NY", "10001"), ("DE", None, "10115"), ("FR", None, None)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-03-02T08:59-05:00", "2026-03-02T09:00-05:00"),  # Monday
        ("2026-03-02T17:45-05:00", "2026-03-02T17:45-05:00"),
        ("2026-03-02T17:46-05:00", "2026-03-03T09:00-05:00"),  # the guard band
        ("2026-03-06T18:00-05:00", "2026-03-07T10:00-05:00"),  # Friday evening to Saturday
        ("2026-03-07T17:00-05:00", "2026-03-08T12:00-04:00"),  # to Sunday noon, over the change of the clock
        ("2026-03-08T17:00-04:00", "2026-03-09T09:00-04:00"),
        ("2026-10-31T20:00-04:00", "2026-11-01T12:00-05:00"),
    ],
)
def test_offers_by_text_keep_to_the_strictest_american_hours(now, opens):
    assert opening(NEW_YORK, now) == opens


def test_an_unknown_american_zone_leaves_three_to_four_hours_on_weekdays_and_none_on_a_sunday():
    hours = schedule(BOOK, Channel.SMS, P, whereabouts("US"))
    for day, expected in (("2026-01-14", 4), ("2026-07-15", 3)):
        opens, closes = window_around(hours, at(f"{day}T20:00+00:00"))
        assert closes - opens == timedelta(hours=expected)
    sunday = at("2026-07-12T10:00+00:00")
    assert next_legal_instant(hours, GUARD, sunday) == at("2026-07-13T19:00+00:00")


def test_nobody_is_told_anything_by_text_when_they_may_be_anywhere_in_the_world():
    nowhere = schedule(BOOK, Channel.SMS, T, whereabouts(None))
    assert next_legal_instant(nowhere, GUARD, at("2026-03-02T12:00+00:00")) is None
    assert not is_legal(nowhere, at("2026-03-02T12:00+00:00"))


def test_news_of_an_order_wait_for_the_morning_and_no_longer():
    assert opening(NEW_YORK, "2026-03-08T20:45-04:00", T) == "2026-03-08T20:45-04:00"
    assert opening(NEW_YORK, "2026-03-08T20:46-04:00", T) == "2026-03-09T08:00-04:00"


def test_offers_rest_on_sundays_and_holidays_where_the_rule_says_so():
    assert opening(PARIS, "2026-07-13T21:00+02:00") == "2026-07-15T09:00+02:00"  # le 14 juillet
    assert opening(BERLIN, "2026-04-02T20:00+02:00") == "2026-04-04T10:00+02:00"  # Good Friday
    assert opening(BERLIN, "2026-04-04T20:00+02:00") == "2026-04-07T09:00+02:00"  # Easter Sunday and Monday
    assert opening(BERLIN, "2026-04-04T20:00+02:00", T) == "2026-04-04T20:00+02:00"
    assert opening(("US", "LA", "70112"), "2026-07-03T12:00-05:00") == "2026-07-06T09:00-05:00"  # the Fourth, and Sunday
    assert opening(NEW_YORK, "2026-07-04T12:00-04:00") == "2026-07-04T12:00-04:00"


def test_the_own_quiet_hours_of_a_person_hold_for_what_makes_a_sound_and_for_advertising_by_mail():
    quiet = own((time(12), time(16)), "Europe/Berlin")
    noon = "2026-03-03T12:30+01:00"
    assert opening(BERLIN, noon, P, quiet=quiet) == "2026-03-03T16:00+01:00"
    assert opening(BERLIN, noon, P, Channel.EMAIL, quiet) == "2026-03-03T16:00+01:00"
    assert opening(BERLIN, noon, T, Channel.EMAIL, quiet) == "2026-03-03T12:30+01:00"


def test_an_hour_that_comes_twice_is_open_twice_and_one_that_never_comes_is_not_open():
    early = Week(days=(((7200, 10_800),),) * 7, holidays=(((7200, 10_800),),) * 7)  # 02:00 to 03:00
    hours = Schedule((Opening("Europe/Berlin", early),))
    assert window_around(hours, at("2026-10-25T00:30+00:00")) == (at("2026-10-25T00:00+00:00"), at("2026-10-25T02:00+00:00"))
    assert next_legal_instant(hours, GUARD, at("2026-03-29T00:00+00:00")) == at("2026-03-30T00:00+00:00")
    howe = Schedule((Opening("Australia/Lord_Howe", early),))
    assert next_legal_instant(howe, GUARD, at("2026-10-03T15:00+00:00")) == at("2026-10-03T15:30+00:00")
    assert window_around(howe, at("2026-10-03T15:30+00:00")) == (at("2026-10-03T15:30+00:00"), at("2026-10-03T16:00+00:00"))


def test_hours_that_never_close_have_no_guard_band_at_midnight():
    hours = Schedule((Opening("Europe/Berlin", ALWAYS),))
    for late in ("2026-03-02T23:59+01:00", "2026-03-03T00:59+01:00"):
        assert next_legal_instant(hours, GUARD, at(late)) == at(late)


def test_an_opening_after_the_end_of_the_window_is_none():
    hours = schedule(BOOK, Channel.SMS, P, whereabouts(*NEW_YORK))
    now = at("2026-03-02T20:00-05:00")
    assert next_legal_instant(hours, GUARD, now, until=at("2026-03-03T09:00-05:00")) is None
    assert next_legal_instant(hours, GUARD, now, until=at("2026-03-03T09:01-05:00")) == at("2026-03-03T09:00-05:00")


def test_own_quiet_hours_need_no_address_and_never_close_the_whole_day():
    night = own((time(22), time(7)), "Europe/Berlin")
    assert awake(night).week.days == (((7 * 3600, 22 * 3600),),) * 7
    assert overlap(awake(night).week.days[0], ((0, DAY),)) == ((7 * 3600, 22 * 3600),)
    hours = schedule(BOOK, Channel.EMAIL, P, ANYWHERE, night)
    assert next_legal_instant(hours, GUARD, at("2026-03-02T23:00+01:00")) == at("2026-03-03T07:00+01:00")
    with pytest.raises(ValueError, match="another time than start"):
        own((time(9), time(9)), "Europe/Berlin")
