"""The evaluation of reading: hand-worked metrics, a replay that never looks ahead, files known by their columns."""

import argparse
import csv
import io
import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aftercare.evaluation.metrics import hit_rates
from feedback_survey import evaluation
from feedback_survey.evaluation import files, sentiment
from feedback_survey.evaluation.command import main, parser
from feedback_survey.evaluation.files import LETTERS, Answer, Columns, Labelled
from feedback_survey.evaluation.spoken_of import themes_found
from feedback_survey.reading.themes import themes
from simulator.commands import evaluate as command

ROOT = Path(__file__).parents[3]
START = datetime(2025, 1, 1, tzinfo=UTC)

PRAISE = ("Great product and fast delivery", "I love it, works as expected", "Excellent quality, thank you")
BLAME = ("It broke after a week", "Never arrived, nobody answers", "Very disappointed, I want my money back")
SHRUG = ("It is ok, nothing special", "Average for the money")


def answers(number=120):
    """One a day, mostly what its words say."""
    found = []
    for day in range(number):
        texts, score = ((PRAISE, 5), (BLAME, 1), (PRAISE, 4), (SHRUG, 3))[day % 4]
        found.append(Answer("", texts[day % len(texts)], score, START + timedelta(days=day)))
    return found


def as_rows(found):
    return [{"title": a.title, "text": a.text, "score": str(a.score), "created": f"{a.at:%Y-%m-%d}"} for a in found]


# ---------------------------------------------------------------- metrics


def test_rates_are_those_of_their_definition():
    assert hit_rates(3, 4, 6) == {"n": 6, "precision": 0.75, "recall": 0.5, "f1": 0.6}
    assert hit_rates(0, 0, 2)["f1"] == 0.0


def test_a_text_of_which_nothing_was_said_is_missed_in_its_class():
    scored = sentiment.Scored()
    for truth, said in (("negative", "negative"), ("positive", None), ("positive", "positive"), ("neutral", "neutral")):
        scored.add(truth, said, 0.9 if truth == "negative" else 0.1)
    found = sentiment.summary(scored)
    assert found["classes"]["positive"] == {"n": 2, "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3)}
    assert found["macro_f1"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert (found["auc_negative"], found["unsaid"], found["accuracy"]) == (1.0, 0.25, 0.75)


# ---------------------------------------------------------------- online


def test_what_comes_later_changes_nothing_of_what_was_said_before():
    some = answers()
    until = START + timedelta(days=100)
    turned = [a if a.at < until else Answer(a.title, a.text, 6 - a.score, a.at) for a in some]
    one, other = (sentiment.online(each, START + timedelta(days=80), until) for each in (some, turned))
    assert one["methods"]["online"]["reliability"] == other["methods"]["online"]["reliability"]
    assert one["methods"]["online"]["n"] == 20


def test_a_word_only_this_store_uses_is_learned_online_and_never_by_the_frozen_model():
    plain = answers(80)
    said = (("well glumpy thing here", 1), ("totally gnarly stuff here", 5))
    slang = [Answer("", *said[day % 2], START + timedelta(80 + day)) for day in range(60)]
    found = sentiment.online(plain + slang, START + timedelta(days=80))
    frozen = next(name for name in found["methods"] if name.startswith("learned before"))
    assert found["methods"]["online"]["auc_negative"] > 0.9 > found["methods"][frozen]["auc_negative"]


def test_without_a_day_the_last_answers_are_scored():
    found = sentiment.online(answers(100))
    assert found["methods"]["online"]["n"] == 30
    assert found["learned"] == 100
    assert found["language"] == "en"


# ---------------------------------------------------------------- other shops, themes


def test_each_source_is_read_by_what_the_others_taught_and_never_by_its_own():
    def rows(word, label, source):
        return files.Sentence(f"the thing is {word} indeed", label, source)

    some = [rows("zorgful", True, "a"), rows("blimpish", False, "a")] * 20
    mine = [rows("zorgful", True, "b"), rows("blimpish", False, "b")] * 5
    found = sentiment.elsewhere(some + mine)["sources"]
    assert found["b"]["lexicon only"] == 0.5
    assert found["b"]["taught by the others"] == 1.0
    alone = sentiment.elsewhere(some)["sources"]
    assert alone["a"]["taught by the others"] == 0.5, "its own labels teach nothing about it"


def test_a_phrase_that_proved_wrong_on_the_other_folds_is_left_out_and_named():
    wrong = [Labelled("", "The service at the party was on time", frozenset({"refund"})) for _ in range(20)]
    right = [Labelled("", "The delivery took weeks", frozenset({"delivery"})) for _ in range(20)]
    found = themes_found(wrong + right)
    assert found["cross-validated"]["f1"] > found["as they are"]["f1"]
    assert "delivery: on time" in found["misleading"]
    assert not any(each.startswith("support") for each in found["misleading"]), "the labels do not use that theme"


def test_letters_of_labels_are_themes_that_there_are():
    assert set(LETTERS.values()) <= themes().keys()


# ---------------------------------------------------------------- files


def test_a_file_is_known_by_its_columns():
    assert files.kind_of(["score", "created", "text", "title"], Columns()) == "answers"
    assert files.kind_of(["label", "text"], Columns()) == "sentences"
    assert files.kind_of(["score", "created", "text", "themes"], Columns()) == "themes"
    assert files.kind_of(["label", "words"], Columns(text="words")) == "sentences"
    assert files.kind_of(["text"], Columns()) is None


def test_rows_of_no_use_are_counted_by_reason_and_listed_by_line():
    rows = as_rows(answers(3))
    rows += [{**rows[0], "score": "4.5"}, {**rows[0], "created": "soon"}, {**rows[0], "text": " "}, {"text": "short row"}]
    _, bad = files.read_answers(rows, Columns())
    assert [(one.line, one.reason) for one in bad] == [
        (5, "a score that is not a whole number from 1 to 5"),
        (6, "a day that is not one"),
        (7, "no words"),
        (8, "a score that is not a whole number from 1 to 5"),
    ]
    _, bad = files.read_sentences([{"text": "x", "label": "yes", "source": "a"}], Columns())
    assert bad == [files.Bad(2, "a label that is neither 0 nor 1")]
    _, bad = files.read_labelled([{"text": "x", "themes": "delivery, colour"}], Columns())
    assert bad == [files.Bad(2, "a theme that is not in themes.yaml: colour")]


def test_labels_are_names_or_letters():
    rows = [{"text": "x", "themes": each} for each in ("DK", "delivery, packaging", "")]
    found, bad = files.read_labelled(rows, Columns())
    assert bad == []
    assert [set(one.themes) for one in found] == [{"delivery", "packaging"}, {"delivery", "packaging"}, set()]


# ---------------------------------------------------------------- command


def written(path, rows):
    with path.open("w", newline="") as to:
        writer = csv.DictWriter(to, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def all_three(tmp_path):
    reviews = [{("stars" if name == "score" else name): value for name, value in row.items()} for row in as_rows(answers())]
    sentences = [{"source": s, "label": str(int(t in PRAISE)), "text": t} for s in "ab" for t in PRAISE + BLAME]
    labelled = [{"text": "The delivery took weeks", "themes": "D"}, {"text": "The box was crushed", "themes": "K"}] * 5
    return [
        str(written(tmp_path / name, rows))
        for name, rows in {"reviews.csv": reviews, "sentences.csv": sentences, "themes.csv": labelled}.items()
    ]


def asked(tmp_path, *words):
    out, err = io.StringIO(), io.StringIO()
    code = main([*words, "--column", "score=stars", "--to-folder", str(tmp_path / "build")], out, err)
    return code, out.getvalue(), err.getvalue()


def test_one_command_prints_all_figures_maps_columns_and_draws_how_reliable_it_is(tmp_path, all_three):
    code, out, err = asked(tmp_path, *all_three)
    assert code == 0
    for said in (
        "macro_f1",
        "auc_negative",
        "taught by the others",
        "cross-validated",
        "KB a language",
        "times VADER's",
        "(tokens and",
    ):
        assert said in out
    assert "reviews.csv: 2025-01" in err, "progress is not in the result"
    page = (tmp_path / "build" / "evaluate-feedback-reviews.html").read_text()
    assert "<svg" in page and "http" not in page
    assert (tmp_path / "build" / "evaluate-feedback-reviews.png").read_bytes().startswith(b"\x89PNG")


def test_as_json_there_is_nothing_else(tmp_path, all_three):
    code, out, _ = asked(tmp_path, "--json", *all_three, "--from", "2025-03-01", "--to", "2025-03-11")
    report = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert code == 0
    assert report["files"]["reviews.csv"]["methods"]["online"]["n"] == 10
    assert {found["kind"] for found in report["files"].values()} == {"answers", "sentences", "themes"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        (b"", "has no rows"),
        (b"a,b\n1,2\n", "expected a column text"),
        (b"text,label\n\xff\xfe,1\n", "expected CSV in UTF-8"),
    ],
)
def test_a_file_that_is_of_no_use_is_one_line_and_exit_code_2(tmp_path, text, said):
    path = tmp_path / "some.csv"
    if text is not None:
        path.write_bytes(text)
    code, out, err = asked(tmp_path, str(path))
    assert (code, out) == (2, "")
    assert err.startswith("aftercare: ") and said in err and err.count("\n") == 1


def test_a_file_that_is_all_bad_says_so(tmp_path):
    path = written(tmp_path / "x.csv", [{"text": "good", "score": "9", "created": "2025-01-01"}])
    out, err = io.StringIO(), io.StringIO()
    assert main([str(path), "--to-folder", str(tmp_path)], out, err) == 1
    assert "1 not used" in out.getvalue() and "nothing to score" in out.getvalue()


def test_the_word_of_the_command_runs_the_evaluation_by_its_name(tmp_path, capsys, all_three):
    words = argparse.ArgumentParser().add_subparsers()
    command.add(words)
    given = words.choices["evaluate"].parse_args(["feedback", all_three[2], "--json", "--to-folder", str(tmp_path)])
    assert given.run(given) == 0
    assert json.loads(capsys.readouterr().out)["files"]["themes.csv"]["n"] == 10


def test_the_page_about_the_command_names_every_field_and_every_option():
    page = (ROOT / "docs" / "evaluate-feedback.md").read_text(encoding="utf-8")
    for field in fields(Columns):
        assert f"`{field.name}`" in page
    for option in [o for action in parser()._actions for o in action.option_strings if o.startswith("--")]:
        assert f"`{option}" in page or option == "--help"
    for letter, theme in LETTERS.items():
        assert f"`{letter}` {theme}" in page


# ---------------------------------------------------------------- on the given data

SHARED = ROOT.parent / "shared" / "data"
ABSENT = pytest.mark.skipif(not SHARED.is_dir(), reason="the evaluation data is not beside this repository")


def shared(name, kind, **more):
    from aftercare.evaluation.rows import open_rows

    return evaluation.evaluate([evaluation.Given(name, kind, open_rows(SHARED / name))], **more)["files"][name]


@pytest.mark.shared
@ABSENT
def test_sentiment_on_a_marketplaces_reviews_is_above_its_floor():
    found = shared("olist_reviews_pt.csv.gz", "answers", since=datetime(2018, 3, 1, tzinfo=UTC))
    assert found["methods"]["online"]["macro_f1"] >= 0.64
    assert found["methods"]["online"]["auc_negative"] >= 0.955
    assert max(found["state"].values()) <= 300 * 1024


@pytest.mark.shared
@ABSENT
def test_sentiment_of_shops_never_seen_is_above_its_floor():
    found = shared("uci_labelled_sentences_en.csv.gz", "sentences")["sources"]
    assert found["amaz"]["lexicon only"] >= 0.92 and found["yelp"]["lexicon only"] >= 0.89
    assert found["amaz"]["taught by the others"] >= 0.95 and found["yelp"]["taught by the others"] >= 0.90


@pytest.mark.shared
@ABSENT
def test_themes_of_labelled_reviews_are_above_their_floor():
    assert shared("themes_gold_pt.csv.gz", "themes")["cross-validated"]["f1"] >= 0.78
