"""Consent confirmed from the mailbox, an agent's entry, and the privacy signal: GET shows, POST acts."""

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from aftercare import consent_log, store
from aftercare.agent_entry import Heard, Manner
from aftercare.consent import Actor, Channel, ConsentRecord, Purpose, Says
from aftercare.links import LinkPurpose
from aftercare.requests import Asked, a_month_after, business_days_after, clocks, keep, open_requests, opened, put
from customer_pages.handler import handle
from tests.builders import consent_of, said
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START, Context
from tests.unit.customer_pages.test_pages import get, post, request, token

P = LinkPurpose
WAITS = said(Purpose.REORDER, Says.PENDING, at=START, address="h1", asks=True)


def record(small) -> ConsentRecord:
    return store.load(small.tables.twin, CUSTOMER).consent


def head(small, purpose=Purpose.REORDER, channel=Channel.EMAIL):
    return record(small).head(channel, purpose)


def evidence(small):
    return [consent_log.evidence_from(i) for i in small.items("EVIDENCE#")]


def an_entry(heard, manner="phone", **more):
    return urlencode({"heard": heard, "manner": manner, **more})


# ---------------------------------------------------------------- double opt-in


def test_the_button_of_the_confirmation_page_gives_the_consent_and_looking_does_not(small):
    a_profile(small, country="DE", consent=consent_of(WAITS))
    before = small.untouched()
    assert "<form" in get(P.CONFIRM)["body"]
    assert small.untouched() == before
    answer = post(P.CONFIRM, headers={"user-agent": "x"})
    assert (answer["statusCode"], head(small).says, head(small).confirmed) == (200, Says.GIVEN, True)
    (row,) = evidence(small)
    assert (row.actor, row.by, row.address) == (Actor.CONFIRMATION, WAITS.sequence, "h1")
    assert consent_log.wording_of(small.tables, row.wording_hash).locale == row.locale
    assert small.told() == ["ConsentChanged"]


def test_the_privacy_signal_is_heeded_where_a_consent_is_confirmed(small):
    a_profile(small, country="DE", consent=consent_of(WAITS))
    post(P.CONFIRM, headers={"sec-gpc": "1"})
    assert (head(small).says, record(small).sale.opted_out) == (Says.GIVEN, True)


def test_confirming_twice_is_confirming_once(small):
    a_profile(small, country="DE", consent=consent_of(WAITS))
    for _ in range(2):
        assert post(P.CONFIRM)["statusCode"] == 200
    assert len(evidence(small)) == 1


@pytest.mark.parametrize(
    "consent",
    [
        consent_of(WAITS, said(Purpose.REORDER, Says.WITHDRAWN, at=START + timedelta(minutes=1), sequence="s2")),
        consent_of(said(Purpose.REORDER, Says.PENDING, at=START, address="another", asks=True)),
        consent_of(said(Purpose.REORDER, Says.PENDING, at=START)),
        None,
    ],
    ids=["withdrawn since", "another mailbox", "pending at the platform", "never asked"],
)
def test_a_link_confirms_nothing_but_what_waits_for_its_mailbox(small, consent):
    a_profile(small, country="DE", consent=consent)
    before = small.untouched()
    assert "<form" not in get(P.CONFIRM)["body"]
    assert post(P.CONFIRM)["statusCode"] == 200
    assert small.untouched() == before


def test_a_confirmation_link_ends_with_its_time_and_is_for_its_purposes_only(small):
    a_profile(small, country="DE", consent=consent_of(WAITS, said(Purpose.PROMOTIONAL, Says.PENDING, asks=True, sequence="s9")))
    assert post(P.CONFIRM, text=token(P.CONFIRM, days=-1))["statusCode"] == 410
    assert post(P.CONFIRM, text=token(P.CONFIRM, "h1:offers"))["statusCode"] == 404
    post(P.CONFIRM)
    assert head(small, Purpose.PROMOTIONAL).says is Says.PENDING


def test_what_a_german_customer_ticks_waits_and_is_shown_as_waiting_and_saving_again_asks_no_second_time(small):
    a_profile(small, country="DE")
    for _ in range(2):
        page = post(P.PREFERENCES, "email-reorder=on")["body"]
        assert "Wartet auf Ihre Bestätigung" in page
        assert (head(small).says, head(small).asks) == (Says.PENDING, True)
    assert small.told().count("ConsentChanged") == 1
    post(P.PREFERENCES, "email-reorder=off")
    assert head(small).says is Says.WITHDRAWN


def test_the_evidence_of_a_page_has_route_network_and_program_and_neither_token_nor_address(small):
    a_profile(small, country="FR")
    text = token(P.PREFERENCES)
    event = {
        "version": "2.0",
        "routeKey": "POST /p/{token}",
        "rawPath": f"/p/{text}",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {
            "stage": "$default",
            "requestId": "r",
            "http": {
                "method": "POST",
                "path": f"/p/{text}",
                "sourceIp": "203.0.113.77",
                "userAgent": "Mozilla/5.0 (X11; rv:128.0) Gecko/20100101 Firefox/128.0",
            },
        },
        "pathParameters": {"token": text},
        "isBase64Encoded": False,
        "body": "email-reorder=on",
    }
    assert handle(event, Context())["statusCode"] == 200
    rows = evidence(small)
    assert {(r.url, r.network, r.device) for r in rows} == {("/p/{token}", "203.0.113.0/24", "Firefox")}
    kept = json.dumps([{k: str(v) for k, v in i.items()} for i in small.items()])
    assert "203.0.113.77" not in kept
    assert text not in kept


# ---------------------------------------------------------------- an agent's entry


@pytest.mark.parametrize("manner", list(Manner))
def test_an_opt_out_that_an_agent_heard_takes_all_marketing_on_every_channel_with_agent_and_manner(small, manner):
    a_profile(small, country="FR", consent=consent_of(said(Purpose.REORDER, at=START)))
    before = small.untouched()
    assert "<form" in get(P.AGENT)["body"]
    assert small.untouched() == before
    assert post(P.AGENT, an_entry(Heard.OPT_OUT, str(manner)))["statusCode"] == 200
    for channel in Channel:
        for purpose in consent_log.MARKETING:
            assert head(small, purpose, channel).says is Says.WITHDRAWN
        assert head(small, Purpose.TRANSACTIONAL, channel) is None
    assert {(r.actor, r.by, r.manner) for r in evidence(small)} == {(Actor.AGENT, "Kim", str(manner))}


def test_an_opt_out_may_be_narrow_and_an_objection_never_is(small):
    a_profile(small, country="FR")
    narrow = {"channel-sms": "on", "purpose-survey": "on"}
    post(P.AGENT, an_entry(Heard.OPT_OUT, **narrow))
    assert [(h.channel, h.purpose) for h in record(small).heads] == [(Channel.SMS, Purpose.SURVEY)]
    post(P.AGENT, an_entry(Heard.OBJECTION, **narrow))
    assert len(record(small).heads) == len(Channel) * len(consent_log.MARKETING)


def test_a_consent_needs_its_place_and_its_text(small):
    a_profile(small, country="FR")
    before = small.untouched()
    place = {"channel-sms": "on", "purpose-reorder": "on"}
    for form in (
        an_entry(Heard.CONSENT, wording="Yes"),
        an_entry(Heard.CONSENT, **place),
        an_entry("sold"),
        "",
        an_entry(Heard.OPT_OUT, at="x"),
    ):
        assert post(P.AGENT, form)["statusCode"] == 400
    assert small.untouched() == before
    post(P.AGENT, an_entry(Heard.CONSENT, wording="May we text you?", **place))
    given = head(small, Purpose.REORDER, Channel.SMS)
    assert (given.says, given.written) == (Says.GIVEN, True)
    (row,) = evidence(small)
    assert consent_log.wording_of(small.tables, row.wording_hash).text == "May we text you?"


def test_a_consent_by_mail_that_a_german_customer_spoke_waits_for_its_confirmation(small):
    a_profile(small, country="DE")
    post(P.AGENT, an_entry(Heard.CONSENT, wording="May we?", **{"channel-email": "on", "purpose-reorder": "on"}))
    assert head(small).says is Says.PENDING


def test_what_was_said_yesterday_does_not_undo_what_was_said_since(small):
    a_profile(small, country="FR", consent=consent_of(said(Purpose.REORDER, at=START - timedelta(hours=1))))
    post(P.AGENT, an_entry(Heard.OPT_OUT, at=(START - timedelta(hours=3)).isoformat()))
    assert head(small).says is Says.GIVEN
    assert post(P.AGENT, an_entry(Heard.OPT_OUT, at=(START + timedelta(hours=3)).isoformat()))["statusCode"] == 400


def test_an_inquiry_and_an_opt_out_of_sale_are_facts_beside_the_channels(small):
    a_profile(small, country="CA")
    post(P.AGENT, an_entry(Heard.INQUIRY, "email"))
    post(P.AGENT, an_entry(Heard.NO_SALE, "email"))
    assert record(small).inquired_at == START
    assert record(small).sale.opted_out
    assert record(small).heads == ()


# ---------------------------------------------------------------- the privacy signal


def test_the_privacy_signal_is_an_opt_out_of_sale_kept_once_and_only_by_an_act(small):
    a_profile(small, country="US")
    signal = {"Sec-GPC": "1"}
    before = small.untouched()
    get(P.PREFERENCES, headers=signal)
    assert small.untouched() == before
    for _ in range(2):
        post(P.PREFERENCES, "email-reorder=on", headers=signal)
    assert record(small).sale.opted_out
    assert [r.source for r in evidence(small) if r.source.startswith("gpc")] == ["gpc:preferences"]


@pytest.mark.parametrize("value", ["0", "", "true"])
def test_another_value_is_no_signal(small, value):
    a_profile(small, country="US")
    post(P.PREFERENCES, "email-reorder=on", headers={"Sec-GPC": value})
    assert record(small).sale is None


def test_the_signal_is_announced_where_programs_look_for_it(small):
    path = "/.well-known/gpc.json"
    http = {"method": "GET", "path": path}
    event = {"version": "2.0", "routeKey": f"GET {path}", "rawPath": path, "rawQueryString": "", "headers": {}}
    answer = handle({**event, "requestContext": {"stage": "$default", "requestId": "r", "http": http}}, Context())
    assert json.loads(answer["body"])["gpc"] is True
    assert request("GET", P.PREFERENCES, "nothing")["statusCode"] == 404


# ---------------------------------------------------------------- legal clocks


def test_a_month_is_the_calendars_and_business_days_are_monday_to_friday():
    assert a_month_after(START.replace(month=1, day=31)) == START.replace(month=2, day=28)
    assert a_month_after(START.replace(month=12, day=5)) == START.replace(year=2027, month=1, day=5)
    friday = START.replace(month=3, day=6)
    assert business_days_after(friday, 1) == START.replace(month=3, day=9)
    assert business_days_after(friday, 10) == START.replace(month=3, day=20)


@pytest.mark.parametrize(
    ("asked", "platform", "days", "law"),
    [
        (Asked.ERASURE, "shopify", 30, "Shopify"),
        (Asked.EXPORT, "store", 31, "GDPR 12(3)"),
        (Asked.NO_SALE, "store", 21, "CCPA"),
    ],
)
def test_the_earliest_clock_counts(asked, platform, days, law):
    ack_by, due_by, laws = clocks(asked, START, platform)
    assert (due_by - START, laws[0]) == (timedelta(days=days), law)
    assert ack_by == START + timedelta(days=14)


def test_a_request_is_open_until_it_is_closed_and_due_a_week_before_its_last_day(small):
    one = opened(Asked.ERASURE, "d1", "shopify", "shopify", START)
    small.tables.write([put(one)])
    assert open_requests(small.tables, START) == [one]
    assert small.tables.due("request", "2026-03-24", 10) == []
    assert len(small.tables.due("request", "2026-03-26", 10)) == 1
    keep(small.tables, one.model_copy(update={"acknowledged_at": START}))
    assert [r.acknowledged_at for r in open_requests(small.tables, START)] == [START]
    keep(small.tables, one.model_copy(update={"closed_at": START, "outcome": "erased"}))
    assert open_requests(small.tables, START) == []
