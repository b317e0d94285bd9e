"""What the weekly page says of returns: reasons by product, and how much of a product comes back beside its family's others."""

import math
import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from aftercare.report_policy import report_policy
from aftercare.return_reasons import ALL, UNSAID
from aftercare.tally import Week
from feedback_survey.returned import SAMPLE as COUNTED
from store_reports import page
from store_reports.report import build
from store_reports.returns import SAMPLE, Product, products_of, rates, reasons_of, returned

K = 5


def part(n, units=None, sold=0, **reasons):
    found = {"return/n": n, "return/units": units or n, "sold/units": sold}
    return {name: number for name, number in found.items() if number} | {
        f"return/{word.replace('_', '-')}": number for word, number in reasons.items()
    }


WEEK = {
    "product#clothing:BOOT-1": part(24, sold=50, too_small=17, late=5),
    "product#clothing:SHIRT-1": part(20, sold=100, too_small=6, changed_mind=8),
    "product#clothing:SHIRT-2": part(18, sold=100, too_small=5, damaged=9),
    "product#clothing:RARE-1": part(3, sold=2, too_small=3),
    "product#coffee:": part(9, sold=70),
    "feedback": {"customers/all": 12},
}


def test_one_in_so_many_is_the_sample_that_is_counted():
    assert SAMPLE * COUNTED == 1


def test_a_size_that_is_too_small_stands_out_with_its_count_and_beside_the_others():
    boot, *others = returned([WEEK], K)
    assert (boot["product"], boot["family"], boot["returns"]) == ("BOOT-1", "clothing", 24)
    first = boot["reasons"][0]
    assert (first["reason"], first["returns"]) == ("too-small", 17)
    assert first["share"] == pytest.approx(17 / 24, abs=1e-4)
    assert first["others"] < first["shrunk"] < first["share"], "drawn towards what is said of the family's others"
    assert boot["rate"]["verdict"] == "more"
    assert 1 < boot["rate"]["shrunk"] < boot["rate"]["times"]
    assert [row["product"] for row in others] == ["SHIRT-1", "SHIRT-2"]


def test_few_are_not_told_and_nothing_gives_them_away():
    told = {row["product"]: row for row in returned([WEEK], K)}
    assert "RARE-1" not in told and "" not in told
    assert [r["reason"] for r in told["BOOT-1"]["reasons"]] == ["too-small"], (
        "five late ones would tell of the two without reason"
    )
    row = returned([{"product#clothing:A": part(12, too_small=9, late=2)}], K)[0]
    assert row["reasons"] == [], "nine of twelve would tell that the rest is three"
    alone = returned([{"product#clothing:A": part(12, too_small=12)}], K)[0]
    assert alone["reasons"][0]["returns"] == 12


def test_weeks_add_up_and_what_is_not_of_returns_is_not_looked_at():
    found = products_of([WEEK, WEEK, {"product#clothing:BOOT-1": {"product/missing": 9}}])
    boot = next(one for one in found if one.sku == "BOOT-1")
    assert (boot.n, boot.sold, dict(boot.reasons)) == (48, 100, {"too-small": 34, "late": 10})
    assert set(dict(boot.reasons)) <= set(ALL) - {UNSAID}


def test_products_that_are_alike_are_found_alike_and_one_that_is_not_is_found():
    """Twenty families of ten products of the same rate: chance alone makes few of them stand out."""
    dice, verdicts = random.Random(7), Counter()
    for _ in range(20):
        alike = [product(dice, str(n), 0.10) for n in range(10)]
        verdicts.update(rate.verdict for rate in rates(alike, K).values())
    assert verdicts["alike"] >= 0.95 * sum(verdicts.values())
    found = 0
    for _ in range(20):
        products = [product(dice, str(n), 0.30 if n == 0 else 0.10) for n in range(10)]
        found += rates(products, K)["clothing", "0"].verdict == "more"
    assert found >= 17


def product(dice, sku, rate, sold=800):
    sampled = sum(dice.random() < COUNTED for _ in range(sold))
    back = sum(dice.random() < rate for _ in range(sold))
    return Product("clothing", sku, back, back, sampled)


def test_a_rate_is_drawn_to_the_family_by_how_little_is_known():
    few = rates([Product("f", "a", 6, 6, 10), Product("f", "b", 100, 100, 250)], K)["f", "a"]
    many = rates([Product("f", "a", 600, 600, 1000), Product("f", "b", 1000, 1000, 2500)], K)["f", "a"]
    assert few.times == pytest.approx(1.5) and many.times == pytest.approx(1.5)
    assert 1 < few.shrunk < many.shrunk < 1.5
    assert math.log(many.high / many.low) < math.log(few.high / few.low)


def test_without_others_of_the_family_or_without_sales_there_is_no_rate():
    assert rates([Product("f", "a", 50, 50, 100)], K) == {}
    assert rates([Product("f", "a", 50, 50, 0), Product("f", "b", 50, 50, 100)], K) == {}
    assert reasons_of(Product("f", "a", 9, 9, 0, (("late", 9),)), [], K)[0].others is None


@pytest.mark.parametrize("locale", ["en", "de"])
def test_the_page_shows_it_in_both_languages(locale):
    week = Week(2026, 12)
    weeks = {week.before(n): WEEK for n in range(8)}
    report = build("coffee", week, weeks, report_policy(), "Europe/Berlin", datetime(2026, 3, 30, tzinfo=UTC))
    assert report["returns"]["products"][0]["product"] == "BOOT-1"
    text = page.render(report, locale)
    assert {"en": "Too small", "de": "Zu klein"}[locale] in text and "BOOT-1" in text
    assert {"en": "more than", "de": "mehr als"}[locale] in text


@pytest.mark.parametrize("locale", ["en", "de"])
def test_every_reason_and_origin_has_its_words(locale):
    words = page.languages()[locale]
    assert set(words["reason"]) == set(ALL) - {UNSAID}
    assert "return" in words["origin"]
