"""All orders, one's data, and to be forgotten: by a link of fifteen minutes that is asked for on a page, and by nothing else."""

import base64
import gzip
import json
import re
from datetime import timedelta

import pytest

from aftercare import fresh_links, keys, requests
from aftercare.consent import Channel, Suppression, suppress
from aftercare.consent_log import ConsentRecord
from aftercare.customer import Contact, Profile
from aftercare.erasure import Eraser
from aftercare.fresh_links import MOST, PURPOSES, Opens
from aftercare.links import LinkPurpose
from aftercare.requests import Asked
from aftercare.table import Put, Throttled
from tests.builders import an_order
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START
from tests.unit.customer_pages.test_pages import ROUTES, get, post, request, token

P = LinkPurpose
BOUND = {Opens.EXPORT: P.EXPORT, Opens.ERASE: P.ERASE}


@pytest.fixture
def anna(small):
    return a_profile(small, order=an_order(locale="en", country="FR"), country="FR")


def ask(opens, text=None, **more):
    """Press the button on the page of choices."""
    found = text or token(P.PREFERENCES)
    return request("POST", P.PREFERENCES, f"{found}/{opens}", form="", **more)


def links(small):
    return fresh_links.read(small.tables.twin, CUSTOMER)


def fresh(small, opens=Opens.EXPORT, minutes=15, **more):
    """The token of the mail: as the gate signs it, for what was asked for just now."""
    ask(opens)
    ends = (small.clock.now() + timedelta(minutes=minutes) - START) / timedelta(days=1)
    return token(PURPOSES[opens], about=more.pop("about", links(small).newest(opens).ref), days=ends, **more)


def fields(response):
    return re.findall(r"<h1>(.*?)</h1>", response["body"])


def asked_of(small):
    found = [Asked(str(i["pk"]).split("#")[1]) for i in small.items("REQUEST#")]
    return sorted(map(str, found))


# ---------------------------------------------------------------- asking


@pytest.mark.parametrize("opens", Opens)
def test_a_press_records_the_wish_and_tells_it_with_ids_only(small, anna, opens):
    answer = ask(opens)
    assert answer["statusCode"] == 200 and fields(answer) == ["We have sent you a link"]
    assert "a•••@example.com" in answer["body"] and "anna@example.com" not in answer["body"]
    (event,) = small.outbox()
    link = links(small).newest(opens)
    assert (event.type, event.data) == ("FreshLinkAsked", {"customer_id": CUSTOMER, "link": link.ref, "opens": str(opens)})
    assert small.queues.sent == [], "the pages cannot send"


def test_a_second_press_sends_nothing_until_the_first_link_is_over(small, anna):
    ask(Opens.EXPORT)
    again = ask(Opens.EXPORT)
    assert again["statusCode"] == 200 and fields(again) == ["A link is on its way already"]
    assert len(small.outbox()) == 1
    small.later(minutes=15)
    assert fields(ask(Opens.EXPORT)) == ["We have sent you a link"]
    assert len(small.outbox()) == 2


def test_six_in_a_day_are_the_most(small, anna):
    for _ in range(MOST):
        ask(Opens.EXPORT)
        small.later(minutes=16)
    answer = ask(Opens.ERASE)
    assert (answer["statusCode"], len(small.outbox())) == (429, MOST)
    small.later(hours=24)
    assert ask(Opens.ERASE)["statusCode"] == 200


@pytest.mark.parametrize("email", [None, "anna@example.com"])
def test_whom_no_mail_reaches_is_told_so_and_nothing_is_recorded(small, anna, email):
    profile = Profile(version=1, contact=Contact(email=email), first_seen=START)
    small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.PROFILE), {"doc": profile.to_json(), "version": 1})])
    if email:
        gone = Suppression(channel=Channel.EMAIL, address_hash=small.email_hash(email), reason="hard_bounce", since=START)
        record = suppress(ConsentRecord(), gone)
        small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.CONSENT), {"doc": record.to_json(), "version": 1})])
    before = small.untouched()
    assert fields(ask(Opens.EXPORT)) == ["We cannot send you a link"]
    assert small.untouched() == before


@pytest.mark.parametrize("opens", Opens)
def test_who_comes_back_to_where_the_press_led_sees_the_choices_and_asks_for_nothing(small, anna, opens):
    before = small.untouched()
    answer = get(P.PREFERENCES, f"{token(P.PREFERENCES)}/{opens}")
    assert answer["statusCode"] == 200 and fields(answer) == ["What we may write to you"]
    own = f"/p/{token(P.PREFERENCES)}"
    forms = re.findall(r'<form method="post" action="([^"]+)"', answer["body"])
    assert forms == [own, own, *(f"{own}/{each}" for each in Opens)], "saving there saves, and asks for no link"
    assert small.untouched() == before


@pytest.mark.parametrize("purpose", [p for p in ROUTES if p is not P.PREFERENCES])
def test_a_token_of_another_purpose_asks_for_nothing(small, anna, purpose):
    before = small.untouched()
    assert ask(Opens.ERASE, token(purpose))["statusCode"] == 404
    assert small.untouched() == before


# ---------------------------------------------------------------- opening


@pytest.mark.parametrize("opens", Opens)
@pytest.mark.parametrize("purpose", ROUTES)
def test_a_token_opens_what_it_is_for_and_nothing_else(small, anna, opens, purpose):
    ask(opens)
    own = PURPOSES[opens]
    text = token(purpose, about=links(small).newest(opens).ref if purpose is own else None)
    before = small.untouched()
    for method in ("GET",) if opens is Opens.ORDERS or purpose is own else ("GET", "POST"):
        answer = request(method, own, text, form="" if method == "POST" else None)
        assert answer["statusCode"] == (200 if purpose is own else 404)
    assert small.untouched() == before


@pytest.mark.parametrize("opens", Opens)
@pytest.mark.parametrize(
    ("broken", "status"),
    [
        (lambda text: text[:-3] + "AAA", 404),
        (lambda text: "AAAA", 404),
        (lambda text: None, 410),
    ],
)
def test_forged_and_expired_links_get_a_clear_page_and_change_nothing(small, anna, opens, broken, status):
    text = fresh(small, opens)
    found = broken(text)
    if found is None:
        found = text
        small.later(minutes=15, seconds=1)
    before = small.untouched()
    for method in ("GET",) if opens is Opens.ORDERS else ("GET", "POST"):
        answer = request(method, PURPOSES[opens], found, form="" if method == "POST" else None)
        assert answer["statusCode"] == status and "Nothing was changed" in answer["body"]
    assert small.untouched() == before


def test_a_link_of_another_customer_opens_only_theirs(small, anna):
    a_profile(small, "c0berta", email="berta@example.org", order=an_order(name="#berta"))
    ref = fresh(small, Opens.EXPORT) and links(small).newest(Opens.EXPORT).ref
    before = small.untouched()
    for method in ("GET", "POST"):
        answer = request(method, P.EXPORT, token(P.EXPORT, about=ref, customer_id="c0berta"), form="")
        assert answer["statusCode"] == 410 and "There is a newer link" in answer["body"]
    assert small.untouched() == before


@pytest.mark.parametrize("opens", Opens)
def test_of_two_links_of_a_kind_only_the_newer_opens(small, anna, opens):
    older = fresh(small, opens, minutes=60)
    small.later(minutes=16)
    newer = fresh(small, opens)
    assert get(PURPOSES[opens], older)["statusCode"] == 410
    assert get(PURPOSES[opens], newer)["statusCode"] == 200
    if opens in BOUND:
        before = small.untouched()
        assert fields(post(PURPOSES[opens], text=older)) == ["There is a newer link"]
        assert small.untouched() == before


# ---------------------------------------------------------------- all orders


def test_all_orders_are_listed_with_the_archive_and_each_opens(small, anna):
    later = an_order(ref="2", key="example:2", name="<b>#1071</b>", placed_at=START - timedelta(days=400))
    small.tables.twin.write([Put(keys.order(CUSTOMER, later.key, archived=True), {"doc": later.to_json(), "version": 1})])
    profile = Profile(version=1, contact=Contact(email="anna@example.com"), first_seen=START, archived_until=START)
    small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.PROFILE), {"doc": profile.to_json(), "version": 1})])
    a_profile(small, "c0berta", email="berta@example.org", order=an_order(name="#berta", key="example:9", ref="9"))
    text = fresh(small, Opens.ORDERS)
    before = small.untouched()
    body = get(P.ORDERS, text)["body"]
    assert "&lt;b&gt;#1071&lt;/b&gt;" in body and "berta" not in body
    paths = re.findall(r'href="/o/([^"]+)"', body)
    assert len(paths) == 2
    assert [get(P.STATUS, path)["statusCode"] for path in paths] == [200, 200]
    small.later(days=1)
    assert get(P.STATUS, paths[0])["statusCode"] == 410
    small.later(days=-1)
    assert small.untouched() == before


# ---------------------------------------------------------------- export


def test_the_file_comes_once_with_all_that_is_kept_and_the_wish_is_answered(small, anna):
    text = fresh(small)
    page = get(P.EXPORT, text)
    assert fields(page) == ["Your data"] and "<button" in page["body"]
    answer = post(P.EXPORT, text=text)
    assert answer["headers"]["Content-Disposition"] == 'attachment; filename="my-data-2026-03-02.json"'
    assert answer["headers"]["Cache-Control"] == "no-store"
    kept = json.loads(answer["body"])["kept"]
    assert kept["profile"][0]["record"]["contact"]["email"] == "anna@example.com"
    assert {"order", "fresh_links"} <= set(kept)
    assert asked_of(small) == ["export"]
    (row,) = small.items("REQUEST#export#")
    assert json.loads(str(row["doc"]))["outcome"] == "downloaded on the page"
    before = small.untouched()
    for again in (get(P.EXPORT, text), post(P.EXPORT, text=text)):
        assert again["statusCode"] == 410 and fields(again) == ["This link has been used"]
    assert small.untouched() == before


def test_a_browser_that_takes_gzip_gets_it(small, anna):
    answer = post(P.EXPORT, text=fresh(small), headers={"accept-encoding": "gzip, deflate, br"})
    assert answer["isBase64Encoded"] and answer["headers"]["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(base64.b64decode(answer["body"])))["format"] == "aftercare-export-1"


def test_an_outage_while_the_file_is_made_does_not_use_up_the_link(small, anna):
    text = fresh(small)

    def out():
        raise Throttled

    small.tables.before_write[:] = [out]
    assert post(P.EXPORT, text=text)["statusCode"] == 503
    assert post(P.EXPORT, text=text)["statusCode"] == 200


def test_pressed_twice_at_once_the_file_comes_once(small, anna):
    text, seen = fresh(small), []
    small.tables.before_write[:] = [lambda: seen.append(post(P.EXPORT, text=text)["statusCode"])]
    assert post(P.EXPORT, text=text)["statusCode"] == 410
    assert seen == [200] and asked_of(small) == ["export"]


# ---------------------------------------------------------------- erasure


def test_looking_at_the_last_question_changes_nothing_and_the_button_asks_for_it_once(small, anna):
    text = fresh(small, Opens.ERASE)
    before = small.untouched()
    page = get(P.ERASE, text)
    assert fields(page) == ["Shall we forget you?"] and "a•••@example.com" in page["body"]
    assert small.untouched() == before
    assert fields(post(P.ERASE, text=text)) == ["You are being forgotten"]
    (told,) = [event for event in small.outbox() if event.type == "CustomerErasureRequested"]
    request_ = requests.find(small.tables.twin, Asked.ERASURE, told.data["request"])
    assert request_.customer_ids == (CUSTOMER,) and request_.closed_at is None and request_.email is None
    before = small.untouched()
    assert fields(post(P.ERASE, text=text)) == fields(get(P.ERASE, text)) == ["You are being forgotten"]
    assert small.untouched() == before


def test_who_is_forgotten_already_is_told_so_and_does_not_come_back(small, anna):
    text, export = fresh(small, Opens.ERASE), fresh(small, Opens.EXPORT)
    eraser = Eraser(small, lambda: timedelta(minutes=1))
    eraser.erase(CUSTOMER)
    before = small.untouched()
    for answer in (get(P.ERASE, text), post(P.ERASE, text=text)):
        assert answer["statusCode"] == 200 and fields(answer) == ["You are being forgotten"]
    for answer in (get(P.EXPORT, export), post(P.EXPORT, text=export), ask(Opens.EXPORT)):
        assert answer["statusCode"] == 404
    assert small.untouched() == before


def test_the_pages_speak_the_readers_language(small):
    a_profile(small, order=an_order(locale="de", country="DE"), country="DE")
    assert fields(ask(Opens.EXPORT)) == ["Wir haben Ihnen einen Link gesendet"]
    assert fields(get(P.EXPORT, fresh(small))) == ["Ihre Daten"]
    assert fields(get(P.ERASE, fresh(small, Opens.ERASE))) == ["Sollen wir Sie vergessen?"]
    assert fields(get(P.ORDERS, fresh(small, Opens.ORDERS))) == ["Alle Ihre Bestellungen"]
