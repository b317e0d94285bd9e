"""`aftercare customer` on the records of a run."""

import json

import pytest

from simulator.commands.main import main
from simulator.commands.world import opened
from tests.builders import NOON
from tests.journeys.conftest import Shop


@pytest.fixture
def ran(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with opened("memory", 3, NOON) as world:
        shop = Shop(world.cloud)
        for n in range(5):
            shop.order(f"a{n}", email="anna@example.com")
            world.cloud.advance(days=20)
        shop.order("b", email="ben@example.com")
        world.cloud.advance(days=5)
        world.save("simulate", "coffee")


def told(capsys, *words):
    assert main(["customer", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_three_quarters_stand_with_what_else_is_expected(ran, capsys):
    anna = told(capsys, "anna@example.com")
    ahead = anna["prospects"]
    assert (anna["bought"]["orders"], anna["segments"]["lifecycle"]) == (5, "repeat")
    assert 0.8 < ahead["p_active"] < 1 and 0 < ahead["churn_risk"] < 0.5 and ahead["days"] == 365
    assert ahead["at"] < ahead["next_order"]["p25"] < ahead["next_order"]["p50"] < ahead["next_order"]["p75"]
    assert ahead["spend"]["currency"] == "EUR" and float(ahead["spend"]["amount"]) > 0
    assert (ahead["fitted_to"], ahead["fitted_on"]) == (0, None)
    noted = anna["next_order_noted"]
    assert anna["bought"]["last"] < noted["p25"] < noted["p50"] < noted["p75"]
    assert [one["family"] for one in anna["interests"]] == ["coffee"]
    soon = told(capsys, "anna@example.com", "--days", "30")["prospects"]
    assert soon["orders"] < ahead["orders"] and soon["next_order"] == ahead["next_order"]


def test_it_is_told_in_words_and_found_by_order_or_id(ran, capsys):
    assert main(["customer", "coffee:b"]) == 0
    printed = capsys.readouterr().out
    for words in ("bought once: nobody can tell yet", "the starting values", "next order, P50", "no prices learned yet"):
        assert words in printed
    ben = told(capsys, "coffee:b")["customer"]
    assert told(capsys, ben)["customer"] == ben


def test_who_is_unknown_and_a_horizon_that_is_none_are_bad_input(ran, capsys):
    assert main(["customer", "nobody@example.com"]) == 2
    assert main(["customer", "anna@example.com", "--days", "0"]) == 2
    assert "--days 0: expected 1 to 3650" in capsys.readouterr().err
