"""Addresses in one spelling: what leads to one person, and what mail can reach."""

import pytest

from aftercare import identity


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Anna@Example.COM ", "anna@example.com"),
        ("anna+shop@example.co.uk", "anna+shop@example.co.uk"),
        ("anna@müller.example", "anna@xn--mller-kva.example"),
        ("Anna@MÜLLER.example", "anna@xn--mller-kva.example"),
        ("anna@xn--mller-kva.example", "anna@xn--mller-kva.example"),
        ("anna@例え.example", "anna@xn--r8jz45g.example"),
    ],
)
def test_an_address_has_one_spelling_that_mail_can_use(text, address):
    assert identity.email(text) == address
    assert identity.email(address) == address


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "anna",
        "anna@localhost",
        "anna@b@example.com",
        "müller@example.com",
        "anna@straße.example",
        "anna@a\u200db.example",
        "anna@.müller.example",
        "anna@mü ller.example",
        "anna@mü\r\nller.example",
        f"anna@{'ü' * 64}.example",
        "anna@\ud83d.example",
        "@müller.example",
        "müller.example",
    ],
)
def test_what_no_mail_reaches_or_might_reach_a_stranger_is_no_address(text):
    assert identity.email(text) is None
