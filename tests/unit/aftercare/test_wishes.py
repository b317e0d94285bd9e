"""What a customer wishes for, and that a wish holds for the very next claim."""

from datetime import time, timedelta

import pytest

from aftercare import keys, ledger, store
from aftercare.consent import Channel, Purpose
from aftercare.consent_log import Spoken, record
from aftercare.wishes import Frequency, QuietHours, Wishes
from tests.builders import NOON
from tests.ledger_items import CUSTOMER, a_message, a_profile

NIGHT = QuietHours(start=time(22), end=time(7), zone="Europe/Berlin")


def wish(small, *wishes):
    waiting = list(wishes)
    record(small, CUSTOMER, lambda *_: Spoken(wishes=waiting[0]), sender="customer", topic="preferences")


def test_a_pause_is_over_at_its_end_and_never_of_news_of_an_order():
    wishes = Wishes(paused_until=NOON)
    before = NOON - timedelta(seconds=1)
    assert [wishes.pause_of(purpose, before) for purpose in Purpose] == [None, NOON, NOON, NOON, NOON]
    assert wishes.pause_of(Purpose.PROMOTIONAL, NOON) is None
    assert Wishes().pause_of(Purpose.PROMOTIONAL, before) is None


def test_wished_channels_come_first_and_the_others_keep_their_order():
    found = Wishes(channels=(Channel.WHATSAPP, Channel.EMAIL)).best_first((Channel.SMS, Channel.EMAIL, Channel.WHATSAPP))
    assert found == (Channel.WHATSAPP, Channel.EMAIL, Channel.SMS)
    assert Wishes().best_first(Channel) == tuple(Channel)


def test_wishes_are_kept_beside_consent_and_come_back_with_the_one_query(small):
    a_profile(small)
    wishes = Wishes(language="de", frequency=Frequency.WEEKLY, paused_until=NOON, quiet=NIGHT, channels=(Channel.SMS,))
    wish(small, wishes)
    small.tables.calls.clear()
    customer = store.load(small.tables, CUSTOMER)
    assert small.tables.calls == ["partition"]
    assert customer.wishes == wishes.model_copy(update={"version": 1})


def test_the_next_claim_sees_that_wishes_changed_as_it_sees_a_withdrawal(small):
    a_profile(small)
    before = store.load(small.tables, CUSTOMER)
    wish(small, Wishes(paused_until=NOON))
    claim = ledger.claim(small.tables, before, a_message(), "t1", small.clock.now(), held=None)
    assert claim == ledger.Lost()
    now = store.load(small.tables, CUSTOMER)
    assert isinstance(ledger.claim(small.tables, now, a_message(), "t1", small.clock.now(), held=None), ledger.Claimed)


def test_two_pages_that_save_at_once_are_one_after_the_other(small):
    a_profile(small)
    other = Wishes(language="de")
    small.tables.before_write.append(lambda: wish(small, other))
    seen = []

    def speak(customer, now, sequence):
        seen.append(customer.wishes.language)
        return Spoken(wishes=customer.wishes.model_copy(update={"frequency": Frequency.WEEKLY}))

    after = record(small, CUSTOMER, speak, sender="customer", topic="preferences")
    assert seen == [None, "de"]
    kept = store.load(small.tables, CUSTOMER).wishes
    assert after.wishes == kept == Wishes(version=2, language="de", frequency=Frequency.WEEKLY)
    assert [i["sk"] for i in small.items(f"CUSTOMER#{CUSTOMER}")] == [keys.CONSENT, keys.PROFILE, keys.WISHES]


@pytest.mark.parametrize(
    "bad", [{"language": "de-AT"}, {"language": "x" * 9}, {"frequency": "daily"}, {"paused_until": "2026-03-02"}]
)
def test_a_wish_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="validation error"):
        Wishes(**bad)
