"""Where a recipient may be, by address and number."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from aftercare.places import has_holidays, is_holiday, whereabouts, zone_of


@pytest.mark.parametrize(
    ("address", "known_by", "zones"),
    [
        (("DE",), "country", {"Europe/Berlin"}),
        (("US", "NY", "10001"), "postcode", {"America/New_York"}),
        (("US", "US-ny", None), "region", {"America/New_York"}),
        (("US", None, "10001-1234"), "postcode", {"America/New_York"}),
        (("US", "TX", None), "region", {"America/Chicago", "America/Denver"}),
        (("US", "TX", "78701"), "postcode", {"America/Chicago"}),
        (("US", "AZ", "85001"), "postcode", {"America/Phoenix"}),
        (("US", "AZ", "86515"), "postcode", {"America/Phoenix", "America/Denver"}),  # the Navajo Nation has summer time
        (("US", "HI", "96701"), "postcode", {"Pacific/Honolulu"}),
        (("US", "PR", "00901"), "postcode", {"America/Puerto_Rico"}),
        (("US", "CA", "10001"), "region", {"America/Los_Angeles", "America/New_York"}),  # the address contradicts itself
        (("ES", None, "35001"), "postcode", {"Atlantic/Canary"}),
        (("ES", None, "28001"), "postcode", {"Europe/Madrid"}),
        (("PT", None, "9500-321"), "postcode", {"Atlantic/Azores"}),
        (("AU", "NSW", "2898"), "postcode", {"Australia/Lord_Howe"}),
        (("AU", "QLD", None), "region", {"Australia/Brisbane"}),
        (("CA", "NL", None), "region", {"America/St_Johns", "America/Halifax"}),
        (("DE", None, "10115", "+491701234567"), "country", {"Europe/Berlin"}),
        ((None, None, None, "+491701234567"), "calling-code", {"Europe/Berlin"}),
        (("US", "AE", "09012"), "unknown", set()),  # field post
        (("US", None, "09012"), "unknown", set()),
        ((None,), "unknown", set()),
        (("XX", "??", "<script>"), "unknown", set()),
    ],
)
def test_a_recipient_may_be_wherever_address_and_number_leave_it_open(address, known_by, zones):
    found = whereabouts(*address)
    assert (found.known_by, set(found.zones)) == (known_by, zones)


def test_a_number_of_another_country_adds_that_country():
    assert {"Europe/Berlin", "Europe/London"} < set(whereabouts("DE", None, "10115", "+447700900123").zones)


def test_an_area_code_proves_nothing():
    assert whereabouts("US", "NY", "10001", "+14155550123") == whereabouts("US", "NY", "10001")
    assert {"America/New_York", "Pacific/Honolulu", "America/St_Johns"} <= set(whereabouts(None, phone="+14155550123").zones)


def test_every_zone_on_record_is_one_that_zoneinfo_knows():
    for country in ("US", "AU", "BR", "CA", "CL", "EC", "ES", "ID", "MX", "NZ", "PT", "RU"):
        for zone in whereabouts(country).zones:
            assert ZoneInfo(zone).key == zone


def test_a_known_place_tells_the_region_whose_rules_hold():
    assert {p.region for p in whereabouts("US", None, "70112").places} == {"LA"}
    assert {"LA", "NY", "HI"} <= {p.region for p in whereabouts("US").places}


def test_days_are_counted_in_the_readers_own_zone_or_where_most_of_the_country_live():
    assert zone_of("US", "UTC", "CA", "94105").key == "America/Los_Angeles"
    assert zone_of("US", "UTC").key == "America/New_York"
    assert zone_of("CA", "UTC").key == "America/Toronto"
    assert zone_of("ES", "UTC").key == "Europe/Madrid"
    assert zone_of(None, "Asia/Tokyo").key == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("day", "country", "region", "free"),
    [
        (date(2026, 12, 25), "FR", None, True),
        (date(2026, 7, 14), "FR", None, True),
        (date(2026, 7, 15), "FR", None, False),
        (date(2026, 1, 6), "DE", "BY", True),
        (date(2026, 1, 6), "DE", "BE", False),
        (date(2026, 1, 6), "DE", None, True),  # it could be Bavaria
        (date(2026, 2, 17), "US", "LA", True),  # Mardi Gras
        (date(2026, 2, 17), "US", "NY", False),
        (date(2036, 3, 3), "FR", None, True),  # past the data's end
    ],
)
def test_holidays_are_those_of_the_place(day, country, region, free):
    assert is_holiday(day, country, region) is free


def test_countries_without_a_calendar_are_known_as_such():
    assert has_holidays("FR") and not has_holidays("XX")
