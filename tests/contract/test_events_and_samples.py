"""The lists of events agree: the catalogue, the topics and detail-types that are read, and one sample of each."""

import json
import re

import pytest

from aftercare.events import CATALOGUE, told
from aftercare.settings import ENVIRONMENT
from engagement.provider import EVENT_TYPES
from simulator.commands.main import main
from simulator.commands.world import PARAMETERS, SENDERS
from simulator.event_patterns import compile_pattern
from simulator.template import load
from store_intake import canonical, intake, shopify, web
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


OUTSIDE = {"store", "shopify-partner", *web.SENDERS}
"""Folders of what senders bring: nothing comes before them."""


def functions_of(path):
    """The functions that take a sample: its folder's own, the intake, or those whose rule lets it through."""
    folder, template = path.parent.name, load(EVENTS.parent / "template.yaml", PARAMETERS)
    if folder in {function.package for function in template.functions.values()}:
        return [folder]
    if folder in OUTSIDE:
        return ["store_intake"]
    if folder == "aws.ses":
        return ["engagement"]
    event = json.loads(path.read_text())
    queues = {
        target.arn for rule in template.rules if rule.pattern and compile_pattern(rule.pattern)(event) for target in rule.targets
    }
    named = {function.arn: function.package for function in template.functions.values()}
    return [named[mapping.function_arn] for mapping in template.mappings if mapping.source_arn in queues]


SAMPLES = [path for path in ALL if path.parent != EVENTS]
RUNS = [(function, path) for path in SAMPLES for function in functions_of(path)]
UNHEARD = [path for path in SAMPLES if not functions_of(path)]


@pytest.fixture
def invoke(tmp_path, monkeypatch, capsys):
    """Run `aftercare invoke` in a fresh folder: (exit code, answer, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(function, path):
        code = main(["invoke", function, str(path), "--backend", "memory"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run


@pytest.mark.parametrize(("function", "path"), RUNS, ids=[f"{function}-{path.stem}" for function, path in RUNS])
def test_every_sample_runs_as_it_is_and_finds_what_it_is_about(invoke, function, path):
    code, answer, err = invoke(function, path)
    assert (code, err) == (0, "")
    assert answer.get("batchItemFailures", []) == []
    assert answer.get("statusCode", 200) == 200
    assert answer.get("status") not in {"duplicate", "refused"}
    assert "unknown" not in answer.get("outcome", "")
    assert "no such" not in answer.get("outcome", "")


@pytest.mark.parametrize("path", UNHEARD, ids=lambda path: path.stem)
def test_an_event_that_no_function_listens_to_is_refused_in_one_line(invoke, path):
    code, _, err = invoke("order_confirmation", path)
    assert code == 2
    assert "no one here listens to" in err


def test_every_function_has_a_sample_and_every_folder_says_what_came_before():
    functions = {function.package for function in load(EVENTS.parent / "template.yaml", PARAMETERS).functions.values()}
    assert {function for function, _ in RUNS} == functions
    folders = {name for name in sample("given") if "/" not in name}
    assert folders == {path.parent.name for path in SAMPLES} - OUTSIDE
    assert set(sample("given")) - folders == {f"store/{name}.json" for name in intake.DONE_IN_STORE}, (
        "nothing is kept without leave"
    )


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
    assert SENDERS == web.SENDERS, "the local cloud sets up every sender"
    for sender in web.SENDERS:
        assert names(sender), sender
        assert f"`POST /webhooks/{sender}` | `/aftercare/{sender}-secrets`" in page
        assert f"Default: /aftercare/{sender}-secrets" in template
        assert f'Path: "/webhooks/{sender}"' in template
        assert ENVIRONMENT[f"{sender}_secrets_parameter"] in template
