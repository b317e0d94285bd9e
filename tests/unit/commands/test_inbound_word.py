"""`aftercare inbound`: what people wrote is read where the records are."""

import json

import pytest

from aftercare import inbound
from aftercare.table import Put
from simulator.commands import records
from simulator.commands.main import main
from simulator.commands.options import ROOT


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main(list(arguments))
        return code, *capsys.readouterr()

    sample = ROOT / "events/aftercare.consent/AddressSuppressed.json"
    assert call("invoke", "helpdesk_bridge", str(sample), "--backend", "memory")[0] == 0
    return call


def wrote(text, customer="c0anna", ref="t1"):
    where = records.RunRecords(None)
    written = inbound.Written(channel="sms", number="+4915112345678", at=where.now, text=text)
    if customer:
        where.tables.write([inbound.keep(customer, ref, written, where.now, new=True)])
    else:
        due = {"due_kind": "inbound", "due_at": "2026-01-01T00:00:00.000000Z"}
        where.tables.write([Put(inbound.place("", ref, where.now), {"body": written.to_json().encode(), **due})])
    where.keep()


def test_without_a_text_there_is_nothing_to_read(run):
    assert run("inbound", "list", "--json") == (0, "[]\n", "")


def test_what_was_written_is_listed_until_somebody_has_read_it(run):
    wrote("Where is my grinder?")
    wrote("Do you sell beans?", customer=None, ref="t2")
    code, out, _ = run("inbound", "list")
    assert code == 1
    assert "Where is my grinder?" in out and "customer c0anna" in out
    assert "Do you sell beans?" in out and "nobody known" in out
    assert run("inbound", "done", "t9")[0] == 2
    assert run("inbound", "done", "t1")[0] == 0
    assert run("inbound", "done", "t2")[0] == 0
    assert run("inbound", "list", "--json") == (0, "[]\n", "")
    assert run("inbound", "done", "t1")[0] == 2, "it was read before"


def test_as_json_each_text_says_whose_it_is(run):
    wrote("Where is it?")
    code, out, _ = run("inbound", "list", "--json")
    (one,) = json.loads(out)
    assert code == 1 and (one["ref"], one["customer"], one["text"]) == ("t1", "c0anna", "Where is it?")


def test_a_text_moves_no_cursor_and_hides_no_line(run):
    wrote("\x1b[2Jhello\r\n  t9  forged line")
    _, out, _ = run("inbound", "list")
    assert "\x1b" not in out and "\r" not in out
    assert "\n  t9" not in out


def test_a_text_without_words_is_named_as_such(run):
    wrote("")
    assert "no text" in run("inbound", "list")[1]
