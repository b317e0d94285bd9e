"""How many AWS calls a run makes on the real adapters (bar P9)."""

from simulator.bench import calls


def test_a_state_event_makes_three_calls_and_a_send_five():
    for result in calls.measure(lambda _: None):
        assert result.bar is None or result.ok, f"{result.what}: {result.value}, {result.note}"
