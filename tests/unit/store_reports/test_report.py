"""One week's report from sums that were made by hand, and its page."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aftercare.report_policy import report_policy
from aftercare.tally import Week
from store_reports.page import languages, render
from store_reports.report import build

BERLIN = "Europe/Berlin"
WEEK = Week(2026, 16)  # the last of a step of four weeks
NOW = datetime(2026, 4, 20, 12, 30, tzinfo=UTC)
MANY = {
    "customers/all": 40,
    "theme/delivery/negative": 12,
    "theme/delivery/positive": 9,
    "theme/price/negative": 8,
    "board/delivery/delivery/n": 12,
    "board/delivery/delivery/bad": 12,
    "board/delivery/delivery/EUR": Decimal("1234.56"),
    "board/delivery/delivery/EUR/n": 9,
    "board/delivery/delivery/USD": Decimal("77.10"),
    "board/delivery/delivery/USD/n": 3,
    "board/price/checkout/n": 8,
    "board/price/checkout/bad": 7,
}


def scores(name, n, total, squares):
    return {f"{name}/n": n, f"{name}/sum": total, f"{name}/squares": squares}


def made(weeks, week=WEEK, now=NOW, **policy):
    return build("lark", week, weeks, report_policy().model_copy(update=policy), BERLIN, now)


def feedback(**parts):
    return {WEEK: {"feedback": MANY, **parts}}


def test_the_board_has_what_is_named_in_negative_feedback_first_and_money_of_enough_orders():
    first, second = made(feedback())["friction"]
    assert (first["theme"], first["negative"], first["money"]) == ("delivery", 12, {"EUR": "1234.56"})
    assert (second["theme"], second["customers"], second["negative"]) == ("price", 8, None), "one of eight would be told"


def test_a_theme_at_two_places_tells_neither_where_one_is_few():
    marks = {**MANY, "board/delivery/delivery/n": 10, "board/delivery/return/n": 2}
    assert [row["theme"] for row in made({WEEK: {"feedback": marks}})["friction"]] == ["price"]


def test_a_change_is_told_with_its_numbers_only_where_each_week_may_be_told():
    before = {WEEK.before(n): {"feedback": {"customers/all": 40, "theme/delivery/negative": 5}} for n in range(1, 5)}
    row = made({**feedback(), **before})["themes"][0]
    assert row["negative_change"] == {"direction": "up", "share": 0.3, "share_before": 0.125}
    before[WEEK.before(2)]["feedback"]["theme/delivery/negative"] = 3
    row = made({**feedback(), **before})["themes"][0]
    assert row["negative_change"] == {"direction": "up", "share": 0.3, "share_before": None}
    assert [one["negative"] for one in row["series"]][-4:] == [5, None, 5, 12]


def test_what_goes_with_scores_is_told_against_what_goes_without():
    words = (
        scores("driver/words", 30, 100, 380)
        | scores("driver/theme/delivery", 21, 42, 110)
        | scores("driver/theme/price", 3, 6, 14)
    )
    (row,) = made({WEEK: {"feedback": {**MANY, **words}}})["drivers"]["words"]
    assert (row["name"], row["with"]["mean"], row["without"]["n"]) == ("delivery", 2.0, 9)
    assert row["difference"] == pytest.approx(2 - 58 / 9, abs=1e-4)


def test_a_part_of_a_whole_that_is_told_needs_a_rest_that_may_be():
    routing = {
        "classified/all": 22, "classified/turned": 14, "signal/recommends": 13, "signal/ready-for-more": 6, "signal/at-risk": 8,
        "offer/referral": 8, "offer/held-out": 5,
    }  # fmt: skip
    found = made({WEEK: {"routing": routing}})["overview"]
    assert found["turned"]["part"] == 14
    assert found["signals"] == {"recommends": None, "ready-for-more": 6, "at-risk": 8}
    assert found["offers"] == {"referral": 8, "held-out": None}, "one more has no offer, which is the rest"


def test_products_and_families_say_for_how_long():
    own = {**MANY, "family/camera/product-quality": 9, "theme/product-quality/negative": 9}
    parts = {"feedback": own, "product#camera:CAM-1": {"product/product-quality": 9}}
    found = made({WEEK: parts, WEEK.before(): parts, WEEK.before(3): parts})["products"]
    assert found["families"] == [{"family": "camera", "theme": "product-quality", "customers": 9, "weeks": 2}]
    assert found["products"][0]["product"] == "CAM-1"


def test_ratings_are_told_by_steps_against_a_target_that_stays():
    weeks = {WEEK.before(n): {"feedback": scores("rating/camera", 5, 15, 55)} for n in range(4, 8)}
    weeks |= {WEEK.before(n): {"feedback": scores("rating/camera", 2, 8, 34)} for n in range(4)}
    (row,) = made(weeks)["ratings"]
    assert [(one["until"], one["n"], one["mean"]) for one in row["steps"]] == [("2026-W12", 20, 3.0), ("2026-W16", 8, 4.0)]
    assert (row["first"], row["now"], row["target"], row["by"]) == (3.0, 4.0, 3.5, "2026-W38")
    assert made(weeks, week=WEEK.before())["ratings"][0]["now"] == 3.0, "a step that is not over is not told"


def trial(n, bought, held, held_bought):
    sides = {"offered/n": n, "offered/bought": bought, "held-out/n": held, "held-out/bought": held_bought}
    return {"trials": {f"offers/{name}": number for name, number in sides.items()}}


def test_who_was_offered_something_is_held_against_who_was_not_when_the_days_are_over():
    weeks = {Week(2026, 1): trial(100, 30, 40, 8)}
    late = datetime(2026, 7, 6, 12, 30, tzinfo=UTC)
    found = made(weeks, week=Week(2026, 27), now=late)["trials"]["offers"]
    assert (found["offered"], found["held-out"]) == (100, 40)
    assert (found["ends"]["bought"]["offered"]["share"], found["ends"]["bought"]["held-out"]["share"]) == (0.3, 0.2)
    assert found["ends"]["bought"]["low"] < 0 < found["ends"]["bought"]["high"]
    assert made(weeks, week=Week(2026, 4), now=datetime(2026, 1, 26, 13, tzinfo=UTC))["trials"]["offers"]["ends"] is None


def test_two_reports_never_differ_by_few_of_a_comparison():
    weeks = {Week(2026, 1): trial(100, 30, 40, 8), Week(2026, 5): trial(9, 2, 6, 0)}
    late = datetime(2026, 8, 3, 12, 30, tzinfo=UTC)
    found = made(weeks, week=Week(2026, 31), now=late)["trials"]["offers"]
    assert (found["offered"], found["ends"]["bought"]["offered"]["part"]) == (100, 30), "two more who bought are not told yet"


LATE = datetime(2026, 7, 6, 12, 30, tzinfo=UTC)


def reminders(n, bought, held, held_bought, value=("40", "36")):
    found = {"reminded/n": n, "reminded/bought": bought, "held-out/n": held, "held-out/bought": held_bought}
    for side, orders, mean in (("reminded", bought, value[0]), ("held-out", held_bought, value[1])):
        amounts = [Decimal(mean) + (-1) ** k for k in range(orders - orders % 2)]
        found |= {
            f"{side}/value/EUR/n": len(amounts),
            f"{side}/value/EUR/sum": sum(amounts, Decimal()),
            f"{side}/value/EUR/squares": sum((a * a for a in amounts), Decimal()),
        }
    return {"trials": {f"reminders/{name}": number for name, number in found.items()}}


def test_what_reminders_do_to_orders_and_their_value_stands_beside_what_is_aimed_at():
    found = made({Week(2026, 1): reminders(400, 120, 100, 20)}, week=Week(2026, 27), now=LATE)["trials"]["reminders"]
    bought = found["ends"]["bought"]
    assert (bought["reminded"]["share"], bought["held-out"]["share"]) == (0.3, 0.2)
    # ln 1.5 -+ 1.96 sqrt(1/120 - 1/400 + 1/20 - 1/100) = .4055 -+ .4196
    assert (bought["rise"]["difference"], bought["rise"]["low"], bought["rise"]["high"]) == (0.5, -0.014, 1.2821)
    assert found["target"] == (0.06, 0.12) and found["value_target"] == (0.08, 0.15)
    (value,) = found["values"].values()
    assert (value["reminded"], value["held-out"], value["rise"]["difference"]) == ("40.00", "36.00", 0.1111)
    assert 0.08 < value["rise"]["low"] < value["rise"]["difference"] < value["rise"]["high"] < 0.15


def test_the_value_of_orders_of_a_rare_currency_is_not_told():
    week = reminders(400, 120, 100, 20)
    dollars = {f"reminders/{side}/value/USD/{what}": 3 for side in ("reminded", "held-out") for what in ("n", "sum", "squares")}
    week["trials"] |= dollars
    week["trials"]["reminders/held-out/value/EUR/n"] = 17  # three of twenty paid in dollars
    assert made({Week(2026, 1): week}, week=Week(2026, 27), now=LATE)["trials"]["reminders"]["values"] == {}


def reactions(**rows):
    named = {"high": (25, 8, 5, 5), **rows}
    whats = ("sent", "opened", "clicked", "ordered")
    return {f"{row}/{what}": n for row, of in named.items() for what, n in zip(whats, of, strict=True)}


def test_how_each_kind_of_buyer_reacts_stands_beside_its_target_when_the_days_are_over():
    weeks = {Week(2026, 9): {"segments": reactions(high=(60, 20, 6, 5), mid=(5, 5, 5, 5)), **trial(1, 1, 1, 1)}}
    found = made(weeks, week=Week(2026, 23), now=LATE)["segments"]
    assert (found["from"], found["until"], found["days"]) == ("2026-W09", "2026-W12", 90)
    rows = {row["row"]: row for row in found["rows"]}
    assert set(rows) == {"first-time", "repeat", "high-clv", "occasional", "high", "mid", "one-time"}
    assert (rows["high"]["opened"]["share"], rows["high"]["clicked"]["share"]) == (0.3333, 0.1)
    assert rows["high"]["targets"] == {"opened": [0.25, 0.4], "clicked": [0.04, 0.09], "ordered": [0.03, 0.07]}
    assert rows["mid"]["sent"] == 5 and rows["repeat"]["sent"] is None and rows["first-time"]["targets"] is None
    early = datetime(2026, 6, 8, 12, 30, tzinfo=UTC)
    assert made(weeks, week=Week(2026, 23), now=early)["segments"]["until"] == "2026-W08", "its days are not over"


def test_messages_of_a_row_that_sends_several_are_told_of_more_only():
    few, enough = 19, 20  # a first-time buyer gets up to four of them: five customers
    for sent, told in ((few, None), (enough, 20)):
        weeks = {Week(2026, 9): {"segments": {"first-time/sent": sent, "first-time/opened": sent}}}
        (row,) = [r for r in made(weeks, week=Week(2026, 23), now=LATE)["segments"]["rows"] if r["row"] == "first-time"]
        assert row["sent"] == told and (row["opened"] is None) == (told is None)


def test_first_time_buyers_who_come_back_are_held_against_those_who_hear_no_offers():
    sides = {"offered/n": 300, "offered/bought": 72, "held-out/n": 60, "held-out/bought": 12}
    weeks = {Week(2026, 9): {"trials": {f"row-first-time/{name}": n for name, n in sides.items()}}}
    rows = {row["row"]: row for row in made(weeks, week=Week(2026, 23), now=LATE)["segments"]["rows"]}
    again = rows["first-time"]["again"]["ends"]["bought"]
    assert (again["offered"]["share"], again["held-out"]["share"], again["rise"]["difference"]) == (0.24, 0.2, 0.2)
    assert rows["first-time"]["again_target"] == 0.15 and rows["mid"]["again_target"] is None
    assert rows["mid"]["again"]["ends"] is None


@pytest.mark.parametrize("locale", ["en", "de"])
def test_a_page_needs_nothing_from_outside_and_says_everything(locale):
    words = scores("driver/words", 30, 100, 380) | scores("driver/theme/delivery", 21, 42, 110)
    parts = {
        "feedback": {**MANY, **words, **scores("rating/camera", 8, 30, 120), "family/camera/price": 8},
        "phrases#1": {"phrase/en/delivery/positive/arriv- early": 6, "phrase/en/delivery/positive/very rare": 4},
    }
    parts = {**parts, "trials": reminders(400, 120, 100, 20)["trials"], "segments": reactions()}
    page = render(made({WEEK: parts, Week(2026, 1): trial(100, 30, 40, 8)}), locale)
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert "arriv… early" in page and "very rare" not in page
    assert {"en": "€1,234.56", "de": "1.234,56"}[locale] in page
    assert page.count("<svg") > 4 and "None" not in page


def test_an_empty_week_is_a_page_too():
    assert "dash" in render(made({}), "en")


def test_whatever_a_name_holds_it_is_text_on_the_page():
    parts = {"feedback": {**MANY, "family/camera/price": 8}, "product#camera:<b>x": {"product/price": 8}}
    assert "<b>x" not in render(made({WEEK: parts}), "en")


def test_both_languages_have_the_same_words_and_the_same_places():
    def shape(words):
        return {
            name: sorted(value) if isinstance(value, dict) else sorted(re.findall(r"\{(\w+)\}", value))
            for name, value in words.items()
        }

    found = languages()
    assert set(found) == {"en", "de"}
    assert shape(found["en"]) == shape(found["de"])


def test_every_listed_word_of_what_is_counted_has_its_name():
    from typing import get_args

    from aftercare.answer_words import Part
    from aftercare.case_topic import CaseResult, CaseTopic
    from aftercare.report_policy import TOUCHPOINTS
    from aftercare.signal_words import Origin
    from feedback_routing.counting import ANSWERED
    from feedback_survey.counting import UNSAID
    from feedback_survey.reading.lexicon import LANGUAGES
    from feedback_survey.reading.themes import themes

    words = languages()["en"]
    assert set(words["touchpoint"]) == set(TOUCHPOINTS)
    assert set(words["part"]) == set(get_args(Part)) and set(words["origin"]) >= set(get_args(Origin))
    assert set(words["topic"]) == {str(one) for one in CaseTopic}
    assert set(words["result"]) == {*get_args(CaseResult), "unsaid"}
    assert set(words["bucket"]) == {*(name for _, name in ANSWERED), "later"}
    assert set(words["language"]) == set(LANGUAGES)
    assert set(words["theme_name"]) == {*themes(), UNSAID}
    assert set(report_policy().touchpoints) <= set(themes())
