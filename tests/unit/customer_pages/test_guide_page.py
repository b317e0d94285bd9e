"""The guide's page: what is ticked is there again, and the first use is told once."""

import json
import re
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.catalogue import catalogue
from aftercare.customer import OrderLine
from aftercare.links import LinkPurpose
from aftercare.parcel_status import ShipmentStatus
from aftercare.setup import Progress, SetUp, guided, ticked
from aftercare.table import Put, Throttled
from tests.builders import NOON, an_order
from tests.ledger_items import CUSTOMER, a_profile
from tests.shipments import a_shipment
from tests.small_outside import START
from tests.unit.customer_pages.test_pages import ORDER, P, get, post, token

CAMERA = OrderLine(line_ref="1", title="Larkfield One", quantity=1, product_type="Camera", sku="CAM-1")
SOFTWARE = OrderLine(line_ref="2", title="Darkroom", quantity=1, product_type="Software", plan="Studio, monthly")
COFFEE = OrderLine(line_ref="3", title="House espresso", quantity=1, product_type="Coffee")


@pytest.fixture
def anna(small):
    return a_profile(small, order=an_order(locale="en", lines=(CAMERA, COFFEE, SOFTWARE)))


def kept(small):
    place = keys.setup(CUSTOMER, ORDER)
    item = small.tables.twin.read([place]).get(place)
    return SetUp.model_validate_json(str(item["doc"])) if item else None


def checked(body):
    return re.findall(r'name="([a-z0-9-]+)" value="on" checked', body)


def test_each_product_that_is_set_up_has_its_steps_and_no_other(small, anna):
    body = get(P.GUIDE)["body"]
    assert [f.family.name for f in guided((CAMERA, COFFEE, SOFTWARE), catalogue())] == ["camera", "photo-software"]
    assert 'name="step-camera-2"' in body and 'name="step-photo-software-0"' in body
    assert "coffee" not in body and checked(body) == []
    assert kept(small) is None and small.told() == []


def test_what_is_ticked_is_there_again_and_can_be_unticked(small, anna):
    assert post(P.GUIDE, "step-camera-0=on&step-camera-1=on&step-camera-9=on&step-coffee-0=on")["statusCode"] == 200
    assert checked(get(P.GUIDE)["body"]) == ["step-camera-0", "step-camera-1"]
    post(P.GUIDE, "step-camera-1=on")
    assert checked(get(P.GUIDE)["body"]) == ["step-camera-1"]
    assert small.told() == []


def test_the_first_use_is_told_once_and_not_taken_back(small, anna):
    body = post(P.GUIDE, "step-camera-0=on&used-camera=on")["body"]
    assert "In use since" in body and 'name="used-camera"' not in body
    small.later(days=1)
    post(P.GUIDE, "step-camera-0=on&used-camera=on")
    post(P.GUIDE, "")
    (event,) = small.outbox()
    assert event.type == "MilestoneReached"
    assert event.data == {"customer_id": CUSTOMER, "milestone": "first-use", "order": ORDER, "sku": "CAM-1"}
    assert kept(small).of("camera") == Progress(ticked=(), used_at=START)
    assert "Everything is in use" in post(P.GUIDE, "used-photo-software=on")["body"]
    assert small.told() == ["MilestoneReached", "MilestoneReached"]


def test_how_long_a_product_took_to_its_first_use_is_measured_once(small, anna, monkeypatch, capsys):
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Aftercare")
    delivered = START - timedelta(days=2)
    arrived = a_shipment(status=ShipmentStatus.DELIVERED, delivered_at=delivered, order_keys=(ORDER,))
    small.tables.twin.write([Put(keys.shipment(CUSTOMER, arrived.key), {"doc": arrived.to_json(), "version": arrived.version})])
    for _ in range(2):
        post(P.GUIDE, "used-camera=on")
    measured = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "FirstUseSeconds" in line]
    assert [each["FirstUseSeconds"] for each in measured] == [[2 * 86400.0]]


def test_sent_twice_is_saved_once(small, anna):
    for _ in range(3):
        post(P.GUIDE, "step-camera-0=on")
    assert kept(small).version == 1


def test_the_steps_are_in_the_customers_language(small):
    a_profile(small, order=an_order(locale="de", lines=(CAMERA,)))
    body = get(P.GUIDE)["body"]
    assert "Schritt für Schritt" in body and "Auslöser halb drücken" in body


def test_an_order_without_anything_to_set_up_says_so(small):
    a_profile(small, order=an_order(locale="en", lines=(COFFEE,)))
    assert "Nothing of this order needs to be set up" in get(P.GUIDE)["body"]
    assert "<form" not in get(P.GUIDE)["body"]


def test_foreign_and_expired_links_change_nothing(small, anna):
    for text, status in ((token(P.SURVEY), 404), (token(P.GUIDE, about="example:other"), 404), (token(P.GUIDE, days=-1), 410)):
        for answer in (get(P.GUIDE, text), post(P.GUIDE, "used-camera=on", text)):
            assert answer["statusCode"] == status
    assert kept(small) is None


def test_an_outage_promises_nothing(small, anna):
    def throttled():
        raise Throttled("too much")

    small.tables.before_write.append(throttled)
    assert post(P.GUIDE, "used-camera=on")["statusCode"] == 503
    assert small.told() == []


def test_what_is_ticked_for_one_product_leaves_the_other_as_it_was():
    before = ticked(SetUp(), {"camera": (0, 1)}, ("camera",), NOON)
    after = ticked(before, {"photo-software": (0,)}, (), NOON + timedelta(days=1))
    assert after.version == 2
    assert after.of("camera") == Progress(ticked=(0, 1), used_at=NOON)
    assert after.of("photo-software") == Progress(ticked=(0,))
    assert LinkPurpose.GUIDE is P.GUIDE
