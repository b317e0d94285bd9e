"""How many AWS calls a run makes on the real adapters (bar P9)."""

import pytest

from simulator.bench import calls, channels


def test_a_state_event_makes_three_calls_and_a_send_five():
    for result in calls.measure(lambda _: None):
        assert result.bar is None or result.ok, f"{result.what}: {result.value}, {result.note}"


@pytest.mark.parametrize("channel", channels.CHANNELS)
def test_a_message_takes_five_calls_on_every_channel(channel):
    _, made = channels._run("moto", channel, 2)
    assert sum(made.values()) == 5, made
