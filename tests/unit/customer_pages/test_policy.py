"""The return terms for a checkout: one source, public, about nobody, and clear about what was asked wrongly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercare.brand import brand
from customer_pages import policy
from customer_pages.handler import handle
from customer_pages.policy import FIELDS, BadQuery, read
from tests.small_outside import Context

STORE = "https://shop.example.com"


def get(query, form="json", **headers):
    path = f"/policy/returns.{form}"
    event = {
        "version": "2.0",
        "routeKey": f"GET {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"stage": "$default", "requestId": "r", "http": {"method": "GET", "path": path}},
        "isBase64Encoded": False,
    }
    return handle(event, Context())


def told(query):
    answer = get(query)
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"])


@pytest.fixture
def configured(small):
    small.settings = type(small.settings)(**{**vars(small.settings), "store_origins": f"{STORE},https://b.example:8443"})
    return small


def test_a_country_has_its_window_and_fee(small):
    assert (told("country=DE")["days"], told("country=DE")["fee"]) == (30, None)
    us = told("country=US")
    assert us["fee"] == {"amount": "6.95", "currency": "USD"}
    assert us["text"] == "You can send it back within 30 days of delivery. Taken from the refund for the return: $6.95"
    assert us["page"] == brand().returns.page


def test_a_product_has_its_familys_terms_and_a_basket_the_strictest(small):
    both = told("country=CH&product=CLO-7&product=COF-1&locale=de")
    assert [(p["product"], p["family"], p["days"]) for p in both["products"]] == [
        ("CLO-7", "clothing", 60),
        ("COF-1", "coffee", 30),
    ]
    assert (both["days"], both["fee"]["amount"], both["locale"]) == (30, "7.90", "de-CH")
    assert both["text"].startswith("Sie können es innerhalb von 30 Tagen")
    assert told("country=DE&product=CLO-7")["days"] == told("country=DE&type=Shoes")["days"] == 60
    assert told("country=DE&product=nobody-knows")["products"][0]["family"] == "goods"


def test_software_is_counted_from_the_order_and_costs_nothing_to_return(small):
    one = told("country=DE&product=DRK-1&locale=en")
    assert (one["counted_from"], one["text"]) == ("order", "You can withdraw within 14 days of ordering.")
    assert told("country=DE&product=DRK-1&product=COF-1")["counted_from"] == "delivery"


def test_what_cannot_come_back_is_said(small, monkeypatch):
    ours = brand()
    none = ours.returns.model_copy(update={"days": 0})
    monkeypatch.setattr(policy, "brand", lambda: ours.model_copy(update={"returns": none}))
    assert told("country=DE&locale=en")["text"].startswith("It cannot be sent back")


def test_the_fragment_says_the_same_and_is_no_page(small):
    answer = get("country=DE&product=CLO-7&locale=en", "html")
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert told("country=DE&product=CLO-7&locale=en")["text"] in answer["body"]
    assert "<html" not in answer["body"] and "<script" not in answer["body"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "country"),
        ("country=", "country"),
        ("country=de", "country"),
        ("country=Germany", "country"),
        ("country=DE&country=US", "country"),
        ("contry=DE", "contry"),
        ("country=DE&product=", "product"),
        ("country=DE&product=" + "x" * 129, "product"),
        ("country=DE&product=a%00b", "product"),
        ("&".join(["country=DE", *(f"product={n}" for n in range(51))]), "product"),
        ("&".join(["country=DE", *(f"product={n}" for n in range(500))]), "product"),
        ("country=DE&type=a&type=b", "type"),
        ("country=DE&locale=fr", "locale"),
        ("country=DE&locale=de&locale=en", "locale"),
        ("country=DE&%3Cscript%3E=1", "query"),
        ("country", "query"),
    ],
)
@pytest.mark.parametrize("form", ["json", "html"])
def test_a_wrong_query_is_told_by_the_name_of_its_field(small, query, field, form):
    answer = get(query, form)
    assert answer["statusCode"] == 400
    error = json.loads(answer["body"])["error"]
    assert error["field"] == field and error["expected"]
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert small.tables.calls == []


@given(st.text(max_size=60))
def test_any_query_is_read_or_refused(query):
    try:
        found = read(query)
    except BadQuery as problem:
        assert str(problem) in {*FIELDS, "query"} or str(problem).islower() or "_" in str(problem)
    else:
        assert len(found.country) == 2


def test_it_is_kept_by_caches_under_its_address_alone(small):
    first = get("country=DE", accept_language="de")
    assert first == get("country=DE", accept_language="en"), "the browser's language is no part of the address"
    headers = first["headers"]
    assert headers["Cache-Control"] == "public, max-age=900"
    assert headers["Vary"] == "Origin"
    again = get("country=DE", if_none_match=f'W/"x", {headers["ETag"]}')
    assert (again["statusCode"], again["body"]) == (304, "")
    assert get("country=US", if_none_match=headers["ETag"])["statusCode"] == 200


def test_only_a_configured_origin_may_read_it_by_script(configured):
    allow = "Access-Control-Allow-Origin"
    assert get("country=DE", origin=STORE)["headers"][allow] == STORE
    assert get("country=DE", origin="https://b.example:8443")["headers"][allow] == "https://b.example:8443"
    for other in ("https://evil.example", "https://shop.example.com.evil.example", "null", "http://shop.example.com", ""):
        assert allow not in get("country=DE", origin=other)["headers"]
    assert get("country=", origin=STORE)["headers"][allow] == STORE, "its script sees what was wrong"


def test_without_configuration_nobody_reads_it_by_script_or_frames_it(small):
    headers = get("country=DE", origin=STORE)["headers"]
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_a_configured_origin_may_frame_the_fragment(configured):
    policy_header = get("country=DE", "html")["headers"]["Content-Security-Policy"]
    assert policy_header.endswith(f"frame-ancestors {STORE} https://b.example:8443")


def test_nothing_of_anybody_is_read_and_no_cookie_set(small):
    answer = get("country=DE&product=CLO-7")
    assert small.tables.calls == []
    assert not answer.get("cookies") and "Set-Cookie" not in answer["headers"]
