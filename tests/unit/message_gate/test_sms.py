"""Text messages: what they say in one segment, and that segments are counted as phones and carriers count them."""

import pytest

from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.language import language
from aftercare.places import zone_of
from aftercare.proposal import Block
from message_gate.channels import QUESTIONS, REPLIES, SHORT
from message_gate.evaluation.samples import HOSTILE, PLACED, Sample, link, samples
from message_gate.notices import NOTICES
from message_gate.sms import NoShortForm, counted, render_sms, seven_bit
from message_gate.stationery import stationery

BRAND, CATALOGUE = brand(), catalogue()
SAMPLES = samples(CATALOGUE)


def short(sample, locale="en", our=BRAND, order=None):
    return render_sms(sample.proposal(), sample.customer, order or sample.order, our, CATALOGUE, link, locale)


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("name", ["restock-alert", "safety"])
def test_what_a_store_publishes_is_a_text_with_its_link_where_it_was_asked_for_or_warns(name, locale):
    sample = SAMPLES[name]
    made = (sample.proposal(), sample.customer, sample.order, BRAND, CATALOGUE, link, locale)
    sms = render_sms(*made, publication=sample.publication)
    assert (sms.encoding, sms.segments) == ("GSM-7", 1), sms
    assert sms.text.startswith("Larkfield") and sms.text.endswith(sample.publication.url)


@pytest.mark.parametrize("locale", ["en", "en-US", "de", "de-AT"])
@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.template in SHORT & NOTICES.keys()])
def test_every_short_form_is_one_segment_with_brand_order_and_help(name, locale):
    sms = short(SAMPLES[name], locale)
    assert (sms.encoding, sms.segments) == ("GSM-7", 1), sms
    assert sms.text.startswith("Larkfield: ")
    # What asks is answered where it is read, by a word in reply: HELP as well.
    assert "https://larkfield.example/help" in sms.text or SAMPLES[name].template in QUESTIONS
    assert "None" not in sms.text and "{" not in sms.text


def test_the_templates_for_texts_are_those_that_have_a_short_wording_in_every_language():
    """One that is listed and has none is chosen for a text, cannot be written, and is never sent."""
    files, names = stationery(), stationery().register.templates
    for locale in BRAND.locales:
        worded = {name for name in {*names, *REPLIES} if files.words(name, locale, BRAND.default_locale).has("sms")}
        assert worded == SHORT | REPLIES, locale


def test_a_text_says_which_parcel_and_when():
    assert short(SAMPLES["parcel-shipped"]).text == (
        "Larkfield: order #1070 is on its way, expected Wed 4 Mar to Fri 6 Mar. Questions? https://larkfield.example/help"
    )
    assert short(SAMPLES["parcel-shipped-split"], "de").text == (
        "Larkfield: Paket 2 der Bestellung #2041 ist unterwegs, Ankunft Mi 4.3. bis Fr 6.3. Fragen? https://larkfield.example/help"
    )


def test_a_delay_gives_days_reason_and_window_where_they_fit():
    assert short(SAMPLES["delivery-delayed"]).text == (
        "Larkfield: order #1070 may come 1 to 2 days later (busy route), now expected Sat 7 Mar to Sun 8 Mar. "
        "Questions? https://larkfield.example/help"
    )


def test_what_does_not_fit_is_left_out_before_a_second_segment_is_paid_for():
    sample = SAMPLES["delivery-delayed"]
    long = BRAND.model_copy(update={"name": "Larkfield and Daughters of Berlin"})
    assert "busy route" not in short(sample, our=long).text
    assert short(sample, our=long).segments == 1
    endless = BRAND.model_copy(update={"name": "L" * 200})
    assert short(sample, our=endless).segments == 2


def test_nothing_is_told_that_is_not_known():
    bare = short(SAMPLES["parcel-shipped-bare"])
    assert bare.text == "Larkfield: order #5 is on its way. Questions? https://larkfield.example/help"


def test_an_unknown_reason_is_not_told():
    sample = SAMPLES["delivery-delayed"]
    unknown = Sample("delivery-delayed", sample.order, (Block(kind="reason", variant="unknown"),), sample.purpose)
    assert "(" not in short(unknown).text


def test_the_brands_short_address_is_used_and_its_help_page_where_there_is_none():
    for given, shown in (("https://lkf.example/h", "https://lkf.example/h"), (None, "https://larkfield.example/help")):
        support = BRAND.support.model_copy(update={"short": given})
        assert short(SAMPLES["parcel-shipped"], our=BRAND.model_copy(update={"support": support})).text.endswith(f" {shown}")


@pytest.mark.parametrize("name", ["Ω🎉#1070", HOSTILE, "注文 1070", "№ 1070", "a\r\nb\x00c", "\u202e0701"])
def test_a_strangers_sign_in_an_orders_name_makes_no_message_dearer(name):
    sample = SAMPLES["parcel-shipped"]
    sms = short(sample, order=sample.order.model_copy(update={"name": name}))
    assert (sms.encoding, sms.segments) == ("GSM-7", 1)
    assert "\n" not in sms.text and "\r" not in sms.text and "\x00" not in sms.text


def test_a_template_without_a_short_form_says_so():
    with pytest.raises(NoShortForm, match="order-confirmation"):
        short(SAMPLES["usual"])


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("äöüÄÖÜß" * 20, "GSM-7", 140, 1),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        # An escape and its character are not parted: 76 of them fill 152 of 153.
        ("€" * 153, "GSM-7", 306, 3),
        ("[]{}\\~^|", "GSM-7", 16, 1),
        ("`", "UCS-2", 1, 1),
        ("ç", "UCS-2", 1, 1),
        ("日" * 70, "UCS-2", 70, 1),
        ("日" * 71, "UCS-2", 71, 2),
        ("日" * 134, "UCS-2", 134, 2),
        ("日" * 135, "UCS-2", 135, 3),
        ("🎉" * 35, "UCS-2", 70, 1),
        ("🎉" * 36, "UCS-2", 72, 2),
        # A surrogate pair is not parted: 33 of them fill 66 of 67.
        ("🎉" * 67, "UCS-2", 134, 3),
    ],
)
def test_segments_are_counted_as_the_standard_counts_them(text, encoding, units, segments):
    sms = counted(text)
    assert (sms.encoding, sms.units, sms.segments) == (encoding, units, segments)


def test_others_text_becomes_plain_letters():
    assert seven_bit("Çelik ç ő „x“ – … \xa0 é") == 'Çelik c o "x" - ... é'
    assert seven_bit("注文🎉") == ""


def test_short_days_are_short_in_each_language():
    zone = zone_of("DE", "UTC")
    assert [language(name).short_day(PLACED, zone) for name in ("en", "en-US", "de", "de-CH")] == [
        "Mon 2 Mar",
        "Mon Mar 2",
        "Mo 2.3.",
        "Mo 2.3.",
    ]


def permalinks(url):
    cart = BRAND.shop.reorder.model_copy(update={"url": url, "item": "{variant}:{quantity}"})
    return BRAND.model_copy(update={"shop": BRAND.shop.model_copy(update={"reorder": cart})})


@pytest.mark.parametrize("name", ["reorder", "reorder-nudge"])
@pytest.mark.parametrize("locale", ["en", "de"])
def test_a_text_names_the_product_that_was_bought_last(locale, name):
    title = SAMPLES[name].order.lines[0].title
    assert seven_bit(title)[:30].strip() in short(SAMPLES[name], locale).text


@pytest.mark.parametrize("locale", ["en", "de"])
def test_a_reminder_by_text_names_what_was_bought_last_and_leads_to_the_filled_basket_where_that_is_short(locale):
    sample = SAMPLES["reorder"]
    lines = tuple(line.model_copy(update={"variant_ref": "42819365789870"}) for line in sample.order.lines)
    order = sample.order.model_copy(update={"lines": lines})
    said = short(sample, locale, permalinks("https://larkfield.example/cart/{items}"), order)
    assert "https://larkfield.example/cart/42819365789870:3" in said.text and said.segments == 1
    assert seven_bit(order.lines[0].title) in said.text
    long = short(sample, locale, permalinks("https://larkfield.example/the/cart/of/larkfield/{items}"), order)
    assert "42819365789870" not in long.text and "https://larkfield.example/ " in long.text
