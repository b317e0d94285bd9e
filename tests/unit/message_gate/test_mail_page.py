"""What a mail programme would follow, show and make out of a page."""

import pytest

from message_gate.evaluation.mail_page import MailPage, contrast, good, running, source_addresses

ALLOWED = ("mailto:hello@larkfield.example", "tel:+493055501234")


@pytest.mark.parametrize(
    "source",
    [
        '<a href="http://a.example/">x</a>',
        "<a href='HTTP://a.example/'>x</a>",
        "<a href=http://a.example/>x</a>",
        '<a href="ftp://a.example/">x</a>',
        '<a href="//a.example/">x</a>',
        '<a href="/o/1">x</a>',
        '<a href="">x</a>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="java&#10;script:alert(1)">x</a>',
        '<a href="&#106;avascript:alert(1)">x</a>',
        '<a href=" javascript:alert(1)">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<a href="mailto:somebody@else.example">x</a>',
        '<a href="tel:+1900555">x</a>',
        '<a href="http{% if x %}s{% endif %}://a.example/{% if y %}{% endif %}" title="http://b.example/">x</a>',
        '<a href="{% if x %}http://a.example/{% else %}https://a.example/{% endif %}">x</a>',
        '<a href="{{ scheme }}://a.example/">x</a>',
        "<a href=\"{{ 'http://a.example/' }}\">x</a>",
        '<img src="http://a.example/x.png" alt="x">',
        '<img srcset="https://a.example/1.png 1x, http://a.example/2.png 2x" alt="x">',
        '<td background="http://a.example/x.png">x</td>',
        '<p style="background:url(http://a.example/x.png)">x</p>',
        "<p style=\"background:url('//a.example/x.png')\">x</p>",
        '<p style="background:url(data:image/png;base64,xx)">x</p>',
        '<p style="background:\\75rl(http://a.example/x.png)">x</p>',
        '<p style="background:u/**/rl(http://a.example/x.png)">x</p>',
        '<p style="width:expression(alert(1))">x</p>',
        '<style>@import "http://a.example/x.css";</style>',
        "<style>@import url(//a.example/x.css);</style>",
        "<style>.a{background:image-set('http://a.example/x.png' 1x)}</style>",
        '<!--[if mso]><img src="http://a.example/x.png" alt="x"><![endif]-->',
        '<svg xlink:href="http://a.example/">x</svg>',
        '<form action="http://a.example/">x</form>',
        "see http://a.example/x",
        "see www.a.example",
        "see //a.example/x",
        "{# a comment #}{% if false %}http://a.example/{% endif %}",
        "write to mailto:somebody@else.example",
    ],
)
def test_an_address_of_another_scheme_is_found_wherever_it_stands(source):
    assert list(source_addresses(source, ALLOWED))


@pytest.mark.parametrize(
    "source",
    [
        '<a href="https://a.example/o?x=1">x</a>',
        '<a href="{{ status_url }}">x</a>',
        '<a href="{{ status_url }}?cue=good">x</a>',
        '<a href="https://a.example/{{ about }}">x</a>',
        '<a href="mailto:hello@larkfield.example">x</a>',
        '<a href="mailto:hello@larkfield.example?subject=x">x</a>',
        '<a href="tel:+493055501234">x</a>',
        '<p style="background:url(https://a.example/x.png)">x</p>',
        '<html xmlns="http://www.w3.org/1999/xhtml"><p>x</p></html>',
        '<!DOCTYPE html PUBLIC "-//W3C//DTD" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><p>x</p>',
        "{# see http://a.example/ #}<p>9 a.m. // 6 p.m.: tel. 030, data: none, and/or, file: 3</p>",
        "https://a.example/{{ x }} and hello@www.example",
    ],
)
def test_https_and_the_ways_to_support_are_no_finding(source):
    assert list(source_addresses(source, ALLOWED)) == []


def test_an_address_is_told_with_its_line():
    assert list(source_addresses('<p>\n{% if x %}\n<a\nhref="http://a.example/">x</a>', ())) == [
        ("http://a.example/", 3),
        ("http://a.example/", 4),
    ]


def test_running_text_tells_where():
    assert list(running("see http://a.example/x now")) == [("http://a.example/x", 4)]
    assert good("https://a.example/", ()) and not good("http://a.example/", ())


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1)]
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


DARK = "<style>@media (prefers-color-scheme:dark){.t{color:#ffffff!important}.c{background:#111111!important}}</style>"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('<p style="color:#999999">faint</p>', ["contrast 2.8 of #999999 on #ffffff"]),
        ('<p style="color:#999">faint</p>', ["contrast 2.8 of #999999 on #ffffff"]),
        ('<div style="background:#222222"><p>black on black</p></div>', ["contrast 1.3 of #000000 on #222222"]),
        ('<td bgcolor="#000000">x</td>', ["contrast 1.0 of #000000 on #000000"]),
        ('<a style="background:#0000ee" href="x">a link without a colour</a>', ["contrast 1.0 of #0000ee on #0000ee"]),
        (f'{DARK}<div class="c"><p>forgot its class</p></div>', ["contrast 1.1 in dark mode of #000000 on #111111"]),
        (f'{DARK}<div class="c"><p class="t">seen</p></div>', []),
        (f'{DARK}<div class="c" style="background:#ffffff"><p class="t" style="color:#000000">seen</p></div>', []),
        ('<p style="color:#999999">·</p><p style="color:#fefefe;display:none">unseen</p>', []),
    ],
)
def test_text_that_is_hard_to_read_is_found_by_day_and_in_a_dark_mode(source, found):
    assert [what for what, _ in MailPage(source).too_faint()] == found


def test_a_page_tells_its_parts():
    page = MailPage(
        '<html lang="de"><title>x</title><div style="display:none">Vorab &#8204;&nbsp;</div><h1>Eins <b>zwei</b></h1>'
        '<p>drei<br>vier</p><img alt="Bild" src="https://a.example/x"><img src="https://a.example/y">'
        '<a class="b" href="https://a.example/1">A</a><a style="display:block;" href="https://a.example/2">B</a>'
        '<a class="f" style="display:block;" href="https://a.example/3">C</a><script>1</script><p onclick="x">e</p></html>'
    )
    assert (page.lang, page.preheader, page.without_alt) == ("de", "Vorab", 1)
    assert page.buttons == [True, False]
    assert page.active == ["script", "onclick"]
    assert "Eins zwei" in page.blocks and "drei" in page.blocks and "vier" in page.blocks
    assert page.links == [f"https://a.example/{n}" for n in (1, 2, 3)]
