"""The schedule's tasks, and the sums they read."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aftercare import keys, tally
from aftercare.table import Put, Throttled, Unclear
from aftercare.tally import Week
from store_reports import handler
from tests.small_outside import START, Context, sample

BERLIN = "Europe/Berlin"
WEEK = Week(2026, 9)


def counted(small, part="feedback", week=WEEK, shop="lark"):
    return tally.of_week(small.tables, week).get(shop, {}).get(part, {})


def test_the_weekly_task_keeps_data_and_a_page_in_each_language_of_the_week_before(small):
    for _ in range(5):
        assert tally.add(small.tables, "lark", WEEK, "feedback", {"customers/all": 1, "theme/price/negative": 1}, START)
    tally.add(small.tables, "fox", WEEK, "feedback", {"customers/all": 4}, START)
    assert handler.handle(sample("store_reports/weekly"), Context()) == {"shops": 2}
    found = small.tables.read([keys.report("lark", "2026-W09"), keys.report("fox", "2026-W09")])
    told = {key.pk: json.loads(str(item["told"])) for key, item in found.items()}
    assert told["REPORT#lark"]["overview"]["customers"] == 5 and told["REPORT#fox"]["overview"]["customers"] is None
    assert told["REPORT#lark"]["themes"][0]["theme"] == "price" and told["REPORT#fox"]["themes"] == []
    for item in found.values():
        assert {name for name in item if name.startswith("page_")} == {"page_en", "page_de"}


def test_the_report_of_a_week_says_who_came_back_by_then(small):
    tally.add(small.tables, "lark", WEEK, "feedback", {"customers/all": 5}, START)
    for week, ripe, back in ((WEEK.before(13), 300, 150), (WEEK, 280, 84)):
        item = {"first_ripe": ripe, "first_came_back": back, "first_moved": 20, "high_ripe": 50, "high_came_back": 40}
        small.tables.write([Put(keys.came_back("lark", str(week)), {**item, "expires_at": tally.ends(week)})])
    for _ in range(2):
        handler.handle(sample("store_reports/weekly"), Context())
    item = small.tables.read([keys.report("lark", "2026-W09")])[keys.report("lark", "2026-W09")]
    told = json.loads(str(item["told"]))["retention"]["first"]
    assert (told["share"]["part"], told["share"]["of"], told["quarter_before"], told["direction"]) == (84, 280, 0.5, "down")
    english, german = (gzip.decompress(item[f"page_{locale}"]).decode() for locale in ("en", "de"))
    assert "84 of 280" in english and "30.0%" in english and "50.0% a quarter before, fewer come back" in english
    assert "84 von 280" in german and "30,0\xa0%" in german and "weniger kommen wieder" in german
    assert (
        "of buyers of high value" in english
        and "80.0%" in english
        and '</b> <span class="soft">of buyers of middle' not in english
    )
    assert '<polyline class="mean"' in english


def test_a_store_without_a_quarters_customers_tells_no_share(small):
    tally.add(small.tables, "lark", WEEK, "feedback", {"customers/all": 5}, START)
    handler.handle(sample("store_reports/weekly"), Context())
    item = small.tables.read([keys.report("lark", "2026-W09")])[keys.report("lark", "2026-W09")]
    assert json.loads(str(item["told"]))["retention"]["first"]["share"] is None
    assert "Too few customers have been here" in gzip.decompress(item["page_en"]).decode()


def test_a_week_may_be_asked_for(small):
    tally.add(small.tables, "lark", WEEK.before(2), "feedback", {"customers/all": 5}, START)
    assert handler.handle({"task": "weekly", "week": "2026-W07"}, Context()) == {"shops": 1}
    assert small.tables.read([keys.report("lark", "2026-W07")])


def test_a_task_that_nobody_knows_is_an_error(small):
    with pytest.raises(LookupError, match="no task tomorrow"):
        handler.handle({"task": "tomorrow"}, Context())


def test_each_task_has_a_schedule_and_each_schedule_a_task():
    from tests.contract.test_bundle import events_of

    inputs = [json.loads(each["Input"]) for each in events_of("StoreReportsFunction", "Schedule").values()]
    assert sorted(given["task"] for given in inputs) == sorted(handler.TASKS)


def test_numbers_of_many_counts_add_up_to_the_digit(small):
    for _ in range(3):
        tally.add(small.tables, "lark", WEEK, "feedback", {"money/delivery/EUR": Decimal("19.99"), "n/all": 1}, START)
    assert counted(small) == {"money/delivery/EUR": Decimal("59.97"), "n/all": 3}


def test_what_the_table_refused_is_tried_again_and_what_may_be_counted_is_not(small):
    def refuse():
        raise Throttled

    def lost():
        raise Unclear

    small.tables.before_write = [refuse, refuse]
    assert tally.add(small.tables, "lark", WEEK, "feedback", {"n/all": 1}, START)
    small.tables.before_write = [lost]
    assert tally.add(small.tables, "lark", WEEK, "feedback", {"n/all": 1}, START)
    assert counted(small) == {"n/all": 1}


def test_what_is_never_taken_is_given_up_and_counted_as_lost(small, capsys):
    from aftercare import telemetry

    def refuse():
        raise Throttled

    small.tables.before_write = [refuse] * tally.ATTEMPTS
    assert not tally.add(small.tables, "lark", WEEK, "feedback", {"n/all": 1}, START)
    telemetry.flush()
    assert '"TallyLost":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_once_counts_once_for_a_name(small):
    for name in ("a", "a", "b", "a"):
        tally.once(small.tables, name, "lark", WEEK, "feedback", {"n/all": 1}, START)
    assert counted(small) == {"n/all": 2}


def test_a_count_that_is_interrupted_before_its_sum_is_lost_and_not_repeated(small):
    def crash():
        raise KeyboardInterrupt

    small.tables.before_write = [lambda: None, crash]
    with pytest.raises(KeyboardInterrupt):
        tally.once(small.tables, "a", "lark", WEEK, "feedback", {"n/all": 1}, START)
    assert not tally.once(small.tables, "a", "lark", WEEK, "feedback", {"n/all": 1}, START)
    assert counted(small) == {}


@pytest.mark.parametrize("name", ["anna@example.com/x", "all", "n/" + "x" * 65, "a/b/c/d/e/f/g", "n/new\nline"])
def test_a_name_that_could_be_somebodys_text_is_refused(name):
    with pytest.raises(ValueError, match="tally"):
        tally.change("lark", WEEK, "feedback", {name: 1})


def test_a_part_is_a_word_with_at_most_one_thing_behind_it():
    assert tally.change("lark", WEEK, "product#CAM-1", {"n/all": 1}).key.sk == "T#lark#product#CAM-1"
    with pytest.raises(ValueError, match="tally"):
        tally.change("lark", WEEK, "Product", {"n/all": 1})


@pytest.mark.parametrize(
    ("instant", "zone", "week"),
    [
        ("2026-03-01T22:59:59", BERLIN, "2026-W09"),
        ("2026-03-01T23:00:00", BERLIN, "2026-W10"),
        ("2026-03-29T21:59:59", BERLIN, "2026-W13"),  # the clocks went forward that morning
        ("2026-03-29T22:00:00", BERLIN, "2026-W14"),
        ("2026-10-25T22:59:59", BERLIN, "2026-W43"),  # and back
        ("2026-10-25T23:00:00", BERLIN, "2026-W44"),
        ("2026-12-31T23:30:00", BERLIN, "2026-W53"),
        ("2027-01-03T22:59:59", BERLIN, "2026-W53"),
        ("2027-01-03T23:00:00", BERLIN, "2027-W01"),
        ("2027-01-03T23:00:00", "America/Los_Angeles", "2026-W53"),
    ],
)
def test_a_week_is_that_of_the_stores_calendar(instant, zone, week):
    assert str(tally.week_at(datetime.fromisoformat(instant).replace(tzinfo=UTC), zone)) == week


def test_weeks_go_back_over_the_years_end_and_read_what_they_write():
    assert tally.Week(2027, 1).before() == tally.Week(2026, 53)
    assert tally.read_week("2026-W53").before(53) == tally.Week(2025, 52)
    for text in ("2027-W53", "2026-W00", "2026W01", "2026-W1", ""):
        with pytest.raises(ValueError):
            tally.read_week(text)


def test_a_week_that_is_long_over_takes_no_more_counts(small):
    long_ago = tally.week_at(START, BERLIN).before(70)
    assert not tally.add(small.tables, "lark", long_ago, "feedback", {"n/all": 1}, START)
    assert small.tables.calls == []


def test_the_marker_of_a_count_leads_to_nobody(small):
    tally.once(small.tables, "bought#c0anna", "lark", WEEK, "feedback", {"n/all": 1}, START)
    (marker,) = small.tables.all("DELIVERY#")
    assert "anna" not in json.dumps(marker)
