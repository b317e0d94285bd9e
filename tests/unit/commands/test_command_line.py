"""Every word of the command: its exit codes, its JSON, and one line for bad input."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.commands.command_line import WORDS
from simulator.commands.main import main

ORDER = {
    "version": "0",
    "id": "4151a9f4-0794-5e9b-8cce-195c04f5bbde",
    "detail-type": "OrderPlaced",
    "source": "store.example",
    "account": "123456789012",
    "time": "2026-03-02T09:15:30Z",
    "region": "eu-central-1",
    "resources": [],
    "detail": {
        "event_id": "order-1070",
        "ref": "1070",
        "occurred_at": "2026-03-02T09:15:28Z",
        "order": {
            "name": "#1070",
            "placed_at": "2026-03-02T09:15:28Z",
            "contact": {"email": "anna@example.com", "name": "Anna Keane"},
            "country": "IE",
            "total": {"amount": "23.90", "currency": "EUR"},
            "lines": [{"line_ref": "1", "title": "House espresso", "product_type": "Coffee", "quantity": 1, "sku": "COF-1000"}],
        },
    },
}

SCENARIO = """\
scenario: One order
customers:
  anna: {name: Anna Keane, email: anna@example.com, country: IE}
products:
  coffee: {title: House espresso, type: Coffee, price: 23.90 EUR, sku: COF-1000}
steps:
  - {at: day 0 09:15, order: {ref: "1", customer: anna, lines: coffee, by: store}}
expect:
  - {message: "order-confirmation#larkfield:1", settlement: SENT, reason: sent, at: day 0 09:15, customer: anna}
  - {message: "reorder-reminder#*", settlement: none}
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def call(capsys):
    """Run the command: (exit code, stdout, stderr)."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture
def a_run(tmp_path, call):
    """The state that a scenario left."""
    path = written(tmp_path, "one.yaml", SCENARIO)
    assert call("simulate", path, "--backend", "memory")[0] == 0


def one_line(err):
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return lines[0]


# ---------------------------------------------------------------- the command itself


def test_without_a_word_it_says_how_it_is_called(call):
    code, out, err = call()
    assert (code, out) == (2, "")
    assert "WORD" in one_line(err)


def test_an_unknown_word_or_option_is_one_line(call):
    assert call("dance")[0] == 2
    code, _, err = call("why", "anna", "--loudly")
    assert code == 2
    assert "--loudly" in one_line(err)


def test_help_lists_every_word(call):
    code, out, _ = call("--help")
    assert code == 0
    assert all(f"\n    {word}" in out for word in WORDS)


# ---------------------------------------------------------------- simulate


def test_a_scenario_that_comes_as_expected_exits_0(tmp_path, call):
    code, out, _ = call("simulate", written(tmp_path, "one.yaml", SCENARIO), "--backend", "memory")
    assert code == 0
    assert "2 of 2 expectations hold" in out


def test_a_difference_is_shown_and_exits_1(tmp_path, call):
    different = SCENARIO.replace("settlement: SENT, reason: sent", "settlement: REFUSED, reason: no_consent")
    code, out, _ = call("simulate", written(tmp_path, "one.yaml", different), "--backend", "memory")
    assert code == 1
    assert "expected  REFUSED no_consent at 2026-03-02 09:15" in out
    assert "found     order-confirmation#larkfield:1 SENT sent by email at 2026-03-02 09:15:00" in out


@pytest.mark.parametrize(
    ("old", "new", "expected", "found"),
    [
        ('"order-confirmation#larkfield:1"', '"order-confirmation#larkfield:2"', "SENT", "no such message was considered"),
        ("at: day 0 09:15, customer", "at: day 0 09:16, customer", "SENT sent at 2026-03-02 09:16", "order-confirmation"),
        ('message: "reorder-reminder#*"', 'message: "*"', "none", "order-confirmation#larkfield:1 SENT"),
    ],
)
def test_each_kind_of_difference_is_found(tmp_path, call, old, new, expected, found):
    code, out, _ = call("simulate", written(tmp_path, "one.yaml", SCENARIO.replace(old, new)), "--backend", "memory", "--json")
    assert code == 1
    difference = json.loads(out)["scenarios"][0]["differences"][0]
    assert difference["expected"].startswith(expected)
    assert found in difference["found"]


def test_exactly_finds_what_nobody_expected(tmp_path, call):
    text = SCENARIO.partition("expect:")[0] + "exactly: true\n"
    code, out, _ = call("simulate", written(tmp_path, "one.yaml", text), "--backend", "memory", "--json")
    assert code == 1
    assert json.loads(out)["scenarios"][0]["differences"] == [
        {
            "message": "order-confirmation#larkfield:1",
            "expected": "nothing",
            "found": "order-confirmation#larkfield:1 SENT sent by email at 2026-03-02 09:15:00",
        }
    ]


def test_a_bad_scenario_is_one_line_with_file_line_and_field(tmp_path, call):
    path = written(tmp_path, "bad.yaml", SCENARIO.replace("customer: anna, lines", "customer: bob, lines"))
    code, out, err = call("simulate", path, "--backend", "memory")
    assert (code, out) == (2, "")
    assert one_line(err) == f"aftercare: {path}:7: steps[0].order.customer: expected one of the customers: anna"


def test_the_report_of_a_scenario_stands_alone(tmp_path, call):
    report = tmp_path / "report.html"
    path = written(tmp_path, "one.yaml", SCENARIO)
    assert call("simulate", path, "--backend", "memory", "--report", report)[0] == 0
    page = report.read_text()
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "<link" not in page
    assert "Anna Keane" in page
    assert "nothing was settled under this key before" in page


def test_what_a_customer_wrote_is_no_markup_in_the_report(tmp_path, call):
    report = tmp_path / "report.html"
    evil = SCENARIO.replace("name: Anna Keane", "name: '<script>alert(1)</script>'")
    assert call("simulate", written(tmp_path, "one.yaml", evil), "--backend", "memory", "--report", report)[0] == 0
    assert "<script>" not in report.read_text()


# ---------------------------------------------------------------- replay


def test_replay_gives_exactly_the_fields_that_are_promised(tmp_path, call):
    """Two orders: only who came back is reminded."""
    again = {**ORDER, "id": "again", "time": "2026-03-22T09:15:30Z"}
    again["detail"] = {**ORDER["detail"], "event_id": "2", "ref": "1071", "occurred_at": "2026-03-22T09:15:28Z"}
    again["detail"]["order"] = {**ORDER["detail"]["order"], "placed_at": "2026-03-22T09:15:28Z"}
    path = written(tmp_path, "orders.json", [ORDER, again])
    code, out, _ = call("replay", path, "--backend", "memory", "--days", "20", "--json")
    told = json.loads(out)
    assert code == 0
    assert list(told) == ["requests", "messages"]
    assert told["requests"] == [{"file": str(path), "status": 200, "facts": ["OrderPlaced"], "parked": None}] * 2
    assert [list(message) for message in told["messages"]] == [
        ["key", "customer", "purpose", "template", "channel", "settlement", "reason", "at"]
    ] * 3
    confirmation, _, reminder = told["messages"]
    assert (confirmation["key"], confirmation["settlement"]) == ("order-confirmation#example:1070", "SENT")
    assert confirmation["at"].startswith("2026-03-02T09:15:3")
    assert (reminder["settlement"], reminder["reason"], reminder["channel"]) == ("REFUSED", "no_consent", None)


def test_the_clock_starts_at_the_requests_own_time_and_moves_forward(tmp_path, call):
    later = {**ORDER, "time": "2026-03-05T09:15:30Z", "detail": {**ORDER["detail"], "event_id": "2", "ref": "1071"}}
    later["detail"]["order"] = {**ORDER["detail"]["order"], "placed_at": "2026-03-05T09:15:28Z"}
    path = written(tmp_path, "orders.json", [ORDER, later])
    told = json.loads(call("replay", path, "--backend", "memory", "--json")[1])
    assert [message["at"][:10] for message in told["messages"]] == ["2026-03-02", "2026-03-05"]
    assert [request["file"] for request in told["requests"]] == [str(path), str(path)]


def test_a_second_time_is_known_and_records_nothing(tmp_path, call):
    path = written(tmp_path, "order.json", ORDER)
    told = json.loads(call("replay", path, path, "--backend", "memory", "--json")[1])
    assert [request["facts"] for request in told["requests"]] == [["OrderPlaced"], []]
    assert len(told["messages"]) == 1


def test_a_wrong_field_is_parked_with_its_reason(tmp_path, call):
    wrong = {**ORDER, "detail": {**ORDER["detail"], "occurred_at": "yesterday"}}
    told = json.loads(call("replay", written(tmp_path, "order.json", wrong), "--backend", "memory", "--json")[1])
    assert told["requests"][0]["facts"] == []
    assert told["requests"][0]["parked"].startswith("detail.occurred_at: ")
    assert told["messages"] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "order.json:1: expected JSON"),
        ("[]", "expected at least one request"),
        ("7", "expected a JSON object"),
        ('{"a": 1}', "expected requestContext (an HTTP API event) or detail-type (an EventBridge event)"),
        ('{"detail-type": "OrderPlaced", "source": "store.example", "detail": {}}', "time: expected RFC 3339"),
        ('{"requestContext": {"http": {"method": "POST", "path": "/"}}}', "requestContext.timeEpoch: expected milliseconds"),
        ('{"version": "1.0", "httpMethod": "POST"}', "payload format 2.0"),
    ],
)
def test_a_file_that_is_no_request_is_one_line(tmp_path, call, content, words):
    path = written(tmp_path, "order.json", content)
    code, _, err = call("replay", path, "--backend", "memory")
    assert code == 2
    line = one_line(err)
    assert line.startswith(f"aftercare: {path}")
    assert words in line


def test_one_file_that_is_no_request_is_named_and_the_others_are_replayed(tmp_path, call):
    timeless = written(tmp_path, "timeless.json", {name: value for name, value in ORDER.items() if name != "time"})
    order = written(tmp_path, "order.json", ORDER)
    code, out, err = call("replay", timeless, tmp_path / "none.json", order, "--backend", "memory", "--json")
    told = json.loads(out)
    assert code == 2
    assert [line.partition(": expected")[0] for line in err.splitlines()] == [
        f"aftercare: {timeless}: time",
        f"aftercare: {tmp_path / 'none.json'}: cannot be read: No such file or directory",
    ]
    assert [(request["status"], request["facts"]) for request in told["requests"]] == [
        (None, []),
        (None, []),
        (200, ["OrderPlaced"]),
    ]
    assert told["requests"][0]["parked"].startswith(f"{timeless}: time: expected RFC 3339")
    assert [message["settlement"] for message in told["messages"]] == ["SENT"]


def test_a_message_that_ends_in_a_dead_letter_queue_is_named_and_exits_1(tmp_path, call):
    """An event of the engine's own bus that no function can read: it is tried five times, then kept."""
    unread = {**ORDER, "source": "aftercare.orders", "detail": {"metadata": {}, "data": {}}}
    path = written(tmp_path, "unread.json", unread)
    code, out, err = call("replay", path, "--backend", "memory", "--days", "1", "--json")
    assert code == 1
    assert list(json.loads(out)) == ["requests", "messages"]
    assert "aftercare: OrderConfirmationDeadLetters keeps 1 message that no function could work on" in err
    assert json.loads(call("redrive", "OrderConfirmationDeadLetters", "--dry-run", "--json")[1])["messages"]


def test_a_request_written_by_hand_needs_no_stage(tmp_path, call):
    http = {"method": "POST", "path": "/webhooks/shopify"}
    request = {"rawPath": "/webhooks/shopify", "headers": {}, "body": "{}", "requestContext": {"timeEpoch": 1, "http": http}}
    told = json.loads(call("replay", written(tmp_path, "hand.json", request), "--backend", "memory", "--json")[1])
    assert told["requests"][0]["status"] == 401


HOSTILE = {
    "empty": b"",
    "binary": bytes(range(256)),
    "latin": b'{"a": "\xe9"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "a NUL": b'{"a": "\x00"}',
    "too deep": b"[" * 200_000,
    "a number of 5000 digits": b"1" * 5_000,
    "NaN": b'{"a": NaN}',
    "text": b'"x"',
    "null": b"null",
    "year 9999": b'{"detail-type": "OrderPlaced", "source": "store.x", "time": "9999-12-31T23:59:59Z", "detail": {}}',
    "year 1": b'{"detail-type": "OrderPlaced", "source": "store.x", "time": "0001-01-01T00:00:00+14:00", "detail": {}}',
    "larger than a bus takes": json.dumps({**ORDER, "detail": {"ref": "x" * 2_000_000}}).encode(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "word", [("simulate",), ("replay", "--json"), ("events", "validate"), ("invoke", "nobody")], ids=" ".join
)
def test_whatever_a_file_holds_the_answer_is_one_line_that_names_it(tmp_path, call, word, content):
    path = tmp_path / "given"
    path.write_bytes(content)
    code, out, err = call(*word, path)
    assert code in (1, 2)
    line = one_line(err) if err else out.splitlines()[0]
    assert str(path) in line or "no function nobody" in line


@pytest.mark.parametrize("word", [("simulate",), ("replay",), ("events", "validate"), ("invoke", "store_intake")], ids=" ".join)
@pytest.mark.parametrize("path", [".", "none", "a\0b"], ids=["a folder", "missing", "a NUL"])
def test_a_path_that_is_no_file_is_one_line(call, word, path):
    code, _, err = call(*word, path)
    assert code == 2
    assert one_line(err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("parked", "list", "--days", "-1"),
        ("parked", "list", "--days", "9999999"),
        ("redrive", "GateDeadLetters", "--dry-run", "--limit", "0"),
        ("redrive", "GateDeadLetters", "--dry-run", "--rate", "nan"),
        ("why", "x" * 3000),
        ("why", "shop:" + "x" * 3000),
        ("why", "\0"),
        ("templates", "preview", "order-confirmation", "--locale", "../../de"),
        ("templates", "preview", "order-confirmation", "--locale", "klingon"),
        ("templates", "preview", "order-confirmation", "--locale", ""),
        ("templates", "preview", "order-confirmation", "--to", "one.yaml/x"),
        ("bench", "--only", "P1", "--to", "one.yaml/x/bench.json"),
        ("serve", "--port", "99999", "--backend", "memory"),
        ("evaluate", "delay", "none.csv"),
    ],
    ids=lambda arguments: " ".join(arguments)[:40].replace("\0", "NUL"),
)
@pytest.mark.usefixtures("a_run")
def test_an_argument_that_cannot_be_is_one_line(call, arguments):
    code, _, err = call(*arguments)
    assert code == 2
    assert one_line(err)


@pytest.mark.parametrize(
    "change", [{"now": "yesterday"}, {"tables": {"customers": ["x"]}}, {"tables": {"customers": [{"pk": "x"}]}}]
)
@pytest.mark.usefixtures("a_run")
def test_a_state_that_was_edited_is_one_line(tmp_path, call, change):
    state = tmp_path / "build/last-run/state.json"
    edited = written(tmp_path, "edited.json", {**json.loads(state.read_text()), **change})
    code, _, err = call("why", "anna@example.com", "--state", edited)
    assert code == 2
    assert one_line(err).startswith(f"aftercare: {edited}: ")


def test_a_reader_who_has_seen_enough_and_a_terminal_that_knows_ascii_only_are_no_trouble(tmp_path):
    """`aftercare ... | head -1`, in the C locale: no traceback, no complaint at exit."""
    root = Path(__file__).parents[3]  # where the project is not installed, it is found by path
    path = os.pathsep.join(str(root / part) for part in (".", "layers/shared"))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": "", "PYTHONPATH": path}
    with subprocess.Popen(
        [sys.executable, "-m", "simulator.commands.main", "demo", "--backend", "memory"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
    ) as running:
        running.stdout.read(1)
        running.stdout.close()
        said = running.stderr.read().decode()
    assert running.returncode == 0, said
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_a_missing_file_and_a_wrong_secret_option_are_one_line(tmp_path, call):
    assert "cannot be read" in one_line(call("replay", tmp_path / "none.json")[2])
    path = written(tmp_path, "order.json", ORDER)
    assert "--secret: expected SENDER=TEXT" in one_line(call("replay", path, "--secret", "shopify")[2])


# ---------------------------------------------------------------- invoke


def test_invoke_prints_the_answer(tmp_path, call):
    code, out, _ = call("invoke", "store_intake", written(tmp_path, "order.json", ORDER), "--backend", "memory")
    assert code == 0
    assert json.loads(out)["facts"] == ["OrderPlaced"]


def test_what_is_given_comes_first(tmp_path, call):
    path = written(tmp_path, "order.json", ORDER)
    code, out, _ = call("invoke", "StoreIntakeFunction", path, "--given", path, "--backend", "memory")
    assert code == 0
    assert json.loads(out)["status"] == "duplicate"


def test_an_unknown_function_and_a_function_that_fails_are_one_line(tmp_path, call):
    path = written(tmp_path, "order.json", ORDER)
    assert "StoreIntakeFunction" in one_line(call("invoke", "nobody", path, "--backend", "memory")[2])
    wrong = written(tmp_path, "wrong.json", {**ORDER, "source": "aftercare.orders", "detail-type": "Nonsense"})
    code, _, err = call("invoke", "order_confirmation", wrong, "--backend", "memory")
    assert code == 2
    assert "UnknownEvent" in one_line(err)


# ---------------------------------------------------------------- events validate


def test_a_valid_event_is_said_so(tmp_path, call):
    code, out, _ = call("events", "validate", written(tmp_path, "order.json", ORDER))
    assert (code, out) == (0, "1 event is valid\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": "shop.example"}, "source: expected store.<name>"),
        ({"detail-type": "OrderPlacd"}, "detail-type: expected one of AnnouncementPublished"),
        ({"detail": {**ORDER["detail"], "ref": None}}, "detail.ref: "),
        ({"detail": {**ORDER["detail"], "colour": "red"}}, "detail.colour: is no field of OrderPlaced"),
        ({"source": "aftercare.orders"}, "detail.metadata: expected id"),
        ({"source": "aftercare.customers"}, "source: expected aftercare.orders for OrderPlaced"),
    ],
)
def test_a_wrong_event_names_file_field_and_expectation(tmp_path, call, change, words):
    path = written(tmp_path, "order.json", {**ORDER, **change})
    code, out, _ = call("events", "validate", path)
    assert code == 1
    assert out.splitlines()[0].startswith(f"{path}: {words}")
    told = json.loads(call("events", "validate", path, "--json")[1])
    assert told["checked"] == 1
    assert set(told["errors"][0]) == {"file", "field", "expected"}


# ---------------------------------------------------------------- why


def test_why_needs_a_run(call):
    code, _, err = call("why", "anna@example.com")
    assert code == 2
    assert "no run is kept here yet" in one_line(err)


@pytest.mark.parametrize("who", ["anna@example.com", "Anna@Example.com ", "larkfield:1"])
@pytest.mark.usefixtures("a_run")
def test_why_finds_the_customer_by_address_or_order_and_says_each_message(call, who):
    code, out, _ = call("why", who)
    assert code == 0
    assert "order-confirmation#larkfield:1" in out
    assert "Sent by e-mail: the provider took it" in out


@pytest.mark.usefixtures("a_run")
def test_why_says_a_message_rule_by_rule_in_words(call):
    code, out, _ = call("why", "anna@example.com", "order-confirmation")
    assert code == 0
    for words in ("✓ Settled before?", "nothing was settled under this key before", "e-mail needs no opt-in", "→ Sent"):
        assert words in out
    told = json.loads(call("why", "anna@example.com", "order-confirmation*", "--json")[1])
    steps = told["messages"][0]["decisions"][0]["steps"]
    in_words = "nothing was settled under this key before"
    assert steps[0] == {"rule": "duplicate", "said": "pass", "because": None, "in_words": in_words, "saw": {}}


@pytest.mark.usefixtures("a_run")
def test_why_as_of_a_time_knows_nothing_that_came_later(call):
    told = json.loads(call("why", "anna@example.com", "--json")[1])
    decided = told["messages"][0]["decisions"][0]["at"]
    day = decided[:10]
    assert "0 messages considered" in call("why", "anna@example.com", "--at", f"{day}T00:00Z")[1]
    then = json.loads(call("why", "anna@example.com", "--at", decided, "--json")[1])
    assert then["messages"] == [m for m in told["messages"] if m["decisions"][0]["at"] <= decided]
    code, _, err = call("why", "anna@example.com", "--at", "yesterday")
    assert (code, one_line(err)) == (2, one_line(err))
    assert "expected a time with its offset" in err


@pytest.mark.usefixtures("a_run")
def test_an_unknown_customer_or_message_is_one_line(call):
    assert "nobody of that id" in one_line(call("why", "bob@example.com")[2])
    line = one_line(call("why", "anna@example.com", "survey")[2])
    assert "expected one of this customer's messages: order-confirmation#larkfield:1" in line


def test_a_state_that_is_none_is_one_line(tmp_path, call):
    path = written(tmp_path, "state.json", {"format": 99})
    assert "format: expected" in one_line(call("why", "anna", "--state", path)[2])
    assert "no such file" in one_line(call("why", "anna", "--state", tmp_path / "none.json")[2])


# ---------------------------------------------------------------- operators' words


@pytest.mark.usefixtures("a_run")
def test_the_switch_is_shown_and_set(call):
    assert json.loads(call("switch", "show", "--json")[1])["otherwise"] == "on"
    code, out, _ = call("switch", "set", "off", "--purpose", "promotional", "--channel", "email", "--json")
    assert code == 0
    assert json.loads(out)["modes"] == {"promotional#email": "off"}
    call("switch", "set", "allowlist", "--allow", "anna@example.com")
    kept = json.loads(call("switch", "show", "--json")[1])
    assert (kept["otherwise"], kept["modes"], len(kept["allowed"])) == ("allowlist", {}, 1)
    assert "anna" not in json.dumps(kept["allowed"])
    assert "expected an e-mail address" in one_line(call("switch", "set", "on", "--allow", "anna")[2])


def a_lost_send(tmp_path, call, until):
    """A run that ends with one parked message."""
    lost = SCENARIO.partition("expect:")[0].replace(
        "steps:\n",
        f"until: {until}\nsteps:\n"
        "  - {at: day 0 09:10, fault: {function: message_gate, effect: mail.send, kind: timeout-before}}\n",
    )
    assert call("simulate", written(tmp_path, "lost.yaml", lost), "--backend", "memory")[0] == 0


def test_a_parked_message_is_sent_once_more_by_the_gate_when_an_operator_says_so_and_why(tmp_path, call, monkeypatch):
    monkeypatch.setenv("LOGNAME", "olga")
    a_lost_send(tmp_path, call, "day 0 20:00")
    key = "order-confirmation#larkfield:1"
    assert "--note: is required to resend" in one_line(call("parked", "resolve", key, "resend")[2])
    code, out, _ = call("parked", "resolve", key, "resend", "--note", "not in the mail log", "--json")
    assert code == 0
    assert (json.loads(out)["settlement"], json.loads(out)["reason"]) == ("SENT", "sent")
    told = json.loads(call("why", "anna@example.com", key, "--json")[1])["messages"][0]
    states = [decision["state"] for decision in told["decisions"]]
    assert states == ["CLAIMED", "UNKNOWN", "PARKED", "HELD", "CLAIMED", "SENT"]
    resent = told["decisions"][3]
    assert (resent["note"], resent["caused_by"]) == ("not in the mail log", "operator:olga")
    assert [step["rule"] for step in told["decisions"][4]["steps"]][:2] == ["duplicate", "expired"]
    assert "(not in the mail log; by olga)" in call("why", "anna@example.com", key)[1]
    kept = json.loads((tmp_path / "build/last-run/state.json").read_text())
    assert [message["settlement"] for message in kept["messages"] if message["key"] == key] == ["SENT"]
    assert len(kept["mails"]) == 1
    assert "expected the id or key of a parked message" in one_line(call("parked", "resolve", key, "resend", "--note", "x")[2])


def test_what_is_sent_once_more_is_decided_by_the_rules_as_they_stand(tmp_path, call):
    a_lost_send(tmp_path, call, "day 0 20:00")
    call("switch", "set", "dry")
    out = call("parked", "resolve", "order-confirmation#larkfield:1", "resend", "--note", "try", "--json")[1]
    assert (json.loads(out)["settlement"], json.loads(out)["reason"]) == ("REFUSED", "dry_run")


def test_after_its_window_a_message_is_not_sent_once_more_and_stays_parked(tmp_path, call):
    a_lost_send(tmp_path, call, "day 2")
    code, _, err = call("parked", "resolve", "order-confirmation#larkfield:1", "resend", "--note", "late")
    assert code == 2
    assert "its window closed Tue 3 Mar 2026" in one_line(err)
    assert len(json.loads(call("parked", "list", "--json")[1])["messages"]) == 1


def test_a_parked_message_is_listed_and_resolved_once(tmp_path, call):
    a_lost_send(tmp_path, call, "day 2")
    code, out, _ = call("parked", "list", "--json")
    assert code == 1
    (message,) = json.loads(out)["messages"]
    assert message["reason"] == "outcome_never_learned"
    code, out, _ = call("parked", "resolve", message["message_id"], "confirm-sent", "--note", "seen in the mail log")
    assert code == 0
    assert "an operator confirmed that it was sent" in out
    assert call("parked", "list")[0] == 0
    assert "expected the id or key of a parked message" in one_line(call("parked", "resolve", message["key"], "drop")[2])
    assert "seen in the mail log" in call("why", "anna@example.com", "order-confirmation")[1]


def test_a_parked_delivery_is_listed_with_its_reason(tmp_path, call):
    wrong = {**ORDER, "detail": {**ORDER["detail"], "occurred_at": "yesterday"}}
    call("replay", written(tmp_path, "order.json", wrong), "--backend", "memory")
    code, out, _ = call("parked", "list", "--json")
    assert code == 1
    (delivery,) = json.loads(out)["deliveries"]
    assert (delivery["sender"], delivery["topic"]) == ("store", "OrderPlaced")
    assert delivery["reason"].startswith("detail.occurred_at")


@pytest.mark.usefixtures("a_run")
def test_redrive_here_can_only_look(call):
    assert call("redrive", "GateDeadLetters", "--dry-run")[0] == 0
    assert "the local cloud ended with its run" in one_line(call("redrive", "GateDeadLetters")[2])
    for unknown in ("GateQueue", "NoSuchDeadLetters"):
        assert re.search(f"queue {unknown}: expected one of .*GateDeadLetters", one_line(call("redrive", unknown)[2]))
    assert "cannot be redriven" in one_line(call("redrive", "RelayStreamFailures")[2])
    assert "--reason: is required" in one_line(call("redrive", "GateDeadLetters", "--stack", "aftercare")[2])


# ---------------------------------------------------------------- templates


def test_the_templates_are_in_order_and_can_be_looked_at(tmp_path, call):
    assert call("templates", "check")[0] == 0
    code, out, _ = call("templates", "preview", "order-confirmation", "--locale", "de", "--to", tmp_path / "seen", "--json")
    assert code == 0
    paths = [each["path"] for each in json.loads(out)["written"]]
    assert [path.rpartition(".")[2] for path in paths] == ["html", "txt"]
    assert "<html" in (tmp_path / "seen" / paths[0].rpartition("/")[2]).read_text()
    assert "template: expected one of" in one_line(call("templates", "preview", "nonsense")[2])


def test_a_preview_shows_the_text_message_with_its_segments_where_the_template_has_one(tmp_path, call):
    code, out, _ = call("templates", "preview", "parcel-shipped", "--locale", "de", "--to", tmp_path / "seen", "--json")
    written = json.loads(out)["written"]
    assert code == 0 and [each["path"].rpartition("/")[2].split(".", 3)[3] for each in written] == ["html", "txt", "sms.txt"]
    assert written[-1]["sms"]["segments"] == 1
    assert (tmp_path / "seen" / written[-1]["path"].rpartition("/")[2]).read_text().startswith("Larkfield: ")
    assert "1 segment, " in call("templates", "preview", "parcel-shipped", "--locale", "de", "--to", tmp_path / "seen")[1]


def test_a_preview_in_another_locale_than_asked_says_which_and_why(tmp_path, call):
    asked = ("templates", "preview", "order-confirmation", "--to", tmp_path / "seen")
    code, out, err = call(*asked, "--locale", "xx")
    assert code == 0
    assert one_line(err) == (
        "aftercare: locale xx: written as en, in the words of en: brand.yaml offers en, de, and en is its default"
    )
    assert all(path.endswith((".usual.en.html", ".usual.en.txt")) for path in out.split())
    _, out, _ = call(*asked, "--locale", "xx", "--json")
    told = json.loads(out)["written"][0]
    assert (told["asked"], told["locale"], told["words"], told["because"]) == ("xx", "en", "en", one_line(err).split(": ", 3)[3])
    assert call(*asked, "--locale", "de-AT")[2] == ""


# ---------------------------------------------------------------- Ctrl-C

INTERRUPTED = """\
import sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
from simulator.commands.main import main
sys.exit(main(["demo"]))
"""


@pytest.mark.parametrize(
    "name", ["argparse", "simulator.commands.command_line", "simulator.commands.demo", "pydantic", "moto", "message_gate"]
)
def test_who_stops_the_demo_while_it_is_still_loading_gets_one_line(tmp_path, name):
    root = Path(__file__).parents[3]
    path = os.pathsep.join(str(root / part) for part in (".", "layers/shared"))
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(name=name)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 130, ended.stderr
    said = [line for line in ended.stderr.splitlines() if not line.startswith(("booting", "day "))]
    assert said == ["aftercare: stopped"]


# ---------------------------------------------------------------- demo


def test_the_demo_comes_as_it_expects_in_memory(tmp_path, call):
    code, out, _ = call("demo", "--backend", "memory", "--json")
    told = json.loads(out)
    assert (code, told["differences"]) == (0, [])
    assert (tmp_path / told["report"]).exists()
    assert len(told["written"]) == sum(message["settlement"] == "SENT" for message in told["messages"])
    for path in told["written"]:
        for suffix in (".html", ".txt", ".eml"):
            assert (tmp_path / path).with_suffix(suffix).stat().st_size > 500
