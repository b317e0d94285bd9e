"""A customer who hears once a week, on both backends: what waited is one mail at their turn, and `why` tells both sides."""

from datetime import timedelta

import pytest

from aftercare import keys, ledger
from simulator.faults import FaultPlan
from simulator.report import words
from tests.faults.test_digest_faults import customer, reminders, started


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_what_waited_is_one_mail_at_the_turn_and_each_side_names_the_other(backend):
    with started(FaultPlan(function="message_gate"), backend=backend) as cloud:
        assert [m["reason"] for m in reminders(cloud).values()] == ["digest", "digest"]
        before = len(cloud.mailbox.taken)
        cloud.advance(timedelta(days=7))
        (taken,) = cloud.mailbox.taken[before:]
        raw = taken.mime()
        assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw
        assert raw.count(b"Beans roasted") >= 1 and raw.count(b"Most bags last") >= 1
        customer_id = customer(cloud)
        settled = cloud.tables.partition("customers", f"CUSTOMER#{customer_id}", keys.LEDGER)
        messages = {m.proposal.key: m for m in map(ledger.message_from, settled)}
        (digest,) = (m for key, m in messages.items() if key.startswith("digest#"))
        told_of_it = "\n".join(words.record(digest))
        assert f"made of: {', '.join(digest.parts)}" in told_of_it
        for key in digest.parts:
            assert f"it went out with others as one message ({digest.proposal.key})" in "\n".join(words.record(messages[key]))
            assert "the customer asked for one message a week; it waits for the next digest" in "\n".join(
                words.record(messages[key])
            )
