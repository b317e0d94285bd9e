"""Languages: who reads which, and how amounts, days and lists look in them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aftercare.language import fallbacks, language, pick, reader_locale
from aftercare.money import Money
from aftercare.places import zone_of
from aftercare.weblink import NotHttps, encoded, https


@pytest.mark.parametrize(
    ("locale", "amount", "currency", "shown"),
    [
        ("en", "1234.5", "EUR", "€1,234.50"),
        ("en-US", "-6.95", "USD", "−$6.95"),
        ("en", "1234567.5", "JPY", "¥1,234,568"),
        ("en", "12", "CHF", "CHF\xa012.00"),
        ("en", "59.45", "AUD", "A$59.45"),
        ("en-AU", "59.45", "AUD", "$59.45"),
        ("en-AU", "59.45", "USD", "US$59.45"),
        ("de", "1234.5", "EUR", "1.234,50\xa0€"),
        ("de-AT", "1234.5", "EUR", "€\xa01\xa0234,50"),
        ("de-CH", "1234.5", "CHF", "CHF\xa01’234.50"),
        ("de", "0.005", "EUR", "0,01\xa0€"),
        ("en", "1.2345", "KWD", "KWD\xa01.235"),
        ("fr-FR", "1", "EUR", "€1.00"),
    ],
)
def test_an_amount_is_written_as_its_readers_write_it(locale, amount, currency, shown):
    assert language(locale).money(Money(amount=amount, currency=currency)) == shown


def test_an_amount_that_no_float_can_hold_stays_exact():
    assert language("en").money(Money(amount=Decimal("999999999999.99"), currency="USD")) == "$999,999,999,999.99"


@pytest.mark.parametrize(
    ("locale", "day", "date"),
    [
        ("en", "Thursday 5\xa0March", "5 March 2026"),
        ("en-US", "Thursday, March\xa05", "March 5, 2026"),
        ("de-AT", "Donnerstag, 5.\xa0März", "5. März 2026"),
    ],
)
def test_a_day_is_written_as_its_readers_write_it(locale, day, date):
    noon = datetime(2026, 3, 5, 12, tzinfo=UTC)
    assert language(locale).day(noon, zone_of("DE", "UTC")) == day
    assert language(locale).date(noon, zone_of("DE", "UTC")) == date


def test_a_day_is_counted_where_the_reader_is():
    late = datetime(2026, 3, 5, 23, 30, tzinfo=UTC)
    assert language("en").date(late, zone_of("DE", "UTC")) == "6 March 2026"
    assert language("en-US").date(late, zone_of("US", "UTC")) == "March 5, 2026"
    assert language("en").date(late, zone_of(None, "Asia/Tokyo")) == "6 March 2026"


@pytest.mark.parametrize(
    ("locale", "morning", "noon"), [("en", "08:05", "13:00"), ("en-US", "8:05\xa0AM", "1:00\xa0PM"), ("de", "08:05", "13:00")]
)
def test_a_time_of_day_is_written_where_the_reader_is(locale, morning, noon):
    writes, berlin = language(locale), zone_of("DE", "UTC")
    assert writes.time(datetime(2026, 3, 5, 7, 5, tzinfo=UTC), berlin) == morning
    assert writes.time(datetime(2026, 3, 5, 12, 0, tzinfo=UTC), berlin) == noon
    assert language("en-US").time(datetime(2026, 3, 4, 23, 30, tzinfo=UTC), berlin) == "12:30\xa0AM"


def test_a_list_ends_with_and():
    assert [language(name).listed(["a", "b", "c"]) for name in ("en", "de")] == ["a, b and c", "a, b und c"]
    assert language("en").listed(["a"]) == "a"
    assert language("en").listed([]) == ""


def test_a_locale_falls_back_by_language_then_the_brands_default_then_english():
    assert fallbacks("de_AT", "fr-FR") == ("de-AT", "de", "fr-FR", "fr", "en")
    texts = {"en": "hello", "de": "hallo", "fr": "salut"}
    assert [pick(texts, locale, "fr") for locale in ("de-AT", "pt-BR", "en-GB")] == ["hallo", "salut", "hello"]
    assert pick({"de": "hallo"}, "pt", "fr") == "hallo"


@pytest.mark.parametrize(
    ("told", "country", "locale"),
    [
        (("de_DE",), "AT", "de-DE"),
        (("de",), "AT", "de-AT"),
        ((None, "en"), "US", "en-US"),
        (("fr",), "AT", "de-AT"),
        (("fr", "de"), None, "de"),
        ((None,), "DE", "de-DE"),
        ((None,), "FR", "en"),
        (("zh-Hant-TW",), None, "en"),
    ],
)
def test_a_reader_gets_the_first_language_that_is_offered(told, country, locale):
    assert reader_locale(told, country, ("en", "de"), "en") == locale


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://example.com",
        "https://",
        "https://example.com/a b",
        'https://example.com/"onmouseover="x',
        "https://example.com/<b>",
        "//example.com",
        "https://user@example.com/",
        "https://example.com/\r\nBcc: x",
        "https://exämple.com/",
        "https://example.com/" + "a" * 2000,
        "",
    ],
)
def test_only_a_plain_https_address_may_stand_in_a_message(url):
    with pytest.raises(NotHttps, match="https"):
        https(url)


def test_an_https_address_is_left_as_it_is():
    for url in ("https://example.com", "https://example.com:8443/a/b?c=d&e=%20#f", "https://a.b-c.example/o/AQ_-~"):
        assert https(url) == url


def test_a_value_in_an_address_cannot_end_its_part():
    assert encoded("a/b?c=d&e#f\r\n") == "a%2Fb%3Fc%3Dd%26e%23f%0D%0A"
