"""The template check: nothing to say about the files that come with the bundle, and each seeded fault found by name."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from aftercare.brand import Brand, brand
from aftercare.catalogue import Catalogue
from aftercare.content import HERE, read_content, whole
from message_gate.evaluation import samples
from message_gate.evaluation.check import answer, check, preview
from message_gate.render import render
from message_gate.stationery import TEMPLATES, Stationery
from message_gate.view import VIEWS

USUAL = ("order-confirmation", "reorder-reminder")
SHARING = {"notice": ("parcel-shipped", "delivery-delayed", "item-out-of-stock"), "layout.txt": ("parcel-shipped",)}


@pytest.fixture
def edited(tmp_path):
    """A copy of the templates with one text replaced in one file (or the file taken away), checked."""

    def edit(file, old=None, new=""):
        for path in TEMPLATES.rglob("*"):
            if path.is_file():
                target = tmp_path / path.relative_to(TEMPLATES)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        target = tmp_path / file
        if old is None:
            target.unlink()
        else:
            source = target.read_text(encoding="utf-8")
            assert old in source
            target.write_text(source.replace(old, new, 1), encoding="utf-8")
        # Making all messages takes seconds: those that a fault in this file can show in.
        folder = file.partition("/")[0]
        return check(Stationery(tmp_path), only=(*USUAL, *SHARING.get(folder, (folder,))))

    return edit


def told(findings):
    return [f"{f['file']}: {f['where']}: {f['what']}: {f['expected']}" for f in findings]


def test_the_files_that_come_with_the_bundle_have_no_fault():
    assert check() == []


CONFIRMATION, REORDER = "order-confirmation/mail.html", "reorder-reminder/mail.html"
MAIL_TXT, REORDER_WORDS = "order-confirmation/mail.txt", "reorder-reminder/words.en.yaml"
NOT_HELP = "benefit: {purpose: reorder}"
NOTICE, DELAYED, SHIPPED = "notice/mail.html", "delivery-delayed/words.en.yaml", "parcel-shipped/words.en.yaml"
LONG = 'subject_nameless: "' + "A" * 70 + '{order}"\nx:'
FAULTS = [
    (CONFIRMATION, "{{ opening }}", "{{ openning }}", rf"{CONFIRMATION}: line \d+: missing variable: 'openning'"),
    (CONFIRMATION, "{{ line.title }}", "{{ line.titel }}", rf"{CONFIRMATION}: line \d+: missing variable: .*titel"),
    (
        "order-confirmation/mail.txt",
        "{{ opening }}",
        "{{ w.nosuch }}",
        r"order-confirmation/mail.txt: line \d+: missing variable: .*nosuch",
    ),
    (CONFIRMATION, "{% endblock %}", "", rf"{CONFIRMATION}: line \d+: "),
    ("words.de.yaml", "care_button: Pflegeblatt öffnen (PDF)\n", "", "words.de.yaml: care_button: missing"),
    ("words.de.yaml", "care_button:", "extra: x\ncare_button:", "words.de.yaml: extra: not in the default language"),
    ("words.de.yaml", "{minutes}", "{minuten}", r"words.de.yaml: line \d+: quick_start_lead: other placeholders: \{minutes\}"),
    ("words.de.yaml", "{minutes}", "{minutes.__class__}", r"words.de.yaml: quick_start_lead: .*placeholders such as \{name\}"),
    ("order-confirmation/words.de.yaml", None, None, "order-confirmation/words.de.yaml: de: missing"),
    ("words.en.yaml", "A few habits", "A few exclusive habits", r"words.en.yaml: line \d+: avoided word: exclusive"),
    ("words.de.yaml", "Ein paar Gewohnheiten", "Exklusive Tipps, exklusiv", r"words.de.yaml: line \d+: avoided word: exklusiv"),
    ("words.en.yaml", "Reply to this e-mail", "Reply to this email", r"words.en.yaml: line \d+: other word: email: e-mail"),
    ("reorder-reminder/words.en.yaml", "Running low?", "Only today, coffee", r"line \d+: false urgency: Only today"),
    ("reorder-reminder/words.en.yaml", "Running low?", "Only 3 left", r"line \d+: false urgency: Only 3 left"),
    ("reorder-reminder/words.de.yaml", "Geht es zur Neige?", "Letzte Chance", r"line \d+: false urgency: Letzte Chance"),
    (REORDER, "{{ action }}", "Ends soon: {{ action }}", rf"{REORDER}: line \d+: false urgency: Ends soon"),
    (
        "words.en.yaml",
        "Choose what we write to you",
        "No, I hate saving",
        r"line \d+: shaming refusal: No, I hate",
    ),
    ("words.de.yaml", "Auswählen, was", "Nein, ich will nicht sparen, was", r"line \d+: shaming refusal: Nein, ich will nicht"),
    ("words.de.yaml", "Was Sie davon haben", "Was du davon hast", r"words.de.yaml: line \d+: informal address: du"),
    ("words.en.yaml", "With thanks,", "With thanks!!", r"words.en.yaml: line \d+: shouting: !!"),
    (REORDER, '{% include "partials/benefit.html" %}', "", f"{REORDER}: parts: an offer without useful content"),
    (
        "templates.yaml",
        "benefit: {purpose: reorder, gives: help}",
        "benefit: {purpose: reorder}",
        "an offer without useful content",
    ),
    ("templates.yaml", "carries: [add-ons]", "carries: []", "a transactional message includes add-ons, which is promotional"),
    (CONFIRMATION, "partials/more.html", "partials/benefit.html", "includes benefit, which is reorder: .*C13"),
    (CONFIRMATION, '"partials/more.html"', 'w["x"]', "computed name"),
    (CONFIRMATION, "partials/more.html", "partials/unlisted.html", "templates.yaml: partials.unlisted: missing"),
    ("templates.yaml", "reorder-reminder: {", "welcome: {", r"templates.yaml: templates.welcome: has no view"),
    ("templates.yaml", "parcel-lost: {purpose: transactional, form: notice, nature: bad}", "", "templates.parcel-lost: missing"),
    (NOTICE, "{{ panel.value }}", "{{ pannel.value }}", rf"{NOTICE}: line \d+: missing variable: 'pannel'"),
    (NOTICE, '"partials/tip.html"', '"partials/add-ons.html"', "a transactional message includes add-ons.*C13"),
    (NOTICE, "{{ link.url }}", "https://example.com/", rf"{NOTICE}: sample parcel-shipped, en: no link to the order"),
    ("layout.txt", "{{ w.help_page }}: {{ brand.help_page }}", "", r"notice/mail.txt: sample parcel-shipped, en: no help link"),
    ("notice/words.de.yaml", "reason_area:", "reason_aera:", "notice/words.de.yaml: reason_area: missing"),
    ("parcel-lost/words.de.yaml", None, None, "parcel-lost/words.de.yaml: de: missing"),
    (DELAYED, "{days} later", "{tage} later", r"delivery-delayed/words: sample delivery-delayed, en: .*tage"),
    (DELAYED, "comes later", "comes late, only today", r"delivery-delayed/words.en.yaml: line \d+: false urgency"),
    (
        DELAYED,
        "later ({reason})",
        "later {why}",
        r"sms_reason: placeholder \{why\}: one of brand, days",
    ),
    (SHIPPED, "Questions? {help}", "Questions?", r"parcel-shipped/words.en.yaml: .*: no help link"),
    (SHIPPED, "Questions? {help}", "Questions? ❤ {help}", r"sample parcel-shipped-bare, en: 2 segments of UCS-2: one segment"),
    ("reorder-reminder/mail.txt", None, None, "reorder-reminder/mail.txt: file: no text part"),
    ("layout.html", "{{ preferences_url }}", "https://example.com/", r"mail.html: sample usual, en: no preference link"),
    ("layout.txt", "{{ preferences_url }}", "", r"mail.txt: sample usual, en: no preference link"),
    ("layout.html", "{{ unsubscribe_url }}", "https://example.com/", r"reorder-reminder/mail.html: .*: no unsubscribe link"),
    ("layout.txt", "{{ postal }}", "", r"reorder-reminder/mail.txt: .*: no postal address"),
    (
        "layout.html",
        "{{ brand.help_page }}",
        "http://example.com/",
        r"sample usual, en: link 'http://example.com/': .*https",
    ),
    ("layout.html", "{{ brand.help_page }}", "javascript:alert(1)", r"link 'javascript:alert\(1\)'"),
    ("layout.html", ' alt="{{ brand.name }}"', "", r"mail.html: sample usual, en: a picture without alt text"),
    ("layout.html", ' lang="{{ lang }}"', "", r"mail.html: sample usual, en: no lang on html"),
    ("layout.html", "<h1 class", '<h1 onclick="x" class', r"active content: onclick"),
    ("layout.html", "{{ why }}", "{{ why * 999 }}", r"at most 102000"),
    ("layout.txt", "{{ why }}", "<p>{{ why }}</p>", r"mail.txt: sample usual, en: no readable text"),
    ("styles.yaml", "font-size:16px", "font-size:12px", r"styles.yaml: styles.\w+: font-size 12px: at least 16px"),
    ("styles.yaml", "  panel:", "  pannel:", r"css.panel: .*styles.yaml"),
    (REORDER, "{{ action_hint }}", '<a class="b" href="{{ action_url }}">x</a>', r"2 big buttons: one clear action"),
    (
        "order-confirmation/words.en.yaml",
        "subject_nameless:",
        'subject_nameless: "' + "A" * 70 + '{order}"\nx:',
        r"subject of \d+ characters",
    ),
    ("words.en.yaml", "Hello {name},", "Hello {nick},", r"missing word or placeholder: hello: nick"),
    ("manners.yaml", "  de:", "  fr:", r"manners.yaml: urgency.de: missing"),
    ("manners.yaml", "    - only today", "    - (only today", r"manners.yaml: urgency.en.0: .*expected words with"),
    (
        CONFIRMATION,
        "{% if more_lines %}",
        "{% if not lines %}{{ nosuch }}{% endif %}{% if more_lines %}",
        rf"{CONFIRMATION}: line \d+: missing variable: 'nosuch' is not in the view: one of .*subject",
    ),
    (
        "partials/more.txt",
        "{{ link.text }}",
        "{{ link.txt }}",
        r"partials/more.txt: line \d+: missing variable: 'link.txt'.*text",
    ),
    (CONFIRMATION, "{% if total %}", "{% if lines %}", rf"{CONFIRMATION}: line \d+: variable that may be empty: total"),
    (
        MAIL_TXT,
        "{{ w.total }}",
        "{{ w.totall }}",
        r"mail.txt: line \d+: missing variable: 'w.totall' is not in the view: one of total,",
    ),
    ("words.en.yaml", "care_button:", "spare: x\ncare_button:", r"words.en.yaml: line \d+: spare: used nowhere"),
    ("words.en.yaml", "With thanks,", "See http://larkfield.example/x", r"words.en.yaml: line \d+: address 'http://larkfield"),
    ("words.en.yaml", "With thanks,", "See www.larkfield.example", r"words.en.yaml: line \d+: address 'www.larkfield.example'"),
    (
        "layout.txt",
        "{{ brand.signed }}",
        "{% if false %}http://x.example{% endif %}",
        r"layout.txt: line \d+: address 'http://x.example",
    ),
    (
        "styles.yaml",
        "background:{page};",
        "background:url(http://x.example/a.png);",
        r"styles.yaml: body: address 'http://x.example/a.png'",
    ),
    ("styles.yaml", "color:{on_accent};", "color:{accent};", r"mail.html: sample usual, en: contrast 1.0 of"),
    ("styles.yaml", 't: "color:{text}!important"', 't: "margin:0"', r"mail.html: sample usual, en: contrast \d.\d in dark mode"),
    ("layout.html", "{{ preheader }}", "", r"mail.html: sample usual, en: preheader"),
    ("layout.html", "{{ preheader }}", "{{ subject }}", r"mail.html: sample usual, en: preheader"),
    (MAIL_TXT, "{{ w.returns_link }}: {{ returns_url }}", "", r"mail.txt: sample usual, en: does not say 'How a return works'"),
    (MAIL_TXT, "{{ returns_url }}", "", r"mail.txt: sample usual, en: no link 'https://larkfield.example/returns'"),
    (
        "partials/guide.html",
        "{% if guide.foremost %}",
        "{% if guide %}",
        r"mail.html: sample several-kinds, en: 4 buttons: at most 2",
    ),
    (CONFIRMATION, 'class="b"', 'class="a"', r"sample usual, en: 0 big buttons: one clear action"),
    (
        REORDER,
        "{{ lead }}",
        "La<b>st</b> cha&shy;nce: {{ lead }}",
        r"reorder-reminder/mail.html: line \d+: false urgency: last chance",
    ),
    ("words.de.yaml", "Mit herzlichem Dank", "Schnäppchenpreise", r"words.de.yaml: line \d+: avoided word: Schnäppchenpreise"),
]


@pytest.mark.parametrize(("file", "old", "new", "says"), FAULTS, ids=[f"{n}-{f[0]}" for n, f in enumerate(FAULTS)])
def test_a_seeded_fault_is_found_with_its_place_and_what_was_expected(edited, file, old, new, says):
    found = told(edited(file, old, new or ""))
    assert any(re.search(says, line) for line in found), found


def test_a_template_that_no_sample_tries_is_named(monkeypatch):
    every = samples.samples
    monkeypatch.setattr(samples, "samples", lambda goods: {n: s for n, s in every(goods).items() if s.template != "parcel-lost"})
    assert told(check()) == ["samples.py: parcel-lost: no sample: at least one for every template"]


def test_a_language_of_the_brand_without_words_is_incomplete():
    french = brand().model_copy(update={"locales": ("en", "de", "fr")})
    found = told(check(our=french, only=USUAL))
    assert any("words.fr.yaml: fr: missing" in line for line in found)
    assert any("catalogue.yaml: families.camera.title.fr: missing" in line for line in found)
    assert any("brand.yaml: support.hours.fr: missing" in line for line in found)


def changed(file, shape, edit):
    read = whole(Path(file))
    edit(read)
    return shape.model_validate(read)


def test_words_in_the_catalogue_are_read_too():
    def edit(read):
        read["families"]["coffee"]["reorder"]["benefit"]["en"] = "Last chance for an unbeatable taste"
        del read["families"]["coffee"]["title"]["de"]

    found = told(check(goods=changed("catalogue.yaml", Catalogue, edit), only=USUAL))
    assert any(line.startswith("catalogue.yaml: families.coffee.reorder.benefit.en: false urgency") for line in found)
    assert any(line.startswith("catalogue.yaml: families.coffee.reorder.benefit.en: avoided word") for line in found)
    assert any(line.startswith("catalogue.yaml: families.coffee.title.de: missing") for line in found)


def test_pressure_that_only_shows_when_parts_stand_together_is_found_in_the_message(edited):
    found = told(
        edited(
            REORDER,
            '{% include "partials/benefit.html" %}',
            '<p>{{ "last" }} {{ "chance" }} {% include "partials/benefit.html" %}</p>',
        )
    )
    assert any(re.search(rf"{REORDER}: sample reorder, en: false urgency: last chance", line) for line in found), found


@pytest.mark.parametrize("reply_to", ["no-reply@larkfield.example", "", "hello", "donotreply@larkfield.example"])
def test_a_reply_to_that_nobody_reads_is_refused(reply_to):
    with pytest.raises(ValueError, match=r"a human reads"):
        changed("brand.yaml", Brand, lambda read: read.update(reply_to=reply_to))


def test_an_order_message_without_offer_has_no_unsubscribe_header(monkeypatch):
    monkeypatch.setattr(
        "message_gate.evaluation.check.render",
        lambda *a: replace(render(*a), headers={"List-Unsubscribe": "<https://x.example>"}),
    )
    found = told(check(only=USUAL))
    assert any("sample without-consent, en: List-Unsubscribe on a message that nobody subscribed to" in line for line in found)


def test_words_that_the_store_avoids_are_the_stores_own():
    def edit(read):
        read["words"]["en"]["avoid"].append("basket")

    assert any("avoided word: basket" in line for line in told(check(our=changed("brand.yaml", Brand, edit), only=USUAL)))


def test_terms_for_a_family_that_the_catalogue_does_not_have_are_found():
    def edit(read):
        read["returns"]["by_family"]["hats"] = {"days": 60}

    assert "brand.yaml: returns.by_family.hats: unknown: a family of catalogue.yaml" in told(
        check(our=changed("brand.yaml", Brand, edit), only=USUAL)
    )


def test_a_brand_without_reply_to_is_told_in_one_line(tmp_path, monkeypatch):
    read = yaml.safe_load((HERE / "brand.yaml").read_text(encoding="utf-8"))
    del read["reply_to"]
    file = tmp_path / "brand.yaml"
    file.write_text(yaml.safe_dump(read), encoding="utf-8")
    monkeypatch.setattr("message_gate.evaluation.check.brand", lambda: read_content(file, Brand))
    assert told(check()) == ["brand.yaml: reply_to: not as it must be: Field required"]


@pytest.mark.parametrize("template", sorted(VIEWS))
@pytest.mark.parametrize(("locale", "lang"), [("en", "en"), ("de_AT", "de"), ("pt-BR", "en")])
def test_every_template_can_be_looked_at_in_every_language(template, locale, lang):
    shown = preview(template, locale)
    assert f'<html lang="{lang}"' in shown["html"]
    assert shown["subject"] and shown["text"] and re.match(rf"{template}\.{lang}[.@]", shown["template_version"])


def test_the_invocation_by_hand_answers_findings_and_previews():
    assert answer({"templates": "check"}) == {"ok": True, "findings": []}
    shown = answer({"templates": "preview", "template": "order-confirmation", "locale": "de", "sample": "renewal"})
    assert shown["subject"].startswith("Wie vereinbart")


PREVIEW = {"templates": "preview", "template": "order-confirmation"}


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"templates": "eat"}, 'templates: expected check or preview, found "eat"'),
        ({"templates": "check", "only": "x"}, f'only: expected names among {", ".join(sorted(VIEWS))}, found "x"'),
        ({"templates": "check", "only": ["x"]}, f'only: expected names among {", ".join(sorted(VIEWS))}, found "x"'),
        ({"templates": "preview"}, "template: expected a text"),
        (PREVIEW, "locale: expected a text"),
        ({**PREVIEW, "template": "x", "locale": "de"}, f"template: expected one of {', '.join(sorted(VIEWS))}, found x"),
        ({**PREVIEW, "locale": "../x"}, "locale: expected a locale such as en or de-AT, found ../x"),
    ],
)
def test_a_wrong_invocation_is_answered_in_one_line_that_names_the_field(event, error):
    assert answer(event) == {"error": error}


@pytest.mark.parametrize(
    ("asked", "reader", "words", "because"),
    [
        ("de", "de", "de", "as asked"),
        ("de-AT", "de-AT", "de", "as asked, in the words of de"),
        ("de_AT", "de-AT", "de", "that is how de_AT is written here"),
        ("xx", "en", "en", "brand.yaml offers en, de, and en is its default"),
        ("fr-CH", "en", "en", "brand.yaml offers en, de, and en is its default"),
    ],
)
def test_a_preview_says_in_which_locale_it_is_written_and_why(asked, reader, words, because):
    shown = answer({**PREVIEW, "locale": asked})
    assert (shown["asked"], shown["locale"], shown["words"], shown["because"]) == (asked, reader, words, because)


def test_a_template_without_words_for_an_offered_language_says_so(monkeypatch):
    monkeypatch.setattr("message_gate.evaluation.check.stationery", lambda: Stationery(TEMPLATES))
    monkeypatch.setattr(Stationery, "locales", lambda _, name: ("en",))
    shown = answer({**PREVIEW, "locale": "de"})
    assert (shown["locale"], shown["words"], shown["because"]) == ("de", "en", "order-confirmation has words for en only")


def test_a_wrong_sample_is_told_which_there_are():
    error = answer({**PREVIEW, "template": "reorder-reminder", "locale": "de", "sample": "x"})["error"]
    assert error == "sample: expected one of reorder, reorder-care, found x"
