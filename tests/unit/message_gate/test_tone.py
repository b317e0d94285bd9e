"""In which tone a message speaks, and that another tone changes words and nothing else."""

import shutil
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from aftercare.brand import brand
from aftercare.cases import Case
from aftercare.catalogue import catalogue
from aftercare.consent import Purpose
from aftercare.customer import Profile
from message_gate.evaluation.check import check, preview
from message_gate.evaluation.samples import SETTINGS, link, samples
from message_gate.mailing import write_letter
from message_gate.render import render
from message_gate.stationery import TEMPLATES, Stationery, stationery
from message_gate.tone import LONG_AGO, NAMES, Because, choose, nature_of
from simulator.report import words
from tests.builders import NOON, a_customer, an_order
from tests.small_outside import Small
from tests.unit.message_gate.test_rules import a_candidate

BRAND = brand()
SAMPLES = samples(catalogue())
T = Purpose.TRANSACTIONAL


def sounding(least, most, **more):
    return BRAND.model_copy(update={"tone": BRAND.tone.model_copy(update={"least": least, "most": most, **more})})


def tagged(*tags, **more):
    return replace(a_customer(an_order(), **more), profile=Profile(first_seen=NOON, tags=tags))


def chosen(nature="news", customer=None, our=BRAND, locale="en", purpose=T):
    return choose(nature, purpose, customer or tagged(), our, locale, NOON)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("friendly", "brand")),
        ({"nature": "bad"}, ("empathetic", "bad_news")),
        ({"nature": "setup"}, ("technical", "setup")),
        ({"locale": "de"}, ("formal", "address")),
        ({"locale": "de-AT"}, ("formal", "address")),
        ({"locale": "de", "nature": "bad"}, ("empathetic", "bad_news")),
        ({"locale": "de", "nature": "setup"}, ("technical", "setup")),
        ({"customer": tagged("VIP", "B2B")}, ("formal", "business")),
        ({"customer": tagged("b2b"), "nature": "bad"}, ("empathetic", "bad_news")),
        ({"customer": tagged("Aftercare:Tone:Formal"), "nature": "bad"}, ("formal", "stated")),
        ({"customer": tagged("aftercare:tone:technical")}, ("technical", "stated")),
        ({"customer": tagged("aftercare:tone:rude")}, ("friendly", "brand")),
    ],
)
def test_the_first_that_asks_chooses_the_tone(given, expected):
    assert chosen(**given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"our": sounding("formal", "plain")}, ("technical", "brand")),
        ({"our": sounding("formal", "formal")}, ("formal", "brand")),
        ({"our": sounding("formal", "plain"), "nature": "bad"}, ("technical", "brand")),
        ({"our": sounding("friendly", "playful"), "nature": "setup"}, ("friendly", "brand")),
        ({"our": sounding("playful", "playful")}, ("friendly", "brand")),
        ({"our": sounding("friendly", "playful"), "locale": "de"}, ("formal", "address")),
        ({"our": sounding("friendly", "playful", address={"de": "informal"}), "locale": "de"}, ("friendly", "brand")),
    ],
)
def test_the_brands_range_limits_what_nobody_asked_for(given, expected):
    assert chosen(**given) == expected


def test_who_had_trouble_lately_is_spoken_to_with_empathy_but_not_in_offers():
    felt_bad = a_customer(an_order(cue="bad", cue_at=NOON - timedelta(days=3)))
    asks = a_customer(an_order(), cases=(Case(ref="example:C-1", opened_at=NOON),))
    for customer in (felt_bad, asks):
        assert chosen(customer=customer, purpose=Purpose.SERVICE) == ("empathetic", "past")
        assert chosen(customer=customer, purpose=Purpose.PROMOTIONAL) == ("friendly", "brand")
    long_ago = a_customer(an_order(cue="bad", cue_at=NOON - LONG_AGO))
    assert chosen(customer=long_ago) == ("friendly", "brand")


def test_news_with_first_steps_is_how_something_is_set_up_and_bad_news_stays_bad():
    assert nature_of("news", ["opening", "quick-start"]) == "setup"
    assert nature_of("news", ["opening", "tips", "care-guide"]) == "news"
    assert nature_of("bad", ["quick-start"]) == "bad"


def test_every_reason_for_a_tone_has_words():
    assert set(words._TONES) == set(get_args(Because))


def said(name, tone, locale="en"):
    sample = SAMPLES[name]
    about = (sample.proposal(), sample.customer, sample.order, BRAND, catalogue(), link, SETTINGS, locale)
    return render(*about, sample.include, sample.promotional, tone=tone)


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize(
    ("name", "tone"), [("usual", "formal"), ("delivery-delayed", "empathetic"), ("several-kinds", "technical")]
)
def test_another_tone_says_something_otherwise_and_leaves_links_and_amounts_as_they_are(name, tone, locale):
    usual, other = said(name, None, locale), said(name, tone, locale)
    assert usual.text != other.text
    assert f".{tone}@" in other.template_version and f".{tone}" not in usual.template_version

    def kept(text):
        return [word for word in text.split() if word.startswith("https://") or any(c.isdigit() for c in word)]

    assert kept(usual.text) == kept(other.text)


def test_what_has_no_words_in_a_tone_is_said_as_usual_and_compiled_once():
    usual, other = said("usual", None), said("usual", "empathetic")
    assert (usual.text, usual.template_version) == (other.text, other.template_version)
    files = stationery()
    assert files.words("order-confirmation", "en", "en", "empathetic") is files.words("order-confirmation", "en", "en")


@pytest.mark.parametrize("template", sorted(stationery().register.templates))
@pytest.mark.parametrize("tone", NAMES)
def test_a_tone_has_no_phrase_that_is_not_said_at_all(template, tone):
    for locale in BRAND.locales:
        usual = stationery().words(template, locale, "en")
        other = stationery().words(template, locale, "en", tone)
        assert other._phrases.keys() == usual._phrases.keys()


def test_the_letter_says_in_which_tone_it_was_written_and_why():
    small = Small()
    given = {"sender_address": "shop@example.com", "postal_address": "1 Street", "public_base_url": "https://shop.example"}
    small.settings = replace(small.settings, **given)
    letter = write_letter(small, a_candidate(customer=tagged("b2b")), "anna@example.com")
    assert letter.tone == ("formal", "business") and letter.template_version.startswith("order-confirmation.de.formal@")
    assert "Mit freundlichen Grüßen" in letter.mail.text


# ---------------------------------------------------------------- the check and the preview


@pytest.fixture
def files(tmp_path):
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    return Stationery(tmp_path / "templates")


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("words.en.formal.yaml", 'hello: "Dear {title},"\n', "hello: other placeholders"),
        ("words.en.formal.yaml", 'goodbye: "Farewell"\n', "goodbye: not among the usual words"),
        ("words.en.rude.yaml", 'hello: "You, {name}"\n', "an unknown tone"),
        ("words.en.technical.yaml", 'hello: "To {name}:"\n', "missing"),
        ("order-confirmation/words.de.formal.yaml", "heading_first: Jetzt zuschlagen, nur heute\n", "urgency"),
        ("delivery-delayed/words.de.empathetic.yaml", 'opening: "{reason} Wir sind bei dir."\n', "informal address"),
    ],
)
def test_a_fault_in_a_tones_words_is_found_with_its_file(files, file, text, found):
    (files.root / file).write_text(text, encoding="utf-8")
    findings = check(files, only=["delivery-delayed"])
    assert any(found in f["what"] and f["file"].rpartition(".")[0].rpartition(".")[0][:5] == file[:5] for f in findings), findings


def test_a_preview_speaks_as_it_would_or_in_the_tone_that_is_asked_for():
    assert preview("delivery-delayed", "en")["tone"] == "empathetic"
    assert preview("parcel-shipped", "de")["tone"] == "formal"
    shown = preview("parcel-shipped", "de", tone="friendly")
    assert "Herzliche Grüße" in shown["text"] and shown["tones"] == ["friendly", "formal", "empathetic"]
