"""Whatever comes as an event of SES is acted on, ignored or parked at once, and never ends in the dead letters."""

import copy
import json

import pytest
from hypothesis import given

from aftercare import forgotten, keys
from aftercare import outside as outside_module
from engagement.handler import handle
from tests.hostile import many, odd
from tests.ledger_items import CUSTOMER, a_message, a_profile, claimed
from tests.small_outside import EVENTS, START, Context, Small, sample, sqs


def ours(event):
    event = copy.deepcopy(event)
    tags = event["detail"]["mail"]["tags"]
    tags["aftercare-message"], tags["aftercare-customer"] = [a_message().proposal.message_id], [CUSTOMER]
    return event


FOUND = [(path.stem, ours(json.loads(path.read_text()))) for path in sorted((EVENTS / "aws.ses").glob("*.json"))]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "under-hostile-events")
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    yield
    outside_module.use(None)


def fresh():
    small = Small()
    outside_module.use(lambda _: small)
    a_profile(small)
    claimed(small)
    return small


@many
@given(odd(FOUND))
def test_an_odd_event_is_acted_on_ignored_or_parked_and_never_an_error(made):
    small = fresh()
    event = sqs(made[1])
    assert handle(event, Context()) == {"batchItemFailures": []}
    parked = small.items("PARKED#ses")
    before = small.untouched()
    assert handle(event, Context()) == {"batchItemFailures": []}
    assert small.untouched() == before, "the same event again changes nothing"
    assert all(": expected" in item["reason"] for item in parked)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "body: expected JSON"),
        ("[" * 100_000, "body: expected JSON"),
        ("[]", "body: expected a JSON object"),
        (json.dumps({**sample("aws.ses/EmailSent"), "id": "x" * 5000}), "id: expected the event's id"),
        (json.dumps({**sample("aws.ses/EmailSent"), "detail": {}}), "detail.mail: expected an object"),
    ],
)
def test_what_is_no_event_of_ses_is_parked_once_with_its_reason(text, reason):
    small = fresh()
    for _ in range(2):
        assert handle(sqs(text), Context()) == {"batchItemFailures": []}
    (item,) = small.items("PARKED#ses")
    assert (item["reason"], item["body"]) == (reason, text.encode())


def test_of_what_cannot_be_read_nothing_is_kept_that_names_an_erased_person(small):
    alias = keys.email_alias(small.email_hash("anna@example.com"))
    small.tables.twin.write([forgotten.left("suppression-key", alias, START)])
    handle(sqs('{"detail": "anna@example.com"}', '{"detail": "berta@example.com"}'), Context())
    assert sorted((i["body"], i.get("not_kept_bytes")) for i in small.items("PARKED#")) == [
        (b"", 30),
        (b'{"detail": "berta@example.com"}', None),
    ]
