import base64
import hashlib
import hmac
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_intake.verification import SHOPIFY, Scheme, Secret, of_shop, read_secrets, shown_by, signed_by

NOW = datetime(2026, 4, 2, 18, 0, 28, tzinfo=UTC)
SHOP = "example-shop.myshopify.com"


def verified(scheme, secrets, headers, body, shop, now) -> bool:
    return signed_by(scheme, of_shop(secrets, shop), headers, body, now) is not None


def mac(secret: bytes, signed: bytes) -> bytes:
    return hmac.new(secret, signed, hashlib.sha256).digest()


def shopify(body: bytes, secret: str = "s3cret") -> dict[str, str]:
    return {"x-shopify-hmac-sha256": base64.b64encode(mac(secret.encode(), body)).decode()}


@given(st.binary(max_size=200), st.text(min_size=1, max_size=40).filter(str.isprintable))
def test_any_bytes_verify_under_the_secret_that_signed_them_and_under_no_other(body, secret):
    headers = {"x-shopify-hmac-sha256": base64.b64encode(mac(secret.encode(), body)).decode()}
    assert verified(SHOPIFY, [Secret("other"), Secret(secret)], headers, body, SHOP, NOW)
    assert not verified(SHOPIFY, [Secret(secret + "x")], headers, body, SHOP, NOW)
    assert not verified(SHOPIFY, [Secret(secret)], headers, body + b" ", SHOP, NOW)


@pytest.mark.parametrize("header", ["", "ä", "not base64", "=" * 44, "\x00", "A" * 100_000])
def test_a_hostile_signature_is_simply_wrong(header):
    assert not verified(SHOPIFY, [Secret("s3cret")], {"x-shopify-hmac-sha256": header}, b"{}", SHOP, NOW)


def test_without_a_signature_or_without_secrets_nothing_verifies():
    assert not verified(SHOPIFY, [Secret("s3cret")], {}, b"{}", SHOP, NOW)
    assert not verified(SHOPIFY, [], shopify(b"{}"), b"{}", SHOP, NOW)


def test_during_a_rotation_the_old_and_the_new_secret_both_verify():
    secrets = read_secrets("# webhooks\nnew-secret\n\n  old-secret  \n")
    assert secrets == (Secret("new-secret"), Secret("old-secret"))
    for secret in ("new-secret", "old-secret"):
        assert verified(SHOPIFY, secrets, shopify(b"{}", secret), b"{}", SHOP, NOW)


def test_a_labelled_secret_verifies_its_own_shop_only():
    secrets = read_secrets(f"{SHOP}=s3cret")
    assert secrets == (Secret("s3cret", SHOP),)
    assert verified(SHOPIFY, secrets, shopify(b"{}"), b"{}", SHOP, NOW)
    assert not verified(SHOPIFY, secrets, shopify(b"{}"), b"{}", "other-shop.myshopify.com", NOW)
    assert not verified(SHOPIFY, secrets, shopify(b"{}"), b"{}", None, NOW)


@pytest.mark.parametrize("secret", ["shpss_0123456789abcdef", "c2VjcmV0==", "a=b", "=x"])
def test_a_secret_with_an_equals_sign_is_no_label(secret):
    assert read_secrets(secret) == (Secret(secret),)


def test_a_prefixed_hex_signature_with_a_normalised_key_verifies():
    scheme = Scheme(
        header="x-hmac-signature",
        encoding="hex",
        prefix="hmac-sha256-hex=",
        key=lambda text: unicodedata.normalize("NFKD", text).encode(),
    )
    signature = "hmac-sha256-hex=" + mac(unicodedata.normalize("NFKD", "sécret").encode(), b"{1}").hex()
    assert verified(scheme, [Secret("sécret")], {"x-hmac-signature": signature}, b"{1}", None, NOW)
    assert not verified(scheme, [Secret("sécret")], {"x-hmac-signature": signature.upper()}, b"{1}", None, NOW)


STANDARD = Scheme(
    header="webhook-signature",
    encoding="base64",
    prefix="v1,",
    template="{id}.{timestamp}.{body}",
    key=lambda text: base64.b64decode(text.removeprefix("whsec_")),
    separator=" ",
    timestamp="webhook-timestamp",
    identifier="webhook-id",
    tolerance=timedelta(minutes=5),
)


@pytest.mark.parametrize(("late", "good"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_a_timestamped_signature_verifies_within_its_tolerance(late, good):
    stamp = str(int(NOW.timestamp()) - late)
    key = b"0123456789abcdef01234567"
    signature = base64.b64encode(mac(key, f"m1.{stamp}.".encode() + b"{braces}")).decode()
    headers = {"webhook-id": "m1", "webhook-timestamp": stamp, "webhook-signature": f"v1,AAAA v1,{signature}"}
    secret = Secret("whsec_" + base64.b64encode(key).decode())
    assert verified(STANDARD, [secret], headers, b"{braces}", None, NOW) is good


@pytest.mark.parametrize("stamp", ["", "now", "1e9", "-1", "9" * 30])
def test_a_senseless_timestamp_is_out_of_tolerance(stamp):
    headers = {"webhook-id": "m1", "webhook-timestamp": stamp, "webhook-signature": "v1,AAAA"}
    assert not verified(STANDARD, [Secret("whsec_AAAA")], headers, b"", None, NOW)


def test_a_secret_that_is_shown_is_compared_whole_and_names_its_shop():
    secrets = read_secrets("first\nexample-shop.myshopify.com=second")
    assert shown_by(secrets, "second") == Secret("second", SHOP)
    assert shown_by(secrets, "first").shop is None
    for shown in ("", "firs", "first ", "FIRST", "example-shop.myshopify.com=second", "ä"):
        assert shown_by(secrets, shown) is None
