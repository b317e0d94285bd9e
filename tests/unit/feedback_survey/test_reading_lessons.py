"""What a shop's answers teach: once, together, at most every ten minutes, and nothing of one person."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.table import Put, Remove, Throttled, Unclear
from feedback_survey.reading import lessons
from feedback_survey.reading.model import HEADS, MOST_SEEN, PLACES, Model
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import read, teach
from simulator.memory.tables import MemoryTables

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SHOP, LANGUAGE = "coffee", "en"


class Clock:
    def __init__(self):
        self.at = START

    def now(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tables(clock):
    return MemoryTables(clock.now)


def answer(tables, who, text, score, at=START, order="coffee:1", version=1):
    """One answer with its lesson, as on_answer writes them."""
    place = keys.answer(who, order, version)
    tables.write([Put(place, {"doc": json.dumps({"text": text, "score": score})})])
    tables.write([lessons.waiting(who, place, SHOP, LANGUAGE, at, at)])


def some(tables, number=10, at=START, first=0):
    for each in range(first, first + number):
        good = each % 2
        answer(tables, f"c{each}", "well glumpy thing" if good else "totally gnarly stuff", 5 if good else 1, at)


def learn(tables, now=START):
    return lessons.learn(tables, lessons.kept(tables, SHOP, LANGUAGE), SHOP, LANGUAGE, now)


def left(tables):
    return len(tables.partition("customers", keys.lesson(SHOP, LANGUAGE).pk, keys.LESSON))


def seen(model):
    return sum(map(sum, model.counts))


def test_answers_teach_their_shop_and_language_only(tables):
    some(tables)
    assert learn(tables) == 10
    model = lessons.kept(tables, SHOP, LANGUAGE).model
    assert read(parse("so glumpy", language="en"), model).sentiment == "positive"
    assert read(parse("so gnarly", language="en"), model).sentiment == "negative"
    assert sum(lessons.kept(tables, SHOP, "de").model.answers) == sum(lessons.kept(tables, "tea", LANGUAGE).model.answers) == 0


def test_an_answer_teaches_once(tables):
    some(tables)
    assert (learn(tables), left(tables)) == (10, 0)
    assert learn(tables, START + timedelta(hours=1)) == 0
    assert sum(lessons.kept(tables, SHOP, LANGUAGE).model.answers) == 10


def test_one_person_alone_teaches_nothing_whatever_they_write(tables):
    for number in range(30):
        answer(tables, "c1", "terrible", 1, START + timedelta(seconds=number), version=number + 1)
    assert (learn(tables), left(tables)) == (0, 30)
    some(tables, 9, first=2)
    assert learn(tables) == 10, "of each customer the newest"
    assert left(tables) == 0


def test_the_model_is_rewritten_at_most_every_ten_minutes(tables):
    some(tables)
    learn(tables)
    some(tables, first=20)
    assert learn(tables, START + timedelta(minutes=9, seconds=59)) == 0
    assert left(tables) == 10
    assert learn(tables, START + timedelta(minutes=10)) == 10
    assert lessons.kept(tables, SHOP, LANGUAGE).version == 2


def test_of_two_that_want_the_turn_one_has_it_and_nothing_counts_twice(tables):
    some(tables)
    one = lessons.kept(tables, SHOP, LANGUAGE)
    other = lessons.kept(tables, SHOP, LANGUAGE)
    assert lessons.learn(tables, one, SHOP, LANGUAGE, START) == 10
    some(tables, first=20)
    assert lessons.learn(tables, other, SHOP, LANGUAGE, START) == 0
    assert left(tables) == 10, "what it did not take waits on"
    assert sum(lessons.kept(tables, SHOP, LANGUAGE).model.answers) == 10


def test_a_redelivered_answer_is_the_same_lesson(tables):
    some(tables)
    some(tables)
    assert left(tables) == 10


class Failing:
    """The tables, whose writes may fail: `on` says of a transaction what it raises."""

    def __init__(self, tables, on):
        self._tables = tables
        self._on = on

    def __getattr__(self, name):
        return getattr(self._tables, name)

    def write(self, writes):
        error = self._on(writes)
        if error:
            raise error
        self._tables.write(writes)


def removes(writes):
    return isinstance(writes[0], Remove)


def rewrites(writes):
    return writes[0].key.sk == "MODEL"


def test_lessons_that_were_not_surely_taken_away_are_not_learned(tables):
    some(tables)
    assert learn(Failing(tables, lambda writes: Unclear() if removes(writes) else None)) == 0
    assert sum(lessons.kept(tables, SHOP, LANGUAGE).model.answers) == 0


def test_a_throttle_is_tried_again(tables):
    some(tables)
    failures = iter([Throttled(), Throttled()])
    assert learn(Failing(tables, lambda writes: next(failures, None) if removes(writes) or rewrites(writes) else None)) == 10


def test_a_model_that_the_table_never_takes_loses_one_batch_and_the_next_is_learned(tables):
    some(tables)
    assert learn(Failing(tables, lambda writes: Throttled() if rewrites(writes) else None)) == 0
    some(tables, first=20)
    assert learn(tables, START + timedelta(minutes=10)) == 10


def test_an_erased_persons_lesson_is_left_out_and_the_others_are_learned(tables):
    some(tables, 11)

    def erased(writes):
        if removes(writes) and len(writes) == 11:
            gone = tables.partition("customers", keys.lesson(SHOP, LANGUAGE).pk, keys.LESSON)[3]
            tables.write([Remove(keys.Key("customers", gone["pk"], gone["sk"]))])

    assert learn(Failing(tables, erased)) == 10


def test_erasure_finds_what_waits_to_teach(tables):
    some(tables)
    assert [key for key in tables.owned("c3") if key.pk.startswith("LESSONS#")]


def test_words_that_are_not_kept_any_more_teach_nothing(tables):
    some(tables)
    tables.write([Remove(keys.answer("c0", "coffee:1", 1))])
    assert learn(tables) == 9


def test_a_model_of_another_make_is_learned_anew(tables):
    tables.write([Put(keys.reading_model(SHOP, LANGUAGE), {"model": b"x", "version": 3, "at": iso(START)})])
    found = lessons.kept(tables, SHOP, LANGUAGE)
    assert (sum(found.model.answers), found.version) == (0, 3)
    some(tables)
    assert learn(tables) == 10
    assert lessons.kept(tables, SHOP, LANGUAGE).version == 4


def test_a_model_is_at_most_300_kb_whatever_was_learned():
    import random

    dice = random.Random(1)
    model = Model()
    for head in range(HEADS):
        for place in range(PLACES):
            model.weights[head][place] = dice.randint(-32767, 32767)
    for counts in model.counts:
        counts[:] = dice.randbytes(PLACES)
    assert max(map(max, model.counts)) == MOST_SEEN
    assert len(model.to_bytes()) <= 300 * 1024


def test_what_is_kept_of_answers_holds_no_word_of_them(tables):
    some(tables)
    learn(tables)
    raw = tables.read([keys.reading_model(SHOP, LANGUAGE)])[keys.reading_model(SHOP, LANGUAGE)]
    assert set(raw) == {"pk", "sk", "model", "version", "at"}
    import zlib

    assert b"glumpy" not in zlib.decompress(raw["model"])


def test_what_is_learned_depends_on_answers_and_not_on_their_customers(tables):
    some(tables)
    learn(tables)
    model = Model()
    for each in range(10):
        good = each % 2
        teach(parse("well glumpy thing" if good else "totally gnarly stuff", language="en"), 5 if good else 1, model)
    assert seen(lessons.kept(tables, SHOP, LANGUAGE).model) == seen(model)
