"""Signed links open one thing for one purpose, until their time is over."""

from datetime import timedelta

import pytest

from aftercare.links import BadLink, ExpiredLink, Link, LinkPurpose, read_keys, sign, verify
from tests.builders import NOON

KEYS = read_keys("first secret")
LINK = Link("c0anna", "example:1070", int((NOON + timedelta(days=60)).timestamp()))


def test_a_link_opens_what_it_was_signed_for():
    assert verify(KEYS, LinkPurpose.STATUS, sign(KEYS, LinkPurpose.STATUS, LINK), NOON) == LINK


@pytest.mark.parametrize("other", [p for p in LinkPurpose if p is not LinkPurpose.STATUS])
def test_a_token_for_one_purpose_fails_for_every_other(other):
    with pytest.raises(BadLink):
        verify(KEYS, other, sign(KEYS, LinkPurpose.STATUS, LINK), NOON)


def test_changing_any_character_breaks_it():
    token = sign(KEYS, LinkPurpose.STATUS, LINK)
    for place in range(len(token)):
        forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        try:
            assert verify(KEYS, LinkPurpose.STATUS, forged, NOON) == LINK, "only spare bits of the last character may differ"
            assert place == len(token) - 1
        except BadLink:
            pass


def test_an_expired_link_says_that_it_is_expired_and_not_forged():
    with pytest.raises(ExpiredLink):
        verify(KEYS, LinkPurpose.STATUS, sign(KEYS, LinkPurpose.STATUS, LINK), NOON + timedelta(days=61))


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies():
    old = sign(KEYS, LinkPurpose.STATUS, LINK)
    both = read_keys('{"keys": {"1": "first secret", "2": "second secret"}}')
    assert verify(both, LinkPurpose.STATUS, old, NOON) == LINK
    fresh = sign(both, LinkPurpose.STATUS, LINK)
    with pytest.raises(BadLink):
        verify(KEYS, LinkPurpose.STATUS, fresh, NOON)


@pytest.mark.parametrize("noise", ["", "A", "....", "äöü", "AAAA" * 400, "A" * 23])
def test_noise_is_rate_used_up(noise):
    with pytest.raises(BadLink):
        verify(KEYS, LinkPurpose.STATUS, noise, NOON)
