"""Zendesk's triggers and HubSpot's workflows: who is believed, what they tell, and what comes back of our own."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from aftercare.case_topic import CaseTopic
from aftercare.consent import Channel, Purpose, Says
from aftercare.store import load
from store_intake.handler import handle
from store_intake.zendesk import topic_of
from tests.small_outside import Context, sample

HOST = "abc123.execute-api.eu-central-1.amazonaws.com"
SHOP = "coffee.example.com"


def mac(signed, secret=b"s3cret"):
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def request(name, body, headers):
    event = json.loads(json.dumps(sample("zendesk/ticket_created")).replace("zendesk", name))
    event["headers"] = {"host": HOST, "content-type": "application/json", **headers}
    event["body"] = body.decode()
    return event


def ticket(happened="created", **more):
    requester = {"email": "anna@example.com", "phone": ""}
    given = {"id": "5158", "external_id": "", "tags": "", "created_at": "2026-03-02T09:10:00Z", "order": "1070"}
    told = {**given, "updated_at": "2026-03-02T09:12:00Z", "requester": requester, **more}
    body = json.dumps({"happened": happened, "ticket": told}).encode()
    stamp = "2026-03-02T09:15:29Z"
    signed = {"x-zendesk-webhook-signature": mac(stamp.encode() + body), "x-zendesk-webhook-signature-timestamp": stamp}
    return request("zendesk", body, signed)


def contact(small, **more):
    changed = int(small.clock.at.timestamp() * 1000)
    body = json.dumps({"email": "anna@example.com", "lastmodifieddate": changed, **more}).encode()
    stamp = str(int(small.clock.at.timestamp() * 1000))
    signed = mac(f"POSThttps://{HOST}/webhooks/hubspot".encode() + body + stamp.encode())
    return request("hubspot", body, {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": signed})


def taken(event):
    answer = handle(event, Context())
    return answer["statusCode"], json.loads(answer["body"] or "{}")


@pytest.fixture
def shop(small):
    """A shop with an order of Anna's; both tools' secrets name it."""
    for name in ("zendesk", "hubspot"):
        small.secrets.texts[f"/aftercare/{name}-secrets"] = f"{SHOP}=s3cret"
    placed = sample("store/OrderPlaced")
    placed["source"] = f"store.{SHOP}"
    placed["detail"] |= {"ref": "1070"}
    placed["detail"]["order"]["contact"] = {"email": "anna@example.com"}
    for left_out in ("event_id", "consent"):
        placed["detail"].pop(left_out, None)
    handle(placed, Context())
    assert len(small.customers()) == 1
    small.tables.made.clear()
    return small


def cases(small):
    return load(small.tables.twin, small.customers()[0]).cases


# ---------------------------------------------------------------- Zendesk


def test_a_ticket_opens_a_case_answers_it_and_closes_it(shop):
    assert taken(ticket(tags="vip damaged"))[1]["facts"] == ["SupportCaseOpened"]
    (case,) = cases(shop)
    assert (case.ref, case.topic, case.open, case.sender) == (f"{SHOP}:5158", CaseTopic.DAMAGED, True, "zendesk")
    assert case.opened_at == datetime(2026, 3, 2, 9, 10, tzinfo=UTC) and case.order_key == f"{SHOP}:1070"
    taken(ticket("answered"))
    taken(ticket("solved", updated_at="2026-03-02T09:14:00Z"))
    assert not cases(shop)[0].open and cases(shop)[0].answered_at
    taken(ticket("reopened", updated_at="2026-03-02T09:15:00Z"))
    assert cases(shop)[0].open
    assert shop.told() == ["SupportCaseOpened", "SupportCaseAnswered", "SupportCaseClosed", "SupportCaseOpened"]


def test_without_an_order_the_customer_is_known_by_the_address(shop):
    taken(ticket(order=""))
    assert len(cases(shop)) == 1 and cases(shop)[0].order_key is None


def test_nothing_that_was_written_is_kept(shop):
    taken(ticket(description="The grinder is broken", subject="Help"))
    assert "grinder" not in json.dumps(shop.items(), default=str)


def test_a_trigger_that_comes_twice_is_one_fact(shop):
    taken(ticket())
    assert taken(ticket())[1]["status"] == "duplicate"
    assert shop.told() == ["SupportCaseOpened"]


@pytest.mark.parametrize(
    ("happened", "more", "says"),
    [
        ("assigned", {}, "happened"),
        ("created", {"id": ""}, "ticket.id"),
        ("created", {"external_id": "aftercare:other.example.com:T-1"}, "external_id"),
        ("created", {"external_id": "aftercare:T-1"}, "external_id"),
    ],
)
def test_what_cannot_be_read_is_parked_with_its_reason(shop, happened, more, says):
    told = taken(ticket(happened, **more))[1]
    assert told["status"] == "parked" and says in told["parked"]
    assert cases(shop) == ()


def test_a_signature_of_another_time_is_not_believed(shop):
    event = ticket()
    event["headers"]["x-zendesk-webhook-signature-timestamp"] = "2026-03-02T10:15:29Z"
    assert taken(event)[0] == 401


@pytest.mark.parametrize(
    ("tags", "topic"), [("a,refund", "refund"), ("", "other"), ("REFUND damaged", "refund"), ("x y", "other")]
)
def test_the_first_tag_that_is_a_topic_counts(tags, topic):
    assert topic_of(tags) is CaseTopic(topic)


def test_a_ticket_that_was_made_for_a_case_of_ours_is_no_new_case_and_its_end_is_our_cases_end(shop):
    opened = {"ref": "T-1", "order_ref": "1070", "topic": "damaged", "occurred_at": "2026-03-02T09:00:00Z"}
    handle({"source": f"store.{SHOP}", "detail-type": "SupportCaseOpened", "detail": opened}, Context())
    ours = f"aftercare:{SHOP}:T-1"
    status, told = taken(ticket(external_id=ours))
    assert (status, told["status"], told["facts"]) == (200, "recorded", [])
    taken(ticket("answered", external_id=ours))
    taken(ticket("solved", external_id=ours, updated_at="2026-03-02T09:14:00Z"))
    (case,) = cases(shop)
    assert case.ref == f"{SHOP}:T-1" and case.answered_at and not case.open
    assert shop.told() == ["SupportCaseOpened", "SupportCaseAnswered", "SupportCaseClosed"]


def test_that_a_closed_case_is_closed_is_no_news(shop):
    taken(ticket())
    taken(ticket("solved"))
    taken(ticket("solved", updated_at="2026-03-02T09:14:30Z"))
    assert shop.told() == ["SupportCaseOpened", "SupportCaseClosed"]


# ---------------------------------------------------------------- an inquiry (CASL)


def inquiry(small):
    return load(small.tables.twin, small.customers()[0]).consent.inquired_at


def test_a_question_about_a_product_is_an_inquiry_with_its_evidence(shop):
    taken(ticket(tags="product"))
    assert inquiry(shop) == datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
    (row,) = [json.loads(str(i["doc"])) for i in shop.items("EVIDENCE#") if i.get("kind") == "inquiry"]
    assert row["source"].startswith("zendesk:") and row["said_at"].startswith("2026-03-02T09:10:00")


@pytest.mark.parametrize("tags", ["", "complaint", "where_is_my_order", "damaged", "refund"])
def test_a_question_about_an_order_or_a_complaint_is_no_inquiry(shop, tags):
    taken(ticket(tags=tags))
    assert inquiry(shop) is None and shop.items("EVIDENCE#") == []


def test_that_an_inquiry_was_answered_is_no_further_one(shop):
    taken(ticket(tags="product"))
    taken(ticket("answered", tags="product"))
    assert len(shop.items("EVIDENCE#")) == 1


def test_the_latest_inquiry_counts_whichever_comes_first(shop):
    taken(ticket(tags="product", id="2", created_at="2026-03-02T09:00:00Z"))
    taken(ticket(tags="product", id="1", created_at="2026-02-02T09:00:00Z"))
    assert inquiry(shop) == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


# ---------------------------------------------------------------- HubSpot


def consent(small, purpose):
    head = load(small.tables.twin, small.customers()[0]).consent.head(Channel.EMAIL, purpose)
    return head.says if head else None


def test_an_opt_out_in_the_crm_takes_all_marketing_by_mail_back(shop):
    assert taken(contact(shop, hs_email_optout="true"))[1]["status"] == "recorded"
    for purpose in (Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL):
        assert consent(shop, purpose) is Says.WITHDRAWN
    assert consent(shop, Purpose.TRANSACTIONAL) is None


@pytest.mark.parametrize("said", [{}, {"hs_email_optout": ""}, {"hs_email_optout": "false"}, {"hs_email_optout": None}])
def test_that_there_is_no_opt_out_is_no_consent(shop, said):
    taken(contact(shop, **said))
    assert consent(shop, Purpose.PROMOTIONAL) is None


def test_a_contacts_words_and_language_join_the_customer(shop):
    taken(contact(shop, hs_language="de-at", hs_country_region_code="AT", aftercare_tags="vip; coffee-club;"))
    profile = load(shop.tables.twin, shop.customers()[0]).profile
    assert (profile.locale, profile.country) == ("de-at", "AT") and {"vip", "coffee-club"} <= set(profile.tags)


def test_what_comes_back_from_the_crm_as_it_is_on_record_is_no_news(shop):
    taken(contact(shop, hs_email_optout="true", aftercare_tags="vip"))
    told = len(shop.told())
    shop.later(minutes=3)
    taken(contact(shop, hs_email_optout="true", aftercare_tags="vip"))
    assert [kind for kind in shop.told()[told:] if kind.startswith("Consent")] == []


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_of_another_time_is_not_believed(shop, minutes):
    event = contact(shop)
    shop.clock.at += timedelta(minutes=minutes)
    assert taken(event)[0] == 401


def test_a_request_that_was_signed_for_another_address_is_not_believed(shop):
    event = contact(shop)
    event["headers"]["host"] = "other.example.com"
    assert taken(event)[0] == 401
    for host in ("{body}", "a b", ""):
        event["headers"]["host"] = host
        assert taken(event)[0] == 401


def test_a_contact_without_an_address_is_parked(shop):
    assert "email" in taken(contact(shop, email=""))[1]["parked"]
