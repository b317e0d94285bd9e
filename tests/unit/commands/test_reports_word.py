"""`aftercare reports weekly`: the newest week that is kept, its page as a file, and one line where there is none."""

import gzip
import json

import pytest

from aftercare import keys, tally
from aftercare.table import Put
from simulator.commands import last_run
from simulator.commands.last_run import LastRun
from simulator.commands.main import main

TOLD = {
    "overview": {"customers": 7, "asked": None, "response": {"share": 0.5, "low": 0.3, "high": 0.7}, "turned": None},
    "friction": [{"theme": "delivery", "touchpoint": "delivery", "customers": 7, "negative": None, "money": {"EUR": "12.50"}}],
    "retention": {"first": {"week": "2026-W09", "share": {"share": 0.31, "low": 0.25, "high": 0.38}, "quarter_before": 0.4}},
}


def items(*places):
    found = []
    for shop, week in places:
        key = keys.report(shop, week)
        pages = {f"page_{locale}": gzip.compress(f"<p>{shop} {locale}".encode()) for locale in ("en", "de")}
        put = Put(key, {"told": json.dumps(TOLD), **pages})
        found.append({"pk": key.pk, "sk": key.sk, **put.item})
        there = tally.change(shop, tally.read_week(week), "feedback", {"customers/all": 7})
        found.append({"pk": there.key.pk, "sk": there.key.sk, **there.put, **there.add})
    return found


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, kept=(("lark", "2026-W09"), ("lark", "2026-W10"))):
        run = LastRun("demo", "a demo", "memory", 1, "2026-03-02T09:00:00Z", "2026-03-12T09:00:00Z")
        run.tables = {"customers": [], "knowledge": items(*kept)}
        run.save(last_run.STATE)
        code = main(["reports", "weekly", *arguments])
        return (code, *capsys.readouterr())

    return call


def test_the_newest_week_is_shown_in_short(run):
    code, out, _ = run()
    assert code == 0 and "lark, 2026-W10" in out
    assert "response rate                 50% (30% to 70%)" in out
    assert "came back (retention)         31% (25% to 38%) in 2026-W09, 40% a quarter before" in out
    assert "still buy, of high value      -" in out
    assert "12.50 EUR" in out and "asked                         -" in out


def test_a_week_is_json_and_nothing_else(run):
    code, out, _ = run("--week", "2026-W09", "--json")
    assert code == 0 and json.loads(out) == TOLD


def test_the_page_is_written_in_the_language_that_is_asked_for(run, tmp_path):
    assert run("--html", "week.html", "--locale", "de")[0] == 0
    assert (tmp_path / "week.html").read_text() == "<p>lark de"


@pytest.mark.parametrize(
    ("arguments", "kept", "said"),
    [
        (("--week", "2026-W60"), (), "expected a week such as 2026-W48"),
        (("--week", "2026-W08"), (), "no report of 2026-W08 is kept"),
        ((), (), "no report is kept"),
        ((), (("fox", "2026-W10"), ("lark", "2026-W10")), "expected --shop, one of fox, lark"),
        (("--html", "x.html", "--locale", "fr"), (("lark", "2026-W10"),), "--locale fr: expected one of de, en"),
        (("--html", "no/such/x.html"), (("lark", "2026-W10"),), "cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(run, arguments, kept, said):
    code, out, err = run(*arguments, kept=kept)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


def test_one_of_several_shops_may_be_chosen(run):
    code, out, _ = run("--shop", "fox", kept=(("fox", "2026-W10"), ("lark", "2026-W10")))
    assert code == 0 and "fox, 2026-W10" in out
