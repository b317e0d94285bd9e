import base64
import re
from datetime import timedelta

import pytest

from aftercare import fresh_links, keys, store
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Charge, OrderLine, Refund, Return
from aftercare.fresh_links import FreshLink, FreshLinks, Opens
from aftercare.links import Link, LinkPurpose, read_keys, sign
from aftercare.media import Media, Repost
from aftercare.money import Money
from aftercare.store import versioned
from aftercare.table import Put, Throttled
from customer_pages.handler import handle
from customer_pages.words import languages, told_by
from tests.builders import an_order, consent_of, said
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import EVENTS, SECRETS, START, Context, sample

ORDER = "example:1070"
P = LinkPurpose
ROUTES = {
    P.STATUS: "o",
    P.PREFERENCES: "p",
    P.UNSUBSCRIBE: "u",
    P.CUE: "c",
    P.SURVEY: "s",
    P.GUIDE: "g",
    P.RETURN: "r",
    P.OFFER: "n",
    P.REPOST: "m",
    P.CONFIRM: "k",
    P.AGENT: "a",
    P.DESK: "d",
    P.ORDERS: "orders",
    P.EXPORT: "export",
    P.ERASE: "erase",
}
ABOUT = {
    P.STATUS: ORDER,
    P.PREFERENCES: "",
    P.UNSUBSCRIBE: "email:promotional",
    P.CUE: ORDER,
    P.SURVEY: ORDER,
    P.GUIDE: ORDER,
    P.RETURN: f"{ORDER}#RET-1",
    P.OFFER: f"{ORDER}|coffee|again",
    P.REPOST: "example:PIC-1",
    P.CONFIRM: "h1:reorder",
    P.AGENT: "Kim",
    P.DESK: "Kim",
    P.ORDERS: "l1",
    P.EXPORT: "l1",
    P.ERASE: "l1",
}


def token(purpose, about=None, customer_id=CUSTOMER, days=60):
    link = Link(customer_id, ABOUT[purpose] if about is None else about, int((START + timedelta(days=days)).timestamp()))
    return sign(read_keys(SECRETS["link"]), purpose, link)


def request(method, purpose, text, form=None, query=None, headers=None, content_type="application/x-www-form-urlencoded"):
    path = f"/{ROUTES[purpose]}/{text}"
    event = {
        "version": "2.0",
        "routeKey": f"{method} /{ROUTES[purpose]}/{{token}}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": content_type, **(headers or {})},
        "requestContext": {"stage": "$default", "requestId": "r", "http": {"method": method, "path": path}},
        "pathParameters": {"token": text},
        "isBase64Encoded": form is not None,
    }
    if query:
        event["queryStringParameters"] = query
    if form is not None:
        event["body"] = base64.b64encode(form.encode()).decode()
    return handle(event, Context())


def get(purpose, text=None, **more):
    return request("GET", purpose, text or token(purpose), **more)


def post(purpose, form="", text=None, **more):
    return request("POST", purpose, text or token(purpose), form=form, **more)


def head(small, purpose=Purpose.PROMOTIONAL):
    found = store.load(small.tables.twin, CUSTOMER).consent.head(Channel.EMAIL, purpose)
    return found.says if found else None


@pytest.fixture
def anna(small):
    order = an_order(
        locale="en",
        lines=(OrderLine(line_ref="1", title="Cup <b>& Co</b>", quantity=2, unit_price=Money(amount="1234.50", currency="EUR")),),
        fees=(Charge(kind="shipping", label="DHL", amount=Money(amount="0", currency="EUR")),),
        discounts=(Charge(kind="discount", label="WELCOME", amount=Money(amount="5", currency="EUR")),),
        refunds=(Refund(ref="r", at=START, amount=Money(amount="1", currency="EUR")),),
        returns=(Return(ref="RET-1", requested_at=START, lines={"1": 1}),),
        estimated_from=START,
        estimated_until=START + timedelta(days=2),
        status_url="https://shop.example.com/orders/1?key=k",
    )
    asked = tuple(FreshLink(ref="l1", opens=opens, asked_at=START) for opens in Opens)
    picture = Media(ref=ABOUT[P.REPOST], at=START, url="https://photos.example/1", kind="photo", network="instagram", order=ORDER)
    small.tables.twin.write(
        [
            fresh_links.write(CUSTOMER, FreshLinks(links=asked), START),
            Put(keys.media(CUSTOMER, picture.ref), {"doc": picture.to_json()}),
            versioned(keys.repost(CUSTOMER, picture.ref), Repost(version=1, counted_at=START).to_json(), 0),
        ]
    )
    return a_profile(small, order=order, country="FR")


# ---------------------------------------------------------------- every page


@pytest.mark.parametrize("purpose", list(P))
def test_a_page_says_nothing_to_anybody_else_and_loads_nothing(small, anna, purpose):
    answer = get(purpose)
    assert answer["statusCode"] == 200
    headers = {k.lower(): v for k, v in answer["headers"].items()}
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "set-cookie" not in headers
    assert "cookies" not in answer or not answer["cookies"]
    assert not re.search(r"<(script|img|link|iframe)\b|\son[a-z]+=|style=", answer["body"])
    assert 'name="viewport"' in answer["body"]


def test_the_style_is_the_one_that_the_policy_names(small, anna):
    import hashlib

    answer = get(P.STATUS)
    style = re.search(r"<style>(.*?)</style>", answer["body"], re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer["headers"]["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
@pytest.mark.parametrize("purpose", list(P))
def test_only_a_post_changes_anything(small, anna, purpose, method):
    before = small.untouched()
    for query in (None, {"cue": "bad", "promotional": "on", "List-Unsubscribe": "One-Click"}):
        request(method, purpose, token(purpose), query=query, form="cue=bad&promotional=on")
    assert small.untouched() == before


FORGED = ["", "x", "AAAA", "ä", "%00", "A" * 4000, "../../etc", "e30.e30.e30"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("purpose", list(P))
@pytest.mark.parametrize("text", FORGED)
def test_a_forged_link_opens_nothing(small, anna, purpose, text, method):
    before = small.untouched()
    answer = request(method, purpose, text, form="cue=bad" if method == "POST" else None)
    assert answer["statusCode"] == 404
    assert small.untouched() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_opens_only_what_it_is_for(small, anna, method):
    before = small.untouched()
    for made in P:
        for used in P:
            if made is not used:
                assert request(method, used, token(made), form="cue=bad" if method == "POST" else None)["statusCode"] == 404
    other = sign(read_keys('{"keys": {"1": "another-key"}}'), P.STATUS, Link(CUSTOMER, ORDER, 2**31))
    assert get(P.STATUS, other)["statusCode"] == 404
    assert get(P.STATUS, token(P.STATUS, about="example:9999"))["statusCode"] == 404
    assert get(P.STATUS, token(P.STATUS, customer_id="nobody"))["statusCode"] == 404
    assert small.untouched() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("purpose", [purpose for purpose in P if purpose not in (P.UNSUBSCRIBE, P.DESK)])
def test_a_link_of_nobody_opens_nothing(small, anna, purpose, method):
    before = small.untouched()
    answer = request(method, purpose, token(purpose, customer_id="nobody"), form="cue=bad" if method == "POST" else None)
    assert answer["statusCode"] == 404
    assert small.untouched() == before


@pytest.mark.parametrize("purpose", [purpose for purpose in P if purpose is not P.UNSUBSCRIBE])
def test_after_its_time_a_link_says_so_and_does_nothing(small, anna, purpose):
    late = token(purpose, days=0)
    before = small.untouched()
    for answer in (
        get(purpose, late),
        post(purpose, "cue=bad", late) if purpose not in (P.STATUS, P.ORDERS) else get(purpose, late),
    ):
        assert answer["statusCode"] == 410
        assert "time is over" in answer["body"]
    assert small.untouched() == before


def test_an_outage_is_503_in_plain_words(small, anna):
    def fail():
        raise Throttled

    small.tables.before_write.append(fail)
    answer = post(P.UNSUBSCRIBE, "List-Unsubscribe=One-Click")
    assert answer["statusCode"] == 503
    assert "our fault" in answer["body"]
    assert head(small) is None


def test_logs_hold_rate_used_up_and_no_address(small, anna, capsys):
    link = token(P.PREFERENCES)
    get(P.PREFERENCES, link)
    post(P.PREFERENCES, "email-promotional=on", link)
    post(P.UNSUBSCRIBE, "x=anna@example.com")
    out = capsys.readouterr().out
    assert link not in out
    assert "anna" not in out.replace(CUSTOMER, "")


@pytest.mark.parametrize("name", sorted(p.stem for p in (EVENTS / "customer_pages").glob("*.json")))
def test_the_samples_run(small, name):
    """No sample's link is signed with this key; leaving and the return terms need none."""
    expected = 200 if name in ("leave", "show_leaving", "return_terms") else 404
    assert handle(sample(f"customer_pages/{name}"), Context())["statusCode"] == expected
    assert small.items() == []


# ---------------------------------------------------------------- order status


def test_the_order_is_shown_as_the_shopper_knows_it_and_escaped(small, anna):
    body = get(P.STATUS)["body"]
    assert "Order #1070" in body
    assert "Cup &lt;b&gt;&amp; Co&lt;/b&gt;" in body
    for text in ("€2,469.00", "−€5.00", "free", "€59.45", "2 March 2026", "Between Monday 2\xa0March and Wednesday 4\xa0March"):
        assert text in body
    assert 'href="https://shop.example.com/orders/1?key=k"' in body


@pytest.mark.parametrize(
    ("country", "shipped", "cancelled", "shown", "not_shown"),
    [
        ("US", True, False, ("within 30 days of delivery", "for the return: $6.95"), ("free.",)),
        ("DE", True, False, ("within 30 days of delivery", "Returning it is free."), ("for the return:",)),
        ("DE", False, False, ("withdraw within 30 days of ordering",), ("Returning it is free.", "of delivery")),
        ("DE", True, True, (), ("30 days", "Returning it")),
    ],
)
def test_the_page_says_how_long_something_may_come_back_and_what_it_costs(small, country, shipped, cancelled, shown, not_shown):
    line = OrderLine(line_ref="1", title="Cup", quantity=1, requires_shipping=shipped)
    a_profile(small, order=an_order(locale="en", country=country, lines=(line,), cancelled_at=START if cancelled else None))
    body = " ".join(re.sub(r"<[^>]*>", " ", get(P.STATUS)["body"]).split())
    assert [text for text in shown if text not in body] == []
    assert [text for text in not_shown if text in body] == []


def test_the_page_speaks_the_orders_language(small):
    a_profile(small, order=an_order(locale="de_AT", total=Money(amount="1234.5", currency="EUR")))
    body = get(P.STATUS)["body"]
    assert '<html lang="de-AT">' in body
    assert "Bestellung #1070" in body
    assert "€\xa01\xa0234,50" in body
    assert "2. März 2026" in body


def filled(phrase):
    return set(re.findall(r"{(\w*)", phrase))


def test_both_languages_have_the_same_words():
    first, *others = languages().values()
    assert {"en", "de"} <= set(languages())
    for other in others:
        assert set(other.channels) == set(first.channels) == set(Channel)
        assert {k: filled(v) for k, v in other.words.items()} == {k: filled(v) for k, v in first.words.items()}
        assert set(other.purposes) == set(first.purposes) == set(Purpose)
        assert set(other.cues) == set(first.cues)


def test_a_header_tells_locales_in_their_order():
    assert told_by("fr-FR, de;q=0.8,*;q=0.1") == ("fr-FR", "de", "*")
    assert told_by(None) == ()


def test_where_no_customer_is_known_the_browser_says_the_language(small):
    answer = request("GET", P.STATUS, "x", headers={"Accept-Language": "fr,de-DE;q=0.8"})
    assert "Dieser Link" in answer["body"]


# ---------------------------------------------------------------- withdrawal


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_one_post_withdraws_at_once_with_evidence(small, form, content_type, given):
    a_profile(small, consent=consent_of(said(Purpose.PROMOTIONAL)) if given else None)
    answer = post(P.UNSUBSCRIBE, form, content_type=content_type)
    assert answer["statusCode"] == 200
    assert "location" not in {k.lower() for k in answer["headers"]}
    assert head(small) is Says.WITHDRAWN
    assert head(small, Purpose.REORDER) is None
    (evidence,) = small.items(f"EVIDENCE#{CUSTOMER}")
    assert "page:unsubscribe" in str(evidence["doc"])
    assert small.told() == ["ConsentChanged"]
    again = small.untouched()
    assert post(P.UNSUBSCRIBE, form, content_type=content_type)["statusCode"] == 200
    assert small.untouched() == again


def test_a_withdrawal_works_after_the_links_time(small, anna):
    assert post(P.UNSUBSCRIBE, text=token(P.UNSUBSCRIBE, days=-400))["statusCode"] == 200
    assert head(small) is Says.WITHDRAWN


def test_the_unsubscribe_page_has_one_button_and_names_what_ends(small, anna):
    body = get(P.UNSUBSCRIBE)["body"]
    assert body.count("<button") == 1
    assert "<b>Offers</b>" in body


def test_a_withdrawal_by_somebody_who_is_no_longer_known_is_done(small):
    answer = post(P.UNSUBSCRIBE)
    assert answer["statusCode"] == 200
    assert small.items() == []


@pytest.mark.parametrize("about", ["", "email", "email:", "pigeon:promotional", "email:everything", "email:reorder,"])
def test_a_link_about_nothing_withdraws_nothing(small, anna, about):
    assert post(P.UNSUBSCRIBE, text=token(P.UNSUBSCRIBE, about=about))["statusCode"] == 404
    assert head(small) is None


def test_a_withdrawal_wins_over_a_consent_that_arrives_at_the_same_time(small):
    a_profile(small, consent=consent_of(said(Purpose.REORDER)))

    def meanwhile():
        customer = store.load(small.tables.twin, CUSTOMER)
        ahead = said(Purpose.PROMOTIONAL, at=START + timedelta(minutes=5), sequence="s9")
        from aftercare.consent import fold

        after = fold(customer.consent, [ahead])
        place = keys.customer(CUSTOMER, keys.CONSENT)
        small.tables.twin.write([store.versioned(place, after.to_json(), customer.consent.version)])

    small.tables.before_write.append(meanwhile)
    post(P.UNSUBSCRIBE)
    assert head(small) is Says.WITHDRAWN


# ---------------------------------------------------------------- the cue


@pytest.mark.parametrize("cue", ["good", "fine", "bad"])
def test_the_face_that_was_tapped_is_chosen_and_told_by_the_button(small, anna, cue):
    body = get(P.CUE, query={"cue": cue})["body"]
    assert re.findall(r'value="([a-z]+)" checked', body) == [cue]
    answer = post(P.CUE, f"cue={cue}")
    assert answer["statusCode"] == 200
    order = store.load(small.tables.twin, CUSTOMER).order(ORDER)
    assert (order.cue, order.version) == (cue, 2)
    (event,) = small.outbox()
    assert (event.type, event.data["cue"]) == ("CueGiven", cue)


def test_without_or_with_a_senseless_face_none_is_chosen(small, anna):
    for query in (None, {"cue": '"><script>'}):
        body = get(P.CUE, query=query)["body"]
        assert " checked" not in body
        assert "<script" not in body
    assert post(P.CUE, "cue=great")["statusCode"] == 400
    assert small.told() == []


def test_the_last_cue_counts_and_the_same_again_is_no_news(small, anna):
    for cue in ("good", "good", "bad"):
        post(P.CUE, f"cue={cue}")
    assert store.load(small.tables.twin, CUSTOMER).order(ORDER).cue == "bad"
    assert small.told() == ["CueGiven", "CueGiven"]


def test_a_cue_leaves_the_mark_of_a_closed_order_alone(small):
    order = an_order(cancelled_at=START)
    a_profile(small, order=order)
    post(P.CUE, "cue=bad")
    place = keys.order(CUSTOMER, ORDER)
    assert small.tables.twin.read([place])[place]["closed"] == "cancelled"
