"""docs/data-use.md names every kind of item, class of retention, stored field and attribute, and no other: what each is for."""

import json
import re
import typing
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from aftercare.alerts import Alert
from aftercare.behaviour import Behaviour
from aftercare.caps import Caps
from aftercare.cases import Case
from aftercare.consent import ConsentRecord, Declaration, Statement
from aftercare.consent_log import Wording
from aftercare.customer import Order, Profile, Slot
from aftercare.decision import Message
from aftercare.event import Event
from aftercare.feedback import Feedback, Given, Read
from aftercare.fresh_links import FreshLinks
from aftercare.heard import Words
from aftercare.inbound import Written
from aftercare.kept import KINDS, kind_of
from aftercare.media import Media, Repost
from aftercare.published import Publication
from aftercare.rate import Quota
from aftercare.reorders import Reorders
from aftercare.requests import Request
from aftercare.retention import CLASSES
from aftercare.setup import SetUp
from aftercare.shipment import Shipment
from aftercare.signals import Signals
from aftercare.switch import Switch
from aftercare.table import EXPIRES_AT
from aftercare.wishes import Wishes
from store_intake.known import Early

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/data-use.md").read_text(encoding="utf-8")

EARLY = list[Early]
DOCUMENTS = {
    "profile": Profile,
    "consent": ConsentRecord,
    "wishes": Wishes,
    "caps": Caps,
    "slot": Slot,
    "feedback": Feedback,
    "signals": Signals,
    "behaviour": Behaviour,
    "fresh links": FreshLinks,
    "words": Words,
    "answer": Given,
    "set-up": SetUp,
    "media": Media,
    "repost": Repost,
    "reorders": Reorders,
    "order": Order,
    "archived order": Order,
    "shipment": Shipment,
    "archived shipment": Shipment,
    "case": Case,
    "archived case": Case,
    "held message": Message,
    "message": Message,
    "inbound text": Written,
    "evidence": Statement | Declaration,
    "order alias": EARLY,
    "shipment alias": EARLY,
    "parcel alias": EARLY,
    "request": Request,
    "wording": Wording,
    "setting": Switch | Quota,
    "alert": Alert,
    "publication": Publication,
}
"""What the document of each kind is read as; `events` of a delivery are a list of Event, the `reading` of an answer is a Read."""

BESIDE = {"pk", "sk", "doc", EXPIRES_AT}
"""Attributes that the page explains once for all kinds."""


def models(shape, found=None):
    """Every model that a shape consists of, with those of its fields."""
    found = {} if found is None else found
    if isinstance(shape, type) and issubclass(shape, BaseModel) and shape.__name__ not in found:
        found[shape.__name__] = set(shape.model_fields)
        for field in shape.model_fields.values():
            models(field.annotation, found)
    for part in typing.get_args(shape):
        models(part, found)
    return found


def stored():
    found = {}
    for shape in (*DOCUMENTS.values(), Event, Read):
        models(shape, found)
    return found


def rows(text):
    """The cells of every row of the tables in a text, without the headings."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", text, re.M)]
    return [row for n, row in enumerate(cells) if not set("".join(row)) <= set("-") and not is_heading(cells, n)]


def is_heading(cells, n):
    return n + 1 < len(cells) and set("".join(cells[n + 1])) <= set("-")


def section(title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    return rows(found[1])


def fields():
    """Model → its rows, as the page has them."""
    return {name: rows(text) for name, text in re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)}


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def kinds():
    """Kind → (documents, attributes) of the page."""
    return {
        name.strip(): (names(doc), names(beside)) for row in section("Where it lies") for name in row[0].split(",")
        for doc, beside in [row[1:3]]
    }  # fmt: skip


def test_every_field_of_every_stored_model_is_on_the_page_and_no_other():
    page = {model: {name for row in table for name in names(row[0])} for model, table in fields().items()}
    assert page == stored()


def test_each_field_stands_once_and_says_what_it_is_for():
    for model, table in fields().items():
        listed = [name for row in table for name in names(row[0])]
        assert len(listed) == len(set(listed)), model
        assert [row for row in table if len(row) != 2 or len(row[1]) < 8] == [], model


def test_every_kind_is_on_the_page_with_its_document():
    page = kinds()
    assert set(page) == {kind.name for kind in KINDS}
    for kind, shape in DOCUMENTS.items():
        if shape is not EARLY:
            parts = typing.get_args(shape) or (shape,)
            assert page[kind][0] == [part.__name__ for part in parts], kind
    with_document = {kind for kind, (docs, _) in page.items() if docs and docs != ["{}"]}
    assert with_document == {kind for kind, shape in DOCUMENTS.items() if shape is not EARLY}


def test_every_class_of_retention_is_on_the_page_with_its_kinds():
    table = section("How long")
    assert [names(row[0])[0] for row in table] == [kept.name for kept in CLASSES]
    for row, kept in zip(table, CLASSES, strict=True):
        assert row[2] == kept.since
        assert (f"{kept.kept.days} days" == row[1]) if kept.kept else ("days" not in row[1])
        assert row[3].split(", ") == [kind.name for kind in KINDS if kept in kind.kept], kept.name


@pytest.fixture(scope="module")
def items(request):
    """Every item that was written in a life in which each kind is."""
    from simulator.cloud import LocalCloud
    from tests.contract.test_retention import WHATSAPP, Store, everything

    found = []
    with LocalCloud("memory", seed=7, switch="on", parameters={"WhatsAppPhoneNumberArn": WHATSAPP}) as cloud:
        for table in ("customers", "knowledge"):
            cloud.backend.tables.listen(table, lambda record: found.append((record.key, record.new)) if record.new else None)
        everything(Store(cloud))
    return found


def test_what_lies_there_is_read_as_the_page_says(items):
    page, readers = kinds(), {name: TypeAdapter(shape) for name, shape in DOCUMENTS.items()}
    events, seen = TypeAdapter(list[Event]), set()
    for key, item in items:
        kind = kind_of(key).name
        if "doc" in item:
            assert kind in readers or json.loads(item["doc"]) == {}, f"{kind} has a document that no model of this test reads"
        if "doc" in item and kind in readers:
            readers[kind].validate_json(str(item["doc"]))
            seen.add(kind)
        if "reading" in item:
            Read.model_validate_json(str(item["reading"]))
        if "events" in item:
            events.validate_json(str(item["events"]))
        unknown = [a for a in item if a not in BESIDE and not any(fnmatchcase(a, known) for known in page[kind][1])]
        assert unknown == [], f"{kind}: attributes that docs/data-use.md does not have"
    assert set(DOCUMENTS) - seen == set()


def test_every_attribute_of_the_page_is_written_somewhere():
    parts = (ROOT / "functions", ROOT / "layers/shared/aftercare")
    code = "\n".join(file.read_text(encoding="utf-8") for part in parts for file in part.rglob("*.py"))
    listed = {attribute for _, attributes in kinds().values() for attribute in attributes if "*" not in attribute}
    missing = [name for name in sorted(listed) if not re.search(rf'"{name}"|\b{name}=', code)]
    assert missing == []


def test_what_is_a_persons_outside_their_partition_can_be_found_by_its_customer():
    """The page names `customer_id` for each kind that erasure finds by its owner."""
    for kind in KINDS:
        if kind.found == "by the index owner":
            assert "customer_id" in kinds()[kind.name][1], kind.name
