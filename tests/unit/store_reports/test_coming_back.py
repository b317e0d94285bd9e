"""Of how many who are ripe for it how many came back: counted once a week, told where it gives nobody away."""

from datetime import date, timedelta

import pytest

from aftercare.segments import Bought
from aftercare.tally import Week
from store_reports.coming_back import APART, GROUPS, Counter, Part, fell, kept, to_item, told

TODAY = date(2026, 11, 29)
WEEK = Week(2026, 48)
FEW = 5


def one(first, days=1):
    return Bought(days, days, TODAY - timedelta(days=first), TODAY - timedelta(days=first - 20 * (days > 1)), {})


def counted(*sums, value="none"):
    counter = Counter(TODAY)
    assert list(counter.through((one, value) for one in sums)) == list(sums), "who is read is read once"
    return counter.found


def test_it_is_of_those_who_all_had_a_quarters_time():
    young, old = [one(90, 2)] * 50, [one(182, 2)] * 50
    assert counted(*young, *old, *[one(91)] * 4, *[one(181, 3)] * 3)["first"] == Part(7, 3, 4)
    assert counted(*[one(98)] * 2)["first"].moved == 0, "moved is who came in within a week"
    twice_a_day = Bought(2, 1, TODAY - timedelta(days=120), TODAY - timedelta(days=120), {})
    assert counted(twice_a_day, Bought())["first"] == Part(1, 0, 0)
    assert Part().share is None


def since(first, last):
    return Bought(2, 2, TODAY - timedelta(days=first), TODAY - timedelta(days=last), {})


def test_buyers_of_a_kind_still_buy_or_were_lost_in_the_quarter():
    still, lost, gone, new = since(300, 90), since(300, 91), since(400, 182), since(90, 10)
    found = counted(still, still, lost, gone, new, value="high")
    assert found["high"] == Part(3, 2, 1), "who was lost this week moved"
    assert found["mid"] == Part() == counted(still, lost, value="one-time")["mid"]
    assert counted(since(300, 3), since(300, 40), since(93, 40), value="mid")["mid"] == Part(3, 3, 2)


def weeks(*found, until=WEEK):
    return {until.before(len(found) - 1 - n): {"first": Part(*of)} for n, of in enumerate(found)}


def first(week, known):
    return told(week, known, FEW, 26)["first"]


def test_the_report_tells_the_share_with_what_it_is_of_and_the_curve():
    found = first(WEEK, weeks((100, 30, 10), (104, 33, 9)))
    assert (found["week"], found["share"]["part"], found["share"]["of"]) == ("2026-W48", 33, 104)
    assert found["share"]["low"] < found["share"]["share"] == round(33 / 104, 4) < found["share"]["high"]
    assert [row["share"] for row in found["series"]][-3:] == [None, 0.3, round(33 / 104, 4)]
    assert len(found["series"]) == 26 and found["series"][-1]["week"] == "2026-W48"
    assert (found["quarter_before"], found["direction"]) == (None, None)


def test_later_weeks_are_not_told_of_in_an_earlier_report():
    known = weeks((100, 30, 10), (200, 90, 100))
    assert first(WEEK.before(), known)["share"]["of"] == 100


@pytest.mark.parametrize("hidden", [(4, 2, 4), (100, 4, 20), (100, 97, 20)])
def test_too_few_are_not_told(hidden):
    found = first(WEEK, weeks(hidden))
    assert found["share"] is None and found["week"] is None
    assert all(row["share"] is None for row in found["series"])


def test_no_two_weeks_differ_by_a_few():
    known = weeks((100, 30, 10), (102, 31, 2), (103, 33, 2), (105, 34, 3))
    series = [row["share"] is not None for row in first(WEEK, known)["series"]][-4:]
    assert series == [True, False, False, True], "as soon as five are new since"
    found = first(WEEK.before(), known)
    assert (found["week"], found["share"]["of"]) == (str(WEEK.before(3)), 100), "and the last that may be told stays"
    same = weeks((100, 30, 10), (100, 30, 0), (100, 31, 0))
    assert [row["share"] is not None for row in first(WEEK, same)["series"]][-3:] == [True, True, False]


def test_it_is_compared_with_those_of_a_quarter_before_of_whom_none_is_in_both():
    then, now = (400, 200, 30), (400, 120, 30)
    known = {WEEK.before(APART): {"first": Part(*then)}, WEEK: {"first": Part(*now)}}
    found = first(WEEK, known)
    assert (found["quarter_before"], found["direction"]) == (0.5, "down")
    assert fell(WEEK, known)
    assert not fell(WEEK, {**known, WEEK: {"first": Part(400, 195, 30)}}), "chance would explain that"
    assert not fell(WEEK, {WEEK: {"first": Part(*now)}}) and not fell(WEEK, {})
    for week, day in ((WEEK.before(APART), TODAY - timedelta(weeks=APART)), (WEEK, TODAY)):
        assert week == Week(*day.isocalendar()[:2])


def test_what_was_kept_is_read_as_it_was():
    found = {group: Part(7 + n, 3, 4) for n, group in enumerate(GROUPS)}
    item = {"pk": "RETENTION#lark", "sk": "2026-W48", **to_item(found), "expires_at": 1}
    assert kept([item]) == {WEEK: found}


def test_each_group_is_told_by_itself():
    known = {WEEK: {"first": Part(100, 3, 9), "high": Part(40, 30, 9), "mid": Part(40, 38, 9)}}
    found = told(WEEK, known, FEW, 26)
    assert {group: bool(of["share"]) for group, of in found.items()} == {"first": False, "high": True, "mid": False}
