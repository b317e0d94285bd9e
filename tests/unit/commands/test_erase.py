"""`aftercare erase` on the records of a run: the function does it, and the run's own story forgets the person too."""

import json

import pytest

from simulator.commands.last_run import STATE
from simulator.commands.main import main
from tests.small_outside import EVENTS


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A run with two people's orders."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        files = [str(EVENTS / "store/OrderPlaced.json"), str(EVENTS / "shopify/orders_create.json")]
        other = json.loads((EVENTS / "store/OrderPlaced.json").read_text())
        other["detail"]["order"]["contact"] = {"email": "berta@example.org"}
        other["detail"] |= {"event_id": "2", "ref": "2080"}
        other["detail"]["order"] |= {"customer_ref": "C-2"}
        (folder / "other.json").write_text(json.dumps(other))
        assert main(["replay", *files, str(folder / "other.json"), "--backend", "memory", "--days", "2", "--json"]) in (0, 1)
        return (folder / STATE).read_text()


@pytest.fixture
def run(state, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    STATE.parent.mkdir(parents=True)
    STATE.write_text(state)

    def call(*arguments):
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_one_command_erases_a_person_and_says_how_much_there_was(run):
    code, out, _ = run("erase", "anna@example.com", "--yes", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["request"]["outcome"] == "erased"
    assert told["found"]["order"] == 2 and told["found"]["evidence"] >= 1
    text = STATE.read_text()
    assert not [word for word in ("anna@", "Anna", "+4930901820", "C-4711") if word in text]
    assert "berta@example.org" in text
    assert run("why", "anna@example.com")[0] == 2
    assert run("why", "berta@example.org")[0] == 0
    assert run("requests", "list", "--json")[1].strip() == "[]"


def test_who_cannot_be_asked_has_to_say_yes_beforehand(run):
    before = STATE.read_text()
    code, _, err = run("erase", "anna@example.com")
    assert (code, "--yes" in err) == (2, True)
    assert STATE.read_text() == before


@pytest.mark.parametrize(("typed", "erased"), [("no", False), ("", False), (None, True)])
def test_a_person_types_the_id_or_nothing_happens(run, monkeypatch, typed, erased):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    customer = json.loads(run("why", "anna@example.com", "--json")[1])["customer"]
    monkeypatch.setattr("builtins.input", lambda _: customer if typed is None else typed)
    code, out, _ = run("erase", "anna@example.com")
    assert (code, "anna@example.com" in STATE.read_text()) == ((0, False) if erased else (1, True))
    assert ("nothing was changed" in out) is not erased


def test_nobody_is_erased_under_a_name_that_leads_to_nobody(run):
    assert run("erase", "zoe@example.com", "--yes")[0] == 2
