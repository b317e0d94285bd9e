"""What a reader gets: the order in their language, what a stranger typed as text, and the ways out."""

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.consent import Purpose
from aftercare.content import ContentError
from aftercare.customer import Charge, Contact, OrderLine
from aftercare.links import LinkPurpose
from aftercare.money import Money
from aftercare.one_line import plain
from aftercare.proposal import Block
from aftercare.settings import MissingSetting, Settings
from aftercare.weblink import NotHttps
from message_gate import mime
from message_gate.evaluation.samples import PLACED, SETTINGS, Sample, link, parts_of, samples
from message_gate.letter import first_name
from message_gate.render import CannotRender, render
from message_gate.stationery import TEMPLATES, Stationery
from message_gate.view import NothingToGather
from tests.strangers import INJECTIONS, Page

BRAND, CATALOGUE = brand(), catalogue()
SAMPLES = samples(CATALOGUE)


def rendered(sample, locale="en", our=BRAND, links=link, settings=SETTINGS, files=None, order=None):
    order = order or sample.order
    return render(
        sample.proposal(),
        sample.customer,
        order,
        our,
        CATALOGUE,
        links,
        settings,
        locale,
        sample.include,
        sample.promotional,
        files,
        parts_of(sample),
        publication=sample.publication,
    )


USUAL, SEVERAL, REORDER = (SAMPLES[name] for name in ("usual", "several-kinds", "reorder"))


def test_a_confirmation_shows_number_lines_window_fees_discounts_total_and_what_a_return_costs():
    message = rendered(SEVERAL, "en-US")
    for part in (Page(message.html).text, message.text):
        part = " ".join(part.split())
        for shown in (
            "Order #2041",
            "March 2, 2026",
            "By Wednesday, March 11",
            "Larkfield One",
            "$649.00",
            "Shipping",
            "free",
            "$16.95",
            "$966.95",
            "within 14 days of delivery",  # the shortest of its families: the software among it
            "Returning it costs $6.95",
            "Mara Lindqvist",
            "Good to have you back",
        ):
            assert shown in part, shown


def test_a_discount_is_taken_off_and_included_tax_is_not_added():
    text = rendered(USUAL, "de").text
    assert "Rabatt · WELCOME10: −5,00\xa0€" in text
    assert "House espresso, whole beans (3 × 14,90\xa0€, 1 kg): 44,70\xa0€" in text
    assert text.index("Gesamt: 44,60\xa0€") < text.index("Enthalten · VAT 7%: 2,92\xa0€")


def test_each_block_brings_its_guide_and_what_has_no_room_is_a_link():
    page = Page(rendered(SEVERAL).html)
    family = CATALOGUE.families
    camera, leather = family["camera"], family["leather"]
    assert camera.quick_start.video_url["en"] in page.links
    assert camera.quick_start.walkthrough_url["en"] in page.links
    assert leather.care.pdf_url["en"] in page.links
    assert camera.registration.url["en"] in page.links
    assert family["photo-software"].onboarding.start_url["en"] in page.links
    assert leather.care.tips["en"][0] in page.text


def test_first_steps_are_those_of_tier_and_skill():
    steps = CATALOGUE.families["photo-software"].onboarding.steps["studio"]["experienced"]["de"]
    text = rendered(SAMPLES["digital"], "de").text
    assert all(f"{number}. {step}" in text for number, step in enumerate(steps, 1))


@pytest.mark.parametrize("variant", ["gold-genius", "", None])
def test_a_tier_or_skill_that_is_gone_from_the_catalogue_becomes_the_default_for_a_beginner(variant):
    block = Block(kind="onboarding", family="photo-software").model_copy(update={"variant": variant})
    sample = Sample("order-confirmation", SAMPLES["digital"].order, (block,), Purpose.TRANSACTIONAL)
    steps = CATALOGUE.families["photo-software"].onboarding.steps["solo"]["beginner"]["en"]
    assert steps[0] in rendered(sample).text


def test_an_order_without_parcel_waits_for_none():
    text = rendered(SAMPLES["digital"]).text
    assert "Ready now" in text
    assert "delivery." not in text


def test_nobody_promises_a_day_that_nobody_named():
    assert "as soon as the carrier names it" in rendered(SAMPLES["bare"]).text


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (2, 4, "Between Wednesday 4 March and Friday 6 March"),
        (2, 2, "On Wednesday 4 March"),
        (2, None, "From Wednesday 4 March"),
        (None, 4, "By Friday 6 March"),
    ],
)
def test_the_delivery_window_is_told_as_far_as_it_is_known(first, last, shown):
    window = {
        "estimated_from": PLACED + timedelta(days=first) if first else None,
        "estimated_until": PLACED + timedelta(days=last) if last else None,
    }
    text = rendered(USUAL, order=USUAL.order.model_copy(update=window)).text
    assert shown in " ".join(text.split())


def test_a_renewal_speaks_of_the_subscription_and_asks_no_cue():
    message = rendered(SAMPLES["renewal"])
    assert message.subject == "Renewed as agreed: order #R-88"
    assert "change, pause" in message.text.lower()
    assert "/c/" not in message.html


def test_one_tap_cue_opens_the_page_with_the_face_that_was_tapped():
    cues = [href for href in Page(rendered(USUAL).html).links if "/c/" in href]
    assert [href.rpartition("?")[2] for href in cues] == ["cue=good", "cue=fine", "cue=bad"]


# ---------------------------------------------------------------- ways out


def test_the_add_ons_bring_the_way_out_the_postal_address_and_the_headers():
    message = rendered(USUAL)
    assert "Goes well with it" in message.html
    assert message.headers["List-Unsubscribe"].startswith("<https://post.larkfield.example/u/")
    assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.headers["List-Id"] == '"Larkfield: offers" <offers.larkfield.example>'
    for part in (message.html, message.text):
        assert "Beispielweg 5" in part and "/u/" in part


def test_without_consent_the_same_mail_goes_without_them_and_still_has_the_preference_link():
    message = rendered(SAMPLES["without-consent"])
    assert message.headers == {"Auto-Submitted": "auto-generated"}
    for part in (message.html, message.text):
        assert "Goes well with it" not in part and "GOES WELL" not in part
        assert "Beispielweg 5" not in part and "/u/" not in part
        assert "/p/" in part


def test_a_reminder_is_one_benefit_one_action_and_a_way_out():
    message = rendered(REORDER)
    page = Page(message.html)
    assert message.subject == "Time for more coffee?"
    assert CATALOGUE.families["coffee"].reorder.benefit["en"] in page.text
    (action,) = [given["href"] for tag, given in page.tags if tag == "a" and "b" in given.get("class", "").split()]
    assert action == "https://larkfield.example/basket?add=SKU-1:3"
    assert message.headers["List-Id"] == '"Larkfield: reorder reminders" <reminders.larkfield.example>'
    assert "Unsubscribe from reorder reminders" in page.text


TAPPED = [name for name, s in SAMPLES.items() if s.template.startswith(("reorder-", "next-", "segment-"))]


@pytest.mark.parametrize("name", TAPPED)
def test_each_offer_has_its_taps_and_at_most_one_product_goes_with_a_message(name):
    asked = []

    def links(purpose, about, open_for):
        asked.append((purpose, about))
        return link(purpose, about, open_for)

    sample = SAMPLES[name]
    doubled = tuple(block for block in sample.blocks for _ in range(1 + (block.kind in ("accompanying", "goes-with"))))
    page = Page(rendered(replace(sample, blocks=doubled), links=links).html)
    said = [url.rpartition("?said=")[2] for url in page.links if "?said=" in url]
    assert said[:2] == ["useful", "later"] and said[-1] == "not-for-me" and set(said) <= {"useful", "later", "left", "not-for-me"}
    offers = [about.split("|")[2] for purpose, about in asked if purpose is LinkPurpose.OFFER]
    products = [offer for offer in offers if offer in CATALOGUE.add_ons]
    assert len(offers) == 1 + (sample.template == "reorder-reminder" and any(b.kind == "accompanying" for b in sample.blocks))
    assert len(products) <= 1 and offers
    goes = [block.variant for block in sample.blocks if block.kind in ("accompanying", "goes-with")]
    assert set(goes) <= set(products)


def test_an_add_on_that_no_basket_can_be_filled_with_is_shown_on_its_own_page():
    offers = [(sample, b.variant) for sample in SAMPLES.values() for b in sample.blocks if b.kind == "goes-with"]
    sample, add_on = offers[0][0], CATALOGUE.add_ons[offers[0][1]]
    cart = BRAND.shop.reorder.model_copy(update={"item": "{variant}:{quantity}"})
    ours = BRAND.model_copy(update={"shop": BRAND.shop.model_copy(update={"reorder": cart})})
    assert f'href="{add_on.url["en"]}"' in rendered(sample, our=ours).html


def test_a_digest_says_of_each_part_what_why_and_where_and_one_click_ends_all_that_is_in_it():
    asked = []

    def links(purpose, about, open_for):
        asked.append(about)
        return link(purpose, about, open_for)

    usual = SAMPLES["digest-stated"]
    offer = replace(usual.parts[1], purpose=Purpose.PROMOTIONAL)
    message = rendered(replace(usual, purpose=Purpose.PROMOTIONAL, parts=(usual.parts[0], offer)), links=links)
    page = Page(message.html)
    for part in usual.parts:
        alone = rendered(part)
        why = next(line for line in alone.text.splitlines() if line.startswith("You get this reminder because"))
        assert alone.subject in page.text and why in page.text and why in message.text
    assert page.text.count("You get this reminder because") == 2
    assert "email:promotional,reorder" in asked
    assert "Unsubscribe from offers and reorder reminders" in message.text
    assert message.subject == "This week at Larkfield: 2 things for you"


def test_a_digest_of_nothing_is_not_written():
    with pytest.raises(NothingToGather):
        rendered(replace(SAMPLES["digest-stated"], parts=()))


def test_a_link_asks_for_its_own_purpose_subject_and_time():
    asked = []

    def links(purpose, about, open_for):
        asked.append((purpose.name, about, open_for >= timedelta(days=60)))
        return link(purpose, about, open_for)

    rendered(USUAL, links=links)
    assert set(asked) == {
        ("STATUS", "sample:1070", True),
        ("PREFERENCES", f"email:{USUAL.proposal().message_id}", True),
        ("UNSUBSCRIBE", "email:promotional", True),
        ("CUE", "sample:1070", True),
    }


def test_an_offer_without_a_postal_address_is_not_rendered_at_all():
    with pytest.raises(MissingSetting, match="POSTAL_ADDRESS"):
        rendered(REORDER, settings=Settings())
    assert rendered(SAMPLES["without-consent"], settings=Settings())


# ---------------------------------------------------------------- languages


def test_a_reader_gets_their_language_and_their_regions_way_of_writing():
    german, austrian = rendered(USUAL, "de"), rendered(USUAL, "de_AT")
    assert '<html lang="de"' in german.html and '<html lang="de"' in austrian.html
    assert "Gesamt: 44,60\xa0€" in german.text
    assert "Gesamt: €\xa044,60" in austrian.text
    assert german.subject == "Danke, Anna: Bestellung #1070 ist bestätigt"


def test_a_language_that_is_not_there_falls_back_to_the_brands_default_in_words_and_amounts():
    assert rendered(USUAL, "fr-FR").text == rendered(USUAL, "en").text
    german = BRAND.model_copy(update={"default_locale": "de"})
    assert rendered(USUAL, "fr-FR", our=german).text == rendered(USUAL, "de", our=german).text


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("locale", ["en", "de"])
def test_nothing_is_left_blank_or_unfilled(name, locale):
    message = rendered(SAMPLES[name], locale)
    for part in (message.subject, message.text):
        assert not re.search(r"\{[a-z_]+\}|None|Undefined|\[\]|&amp;|&#", part)
    assert not re.search(r"\bNone\b|Undefined", Page(message.html).text)
    assert "\n\n\n" not in message.text


# ---------------------------------------------------------------- strangers


def hostile_order(text):
    return USUAL.order.model_copy(
        update={
            "name": text,
            "contact": Contact(email="m@example.com", name=text),
            "lines": (OrderLine(line_ref="1", title=text, variant=text, sku=text, product_type=text, tags=(text,), quantity=1),),
            "fees": (Charge(kind=text, label=text, amount=Money(amount="1", currency="EUR")),),
            "discounts": (Charge(kind="discount", label=text, amount=Money(amount="1", currency="EUR")),),
            "status_url": text,
        }
    )


@pytest.mark.parametrize("kind", INJECTIONS)
@pytest.mark.parametrize("name", ["usual", "reorder"])
def test_what_a_stranger_typed_is_text_and_nothing_else(kind, name):
    text = INJECTIONS[kind]
    order = hostile_order(text)
    if name == "reorder":
        order = order.model_copy(
            update={"lines": tuple(line.model_copy(update={"tags": ("aftercare:coffee",)}) for line in order.lines)}
        )
    message = mime.check(rendered(SAMPLES[name], order=order))
    page, clean = Page(message.html), Page(rendered(SAMPLES[name]).html)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in clean.tags} | {"br", "strong"}
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    assert all(href.startswith("https://") for href in page.links)
    assert {urlsplit(href).hostname for href in page.links} <= {"larkfield.example", "post.larkfield.example"}
    assert "49" not in message.subject
    for part in (message.subject, *message.text.splitlines()):
        assert not re.search("[\r\n\x00\u202a-\u202e\u2066-\u2069]", part)
    assert not re.search(r"^Bcc:", message.text, re.MULTILINE)
    if kind == "template":
        assert "{{7*7}}" in page.text
        assert "class 'str'" not in message.html


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Anna Berg", "Anna"),
        ("  anna ", "anna"),
        ("Jean-Luc Picard", "Jean-Luc"),
        ("D’Arcy Smith", "D’Arcy"),
        ("आशा देवी", "आशा"),
        ("山田太郎", "山田太郎"),
        ("J. Smith", None),
        ("www.evil.example Click", None),
        ("evil.example", None),
        ("<b>Anna</b>", None),
        ("{{name}}", None),
        ("WIN 1000€", "WIN"),
        ("1000€ for you", None),
        ("A" * 31, None),
        ("-- Anna", None),
        ("", None),
        (None, None),
    ],
)
def test_only_what_looks_like_a_name_is_greeted(name, greeted):
    assert first_name(name) == greeted


def test_text_of_others_is_one_line_of_bounded_length():
    assert plain("a\r\n b\t\x00c\u202e  d") == "a b c d"
    assert plain("x" * 500, 10) == "x" * 9 + "…"


def test_a_long_order_stays_small_enough_for_mail_programmes():
    message = rendered(SAMPLES["hostile"])
    assert "and 39 more" in message.text
    assert len(message.html.encode()) < 102_000


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://example.com/o/x", "data:text/html,x", "https://a.example/\r\nX: y"]
)
def test_a_link_of_another_scheme_is_refused_before_it_reaches_a_template(url):
    with pytest.raises(NotHttps):
        rendered(USUAL, links=lambda *_: url)


def test_a_template_that_is_not_there_is_named():
    sample = Sample("no-such-template", USUAL.order, (), Purpose.TRANSACTIONAL)
    with pytest.raises(CannotRender, match="order-confirmation"):
        rendered(sample)


# ---------------------------------------------------------------- the sandbox, and versions


def with_body(folder, body):
    """A copy of the templates whose confirmation says only this."""
    for path in TEMPLATES.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(TEMPLATES)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (folder / "order-confirmation/mail.html").write_text(body, encoding="utf-8")
    return Stationery(folder)


def test_a_missing_variable_is_an_error_and_never_a_blank(tmp_path):
    with pytest.raises(UndefinedError, match="nosuch"):
        rendered(USUAL, files=with_body(tmp_path, "{{ nosuch }}"))
    with pytest.raises(UndefinedError, match="nosuch"):
        rendered(USUAL, files=with_body(tmp_path / "two", "{{ brand.nosuch }}"))


@pytest.mark.parametrize(
    "body",
    ["{{ ''.__class__.__mro__ }}", "{{ brand.keys() }}", "{{ lines.append(1) }}", "{{ lines.clear() }}", "{{ w.items() }}"],
)
def test_a_template_reaches_keys_and_nothing_else(tmp_path, body):
    with pytest.raises((SecurityError, UndefinedError)):
        rendered(USUAL, files=with_body(tmp_path, body))


def test_the_version_changes_with_every_file_that_the_message_is_made_of(tmp_path):
    before = rendered(USUAL).template_version
    assert re.fullmatch(r"order-confirmation\.en@[0-9a-f]{12}", before)
    source = (TEMPLATES / "order-confirmation/mail.html").read_text(encoding="utf-8")
    assert rendered(USUAL, files=with_body(tmp_path, source)).template_version == before
    assert rendered(USUAL, files=with_body(tmp_path / "b", source + "\n")).template_version != before


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_template_joined_with_what_it_includes_says_the_same_as_its_files_apart(sample, locale):
    apart = rendered(sample, locale, files=Stationery(joined=False))
    assert rendered(sample, locale, files=Stationery(joined=True)) == apart


def test_a_template_that_includes_another_by_a_computed_name_is_refused(tmp_path):
    source = (TEMPLATES / "order-confirmation/mail.html").read_text(encoding="utf-8")
    files = with_body(tmp_path, source.replace('{% include "partials/more.html" %}', '{% include w["x"] %}'))
    with pytest.raises(ContentError, match="expected the name of a template"):
        rendered(USUAL, files=files)


def test_the_same_message_has_the_same_hash_and_another_another():
    assert rendered(USUAL).content_hash == rendered(USUAL).content_hash
    assert rendered(USUAL).content_hash != rendered(SAMPLES["without-consent"]).content_hash
