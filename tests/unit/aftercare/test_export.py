"""The export: everything that is kept of one person, nothing of anybody else, and no key to anything."""

import json

import pytest

from aftercare import holdings, keys, requests
from aftercare.agent_entry import Entry, Heard, Manner, speaker
from aftercare.consent_log import Wording, keep_wording, record
from aftercare.consent_policy import consent_policy
from aftercare.decision import OPERATOR
from aftercare.export import OTHERS, export
from aftercare.kept import Erasure, Found, kind_of
from aftercare.requests import Asked
from aftercare.table import Change, Exists
from tests.a_life import addresses, live, parcel, tell
from tests.small_outside import SECRETS

KEYS = (SECRETS["identity"], SECRETS["suppression"], "first-link-key")


@pytest.fixture
def anna(small):
    return live(small)


def document(small, customer_id):
    return export(small.tables.twin, customer_id, SECRETS["identity"], small.clock.now())


def text(found):
    return json.dumps(found, ensure_ascii=False)


def test_every_kind_that_a_life_leaves_is_in_it_under_its_name(small, anna):
    held = [keys.Key("customers", str(i["pk"]), str(i["sk"])) for i in small.items()]
    theirs = {kind.name for key in held if (kind := kind_of(key)) and kind.found not in (Found.NOBODY, Found.MENTION)}
    kept = document(small, anna)["kept"]
    assert set(kept) == {name.replace(" ", "_").replace("-", "_") for name in theirs} | {"parked_body"}
    assert {"order", "shipment", "case", "held_message", "message", "consent", "evidence", "wait"} <= set(kept)


def test_every_canary_of_a_life_is_in_it(small, anna):
    found = text(document(small, anna))
    email, phone = addresses("anna")
    canaries = (email, phone, "Anna Beispiel", "C-anna", "example:anna-1", parcel("anna"), "T-anna", "SUB-anna", "broken")
    assert [canary for canary in canaries if canary not in found] == []


def test_nothing_of_a_neighbour_and_no_key_or_keyed_hash_is_in_it(small, anna):
    berta = live(small, "berta")
    found = text(document(small, anna))
    assert "berta" not in found.lower() and berta not in found
    for address in addresses("anna"):
        assert small.email_hash(address) not in found
    assert not [key for key in KEYS if key in found]


def test_an_item_of_a_kind_that_nobody_has_listed_is_in_it_too(small, anna, monkeypatch):
    of_today = document(small, anna)["kept"]
    monkeypatch.setattr("aftercare.export.kind_of", lambda place: None if "#WAIT#" in place.sk else kind_of(place))
    kept = document(small, anna)["kept"]
    assert kept["other"] == of_today["wait"] and "wait" not in kept


def test_the_same_places_are_exported_and_erased(small, anna):
    hashes = [small.email_hash(address) for address in addresses("anna")]
    held = holdings.found(small.tables.twin, anna, hashes)
    parked = [key for key in held.elsewhere if key.pk.startswith("PARKED#")]
    assert len(parked) == len(document(small, anna)["kept"]["parked_body"]) == 1
    assert kind_of(parked[0]).erasure is Erasure.REMOVED


def test_a_body_that_names_somebody_else_is_left_out_and_said_to_be(small, anna):
    both = {"to": addresses("anna")[0], "cc": "stranger@example.org", "note": "for a canary"}
    tell("OrderPlaced", ref="broken2", occurred_at="never", order={"contact": both}, event_id="broken-2")
    bodies = document(small, anna)["kept"]["parked_body"]
    assert sorted("body" in body for body in bodies) == [False, True]
    (left_out,) = [body for body in bodies if "body" not in body]
    assert left_out["body_left_out"] == OTHERS and left_out["topic"] == "OrderPlaced"
    assert "stranger" not in text(bodies)


def test_of_a_request_that_named_several_people_only_what_is_theirs(small, anna):
    berta = live(small, "berta")
    known = {"email": addresses("anna")[0], "phone": addresses("berta")[1]}
    asked = requests.opened(Asked.EXPORT, "r1", "store", "store", small.clock.now(), (anna, berta), **known)
    small.tables.twin.write([requests.put(asked)])
    (row,) = document(small, anna)["kept"]["request"]
    assert row["record"]["customer_ids"] == [anna]
    assert row["record"]["email"] == addresses("anna")[0] and "phone" not in row["record"]


def test_consent_is_told_with_its_evidence_and_text_and_without_the_agents_name(small, anna):
    wording = Wording(version="agent:phone", text="May we write to you about coffee?", locale="en")
    hashed = keep_wording(small.tables.twin, wording)
    entry = Entry(
        heard=Heard.CONSENT,
        agent="Kimberly",
        manner=Manner.PHONE,
        channels=("email",),
        purposes=("promotional",),
        wording=wording.version,
        wording_hash=hashed,
    )
    record(small, anna, speaker(entry, consent_policy().double_opt_in, SECRETS["identity"]), "agent", "consent")
    found = document(small, anna)
    (row,) = [row["record"] for row in found["kept"]["evidence"] if row["record"].get("actor") == "agent"]
    assert (row["says"], row["manner"], row["wording_hash"]) == ("pending", "phone", hashed)
    assert found["wordings"][hashed]["text"] == "May we write to you about coffee?"
    assert "Kimberly" not in text(found)


def test_that_an_operator_decided_is_told_and_not_who(small, anna):
    (row,) = (i for i in small.tables.twin.items("customers") if str(i["sk"]).startswith("9#LEDGER#") and anna in str(i["pk"]))
    decided = json.loads(str(row["doc"]))
    decided["decisions"][-1]["caused_by"] = f"{OPERATOR}kimberly"
    place = keys.Key("customers", str(row["pk"]), str(row["sk"]))
    small.tables.twin.write([Change(place, put={"doc": json.dumps(decided)}, when=Exists())])
    (message,) = document(small, anna)["kept"]["message"]
    assert message["record"]["decisions"][-1]["caused_by"] == "operator"
    assert "kimberly" not in text(document(small, anna))


def test_an_expired_item_is_absent(small, anna):
    assert document(small, anna)["kept"]["message"]
    small.later(days=401)
    assert "message" not in document(small, anna)["kept"]
