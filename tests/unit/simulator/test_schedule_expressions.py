from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from simulator.schedule_expressions import parse


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def occurrences(expression: str, after: str, count: int, zone: str = "UTC") -> list[str]:
    """Local wall-clock times of the next occurrences."""
    schedule, instant, found = parse(expression, zone), utc(after), []
    for _ in range(count):
        following = schedule.next_after(instant)
        if following is None:
            break
        assert following > instant
        assert following.tzinfo is UTC
        found.append(following.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M"))
        instant = following
    return found


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("cron(0 10 * * ? *)", "2026-03-01T00:00", ["2026-03-01 10:00", "2026-03-02 10:00"]),
        ("cron(15 12 * * ? *)", "2026-03-01T12:15", ["2026-03-02 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", "2026-02-27T18:00", ["2026-03-02 18:00", "2026-03-03 18:00"]),
        ("cron(0 8 1 * ? *)", "2026-03-01T08:00", ["2026-04-01 08:00", "2026-05-01 08:00"]),
        ("cron(0/15 * * * ? *)", "2026-03-01T09:01", ["2026-03-01 09:15", "2026-03-01 09:30", "2026-03-01 09:45"]),
        ("cron(*/20 9 * * ? *)", "2026-03-01T09:00", ["2026-03-01 09:20", "2026-03-01 09:40", "2026-03-02 09:00"]),
        ("cron(10-30/10 9 * * ? *)", "2026-03-01T00:00", ["2026-03-01 09:10", "2026-03-01 09:20", "2026-03-01 09:30"]),
        ("cron(5,35 14 * * ? *)", "2026-03-01T14:05", ["2026-03-01 14:35", "2026-03-02 14:05"]),
        ("cron(0 20-2 ? * * *)", "2026-03-01T22:30", ["2026-03-01 23:00", "2026-03-02 00:00", "2026-03-02 01:00"]),
        ("cron(0 0 ? * SAT-MON *)", "2026-03-01T00:00", ["2026-03-02 00:00", "2026-03-07 00:00", "2026-03-08 00:00"]),
        ("cron(0 8 ? * 2 *)", "2026-03-01T00:00", ["2026-03-02 08:00", "2026-03-09 08:00"]),
        ("cron(0 8 ? * sun *)", "2026-03-01T08:00", ["2026-03-08 08:00"]),
        ("cron(0 8 ? JAN,jul MON#1 *)", "2026-03-01T00:00", ["2026-07-06 08:00", "2027-01-04 08:00"]),
        ("cron(0 8 ? 11-2/2 2#1 *)", "2026-03-01T00:00", ["2026-11-02 08:00", "2027-01-04 08:00"]),
        ("cron(15 10 ? * 6L 2019-2022)", "2022-10-01T00:00", ["2022-10-28 10:15", "2022-11-25 10:15", "2022-12-30 10:15"]),
        ("cron(0 0 L * ? *)", "2024-01-31T00:00", ["2024-02-29 00:00", "2024-03-31 00:00"]),
        ("cron(0 0 ? * L *)", "2026-03-01T00:00", ["2026-03-07 00:00", "2026-03-14 00:00"]),
        ("cron(0 0 ? * 3#5 *)", "2026-03-01T00:00", ["2026-03-31 00:00", "2026-06-30 00:00"]),
        ("cron(0 0 ? * 3#2 *)", "2026-03-01T00:00", ["2026-03-10 00:00"]),
        ("cron(0 0 15W * ? *)", "2026-02-01T00:00", ["2026-02-16 00:00", "2026-03-16 00:00", "2026-04-15 00:00"]),
        ("cron(0 0 14W * ? *)", "2026-02-01T00:00", ["2026-02-13 00:00", "2026-03-13 00:00"]),
        ("cron(0 0 1W * ? *)", "2026-07-02T00:00", ["2026-08-03 00:00"]),
        ("cron(0 0 31W * ? *)", "2026-05-01T00:00", ["2026-05-29 00:00", "2026-07-31 00:00"]),
        ("cron(0 0 31 * ? *)", "2026-03-01T00:00", ["2026-03-31 00:00", "2026-05-31 00:00"]),
        ("cron(0 0 29 2 ? *)", "2026-03-01T00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(0 12 1 1 ? 2027,2029)", "2026-03-01T00:00", ["2027-01-01 12:00", "2029-01-01 12:00"]),
        ("cron(0 12 1 1 ? 2026/2)", "2026-03-01T00:00", ["2028-01-01 12:00"]),
    ],
)
def test_cron_runs_at(expression: str, after: str, expected: list[str]) -> None:
    assert occurrences(expression, after, len(expected)) == expected


def test_cron_ends_with_its_last_year() -> None:
    assert occurrences("cron(0 12 1 1 ? 2020)", "2020-01-01T12:00", 1) == []
    assert occurrences("cron(0 12 1 1 ? 2020)", "2020-01-01T11:59", 2) == ["2020-01-01 12:00"]


def test_cron_that_never_happens_has_no_occurrence() -> None:
    assert parse("cron(0 0 31 2 ? *)").next_after(utc("2026-01-01")) is None


def test_cron_is_strictly_after_and_ignores_seconds() -> None:
    schedule = parse("cron(0 * * * ? *)")
    assert schedule.next_after(utc("2026-03-01T09:00:00")) == utc("2026-03-01T10:00")
    assert schedule.next_after(utc("2026-03-01T08:59:59.999999")) == utc("2026-03-01T09:00")
    assert schedule.next_after(utc("2026-03-01T09:00:00.000001")) == utc("2026-03-01T10:00")


def test_cron_keeps_the_wall_clock_through_daylight_saving() -> None:
    schedule = parse("cron(0 8 ? * * *)", "Europe/Berlin")
    assert schedule.next_after(utc("2026-03-28T00:00")) == utc("2026-03-28T07:00")
    assert schedule.next_after(utc("2026-03-28T12:00")) == utc("2026-03-29T06:00")


def test_cron_skips_a_wall_clock_time_that_does_not_exist() -> None:
    assert occurrences("cron(30 2 * * ? *)", "2026-03-28T00:00", 2, "Europe/Berlin") == ["2026-03-28 02:30", "2026-03-30 02:30"]


def test_cron_runs_once_at_a_wall_clock_time_that_happens_twice() -> None:
    schedule = parse("cron(30 2 * * ? *)", "Europe/Berlin")
    first = schedule.next_after(utc("2026-10-24T12:00"))
    assert first == utc("2026-10-25T00:30")
    assert schedule.next_after(first) == utc("2026-10-26T01:30")


def test_cron_asked_during_the_repeated_hour_goes_on_after_it() -> None:
    schedule = parse("cron(0/15 * * * ? *)", "Europe/Berlin")
    in_second_pass = utc("2026-10-25T01:10")
    assert schedule.next_after(in_second_pass) == utc("2026-10-25T02:00")


def test_cron_in_a_zone_whose_clocks_jump_at_midnight() -> None:
    assert occurrences("cron(0 0 * * ? *)", "2018-11-03T12:00", 2, "America/Sao_Paulo") == [
        "2018-11-05 00:00",
        "2018-11-06 00:00",
    ]


def test_the_instant_asked_may_be_in_any_zone() -> None:
    tokyo = datetime(2026, 3, 1, 18, 30, tzinfo=timezone(timedelta(hours=9)))
    assert parse("cron(0 10 * * ? *)").next_after(tokyo) == utc("2026-03-01T10:00")
    with pytest.raises(ValueError, match="time zone"):
        parse("cron(0 10 * * ? *)").next_after(datetime(2026, 3, 1))  # noqa: DTZ001


def test_a_rate_counts_from_its_anchor() -> None:
    schedule = parse("rate(5 minutes)", anchor=utc("2026-03-01T09:02"))
    assert schedule.next_after(utc("2026-03-01T08:00")) == utc("2026-03-01T09:02")
    assert schedule.next_after(utc("2026-03-01T09:02")) == utc("2026-03-01T09:07")
    assert schedule.next_after(utc("2026-03-01T09:06:59")) == utc("2026-03-01T09:07")
    assert schedule.next_after(utc("2026-06-01T00:00")) == utc("2026-06-01T00:02")


def test_a_day_of_a_rate_is_24_hours_through_daylight_saving() -> None:
    schedule = parse("rate(1 day)", "Europe/Berlin", anchor=utc("2026-03-28T07:00"))
    assert schedule.next_after(utc("2026-03-28T07:00")) == utc("2026-03-29T07:00")


def test_at_happens_once_in_its_zone() -> None:
    schedule = parse("at(2026-03-01T09:00:00)", "Europe/Berlin")
    assert schedule.next_after(utc("2026-01-01")) == utc("2026-03-01T08:00")
    assert schedule.next_after(utc("2026-03-01T08:00")) is None


def test_at_a_time_that_happens_twice_is_the_first() -> None:
    assert parse("at(2026-10-25T02:30:00)", "Europe/Berlin").next_after(utc("2026-01-01")) == utc("2026-10-25T00:30")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("every 5 minutes", "must be at"),
        ("rate(5 minutes", "must be at"),
        ("Rate(5 minutes)", "must be at"),
        ("rate(5)", "rate: must be a value and a unit"),
        ("rate(five minutes)", "rate value"),
        ("rate(0 minutes)", "rate value"),
        ("rate(-1 minutes)", "rate value"),
        ("rate(1.5 hours)", "rate value"),
        ("rate(5 seconds)", "rate unit"),
        ("rate(5 weeks)", "rate unit"),
        ("rate(1 minutes)", "rate unit: 1 takes the singular"),
        ("rate(2 hour)", "rate unit: 1 takes the singular"),
        ("at(2026-03-01 09:00:00)", "at: must be yyyy"),
        ("at(2026-03-01T09:00:00Z)", "at: must be yyyy"),
        ("at(2026-02-30T09:00:00)", "at: .*no date"),
        ("cron(0 8 * * ?)", "needs six fields .*not 5"),
        ("cron(0 0 8 * * ? *)", "needs six fields .*not 7"),
        ("cron(60 8 * * ? *)", "cron minutes: '60' is not between 0 and 59"),
        ("cron(0 24 * * ? *)", "cron hours: '24'"),
        ("cron(0 8 0 * ? *)", "cron day-of-month: '0'"),
        ("cron(0 8 32 * ? *)", "cron day-of-month: '32'"),
        ("cron(0 8 32W * ? *)", "cron day-of-month: '32'"),
        ("cron(0 8 1W,15W * ? *)", "cron day-of-month: '1W'"),
        ("cron(0 8 L-3 * ? *)", "cron day-of-month: 'L'"),
        ("cron(0 8 * 13 ? *)", "cron month: '13'"),
        ("cron(0 8 * FOO ? *)", "cron month: 'FOO'"),
        ("cron(0 8 ? * 0 *)", "cron day-of-week: '0'"),
        ("cron(0 8 ? * 8 *)", "cron day-of-week: '8'"),
        ("cron(0 8 ? * MON#6 *)", "cron day-of-week: '6'"),
        ("cron(0 8 ? * 3#1,6#3 *)", "cron day-of-week"),
        ("cron(0 8 ? * FOOL *)", "cron day-of-week: 'FOO'"),
        ("cron(0 8 * * ? 1969)", "cron year: '1969'"),
        ("cron(0 8 * * ? 2200)", "cron year: '2200'"),
        ("cron(0 8 * * ? 2030-2026)", "cron year: .*backwards"),
        ("cron(? 8 * * ? *)", "cron minutes"),
        ("cron(*/0 8 * * ? *)", "cron minutes: '0'"),
        ("cron(/5 8 * * ? *)", "cron minutes: ''"),
        ("cron(0, 8 * * ? *)", "cron minutes: ''"),
        ("cron(1- 8 * * ? *)", "cron minutes: ''"),
        ("cron(0 8 * * * *)", "exactly one of them must be ?"),
        ("cron(0 8 ? * ? *)", "exactly one of them must be ?"),
        ("cron(0 8 1 * MON *)", "exactly one of them must be ?"),
    ],
)
def test_a_bad_expression_is_refused_by_field(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(expression, anchor=utc("2026-03-01"))


def test_a_rate_needs_an_anchor() -> None:
    with pytest.raises(ValueError, match="needs an anchor"):
        parse("rate(5 minutes)")


def test_at_in_the_hour_that_daylight_saving_skips_is_refused() -> None:
    with pytest.raises(ValueError, match="does not exist in Europe/Berlin"):
        parse("at(2026-03-29T02:30:00)", "Europe/Berlin")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        parse("cron(0 8 * * ? *)", zone)
