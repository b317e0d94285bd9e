"""The data that the build makes for the layer and the functions (run by both Makefiles, on any Python 3.11 or newer).

build_data.py content FOLDER   every content file under it as JSON, under its own name (JSON is YAML too): reading it takes no
                               YAML library, so the layer has none
build_data.py models FOLDER    the parts of the SDK's service models that the engine's calls use; AWS_DATA_PATH points there

What it reads with, PyYAML and botocore, is installed for the time of the build, as requirements/dev.txt locks it.
"""

from __future__ import annotations

import gzip
import json
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOCK = HERE.parents[1] / "requirements" / "dev.txt"
READER = HERE / "aftercare" / "content" / "plain.py"

OPERATIONS: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset(("BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")),
    "events": frozenset(("PutEvents",)),
    "pinpoint-sms-voice-v2": frozenset(("SendTextMessage",)),
    "scheduler": frozenset(("CreateSchedule", "UpdateSchedule")),
    "secretsmanager": frozenset(("GetSecretValue",)),
    "sesv2": frozenset(("GetAccount", "SendEmail")),
    "sns": frozenset(("Publish",)),
    "socialmessaging": frozenset(("SendWhatsAppMessage",)),
    "sqs": frozenset(("SendMessage",)),
    "ssm": frozenset(("GetParameter",)),
    "stepfunctions": frozenset(("StartExecution",)),
}
"""Every operation that the adapters call, themselves or through Powertools."""


def installed(distribution: str, target: Path) -> None:
    """Install one locked distribution, its hash checked, without what it depends on."""
    locked = re.search(rf"^{distribution}==.*(?:\n +--hash=.*)+", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if locked is None:
        raise SystemExit(f"{LOCK.name}: expected {distribution}")
    target.mkdir(parents=True, exist_ok=True)
    wanted = target / "locked.txt"
    wanted.write_text(locked[0] + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", "--no-compile"]
    exact = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--target", str(target), "-r", str(wanted)]
    subprocess.run([*pip, *exact], check=True)  # noqa: S603 - this interpreter's pip


# ---------------------------------------------------------------- content


def content_files(folder: Path) -> list[Path]:
    """What a store edits; a state machine's definition goes to CloudFormation, and is read by nothing in the bundle."""
    return sorted(path for path in folder.rglob("*.yaml") if not path.name.endswith(".asl.yaml"))


def write_content(folder: Path) -> None:
    """Rewrite the content files of a built artefact as JSON. SystemExit naming the file that cannot be."""
    data = runpy.run_path(str(READER))["data"]
    for path in content_files(folder):
        try:
            text = json.dumps(data(path.read_text(encoding="utf-8")), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise SystemExit(f"{path.name}: {error}") from error
        path.write_text(text, encoding="utf-8")


# ---------------------------------------------------------------- models


def write_models(sdk: Path, target: Path) -> None:
    """Write the pruned models from `sdk` (botocore's package).

    A client parses its whole model and makes a method for each operation (DynamoDB: 0.7 MB, 57 operations), and every
    process 1.2 MB of endpoints of all services. What is not written here, rule sets of endpoints above all, the SDK goes on
    reading from its own data; a newer API version there goes before ours.
    """
    data, prefixes = sdk / "data", set()
    for service, operations in OPERATIONS.items():
        folder = max(path for path in (data / service).iterdir() if (path / "service-2.json.gz").exists())
        with gzip.open(folder / "service-2.json.gz", "rt", encoding="utf-8") as file:
            model = pruned(json.load(file), operations)
        prefixes.add(model["metadata"]["endpointPrefix"])
        _write(target / service / folder.name / "service-2.json", model)
    endpoints = json.loads((data / "endpoints.json").read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        partition["services"] = {name: places for name, places in partition["services"].items() if name in prefixes}
    _write(target / "endpoints.json", endpoints)


def pruned(model: Mapping[str, Any], operations: frozenset[str]) -> dict[str, Any]:
    """The model with these operations, the one that finds their endpoints, and the shapes that they reach."""
    missing = operations - model["operations"].keys()
    if missing:
        raise SystemExit(f"{model['metadata']['serviceId']}: expected the operation {min(missing)}")
    kept = {name: each for name, each in model["operations"].items() if name in operations or each.get("endpointoperation")}
    shapes: dict[str, Any] = {}
    waiting = list(_shapes_of(kept))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting += _shapes_of(shapes[name])
    return {**model, "documentation": "", "operations": _without_words(kept), "shapes": _without_words(shapes)}


def _shapes_of(part: Any) -> Iterator[str]:
    """The names of the shapes that a part of a model refers to."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _shapes_of(value)
    elif isinstance(part, list):
        for value in part:
            yield from _shapes_of(value)


def _without_words(part: Any) -> Any:
    """Without documentation, which is a text; a member of that name is a mapping, and stays."""
    if isinstance(part, dict):
        return {k: _without_words(v) for k, v in part.items() if not (k == "documentation" and isinstance(v, str))}
    return [_without_words(value) for value in part] if isinstance(part, list) else part


def _write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, separators=(",", ":")), encoding="utf-8")


def main(what: str, folder: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        tools = Path(temporary)
        if what == "content":
            if content_files(Path(folder)):
                installed("pyyaml", tools)
                sys.path.insert(0, str(tools))
                write_content(Path(folder))
        elif what == "models":
            installed("botocore", tools)
            write_models(tools / "botocore", Path(folder))
            for part in ("LICENSE.txt", "NOTICE"):
                for path in tools.glob(f"botocore-*.dist-info/**/{part}"):
                    shutil.copyfile(path, Path(folder) / part)
        else:
            raise SystemExit(f"expected content or models, found {what}")


if __name__ == "__main__":
    main(*sys.argv[1:])
