"""Every branch of a template is held against its view, whether a sample takes it or not."""

import pytest

from aftercare.brand import brand
from aftercare.catalogue import catalogue
from message_gate.evaluation.check import check
from message_gate.evaluation.variables import TEXT, Kind, Walk, differences, kind_of
from message_gate.evaluation.view_model import MODELS, ConfirmationView
from message_gate.stationery import Stationery
from message_gate.view import VIEWS

CONFIRMATION = {**kind_of(ConfirmationView).names, "w": Kind({"total": TEXT, "free": TEXT})}


@pytest.fixture
def walked(tmp_path):
    """What a walk finds in a template of these files; `line: what: expected`."""

    def walk(body, **files):
        for name, text in {"mail": body, **files}.items():
            (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
        one = Walk(tmp_path, Stationery(tmp_path).text_files, CONFIRMATION, frozenset(("text",)))
        one.template("mail.html")
        return [f"{m.file}:{m.line}: {m.what}: {m.expected}" for m in one.found]

    return walk


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("\n{% if false %}\n{{ nosuch }}{% endif %}", "mail.html:3: missing variable: 'nosuch' is not in the view"),
        ("{% if total %}{% else %}{{ nosuch }}{% endif %}", "'nosuch'"),
        ("{% if total %}{% elif more_lines %}{{ nosuch }}{% endif %}", "'nosuch'"),
        ("{% if nosuch %}{% endif %}", "'nosuch'"),
        ("{% if nosuch is defined %}{% endif %}", "'nosuch'"),
        ("{{ nosuch | default('') }}", "'nosuch'"),
        ("{% for line in lines %}{{ line.titel }}{% endfor %}", "'line.titel' is not in the view: one of title, detail, price"),
        ("{% for line in lines %}{{ line['titel'] }}{% endfor %}", "'line.titel'"),
        ("{% for line in lines %}{% else %}{{ line.title }}{% endfor %}", "'line'"),
        ("{% for line in lines if line.nosuch %}{% endfor %}", "'line.nosuch'"),
        ("{% for line in lines %}{% endfor %}{{ line.title }}", "'line'"),
        ("{% for line in lines %}{{ loop.indx }}{% endfor %}", "'loop.indx'"),
        ("{{ loop.index }}", "'loop'"),
        ("{% for x in nosuch %}{% endfor %}", "'nosuch'"),
        ("{% for sign in heading %}{% endfor %}", "a loop over heading, which is a text: a list"),
        ("{{ lines }}", "lines is shown, which is a list"),
        ("{{ lines[0].nosuch }}", "nosuch"),
        ("{{ lines | map(attribute='nosuch') | join }}", "'lines[].nosuch'"),
        ("{{ lines | sort(attribute='nosuch') | first }}", "'lines[].nosuch'"),
        ("{{ 'a' if total else nosuch }}", "'nosuch'"),
        ("{{ 'a' ~ nosuch }}", "'nosuch'"),
        ("{{ heading.upper }}", "'heading.upper', but heading is a text"),
        ("{{ brand.nosuch }}", "'brand.nosuch' is not in the view"),
        ("{{ brand[heading] }}", "a name of brand that is computed"),
        ("{{ w.totla }}", "'w.totla' is not in the view: one of total, free"),
        ("{{css.text}}", "'css'"),
        ("{{ css.nosuch }}", "'css'"),
        ("{% set x = nosuch %}", "'nosuch'"),
        ("{% with x = lines %}{{ x.nosuch }}{% endwith %}", "'x.nosuch'"),
        ("{% macro x(a) %}{{ a.nosuch }}{% endmacro %}", "{% macro %} cannot be checked"),
        ("{% if false %}{{ heading | nosuch }}{% endif %}", "no filter nosuch"),
        ("{% if heading is nosuch %}{% endif %}", "no test nosuch"),
        ("{{ brand.keys() }}", "a call of brand.keys"),
        ("{% if false %}{% include 'gone.html' %}{% endif %}", "no file gone.html"),
        ("{% include 'mail.html' %}", "mail.html includes itself"),
    ],
)
def test_a_name_that_is_not_in_the_view_is_found_in_any_branch(walked, body, says):
    found = walked(body)
    assert any(says in line for line in found), found


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{{ total }}", "variable that may be empty: total: it inside {% if total %}"),
        ("{% if lines %}{{ total }}{% endif %}", "may be empty: total"),
        ("{% if total or lines %}{{ total }}{% endif %}", "may be empty: total"),
        ("{% if not total %}{{ total }}{% endif %}", "may be empty: total"),
        ("{{ total | upper }}", "may be empty: total"),
        ("{{ 'a' ~ total }}", "may be empty: total"),
        ("{% for guide in guides %}{% if guide.link_url %}{{ guide.link }}{% endif %}{% endfor %}", "may be empty: guide.link"),
    ],
)
def test_what_may_be_missing_is_asked_about_before_it_is_shown(walked, body, says):
    found = walked(body)
    assert any(says in line for line in found), found


@pytest.mark.parametrize(
    "body",
    [
        "{{ heading }}{{ brand.name }}{{ brand['name'] }}{{ w.total }}<p style='{{ css.text }}'>",
        "{% if total %}{{ total }}{% endif %}",
        "{% if lines and total %}{{ total }}{% endif %}",
        "{% if not total %}{% else %}{{ total }}{% endif %}",
        "{% if not total %}{% elif lines %}{{ total }}{% endif %}",
        "{{ total if total else 'none' }}{{ total or '' }}{{ total | default('', true) }}",
        "{% for line in lines %}{{ loop.index }} {{ line.title }}{% if line.detail %}{{ line.detail }}{% endif %}{% endfor %}",
        "{% for guide in guides %}{% for point in guide.points %}{{ point | upper }}{% endfor %}{% endfor %}",
        "{% set x = heading %}{{ x }}{% with y = brand %}{{ y.name }}{% endwith %}",
        "{{ lines | length }}{{ (lines | first).title }}{{ lines[0].title }}",
    ],
)
def test_what_the_view_has_is_no_finding(walked, body):
    assert walked(body) == []


def test_what_is_included_is_walked_with_the_names_of_the_place(walked):
    found = walked("{% for guide in guides %}{% include 'part.html' %}{% endfor %}", part="{{ guide.title }}\n{{ guide.titel }}")
    assert [line.partition(" is not")[0] for line in found] == ["part.html:2: missing variable: 'guide.titel'"]


def test_a_block_is_walked_in_the_layout_that_it_fills(walked):
    found = walked(
        "{% extends 'base.html' %}{% block body %}{{ a }}{% endblock %}", base="{{ b }}{% block body %}{{ c }}{% endblock %}"
    )
    assert [line.partition(" is not")[0] for line in found] == [
        "base.html:1: missing variable: 'b'",
        "mail.html:1: missing variable: 'a'",
    ]


def test_a_view_that_is_not_as_declared_is_told_by_path():
    declared = Kind({"a": TEXT, "b": Kind(entries=Kind({"c": TEXT})), "d": Kind(may_miss=True)})
    assert list(differences({"a": "x", "b": [{"c": "y"}], "d": None}, declared, "")) == []
    found = [path for path, _, _ in differences({"a": None, "b": [{"e": "y"}], "f": 1}, declared, "")]
    assert found == ["a", "b[].c", "b[].e", "d", "f"]


def test_each_view_has_a_model_and_each_model_a_view():
    assert MODELS.keys() == VIEWS.keys()


def test_a_view_that_leaves_its_model_is_a_finding(monkeypatch):
    real = VIEWS["reorder-reminder"]
    monkeypatch.setattr(
        "message_gate.evaluation.check.VIEWS", {**VIEWS, "reorder-reminder": lambda *a: {**real(*a), "extra": "x"}}
    )
    found = check(our=brand(), goods=catalogue(), only=("reorder-reminder",))
    assert {(f["file"], f["where"]) for f in found} == {("view_model.py", "reorder-reminder.extra")}
