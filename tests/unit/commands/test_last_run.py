"""What a run leaves behind can be read back as it was."""

from decimal import Decimal

from simulator.commands.last_run import LastRun, load


def test_numbers_that_a_binary_fraction_would_round_and_bytes_come_back_as_they_were(tmp_path):
    item = {"pk": "DELAY#shape", "sk": "0", "n0": Decimal("0.1234567890123456789"), "n1": 3, "raw": b"\x00\xff", "told": True}
    run = LastRun("demo", "a run", "memory", 1, "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", tables={"knowledge": [item]})
    path = run.save(tmp_path / "state.json")
    assert load(path).tables == {"knowledge": [item]}
