"""Every template, with each text of the order and its parcels that a sender may choose replaced: it stays text in all languages.

Which fields those are is found by asking the models of the facts; whatever they take is tried.
"""

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from html import unescape

import pytest
from pydantic import TypeAdapter, ValidationError

from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.customer import Order, Return
from aftercare.facts import OrderDetails, ReturnFact, ShipmentFact, ToldParcel
from aftercare.model import Model
from aftercare.shipment import Parcel, Shipment
from message_gate import mime
from message_gate.channels import SHORT
from message_gate.evaluation.samples import SETTINGS, link, parts_of, samples
from message_gate.render import render
from message_gate.sms import render_sms
from tests.strangers import BAD, PAYLOADS, links, structure

BRAND, CATALOGUE = brand(), catalogue()
SAMPLES = samples(CATALOGUE)
PLAIN = "plain words"
TOLD_BY = {Order: OrderDetails, Shipment: ShipmentFact, Parcel: ToldParcel, Return: ReturnFact}
"""The fact that a record is made from; what it has no field for is ours."""

DECIDES = ("product_type", "tags", "sku")
"""What says which product something is: replaced in every other test, because else each order is of the same kind."""


@cache
def takes(model, field, text):
    """Whether a sender's fact takes the text in this field."""
    known = TOLD_BY.get(model, model).model_fields.get(field)
    if known is None:
        return False
    try:
        return TypeAdapter(known.rebuild_annotation()).validate_python(text) is not None
    except ValidationError:
        return False


def written(value, text, families, owner=None, field=None):
    """A copy of a record with the text in each of its fields that takes it."""
    if isinstance(value, Model):
        changes = {name: written(getattr(value, name), text, families, type(value), name) for name in type(value).model_fields}
        return value.model_copy(update=changes)
    if isinstance(value, tuple):
        if value and all(isinstance(one, str) for one in value):
            free = (families or field not in DECIDES) and takes(owner, field, (text,))
            return tuple(text for _ in value) if free else value
        return tuple(written(one, text, families, owner, field) for one in value)
    if type(value) is not str or "@" in value or (not families and field in DECIDES):
        return value
    return text if takes(owner, field, text) else value


def hostile(sample, text, families):
    return replace(
        sample,
        order=written(sample.order, text, families),
        shipments=tuple(written(one, text, families) for one in sample.shipments),
        parts=tuple(hostile(part, text, families) for part in sample.parts),
    )


def mail(sample, locale):
    made = render(
        sample.proposal(), sample.customer, sample.order, BRAND, CATALOGUE, link, SETTINGS, locale, sample.include,
        sample.promotional, None, parts_of(sample), publication=sample.publication,
    )  # fmt: skip
    return mime.check(made)


def test_what_is_walked_reaches_the_mails():
    """Else nothing would be tried: texts of orders, lines, charges and people are taken, ids and codes are not."""
    mark = "Kq7z"
    order = written(SAMPLES["usual"].order, mark, True)
    assert {order.name, order.contact.name, order.lines[0].title, order.discounts[0].label} == {mark}
    assert mark not in (order.key, order.ref, order.shop, order.country, order.contact.email)
    shown = Counter({name: mail(hostile(one, mark, False), "en").html.count(mark) for name, one in SAMPLES.items()})
    assert sum(1 for count in shown.values() if count) > len(SAMPLES) / 2


KINDS = [(kind, False) for kind in PAYLOADS] + [(kind, True) for kind in ("markup", "template")]


@pytest.mark.parametrize(("kind", "families"), KINDS, ids=[f"{kind}{', families too' if too else ''}" for kind, too in KINDS])
@pytest.mark.parametrize("locale", BRAND.locales)
def test_a_mail_is_the_same_but_for_the_words_themselves(kind, families, locale):
    text = PAYLOADS[kind]
    for name, sample in SAMPLES.items():
        plain, made = (mail(hostile(sample, one, families), locale) for one in (f"Kq {PLAIN}", f"Kq {text}"))
        assert structure(made.html) == structure(plain.html), name
        assert not BAD.search(made.subject) and "\n" not in made.subject
        for shown in (made.text, unescape(re.sub(r"<[^>]*>", "", made.html))):
            assert not BAD.search(re.sub("[\r\n]", "", shown))
        assert not re.search(r"^(Bcc|Subject|Content-Type):", made.text, re.MULTILINE)
        if kind != "address":
            assert links(made.text) == links(plain.text)
        for shown in (made.subject, made.text):
            assert all(shown[: found.start()].endswith(("}", "%7D")) for found in re.finditer("8099", shown)), "as it was typed"


@pytest.mark.parametrize("kind", PAYLOADS)
@pytest.mark.parametrize("locale", BRAND.locales)
def test_a_text_message_is_one_line_of_plain_text_in_one_segment(kind, locale):
    for name, sample in SAMPLES.items():
        if sample.template not in SHORT or sample.parts:
            continue
        made = hostile(sample, f"Kq {PAYLOADS[kind]}", False)
        about = (made.proposal(), made.customer, made.order, BRAND, CATALOGUE, link)
        sms = render_sms(*about, locale, publication=made.publication)
        assert not BAD.search(sms.text) and "\n" not in sms.text, name
        assert (sms.encoding, sms.segments) == ("GSM-7", 1), (name, sms)
