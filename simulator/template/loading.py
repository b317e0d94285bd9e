"""The SAM template translated to CloudFormation and read, once for each text, its parameters and its state machines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from simulator.template.reading import Place, Reader
from simulator.template.resources import ACCOUNT, REGION, Template


def load(
    path: Path,
    parameters: Mapping[str, str] | None = None,
    *,
    stack: str = "aftercare",
    region: str = REGION,
    account: str = ACCOUNT,
) -> Template:
    """Read, translate and resolve a SAM template. TemplateError naming what cannot be run.

    `parameters` override the template's defaults; one without either is an error.
    """
    given = tuple(sorted((name, str(value)) for name, value in (parameters or {}).items()))
    translated, machines = _translate(path.read_text(), given)
    files = {name: path.parent / name for name in machines}
    definitions = tuple((name, file.read_text()) for name, file in files.items() if file.is_file())
    return _read(path.parent, translated, given, Place(stack, region, account), definitions)


@lru_cache(maxsize=32)
def _read(
    root: Path, translated: str, given: tuple[tuple[str, str], ...], place: Place, definitions: tuple[tuple[str, str], ...]
) -> Template:
    """`definitions` are the texts of the state machines' files: who changes one gets another template."""
    return Reader(root, json.loads(translated), dict(given), place, dict(definitions)).read()


@lru_cache(maxsize=32)
def _translate(source: str, parameters: tuple[tuple[str, str], ...]) -> tuple[str, tuple[str, ...]]:
    """The translated template as JSON text, and the files of its state machines; once for each text and set of parameters,
    because it takes 0.2 s."""
    # Imported late, it takes half a second; none of it is typed.
    from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics  # type: ignore[import-untyped]
    from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
    from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
    from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

    document = yaml_parse(source)
    layers: dict[str, str] = {}
    code: dict[str, str] = {}
    machines: list[str] = []
    default_code = ((document.get("Globals") or {}).get("Function") or {}).get("CodeUri")
    if default_code is not None:
        document["Globals"]["Function"]["CodeUri"] = "s3://local/code"
    for logical_id, resource in document.get("Resources", {}).items():
        kind, properties = resource.get("Type"), resource.get("Properties") or {}
        if kind == "AWS::Serverless::Function":
            code[logical_id] = str(properties.get("CodeUri", default_code or "."))
            if "CodeUri" in properties or default_code is None:
                properties["CodeUri"] = "s3://local/code"
        elif kind == "AWS::Serverless::LayerVersion":
            layers[logical_id] = str(properties.get("ContentUri", "."))
            properties["ContentUri"] = "s3://local/code"
            # SAM hashes a layer's properties into its logical id; the id in the source is what functions refer to.
        elif kind == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
            machines.append(str(properties.pop("DefinitionUri")))
            properties["Definition"] = {"DefinitionUri": machines[-1]}
        resource["Properties"] = properties
    metrics = Metrics("local", DummyMetricsPublisher())
    with _region_set():
        translated = Translator(None, Parser(), metrics=metrics).translate(
            document, parameter_values=dict(parameters), get_managed_policy_map=dict
        )
    metrics.publish()
    return json.dumps({"template": translated, "code": code, "layers": layers}, default=str), tuple(machines)


@contextmanager
def _region_set() -> Iterator[None]:
    """The translator asks boto3 for a region when it builds ARNs."""
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = before or REGION
    try:
        yield
    finally:
        if before is None:
            del os.environ["AWS_DEFAULT_REGION"]
