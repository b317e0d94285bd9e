"""The head is the fold of what was said, whatever the order of arrival."""

from datetime import timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from aftercare.consent import (
    Channel,
    ConsentRecord,
    Declaration,
    Purpose,
    Says,
    Statement,
    Suppression,
    Weight,
    clamp,
    declare,
    fold,
    suppress,
)
from aftercare.consent_log import consent_after
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


places = st.tuples(st.sampled_from(Channel), st.sampled_from(Purpose))
everything = st.lists(
    st.builds(
        lambda place, says, minutes, weight, address, n, marks: said(
            place[1], says, at=NOON + timedelta(minutes=minutes), channel=place[0], sequence=f"s{n}", weight=weight,
            address=address, **dict.fromkeys(marks, True),
        ),
        places, st.sampled_from(Says), st.integers(0, 3), st.sampled_from(Weight), st.sampled_from([None, "h1", "h2"]),
        st.integers(0, 10**6), st.sets(st.sampled_from(["confirmed", "asks", "took"])),
    ),
    max_size=14,
    unique_by=lambda s: s.sequence,
)  # fmt: skip
"""What may be said on all channels, for all purposes and addresses, within minutes of each other."""

inquiries = st.lists(
    st.builds(
        lambda kind, minutes, n: Declaration(
            kind=kind, said_at=NOON + timedelta(minutes=minutes), heard_at=NOON, sequence=f"d{n}", source="test"
        ),
        st.sampled_from(["sale_opt_out", "sale_opt_in", "inquiry", "behaviour_opt_in", "behaviour_opt_out"]),
        st.integers(0, 3),
        st.integers(0, 10**6),
    ),
    max_size=5,
    unique_by=lambda d: d.sequence,
)


def rank(one):
    """By the rule as it is written: what the person said and every withdrawal before what was only seen; then the later
    one; a withdrawal wins a tie; then the person's own word; then the server's sequence."""
    person = one.weight is Weight.EXPLICIT
    withdrawn = one.says is Says.WITHDRAWN
    return (person or withdrawn, one.said_at, withdrawn, person, one.sequence)


@given(everything, inquiries, st.randoms(use_true_random=False), st.integers(1, 4))
def test_in_any_order_and_in_any_deliveries_the_record_is_the_same(what, declared, random, parts):
    """Each statement alone, or several of one delivery: heads, opt-out of sale and inquiry come out as of all at once."""
    whole = declare(fold(ConsentRecord(), what), declared)
    shuffled = [*what, *declared]
    random.shuffle(shuffled)
    record = ConsentRecord()
    for part in range(parts):
        batch = shuffled[part::parts]
        heard = [one for one in batch if isinstance(one, Statement)]
        record = consent_after(record, heard, declared=[one for one in batch if isinstance(one, Declaration)]).record
    assert (record.heads, record.sale, record.behaviour, record.inquired_at) == (
        whole.heads,
        whole.sale,
        whole.behaviour,
        whole.inquired_at,
    )


@given(everything)
def test_the_head_of_each_channel_and_purpose_is_the_greatest_of_what_was_said_of_it(what):
    record = fold(ConsentRecord(), what)
    for channel in Channel:
        for purpose in Purpose:
            own = [one for one in what if (one.channel, one.purpose) == (channel, purpose)]
            head = record.head(channel, purpose)
            if not own:
                assert head is None
                continue
            winner = max(own, key=rank)
            assert (head.proof, head.says, head.said_at) == (winner.sequence, winner.says, winner.said_at)
            assert (head.address, head.confirmed, head.asks) == (winner.address, winner.confirmed, winner.asks)


@given(everything)
def test_a_withdrawal_holds_until_the_person_themselves_says_otherwise_later(what):
    record = fold(ConsentRecord(), what)
    for one in what:
        if one.says is Says.WITHDRAWN:
            head = record.head(one.channel, one.purpose)
            stronger = head.weight is Weight.EXPLICIT and head.said_at > one.said_at
            assert head.says is Says.WITHDRAWN or stronger


@given(everything, everything)
def test_what_is_said_of_one_purpose_moves_no_other(what, more):
    """No purpose stands for another, and no channel for another."""
    record = fold(ConsentRecord(), what)
    for channel in Channel:
        for purpose in Purpose:
            others = [
                one.model_copy(update={"sequence": f"m{one.sequence}"})
                for one in more
                if (one.channel, one.purpose) != (channel, purpose)
            ]
            assert fold(record, others).head(channel, purpose) == record.head(channel, purpose)


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
