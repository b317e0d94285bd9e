"""The benchmark's table: what a bar is, and when it holds."""

import json

import pytest

from simulator.bench.measure import BARS, Result
from simulator.commands.main import main


@pytest.mark.parametrize(
    ("value", "good", "ok"),
    [
        (1.3, "at most", True),
        (1.31, "at most", False),
        (1.3, "at least", True),
        (1.29, "at least", False),
        (None, "at most", None),
    ],
)
def test_a_bar_holds_at_its_value(value, good, ok):
    result = Result("P1", "what", value, 1.3, good)
    assert result.ok is ok
    assert list(result.as_json()) == ["id", "what", "value", "bar", "good", "ok", "unit", "note"]
    json.dumps(result.as_json())


def test_an_unknown_bar_is_one_line(capsys):
    assert main(["bench", "--only", "P99"]) == 2
    assert capsys.readouterr().err == f"aftercare: --only P99: expected one of {', '.join(BARS)}\n"
