"""The account behind its link: a page and its JSON form, a return asked for in two steps, once. GET changes nothing."""

import json
import re
from datetime import timedelta
from itertools import pairwise

import pytest

from aftercare import keys, ledger, store
from aftercare.customer import OrderLine
from aftercare.decision import Decision, Message, Reason, State
from aftercare.links import Link, LinkPurpose, read_keys, sign, verify
from aftercare.parcel_status import ShipmentStatus
from aftercare.retention import JOURNAL
from aftercare.returns import request_ref
from aftercare.table import Put, Throttled
from customer_pages.handler import handle
from tests.builders import a_proposal, an_order
from tests.ledger_items import CUSTOMER, a_profile
from tests.shipments import a_log, a_parcel, a_shipment
from tests.small_outside import SECRETS, START, Context
from tests.strangers import INJECTIONS, Page

ORDER, BEN = "example:1070", "c0ben"
STORE = "https://shop.example.com"
FORM = {"line-1": "1", "wish": "exchange", "reason": "damaged"}


def token(customer_id=CUSTOMER, order=ORDER, purpose=LinkPurpose.STATUS, days=60):
    return sign(read_keys(SECRETS["link"]), purpose, Link(customer_id, order, int((START + timedelta(days=days)).timestamp())))


def request(method, path, form=None, **headers):
    event = {
        "version": "2.0",
        "routeKey": f"{method} /o/{{token}}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "stage": "$default",
            "requestId": "r",
            "domainName": "post.example.com",
            "http": {"method": method, "path": path},
        },
        "isBase64Encoded": False,
    }
    if form is not None:
        event["body"] = "&".join(f"{name}={value}" for name, value in form.items())
    return handle(event, Context())


def get(path="", text=None, **headers):
    return request("GET", f"/o/{text or token()}{path}", **headers)


def post(form, text=None, path="/return"):
    return request("POST", f"/o/{text or token()}{path}", form)


def put(small, place, record, **more):
    small.tables.twin.write([Put(place, {"doc": record.to_json(), "version": record.version, **more})])


def arrived(small, customer_id=CUSTOMER, order=ORDER, at=START + timedelta(days=2)):
    parcel = a_parcel(log=a_log(in_transit=START, delivered=at), status=ShipmentStatus.DELIVERED, delivered_at=at)
    there = a_shipment(parcel, order_keys=(order,), status=ShipmentStatus.DELIVERED, delivered_at=at)
    put(small, keys.shipment(customer_id, there.key), there)
    small.clock.at = at + timedelta(days=1)


@pytest.fixture
def anna(small):
    lines = (
        OrderLine(line_ref="1", title="Cup <b>& Co</b>", quantity=2, sku="COF-1"),
        OrderLine(line_ref="2", title="Tee", quantity=1),
    )
    a_profile(small, order=an_order(locale="en", country="DE", lines=lines))
    arrived(small)
    return small


@pytest.fixture
def configured(anna):
    anna.settings = type(anna.settings)(**{**vars(anna.settings), "store_origins": STORE})
    return anna


def order_now(small, customer_id=CUSTOMER):
    return store.load(small.tables.twin, customer_id).order(ORDER)


# ---------------------------------------------------------------- the page


def test_the_page_has_its_five_places_under_headings(anna):
    body = get()["body"]
    for place in ("confirm", "inform", "support", "secure", "re-engage"):
        assert re.search(rf'<section id="{place}" aria-labelledby="{place}-title">', body)
        assert f'id="{place}-title"' in body
    assert len(re.findall(r"<h1", body)) == 1
    levels = [int(level) for level in re.findall(r"<h([1-6])", body)]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels)), levels


def test_every_link_of_the_page_within_it_leads_somewhere(anna):
    body = get()["body"]
    for anchor in re.findall(r'href="#([^"]+)"', body):
        assert f'id="{anchor}"' in body, anchor
    outside = [href for href in Page(body).links if not href.startswith(("#", "/", "tel:", "mailto:"))]
    assert outside and all(href.startswith("https://") for href in outside)


def test_help_is_a_call_away_wherever_one_is(anna):
    for path in ("", "/return"):
        body = get(path)["body"]
        bar = re.search(r'<aside class="ask".*?</aside>', body, re.DOTALL)[0]
        assert 'href="https://larkfield.example/chat"' in bar and 'href="tel:+493055501234"' in bar


def test_the_page_gives_links_of_the_same_customer_for_their_own_purpose_and_not_for_long(anna):
    body, now = get()["body"], anna.clock.at
    for place, purpose in (("p", LinkPurpose.PREFERENCES), ("c", LinkPurpose.CUE)):
        given = re.search(rf'href="/{place}/([^"]+)"', body)[1]
        link = verify(read_keys(SECRETS["link"]), purpose, given, now)
        assert (link.customer_id, link.expires_at) == (CUSTOMER, int((now + timedelta(days=1)).timestamp()))
    short = token(days=3.1)
    given = re.search(r'href="/p/([^"]+)"', get(text=short)["body"])[1]
    ends = verify(read_keys(SECRETS["link"]), LinkPurpose.STATUS, short, now).expires_at
    assert verify(read_keys(SECRETS["link"]), LinkPurpose.PREFERENCES, given, now).expires_at == ends


@pytest.mark.parametrize("hostile", INJECTIONS.values(), ids=INJECTIONS)
def test_what_a_stranger_typed_is_text(small, hostile):
    line = OrderLine(line_ref="1", title=hostile, variant=hostile, quantity=1, sku="LEA-1")
    a_profile(small, order=an_order(name=hostile or "x", lines=(line,), cancel_reason=hostile))
    arrived(small)
    for path in ("", "/return"):
        answer = get(path)
        assert answer["statusCode"] == 200
        shown = Page(answer["body"])
        assert not {tag for tag, _ in shown.tags} & {"script", "img", "iframe", "object", "embed", "base"}
        assert not [name for _, given in shown.tags for name in given if name.startswith("on")]
        assert not [url for url in shown.links if not url.startswith(("https://larkfield.example/", "/", "#", "tel:", "mailto:"))]
    assert json.loads(get(".json")["body"])["confirm"]["number"]


# ---------------------------------------------------------------- the JSON form


def test_the_json_form_is_the_same_for_who_asks_for_it(anna):
    by_path, by_header = get(".json"), get(accept="application/json")
    assert by_path["body"] == by_header["body"]
    told = json.loads(by_path["body"])
    assert list(told) == ["locale", "confirm", "inform", "support", "secure", "re_engage"]
    assert told["confirm"]["lines"][0]["title"] == "Cup <b>& Co</b>", "escaping is for who draws it"
    assert told["inform"]["preferences_url"].startswith("https://post.example.com/p/")
    assert get(accept="text/html,application/json;q=0.9")["body"].startswith("<!doctype html>")


def test_nobody_keeps_it_follows_it_or_learns_its_address(anna):
    for answer in (get(), get(".json"), get("/return")):
        headers = answer["headers"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "none"
        assert not answer.get("cookies")


def test_only_a_configured_origin_frames_it_or_reads_it_by_script(configured):
    policy = get()["headers"]["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors {STORE}")
    assert get("/return")["headers"]["Content-Security-Policy"] == policy
    allow = "Access-Control-Allow-Origin"
    assert get(".json", origin=STORE)["headers"][allow] == STORE
    assert allow not in get(".json", origin="https://evil.example")["headers"]
    assert allow not in get(origin=STORE)["headers"]


def test_by_default_nobody_frames_it(anna):
    assert get()["headers"]["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert "Access-Control-Allow-Origin" not in get(".json", origin=STORE)["headers"]


def test_what_does_not_open_is_told_as_json_to_who_asked_for_that(anna):
    for text, status, word in (("x", 404, "gone"), (token(days=0), 410, "expired")):
        answer = get(".json", text)
        assert (answer["statusCode"], json.loads(answer["body"])) == (status, {"error": word})

    def out(*_):
        raise Throttled

    anna.tables.partition = out
    assert (get(".json")["statusCode"], json.loads(get(".json")["body"])) == (503, {"error": "busy"})


# ---------------------------------------------------------------- isolation


def test_a_token_opens_its_own_order_and_nobody_elses_changes_what_it_shows(anna):
    before = {path: get(path)["body"] for path in ("", ".json", "/return")}
    a_profile(anna, customer_id=BEN, email="ben@example.com", order=an_order("9", contact={"email": "ben@example.com"}))
    arrived(anna, BEN, "example:9", at=START + timedelta(days=2))
    anna.ids.given = 0
    assert {path: get(path)["body"] for path in before} == before
    crossed = ((token(BEN), 404), (token(CUSTOMER, "example:9"), 404), (token(BEN, "example:9"), 200))
    for text, status in crossed:
        assert get(text=text)["statusCode"] == status
        assert get("/return", text)["statusCode"] == status
        assert post({**FORM, "request": "n"}, text)["statusCode"] == status
    assert "Cup" not in get(text=token(BEN, "example:9"))["body"]


@pytest.mark.parametrize("purpose", [purpose for purpose in LinkPurpose if purpose is not LinkPurpose.STATUS])
def test_a_link_for_something_else_opens_no_account(anna, purpose):
    other = token(purpose=purpose)
    before = anna.untouched()
    for answer in (get(text=other), get(".json", other), get("/return", other), post({**FORM, "request": "n"}, other)):
        assert answer["statusCode"] == 404
    assert anna.untouched() == before


# ---------------------------------------------------------------- a return


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["", ".json", "/return"])
def test_only_a_post_asks_for_a_return(anna, method, path):
    before = anna.untouched()
    request(method, f"/o/{token()}{path}", {**FORM, "request": "n"})
    assert anna.untouched() == before


def confirmed(small, **form):
    """Both steps, as somebody without scripts takes them: the second sends what stands in the page."""
    page = post({**FORM, **form})
    assert page["statusCode"] == 200, page["body"]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page["body"]))
    assert "request" in fields
    return fields, post(fields)


def test_two_steps_record_it_with_its_event_in_one_transaction(anna):
    before = anna.untouched()
    first = post(FORM)
    assert (first["statusCode"], anna.untouched()) == (200, before), "the first step records nothing"
    assert "1 × Cup &lt;b&gt;" in first["body"] and "An exchange" in first["body"] and "What it costs" in first["body"]
    calls = len(anna.tables.calls)
    fields, answer = confirmed(anna)
    assert anna.tables.calls[calls:].count("write") == 1
    (kept,) = order_now(anna).returns
    assert kept.ref == request_ref(ORDER, fields["request"])
    assert (kept.state, kept.lines, kept.reason, kept.wish, kept.requested_at) == (
        "requested",
        {"1": 1},
        "damaged",
        "exchange",
        anna.clock.at,
    )
    assert kept.ref in answer["body"] and 'role="img"' in answer["body"]
    event, why = anna.outbox()
    assert (why.type, why.data["reason"], why.data["words"]) == ("ReturnExplained", "damaged", False)
    assert (event.type, event.data) == (
        "ReturnRequested",
        {
            "customer_id": CUSTOMER,
            "order": ORDER,
            "return_ref": kept.ref,
            "lines": {"1": 1},
            "reason": "damaged",
            "wish": "exchange",
            "outcome": None,
        },
    )
    (journal,) = anna.items("DELIVERY#")
    assert (journal["sender"], journal["topic"]) == ("customer", "return")


def test_confirmed_twice_it_is_asked_for_once(anna):
    fields, _ = confirmed(anna)
    after = anna.untouched()
    again = post(fields)
    assert (again["statusCode"], anna.untouched()) == (200, after)
    assert request_ref(ORDER, fields["request"]) in again["body"]


def test_the_same_form_at_the_same_time_is_one_return(anna):
    fields = {**FORM, "request": "one-of-its-own"}
    anna.tables.before_write.append(lambda: post(fields))
    assert post(fields)["statusCode"] == 200
    assert len(order_now(anna).returns) == 1
    assert anna.told() == ["ReturnRequested", "ReturnExplained"]


def test_a_second_return_takes_what_is_left(anna):
    confirmed(anna)
    confirmed(anna)
    assert [r.lines for r in order_now(anna).returns] == [{"1": 1}, {"1": 1}]
    refused = post({**FORM, "request": "third"})
    assert refused["statusCode"] == 400 and "not there any more" in refused["body"]
    assert len(order_now(anna).returns) == 2


def test_a_late_one_is_told_plainly_and_help_is_offered(anna):
    page = post(FORM)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page["body"]))
    anna.clock.at = START + timedelta(days=40)
    before = anna.untouched()
    for form in (FORM, fields):
        late = post(form)
        assert late["statusCode"] == 400
        assert "The time for what you chose is over" in late["body"]
        assert late["body"].count("larkfield.example/chat") > 1
    assert anna.untouched() == before
    shown = get("/return")
    assert shown["statusCode"] == 200
    assert "ended on" in shown["body"] and "<form" not in shown["body"]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({}, "choose what goes back"),
        ({"wish": "refund"}, "choose what goes back"),
        ({"line-1": "0", "wish": "refund"}, "choose what goes back"),
        ({"line-1": "-1", "wish": "refund"}, "choose what goes back"),
        ({"line-1": "1e3", "wish": "refund"}, "choose what goes back"),
        ({"line-1": "%D9%A3", "wish": "refund"}, "choose what goes back"),
        ({"line-9": "1", "wish": "refund"}, "not there any more"),
        ({"line-1": "99999999999999999999", "wish": "refund"}, "not there any more"),
        ({"line-1": "3", "wish": "refund"}, "not there any more"),
        ({"line-1": "1"}, "what you would like for it"),
        ({"line-1": "1", "wish": "gold"}, "what you would like for it"),
    ],
)
@pytest.mark.parametrize("second", [{}, {"request": "n"}])
def test_a_form_that_cannot_be_is_refused_in_words(anna, form, says, second):
    before = anna.untouched()
    answer = post({**form, **second})
    assert answer["statusCode"] == 400
    assert says in answer["body"] and 'role="alert"' in answer["body"]
    assert anna.untouched() == before


def test_a_reason_need_not_be_said_and_a_strange_one_is_none(anna):
    for form in ({"line-1": "1", "wish": "refund"}, {"line-2": "1", "wish": "refund", "reason": "<script>"}):
        post({**form, "request": str(len(form))})
    assert [r.reason for r in order_now(anna).returns] == ["unsaid", "unsaid"]


def test_a_name_of_a_form_that_is_too_long_records_nothing(anna):
    answer = post({**FORM, "request": "n" * 65})
    assert (answer["statusCode"], anna.told()) == (200, [])


def test_what_is_written_meanwhile_stays(anna):
    def shop_changes_it():
        order = order_now(anna)
        doc = order.model_copy(update={"paid_at": START, "version": order.version + 1}).to_json()
        anna.tables.twin.write([store.versioned(keys.order(CUSTOMER, ORDER), doc, order.version)])

    anna.tables.before_write.append(shop_changes_it)
    assert post({**FORM, "request": "n"})["statusCode"] == 200
    after = order_now(anna)
    assert (after.paid_at, len(after.returns)) == (START, 1)


def test_an_order_that_is_cancelled_meanwhile_takes_no_return(anna):
    def cancelled():
        order = order_now(anna)
        doc = order.model_copy(update={"cancelled_at": START, "version": order.version + 1}).to_json()
        anna.tables.twin.write([store.versioned(keys.order(CUSTOMER, ORDER), doc, order.version, closed="cancelled")])

    anna.tables.before_write.append(cancelled)
    answer = post({**FORM, "request": "n"})
    assert (answer["statusCode"], order_now(anna).returns) == (400, ())
    assert anna.told() == []


def test_an_outage_promises_nothing(anna):
    def fail():
        raise Throttled

    anna.tables.before_write.append(fail)
    assert post({**FORM, "request": "n"})["statusCode"] == 503
    assert order_now(anna).returns == ()


# ---------------------------------------------------------------- messages


def sent(small, template="parcel-shipped", customer_id=CUSTOMER, order=ORDER, title=None, text=None, **references):
    about = {"order": order, **references}
    proposal = a_proposal(key=f"{template}#{order}", template=template, references=about, customer_id=customer_id)
    decision = Decision(at=START, state=State.SENT, reason=Reason.SENT)
    given = {"channel": "email", "sent_at": START, "title": title, "text": text}
    message = Message(proposal=proposal, state=State.SENT, decisions=(decision,), **given)
    place = keys.ledger(customer_id, proposal.message_id)
    item = {"doc": message.to_json(), "state": "SENT", "expires_at": JOURNAL.ends(small.clock.at)}
    small.tables.twin.write([Put(place, item)])
    return message


def test_messages_are_listed_with_title_time_and_way(anna):
    sent(anna)
    sent(anna, "order-confirmation")
    sent(anna, "nobody-knows-it")
    body = get()["body"]
    for title in ("Your parcel is on its way", "Your order is confirmed", "A message from us"):
        assert f"<b>{title}</b>" in body
    assert "Monday 2\xa0March, 10:15 · E-mail" in body


def test_an_expired_message_is_not_there(anna):
    message = sent(anna)
    place = keys.ledger(CUSTOMER, message.proposal.message_id)
    item = {"doc": message.to_json(), "state": "SENT", "expires_at": int(START.timestamp())}
    anna.tables.twin.write([Put(place, item)])
    assert "on its way</b>" not in get()["body"]


def held(small, template="parcel-shipped", order=ORDER, purpose="transactional", **references):
    about = {"order": order, **references}
    key = f"{template}#{order}:{'-'.join(references.values()) or 'held'}"
    proposal = a_proposal(key=key, template=template, references=about, customer_id=CUSTOMER, purpose=purpose)
    until = small.clock.at + timedelta(hours=8)
    decision = Decision(at=small.clock.at, state=State.HELD, reason=Reason.QUIET_HOURS, until=until)
    message = Message(proposal=proposal, state=State.HELD, decisions=(decision,))
    ledger.hold(small.tables.twin, store.load(small.tables.twin, CUSTOMER), message, until, small.clock.at)
    return message


def on_ledger(small, message):
    place = keys.ledger(CUSTOMER, message.proposal.message_id)
    item = small.tables.twin.read([place]).get(place)
    return ledger.message_from(item) if item else None


def still_held(small):
    return [m.proposal.key for m in store.load(small.tables.twin, CUSTOMER).held]


def test_opening_a_message_shows_what_it_said_and_marks_it_read_once(anna):
    message = sent(anna, title="On its way, <b>Anna</b>", text="It left us this morning.")
    assert "It left us" not in get()["body"]
    opened = post({"message": message.proposal.message_id}, path="/read")
    assert opened["statusCode"] == 200
    assert "On its way, &lt;b&gt;Anna&lt;/b&gt;" in opened["body"]
    assert re.search(r"<details open>.*?It left us this morning", opened["body"], re.DOTALL)
    first = anna.untouched()
    anna.later(hours=1)
    assert post({"message": message.proposal.message_id}, path="/read")["statusCode"] == 200
    assert anna.untouched() == first, "the first time counts"
    assert json.loads(get(".json")["body"])["inform"]["messages"][0]["read_at"]


@pytest.mark.parametrize("name", ["", "x", "a" * 200, "%00", "../1#PROFILE"])
def test_a_message_that_is_not_there_is_told_so(anna, name):
    before = anna.untouched()
    answer = post({"message": name}, path="/read")
    assert (answer["statusCode"], "not here any more" in answer["body"]) == (404, True)
    assert anna.untouched() == before


def test_a_message_of_another_order_or_another_customer_is_not_opened(anna):
    other = sent(anna, order="example:2")
    a_profile(anna, customer_id=BEN, email="ben@example.com", order=an_order())
    bens = sent(anna, customer_id=BEN, template="order-packed")
    before = anna.untouched()
    for message in (other, bens):
        assert post({"message": message.proposal.message_id}, path="/read")["statusCode"] == 404
    assert anna.untouched() == before


def test_what_was_read_here_is_not_sent_elsewhere_any_more(anna):
    read = sent(anna, "delivery-delayed", shipment="example:S-1")
    copy = held(anna, "delivery-delayed", shipment="example:S-1", number="h1", channel="sms")
    other_parcel = held(anna, "delivery-delayed", shipment="example:S-2")
    other_news = held(anna, "delivery-recovered", shipment="example:S-1")
    post({"message": read.proposal.message_id}, path="/read")
    settled = on_ledger(anna, copy)
    assert (settled.state, settled.last.reason, settled.last.note) == (State.SUPERSEDED, Reason.READ_ELSEWHERE, read.proposal.key)
    assert sorted(still_held(anna)) == sorted(m.proposal.key for m in (other_parcel, other_news))


def test_a_message_that_waits_is_shown_and_need_not_be_sent(anna):
    waits = held(anna, "parcel-delivered")
    held(anna, "reorder-reminder", purpose="reorder", family="coffee")
    body = get()["body"]
    assert "Waits until Thursday 5\xa0March, 18:15" in body and "do not send it" in body
    assert body.count("Waits until") == 1, "an offer that may come is no news"
    answer = post({"message": waits.proposal.message_id}, path="/read")
    assert "not sent any more" in answer["body"]
    assert on_ledger(anna, waits).state is State.SUPERSEDED
    again = anna.untouched()
    assert post({"message": waits.proposal.message_id}, path="/read")["statusCode"] == 404
    assert anna.untouched() == again


def test_who_comes_back_to_where_reading_led_sees_the_account_and_changes_nothing(anna):
    sent(anna, "delivery-delayed", shipment="example:S-1")
    before = anna.untouched()
    answer = get(path="/read")
    assert answer["statusCode"] == 200 and answer["body"] == get()["body"]
    assert anna.untouched() == before


def test_what_the_gate_claimed_meanwhile_is_on_its_way(anna):
    read, copy = sent(anna), held(anna)
    customer = store.load(anna.tables.twin, CUSTOMER)
    claim = copy.model_copy(update={"state": State.CLAIMED, "channel": "sms"})

    def claimed():
        ledger.claim(anna.tables.twin, customer, claim, "t1", anna.clock.at, copy)

    anna.tables.before_write += [lambda: None, claimed]
    assert post({"message": read.proposal.message_id}, path="/read")["statusCode"] == 200
    assert on_ledger(anna, copy).state is State.CLAIMED


def test_copies_are_the_same_news_of_the_same_thing():
    from customer_pages.inbox import copies_of

    def message(template="parcel-shipped", **references):
        proposal = a_proposal(key=f"{template}#x", template=template, references=references)
        return Message(proposal=proposal, state=State.HELD, decisions=())

    read = message(order=ORDER, shipment="s1")
    by_text = message(order=ORDER, shipment="s1", channel="sms", number="h1")
    others = [message(order=ORDER), message(order=ORDER, shipment="s2"), message("order-packed", order=ORDER, shipment="s1")]
    assert copies_of(read, [by_text, *others]) == [by_text]


def test_a_store_that_draws_the_account_acts_by_the_same_addresses(configured):
    message = sent(configured, text="It left us.")
    path, accept = f"/o/{token()}", {"accept": "application/json", "origin": STORE}
    read = request("POST", f"{path}/read", {"message": message.proposal.message_id}, **accept)
    assert json.loads(read["body"])["opened_message"] == message.proposal.message_id
    assert read["headers"]["Access-Control-Allow-Origin"] == STORE
    for form, word in ((FORM, "no_request"), ({**FORM, "line-1": "9", "request": "n"}, "gone_already")):
        refused = request("POST", f"{path}/return", form, **accept)
        assert (refused["statusCode"], json.loads(refused["body"])) == (400, {"error": word})
    for _ in range(2):
        asked = request("POST", f"{path}/return", {**FORM, "request": "cart-7"}, **accept)
        assert (asked["statusCode"], json.loads(asked["body"])["return_ref"]) == (200, request_ref(ORDER, "cart-7"))
    assert len(order_now(configured).returns) == 1
    gone = request("POST", "/o/x/read", {"message": "m"}, **accept)
    assert (gone["statusCode"], json.loads(gone["body"])) == (404, {"error": "gone"})
