"""What a customer or a sender writes is text wherever it comes out, and comes out only where it is meant to.

Every text of every sample event of a store and of Shopify is replaced at once, found by walking the samples, and the whole life
is run twice: once with plain words, once with what a stranger may type. The two differ in those texts and in nothing else: the
same messages, tags, attributes, links and header names. Nothing of it stands in a log, an event, a queue or a workflow.
"""

import base64
import copy
import hashlib
import hmac
import json
import re
from datetime import timedelta
from email import message_from_bytes, policy
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aftercare import outside as outside_module
from aftercare.consent import Channel
from simulator.commands.captured import read
from simulator.commands.main import main
from simulator.commands.output import write_report
from simulator.commands.world import SECRET, opened
from store_intake.handler import handle
from tests.hostile import places, with_value
from tests.journeys.test_forgotten import beside
from tests.small_outside import EVENTS, Context, Small
from tests.strangers import BAD, INJECTIONS, PAYLOADS, links, structure, unnamed

PLAIN = "plain words"
FIXED = re.compile(
    r"[^@\s]+@[^@\s]+|\+?[0-9][0-9 .,:TZ+-]*|[A-Z]{2,3}|[a-z]{2}([-_][A-Za-z]{2})?|https?://\S+|gid://\S+|[0-9a-f]{24,}|\d{4}-\d\d-\d\d.*"
)
"""Texts that are no words: addresses, numbers, times, codes, links. Each alone is replaced in test_hostile_input."""

LIFE = timedelta(days=50)


def captured():
    """The sample requests in the order of their times; a shopper orders before anything is told of the order."""
    paths = [*sorted(EVENTS.glob("store/*.json")), *sorted(EVENTS.glob("shopify/*.json"))]
    gone = ("Erasure", "redact", "Deleted", "delete", "Export", "data_request", "Cancelled", "cancelled")
    found = sorted(read([path for path in paths if not any(word in path.stem for word in gone)]), key=lambda one: one.at)
    for one in found:
        if one.event.get("detail-type") == "ConsentChanged":
            text = {"wording": "account-texts-1", "text": "Text me about my orders."}
            one.event["detail"]["said"].append({"channel": "sms", "purpose": "transactional", "says": "given", **text})
    return found


def content_of(event):
    return event["detail"] if "detail" in event else json.loads(event["body"])


def with_content(event, content):
    """The same request with another body, signed for it."""
    event = copy.deepcopy(event)
    if "detail" in event:
        event["detail"] = content
        return event
    raw = json.dumps(content).encode()
    event["headers"]["x-shopify-hmac-sha256"] = base64.b64encode(hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()).decode()
    event["body"], event["isBase64Encoded"] = base64.b64encode(raw).decode(), True
    return event


def at(content, place):
    for name in place:
        content = content[name]
    return content


def taken(event):
    """What the intake says of a request alone: whether it was recorded, and which facts."""
    small = Small()
    small.secrets.texts["/aftercare/shopify-secrets"] = SECRET
    outside_module.use(lambda _: small)
    try:
        answer = handle(event, Context())
    finally:
        outside_module.use(None)
    answer = json.loads(answer["body"]) if isinstance(answer, dict) and "body" in answer else answer
    return answer.get("status"), tuple(answer.get("facts", ())), answer.get("parked")


TRIED = (PLAIN, INJECTIONS["markup"])


def same(event, content, place, text, usual):
    return taken(with_content(event, with_value(content, place, f"Kq0z {text}"))) == usual


@cache
def free():
    """For each sample the places of its texts that may be any words: the intake takes them as it takes the sample's own."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("SERVICE_NAME", "walk"), ("METRICS_DISABLED", "true"), ("LOG_LEVEL", "CRITICAL")):
            patch.setenv(f"POWERTOOLS_{name}", value)
        for one in captured():
            content = content_of(one.event)
            usual = taken(with_content(one.event, content))
            words = [place for place in places(content) if isinstance(at(content, place), str) and at(content, place)]
            # The sender's own name for the event is a part of the delivery's key: an id, as its facts' references are.
            words = [place for place in words if not FIXED.fullmatch(at(content, place)) and place != ("event_id",)]
            found.append([place for place in words if all(same(one.event, content, place, text, usual) for text in TRIED)])
    return found


def written(payload, families):
    """All samples with their words replaced: each by a mark of its own and the payload. `families`: also what decides which
    product something is, and what is read for its mood."""
    number, events = 0, []
    for one, spots in zip(captured(), free(), strict=True):
        content = content_of(one.event)
        for place in spots:
            decides = any(name in ("product_type", "tags", "sku", "vendor") for name in place) or place in (("text",), ("title",))
            if families or not decides:
                content = with_value(content, place, f"Kq{number}z {payload}")
            number += 1
        events.append((one, with_content(one.event, content)))
    return events


TYPED = ("contact", "customer", "billing_address", "shipping_address", "note", "note_attributes", "message", "email", "address")
"""Parts of a request that hold what a customer typed; the rest is the shop's own: titles, labels, the names of orders."""


@cache
def typed():
    """The marks of what a customer typed."""
    spots = [place for spots in free() for place in spots]
    return {f"Kq{number}z" for number, place in enumerate(spots) if any(name in TYPED for name in place)}


def marks(text):
    return set(re.findall(r"Kq[0-9]+z", text))


def life(kind, families, folder):
    """Everything that comes out of a life in which each text is a mark and a payload."""
    payload = PLAIN if kind is None else PAYLOADS[kind]
    events = written(payload, families)
    out = {}
    with opened("memory", 5, events[0][0].at, channels=tuple(Channel)) as world:
        cloud = world.cloud
        for one, event in events:
            if one.at > cloud.now:
                cloud.advance_to(one.at)
            (world.deliver_event if one.kind == "event" else world.deliver_http)(event, one.place)
        cloud.advance(LIFE)
        out["settled"] = [
            (re.sub("#[a-z2-7]{32}", "#", m["key"]), *map(m.get, ("settlement", "reason", "channel"))) for m in world.messages()
        ]
        out["mails"], out["shorts"] = list(world.mails()), list(world.shorts())
        out["errors"], out["dead"] = [str(error) for error in cloud.errors], cloud.dead_letters()
        out["beside"] = beside(cloud)
        out["pages"] = pages(cloud, out["mails"])
        run = world.kept("replay", "injection")
        out["state"] = str(run.save(Path(folder) / "state.json"))
        out["report"] = write_report(Path(folder) / "report.html", run, out["mails"], out["shorts"]).read_text(encoding="utf-8")
        out["customers"] = sorted({m["customer"] for m in world.messages()})
        out["tables"] = [*cloud.items("CustomerTable"), *cloud.items("KnowledgeTable")]
    return out


def pages(cloud, mails):
    """Every page that a link of a mail opens, with those behind it, by its place among the links."""
    shown = {}
    for mail in mails:
        for link in re.findall(r"https://post\.larkfield\.example(/[^\s\"<>]+)", mail.text):
            path = urlsplit(link.rstrip(".,)")).path
            for more in ("", "/why", "/return", ".json"):
                answer = cloud.http("GET", path + more)
                shown[len(shown), unnamed(path) + more] = (answer.status, answer.headers.get("content-type", ""), answer.text)
    return shown


@pytest.fixture(scope="module")
def lives(tmp_path_factory):
    known = {}

    def lived(kind, families):
        if (kind, families) not in known:
            known[kind, families] = life(kind, families, str(tmp_path_factory.mktemp("run")))
        return known[kind, families]

    return lived


def headers(raw):
    """The names of a mail's headers, part by part, as a mail programme reads them, and as they stand in the bytes."""
    parsed = message_from_bytes(raw, policy=policy.default)
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
    return [[name.lower() for name in part] for part in parsed.walk()], names


KINDS = [(kind, False) for kind in ("attribute", "template", "header", "address", "terminal", "comment")] + [("markup", True)]
"""One of each sort: every payload is tried on every template in test_hostile_templates of the gate."""


@pytest.fixture(params=KINDS, ids=[f"{kind}{', families too' if families else ''}" for kind, families in KINDS])
def pair(request, lives):
    kind, families = request.param
    return lives(None, families), lives(kind, families)


def test_the_words_reach_what_is_looked_at(lives):
    """Else the others would hold because nothing came through."""
    out = lives(None, False)
    assert sum(map(len, free())) > 60
    assert out["errors"] == [] and out["dead"] == {}
    assert len(marks(json.dumps(out["tables"], default=str))) > 25
    assert len(marks("".join(mail.html for mail in out["mails"]))) >= 5
    assert len(marks("".join(text for _, _, text in out["pages"].values()))) >= 3
    assert marks(out["report"])
    assert len({key.partition("#")[0] for key, state, _, _ in out["settled"] if state == "SENT"}) >= 10
    assert {short.kind for short in out["shorts"]} >= {"text"}
    assert len(typed()) >= 5


def test_the_same_messages_go_the_same_ways(pair):
    plain, hostile = pair
    assert hostile["settled"] == plain["settled"]
    assert hostile["errors"] == [] and hostile["dead"] == {}
    assert [(m.recipient, m.at) for m in hostile["mails"]] == [(m.recipient, m.at) for m in plain["mails"]]
    assert [(s.kind, s.recipient, s.at) for s in hostile["shorts"]] == [(s.kind, s.recipient, s.at) for s in plain["shorts"]]


def test_a_mail_has_the_same_tags_links_and_headers(pair):
    plain, hostile = pair
    for one, other in zip(plain["mails"], hostile["mails"], strict=True):
        assert structure(other.html) == structure(one.html)
        assert headers(other.raw) == headers(one.raw)
        assert not BAD.search(other.subject)
        for text in (other.text, unescape(re.sub(r"<[^>]*>", "", other.html))):
            assert not BAD.search(text.replace("\n", "").replace("\r", ""))
        more = links(other.text) - links(one.text)
        # An address that stands in the shop's own words, such as a title, stands there as it was written.
        assert all("evil.example" in link for link in more)
        assert not set(re.findall(r"(Kq\d+z) https://evil", other.text)) & typed()


def test_nothing_is_worked_out_of_it(pair):
    plain, hostile = pair

    def results(out):
        texts = [*(m.subject + m.text + m.html for m in out["mails"]), *(s.body for s in out["shorts"]), out["report"]]
        texts += [text for _, _, text in out["pages"].values()]
        return [(text.count("8099"), "class &#39;str" in text or "<class" in text) for text in texts]

    # The payload of "template" has the number once as it is typed, in a loop that must not run.
    for text, before in zip(results(hostile), results(plain), strict=True):
        assert text[1] == before[1]
    for mail in (*hostile["mails"],):
        for found in re.finditer("8099", mail.text + mail.subject):
            assert (mail.text + mail.subject)[found.start() - 1] == "}", "as it was typed, never worked out"


def test_a_text_message_is_one_plain_text(pair):
    plain, hostile = pair
    for one, other in zip(plain["shorts"], hostile["shorts"], strict=True):
        assert not BAD.search(other.body.replace("\n", ""))
        assert other.body.count("\n") == one.body.count("\n")
        assert "evil.example/" not in other.body
        assert [url for url in re.findall(r"https?://\S+", other.body) if "evil" not in url] == re.findall(
            r"https?://\S+", one.body
        )


def test_a_page_has_the_same_tags_and_links_and_json_stays_json(pair):
    plain, hostile = pair
    assert hostile["pages"].keys() == plain["pages"].keys()
    for path, (status, kind, text) in hostile["pages"].items():
        before = plain["pages"][path]
        assert (status, kind) == before[:2], path
        if kind.startswith("application/json"):
            assert shape(json.loads(text)) == shape(json.loads(before[2]))
        else:
            assert structure(text) == structure(before[2]), path
            assert not BAD.search(unescape(re.sub(r"<[^>]*>", "", text)).replace("\n", "").replace("\r", "")), path


def read_out(text):
    return unnamed(re.sub(r"Kq\d+z.*|content hash: .*|[0-9]+ GSM-7", "", text))


def shape(value):
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


def test_the_report_has_the_same_tags(pair):
    plain, hostile = pair
    # How many rules a record shows may differ by a line; no tag, attribute or link may be another one.
    assert {str(one) for one in structure(hostile["report"])} == {str(one) for one in structure(plain["report"])}


def test_nothing_of_it_is_logged_told_queued_or_waited_with(pair):
    _, hostile = pair
    for name, store in hostile["beside"].items():
        assert marks(json.dumps(store, default=str)) == set(), name
        assert "alert(1)" not in json.dumps(store, default=str), name


def test_the_command_says_the_same_of_every_message(pair, capsys):
    """`aftercare why`: not a line more, and no sign that a terminal would act on."""
    said = []
    for out in pair:
        told = []
        for customer in out["customers"]:
            assert main(["why", customer, "*", "--state", out["state"]]) == 0
            told.append(capsys.readouterr().out)
        said.append(told)
    plain, hostile = said
    for one, other in zip(plain, hostile, strict=True):
        assert other.count("\n") == one.count("\n")
        assert not BAD.search(other.replace("\n", ""))
        assert read_out(other) == read_out(one)
