"""`aftercare export` on the records of a run."""

import json

import pytest

from simulator.commands.last_run import STATE
from simulator.commands.main import main
from tests.small_outside import EVENTS


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files = [str(EVENTS / "store/OrderPlaced.json"), str(EVENTS / "shopify/orders_create.json")]
    assert main(["replay", *files, "--backend", "memory", "--days", "2", "--json"]) in (0, 1)
    capsys.readouterr()

    def call(*arguments):
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_document_comes_by_json_and_changes_nothing(run):
    before = STATE.read_text()
    code, out, _ = run("export", "anna@example.com", "--json")
    found = json.loads(out)
    assert code == 0 and found["format"] == "aftercare-export-1"
    assert {"profile", "order", "message", "evidence", "consent"} <= set(found["kept"])
    assert found["kept"]["message"][0]["record"]["decisions"][0]["trace"], "with the record of why"
    assert STATE.read_text() == before


def test_by_default_it_says_how_much_there_is_and_writes_a_file_for_its_owner_alone(run, tmp_path):
    code, out, _ = run("export", "anna@example.com", "--out", "anna.json")
    assert code == 0 and "order" in out and "anna.json" in out
    assert (tmp_path / "anna.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "anna.json").read_text())["kept"]["order"]
    assert "--json prints it" in run("export", "anna@example.com")[1]


def test_somebody_unknown_and_a_file_that_cannot_be_are_one_line(run):
    assert run("export", "nobody@example.com")[0] == 2
    code, _, err = run("export", "anna@example.com", "--out", "no/such/folder/a.json")
    assert (code, err.count("\n")) == (2, 1)
