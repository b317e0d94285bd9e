"""The evaluation: metrics against hand-worked values, and a replay that never looks ahead."""

import argparse
import gzip
import io
import json
import math
import random
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aftercare.evaluation import metrics
from shipping_delay import evaluation, prediction, teaching
from shipping_delay.evaluation import orders
from shipping_delay.evaluation.command import main, parser
from shipping_delay.evaluation.metrics import alert_threshold
from shipping_delay.evaluation.pages import write
from simulator.commands import evaluate as command

ROOT = Path(__file__).parents[3]

HEADER = "order_id,purchase_ts,carrier_ts,delivered_ts,estimated_date,seller_state,cust_state,seller_zip,cust_zip,seller"
HEADER += ",weight_g,category,freight"


def history(number=900, seed=1):
    dice = random.Random(seed)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    form = "%Y-%m-%d %H:%M:%S"
    for index in range(number):
        ordered = start + timedelta(hours=index * 4)
        handed = ordered + timedelta(days=1)
        far = dice.random() < 0.4
        delivered = handed + timedelta(days=(9 if far else 3) * math.exp(dice.gauss(0, 0.3)))
        promised = handed + timedelta(days=10)
        yield dict(
            zip(
                HEADER.split(","),
                (str(index), ordered.strftime(form), handed.strftime(form), delivered.strftime(form),
                 promised.strftime("%Y-%m-%d"), "A", "F" if far else "N", "10000", "90000" if far else "11000",
                 "s1", "500", "coffee", "4.5"),
                strict=True,
            )
        )  # fmt: skip


def test_the_rank_metrics_are_right_on_a_worked_example():
    truth, score = [True, False, True, False], [0.9, 0.8, 0.7, 0.1]
    assert metrics.auc(truth, score) == 0.75
    assert metrics.pr_auc(truth, score) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert metrics.auc(truth, [0.5] * 4) == 0.5
    assert metrics.pr_auc(truth, [0.5] * 4) == 0.5
    assert math.isnan(metrics.auc([False], [0.1]))


def test_the_probability_metrics_are_right_on_a_worked_example():
    truth, chance = [True, False], [0.8, 0.4]
    assert metrics.brier(truth, chance) == pytest.approx((0.04 + 0.16) / 2)
    assert metrics.log_loss(truth, chance) == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    table = metrics.reliability(truth, chance)
    assert [row["n"] for row in table] == [1, 1]
    assert metrics.calibration_error(table) == pytest.approx((0.2 + 0.4) / 2)
    assert alert_threshold(4) == 0.2


def test_a_separable_history_is_told_apart_and_beats_the_baselines():
    report = evaluation.evaluate(history(), since=datetime(2025, 3, 1, tzinfo=UTC), with_lightgbm=False)
    methods = report["hand_over"]
    assert methods["streaming"]["auc"] > 0.85
    assert methods["streaming"]["logloss"] < methods["global distribution"]["logloss"]
    assert 0.75 < methods["streaming"]["cover80"] < 0.93
    assert methods["streaming"]["brier"] < methods["streaming"]["brier_base"]
    assert report["alerts"]["recall"] >= methods["streaming"]["recall"]


def test_an_outcome_is_not_known_before_it_happened(monkeypatch):
    asked, taught = [], []
    predict, learn = prediction.predict, teaching.learn

    def asking(one, state, at):
        asked.append(at)
        return predict(one, state, at)

    def told_of(one, at, told):
        taught.append((at, len(asked)))
        return learn(one, at, told)

    monkeypatch.setattr(prediction, "predict", asking)
    monkeypatch.setattr(teaching, "learn", told_of)
    evaluation.evaluate(history(200), with_lightgbm=False)
    assert len(taught) == 200
    for delivered, before in taught:
        assert all(at <= delivered for at in asked[:before])
        assert all(at >= delivered for at in asked[before:])


def test_the_future_does_not_change_a_forecast():
    rows = list(history(300))
    cut = datetime(2025, 2, 1, tzinfo=UTC)
    whole = evaluation.evaluate(rows, until=cut, with_lightgbm=False)
    for row in rows:
        if row["carrier_ts"] >= "2025-02-01":
            row["delivered_ts"] = (datetime.fromisoformat(row["carrier_ts"]) + timedelta(days=90)).isoformat(" ")
    changed = evaluation.evaluate(rows, until=cut, with_lightgbm=False)
    assert changed["hand_over"]["streaming"] == whole["hand_over"]["streaming"]


def test_bad_rows_are_counted_and_listed_and_do_not_stop_the_run():
    rows = list(history(100))
    rows[3]["delivered_ts"] = "2001-01-01 00:00:00"
    rows[5]["carrier_ts"] = ""
    rows[7]["estimated_date"] = "soon"
    rows[8]["freight"] = "n/a"
    report = evaluation.evaluate(rows, with_lightgbm=False)
    assert report["bad"]["n"] == 3
    assert report["bad"]["lines"] == [5, 7, 9]
    assert "delivered before hand-over" in report["bad"]["reasons"]


def test_a_file_that_is_all_bad_says_so():
    out = io.StringIO()
    write(evaluation.evaluate([{"x": "y"}]), out)
    assert "1 rows not used" in out.getvalue()
    assert "nothing to score" in out.getvalue()


def written(tmp_path, number=150):
    path = tmp_path / "orders.csv"
    lines = [HEADER.replace("cust_state", "ship_to")]
    lines += [",".join(row.values()) for row in history(number)]
    path.write_text("\n".join(lines))
    return path


def asked(tmp_path, *more, file=None):
    out, err = io.StringIO(), io.StringIO()
    words = [str(file or written(tmp_path)), "--from", "2025-01-10", "--no-lightgbm", "--to-folder", str(tmp_path / "build")]
    code = main([*words, "--column", "destination_region=ship_to", *more], out, err)
    return code, out.getvalue(), err.getvalue()


def test_the_command_prints_a_table_maps_columns_and_draws_how_reliable_it_is(tmp_path):
    code, out, err = asked(tmp_path)
    assert code == 0
    assert "streaming" in out and "reliability" in out and "at most 6 needless per 100" in out
    assert "replaying 2025-01" in err, "progress is not in the result"
    page = (tmp_path / "build" / "evaluate-delay.html").read_text()
    assert "<svg" in page and "http" not in page.replace("http-equiv", "")
    assert (tmp_path / "build" / "evaluate-delay.png").read_bytes().startswith(b"\x89PNG")


def test_as_json_there_is_nothing_else_and_what_could_not_be_measured_is_null(tmp_path):
    code, out, _ = asked(tmp_path, "--json", "--peak", "01-15:01-20")
    report = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert code == 0
    assert report["hand_over"]["streaming"]["n"] > 50
    assert set(report["peaks"]) == {"inside peaks", "outside peaks"}
    assert report["hand_over"]["promised date"]["precision"] is None


def test_a_file_that_is_not_there_is_one_line_and_exit_code_2(tmp_path):
    code, out, err = asked(tmp_path, file=tmp_path / "none.csv")
    assert (code, out) == (2, "")
    assert err.startswith("aftercare: ") and err.count("\n") == 1


def test_an_unknown_field_names_those_there_are(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main([str(written(tmp_path)), "--column", "shipped=x"])
    assert end.value.code == 2
    assert "handed" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--miss-cost", "-1"], ["--lead-days", "nan"], ["--needless-per-100", "few"]])
def test_an_amount_that_is_none_is_said_before_anything_is_read(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(["none.csv", *words])
    assert end.value.code == 2
    assert "expected a number from 0 on" in capsys.readouterr().err


def test_the_budget_lets_through_no_more_than_every_alert():
    report = evaluation.evaluate(history(), threshold=0.2, needless_per_100=1.0, with_lightgbm=False)
    assert 0 < report["notices"]["per_100"] < report["alerts"]["per_100"]


def test_the_word_of_the_command_runs_the_evaluation_by_its_name(tmp_path, capsys):
    words = argparse.ArgumentParser().add_subparsers()
    command.add(words)
    given = words.choices["evaluate"].parse_args(
        ["delay", str(written(tmp_path)), "--column", "destination_region=ship_to", "--json", "--to-folder", str(tmp_path)]
    )
    assert given.run(given) == 0
    assert json.loads(capsys.readouterr().out)["orders"] == 150


def test_the_page_about_the_command_names_every_field_and_every_option():
    page = (ROOT / "docs" / "evaluate-delay.md").read_text(encoding="utf-8")
    for field in fields(orders.Columns):
        assert f"`{field.name}`" in page
    for option in [o for action in parser()._actions for o in action.option_strings if o.startswith("--")]:
        assert f"`{option}" in page or option == "--help"


SHARED = ROOT.parent / "shared" / "data"
ABSENT = pytest.mark.skipif(not SHARED.is_dir(), reason="the evaluation data is not beside this repository")


@pytest.mark.shared
@ABSENT
def test_the_floors_hold_on_the_marketplace_history():
    report = evaluation.evaluate(
        orders.open_rows(SHARED / "olist_orders.csv.gz"),
        since=datetime(2018, 2, 1, tzinfo=UTC),
        centroids=orders.read_centroids(SHARED / "br_zip3_centroids.csv.gz"),
        with_lightgbm=False,
    )
    found = report["hand_over"]["streaming"]
    assert found["auc"] >= 0.80
    assert found["pr_auc"] >= 0.385
    assert found["logloss"] <= 0.280
    assert found["mae"] <= 5.05
    assert 0.75 <= found["cover80"] <= 0.85
    assert report["state"]["mb_per_20000"] < 1
    assert report["state"]["largest"] < 4096


@pytest.mark.shared
@ABSENT
def test_the_floors_hold_where_most_dates_are_agreed():
    rows = orders.open_rows(SHARED / "scms_delivery.csv.gz")
    found = evaluation.evaluate(rows, orders.SCMS, with_lightgbm=False)["hand_over"]["streaming"]
    assert found["brier"] <= found["brier_base"]
    assert found["auc"] >= 0.75
    assert found["cover80"] >= 0.75


# ---------------------------------------------------------------- a store's own export


def exported(tmp_path, change=lambda text: text, name="orders.csv", number=150):
    text = "\n".join([HEADER, *(",".join(row.values()) for row in history(number))])
    path = tmp_path / name
    changed = change(text)
    path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    return path


def evaluated(tmp_path, path, *words):
    out, err = io.StringIO(), io.StringIO()
    code = main([str(path), "--no-lightgbm", "--json", "--to-folder", str(tmp_path / "build"), *words], out, err)
    return code, json.loads(out.getvalue()) if out.getvalue() else None, err.getvalue()


@pytest.mark.parametrize("change", [
    lambda t: "\ufeff" + t,
    lambda t: t.replace(",", ";"),
    lambda t: t.replace(",", "\t"),
    lambda t: t.replace(",", ";").replace("4.5", "4,5"),
    lambda t: t.replace("\n", "\r\n"),
    lambda t: t.replace(":00,", ":00 +0000,"),
    lambda t: t.replace(":00,", ":00.123Z,"),
    lambda t: t.replace(",carrier_ts", ", carrier_ts ").replace(",category", ""),
    lambda t: gzip.compress(t.encode()),
])  # fmt: skip
def test_the_same_history_in_another_dress_is_read(tmp_path, change):
    code, report, _ = evaluated(tmp_path, exported(tmp_path, change))
    assert (code, report["orders"], report["bad"]["n"]) == (0, 150, 0)


def test_what_nobody_can_read_is_counted_and_stops_nothing(tmp_path):
    rows = ["x", ",,,,", "9,2025-01-01 08:00:00", '9,"' + "x" * 140_000 + '",', ",".join(["9", *["0001-01-01 00:00:00"] * 3])]
    rows += ["9,2025-01-01,2025-01-01,2025-01-03,9999-12-31", "9,2025-01-01,2025-01-01,2099-01-03,2025-01-09", '9,"unclosed']
    code, report, _ = evaluated(tmp_path, exported(tmp_path, lambda text: "\n".join([text, *rows])))
    assert (code, report["orders"], report["bad"]["n"]) == (0, 150, 8)
    assert report["bad"]["lines"] == list(range(152, 160))


def test_a_measure_that_is_none_takes_no_part(tmp_path):
    for measure in ("nan", "inf", "-5", "1e400", "n/a", ""):
        path = exported(tmp_path, lambda text, measure=measure: text.replace(",500,coffee,4.5", f",{measure},coffee,{measure}"))
        code, report, _ = evaluated(tmp_path, path)
        assert (code, report["orders"]) == (0, 150), measure


def test_an_export_without_promises_still_shows_how_good_the_days_are(tmp_path):
    code, report, _ = evaluated(tmp_path, exported(tmp_path, lambda text: text.replace("estimated_date", "other")))
    ours = report["hand_over"]["streaming"]
    assert (code, ours["n"], ours["promised"], ours["auc"]) == (0, 150, 0, None)
    assert ours["mae"] < report["hand_over"]["global distribution"]["mae"]
    assert "promised date" not in report["hand_over"]
    assert main([str(tmp_path / "orders.csv"), "--to-folder", str(tmp_path)], io.StringIO(), io.StringIO()) == 0


def test_an_order_without_a_promise_changes_nothing_about_the_others_lateness(tmp_path):
    rows = list(history(60))
    for row in rows[::2]:
        row["estimated_date"] = ""
    report = evaluation.evaluate(rows, with_lightgbm=False)
    ours = report["hand_over"]["streaming"]
    assert (ours["n"], ours["promised"]) == (60, 30)
    assert sum(row["n"] for row in ours["reliability"]) == 30


@pytest.mark.parametrize(("words", "said"), [
    (["--column", "seller=store"], "no column 'store' for 'seller'"),
    (["--column", "handed=shipped"], "no column 'shipped' for 'handed'"),
])  # fmt: skip
def test_a_column_that_was_named_and_is_not_there_is_said_at_once(tmp_path, words, said):
    code, report, err = evaluated(tmp_path, exported(tmp_path), *words)
    assert (code, report) == (2, None)
    assert said in err and "purchase_ts" in err and err.count("\n") == 1


def test_days_with_the_day_first_are_read_as_the_store_says(tmp_path):
    form = "%d/%m/%Y %H:%M"

    def british(text):
        return re.sub(r"(\d{4})-(\d\d)-(\d\d)( \d\d:\d\d)?(:\d\d)?", lambda m: f"{m[3]}/{m[2]}/{m[1]}{m[4] or ' 00:00'}", text)

    path = exported(tmp_path, british)
    assert evaluated(tmp_path, path)[0] == 1, "nobody can see which number is the month"
    code, report, _ = evaluated(tmp_path, path, "--dates", form)
    assert (code, report["orders"]) == (0, 150)
    assert min(report["months"]) == "2025-01"


def test_each_parcel_of_an_order_is_its_own_alert():
    rows = [{**row, "order_id": "one"} for row in history()]
    own = evaluation.evaluate(history(), threshold=0.2, with_lightgbm=False)["alerts"]
    assert evaluation.evaluate(rows, threshold=0.2, with_lightgbm=False)["alerts"] == own


@pytest.mark.parametrize(
    "damaged", [lambda zipped: zipped[:-20], lambda zipped: zipped[:40] + b"\xff" * 40], ids=["cut", "changed"]
)
def test_a_damaged_archive_is_one_line_and_exit_code_2(tmp_path, damaged):
    path = exported(tmp_path, lambda text: damaged(gzip.compress(text.encode())), name="orders.csv.gz")
    code, report, err = evaluated(tmp_path, path)
    assert (code, report) == (2, None)
    assert err.startswith("aftercare: ") and err.count("\n") == 1


def test_without_what_draws_there_is_no_picture_and_a_result(tmp_path, monkeypatch):
    def missing(*_):
        raise ModuleNotFoundError(name="matplotlib")

    monkeypatch.setattr("aftercare.evaluation.pictures.draw_reliability", missing)
    code, report, err = evaluated(tmp_path, exported(tmp_path))
    assert (code, report["orders"]) == (0, 150)
    assert "matplotlib is not installed" in err
    assert (tmp_path / "build" / "evaluate-delay.html").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "build").write_text("a file")
    code, report, err = evaluated(tmp_path, exported(tmp_path))
    assert (code, report["orders"]) == (2, 150)
    assert "cannot be written" in err
