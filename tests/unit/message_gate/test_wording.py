"""Pressure and shaming are heard through disguises, and honest sentences are left in peace."""

import pytest

from aftercare.brand import brand
from aftercare.content import read_content
from message_gate.evaluation.check import Editor
from message_gate.evaluation.wording import Manners, Wording, inflected, pattern
from message_gate.stationery import TEMPLATES

MANNERS = read_content(TEMPLATES / "manners.yaml", Manners)
EDITORS = {locale: Editor(brand(), MANNERS, locale) for locale in ("en", "de")}


def faults(text, locale="en"):
    return [what for what, _, _ in EDITORS[locale].read(text)]


PRESSURE = {
    "en": """Only today: free shipping
HURRY, before it is too late
Hurrying pays off
Last chances for coffee
This is your final opportunity
Only 3 left
Only three left in stock
Only {count} left
Act now, save later
Don't miss out on this
Don’t miss this
What are you waiting for?
Ends soon
The sale ends tonight
Our offer expires tomorrow
Limited-time offer
For a limited time only
While supplies last
While stocks last
Selling fast
Selling out quickly
Almost sold out
Time is running out
The clock is ticking
Once-in-a-lifetime price
12 people are looking at this
Buy now before it's gone
Grab yours today
It is now or never
Last... chance
Limited stock available
Going, going, gone""",
    "de": """Nur heute: Versand frei
Letzte Chance für Kaffee
Ihre letzten Gelegenheiten
Jetzt oder nie
Jetzt zuschlagen
Greifen Sie jetzt zu
Beeilen Sie sich
Dringend: Ihr Korb wartet
Dringende Bitte
Nicht verpassen
Verpassen Sie das nicht
Das Angebot endet heute
Die Aktion läuft bald ab
Nur noch 3 Stück
Nur noch {count} verfügbar
Nur noch wenige Exemplare
Solange der Vorrat reicht
Nur für kurze Zeit
Zeitlich begrenztes Angebot
Fast ausverkauft
Die Zeit läuft
Worauf warten Sie?
Bevor es zu spät ist
Schnell zugreifen
Sofort bestellen
Einmalige Gelegenheit
Sehr gefragt""",
}
SHAMING = {
    "en": """No thanks, I like paying full price
No thanks, I love to overpay
No, I hate saving
No thank you, I'd rather pay more
I would rather miss this
I prefer full price
No thanks, I don't want to save money
No, I don't like discounts
No thanks, I'm not interested in saving
I'll pass on free money
No thanks, I’m rich
I'll pay full price
No thanks, I enjoy paying too much
I don't care about my skin
I will miss out""",
    "de": """Nein danke, ich zahle lieber mehr
Nein danke, ich zahle gern den vollen Preis
Nein, ich will nicht sparen
Ich möchte kein Geld sparen
Ich verzichte auf den Rabatt
Ich mag keine Rabatte
Ich bezahle gerne den vollen Preis
Danke, ich habe genug Geld
Sparen ist mir egal
Ich bleibe lieber uninformiert
Nein danke, ich brauche keine Vorteile""",
}
HONEST = {
    "en": """Your parcel arrives today
The return window ends on 3 March
Your return window ends today
There is no hurry
No need to rush; take your time
If it is urgent, call us
It is not urgent
The trial ends on Friday 6 March
Order today before 2 p.m. and we hand it to the carrier today
Only one of three parcels is still on its way
Your parcel is going out for delivery
There are 30 days to change your mind
You can send it back within 14 days of delivery
No thanks
No, thank you
Not now
No, I do not want reminders
I'd rather have it delivered to a neighbour
Your last order was on 2 March
Someone needs to be at home, so that you do not miss the driver
The price is $649.00
Your card expires in May
We could not charge your card
The offer is valid until 31 March
Running low?
The last parcel of your order
When it is gone, we remind you
Two people answer our mail
One of a limited number of parcels""",
    "de": """Ihr Paket kommt heute an
Die Rückgabefrist endet am 3. März
Die Rückgabefrist endet heute
Es eilt nicht und hat keine Eile
Wenn es eilt, rufen Sie an
Falls es dringend ist, rufen Sie an
In dringenden Fällen hilft das Telefon
Sie haben 30 Tage Zeit
Eines von drei Paketen ist noch unterwegs
Nein, danke
Nicht jetzt
Ich möchte keine Erinnerungen mehr
Nein, ich möchte nicht erinnert werden
Ihre letzte Bestellung war am 2. März
Damit Sie den Boten nicht verpassen, nennen wir den Tag
Auf kein Paket ist zu warten
Das Angebot gilt bis zum 31. März
Der Preis beträgt 44,60 €
Die Karte läuft im Mai ab
Das letzte Paket Ihrer Bestellung
Sie bekommen den vollen Preis zurück""",
}


def cases(texts):
    return [(locale, line) for locale, lines in texts.items() for line in lines.splitlines()]


@pytest.mark.parametrize(("locale", "text"), cases(PRESSURE))
def test_pressure_is_heard(locale, text):
    assert "false urgency" in faults(text, locale)


@pytest.mark.parametrize(("locale", "text"), cases(SHAMING))
def test_a_refusal_that_shames_is_heard(locale, text):
    assert "shaming refusal" in faults(text, locale)


@pytest.mark.parametrize(("locale", "text"), cases(HONEST))
def test_an_honest_sentence_is_left_in_peace(locale, text):
    assert faults(text, locale) == []


@pytest.mark.parametrize(
    "text",
    [
        "LAST CHANCE",
        "last\xa0chance",
        "last\n   chance",
        "last - chance!",
        "last, chance",
        "la\u00adst chan\u200bce",
        "last&nbsp;chance",
        "l&#97;st ch&shy;ance",
        "<b>last</b> chance",
        "la<b>st</b> <span style='x'>cha</span>nce",
        "last<br>chance",
        "<td>last</td>\n<td>chance</td>",
        "last{% if x %} {% endif %}chance",
        "ｌａｓｔ chance",
        "l a s t chance",
        '<img alt="last chance" src="x">',
        "<!--[if mso]><p>last chance</p><![endif]-->",
    ],
)
def test_no_disguise_hides_a_phrase(text):
    assert "false urgency" in faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "<!-- last chance -->",
        "{# last chance #}",
        "<style>.last.chance{}</style>",
        "It was the last. Chance had it",
        "lastchances",
    ],
)
def test_what_no_reader_sees_and_what_ends_a_sentence_says_nothing(text):
    assert faults(text) == []


def test_a_finding_shows_what_stands_there_and_from_where():
    ((_, _, said),) = EDITORS["en"].read("Dear reader,\nit is your\nLast, Chance today")
    assert (said.text, said.at) == ("Last, Chance", len("Dear reader,\nit is your\n"))


@pytest.mark.parametrize(
    ("word", "language", "text"),
    [
        ("exclusive", "en", "exclusively"),
        ("valued customer", "en", "Valued  customers"),
        ("must-have", "en", "Must\u2011haves"),
        ("exklusiv", "de", "ein EXKLUSIVES Angebot"),
        ("exklusiv", "de", "das Exklusivangebot"),
        ("werter Kunde", "de", "werte Kunden"),
        ("Schnäppchen", "de", "Schna\u0308ppchenpreise"),
        ("garantiert", "de", "garantierte"),
    ],
)
def test_an_avoided_word_is_known_in_all_its_forms(word, language, text):
    assert inflected(word, language).search(Wording(text).text)


@pytest.mark.parametrize(
    ("word", "language", "text"),
    [
        ("cart", "en", "cartoon"),
        ("email", "en", "e-mail"),
        ("package", "en", "pack"),
        ("Kunde", "de", "Kundgebung"),
        ("Email", "de", "E-Mail"),
    ],
)
def test_another_word_is_not_taken_for_it(word, language, text):
    assert not inflected(word, language).search(Wording(text).text)


@pytest.mark.parametrize("line", ["", "[only] today", "(only", "... today"])
def test_a_line_that_is_no_phrase_is_refused(line):
    with pytest.raises(ValueError, match="expected"):
        pattern(line)
