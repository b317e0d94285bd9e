import copy

import pytest

from aftercare import identity, keys, ledger, store
from aftercare.consent import Channel, ConsentRecord, Purpose, Says, Weight
from aftercare.decision import Decision, Reason, State
from aftercare.table import Conflict, Unclear
from engagement.handler import handle
from engagement.provider import NotOurs, What, seen
from tests.builders import consent_of, said
from tests.ledger_items import CUSTOMER, a_message, a_profile, as_it_stands, claimed, on_ledger, unknown
from tests.small_outside import EVENTS, SECRETS, START, Context, sample, sqs

ALL = sorted(p.stem for p in (EVENTS / "aws.ses").glob("*.json"))
MARKETING = (Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)


def ses(name, message=None, event_id=None, customer_id=CUSTOMER, **changes):
    event = copy.deepcopy(sample(f"aws.ses/{name}"))
    event["id"] = event_id or event["id"]
    tags = event["detail"]["mail"]["tags"]
    tags["aftercare-message"] = [(message or a_message()).proposal.message_id]
    tags["aftercare-customer"] = [customer_id]
    for place, change in changes.items():
        event["detail"][place] = {**event["detail"].get(place, {}), **change}
    return event


def fail(error):
    raise error


def hear(*events):
    answer = handle(sqs(*events), Context())
    assert answer == {"batchItemFailures": []}


def sent(small):
    message = claimed(small)
    ledger.settle(small.tables.twin, CUSTOMER, message.model_copy(update={"state": State.SENT}), "t1", START)
    return message


def consent(small) -> ConsentRecord:
    return store.load(small.tables.twin, CUSTOMER).consent


def address_hash(address="anna@example.com"):
    return identity.keyed_hash(SECRETS["identity"], address)


@pytest.mark.parametrize("name", ALL)
def test_every_sample_is_read_or_ignored_and_leaves_no_address_in_a_log(small, name, capsys):
    a_profile(small)
    hear(ses(name, sent(small)))
    out = capsys.readouterr().out
    assert "anna@" not in out
    assert "198.51.100.7" not in out


# ---------------------------------------------------------------- settling


@pytest.mark.parametrize(
    "name", ["EmailSent", "EmailDelivered", "EmailBounced", "EmailComplaintReceived", "EmailOpened", "EmailClicked"]
)
@pytest.mark.parametrize("state", [State.CLAIMED, State.UNKNOWN, State.PARKED])
def test_the_providers_own_word_settles_what_nobody_knew(small, name, state):
    a_profile(small)
    message = claimed(small) if state is State.CLAIMED else unknown(small)
    if state is State.PARKED:
        item = on_ledger(small, message)
        parked = ledger.decided(message, Decision(at=START, state=State.PARKED, reason=Reason.OUTCOME_NEVER_LEARNED))
        assert ledger.expire_claim(small.tables.twin, item, parked, START)
    hear(ses(name, message))
    now = as_it_stands(small, message)
    assert (now.state, now.last.reason) == (State.SENT, Reason.PROVIDER_CONFIRMED)
    assert now.provider_id == "010701c0ffee0000-00000000-0000-4000-8000-000000000000-000000"
    assert now.sent_at.isoformat() == "2026-03-02T09:15:33.120000+00:00"
    item = on_ledger(small, message)
    assert "token" not in item
    assert "due_kind" not in item


@pytest.mark.parametrize("name", ["EmailRejected", "EmailRenderingFailed"])
def test_a_rejection_proves_no_send_and_is_noted_and_counted(small, name, capsys):
    a_profile(small)
    message = unknown(small)
    hear(ses(name, message))
    assert as_it_stands(small, message).state is State.UNKNOWN
    assert any(k.endswith("_count") for k in on_ledger(small, message))
    assert "MessageRe" in capsys.readouterr().out


def test_what_is_settled_stays_settled(small):
    a_profile(small)
    message = sent(small)
    before = on_ledger(small, message)["doc"]
    hear(ses("EmailSent", message), ses("EmailDelivered", message), ses("EmailOpened", message))
    assert on_ledger(small, message)["doc"] == before


def test_the_gate_settling_at_the_same_time_is_seen(small):
    a_profile(small)
    message = claimed(small)
    won = message.model_copy(update={"state": State.SENT, "provider_id": "by-the-gate"})
    small.tables.before_write.append(lambda: ledger.settle(small.tables.twin, CUSTOMER, won, "t1", START))
    hear(ses("EmailSent", message))
    assert as_it_stands(small, message).provider_id == "by-the-gate"


# ---------------------------------------------------------------- counting


def test_what_the_provider_saw_is_counted_once_for_each_event(small):
    a_profile(small)
    message = sent(small)
    for event_id in ("o1", "o1", "o2", "o1"):
        hear(ses("EmailOpened", message, event_id=event_id))
    hear(ses("EmailDelivered", message), ses("EmailDelivered", message), ses("EmailClicked", message))
    hear(ses("EmailDeliveryDelayed", message))
    item = on_ledger(small, message)
    assert (item["opened_count"], item["delivered_count"], item["clicked_count"], item["delayed_count"]) == (2, 1, 1, 1)
    assert item["delivered_at"] == "2026-03-02T09:15:36.000000Z"


def test_counts_survive_a_later_settlement(small):
    a_profile(small)
    message = claimed(small)
    ledger.note_engagement(small.tables.twin, CUSTOMER, message.proposal.message_id, "delayed", START, "e0")
    hear(ses("EmailSent", message))
    assert on_ledger(small, message)["delayed_count"] == 1


def test_an_open_changes_nothing_but_its_count(small):
    a_profile(small)
    message = sent(small)
    hear(ses("EmailOpened", message))
    assert consent(small) == ConsentRecord()
    assert small.told() == []


# ---------------------------------------------------------------- silencing


@pytest.mark.parametrize("kind", ["General", "Suppressed", "OnAccountSuppressionList", "NoEmail"])
def test_a_permanent_bounce_suppresses_the_address_and_moves_the_version(small, kind):
    a_profile(small)
    hear(ses("EmailBounced", sent(small), bounce={"bounceSubType": kind}))
    record = consent(small)
    assert record.suppression(Channel.EMAIL, address_hash()).reason == "hard_bounce"
    assert record.version == 1
    assert record.heads == ()
    assert small.told() == ["AddressSuppressed"]


def test_a_transient_bounce_suppresses_nothing(small):
    a_profile(small)
    message = sent(small)
    hear(ses("EmailBounced", message, bounce={"bounceType": "Transient", "bounceSubType": "MailboxFull"}))
    assert consent(small) == ConsentRecord()
    assert on_ledger(small, message)["bounced_count"] == 1


def test_a_complaint_takes_marketing_back_with_evidence_and_leaves_order_mail_to_the_suppression(small):
    a_profile(small, consent=consent_of(*(said(p, sequence=str(p)) for p in MARKETING)))
    hear(ses("EmailComplaintReceived", sent(small)))
    record = consent(small)
    assert record.suppression(Channel.EMAIL, address_hash()).reason == "complaint"
    assert {(h.purpose, h.says, h.weight) for h in record.heads} == {(p, Says.WITHDRAWN, Weight.EXPLICIT) for p in MARKETING}
    assert sorted(small.told()) == ["AddressSuppressed", *["ConsentChanged"] * 3]
    assert len(small.items(f"EVIDENCE#{CUSTOMER}")) == 3


@pytest.mark.parametrize("recipients", [None, [], [{}]])
def test_a_complaint_that_names_nobody_is_about_whom_the_mail_went_to(small, recipients):
    a_profile(small)
    hear(ses("EmailComplaintReceived", sent(small), complaint={"complainedRecipients": recipients}))
    assert bool(consent(small).suppressed) is (recipients != [{}])
    assert consent(small).head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.WITHDRAWN


def test_a_complaint_counts_after_a_consent_with_a_clock_that_is_ahead(small):
    ahead = said(Purpose.PROMOTIONAL, at=START.replace(minute=59), sequence="z")
    a_profile(small, consent=consent_of(ahead))
    hear(ses("EmailComplaintReceived", sent(small)))
    assert consent(small).head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.WITHDRAWN


def test_the_same_complaint_again_changes_nothing_even_after_a_new_consent(small):
    a_profile(small)
    message = sent(small)
    event = ses("EmailComplaintReceived", message)
    hear(event)
    once = small.untouched()
    hear(event, event)
    assert small.untouched() == once


def test_two_addresses_are_suppressed_side_by_side(small):
    a_profile(small)
    message = sent(small)
    hear(ses("EmailBounced", message))
    other = {"bouncedRecipients": [{"emailAddress": "Anna <B@Example.com>"}]}
    hear(ses("EmailBounced", message, event_id="e2", bounce=other))
    assert {s.address_hash for s in consent(small).suppressed} == {address_hash(), address_hash("b@example.com")}
    assert consent(small).version == 2


def test_consent_that_moves_meanwhile_is_read_again(small):
    a_profile(small)
    message = sent(small)

    def meanwhile():
        handle(
            ses("EmailBounced", message, event_id="other", bounce={"bouncedRecipients": [{"emailAddress": "x@example.com"}]}),
            Context(),
        )

    def conflict():
        raise Conflict

    small.tables.before_write += [meanwhile, conflict]
    hear(ses("EmailBounced", message))
    assert len(consent(small).suppressed) == 2


# ---------------------------------------------------------------- not ours


@pytest.mark.parametrize(
    "detail",
    [
        {"eventType": "Send", "mail": {}},
        {"eventType": "Send", "mail": {"tags": {}}},
        {"eventType": "Send", "mail": {"tags": {"aftercare-message": "text", "aftercare-customer": ["c"]}}},
        {"eventType": "Send", "mail": {"tags": {"aftercare-message": ["m#1"], "aftercare-customer": ["c"]}}},
        {"eventType": "Subscription", "mail": {"tags": {"aftercare-message": ["m"], "aftercare-customer": ["c"]}}},
        {"eventType": "New Thing", "mail": {"tags": {"aftercare-message": ["m"], "aftercare-customer": ["c"]}}},
    ],
)
def test_an_event_about_nothing_of_ours_is_ignored(small, detail):
    event = {**sample("aws.ses/EmailSent"), "detail": detail}
    with pytest.raises(NotOurs):
        seen(event, START)
    hear(event)
    assert small.items() == []


def test_a_message_or_customer_that_nobody_knows_is_counted_and_written_nowhere(small, capsys):
    hear(ses("EmailDelivered"), ses("EmailBounced"), ses("EmailComplaintReceived"))
    assert small.items() == []
    assert "EngagementWithoutCustomer" in capsys.readouterr().out


def test_the_rendering_failure_has_a_space_in_its_name():
    assert seen(sample("aws.ses/EmailRenderingFailed"), START).what is What.RENDER_FAILED


def test_one_event_whose_effect_fails_goes_back_to_the_queue_alone(small):
    a_profile(small)
    message = sent(small)
    small.tables.before_write.append(lambda: fail(Unclear("no answer")))
    answer = handle(sqs(ses("EmailOpened", message, event_id="e1"), ses("EmailDelivered", message, event_id="e2")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert on_ledger(small, message)["delivered_count"] == 1
    assert keys.ledger(CUSTOMER, message.proposal.message_id).sk.startswith("9#LEDGER#")
