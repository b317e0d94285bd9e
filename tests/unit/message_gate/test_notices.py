"""What is told of parcels and of changes to an order: which parcel, until when, why, how much, and one thing to do."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.consent import Purpose
from aftercare.customer import Refund, Stockout
from aftercare.forecast import Forecast
from aftercare.money import Money
from aftercare.places import zone_of
from aftercare.proposal import Block
from aftercare.shipment import Log
from aftercare.shipment_details import Eta
from message_gate import mime
from message_gate.evaluation.samples import DAY, HOSTILE, OF_PARCELS, PLACED, SETTINGS, Sample, link, parcel, samples, shipment
from message_gate.notices import NOTICES
from message_gate.render import render
from message_gate.stationery import stationery
from tests.strangers import INJECTIONS, Page

BRAND, CATALOGUE = brand(), catalogue()
SAMPLES = samples(CATALOGUE)
USUAL = SAMPLES["parcel-shipped"].order
ONE = SAMPLES["parcel-shipped"].shipments[0]
SPLIT = SAMPLES["parcel-delivered-all"]


def told(sample, locale="en", our=BRAND):
    given = (sample.proposal(), sample.customer, sample.order, our, CATALOGUE, link, SETTINGS, locale)
    return render(*given, sample.include, sample.promotional)


def notice(template, order=USUAL, *shipments, **more):
    references = {"shipment": shipments[0].key} if shipments else {}
    given = {"blocks": (), "purpose": Purpose.TRANSACTIONAL, "shipments": shipments, "references": references}
    return Sample(template, order, **{**given, **more})


def text_of(sample, locale="en"):
    return " ".join(told(sample, locale).text.replace("\xa0", " ").split())


def seen_in_both(sample, words, locale="en"):
    message = told(sample, locale)
    return all(words in " ".join(part.replace("\xa0", " ").split()) for part in (Page(message.html).text, message.text))


def one_action(message):
    (action,) = [given["href"] for tag, given in Page(message.html).tags if tag == "a" and "b" in given.get("class", "").split()]
    return action


# ---------------------------------------------------------------- what every notice has


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("template", NOTICES)
def test_every_notice_has_one_action_the_order_help_from_a_person_and_the_choice_of_what_we_write(template, locale):
    message = told(SAMPLES[template], locale)
    page = Page(message.html)
    assert one_action(message).startswith("https://")
    assert "https://larkfield.example/help" in page.links
    assert "Antworten Sie auf diese E-Mail" in page.text or "Reply to this e-mail" in page.text
    assert "Anna" in page.text and SAMPLES[template].order.name in page.text
    for route in ("o", "p"):
        assert any(href.startswith(f"https://post.larkfield.example/{route}/") for href in page.links)
        assert f"https://post.larkfield.example/{route}/" in message.text


@pytest.mark.parametrize("template", NOTICES)
def test_no_notice_offers_anything_or_can_be_unsubscribed_from_as_an_offer(template):
    message = told(SAMPLES[template])
    if SAMPLES[template].purpose is Purpose.SERVICE:  # help may be turned off
        assert "Goes well with it" not in message.html
        return
    assert message.headers == {"Auto-Submitted": "auto-generated"}
    assert "/u/" not in message.html and "Goes well with it" not in message.html


@pytest.mark.parametrize("locale", ["en", "de-AT"])
@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.template in NOTICES])
def test_nothing_is_left_blank_or_unfilled(name, locale):
    message = told(SAMPLES[name], locale)
    for part in (message.subject, message.text):
        assert not re.search(r"\{[a-z_]+\}|\bNone\b|Undefined|\[\]|&amp;|&#| ,| \.|\.\. ", part.replace("...", ""))
    assert not re.search(r"\bNone\b|Undefined", Page(message.html).text)


@pytest.mark.parametrize("template", NOTICES)
def test_whatever_is_on_the_record_there_is_a_message(template):
    """Every mixture of shipments known or gone, described or not, one or several parcels, with and without forecast."""
    bare = ONE.model_copy(update={"lines": (), "parcels": (), "forecast": None})
    two = ONE.model_copy(update={"parcels": (*ONE.parcels, parcel("JD014600003RV"))})
    other = shipment(USUAL, "1070-2", ("1",), parcel("JD014600003RW"))
    arrived = ONE.model_copy(update={"delivered_at": PLACED + DAY})
    more = USUAL.model_copy(update={"lines": (*USUAL.lines, SPLIT.order.lines[0])})
    records = [(), (bare,), (two,), (two, other), (bare, other), (arrived, other), (ONE, other)]
    names = [{}, {"shipment": ONE.key}, {"shipment": "gone"}, {"shipment": ONE.key, "parcel": ONE.parcels[0].id}]
    names.append({"shipment": ONE.key, "parcel": "gone"})
    for shipments, references, order in itertools.product(records, names, (USUAL, more)):
        message = told(notice(template, order, *shipments, references=references))
        assert message.subject and "None" not in message.text


def test_the_versions_of_notices_differ_with_their_own_words_and_share_their_form():
    versions = {template: told(SAMPLES[template]).template_version for template in NOTICES}
    assert len(set(versions.values())) == len(NOTICES)
    assert versions["parcel-lost"].startswith("parcel-lost.en@")


def test_every_template_stands_in_the_list_of_messages_and_every_reason_has_words():
    listed = (Path(__file__).parents[3] / "docs/messages.md").read_text(encoding="utf-8")
    register = stationery().register.templates
    assert set(register) == set(re.findall(r"^\| `([a-z-]+)` \|", listed, re.MULTILINE))
    words = stationery().words("delivery-delayed", "en", "en")
    row = next(line for line in listed.splitlines() if line.startswith("| `delivery-delayed`"))
    reasons = re.findall(r"`([a-z-]+)`", row.split("`reason`:")[1].split("|")[0])
    assert len(reasons) == 7 and all(words.has(f"reason_{word.replace('-', '_')}") for word in reasons)


# ---------------------------------------------------------------- which parcel


def test_one_parcel_of_one_is_not_counted():
    message = told(SAMPLES["parcel-shipped"])
    assert message.subject == "On its way: your order #1070"
    assert "arcel 1" not in message.text


def test_one_parcel_of_several_says_which_and_what_is_in_it_and_what_comes_after():
    whole = {"order": SPLIT.order, "shipments": tuple(s.model_copy(update={"delivered_at": None}) for s in SPLIT.shipments)}
    second = SPLIT.shipments[1]
    sample = notice("parcel-shipped", whole["order"], *whole["shipments"], references={"shipment": second.key})
    assert told(sample).subject == "Order #2041: parcel 2 of 3 is on its way"
    text = text_of(sample)
    assert "Order #2041 · Parcel 2 of 3 · UPS" in text
    inside, coming = text.index("IN THIS PARCEL"), text.index("STILL TO COME")
    assert inside < text.index("Weekend bag") < coming < text.index("Larkfield One") < text.index("Travel tripod")


def test_while_lines_wait_to_be_sent_nobody_says_of_how_many():
    assert "Parcel 2 · UPS" in text_of(SAMPLES["parcel-shipped-split"])
    assert "Parcel 1 · DHL" in text_of(SAMPLES["parcel-shipped-rest-waits"])


def test_pieces_of_a_line_that_are_in_another_parcel_are_counted_there():
    three = USUAL.lines[0]
    piece = ONE.lines[0].model_copy(update={"quantity": 1})
    first = shipment(USUAL, "1070-1", ("1",), parcel("JD1")).model_copy(update={"lines": (piece,)})
    text = text_of(notice("parcel-shipped", USUAL, first))
    assert three.quantity == 3
    assert "IN THIS PARCEL - House espresso, whole beans (1 kg) STILL TO COME - House espresso, whole beans (2 ×, 1 kg)" in text


def test_parcels_of_one_shipment_go_out_in_one_message():
    message = told(SAMPLES["parcel-shipped-together"])
    assert message.text.count("2 parcels") == 2
    assert "IN THIS SHIPMENT" in message.text
    assert "/o/" in one_action(message)


def test_the_last_parcel_says_that_all_is_there():
    assert told(SPLIT).subject == "All there: your order #2041"
    assert told(SPLIT, "de").subject == "Alles da: Ihre Bestellung #2041"
    assert "Still to come" not in Page(told(SPLIT).html).text


def test_a_parcel_that_comes_back_of_a_cancelled_order_leaves_nothing_to_choose():
    message = told(SAMPLES["parcel-returned-closed"])
    assert "send it again" not in message.text.lower()
    assert "/o/" in one_action(message)


# ---------------------------------------------------------------- when


def expecting(p10, p90, country="DE", **more):
    forecast = Forecast(p10=p10, p50=p10, p90=p90, forecast_at=PLACED, **more)
    order = USUAL.model_copy(update={"country": country})
    return notice("parcel-shipped", order, ONE.model_copy(update={"forecast": forecast}))


def test_the_window_is_the_forecast_in_days_where_the_reader_is():
    late_evening = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    assert "Most likely Thursday 5 March to Saturday 7 March" in text_of(expecting(late_evening, late_evening + 2 * DAY))
    there = text_of(expecting(late_evening, late_evening + 2 * DAY, "US"), "en-US")
    assert "Most likely Wednesday, March 4 to Friday, March 6" in there
    assert "Voraussichtlich Donnerstag, 5. März bis Samstag, 7. März" in text_of(
        expecting(late_evening, late_evening + 2 * DAY), "de"
    )


def test_a_window_of_one_day_is_a_day():
    noon = datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert "Most likely on Wednesday 4 March" in text_of(expecting(noon, noon + timedelta(hours=5)))


def test_a_window_begins_today_at_the_earliest_and_none_is_told_that_is_over():
    assert "Most likely Monday 2 March to Tuesday 3 March" in text_of(expecting(PLACED - 2 * DAY, PLACED + DAY))
    over = expecting(PLACED - 3 * DAY, PLACED - DAY)
    none = over.order.model_copy(update={"estimated_from": None, "estimated_until": None})
    assert "The day follows as soon as it is known" in text_of(notice("parcel-shipped", none, *over.shipments))


def test_without_a_forecast_the_carriers_word_is_told_and_a_bare_date_is_that_date():
    eta = Eta(until=datetime(2026, 3, 5, 23, 59, 59, tzinfo=UTC), told_at=PLACED)
    known = ONE.model_copy(update={"forecast": None, "log": Log(eta=eta)})
    assert "By Thursday 5 March" in text_of(notice("parcel-shipped", USUAL, known))


def test_without_either_what_the_shop_estimated_is_told():
    known = ONE.model_copy(update={"forecast": None})
    assert "Between Wednesday 4 March and Friday 6 March" in text_of(notice("parcel-shipped", USUAL, known))
    assert zone_of("DE", "UTC").key == "Europe/Berlin"


# ---------------------------------------------------------------- delays


@pytest.mark.parametrize(
    ("low", "high", "english", "german"),
    [
        (1, 2, "1 to 2 days later", "1 bis 2 Tage später"),
        (2, 1, "1 to 2 days later", "1 bis 2 Tage später"),
        (1, 1, "one day later", "einen Tag später"),
        (3, 3, "3 days later", "3 Tage später"),
        (0, 1, "up to one day later", "bis zu einem Tag später"),
        (0, 4, "up to 4 days later", "bis zu 4 Tage später"),
        (0, 0, "later than planned", "später an als geplant"),
        (None, None, "later than planned", "später an als geplant"),
    ],
)
def test_the_extra_days_are_told_as_a_range(low, high, english, german):
    numbers = {} if low is None else {"days-from": low, "days-to": high}
    sample = notice("delivery-delayed", USUAL, ONE, numbers=numbers)
    assert seen_in_both(sample, english) and seen_in_both(sample, german, "de")


@pytest.mark.parametrize("word", ["route-busy", "seasonal-volume", "carrier-slow", "area", "seller-handling", "on-the-way"])
@pytest.mark.parametrize("locale", ["en", "de"])
def test_each_reason_has_its_own_plain_words(word, locale):
    def opening(variant):
        blocks = (Block(kind="reason", variant=variant),) if variant else ()
        return text_of(notice("delivery-delayed", USUAL, ONE, blocks=blocks), locale)

    assert opening(word) != opening("unknown")
    assert opening("unknown") == opening(None) == opening("no-such-word")
    assert "-" not in word or word not in opening(word)


def test_a_delay_says_what_was_planned_what_can_be_done_and_the_backup_plan():
    text = text_of(SAMPLES["delivery-delayed"])
    for part in (
        "More parcels than usual are on your route this week.",
        "First planned: by Friday 6 March",
        "New estimate: Most likely Saturday 7 March to Sunday 8 March",
        "WHAT YOU CAN DO",
        "IF IT DOES NOT WORK OUT If it is not there by Sunday 8 March, write to us.",
    ):
        assert part in text


def test_the_new_estimate_is_where_the_extra_days_lead_though_the_forecast_still_hopes():
    hopeful = Forecast(p10=PLACED + DAY, p50=PLACED + 3 * DAY, p90=PLACED + 9 * DAY, forecast_at=PLACED)
    parcel = ONE.model_copy(update={"forecast": hopeful})
    text = text_of(notice("delivery-delayed", USUAL, parcel, numbers={"days-from": 2, "days-to": 5}))
    for part in ("by Friday 6 March", "Most likely Sunday 8 March to Wednesday 11 March", "not there by Wednesday 11 March"):
        assert part in text
    long_ago = notice("delivery-delayed", USUAL.model_copy(update={"estimated_until": PLACED - 20 * DAY}), parcel)
    assert "Most likely" in text_of(long_ago), "days that are over say nothing: the forecast does"


def test_the_first_window_that_was_told_counts_as_planned_where_the_shop_planned_nothing():
    midnight = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)
    forecast = Forecast(p10=PLACED + 4 * DAY, p50=PLACED + 5 * DAY, p90=PLACED + 6 * DAY, forecast_at=PLACED)
    told_first = forecast.model_copy(update={"promised_by": midnight, "promise": "window"})
    open_order = USUAL.model_copy(update={"estimated_from": None, "estimated_until": None})
    text = text_of(notice("delivery-delayed", open_order, ONE.model_copy(update={"forecast": told_first})))
    assert "First planned: by Wednesday 4 March" in text


def test_a_retraction_takes_the_delay_back_and_names_the_window():
    text = text_of(SAMPLES["delivery-recovered"])
    assert "please forget that message" in text and "Most likely Wednesday 4 March" in text


def test_an_order_that_nobody_has_sent_is_expected_as_if_it_left_now():
    begun = PLACED - 4 * DAY
    forecast = Forecast(p10=begun + 2 * DAY, p50=begun + 3 * DAY, p90=begun + 5 * DAY, forecast_at=begun, handed_at=begun)

    def said(**more):
        order = USUAL.model_copy(update={"forecast": forecast} | more)
        return text_of(notice("order-not-shipped-yet", order, numbers={"days": 4}))

    assert "Most likely Wednesday 4 March to Saturday 7 March" in said()
    assert "Most likely Wednesday 4 March to Saturday 7 March" in said(estimated_from=None, estimated_until=None)
    assert "Most likely" not in said(estimated_until=PLACED + 30 * DAY), "there is still time"
    assert "Most likely" not in said(forecast=forecast.model_copy(update={"handed_at": PLACED + DAY})), "it was not to leave yet"


def test_what_is_out_of_stock_is_named_with_its_day_only_when_the_shop_knows_it():
    assert "Expected back: Wednesday 11 March" in text_of(SAMPLES["item-out-of-stock"])
    assert "House espresso" in text_of(SAMPLES["item-out-of-stock"])
    unknown = USUAL.model_copy(update={"stockouts": (Stockout(line_ref="1", at=PLACED),)})
    assert "We do not know yet" in text_of(notice("item-out-of-stock", unknown))


# ---------------------------------------------------------------- money


def refunded(*refunds, total="44.60", currency="EUR", about=None):
    order = USUAL.model_copy(update={"refunds": refunds, "total": Money(amount=total, currency=currency) if total else None})
    return notice("order-refunded", order, references={"refund": about or refunds[-1].ref})


def refund(ref, amount, currency="EUR", day=1, **more):
    money = Money(amount=amount, currency=currency) if amount else None
    return Refund(ref=ref, at=PLACED + day * DAY, amount=money, **more)


@pytest.mark.parametrize(
    ("amount", "currency", "english", "german"),
    [
        ("14.9", "EUR", "€14.90", "14,90 €"),
        ("4900", "JPY", "¥4,900", "4.900 ¥"),
        ("1.5", "KWD", "KWD 1.500", "1,500 KWD"),
        ("1234.005", "USD", "$1,234.01", "1.234,01 $"),
    ],
)
def test_a_refund_is_told_in_the_shoppers_currency_with_its_decimals(amount, currency, english, german):
    sample = refunded(refund("r1", amount, currency), total="99999", currency=currency)
    assert seen_in_both(sample, english) and seen_in_both(sample, german, "de")
    assert told(sample).subject.replace("\xa0", " ") == f"Your refund of {english}: order #1070"


def test_a_refund_says_whether_it_is_a_part_the_whole_or_the_rest():
    part, rest = refund("r1", "14.90"), refund("r2", "29.70", day=2)
    assert "refunded a part of your order" in text_of(refunded(part))
    assert "refunded your whole order" in text_of(refunded(refund("r1", "44.60")))
    text = text_of(refunded(part, rest))
    assert "refunded the rest of your order" in text
    assert "Refund: €29.70" in text and "Together with earlier refunds: €44.60" in text


def test_an_earlier_refund_is_told_as_it_was_when_a_later_one_is_known():
    text = text_of(refunded(refund("r1", "14.90"), refund("r2", "29.70", day=2), about="r1"))
    assert "refunded a part of your order" in text and "Refund: €14.90" in text and "Together" not in text


def test_a_refund_without_an_amount_names_none():
    assert told(SAMPLES["order-refunded-unnamed"]).subject == "Your refund: order #1070"
    assert "Refund: The amount is on your order page" in text_of(SAMPLES["order-refunded-unnamed"])
    assert "Refund: €44.60" in text_of(refunded(refund("r1", None, whole=True)))


def test_refunds_in_two_currencies_are_never_added():
    text = text_of(refunded(refund("r1", "14.90"), refund("r2", "5.00", "USD", day=2)))
    assert "Refund: $5.00" in text and "Together" not in text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("customer", "As you asked"),
        ("inventory", "no longer available"),
        ("declined", "payment did not go through"),
        ("fraud", "Your order is cancelled, and nothing more"),
        (HOSTILE, "Your order is cancelled, and nothing more"),
        (None, "Your order is cancelled, and nothing more"),
    ],
)
def test_a_cancellation_gives_a_reason_only_where_a_customer_may_be_told_it(reason, words):
    text = text_of(notice("order-cancelled", USUAL.model_copy(update={"cancel_reason": reason})))
    assert words in text and "fraud" not in text


def test_a_completed_order_promises_no_tracking():
    for locale in ("en", "de"):
        message = told(notice("order-completed", USUAL, ONE), locale)
        assert not any("track." in href for href in Page(message.html).links)
        assert not re.search(r"[Tt]rack your|tracking page|verfolgen$|Sendungsverlauf", message.text, re.MULTILINE)


def test_a_failed_payment_leads_to_the_brands_page_for_it_or_to_its_help():
    assert one_action(told(SAMPLES["payment-failed"])) == "https://larkfield.example/account/payment"
    without = BRAND.model_copy(update={"shop": BRAND.shop.model_copy(update={"payment": None})})
    assert one_action(told(SAMPLES["payment-failed"], our=without)) == "https://larkfield.example/help"


def test_a_return_says_what_it_costs_before_it_is_sent():
    assert "What returning costs: Nothing" in text_of(SAMPLES["return-approved"])
    assert "What returning costs: $6.95, taken from the refund" in text_of(SAMPLES["return-approved-fee"], "en-US")


def test_a_part_that_was_sent_without_a_shipment_shows_what_was_ordered():
    text = text_of(notice("order-partially-fulfilled"))
    assert "WHAT YOU ORDERED - House espresso" in text


# ---------------------------------------------------------------- strangers


@pytest.mark.parametrize("kind", INJECTIONS)
@pytest.mark.parametrize("template", NOTICES)
def test_what_a_stranger_typed_is_text_and_nothing_else(template, kind):
    text = INJECTIONS[kind]
    clean = SAMPLES[template]
    fields = dict.fromkeys(("title", "variant", "sku", "product_type"), text)
    line = clean.order.lines[0].model_copy(update={**fields, "tags": (text,)})
    hostile = clean.order.model_copy(
        update={
            "name": text,
            "contact": clean.order.contact.model_copy(update={"name": text}),
            "lines": (line, *clean.order.lines[1:]),
            "cancel_reason": text,
            "status_url": text,
        }
    )
    strange = tuple(
        s.model_copy(update={"parcels": tuple(p.model_copy(update={"url": text, "carriers": (text,)}) for p in s.parcels)})
        for s in clean.shipments
    )
    blocks = (Block(kind="reason", variant="unknown").model_copy(update={"variant": text}),)
    more = {"references": clean.references, "numbers": clean.numbers, "blocks": blocks}
    message = mime.check(told(notice(template, hostile, *strange, **more)))
    page, usual = Page(message.html), Page(told(clean).html)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in usual.tags} | {"br", "h2", "ul", "li", "span"}
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    assert all(href.startswith("https://") for href in page.links)
    allowed = {"larkfield.example", "post.larkfield.example"} | ({"evil.example"} if kind == "address" else set())
    assert {urlsplit(href).hostname for href in page.links} <= allowed
    for part in (message.subject, *message.text.splitlines()):
        assert not re.search("[\r\n\x00\u202a-\u202e\u2066-\u2069]", part)
    assert not re.search(r"^Bcc:", message.text, re.MULTILINE)


def test_an_address_that_is_not_https_is_never_the_tracking_link():
    for url in ("javascript:alert(1)", "http://track.example/1", "https://a.example/\r\nX: y"):
        strange = ONE.model_copy(update={"parcels": (ONE.parcels[0].model_copy(update={"url": url}),)})
        message = told(notice("parcel-shipped", USUAL, strange))
        assert "/o/" in one_action(message)
        assert url not in message.html and url not in message.text


def test_a_carriers_name_is_shown_only_when_it_is_one_we_know():
    unknown = ONE.model_copy(update={"parcels": (ONE.parcels[0].model_copy(update={"carriers": ("win-a-prize",)}),)})
    assert "rize" not in told(notice("parcel-shipped", USUAL, unknown)).text
    assert "DHL" in told(SAMPLES["parcel-shipped"]).text


def test_every_template_about_a_parcel_is_tried_with_one_with_several_and_with_none():
    for template in OF_PARCELS:
        assert {template, f"{template}-split", f"{template}-bare"} <= SAMPLES.keys()
