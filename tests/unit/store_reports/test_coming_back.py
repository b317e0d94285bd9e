"""Of how many who are ripe for it how many came back: counted once a week, told where it gives nobody away."""

from datetime import date, timedelta

import pytest

from aftercare.segments import Bought
from aftercare.tally import Week
from store_reports.coming_back import APART, ComingBack, Counter, fell, kept, told

TODAY = date(2026, 11, 29)
WEEK = Week(2026, 48)
FEW = 5


def one(first, days=1):
    return Bought(days, days, TODAY - timedelta(days=first), TODAY - timedelta(days=first - 20 * (days > 1)), {})


def counted(*sums):
    counter = Counter(TODAY)
    assert list(counter.through(sums)) == list(sums), "who is read is read once"
    return counter.found


def test_it_is_of_those_who_all_had_a_quarters_time():
    young, old = [one(90, 2)] * 50, [one(182, 2)] * 50
    assert counted(*young, *old, *[one(91)] * 4, *[one(181, 3)] * 3) == ComingBack(7, 3, 4)
    assert counted(*[one(98)] * 2).new == 0, "new is who has been so for less than a week"
    twice_a_day = Bought(2, 1, TODAY - timedelta(days=120), TODAY - timedelta(days=120), {})
    assert counted(twice_a_day, Bought()) == ComingBack(1, 0, 0)
    assert ComingBack().share is None


def weeks(*found, until=WEEK):
    return {until.before(len(found) - 1 - n): ComingBack(*of) for n, of in enumerate(found)}


def test_the_report_tells_the_share_with_what_it_is_of_and_the_curve():
    found = told(WEEK, weeks((100, 30, 10), (104, 33, 9)), FEW, 26)
    assert (found["week"], found["share"]["part"], found["share"]["of"]) == ("2026-W48", 33, 104)
    assert found["share"]["low"] < found["share"]["share"] == round(33 / 104, 4) < found["share"]["high"]
    assert [row["share"] for row in found["series"]][-3:] == [None, 0.3, round(33 / 104, 4)]
    assert len(found["series"]) == 26 and found["series"][-1]["week"] == "2026-W48"
    assert (found["quarter_before"], found["direction"]) == (None, None)


def test_later_weeks_are_not_told_of_in_an_earlier_report():
    known = weeks((100, 30, 10), (200, 90, 100))
    assert told(WEEK.before(), known, FEW, 26)["share"]["of"] == 100


@pytest.mark.parametrize("hidden", [(4, 2, 4), (100, 4, 20), (100, 97, 20)])
def test_too_few_are_not_told(hidden):
    found = told(WEEK, weeks(hidden), FEW, 26)
    assert found["share"] is None and found["week"] is None
    assert all(row["share"] is None for row in found["series"])


def test_no_two_weeks_differ_by_a_few():
    known = weeks((100, 30, 10), (102, 31, 2), (103, 33, 2), (105, 34, 3))
    series = [row["share"] is not None for row in told(WEEK, known, FEW, 26)["series"]][-4:]
    assert series == [True, False, False, True], "as soon as five are new since"
    found = told(WEEK.before(), known, FEW, 26)
    assert (found["week"], found["share"]["of"]) == (str(WEEK.before(3)), 100), "and the last that may be told stays"
    same = weeks((100, 30, 10), (100, 30, 0), (100, 31, 0))
    assert [row["share"] is not None for row in told(WEEK, same, FEW, 26)["series"]][-3:] == [True, True, False]


def test_it_is_compared_with_those_of_a_quarter_before_of_whom_none_is_in_both():
    then, now = (400, 200, 30), (400, 120, 30)
    known = {WEEK.before(APART): ComingBack(*then), WEEK: ComingBack(*now)}
    found = told(WEEK, known, FEW, 26)
    assert (found["quarter_before"], found["direction"]) == (0.5, "down")
    assert fell(WEEK, known)
    assert not fell(WEEK, {**known, WEEK: ComingBack(400, 195, 30)}), "chance would explain that"
    assert not fell(WEEK, {WEEK: ComingBack(*now)}) and not fell(WEEK, {})
    for week, first in ((WEEK.before(APART), TODAY - timedelta(weeks=APART)), (WEEK, TODAY)):
        assert week == Week(*first.isocalendar()[:2])


def test_what_was_kept_is_read_as_it_was():
    item = {"pk": "RETENTION#lark", "sk": "2026-W48", **ComingBack(7, 3, 4).to_item(), "expires_at": 1}
    assert kept([item]) == {WEEK: ComingBack(7, 3, 4)}
