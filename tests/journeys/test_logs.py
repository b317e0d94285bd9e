"""No address, name or free text of anybody in what any function logs, in a life with orders, parcels, chats, forms and faults."""

import ast
import json
import logging
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from aftercare.clock import iso
from simulator.cloud import LocalCloud
from simulator.faults import Fault, FaultPlan, random_faults
from tests.contract.test_retention import FORM, WHATSAPP, everything
from tests.journeys.test_channels import PHONE, Store
from tests.journeys.test_forgotten import CANARIES

ROOT = Path(__file__).resolve().parents[2]
WORDS = {
    "chat": "Canarychat is it on its way",
    "text": "Canarytext please stop writing to me",
    "form": "canaryform@example.com",
    "page": "Canarypage",
    "query": "Canaryquery",
    "agent": "Canaryagent",
}
"""What a person writes, by where."""

SIGNS = (*CANARIES, PHONE, "anna@example.com", "Anna", "peer@example.com", "third@example.com", "House espresso", *WORDS.values())


def speaks(shop):
    """Everything that a person may send besides being ordered for: chats, texts, forms of every page, wrong ones too."""
    cloud = shop.cloud
    cloud.chat_in({"from": PHONE[1:], "id": "wamid.2", "type": "text", "text": {"body": WORDS["chat"]}})
    cloud.text_in(PHONE, WORDS["text"])
    cloud.http("POST", "/leave", FORM, urlencode({"address": WORDS["form"]}).encode())
    fields = ("cue", "message", "frequency", "zone", "reason", "request", "line-1", "wording", "at", "heard")
    form = dict.fromkeys(fields, WORDS["page"])
    for letter in shop.cloud.mailbox.taken:
        for path in re.findall(r"https://[^/\s]+(/[a-z]/[\w-]{40,})", letter.mail.text):
            for more in ("", "/return", "/read", "/why", f"?cue={WORDS['query']}"):
                cloud.http("GET", path + more)
                cloud.http("POST", path + more, FORM, urlencode(form).encode())
            cloud.http("GET", path[:-4] + WORDS["page"])
    for body in (b"{", json.dumps({"email": WORDS["form"], "note": WORDS["page"]}).encode()):
        shop.webhook("orders/create", body)
        shop.webhook("orders/create", body, secret="wrong")
    shop.put("OrderPlaced", ref=WORDS["page"] + " !", occurred_at=iso(cloud.now), order={"contact": {"email": WORDS["form"]}})


@pytest.mark.parametrize("faults", [False, True], ids=["", "with faults"])
def test_a_whole_life_leaves_nothing_of_anybody_in_the_logs(faults, caplog):
    caplog.set_level(logging.INFO)  # as deployed; the libraries' own DEBUG shows paths
    for name in list(logging.root.manager.loggerDict):
        if name.endswith("-dev"):
            logging.getLogger(name).setLevel(logging.INFO)  # a cloud of before may have left them quieter
    rates = {Fault.THROTTLED: 0.02, Fault.CONFLICT: 0.02, Fault.REPLY_LOST: 0.01}
    plan = FaultPlan(choose=random_faults(11, rates)) if faults else FaultPlan()
    given = {"parameters": {"WhatsAppPhoneNumberArn": WHATSAPP}, "ssm": {"/aftercare/shopify-secrets": "s3cret"}}
    with LocalCloud("memory", seed=7, switch="on", faults=plan, log_level="INFO", metrics=True, **given) as cloud:
        shop = Store(cloud)
        shop.place([("whatsapp", "transactional"), ("sms", "transactional")], ref="first")
        cloud.advance(hours=1)
        speaks(shop)
        if not faults:
            everything(shop)
        cloud.advance(days=2)
        logged = cloud.log
        wrote = {str(record.name) for record in caplog.records}
    texts = {"output": logged, "loggers": "\n".join(f"{r.getMessage()} {vars(r)}" for r in caplog.records)}
    for name, text in texts.items():
        assert len(text) > 2_000, "else nothing was captured"
        folded = text.casefold()
        assert [sign for sign in SIGNS if re.search(rf"(?<![\w]){re.escape(sign.casefold())}", folded)] == [], name
    assert len({name for name in wrote if name.endswith("-dev")}) >= 6, wrote


def test_no_command_or_function_writes_csv():
    """A text that begins with =, +, - or @ is a formula to whoever opens a CSV file: what writes one has to take that from it
    first, and a test here has to see that."""
    for part in ("functions", "layers/shared/aftercare", "simulator"):
        for file in (ROOT / part).rglob("*.py"):
            calls = [
                ast.unparse(node.func)
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call)
            ]
            assert not {"csv.writer", "csv.DictWriter", "writer", "DictWriter"} & set(calls), file
