"""The same scenario through the real template gives the same journal and the same tables on both backends, and on every run."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from aftercare import outside
from aftercare.keys import Key
from aftercare.outside import Mail
from aftercare.providers import BUSY
from aftercare.table import Change, ConditionFailed, Exists
from simulator.cloud import LocalCloud
from simulator.event_bus import NotAuthorized
from simulator.faults import FaultPlan

ROOT = Path(__file__).resolve().parents[2]
ORDER = json.loads((ROOT / "events/store/OrderPlaced.json").read_text())
ACCOUNT_STOPPED = {"SendingPausedException", "AccountSuspendedException", "MailFromDomainNotVerifiedException"}
SSM = {"/aftercare/shopify-secrets": "local-secret"}


def place(cloud: LocalCloud, ref: str, email: str, **changes: object) -> None:
    detail = json.loads(json.dumps(ORDER["detail"]))
    at = cloud.now.isoformat().replace("+00:00", "Z")
    detail |= {"event_id": f"placed-{ref}", "ref": ref, "occurred_at": at}
    described = {"name": f"#{ref}", "placed_at": at, "as_of": at, "contact": {"email": email}, "customer_ref": email[:4]}
    detail["order"] |= {**described, **changes}
    detail["consent"] = [{"channel": "email", "purpose": "reorder", "says": "given", "said_at": at}]
    entry = {"Source": "store.coffee", "DetailType": "OrderPlaced", "Detail": json.dumps(detail), "EventBusName": cloud.store_bus}
    assert cloud.put_events([entry])[0].error_code is None


def scenario(backend: str, seed: int = 11, **more: object) -> LocalCloud:
    """Two customers and three orders, one of them twice, one that bounces; their reminders weeks later."""
    with LocalCloud(backend, seed=seed, switch="on", ssm=SSM, **more) as cloud:  # type: ignore[arg-type]
        place(cloud, "1", "anna@example.com")
        place(cloud, "2", "bounce@simulator.amazonses.com")
        cloud.advance(minutes=3)
        place(cloud, "1", "anna@example.com")
        cloud.advance(hours=5)
        place(cloud, "3", "anna@example.com")
        cloud.advance(days=60)
        assert cloud.errors == []
        assert cloud.dead_letters() == {}
        cloud.__dict__["digest"] = cloud.state_digest()
    return cloud


@pytest.fixture(scope="module")
def memory() -> LocalCloud:
    return scenario("memory")


def test_an_order_is_confirmed_once_and_its_reminder_decided_weeks_later(memory):
    confirmations = [m for m in memory.messages() if m["template"] == "order-confirmation"]
    assert [(m["key"], m["settlement"]) for m in confirmations] == [
        ("order-confirmation#coffee:1", "SENT"),
        ("order-confirmation#coffee:2", "SENT"),
        ("order-confirmation#coffee:3", "SENT"),
    ]
    assert {m["template"] for m in memory.messages()} == {"order-confirmation", "reorder-reminder", "consent-confirmation"}
    assert set(memory.mailbox.accepted.values()) == {1}
    confirmed = memory.mailbox.to("anna@example.com")[0]
    assert confirmed.at - memory.journal.entries("fact")[0].at <= timedelta(seconds=60)


def test_both_backends_tell_the_same_journal(memory):
    moto = scenario("moto")
    assert moto.journal.as_lines() == memory.journal.as_lines()
    assert moto.__dict__["digest"] == memory.__dict__["digest"]
    assert [t.message_id for t in moto.mailbox.taken] == [t.message_id for t in memory.mailbox.taken]


def test_one_seed_gives_one_journal_and_another_seed_another(memory):
    assert scenario("memory").journal.digest() == memory.journal.digest()
    assert scenario("memory", seed=12).journal.digest() != memory.journal.digest()


PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:]
from tests.contract.test_backends_agree import scenario
cloud = scenario("memory")
print(cloud.journal.digest(), cloud.__dict__["digest"])
"""


def test_the_journal_is_the_same_in_another_process_whatever_its_hash_seed(memory):
    told = set()
    for hash_seed in ("1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", PROGRAM, str(ROOT), str(ROOT / "functions"), str(ROOT / "layers/shared")]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=ROOT, check=True)
        told.add(ran.stdout.strip())
    assert told == {f"{memory.journal.digest()} {memory.__dict__['digest']}"}


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_only_the_relay_puts_on_the_aftercare_bus_and_only_stores_on_theirs(backend):
    with LocalCloud(backend, ssm=SSM) as cloud:
        entry = {"Source": "aftercare.orders", "DetailType": "OrderPlaced", "Detail": "{}", "EventBusName": "aftercare-dev"}
        with pytest.raises(NotAuthorized):
            cloud.put_events([entry])
        with pytest.raises(NotAuthorized):
            cloud.put_events([{**entry, "EventBusName": cloud.store_bus}])
        cloud.put_events([{**entry, "Source": "store.coffee", "EventBusName": cloud.store_bus}])


@pytest.mark.parametrize("code", sorted(BUSY | ACCOUNT_STOPPED | {"MessageRejected"}))
def test_a_refusal_by_the_provider_means_the_same_on_both_backends(code):
    outcomes = []
    mail = Mail("a@shop.example", "b@example.com", "s", "h", "t", {"aftercare-message": "m"}, lambda: b"MIME")
    for backend in ("memory", "moto"):
        handlers = {"message_gate": lambda event, context: outcomes.append(outside.current().mail.send(mail))}
        with LocalCloud(backend, handlers=handlers, ssm=SSM) as cloud:  # type: ignore[arg-type]
            cloud.mailbox.refuses = lambda to: code
            cloud.invoke("message_gate", {})
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_a_condition_that_fails_is_told_so_under_a_plan_of_faults_too(backend):
    told, change = [], Change(Key("customers", "CUSTOMER#anna", "1#CAPS"), put={"doc": "{}"}, when=Exists())

    def handler(event: object, context: object) -> None:
        try:
            outside.current().tables.write([change])
        except ConditionFailed as failed:
            told.append(failed.found)

    with LocalCloud(backend, handlers={"message_gate": handler}, ssm=SSM, faults=FaultPlan()) as cloud:
        cloud.invoke("message_gate", {})
    assert told == [{0: None}]
