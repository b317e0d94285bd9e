"""What is kept of consent, and what may follow from it."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftercare import consent_log, keys, store
from aftercare.consent import (
    AHEAD,
    Actor,
    Channel,
    ConsentRecord,
    Declaration,
    Purpose,
    Says,
    Statement,
    Weight,
    clamp,
    declare,
    fold,
)
from aftercare.consent_log import Spoken, Wording, consent_after, evidence_from, until_confirmed
from aftercare.consent_policy import DoubleOptIn, consent_policy, months_before, revoked
from aftercare.table import Throttled
from tests.builders import NOON, consent_of, said
from tests.ledger_items import CUSTOMER, a_profile

SKEW = timedelta(minutes=15)
PLACES = [(c, p) for c in Channel for p in Purpose]
unhurried = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
"""The first example builds the models' validators."""
DOUBLE = consent_policy().double_opt_in


@st.composite
def heard(draw):
    """Statements as servers with wrong clocks (±15 min) write them, in any order and some of them twice."""
    found = []
    for n in range(draw(st.integers(0, 7))):
        server = NOON + timedelta(minutes=draw(st.integers(0, 60))) + draw(st.sampled_from([-SKEW, timedelta(0), SKEW]))
        says = draw(st.sampled_from(Says))
        claimed = NOON + timedelta(minutes=draw(st.integers(-120, 120)))
        channel, purpose = draw(st.sampled_from(PLACES[:4]))
        found.append(
            said(
                purpose,
                says,
                at=clamp(claimed, server, says),
                heard_at=server,
                channel=channel,
                sequence=f"{server.isoformat()}#{n:02d}",
                weight=draw(st.sampled_from(Weight)),
            )
        )
    return found


@unhurried
@given(heard(), st.randoms(use_true_random=False))
def test_the_head_is_the_fold_of_the_log_in_any_order_with_repetitions_and_wrong_clocks(rows, random):
    again = [*rows, *rows]
    random.shuffle(again)
    assert fold(ConsentRecord(), again).heads == fold(ConsentRecord(), rows).heads


@unhurried
@given(heard())
def test_no_statement_changes_another_channel_or_purpose(rows):
    for place in PLACES:
        alone = [r for r in rows if (r.channel, r.purpose) == place]
        assert fold(ConsentRecord(), rows).head(*place) == fold(ConsentRecord(), alone).head(*place)


@pytest.mark.parametrize(("one", "other"), [(a, b) for a, b in product(PLACES, PLACES) if a != b])
def test_consent_to_one_place_authorises_no_other(one, other):
    record = consent_of(said(one[1], channel=one[0]))
    assert record.head(*other) is None


@unhurried
@given(heard())
def test_a_speakers_clock_never_puts_a_head_further_ahead_of_ours_than_five_minutes(rows):
    latest = max((r.heard_at for r in rows), default=NOON)
    assert all(head.said_at <= latest + AHEAD for head in fold(ConsentRecord(), rows).heads)


def test_absence_changes_nothing():
    record = consent_of(said())
    assert consent_after(record).record is record
    assert consent_after(record).evidence == ()


@given(st.permutations(["sale_opt_in", "sale_opt_out", "inquiry"]), st.lists(st.integers(0, 2), min_size=3, max_size=3))
def test_declarations_fold_in_any_order_and_an_opt_out_wins_a_tie(kinds, minutes):
    rows = [
        Declaration(kind=kind, said_at=NOON + timedelta(minutes=m), heard_at=NOON, sequence=f"{kind}#{m}", source="test")
        for kind, m in zip(kinds, minutes, strict=True)
    ]
    forward, back = declare(ConsentRecord(), rows), declare(ConsentRecord(), rows[::-1])
    assert (forward.sale, forward.inquired_at) == (back.sale, back.inquired_at)
    at = {row.kind: row.said_at for row in rows}
    assert forward.sale.opted_out == (at["sale_opt_out"] >= at["sale_opt_in"])


# ---------------------------------------------------------------- double opt-in


@pytest.mark.parametrize("country", ["DE", "AT", None])
def test_consent_by_mail_is_pending_where_it_must_be_confirmed_or_where_nobody_knows(country):
    now = until_confirmed(said(Purpose.REORDER), ConsentRecord(), DOUBLE, country)
    assert (now.says, now.asks) == (Says.PENDING, True)


def test_elsewhere_or_confirmed_or_for_another_class_it_is_given_at_once():
    for statement, country in (
        (said(), "FR"),
        (said(confirmed=True), "DE"),
        (said(Purpose.SURVEY), "DE"),
        (said(channel=Channel.SMS), "DE"),
    ):
        assert until_confirmed(statement, ConsentRecord(), DOUBLE, country) is statement


def test_a_platforms_own_pending_state_is_not_asked_a_second_time():
    pending = said(says=Says.PENDING)
    assert not until_confirmed(pending, ConsentRecord(), DOUBLE, "DE").asks


def test_a_consent_that_stands_is_not_asked_for_again_but_that_of_another_address_is():
    stands = consent_of(said(address="a"))
    assert until_confirmed(said(address="a", sequence="s2"), stands, DOUBLE, "DE").says is Says.GIVEN
    assert until_confirmed(said(address="b", sequence="s2"), stands, DOUBLE, "DE").says is Says.PENDING


def test_a_withdrawal_needs_no_confirmation():
    gone = said(says=Says.WITHDRAWN)
    assert until_confirmed(gone, consent_of(said()), DOUBLE, "DE") is gone


def test_the_settings_allow_no_link_of_more_than_14_days_and_no_reminder_after_it():
    given = DOUBLE.model_dump()
    for wrong in ({"expires_after_days": 15}, {"expires_after_days": 3, "remind_after_days": 3}):
        with pytest.raises(ValueError, match="days"):
            DoubleOptIn.model_validate({**given, **wrong})


# ---------------------------------------------------------------- keywords


def row(sequence):
    return said(sequence=sequence, source="sms:keyword")


@pytest.mark.parametrize("scope", ["all", "category"])
def test_a_stop_takes_everything_from_2027_on_whatever_the_setting(scope):
    rule = consent_policy().telephone.model_copy(update={"revoke_scope": scope})
    before, after = NOON.replace(year=2027, month=1, day=30), NOON.replace(year=2027, month=1, day=31, hour=0)
    assert len(revoked(rule, Channel.SMS, Purpose.REORDER, after)) == len(Purpose)
    assert len(revoked(rule, Channel.SMS, Purpose.REORDER, before)) == (1 if scope == "category" else len(Purpose))
    assert len(revoked(rule, Channel.SMS, None, before)) == len(Purpose)


def test_a_start_gives_back_what_the_stop_took_and_nothing_else():
    record = consent_of(
        said(Purpose.REORDER, channel=Channel.SMS, sequence="a"),
        said(Purpose.SURVEY, Says.WITHDRAWN, channel=Channel.SMS, sequence="b"),
        said(Purpose.PROMOTIONAL, channel=Channel.EMAIL, sequence="c"),
    )
    places = revoked(consent_policy().telephone, Channel.SMS, None, NOON)
    for _ in range(2):
        record = fold(record, consent_log.stopped(record, places, NOON, row("stop")))
    assert all(record.head(Channel.SMS, purpose).says is Says.WITHDRAWN for purpose in Purpose)
    assert record.head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.GIVEN
    record = fold(record, consent_log.restarted(record, Channel.SMS, NOON + timedelta(minutes=1), row("start")))
    assert [p for p in Purpose if record.head(Channel.SMS, p).says is Says.GIVEN] == [Purpose.REORDER]


# ---------------------------------------------------------------- how it came


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("no address", None),
        ("", None),
        (None, None),
    ],
)
def test_only_the_network_of_an_address_is_kept(address, network):
    assert consent_log.truncated(address) == network


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36", "Chrome"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605.1 Version/17.4 Mobile Safari/604.1", "Safari"),
        ("Mozilla/5.0 (X11; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox"),
        ("curl/8.0 anna@example.com", "other"),
        (None, None),
    ],
)
def test_only_the_family_of_a_program_is_kept(agent, family):
    assert consent_log.device_family(agent) == family


# ---------------------------------------------------------------- writing


def spoken(says=Says.WITHDRAWN):
    def speak(customer, now, sequence):
        head = customer.consent.head(Channel.EMAIL, Purpose.PROMOTIONAL)
        return Spoken(
            (
                Statement(
                    channel=Channel.EMAIL,
                    purpose=Purpose.PROMOTIONAL,
                    says=says,
                    said_at=consent_log.after_all_before(head, now),
                    heard_at=now,
                    sequence=f"{sequence}#00",
                    source="agent:phone",
                    actor=Actor.AGENT,
                    by="Kim",
                ),
            )
        )

    return speak


def test_what_was_said_is_evidence_head_and_outbox_in_one_write(small):
    a_profile(small, consent=consent_of(said()))
    customer = consent_log.record(small, CUSTOMER, spoken(), "agent", "consent")
    assert customer.consent == store.load(small.tables.twin, CUSTOMER).consent
    assert customer.consent.head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.WITHDRAWN
    (item,) = small.items("EVIDENCE#")
    assert evidence_from(item).by == "Kim"
    assert item["sk"] == customer.consent.head(Channel.EMAIL, Purpose.PROMOTIONAL).proof
    assert small.told() == ["ConsentChanged"]
    assert small.tables.calls.count("write") == 1


def test_told_twice_under_one_key_it_is_recorded_once(small):
    a_profile(small)
    for _ in range(2):
        consent_log.record(small, CUSTOMER, spoken(), "sms", "STOP", key="sms#1")
    assert len(small.items("EVIDENCE#")) == 1


def test_a_record_that_changes_meanwhile_is_read_again(small):
    a_profile(small)
    small.tables.before_write.append(lambda: consent_log.record(small, CUSTOMER, spoken(Says.GIVEN), "agent", "consent"))
    consent_log.record(small, CUSTOMER, spoken(), "agent", "consent")
    record = store.load(small.tables.twin, CUSTOMER).consent
    assert (record.version, record.head(Channel.EMAIL, Purpose.PROMOTIONAL).says) == (2, Says.WITHDRAWN)
    assert len(small.items("EVIDENCE#")) == 2


def test_a_text_that_was_agreed_to_is_kept_once_and_can_be_read_by_its_hash(small):
    text = Wording(version="checkout-3", text="Yes, remind me before my coffee runs out.", locale="en")
    for _ in range(3):
        assert consent_log.keep_wording(small.tables, text) == text.hash
    assert consent_log.wording_of(small.tables, text.hash) == text
    assert small.tables.calls.count("write") == 1
    assert consent_log.wording_of(small.tables, "0" * 40) is None


def test_a_text_that_could_not_be_kept_is_kept_the_next_time(small):
    text = Wording(version="v", text="Yes.")

    def refuse():
        raise Throttled("busy")

    small.tables.before_write.append(refuse)
    with pytest.raises(Throttled):
        consent_log.keep_wording(small.tables, text)
    consent_log.keep_wording(small.tables, text)
    assert small.tables.twin.read([keys.wording(text.hash)])


def test_months_are_those_of_the_calendar():
    assert months_before(NOON.replace(month=3, day=31), 1) == NOON.replace(month=2, day=28)
    assert months_before(NOON, 24) == NOON.replace(year=2024)
    assert months_before(NOON.replace(month=1, day=31), 2) == NOON.replace(year=2025, month=11, day=30)
