"""The brand file: one clear line for each fault, and what it gives."""

import re
from urllib.parse import unquote

import pytest
import yaml

from aftercare.brand import Brand, brand
from aftercare.content import HERE, ContentError, read_content
from aftercare.customer import OrderLine


@pytest.fixture
def edited(tmp_path):
    """Reads brand.yaml after an edit of one field, given as a dotted path; None takes the field away."""

    def edit(path, value):
        read = yaml.safe_load((HERE / "brand.yaml").read_text(encoding="utf-8"))
        *parents, last = path.split(".")
        place = read
        for part in parents:
            place = place[part]
        if value is None:
            del place[last]
        else:
            place[last] = value
        file = tmp_path / "brand.yaml"
        file.write_text(yaml.safe_dump(read, allow_unicode=True), encoding="utf-8")
        return read_content(file, Brand)

    return edit


def test_the_brand_that_comes_with_the_bundle_is_complete():
    ours = brand()
    assert ours.locales == ("en", "de")
    assert ours.signature.name and ours.support.phone and ours.returns.days


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("reply_to", None, r"brand.yaml: reply_to: Field required"),
        ("reply_to", "no-reply@larkfield.example", r"brand.yaml: reply_to: .*a human reads"),
        ("reply_to", "nobody", r"brand.yaml: reply_to: .*e-mail address"),
        ("support.page", "http://larkfield.example", r"brand.yaml: support.page: .*https"),
        ("support.chat", "javascript:alert(1)", r"brand.yaml: support.chat: .*https"),
        ("colours.accent", "green", r"brand.yaml: colours.accent: "),
        ("colours.accent", "#1f5d46;}", r"brand.yaml: colours.accent: "),
        ("default_locale", "fr", r"default_locale: expected one of locales: en, de"),
        ("lists.reorder", None, r"lists: expected a list for reorder"),
        ("lists.reorder", "not a list id", r"brand.yaml: lists.reorder"),
        ("timezone", "Mars/Olympus", r"brand.yaml: timezone: .*Europe/Berlin"),
        ("tone.least", "playful", r"expected least before most"),
        ("shop.reorder.url", "https://larkfield.example/", r"with \{items\} in it"),
        ("shop.reorder.item", "{sku.__class__}", r"item: expected only"),
        ("name", "Lark\r\nBcc: x", r"brand.yaml: name"),
        ("surprise", "x", r"brand.yaml: surprise: Extra inputs are not permitted"),
    ],
)
def test_a_fault_is_told_in_one_line_with_file_field_and_expectation(edited, path, value, says):
    with pytest.raises(ContentError, match=says) as caught:
        edited(path, value)
    assert "\n" not in str(caught.value)


def test_norway_is_a_country_and_not_a_no(edited):
    ours = edited("returns.by_country", {"NO": {"days": 14}})
    assert ours.returns.terms("NO").days == 14


def test_return_terms_are_those_of_the_country_or_the_default():
    terms = brand().returns
    assert terms.terms("US").fee == terms.by_country["US"].fee
    assert (terms.terms("DE").fee, terms.terms(None).days) == (None, 30)


def line(**more):
    return OrderLine(**{"line_ref": "1", "title": "x", "quantity": 2, "sku": "COF-1 & more", **more})


def test_the_basket_is_filled_with_what_was_ordered_and_nothing_can_leave_its_place():
    shop = brand().shop_of("any")
    assert shop.reorder_url([line(), line(sku="B,1")]) == "https://larkfield.example/basket?add=COF-1%20%26%20more:2,B%2C1:2"


def test_a_basket_that_cannot_be_filled_is_the_shop_itself():
    assert brand().shop_of("any").reorder_url([line(sku=None)]) == "https://larkfield.example/"


@pytest.mark.parametrize(
    ("url", "item", "filled"),
    [
        ("https://b.example/cart/{items}?storefront=true", "{variant}:{quantity}", "cart/42819365789870:2,7:2?storefront=true"),
        ("https://b.example/link/?products={items}", "{variant}:{quantity}", "link/?products=42819365789870:2,7:2"),
        ("https://b.example/cart/?add-to-cart={items}", "{product}&quantity={quantity}", "cart/?add-to-cart=61&quantity=2"),
    ],
)
def test_the_ready_forms_of_a_filled_basket(edited, url, item, filled):
    shop = edited("shop.reorder", {"url": url, "item": item}).shop_of("any")
    lines = [line(product_ref="61", variant_ref="42819365789870"), line(variant_ref="7"), line()]
    assert shop.reorder_url(lines) == f"https://b.example/{filled}"
    assert shop.reorder_url([line()]) == shop.url


@pytest.mark.parametrize("hostile", ["1:9,2", "../admin", "7?discount=ALL", "7#x", "//evil.example", "7 7", "{quantity}", "٤٢"])
def test_what_a_sender_calls_a_variant_cannot_leave_its_place(edited, hostile):
    shop = edited("shop.reorder", {"url": "https://b.example/cart/{items}", "item": "{variant}:{quantity}"}).shop_of("any")
    head, _, rest = shop.reorder_url([line(variant_ref=hostile)]).rpartition("/")
    assert head == "https://b.example/cart" and re.fullmatch(r"[A-Za-z0-9%._~-]+:2", rest)
    assert unquote(rest.removesuffix(":2")) == hostile


def test_a_shop_of_its_own_key_has_its_own_pages(edited):
    own = {"url": "https://b.example/", "tutorials": "https://b.example/t", "reorder": {"url": "https://b.example/?a={items}"}}
    ours = edited("shops", {"b.myshopify.com": own})
    assert ours.shop_of("b.myshopify.com").url == "https://b.example/"
    assert ours.shop_of("other").url == "https://larkfield.example/"


def test_a_family_has_its_own_terms_in_whole_and_several_together_the_strictest(edited):
    own = {"days": 60, "fee": None, "by_country": {"US": {"days": 45, "fee": {"amount": "9.00", "currency": "USD"}}}}
    terms = edited("returns.by_family", {"hats": own, "eggs": {"days": 0}}).returns
    assert (terms.terms("DE", ["hats"]).days, terms.terms("US", ["hats"]).days, terms.terms("US", ["eggs"]).fee) == (60, 45, None)
    together = terms.terms("US", ["hats", "unknown", "unknown"])
    assert (together.days, str(together.fee.amount)) == (30, "9.00")
    assert terms.terms("DE", ["hats", "eggs"]).days == 0
    assert terms.terms("US", []) == terms.terms("US")
