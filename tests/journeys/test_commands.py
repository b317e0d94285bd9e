"""The command on the moto backend: the demo, the example scenarios, and captured requests once more."""

import importlib.util
import json
from pathlib import Path

import pytest

from simulator.commands.main import main

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted((ROOT / "tests" / "journeys" / "scenarios").glob("*.yaml"))
PAYLOADS = ROOT.parent / "shared" / "payloads"


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own: (exit code, stdout)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, capsys.readouterr().out

    return run


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_an_example_scenario_comes_as_it_expects(call, path):
    code, out = call("simulate", path, "--json")
    assert json.loads(out)["scenarios"][0]["differences"] == []
    assert code == 0


def test_the_demo_tells_requests_waits_settlements_and_where_everything_lies(call, tmp_path):
    code, out = call("demo")
    assert code == 0
    for words in (
        "order #1001 by Anna Keane → 200, OrderPlaced, ConsentObserved recorded",
        "delivered again → 200, known before",
        "wrong signature → 401, nothing recorded",
        "reorder-reminder#larkfield:2003:coffee wakes: proposed",
        "1004:coffee wakes: nothing: cancelled",
        "Not sent, no consent to this purpose, and no other ground for it",
        "Not sent, the address does not exist: an earlier mail bounced for good",
        "build/demo/report.html",
    ):
        assert words in out
    assert "2001:coffee waits until" in out and "2001:coffee wakes" not in out, "what was bought again is not waited for"
    mails = tmp_path / "build/demo/messages"
    assert len(list(mails.glob("*.eml"))) == len(list(mails.glob("*.html"))) > 10
    code, out = call("why", "finn@example.com", "reorder-reminder", "--json")
    assert json.loads(out)["messages"][0]["reason"] == "channel_turned_off"


def test_both_backends_tell_the_same_of_the_same_scenario(call):
    path = ROOT / "tests" / "journeys" / "scenarios" / "reordered-during-the-wait.yaml"
    told = [call("simulate", path, "--json", "--backend", backend)[1] for backend in ("moto", "memory")]
    assert told[0] == told[1]


def test_the_sample_events_are_replayed_in_their_order(call):
    samples = [ROOT / "events" / "shopify" / "orders_create.json", ROOT / "events" / "shopify" / "orders_paid.json"]
    code, out = call("replay", *samples, "--secret", "shopify=wrong", "--json")
    assert code == 0
    assert [request["status"] for request in json.loads(out)["requests"]] == [401, 401]


def partner_event(request):
    """A signed webhook as Shopify's partner source would bring it: headers as metadata, no signature."""
    headers = {name: value for name, value in request["headers"].items() if "hmac" not in name.lower()}
    return {
        "source": "aws.partner/shopify.com/1234/aftercare",
        "detail-type": "shopifyWebhook",
        "time": "2026-04-02T18:00:28Z",
        "detail": {"payload": json.loads(request["body"]), "metadata": headers},
    }


@pytest.mark.shared
@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the captured payloads are not here")
def test_captured_payloads_are_signed_replayed_and_none_is_an_error(call, tmp_path):
    spec = importlib.util.spec_from_file_location("sign", PAYLOADS / "sign.py")
    sign = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sign)
    files, partner = [], []
    for source in sorted((PAYLOADS / "shopify").glob("*.json")):
        request = sign.request_for(json.loads(source.read_text()), secret="s3cret")
        files.append(tmp_path / source.name)
        files[-1].write_text(json.dumps(sign.http_api_event(request)))
        partner.append(tmp_path / f"partner-{source.name}")
        partner[-1].write_text(json.dumps(partner_event(request)))
    code, out = call("replay", *files, "--secret", "shopify=s3cret", "--json")
    told = json.loads(out)
    assert code == 0
    assert [request["file"] for request in told["requests"]] == [str(path) for path in files]
    assert {request["status"] for request in told["requests"]} == {200}
    assert all(request["facts"] or request["parked"] for request in told["requests"])
    assert told["messages"] == []
    # The same by the partner bus: no signature there, and the same facts.
    by_bus = json.loads(call("replay", *partner, "--json")[1])
    assert [(r["status"], r["facts"], r["parked"]) for r in by_bus["requests"]] == [
        (r["status"], r["facts"], r["parked"]) for r in told["requests"]
    ]
    assert by_bus["messages"] == []
    # The same with another secret is refused before anything is read.
    code, out = call("replay", *files, "--secret", "shopify=another", "--json")
    assert {(r["status"], tuple(r["facts"]), r["parked"]) for r in json.loads(out)["requests"]} == {(401, (), None)}


CARRIERS = ("easypost", "aftership", "shippo", "ship24")


@pytest.mark.shared
@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the captured payloads are not here")
def test_captured_payloads_of_carriers_are_believed_by_their_own_secrets_and_by_no_others(call, tmp_path):
    spec = importlib.util.spec_from_file_location("sign", PAYLOADS / "sign.py")
    sign = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sign)
    files = []
    for source in (path for sender in CARRIERS for path in sorted((PAYLOADS / sender).glob("*.json"))):
        request = sign.request_for(json.loads(source.read_text()), secret="own")
        files.append(tmp_path / source.name)
        files[-1].write_text(json.dumps(sign.http_api_event(request, path=f"/webhooks/{source.parent.name}")))
    secrets = [word for sender in CARRIERS for word in ("--secret", f"{sender}=own")]
    code, out = call("replay", *files, *secrets, "--json", "--backend", "memory")
    told = json.loads(out)
    assert code == 0
    assert {request["status"] for request in told["requests"]} == {200}
    assert all(request["facts"] or request["parked"] for request in told["requests"])
    assert told["messages"] == []
    code, out = call("replay", *files, "--secret", "shopify=own", "--json", "--backend", "memory")
    assert {(r["status"], tuple(r["facts"])) for r in json.loads(out)["requests"]} == {(401, ())}


@pytest.mark.parametrize("backend", ["moto", "memory"])
def test_a_parcel_is_replayed_from_the_order_to_its_scan_and_the_run_can_be_asked_afterwards(call, backend):
    samples = ("shopify/orders_create", "shopify/fulfillments_create", "easypost/tracker_updated")
    files = [ROOT / "events" / f"{name}.json" for name in samples]
    code, out = call("replay", *files, "--json", "--backend", backend)
    told = json.loads(out)
    assert code == 0
    assert [request["facts"] for request in told["requests"]] == [["OrderPlaced"], ["ShipmentCreated"], ["ShipmentMoved"]]
    sent = [message["template"] for message in told["messages"] if message["settlement"] == "SENT"]
    assert sent == ["order-confirmation", "parcel-shipped", "parcel-out-for-delivery"]
    code, out = call("why", "anna@example.com", "parcel-shipped", "--json")
    assert [message["reason"] for message in json.loads(out)["messages"]] == ["sent"]
