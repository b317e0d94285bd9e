"""Who is asked to confirm a consent, when, and how often."""

from datetime import timedelta

import pytest

from aftercare.consent import Channel, Purpose, Says
from aftercare.consent_policy import consent_policy
from aftercare.events import ConsentData, Told
from aftercare.proposal import Nothing
from consent_confirmation.handler import Because, ask
from tests.builders import ANNA, NOON, a_customer, consent_of, said

RULE = consent_policy().double_opt_in
DAY = timedelta(days=1)


def told(purpose=Purpose.REORDER):
    data = ConsentData(customer_id=ANNA, channel=Channel.EMAIL, purpose=purpose, says=Says.PENDING)
    return Told("ConsentChanged", "e1", NOON, "k1", data)


def waits(purpose=Purpose.REORDER, number=0, **more):
    return said(purpose, Says.PENDING, **{"asks": True, "sequence": f"2026#x#{number:02d}", **more})


def asked(*statements, purpose=Purpose.REORDER, rule=RULE, now=NOON):
    customer = a_customer(consent=consent_of(*statements) if statements else None)
    return ask(customer, purpose, rule, now, told(purpose))


def test_one_mail_asks_and_one_reminds_and_both_end_with_the_link():
    first, reminder = asked(waits())
    assert first.not_before is None
    assert reminder.not_before == NOON + RULE.remind_after_days * DAY
    assert first.not_after == reminder.not_after == NOON + 14 * DAY
    assert {p.purpose for p in (first, reminder)} == {Purpose.TRANSACTIONAL}
    assert first.key != reminder.key
    assert reminder.not_before + timedelta(days=reminder.numbers["days"]) == first.not_after


def test_purposes_that_were_consented_to_at_once_are_asked_for_in_one_mail_and_later_ones_in_another():
    both = (waits(), waits(Purpose.PROMOTIONAL, 1))
    keys = {asked(*both, purpose=p)[0].key for p in (Purpose.REORDER, Purpose.PROMOTIONAL)}
    assert len(keys) == 1
    later = waits(at=NOON + DAY, sequence="2027#y#00")
    assert asked(*both, later)[0].key not in keys


def test_no_reminder_where_the_store_wants_none():
    assert len(asked(waits(), rule=RULE.model_copy(update={"remind_after_days": None}))) == 1


@pytest.mark.parametrize(
    ("statements", "now", "because"),
    [
        ((), NOON, Because.NOT_WAITING),
        ((said(Purpose.REORDER),), NOON, Because.NOT_WAITING),
        ((waits(), said(Purpose.REORDER, Says.WITHDRAWN, at=NOON, sequence="w")), NOON, Because.NOT_WAITING),
        ((waits(asks=False),), NOON, Because.NOT_OURS),
        ((waits(),), NOON + 14 * DAY, Because.TOO_LATE),
    ],
)
def test_nobody_is_asked_without_a_consent_that_waits_for_us(statements, now, because):
    assert asked(*statements, now=now) == Nothing(because)


def test_a_customer_who_is_gone_is_not_asked():
    assert ask(None, Purpose.REORDER, RULE, NOON, told()) == Nothing(Because.CUSTOMER_GONE)
