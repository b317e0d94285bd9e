"""A mail scanner opens every link of every message, by GET and HEAD, and runs what scripts it finds: nothing may change (C10)."""

import re
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from aftercare import fresh_links, identity, keys
from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.fresh_links import FreshLink, FreshLinks, Opens
from aftercare.links import Link, LinkPurpose, read_keys, sign
from aftercare.media import Media, Repost
from aftercare.shipment import Shipment
from aftercare.store import versioned
from aftercare.table import Put
from message_gate.evaluation.samples import SETTINGS, parts_of, samples
from message_gate.mailing import PATHS
from message_gate.render import render
from message_gate.stationery import Stationery
from simulator.front import BASE
from tests.browser.conftest import a_house


def can_be_on_record(sample):
    """Some samples hold what no record would: an address with another scheme, past the check of the record."""
    try:
        return all(Shipment.model_validate_json(shipment.to_json()) for shipment in sample.shipments)
    except ValueError:
        return False


SAMPLES = [sample for sample in samples(catalogue()).values() if can_be_on_record(sample)]
SIGNS = ("o", "p", "u", "c", "s", "g", "r", "m", "n", "k", "orders", "export", "erase")


def put_customer(cloud, customer_id, sample):
    """A sample's customer as intake would have recorded them."""
    customer = sample.customer
    known = {
        keys.PROFILE: customer.profile,
        keys.CONSENT: customer.consent,
        **{keys.ORDER + order.key: order for order in customer.orders},
        **{keys.SHIPMENT + shipment.key: shipment for shipment in customer.shipments},
    }
    if "media" in sample.references:
        ref = sample.references["media"]
        picture = Media(ref=ref, at=cloud.now, url="https://photos.example/1", kind="photo", network="instagram")
        cloud.tables.write([Put(keys.media(customer_id, ref), {"doc": picture.to_json()})])
        cloud.tables.write([versioned(keys.repost(customer_id, ref), Repost(version=1, counted_at=cloud.now).to_json(), 0)])
    asked = tuple(FreshLink(ref="sample", opens=opens, asked_at=cloud.now) for opens in Opens)
    cloud.tables.write([fresh_links.write(customer_id, FreshLinks(links=asked), cloud.now)])
    cloud.tables.write([Put(keys.customer(customer_id, sk), {"doc": part.to_json(), "version": 1}) for sk, part in known.items()])


def mailed(world, customer_id, sample, locale):
    """The paths of our own pages that a message links to, signed as the gate signs them."""
    link_keys = read_keys(world.link_secret())
    address = identity.keyed_hash(world.identity_secret(), str(sample.order.contact.email))

    def links(purpose, about, open_for):
        about = f"{address}:{about}" if purpose is LinkPurpose.CONFIRM else about
        link = Link(customer_id, about, int((world.cloud.now + open_for).timestamp()))
        return f"{BASE}/{PATHS[purpose]}/{sign(link_keys, purpose, link)}"

    args = (sample.proposal(), sample.customer, sample.order, brand(), catalogue(), links, SETTINGS, locale)
    message = render(*args, sample.include, sample.promotional, parts=parts_of(sample), publication=sample.publication)
    text = f"{message.html} {message.text} {' '.join(message.headers.values())}"
    return {found.replace("&amp;", "&") for found in re.findall(rf"{re.escape(BASE)}(/[^\s\"'<>]+)", text)}


@contextmanager
def a_mailing():
    """A house, and every link of every template in every sample, by template."""
    with a_house() as house:
        found = {}
        for n, sample in enumerate(SAMPLES):
            put_customer(house.cloud, f"sample{n}", sample)
            for locale in ("en", "de"):
                found.setdefault(sample.template, set()).update(mailed(house.world, f"sample{n}", sample, locale))
        yield house, found


@pytest.fixture(scope="module")
def mailing():
    with a_mailing() as found:
        yield found


def test_every_template_is_tried_and_every_kind_of_link(mailing):
    _, links = mailing
    assert set(links) == set(Stationery().register.templates)
    assert {path.split("/")[1] for paths in links.values() for path in paths} == set(SIGNS)
    assert all(paths for paths in links.values()), "each has a way out"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_every_link_changes_nothing(mailing, method):
    house, links = mailing
    before = house.cloud.state_digest()
    connection = HTTPConnection(*house.front.server_address)
    answers = set()
    for path in sorted(set().union(*links.values())):
        connection.request(method, path, headers={"user-agent": "a scanner"})
        answer = connection.getresponse()
        answer.read()
        answers.add(answer.status)
    connection.close()
    assert answers == {200}, "the pages open, and a HEAD is told what a GET would be"
    assert house.cloud.state_digest() == before


def test_running_the_scripts_of_every_page_changes_nothing(mailing, browser):
    """`browser` has another house of its own; this one is asked for by its own address."""
    house, links = mailing
    before = house.cloud.state_digest()
    seen = set()
    for path in sorted(set().union(*links.values())):
        browser.driver.get(house.front.address + path)
        assert browser.all("script, iframe, object, embed, img, link") == [], "there is nothing to run and nothing to load"
        seen.add(urlsplit(path).path.split("/")[1])
    assert seen == set(SIGNS)
    assert house.cloud.state_digest() == before
