"""What a piece of feedback adds to its week, and which words of it may be told."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercare import keys, tally
from aftercare.case_topic import CaseTopic
from aftercare.cases import Case
from aftercare.catalogue import catalogue
from aftercare.customer import Order
from aftercare.feedback import Feedback, Given, Heard, Read, ReadTheme, with_heard
from aftercare.report_policy import report_policy
from aftercare.retention import JOURNAL
from aftercare.table import Put
from feedback_survey import counting
from feedback_survey.counting import NOTHING, PART, Spoken, counts, difference, felt
from feedback_survey.phrases import _own, phrases
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import read
from tests.builders import a_customer
from tests.small_outside import START

CAMERA = {"line_ref": "1", "title": "Camera", "quantity": 1, "product_type": "Camera", "sku": "CAM-1"}


def an_order(ref="1", **more):
    given = {
        "key": f"lark:{ref}",
        "shop": "lark",
        "platform": "store",
        "ref": ref,
        "name": f"#{ref}",
        "as_of": START,
        "lines": [CAMERA],
    }
    return Order.model_validate({**given, "total": {"amount": "19.99", "currency": "EUR"}, **more})


def spoken(text="", origin="survey", order=None, returning=False, ref=None, **form):
    found = read(parse(text)) if text else None
    themes = tuple(ReadTheme(theme=one.name, phrase=one.phrase) for one in found.themes) if found else ()
    how = Read(language=found.language, sentiment=found.sentiment, confidence=found.confidence, themes=themes) if found else None
    bought = order or an_order()
    return Spoken(origin, ref or bought.key, Given(**form), how, bought, None, returning)


def said(one):
    return counts(one, report_policy(), catalogue())


def names(one, part=PART):
    return {name for at, name in said(one).marks if at == part}


def test_bad_words_touch_the_place_where_they_belong_with_the_orders_money():
    one = spoken("The delivery was terribly late.", score=1)
    assert {"theme/delivery/negative", "board/delivery/delivery/n", "board/delivery/delivery/bad"} <= names(one)
    assert str(said(one).money["lark:1", "board/delivery/delivery/EUR"]) == "19.99"


def test_praise_touches_nothing():
    assert not any(name.startswith("board/") for name in names(spoken("Great delivery, very fast!", score=5)))


def test_a_mixed_text_is_blamed_for_what_it_blames():
    one = spoken("The quality is wonderful. The delivery was awful.", score=4)
    assert {"theme/product-quality/positive", "theme/delivery/negative"} <= names(one)
    assert "board/delivery/delivery/n" in names(one) and "board/delivery/delivery/bad" not in names(one)


def test_what_is_ticked_without_words_has_its_place():
    one = spoken(score=2, slowed_down=("ordering", "packaging"))
    assert {"board/ticked/checkout/n", "board/ticked/delivery/n"} <= names(one)


def test_a_tick_says_where_a_theme_was_that_may_be_in_several_places():
    text = "The setup is complicated and confusing."
    assert "board/ease-of-use/setup/n" in names(spoken(text, score=2))
    assert "board/ease-of-use/checkout/n" in names(spoken(text, score=2, slowed_down=("ordering",)))
    assert "board/ease-of-use/return/n" in names(spoken(text, score=2, returning=True))


def test_a_wish_is_for_the_product_however_it_feels():
    one = spoken("It would be nice if it had a strap.", score=5)
    assert "family/camera/feature-request" in names(one)
    assert names(one, "product#camera:CAM-1") == {"product/feature-request"}


def test_of_two_products_it_is_not_known_which_was_meant():
    two = an_order(lines=[CAMERA, {**CAMERA, "line_ref": "2", "sku": "ESP-1", "product_type": "Espresso machine"}])
    one = spoken("It broke, terrible quality.", order=two, score=1)
    assert not any(name.startswith("family/") for name in names(one))
    assert not any(part.startswith("product#") for part, _ in said(one).marks)
    assert {"rating/camera/n", "rating/espresso-machine/n"} <= said(one).sums.keys()


def test_the_same_again_in_a_week_is_one_customer_and_two_scores():
    first, again = spoken("Terribly late delivery.", score=1), spoken("Awful, late delivery.", "review", score=2)
    added = difference(said(again), NOTHING, [said(first)])[PART]
    assert "theme/delivery/negative" not in added and "board/delivery/delivery/EUR" not in added
    assert added["rating/camera/n"] == 1 and added["customers/review"] == 1 and "customers/all" not in added


def test_another_order_adds_its_money_and_not_its_customer():
    first, again = spoken("Terribly late delivery.", score=1), spoken("Awful, late delivery.", order=an_order("2"), score=1)
    added = difference(said(again), NOTHING, [said(first)])[PART]
    assert "board/delivery/delivery/n" not in added and str(added["board/delivery/delivery/EUR"]) == "19.99"


TEXTS = st.sampled_from(
    ["", "Terribly late delivery.", "Great quality!", "The manual is confusing.", "Far too expensive, late delivery"]
)
VERSIONS = st.tuples(TEXTS, st.sampled_from([None, 1, 2, 3, 5]))


@settings(deadline=None, max_examples=60)
@given(st.lists(VERSIONS, min_size=1, max_size=4), VERSIONS)
def test_however_often_an_answer_is_changed_the_sums_are_those_of_its_last_version(versions, other):
    """And of a review beside it, in whichever order."""
    beside = said(spoken(other[0], "review", ref="lark:R-1", score=other[1]))
    total, before = {}, NOTHING

    def add(parts):
        for part, numbers in parts.items():
            for name, number in numbers.items():
                total[part, name] = total.get((part, name), 0) + number

    for place, (text, score) in enumerate(versions):
        now = said(spoken(text, score=score))
        add(difference(now, before, [beside] if place > 0 else []))
        if place == 0:
            add(difference(beside, NOTHING, [now]))
        before = now
    expected = {}
    for part, name in before.marks | beside.marks:
        expected[part, name] = 1
    for (_, name), number in {**before.money, **beside.money}.items():
        expected[PART, name] = number
    for one in (before, beside):
        for name, number in one.sums.items():
            expected[PART, name] = expected.get((PART, name), 0) + number
    if len(versions) == 1:
        assert {key: n for key, n in total.items() if n} == {key: n for key, n in expected.items() if n}
    assert all(total.get(key, 0) == n for key, n in expected.items() if key[1].startswith(("rating/", "read/", "score/")))
    assert all(n >= 0 for n in total.values())


def test_a_clause_that_says_nothing_of_its_mood_feels_as_the_whole():
    assert felt("about the delivery", "en", "negative", None) == "negative"
    assert felt("about the delivery", "en", "negative", 5) == "positive"
    assert felt("terrible delivery", "en", "positive", 5) == "negative"
    assert felt("sobre", "xx", None, None) == "neutral"


def test_a_case_about_a_return_that_is_opened_again_keeps_its_place(small):
    reading = spoken("The setup is complicated and confusing.").read
    case = Case(ref="lark:T-1", topic=CaseTopic.RETURN, opened_at=START)
    anna = a_customer(cases=(case,))
    for hours in (0, 2):
        line = Heard(kind="case", ref=case.ref, at=START + timedelta(hours=hours))
        counting.heard(small, anna, line, reading)
        place = keys.words(anna.id, "case", line.ref, line.at)
        small.tables.twin.write([Put(place, {"doc": "{}", "reading": reading.to_json(), "expires_at": JOURNAL.ends(START)})])
        anna = replace(anna, feedback=with_heard(anna.feedback or Feedback(), line))
    numbers = tally.of_week(small.tables.twin, tally.week_at(START, tally.store_zone()))["lark"][PART]
    board = {name: number for name, number in numbers.items() if name.startswith("board/") and name.endswith("/n")}
    assert board == {"board/ease-of-use/return/n": 1}
    assert (numbers["case/return"], numbers["customers/all"], numbers["read/case"]) == (1, 1, 1)


# ---------------------------------------------------------------- their own words


def test_phrases_are_what_dictionaries_have():
    assert phrases(["It is easy to use and of great quality, says Anna Zapfl of Hauptstr 5"], "en") == (
        "easy to use",
        "great quality",
    )
    assert phrases(["Sehr gute Qualität, Frau Rottmann war freundlich"], "de")[0] == "sehr gute qualitat"


WORDS = st.lists(
    st.sampled_from(["great", "quality", "easy", "to", "use", "Zapfl", "anna@x.de", "not", "5", "+4917", "Rottmann", ",", "slow"])
)


@given(WORDS, st.sampled_from(["en", "de", "pt"]))
def test_no_word_of_a_phrase_is_the_customers_alone(words, language):
    known, stems, small = _own(language)
    for phrase in phrases([" ".join(words)], language):
        assert len(phrase.split()) >= 2 and len(phrase) <= 60
        for word in phrase.split():
            assert word in known or word in small or word.removesuffix("-") in stems
        assert not re.search(r"zapfl|rottmann|anna|\d|@", phrase)


@given(st.text(max_size=300))
def test_any_text_gives_phrases_that_may_be_names_of_counts(text):
    from aftercare.tally import Week, change

    for phrase in phrases([text], "en"):
        change("lark", Week(2026, 9), "phrases#1", {f"phrase/en/delivery/positive/{phrase}": 1})


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "it", "pt"])
def test_every_dictionary_word_may_be_the_name_of_a_count(language):
    known, stems, small = _own(language)
    assert [w for w in (*known, *stems, *small) if not re.fullmatch(r"[\w'’:-]+", w)] == []
