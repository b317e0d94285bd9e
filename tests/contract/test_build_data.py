"""What the build makes for the bundle against what it is made from: the SDK's models, and the content."""

import ast
import inspect
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

import build_data
from aftercare import aws, aws_channels
from aftercare.content import plain

ROOT = Path(__file__).parents[2]
SDK = Path(botocore.__file__).parent
BY_POWERTOOLS = {"get_secret": ("secretsmanager", "GetSecretValue"), "get_parameter": ("ssm", "GetParameter")}
OF_THE_CLIENT = ("close", "exceptions", "meta")
"""What a client has that is no operation of its service."""

CALLED = [(service, name) for service, names in build_data.OPERATIONS.items() for name in sorted(names)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    build_data.write_models(SDK, place)
    return place


@pytest.fixture(scope="module")
def sessions(models):
    """One with the built models, one with the SDK's own."""
    made = []
    with pytest.MonkeyPatch.context() as patch:
        for path in (models, models / "not-there"):
            patch.setenv("AWS_DATA_PATH", str(path))
            made.append(botocore.session.Session())
            made[-1].get_component("data_loader")
    return made


def model(loader: Loader, service: str) -> ServiceModel:
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


@pytest.fixture(autouse=True)
def local(monkeypatch):
    for name, value in (("DEFAULT_REGION", "eu-central-1"), ("ACCESS_KEY_ID", "local"), ("SECRET_ACCESS_KEY", "local")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)


def calls_of_the_ports() -> set[tuple[str, str]]:
    """(service, method) of every call of the adapters: their clients by what AwsOutside gives them, and Powertools."""
    trees = [ast.parse(inspect.getsource(module)) for module in (aws, aws_channels)]
    classes = {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
    given = {}
    for call in (node for node in ast.walk(classes["AwsOutside"]) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in classes and call.args:
            made = call.args[0]
            if isinstance(made, ast.Call) and ast.unparse(made.func) == "self._client":
                given[call.func.id] = ast.literal_eval(made.args[0])
    found = set()
    for name, service in given.items():
        for node in ast.walk(classes[name]):
            # A call of the client, of the client that a line gives, or one that is handed on to be made.
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self._client", "client"):
                found |= {(service, node.attr)} if node.attr not in OF_THE_CLIENT else set()
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
                assert ast.unparse(node.args[1]) == "f'{kind.lower()}_item'"
                found |= {(service, f"{kind}_item") for kind in ("put", "update", "delete")}
    for node in ast.walk(classes["AwsSecrets"]):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("parameters.get_"):
            service, operation = BY_POWERTOOLS[node.func.attr]
            found.add((service, botocore.xform_name(operation)))
    return found


def test_every_call_of_the_ports_is_in_the_models_and_no_other():
    assert {(service, botocore.xform_name(operation)) for service, operation in CALLED} == calls_of_the_ports()


def described(shape: Shape | None, seen: tuple[str, ...] = ()) -> object:
    """All that a shape says, as deep as it goes; a shape within itself once."""
    if shape is None or shape.name in seen:
        return shape and shape.name
    inner = (*seen, shape.name)
    parts: dict[str, object] = {}
    if shape.type_name == "structure":
        parts = {name: described(member, inner) for name, member in shape.members.items()}
    elif shape.type_name == "list":
        parts = {"each": described(shape.member, inner)}
    elif shape.type_name == "map":
        parts = {"key": described(shape.key, inner), "value": described(shape.value, inner)}
    return (shape.name, shape.type_name, dict(shape.serialization), dict(shape.metadata), parts)


def told(operation: OperationModel) -> tuple[object, ...]:
    errors = [(error.name, described(error)) for error in operation.error_shapes]
    return (operation.http, described(operation.input_shape), described(operation.output_shape), errors)


@pytest.mark.parametrize(("service", "name"), CALLED)
def test_an_operation_is_as_the_sdk_has_it(models, service, name):
    whole, ours = model(Loader(), service), model(Loader([str(models)]), service)
    assert told(ours.operation_model(name)) == told(whole.operation_model(name))
    assert ours.metadata == whole.metadata
    assert len(ours.operation_names) < len(whole.operation_names)


NEEDED = {"dynamodb": {"RequestItems": {}}, "scheduler": {"Name": "x"}, "sqs": {"QueueUrl": "https://sqs.example.com/1/x"}}
"""What the address is made of."""


ANSWERS = {"sns": b"<PublishResponse><PublishResult/></PublishResponse>"}
"""Where it is not JSON."""


def answer(service: str) -> AWSResponse:
    body = ANSWERS.get(service, b"{}")
    return AWSResponse("https://example.com", 200, {}, SimpleNamespace(stream=lambda *_, **__: iter([body])))


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1", "eu-newest-9"])
@pytest.mark.parametrize("service", build_data.OPERATIONS)
def test_a_region_has_the_same_endpoint_and_signature(sessions, service, region):
    found, methods = [], []
    for made in sessions:
        client = made.create_client(service, region, config=aws.CALL)
        methods.append(len(client.meta.method_to_api_mapping))
        seen: list[Any] = []
        client.meta.events.register("before-send", lambda request, seen=seen, **_: seen.append(request) or answer(service))
        getattr(client, botocore.xform_name(min(build_data.OPERATIONS[service])))(**NEEDED.get(service, {}))
        scope = seen[0].headers["Authorization"].decode().split("Credential=")[1].split(",")[0].split("/")[2:]
        found.append((seen[0].url.split("?")[0], client.meta.partition, scope))
    assert found[0] == found[1]
    assert methods[0] < methods[1]


def test_the_engines_own_loader_reads_the_built_models_first(models, monkeypatch):
    monkeypatch.setenv("AWS_DATA_PATH", str(models))
    assert set(aws.client("events").meta.method_to_api_mapping.values()) == {"PutEvents"}
    assert "describe_stacks" in dir(aws.client("cloudformation"))  # an operator's command: from the SDK's own data


def test_without_built_models_the_engine_has_the_sdks(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path / "not-there"))
    assert len(aws.client("events").meta.method_to_api_mapping) > 50


@pytest.mark.parametrize("folder", ["functions", "layers/shared/aftercare"])
def test_built_content_says_what_the_files_say(folder, tmp_path):
    shutil.copytree(ROOT / folder, tmp_path / "built")
    files = build_data.content_files(tmp_path / "built")
    assert files
    before = {path: plain.data(path.read_text(encoding="utf-8")) for path in files}
    build_data.write_content(tmp_path / "built")
    assert {path: json.loads(path.read_text(encoding="utf-8")) for path in files} == before


def test_what_json_cannot_say_stops_the_build_and_names_the_file(tmp_path):
    (tmp_path / "holidays.yaml").write_text("set: !!set {a, b}\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"holidays\.yaml: "):
        build_data.write_content(tmp_path)


def test_a_day_and_a_yes_are_texts_and_only_true_is_true():
    assert plain.data("{day: 2026-12-24, country: NO, answer: yes, sure: true}") == {
        "day": "2026-12-24",
        "country": "NO",
        "answer": "yes",
        "sure": True,
    }


def test_an_operation_that_the_sdk_does_not_have_stops_the_build():
    with pytest.raises(SystemExit, match="PutNothing"):
        build_data.pruned({"metadata": {"serviceId": "Events"}, "operations": {}, "shapes": {}}, frozenset(("PutNothing",)))
