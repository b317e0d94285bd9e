"""The preference centre: what is shown is what holds, what is saved holds at once, and nothing else changes anything."""

import base64
import json
import re
from dataclasses import replace
from datetime import time, timedelta
from html import unescape
from urllib.parse import urlencode

import pytest

from aftercare import keys, store
from aftercare.consent import Channel, Purpose, Says, Weight
from aftercare.consent_log import wording_of
from aftercare.consent_policy import consent_policy
from aftercare.customer import Contact, Device, Profile
from aftercare.decision import Decision, Message, Reason, State
from aftercare.identity import keyed_hash
from aftercare.links import LinkPurpose
from aftercare.retention import BEHAVIOUR, JOURNAL
from aftercare.table import Put
from aftercare.wishes import Frequency, QuietHours, Wishes
from customer_pages import choices, preferences
from customer_pages.handler import handle
from tests.builders import a_proposal, an_order, consent_of, said
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import SECRETS, START, Context
from tests.unit.customer_pages.test_pages import get, head, post, token

P = LinkPurpose.PREFERENCES
A_DAY = {"doc": '{"version":1,"day":20514,"acts":{"web":"1"}}', "version": 1}
MARKETING = (Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)


@pytest.fixture
def anna(small):
    return a_profile(small, order=an_order(locale="en", country="FR"), country="FR")


def with_phone(small, **more):
    contact = Contact(email="anna@example.com", phone="+33612345678")
    return a_profile(small, order=an_order(locale="en", country="FR", contact=contact), country="FR", **more)


def record(small):
    return store.load(small.tables.twin, CUSTOMER)


def checked(body):
    return set(re.findall(r'type="checkbox" name="([a-z-]+)" value="on" checked', body))


def chosen(body):
    """What a browser would send back of the page's great form: hidden fields, ticks, radio buttons and selects."""
    form = body.split("<form")[2]
    fields = [(n, unescape(v)) for n, v in re.findall(r'type="hidden" name="([a-z-]+)" value="([^"]+)"', form)]
    fields += [(n, v) for n, v in re.findall(r'type="(?:checkbox|radio)" name="([a-z-]+)" value="(\w*)" checked', form)]
    for name, options in re.findall(r'<select id="[a-z-]+" name="([a-z-]+)">(.*?)</select>', form, re.S):
        every = re.findall(r'<option(?: value="([^"]*)")?[^>]*?( selected)?>([^<]*)</option>', options)
        value, _, text = next((o for o in every if o[1]), every[0])
        fields.append((name, value if "value=" in options else text))
    return fields


# ---------------------------------------------------------------- consent by channel and purpose


@pytest.mark.parametrize(("locale", "word"), [("en", "Note what I look at"), ("de", "Festhalten, was ich")])
def test_leave_to_note_what_they_look_at_is_a_switch_that_is_off_until_it_is_turned_on(small, locale, word):
    a_profile(small, order=an_order(locale=locale, country="FR"), country="FR")
    post(P, f"frequency=each&language={locale}")
    body = get(P)["body"]
    assert word in body and "behaviour" not in checked(body)
    assert "behaviour" in checked(post(P, "behaviour=off&behaviour=on")["body"])
    leave = record(small).consent.behaviour
    assert not leave.opted_out
    (row,) = [json.loads(str(i["doc"])) for i in small.items("EVIDENCE#")]
    assert (row["kind"], row["sequence"], row["actor"], row["locale"]) == (
        "behaviour_opt_in",
        leave.proof,
        "customer",
        f"{locale}-FR",
    )
    assert word in wording_of(small.tables, row["wording_hash"]).text
    small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.BEHAVIOUR), {**A_DAY, "expires_at": BEHAVIOUR.ends(START)})])
    assert "behaviour" not in checked(post(P, "behaviour=off")["body"])
    assert record(small).consent.behaviour.opted_out and record(small).behaviour is None
    assert [json.loads(str(i["doc"]))["kind"] for i in small.items("EVIDENCE#")] == ["behaviour_opt_in", "behaviour_opt_out"]


def test_everything_off_ends_it_too_and_a_no_that_was_never_asked_is_no_news(small, anna):
    post(P, "behaviour=off&frequency=each")
    assert record(small).consent.behaviour is None
    post(P, "behaviour=on")
    post(P, "all=off")
    assert record(small).consent.behaviour.opted_out


def test_a_page_that_is_saved_as_it_was_shown_says_nothing_of_it(small, anna):
    post(P, "behaviour=on")
    before = record(small).consent
    post(P, urlencode(chosen(get(P)["body"])))
    assert record(small).consent == before


def test_nothing_that_needs_consent_is_ticked_before_it_was_given(small, anna):
    assert checked(get(P)["body"]) == {"email-transactional", "email-service"}


def test_what_is_ticked_is_given_and_what_is_shown_and_not_ticked_is_a_no(small, anna):
    form = "email-service=off&email-survey=no&email-reorder=off&email-reorder=on&email-promotional=yes"
    answer = post(P, form)
    assert checked(answer["body"]) == {"email-transactional", "email-reorder"}
    assert 'role="status"' in answer["body"]
    assert head(small, Purpose.REORDER) is Says.GIVEN
    for purpose in (Purpose.PROMOTIONAL, Purpose.SURVEY, Purpose.SERVICE):
        assert head(small, purpose) is Says.WITHDRAWN
    proof = [str(i["doc"]) for i in small.items("EVIDENCE#")]
    assert len(proof) == 4
    assert all('"wording":"en:' in doc and '"locale":"en"' in doc for doc in proof)
    assert small.told() == ["ConsentChanged"] * 4


def test_what_the_form_does_not_name_is_neither_given_nor_taken(small, anna):
    post(P, "email-reorder=on")
    post(P, "email-promotional=on")
    assert head(small, Purpose.REORDER) is Says.GIVEN
    assert head(small, Purpose.SURVEY) is None
    assert head(small, Purpose.TRANSACTIONAL) is None


def test_news_of_orders_can_be_turned_off_and_on_again(small, anna):
    for told, says in (("off", Says.WITHDRAWN), ("on", Says.GIVEN)):
        body = post(P, f"email-transactional={told}")["body"]
        assert head(small, Purpose.TRANSACTIONAL) is says
        assert ("email-transactional" in checked(body)) == (told == "on")


def test_saving_the_page_as_it_is_shown_says_nothing(small):
    seen = said(Purpose.PROMOTIONAL, weight=Weight.OBSERVED)
    with_phone(small, consent=consent_of(seen))
    before = small.untouched()
    assert post(P, urlencode(chosen(get(P)["body"])))["statusCode"] == 200
    assert small.untouched() == before, "a box that was ticked already is no consent (Planet49)"


def test_what_was_withdrawn_since_a_page_was_opened_stays_withdrawn_when_that_page_is_saved(small):
    with_phone(small, consent=consent_of(*(said(p, channel=c) for p in MARKETING for c in (Channel.EMAIL, Channel.SMS))))
    tab = dict(chosen(get(P)["body"]))
    post(P, "all=off")
    post(P, "frequency=weekly&pause=30")
    body = post(P, urlencode({**tab, "language": "de"}))["body"]
    assert checked(body) == {"email-transactional"}
    wishes = record(small).wishes
    assert (wishes.language, wishes.frequency, wishes.pause_of(Purpose.REORDER, START)) == (
        "de",
        Frequency.WEEKLY,
        START + timedelta(days=30),
    )


def test_what_is_ticked_on_an_older_page_is_given(small, anna):
    tab = dict(chosen(get(P)["body"]))
    post(P, "email-survey=on")
    post(P, urlencode({**tab, "email-reorder": "on", "email-service": "off"}))
    says = {purpose: head(small, purpose) for purpose in (Purpose.SURVEY, Purpose.REORDER, Purpose.SERVICE)}
    assert says == {Purpose.SURVEY: Says.GIVEN, Purpose.REORDER: Says.GIVEN, Purpose.SERVICE: Says.WITHDRAWN}


def test_what_the_law_supposes_is_shown_as_it_is_and_one_tick_ends_it(small):
    a_profile(small, order=an_order(locale="en", country="CA"), country="CA")
    every = {f"email-{purpose}" for purpose in Purpose}
    page = get(P)["body"]
    assert checked(page) == every, "a purchase is consent for two years there"
    form = {**dict(chosen(page)), "email-promotional": "off"}
    assert checked(post(P, urlencode(form))["body"]) == every - {"email-promotional"}
    assert [h.purpose for h in record(small).consent.heads] == [Purpose.PROMOTIONAL]


def test_a_yes_is_for_the_address_that_the_page_shows_and_is_asked_for_again_for_another(small):
    with_phone(small)
    post(P, "sms-reorder=on&email-reorder=on")
    secret = SECRETS["identity"]
    on = {c: record(small).consent.head(c, Purpose.REORDER).address for c in (Channel.SMS, Channel.EMAIL)}
    assert on == {Channel.SMS: keyed_hash(secret, "+33612345678"), Channel.EMAIL: keyed_hash(secret, "anna@example.com")}
    contact = Contact(email="anna@example.com", phone="+33687654321")
    a_profile(small, order=an_order(locale="en", country="FR", contact=contact), country="FR", consent=record(small).consent)
    page = get(P)["body"]
    assert "sms-reorder" not in checked(page) and "email-reorder" in checked(page)
    post(P, urlencode({**dict(chosen(page)), "sms-reorder": "on"}))
    assert record(small).consent.head(Channel.SMS, Purpose.REORDER).address == keyed_hash(secret, "+33687654321")


def test_who_let_a_confirmation_pass_may_ask_for_it_again(small):
    a_profile(small, order=an_order(locale="en", country="DE"), country="DE")
    post(P, "email-promotional=on")
    first = record(small).consent.head(Channel.EMAIL, Purpose.PROMOTIONAL)
    small.later(days=13)
    assert "email-promotional" in checked(post(P, "email-promotional=on")["body"])
    assert record(small).consent.head(Channel.EMAIL, Purpose.PROMOTIONAL) == first
    small.later(days=2)
    assert "email-promotional" not in checked(get(P)["body"])
    post(P, "email-promotional=on")
    again = record(small).consent.head(Channel.EMAIL, Purpose.PROMOTIONAL)
    assert (again.says, again.asks) == (Says.PENDING, True) and again.said_at > first.said_at


def test_a_no_on_the_page_after_a_stop_is_not_taken_back_by_a_start(small):
    stopped = said(Purpose.REORDER, Says.WITHDRAWN, channel=Channel.SMS, at=START, took=True)
    with_phone(small, consent=consent_of(stopped))
    post(P, "all=off")
    assert not record(small).consent.head(Channel.SMS, Purpose.REORDER).took


def test_language_and_first_channel_may_be_left_to_us_again(small):
    with_phone(small)
    post(P, "frequency=each&language=de&first=sms")
    page = dict(chosen(get(P)["body"]))
    post(P, urlencode({**page, "language": "", "first": ""}))
    assert record(small).wishes.model_copy(update={"version": 0}) == Wishes()


def test_a_mind_may_be_changed_as_often_as_one_likes_even_within_an_instant(small, anna):
    for says in (Says.GIVEN, Says.WITHDRAWN) * 3:
        post(P, f"email-reorder={'on' if says is Says.GIVEN else 'off'}")
        assert head(small, Purpose.REORDER) is says


@pytest.mark.parametrize("form", ["", "&" * 500, "a=1&" * 100, "=%ff", "x" * 100_000, "reorder=on", "email-reorder=on&" * 200])
def test_a_form_that_names_no_choice_changes_nothing_and_says_so(small, anna, form):
    before = small.untouched()
    answer = post(P, form)
    assert answer["statusCode"] == 400
    assert 'role="alert"' in answer["body"]
    assert small.untouched() == before


def test_consent_that_was_only_seen_becomes_explicit_when_the_customer_saves_it(small):
    seen = said(Purpose.PROMOTIONAL, weight=Weight.OBSERVED)
    a_profile(small, order=an_order(locale="en"), consent=consent_of(seen), country="FR")
    post(P, "email-promotional=on")
    found = record(small).consent.head(Channel.EMAIL, Purpose.PROMOTIONAL)
    assert (found.says, found.weight, found.written) == (Says.GIVEN, Weight.EXPLICIT, True)


@pytest.mark.parametrize("given", [True, False])
def test_all_off_is_one_button_and_leaves_only_news_of_orders(small, given):
    consent = consent_of(*(said(p, channel=c) for p in Purpose for c in (Channel.EMAIL, Channel.SMS))) if given else None
    with_phone(small, consent=consent)
    body = get(P)["body"]
    first = body.split("<form")[1]
    assert '<input type="hidden" name="all" value="off">' in first and first.count("<button") == 1
    body = post(P, "all=off")["body"]
    assert checked(body) == {"email-transactional"} | ({"sms-transactional"} if given else set())
    off = {(h.channel, h.purpose) for h in record(small).consent.heads if h.says is Says.WITHDRAWN}
    assert off >= {(Channel.EMAIL, p) for p in Purpose if p is not Purpose.TRANSACTIONAL}
    assert (Channel.WHATSAPP, Purpose.REORDER) in off, "nor may anything begin elsewhere"


def test_both_buttons_look_the_same_and_nobody_is_asked_for_a_reason(small, anna):
    body = get(P)["body"]
    own_data = ['<button class="button quiet">'] * 3
    assert re.findall(r"<button[^>]*>", body) == ['<button class="button">'] * 2 + own_data
    assert "<textarea" not in body and "reason" not in body.lower()


def test_only_the_stores_channels_with_an_address_are_shown_and_those_of_which_something_was_said(small, anna):
    assert set(re.findall(r'name="(\w+)-reorder"', get(P)["body"])) == {"email"}
    with_phone(small)
    assert set(re.findall(r'name="(\w+)-reorder"', get(P)["body"])) == {"email", "sms"}
    push = said(Purpose.REORDER, channel=Channel.PUSH)
    with_phone(small, consent=consent_of(push))
    assert set(re.findall(r'name="(\w+)-reorder"', get(P)["body"])) == {"email", "sms", "push"}


def test_an_address_is_shown_so_that_only_its_owner_knows_it_again(small):
    with_phone(small)
    body = get(P)["body"]
    assert "a•••@example.com" in body and "+33 ••• 78" in body
    assert "anna@example.com" not in body and "612345" not in body


def test_what_was_agreed_to_for_texts_is_kept_with_its_terms(small):
    with_phone(small)
    terms = "recurring automated text messages of that kind from Larkfield"
    assert terms in get(P)["body"]
    post(P, "sms-promotional=on")
    found = record(small).consent.head(Channel.SMS, Purpose.PROMOTIONAL)
    assert (found.says, found.written) == (Says.GIVEN, True)
    (row,) = [str(i["doc"]) for i in small.items("EVIDENCE#")]
    kept = wording_of(small.tables, re.search(r'"wording_hash":"(\w+)"', row)[1])
    assert terms in kept.text and "Text message (SMS): Offers" in kept.text


# ---------------------------------------------------------------- what the law supposes


@pytest.fixture
def softly(monkeypatch):
    """A store whose checkout offers the opt-out, so that its own customers may be written to in France (soft opt-in)."""
    policy = consent_policy()
    soft = policy.soft_opt_in.model_copy(update={"offered_at_checkout": True})
    monkeypatch.setattr(choices, "consent_policy", lambda: policy.model_copy(update={"soft_opt_in": soft}))


SUPPOSED = {f"email-{purpose}" for purpose in MARKETING}


def ticked(body):
    return set(re.findall(r'type="checkbox" name="([a-z-]+)" value="\w+" checked', body))


def test_what_comes_by_soft_opt_in_is_shown_as_it_is_with_the_reason(small, anna, softly):
    body = get(P)["body"]
    assert ticked(body) == {"email-transactional", "email-service"} | SUPPOSED
    assert body.count("because you are a customer") == len(SUPPOSED)
    small.later(days=800)
    assert ticked(get(P, token(P, days=900))["body"]) == {"email-transactional", "email-service"}, "it ends by itself"


def test_saving_the_page_as_it_is_shown_does_not_end_it_nor_make_it_a_consent(small, anna, softly):
    before = small.untouched()
    body = post(P, urlencode(chosen(get(P)["body"])))["body"]
    assert ticked(body) >= SUPPOSED
    assert record(small).consent.heads == ()
    assert small.untouched() == before


def test_a_tick_that_is_taken_away_ends_it_and_one_set_again_is_a_consent(small, anna, softly):
    fields = [(name, value) for name, value in chosen(get(P)["body"]) if (name, value) != ("email-reorder", "on")]
    body = post(P, urlencode(fields))["body"]
    assert ticked(body) == {"email-transactional", "email-service", "email-survey", "email-promotional"}
    assert {h.purpose: h.says for h in record(small).consent.heads} == {Purpose.REORDER: Says.WITHDRAWN}
    assert 'name="email-reorder" value="on"' in body, "the law supposes nothing any more"
    post(P, urlencode([*chosen(body), ("email-reorder", "on")]))
    assert head(small, Purpose.REORDER) is Says.GIVEN


def test_all_off_ends_what_the_law_supposes(small, anna, softly):
    assert ticked(post(P, "all=off")["body"]) == {"email-transactional"}
    assert all(head(small, purpose) is Says.WITHDRAWN for purpose in MARKETING)


# ---------------------------------------------------------------- the channels that there are


APP = "arn:aws:sns:eu-central-1:123456789012:app/GCM/aftercare"


def with_device(small, app="GCM/aftercare"):
    device = Device(endpoint=f"arn:aws:sns:eu-central-1:123456789012:endpoint/{app}/d1", seen_at=START)
    profile = Profile(version=1, contact=Contact(email="anna@example.com"), country="FR", first_seen=START, devices=(device,))
    small.tables.twin.write([Put(keys.customer(CUSTOMER, keys.PROFILE), {"doc": profile.to_json(), "version": 1})])


@pytest.mark.parametrize(
    ("apps", "app", "shown"), [(APP, "GCM/aftercare", True), ("", "GCM/aftercare", False), (APP, "GCM/x", False)]
)
def test_the_app_can_be_chosen_on_by_who_has_it(small, anna, apps, app, shown):
    with_device(small, app)
    small.settings = replace(small.settings, push_applications=apps)
    assert ('name="push-reorder"' in get(P)["body"]) is shown


def test_the_accounts_inbox_is_shown_where_there_is_one_and_its_news_can_be_turned_off(small, anna):
    assert "inbox-" not in get(P)["body"]
    small.settings = replace(small.settings, account_inbox="on")
    body = get(P)["body"]
    assert ticked(body) >= {"inbox-transactional", "inbox-service"} and "inbox-reorder" not in ticked(body)
    fields = [(name, value) for name, value in chosen(body) if (name, value) != ("inbox-service", "on")]
    assert "inbox-service" not in ticked(post(P, urlencode(fields))["body"])
    assert record(small).consent.head(Channel.INBOX, Purpose.SERVICE).says is Says.WITHDRAWN
    assert record(small).consent.head(Channel.INBOX, Purpose.REORDER) is None


# ---------------------------------------------------------------- wishes


def test_every_wish_is_saved_with_the_page_and_shown_again(small):
    with_phone(small)
    form = {
        "frequency": "weekly",
        "language": "de",
        "pause": "30",
        "quiet": "on",
        "quiet-from": "21:00",
        "quiet-until": "07:00",
        "first": "sms",
    }
    body = post(P, urlencode(form))["body"]
    assert record(small).wishes == Wishes(
        version=1,
        language="de",
        frequency=Frequency.WEEKLY,
        paused_until=START + timedelta(days=30),
        quiet=QuietHours(start=time(21), end=time(7), zone="Europe/Paris"),
        channels=(Channel.SMS,),
    )
    assert '<html lang="de-FR">' in body and "Pause bis 1. April 2026" in body
    again = dict(chosen(body))
    assert {name: again[name] for name in form} == {**form, "pause": "keep"}
    before = small.items("CUSTOMER#")
    post(P, urlencode({**form, "pause": "keep"}))
    assert small.items("CUSTOMER#") == before
    assert small.items("EVIDENCE#") == [], "wishes are no consent"


def test_a_pause_may_be_ended_or_begun_anew(small, anna):
    post(P, "frequency=each&pause=90")
    small.later(days=10)
    post(P, "frequency=each&pause=7")
    assert record(small).wishes.paused_until == START + timedelta(days=17)
    post(P, "frequency=each&pause=none")
    assert record(small).wishes.paused_until is None


def test_a_pause_that_is_over_is_not_shown_as_one(small, anna):
    post(P, "frequency=each&pause=7")
    small.later(days=8)
    assert "Paused until" not in get(P)["body"]


def hold(small, reason, purpose=Purpose.REORDER):
    proposal = a_proposal(key="reorder-reminder#x", purpose=purpose, customer_id=CUSTOMER)
    later = START + timedelta(days=30)
    decision = Decision(at=START, state=State.HELD, reason=reason, until=later)
    message = Message(proposal=proposal, state=State.HELD, decisions=(decision,))
    item = {"doc": message.to_json(), "state": "HELD", "expires_at": JOURNAL.ends(small.clock.at)}
    small.tables.twin.write([Put(keys.held(CUSTOMER, proposal.message_id), item)])


@pytest.mark.parametrize(("reason", "rung"), [(Reason.PAUSED, True), (Reason.CAP_FULL, False)])
def test_what_waits_for_the_end_of_a_pause_is_looked_at_when_the_pause_is_ended(small, anna, reason, rung):
    post(P, "frequency=each&pause=30")
    hold(small, reason)
    post(P, "frequency=weekly")
    assert small.tables.due("slot", "9", 10) == [], "the pause goes on"
    post(P, "frequency=each&pause=none")
    assert bool(small.tables.due("slot", "9", 10)) == rung


def test_what_waits_for_a_digest_is_looked_at_when_each_by_itself_is_wished_for(small, anna):
    post(P, "frequency=weekly")
    hold(small, Reason.DIGEST)
    post(P, "frequency=weekly&pause=7")
    assert small.tables.due("slot", "9", 10) == []
    post(P, "frequency=each&pause=none")
    assert small.tables.due("slot", "9", 10) != []


@pytest.mark.parametrize(
    "form",
    [
        "quiet-from=21:00&quiet-until=21:00",
        "quiet-from=25:00&quiet-until=07:00",
        "quiet-from=x",
        "quiet-from=21:00%2B01:00&quiet-until=7",
    ],
)
def test_quiet_hours_that_are_none_are_refused_and_nothing_is_saved(small, anna, form):
    before = small.untouched()
    answer = post(P, f"email-reorder=on&quiet=on&{form}")
    assert answer["statusCode"] == 400
    assert "two different hours" in answer["body"]
    assert small.untouched() == before


@pytest.mark.parametrize(
    "form", ["frequency=daily", "pause=365", "language=xx", "first=pigeon", "first=sms", "zone=Mars/Olympus&quiet=on"]
)
def test_a_wish_that_the_page_does_not_offer_is_not_taken(small, anna, form):
    post(P, f"email-service=on&quiet-from=21:00&quiet-until=07:00&{form}")
    wishes = record(small).wishes
    assert wishes.model_copy(update={"version": 0, "quiet": None}) == Wishes()
    assert wishes.quiet is None or wishes.quiet.zone == "Europe/Paris"


def test_who_may_be_in_several_zones_says_in_which(small):
    a_profile(small, order=an_order(locale="en", country="US"), country="US")
    body = get(P)["body"]
    assert "America/New York" in body and "America/Los Angeles" in body
    a_profile(small, order=an_order(locale="en", country="RU"), country="RU")
    assert '<select id="zone"' not in get(P)["body"], "so many zones are no choice"
    a_profile(small, order=an_order(locale="en", country="US", region="IN"), country="US")
    zones = re.findall(r'<option value="(America/[^"]+)"', get(P)["body"])
    assert set(zones) == {"America/New_York", "America/Chicago"}
    post(P, "frequency=each&quiet=on&quiet-from=21:00&quiet-until=07:00&zone=America/Chicago")
    assert record(small).wishes.quiet.zone == "America/Chicago"
    assert re.findall(r'<option value="(America/[^"]+)"', get(P)["body"])[0] == "America/Chicago"


def test_the_languages_offered_are_those_that_messages_and_pages_are_complete_in(small, anna):
    assert preferences.offered_languages() == {"de": "Deutsch", "en": "English"}
    assert 'lang="de">Deutsch</option>' in get(P)["body"]


# ---------------------------------------------------------------- my data


def test_the_page_has_a_button_for_each_thing_that_is_ones_own(small, anna):
    body = get(P)["body"]
    for opens, words in (("orders", "Show me all my orders"), ("export", "Send me what you know"), ("erase", "Forget me")):
        assert f'action="/p/{token(P)}/{opens}"' in body and words in body


def test_a_link_of_a_message_leads_to_why_and_one_of_none_does_not(small, anna):
    assert "/why" not in get(P)["body"]
    link = token(P, about="email:abc")
    assert f'href="/p/{link}/why"' in get(P, link)["body"]


def call(method, path, form=None, headers=None, parameters=None):
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers or {},
        "requestContext": {"stage": "$default", "requestId": "r", "http": {"method": method, "path": path}},
        "pathParameters": parameters or {},
        "isBase64Encoded": form is not None,
    }
    if form is not None:
        event["body"] = base64.b64encode(form.encode()).decode()
    return handle(event, Context())
