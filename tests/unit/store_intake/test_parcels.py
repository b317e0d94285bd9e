from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from aftercare.facts import Scan, ShipmentFact, ShipmentFactType, ToldParcel
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment import Shipment
from aftercare.shipment_details import Eta, Origin, ShippedLine
from store_intake.parcels import shipment_after, shipment_news
from store_intake.tracking import compact
from tests.examples import tries

T0 = datetime(2026, 3, 3, tzinfo=UTC)
A, B = "00340434161094000001", "00340434161094000002"
EAST = timezone(timedelta(hours=9))


def at(hour: int) -> datetime:
    return T0 + timedelta(hours=hour)


times = st.integers(0, 60).map(at) | st.integers(0, 60).map(lambda hour: at(hour).astimezone(EAST))
scans = st.lists(
    st.builds(Scan, status=st.sampled_from(list(ShipmentStatus)), at=times, country=st.sampled_from([None, "DE", "FR"])),
    max_size=3,
).map(tuple)
etas = st.none() | st.builds(Eta, until=times, told_at=times)
parcels = st.lists(
    st.builds(
        ToldParcel,
        number=st.sampled_from([A, B]),
        carrier=st.sampled_from([None, "DHL", "dhl-germany", "yun express"]),
        url=st.sampled_from([None, "https://example.com/1", "https://example.com/2"]),
        scans=scans,
        eta=etas,
    ),
    max_size=2,
).map(tuple)
facts = st.builds(
    ShipmentFact,
    type=st.sampled_from(list(ShipmentFactType)),
    occurred_at=times,
    as_of=st.none() | times,
    ref=st.just("S1"),
    order_ref=st.sampled_from(["1070", "1071"]),
    parcels=parcels,
    lines=st.sampled_from([(), (ShippedLine(line_ref="1"),), (ShippedLine(line_ref="1", quantity=2), ShippedLine(line_ref="2"))]),
    scans=scans,
    eta=etas,
    shipped_at=st.none() | times,
    cancelled_at=st.none() | times,
    origin=st.sampled_from([Origin(), Origin(country="DE"), Origin(country="DE", postcode="10115")]),
    service=st.sampled_from([None, "paket", "express"]),
    is_test=st.booleans(),
)


def joined(told: list[ShipmentFact]) -> Shipment:
    shipment = None
    for fact in told:
        shipment = shipment_after(shipment, "example", fact)
    assert shipment is not None
    return shipment


@settings(max_examples=tries(400), deadline=None)
@given(st.lists(facts, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_order_of_arrival_with_duplicates_gives_the_same_shipment(told, random):
    shuffled = told + random.choices(told, k=3)
    random.shuffle(shuffled)
    assert joined(shuffled) == joined(told)


@settings(max_examples=tries(200), deadline=None)
@given(st.lists(facts, min_size=1, max_size=5))
def test_a_shipment_read_back_from_the_table_joins_as_before(told):
    shipment = None
    for fact in told:
        shipment = Shipment.model_validate_json(shipment_after(shipment, "example", fact).to_json())
    assert shipment == joined(told)


@settings(max_examples=tries(200), deadline=None)
@given(scans.flatmap(lambda first: scans.map(lambda more: (*first, *more))))
def test_leaving_scans_out_between_the_first_and_the_last_of_a_status_changes_nothing(many):
    def log(told):
        return joined([created(), ShipmentFact(type="ShipmentMoved", occurred_at=at(0), ref="S1", scans=told)])

    assert log(compact(many)) == log(many)


@settings(max_examples=tries(200), deadline=None)
@given(st.lists(facts, min_size=1, max_size=6))
def test_nothing_is_told_twice_by_the_same_fact(told):
    shipment = joined(told)
    assert shipment_news(shipment, shipment_after(shipment, "example", told[-1])) == ()


def created(*numbers: str, **more) -> ShipmentFact:
    told = tuple(ToldParcel(number=n, carrier="DHL") for n in numbers)
    given = {"type": "ShipmentCreated", "occurred_at": at(0), "ref": "S1", "order_ref": "1070", "parcels": told}
    return ShipmentFact(**{**given, **more})


def moved(status: str, hour: int, number: str | None = A, **more) -> ShipmentFact:
    scan = (Scan(status=status, at=at(hour)),)
    if number is None:
        return ShipmentFact(type="ShipmentMoved", occurred_at=at(hour), ref="S1", scans=scan, **more)
    told = (ToldParcel(number=number, carrier=more.pop("carrier", "dhl"), scans=scan),)
    return ShipmentFact(type="ShipmentMoved", occurred_at=at(hour), parcels=told, **more)


def story(*told: ShipmentFact) -> list[tuple[str, str | None]]:
    """What is told, fact by fact: the type and the status."""
    heard, shipment = [], None
    for fact in told:
        before, shipment = shipment, shipment_after(shipment, "example", fact)
        heard += [(n.type, n.status and str(n.status)) for n in shipment_news(before, shipment)]
    return heard


def test_a_parcel_that_moves_is_told_with_each_new_status_and_each_later_scan():
    assert story(created(A), moved("in_transit", 5), moved("in_transit", 9), moved("in_transit", 7), moved("delivered", 30)) == [
        ("ShipmentCreated", None),
        ("ShipmentMoved", "in_transit"),
        ("ShipmentScanned", "in_transit"),
        ("ShipmentMoved", "delivered"),
    ]


def test_after_delivery_older_and_later_scans_tell_nothing():
    heard = story(created(A), moved("delivered", 30), moved("out_for_delivery", 25), moved("exception", 40))
    assert heard == [("ShipmentCreated", None), ("ShipmentMoved", "delivered")]


def test_unknown_between_two_scans_resets_nothing():
    before = joined([created(A), moved("in_transit", 5)])
    after = shipment_after(before, "example", moved("unknown", 7))
    assert after.parcels == before.parcels
    assert shipment_news(before, after) == ()


def test_an_exception_that_turns_out_to_be_an_attempt_is_no_second_message():
    failed = moved("exception", 9)
    both = (Scan(status="delivery_attempted", at=at(9)), Scan(status="in_transit", at=at(12)))
    again = ShipmentFact(type="ShipmentMoved", occurred_at=at(12), parcels=(ToldParcel(number=A, scans=both),))
    assert story(created(A), failed, again)[1:] == [("ShipmentMoved", "exception"), ("ShipmentScanned", "delivery_attempted")]


def test_a_parcel_that_recovers_is_told():
    heard = story(created(A), moved("in_transit", 5), moved("delayed", 9), moved("in_transit", 20))
    assert heard[-2:] == [("ShipmentMoved", "delayed"), ("ShipmentMoved", "in_transit")]


def test_of_a_shipment_that_nobody_described_nothing_is_told_until_somebody_does():
    early = moved("out_for_delivery", 9, number=None)
    assert story(early) == []
    assert story(early, created(A)) == [("ShipmentCreated", None), ("ShipmentMoved", "out_for_delivery")]


def test_a_word_about_the_whole_shipment_is_told_once_for_all_parcels_that_nobody_speaks_of():
    heard, shipment = [], None
    for fact in (created(A, B), moved("out_for_delivery", 9, number=None), moved("delivered", 12, number=A)):
        before, shipment = shipment, shipment_after(shipment, "example", fact)
        heard += [(n.type, n.parcel) for n in shipment_news(before, shipment)]
    first, second = shipment.parcels
    assert heard == [("ShipmentCreated", None), ("ShipmentMoved", None), ("ShipmentMoved", first.id)]
    assert [p.status for p in (first, second)] == ["delivered", "out_for_delivery"]
    assert shipment.delivered_at is None
    assert shipment.status is ShipmentStatus.OUT_FOR_DELIVERY


def test_a_parcel_that_a_newer_list_leaves_out_was_taken_back():
    newer = created(B, type="ShipmentUpdated", occurred_at=at(3), as_of=at(3))
    for told in ((created(A), newer), (newer, created(A))):
        assert [p.number for p in joined(list(told)).current] == [B]
    assert joined([created(A), newer, moved("delivered", 9, number=B)]).delivered_at == at(9)


def test_a_carriers_word_about_another_parcel_changes_nothing():
    before = joined([created(A)])
    assert shipment_after(before, "example", moved("delivered", 9, number=B)).parcels == before.parcels


def test_a_cancelled_shipment_says_so_once_and_nothing_more():
    cancelled = created(A, type="ShipmentCancelled", occurred_at=at(3))
    assert story(created(A), cancelled, moved("in_transit", 5), cancelled) == [
        ("ShipmentCreated", None),
        ("ShipmentCancelled", None),
    ]


def test_a_new_date_of_the_carrier_is_told_with_the_parcel():
    def promised(day: int, told: int) -> ShipmentFact:
        eta = Eta(until=at(24 * day), told_at=at(told))
        return ShipmentFact(type="ShipmentEtaChanged", occurred_at=at(told), parcels=(ToldParcel(number=A, eta=eta),))

    assert [t for t, _ in story(created(A), promised(3, 5), promised(3, 6), promised(5, 7), promised(4, 2))] == [
        "ShipmentCreated",
        "ShipmentEtaChanged",
        "ShipmentEtaChanged",
    ]


def test_shipped_is_when_the_shop_says_so_or_when_the_carrier_first_had_it():
    assert joined([created(A)]).shipped_at is None
    assert joined([created(A), moved("label_created", 1)]).shipped_at is None
    assert joined([created(A, shipped_at=at(4)), moved("in_transit", 6)]).shipped_at == at(4)
    assert joined([created(A), moved("in_transit", 6)]).shipped_at == at(6)


def test_attempts_are_days_and_not_scans():
    told = [created(A), *(moved("delivery_attempted", hour) for hour in (9, 10, 33))]
    assert joined(told).parcels[0].attempts == 2
