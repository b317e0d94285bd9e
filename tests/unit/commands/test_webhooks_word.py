"""`aftercare webhooks`: checking endpoints, and opening one that was closed."""

import base64
import json
from datetime import UTC, datetime

import pytest

from aftercare import keys
from aftercare.endpoints import close
from simulator.commands import records
from simulator.commands.main import main
from simulator.commands.options import ROOT

SECRET = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
DESK = {"url": "https://desk.example.com/a-secret-path", "secrets": [SECRET], "events": ["SupportCaseOpened"]}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main(list(arguments))
        return code, *capsys.readouterr()

    return call


def test_a_file_of_endpoints_is_checked_without_showing_its_secrets(run, tmp_path):
    (tmp_path / "endpoints.json").write_text(json.dumps({"helpdesk": DESK}))
    code, out, _ = run("webhooks", "check", "endpoints.json")
    assert code == 0 and "desk.example.com" in out and "SupportCaseOpened; ids only" in out
    assert "secret-path" not in out and SECRET not in out
    code, out, _ = run("webhooks", "check", "endpoints.json", "--json")
    assert json.loads(out) == [
        {"name": "helpdesk", "host": "desk.example.com", "events": ["SupportCaseOpened"], "share": [], "third_party": False}
        | {"secrets": 1}
    ]


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"helpdesk": {**DESK, "url": "https://10.0.0.1/"}})])
def test_what_cannot_be_used_is_bad_input_in_one_line(run, tmp_path, text):
    (tmp_path / "endpoints.json").write_text(text)
    code, _, err = run("webhooks", "check", "endpoints.json")
    assert code == 2 and err.count("\n") == 1
    assert run("webhooks", "check", "nowhere.json")[0] == 2


def test_a_closed_endpoint_is_shown_until_it_is_opened(run):
    sample = ROOT / "events/aftercare.consent/AddressSuppressed.json"
    assert run("invoke", "helpdesk_bridge", str(sample), "--backend", "memory")[0] == 0
    code, out, _ = run("webhooks", "list", "--json")
    assert (code, json.loads(out)) == (0, {"endpoints": [], "closed": []})
    where = records.RunRecords(None)
    where.tables.write([close("helpdesk", "410 Gone", datetime(2026, 3, 2, 12, 0, tzinfo=UTC))])
    where.keep()
    code, out, _ = run("webhooks", "list")
    assert code == 1 and "helpdesk" in out and "410 Gone" in out
    assert run("webhooks", "open", "crm")[0] == 2
    assert run("webhooks", "open", "helpdesk")[0] == 0
    assert run("webhooks", "list")[0] == 0
    assert records.RunRecords(None).tables.read([keys.endpoint("helpdesk")]) == {}
