"""The rule that holds a message until its recipient's hours are open, on whichever channels the gate has."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare.caps import Caps, Counted
from aftercare.clock import iso, parse_iso
from aftercare.consent import Channel, Purpose
from aftercare.customer import Contact, Profile
from aftercare.decision import Hold, Pass, Reason
from aftercare.switch import Mode, Switch
from aftercare.wishes import Wishes
from message_gate.channel_policy import channel_policy
from message_gate.frequency import frequency_policy
from message_gate.rules import decide, send_time
from tests.builders import NOON, a_customer, a_proposal, an_order, consent_of, said
from tests.unit.message_gate.test_rules import a_candidate

SUNDAY_NIGHT = parse_iso("2026-03-01T23:30:00-05:00")
MONDAY_NINE = parse_iso("2026-03-02T09:00:00-05:00")
SPREAD = timedelta(minutes=frequency_policy().rate.spread_minutes)
NO_WISHES = Wishes()
ADDRESSES = {Channel.SMS: ("+12125550123", "h2"), Channel.EMAIL: ("anna@example.com", "h1")}


def texted(now=SUNDAY_NIGHT, purpose=Purpose.PROMOTIONAL, window=timedelta(days=3), addresses=None, consents=("sms",), **order):
    told = {"country": "US", "region": "NY", "postcode": "10001", "placed_at": now, **order}
    consent = consent_of(*(said(purpose, channel=Channel(c), sequence=c, wording_hash="h-of-the-text") for c in consents))
    return a_candidate(
        proposal=a_proposal(purpose=purpose, not_after=now + window, proposed_at=now),
        customer=a_customer(an_order(**told), consent=consent),
        addresses=addresses or ADDRESSES,
        open=(Channel.SMS, Channel.EMAIL),
        now=now,
    )


def test_an_offer_by_text_waits_for_the_recipients_morning_and_the_record_says_why():
    verdict = send_time(texted())
    assert isinstance(verdict, Hold)
    assert verdict.because is Reason.QUIET_HOURS
    assert MONDAY_NINE <= verdict.until < MONDAY_NINE + SPREAD
    assert verdict.saw == {
        "known_by": "postcode",
        "zones": ("America/New_York",),
        "zones_in_all": 1,
        "local_times": ("Sun 23:30",),
        "rules": ("offers", "us-federal", "us-strictest-state"),
        "opens": "2026-03-02T14:00:00.000000Z",
        "closes": "2026-03-02T23:00:00.000000Z",
        "hours_open": "9",
    }


def test_in_its_hours_a_text_leaves_at_once():
    candidate = texted(now=MONDAY_NINE)
    assert isinstance(send_time(candidate), Pass)
    assert candidate.departure.channel is Channel.SMS


def test_a_text_whose_hours_open_too_late_leaves_the_message_to_mail_where_there_is_a_ground():
    candidate = texted(window=timedelta(hours=8), consents=("sms", "email"))
    verdict = send_time(candidate)
    assert isinstance(verdict, Pass) and candidate.departure.channel is Channel.EMAIL
    assert (verdict.saw["closed"], verdict.saw["instead"]) == ("sms", "email")


def test_without_a_ground_for_mail_it_is_held_to_the_end_of_its_window_and_expires_there():
    candidate = texted(window=timedelta(hours=8))
    verdict = send_time(candidate)
    assert isinstance(verdict, Hold) and verdict.until == candidate.proposal.not_after
    verdict, _ = decide(texted(now=candidate.proposal.not_after, window=timedelta(0)))
    assert verdict.because is Reason.TOO_LATE


def test_an_unknown_american_zone_shows_its_hours_in_the_record():
    verdict = send_time(texted(region=None, postcode=None))
    assert verdict.saw["known_by"] == "country"
    assert verdict.saw["zones_in_all"] == 8
    assert verdict.saw["hours_open"] == "4"
    opens = parse_iso("2026-03-02T19:00:00Z")
    assert opens <= verdict.until < opens + SPREAD


def test_what_waits_for_the_same_hour_leaves_spread_over_the_time_after_it_and_never_too_late():
    closes = parse_iso("2026-03-02T09:20:00-05:00")
    times = []
    for n in range(300):
        one = texted(window=closes - SUNDAY_NIGHT)
        times.append(send_time(replace(one, customer=replace(one.customer, id=f"c{n}"))).until)
    assert min(times) >= MONDAY_NINE and max(times) < closes
    thirds = [
        sum(MONDAY_NINE + timedelta(minutes=m) <= t < MONDAY_NINE + timedelta(minutes=m + 7) for t in times) for m in (0, 7)
    ]
    assert min(thirds) > 60


def test_news_of_an_order_leaves_at_the_opening_itself():
    night = parse_iso("2026-03-02T22:30:00-05:00")
    verdict = send_time(texted(now=night, purpose=Purpose.TRANSACTIONAL))
    assert verdict.saw["opens"] == iso(verdict.until)


def test_news_of_an_order_goes_by_text_later_in_the_evening_than_an_offer():
    evening = parse_iso("2026-03-02T20:30:00-05:00")
    assert isinstance(send_time(texted(now=evening, purpose=Purpose.TRANSACTIONAL)), Pass)
    assert isinstance(send_time(texted(now=evening)), Hold)


def test_mail_leaves_at_any_hour_by_default():
    candidate = texted(consents=("email",), addresses={Channel.EMAIL: ADDRESSES[Channel.EMAIL]})
    assert send_time(candidate) == Pass()


def test_marketing_keeps_the_hours_of_the_latest_address_and_news_those_of_its_order():
    orders = (
        an_order("1070", country="DE", placed_at=NOON),
        an_order("1071", country="US", region="NY", placed_at=NOON + timedelta(days=1)),
    )
    customer = a_customer(*orders)
    assert a_candidate(customer=customer).whereabouts.zones == ("Europe/Berlin",)
    offer = a_candidate(proposal=a_proposal(purpose=Purpose.REORDER), customer=customer)
    assert offer.whereabouts.zones == ("America/New_York",)


def test_without_any_address_a_number_says_its_countries_and_nothing_says_nothing():
    stranger = a_customer(an_order(country=None))
    called = a_candidate(customer=stranger, addresses={Channel.SMS: ("+491701234567", "h2")})
    assert (called.whereabouts.known_by, called.whereabouts.zones) == ("calling-code", ("Europe/Berlin",))
    profile = Profile(contact=Contact(email="anna@example.com"), first_seen=NOON)
    nowhere = a_candidate(customer=replace(stranger, profile=profile), addresses={})
    assert nowhere.whereabouts.known_by == "unknown"


def test_a_channel_that_is_dry_takes_no_message_from_one_that_is_on_and_has_no_room():
    candidate = texted(now=MONDAY_NINE, consents=("sms", "email"))
    yesterday = Counted(at=MONDAY_NINE - timedelta(hours=20), purpose=Purpose.PROMOTIONAL, channel=Channel.SMS, message="m1")
    candidate = replace(
        candidate,
        customer=replace(candidate.customer, caps=Caps(version=1, counted=(yesterday,))),
        switch=Switch(otherwise=Mode.OFF, modes={"promotional#sms": Mode.ON, "promotional#email": Mode.DRY}),
    )
    assert candidate.usable() == (Channel.SMS,) and candidate.sendable == ()
    verdict, _ = decide(candidate)
    assert verdict.because is Reason.CAP_FULL


THE_EDGES = ("07:59:59", "08:00:00", "20:45:00", "20:45:01")
"""New York's hours for news by text: 08:00 to 21:00, less the guard band of 15 minutes."""


def news_for_new_york(template, now, wishes=NO_WISHES, **over):
    news = {"template": template, "not_after": now + timedelta(days=1), "proposed_at": now}
    both = consent_of(said(Purpose.TRANSACTIONAL, channel=Channel.SMS))
    customer = a_customer(an_order(country="US", region="NY", postcode="10001"), consent=both, wishes=wishes)
    channels = {"open": (Channel.EMAIL, Channel.SMS), "choice": channel_policy(), "addresses": ADDRESSES, "now": now, **over}
    return a_candidate(proposal=a_proposal(**news), customer=customer, **channels)


@pytest.mark.parametrize(("clock", "channel"), list(zip(THE_EDGES, ("email", "sms", "sms", "email"), strict=True)))
@pytest.mark.parametrize("template", ["parcel-shipped", "parcel-out-for-delivery", "delivery-delayed"])
@pytest.mark.parametrize("wishes", [NO_WISHES, Wishes(channels=(Channel.SMS,))], ids=["no wish", "texts first"])
def test_news_leave_at_once_by_the_best_channel_that_is_open(clock, channel, template, wishes):
    candidate = news_for_new_york(template, parse_iso(f"2026-03-02T{clock}-05:00"), wishes)
    assert (candidate.departure.channel, candidate.departure.at) == (channel, candidate.now)
    verdict = send_time(candidate)
    assert isinstance(verdict, Pass)
    assert ((verdict.saw.get("closed"), verdict.saw.get("instead")) == ("sms", "email")) is (channel == "email")


def test_news_of_who_turned_mail_off_wait_for_the_hours_of_texts():
    candidate = news_for_new_york("parcel-shipped", SUNDAY_NIGHT, addresses={Channel.SMS: ADDRESSES[Channel.SMS]})
    verdict = send_time(candidate)
    assert isinstance(verdict, Hold) and verdict.until == parse_iso("2026-03-02T08:00:00-05:00")


def test_what_keeps_waits_for_the_channel_that_was_asked_for():
    candidate = news_for_new_york("return-received", SUNDAY_NIGHT, Wishes(channels=(Channel.SMS,)))
    assert (candidate.departure.channel, candidate.departure.at) == (Channel.SMS, parse_iso("2026-03-02T08:00:00-05:00"))
