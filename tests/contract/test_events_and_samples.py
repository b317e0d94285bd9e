"""The lists of events agree: the catalogue, the topics and detail-types that are read, and one sample of each."""

import json
import re

import pytest

from aftercare.events import CATALOGUE, told
from aftercare.settings import ENVIRONMENT
from engagement.provider import EVENT_TYPES
from store_intake import canonical, shopify, web
from tests.small_outside import EVENTS, sample

ALL = sorted(EVENTS.rglob("*.json"))


def names(folder):
    return {p.stem for p in (EVENTS / folder).glob("*.json")}


def test_every_event_of_the_catalogue_has_one_sample_and_no_sample_has_no_event():
    kept = {(p.parent.name, p.stem) for p in EVENTS.glob("aftercare.*/*.json")}
    assert kept == {(kind.source, kind.detail_type) for kind in CATALOGUE.values()}


@pytest.mark.parametrize("detail_type", sorted(CATALOGUE))
def test_a_sample_is_an_event_of_its_type_and_carries_ids_only(detail_type):
    kind = CATALOGUE[detail_type]
    event = sample(f"{kind.source}/{detail_type}")
    assert event["source"] == kind.source
    assert told(event).type == detail_type
    assert "@" not in json.dumps(event["detail"])


def test_every_topic_of_shopify_that_is_read_has_a_sample():
    topics = {sample(f"shopify/{name}")["headers"]["x-shopify-topic"] for name in names("shopify")}
    assert topics == set(shopify._TOPICS)


def test_every_event_of_a_store_has_a_sample():
    assert names("store") == set(canonical.detail_types())


def test_every_event_of_ses_that_is_acted_on_has_a_sample():
    kinds = {sample(f"aws.ses/{name}")["detail"]["eventType"] for name in names("aws.ses")}
    assert kinds == {*EVENT_TYPES, "Subscription"}


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.stem)
def test_a_sample_has_only_addresses_that_are_nobodys(path):
    text = path.read_text(encoding="utf-8")
    json.loads(text)
    assert all(a.endswith(("@example.com", ".example.com")) for a in re.findall(r"[\w.+-]+@[\w.-]+\.[a-z]{2,}", text))


def test_the_page_for_stores_shows_the_sample_and_names_every_detail_type():
    page = (EVENTS.parent / "docs" / "store-events.md").read_text(encoding="utf-8")
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert any(
        canonical.validate_envelope(event) == [] and event["detail-type"] == "OrderPlaced" for event in shown if "source" in event
    )
    for detail_type in canonical.detail_types():
        assert f"`{detail_type}`" in page


def test_every_sender_has_its_samples_its_parameter_and_its_line_in_the_docs():
    page = (EVENTS.parent / "docs" / "carriers.md").read_text(encoding="utf-8")
    template = (EVENTS.parent / "template.yaml").read_text(encoding="utf-8")
    for sender in web.SENDERS:
        assert names(sender), sender
        assert f"`POST /webhooks/{sender}` | `/aftercare/{sender}-secrets`" in page
        assert f"Default: /aftercare/{sender}-secrets" in template
        assert f'Path: "/webhooks/{sender}"' in template
        assert ENVIRONMENT[f"{sender}_secrets_parameter"] in template
