from datetime import timedelta

import pytest

from aftercare.webhook import Answered, Barred, Unreached
from helpdesk_bridge.reaction import BACKOFF, Close, Done, GiveUp, Later, react


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_taken(status):
    assert react(Answered(status), 0, "e1#desk") == Done()


def test_410_closes_the_endpoint():
    assert react(Answered(410), 3, "e1#desk") == Close("410 Gone")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422])
def test_what_the_receiver_calls_wrong_is_not_tried_again(status):
    assert react(Answered(status), 0, "e1#desk") == GiveUp(str(status))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_a_redirect_is_not_followed(status):
    assert isinstance(react(Answered(status), 0, "e1#desk"), GiveUp)


@pytest.mark.parametrize("answer", [Answered(s) for s in (100, 408, 425, 429, 500, 502, 503, 504)] + [Unreached("TimeoutError")])
def test_what_may_pass_is_tried_again(answer):
    assert isinstance(react(answer, 0, "e1#desk"), Later)


def test_an_address_that_no_webhook_may_go_to_is_given_up_with_its_reason():
    assert react(Barred("its name leads to no public address"), 0, "e") == GiveUp("its name leads to no public address")


def test_the_waits_grow_for_about_a_day_and_then_it_is_given_up():
    waits = [react(Answered(503), attempt, "e1#desk") for attempt in range(len(BACKOFF))]
    assert all(isinstance(wait, Later) for wait in waits)
    assert sum((wait.wait for wait in waits), timedelta()) > timedelta(hours=21)
    for wait, planned in zip(waits, BACKOFF, strict=True):
        assert planned * 0.9 <= wait.wait <= planned * 1.1
    assert react(Answered(503), len(BACKOFF), "e1#desk") == GiveUp("503, 11 times")


def test_two_webhooks_of_a_wave_do_not_come_back_together():
    assert react(Answered(503), 3, "e1#desk") != react(Answered(503), 3, "e2#desk")
    assert react(Answered(503), 3, "e1#desk") == react(Answered(503), 3, "e1#desk")


def test_the_receivers_own_word_on_when_counts_up_to_an_hour():
    assert react(Answered(429, retry_after=900), 0, "e").wait == timedelta(minutes=15)
    assert react(Answered(429, retry_after=999_999), 0, "e").wait == timedelta(hours=1)
    assert react(Answered(503, retry_after=1), 4, "e").wait > timedelta(minutes=20), "never sooner than our own"
