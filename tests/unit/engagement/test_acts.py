"""What customers do after a message counts for the channel that it came on, once, and only within a week."""

from datetime import timedelta

import pytest

from aftercare import keys, store
from aftercare.caps import Caps, Counted
from aftercare.clock import iso
from aftercare.consent import Channel, Purpose
from aftercare.table import Put
from engagement.acts import WITHIN
from engagement.handler import handle
from tests.ledger_items import CUSTOMER, a_profile, claimed
from tests.small_outside import START, Context, sqs


def event(kind="OrderPlaced", at=START, order="coffee:2", **more):
    metadata = {"id": "e1", "version": 1, "occurred_at": iso(at), "told_at": iso(at), "correlation_id": "c1"}
    source = "aftercare.orders" if kind == "OrderPlaced" else "aftercare.feedback"
    data = {"customer_id": CUSTOMER, "order": order, **more}
    return {"id": "bus-1", "source": source, "detail-type": kind, "detail": {"metadata": metadata, "data": data}}


@pytest.fixture
def reminded(small):
    """Anna was reminded by text an hour ago."""
    a_profile(small)
    message = claimed(small)
    counts(small, Counted(at=START - timedelta(hours=1), purpose=Purpose.REORDER, channel=Channel.SMS, message=short(message)))
    return small


def short(message):
    return message.proposal.message_id


def counts(small, *counted):
    small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.CAPS), {"doc": Caps(version=1, counted=counted).to_json()})])


def answers(small):
    return store.load(small.tables.twin, CUSTOMER).learned


def of_all(small):
    places = [keys.response(shard) for shard in range(4)]
    return {name for item in small.tables.twin.read(places).values() for name in item if name.startswith("a_")}


def test_who_buys_again_has_answered_the_reminder_on_its_channel_and_once(reminded):
    for _ in range(2):
        handle(sqs(event()), Context())
    handle(sqs(event(at=START + timedelta(hours=2), order="coffee:3")), Context())
    found = answers(reminded)
    assert set(found.answered) == {Channel.SMS} and found.unanswered == 0
    assert found.of(Channel.SMS, START).answered == pytest.approx(1.0, abs=1e-3)
    assert of_all(reminded) == {"a_sms"}


def test_a_word_on_how_it_was_answers_a_survey_and_no_reminder(reminded):
    handle(sqs(event("CueGiven", cue="good")), Context())
    assert answers(reminded).answered == {}


@pytest.mark.parametrize("at", [START - timedelta(hours=2), START + WITHIN])
def test_an_order_before_the_message_or_long_after_it_answers_nothing(reminded, at):
    handle(sqs(event(at=at)), Context())
    assert answers(reminded).answered == {} and of_all(reminded) == set()


def test_an_order_of_nobody_on_record_is_nobodys_answer(small):
    handle(sqs(event()), Context())
    assert of_all(small) == set()
