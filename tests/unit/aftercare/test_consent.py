"""The head is the fold of what was said, whatever the order of arrival."""

from datetime import timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from aftercare.consent import Channel, ConsentRecord, Purpose, Says, Suppression, Weight, clamp, fold, suppress
from tests.builders import NOON, consent_of, said

statements = st.lists(
    st.builds(
        lambda purpose, says, minutes, weight, n: said(
            purpose, says, at=NOON + timedelta(minutes=minutes), sequence=f"s{n}", weight=weight
        ),
        st.sampled_from(Purpose),
        st.sampled_from(Says),
        st.integers(0, 3),
        st.sampled_from(Weight),
        st.integers(0, 10**6),
    ),
    max_size=6,
    unique_by=lambda s: s.sequence,
)


@given(statements, st.randoms(use_true_random=False))
def test_every_order_of_arrival_gives_the_same_heads(what, random):
    shuffled = list(what)
    random.shuffle(shuffled)
    assert fold(ConsentRecord(), what).heads == fold(ConsentRecord(), shuffled).heads


@given(statements)
def test_hearing_everything_twice_changes_nothing(what):
    once = fold(ConsentRecord(), what)
    assert fold(once, what) is once


def test_a_withdrawal_wins_a_tie():
    yes, no = said(says=Says.GIVEN, sequence="z"), said(says=Says.WITHDRAWN, sequence="a")
    for order in permutations((yes, no)):
        head = fold(ConsentRecord(), order).head(Channel.EMAIL, Purpose.PROMOTIONAL)
        assert head.says is Says.WITHDRAWN


def test_an_observed_state_never_overrides_what_the_person_said_even_when_it_is_newer():
    explicit = said(says=Says.WITHDRAWN, sequence="a")
    observed = said(says=Says.GIVEN, at=NOON + timedelta(days=9), sequence="b", weight=Weight.OBSERVED)
    for order in permutations((explicit, observed)):
        assert fold(ConsentRecord(), order).head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.WITHDRAWN


def test_every_change_moves_the_version_and_no_change_does_not():
    record = fold(ConsentRecord(), [said()])
    assert record.version == 1
    assert fold(record, [said()]).version == 1
    gone = suppress(record, Suppression(channel=Channel.EMAIL, address_hash="h", reason="complaint", since=NOON))
    assert gone.version == 2
    assert suppress(gone, gone.suppressed[0]) is gone


def test_a_wrong_clock_cannot_win_for_ever():
    for says in Says:
        assert clamp(NOON + timedelta(days=400), NOON, says) == NOON + timedelta(minutes=5)
        assert clamp(NOON, NOON, says) == NOON
    assert clamp(NOON - timedelta(days=400), NOON, Says.WITHDRAWN) == NOON - timedelta(hours=24)


def test_a_consent_that_comes_ten_days_late_does_not_beat_a_withdrawal_made_since():
    given_then = clamp(NOON - timedelta(days=10), NOON, Says.GIVEN)
    assert given_then == NOON - timedelta(days=10)
    withdrawn = said(says=Says.WITHDRAWN, at=NOON - timedelta(days=2), sequence="a")
    late = said(says=Says.GIVEN, at=given_then, sequence="b")
    assert consent_of(withdrawn, late).head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.WITHDRAWN
