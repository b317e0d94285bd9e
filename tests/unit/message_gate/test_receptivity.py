"""The hour at which a customer is used to answer, and what no answer does to the spacing."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aftercare.consent import Channel, Purpose
from aftercare.decision import Hold, Pass, Reason
from aftercare.learned import Learned, weight
from message_gate.channel_policy import channel_policy
from message_gate.frequency import frequency_policy, stretch
from message_gate.receptivity import SPREAD, next_at, receptive_hour
from message_gate.rules import send_time
from tests.builders import NOON, a_customer, a_proposal, an_order, consent_of, said
from tests.unit.message_gate.test_rules import a_candidate, reorder_proposal

RULE = channel_policy().hour
BERLIN = ZoneInfo("Europe/Berlin")


def used_to(hour, acts=8.0):
    return Learned(hours={hour: acts * float(weight(NOON))}, answered={Channel.EMAIL: acts})


def waits(learned, proposal=None, now=NOON):
    given = proposal or reorder_proposal(not_after=NOON + timedelta(days=7))
    customer = a_customer(an_order(), learned=learned, consent=consent_of(said(Purpose.REORDER)))
    return send_time(a_candidate(given, customer, now=now))


def test_too_few_acts_or_acts_all_over_the_day_name_no_hour():
    assert receptive_hour({19: RULE.acts - 1}, RULE) is None
    assert receptive_hour(dict.fromkeys(range(24), 1.0), RULE) is None
    assert receptive_hour({19: 6.0, 20: 3.0, 8: 1.0}, RULE) == 19


def test_acts_around_midnight_are_neighbours():
    assert receptive_hour({23: 3.0, 0: 3.0, 1: 2.0}, RULE) == 0


def test_what_can_wait_leaves_at_the_hour_at_which_the_customer_answers():
    verdict = waits(used_to(19))
    assert isinstance(verdict, Hold)
    assert verdict.because is Reason.BETTER_HOUR
    assert verdict.until.astimezone(BERLIN).hour == 19
    assert verdict.until - NOON < timedelta(days=1)
    assert isinstance(waits(used_to(19), now=verdict.until), Pass), "then it goes"


def test_where_nothing_is_learned_it_goes_at_once():
    assert isinstance(waits(Learned()), Pass)


def test_news_of_an_order_wait_for_no_hour():
    assert isinstance(waits(used_to(19), a_proposal()), Pass)


def test_a_message_whose_window_ends_before_that_hour_goes_at_once():
    assert isinstance(waits(used_to(19), reorder_proposal(not_after=NOON + timedelta(hours=2))), Pass)


@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)])
@pytest.mark.parametrize("hour", [1, 2, 3])
def test_the_hour_is_the_persons_own_when_clocks_change(day, hour):
    at = next_at(hour, BERLIN, day, 0.5)
    assert at is not None
    assert at.astimezone(BERLIN).hour == hour
    assert timedelta(0) < at - day < timedelta(days=2)
    assert at.astimezone(BERLIN).minute == SPREAD.total_seconds() / 120


def test_messages_that_nobody_answers_stretch_the_spacing_until_one_is_answered():
    spacing = frequency_policy().spacing
    said = {
        unanswered: stretch(a_customer(learned=Learned(unanswered=unanswered, delivered_at=NOON)), spacing, NOON)
        for unanswered in (5, 6, 11, 12, 90)
    }
    assert said[5] == (1.0, ()) and said[6] == said[11] == (2.0, ("fading 6",))
    assert said[12] == said[90] == (4.0, ("fading 6", "fading 12"))
    assert Purpose.TRANSACTIONAL not in {p for limit in frequency_policy().caps for p in limit.purposes}
