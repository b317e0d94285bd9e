"""The confirmation row by row of the requirements, from an order to the mail its buyer gets; OC-01 to 03 are journeys' matter."""

import re

import pytest

from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.consent import Purpose
from message_gate.evaluation.check import MOST_BUTTONS
from message_gate.evaluation.mail_page import MailPage
from message_gate.evaluation.samples import BAG, CAMERA, ESPRESSO, SETTINGS, Sample, link, samples
from message_gate.render import render
from order_confirmation.content import blocks

CATALOGUE = catalogue()
SAMPLES = samples(CATALOGUE)
USUAL = SAMPLES["usual"].order
SOFTWARE = SAMPLES["digital"].order.lines[0]


def mail(*lines, earlier=(), consents=True, locale="en", **more):
    """What the buyer of these lines gets."""
    order = USUAL.model_copy(update={"lines": tuple(lines), **more})
    before = [USUAL.model_copy(update={"ref": str(n), "key": f"sample:{n}", "lines": past}) for n, past in enumerate(earlier)]
    sample = Sample("order-confirmation", order, blocks(order, before, CATALOGUE), Purpose.TRANSACTIONAL, consents)
    about = (sample.proposal(), sample.customer, order, brand(), CATALOGUE, link, SETTINGS, locale)
    return render(*about, sample.include, sample.promotional)


def test_oc_04_each_kind_of_product_brings_value_of_its_own():
    texts = {mail(line).text for line in (CAMERA, BAG, SOFTWARE, ESPRESSO)}
    guides = [re.search(r"QUICK START|LOOKING AFTER|FIRST STEPS|GOOD TO KNOW", text)[0] for text in texts]
    assert sorted(guides) == ["FIRST STEPS", "GOOD TO KNOW", "LOOKING AFTER", "QUICK START"]


def test_oc_05_something_complex_brings_the_video_and_the_walkthrough():
    has, text = CATALOGUE.families["camera"].quick_start, mail(CAMERA).text
    assert has.video_url["en"] in text and has.walkthrough_url["en"] in text
    assert all(step in text for step in has.walkthrough["en"])


def test_oc_06_something_delicate_brings_the_care_sheet_and_tips():
    has, text = CATALOGUE.families["leather"].care, mail(BAG).text
    assert has.pdf_url["en"].endswith(".pdf") and has.pdf_url["en"] in text
    assert all(tip in text for tip in has.tips["en"])


@pytest.mark.parametrize(
    ("plan", "earlier", "tier", "skill"),
    [
        ("Solo", (), "solo", "beginner"),
        ("Studio, yearly", (), "studio", "beginner"),
        ("Studio, yearly", ((SOFTWARE,),), "studio", "experienced"),
    ],
)
def test_oc_07_first_steps_follow_the_plan_and_what_the_buyer_can(plan, earlier, tier, skill):
    text = mail(SOFTWARE.model_copy(update={"plan": plan}), earlier=earlier).text
    assert all(step in text for step in CATALOGUE.families["photo-software"].onboarding.steps[tier][skill]["en"])


def test_oc_08_a_warranty_brings_the_registration_and_what_future_updates_are_in_it():
    has, text = CATALOGUE.families["camera"].registration, mail(CAMERA).text
    assert has.url["en"] in text and all(benefit in text for benefit in has.benefits["en"])


def test_oc_09_and_10_the_five_moments_stand_in_the_mail_in_their_order_each_with_its_page():
    text = mail(CAMERA).text
    moments = ("We have your order", "Estimated arrival", "IF IT IS NOT RIGHT", "GOES WELL WITH IT", "A person answers")
    assert [moment for moment in moments if moment not in text] == []
    for page in ("/o/", "/p/", "/c/", "larkfield.example/returns", "larkfield.example/help"):
        assert page in text


@pytest.mark.parametrize("locale", ["en", "de"])
def test_oc_11_number_time_and_each_fee_and_discount_have_a_line(locale):
    lines = mail(ESPRESSO, locale=locale).text.splitlines()
    for shown in (
        r"#1070",
        r"4.*6",
        r"WELCOME10: .*5[.,]00",
        r"DHL: .*4[.,]90",
        r"VAT 7%: .*2[.,]92",
        r"(Total|Gesamt): .*44[.,]60",
    ):
        assert [line for line in lines if re.search(shown, line)], shown


def test_oc_12_the_one_big_button_opens_the_orders_page():
    html = mail(CAMERA).html
    (button,) = re.findall(r'<a href="([^"]*)" class="b"', html)
    assert button.startswith("https://post.larkfield.example/o/")


def test_oc_13_buttons_are_big_and_few_whatever_was_ordered():
    page = MailPage(mail(CAMERA, BAG, SOFTWARE, ESPRESSO).html)
    assert page.buttons.count(True) == 1 and len(page.buttons) <= MOST_BUTTONS
    sizes = [int(size) for size in re.findall(r"font-size:(\d+)px", mail(CAMERA).html)]
    assert min(sizes) >= 16


def test_oc_14_how_it_felt_is_asked_with_one_tap():
    links = [url for url in MailPage(mail(CAMERA).html).links if "/c/" in url]
    assert [url.rpartition("=")[2] for url in links] == ["good", "fine", "bad"]


@pytest.mark.parametrize(("country", "fee"), [("US", "Returning it costs $6.95"), ("DE", "Returning it is free.")])
def test_oc_15_and_16_the_return_window_is_told_and_the_fee_stands_out(country, fee):
    message = mail(CAMERA, country=country)
    assert "within 30 days of delivery" in message.text
    assert fee in " ".join(re.findall(r"<strong>([^<]*)</strong>", message.html))


def test_oc_17_add_ons_follow_past_purchases_are_few_and_need_consent():
    offered = CATALOGUE.add_ons[CATALOGUE.families["camera"].cross_sells[0]].name["en"]
    knit = BAG.model_copy(update={"product_type": "Gift", "sku": "X", "title": "Box"})
    past = ((CAMERA,),)
    assert offered in mail(knit, earlier=past).text
    assert offered not in mail(knit).text
    assert "GOES WELL" not in mail(knit, earlier=past, consents=False).text
    pages = {url for add_on in CATALOGUE.add_ons.values() for url in add_on.url.values()}
    assert len(pages.intersection(MailPage(mail(CAMERA, BAG, ESPRESSO).html).links)) == 2


def test_oc_18_a_person_thanks_the_buyer_by_name():
    first, again = mail(CAMERA).text, mail(CAMERA, earlier=((ESPRESSO,),)).text
    for text in (first, again):
        assert "Hello Anna," in text and "Mara Lindqvist" in text
    assert "Thank you for your order" in first and "Thank you for coming back" in again


def test_oc_19_what_happens_next_is_told_step_by_step_late_parcels_too():
    text = mail(CAMERA).text
    steps = text.partition("WHAT HAPPENS NEXT")[2].partition("IF IT IS NOT RIGHT")[0]
    assert [line[:2] for line in steps.split("\n") if line] == ["1.", "2.", "3."]
    assert "delays too" in steps and "A person answers." in steps


def test_oc_20_order_welcome_tutorial_and_recommendations_are_in_the_one_first_mail_and_can_be_chosen():
    text = mail(CAMERA).text
    for part in (
        "Thank you for your order",
        "WHAT YOU ORDERED",
        "QUICK START",
        "GOES WELL WITH IT",
        "Choose what we write to you",
    ):
        assert part in text
