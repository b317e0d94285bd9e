"""`aftercare evaluate reorder`: files read as they are, forecasts that see nothing of the future, the figures on open data."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from reorder_reminder.depletion import Bought, Thing
from reorder_reminder.evaluation.command import main
from reorder_reminder.evaluation.replay import replay

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "complete_journey_replenish.csv.gz"


def purchases(path, rows, header=("customer", "product", "day", "family", "quantity")):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def history(customers=30, times=8, every=28):
    """Customers who each buy soap at their own pace."""
    rows = []
    for number in range(customers):
        pace = every + number % 7
        rows += [(f"c{number}", "soap", _day(number + pace * n), "bath", 1 + n % 2) for n in range(times)]
    return rows


def _day(number):
    return (date(2026, 1, 1) + timedelta(days=number)).isoformat()


def run(*words):
    out, err = io.StringIO(), io.StringIO()
    code = main([str(word) for word in words], out, err)
    return code, out.getvalue(), err.getvalue()


def test_a_report_has_every_method_beside_ours_and_pictures_of_the_gate(tmp_path):
    code, out, err = run(purchases(tmp_path / "a.csv", history()), "--json", "--to-folder", tmp_path)
    report = json.loads(out)
    assert code == 0
    assert {"streaming", "fixed 28", "own mean", "product median"} <= set(report["methods"])
    ours = report["methods"]["streaming"]
    assert ours["n"] > 0
    assert ours["near_7"] > 0.9
    assert 0.0 <= report["gate"]["ece"] <= 1.0
    assert "replaying 2026-03" in err
    assert "Reliability diagram" in (tmp_path / "evaluate-reorder.html").read_text(encoding="utf-8")


def test_the_report_can_be_read_by_people(tmp_path):
    code, out, _ = run(purchases(tmp_path / "a.csv", history()), "--to-folder", tmp_path)
    assert code == 0
    assert "hits_top_fifth" in out
    assert "reliability" in out


def test_the_files_of_a_layout_are_known_by_their_columns_and_own_columns_by_their_names(tmp_path):
    header = ("buyer", "thing", "on")
    rows = [(c, p, d) for c, p, d, *_ in history()]
    file = purchases(tmp_path / "own.csv", rows, header)
    words = ("--column", "customer=buyer", "--column", "product=thing", "--column", "day=on")
    assert run(file, *words, "--to-folder", tmp_path)[0] == 0
    code, _, err = run(file)
    assert code == 2
    assert "has no column 'customer'" in err


def test_bad_rows_are_counted_and_stop_nothing(tmp_path):
    rows = [
        *history(),
        ("", "soap", "2026-02-01", "bath", 1),
        ("x", "soap", "soon", "bath", 1),
        ("x", "soap", "2026-02-01", "b", 0),
    ]
    code, out, _ = run(purchases(tmp_path / "a.csv", rows), "--json", "--to-folder", tmp_path)
    assert code == 0
    assert json.loads(out)["bad"] == {"no customer or product": 1, "no such day or quantity": 1, "nothing bought": 1}


def test_what_is_left_out_is_not_looked_at(tmp_path):
    file = purchases(tmp_path / "a.csv", history())
    code, out, _ = run(file, "--leave-out", "bath", "--json")
    assert code == 1
    assert json.loads(out)["left_out"] == len(history())


def test_an_unreadable_file_is_said_in_one_line(tmp_path):
    code, _, err = run(tmp_path / "none.csv")
    assert (code, err.count("\n")) == (2, 1)


def test_no_forecast_sees_what_comes_after_it():
    """Everything up to a day is foretold the same, whatever follows."""
    soap = Thing("bath/soap", "bath", 28.0)
    early = {f"c{n}": tuple(Bought(float(day)) for day in range(n, 150, 20 + n)) for n in range(12)}
    late = {name: (*times, *(Bought(float(day)) for day in (151, 153, 200))) for name, times in early.items()}
    one, other = (replay({name: {soap: times} for name, times in each.items()}, lambda _: None).all for each in (early, late))
    assert [(o.day, o.chance, o.said["streaming"]) for o in one] == [
        (o.day, o.chance, o.said["streaming"]) for o in other if o.day < 150
    ]


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs the purchases of Complete Journey, which lie outside this repository")
def test_the_figures_on_complete_journey(tmp_path):
    code, out, _ = run(SHARED, "--no-lightgbm", "--json", "--to-folder", tmp_path)
    assert code == 0
    ours = json.loads(out)["methods"]["streaming"]
    assert ours["mae"] <= 18.2
    assert ours["median_ae"] <= 12.5
    assert ours["hits"] >= 0.12
    assert ours["hits_top_fifth"] >= 0.37
    assert ours["near_7"] >= 0.40
